// SPDX-License-Identifier: MIT
#include "store/index.h"

#include <stddef.h>

#include <dohle/error.h>

#include "base/mem.h"
#include "wire/reader.h"

#define BLOCK_SIZE   4096
#define ROW_SIZE_MAX 12

void dh_store_index_init(struct dh_store_index *index, const dohle_allocator *mem,
                         enum dh_store_index_kind kind)
{
    *index = (struct dh_store_index){.mem = mem, .kind = kind};
}

static void free_buffer(struct dh_store_index *index)
{
    dh_mem_free(index->mem, index->buffer,
                DH_STORE_INDEX_BUFFER * sizeof(*index->buffer));
    index->buffer = NULL;
    index->buffered_count = 0;
}

void dh_store_index_deinit(struct dh_store_index *index)
{
    free_buffer(index);
}

uint32_t dh_store_index_count(const struct dh_store_index *index)
{
    return index->written_count + index->buffered_count;
}

uint32_t dh_store_index_row_size(const struct dh_store_index *index)
{
    return index->kind == DH_STORE_INDEX_OFFSETS ? 8 : ROW_SIZE_MAX;
}

// ---- Rows as bytes ----

static struct dh_store_row decode(const struct dh_store_index *index, const uint8_t *data)
{
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){data, dh_store_index_row_size(index)});
    struct dh_store_row row;
    row.key = index->kind == DH_STORE_INDEX_OFFSETS ? dh_read_int32(&reader)
                                                    : dh_read_int64(&reader);
    row.value = dh_read_int32(&reader);
    return row;
}

static uint8_t *put_big_endian(uint8_t *out, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        out[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    }
    return out + size;
}

static uint8_t *encode(const struct dh_store_index *index, struct dh_store_row row,
                       uint8_t *out)
{
    out = put_big_endian(out, (uint64_t)row.key,
                         index->kind == DH_STORE_INDEX_OFFSETS ? 4 : 8);
    return put_big_endian(out, (uint64_t)row.value, 4);
}

// Rows from `first` on, as many as are asked for or the block takes.
static int read_rows(const struct dh_store_index *index, struct dh_vfs *vfs,
                     struct dh_file *file, uint32_t first, uint32_t count,
                     uint8_t block[BLOCK_SIZE])
{
    size_t row_size = dh_store_index_row_size(index);
    size_t got;
    int err = vfs->calls->read(vfs, file, (int64_t)first * (int64_t)row_size, block,
                               count * row_size, &got);
    // A file that somebody has cut reads as zeros: rows that lead to the first batch.
    for (size_t i = err == 0 ? got : 0; i < count * row_size; i++) {
        block[i] = 0;
    }
    return err;
}

static int read_row(const struct dh_store_index *index, struct dh_vfs *vfs,
                    struct dh_file *file, uint32_t number, struct dh_store_row *row)
{
    uint8_t data[BLOCK_SIZE];
    int err = read_rows(index, vfs, file, number, 1, data);
    if (err == 0) {
        *row = decode(index, data);
    }
    return err;
}

// ---- Loading ----

static bool is_zero(struct dh_store_row row)
{
    return row.key == 0 && row.value == 0;
}

// How many rows come before the zeros at the end.
static int count_rows(const struct dh_store_index *index, struct dh_vfs *vfs,
                      struct dh_file *file, uint32_t count, uint32_t *found)
{
    struct dh_store_row row = {0, 0};
    int err = count == 0 ? 0 : read_row(index, vfs, file, count - 1, &row);
    *found = count;
    if (err != 0 || count == 0 || !is_zero(row)) {
        return err;
    }
    uint32_t low = 0;
    uint32_t high = count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        err = read_row(index, vfs, file, middle, &row);
        if (err != 0) {
            return err;
        }
        if (is_zero(row)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    *found = low;
    return 0;
}

int dh_store_index_load(struct dh_store_index *index, struct dh_vfs *vfs,
                        struct dh_file *file, bool *is_sound)
{
    int64_t size;
    int64_t row_size = dh_store_index_row_size(index);
    free_buffer(index);
    index->written_count = 0;
    *is_sound = false;
    int err = vfs->calls->size(vfs, file, &size);
    if (err != 0) {
        return err;
    }
    if (size % row_size != 0 || size / row_size > INT32_MAX) {
        return 0;
    }
    err =
        count_rows(index, vfs, file, (uint32_t)(size / row_size), &index->written_count);
    if (err == 0 && index->written_count > 0) {
        err = read_row(index, vfs, file, index->written_count - 1, &index->last);
    }
    if (err != 0) {
        index->written_count = 0;
        return err;
    }
    *is_sound =
        index->written_count == 0 || (index->last.key >= 0 && index->last.value >= 0);
    return 0;
}

int dh_store_index_clear(struct dh_store_index *index, struct dh_vfs *vfs,
                         struct dh_file *file)
{
    free_buffer(index);
    index->written_count = 0;
    return vfs->calls->truncate(vfs, file, 0);
}

// ---- Adding ----

int dh_store_index_flush(struct dh_store_index *index, struct dh_vfs *vfs,
                         struct dh_file *file)
{
    if (index->buffered_count == 0) {
        free_buffer(index);
        return 0;
    }
    uint8_t data[DH_STORE_INDEX_BUFFER * ROW_SIZE_MAX];
    uint8_t *end = data;
    for (uint32_t i = 0; i < index->buffered_count; i++) {
        end = encode(index, index->buffer[i], end);
    }
    dohle_bytes piece = {data, (size_t)(end - data)};
    int64_t position =
        (int64_t)index->written_count * (int64_t)dh_store_index_row_size(index);
    int err = vfs->calls->write(vfs, file, position, &piece, 1);
    if (err != 0) {
        return err;
    }
    index->written_count += index->buffered_count;
    free_buffer(index);
    return 0;
}

// Keeps the last row, which says what the greatest key is.
static void thin_out(struct dh_store_index *index)
{
    uint32_t kept = 0;
    for (uint32_t i = 1; i < index->buffered_count; i += 2) {
        index->buffer[kept++] = index->buffer[i];
    }
    index->buffered_count = kept;
}

void dh_store_index_add(struct dh_store_index *index, struct dh_vfs *vfs,
                        struct dh_file *file, struct dh_store_row row)
{
    if (dh_store_index_count(index) > 0 && row.key <= index->last.key) {
        return;
    }
    if (index->buffered_count == DH_STORE_INDEX_BUFFER &&
        dh_store_index_flush(index, vfs, file) != 0) {
        thin_out(index);
    }
    if (index->buffer == NULL) {
        index->buffer =
            dh_mem_alloc(index->mem, DH_STORE_INDEX_BUFFER * sizeof(*index->buffer));
        if (index->buffer == NULL) {
            return;
        }
    }
    index->buffer[index->buffered_count++] = row;
    index->last = row;
}

// ---- Searching ----

static int64_t column(struct dh_store_row row, bool by_value)
{
    return by_value ? row.value : row.key;
}

// How many rows of the file are not above `at`; *row is the last of them.
static int count_floor(const struct dh_store_index *index, struct dh_vfs *vfs,
                       struct dh_file *file, bool by_value, int64_t at, uint32_t *count,
                       struct dh_store_row *row)
{
    uint8_t block[BLOCK_SIZE];
    size_t row_size = dh_store_index_row_size(index);
    uint32_t low = 0; // rows below it are not above `at`
    uint32_t high = index->written_count;
    while (high - low > BLOCK_SIZE / row_size) {
        uint32_t middle = low + (high - low) / 2;
        struct dh_store_row probe;
        int err = read_row(index, vfs, file, middle, &probe);
        if (err != 0) {
            return err;
        }
        if (column(probe, by_value) <= at) {
            low = middle + 1;
            *row = probe;
        } else {
            high = middle;
        }
    }
    int err = low == high ? 0 : read_rows(index, vfs, file, low, high - low, block);
    if (err != 0) {
        return err;
    }
    uint32_t first = low;
    while (low < high) {
        struct dh_store_row probe = decode(index, block + (low - first) * row_size);
        if (column(probe, by_value) > at) {
            break;
        }
        *row = probe;
        low++;
    }
    *count = low;
    return 0;
}

int dh_store_index_floor(const struct dh_store_index *index, struct dh_vfs *vfs,
                         struct dh_file *file, bool by_value, int64_t at,
                         struct dh_store_row *row)
{
    for (uint32_t i = index->buffered_count; i > 0; i--) {
        if (column(index->buffer[i - 1], by_value) <= at) {
            *row = index->buffer[i - 1];
            return 1;
        }
    }
    uint32_t count;
    int err = count_floor(index, vfs, file, by_value, at, &count, row);
    return err != 0 ? err : count > 0;
}

int dh_store_index_truncate(struct dh_store_index *index, struct dh_vfs *vfs,
                            struct dh_file *file, int64_t relative_offset)
{
    bool by_value = index->kind == DH_STORE_INDEX_TIMES;
    while (index->buffered_count > 0 && column(index->buffer[index->buffered_count - 1],
                                               by_value) >= relative_offset) {
        index->buffered_count--;
    }
    if (index->buffered_count > 0) {
        index->last = index->buffer[index->buffered_count - 1];
        return 0;
    }
    uint32_t count;
    int err = count_floor(index, vfs, file, by_value, relative_offset - 1, &count,
                          &index->last);
    if (err != 0 || count == index->written_count) {
        return err;
    }
    index->written_count = count;
    return vfs->calls->truncate(vfs, file,
                                (int64_t)count * dh_store_index_row_size(index));
}
