# SPDX-License-Identifier: MIT
"""Each example, compiled with the tree, does against Apache Kafka what its first comment says."""
import os
import pathlib
import subprocess

import pytest

from conftest import BUILD, ROOT, eventually, unique

COUNT = 2000


def example(name, build=BUILD):
    return build / "examples" / f"example-{name}"


def run(name, *args, **kwargs):
    done = subprocess.run([example(name), *map(str, args)], capture_output=True, text=True, timeout=60, check=False, **kwargs)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def topic(cluster, dohle):
    name = cluster.topic(4)
    dohle.run("produce", name, "-K", r"\t", stdin="\n".join(f"k{i}\t{i}" for i in range(COUNT)).encode())
    return name


def committed(dohle, group):
    import json
    return sum(item["committed"] for item in json.loads(dohle.run("lag", group, "-i", 0, "-J").stdout)["items"])


def test_consumer_reads_until_it_is_interrupted(cluster, topic, tmp_path):
    out = tmp_path / "out"
    with out.open("w") as stdout:
        process = subprocess.Popen(["stdbuf", "-oL", example("consumer"), topic, cluster.bootstrap, unique("group")],
                                   stdout=stdout, stderr=subprocess.PIPE, text=True)
        # A group without commits starts at the end (auto.offset.reset=latest): write until one arrives.
        def arrived():
            cluster.tool("console-producer", "--topic", topic, input="late\n")
            return "late" in out.read_text()

        eventually(arrived, what="a record for the consumer of the README")
    process.send_signal(2)
    _, told = process.communicate(timeout=20)
    assert process.returncode == 0 and "wakeup" in told


def test_threads_share_the_partitions(cluster, topic, dohle):
    group = unique("group")
    assert run("threads", cluster.bootstrap, group, topic, 3, COUNT) == ["done"]
    assert committed(dohle, group) == COUNT


def test_threads_race_for_nothing(cluster, topic):
    """The same under ThreadSanitizer, which fails the program when it sees a race."""
    program = example("threads", BUILD.parent / "tsan")
    if not program.exists():
        reason = f"no {program.relative_to(ROOT)}: build the preset tsan first"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    quiet = ["setarch", os.uname().machine, "-R"]
    done = subprocess.run([*quiet, program, cluster.bootstrap, unique("group"), topic, "3", str(COUNT)],
                          capture_output=True, text=True, timeout=120, check=False,
                          env={**os.environ, "TSAN_OPTIONS": "halt_on_error=1:exitcode=66"})
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"


def test_manual_commit_commits_what_it_processed(cluster, topic, dohle):
    group = unique("group")
    lines = run("manual_commit", cluster.bootstrap, group, topic, COUNT)
    assert any(line.startswith("committed") for line in lines)
    assert any(line.startswith("giving up 4") for line in lines)
    assert committed(dohle, group) == COUNT


def test_seek_to_time_starts_there(cluster, topic):
    all_records = [tuple(map(int, line.split())) for line in run("seek_to_time", cluster.bootstrap, topic, 0, 0)]
    assert all_records and [offset for offset, _ in all_records] == list(range(len(all_records)))
    middle = all_records[len(all_records) // 2]
    later = [tuple(map(int, line.split())) for line in run("seek_to_time", cluster.bootstrap, topic, 0, middle[1])]
    assert later == [record for record in all_records if record[0] >= later[0][0]]
    assert later[0][1] == middle[1] and later[0][0] <= middle[0]
    assert run("seek_to_time", cluster.bootstrap, topic, 0, all_records[-1][1] + 10**9) == []


def test_event_loop_prints_what_comes_and_quits(cluster, topic, tmp_path):
    out = tmp_path / "out"
    with out.open("w") as stdout:
        process = subprocess.Popen([example("event_loop"), cluster.bootstrap, unique("group"), topic], stdin=subprocess.PIPE,
                                   stdout=stdout, text=True)
        eventually(lambda: len(out.read_text().splitlines()) == COUNT, what="all records")
    process.communicate("quit\n", timeout=20)
    assert process.returncode == 0


def test_every_example_is_short():
    for path in pathlib.Path(ROOT / "examples").glob("*.c"):
        assert len(path.read_text().splitlines()) < 100, path.name
