// SPDX-License-Identifier: MIT
/*
 * Writes batches.txt: batches as Apache Kafka's own encoder makes them, each
 * with the records that its own decoder reads from it. Run by hand, and again
 * only for new cases:
 *
 *     java -cp 'DIR-WITH-KAFKA-4.4.0-JARS/*' tests/golden/GoldenBatches.java > tests/golden/batches.txt
 *
 * One line is one fact:
 *
 *     case NAME
 *     batch MAGIC CODEC BASE LAST PRODUCER-ID PRODUCER-EPOCH SEQUENCE LEADER-EPOCH TRANSACTIONAL CONTROL BYTES
 *     record OFFSET TIMESTAMP TIMESTAMP-TYPE KEY VALUE [NAME=VALUE]...
 *
 * BYTES is hexadecimal. Keys, values and names are hexadecimal, "-" for null,
 * "." for empty, or PATTERN*COUNT for a repeated pattern.
 */
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.*;

public class GoldenBatches {
    static final long TIME = 1_700_000_000_000L;

    static final class Row {
        final long offset;
        final long timestamp;
        final byte[] key;
        final byte[] value;
        final Header[] headers;

        Row(long offset, long timestamp, byte[] key, byte[] value, Header... headers) {
            this.offset = offset;
            this.timestamp = timestamp;
            this.key = key;
            this.value = value;
            this.headers = headers;
        }
    }

    static byte[] bytes(String text) {
        return text == null ? null : text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
    }

    static Header header(String name, String value) {
        return new RecordHeader(name, bytes(value));
    }

    static byte[] repeat(String pattern, int count) {
        return bytes(pattern.repeat(count));
    }

    static List<Row> rows(long base, boolean headers, boolean gaps) {
        List<Row> rows = new ArrayList<>();
        Header[] none = new Header[0];
        Header[] three = headers
            ? new Header[] {header("trace", "abc"), header("trace", null), header("", ""), header("\u00e4\u20ac", "\u0001")}
            : none;
        rows.add(new Row(base, TIME, bytes("key"), bytes("value")));
        rows.add(new Row(base + 1, TIME + 5, null, bytes("")));
        rows.add(new Row(base + (gaps ? 7 : 2), TIME - 100000, bytes(""), null));
        rows.add(new Row(base + (gaps ? 8 : 3), TIME + 1, null, null, three));
        rows.add(new Row(base + (gaps ? 300 : 4), TIME + 2, bytes("k2"), repeat("0123456789", 20), three));
        return rows;
    }

    static String text(byte[] data) {
        if (data == null) {
            return "-";
        }
        if (data.length == 0) {
            return ".";
        }
        String hex = HexFormat.of().formatHex(data);
        if (data.length > 100 && data.length % 10 == 0
            && hex.substring(0, 20).repeat(data.length / 10).equals(hex)) {
            return hex.substring(0, 20) + "*" + data.length / 10;
        }
        return hex;
    }

    static byte[] array(ByteBuffer buffer) {
        if (buffer == null) {
            return null;
        }
        byte[] data = new byte[buffer.remaining()];
        buffer.duplicate().get(data);
        return data;
    }

    static void print(String name, ByteBuffer buffer) {
        System.out.println("case " + name);
        byte[] all = array(buffer);
        int at = 0;
        for (RecordBatch batch : MemoryRecords.readableRecords(buffer).batches()) {
            int size = batch.sizeInBytes();
            boolean wrapper = batch.magic() < 2 && batch.isCompressed();
            System.out.printf("batch %d %d %d %d %d %d %d %d %d %d %s%n", batch.magic(), batch.compressionType().id,
                wrapper ? -1 : batch.baseOffset(), batch.lastOffset(), batch.producerId(), batch.producerEpoch(),
                batch.baseSequence(), batch.partitionLeaderEpoch(), batch.isTransactional() ? 1 : 0,
                batch.isControlBatch() ? 1 : 0,
                HexFormat.of().formatHex(Arrays.copyOfRange(all, at, at + size)));
            at += size;
            for (org.apache.kafka.common.record.internal.Record record : batch) {
                StringBuilder line = new StringBuilder();
                line.append("record ").append(record.offset()).append(' ').append(record.timestamp()).append(' ')
                    .append(batch.timestampType().id).append(' ').append(text(array(record.key()))).append(' ')
                    .append(text(array(record.value())));
                for (Header header : record.headers()) {
                    line.append(' ').append(text(bytes(header.key()))).append('=').append(text(header.value()));
                }
                System.out.println(line);
            }
        }
    }

    static MemoryRecordsBuilder builder(ByteBuffer buffer, int magic, Compression codec, TimestampType type, long base,
                                        boolean transactional) {
        return MemoryRecords.builder(buffer, (byte) magic, codec, type, base, TIME + 77,
            transactional ? 4242 : RecordBatch.NO_PRODUCER_ID,
            transactional ? (short) 3 : RecordBatch.NO_PRODUCER_EPOCH,
            transactional ? 17 : RecordBatch.NO_SEQUENCE, transactional, false, magic == 2 ? 9 : -1);
    }

    static ByteBuffer build(int magic, Compression codec, TimestampType type, long base, boolean transactional,
                            List<Row> rows) {
        ByteBuffer buffer = ByteBuffer.allocate(1 << 20);
        MemoryRecordsBuilder builder = builder(buffer, magic, codec, type, base, transactional);
        for (Row row : rows) {
            builder.appendWithOffset(row.offset, magic == 0 ? -1 : row.timestamp, row.key, row.value, row.headers);
        }
        return builder.build().buffer();
    }

    static Compression[] codecs(int magic) {
        Compression[] all = {
            Compression.of(CompressionType.NONE).build(), Compression.of(CompressionType.GZIP).build(),
            Compression.of(CompressionType.SNAPPY).build(), Compression.of(CompressionType.LZ4).build(),
            Compression.of(CompressionType.ZSTD).build()};
        return magic == 2 ? all : Arrays.copyOf(all, 4);
    }

    static List<Row> large(long base) {
        List<Row> rows = new ArrayList<>();
        rows.add(new Row(base, TIME, bytes("large"), repeat("abcdefghij", 20000)));
        rows.add(new Row(base + 1, TIME, bytes("after"), bytes("it")));
        return rows;
    }

    public static void main(String[] arguments) {
        for (int magic = 0; magic <= 2; magic++) {
            for (Compression codec : codecs(magic)) {
                String name = "v" + magic + "-" + codec.type().name;
                TimestampType create = magic == 0 ? TimestampType.NO_TIMESTAMP_TYPE : TimestampType.CREATE_TIME;
                print(name, build(magic, codec, create, 1000, false, rows(1000, magic == 2, false)));
                if (codec.type() != CompressionType.NONE && codec.type() != CompressionType.SNAPPY) {
                    print(name + "-large", build(magic, codec, create, 5, false, large(5)));
                }
                if (magic > 0) {
                    print(name + "-append-time",
                        build(magic, codec, TimestampType.LOG_APPEND_TIME, 50, false, rows(50, false, false)));
                    print(name + "-gaps", build(magic, codec, create, 1L << 40, magic == 2,
                        rows(1L << 40, magic == 2, true)));
                }
            }
        }
        print("v2-snappy-large", build(2, Compression.of(CompressionType.SNAPPY).build(), TimestampType.CREATE_TIME, 5,
            false, large(5)));
        for (ControlRecordType type : new ControlRecordType[] {ControlRecordType.ABORT, ControlRecordType.COMMIT}) {
            print("control-" + type.name().toLowerCase(),
                MemoryRecords.withEndTransactionMarker(90, TIME, 4, 4242, (short) 3,
                    new EndTransactionMarker(type, 12)).buffer());
        }
        ByteBuffer empty = ByteBuffer.allocate(100);
        DefaultRecordBatch.writeEmptyHeader(empty, (byte) 2, 4242, (short) 3, 17, 700, 799, 6, TimestampType.CREATE_TIME,
            TIME, true, false);
        empty.flip();
        print("compacted-away", empty);
        ByteBuffer several = ByteBuffer.allocate(1 << 16);
        several.put(build(2, Compression.of(CompressionType.LZ4).build(), TimestampType.CREATE_TIME, 0, false,
            rows(0, true, false)));
        several.put(build(2, Compression.NONE, TimestampType.CREATE_TIME, 5, true, rows(5, true, false)));
        several.put(build(2, Compression.of(CompressionType.ZSTD).build(), TimestampType.CREATE_TIME, 20, false,
            rows(20, true, false)));
        several.flip();
        print("several", several);
    }
}
