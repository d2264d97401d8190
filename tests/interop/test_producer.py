# SPDX-License-Identifier: MIT
"""The producer keeps its word while brokers die: nothing lost, nothing twice, order kept (idempotent, acks=all)."""
import json
import subprocess

from conftest import Dohle, eventually

RECORDS, KEYS = 30000, 7


def leader(dohle, topic, partition):
    described = json.loads(dohle.run("topic describe", topic, "-J").stdout)["items"][0]
    return described["partitions"][partition]["leader"]


def test_a_killed_leader_costs_nothing(three_nodes):
    cluster = three_nodes
    dohle = Dohle(cluster.bootstrap)
    topic = cluster.topic(3, rf=3, min_insync_replicas=2)
    producer = dohle.start("produce", topic, "-K", ":", "-X", "linger.ms=1", stdin=subprocess.PIPE,
                           stderr=subprocess.PIPE)
    lines = [b"k%d:%d\n" % (i % KEYS, i) for i in range(RECORDS)]
    for line in lines[:RECORDS // 3]:
        producer.stdin.write(line)
    producer.stdin.flush()
    eventually(lambda: dohle.lines("consume", topic, "-e"), what="the first records")
    node = leader(dohle, topic, 0)
    cluster.node("kill", node)
    for line in lines[RECORDS // 3:]:
        producer.stdin.write(line)
    producer.stdin.flush()
    eventually(lambda: leader(dohle, topic, 0) not in (-1, node), what="another leader")
    _, told = producer.communicate(timeout=120)
    assert producer.returncode == 0, told.decode()
    cluster.node("start", node)
    read = [line.split(":") for line in dohle.lines("consume", topic, "-e", "-f", r"%k:%v\n")]
    for key in range(KEYS):
        values = [int(value) for name, value in read if name == f"k{key}"]
        assert values == list(range(key, RECORDS, KEYS))
