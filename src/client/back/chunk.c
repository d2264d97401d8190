// SPDX-License-Identifier: MIT
#include "client/back/chunk.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "wire/reader.h"

// The walk over one source.
struct build {
    const struct dh_chunk_tools *tools;
    const struct dh_chunk_source *source;
    struct dh_chunk *chunk;
    struct dh_chunk_stop *stop;
    size_t used_bytes;
};

static void stop_at(struct build *build, int err, int64_t last_offset, const char *text)
{
    *build->stop = (struct dh_chunk_stop){
        .err = err,
        .last_offset = last_offset,
        .text = text,
    };
}

// How many batches dh_batch_next finds: the most that the chunk can need.
static size_t count_batches(dohle_bytes records)
{
    struct dh_reader reader;
    dh_reader_init(&reader, records);
    struct dh_batch batch;
    size_t count = 0;
    while (dh_batch_next(&reader, &batch) == DH_BATCH_FOUND) {
        count++;
    }
    return count;
}

// Returns whether the batch has gone into the chunk; else the walk ends here.
static bool decompress_batch(struct build *build, const struct dh_batch *batch)
{
    const struct dh_chunk_tools *tools = build->tools;
    struct dh_chunk *chunk = build->chunk;
    const struct dh_codec *codec = dh_codec_find(batch->codec);
    if (codec == NULL) {
        stop_at(build, DOHLE_ERR_UNSUPPORTED_CODEC, batch->last_offset,
                "compressed with a codec that is not known");
        return false;
    }
    size_t expected_bytes = batch->payload.size;
    if (expected_bytes <= SIZE_MAX / DH_BUDGET_EXPANSION_MAX) {
        expected_bytes =
            expected_bytes * tools->budget->expansion / DH_BUDGET_EXPANSION_ONE;
    }
    if (!dh_budget_admits(tools->budget, expected_bytes,
                          build->source->frame->capacity)) {
        stop_at(build, DOHLE_ERR_QUEUE_FULL, batch->last_offset,
                "fetch.buffer.bytes is used up");
        return false;
    }
    struct dh_frame *frame;
    int err = dh_codec_decompress(tools->codecs, codec, batch->payload,
                                  tools->batch_bytes_max, &frame);
    if (err != 0) {
        const char *text = "what it is compressed to is malformed";
        if (err == DOHLE_ERR_TOO_LARGE) {
            text = "larger than decompressed.batch.max.bytes";
        } else if (err == DOHLE_ERR_NO_MEMORY) {
            text = "no memory to decompress it";
        }
        stop_at(build, err, batch->last_offset, text);
        return false;
    }
    struct dh_chunk_batch *taken = &chunk->batches[chunk->batch_count++];
    taken->batch = *batch;
    taken->batch.payload = (dohle_bytes){frame->data, frame->size};
    taken->frame = frame;
    chunk->charged_bytes += frame->capacity;
    return true;
}

// Returns whether the walk goes on.
static bool take_batch(struct build *build, const struct dh_batch *batch)
{
    struct dh_chunk *chunk = build->chunk;
    if (batch->last_offset < chunk->next_offset) {
        return true;
    }
    // Only the first one may begin earlier; a wrapper does not say where it begins.
    bool is_first = chunk->next_offset == chunk->fetch_offset;
    bool goes_back = batch->base_offset >= 0 && batch->base_offset < chunk->next_offset;
    if (batch->last_offset == INT64_MAX || (goes_back && !is_first)) {
        stop_at(build, DOHLE_ERR_CORRUPT, -1, "its offsets make no sense");
        return false;
    }
    if (build->tools->check_crcs && dh_batch_check_crc(batch) != 0) {
        stop_at(build, DOHLE_ERR_CORRUPT, batch->last_offset, "its checksum is wrong");
        return false;
    }
    if (!batch->is_control && batch->record_count != 0) {
        if (batch->codec != DH_CODEC_NONE) {
            if (!decompress_batch(build, batch)) {
                return false;
            }
        } else {
            struct dh_chunk_batch *taken = &chunk->batches[chunk->batch_count++];
            taken->batch = *batch;
            taken->frame = build->source->frame;
            dh_frame_hold(taken->frame);
        }
    }
    build->used_bytes += batch->bytes.size;
    chunk->next_offset = batch->last_offset + 1;
    if (batch->leader_epoch >= 0) {
        chunk->next_epoch = batch->leader_epoch;
    }
    return true;
}

static void walk(struct build *build)
{
    struct dh_reader reader;
    dh_reader_init(&reader, build->source->records);
    for (;;) {
        struct dh_batch batch;
        int found = dh_batch_next(&reader, &batch);
        if (found == DH_BATCH_END) {
            return;
        }
        if (found == DH_BATCH_INCOMPLETE) {
            stop_at(build, DOHLE_ERR_TOO_LARGE, -1, "the broker sent only a part of it");
            return;
        }
        if (found != DH_BATCH_FOUND) {
            stop_at(build, DOHLE_ERR_CORRUPT, -1, "its header makes no sense");
            return;
        }
        if (!take_batch(build, &batch)) {
            return;
        }
    }
}

int dh_chunk_build(const struct dh_chunk_tools *tools,
                   const struct dh_chunk_source *source, struct dh_chunk **chunk,
                   struct dh_chunk_stop *stop)
{
    *chunk = NULL;
    size_t count = count_batches(source->records);
    size_t size = sizeof(struct dh_chunk) + count * sizeof(struct dh_chunk_batch);
    if (size > UINT32_MAX) {
        return DOHLE_ERR_NO_MEMORY;
    }
    struct dh_chunk *made = dh_mem_alloc(tools->mem, size);
    if (made == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    *made = (struct dh_chunk){
        .message = {.kind = DH_NOTICE_CHUNK, .size = (uint32_t)size},
        .slot = source->slot,
        .term = source->term,
        .fetch_offset = source->fetch_offset,
        .next_offset = source->fetch_offset,
        .next_epoch = source->last_fetched_epoch,
        .high_watermark = source->high_watermark,
        .log_start_offset = source->log_start_offset,
        .fetched_bytes = source->records.size,
    };
    *stop = (struct dh_chunk_stop){.last_offset = -1};
    struct build build = {tools, source, made, stop, 0};
    walk(&build);
    stop->offset = made->next_offset;
    stop->used_bytes = build.used_bytes;
    *chunk = made;
    return 0;
}

void dh_chunk_free(const struct dh_chunk_tools *tools, struct dh_chunk *chunk)
{
    for (uint32_t i = 0; i < chunk->batch_count; i++) {
        dh_frame_pool_put(tools->frames, chunk->batches[i].frame);
    }
    dh_mem_free(tools->mem, chunk, chunk->message.size);
}
