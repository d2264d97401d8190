// SPDX-License-Identifier: MIT
/*
 * Offsets by time, the first and the last ones, for the application (API-119,
 * API-120): a ListOffsets to each leader. A partition without a leader, or of a topic
 * that does not exist (yet), is waited for until the deadline.
 */
#include <inttypes.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/settings.h"
#include "client/back/cluster.h"
#include "client/back/lookup.h"
#include "client/back/reactions.h"
#include "wire/api.h"
#include "wire/gen/list_offsets.h"

static bool is_new_topic(const struct dh_command_offsets *command, uint32_t index)
{
    return index == 0 ||
           strcmp(command->offsets[index - 1].topic, command->offsets[index].topic) != 0;
}

// ---- Asking ----

static int fill(struct dh_op *op, int16_t version, void *message, struct dh_arena *arena,
                int64_t now_ns)
{
    (void)version;
    (void)now_ns;
    const struct dh_lookup_ask *ask = DH_CONTAINER_OF(op, struct dh_lookup_ask, op);
    const struct dh_lookup *lookup = ask->lookup;
    const struct dh_command_offsets *command = dh_lookup_offsets(lookup);
    struct dh_cluster *cluster = lookup->lookups->context.cluster;
    struct dh_list_offsets_request *request = message;
    struct dh_list_offsets_request_topic *topics =
        dh_arena_calloc(arena, command->count, sizeof(*topics));
    struct dh_list_offsets_request_topic_partition *partitions =
        dh_arena_calloc(arena, command->count, sizeof(*partitions));
    if (topics == NULL || partitions == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    struct dh_list_offsets_request_topic *topic = NULL;
    const char *last_name = NULL;
    int32_t count = 0;
    for (uint32_t i = 0; i < command->count; i++) {
        if (lookup->items[i].ask != ask) {
            continue;
        }
        const dohle_offset *offset = &command->offsets[i];
        if (topic == NULL || strcmp(last_name, offset->topic) != 0) {
            topic = &topics[count++];
            dh_struct_init(&dh_list_offsets_request_topic_struct, topic);
            last_name = offset->topic;
            topic->name = dh_bytes_of(last_name);
            topic->partitions.items = partitions;
        }
        struct dh_list_offsets_request_topic_partition *partition = partitions++;
        topic->partitions.count++;
        dh_struct_init(&dh_list_offsets_request_topic_partition_struct, partition);
        partition->partition_index = offset->partition;
        partition->timestamp = command->timestamps[i];
        const struct dh_cluster_partition *known =
            dh_cluster_partition(cluster, offset->topic, offset->partition);
        partition->current_leader_epoch = known == NULL ? -1 : known->leader_epoch;
    }
    request->isolation_level = 0;
    request->topics.items = topics;
    request->topics.count = count;
    request->timeout_ms = lookup->lookups->context.settings->request_timeout_ms;
    return 0;
}

// ---- Answers ----

typedef struct dh_list_offsets_response_topic_partition partition_response;

// Returns whether the look-up goes on; false: it has failed.
static bool take_partition(struct dh_lookup *lookup, uint32_t index,
                           const partition_response *part, int64_t now_ns)
{
    dohle_offset *offset = &dh_lookup_offsets(lookup)->offsets[index];
    enum dh_reaction reaction = dh_reaction_of(DH_API_LIST_OFFSETS, part->error_code);
    if (reaction == DH_REACTION_REPORT) {
        dh_lookup_fail(lookup, dh_reaction_error(part->error_code), part->error_code,
                       offset->topic, offset->partition, NULL);
        return false;
    }
    if (reaction == DH_REACTION_NONE || reaction == DH_REACTION_LEAVE_OUT) {
        bool is_found = reaction == DH_REACTION_NONE && part->offset >= 0;
        offset->offset = is_found ? part->offset : -1;
        offset->leader_epoch = is_found ? part->leader_epoch : -1;
        lookup->items[index].is_done = true;
        lookup->left_count--;
        return true;
    }
    dh_lookup_note(lookup, "the leader of %s-%" PRId32 " answers %s", offset->topic,
                   offset->partition, dohle_broker_error_name(part->error_code));
    dh_cluster_request_update(lookup->lookups->context.cluster, now_ns);
    return true;
}

// Finds the answer of one partition; they come in the order of the request, so the
// place behind the last one found is looked at first.
static const partition_response *
find_partition(const struct dh_list_offsets_response *response,
               const dohle_offset *offset, int32_t *topic_at, int32_t *partition_at)
{
    dohle_bytes name = dh_bytes_of(offset->topic);
    for (int32_t i = 0; i < response->topics.count; i++) {
        int32_t t = (*topic_at + i) % response->topics.count;
        const struct dh_list_offsets_response_topic *topic = &response->topics.items[t];
        if (!dh_bytes_equal(topic->name, name)) {
            continue;
        }
        int32_t first = t == *topic_at ? *partition_at : 0;
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            int32_t p = (first + j) % topic->partitions.count;
            if (topic->partitions.items[p].partition_index == offset->partition) {
                *topic_at = t;
                *partition_at = p + 1;
                return &topic->partitions.items[p];
            }
        }
    }
    return NULL;
}

static void step(struct dh_lookup *lookup, int64_t now_ns);

static enum dh_settled on_reply(struct dh_op *op, const struct dh_reply *reply,
                                int64_t now_ns)
{
    struct dh_lookup_ask *ask = DH_CONTAINER_OF(op, struct dh_lookup_ask, op);
    struct dh_lookup *lookup = ask->lookup;
    const struct dh_command_offsets *command = dh_lookup_offsets(lookup);
    if (reply->err != 0) {
        dh_lookup_note(lookup, "%s", reply->text);
        dh_cluster_request_update(lookup->lookups->context.cluster, now_ns);
    }
    bool is_complete = true;
    int32_t topic_at = 0;
    int32_t partition_at = 0;
    for (uint32_t i = 0; i < command->count; i++) {
        struct dh_lookup_item *item = &lookup->items[i];
        if (item->ask != ask) {
            // What nobody asks for has waited for this operation, perhaps.
            is_complete = is_complete && (item->is_done || item->ask != NULL);
            continue;
        }
        item->ask = NULL;
        const partition_response *part =
            reply->err != 0 ? NULL
                            : find_partition(reply->response, &command->offsets[i],
                                             &topic_at, &partition_at);
        if (part != NULL && !take_partition(lookup, i, part, now_ns)) {
            return DH_SETTLED_GONE;
        }
        is_complete = is_complete && item->is_done;
    }
    if (lookup->left_count == 0) {
        dh_lookup_finish(lookup);
        return DH_SETTLED_GONE;
    }
    return is_complete ? DH_SETTLED_DONE : DH_SETTLED_RETRY;
}

static void on_due(struct dh_op *op, int64_t now_ns)
{
    step(DH_CONTAINER_OF(op, struct dh_lookup_ask, op)->lookup, now_ns);
}

static const struct dh_op_class op_class = {
    .name = "ListOffsets (look-up)",
    .api_key = DH_API_LIST_OFFSETS,
    .channel = DH_CHANNEL_GENERAL,
    .fill = fill,
    .on_reply = on_reply,
    .on_due = on_due,
};

static int begin(struct dh_lookup *lookup, int64_t now_ns)
{
    struct dh_command_offsets *command = dh_lookup_offsets(lookup);
    if (command->count == 0) {
        return 0;
    }
    lookup->items = dh_mem_calloc(lookup->lookups->context.mem, command->count,
                                  sizeof(*lookup->items));
    if (lookup->items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    lookup->item_count = command->count;
    lookup->left_count = command->count;
    for (uint32_t i = 0; i < command->count; i++) {
        if (is_new_topic(command, i) &&
            dh_cluster_want_quietly(lookup->lookups->context.cluster,
                                    command->offsets[i].topic, now_ns) != 0) {
            return DOHLE_ERR_NO_MEMORY;
        }
        lookup->wanted_count = i + 1;
        command->offsets[i].offset = -1;
        command->offsets[i].leader_epoch = -1;
    }
    return 0;
}

static void release(struct dh_lookup *lookup)
{
    const struct dh_command_offsets *command = dh_lookup_offsets(lookup);
    for (uint32_t i = 0; i < lookup->wanted_count; i++) {
        if (is_new_topic(command, i)) {
            dh_cluster_unwant_quietly(lookup->lookups->context.cluster,
                                      command->offsets[i].topic);
        }
    }
    dh_mem_free(lookup->lookups->context.mem, lookup->items,
                lookup->item_count * sizeof(*lookup->items));
}

// Why metadata will never bring a leader; 0: it may. What was known before the look-up
// began may be out of date.
static int16_t hopeless_code(const struct dh_lookup *lookup, const char *name)
{
    struct dh_cluster *cluster = lookup->lookups->context.cluster;
    const struct dh_cluster_topic *topic = dh_cluster_topic(cluster, name);
    if (topic == NULL || dh_cluster_updates(cluster) == lookup->updates) {
        return 0;
    }
    return dh_reaction_of(DH_API_METADATA, topic->broker_code) == DH_REACTION_REPORT
               ? topic->broker_code
               : 0;
}

// Whether the ask names this partition already: brokers refuse a request that does so
// twice. The second one then waits for the first one's answer.
static bool is_named(const struct dh_lookup *lookup, const struct dh_lookup_ask *ask,
                     uint32_t index)
{
    const struct dh_command_offsets *command = dh_lookup_offsets(lookup);
    const dohle_offset *offset = &command->offsets[index];
    for (uint32_t i = 0; i < index; i++) {
        if (command->offsets[i].partition == offset->partition &&
            lookup->items[i].ask == ask &&
            strcmp(command->offsets[i].topic, offset->topic) == 0) {
            return true;
        }
    }
    return false;
}

// Hands every partition with a known leader to the ask at that leader, then starts the
// asks that have something to ask.
static void step(struct dh_lookup *lookup, int64_t now_ns)
{
    const struct dh_command_offsets *command = dh_lookup_offsets(lookup);
    struct dh_cluster *cluster = lookup->lookups->context.cluster;
    if (lookup->left_count == 0) {
        dh_lookup_finish(lookup);
        return;
    }
    for (uint32_t i = 0; i < command->count; i++) {
        struct dh_lookup_item *item = &lookup->items[i];
        if (item->is_done || item->ask != NULL) {
            continue;
        }
        const dohle_offset *offset = &command->offsets[i];
        int16_t code = hopeless_code(lookup, offset->topic);
        if (code != 0) {
            dh_lookup_fail(lookup, dh_reaction_error(code), code, offset->topic,
                           offset->partition, NULL);
            return;
        }
        const struct dh_cluster_partition *known =
            dh_cluster_partition(cluster, offset->topic, offset->partition);
        if (known == NULL || known->leader < 0) {
            if (dh_cluster_updates(cluster) != lookup->updates) {
                dh_lookup_note(lookup, "%s-%" PRId32 " %s", offset->topic,
                               offset->partition,
                               known == NULL ? "does not exist" : "has no leader");
            }
            dh_cluster_request_update(cluster, now_ns);
            continue;
        }
        struct dh_lookup_ask *ask = dh_lookup_ask_of(lookup, &op_class, known->leader);
        if (ask == NULL) {
            dh_lookup_fail(lookup, DOHLE_ERR_NO_MEMORY, 0, NULL, -1, NULL);
            return;
        }
        if (ask->op.state == DH_OP_IDLE && !is_named(lookup, ask, i)) {
            item->ask = ask;
        }
    }
    DH_LIST_EACH(link, &lookup->asks)
    {
        struct dh_lookup_ask *ask = DH_CONTAINER_OF(link, struct dh_lookup_ask, link);
        bool has_items = false;
        for (uint32_t i = 0; i < command->count && !has_items; i++) {
            has_items = lookup->items[i].ask == ask;
        }
        if (has_items && ask->op.state == DH_OP_IDLE) {
            dh_lookup_start(ask, now_ns);
        }
    }
}

const struct dh_lookup_class dh_lookup_list_offsets = {
    .what = "the offsets",
    .begin = begin,
    .step = step,
    .release = release,
};
