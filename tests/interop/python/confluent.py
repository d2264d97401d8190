# SPDX-License-Identifier: MIT
"""What confluent-kafka does with a broker, for test_clients.py: confluent.py VERB BOOTSTRAP NAME

Each verb is a function below; NAME makes its topics and groups its own. Exits 0 when all was as expected."""
import sys
import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, KafkaException, Producer, TopicCollection
from confluent_kafka import TopicPartition
from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, IsolationLevel
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions
from confluent_kafka.admin import NewTopic, OffsetSpec, ResourceType

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
SECONDS = 30


def results(futures):
    return {key: future.result(SECONDS) for key, future in futures.items()}


def error_of(futures):
    """The code with which the only future fails."""
    try:
        results(futures)
    except KafkaException as error:
        return error.args[0].name()
    return None


def eventually(condition):
    """What the controller has accepted reaches the nodes of Apache Kafka a little later."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def make_topic(admin, name, partitions):
    results(admin.create_topics([NewTopic(name, partitions, 1)]))


def write(bootstrap, topic, partition, values, start_ms=None, **settings):
    """Returns the offsets, in the order of the values."""
    offsets = []

    def on_delivery(error, message):
        assert error is None, error
        offsets.append(message.offset())

    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 5, **settings})
    for i, value in enumerate(values):
        more = {} if start_ms is None else {"timestamp": start_ms + i}
        producer.produce(topic, value=value, key=f"k{i}", partition=partition, headers={"i": str(i)},
                         on_delivery=on_delivery, **more)
        producer.poll(0)
    assert producer.flush(SECONDS) == 0
    return offsets


def consumer_of(bootstrap, group, **settings):
    return Consumer({"bootstrap.servers": bootstrap, "group.id": group, "auto.offset.reset": "earliest",
                     "enable.auto.commit": False, "session.timeout.ms": 6000, "heartbeat.interval.ms": 500,
                     "fetch.wait.max.ms": 100, **settings})


def read(consumer, count):
    messages = []
    end = time.monotonic() + SECONDS
    while len(messages) < count and time.monotonic() < end:
        for message in consumer.consume(count - len(messages), 0.5):
            assert message.error() is None, message.error()
            messages.append(message)
    assert len(messages) == count, f"{len(messages)} of {count} records"
    return messages


def admin(bootstrap, name):
    client = AdminClient({"bootstrap.servers": bootstrap})
    other = f"{name}-other"
    results(client.create_topics([NewTopic(name, 2, 1, config={"retention.ms": "3600000"}), NewTopic(other, 1, 1)]))
    assert error_of(client.create_topics([NewTopic(name, 2, 1)])) == "TOPIC_ALREADY_EXISTS"
    assert error_of(client.create_topics([NewTopic(name + "/", 1, 1)])) == "TOPIC_EXCEPTION"
    results(client.create_topics([NewTopic(f"{name}-never", 1, 1)], validate_only=True))
    eventually(lambda: {name, other} <= set(client.list_topics(timeout=SECONDS).topics))
    listed = client.list_topics(timeout=SECONDS)
    assert len(listed.topics[name].partitions) == 2 and f"{name}-never" not in listed.topics
    described = results(client.describe_topics(TopicCollection([name])))[name]
    assert [len(p.isr) for p in described.partitions] == [1, 1] and not described.is_internal
    cluster = client.describe_cluster().result(SECONDS)
    assert cluster.cluster_id == listed.cluster_id and len(cluster.nodes) == len(listed.brokers) == 1
    assert cluster.controller.id in listed.brokers

    resource = ConfigResource(ResourceType.TOPIC, name)
    configs = results(client.describe_configs([resource]))[resource]
    assert configs["retention.ms"].value == "3600000" and not configs["retention.ms"].is_default
    assert configs["cleanup.policy"].value == "delete" and configs["cleanup.policy"].is_default
    change = ConfigResource(ResourceType.TOPIC, name, incremental_configs=[
        ConfigEntry("max.message.bytes", "70000", incremental_operation=AlterConfigOpType.SET)])
    results(client.incremental_alter_configs([change]))
    eventually(lambda: results(client.describe_configs([resource]))[resource]["max.message.bytes"].value == "70000")
    assert results(client.describe_configs([resource]))[resource]["retention.ms"].value == "3600000"
    broker = ConfigResource(ResourceType.BROKER, str(cluster.nodes[0].id))
    assert "log.retention.ms" in results(client.describe_configs([broker]))[broker]

    results(client.create_partitions([NewPartitions(name, 3)]))
    eventually(lambda: len(client.list_topics(name, SECONDS).topics[name].partitions) == 3)

    begin_ms = int(time.time() * 1000)
    write(bootstrap, name, 0, [b"v"] * 20, start_ms=begin_ms)
    zero, one = TopicPartition(name, 0), TopicPartition(name, 1)
    specs = [(OffsetSpec.earliest(), 0), (OffsetSpec.latest(), 20), (OffsetSpec.for_timestamp(begin_ms + 7), 7),
             (OffsetSpec.max_timestamp(), 19)]
    for spec, expected in specs:
        told = results(client.list_offsets({zero: spec}, isolation_level=IsolationLevel.READ_UNCOMMITTED))
        assert told[zero].offset == expected, (spec, told[zero].offset)
    deleted = results(client.delete_records([TopicPartition(name, 0, 5)]))
    assert deleted[zero].low_watermark == 5
    assert results(client.list_offsets({zero: OffsetSpec.earliest()}))[zero].offset == 5
    assert error_of(client.delete_records([TopicPartition(name, 1, 1)])) == "OFFSET_OUT_OF_RANGE"
    assert results(client.list_offsets({one: OffsetSpec.latest()}))[one].offset == 0

    results(client.delete_topics([name, other]))
    assert error_of(client.delete_topics([other])) == "UNKNOWN_TOPIC_OR_PART"


def groups(bootstrap, name):
    """Listed, described, offsets altered and told, deleted: while a member is in, and after it has left."""
    client = AdminClient({"bootstrap.servers": bootstrap})
    make_topic(client, name, 2)
    write(bootstrap, name, 0, [b"a"] * 10)
    write(bootstrap, name, 1, [b"b"] * 10)
    member = consumer_of(bootstrap, name, **{"client.id": "the-client"})
    member.subscribe([name])
    read(member, 20)
    member.commit(offsets=[TopicPartition(name, 0, 8, "first \u00e4")], asynchronous=False)
    member.commit(asynchronous=False)

    listed = client.list_consumer_groups().result(SECONDS)
    assert listed.errors == [] and [g.state.name for g in listed.valid if g.group_id == name] == ["STABLE"]
    described = results(client.describe_consumer_groups([name]))[name]
    assert (described.state.name, described.partition_assignor) == ("STABLE", "range")
    one, = described.members
    assert (one.client_id, one.group_instance_id) == ("the-client", None)
    assert sorted(p.partition for p in one.assignment.topic_partitions) == [0, 1]
    assert error_of(client.delete_consumer_groups([name])) == "NON_EMPTY_GROUP"
    member.close()
    assert results(client.describe_consumer_groups([name]))[name].state.name == "EMPTY"
    asked = [ConsumerGroupTopicPartitions(name)]
    told = results(client.list_consumer_group_offsets(asked))[name]
    assert sorted((p.partition, p.offset) for p in told.topic_partitions) == [(0, 10), (1, 10)]
    wanted = [ConsumerGroupTopicPartitions(name, [TopicPartition(name, 1, 3)])]
    results(client.alter_consumer_group_offsets(wanted))
    later = consumer_of(bootstrap, name)
    at = later.committed([TopicPartition(name, 0), TopicPartition(name, 1)], SECONDS)
    assert [p.offset for p in at] == [10, 3]
    later.close()
    results(client.delete_consumer_groups([name]))
    assert error_of(client.delete_consumer_groups([name])) == "GROUP_ID_NOT_FOUND"
    assert results(client.describe_consumer_groups([name]))[name].state.name == "DEAD"


def records(bootstrap, name):
    """Each codec out and in again; times, seeks, watermarks, commits with metadata."""
    make_topic(AdminClient({"bootstrap.servers": bootstrap}), name, 1)
    begin_ms = int(time.time() * 1000) - 10000
    count = 0
    wanted = []
    for codec in CODECS:
        values = [f"{codec} {i} ".encode() * (i % 50 + 1) for i in range(100)]
        offsets = write(bootstrap, name, 0, values, start_ms=begin_ms + count, **{"compression.type": codec})
        assert offsets == list(range(count, count + len(values)))
        wanted += values
        count += len(values)

    consumer = consumer_of(bootstrap, name)
    where = TopicPartition(name, 0)
    assert consumer.get_watermark_offsets(where, SECONDS) == (0, count)
    for ms, expected in ((begin_ms - 1, 0), (begin_ms + 123, 123), (begin_ms + count, OFFSET_END)):
        found, = consumer.offsets_for_times([TopicPartition(name, 0, ms)], SECONDS)
        assert found.offset == expected, (ms, found)
    consumer.assign([TopicPartition(name, 0, OFFSET_BEGINNING)])
    messages = read(consumer, count)
    assert [m.value() for m in messages] == wanted
    assert [m.offset() for m in messages] == list(range(count))
    assert [m.timestamp()[1] for m in messages] == list(range(begin_ms, begin_ms + count))
    assert messages[117].headers() == [("i", b"17")] and messages[117].key() == b"k17"
    consumer.seek(TopicPartition(name, 0, 450))
    assert read(consumer, 1)[0].offset() == 450
    metadata = "what we \u00e4 were at"
    consumer.commit(offsets=[TopicPartition(name, 0, 451, metadata)], asynchronous=False)
    consumer.close()
    again = consumer_of(bootstrap, name)
    found, = again.committed([where], SECONDS)
    assert (found.offset, found.metadata) == (451, metadata)
    again.subscribe([name])
    assert read(again, 1)[0].offset() == 451
    again.close()


if __name__ == "__main__":
    {"admin": admin, "groups": groups, "records": records}[sys.argv[1]](*sys.argv[2:])
