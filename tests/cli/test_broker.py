# SPDX-License-Identifier: MIT
"""dohle broker: a process of its own, how it begins, how it ends, what is left then."""
import json
import os
import pathlib
import random
import resource
import select
import signal
import socket
import struct
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DOHLE_BUILD", ROOT / "build" / "release")).resolve()
PATIENCE_S = 30


def dohle(*args, stdin=b"", check=0):
    done = subprocess.run([BUILD / "dohle", *map(str, args)], input=stdin, capture_output=True, timeout=60, check=False)
    assert check is None or done.returncode == check, done.stderr.decode()
    return done


class Broker:
    """A broker process; its lines of name=value are in `says`."""

    def __init__(self, *args, **kwargs):
        self.process = subprocess.Popen([BUILD / "dohle", "broker", *map(str, args)], stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, bufsize=0, **kwargs)
        wanted = "control=" if "--control" in args else "recovery=" if "--dir" in args else "durability="
        self.lines = []
        while not self.lines or not self.lines[-1].startswith(wanted):
            ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE_S)
            line = self.process.stdout.readline().decode() if ready else ""
            assert line, self.process.communicate(timeout=PATIENCE_S)
            self.lines.append(line.rstrip("\n"))
        self.says = dict(line.split("=", 1) for line in self.lines)
        self.bootstrap = self.says["bootstrap"]

    def end(self, number=signal.SIGTERM):
        """Sends the signal and returns (exit code, stderr)."""
        self.process.send_signal(number)
        _, told = self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode, told.decode()

    def control(self, *words, check=0):
        return dohle("broker", "control", self.says["control"], *words, check=check).stdout.decode()


@pytest.fixture
def brokers():
    """Starts brokers that are gone after the test."""
    started = []

    def start(*args, **kwargs):
        started.append(Broker(*args, **kwargs))
        return started[-1]

    yield start
    for broker in started:
        if broker.process.poll() is None:
            broker.process.kill()
        broker.process.wait(PATIENCE_S)


def numbers(count, start=0):
    return b"".join(b"%d\n" % i for i in range(start, start + count))


def consumed(bootstrap, topic, *args):
    return sorted(int(line) for line in dohle("consume", "-b", bootstrap, topic, "-e", *args).stdout.splitlines())


def test_serves_produces_consumes_and_ends(brokers):
    broker = brokers("--topic", "orders:3")
    assert broker.lines[0].startswith("bootstrap=127.0.0.1:")
    assert broker.says["durability"] == "memory"
    dohle("produce", "-b", broker.bootstrap, "orders", stdin=numbers(1000))
    assert consumed(broker.bootstrap, "orders") == list(range(1000))
    assert consumed(broker.bootstrap, "orders", "-g", "g", "-o", "start") == list(range(1000))
    assert broker.end() == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_clients_inside(brokers, number):
    broker = brokers("--topic", "orders:1")
    client = subprocess.Popen([BUILD / "dohle", "consume", "-b", broker.bootstrap, "orders", "-g", "g"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        time.sleep(0.3)
        begin = time.monotonic()
        assert broker.end(number) == (0, "")
        assert time.monotonic() - begin < 5
    finally:
        client.kill()
        client.wait()


def test_it_ends_with_its_standard_input(brokers):
    broker = brokers("--exit-on-stdin-eof", stdin=subprocess.PIPE)
    broker.process.stdin.write(b"not the end\n")
    broker.process.stdin.flush()
    with pytest.raises(subprocess.TimeoutExpired):
        broker.process.wait(0.3)
    broker.process.stdin.close()
    assert broker.process.wait(PATIENCE_S) == 0


def test_three_nodes_in_racks_at_known_ports(brokers):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if port > 65000:
        port -= 1000
    broker = brokers("--nodes", 3, "--racks", "a,b,c", "--port", port, "--topic", "orders:6", "-X", "num.partitions=2")
    assert broker.bootstrap == ",".join(f"127.0.0.1:{port + i}" for i in range(3))
    told = json.loads(dohle("topic", "describe", "-b", broker.bootstrap, "orders", "-J").stdout)
    assert len(told["items"][0]["partitions"]) == 6
    dohle("produce", "-b", broker.bootstrap, "auto", stdin=b"made by its first record\n")
    assert dohle("consume", "-b", broker.bootstrap, "auto", "-e").stdout == b"made by its first record\n"


@pytest.mark.parametrize("flags", [[], ["--sync"]])
def test_a_killed_broker_keeps_records_and_groups(brokers, tmp_path, flags):
    data = tmp_path / "data"
    broker = brokers("--dir", data, "--topic", "orders:3", *flags)
    assert broker.says["durability"] == ("synced" if flags else "directory")
    dohle("produce", "-b", broker.bootstrap, "orders", stdin=numbers(500))
    assert len(consumed(broker.bootstrap, "orders", "-g", "g", "-o", "start")) == 500
    broker.end(signal.SIGKILL)

    broker = brokers("--dir", data, "--topic", "orders:3", *flags)
    assert "not cleanly stopped" in broker.says["recovery"]
    assert consumed(broker.bootstrap, "orders") == list(range(500))
    dohle("produce", "-b", broker.bootstrap, "orders", stdin=numbers(10, 500))
    # The group goes on where it was.
    assert consumed(broker.bootstrap, "orders", "-g", "g", "-o", "start") == list(range(500, 510))
    assert broker.end() == (0, "")

    broker = brokers("--dir", data, *flags)
    assert "cleanly stopped before" in broker.says["recovery"]
    assert consumed(broker.bootstrap, "orders") == list(range(510))


def test_a_directory_in_use_names_its_holder(brokers, tmp_path):
    broker = brokers("--dir", tmp_path)
    done = dohle("broker", "--dir", tmp_path, check=1)
    assert f"process {broker.process.pid}" in done.stderr.decode()
    assert done.stdout == b""
    broker.end(signal.SIGKILL)
    brokers("--dir", tmp_path)


def test_embedded_brokers_of_the_command(tmp_path):
    where = f"embedded:{tmp_path / 'data'}"
    dohle("produce", "-b", where, "orders", stdin=numbers(100))
    assert consumed(where, "orders") == list(range(100))
    assert [int(line) for line in dohle("consume", "-b", where, "orders", "-g", "g", "-e", "-o", "start").stdout.split()] \
        == list(range(100))
    assert b"g" in dohle("group", "list", "-b", where).stdout
    # Nothing is kept without a directory.
    dohle("produce", "-b", "embedded:", "orders", stdin=numbers(100))
    assert dohle("topic", "list", "-b", "embedded:").stdout.decode().count("orders") == 0


def test_an_embedded_directory_in_use(brokers, tmp_path):
    broker = brokers("--dir", tmp_path)
    done = dohle("topic", "list", "-b", f"embedded:{tmp_path}", check=2)
    assert f"process {broker.process.pid}" in done.stderr.decode()


def test_commands_over_the_control_port(brokers):
    broker = brokers("--nodes", 2, "--control", "127.0.0.1:0", "--clock", "manual")
    broker.control("topic", "create", "orders", "partitions=2")
    assert "orders" in broker.control("topic", "list")
    broker.control("put", "orders", "0", "key=a b", 'value=say "yes" \\ no')
    assert dohle("consume", "-b", broker.bootstrap, "orders", "-e", "-f", "%k:%v").stdout == b'a b:say "yes" \\ no'
    broker.control("wait topic=orders partition=0 end>=1")
    done = dohle("broker", "control", broker.says["control"], "dance", check=1)
    assert b"INVALID_ARGUMENT" in done.stderr and b"dance" in done.stderr
    done = dohle("broker", "control", broker.says["control"], "wait", "topic=none", "timeout=50", check=1)
    assert b"TIMEOUT" in done.stderr
    broker.control("restart", "crash")
    assert dohle("consume", "-b", broker.bootstrap, "orders", "-e", "-f", "%k").stdout == b"a b"


@pytest.mark.parametrize("args, says", [
    (["--nodes", "0"], "--nodes wants 1 to 16"),
    (["--nodes", "17"], "--nodes wants 1 to 16"),
    (["--port", "http"], "--port wants"),
    (["--port", "1,2", "--nodes", "3"], "--port wants"),
    (["--port", "65535", "--nodes", "2"], "--port wants"),
    (["--racks", "a", "--nodes", "2"], "--racks wants one for each node"),
    (["--clock", "fast"], "--clock wants manual"),
    (["--topic", "orders:none"], "NAME:PARTITIONS"),
    (["data"], "'data' makes no sense here"),
    (["control"], "control wants HOST:PORT"),
    (["control", "9092", "help"], "control wants HOST:PORT"),
])
def test_nonsense_is_usage(args, says):
    done = dohle("broker", *args, check=2)
    assert says in done.stderr.decode()
    assert done.stdout == b""


@pytest.mark.parametrize("args, says", [
    (["-X", "num.partition=3"], "num.partition"),
    (["--host", "here"], "in figures"),
    (["--host", "0.0.0.0"], "advertised host"),
    (["--sync"], "without a directory"),
    (["--dir", "/dev/null/x"], "/dev/null/x: Not a directory"),
    (["control", "127.0.0.1:1", "help"], "127.0.0.1:1: Connection refused"),
])
def test_what_cannot_be_is_told(args, says):
    done = dohle("broker", *args, check=1)
    assert says in done.stderr.decode()
    assert done.stdout == b""


def test_a_full_disk_fails_the_produce_alone(brokers, tmp_path):
    """What is acknowledged stays, reads and groups go on; here a limit on the size of each file is the full disk."""
    room = 1 << 20
    broker = brokers("--dir", tmp_path, "--topic", "big:1", "--topic", "small:1",
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    line = b"x" * 999 + b"\n"
    dohle("produce", "-b", broker.bootstrap, "big", stdin=line * 500)
    done = dohle("produce", "-b", broker.bootstrap, "big", "-X", "delivery.timeout.ms=3000", "-X",
                 "request.timeout.ms=1000", stdin=line * 2000, check=1)
    assert done.stderr
    kept = len(dohle("consume", "-b", broker.bootstrap, "big", "-e").stdout.splitlines())
    assert 500 <= kept < 2500
    dohle("produce", "-b", broker.bootstrap, "small", stdin=numbers(10))
    assert consumed(broker.bootstrap, "small", "-g", "g", "-o", "start") == list(range(10))
    assert broker.end()[0] == 0
    broker = brokers("--dir", tmp_path)
    assert len(dohle("consume", "-b", broker.bootstrap, "big", "-e").stdout.splitlines()) == kept
    dohle("produce", "-b", broker.bootstrap, "big", stdin=line * 2000)


def frame(body):
    return struct.pack(">i", len(body)) + body


def is_closed(client):
    """True when the other end closes or resets within a moment."""
    client.settimeout(PATIENCE_S)
    try:
        while client.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


def private_kib(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")))


def test_nonsense_from_clients_costs_nobody_else(brokers):
    broker = brokers("--topic", "orders:3")
    dohle("produce", "-b", broker.bootstrap, "orders", stdin=numbers(100))
    host, port = broker.bootstrap.split(":")
    before = private_kib(broker.process)

    def connect():
        return socket.create_connection((host, int(port)))

    # Sizes that nobody means, and requests that make no sense: closed.
    header = struct.pack(">hhih", 18, 0, 7, -1)
    for bytes_sent in [struct.pack(">i", -1), struct.pack(">i", 0), struct.pack(">i", 0x7FFFFFFF) + b"x" * 1000,
                       b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 512,
                       frame(b""), frame(b"\x00\x12\x00"), frame(struct.pack(">hhih", 999, 0, 7, -1)),
                       frame(struct.pack(">hhih", 1, 4, 7, -1) + b"\xff" * 40), frame(header[:-2] + b"\x7f\xff")]:
        with connect() as client:
            client.sendall(bytes_sent)
            assert is_closed(client), bytes_sent[:40]
    # Noise behind a size that fits; what it says may be a request, so that nothing is sure but that we go on.
    noise = random.Random(17)
    for _ in range(300):
        with connect() as client:
            key = noise.choice([0, 1, 2, 3, 8, 9, 10, 11, 12, 13, 14, 18, 19, 20, 22, 32, 60])
            body = struct.pack(">hhih", key, noise.randrange(0, 14), 7, -1) + noise.randbytes(noise.randrange(0, 300))
            client.sendall(frame(body))
    # Large sizes of which little comes, from many at once, are not paid for in advance.
    waiting = [connect() for _ in range(200)]
    for client in waiting:
        client.sendall(struct.pack(">i", 100 << 20) + b"\x00\x00\x00\x09")
    assert consumed(broker.bootstrap, "orders") == list(range(100))
    if "asan" not in BUILD.name:  # whose own memory is no measure
        assert private_kib(broker.process) - before < 16 << 10
    for client in waiting:
        client.close()
    assert consumed(broker.bootstrap, "orders", "-g", "g", "-o", "start") == list(range(100))
    assert broker.end()[0] == 0
