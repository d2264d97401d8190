# SPDX-License-Identifier: MIT
"""The producer's public functions in C, against real brokers (producer_api.c)."""
import subprocess
import time

import pytest

from conftest import BUILD, Dohle, eventually


def arguments(bootstrap, topic, partitions, count, pause_us=0, **settings):
    pairs = [part for key, value in settings.items() for part in (key.replace("_", "."), str(value))]
    return [str(word) for word in (BUILD / "interop-producer-api", bootstrap, topic, partitions, count, pause_us, *pairs)]


def read(dohle, topic):
    """The numbers in each partition, in order."""
    partitions = {}
    for line in dohle.lines("consume", topic, "-e", "-f", r"%p %v\n"):
        partition, value = line.split(" ")
        partitions.setdefault(int(partition), []).append(int(value))
    return partitions


def assert_exactly_once_in_order(dohle, topic, partitions, count):
    got = read(dohle, topic)
    assert got == {p: list(range(p, count, partitions)) for p in range(partitions)}


@pytest.mark.parametrize("settings", [
    {"acks": "all"},
    {"acks": "1"},
    {"acks": "all", "enable_idempotence": "false"},
    {"linger_ms": "0"},
    {"batch_size": "0", "linger_ms": "0"},
    {"batch_size": "1000000", "linger_ms": "100", "compression_type": "zstd"},
    {"compression_type": "gzip", "compression_gzip_level": "9"},
    {"buffer_memory": "100000", "linger_ms": "1000"},
    {"max_request_size": "30000"},
], ids=lambda settings: " ".join(f"{key}={value}" for key, value in settings.items()))
def test_everything_arrives_once_and_in_order(cluster, dohle, settings):
    topic, count = cluster.topic(partitions=3), 5000
    done = subprocess.run(arguments(cluster.bootstrap, topic, 3, count, **settings),
                          stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert done.stdout == f"delivered {count} failed 0\n"
    assert_exactly_once_in_order(dohle, topic, 3, count)


def test_acks_0_promises_nothing_but_order(cluster, dohle):
    topic, count = cluster.topic(partitions=3), 5000
    done = subprocess.run(arguments(cluster.bootstrap, topic, 3, count, acks=0),
                          stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert done.stdout == f"delivered {count} failed 0\n"
    # A partition whose leader has just been made refuses: then the broker closes the connection.
    for values in eventually(lambda: read(dohle, topic), what="something in the log").values():
        assert values == sorted(set(values))


def test_a_batch_beyond_the_topics_limit_is_split(cluster, dohle):
    topic, count = cluster.topic(partitions=1, max_message_bytes=2000), 3000
    done = subprocess.run(arguments(cluster.bootstrap, topic, 1, count, batch_size=50000, linger_ms=200),
                          stdout=subprocess.PIPE, text=True, timeout=60, check=True)
    assert done.stdout == f"delivered {count} failed 0\n"
    assert_exactly_once_in_order(dohle, topic, 1, count)


def test_refusals_are_told(cluster):
    missing = subprocess.run(arguments(cluster.bootstrap, "not-there", 1, 1, max_block_ms=1500),
                             capture_output=True, text=True, timeout=60, check=False)
    assert missing.returncode == 1 and "UNKNOWN_TOPIC_OR_PARTITION" in missing.stderr
    beyond = subprocess.run(arguments(cluster.bootstrap, cluster.topic(), 2, 2, max_block_ms=1500),
                            capture_output=True, text=True, timeout=60, check=False)
    assert beyond.returncode == 1 and "no partition 1" in beyond.stderr


def test_nothing_is_lost_doubled_or_reordered_while_brokers_die(three_nodes):
    cluster = three_nodes
    topic, count = cluster.topic(partitions=3, rf=3, min_insync_replicas=2), 40000
    producer = subprocess.Popen(arguments(cluster.bootstrap, topic, 3, count, 300, linger_ms=2),
                                stdout=subprocess.PIPE, text=True)
    for node in (1, 2, 3):
        time.sleep(1)
        cluster.node("kill", node)
        time.sleep(1)
        cluster.node("start", node)
    out, _ = producer.communicate(timeout=180)
    assert out == f"delivered {count} failed 0\n"
    assert_exactly_once_in_order(Dohle(cluster.bootstrap), topic, 3, count)
