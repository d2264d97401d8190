// SPDX-License-Identifier: MIT
#include "hostile_calls.h"

#include "base/assert.h"

// ---- Those that may wait ----

int hostile_call_poll(void *consumer, int64_t timeout_ms)
{
    dohle_records *records;
    return dohle_consumer_poll(consumer, timeout_ms, &records);
}

int hostile_call_position(void *consumer, int64_t timeout_ms)
{
    int64_t offset;
    return dohle_consumer_position(consumer, "t", 0, timeout_ms, &offset);
}

int hostile_call_commit_sync(void *consumer, int64_t timeout_ms)
{
    const dohle_offset offset = {
        .topic = "t", .partition = 0, .offset = 1, .leader_epoch = -1};
    return dohle_consumer_commit_sync(consumer, &offset, 1, timeout_ms);
}

int hostile_call_committed(void *consumer, int64_t timeout_ms)
{
    dohle_offset offset = {.topic = "t", .partition = 0};
    return dohle_consumer_committed(consumer, &offset, 1, timeout_ms);
}

int hostile_call_beginning_offsets(void *consumer, int64_t timeout_ms)
{
    dohle_offset offset = {.topic = "t", .partition = 1};
    return dohle_consumer_beginning_offsets(consumer, &offset, 1, timeout_ms);
}

int hostile_call_end_offsets(void *consumer, int64_t timeout_ms)
{
    dohle_offset offset = {.topic = "t", .partition = 1};
    return dohle_consumer_end_offsets(consumer, &offset, 1, timeout_ms);
}

int hostile_call_offsets_for_times(void *consumer, int64_t timeout_ms)
{
    dohle_offset offset = {.topic = "t", .partition = 1};
    const int64_t timestamp_ms = 0;
    return dohle_consumer_offsets_for_times(consumer, &offset, &timestamp_ms, 1,
                                            timeout_ms);
}

int hostile_call_partitions_for(void *consumer, int64_t timeout_ms)
{
    const dohle_partition_info *infos;
    size_t count;
    return dohle_consumer_partitions_for(consumer, "t", timeout_ms, &infos, &count);
}

int hostile_call_list_topics(void *consumer, int64_t timeout_ms)
{
    const dohle_partition_info *infos;
    size_t count;
    return dohle_consumer_list_topics(consumer, timeout_ms, &infos, &count);
}

// ---- Those without a time-out ----

int hostile_call_idle_reason(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    enum dohle_idle_reason reason;
    return dohle_consumer_idle_reason(consumer, "t", 0, &reason);
}

int hostile_call_unsubscribe(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    return dohle_consumer_unsubscribe(consumer);
}

int hostile_call_close(void *consumer, int64_t timeout_ms)
{
    return dohle_consumer_close(consumer, timeout_ms);
}

static const char *const topics[] = {"t"};
static const dohle_topic_partition partitions[] = {{"t", 0}};

static int call_subscribe(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    return dohle_consumer_subscribe(consumer, topics, 1, NULL);
}

static int call_subscribe_pattern(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    return dohle_consumer_subscribe_pattern(consumer, "t.*", NULL);
}

static int call_assign(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    return dohle_consumer_assign(consumer, partitions, 1);
}

static int call_assignment(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    const dohle_topic_partition *owned;
    size_t count;
    return dohle_consumer_assignment(consumer, &owned, &count);
}

static int call_subscription(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    const char *const *names;
    size_t count;
    return dohle_consumer_subscription(consumer, &names, &count);
}

static int call_seek(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    return dohle_consumer_seek(consumer, "t", 0, 0);
}

static int call_seek_to(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    const dohle_offset offset = {.topic = "t", .leader_epoch = -1};
    return dohle_consumer_seek_to(consumer, &offset);
}

static int call_seek_to_beginning(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    return dohle_consumer_seek_to_beginning(consumer, partitions, 1);
}

static int call_seek_to_end(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    return dohle_consumer_seek_to_end(consumer, partitions, 1);
}

static int call_pause(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    return dohle_consumer_pause(consumer, partitions, 1);
}

static int call_resume(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    return dohle_consumer_resume(consumer, partitions, 1);
}

static int call_paused(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    const dohle_topic_partition *paused;
    size_t count;
    return dohle_consumer_paused(consumer, &paused, &count);
}

static int call_current_lag(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    int64_t lag;
    return dohle_consumer_current_lag(consumer, "t", 0, &lag);
}

static int call_commit_async(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    return dohle_consumer_commit_async(consumer, NULL, 0, NULL, NULL);
}

static int call_group_metadata(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    dohle_group_metadata metadata;
    return dohle_consumer_group_metadata(consumer, &metadata);
}

static int call_enforce_rebalance(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    return dohle_consumer_enforce_rebalance(consumer, NULL);
}

static int call_last_rebalance(void *consumer, int64_t timeout_ms)
{
    (void)timeout_ms;
    dohle_rebalance rebalance;
    return dohle_consumer_last_rebalance(consumer, &rebalance);
}

const struct hostile_function hostile_functions[] = {
    {"poll", hostile_call_poll, true},
    {"position", hostile_call_position, true},
    {"commit_sync", hostile_call_commit_sync, true},
    {"committed", hostile_call_committed, true},
    {"beginning_offsets", hostile_call_beginning_offsets, true},
    {"end_offsets", hostile_call_end_offsets, true},
    {"offsets_for_times", hostile_call_offsets_for_times, true},
    {"partitions_for", hostile_call_partitions_for, true},
    {"list_topics", hostile_call_list_topics, true},
    {"idle_reason", hostile_call_idle_reason, false},
    {"subscribe", call_subscribe, false},
    {"subscribe_pattern", call_subscribe_pattern, false},
    {"assign", call_assign, false},
    {"assignment", call_assignment, false},
    {"subscription", call_subscription, false},
    {"seek", call_seek, false},
    {"seek_to", call_seek_to, false},
    {"seek_to_beginning", call_seek_to_beginning, false},
    {"seek_to_end", call_seek_to_end, false},
    {"pause", call_pause, false},
    {"resume", call_resume, false},
    {"paused", call_paused, false},
    {"current_lag", call_current_lag, false},
    {"commit_async", call_commit_async, false},
    {"group_metadata", call_group_metadata, false},
    {"enforce_rebalance", call_enforce_rebalance, false},
    {"last_rebalance", call_last_rebalance, false},
    {"unsubscribe", hostile_call_unsubscribe, false},
};

const size_t hostile_function_count = DH_COUNT_OF(hostile_functions);
