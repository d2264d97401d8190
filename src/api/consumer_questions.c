// SPDX-License-Identifier: MIT
// What a consumer can be asked: offsets and topics of the cluster, its group, itself.
#include <dohle/consumer.h>

#include "api/consumer_shell.h"
#include "base/mem.h"
#include "base/time.h"
#include "host/clock.h"

// idle_reason asks our own thread only; it answers at once.
#define IDLE_REASON_WAIT_NS (1 * DH_SEC)

// ---- Looking around ----

// timestamps_ms NULL: `end` of the log for all.
static int list_offsets(dohle_consumer *consumer, dohle_offset *offsets,
                        const int64_t *timestamps_ms, int64_t end, size_t count,
                        int64_t timeout_ms)
{
    int64_t deadline_ns = 0;
    int err = dh_consumer_enter_until(consumer, timeout_ms, &deadline_ns);
    if (err != 0) {
        return err;
    }
    int64_t *ends = NULL;
    if (timestamps_ms == NULL && count > 0) {
        ends = dh_mem_calloc(&consumer->allocator, count, sizeof(*ends));
        if (ends == NULL) {
            return dh_consumer_leave(consumer, DOHLE_ERR_NO_MEMORY);
        }
        for (size_t i = 0; i < count; i++) {
            ends[i] = end;
        }
        timestamps_ms = ends;
    }
    struct dh_call call;
    dh_front_begin_list_offsets(consumer->front, &call, offsets, timestamps_ms, count,
                                deadline_ns, dh_clock_now_ns());
    err = dh_consumer_run(consumer, &call);
    dh_mem_free(&consumer->allocator, ends, count * sizeof(*ends));
    return dh_consumer_leave(consumer, err);
}

int dohle_consumer_beginning_offsets(dohle_consumer *consumer, dohle_offset *offsets,
                                     size_t count, int64_t timeout_ms)
{
    return list_offsets(consumer, offsets, NULL, -2, count, timeout_ms);
}

int dohle_consumer_end_offsets(dohle_consumer *consumer, dohle_offset *offsets,
                               size_t count, int64_t timeout_ms)
{
    return list_offsets(consumer, offsets, NULL, -1, count, timeout_ms);
}

int dohle_consumer_offsets_for_times(dohle_consumer *consumer, dohle_offset *offsets,
                                     const int64_t *timestamps_ms, size_t count,
                                     int64_t timeout_ms)
{
    for (size_t i = 0; i < count; i++) {
        if (timestamps_ms == NULL || timestamps_ms[i] < 0) {
            int err = dh_consumer_enter(consumer);
            return err != 0 ? err
                            : dh_consumer_leave(
                                  consumer,
                                  dh_consumer_fail(consumer, DOHLE_ERR_INVALID_ARGUMENT,
                                                   "a timestamp is negative (API-119)"));
        }
    }
    return list_offsets(consumer, offsets, timestamps_ms, 0, count, timeout_ms);
}

static int show_topics(dohle_consumer *consumer, const char *topic, int64_t timeout_ms,
                       const dohle_partition_info **infos, size_t *count)
{
    *infos = NULL;
    *count = 0;
    int64_t deadline_ns = 0;
    int err = dh_consumer_enter_until(consumer, timeout_ms, &deadline_ns);
    if (err != 0) {
        return err;
    }
    struct dh_call call;
    dh_front_begin_topics(consumer->front, &call, topic, deadline_ns, dh_clock_now_ns());
    err = dh_consumer_run(consumer, &call);
    if (err != 0 || call.rows == NULL) {
        return dh_consumer_leave(consumer, err);
    }
    if (call.rows->count > 0 &&
        dh_mem_grow(&consumer->allocator, &consumer->infos, &consumer->info_capacity,
                    call.rows->count, sizeof(*consumer->infos)) != 0) {
        return dh_consumer_leave(consumer, DOHLE_ERR_NO_MEMORY);
    }
    for (uint32_t i = 0; i < call.rows->count; i++) {
        const struct dh_topic_row *row = &call.rows->rows[i];
        consumer->infos[i] = (dohle_partition_info){
            .topic = row->topic,
            .partition = row->partition,
            .leader = row->leader,
            .leader_epoch = row->leader_epoch,
            .replica_count = row->replica_count,
            .in_sync_count = row->in_sync_count,
        };
    }
    *infos = consumer->infos;
    *count = call.rows->count;
    return dh_consumer_leave(consumer, 0);
}

int dohle_consumer_partitions_for(dohle_consumer *consumer, const char *topic,
                                  int64_t timeout_ms, const dohle_partition_info **infos,
                                  size_t *count)
{
    return show_topics(consumer, topic == NULL ? "" : topic, timeout_ms, infos, count);
}

int dohle_consumer_list_topics(dohle_consumer *consumer, int64_t timeout_ms,
                               const dohle_partition_info **infos, size_t *count)
{
    return show_topics(consumer, NULL, timeout_ms, infos, count);
}

int dohle_consumer_group_metadata(dohle_consumer *consumer,
                                  dohle_group_metadata *metadata)
{
    int err = dh_consumer_enter(consumer);
    if (err != 0) {
        return err;
    }
    if (consumer->settings->group_id == NULL) {
        return dh_consumer_leave(consumer,
                                 dh_consumer_fail(consumer, DOHLE_ERR_INVALID_GROUP,
                                                  "without group.id there is no group"));
    }
    metadata->group_id = consumer->settings->group_id;
    dh_front_member(consumer->front, &metadata->member_id, &metadata->generation);
    return dh_consumer_leave(consumer, 0);
}

int dohle_consumer_enforce_rebalance(dohle_consumer *consumer, const char *reason)
{
    int err = dh_consumer_enter(consumer);
    return err != 0 ? err
                    : dh_consumer_leave(
                          consumer, dh_front_enforce_rebalance(consumer->front, reason));
}

int dohle_consumer_last_rebalance(dohle_consumer *consumer, dohle_rebalance *rebalance)
{
    int err = dh_consumer_enter(consumer);
    if (err != 0) {
        return err;
    }
    const struct dh_last_rebalance *last = dh_front_last_rebalance(consumer->front);
    if (last == NULL) {
        return dh_consumer_leave(consumer, 0);
    }
    consumer->rebalance = *last;
    const struct dh_rebalance_record *record = &consumer->rebalance.record;
    int64_t now_ns = dh_clock_now_ns();
    int64_t ended_ns = last->ended_ns == 0 ? now_ns : last->ended_ns;
    *rebalance = (dohle_rebalance){
        .trigger = record->trigger,
        .generation_before = record->generation_before,
        .generation_after = record->generation_after,
        .member_id = record->member_id,
        .is_leader = record->is_leader,
        .member_count = record->member_count,
        .assignor = record->assignor,
        .started_ms = dh_clock_wall_ms() - (now_ns - record->started_ns) / DH_MS,
        .revoke_ms = record->revoke_ns / DH_MS,
        .join_ms = record->join_ns / DH_MS,
        .sync_ms = record->sync_ns / DH_MS,
        .total_ms = (ended_ns - record->started_ns) / DH_MS,
        .partitions_before = last->partitions_before,
        .partitions_after = last->partitions_after,
    };
    (void)dh_consumer_leave(consumer, 0);
    return 1;
}

int dohle_consumer_idle_reason(dohle_consumer *consumer, const char *topic,
                               int32_t partition, enum dohle_idle_reason *reason)
{
    int err = dh_consumer_enter(consumer);
    if (err != 0) {
        return err;
    }
    struct dh_call call;
    dh_front_begin_idle_reason(consumer->front, &call, topic, partition,
                               dh_clock_now_ns() + IDLE_REASON_WAIT_NS);
    err = dh_consumer_run(consumer, &call);
    if (err == 0) {
        *reason = call.idle_reason;
    }
    return dh_consumer_leave(consumer, err);
}

const char *dohle_idle_reason_text(enum dohle_idle_reason reason)
{
    switch (reason) {
    case DOHLE_IDLE_NOT: return "records are ready";
    case DOHLE_IDLE_WAITING_FOR_DATA: return "waiting for data";
    case DOHLE_IDLE_PAUSED: return "paused";
    case DOHLE_IDLE_NO_POSITION: return "the position is not known yet";
    case DOHLE_IDLE_VALIDATING: return "the position is checked against a new leader";
    case DOHLE_IDLE_NO_LEADER: return "the partition has no leader";
    case DOHLE_IDLE_THROTTLED: return "the broker throttles this client";
    case DOHLE_IDLE_BUDGET_FULL: return "fetch.buffer.bytes is used up";
    case DOHLE_IDLE_ERROR: return "an error that poll reports";
    case DOHLE_IDLE_REVOKING: return "about to be given up";
    }
    return "unknown";
}
