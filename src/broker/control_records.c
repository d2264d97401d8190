// SPDX-License-Identifier: MIT
// Verbs that append records: the same checks and the same append as for producers.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "broker/batch_check.h"
#include "broker/control_turn.h"
#include "broker/topic_config.h"
#include "record/batch.h"
#include "record/batch_writer.h"
#include "wire/gen/api_keys.h"
#include "wire/gen/produce.h"

#define FILL_COUNT_MAX   INT64_C(100000000)
#define FILL_SIZE_MAX    (64 * 1024 * 1024)
#define FILL_SIZE        100
#define FILL_BATCH       1000
#define FILL_BATCH_BYTES ((size_t)64 * 1024)

// What was appended in one turn.
struct appended {
    int64_t first_offset; // -1: nothing yet
    int64_t end_offset;
    int64_t batches;
};

static int16_t check(struct dh_broker_turn *turn,
                     const struct dh_broker_partition *partition, uint8_t *bytes,
                     size_t size, char *text, size_t text_size)
{
    const struct dh_broker_topic_config *config = partition->topic->config;
    struct dh_broker *broker = turn->broker;
    struct dh_broker_batch_rules rules = {
        .topic = partition->topic->name,
        .partition = partition->number,
        .produce_version = dh_produce_request_type.versions.max,
        .size_max = config->max_message_bytes,
        .segment_max = config->segment_bytes,
        .wall_ms = broker->clock.wall_ms,
        .before_max_ms = config->message_timestamp_before_max_ms,
        .after_max_ms = config->message_timestamp_after_max_ms,
        .is_append_time = config->is_append_time,
        .is_compacted = config->is_compacted,
    };
    struct dh_arena arena;
    struct dh_codec_context codecs;
    struct dh_broker_batch_verdict verdict = {0};
    dh_arena_init(&arena, broker->mem, 0);
    dh_codec_context_init(&codecs, broker->mem, NULL);
    int err = dh_broker_batch_check(&rules, &codecs, &arena, bytes, size, &verdict);
    dh_frame_drop(verdict.plain);
    snprintf(text, text_size, "%.*s", (int)verdict.text.size,
             verdict.text.data == NULL ? "" : (const char *)verdict.text.data);
    dh_codec_context_deinit(&codecs);
    dh_arena_deinit(&arena);
    if (err != 0) {
        dh_broker_turn_fail(turn, err, "no memory");
    }
    return verdict.broker_code;
}

// One batch. False: the turn has failed.
static bool append(struct dh_broker_turn *turn, struct dh_broker_partition *partition,
                   uint8_t *bytes, size_t size, bool is_checked, struct appended *sum)
{
    char text[256] = "";
    struct dh_store_appended done = {0};
    int16_t code =
        is_checked ? check(turn, partition, bytes, size, text, sizeof(text)) : 0;
    if (turn->err != 0) {
        return false;
    }
    if (code == 0) {
        int err =
            dh_store_log_append(partition->log, bytes, size, partition->leader_epoch,
                                turn->broker->clock.wall_ms, &done);
        if (err != 0) {
            dh_broker_turn_fail(turn, err, "%s: %s", dohle_error_text(err),
                                turn->broker->vfs->error_text);
            return false;
        }
        code = done.broker_code;
    }
    if (code != 0) {
        dh_broker_turn_refuse(turn, code, text);
        return false;
    }
    if (sum->first_offset < 0) {
        sum->first_offset = done.base_offset;
    }
    sum->end_offset = done.end_offset;
    sum->batches++;
    return true;
}

static void print_appended(struct dh_broker_turn *turn, const struct appended *sum)
{
    if (turn->err == 0) {
        dh_buf_printf(turn->out,
                      "offset=%" PRId64 " end=%" PRId64 " batches=%" PRId64 "\n",
                      sum->first_offset, sum->end_offset, sum->batches);
    }
}

// Ends the batch of the writer and appends it. False: the turn has failed.
static bool append_written(struct dh_broker_turn *turn,
                           struct dh_broker_partition *partition,
                           struct dh_batch_writer *writer, struct appended *sum)
{
    dohle_bytes batch;
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    int err = dh_batch_writer_finish(writer, NULL, NULL, 0, &stamp, &batch);
    if (err != 0) {
        dh_broker_turn_fail(turn, err, "%s", dohle_error_text(err));
        return false;
    }
    // Uncompressed, a batch lies in the writer's own buffer.
    bool is_done =
        append(turn, partition, writer->plain.data, writer->plain.size, true, sum);
    dh_batch_writer_reset(writer);
    return is_done;
}

// ---- fill ----

struct fill {
    int64_t count;
    int64_t size;
    int64_t keys;  // 0: null
    int64_t batch; // records of one
    int64_t timestamp_ms;
    uint8_t *value; // `size` bytes
};

static void read_fill(struct dh_broker_turn *turn, struct fill *fill)
{
    struct dh_broker_line *line = &turn->line;
    fill->count = dh_broker_line_number(line, "count", 1, FILL_COUNT_MAX, 0);
    fill->size = dh_broker_line_number(line, "size", 1, FILL_SIZE_MAX, FILL_SIZE);
    fill->keys = dh_broker_line_number(line, "keys", 0, FILL_COUNT_MAX, 0);
    fill->batch = dh_broker_line_number(line, "batch", 1, INT32_MAX, FILL_BATCH);
    fill->timestamp_ms = dh_broker_line_number(line, "timestamp", 0, INT64_MAX,
                                               turn->broker->clock.wall_ms);
    if (fill->count == 0) {
        dh_broker_line_set_wrong(line, "count= is missing");
    }
}

// The record of that offset: its number, then dots.
static int write_record(struct dh_batch_writer *writer, const struct fill *fill,
                        int64_t offset, int64_t index)
{
    char key[32];
    char number[32];
    int key_size = 0;
    size_t size = (size_t)fill->size;
    size_t digits = (size_t)snprintf(number, sizeof(number), "%" PRId64, offset);
    memset(fill->value, '.', size);
    memcpy(fill->value, number, digits < size ? digits : size);
    if (fill->keys > 0) {
        key_size = snprintf(key, sizeof(key), "k%" PRId64, index % fill->keys);
    }
    struct dh_record_input record = {
        .timestamp_ms = fill->timestamp_ms,
        .key = {key_size == 0 ? NULL : (const uint8_t *)key, (size_t)key_size},
        .value = {fill->value, size},
    };
    return dh_batch_writer_append(writer, &record);
}

static void fill_partition(struct dh_broker_turn *turn,
                           struct dh_broker_partition *partition, const struct fill *fill,
                           struct dh_batch_writer *writer)
{
    struct appended sum = {.first_offset = -1};
    int64_t offset = dh_store_log_end(partition->log);
    for (int64_t i = 0; i < fill->count; i++) {
        int err = write_record(writer, fill, offset + i, i);
        if (err != 0) {
            dh_broker_turn_fail(turn, err, "%s", dohle_error_text(err));
            return;
        }
        size_t next = dh_batch_writer_size(writer) + (size_t)fill->size;
        bool is_full = writer->record_count >= fill->batch || next > FILL_BATCH_BYTES ||
                       i + 1 == fill->count;
        if (is_full && !append_written(turn, partition, writer, &sum)) {
            return;
        }
    }
    print_appended(turn, &sum);
}

static void run_fill(struct dh_broker_turn *turn)
{
    struct dh_broker_partition *partition = dh_broker_turn_partition(turn, 1);
    struct fill fill;
    read_fill(turn, &fill);
    if (!dh_broker_turn_is_good(turn,
                                "TOPIC PARTITION count= size= keys= batch= timestamp=")) {
        return;
    }
    fill.value = dh_mem_alloc(turn->broker->mem, (size_t)fill.size);
    if (fill.value == NULL) {
        dh_broker_turn_fail(turn, DOHLE_ERR_NO_MEMORY, "no memory");
        return;
    }
    struct dh_batch_writer writer;
    dh_batch_writer_init(&writer, turn->broker->mem);
    fill_partition(turn, partition, &fill, &writer);
    dh_batch_writer_deinit(&writer);
    dh_mem_free(turn->broker->mem, fill.value, (size_t)fill.size);
}

// ---- put ----

static void run_put(struct dh_broker_turn *turn)
{
    struct dh_broker_partition *partition = dh_broker_turn_partition(turn, 1);
    dohle_bytes value = dh_broker_line_text(&turn->line, "value");
    struct dh_record_input record = {
        .timestamp_ms = dh_broker_line_number(&turn->line, "timestamp", 0, INT64_MAX,
                                              turn->broker->clock.wall_ms),
        .key = dh_broker_line_text(&turn->line, "key"),
        .value = value.data == NULL ? turn->command->payload : value,
    };
    if (!dh_broker_turn_is_good(turn, "TOPIC PARTITION key= value= timestamp=")) {
        return;
    }
    struct appended sum = {.first_offset = -1};
    struct dh_batch_writer writer;
    dh_batch_writer_init(&writer, turn->broker->mem);
    int err = dh_batch_writer_append(&writer, &record);
    if (err != 0) {
        dh_broker_turn_fail(turn, err, "%s", dohle_error_text(err));
    } else if (append_written(turn, partition, &writer, &sum)) {
        print_appended(turn, &sum);
    }
    dh_batch_writer_deinit(&writer);
}

// ---- append ----

static bool read_checked(struct dh_broker_turn *turn)
{
    dohle_bytes word = dh_broker_line_text(&turn->line, "checked");
    if (word.data == NULL || dh_bytes_equal(word, DH_BYTES("yes"))) {
        return true;
    }
    if (!dh_bytes_equal(word, DH_BYTES("no"))) {
        dh_broker_line_set_wrong(&turn->line, "checked is yes or no");
    }
    return false;
}

// Each batch of the copy by itself: a producer's request has one a partition, too.
static void append_payload(struct dh_broker_turn *turn,
                           struct dh_broker_partition *partition, uint8_t *bytes,
                           size_t size, bool is_checked)
{
    struct appended sum = {.first_offset = -1};
    struct dh_reader reader;
    struct dh_batch batch;
    size_t at = 0;
    dh_reader_init(&reader, (dohle_bytes){bytes, size});
    while (dh_batch_next(&reader, &batch) == DH_BATCH_FOUND) {
        if (!append(turn, partition, bytes + at, batch.bytes.size, is_checked, &sum)) {
            return;
        }
        at += batch.bytes.size;
    }
    if (at != size || size == 0) {
        dh_broker_turn_fail(
            turn, DOHLE_ERR_INVALID_ARGUMENT,
            "the payload is to be whole batches; byte %zu of %zu does not "
            "begin one",
            at, size);
        return;
    }
    print_appended(turn, &sum);
}

static void run_append(struct dh_broker_turn *turn)
{
    struct dh_broker_partition *partition = dh_broker_turn_partition(turn, 1);
    bool is_checked = read_checked(turn);
    if (!dh_broker_turn_is_good(turn, "TOPIC PARTITION checked=")) {
        return;
    }
    dohle_bytes payload = turn->command->payload;
    uint8_t *copy = dh_mem_alloc(turn->broker->mem, payload.size + 1);
    if (copy == NULL) {
        dh_broker_turn_fail(turn, DOHLE_ERR_NO_MEMORY, "no memory");
        return;
    }
    if (payload.size > 0) {
        memcpy(copy, payload.data, payload.size);
    }
    append_payload(turn, partition, copy, payload.size, is_checked);
    dh_mem_free(turn->broker->mem, copy, payload.size + 1);
}

const struct dh_broker_verb dh_broker_record_verbs[] = {
    {"fill", NULL, "TOPIC PARTITION count=N [size=N] [keys=N] [batch=N] [timestamp=MS]",
     run_fill},
    {"put", NULL, "TOPIC PARTITION [key=TEXT] [value=TEXT] [timestamp=MS]", run_put},
    {"append", NULL, "TOPIC PARTITION [checked=no]", run_append},
};

const size_t dh_broker_record_verb_count = DH_COUNT_OF(dh_broker_record_verbs);
