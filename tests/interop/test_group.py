# SPDX-License-Identifier: MIT
"""Groups on Apache Kafka whose members are ours and Java's (range assignor, or roundrobin)."""
import collections
import json
import re
import signal
import subprocess

import pytest

from conftest import JAVA, KAFKA, Dohle, eventually, unique

QUICK = ["-X", "session.timeout.ms=6000", "-X", "heartbeat.interval.ms=500"]


class Ours:
    """`dohle consume -g`, its records and its rebalance events in files."""

    def __init__(self, dohle, folder, name, group, *topic_and_options):
        self.out = folder / f"{name}.out"
        self.events_file = folder / f"{name}.events"
        self.errors = folder / f"{name}.err"
        self.events_file.touch()
        self.process = dohle.start(
            "consume", *topic_and_options, "-g", group, "-o", "start", "-f", r"%p %o %v\n",
            "--events", self.events_file, "-X", f"client.id={name}", *QUICK,
            stdout=self.out.open("wb"), stderr=self.errors.open("wb"))

    def records(self):
        """(partition, offset) of all that was written in whole lines."""
        text = self.out.read_text()
        return [tuple(map(int, line.split(" ")[:2])) for line in text[:text.rfind("\n") + 1].splitlines()]

    def events(self):
        return [json.loads(line) for line in self.events_file.read_text().splitlines()]

    def owned(self):
        """The partitions owned now; None before the first assignment."""
        owned = None
        for event in self.events():
            numbers = [p["partition"] for p in event["partitions"]]
            owned = numbers if event["event"] == "assigned" else []
        return owned

    def stop(self):
        self.process.terminate()
        assert self.process.wait(20) == 0, self.errors.read_text()

    def kill(self):
        self.process.kill()
        self.process.wait(20)


class Javas:
    """tests/interop/java/GroupMember.java."""

    def __init__(self, cluster, folder, name, group, topic, limit=0, assignor="RangeAssignor"):
        self.out = folder / f"{name}.out"
        self.process = subprocess.Popen(
            [KAFKA, "java", JAVA / "GroupMember.java", cluster.bootstrap, group, topic, str(limit),
             assignor],
            stdin=subprocess.PIPE, stdout=self.out.open("wb"))

    def lines(self, word):
        return [line.split(" ")[1:] for line in self.out.read_text().splitlines() if line.startswith(word + " ")]

    def records(self):
        return [(int(partition), int(offset)) for partition, offset in self.lines("record")]

    def owned(self):
        owned = None
        for line in self.out.read_text().splitlines():
            word, _, rest = line.partition(" ")
            if word in ("assigned", "revoked"):
                owned = [int(n) for n in rest.split(",") if n] if word == "assigned" else []
        return owned

    def stop(self):
        self.process.stdin.close()
        assert self.process.wait(30) == 0

    def kill(self):
        self.process.kill()
        self.process.wait(20)


@pytest.fixture
def members():
    started = []
    yield started
    for member in started:
        if member.process.poll() is None:
            member.kill()


def produce(cluster, topic, count):
    """The same to every partition, as near as that goes."""
    cluster.fill(topic, count, 50,
                  "partitioner.class=org.apache.kafka.clients.producer.RoundRobinPartitioner")


def ends(cluster, topic):
    """Partition -> end offset."""
    rows = [line.split(":") for line in cluster.tool("get-offsets", "--topic", topic).splitlines()]
    return {int(row[1]): int(row[2]) for row in rows if row[0] == topic}


def all_of(cluster, topic):
    return {(p, offset) for p, end in ends(cluster, topic).items() for offset in range(end)}


def all_read(cluster, topic, *members):
    wanted = all_of(cluster, topic)
    return lambda: set().union(*(set(m.records()) for m in members)) >= wanted


def committed(cluster, group):
    """Partition -> committed offset, as Kafka's tool tells it."""
    out = cluster.tool("consumer-groups", "--describe", "--group", group)
    rows = [line.split() for line in out.splitlines() if line.startswith(group + " ")]
    return {int(row[2]): int(row[3]) for row in rows if row[3] != "-"}


def assert_nothing_lost_or_doubled(cluster, topic, *members):
    """What left in good order commits what it wrote: nothing is read twice."""
    count = collections.Counter(record for member in members for record in member.records())
    assert set(count) == all_of(cluster, topic)
    assert [record for record, times in count.items() if times > 1] == []


def test_java_and_dohle_share_a_group(cluster, dohle, members, tmp_path):
    topic, group = cluster.topic(4), unique("group")
    produce(cluster, topic, 2000)
    java = Javas(cluster, tmp_path, "java", group, topic)
    members.append(java)
    eventually(lambda: java.owned() == [0, 1, 2, 3], what="Java's first assignment")
    ours = Ours(dohle, tmp_path, "ours", group, topic)
    members.append(ours)
    eventually(lambda: sorted((java.owned() or []) + (ours.owned() or [])) == [0, 1, 2, 3] and ours.owned(),
               what="two members with two partitions each")
    assert len(ours.owned()) == 2 and len(java.owned()) == 2
    produce(cluster, topic, 2000)
    eventually(all_read(cluster, topic, java, ours), what="all of 4000 records")
    java.stop()
    eventually(lambda: ours.owned() == [0, 1, 2, 3], what="the rest for us after Java has left")
    produce(cluster, topic, 500)
    eventually(all_read(cluster, topic, java, ours), what="all of 4500 records")
    ours.stop()
    assert_nothing_lost_or_doubled(cluster, topic, java, ours)
    assert committed(cluster, group) == {p: end for p, end in ends(cluster, topic).items()
                                       if end > 0 or p in committed(cluster, group)}


def test_java_and_dohle_deal_in_a_circle(cluster, dohle, members, tmp_path):
    """roundrobin, first with Java as the leader, then with us."""
    topic, group = cluster.topic(4), unique("group")
    produce(cluster, topic, 1000)
    java = Javas(cluster, tmp_path, "java", group, topic, assignor="RoundRobinAssignor")
    members.append(java)
    eventually(lambda: java.owned() == [0, 1, 2, 3], what="Java's first assignment")
    ours = Ours(dohle, tmp_path, "ours", group, topic, "-X", "partition.assignment.strategy=roundrobin,range")
    members.append(ours)
    dealt = [[0, 2], [1, 3]]
    eventually(lambda: sorted([java.owned() or [], ours.owned() or []]) == dealt, what="every second partition each")
    eventually(all_read(cluster, topic, java, ours), what="all of 1000 records")
    java.stop()
    eventually(lambda: ours.owned() == [0, 1, 2, 3], what="the rest for us after Java has left")
    later = Javas(cluster, tmp_path, "later", group, topic, assignor="RoundRobinAssignor")
    members.append(later)
    eventually(lambda: sorted([later.owned() or [], ours.owned() or []]) == dealt, what="the same, dealt by us")
    produce(cluster, topic, 1000)
    eventually(all_read(cluster, topic, java, ours, later), what="all of 2000 records")
    later.stop()
    ours.stop()
    assert_nothing_lost_or_doubled(cluster, topic, java, ours, later)


def test_java_takes_over_from_a_killed_dohle(cluster, dohle, members, tmp_path):
    topic, group = cluster.topic(4), unique("group")
    ours = Ours(dohle, tmp_path, "ours", group, topic)
    members.append(ours)
    eventually(lambda: ours.owned() == [0, 1, 2, 3], what="our assignment")
    java = Javas(cluster, tmp_path, "java", group, topic)
    members.append(java)
    eventually(lambda: java.owned() and len(ours.owned()) == 2, what="two members")
    produce(cluster, topic, 3000)
    eventually(lambda: ours.records() and java.records(), what="records for both")
    ours.kill()
    eventually(lambda: java.owned() == [0, 1, 2, 3], what="the session time-out")
    produce(cluster, topic, 1000)
    eventually(all_read(cluster, topic, java, ours), what="nothing lost")
    java.stop()


def test_either_resumes_from_the_others_commit(cluster, dohle, members, tmp_path):
    topic, group = cluster.topic(1), unique("group")
    produce(cluster, topic, 1500)
    first = Javas(cluster, tmp_path, "java-1", group, topic, limit=1)
    members.append(first)
    assert first.process.wait(60) == 0
    read = len(first.records())
    assert 0 < read < 1500 and committed(cluster, group) == {0: read}

    dohle.run("consume", topic, "-g", group, "-n", 200, "-f", r"%o\n")
    assert committed(cluster, group) == {0: read + 200}

    second = Javas(cluster, tmp_path, "java-2", group, topic, limit=1)
    members.append(second)
    assert second.process.wait(60) == 0
    assert second.records()[0] == (0, read + 200)
    lines = dohle.lines("consume", topic, "-g", group, "-e", "-f", r"%o\n")
    last = second.records()[-1][1]
    assert [int(line) for line in lines] == list(range(last + 1, 1500))


def test_kafkas_tools_show_our_members(cluster, dohle, members, tmp_path):
    topic, group = cluster.topic(3), unique("group")
    produce(cluster, topic, 30)
    a = Ours(dohle, tmp_path, "member-a", group, topic)
    members.append(a)
    eventually(lambda: a.owned() == [0, 1, 2], what="a alone: the first member leads, and knows who comes and goes")
    b = Ours(dohle, tmp_path, "member-b", group, topic)
    members.append(b)
    eventually(lambda: sorted((a.owned() or []) + (b.owned() or [])) == [0, 1, 2] and a.owned() and b.owned(),
               what="three partitions for two members")
    eventually(all_read(cluster, topic, a, b), what="thirty records")

    out = cluster.tool("consumer-groups", "--describe", "--group", group, "--members", "--verbose")
    rows = {line.split()[3]: line for line in out.splitlines() if line.startswith(group + " ")}
    assert sorted(rows) == ["member-a", "member-b"]
    for name, member in (("member-a", a), ("member-b", b)):
        assert f"{topic}:{','.join(map(str, member.owned()))}" in rows[name]
        assert rows[name].split()[1].startswith(name + "-")
    state = cluster.tool("consumer-groups", "--describe", "--group", group, "--state")
    assert "range" in state and "Stable" in state

    b.stop()
    eventually(lambda: a.owned() == [0, 1, 2], what="the rest for a")
    reasons = [event["reason"] for event in a.events() if event["event"] == "assigned"]
    assert reasons[0] == "first join"
    assert [("member member-b-" in reason, reason.split()[-1]) for reason in reasons[1:]] == [
        (True, "joined"), (True, "left")], reasons
    a.stop()
    assert "Empty" in cluster.tool("consumer-groups", "--describe", "--group", group, "--state")
    assert sum(committed(cluster, group).values()) == 30


def test_partitions_added_to_a_topic_are_read(cluster, dohle, members, tmp_path):
    topic, group = cluster.topic(1), unique("group")
    ours = Ours(dohle, tmp_path, "ours", group, topic, "-X", "metadata.max.age.ms=500")
    members.append(ours)
    eventually(lambda: ours.owned() == [0], what="the first assignment")
    cluster.tool("topics", "--alter", "--topic", topic, "--partitions", 3)
    eventually(lambda: ours.owned() == [0, 1, 2], what="the new partitions")
    reason = ours.events()[-1]["reason"]
    assert reason == f"the partition count of topic {topic} changed from 1 to 3"
    produce(cluster, topic, 300)
    eventually(all_read(cluster, topic, ours), what="all records")
    ours.stop()
    assert_nothing_lost_or_doubled(cluster, topic, ours)


def test_a_pattern_takes_topics_that_come_later(cluster, dohle, members, tmp_path):
    prefix, group = unique("pattern"), unique("group")
    cluster.topic(1, name=f"{prefix}-a")
    cluster.topic(1, name=f"not-{prefix}-a")
    ours = Ours(dohle, tmp_path, "ours", group, "-r", f"{prefix}-.*", "-X", "metadata.max.age.ms=500")
    members.append(ours)

    def topics():
        return [p["topic"] for p in ours.events()[-1]["partitions"]] if ours.events() else None

    eventually(lambda: topics() == [f"{prefix}-a"], what="the first topic")
    cluster.topic(1, name=f"{prefix}-b")
    eventually(lambda: topics() == [f"{prefix}-a", f"{prefix}-b"], what="both topics")
    assert ours.events()[-1]["reason"] == "the topics that match the pattern have changed"
    produce(cluster, f"{prefix}-b", 100)
    eventually(lambda: len(ours.records()) == 100, what="records of the new topic")
    cluster.tool("topics", "--delete", "--topic", f"{prefix}-a")
    eventually(lambda: topics() == [f"{prefix}-b"], what="the deleted topic to be given up")
    ours.stop()


def test_a_stopped_member_comes_back_after_its_session(cluster, dohle, members, tmp_path):
    """SIGSTOP for longer than the session: evicted, and once awake it loses and rejoins."""
    topic, group = cluster.topic(2), unique("group")
    a = Ours(dohle, tmp_path, "a", group, topic)
    members.append(a)
    eventually(lambda: a.owned() == [0, 1], what="the first assignment")
    a.process.send_signal(signal.SIGSTOP)
    b = Ours(dohle, tmp_path, "b", group, topic)
    members.append(b)
    eventually(lambda: b.owned() == [0, 1], what="b to own what a had", seconds=60)
    a.process.send_signal(signal.SIGCONT)
    eventually(lambda: len(a.owned() or []) == 1 and len(b.owned() or []) == 1, what="a to be back", seconds=60)
    assert "lost" in [event["event"] for event in a.events()]
    produce(cluster, topic, 200)
    eventually(all_read(cluster, topic, a, b), what="all records")
    a.stop()
    b.stop()


def test_a_reader_that_stalls_leaves_and_comes_back(cluster, dohle, members, tmp_path):
    """Nobody reads our output: no poll for max.poll.interval.ms. The member leaves by itself (X-053), what it
    owned is lost, and once it polls again it goes on from what was committed."""
    topic, group = cluster.topic(1), unique("group")
    produce(cluster, topic, 20000)
    events = tmp_path / "events"
    events.touch()
    process = dohle.start("consume", topic, "-g", group, "-o", "start", "-f", r"%o %v\n", "--events", events,
                          "-X", "max.poll.interval.ms=3000", *QUICK, stdout=subprocess.PIPE)
    try:
        eventually(events.read_text, what="the first assignment")
        eventually(lambda: "Empty" in cluster.tool("consumer-groups", "--describe", "--group", group, "--state"),
                   what="the member to leave")
        seen = set()
        while len(seen) < 20000:
            seen.add(int(process.stdout.readline().split(b" ")[0]))
        rows = [json.loads(line) for line in events.read_text().splitlines()]
        assert [row["event"] for row in rows][:3] == ["assigned", "lost", "assigned"]
        assert rows[1]["reason"] == rows[2]["reason"] == "max.poll.interval.ms exceeded"
        assert rows[2]["member_id"] != rows[0]["member_id"]
        process.terminate()
        process.stdout.read()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait(20)


def test_members_survive_their_coordinator(members, three_nodes, tmp_path):
    """The coordinator is killed: members keep their ids and partitions, and nothing is lost or doubled."""
    cluster = three_nodes
    dohle = Dohle(cluster.bootstrap)
    topic, group = cluster.topic(4, rf=3), unique("group")
    a, b = (Ours(dohle, tmp_path, name, group, topic) for name in ("a", "b"))
    members += [a, b]
    eventually(lambda: len(a.owned() or []) == 2 and len(b.owned() or []) == 2, what="two members")
    produce(cluster, topic, 1000)
    eventually(all_read(cluster, topic, a, b), what="all of 1000 records")
    rebalances = len(a.events()), len(b.events())
    state = cluster.tool("consumer-groups", "--describe", "--group", group, "--state").splitlines()[-1]
    node = re.search(r"\((\d+)\)", state)[1]
    cluster.node("kill", node)
    produce(cluster, topic, 1000)
    eventually(lambda: len(set(a.records() + b.records())) == 2000, what="all of 2000 records", seconds=60)
    cluster.node("start", node)
    assert (len(a.events()), len(b.events())) == rebalances
    a.stop()
    eventually(lambda: b.owned() == [0, 1, 2, 3], what="the rest for b")
    b.stop()
    assert_nothing_lost_or_doubled(cluster, topic, a, b)
