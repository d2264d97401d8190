// SPDX-License-Identifier: MIT
/*
 * Bytes that Kafka's own classes wrote decode, and encode to the same bytes.
 * Usage: golden_test FOLDER, the folder of the golden files.
 */
#include "wire/message.h"

#include <ctype.h>
#include <stdio.h>

#include "../unit/test.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "wire/broker_error.h"
#include "wire/gen/apis.h"

// The longest line of a golden file.
#define LINE_SIZE_MAX 65536

static const char *folder;

static FILE *open_golden(const char *name)
{
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    return file;
}

static size_t index_of_message(const char *name)
{
    for (size_t i = 0; i < dh_message_count; i++) {
        if (strcmp(dh_messages[i]->name, name) == 0) {
            return i;
        }
    }
    fail_msg("there is no message %s", name);
    return 0;
}

static uint8_t hex_digit(char digit)
{
    return (uint8_t)(isdigit((unsigned char)digit) ? digit - '0' : digit - 'a' + 10);
}

static size_t parse_hex(const char *text, uint8_t *out)
{
    size_t size = 0;
    for (; isxdigit((unsigned char)text[0]); text += 2) {
        out[size++] = (uint8_t)(hex_digit(text[0]) << 4 | hex_digit(text[1]));
    }
    return size;
}

static void check_message(const struct dh_message_type *type, int16_t version,
                          dohle_bytes golden)
{
    struct dh_arena arena;
    struct dh_buf buf;
    struct dh_reader reader;
    struct dh_writer writer;
    dh_arena_init(&arena, dh_mem_default(), 0);
    dh_buf_init(&buf, dh_mem_default(), 0);
    dh_writer_init(&writer, &buf);
    dh_reader_init(&reader, golden);
    void *message = malloc(type->body.size);

    if (dh_message_decode(type, version, &reader, &arena, message) != 0) {
        fail_msg("%s version %d does not decode", type->name, version);
    }
    assert_int_equal(0, dh_reader_left(&reader));
    assert_int_equal(0, dh_message_encode(type, version, message, &writer));
    if (buf.size != golden.size ||
        (buf.size > 0 && memcmp(buf.data, golden.data, buf.size) != 0)) {
        struct dh_buf text;
        dh_buf_init(&text, dh_mem_default(), 0);
        dh_message_print(type, version, message, &text);
        dh_buf_append_byte(&text, 0);
        fail_msg("%s version %d differs: %s", type->name, version, (char *)text.data);
    }
    free(message);
    dh_buf_deinit(&buf);
    dh_arena_deinit(&arena);
}

// A message that nobody touched has the bytes of Kafka's.
static void check_defaults(const struct dh_message_type *type, int16_t version,
                           dohle_bytes golden)
{
    // Here Kafka starts with an empty struct and we with null (wire/message.h).
    if (strcmp(type->name, "ConsumerGroupMemberMetadataValue") == 0) {
        return;
    }
    struct dh_buf buf;
    struct dh_writer writer;
    dh_buf_init(&buf, dh_mem_default(), 0);
    dh_writer_init(&writer, &buf);
    void *message = malloc(type->body.size);
    dh_message_init(type, message);
    assert_int_equal(0, dh_message_encode(type, version, message, &writer));
    if (!dh_bytes_equal(golden, dh_buf_view(&buf)) && golden.size + buf.size > 0) {
        fail_msg("the defaults of %s version %d differ", type->name, version);
    }
    free(message);
    dh_buf_deinit(&buf);
}

static void kafkas_messages_go_round(void **state)
{
    (void)state;
    FILE *file = open_golden("messages.golden");
    char *line = malloc(LINE_SIZE_MAX);
    uint8_t *bytes = malloc(LINE_SIZE_MAX / 2);
    // Bit v: seen at version v.
    uint32_t *seen = calloc(dh_message_count, sizeof(*seen));
    while (fgets(line, LINE_SIZE_MAX, file) != NULL) {
        char name[128];
        int version;
        char filling[16];
        int hex_at = 0;
        assert_int_equal(
            3, sscanf(line, "%127s %d %15s %n", name, &version, filling, &hex_at));
        size_t index = index_of_message(name);
        dohle_bytes golden = {bytes, parse_hex(line + hex_at, bytes)};
        check_message(dh_messages[index], (int16_t)version, golden);
        if (strcmp(filling, "defaults") == 0) {
            check_defaults(dh_messages[index], (int16_t)version, golden);
        }
        seen[index] |= 1U << version;
    }
    for (size_t i = 0; i < dh_message_count; i++) {
        for (int v = dh_messages[i]->versions.min; v <= dh_messages[i]->versions.max;
             v++) {
            if ((seen[i] & 1U << v) == 0) {
                fail_msg("no golden bytes of %s version %d", dh_messages[i]->name, v);
            }
        }
    }
    free(seen);
    free(bytes);
    free(line);
    fclose(file);
}

static void kafkas_error_codes_are_ours(void **state)
{
    (void)state;
    FILE *file = open_golden("broker_errors.golden");
    size_t count = 0;
    int code;
    char name[128];
    char kind[16];
    while (fscanf(file, "%d %127s %15s", &code, name, kind) == 3) {
        assert_int_equal(code, dh_broker_errors[count].code);
        assert_string_equal(name, dh_broker_errors[count].name);
        assert_int_equal(strcmp(kind, "retriable") == 0,
                         dh_broker_errors[count].is_retriable);
        count++;
    }
    assert_int_equal(count, dh_broker_error_count);
    fclose(file);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: golden_test FOLDER\n");
        return 2;
    }
    folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kafkas_messages_go_round),
        cmocka_unit_test(kafkas_error_codes_are_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
