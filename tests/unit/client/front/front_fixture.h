// SPDX-License-Identifier: MIT
/*
 * A front half with a hand-made back half: messages that went out are kept in order,
 * and tests answer them and post notices.
 */
#ifndef DH_TESTS_UNIT_CLIENT_FRONT_FRONT_FIXTURE_H
#define DH_TESTS_UNIT_CLIENT_FRONT_FRONT_FIXTURE_H

#include "../../test.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/time.h"
#include "client/front/front.h"

#define FIXTURE_CALLBACKS_MAX 16

struct fixture {
    struct test_memory memory;
    struct dh_settings settings;
    struct dh_front *front;
    int64_t now_ns;
    struct dh_message *sent[64]; // commands and returned notices, oldest first
    size_t sent_count;
    size_t returned_count; // notices of ours that came back, freed
    size_t chunks_returned;
    uint64_t chunk_batches; // for distinct values
    // Callbacks that ran, as text: "assigned t-0 t-1", "commit 0 t-0@5".
    char callbacks[FIXTURE_CALLBACKS_MAX][256];
    size_t callback_count;
    int callback_result; // what listeners return
    struct dh_call call;
};

static inline void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    test_memory_init(&f->memory);
    f->now_ns = 1000 * DH_SEC;
    f->settings.group_id = (char *)(uintptr_t) "group";
    f->settings.max_poll_records = 500;
    f->settings.max_poll_interval_ms = 300000;
    f->settings.auto_commit_interval_ms = 5000;
    f->settings.retry_backoff_ms = 100;
    f->settings.default_api_timeout_ms = 60000;
    f->settings.auto_offset_reset = DH_OFFSET_RESET_LATEST;
}

static inline bool fixture_open(struct fixture *f)
{
    struct dh_front_options options = {
        .mem = &f->memory.allocator, .settings = &f->settings, .now_ns = f->now_ns};
    f->front = dh_front_new(&options);
    return f->front != NULL;
}

static inline bool is_notice(const struct dh_message *message)
{
    return message->kind >= DH_NOTICE_CHUNK;
}

// Takes what goes out. Notices that come back are freed and counted.
static inline void fixture_pump(struct fixture *f)
{
    for (struct dh_message *message;
         (message = dh_front_next_action(f->front)) != NULL;) {
        if (is_notice(message)) {
            f->returned_count++;
            f->chunks_returned += message->kind == DH_NOTICE_CHUNK ? 1 : 0;
            dh_message_free(&f->memory.allocator, message);
        } else {
            assert_true(f->sent_count < DH_COUNT_OF(f->sent));
            f->sent[f->sent_count++] = message;
        }
    }
}

// Whether a command of this kind went out.
static inline bool fixture_has(struct fixture *f, enum dh_message_kind kind)
{
    fixture_pump(f);
    for (size_t i = 0; i < f->sent_count; i++) {
        if (f->sent[i]->kind == kind) {
            return true;
        }
    }
    return false;
}

// The oldest command of this kind, taken out. There must be one.
static inline struct dh_message *fixture_take(struct fixture *f,
                                              enum dh_message_kind kind)
{
    fixture_pump(f);
    for (size_t i = 0; i < f->sent_count; i++) {
        if (f->sent[i]->kind == kind) {
            struct dh_message *message = f->sent[i];
            f->sent_count--;
            memmove(f->sent + i, f->sent + i + 1,
                    (f->sent_count - i) * sizeof(f->sent[0]));
            return message;
        }
    }
    fail_msg("no command of kind %d went out", (int)kind);
    abort();
}

static inline void fixture_input(struct fixture *f, struct dh_message *message)
{
    dh_front_input(f->front, message, f->now_ns);
    dh_front_check(f->front);
}

// Frees everything and looks for leaks.
static inline void fixture_deinit(struct fixture *f)
{
    if (f->front != NULL) {
        fixture_pump(f);
        for (size_t i = 0; i < f->sent_count; i++) {
            dh_message_free(&f->memory.allocator, f->sent[i]);
        }
        dh_front_free(f->front);
    }
    assert_int_equal(0, f->memory.bytes);
}

static inline void fixture_note(struct fixture *f, const struct dh_callback *callback)
{
    assert_true(f->callback_count < FIXTURE_CALLBACKS_MAX);
    char *text = f->callbacks[f->callback_count++];
    size_t room = sizeof(f->callbacks[0]);
    static const char *const names[] = {"assigned", "revoked", "lost", "commit"};
    int used = snprintf(text, room, "%s", names[callback->kind]);
    if (callback->kind == DH_CALLBACK_COMMIT) {
        used += snprintf(text + used, room - (size_t)used, " %d", callback->err);
        for (size_t i = 0; i < callback->offset_count; i++) {
            used += snprintf(text + used, room - (size_t)used, " %s-%d@%lld",
                             callback->offsets[i].topic, callback->offsets[i].partition,
                             (long long)callback->offsets[i].offset);
        }
        return;
    }
    for (size_t i = 0; i < callback->count; i++) {
        used +=
            snprintf(text + used, room - (size_t)used, " %s-%d",
                     callback->partitions[i].topic, callback->partitions[i].partition);
    }
}

// Steps the call until it waits or is done; runs its callbacks.
static inline enum dh_step fixture_run(struct fixture *f, struct dh_call *call)
{
    for (;;) {
        enum dh_step step = dh_front_step(f->front, call, f->now_ns);
        dh_front_check(f->front);
        if (step != DH_STEP_CALLBACK) {
            fixture_pump(f);
            return step;
        }
        fixture_note(f, &call->callback);
        bool is_commit = call->callback.kind == DH_CALLBACK_COMMIT;
        dh_front_callback_done(f->front, call, is_commit ? 0 : f->callback_result);
    }
}

// poll(0): what it returned.
static inline int fixture_poll(struct fixture *f)
{
    dh_front_begin_poll(f->front, &f->call, f->now_ns, f->now_ns);
    fixture_pump(f);
    assert_int_equal(DH_STEP_DONE, fixture_run(f, &f->call));
    return f->call.err;
}

static inline size_t fixture_record_count(const struct fixture *f)
{
    return dh_front_records(f->front)->count;
}

static inline int64_t fixture_record_offset(const struct fixture *f, size_t index)
{
    return dh_front_records(f->front)->records[index].offset;
}

// ---- Notices ----

// partitions first..first+count-1 of topic "t", in slots of the same numbers.
static inline struct dh_message *
notice_ownership(struct fixture *f, enum dh_message_kind kind, const char *topic,
                 int32_t first, uint32_t count, uint64_t assignment, bool has_callback)
{
    size_t size =
        sizeof(struct dh_notice_ownership) + count * sizeof(struct dh_named_partition);
    struct dh_notice_ownership *notice = dh_mem_calloc(&f->memory.allocator, 1, size);
    assert_non_null(notice);
    notice->message.kind = kind;
    notice->message.size = (uint32_t)size;
    notice->has_callback = has_callback;
    notice->count = count;
    notice->partitions = (struct dh_named_partition *)(void *)(notice + 1);
    snprintf(notice->rebalance.member_id, sizeof(notice->rebalance.member_id), "me");
    // As the membership tells it: a revocation is still of the generation before.
    notice->rebalance.generation_before = 7;
    notice->rebalance.generation_after = kind == DH_NOTICE_ASSIGN ? 7 : -1;
    for (uint32_t i = 0; i < count; i++) {
        notice->partitions[i] = (struct dh_named_partition){
            .topic = topic,
            .partition = first + (int32_t)i,
            .slot = (uint32_t)first + i,
            .assignment = assignment,
        };
    }
    return &notice->message;
}

static inline struct dh_message *notice_position(struct fixture *f, uint32_t slot,
                                                 struct dh_term term, int64_t offset,
                                                 bool is_held)
{
    struct dh_notice_position *notice =
        dh_mem_calloc(&f->memory.allocator, 1, sizeof(*notice));
    assert_non_null(notice);
    notice->message.kind = DH_NOTICE_POSITION;
    notice->message.size = sizeof(*notice);
    notice->slot = slot;
    notice->term = term;
    notice->offset = offset;
    notice->leader_epoch = -1;
    notice->is_held = is_held;
    return &notice->message;
}

static inline struct dh_message *notice_partition_error(struct fixture *f, uint32_t slot,
                                                        struct dh_term term, int code,
                                                        int64_t truncated_to)
{
    struct dh_notice_partition_error *notice =
        dh_mem_calloc(&f->memory.allocator, 1, sizeof(*notice));
    assert_non_null(notice);
    notice->message.kind = DH_NOTICE_PARTITION_ERROR;
    notice->message.size = sizeof(*notice);
    notice->slot = slot;
    notice->term = term;
    notice->error.code = code;
    notice->truncated_to = truncated_to;
    return &notice->message;
}

static inline struct dh_message *notice_error(struct fixture *f, int code)
{
    struct dh_notice_error *notice =
        dh_mem_calloc(&f->memory.allocator, 1, sizeof(*notice));
    assert_non_null(notice);
    notice->message.kind = DH_NOTICE_ERROR;
    notice->message.size = sizeof(*notice);
    notice->error.code = code;
    return &notice->message;
}

/*
 * One batch of records of one byte each, offsets base.. with `count` of them; the
 * first `sound` are well-formed (count: all). A batch of 0 records is compacted away
 * and ends at next_offset - 1.
 */
static inline struct dh_message *notice_chunk(struct fixture *f, uint32_t slot,
                                              struct dh_term term, int64_t fetch_offset,
                                              int64_t base, uint32_t count,
                                              uint32_t sound, int64_t next_offset)
{
    uint32_t batch_count = count > 0 ? 1 : 0;
    size_t size = sizeof(struct dh_chunk) + batch_count * sizeof(struct dh_chunk_batch);
    struct dh_chunk *chunk = dh_mem_calloc(&f->memory.allocator, 1, size);
    assert_non_null(chunk);
    chunk->message.kind = DH_NOTICE_CHUNK;
    chunk->message.size = (uint32_t)size;
    chunk->slot = slot;
    chunk->term = term;
    chunk->fetch_offset = fetch_offset;
    chunk->next_offset = next_offset;
    chunk->next_epoch = 3;
    chunk->high_watermark = next_offset + 10;
    chunk->batch_count = batch_count;
    if (count == 0) {
        return &chunk->message;
    }
    struct dh_frame *frame = dh_frame_new(&f->memory.allocator, (size_t)count * 8);
    assert_non_null(frame);
    uint8_t *at = frame->data;
    for (uint32_t i = 0; i < count; i++) {
        assert_true(i < 64); // one byte of varint
        const uint8_t record[8] = {
            7 << 1,                           // length
            0,                                // attributes
            0,                                // timestamp delta
            (uint8_t)(i << 1),                // offset delta
            1,                                // key: null
            1 << 1,                           // value: one byte
            (uint8_t)('a' + i % 26),          // value
            (uint8_t)(i < sound ? 0 : 5 << 1) // headers: none, or too many
        };
        memcpy(at, record, sizeof(record));
        at += sizeof(record);
    }
    frame->size = (size_t)(at - frame->data);
    chunk->batches[0].frame = frame;
    chunk->batches[0].batch = (struct dh_batch){
        .base_offset = base,
        .last_offset = base + count - 1,
        .producer_id = -1,
        .leader_epoch = 3,
        .record_count = (int32_t)count,
        .magic = 2,
        .payload = {frame->data, frame->size},
    };
    return &chunk->message;
}

// ---- Common beginnings ----

#define TERM(assignment_, position_)                                                     \
    ((struct dh_term){.assignment = (assignment_), .position = (position_)})

// Subscribed to "t", with `count` partitions assigned (assignment number 1), positions 0.
static inline void fixture_join(struct fixture *f, uint32_t count)
{
    const char *topics[] = {"t"};
    assert_int_equal(0, dh_front_subscribe(f->front, topics, 1, true));
    assert_int_equal(0, fixture_poll(f));
    struct dh_message *subscribe = fixture_take(f, DH_COMMAND_SUBSCRIBE);
    fixture_input(f, subscribe);
    fixture_input(f, notice_ownership(f, DH_NOTICE_ASSIGN, "t", 0, count, 1, true));
    assert_int_equal(0, fixture_poll(f));
    for (uint32_t i = 0; i < count; i++) {
        fixture_input(f, notice_position(f, i, TERM(1, 0), 0, false));
    }
    fixture_pump(f);
    f->callback_count = 0;
    f->returned_count = 0;
}

#endif
