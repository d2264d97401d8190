// SPDX-License-Identifier: MIT
#include "broker/produce.h"

#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/time.h"
#include "broker/alarm.h"
#include "broker/batch_check.h"
#include "broker/handlers.h"
#include "broker/lookup.h"
#include "broker/request.h"
#include "broker/topic_config.h"
#include "broker/waits.h"
#include "record/codec.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/produce.h"

#define ACKS_NONE   0
#define ACKS_LEADER 1
#define ACKS_ALL    (-1)

#define VERSION_WITH_LEADERS 10
#define VERSION_WITH_IDS     13

// Kafka's own tools may write to internal topics under this name.
#define ADMIN_CLIENT_ID "__admin_client"

typedef struct dh_produce_response_response_partition_response produce_item;

struct dh_broker_produce {
    struct dh_codec_context codecs;
    struct dh_buf recompressed; // a batch, when compression.type is not the producer's
};

// One partition of a request that was appended, and is not durable yet.
struct append {
    struct dh_broker_place place;
    struct flight *flight;
    produce_item *item;
    int64_t end_offset; // durable once the high watermark is here
};

// One request. In its arena.
struct flight {
    struct dh_broker_request *request;
    struct dh_produce_response *response;
    struct dh_broker_leaders leaders;
    struct dh_broker_alarm alarm;
    struct append *appends; // room for every partition of the request
    size_t append_count;
    size_t left; // that are not durable yet
    bool has_errors;
};

int dh_broker_produce_new(struct dh_broker *broker)
{
    broker->produce = dh_mem_calloc(broker->mem, 1, sizeof(*broker->produce));
    if (broker->produce == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_codec_context_init(&broker->produce->codecs, broker->mem, NULL);
    dh_buf_init(&broker->produce->recompressed, broker->mem, INT32_MAX);
    return 0;
}

void dh_broker_produce_free(struct dh_broker *broker)
{
    if (broker->produce != NULL) {
        dh_codec_context_deinit(&broker->produce->codecs);
        dh_buf_deinit(&broker->produce->recompressed);
        dh_mem_free(broker->mem, broker->produce, sizeof(*broker->produce));
        broker->produce = NULL;
    }
}

static void on_woken(struct dh_broker *broker, struct dh_broker_place *place);

// ---- One partition ----

static struct dh_broker_lookup
lookup_of(const struct dh_broker_request *request,
          const struct dh_produce_request_topic_data *topic, int32_t number)
{
    return (struct dh_broker_lookup){
        .name = topic->name,
        .id = request->version >= VERSION_WITH_IDS ? &topic->topic_id : NULL,
        .number = number,
        .client_epoch = -1,
    };
}

// Nominal: every replica whose node is up has all there is.
static int64_t count_in_sync(const struct dh_broker *broker,
                             const struct dh_broker_partition *partition)
{
    int64_t count = 0;
    for (size_t i = 0; i < partition->replica_count; i++) {
        count += dh_broker_nodes_is_up(broker, partition->replicas[i]);
    }
    return count;
}

static int16_t check_access(const struct dh_broker_request *request,
                            const struct dh_broker_partition *partition)
{
    const struct dh_produce_request *body = request->body;
    const struct dh_broker_topic *topic = partition->topic;
    if (topic->is_internal &&
        !dh_bytes_equal(request->client_id, DH_BYTES(ADMIN_CLIENT_ID))) {
        return DH_BROKER_INVALID_TOPIC_EXCEPTION;
    }
    if (body->acks == ACKS_ALL &&
        count_in_sync(request->broker, partition) < topic->config->min_insync_replicas) {
        return DH_BROKER_NOT_ENOUGH_REPLICAS;
    }
    return 0;
}

static struct dh_broker_batch_rules rules_of(const struct dh_broker_request *request,
                                             const struct dh_broker_partition *partition)
{
    const struct dh_broker_topic_config *config = partition->topic->config;
    return (struct dh_broker_batch_rules){
        .topic = partition->topic->name,
        .partition = partition->number,
        .produce_version = request->version,
        .size_max = config->max_message_bytes,
        .segment_max = config->segment_bytes,
        .wall_ms = request->broker->clock.wall_ms,
        .before_max_ms = config->message_timestamp_before_max_ms,
        .after_max_ms = config->message_timestamp_after_max_ms,
        .is_append_time = config->is_append_time,
        .is_compacted = config->is_compacted,
    };
}

// Where the bytes lie in the request's frame, which may be written to.
static uint8_t *writable(const struct dh_broker_request *request, dohle_bytes bytes)
{
    DH_ASSERT(bytes.size == 0 ||
              (bytes.data >= request->frame->data &&
               bytes.data + bytes.size <= request->frame->data + request->frame->size));
    return bytes.size == 0 ? request->frame->data
                           : request->frame->data + (bytes.data - request->frame->data);
}

// What is appended: the batch in the frame, or a new one.
struct batch_bytes {
    uint8_t *data;
    size_t size;
};

// Returns a broker code.
static int16_t apply_compression_type(struct dh_broker *broker,
                                      const struct dh_broker_topic_config *config,
                                      const struct dh_broker_batch_verdict *verdict,
                                      struct batch_bytes *bytes)
{
    // NULL: "producer", which leaves it as it came.
    const struct dh_codec *codec =
        strcmp(config->compression_type, "uncompressed") == 0
            ? dh_codec_find(DH_CODEC_NONE)
            : dh_codec_find_name(dh_bytes_of(config->compression_type));
    if (codec == NULL || codec->id == verdict->batch.codec) {
        return 0;
    }
    struct dh_buf *out = &broker->produce->recompressed;
    dh_buf_reset(out);
    int err = dh_broker_batch_recompress(verdict, &broker->produce->codecs, codec, out);
    if (err == DOHLE_ERR_TOO_LARGE ||
        (err == 0 && (int64_t)out->size > config->max_message_bytes)) {
        return DH_BROKER_MESSAGE_TOO_LARGE;
    }
    *bytes = (struct batch_bytes){out->data, out->size};
    return err == 0 ? 0 : dh_broker_store_code(err);
}

// It is in the log: waits for it to be durable, if it is not.
static void follow(struct flight *flight, struct dh_broker_partition *partition,
                   int64_t end_offset, produce_item *item)
{
    const struct dh_produce_request *body = flight->request->body;
    if (body->acks == ACKS_NONE ||
        dh_store_log_high_watermark(partition->log) >= end_offset) {
        return;
    }
    struct append *append = &flight->appends[flight->append_count++];
    append->flight = flight;
    append->item = item;
    append->end_offset = end_offset;
    append->place.on_woken = on_woken;
    dh_broker_waits_enter(&append->place, partition);
    flight->left++;
}

// Checks; *bytes is where the records are. Returns a broker code, with why in the item.
static int16_t check_records(struct flight *flight,
                             const struct dh_broker_partition *partition, size_t size,
                             struct batch_bytes *bytes, produce_item *item)
{
    struct dh_broker_request *request = flight->request;
    struct dh_broker *broker = request->broker;
    struct dh_broker_batch_rules rules = rules_of(request, partition);
    struct dh_broker_batch_verdict verdict;
    int err = dh_broker_batch_check(&rules, &broker->produce->codecs, &request->arena,
                                    bytes->data, size, &verdict);
    if (err != 0) {
        return dh_broker_store_code(err);
    }
    item->error_message = verdict.text;
    item->record_errors.items = verdict.record_errors;
    item->record_errors.count = verdict.record_error_count;
    int16_t code = verdict.broker_code;
    if (code == 0) {
        bytes->size = verdict.batch.bytes.size;
        code = apply_compression_type(broker, partition->topic->config, &verdict, bytes);
    }
    dh_frame_drop(verdict.plain);
    return code;
}

// Checks and appends. Returns a broker code.
static int16_t append_records(struct flight *flight,
                              struct dh_broker_partition *partition, dohle_bytes records,
                              produce_item *item)
{
    struct dh_broker *broker = flight->request->broker;
    struct batch_bytes bytes = {.data = writable(flight->request, records)};
    int16_t code = check_records(flight, partition, records.size, &bytes, item);
    if (code != 0) {
        return code;
    }
    struct dh_store_appended appended;
    int err =
        dh_store_log_append(partition->log, bytes.data, bytes.size,
                            partition->leader_epoch, broker->clock.wall_ms, &appended);
    if (err != 0) {
        return dh_broker_store_code(err);
    }
    if (appended.broker_code != 0) {
        return appended.broker_code;
    }
    item->base_offset = appended.base_offset;
    item->log_append_time_ms = appended.append_time_ms;
    follow(flight, partition, appended.end_offset, item);
    return 0;
}

static void produce_partition(
    struct flight *flight, const struct dh_produce_request_topic_data *topic,
    const struct dh_produce_request_topic_data_partition_data *in, produce_item *item)
{
    struct dh_broker_request *request = flight->request;
    struct dh_broker_lookup lookup = lookup_of(request, topic, in->index);
    dh_struct_init(&dh_produce_response_response_partition_response_struct, item);
    item->index = in->index;
    item->base_offset = -1;
    struct dh_broker_partition *partition =
        dh_broker_lookup(request, &lookup, &item->error_code);
    if (partition == NULL) {
        if (request->version >= VERSION_WITH_LEADERS) {
            (void)dh_broker_lookup_leader(
                request, &lookup, item->error_code, &flight->leaders,
                &item->current_leader.leader_id, &item->current_leader.leader_epoch);
        }
    } else {
        item->error_code = check_access(request, partition);
        if (item->error_code == 0) {
            item->error_code = append_records(flight, partition, in->records, item);
        }
        item->log_start_offset = dh_store_log_start(partition->log);
    }
    flight->has_errors = flight->has_errors || item->error_code != 0;
}

// ---- One request ----

// Room for all, so that nothing fails once something was appended. False: no memory.
static bool make_room(struct flight *flight)
{
    const struct dh_produce_request *body = flight->request->body;
    struct dh_arena *arena = &flight->request->arena;
    struct dh_produce_response *response = flight->response;
    size_t count = 0;
    response->responses.items = dh_arena_calloc(arena, (size_t)body->topic_data.count,
                                                sizeof(*response->responses.items));
    for (int32_t i = 0; response->responses.items != NULL && i < body->topic_data.count;
         i++) {
        const struct dh_produce_request_topic_data *in = &body->topic_data.items[i];
        struct dh_produce_response_response *topic = &response->responses.items[i];
        dh_struct_init(&dh_produce_response_response_struct, topic);
        topic->name = in->name;
        topic->topic_id = in->topic_id;
        topic->partition_responses.count = in->partition_data.count;
        topic->partition_responses.items =
            dh_arena_calloc(arena, (size_t)in->partition_data.count,
                            sizeof(*topic->partition_responses.items));
        if (topic->partition_responses.items == NULL) {
            return false;
        }
        count += (size_t)in->partition_data.count;
    }
    response->responses.count = body->topic_data.count;
    response->node_endpoints.items =
        dh_arena_calloc(arena, dh_broker_nodes_count(flight->request->broker),
                        sizeof(*response->node_endpoints.items));
    flight->appends = dh_arena_calloc(arena, count, sizeof(*flight->appends));
    return response->responses.items != NULL && response->node_endpoints.items != NULL &&
           flight->appends != NULL;
}

static void fill_endpoints(struct flight *flight)
{
    struct dh_produce_response *response = flight->response;
    for (size_t i = 0; i < flight->leaders.count; i++) {
        const struct dh_broker_node *node = flight->leaders.nodes[i];
        response->node_endpoints.items[i] = (struct dh_produce_response_node_endpoint){
            .node_id = node->id,
            .host = dh_bytes_of(node->host),
            .port = node->port,
            .rack = dh_bytes_of(node->rack),
        };
    }
    response->node_endpoints.count = (int32_t)flight->leaders.count;
}

// It waits for nothing any more.
static void settle(struct flight *flight)
{
    for (size_t i = 0; i < flight->append_count; i++) {
        dh_broker_waits_leave(&flight->appends[i].place);
    }
    dh_broker_alarm_deinit(&flight->alarm);
}

// Ends the request and the flight.
static void answer_produce(struct flight *flight)
{
    struct dh_broker_request *request = flight->request;
    const struct dh_produce_request *body = request->body;
    settle(flight);
    if (body->acks != ACKS_NONE) {
        fill_endpoints(flight);
        dh_broker_answer(request, flight->response);
    } else if (flight->has_errors) {
        dh_broker_give_up(request, "a partition has an error, and acks=0 has no answer");
    } else {
        dh_broker_answer_nothing(request);
    }
}

// Why an append can become durable no more, as far as this request is concerned; 0: it can.
static int16_t lost_code(const struct append *append)
{
    const struct dh_broker_partition *partition = dh_broker_waits_at(&append->place);
    if (partition == NULL) {
        return DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (dh_store_log_is_offline(partition->log)) {
        return DH_BROKER_KAFKA_STORAGE_ERROR;
    }
    return partition->leader != append->flight->request->node->id
               ? DH_BROKER_NOT_LEADER_OR_FOLLOWER
               : 0;
}

static void on_woken(struct dh_broker *broker, struct dh_broker_place *place)
{
    (void)broker;
    struct append *append = DH_CONTAINER_OF(place, struct append, place);
    struct flight *flight = append->flight;
    const struct dh_broker_partition *partition = dh_broker_waits_at(place);
    int16_t code = lost_code(append);
    if (code == 0 && dh_store_log_high_watermark(partition->log) < append->end_offset) {
        return;
    }
    if (code != 0) {
        append->item->error_code = code;
        append->item->base_offset = -1;
        flight->has_errors = true;
    }
    dh_broker_waits_leave(place);
    append->item = NULL;
    flight->left--;
    if (flight->left == 0) {
        answer_produce(flight);
    }
}

static void on_deadline(struct dh_broker_alarm *alarm)
{
    struct flight *flight = DH_CONTAINER_OF(alarm, struct flight, alarm);
    for (size_t i = 0; i < flight->append_count; i++) {
        if (flight->appends[i].item != NULL) {
            flight->appends[i].item->error_code = DH_BROKER_REQUEST_TIMED_OUT;
        }
    }
    answer_produce(flight);
}

static void abandon(struct dh_broker_request *request)
{
    settle(request->parked);
}

// By the host's clock, as the client's own time-outs are.
static void wait_for_disk(struct flight *flight)
{
    struct dh_broker_request *request = flight->request;
    const struct dh_produce_request *body = request->body;
    struct dh_broker *broker = request->broker;
    if (dh_broker_alarm_init_host(&flight->alarm, broker, on_deadline) != 0) {
        settle(flight);
        dh_broker_give_up(request, "no memory for a deadline");
        return;
    }
    dh_broker_alarm_set(&flight->alarm,
                        dh_deadline_after_ms(broker->clock.host_ns, body->timeout_ms));
    request->parked = flight;
    request->abandon = abandon;
}

static void produce_all(struct flight *flight)
{
    const struct dh_produce_request *body = flight->request->body;
    for (int32_t i = 0; i < body->topic_data.count; i++) {
        const struct dh_produce_request_topic_data *topic = &body->topic_data.items[i];
        produce_item *items =
            flight->response->responses.items[i].partition_responses.items;
        for (int32_t k = 0; k < topic->partition_data.count; k++) {
            produce_partition(flight, topic, &topic->partition_data.items[k], &items[k]);
        }
    }
}

void dh_broker_handle_produce(struct dh_broker *broker, struct dh_broker_request *request)
{
    (void)broker;
    const struct dh_produce_request *body = request->body;
    if (body->acks < ACKS_ALL || body->acks > ACKS_LEADER) {
        dh_broker_answer_refused(request, DH_BROKER_INVALID_REQUIRED_ACKS);
        return;
    }
    if (body->transactional_id.data != NULL) {
        dh_broker_answer_refused(request,
                                 DH_BROKER_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
        return;
    }
    struct flight *flight = dh_arena_alloc(&request->arena, sizeof(*flight));
    if (flight != NULL) {
        flight->request = request;
        flight->response = dh_broker_new_response(request);
    }
    if (flight == NULL || flight->response == NULL || !make_room(flight)) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    produce_all(flight);
    if (flight->left == 0) {
        answer_produce(flight);
    } else {
        wait_for_disk(flight);
    }
}

void *dh_broker_refuse_produce(struct dh_broker_request *request, int16_t broker_code)
{
    struct flight flight = {.request = request};
    flight.response = dh_broker_new_response(request);
    if (flight.response == NULL || !make_room(&flight)) {
        return NULL;
    }
    const struct dh_produce_request *body = request->body;
    for (int32_t i = 0; i < body->topic_data.count; i++) {
        const struct dh_produce_request_topic_data *topic = &body->topic_data.items[i];
        for (int32_t k = 0; k < topic->partition_data.count; k++) {
            produce_item *item =
                &flight.response->responses.items[i].partition_responses.items[k];
            dh_struct_init(&dh_produce_response_response_partition_response_struct, item);
            item->index = topic->partition_data.items[k].index;
            item->base_offset = -1;
            item->error_code = broker_code;
        }
    }
    return flight.response;
}
