// SPDX-License-Identifier: MIT
#include "store/walk.h"

#include "base/crc32c.h"
#include "wire/reader.h"

#define PREFIX_SIZE     12 // base offset and length, which the length does not count
#define CRC_COVERS_FROM 21

enum {
    ATTRIBUTE_APPEND_TIME = 0x08,
    ATTRIBUTE_CONTROL = 0x20,
};

bool dh_store_batch_parse(const uint8_t header[DH_STORE_HEADER_SIZE],
                          struct dh_store_batch *batch)
{
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){header, DH_STORE_HEADER_SIZE});
    batch->base_offset = dh_read_int64(&reader);
    int32_t length = dh_read_int32(&reader);
    batch->leader_epoch = dh_read_int32(&reader);
    int8_t magic = dh_read_int8(&reader);
    batch->crc = dh_read_uint32(&reader);
    int attributes = dh_read_uint16(&reader);
    int32_t last_offset_delta = dh_read_int32(&reader);
    dh_read_skip(&reader, 8); // the base timestamp
    batch->max_timestamp_ms = dh_read_int64(&reader);
    batch->producer_id = dh_read_int64(&reader);
    batch->producer_epoch = dh_read_int16(&reader);
    batch->base_sequence = dh_read_int32(&reader);
    batch->record_count = dh_read_int32(&reader);
    if (length < DH_STORE_HEADER_SIZE - PREFIX_SIZE || magic != 2 ||
        batch->base_offset < 0 || last_offset_delta < 0 ||
        batch->base_offset >= INT64_MAX - last_offset_delta || batch->record_count < 0) {
        return false;
    }
    batch->size = (int64_t)length + PREFIX_SIZE;
    batch->last_offset = batch->base_offset + last_offset_delta;
    batch->is_append_time = (attributes & ATTRIBUTE_APPEND_TIME) != 0;
    batch->is_control = (attributes & ATTRIBUTE_CONTROL) != 0;
    return true;
}

void dh_store_walk_init(struct dh_store_walk *walk, struct dh_vfs *vfs,
                        struct dh_file *file, int64_t position, int64_t end,
                        uint8_t *block, size_t block_capacity)
{
    DH_ASSERT(block_capacity >= DH_STORE_HEADER_SIZE);
    *walk = (struct dh_store_walk){
        .vfs = vfs,
        .file = file,
        .block = block,
        .block_capacity = block_capacity,
        .position = position,
        .end = end,
    };
}

static int read_block(struct dh_store_walk *walk, int64_t position)
{
    int64_t left = walk->end - position;
    size_t size =
        (uint64_t)left < walk->block_capacity ? (size_t)left : walk->block_capacity;
    walk->block_at = position;
    walk->block_size = 0;
    return walk->vfs->calls->read(walk->vfs, walk->file, position, walk->block, size,
                                  &walk->block_size);
}

// How many bytes of the block lie at and behind a position; 0: it is not in the block.
static size_t left_in_block(const struct dh_store_walk *walk, int64_t position)
{
    int64_t within = position - walk->block_at;
    return within < 0 || (uint64_t)within >= walk->block_size
               ? 0
               : walk->block_size - (size_t)within;
}

int dh_store_walk_next(struct dh_store_walk *walk, struct dh_store_batch *batch)
{
    if (walk->position >= walk->end) {
        return DH_STORE_WALK_END;
    }
    if (left_in_block(walk, walk->position) < DH_STORE_HEADER_SIZE) {
        int err = read_block(walk, walk->position);
        if (err != 0) {
            return err;
        }
        if (walk->block_size < DH_STORE_HEADER_SIZE) {
            return DH_STORE_WALK_BAD;
        }
    }
    const uint8_t *header = walk->block + (walk->position - walk->block_at);
    if (!dh_store_batch_parse(header, batch) ||
        batch->size > walk->end - walk->position) {
        return DH_STORE_WALK_BAD;
    }
    batch->position = walk->position;
    walk->position += batch->size;
    return DH_STORE_WALK_FOUND;
}

int dh_store_walk_check(struct dh_store_walk *walk, const struct dh_store_batch *batch,
                        bool *is_right)
{
    *is_right = false;
    int64_t end = batch->position + batch->size;
    uint32_t crc = 0;
    // A batch that fits is read in one piece, with as many behind it as there is room for.
    if (left_in_block(walk, batch->position) < (uint64_t)batch->size) {
        int err = read_block(walk, batch->position);
        if (err != 0) {
            return err;
        }
    }
    for (int64_t position = batch->position + CRC_COVERS_FROM; position < end;) {
        size_t left = left_in_block(walk, position);
        if (left == 0) {
            int err = read_block(walk, position);
            if (err != 0) {
                return err;
            }
            left = walk->block_size;
            if (left == 0) {
                return 0; // the file is shorter than it was
            }
        }
        size_t size = (uint64_t)(end - position) < left ? (size_t)(end - position) : left;
        crc = dh_crc32c_extend(crc, walk->block + (position - walk->block_at), size);
        position += (int64_t)size;
    }
    *is_right = crc == batch->crc;
    return 0;
}
