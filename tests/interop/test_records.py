# SPDX-License-Identifier: MIT
"""Records that Java's producer wrote arrive byte for byte, and ours arrive at Java's consumer."""
import json

import pytest

from conftest import unique

CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
AS_JAVA_PRINTS = r"%o %d %K:%k{hex} %V:%v{hex}%h{ %k=%V:%v{hex}}\n"


def normal(line):
    """Java prints null, or x and hex digits; our format prints the size, a colon, and hex digits."""
    def part(text):
        size, digits = text.split(":", 1)
        return "null" if size == "-1" else "x" + digits

    words = line.split(" ")
    headers = [word.split("=", 1) for word in words[4:]]
    return " ".join([words[0], words[1], part(words[2]), part(words[3]), *(f"{n}={part(v)}" for n, v in headers)])


@pytest.mark.parametrize("codec", CODECS)
def test_every_awkward_record_arrives_byte_for_byte(cluster, dohle, codec):
    topic = cluster.topic()
    written = cluster.java("ProduceEverything", topic, codec, 500).splitlines()
    read = [normal(line) for line in dohle.lines("consume", topic, "-e", "-f", AS_JAVA_PRINTS)]
    assert written == read


def test_json_lines_are_valid_and_come_back_the_same(cluster, dohle):
    topic, copy = cluster.topic(), cluster.topic()
    cluster.java("ProduceEverything", topic, "lz4", 200)
    lines = dohle.run("consume", topic, "-e", "-J").stdout
    dohle.run("produce", copy, "-p", 0, "-J", stdin=lines)
    first, second = ([json.loads(line) for line in text.splitlines()]
                     for text in (lines, dohle.run("consume", copy, "-e", "-J").stdout))
    for record in first + second:
        del record["topic"]
    assert first == second


@pytest.mark.parametrize("codec", CODECS)
def test_our_batches_are_read_by_java(cluster, dohle, codec):
    topic = cluster.topic()
    lines = [f"key-{i}\tvalue-{i}-{'x' * (i % 50)}" for i in range(1000)]
    dohle.run("produce", topic, "-K", r"\t", "-z", codec, stdin="\n".join(lines).encode())
    out = cluster.tool("console-consumer", "--topic", topic, "--from-beginning", "--max-messages", 1000,
                     "--formatter-property", "print.key=true")
    assert sorted(out.splitlines()) == sorted(lines)


def test_keys_go_where_javas_partitioner_sends_them(cluster, dohle):
    ours, javas = cluster.topic(6), cluster.topic(6)
    keys = [f"user-{i}" for i in range(300)]
    text = "\n".join(f"{key}\t{key}" for key in keys)
    dohle.run("produce", ours, "-K", r"\t", stdin=text.encode())
    cluster.tool("console-producer", "--topic", javas, "--reader-property", "parse.key=true", input=text)
    where = [dict(line.split(" ") for line in dohle.lines("consume", topic, "-e", "-f", r"%k %p\n")) for topic in (ours, javas)]
    assert len(where[0]) == 300 and where[0] == where[1]


def test_offsets_say_where_to_begin(cluster, dohle):
    topic = cluster.topic()
    dohle.run("produce", topic, stdin="\n".join(map(str, range(100))).encode())
    read = lambda *args: dohle.lines("consume", topic, "-e", *args)
    assert read() == [str(i) for i in range(100)]
    assert read("-o", "97") == ["97", "98", "99"]
    assert read("-o", "-2") == ["98", "99"]
    assert read("-o", "end") == []
    assert read("-n", "3") == ["0", "1", "2"]
    assert read("-o", "@now") == []
    assert len(read("-o", "@-1h")) == 100
    assert read("-o", "-5000") == [str(i) for i in range(100)]


def test_a_topic_that_is_not_there_is_named(dohle):
    name = unique("missing")
    done = dohle.run("consume", name, "-e", "-X", "allow.auto.create.topics=false", check=False)
    assert done.returncode == 1 and name in done.stderr.decode()
