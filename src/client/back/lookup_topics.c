// SPDX-License-Identifier: MIT
/*
 * Metadata for the application: partitionsFor and listTopics (API-116, API-117).
 * Asked afresh each time, of any node; what the cluster knows is left alone. A topic
 * that does not exist has no rows.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/settings.h"
#include "client/back/lookup.h"
#include "client/back/reactions.h"
#include "wire/api.h"
#include "wire/gen/metadata.h"

static struct dh_command_topics *command_of(const struct dh_lookup *lookup)
{
    return DH_CONTAINER_OF(lookup->command, struct dh_command_topics, message);
}

static int fill(struct dh_op *op, int16_t version, void *message, struct dh_arena *arena,
                int64_t now_ns)
{
    (void)now_ns;
    const struct dh_lookup_ask *ask = DH_CONTAINER_OF(op, struct dh_lookup_ask, op);
    const struct dh_lookup *lookup = ask->lookup;
    const char *topic = command_of(lookup)->topic;
    struct dh_metadata_request *request = message;
    if (topic == NULL) {
        request->topics.count = version == 0 ? 0 : -1;
        return 0;
    }
    struct dh_metadata_request_topic *item = dh_arena_alloc(arena, sizeof(*item));
    if (item == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_struct_init(&dh_metadata_request_topic_struct, item);
    item->name = (dohle_bytes){(const uint8_t *)topic, strlen(topic)};
    request->topics.items = item;
    request->topics.count = 1;
    request->allow_auto_topic_creation =
        version < 4 || lookup->lookups->context.settings->allow_auto_create_topics;
    return 0;
}

static int compare_rows(const void *a_pointer, const void *b_pointer)
{
    const struct dh_topic_row *a = a_pointer;
    const struct dh_topic_row *b = b_pointer;
    int order = strcmp(a->topic, b->topic);
    return order != 0 ? order
                      : (a->partition > b->partition) - (a->partition < b->partition);
}

static bool has_rows(const struct dh_metadata_response_topic *topic)
{
    return topic->error_code == DH_BROKER_NONE && topic->name.data != NULL &&
           topic->partitions.count > 0;
}

// One block: the rows, then the names. NULL: no memory.
static struct dh_topic_rows *make_rows(const dohle_allocator *mem,
                                       const struct dh_metadata_response *response)
{
    size_t count = 0;
    size_t name_bytes = 0;
    for (int32_t i = 0; i < response->topics.count; i++) {
        const struct dh_metadata_response_topic *topic = &response->topics.items[i];
        if (has_rows(topic)) {
            count += (size_t)topic->partitions.count;
            name_bytes += topic->name.size + 1;
        }
    }
    size_t size = sizeof(struct dh_topic_rows) + count * sizeof(struct dh_topic_row);
    struct dh_topic_rows *rows = dh_mem_alloc(mem, size + name_bytes);
    if (rows == NULL) {
        return NULL;
    }
    rows->size = size + name_bytes;
    rows->count = (uint32_t)count;
    char *names = (char *)rows + size;
    struct dh_topic_row *row = rows->rows;
    for (int32_t i = 0; i < response->topics.count; i++) {
        const struct dh_metadata_response_topic *topic = &response->topics.items[i];
        if (!has_rows(topic)) {
            continue;
        }
        memcpy(names, topic->name.data, topic->name.size);
        names[topic->name.size] = 0;
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            const struct dh_metadata_response_topic_partition *partition =
                &topic->partitions.items[j];
            *row++ = (struct dh_topic_row){
                .topic = names,
                .partition = partition->partition_index,
                .leader = partition->leader_id,
                .leader_epoch = partition->leader_epoch,
                .replica_count = partition->replica_nodes.count,
                .in_sync_count = partition->isr_nodes.count,
            };
        }
        names += topic->name.size + 1;
    }
    qsort(rows->rows, rows->count, sizeof(*rows->rows), compare_rows);
    return rows;
}

// The answer's error for the topic that was asked for; the reaction to it.
static enum dh_reaction reaction_of(const struct dh_lookup *lookup,
                                    const struct dh_metadata_response *response,
                                    int16_t *code)
{
    *code = response->error_code;
    if (*code == DH_BROKER_NONE && command_of(lookup)->topic != NULL &&
        response->topics.count > 0) {
        *code = response->topics.items[0].error_code;
    }
    if (*code == DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION) {
        *code = DH_BROKER_NONE; // no such topic: no rows
    }
    return dh_reaction_of(DH_API_METADATA, *code);
}

static enum dh_settled on_reply(struct dh_op *op, const struct dh_reply *reply,
                                int64_t now_ns)
{
    (void)now_ns;
    struct dh_lookup_ask *ask = DH_CONTAINER_OF(op, struct dh_lookup_ask, op);
    struct dh_lookup *lookup = ask->lookup;
    if (reply->err != 0) {
        dh_lookup_note(lookup, "%s", reply->text);
        return DH_SETTLED_RETRY;
    }
    const struct dh_metadata_response *response = reply->response;
    int16_t code;
    enum dh_reaction reaction = reaction_of(lookup, response, &code);
    if (reaction == DH_REACTION_REPORT) {
        dh_lookup_fail(lookup, dh_reaction_error(code), code, command_of(lookup)->topic,
                       -1, NULL);
        return DH_SETTLED_GONE;
    }
    if (reaction != DH_REACTION_NONE) {
        dh_lookup_note(lookup, "the broker answers %s", dohle_broker_error_name(code));
        return DH_SETTLED_RETRY;
    }
    struct dh_topic_rows *rows = make_rows(lookup->lookups->context.mem, response);
    if (rows == NULL) {
        dh_lookup_fail(lookup, DOHLE_ERR_NO_MEMORY, 0, NULL, -1, NULL);
        return DH_SETTLED_GONE;
    }
    command_of(lookup)->rows = rows;
    dh_lookup_finish(lookup);
    return DH_SETTLED_GONE;
}

static void on_due(struct dh_op *op, int64_t now_ns)
{
    dh_lookup_start(DH_CONTAINER_OF(op, struct dh_lookup_ask, op), now_ns);
}

static const struct dh_op_class op_class = {
    .name = "Metadata (look-up)",
    .api_key = DH_API_METADATA,
    .channel = DH_CHANNEL_GENERAL,
    .fill = fill,
    .on_reply = on_reply,
    .on_due = on_due,
};

static int begin(struct dh_lookup *lookup, int64_t now_ns)
{
    command_of(lookup)->rows = NULL;
    struct dh_lookup_ask *ask = dh_lookup_ask_of(lookup, &op_class, DH_NODE_ANY);
    if (ask == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_lookup_start(ask, now_ns);
    return 0;
}

static void step(struct dh_lookup *lookup, int64_t now_ns)
{
    (void)lookup; // the one question is out, or waits for its back-off
    (void)now_ns;
}

const struct dh_lookup_class dh_lookup_topics = {
    .what = "the partitions",
    .begin = begin,
    .step = step,
};
