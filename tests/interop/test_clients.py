# SPDX-License-Identifier: MIT
"""Foreign clients: kcat and librdkafka as Debian has them, confluent-kafka from PyPI, franz-go, alone and in groups
with Java's members and ours.

What is not Debian's is fetched once and kept in build/clients/; the versions are pinned here and in go/go.mod."""
import fcntl
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import pytest

from conftest import BUILD, ROOT, Dohle, DohleBroker, eventually, unique
from test_group import Javas, Ours, committed

HERE = pathlib.Path(__file__).resolve().parent
FETCHED = ROOT / "build" / "clients"
CONFLUENT = "confluent-kafka==2.16.1"
CODECS = ["none", "gzip", "snappy", "lz4", "zstd"]
RDKAFKA_MEMBER = BUILD / "interop-rdkafka-member"


# ---- What is tested, and where it comes from ----

def is_absent(reason):
    pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)


def fetch(what, arguments, **kwargs):
    done = subprocess.run(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=600,
                          check=False, **kwargs)
    if done.returncode != 0:
        is_absent(f"{what} is not to be had: {done.stdout.strip()[-300:]}")


@pytest.fixture(scope="session")
def fetched():
    """The folder for what is fetched and built."""
    FETCHED.mkdir(parents=True, exist_ok=True)
    return FETCHED


class alone:
    """One at a time, over all processes: two test runs do not fetch into the same folder at once."""

    def __enter__(self):
        self.file = open(FETCHED / "lock", "w")
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_):
        self.file.close()


@pytest.fixture(scope="session")
def confluent_python(fetched):
    """A Python that has confluent-kafka."""
    folder = fetched / CONFLUENT.replace("==", "-")
    with alone():
        if not (folder / "complete").exists():
            fetch("a virtual environment", [sys.executable, "-m", "venv", "--clear", folder])
            fetch(CONFLUENT, [folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--only-binary", ":all:",
                              CONFLUENT])
            (folder / "complete").touch()
    return folder / "bin" / "python"


@pytest.fixture(scope="session")
def franz(fetched):
    """The program of tests/interop/go, which Go of Debian 12 can build."""
    if shutil.which("go") is None:
        is_absent("no Go here: franz-go cannot be built")
    program = fetched / "franz"
    with alone():
        fetch("franz-go", ["go", "build", "-buildvcs=false", "-o", program, "."], cwd=HERE / "go",
              env={**os.environ, "GOTOOLCHAIN": "local"})
    return program


@pytest.fixture(scope="session")
def rdkafka():
    if not RDKAFKA_MEMBER.exists():
        is_absent("librdkafka's headers were not there when this was built")
    return RDKAFKA_MEMBER


@pytest.fixture
def kcat(cluster):
    if shutil.which("kcat") is None:
        is_absent("no kcat here")
    return Kcat(cluster.bootstrap)


class Kcat:
    def __init__(self, bootstrap):
        self.bootstrap = bootstrap

    def run(self, *args, stdin="", check=True):
        done = subprocess.run(["kcat", "-b", self.bootstrap, "-q", "-X", "fetch.wait.max.ms=20", *map(str, args)],
                              input=stdin, capture_output=True, text=True, timeout=60, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def produce(self, topic, lines, *args):
        self.run("-P", "-t", topic, *args, stdin="".join(f"{line}\n" for line in lines))

    def read(self, topic, *args, form="%p %o %k %s\n"):
        return self.run("-C", "-t", topic, "-e", "-f", form, *args).splitlines()


def spread(kcat, topic, partitions, count):
    """The same to each partition."""
    for partition in range(partitions):
        kcat.produce(topic, range(count), "-p", partition)


# ---- Members ----

class Member:
    """A program whose output tells what it owns and reads, one event a line."""

    def __init__(self, folder, name, arguments):
        self.out = folder / f"{name}.out"
        self.errors = folder / f"{name}.err"
        self.process = subprocess.Popen(list(map(str, arguments)), stdin=subprocess.PIPE, stdout=self.out.open("wb"),
                                        stderr=self.errors.open("wb"))

    def text(self):
        text = self.out.read_text()
        return text[:text.rfind("\n") + 1]

    def lines(self, word):
        return [line[len(word) + 1:] for line in self.text().splitlines() if line.startswith(word + " ")]

    def records(self):
        return [tuple(map(int, line.split(" "))) for line in self.lines("record")]

    def changes(self):
        """What was owned after each rebalance."""
        return [[int(n) for n in line.split(",") if n] for line in self.lines("owned")]

    def owned(self):
        return (self.changes() or [None])[-1]

    def tell(self, *words):
        self.process.stdin.write((" ".join(map(str, words)) + "\n").encode())
        self.process.stdin.flush()

    def ask(self, word, *words):
        """The answer to a command that is answered with that word."""
        before = len(self.lines(word))
        self.tell(*words)
        return eventually(lambda: self.lines(word)[before:], what=f"an answer to {words}")[0]

    def stop(self, has_seen_errors=False):
        self.process.stdin.close()
        assert self.process.wait(30) == 0, self.errors.read_text()
        assert has_seen_errors or self.lines("error") == []

    def kill(self):
        self.process.kill()
        self.process.wait(20)


class KcatMember(Member):
    """kcat -G: what it owns is told on stderr, after the reason why."""

    def __init__(self, folder, name, cluster, group, topic, *options):
        super().__init__(folder, name, [
            "kcat", "-b", cluster.bootstrap, "-u", "-f", "record %p %o\n", "-X", "session.timeout.ms=6000", "-X",
            "heartbeat.interval.ms=500", "-X", "fetch.wait.max.ms=100", "-X", "auto.offset.reset=earliest", *options,
            "-G", group, topic])

    def changes(self):
        found = []
        for line in self.errors.read_text().splitlines():
            _, is_told, rest = line.partition("): assigned: ")
            numbers = [int(part.split("[")[1]) for part in rest.split("]") if "[" in part]
            if is_told or "): revoked: " in line:
                found.append(sorted(numbers))
        return found

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)


class RdkafkaMember(Member):
    def __init__(self, folder, name, cluster, group, topic, *options):
        super().__init__(folder, name, [RDKAFKA_MEMBER, cluster.bootstrap, group, topic, f"client.id={name}", *options])


class FranzMember(Member):
    def __init__(self, folder, name, program, cluster, group, topic, balancer):
        super().__init__(folder, name, [program, "member", cluster.bootstrap, group, topic, balancer])


@pytest.fixture
def members():
    started = []
    yield started
    for member in started:
        if member.process.poll() is None:
            member.kill()


def shared(count, *members):
    """A condition: all partitions are owned, each by one, and no member is without."""
    def holds():
        assert all(member.process.poll() is None for member in members), "a member has ended by itself"
        owned = [member.owned() for member in members]
        return all(owned) and sorted(itertools.chain(*owned)) == list(range(count))
    return holds


def all_are_read(wanted, *members):
    return lambda: set().union(*(set(member.records()) for member in members)) >= wanted


def offsets(partitions, begin, end):
    return {(partition, offset) for partition in range(partitions) for offset in range(begin, end)}


def assert_read_once(wanted, *members):
    assert sorted(record for member in members for record in member.records()) == sorted(wanted)


# ---- kcat ----

def test_kcat_lists_what_there_is(cluster, kcat):
    topic = cluster.topic(3)
    told = json.loads(kcat.run("-L", "-J"))
    assert [broker["name"] for broker in told["brokers"]] == [cluster.bootstrap]
    assert [len(one["partitions"]) for one in told["topics"] if one["topic"] == topic] == [3]
    one = json.loads(kcat.run("-L", "-J", "-t", topic))["topics"][0]
    leader = told["brokers"][0]["id"]
    assert [(p["partition"], p["leader"], p["isrs"]) for p in one["partitions"]] == [
        (number, leader, [{"id": leader}]) for number in range(3)]


@pytest.mark.parametrize("codec", CODECS)
def test_kcat_writes_and_reads_each_codec(cluster, kcat, dohle, codec):
    topic = cluster.topic(1)
    lines = [f"key-{i}:{codec} {'x' * (i % 97)}" for i in range(500)]
    kcat.produce(topic, lines, "-z", codec, "-K", ":", "-p", 0)
    assert kcat.read(topic, form="%k:%s\n") == lines
    assert dohle.lines("consume", topic, "-e", "-f", r"%k:%v\n") == lines


@pytest.mark.parametrize("partitioner", ["consistent_random", "murmur2_random"])
def test_kcat_and_our_producer_agree_on_partitions(cluster, kcat, dohle, partitioner):
    topic, ours = cluster.topic(5), cluster.topic(5)
    lines = [f"key-{i}:v" for i in range(200)]
    kcat.produce(topic, lines, "-K", ":", "-X", f"topic.partitioner={partitioner}")
    found = dict(line.split(" ")[::-1] for line in kcat.read(topic, form="%p %k\n"))
    assert len(found) == 200 and set(found.values()) == set("01234")
    if partitioner == "murmur2_random":
        dohle.run("produce", ours, "-K", ":", stdin="".join(f"{line}\n" for line in lines).encode())
        assert found == dict(line.split(" ")[::-1] for line in kcat.read(ours, form="%p %k\n"))


def test_kcat_reads_from_where_it_is_told(cluster, kcat):
    topic = cluster.topic(1)
    times = []
    for i in range(3):
        kcat.produce(topic, [f"{i}-{n}" for n in range(10)], "-p", 0)
        times.append(int(kcat.read(topic, "-p", 0, "-o", -1, form="%T\n")[0]))
        eventually(lambda: time.time() * 1000 > times[-1] + 2, what="another millisecond")
    numbers = lambda *args: [int(line) for line in kcat.read(topic, "-p", 0, *args, form="%o\n")]
    assert numbers("-o", "beginning") == list(range(30))
    assert numbers("-o", 12) == list(range(12, 30))
    assert numbers("-o", -4) == [26, 27, 28, 29]
    assert numbers("-o", f"s@{times[0] + 1}") == list(range(10, 30))
    assert numbers("-o", f"s@{times[0] + 1}", "-o", f"e@{times[1] + 1}") == list(range(10, 20))
    assert kcat.run("-Q", "-t", f"{topic}:0:{times[1] + 1}", "-t", f"{topic}:0:-1").splitlines()[-1].endswith("30")


def test_kcat_is_idempotent(cluster, kcat, dohle):
    topic = cluster.topic(3)
    lines = [f"{i}" for i in range(3000)]
    kcat.produce(topic, lines, "-X", "enable.idempotence=true", "-X", "batch.num.messages=50", "-X", "linger.ms=0")
    assert sorted(kcat.read(topic, form="%s\n")) == sorted(lines)
    assert sorted(dohle.lines("consume", topic, "-e")) == sorted(lines)


def test_kcats_share_a_group(cluster, kcat, members, tmp_path):
    """Two share the partitions, a third comes, one leaves in good order: nothing is lost or doubled."""
    topic, group = cluster.topic(4), unique("group")
    a, b = (KcatMember(tmp_path, name, cluster, group, topic) for name in "ab")
    members += [a, b]
    eventually(shared(4, a, b), what="two members with what is theirs")
    assert (len(a.owned()), len(b.owned())) == (2, 2)
    spread(kcat, topic, 4, 100)
    eventually(all_are_read(offsets(4, 0, 100), a, b), what="the first records")
    c = KcatMember(tmp_path, "c", cluster, group, topic)
    members.append(c)
    eventually(shared(4, a, b, c), what="three members")
    a.stop()
    eventually(shared(4, b, c), what="two are left")
    spread(kcat, topic, 4, 100)
    eventually(all_are_read(offsets(4, 0, 200), a, b, c), what="the rest of the records")
    b.stop()
    c.stop()
    assert_read_once(offsets(4, 0, 200), a, b, c)


# ---- librdkafka of Debian ----

@pytest.mark.parametrize("strategy", ["range", "cooperative-sticky"])
def test_librdkafka_shares_a_group(cluster, kcat, rdkafka, members, tmp_path, strategy):
    topic, group = cluster.topic(4), unique("group")
    option = f"partition.assignment.strategy={strategy}"
    a = RdkafkaMember(tmp_path, "a", cluster, group, topic, option)
    members.append(a)
    eventually(shared(4, a), what="the first assignment")
    spread(kcat, topic, 4, 100)
    b = RdkafkaMember(tmp_path, "b", cluster, group, topic, option)
    members.append(b)
    eventually(shared(4, a, b), what="two members")
    assert (len(a.owned()), len(b.owned())) == (2, 2)
    if strategy == "cooperative-sticky":
        assert [] not in a.changes(), "what stays is never given up"
    spread(kcat, topic, 4, 100)
    eventually(all_are_read(offsets(4, 0, 200), a, b), what="all records")
    a.stop()
    eventually(shared(4, b), what="all of it for the other")
    spread(kcat, topic, 4, 10)
    eventually(all_are_read(offsets(4, 0, 210), a, b), what="the last records")
    b.stop()
    assert_read_once(offsets(4, 0, 210), a, b)


def test_librdkafka_commits_by_hand_and_seeks(cluster, kcat, rdkafka, members, tmp_path):
    topic, group = cluster.topic(1), unique("group")
    kcat.produce(topic, range(50), "-p", 0)
    a = RdkafkaMember(tmp_path, "a", cluster, group, topic, "enable.auto.offset.store=false")
    members.append(a)
    eventually(all_are_read(offsets(1, 0, 50), a), what="all records")
    assert a.ask("committed", "committed", 0) == "0 -1001 "
    assert a.ask("done", "commit", 0, 20, "until here: käse, \"quoted\"  ") == "0 20"
    assert a.ask("committed", "committed", 0) == "0 20 until here: käse, \"quoted\"  "
    assert a.ask("sought", "seek", 0, 45) == "0 45"
    eventually(lambda: a.records()[50:] == [(0, n) for n in range(45, 50)], what="what is read again")
    a.stop()
    b = RdkafkaMember(tmp_path, "b", cluster, group, topic, "enable.auto.offset.store=false")
    members.append(b)
    eventually(all_are_read(offsets(1, 20, 50), b), what="what was not committed")
    assert_read_once(offsets(1, 20, 50), b)
    assert b.ask("committed", "committed", 0) == "0 20 until here: käse, \"quoted\"  "
    b.stop()


def test_a_static_librdkafka_comes_back_without_a_rebalance(cluster, kcat, rdkafka, members, tmp_path):
    topic, group = cluster.topic(4), unique("group")
    spread(kcat, topic, 4, 10)
    a, b = (RdkafkaMember(tmp_path, name, cluster, group, topic, f"group.instance.id={name}") for name in "ab")
    members += [a, b]
    eventually(shared(4, a, b), what="two members")
    eventually(all_are_read(offsets(4, 0, 10), a, b), what="the first records")
    before, owned = len(b.changes()), a.owned()
    a.stop()
    again = RdkafkaMember(tmp_path, "a-again", cluster, group, topic, "group.instance.id=a")
    members.append(again)
    eventually(lambda: again.owned() == owned, what="the same partitions as before")
    spread(kcat, topic, 4, 10)
    eventually(all_are_read(offsets(4, 0, 20), a, b, again), what="all records")
    assert len(b.changes()) == before
    # Whoever comes with the same name fences the one that has it.
    thief = RdkafkaMember(tmp_path, "thief", cluster, group, topic, "group.instance.id=a")
    members.append(thief)
    eventually(lambda: thief.owned() == owned, what="what the fenced member had")
    eventually(lambda: any("FENCED" in line.upper() for line in again.lines("error")), what="the fenced member to know")
    again.kill()
    assert len(b.changes()) == before
    thief.stop()
    b.stop()
    assert_read_once(offsets(4, 0, 20), a, b, again, thief)


# ---- confluent-kafka of PyPI ----

@pytest.mark.parametrize("verb", ["admin", "groups", "records"])
def test_confluent_kafka(cluster, confluent_python, verb):
    done = subprocess.run([confluent_python, HERE / "python" / "confluent.py", verb, cluster.bootstrap, unique(verb)],
                          capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# ---- franz-go ----

@pytest.mark.parametrize("codec", CODECS)
def test_franz_go_writes_and_reads_each_codec(cluster, franz, dohle, codec):
    topic = cluster.topic(3)
    subprocess.run([franz, "produce", cluster.bootstrap, topic, "3", "900", codec], check=True, timeout=60)
    wanted = sorted(f"{n % 3} {n // 3} k{n} value {n}" for n in range(900))
    found = subprocess.run([franz, "consume", cluster.bootstrap, topic, "900"], check=True, timeout=60,
                           stdout=subprocess.PIPE, text=True).stdout
    assert sorted(found.splitlines()) == wanted
    assert sorted(dohle.lines("consume", topic, "-e", "-f", r"%p %o %k %v\n")) == wanted


def test_franz_go_administers(cluster, franz):
    done = subprocess.run([franz, "admin", cluster.bootstrap, unique("topic"), unique("group")], timeout=60,
                          capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


@pytest.mark.parametrize("balancer", ["range", "cooperative"])
def test_franz_go_shares_a_group(cluster, kcat, franz, members, tmp_path, balancer):
    topic, group = cluster.topic(4), unique("group")
    a = FranzMember(tmp_path, "a", franz, cluster, group, topic, balancer)
    members.append(a)
    eventually(shared(4, a), what="the first assignment")
    spread(kcat, topic, 4, 100)
    b = FranzMember(tmp_path, "b", franz, cluster, group, topic, balancer)
    members.append(b)
    eventually(shared(4, a, b), what="two members")
    if balancer == "cooperative":
        assert [] not in a.changes(), "what stays is never given up"
    spread(kcat, topic, 4, 100)
    eventually(all_are_read(offsets(4, 0, 200), a, b), what="all records")
    a.stop()
    eventually(shared(4, b), what="all of it for the other")
    b.stop()
    assert_read_once(offsets(4, 0, 200), a, b)


def test_cooperative_members_of_two_kinds_share_a_group(cluster, kcat, franz, rdkafka, members, tmp_path):
    """franz-go and librdkafka read each other's cooperative-sticky user data."""
    topic, group = cluster.topic(4), unique("group")
    a = RdkafkaMember(tmp_path, "a", cluster, group, topic, "partition.assignment.strategy=cooperative-sticky")
    members.append(a)
    eventually(shared(4, a), what="the first assignment")
    b = FranzMember(tmp_path, "b", franz, cluster, group, topic, "cooperative")
    members.append(b)
    eventually(shared(4, a, b), what="two members")
    assert [] not in a.changes()
    spread(kcat, topic, 4, 100)
    eventually(all_are_read(offsets(4, 0, 100), a, b), what="all records")
    a.stop()
    eventually(shared(4, b), what="all of it for the other")
    b.stop()
    assert_read_once(offsets(4, 0, 100), a, b)


# ---- Our broker under pressure ----

def own_kcat(one):
    if shutil.which("kcat") is None:
        is_absent("no kcat here")
    return Kcat(one.bootstrap)


@pytest.fixture
def three_of_ours(tmp_path):
    three = DohleBroker(tmp_path / "three", nodes=3)
    yield three
    three.down()


def leader_of(kcat, topic, partition=0):
    told = json.loads(kcat.run("-L", "-J", "-t", topic))["topics"][0]["partitions"]
    return next(one["leader"] for one in told if one["partition"] == partition)


def coordinator_of(one, group):
    return next(word[5:] for word in one.control("coordinator", group).split() if word.startswith("node="))


def test_an_idempotent_kcat_outlives_its_leaders(three_of_ours):
    """Every leader is killed once while it writes: each record is there once, in order."""
    kcat = own_kcat(three_of_ours)
    topic = three_of_ours.topic(1, rf=3)
    writer = subprocess.Popen(
        ["kcat", "-b", three_of_ours.bootstrap, "-q", "-E", "-P", "-t", topic, "-p", "0", "-X",
         "enable.idempotence=true", "-X", "linger.ms=0", "-X", "batch.num.messages=20"],
        stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    count = 0
    killed = set()
    while len(killed) < 3:
        for _ in range(500):
            writer.stdin.write(f"{count}\n")
            count += 1
        writer.stdin.flush()
        node = leader_of(kcat, topic)
        three_of_ours.node("kill", node)
        killed.add(node)
        for _ in range(500):
            writer.stdin.write(f"{count}\n")
            count += 1
        writer.stdin.flush()
        eventually(lambda: leader_of(kcat, topic) not in (node, -1), what="another leader")
        three_of_ours.node("start", node)
        three_of_ours.control("leader", topic, 0, min({1, 2, 3} - killed, default=1))
    _, errors = writer.communicate(timeout=60)
    assert writer.returncode == 0, errors
    assert kcat.read(topic, form="%o %s\n") == [f"{n} {n}" for n in range(count)]


@pytest.mark.parametrize("name", ["kcat", "franz-go"])
def test_what_was_written_and_not_answered_is_not_written_twice(broker, franz, name):
    """The batch is in the log, and the connection ends before the answer: the producer sends it again."""
    kcat = own_kcat(broker)
    topic = broker.topic(1)
    broker.control("fault", "add", "api=Produce", "count=3", "drop-after")
    if name == "kcat":
        kcat.produce(topic, [f"value {n}" for n in range(2000)], "-E", "-p", 0, "-X", "enable.idempotence=true", "-X",
                     "linger.ms=0", "-X", "batch.num.messages=100")
    else:
        subprocess.run([franz, "produce", broker.bootstrap, topic, "1", "2000", "none"], check=True, timeout=60)
    assert "hits=3 " in broker.control("fault", "list")
    assert kcat.read(topic, form="%o %s\n") == [f"{n} value {n}" for n in range(2000)]


def test_foreign_members_outlive_their_coordinator(three_of_ours, franz, rdkafka, members, tmp_path):
    kcat = own_kcat(three_of_ours)
    topic, group = three_of_ours.topic(6, rf=3), unique("group")
    rd = RdkafkaMember(tmp_path, "rdkafka", three_of_ours, group, topic)
    go = FranzMember(tmp_path, "franz", franz, three_of_ours, group, topic, "range")
    cat = KcatMember(tmp_path, "kcat", three_of_ours, group, topic)
    members += [rd, go, cat]
    eventually(shared(6, rd, go, cat), what="three members")
    spread(kcat, topic, 6, 50)
    eventually(all_are_read(offsets(6, 0, 50), rd, go, cat), what="the first records")
    node = coordinator_of(three_of_ours, group)
    three_of_ours.node("kill", node)
    spread(kcat, topic, 6, 50)
    eventually(all_are_read(offsets(6, 0, 100), rd, go, cat), what="all records")
    three_of_ours.node("start", node)
    eventually(shared(6, rd, go, cat), what="three members, as before")
    cat.stop()
    eventually(shared(6, rd, go), what="two members")
    spread(kcat, topic, 6, 50)
    eventually(all_are_read(offsets(6, 0, 150), rd, go, cat), what="the last records")
    rd.stop(has_seen_errors=True)
    go.stop(has_seen_errors=True)


def test_foreign_members_outlive_a_crash_of_the_broker(broker, franz, rdkafka, members, tmp_path):
    """All that was in memory is gone: groups and producers are what the logs tell."""
    kcat = own_kcat(broker)
    topic, group = broker.topic(4), unique("group")
    rd = RdkafkaMember(tmp_path, "rdkafka", broker, group, topic)
    go = FranzMember(tmp_path, "franz", franz, broker, group, topic, "range")
    members += [rd, go]
    eventually(shared(4, rd, go), what="two members")
    writer = subprocess.Popen(
        ["kcat", "-b", broker.bootstrap, "-q", "-E", "-P", "-t", topic, "-p", "0", "-X", "enable.idempotence=true", "-X",
         "linger.ms=0", "-X", "batch.num.messages=20"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    count = 0
    for _ in range(3):
        writer.stdin.write("".join(f"{n}\n" for n in range(count, count + 500)))
        writer.stdin.flush()
        count += 500
        eventually(lambda: len(set(rd.records() + go.records())) > count - 500, what="some of them")
        broker.control("restart", "crash")
    _, errors = writer.communicate(timeout=60)
    assert writer.returncode == 0, errors
    assert kcat.read(topic, form="%o %s\n") == [f"{n} {n}" for n in range(count)]
    eventually(all_are_read({(0, n) for n in range(count)}, rd, go), what="all records")
    rd.stop(has_seen_errors=True)
    eventually(shared(4, go), what="all of it for the other")
    go.stop(has_seen_errors=True)


def test_confluent_kafka_is_offered_what_it_knows(broker, confluent_python):
    """Not that it gets along, but that it does so with the newest versions it has."""
    subprocess.run([confluent_python, HERE / "python" / "confluent.py", "groups", broker.bootstrap, unique("new")],
                   check=True, timeout=120)
    used = {}
    for line in broker.control("journal", 256).splitlines():
        words = dict(word.split("=", 1) for word in line.split(" ") if "=" in word)
        if words.get("client") in ("rdkafka", "the-client"):
            used[words["api"]] = max(used.get(words["api"], 0), int(words["version"]))
    wanted = {"Produce": 10, "Fetch": 16, "ListOffsets": 7, "Metadata": 13, "OffsetCommit": 9, "OffsetFetch": 9,
              "JoinGroup": 5, "ListGroups": 5, "DescribeGroups": 5, "InitProducerId": 4}
    assert wanted == {api: used.get(api) for api in wanted}


# ---- All of them in one group of ours ----

def test_members_of_four_kinds_share_a_group(broker, franz, rdkafka, members, tmp_path):
    """Range is what all of them know. One of each is there, one is killed, one leaves: each partition has one owner
    after each change, and nothing is lost."""
    kcat = own_kcat(broker)
    topic, group = broker.topic(8), unique("group")
    java = Javas(broker, tmp_path, "java", group, topic)
    members.append(java)
    ours = Ours(Dohle(broker.bootstrap), tmp_path, "ours", group, topic)
    rd = RdkafkaMember(tmp_path, "rdkafka", broker, group, topic)
    go = FranzMember(tmp_path, "franz", franz, broker, group, topic, "range")
    members += [ours, rd, go]
    eventually(shared(8, java, ours, rd, go), what="four members", seconds=60)
    assert [len(member.owned()) for member in (java, ours, rd, go)] == [2, 2, 2, 2]
    spread(kcat, topic, 8, 100)
    eventually(all_are_read(offsets(8, 0, 100), java, ours, rd, go), what="the first records")
    rd.kill()
    spread(kcat, topic, 8, 100)
    eventually(shared(8, java, ours, go), what="the session time-out of the killed one")
    eventually(all_are_read(offsets(8, 0, 200), java, ours, rd, go), what="what came meanwhile")
    go.stop()
    eventually(shared(8, java, ours), what="two that are left")
    spread(kcat, topic, 8, 100)
    eventually(all_are_read(offsets(8, 0, 300), java, ours, rd, go), what="all records")
    java.stop()
    eventually(shared(8, ours), what="all of it for ours")
    ours.stop()
    # What the killed one had printed and not committed is read again; what left in good order did commit.
    rest = [record for member in (java, ours, go) for record in member.records()]
    assert len(rest) == len(set(rest))
    assert committed(broker, group) == {partition: 300 for partition in range(8)}
