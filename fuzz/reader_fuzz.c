// SPDX-License-Identifier: MIT
/*
 * The reader, driven by the first half of the input over the second: it stays
 * within its bytes, its error sticks, and varints go round.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/mem.h"
#include "wire/reader.h"
#include "wire/writer.h"

// What was read is written and read again.
static void check_varints(int32_t small, int64_t large)
{
    struct dh_buf buf;
    struct dh_writer writer;
    struct dh_reader reader;
    dh_buf_init(&buf, dh_mem_default(), 0);
    dh_writer_init(&writer, &buf);
    dh_write_varint(&writer, small);
    dh_write_varlong(&writer, large);
    dh_write_unsigned_varint(&writer, (uint32_t)small);
    FUZZ_CHECK(buf.err == 0);
    dh_reader_init(&reader, dh_buf_view(&buf));
    FUZZ_CHECK(dh_read_varint(&reader) == small);
    FUZZ_CHECK(dh_read_varlong(&reader) == large);
    FUZZ_CHECK(dh_read_unsigned_varint(&reader) == (uint32_t)small);
    FUZZ_CHECK(reader.err == 0 && dh_reader_left(&reader) == 0);
    dh_buf_deinit(&buf);
}

static void step(struct dh_reader *reader, uint8_t choice)
{
    int32_t small = 0;
    int64_t large = 0;
    switch (choice % 13) {
    case 0: small = dh_read_int8(reader); break;
    case 1: small = dh_read_int16(reader); break;
    case 2: small = dh_read_uint16(reader); break;
    case 3: small = dh_read_int32(reader); break;
    case 4: large = dh_read_uint32(reader); break;
    case 5: large = dh_read_int64(reader); break;
    case 6: small = dh_read_bool(reader); break;
    case 7: (void)dh_read_float64(reader); break;
    case 8: small = dh_read_varint(reader); break;
    case 9: large = dh_read_varlong(reader); break;
    case 10: small = (int32_t)dh_read_unsigned_varint(reader); break;
    case 11: {
        dohle_bytes bytes = dh_read_bytes(reader, dh_read_unsigned_varint(reader));
        FUZZ_CHECK((bytes.data == NULL) == (reader->err != 0));
        for (size_t i = 0; i < bytes.size; i++) {
            small += bytes.data[i];
        }
        break;
    }
    default: dh_read_skip(reader, dh_read_unsigned_varint(reader)); break;
    }
    if (reader->err != 0) {
        FUZZ_CHECK(choice % 13 == 11 || (small == 0 && large == 0));
    }
    check_varints(small, large);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t step_count = size / 2;
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){data + step_count, size - step_count});
    for (size_t i = 0; i < step_count; i++) {
        int err = reader.err;
        step(&reader, data[i]);
        FUZZ_CHECK(err == 0 || reader.err == err);
        FUZZ_CHECK(reader.offset <= reader.size);
        FUZZ_CHECK(reader.err == 0 || dh_reader_left(&reader) == 0);
    }
    return 0;
}
