# SPDX-License-Identifier: MIT
"""What the command says without any broker: help, usage, exit codes, configuration."""
import os
import pathlib
import socket
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DOHLE_BUILD", ROOT / "build" / "release")).resolve()

DONE, FAILED, USAGE = 0, 1, 2


def run(*args, stdin=b"", env=None, timeout=30):
    return subprocess.run([BUILD / "dohle", *args], input=stdin, capture_output=True, timeout=timeout,
                          env={**os.environ, **(env or {})}, check=False)


@pytest.mark.parametrize("args", [
    ["help"], ["--help"], ["version"], ["consume", "--help"], ["produce", "-h"], ["topic", "--help"],
    ["topic", "list", "--help"], ["topic", "create", "--help"], ["topic", "describe", "--help"],
    ["topic", "delete", "--help"], ["group", "help"], ["group", "list", "--help"], ["group", "describe", "--help"],
    ["lag", "--help"], ["config", "--help"], ["broker", "--help"], ["help", "consume"],
])
def test_help_goes_to_stdout(args):
    done = run(*args)
    assert done.returncode == DONE
    assert done.stdout and not done.stderr


@pytest.mark.parametrize("args, says", [
    ([], "Usage"),
    (["consum"], "no command 'consum'"),
    (["consume"], "which topic?"),
    (["consume", "t", "--from-beginning"], "no option --from-beginning"),
    (["consume", "t", "-y"], "no option -y"),
    (["consume", "t", "-n"], "-n wants N"),
    (["consume", "t", "-n", "many"], "whole number"),
    (["consume", "t", "-o", "yesterday"], "start, end, N, -N or @TIME"),
    (["consume", "t", "-g", "g", "-o", "5"], "with -g, -o is start or end"),
    (["consume", "t", "-g", "g", "-p", "0"], "a group shares partitions out"),
    (["consume", "-r", ".*"], "--regex goes with -g"),
    (["consume", "t", "-f", "%z"], "at character 2"),
    (["consume", "t", "-X", "fetch.min.bytes"], "KEY=VALUE"),
    (["consume", "t", "-X", "fetch.max.await.ms=5"], "fetch.max.wait.ms"),
    (["consume", "t", "-X", "fetch.min.bytes=-1"], "fetch.min.bytes"),
    (["consume", "t", "-X", "group.protocol=consumer", "-g", "g"], "group.protocol"),
    (["produce"], "which topic?"),
    (["produce", "t", "-H", "novalue"], "NAME=VALUE"),
    (["produce", "t", "-z", "lzma"], "compression.type"),
    (["produce", "t", "-k", "a", "-K", ","], "exclude each other"),
    (["topic"], "Usage"),
    (["topic", "remove"], "no 'remove'"),
    (["topic", "create"], "which topic?"),
    (["topic", "create", "t", "-c", "x"], "KEY=VALUE"),
    (["group", "describe"], "which group?"),
])
def test_nonsense_is_usage(args, says):
    done = run(*args)
    assert done.returncode == USAGE
    assert not done.stdout
    assert says in done.stderr.decode()


def test_config_explains_a_key():
    done = run("config", "fetch.min.bytes")
    assert done.returncode == DONE
    text = done.stdout.decode()
    assert "fetch.min.bytes" in text and "default   1" in text


def test_config_knows_librdkafkas_names():
    assert b"fetch.max.wait.ms" in run("config", "fetch.wait.max.ms").stdout


def test_config_names_the_nearest_key():
    done = run("config", "fetch.max.await.ms")
    assert done.returncode == FAILED
    assert b"fetch.max.wait.ms" in done.stderr


def test_config_lists_what_is_built():
    listed = run("config").stdout.decode()
    assert "max.poll.records" in listed and "ssl.keystore.location" not in listed
    assert "ssl.keystore.location" in run("config", "--all").stdout.decode()


def test_delete_without_yes_deletes_nothing():
    done = run("topic", "delete", "t", "-b", "127.0.0.1:1")
    assert done.returncode == FAILED
    assert b"nothing was deleted" in done.stderr


def test_dry_run_reaches_for_no_broker():
    done = run("topic", "delete", "t", "--dry-run", "-b", "127.0.0.1:1")
    assert done.returncode == DONE
    assert done.stdout == b"would delete t\n"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.mark.parametrize("args", [
    ["consume", "t"], ["topic", "list"], ["group", "list"], ["lag", "g"],
])
def test_a_refusing_broker_is_named_with_the_cause(args):
    address = f"127.0.0.1:{free_port()}"
    began = time.monotonic()
    done = run(*args, "-b", address, "-X", "default.api.timeout.ms=1500", "-X", "request.timeout.ms=1000")
    assert done.returncode == FAILED
    text = done.stderr.decode()
    assert address in text and "refused" in text.lower()
    assert time.monotonic() - began < 10


def test_a_silent_broker_is_named_by_the_deadline():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        done = run("topic", "list", "-b", address, "-X", "default.api.timeout.ms=1500", "-X", "request.timeout.ms=1000")
    assert done.returncode == FAILED
    assert address in done.stderr.decode()


def test_a_name_that_does_not_resolve_is_named():
    done = run("topic", "list", "-b", "no-such-host.invalid:9092", "-X", "default.api.timeout.ms=1500")
    assert done.returncode == FAILED
    assert "no-such-host.invalid" in done.stderr.decode()
