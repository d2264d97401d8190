// SPDX-License-Identifier: MIT
// A Java member of a group: range assignor unless told otherwise, commits after each poll, prints what it owns and reads.
// Arguments: bootstrap, group, topic, limit (stop after so many records; 0: until standard input ends).
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public class GroupMember {
    static String join(Collection<TopicPartition> partitions) {
        return partitions.stream().map(p -> String.valueOf(p.partition())).sorted().collect(Collectors.joining(","));
    }

    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", args[0]);
        properties.put("group.id", args[1]);
        properties.put("auto.offset.reset", "earliest");
        properties.put("enable.auto.commit", "false");
        properties.put("session.timeout.ms", "6000");
        properties.put("heartbeat.interval.ms", "500");
        properties.put("partition.assignment.strategy",
            "org.apache.kafka.clients.consumer." + (args.length > 4 ? args[4] : "RangeAssignor"));
        long limit = Long.parseLong(args[3]);
        AtomicBoolean stop = new AtomicBoolean();
        if (limit == 0) {
            Thread watch = new Thread(() -> {
                try {
                    while (System.in.read() >= 0) {
                    }
                } catch (java.io.IOException ignored) {
                }
                stop.set(true);
            });
            watch.setDaemon(true);
            watch.start();
        }
        long seen = 0;
        try (var consumer = new KafkaConsumer<>(properties, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
            consumer.subscribe(List.of(args[2]), new ConsumerRebalanceListener() {
                public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                    System.out.println("assigned " + join(partitions));
                    System.out.flush();
                }

                public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                    System.out.println("revoked " + join(partitions));
                    System.out.flush();
                }
            });
            while (!stop.get() && (limit == 0 || seen < limit)) {
                for (var record : consumer.poll(Duration.ofMillis(200))) {
                    System.out.println("record " + record.partition() + " " + record.offset());
                    seen++;
                }
                System.out.flush();
                consumer.commitSync();
            }
        }
        System.out.println("closed " + seen);
    }
}
