// SPDX-License-Identifier: MIT
import java.io.IOException;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.Locale;

import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.protocol.Message;
import org.apache.kafka.common.protocol.MessageUtil;
import org.apache.kafka.common.protocol.types.BoundField;
import org.apache.kafka.common.protocol.types.Schema;
import org.apache.kafka.common.protocol.types.TaggedFields;
import org.apache.kafka.common.record.internal.MemoryRecords;

/*
 * Writes golden files with Kafka's own classes.
 *
 *     MakeGolden messages LIST    a line per message, version and filling: these and the bytes in hex
 *     MakeGolden errors           a line per error code: code, name, retriable or final
 *
 * LIST has a line per message: name, lowest and highest version. Each is written three times:
 * with all its fields set, with null wherever the version allows it, and with its defaults. Which
 * fields a version has is taken from the schemas inside Kafka's classes; values come from a
 * counter, so two runs give the same file.
 */
public class MakeGolden {
    private static final String[] PACKAGES = {
        "org.apache.kafka.common.message.%sData",
        "org.apache.kafka.common.message.%s",
        "org.apache.kafka.coordinator.group.generated.%s",
    };

    private enum Filling { FULL, NULLS, DEFAULTS }

    private final Filling filling;
    private long counter;

    private MakeGolden(Filling filling, long seed) {
        this.filling = filling;
        this.counter = seed;
    }

    public static void main(String[] args) throws Exception {
        if (args[0].equals("errors")) {
            errors();
        } else {
            messages(Path.of(args[1]));
        }
    }

    private static void errors() {
        for (Errors error : Errors.values()) {
            boolean retriable = error.exception() instanceof RetriableException;
            System.out.println(error.code() + " " + error.name() + " " + (retriable ? "retriable" : "final"));
        }
    }

    private static void messages(Path list) throws IOException, ReflectiveOperationException {
        for (String line : Files.readAllLines(list)) {
            String[] words = line.split(" ");
            for (short v = Short.parseShort(words[1]); v <= Short.parseShort(words[2]); v++) {
                for (Filling filling : Filling.values()) {
                    write(words[0], v, filling);
                }
            }
        }
    }

    private static void write(String name, short version, Filling filling) throws ReflectiveOperationException {
        Class<?> type = find(name);
        Message message = (Message) type.getConstructor().newInstance();
        Schema[] schemas = (Schema[]) type.getField("SCHEMAS").get(null);
        if (filling != Filling.DEFAULTS) {
            new MakeGolden(filling, name.hashCode() * 31L + version).fill(message, schemas[version]);
        }
        ByteBuffer buffer;
        try {
            buffer = MessageUtil.toByteBufferAccessor(message, version).buffer();
        } catch (NullPointerException e) {
            return; // a default of null where the version does not allow it yet
        }
        byte[] bytes = new byte[buffer.remaining()];
        buffer.get(bytes);
        String how = filling.name().toLowerCase(Locale.ROOT);
        System.out.println(name + " " + version + " " + how + " " + HexFormat.of().formatHex(bytes));
    }

    private static Class<?> find(String name) throws ClassNotFoundException {
        for (String pattern : PACKAGES) {
            try {
                return Class.forName(String.format(pattern, name));
            } catch (ClassNotFoundException e) {
                // The next one.
            }
        }
        throw new ClassNotFoundException(name);
    }

    private void fill(Object message, Schema schema) throws ReflectiveOperationException {
        for (BoundField bound : schema.fields()) {
            if (bound.def.type instanceof TaggedFields tagged) {
                for (var field : tagged.fields().values()) {
                    fill(message, field.name, field.type);
                }
            } else {
                fill(message, bound.def.name, bound.def.type);
            }
        }
    }

    private void fill(Object message, String name, org.apache.kafka.common.protocol.types.Type type)
            throws ReflectiveOperationException {
        Field field = member(message.getClass(), name);
        field.setAccessible(true);
        if (filling == Filling.NULLS && type.isNullable()) {
            field.set(message, null);
            return;
        }
        field.set(message, value(field.getGenericType(), type));
    }

    // Kafka's schemas have names with underscores, its classes have camels.
    private static Field member(Class<?> type, String name) {
        String wanted = name.replace("_", "");
        for (Field field : type.getDeclaredFields()) {
            if (!Modifier.isStatic(field.getModifiers()) && field.getName().equalsIgnoreCase(wanted)) {
                return field;
            }
        }
        throw new IllegalStateException(type + " has no " + name);
    }

    private Object value(Type java, org.apache.kafka.common.protocol.types.Type type)
            throws ReflectiveOperationException {
        if (type.isArray()) {
            return array(java, type.arrayElementType().get());
        }
        if (type instanceof Schema schema) {
            Object item = ((Class<?>) java).getConstructor().newInstance();
            fill(item, schema);
            return item;
        }
        long number = next();
        return switch (java.getTypeName()) {
            case "boolean", "java.lang.Boolean" -> number % 2 == 0;
            case "byte", "java.lang.Byte" -> (byte) number;
            case "short", "java.lang.Short" -> (short) number;
            case "int", "java.lang.Integer" -> (int) number;
            case "long", "java.lang.Long" -> number;
            case "double", "java.lang.Double" -> number / 8.0;
            case "java.lang.String" -> text(number);
            case "byte[]" -> text(number).getBytes(StandardCharsets.UTF_8);
            case "java.nio.ByteBuffer" -> ByteBuffer.wrap(text(number).getBytes(StandardCharsets.UTF_8));
            case "org.apache.kafka.common.Uuid" -> new Uuid(number, ~number);
            case "org.apache.kafka.common.record.internal.BaseRecords" ->
                MemoryRecords.readableRecords(ByteBuffer.wrap(text(number).getBytes(StandardCharsets.UTF_8)));
            default -> throw new IllegalStateException(java.getTypeName());
        };
    }

    @SuppressWarnings({"unchecked", "rawtypes"})
    private Object array(Type java, org.apache.kafka.common.protocol.types.Type element)
            throws ReflectiveOperationException {
        Type itemType;
        Collection items;
        if (java instanceof ParameterizedType list) {
            itemType = list.getActualTypeArguments()[0];
            items = new ArrayList<>();
        } else {
            Class<?> type = (Class<?>) java;
            itemType = ((ParameterizedType) type.getGenericSuperclass()).getActualTypeArguments()[0];
            items = (Collection) type.getConstructor().newInstance();
        }
        int count = filling == Filling.FULL ? 2 : (int) (Math.floorMod(next(), 2L));
        for (int i = 0; i < count; i++) {
            items.add(value(itemType, element));
        }
        return items;
    }

    // A number of any size and sign; the same sequence in every run.
    private long next() {
        counter = counter * 6364136223846793005L + 1442695040888963407L;
        return counter >> (counter >>> 58);
    }

    // Mostly short; some long enough for a length of two bytes, some not ASCII.
    private static String text(long number) {
        int kind = (int) Math.floorMod(number, 24L);
        if (kind == 0) {
            return "";
        }
        if (kind == 1) {
            return "long".repeat(40);
        }
        return (kind == 2 ? "Dohle-\u00e4\u20ac-" : "t") + Math.floorMod(number, 1000L);
    }
}
