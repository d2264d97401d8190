// SPDX-License-Identifier: MIT
/*
 * Every message at every version: two bytes choose, the rest is decoded. What
 * decodes encodes, and decodes again to the same; memory stays within the
 * arena's bound.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "wire/gen/apis.h"
#include "wire/message.h"

#define ARENA_SIZE_MAX ((size_t)1 << 20)

static void check_again(const struct dh_message_type *type, int16_t version,
                        const void *message)
{
    struct dh_buf buf;
    struct dh_buf text;
    struct dh_writer writer;
    struct dh_reader reader;
    struct dh_arena arena;
    dh_buf_init(&buf, dh_mem_default(), 0);
    dh_buf_init(&text, dh_mem_default(), 0);
    dh_writer_init(&writer, &buf);
    dh_arena_init(&arena, dh_mem_default(), 0);
    void *again = calloc(1, type->body.size);

    FUZZ_CHECK(dh_message_encode(type, version, message, &writer) == 0);
    dh_reader_init(&reader, dh_buf_view(&buf));
    FUZZ_CHECK(dh_message_decode(type, version, &reader, &arena, again) == 0);
    FUZZ_CHECK(dh_reader_left(&reader) == 0);
    FUZZ_CHECK(dh_message_equal(type, version, message, again));
    dh_message_print(type, version, message, &text);
    FUZZ_CHECK(text.err == 0);

    free(again);
    dh_arena_deinit(&arena);
    dh_buf_deinit(&text);
    dh_buf_deinit(&buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    const struct dh_message_type *type = dh_messages[data[0] % dh_message_count];
    int version_count = type->versions.max - type->versions.min + 1;
    int16_t version = (int16_t)(type->versions.min + data[1] % version_count);
    struct dh_reader reader;
    struct dh_arena arena;
    dh_reader_init(&reader, (dohle_bytes){data + 2, size - 2});
    dh_arena_init(&arena, dh_mem_default(), ARENA_SIZE_MAX);
    void *message = malloc(type->body.size);
    FUZZ_CHECK(message != NULL);

    int err = dh_message_decode(type, version, &reader, &arena, message);
    FUZZ_CHECK(err == 0 || err == DOHLE_ERR_PROTOCOL);
    FUZZ_CHECK(arena.used <= ARENA_SIZE_MAX);
    if (err == 0) {
        check_again(type, version, message);
    }
    free(message);
    dh_arena_deinit(&arena);
    return 0;
}
