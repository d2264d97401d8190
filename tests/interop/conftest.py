# SPDX-License-Identifier: MIT
"""Real Apache Kafka for the interop tests, and the programs that are held against it.

DOHLE_BUILD names the build folder whose `dohle` and examples are tested (default build/release).
Clusters are started by tools/kafka/kafka on free ports of 127.0.0.1 and stopped at the end.
"""
import json
import os
import pathlib
import shutil
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
    """One Apache Kafka cluster in a folder of its own."""

    def __init__(self, folder, *options):
        self.folder = folder
        out = subprocess.run([KAFKA, "up", folder, *options], check=True, stdout=subprocess.PIPE, text=True).stdout
        self.bootstrap = next(line[10:] for line in out.splitlines() if line.startswith("bootstrap="))

    def down(self):
        subprocess.run([KAFKA, "down", self.folder], check=False, stdout=subprocess.DEVNULL)

    def command(self, verb, *args):
        return subprocess.run([KAFKA, verb, self.folder, *map(str, args)], check=True, stdout=subprocess.PIPE, text=True).stdout

    def topic(self, partitions=1, name=None, rf=1, **settings):
        name = name or f"t-{uuid.uuid4().hex[:10]}"
        extra = [part for key, value in settings.items() for part in ("--set", f"{key.replace('_', '.')}={value}")]
        self.command("topic", name, "--partitions", partitions, "--rf", rf, *extra)
        return name

    def tool(self, name, *args, check=True, **kwargs):
        return subprocess.run(
            [KAFKA, "tool", name, "--bootstrap-server", self.bootstrap, *map(str, args)],
            check=check, stdout=subprocess.PIPE, text=True, timeout=60, **kwargs).stdout

    def java(self, program, *args, **kwargs):
        """Runs tests/interop/java/PROGRAM.java with the bootstrap address as its first argument."""
        return subprocess.run(
            [KAFKA, "java", JAVA / f"{program}.java", self.bootstrap, *map(str, args)],
            check=True, stdout=subprocess.PIPE, text=True, timeout=120, **kwargs).stdout

    def java_process(self, program, *args, **kwargs):
        return subprocess.Popen(
            [KAFKA, "java", JAVA / f"{program}.java", self.bootstrap, *map(str, args)],
            stdout=subprocess.PIPE, text=True, **kwargs)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    if shutil.which("java") is None:
        reason = "no Java here: Apache Kafka cannot run"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    cluster = Cluster(tmp_path_factory.mktemp("kafka") / "one")
    yield cluster
    cluster.down()


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
def dohle(kafka):
    return Dohle(kafka.bootstrap)


@pytest.fixture
def build():
    return BUILD


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:8]}"
