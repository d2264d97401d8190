// SPDX-License-Identifier: MIT
// Fills partition 0 of a topic with records of every awkward shape, in the codec named, and prints
// each as one line that a test compares byte for byte: offset, timestamp, key, value, headers.
// Arguments: bootstrap, topic, codec, count.
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class ProduceEverything {
    static String hex(byte[] bytes) {
        return bytes == null ? "null" : "x" + HexFormat.of().formatHex(bytes);
    }

    static byte[] bytes(Random random, int kind) {
        switch (kind % 6) {
            case 0: return null;
            case 1: return new byte[0];
            case 2: return new byte[] {0};
            case 3: return "käse-\u0000-\n".getBytes(StandardCharsets.UTF_8);
            case 4: return "a".repeat(random.nextInt(5000)).getBytes(StandardCharsets.UTF_8);
            default:
                byte[] noise = new byte[random.nextInt(300)];
                random.nextBytes(noise);
                return noise;
        }
    }

    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", args[0]);
        properties.put("compression.type", args[2]);
        properties.put("linger.ms", "20");
        Random random = new Random(7);
        List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
        List<Future<RecordMetadata>> results = new ArrayList<>();
        try (var producer = new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer())) {
            int count = Integer.parseInt(args[3]);
            for (int i = 0; i < count; i++) {
                var record = new ProducerRecord<byte[], byte[]>(args[1], 0, 1_700_000_000_000L + i * 7L,
                        bytes(random, i), bytes(random, i / 6));
                for (int h = 0; h < i % 4; h++) {
                    record.headers().add("name-" + h % 2, bytes(random, i + h));
                }
                records.add(record);
                results.add(producer.send(record));
            }
        }
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < records.size(); i++) {
            var record = records.get(i);
            out.append(results.get(i).get().offset()).append(' ').append(record.timestamp()).append(' ')
                    .append(hex(record.key())).append(' ').append(hex(record.value()));
            for (Header header : record.headers()) {
                out.append(' ').append(header.key()).append('=').append(hex(header.value()));
            }
            out.append('\n');
        }
        System.out.print(out);
    }
}
