# SPDX-License-Identifier: MIT
"""Batches that are corrupt in the broker's own log (corrupt.c).

Kafka checks a batch when it is produced and when a log is recovered, not when it is fetched: a byte that
changes on the disk afterwards reaches the consumer, whose checksum is there for that.
"""
import struct
import subprocess

import pytest

RECORDS = 2000
ROUND_ROBIN = "partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner"


def log_of(cluster, topic, partition):
    """The only segment of the partition, wherever the broker keeps it."""
    found = list(cluster.folder.rglob(f"{topic}-{partition}/*.log"))
    assert len(found) == 1, found
    return found[0]


def batches(log):
    """(position, size, base offset, next offset) of each batch: record/batch.h has the layout."""
    data, at, found = log.read_bytes(), 0, []
    while at + 61 <= len(data):
        base, length = struct.unpack_from(">qi", data, at)
        last_delta, = struct.unpack_from(">i", data, at + 23)
        found.append((at, 12 + length, base, base + last_delta + 1))
        at += 12 + length
    return found


def flip(log, position):
    with log.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 0x20]))


def counts(cluster, topic):
    rows = [line.split(":") for line in cluster.tool("get-offsets", "--topic", topic).splitlines()]
    return [int(row[2]) for row in sorted(rows) if row[0] == topic]


def corrupt_topic(cluster, codec, where):
    """A topic with one corrupt batch in the middle of partition 0: its name, first and next offset."""
    topic = cluster.topic(partitions=2)
    cluster.fill(topic, RECORDS, 50, "batch.size=2000", f"compression.type={codec}", ROUND_ROBIN)
    log = log_of(cluster, topic, 0)
    found = batches(log)
    assert len(found) > 4 and found[-1][3] == counts(cluster, topic)[0]
    position, size, first, following = found[len(found) // 2]
    flip(log, where(position, size))
    return topic, first, following


@pytest.mark.parametrize("codec, where, how", [
    # In the last record's value.
    ("none", lambda position, size: position + size - 10, "value"),
    # In the stored checksum.
    ("none", lambda position, size: position + 17, "value"),
    # In gzip's own checksum.
    ("gzip", lambda position, size: position + size - 6, "codec"),
])
def test_corrupt_batch(cluster, build, codec, where, how):
    topic, first, following = corrupt_topic(cluster, codec, where)
    done = subprocess.run(
        [build / "interop-corrupt", cluster.bootstrap, topic, str(first), str(following),
         *map(str, counts(cluster, topic)), how], timeout=120, check=False)
    assert done.returncode == 0


def test_command_stops_at_a_corrupt_batch(cluster, dohle):
    topic, first, _ = corrupt_topic(cluster, "none", lambda position, size: position + size - 10)
    done = dohle.run("consume", topic, "-p", 0, "-o", "start", "-e", "-f", r"%o\n", check=False)
    assert done.returncode == 1
    assert [int(line) for line in done.stdout.split()] == list(range(first))
    assert topic in done.stderr.decode() and str(first) in done.stderr.decode()
