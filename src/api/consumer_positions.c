// SPDX-License-Identifier: MIT
// The consumer's positions: where it stands, seeks, pauses, commits.
#include <dohle/consumer.h>

#include "api/consumer_shell.h"
#include "host/clock.h"

// ---- Positions ----

int dohle_consumer_position(dohle_consumer *consumer, const char *topic,
                            int32_t partition, int64_t timeout_ms, int64_t *offset)
{
    *offset = -1;
    int64_t deadline_ns = 0;
    int err = dh_consumer_enter_until(consumer, timeout_ms, &deadline_ns);
    if (err != 0) {
        return err;
    }
    struct dh_call call;
    dh_front_begin_position(consumer->front, &call, topic, partition, deadline_ns);
    err = dh_consumer_run(consumer, &call);
    if (err == 0) {
        *offset = call.offset;
    }
    return dh_consumer_leave(consumer, err);
}

int dohle_consumer_seek(dohle_consumer *consumer, const char *topic, int32_t partition,
                        int64_t offset)
{
    const dohle_offset target = {
        .topic = topic, .partition = partition, .offset = offset, .leader_epoch = -1};
    return dohle_consumer_seek_to(consumer, &target);
}

int dohle_consumer_seek_to(dohle_consumer *consumer, const dohle_offset *offset)
{
    int err = dh_consumer_enter(consumer);
    if (err != 0) {
        return err;
    }
    if (offset == NULL) {
        return dh_consumer_leave(consumer,
                                 dh_consumer_fail(consumer, DOHLE_ERR_INVALID_ARGUMENT,
                                                  "the offset is missing"));
    }
    err = dh_front_seek(consumer->front, offset->topic, offset->partition, DH_SEEK_OFFSET,
                        offset->offset, offset->leader_epoch);
    dh_consumer_flush(consumer);
    return dh_consumer_leave(consumer, err);
}

static int seek_all(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                    size_t count, enum dh_seek_target target)
{
    int err = dh_consumer_enter(consumer);
    if (err != 0) {
        return err;
    }
    err = dh_front_seek_all(consumer->front, partitions, count, target);
    dh_consumer_flush(consumer);
    return dh_consumer_leave(consumer, err);
}

int dohle_consumer_seek_to_beginning(dohle_consumer *consumer,
                                     const dohle_topic_partition *partitions,
                                     size_t count)
{
    return seek_all(consumer, partitions, count, DH_SEEK_BEGINNING);
}

int dohle_consumer_seek_to_end(dohle_consumer *consumer,
                               const dohle_topic_partition *partitions, size_t count)
{
    return seek_all(consumer, partitions, count, DH_SEEK_END);
}

static int pause_all(dohle_consumer *consumer, const dohle_topic_partition *partitions,
                     size_t count, bool paused)
{
    int err = dh_consumer_enter(consumer);
    if (err != 0) {
        return err;
    }
    err = dh_front_pause(consumer->front, partitions, count, paused);
    dh_consumer_flush(consumer);
    if (err == 0 && !paused && dh_front_is_ready(consumer->front, dh_clock_now_ns())) {
        dh_io_client_signal(consumer->client);
    }
    return dh_consumer_leave(consumer, err);
}

int dohle_consumer_pause(dohle_consumer *consumer,
                         const dohle_topic_partition *partitions, size_t count)
{
    return pause_all(consumer, partitions, count, true);
}

int dohle_consumer_resume(dohle_consumer *consumer,
                          const dohle_topic_partition *partitions, size_t count)
{
    return pause_all(consumer, partitions, count, false);
}

int dohle_consumer_current_lag(dohle_consumer *consumer, const char *topic,
                               int32_t partition, int64_t *lag)
{
    *lag = -1;
    int err = dh_consumer_enter(consumer);
    return err != 0 ? err
                    : dh_consumer_leave(
                          consumer, dh_front_lag(consumer->front, topic, partition, lag));
}

// ---- Commits ----

int dohle_consumer_commit_sync(dohle_consumer *consumer, const dohle_offset *offsets,
                               size_t count, int64_t timeout_ms)
{
    int64_t deadline_ns = 0;
    int err = dh_consumer_enter_until(consumer, timeout_ms, &deadline_ns);
    if (err != 0) {
        return err;
    }
    struct dh_call call;
    dh_front_begin_commit_sync(consumer->front, &call, offsets, count, deadline_ns,
                               dh_clock_now_ns());
    return dh_consumer_leave(consumer, dh_consumer_run(consumer, &call));
}

int dohle_consumer_commit_async(dohle_consumer *consumer, const dohle_offset *offsets,
                                size_t count, dohle_commit_callback *callback, void *ctx)
{
    int err = dh_consumer_enter(consumer);
    if (err != 0) {
        return err;
    }
    const struct dh_commit_target target = {(void (*)(void))callback, ctx};
    struct dh_call call;
    dh_front_begin_commit_async(consumer->front, &call, offsets, count, target,
                                dh_clock_now_ns());
    return dh_consumer_leave(consumer, dh_consumer_run(consumer, &call));
}

int dohle_consumer_committed(dohle_consumer *consumer, dohle_offset *offsets,
                             size_t count, int64_t timeout_ms)
{
    int64_t deadline_ns = 0;
    int err = dh_consumer_enter_until(consumer, timeout_ms, &deadline_ns);
    if (err != 0) {
        return err;
    }
    struct dh_call call;
    dh_front_begin_committed(consumer->front, &call, offsets, count, deadline_ns,
                             dh_clock_now_ns());
    return dh_consumer_leave(consumer, dh_consumer_run(consumer, &call));
}
