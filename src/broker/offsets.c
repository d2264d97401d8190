// SPDX-License-Identifier: MIT
/*
 * Questions about offsets: ListOffsets, OffsetForLeaderEpoch, DeleteRecords. All answer at
 * once and keep nothing; errors are a partition's.
 *
 * ListOffsets, by `timestamp`:
 *     -1  latest            the high watermark, with the current leader epoch
 *     -2  earliest          the log's start, with the epoch of what is there
 *     -3  greatest time     the record that has it
 *     -4  earliest local    as -2: nothing is tiered
 *     -5  latest tiered     none: -1
 *     -6  earliest pending  none: -1
 *      n  a time            the first record with it or a later one, below the high watermark
 * Others, and those younger than the request's version, are UNSUPPORTED_VERSION.
 *
 * Source: KafkaApis, Partition, UnifiedLog in Apache Kafka 4.4; rows.
 */
#include <dohle/error.h>

#include "base/bytes.h"
#include "base/map.h"
#include "broker/handlers.h"
#include "broker/lookup.h"
#include "broker/skeleton.h"
#include "broker/topic_config.h"
#include "broker/waits.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/delete_records.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/offset_for_leader_epoch.h"

// Levels of the answers' skeletons.
#define TOPICS_AND_PARTITIONS 2

// ---- ListOffsets ----

enum {
    AT_LATEST = -1,
    AT_EARLIEST = -2,
    AT_GREATEST_TIME = -3,
    AT_EARLIEST_LOCAL = -4,
    AT_LATEST_TIERED = -5,
    AT_EARLIEST_PENDING = -6,
};

#define VERSION_WITH_EPOCHS 4

typedef struct dh_list_offsets_request_topic_partition list_question;
typedef struct dh_list_offsets_response_topic_partition list_item;

// The first version that knows that timestamp; INT16_MAX: none does.
static int16_t version_with(int64_t timestamp)
{
    static const int16_t by_place[] = {0, 1, 1, 7, 8, 9, 11};
    if (timestamp >= 0) {
        return 0;
    }
    return timestamp < AT_EARLIEST_PENDING ? INT16_MAX : by_place[-timestamp];
}

/*
 * The epoch of the first record of the log, or of the leader when there is none. Where an
 * epoch ends grows with the epoch: the least one that ends behind the start has it.
 */
static int32_t epoch_at_start(const struct dh_broker_partition *partition)
{
    int64_t start = dh_store_log_start(partition->log);
    int32_t low = 0;
    int32_t high = partition->leader_epoch;
    if (start == dh_store_log_end(partition->log)) {
        return high;
    }
    int32_t found;
    int64_t end;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        dh_store_log_end_of_epoch(partition->log, middle, partition->leader_epoch, &found,
                                  &end);
        if (end > start) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    dh_store_log_end_of_epoch(partition->log, low, partition->leader_epoch, &found, &end);
    return found;
}

// What was found may lie where nobody may read yet.
static int16_t find_record(const struct dh_broker_partition *partition, int64_t timestamp,
                           struct dh_store_found *found)
{
    int err = timestamp == AT_GREATEST_TIME
                  ? dh_store_log_find_max_time(partition->log, found)
                  : dh_store_log_find_time(partition->log, timestamp, found);
    if (err != 0) {
        return dh_broker_store_code(err);
    }
    if (found->offset < 0 ||
        found->offset >= dh_store_log_high_watermark(partition->log)) {
        *found = (struct dh_store_found){-1, -1, -1};
    }
    return 0;
}

static int16_t find_offset(const struct dh_broker_partition *partition, int64_t timestamp,
                           struct dh_store_found *found)
{
    *found = (struct dh_store_found){-1, -1, -1};
    switch (timestamp) {
    case AT_LATEST:
        found->offset = dh_store_log_high_watermark(partition->log);
        found->leader_epoch = partition->leader_epoch;
        return 0;
    case AT_EARLIEST:
    case AT_EARLIEST_LOCAL:
        found->offset = dh_store_log_start(partition->log);
        found->leader_epoch = epoch_at_start(partition);
        return 0;
    case AT_LATEST_TIERED:
    case AT_EARLIEST_PENDING: return 0;
    default: return find_record(partition, timestamp, found);
    }
}

static void list_partition(struct dh_broker_request *request, dohle_bytes topic,
                           const list_question *question, list_item *item)
{
    struct dh_broker_lookup lookup = {
        .name = topic,
        .number = question->partition_index,
        .client_epoch = question->current_leader_epoch,
    };
    struct dh_store_found found = {-1, -1, -1};
    if (request->version < version_with(question->timestamp)) {
        item->error_code = DH_BROKER_UNSUPPORTED_VERSION;
        return;
    }
    struct dh_broker_partition *partition =
        dh_broker_lookup(request, &lookup, &item->error_code);
    if (partition != NULL) {
        item->error_code = find_offset(partition, question->timestamp, &found);
    }
    item->timestamp = found.timestamp_ms;
    item->offset = found.offset;
    if (request->version >= VERSION_WITH_EPOCHS) {
        item->leader_epoch = found.leader_epoch;
    }
}

// NULL: no memory.
static void answer_or_give_up(struct dh_broker_request *request, const void *response)
{
    if (response == NULL) {
        dh_broker_give_up(request, "no memory for the answer");
    } else {
        dh_broker_answer(request, response);
    }
}

void dh_broker_handle_list_offsets(struct dh_broker *broker,
                                   struct dh_broker_request *request)
{
    (void)broker;
    const struct dh_list_offsets_request *body = request->body;
    struct dh_list_offsets_response *response =
        dh_broker_new_skeleton(request, TOPICS_AND_PARTITIONS, 0);
    for (int32_t i = 0; response != NULL && i < body->topics.count; i++) {
        const struct dh_list_offsets_request_topic *topic = &body->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            list_partition(request, topic->name, &topic->partitions.items[j],
                           &response->topics.items[i].partitions.items[j]);
        }
    }
    answer_or_give_up(request, response);
}

void *dh_broker_refuse_list_offsets(struct dh_broker_request *request,
                                    int16_t broker_code)
{
    return dh_broker_new_skeleton(request, TOPICS_AND_PARTITIONS, broker_code);
}

// ---- OffsetForLeaderEpoch ----

typedef struct dh_offset_for_leader_epoch_request_topic_partition epoch_question;
typedef struct dh_offset_for_leader_epoch_response_topic_partition epoch_item;

static void find_epoch(struct dh_broker_request *request, dohle_bytes topic,
                       const epoch_question *question, epoch_item *item)
{
    struct dh_broker_lookup lookup = {
        .name = topic,
        .number = question->partition,
        .client_epoch = question->current_leader_epoch,
    };
    struct dh_broker_partition *partition =
        dh_broker_lookup(request, &lookup, &item->error_code);
    if (partition != NULL) {
        dh_store_log_end_of_epoch(partition->log, question->leader_epoch,
                                  partition->leader_epoch, &item->leader_epoch,
                                  &item->end_offset);
    }
}

void dh_broker_handle_offset_for_leader_epoch(struct dh_broker *broker,
                                              struct dh_broker_request *request)
{
    (void)broker;
    const struct dh_offset_for_leader_epoch_request *body = request->body;
    struct dh_offset_for_leader_epoch_response *response =
        dh_broker_new_skeleton(request, TOPICS_AND_PARTITIONS, 0);
    for (int32_t i = 0; response != NULL && i < body->topics.count; i++) {
        const struct dh_offset_for_leader_epoch_request_topic *topic =
            &body->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            find_epoch(request, topic->topic, &topic->partitions.items[j],
                       &response->topics.items[i].partitions.items[j]);
        }
    }
    answer_or_give_up(request, response);
}

void *dh_broker_refuse_offset_for_leader_epoch(struct dh_broker_request *request,
                                               int16_t broker_code)
{
    return dh_broker_new_skeleton(request, TOPICS_AND_PARTITIONS, broker_code);
}

// ---- DeleteRecords ----

#define TO_HIGH_WATERMARK (-1)

typedef struct dh_delete_records_request_topic_partition delete_question;
typedef struct dh_delete_records_response_topic_partition delete_item;

// Returns a broker code.
static int16_t delete_before(struct dh_broker *broker,
                             struct dh_broker_partition *partition, int64_t offset)
{
    int64_t high_watermark = dh_store_log_high_watermark(partition->log);
    if (partition->topic->is_internal) {
        return DH_BROKER_INVALID_TOPIC_EXCEPTION;
    }
    if (!partition->topic->config->is_deleted) {
        return DH_BROKER_POLICY_VIOLATION;
    }
    if (offset == TO_HIGH_WATERMARK) {
        offset = high_watermark;
    }
    if (offset < 0 || offset > high_watermark) {
        return DH_BROKER_OFFSET_OUT_OF_RANGE;
    }
    if (offset <= dh_store_log_start(partition->log)) {
        return 0; // Gone already.
    }
    int err = dh_store_log_delete_before(partition->log, offset);
    dh_broker_waits_wake(broker, partition);
    return err == 0 ? 0 : dh_broker_store_code(err);
}

static void delete_records(struct dh_broker_request *request, dohle_bytes topic,
                           const delete_question *question, delete_item *item)
{
    struct dh_broker_lookup lookup = {
        .name = topic,
        .number = question->partition_index,
        .client_epoch = -1,
    };
    struct dh_broker_partition *partition =
        dh_broker_lookup(request, &lookup, &item->error_code);
    if (partition != NULL) {
        item->error_code = delete_before(request->broker, partition, question->offset);
    }
    item->low_watermark = item->error_code == 0 ? dh_store_log_start(partition->log) : -1;
}

// low_watermark is -1 where nothing was done.
static struct dh_delete_records_response *new_deleted(struct dh_broker_request *request,
                                                      int16_t broker_code)
{
    struct dh_delete_records_response *response =
        dh_broker_new_skeleton(request, TOPICS_AND_PARTITIONS, broker_code);
    for (int32_t i = 0; response != NULL && i < response->topics.count; i++) {
        for (int32_t j = 0; j < response->topics.items[i].partitions.count; j++) {
            response->topics.items[i].partitions.items[j].low_watermark = -1;
        }
    }
    return response;
}

void dh_broker_handle_delete_records(struct dh_broker *broker,
                                     struct dh_broker_request *request)
{
    (void)broker;
    const struct dh_delete_records_request *body = request->body;
    struct dh_delete_records_response *response = new_deleted(request, 0);
    for (int32_t i = 0; response != NULL && i < body->topics.count; i++) {
        const struct dh_delete_records_request_topic *topic = &body->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            delete_records(request, topic->name, &topic->partitions.items[j],
                           &response->topics.items[i].partitions.items[j]);
        }
    }
    answer_or_give_up(request, response);
}

void *dh_broker_refuse_delete_records(struct dh_broker_request *request,
                                      int16_t broker_code)
{
    return new_deleted(request, broker_code);
}
