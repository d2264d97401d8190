// SPDX-License-Identifier: MIT
/*
 * Apache Kafka's assignors on random groups, for assignments_test.c:
 *
 *     Assignments COUNT SEED FILE          cases, each with what every assignor makes of it
 *     Assignments cost                     milliseconds for 5,000 partitions and 200 members
 *
 * A case is lines of words. Names are t0, t1, ... and m0, m1, ...; a rack "-" is none.
 *
 *     case
 *     topic NAME COUNT RACKS...            one word a partition: racks joined by ",", or "-"
 *     member NAME INSTANCE RACK GENERATION TOPICS OWNED    joined by ",", or "-"; OWNED: t0:1,t0:2
 *     target ASSIGNOR OWNERS               one word a topic: by partition, joined by ","; "-": nobody
 *     thrown ASSIGNOR                      Kafka's own has failed on it
 *     end
 */
import java.io.BufferedOutputStream;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.consumer.ConsumerPartitionAssignor.*;
import org.apache.kafka.common.*;
import org.apache.kafka.common.protocol.types.*;
import org.apache.kafka.coordinator.group.api.assignor.*;

public class Assignments {
    static final class Member {
        String name, instance, rack;
        int generation;
        List<String> topics = new ArrayList<>();
        List<TopicPartition> owned = new ArrayList<>();
    }

    static final class Group {
        TreeMap<String, List<String[]>> topics = new TreeMap<>();
        List<Member> members = new ArrayList<>();
    }

    static ByteBuffer userData(Member member) {
        Schema topic = new Schema(new Field("topic", Type.STRING), new Field("partitions", new ArrayOf(Type.INT32)));
        Schema schema = new Schema(new Field("previous_assignment", new ArrayOf(topic)), new Field("generation", Type.INT32));
        TreeMap<String, List<Integer>> byTopic = new TreeMap<>();
        for (TopicPartition p : member.owned) {
            byTopic.computeIfAbsent(p.topic(), t -> new ArrayList<>()).add(p.partition());
        }
        Struct struct = new Struct(schema);
        List<Struct> topics = new ArrayList<>();
        byTopic.forEach((name, partitions) -> {
            Struct one = struct.instance("previous_assignment");
            one.set("topic", name);
            one.set("partitions", partitions.toArray());
            topics.add(one);
        });
        struct.set("previous_assignment", topics.toArray());
        struct.set("generation", member.generation);
        ByteBuffer buffer = ByteBuffer.allocate(schema.sizeOf(struct));
        schema.write(buffer, struct);
        buffer.flip();
        return buffer;
    }

    static Map<TopicPartition, String> client(ConsumerPartitionAssignor assignor, Group group, boolean sticky) {
        Map<String, Node> nodes = new TreeMap<>();
        List<PartitionInfo> partitions = new ArrayList<>();
        group.topics.forEach((topic, racks) -> {
            for (int p = 0; p < racks.size(); p++) {
                Node[] replicas = new Node[racks.get(p).length];
                for (int i = 0; i < replicas.length; i++) {
                    String rack = racks.get(p)[i];
                    replicas[i] = nodes.computeIfAbsent(rack, r -> new Node(nodes.size(), "h", 1, r));
                }
                partitions.add(new PartitionInfo(topic, p, replicas.length == 0 ? null : replicas[0], replicas, replicas));
            }
        });
        Cluster cluster = new Cluster("c", nodes.values(), partitions, Set.of(), Set.of());
        Map<String, Subscription> subscriptions = new HashMap<>();
        for (Member m : group.members) {
            Subscription subscription = new Subscription(m.topics, sticky ? userData(m) : null, m.owned, m.generation, Optional.ofNullable(m.rack));
            subscription.setGroupInstanceId(Optional.ofNullable(m.instance));
            subscriptions.put(m.name, subscription);
        }
        Map<TopicPartition, String> owners = new HashMap<>();
        assignor.assign(cluster, new GroupSubscription(subscriptions)).groupAssignment()
            .forEach((name, a) -> a.partitions().forEach(p -> owners.put(p, name)));
        return owners;
    }

    // Topics keep their order as ids.
    static Uuid id(String topic) {
        return new Uuid(1, Long.parseLong(topic.substring(1)) + 1);
    }

    static Map<TopicPartition, String> server(ConsumerGroupPartitionAssignor assignor, Group group) {
        Map<String, Map<Uuid, Set<Integer>>> targets = new HashMap<>();
        Map<Uuid, Map<Integer, String>> inverted = new HashMap<>();
        Map<String, Member> members = new LinkedHashMap<>();
        Set<Set<String>> subscriptions = new HashSet<>();
        Map<TopicPartition, Member> owners = new HashMap<>();
        for (Member m : group.members) {
            members.put(m.name, m);
            subscriptions.add(new HashSet<>(m.topics));
            Map<Uuid, Set<Integer>> target = new HashMap<>();
            for (TopicPartition p : m.owned) {
                if (group.topics.containsKey(p.topic()) && p.partition() < group.topics.get(p.topic()).size()) {
                    target.computeIfAbsent(id(p.topic()), t -> new HashSet<>()).add(p.partition());
                    inverted.computeIfAbsent(id(p.topic()), t -> new HashMap<>()).put(p.partition(), m.name);
                }
            }
            targets.put(m.name, Collections.unmodifiableMap(target));
        }
        GroupSpec spec = new GroupSpec() {
            public Collection<String> memberIds() {
                return members.keySet();
            }
            public SubscriptionType subscriptionType() {
                return subscriptions.size() == 1 ? SubscriptionType.HOMOGENEOUS : SubscriptionType.HETEROGENEOUS;
            }
            public boolean isPartitionAssigned(Uuid topic, int partition) {
                return inverted.containsKey(topic) && inverted.get(topic).containsKey(partition);
            }
            public boolean isPartitionAssignable(Uuid topic, int partition) {
                return true;
            }
            public MemberSubscription memberSubscription(String name) {
                Member m = members.get(name);
                return new MemberSubscription() {
                    public Optional<String> rackId() {
                        return Optional.ofNullable(m.rack);
                    }
                    public Optional<String> instanceId() {
                        return Optional.ofNullable(m.instance);
                    }
                    public Set<Uuid> subscribedTopicIds() {
                        Set<Uuid> ids = new TreeSet<>();
                        m.topics.stream().filter(group.topics::containsKey).forEach(t -> ids.add(id(t)));
                        return ids;
                    }
                };
            }
            public MemberAssignment memberAssignment(String name) {
                return () -> targets.get(name);
            }
        };
        Map<Uuid, String> names = new HashMap<>();
        group.topics.keySet().forEach(t -> names.put(id(t), t));
        SubscribedTopicDescriber topics = new SubscribedTopicDescriber() {
            public int numPartitions(Uuid topic) {
                return group.topics.get(names.get(topic)).size();
            }
            public Set<String> racksForPartition(Uuid topic, int partition) {
                return Set.of(group.topics.get(names.get(topic)).get(partition));
            }
        };
        Map<TopicPartition, String> result = new HashMap<>();
        assignor.assign(spec, topics).members().forEach((name, a) -> a.partitions().forEach(
            (topic, set) -> set.forEach(p -> result.put(new TopicPartition(names.get(topic), p), name))));
        return result;
    }

    static Group random(Random random) {
        Group group = new Group();
        String[] racks = {"r0", "r1", "r2"};
        boolean hasRacks = random.nextInt(3) == 0;
        int topics = 1 + random.nextInt(6);
        int most = 1 + random.nextInt(random.nextInt(20) == 0 ? 40 : 12);
        boolean sameSize = random.nextInt(3) == 0;
        for (int t = 0; t < topics; t++) {
            List<String[]> partitions = new ArrayList<>();
            int count = sameSize ? most : 1 + random.nextInt(most);
            for (int p = 0; p < count; p++) {
                List<String> chosen = new ArrayList<>(List.of(racks));
                Collections.shuffle(chosen, random);
                partitions.add(hasRacks ? chosen.subList(0, 1 + random.nextInt(3)).toArray(new String[0]) : new String[0]);
            }
            group.topics.put("t" + t, partitions);
        }
        List<String> all = new ArrayList<>(group.topics.keySet());
        int count = 1 + random.nextInt(random.nextInt(20) == 0 ? 30 : 9);
        boolean equal = random.nextBoolean();
        List<String> common = equal ? new ArrayList<>(all.subList(0, 1 + random.nextInt(topics))) : null;
        List<TopicPartition> free = new ArrayList<>();
        group.topics.forEach((t, p) -> {
            for (int i = 0; i < p.size(); i++) {
                free.add(new TopicPartition(t, i));
            }
        });
        Collections.shuffle(free, random);
        int owning = random.nextInt(4); // 0: nobody yet; 3: all of it
        int disputes = random.nextInt(8);
        for (int i = 0; i < count; i++) {
            Member m = new Member();
            m.name = "m" + i;
            m.instance = random.nextInt(4) == 0 ? "i" + (99 - i) : null;
            m.rack = hasRacks && random.nextInt(6) != 0 ? (random.nextInt(12) == 0 ? "far" : racks[random.nextInt(3)]) : null;
            m.generation = disputes == 0 ? random.nextInt(4) - 1 : 5;
            for (String t : all) {
                if (equal ? common.contains(t) : random.nextInt(5) < 3) {
                    m.topics.add(t);
                }
            }
            int share = owning == 0 ? 0 : random.nextInt(2 * free.size() / (count - i) + 1);
            share = i == count - 1 && owning == 3 ? free.size() : Math.min(share, free.size());
            for (int j = 0; j < share; j++) {
                TopicPartition p = free.remove(free.size() - 1);
                if (m.topics.contains(p.topic()) || random.nextInt(8) == 0) {
                    m.owned.add(p);
                }
            }
            if (disputes == 0 && i > 0) {
                for (TopicPartition p : group.members.get(i - 1).owned) {
                    if (random.nextInt(4) == 0 && m.topics.contains(p.topic())) {
                        m.owned.add(p);
                    }
                }
            }
            group.members.add(m);
        }
        return group;
    }

    static String join(Collection<String> words) {
        return words.isEmpty() ? "-" : String.join(",", words);
    }

    static void print(PrintStream out, String name, Group group, Map<TopicPartition, String> owners) {
        out.print("target " + name);
        group.topics.forEach((t, racks) -> {
            List<String> words = new ArrayList<>();
            for (int p = 0; p < racks.size(); p++) {
                words.add(owners.getOrDefault(new TopicPartition(t, p), "-"));
            }
            out.print(" " + join(words));
        });
        out.println();
    }

    static final String[] NAMES = {"range", "roundrobin", "sticky", "cooperative-sticky", "server-range", "uniform"};

    static Map<TopicPartition, String> run(String name, Group group) {
        switch (name) {
            case "range": return client(new RangeAssignor(), group, false);
            case "roundrobin": return client(new RoundRobinAssignor(), group, false);
            case "sticky": return client(new StickyAssignor(), group, true);
            case "cooperative-sticky": return client(new CooperativeStickyAssignor(), group, false);
            case "server-range": return server(new org.apache.kafka.coordinator.group.assignor.RangeAssignor(), group);
            default: return server(new org.apache.kafka.coordinator.group.assignor.UniformAssignor(), group);
        }
    }

    static boolean isDisputed(Group group) {
        Set<TopicPartition> seen = new HashSet<>();
        return group.members.stream().flatMap(m -> m.owned.stream()).anyMatch(p -> !seen.add(p));
    }

    static void printCase(PrintStream out, Group group) {
        out.println("case");
        group.topics.forEach((t, partitions) -> {
            out.print("topic " + t + " " + partitions.size());
            partitions.forEach(racks -> out.print(" " + join(List.of(racks))));
            out.println();
        });
        for (Member m : group.members) {
            List<String> owned = new ArrayList<>();
            m.owned.forEach(p -> owned.add(p.topic() + ":" + p.partition()));
            out.println("member " + m.name + " " + (m.instance == null ? "-" : m.instance) + " " + (m.rack == null ? "-" : m.rack)
                + " " + m.generation + " " + join(m.topics) + " " + join(owned));
        }
        for (String name : NAMES) {
            // The coordinator's target has one owner a partition.
            if (!name.equals("uniform") || !isDisputed(group)) {
                try {
                    print(out, name, group, run(name, group));
                } catch (NullPointerException e) {
                    // The general algorithm fails where an earlier owner may not change any more.
                    out.println("thrown " + name);
                }
            }
        }
        out.println("end");
    }

    static Group large(boolean equal, boolean owned) {
        Group group = new Group();
        Random random = new Random(1);
        for (int t = 0; t < 50; t++) {
            List<String[]> partitions = new ArrayList<>();
            for (int p = 0; p < 100; p++) {
                partitions.add(new String[0]);
            }
            group.topics.put("t" + t, partitions);
        }
        for (int i = 0; i < 200; i++) {
            Member m = new Member();
            m.name = "m" + i;
            m.generation = 5;
            for (int t = 0; t < 50; t++) {
                if (equal || random.nextInt(2) == 0) {
                    m.topics.add("t" + t);
                }
            }
            group.members.add(m);
        }
        for (int t = 0; owned && t < 50; t++) { // by half of the members, so that half must move
            for (int p = 0; p < 100; p++) {
                group.members.get((t * 100 + p) % 100).owned.add(new TopicPartition("t" + t, p));
            }
        }
        return group;
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("cost")) {
            for (String name : NAMES) {
                for (int kind = 0; kind < 4; kind++) {
                    double best = 1e9;
                    for (int i = 0; i < 3; i++) {
                        Group group = large(kind < 2, kind % 2 == 1);
                        long begin = System.nanoTime();
                        run(name, group);
                        best = Math.min(best, (System.nanoTime() - begin) / 1e6);
                    }
                    System.out.printf("%-18s %s %s %.1f ms%n", name, kind < 2 ? "equal  " : "unequal", kind % 2 == 1 ? "owned" : "new  ", best);
                }
            }
            return;
        }
        Random random = new Random(Long.parseLong(args[1]));
        PrintStream out = new PrintStream(new BufferedOutputStream(new FileOutputStream(args[2]), 1 << 16));
        for (int i = 0; i < Integer.parseInt(args[0]); i++) {
            printCase(out, random(random));
        }
        out.close();
    }
}
