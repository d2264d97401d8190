// SPDX-License-Identifier: MIT
#include "tap.h"

#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "wire/api.h"
#include "wire/envelope.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/fetch.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_fetch.h"
#include "wire/gen/sync_group.h"

#define SIZE_BYTES 4

void sim_tap_init(struct sim_tap *tap, struct sim_scheduler *scheduler,
                  struct sim_history *history, struct sim_topics *topics)
{
    *tap = (struct sim_tap){.scheduler = scheduler, .history = history, .topics = topics};
    dh_arena_init(&tap->arena, dh_mem_default(), 0);
}

void sim_tap_deinit(struct sim_tap *tap)
{
    dh_arena_deinit(&tap->arena);
}

static void begin(struct sim_tap_line *line)
{
    if (!line->is_begun) {
        dh_buf_init(&line->up, dh_mem_default(), 0);
        dh_buf_init(&line->down, dh_mem_default(), 0);
        for (size_t i = 0; i < SIM_TAP_FLIGHTS_MAX; i++) {
            dh_buf_init(&line->flights[i].frame, dh_mem_default(), 0);
        }
        line->is_begun = true;
    }
}

void sim_tap_line_deinit(struct sim_tap_line *line)
{
    if (line->is_begun) {
        dh_buf_deinit(&line->up);
        dh_buf_deinit(&line->down);
        for (size_t i = 0; i < SIM_TAP_FLIGHTS_MAX; i++) {
            dh_buf_deinit(&line->flights[i].frame);
        }
    }
}

static void tell(struct sim_tap *tap, struct sim_event event)
{
    event.at_ns = tap->scheduler->now_ns;
    sim_history_add(tap->history, &event);
}

// Of a topic by name or, where a version has no names, by id; -1: none of ours.
static int place_of(const struct sim_tap *tap, dohle_bytes name,
                    const struct dh_uuid *topic_id, int32_t partition)
{
    const struct sim_topic *topic = sim_topics_find(tap->topics, name, topic_id);
    return topic == NULL
               ? -1
               : sim_topics_place(tap->topics, dh_bytes_of(topic->name), partition);
}

// ---- Frames ----

// The next whole frame behind its size, from offset *at on. False: there is none.
static bool next_frame(const struct dh_buf *bytes, size_t *at, dohle_bytes *frame)
{
    if (bytes->size - *at < SIZE_BYTES) {
        return false;
    }
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){bytes->data + *at, SIZE_BYTES});
    size_t size = (size_t)dh_read_int32(&reader);
    if (bytes->size - *at - SIZE_BYTES < size) {
        return false;
    }
    *frame = (dohle_bytes){bytes->data + *at + SIZE_BYTES, size};
    *at += SIZE_BYTES + size;
    return true;
}

static void keep_rest(struct dh_buf *bytes, size_t from)
{
    size_t left = bytes->size - from;
    if (left > 0) {
        memmove(bytes->data, bytes->data + from, left);
    }
    bytes->size = left;
}

static const void *decode(struct sim_tap *tap, const struct dh_message_type *type,
                          int16_t version, struct dh_reader *reader)
{
    void *message = dh_arena_alloc(&tap->arena, type->body.size);
    DH_ASSERT(message != NULL);
    int err = dh_message_decode(type, version, reader, &tap->arena, message);
    DH_ASSERT(err == 0);
    return message;
}

static const void *decode_request(struct sim_tap *tap, dohle_bytes frame,
                                  struct dh_request_header *header)
{
    struct dh_reader reader;
    dh_reader_init(&reader, frame);
    int err = dh_envelope_decode_request_header(&reader, header);
    DH_ASSERT(err == 0);
    const struct dh_api *api = dh_api_find(header->request_api_key);
    return decode(tap, api->request, header->request_api_version, &reader);
}

// ---- Requests ----

static void tell_commit(struct sim_tap *tap, int member, uint64_t number,
                        const struct dh_offset_commit_request *request)
{
    for (int32_t i = 0; i < request->topics.count; i++) {
        const struct dh_offset_commit_request_topic *topic = &request->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            const struct dh_offset_commit_request_topic_partition *partition =
                &topic->partitions.items[j];
            int place =
                place_of(tap, topic->name, &topic->topic_id, partition->partition_index);
            DH_ASSERT(place >= 0);
            tell(tap, (struct sim_event){.kind = SIM_SENT_COMMIT,
                                         .member = member,
                                         .place = place,
                                         .offset = partition->committed_offset,
                                         .end = request->generation_id_or_member_epoch,
                                         .call = number});
        }
    }
}

static void take_request(struct sim_tap *tap, struct sim_tap_line *line, int member,
                         int node, dohle_bytes frame)
{
    DH_ASSERT(line->flight_count < SIM_TAP_FLIGHTS_MAX);
    struct dh_request_header header;
    const void *request = decode_request(tap, frame, &header);
    struct sim_tap_flight *flight = &line->flights[line->flight_count++];
    flight->correlation_id = header.correlation_id;
    flight->key = header.request_api_key;
    flight->version = header.request_api_version;
    flight->number = ++tap->numbers;
    flight->generation = -1;
    dh_buf_reset(&flight->frame);
    dh_buf_append(&flight->frame, frame.data, frame.size);
    struct sim_event event = {.kind = SIM_SENT,
                              .member = member,
                              .place = -1,
                              .offset = flight->key,
                              .end = node,
                              .call = flight->number};
    if (flight->key == DH_API_JOIN_GROUP) {
        event.kind = SIM_SENT_JOIN;
    } else if (flight->key == DH_API_SYNC_GROUP) {
        const struct dh_sync_group_request *sync = request;
        flight->generation = sync->generation_id;
    } else if (flight->key == DH_API_HEARTBEAT) {
        const struct dh_heartbeat_request *heartbeat = request;
        flight->generation = heartbeat->generation_id;
        event.kind = SIM_SENT_HEARTBEAT;
        event.offset = flight->generation;
    } else if (flight->key == DH_API_OFFSET_COMMIT) {
        const struct dh_offset_commit_request *commit = request;
        flight->generation = commit->generation_id_or_member_epoch;
        tell_commit(tap, member, flight->number, commit);
    } else if (flight->key == DH_API_OFFSET_FETCH) {
        event.kind = SIM_SENT_QUESTION;
    }
    // Fetches and commits follow what the application does.
    if (flight->key != DH_API_FETCH && flight->key != DH_API_OFFSET_COMMIT) {
        tell(tap, event);
    }
}

void sim_tap_sent(struct sim_tap *tap, struct sim_tap_line *line, int member, int node,
                  dohle_bytes bytes)
{
    begin(line);
    dh_buf_append(&line->up, bytes.data, bytes.size);
    size_t at = 0;
    for (dohle_bytes frame; next_frame(&line->up, &at, &frame);) {
        take_request(tap, line, member, node, frame);
        dh_arena_reset(&tap->arena);
    }
    keep_rest(&line->up, at);
}

// ---- Answers ----

// From then on the client may not speak under that generation.
static bool is_fenced_by(int16_t code)
{
    return code == DH_BROKER_UNKNOWN_MEMBER_ID || code == DH_BROKER_ILLEGAL_GENERATION ||
           code == DH_BROKER_FENCED_INSTANCE_ID;
}

static void tell_fenced(struct sim_tap *tap, int member,
                        const struct sim_tap_flight *flight, int16_t code)
{
    if (is_fenced_by(code) && flight->generation >= 0) {
        tell(tap, (struct sim_event){.kind = SIM_TOLD_FENCED,
                                     .member = member,
                                     .place = -1,
                                     .offset = flight->generation});
    }
}

static const struct dh_offset_commit_response_topic_partition *
commit_answer(const struct dh_offset_commit_response *response, int32_t topic,
              int32_t partition)
{
    DH_ASSERT(topic < response->topics.count);
    DH_ASSERT(partition < response->topics.items[topic].partitions.count);
    return &response->topics.items[topic].partitions.items[partition];
}

// Kafka answers topics and partitions in the order of the request.
static void take_commit(struct sim_tap *tap, int member,
                        const struct sim_tap_flight *flight,
                        const struct dh_offset_commit_response *response)
{
    struct dh_request_header header;
    const struct dh_offset_commit_request *request = decode_request(
        tap, (dohle_bytes){flight->frame.data, flight->frame.size}, &header);
    for (int32_t i = 0; i < request->topics.count; i++) {
        const struct dh_offset_commit_request_topic *topic = &request->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            int16_t code = commit_answer(response, i, j)->error_code;
            tell(tap, (struct sim_event){
                          .kind = code == 0 ? SIM_COMMIT_TAKEN : SIM_COMMIT_REFUSED,
                          .member = member,
                          .place = place_of(tap, topic->name, &topic->topic_id,
                                            topic->partitions.items[j].partition_index),
                          .offset = topic->partitions.items[j].committed_offset,
                          .end = code,
                          .call = flight->number});
        }
    }
}

static void tell_committed(struct sim_tap *tap, int member, uint64_t number, int place,
                           int64_t offset, int16_t code)
{
    if (code == 0 && place >= 0) {
        tell(tap, (struct sim_event){.kind = SIM_TOLD_COMMITTED,
                                     .member = member,
                                     .place = place,
                                     .offset = offset,
                                     .call = number});
    }
}

static void take_committed(struct sim_tap *tap, int member,
                           const struct sim_tap_flight *flight,
                           const struct dh_offset_fetch_response *response)
{
    for (int32_t i = 0; i < response->topics.count && response->error_code == 0; i++) {
        const struct dh_offset_fetch_response_topic *topic = &response->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            const struct dh_offset_fetch_response_topic_partition *partition =
                &topic->partitions.items[j];
            tell_committed(tap, member, flight->number,
                           place_of(tap, topic->name, NULL, partition->partition_index),
                           partition->committed_offset, partition->error_code);
        }
    }
    for (int32_t g = 0; g < response->groups.count; g++) {
        const struct dh_offset_fetch_response_group *group = &response->groups.items[g];
        for (int32_t i = 0; i < group->topics.count && group->error_code == 0; i++) {
            const struct dh_offset_fetch_response_group_topic *topic =
                &group->topics.items[i];
            for (int32_t j = 0; j < topic->partitions.count; j++) {
                const struct dh_offset_fetch_response_group_topic_partition *partition =
                    &topic->partitions.items[j];
                tell_committed(tap, member, flight->number,
                               place_of(tap, topic->name, &topic->topic_id,
                                        partition->partition_index),
                               partition->committed_offset, partition->error_code);
            }
        }
    }
}

static void take_fetch(struct sim_tap *tap, int member,
                       const struct dh_fetch_response *response)
{
    for (int32_t i = 0; i < response->responses.count; i++) {
        const struct dh_fetch_response_response *topic = &response->responses.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            int place = place_of(tap, topic->topic, &topic->topic_id,
                                 topic->partitions.items[j].partition_index);
            if (topic->partitions.items[j].error_code == DH_BROKER_OFFSET_OUT_OF_RANGE &&
                place >= 0) {
                tell(tap, (struct sim_event){.kind = SIM_TOLD_OUT_OF_RANGE,
                                             .member = member,
                                             .place = place});
            }
        }
    }
}

static void take_answer(struct sim_tap *tap, int member,
                        const struct sim_tap_flight *flight, dohle_bytes frame)
{
    struct dh_reader reader;
    dh_reader_init(&reader, frame);
    int32_t correlation_id;
    if (dh_envelope_decode_response_header(&reader, flight->key, flight->version,
                                           &correlation_id) != 0 ||
        correlation_id != flight->correlation_id) {
        return; // the client's to complain
    }
    const struct dh_message_type *type = dh_api_find(flight->key)->response;
    if (flight->key == DH_API_JOIN_GROUP) {
        const struct dh_join_group_response *response =
            decode(tap, type, flight->version, &reader);
        if (response->error_code == 0) {
            tell(tap, (struct sim_event){.kind = SIM_TOLD_GENERATION,
                                         .member = member,
                                         .place = -1,
                                         .offset = response->generation_id});
        }
    } else if (flight->key == DH_API_SYNC_GROUP) {
        const struct dh_sync_group_response *response =
            decode(tap, type, flight->version, &reader);
        tell_fenced(tap, member, flight, response->error_code);
    } else if (flight->key == DH_API_HEARTBEAT) {
        const struct dh_heartbeat_response *response =
            decode(tap, type, flight->version, &reader);
        tell_fenced(tap, member, flight, response->error_code);
    } else if (flight->key == DH_API_OFFSET_COMMIT) {
        take_commit(tap, member, flight, decode(tap, type, flight->version, &reader));
    } else if (flight->key == DH_API_OFFSET_FETCH) {
        take_committed(tap, member, flight, decode(tap, type, flight->version, &reader));
    } else if (flight->key == DH_API_FETCH) {
        take_fetch(tap, member, decode(tap, type, flight->version, &reader));
    }
}

void sim_tap_received(struct sim_tap *tap, struct sim_tap_line *line, int member,
                      dohle_bytes bytes)
{
    begin(line);
    dh_buf_append(&line->down, bytes.data, bytes.size);
    size_t at = 0;
    for (dohle_bytes frame;
         line->flight_count > 0 && next_frame(&line->down, &at, &frame);) {
        take_answer(tap, member, &line->flights[0], frame);
        dh_arena_reset(&tap->arena);
        struct sim_tap_flight first = line->flights[0];
        line->flight_count--;
        memmove(&line->flights[0], &line->flights[1],
                line->flight_count * sizeof(line->flights[0]));
        line->flights[line->flight_count] = first; // its buffer is used again
    }
    keep_rest(&line->down, at);
}
