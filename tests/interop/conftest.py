# SPDX-License-Identifier: MIT
"""The clusters of the interop tests, and the programs that are held against them.

Each test that wants a `cluster` runs twice: on Apache Kafka, and on our own broker with the same foreign clients and
tools. DOHLE_BUILD names the build folder whose `dohle` and examples are tested (default build/release). Clusters are
on free ports of 127.0.0.1 and are stopped at the end.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import uuid

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DOHLE_BUILD", ROOT / "build" / "release")).resolve()
KAFKA = ROOT / "tools" / "kafka" / "kafka"
JAVA = ROOT / "tests" / "interop" / "java"


def eventually(condition, seconds=30, what="the condition"):
    """Waits for something outside our own process: what a condition variable cannot reach."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not hold within {seconds} s")
        time.sleep(0.05)


class Cluster:
    """A cluster in a folder of its own, and Java's tools against it."""

    def __init__(self, folder, bootstrap):
        self.folder = folder
        self.bootstrap = bootstrap

    def topic(self, partitions=1, name=None, rf=1, **settings):
        name = name or f"t-{uuid.uuid4().hex[:10]}"
        self.create(name, partitions, rf, [f"{key.replace('_', '.')}={value}" for key, value in settings.items()])
        return name

    def fill(self, topic, count, size, *settings):
        """Java's producer writes count records of so many bytes."""
        self.tool("producer-perf", "--topic", topic, "--num-records", count, "--record-size", size, "--throughput", -1,
                  "--command-property", "acks=all", "linger.ms=10", "batch.size=131072", *settings)

    def tool(self, name, *args, check=True, timeout=60, **kwargs):
        return subprocess.run(
            [KAFKA, "tool", name, "--bootstrap-server", self.bootstrap, *map(str, args)],
            check=check, stdout=subprocess.PIPE, text=True, timeout=timeout, **kwargs).stdout

    def java(self, program, *args, **kwargs):
        """Runs tests/interop/java/PROGRAM.java with the bootstrap address as its first argument."""
        return subprocess.run(
            [KAFKA, "java", JAVA / f"{program}.java", self.bootstrap, *map(str, args)],
            check=True, stdout=subprocess.PIPE, text=True, timeout=120, **kwargs).stdout

    def java_process(self, program, *args, **kwargs):
        return subprocess.Popen(
            [KAFKA, "java", JAVA / f"{program}.java", self.bootstrap, *map(str, args)],
            stdout=subprocess.PIPE, text=True, **kwargs)


class ApacheKafka(Cluster):
    """Apache Kafka, one node or several."""

    def __init__(self, folder, nodes=1):
        out = subprocess.run([KAFKA, "up", folder, "--brokers", str(nodes)], check=True, stdout=subprocess.PIPE,
                             text=True).stdout
        super().__init__(folder, next(line[10:] for line in out.splitlines() if line.startswith("bootstrap=")))

    def down(self):
        subprocess.run([KAFKA, "down", self.folder], check=False, stdout=subprocess.DEVNULL)

    def command(self, verb, *args):
        subprocess.run([KAFKA, verb, self.folder, *map(str, args)], check=True, stdout=subprocess.DEVNULL)

    def create(self, name, partitions, rf, settings):
        extra = [part for setting in settings for part in ("--set", setting)]
        self.command("topic", name, "--partitions", partitions, "--rf", rf, *extra)

    def node(self, verb, number):
        """kill, start, ...: the nodes are 1, 2, ..."""
        self.command(verb, number)


class DohleBroker(Cluster):
    """Our own broker, on files in the folder. Topics do not appear by themselves, as on the other one."""

    def __init__(self, folder, nodes=1):
        folder.mkdir(parents=True)
        self.log = open(folder / "stderr", "wb")
        super().__init__(folder, None)
        self.start(nodes)

    def start(self, nodes=1):
        self.process = subprocess.Popen(
            [BUILD / "dohle", "broker", "--dir", self.data(), "--nodes", str(nodes), "--control", "127.0.0.1:0",
             "--exit-on-stdin-eof", "--set", "auto.create.topics.enable=false"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.says = {}
        while "control" not in self.says:
            name, value = self.process.stdout.readline().rstrip("\n").split("=", 1)
            self.says[name] = value
        self.bootstrap = self.says["bootstrap"]
        BROKERS.add(self)

    def last_words(self):
        """The last requests, and what went to stderr. The folder is pytest's, which keeps it."""
        try:
            journal = self.control("journal", 50)
        except (subprocess.SubprocessError, OSError) as error:
            journal = f"no journal: {error}\n"
        return f"files: {self.data()}\n{journal}{(self.folder / 'stderr').read_text()}"

    def restart(self, number=signal.SIGKILL):
        self.process.send_signal(number)
        self.process.communicate(timeout=30)
        self.start()

    def data(self):
        return self.folder / "data"

    def down(self):
        BROKERS.discard(self)
        self.process.terminate()
        self.process.communicate(timeout=30)
        self.log.close()

    def control(self, *words):
        return subprocess.run([BUILD / "dohle", "broker", "control", self.says["control"], *map(str, words)],
                              check=True, stdout=subprocess.PIPE, text=True, timeout=60).stdout

    def create(self, name, partitions, rf, settings):
        self.control("topic", "create", name, f"partitions={partitions}", f"replication={rf}", *settings)

    def node(self, verb, number):
        self.control("node", verb, number)


# Of the test that is running: what they say is shown when it fails.
BROKERS = set()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failing test shows the last requests of our brokers, and where their files are."""
    report = (yield).get_result()
    if report.when == "call" and report.failed:
        for broker in BROKERS:
            report.sections.append((f"dohle broker {broker.bootstrap}", broker.last_words()))


def needs_java():
    if shutil.which("java") is None:
        reason = "no Java here: neither Apache Kafka nor its tools can run"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


KINDS = {"kafka": ApacheKafka, "dohle": DohleBroker}


@pytest.fixture(scope="session", params=KINDS)
def kind(request):
    needs_java()
    return KINDS[request.param]


@pytest.fixture(scope="session")
def cluster(kind, tmp_path_factory):
    one = kind(tmp_path_factory.mktemp("cluster") / "one")
    yield one
    one.down()


@pytest.fixture
def broker(tmp_path):
    """Our own broker, alone, on files that the test may look at."""
    needs_java()
    one = DohleBroker(tmp_path / "broker")
    yield one
    one.down()


@pytest.fixture
def three_nodes(kind, tmp_path):
    three = kind(tmp_path / "three", nodes=3)
    yield three
    three.down()


class Dohle:
    """The command, against one cluster."""

    def __init__(self, bootstrap):
        self.bootstrap = bootstrap

    def arguments(self, *args):
        verb, *rest = map(str, args)
        return [BUILD / "dohle", *verb.split(), "-b", self.bootstrap, *rest]

    def run(self, *args, check=True, stdin=None, timeout=60):
        done = subprocess.run(self.arguments(*args), input=stdin, capture_output=True, timeout=timeout, check=False)
        assert not check or done.returncode == 0, done.stderr.decode(errors="replace")
        return done

    def lines(self, *args, **kwargs):
        return self.run(*args, **kwargs).stdout.decode().splitlines()

    def json_lines(self, *args, **kwargs):
        return [json.loads(line) for line in self.lines(*args, **kwargs)]

    def start(self, *args, **kwargs):
        return subprocess.Popen(self.arguments(*args), **kwargs)


@pytest.fixture
def dohle(cluster):
    return Dohle(cluster.bootstrap)


@pytest.fixture
def build():
    return BUILD


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"
