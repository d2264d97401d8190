# SPDX-License-Identifier: MIT
"""Kafka's own tools on our broker: what they are told, and what they find in our files."""
import json
import re
import shutil
import signal
import subprocess

import pytest

from conftest import KAFKA, ApacheKafka, Dohle, eventually, unique

RECORDS = 3000


def dump(*files, options=()):
    """What the dump-log tool says of the files; it fails on what is damaged."""
    names = ",".join(map(str, files))
    return subprocess.run([KAFKA, "tool", "dump-log", "--files", names, *options], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60).stdout


def committed(broker, group):
    rows = [line.split() for line in broker.tool("consumer-groups", "--describe", "--group", group).splitlines()]
    return {int(row[2]): int(row[3]) for row in rows if len(row) > 5 and row[0] == group and row[3].isdigit()}


def test_topics(broker):
    broker.tool("topics", "--create", "--topic", "orders", "--partitions", 3, "--config", "retention.ms=1000000")
    assert broker.tool("topics", "--list").split() == ["orders"]
    described = broker.tool("topics", "--describe", "--topic", "orders")
    assert "PartitionCount: 3" in described and "retention.ms=1000000" in described
    assert re.findall(r"Partition: (\d).*Leader: (\d)", described) == [("0", "1"), ("1", "1"), ("2", "1")]
    broker.tool("topics", "--alter", "--topic", "orders", "--partitions", 5)
    assert "PartitionCount: 5" in broker.tool("topics", "--describe", "--topic", "orders")
    broker.tool("topics", "--delete", "--topic", "orders")
    assert broker.tool("topics", "--list").split() == []
    refused = broker.tool("topics", "--create", "--topic", "no/slash", check=False, stderr=subprocess.STDOUT)
    assert "InvalidTopic" in refused


def test_configs(broker):
    topic = broker.topic()
    entity = ("--entity-type", "topics", "--entity-name", topic)
    broker.tool("configs", "--alter", *entity, "--add-config", "retention.ms=5000,cleanup.policy=[delete,compact]")
    described = broker.tool("configs", "--describe", *entity)
    assert "retention.ms=5000 " in described and "cleanup.policy=delete,compact" in described
    broker.tool("configs", "--alter", *entity, "--delete-config", "retention.ms")
    everything = broker.tool("configs", "--describe", "--all", *entity)
    assert "retention.ms=604800000" in everything and "DEFAULT_CONFIG" in everything
    assert len(everything.splitlines()) > 25
    assert "num.partitions=1" in broker.tool("configs", "--describe", "--all", "--entity-type", "brokers", "--entity-name", 1)


def test_records_by_the_console_and_perf_tools(broker):
    topic, group = broker.topic(), unique("group")
    broker.tool("console-producer", "--topic", topic, "--reader-property", "parse.key=true", input="a\tone\nb\ttwo\n")
    read = broker.tool("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", 2, "--group", group,
                       "--formatter-property", "print.key=true")
    assert sorted(read.splitlines()) == ["a\tone", "b\ttwo"]
    assert sum(committed(broker, group).values()) == 2
    broker.fill(topic, RECORDS, 100)
    told = broker.tool("consumer-perf", "--topic", topic, "--num-records", RECORDS + 2, "--hide-header",
                       "--timeout", 20000, "--group", unique("perf"))
    assert f", {RECORDS + 2}," in told
    ends = broker.tool("get-offsets", "--topic", topic)
    assert sum(int(line.split(":")[2]) for line in ends.splitlines()) == RECORDS + 2
    latest, = broker.tool("get-offsets", "--topic", topic, "--time", "max-timestamp").splitlines()
    assert 1 < int(latest.split(":")[2]) < RECORDS + 2


def test_verifiable_producer_and_consumer(broker):
    topic, group = broker.topic(3), unique("group")
    sent = [json.loads(line) for line in broker.tool(
        "verifiable-producer", "--topic", topic, "--max-messages", RECORDS, "--acks", -1).splitlines()]
    assert sum(event["name"] == "producer_send_success" for event in sent) == RECORDS
    heard = [json.loads(line) for line in broker.tool(
        "verifiable-consumer", "--topic", topic, "--group-id", group, "--max-messages", RECORDS, "--reset-policy",
        "earliest").splitlines()]
    assert sum(event["count"] for event in heard if event["name"] == "records_consumed") == RECORDS
    assert all(event["success"] for event in heard if event["name"] == "offsets_committed")


def test_consumer_groups(broker):
    topic, group = broker.topic(2), unique("group")
    broker.fill(topic, RECORDS, 20)
    broker.tool("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", RECORDS, "--group", group)
    assert group in broker.tool("consumer-groups", "--list").split()
    assert "Empty" in broker.tool("consumer-groups", "--describe", "--group", group, "--state")
    assert sum(committed(broker, group).values()) == RECORDS
    broker.tool("consumer-groups", "--reset-offsets", "--group", group, "--topic", topic, "--to-earliest", "--execute")
    assert committed(broker, group) == {0: 0, 1: 0}
    broker.tool("consumer-groups", "--delete-offsets", "--group", group, "--topic", f"{topic}:0")
    assert committed(broker, group) == {1: 0}
    broker.tool("consumer-groups", "--delete", "--group", group)
    assert group not in broker.tool("consumer-groups", "--list").split()


def test_delete_records(broker, tmp_path):
    topic = broker.topic()
    broker.fill(topic, RECORDS, 20)
    wish = tmp_path / "wish.json"
    wish.write_text(json.dumps({"version": 1, "partitions": [{"topic": topic, "partition": 0, "offset": 100}]}))
    assert "low_watermark: 100" in broker.tool("delete-records", "--offset-json-file", wish)
    assert f"{topic}:0:100" in broker.tool("get-offsets", "--topic", topic, "--time", "earliest")
    assert len(Dohle(broker.bootstrap).lines("consume", topic, "-e")) == RECORDS - 100


def test_the_versions_that_java_uses(broker):
    told = broker.tool("broker-api-versions")
    assert "Produce(0): 0 to 13 [usable: 13]" in told
    assert "Fetch(1): 4 to 18 [usable: 18]" in told


def test_dump_log_reads_our_segments(broker):
    topic = broker.topic(1, segment_bytes=1048576, index_interval_bytes=500)
    broker.fill(topic, RECORDS, 2000, "batch.size=8000", "compression.type=lz4")
    broker.restart(signal.SIGTERM)
    folder = broker.data() / f"{topic}-0"
    logs = sorted(folder.glob("*.log"))
    assert len(logs) > 3
    offsets = [int(found) for found in re.findall(r"\| offset: (\d+) ", dump(*logs, options=["--print-data-log"]))]
    assert offsets == list(range(RECORDS))
    told = dump(*logs, options=["--deep-iteration"])
    assert "isvalid: true" in told and "isvalid: false" not in told
    indexes = sorted(folder.glob("*.index")) + sorted(folder.glob("*.timeindex"))
    assert sum(index.stat().st_size > 0 for index in indexes) > 3
    for option in ("--index-sanity-check", "--verify-index-only"):
        told = dump(*indexes, options=[option])
        assert "mismatch" not in told.lower() and "Mismatches" not in told, told
        assert "corrupt" not in told.lower(), told


def test_dump_log_decodes_our_offsets(broker):
    topic, group = broker.topic(2), unique("group")
    broker.fill(topic, 100, 20)
    broker.tool("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", 100, "--group", group)
    expected = committed(broker, group)
    broker.restart(signal.SIGTERM)
    logs = [log for log in sorted(broker.data().glob("__consumer_offsets-*/*.log")) if log.stat().st_size > 0]
    told = dump(*logs, options=["--offsets-decoder"])
    found = {}
    for line in told.splitlines():
        if '"group":"' + group in line and '"partition":' in line:
            partition = int(re.search(r'"partition":(\d+)', line)[1])
            found[partition] = int(re.search(r'"offset":(\d+)', line)[1])
    assert found == expected
    assert re.search(r'"protocolType":"consumer"', told)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_groups_and_records_are_there_after_a_restart(broker, number):
    topic, group = broker.topic(2), unique("group")
    broker.fill(topic, RECORDS, 20)
    broker.tool("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", RECORDS, "--group", group)
    before = committed(broker, group)
    broker.restart(number)
    assert committed(broker, group) == before
    assert len(Dohle(broker.bootstrap).lines("consume", topic, "-e")) == RECORDS


def test_a_folder_of_apache_kafka_opens_here(broker, tmp_path):
    kafka = ApacheKafka(tmp_path / "kafka")
    try:
        topic = kafka.topic(1, segment_bytes=1048576)
        kafka.java("ProduceEverything", topic, "zstd", 500)
        written = Dohle(kafka.bootstrap).lines("consume", topic, "-e", "-J")
        kafka.tool("console-producer", "--topic", topic, "--command-property", "enable.idempotence=true", input="last\n")
        written += Dohle(kafka.bootstrap).lines("consume", topic, "-e", "-J", "-o", "-1")
    finally:
        kafka.down()
    folder, = [found for found in (tmp_path / "kafka").rglob(f"{topic}-0") if found.is_dir()]
    broker.process.terminate()
    broker.process.communicate(timeout=30)
    shutil.copytree(folder, broker.data() / f"{topic}-0")
    broker.start()
    assert Dohle(broker.bootstrap).lines("consume", topic, "-e", "-J") == written
    broker.tool("console-producer", "--topic", topic, input="and more\n")
    eventually(lambda: len(Dohle(broker.bootstrap).lines("consume", topic, "-e", "-J")) == len(written) + 1,
               what="one more")
