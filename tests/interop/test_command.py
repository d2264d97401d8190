# SPDX-License-Identifier: MIT
"""The listing commands against Apache Kafka."""
import json
import os
import pty
import subprocess

from conftest import eventually, unique


def items(done):
    return json.loads(done.stdout)["items"]


def test_topics_are_created_listed_described_deleted(cluster, dohle):
    name = unique("topic")
    dohle.run("topic create", name, "-p", 3, "-r", 1, "-c", "retention.ms=12345")
    listed = {topic["name"]: topic for topic in items(dohle.run("topic list", "-J"))}
    assert len(listed[name]["partitions"]) == 3
    described = items(dohle.run("topic describe", name, "-J"))[0]
    assert described["settings"]["retention.ms"] == "12345"
    assert described["id"] and all(partition["leader"] >= 0 for partition in described["partitions"])
    assert name in dohle.run("topic list").stdout.decode()

    again = dohle.run("topic create", name, check=False)
    assert again.returncode == 1 and "TOPIC_ALREADY_EXISTS" in again.stderr.decode()

    dohle.run("topic delete", name, "--yes")
    eventually(lambda: name not in [topic["name"] for topic in items(dohle.run("topic list", "-J"))], what="deletion")
    gone = dohle.run("topic describe", name, check=False)
    assert gone.returncode == 1 and name in gone.stderr.decode()


def test_lag_counts_what_is_not_committed(cluster, dohle):
    topic, group = cluster.topic(2), unique("group")
    dohle.run("produce", topic, "-p", 0, stdin=b"\n".join(b"%d" % i for i in range(10)))
    dohle.run("produce", topic, "-p", 1, stdin=b"\n".join(b"%d" % i for i in range(5)))
    dohle.run("consume", topic, "-g", group, "-o", "start", "-e")
    rows = items(dohle.run("lag", group, "-i", 0, "-J"))
    assert [(row["partition"], row["committed"], row["lag"]) for row in rows] == [(0, 10, 0), (1, 5, 0)]
    dohle.run("produce", topic, "-p", 1, stdin=b"a\nb\nc")
    rows = items(dohle.run("lag", group, "-i", 0, "-J"))
    assert [row["lag"] for row in rows] == [0, 3]
    text = dohle.run("lag", group, "-i", 50).stdout.decode()
    assert "COMMITTED" in text and "never" in text


def test_groups_show_their_members(cluster, dohle):
    topic, group = cluster.topic(2), unique("group")
    member = dohle.start("consume", topic, "-g", group, "-X", "client.id=me")
    try:
        def described():
            found = items(dohle.run("group describe", group, "-J"))[0]
            return found if found["state"] == "Stable" and found["members"] else None

        found = eventually(described, what="a stable group")
        assert found["assignor"] == "range" and found["type"] == "classic"
        assert found["members"][0]["client_id"] == "me"
        assert [p["partition"] for p in found["members"][0]["partitions"]] == [0, 1]
        listed = {row["group"]: row for row in items(dohle.run("group list", "-J"))}
        assert listed[group]["state"] == "Stable"
    finally:
        member.terminate()
        assert member.wait(20) == 0
    assert items(dohle.run("group describe", group, "-J"))[0]["state"] == "Empty"
    assert items(dohle.run("group describe", unique("never"), "-J"))[0]["state"] == "Dead"


def test_progress_is_for_terminals_only(cluster, dohle):
    topic = cluster.topic()
    dohle.run("produce", topic, stdin=b"\n".join(b"%d" % i for i in range(100)))
    quiet = dohle.run("consume", topic, "-e")
    assert quiet.stdout.splitlines() == [b"%d" % i for i in range(100)] and quiet.stderr == b""

    terminal, theirs = pty.openpty()
    shown = subprocess.run(dohle.arguments("consume", topic, "-e"), stdout=subprocess.PIPE, stderr=theirs, timeout=60, check=True)
    os.close(theirs)
    assert shown.stdout == quiet.stdout
    assert b"100 records" in os.read(terminal, 65536)
    os.close(terminal)
