// SPDX-License-Identifier: MIT
/*
 * What the tests of produce, fetch and offsets do with the rig's broker: topics, batches, and
 * one question about one partition each.
 */
#ifndef DH_TESTS_UNIT_BROKER_DATA_RIG_H
#define DH_TESTS_UNIT_BROKER_DATA_RIG_H

#include "rig.h"

#include <stdio.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "broker/topic_config.h"
#include "broker/topics.h"
#include "record/batch.h"
#include "record/batch_writer.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/fetch.h"
#include "wire/gen/produce.h"

#define PRODUCE_BY_NAME 12
#define PRODUCE_BY_ID   13
#define FETCH_BY_NAME   12
#define FETCH_BY_ID     18

typedef struct dh_produce_response_response_partition_response produce_item;
typedef struct dh_fetch_response_response_partition fetch_item;

static inline struct dh_broker_topic *topic_of(struct rig *rig, const char *name)
{
    return dh_broker_topics_find(rig->broker, dh_bytes_of(name));
}

static inline struct dh_broker_partition *partition_of(struct rig *rig, const char *name,
                                                       int32_t number)
{
    struct dh_broker_topic *topic = topic_of(rig, name);
    assert_non_null(topic);
    return &topic->partitions[number];
}

static inline struct dh_store_log *log_of(struct rig *rig, const char *name,
                                          int32_t number)
{
    return partition_of(rig, name, number)->log;
}

// With settings "name=value".
static inline void make_topic_with(struct rig *rig, const char *name, int32_t partitions,
                                   int32_t replication_factor,
                                   const char *const *settings, size_t setting_count)
{
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    struct dh_broker_topic_config config;
    dh_broker_topic_config_init(&config, rig->broker);
    for (size_t i = 0; i < setting_count; i++) {
        const char *value = strchr(settings[i], '=') + 1;
        dohle_bytes key = {(const uint8_t *)settings[i],
                           (size_t)(value - 1 - settings[i])};
        assert_int_equal(0, dh_broker_topic_config_set(rig->broker, &config, key,
                                                       dh_bytes_of(value), text,
                                                       sizeof(text)));
    }
    struct dh_broker_new_topic wanted = {
        .name = dh_bytes_of(name),
        .partition_count = partitions,
        .replication_factor = replication_factor,
        .config = &config,
    };
    struct dh_broker_topic *topic;
    assert_int_equal(
        0, dh_broker_topics_create(rig->broker, &wanted, &topic, text, sizeof(text)));
    dh_broker_topic_config_deinit(&config, rig->broker);
    rig_run(rig);
}

static inline void make_topic(struct rig *rig, const char *name, int32_t partitions)
{
    make_topic_with(rig, name, partitions, 1, NULL, 0);
}

// ---- Batches ----

struct batch {
    uint8_t bytes[4096];
    size_t size;
};

struct batch_wish {
    int count;            // records; 0: 1
    int64_t timestamp_ms; // of the first, one more each; 0: the rig's start
    size_t value_size;    // 0: 10
    int codec;
    int64_t producer_id; // 0: none
    int32_t sequence;
    int16_t epoch;
    bool has_null_keys;
};

static inline struct batch make_batch(struct batch_wish wish)
{
    struct batch batch;
    uint8_t value[2048] = {0};
    struct dh_batch_writer writer;
    dh_batch_writer_init(&writer, dh_mem_default());
    for (int i = 0; i < (wish.count == 0 ? 1 : wish.count); i++) {
        struct dh_record_input record = {
            .timestamp_ms =
                (wish.timestamp_ms == 0 ? RIG_WALL_MS : wish.timestamp_ms) + i,
            .key = wish.has_null_keys ? DH_BYTES_NULL : DH_BYTES("k"),
            .value = {value, wish.value_size == 0 ? 10 : wish.value_size},
        };
        assert_int_equal(0, dh_batch_writer_append(&writer, &record));
    }
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    if (wish.producer_id != 0) {
        stamp.producer_id = wish.producer_id;
        stamp.producer_epoch = wish.epoch;
        stamp.base_sequence = wish.sequence;
    }
    struct dh_codec_context codecs;
    dh_codec_context_init(&codecs, dh_mem_default(), NULL);
    dohle_bytes bytes;
    assert_int_equal(0,
                     dh_batch_writer_finish(&writer, &codecs, dh_codec_find(wish.codec),
                                            DH_CODEC_LEVEL_DEFAULT, &stamp, &bytes));
    assert_true(bytes.size <= sizeof(batch.bytes));
    memcpy(batch.bytes, bytes.data, bytes.size);
    batch.size = bytes.size;
    dh_codec_context_deinit(&codecs);
    dh_batch_writer_deinit(&writer);
    return batch;
}

// ---- Produce ----

static inline void send_produce(struct rig *rig, struct rig_client *client,
                                const char *topic, int32_t partition, int16_t acks,
                                const struct batch *batch)
{
    struct dh_produce_request_topic_data_partition_data data = {
        .index = partition, .records = {batch->bytes, batch->size}};
    struct dh_produce_request_topic_data in = {.name = dh_bytes_of(topic),
                                               .partition_data = {&data, 1}};
    struct dh_produce_request request;
    dh_message_init(&dh_produce_request_type, &request);
    request.acks = acks;
    request.timeout_ms = 5000;
    request.topic_data.items = &in;
    request.topic_data.count = 1;
    rig_send(rig, client, DH_API_PRODUCE, PRODUCE_BY_NAME, &request);
}

static inline void expect_no_answer(struct rig *rig, struct rig_client *client)
{
    assert_null(rig_receive(rig, client));
}

static inline const produce_item *receive_produce(struct rig *rig,
                                                  struct rig_client *client)
{
    static const produce_item none;
    const struct dh_produce_response *response = rig_receive(rig, client);
    if (response == NULL) {
        fail_msg("the produce request is not answered");
        return &none;
    }
    assert_int_equal(1, response->responses.count);
    assert_int_equal(1, response->responses.items[0].partition_responses.count);
    return &response->responses.items[0].partition_responses.items[0];
}

static inline const produce_item *produce(struct rig *rig, struct rig_client *client,
                                          const char *topic, int32_t partition,
                                          struct batch_wish wish)
{
    struct batch batch = make_batch(wish);
    send_produce(rig, client, topic, partition, -1, &batch);
    return receive_produce(rig, client);
}

// By a connection of its own.
static inline void fill(struct rig *rig, const char *topic, int32_t partition, int count)
{
    struct rig_client *client =
        rig_connect(rig, partition_of(rig, topic, partition)->leader);
    for (int i = 0; i < count; i++) {
        const produce_item *item =
            produce(rig, client, topic, partition, (struct batch_wish){0});
        assert_int_equal(0, item->error_code);
    }
    rig_disconnect(rig, client);
}

// ---- Fetch ----

#define FETCH_PARTITIONS_MAX 64

// A fetch of partitions of one topic; 0: the usual.
struct fetch_wish {
    const char *topic;
    int32_t partitions[FETCH_PARTITIONS_MAX];
    int64_t offsets[FETCH_PARTITIONS_MAX];
    int32_t count;
    int32_t forgotten[FETCH_PARTITIONS_MAX];
    int32_t forgotten_count;
    int16_t version; // 0: by name
    int32_t session_id;
    int32_t session_epoch;
    bool has_session; // else epoch -1
    int32_t max_wait_ms;
    int32_t min_bytes;           // 0: 1
    int32_t max_bytes;           // 0: 50 MiB
    int32_t partition_max_bytes; // 0: 1 MiB
    int32_t leader_epoch;        // of all; 0: -1
    int32_t last_fetched_epoch;  // of all, + 1; 0: none
    int8_t isolation_level;
    struct dh_uuid topic_id;
};

static inline void send_fetch(struct rig *rig, struct rig_client *client,
                              const struct fetch_wish *wish)
{
    struct dh_fetch_request_topic_partition partitions[FETCH_PARTITIONS_MAX];
    for (int32_t i = 0; i < wish->count; i++) {
        dh_struct_init(&dh_fetch_request_topic_partition_struct, &partitions[i]);
        partitions[i].partition = wish->partitions[i];
        partitions[i].fetch_offset = wish->offsets[i];
        partitions[i].current_leader_epoch =
            wish->leader_epoch == 0 ? -1 : wish->leader_epoch;
        partitions[i].last_fetched_epoch = wish->last_fetched_epoch - 1;
        partitions[i].partition_max_bytes =
            wish->partition_max_bytes == 0 ? 1 << 20 : wish->partition_max_bytes;
    }
    struct dh_fetch_request_topic topic = {.topic = dh_bytes_of(wish->topic),
                                           .topic_id = wish->topic_id,
                                           .partitions = {partitions, wish->count}};
    int32_t numbers[FETCH_PARTITIONS_MAX];
    memcpy(numbers, wish->forgotten, sizeof(numbers));
    struct dh_fetch_request_forgotten_topics_data forgotten = {
        .topic = topic.topic,
        .topic_id = wish->topic_id,
        .partitions = {numbers, wish->forgotten_count}};
    struct dh_fetch_request request;
    dh_message_init(&dh_fetch_request_type, &request);
    request.max_wait_ms = wish->max_wait_ms;
    request.min_bytes = wish->min_bytes == 0 ? 1 : wish->min_bytes;
    request.max_bytes = wish->max_bytes == 0 ? 50 << 20 : wish->max_bytes;
    request.isolation_level = wish->isolation_level;
    request.session_id = wish->session_id;
    request.session_epoch = wish->has_session ? wish->session_epoch : -1;
    request.topics.items = &topic;
    request.topics.count = wish->count == 0 ? 0 : 1;
    request.forgotten_topics_data.items = &forgotten;
    request.forgotten_topics_data.count = wish->forgotten_count == 0 ? 0 : 1;
    rig_send(rig, client, DH_API_FETCH,
             wish->version == 0 ? FETCH_BY_NAME : wish->version, &request);
}

static inline const struct dh_fetch_response *receive_fetch(struct rig *rig,
                                                            struct rig_client *client)
{
    static const struct dh_fetch_response none;
    const struct dh_fetch_response *response = rig_receive(rig, client);
    if (response == NULL) {
        fail_msg("the fetch is not answered");
        return &none;
    }
    return response;
}

static inline const struct dh_fetch_response *
fetch(struct rig *rig, struct rig_client *client, const struct fetch_wish *wish)
{
    send_fetch(rig, client, wish);
    return receive_fetch(rig, client);
}

static inline int32_t count_items(const struct dh_fetch_response *response)
{
    int32_t count = 0;
    for (int32_t i = 0; i < response->responses.count; i++) {
        count += response->responses.items[i].partitions.count;
    }
    return count;
}

// The i-th partition of the answer, whatever its topic.
static inline const fetch_item *item_at(const struct dh_fetch_response *response,
                                        int32_t index)
{
    static const fetch_item none;
    for (int32_t i = 0; i < response->responses.count; i++) {
        const struct dh_fetch_response_response *topic = &response->responses.items[i];
        if (index < topic->partitions.count) {
            return &topic->partitions.items[index];
        }
        index -= topic->partitions.count;
    }
    fail_msg("the answer has no partition %d", index);
    return &none;
}

// Offset of the first record of the answer's bytes; -1: none.
static inline int64_t first_offset(const fetch_item *item)
{
    struct dh_reader reader;
    dh_reader_init(&reader, item->records);
    return item->records.size == 0 ? -1 : dh_read_int64(&reader);
}

// Whole batches; anything else fails.
static inline int count_batches(const fetch_item *item)
{
    struct dh_reader reader;
    struct dh_batch batch;
    dh_reader_init(&reader, item->records);
    int count = 0;
    while (dh_batch_next(&reader, &batch) == DH_BATCH_FOUND) {
        assert_int_equal(0, dh_batch_check_crc(&batch));
        count++;
    }
    assert_int_equal(0, dh_reader_left(&reader));
    return count;
}

#endif
