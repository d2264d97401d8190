// SPDX-License-Identifier: MIT
/*
 * DescribeTopicPartitions: topics in order of name, page by page.
 * Source: DescribeTopicPartitionsRequestHandler in Apache Kafka 4.4.
 */
#include <stdlib.h>

#include "base/bytes.h"
#include "broker/handlers.h"
#include "broker/partition_view.h"
#include "broker/topic_name.h"
#include "broker/topics.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/describe_topic_partitions.h"

// Topics in order of name, page by page.
struct page {
    struct dh_broker_request *request;
    struct dh_describe_topic_partitions_response *response;
    int32_t room;       // partitions that may still be added
    dohle_bytes cursor; // topics before this name were on earlier pages; null: none were
    int32_t cursor_partition;
};

#define PAGE_PARTITIONS_MAX 2000 // max.request.partition.size.limit

static bool
describe_partition(struct dh_broker_request *request,
                   const struct dh_broker_partition *partition,
                   struct dh_describe_topic_partitions_response_topic_partition *out)
{
    struct dh_broker_id_list all =
        dh_broker_list_replicas(request, partition, DH_BROKER_ALL_REPLICAS);
    struct dh_broker_id_list in_sync =
        dh_broker_list_replicas(request, partition, DH_BROKER_IN_SYNC_REPLICAS);
    struct dh_broker_id_list offline =
        dh_broker_list_replicas(request, partition, DH_BROKER_OFFLINE_REPLICAS);
    *out = (struct dh_describe_topic_partitions_response_topic_partition){
        .error_code = partition->leader == -1 ? DH_BROKER_LEADER_NOT_AVAILABLE : 0,
        .partition_index = partition->number,
        .leader_id = partition->leader,
        .leader_epoch = partition->leader_epoch,
        .replica_nodes = {all.items, all.count},
        .isr_nodes = {in_sync.items, in_sync.count},
        .eligible_leader_replicas = {all.items, 0},
        .last_known_elr = {all.items, 0},
        .offline_replicas = {offline.items, offline.count},
    };
    return all.items != NULL && in_sync.items != NULL && offline.items != NULL;
}

static struct dh_describe_topic_partitions_response_topic *add_topic(struct page *page)
{
    return &page->response->topics.items[page->response->topics.count++];
}

static bool set_cursor(struct page *page, const struct dh_broker_topic *topic,
                       int32_t partition)
{
    struct dh_describe_topic_partitions_response_next_cursor *cursor =
        dh_arena_alloc(&page->request->arena, sizeof(*cursor));
    if (cursor != NULL) {
        cursor->topic_name = dh_bytes_of(topic->name);
        cursor->partition_index = partition;
        page->response->next_cursor = cursor;
    }
    return cursor != NULL;
}

static bool describe_topic(struct page *page, const struct dh_broker_topic *topic)
{
    bool is_cursor = !dh_bytes_is_null(page->cursor) &&
                     dh_bytes_equal(page->cursor, dh_bytes_of(topic->name));
    int32_t from = is_cursor ? page->cursor_partition : 0;
    from = from < 0 ? 0 : from > topic->partition_count ? topic->partition_count : from;
    if (page->room == 0) {
        return page->response->next_cursor != NULL || set_cursor(page, topic, from);
    }
    int32_t count = topic->partition_count - from;
    count = count < page->room ? count : page->room;
    struct dh_describe_topic_partitions_response_topic *out = add_topic(page);
    out->name = dh_bytes_of(topic->name);
    out->topic_id = topic->id;
    out->is_internal = topic->is_internal;
    out->topic_authorized_operations = DH_BROKER_TOPIC_OPERATIONS;
    out->partitions.items = dh_arena_calloc(&page->request->arena, (size_t)count,
                                            sizeof(out->partitions.items[0]));
    if (out->partitions.items == NULL) {
        return false;
    }
    out->partitions.count = count;
    for (int32_t i = 0; i < count; i++) {
        if (!describe_partition(page->request, &topic->partitions[from + i],
                                &out->partitions.items[i])) {
            return false;
        }
    }
    page->room -= count;
    return from + count == topic->partition_count ||
           set_cursor(page, topic, from + count);
}

static bool is_before_cursor(const struct page *page, dohle_bytes name)
{
    return !dh_bytes_is_null(page->cursor) && dh_bytes_compare(name, page->cursor) < 0;
}

static bool describe_all(struct page *page)
{
    const struct dh_broker_topic *topic = NULL;
    while ((topic = dh_broker_topics_next(page->request->broker, topic)) != NULL) {
        if (!is_before_cursor(page, dh_bytes_of(topic->name)) &&
            !describe_topic(page, topic)) {
            return false;
        }
        if (page->response->next_cursor != NULL) {
            break;
        }
    }
    return true;
}

static int compare_names(const void *a, const void *b)
{
    return dh_bytes_compare(*(const dohle_bytes *)a, *(const dohle_bytes *)b);
}

// The names asked for, in order. NULL: no memory.
static dohle_bytes *sort_names(struct dh_broker_request *request)
{
    const struct dh_describe_topic_partitions_request *asked = request->body;
    size_t count = (size_t)asked->topics.count;
    dohle_bytes *names = dh_arena_calloc(&request->arena, count, sizeof(*names));
    for (size_t i = 0; names != NULL && i < count; i++) {
        names[i] = asked->topics.items[i].name;
    }
    if (names != NULL) {
        qsort(names, count, sizeof(*names), compare_names);
    }
    return names;
}

static void describe_unknown(struct page *page, dohle_bytes name)
{
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    struct dh_describe_topic_partitions_response_topic *out = add_topic(page);
    out->name = name;
    out->error_code = dh_broker_topic_name_check(name, text, sizeof(text))
                          ? DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION
                          : DH_BROKER_INVALID_TOPIC_EXCEPTION;
}

static bool describe_asked(struct page *page)
{
    const struct dh_describe_topic_partitions_request *asked = page->request->body;
    const dohle_bytes *names = sort_names(page->request);
    if (names == NULL) {
        return false;
    }
    for (int32_t i = 0; i < asked->topics.count && page->response->next_cursor == NULL;
         i++) {
        bool is_again = i > 0 && dh_bytes_equal(names[i], names[i - 1]);
        if (is_again || is_before_cursor(page, names[i])) {
            continue;
        }
        const struct dh_broker_topic *topic =
            dh_broker_topics_find(page->request->broker, names[i]);
        if (topic == NULL) {
            describe_unknown(page, names[i]);
        } else if (!describe_topic(page, topic)) {
            return false;
        }
    }
    return true;
}

static bool make_topics(struct dh_broker_request *request,
                        struct dh_describe_topic_partitions_response *response,
                        size_t count)
{
    response->topics.items =
        dh_arena_calloc(&request->arena, count, sizeof(response->topics.items[0]));
    for (size_t i = 0; response->topics.items != NULL && i < count; i++) {
        dh_struct_init(&dh_describe_topic_partitions_response_topic_struct,
                       &response->topics.items[i]);
    }
    return response->topics.items != NULL;
}

static size_t count_topics(const struct dh_broker *broker)
{
    size_t count = 0;
    const struct dh_broker_topic *topic = NULL;
    while ((topic = dh_broker_topics_next(broker, topic)) != NULL) {
        count++;
    }
    return count;
}

void dh_broker_handle_describe_topic_partitions(struct dh_broker *broker,
                                                struct dh_broker_request *request)
{
    const struct dh_describe_topic_partitions_request *asked = request->body;
    struct page page = {
        .request = request,
        .response = dh_broker_new_response(request),
        .room = asked->response_partition_limit,
    };
    page.room = page.room < 1                     ? 1
                : page.room > PAGE_PARTITIONS_MAX ? PAGE_PARTITIONS_MAX
                                                  : page.room;
    if (asked->cursor != NULL) {
        page.cursor = asked->cursor->topic_name;
        page.cursor_partition = asked->cursor->partition_index;
    }
    bool is_all = asked->topics.count == 0;
    size_t count = is_all ? count_topics(broker) : (size_t)asked->topics.count;
    bool is_filled = page.response != NULL &&
                     make_topics(request, page.response, count) &&
                     (is_all ? describe_all(&page) : describe_asked(&page));
    if (!is_filled) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    dh_broker_answer(request, page.response);
}

void *dh_broker_refuse_describe_topic_partitions(struct dh_broker_request *request,
                                                 int16_t broker_code)
{
    const struct dh_describe_topic_partitions_request *asked = request->body;
    struct dh_describe_topic_partitions_response *response =
        dh_broker_new_response(request);
    size_t count = (size_t)asked->topics.count;
    if (response == NULL || !make_topics(request, response, count)) {
        return NULL;
    }
    response->topics.count = asked->topics.count;
    for (size_t i = 0; i < count; i++) {
        response->topics.items[i].name = asked->topics.items[i].name;
        response->topics.items[i].error_code = broker_code;
    }
    return response;
}
