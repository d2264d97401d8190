// SPDX-License-Identifier: MIT
#include <dohle/error.h>
#include <dohle/record.h>

#include "broker/groups_inside.h"
#include "record/batch.h"
#include "record/codec.h"
#include "record/iterator.h"
#include "wire/reader.h"

// What is read of a log at once while it is loaded (BRK-007 says 5 MiB).
#define LOAD_BYTES ((size_t)1024 * 1024)
// What a batch of such a log may decompress to.
#define LOAD_BATCH_BYTES_MAX ((size_t)256 * 1024 * 1024)

static int replay_records(struct dh_coordinator *coordinator,
                          const struct dh_batch *batch, dohle_bytes payload)
{
    struct dh_record_iterator iterator;
    dohle_record record;
    int err = dh_record_iterator_init(&iterator, batch, payload);
    if (err != 0) {
        return err;
    }
    dh_record_iterator_prepare(&iterator, &record, DH_BROKER_OFFSETS_TOPIC, 0);
    while ((err = dh_record_iterator_next(&iterator, &record)) == 1) {
        struct dh_coordinator_record pair = {record.key, record.value};
        if ((err = dh_coordinator_replay(coordinator, &pair)) != 0) {
            return err;
        }
    }
    return err;
}

// A log that Kafka wrote may be compressed (BRK-006).
static int replay_packed(struct dh_broker *broker, struct dh_coordinator *coordinator,
                         const struct dh_batch *batch)
{
    const struct dh_codec *codec = dh_codec_find(batch->codec);
    if (codec == NULL) {
        return DOHLE_ERR_UNSUPPORTED_CODEC;
    }
    struct dh_codec_context context;
    struct dh_frame *frame = NULL;
    dh_codec_context_init(&context, broker->mem, NULL);
    int err = dh_codec_decompress(&context, codec, batch->payload, LOAD_BATCH_BYTES_MAX,
                                  &frame);
    if (err == 0) {
        err = replay_records(coordinator, batch, (dohle_bytes){frame->data, frame->size});
    }
    dh_frame_drop(frame);
    dh_codec_context_deinit(&context);
    return err;
}

// Replays what is in `bytes`; *next is the offset behind it.
static int replay_batches(struct dh_broker *broker, struct dh_coordinator *coordinator,
                          dohle_bytes bytes, int64_t *next)
{
    struct dh_reader reader;
    struct dh_batch batch;
    int found;
    dh_reader_init(&reader, bytes);
    while ((found = dh_batch_next(&reader, &batch)) == DH_BATCH_FOUND) {
        int err = 0;
        if (!batch.is_control) {
            err = batch.codec == 0 ? replay_records(coordinator, &batch, batch.payload)
                                   : replay_packed(broker, coordinator, &batch);
        }
        if (err != 0) {
            return err;
        }
        *next = batch.last_offset + 1;
    }
    return found < 0 ? found : 0;
}

int dh_broker_groups_replay(struct dh_broker *broker, struct dh_coordinator *coordinator,
                            struct dh_store_log *log)
{
    struct dh_buf bytes;
    int64_t at = dh_store_log_start(log);
    int64_t end = dh_store_log_end(log);
    int err = 0;
    dh_buf_init(&bytes, broker->mem, 0);
    while (err == 0 && at < end) {
        int64_t before = at;
        dh_buf_reset(&bytes);
        err = dh_store_log_read(log, at, end, LOAD_BYTES, true, &bytes);
        if (err == 0) {
            err = replay_batches(broker, coordinator, dh_buf_view(&bytes), &at);
        }
        if (err == 0 && at == before) {
            err = DOHLE_ERR_CORRUPT;
        }
    }
    dh_buf_deinit(&bytes);
    return err;
}
