// SPDX-License-Identifier: MIT
/*
 * Committed offsets for the application (API-115): one OffsetFetch to the
 * coordinator for all partitions of the command. Offsets of open transactions are
 * waited for. Metadata is copied into one block, null where nothing is
 * committed.
 */
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/settings.h"
#include "client/back/coordinator_link.h"
#include "client/back/lookup.h"
#include "client/back/reactions.h"
#include "wire/api.h"
#include "wire/gen/offset_fetch.h"

// Version 10 goes by topic ids, which need not be known here.
#define VERSION_MAX 9

// From here on a request names groups.
#define VERSION_WITH_GROUPS 8

// One answer, whichever version it came in.
struct answer {
    dohle_bytes topic;
    int32_t partition;
    int64_t offset;
    int32_t leader_epoch;
    dohle_bytes metadata;
    int16_t code;
};

typedef struct dh_offset_fetch_response_group_topic group_topic;
typedef struct dh_offset_fetch_response_topic plain_topic;

// Walks the partitions of a response, which come in the order of the request.
struct walk {
    const struct dh_offset_fetch_response *response;
    bool has_groups;
    int32_t topic;
    int32_t partition;
};

static int32_t topic_count(const struct walk *walk)
{
    return walk->has_groups ? walk->response->groups.items[0].topics.count
                            : walk->response->topics.count;
}

// The next answer, or false at the end.
static bool next_answer(struct walk *walk, struct answer *answer)
{
    for (; walk->topic < topic_count(walk); walk->topic++, walk->partition = 0) {
        if (walk->has_groups) {
            const group_topic *topic =
                &walk->response->groups.items[0].topics.items[walk->topic];
            if (walk->partition < topic->partitions.count) {
                const struct dh_offset_fetch_response_group_topic_partition *part =
                    &topic->partitions.items[walk->partition++];
                *answer = (struct answer){
                    topic->name,
                    part->partition_index,
                    part->committed_offset,
                    part->committed_leader_epoch,
                    part->metadata,
                    part->error_code,
                };
                return true;
            }
        } else {
            const plain_topic *topic = &walk->response->topics.items[walk->topic];
            if (walk->partition < topic->partitions.count) {
                const struct dh_offset_fetch_response_topic_partition *part =
                    &topic->partitions.items[walk->partition++];
                *answer = (struct answer){
                    topic->name,
                    part->partition_index,
                    part->committed_offset,
                    part->committed_leader_epoch,
                    part->metadata,
                    part->error_code,
                };
                return true;
            }
        }
    }
    return false;
}

static bool is_about(const struct answer *answer, const dohle_offset *offset)
{
    return answer->partition == offset->partition &&
           dh_bytes_equal(answer->topic, dh_bytes_of(offset->topic));
}

// The answer about a partition: at the walk's place as a rule, else anywhere.
static bool find_answer(struct walk *walk, const dohle_offset *offset,
                        struct answer *answer)
{
    if (next_answer(walk, answer) && is_about(answer, offset)) {
        return true;
    }
    walk->topic = 0;
    walk->partition = 0;
    while (next_answer(walk, answer)) {
        if (is_about(answer, offset)) {
            return true;
        }
    }
    return false;
}

static size_t metadata_bytes(struct walk walk)
{
    size_t bytes = 0;
    struct answer answer;
    while (next_answer(&walk, &answer)) {
        bytes += answer.metadata.size;
    }
    return bytes;
}

// ---- Asking ----

static int32_t fill_topics(const struct dh_command_offsets *command,
                           struct dh_offset_fetch_request_group_topic *topics,
                           int32_t *partitions)
{
    int32_t count = 0;
    for (uint32_t i = 0; i < command->count; i++) {
        const dohle_offset *offset = &command->offsets[i];
        if (i == 0 || strcmp(command->offsets[i - 1].topic, offset->topic) != 0) {
            struct dh_offset_fetch_request_group_topic *topic = &topics[count++];
            dh_struct_init(&dh_offset_fetch_request_group_topic_struct, topic);
            topic->name = dh_bytes_of(offset->topic);
            topic->partition_indexes.items = partitions;
        }
        *partitions++ = offset->partition;
        topics[count - 1].partition_indexes.count++;
    }
    return count;
}

static int fill(struct dh_op *op, int16_t version, void *message, struct dh_arena *arena,
                int64_t now_ns)
{
    (void)now_ns;
    const struct dh_lookup *lookup =
        DH_CONTAINER_OF(op, struct dh_lookup_ask, op)->lookup;
    const struct dh_command_offsets *command = dh_lookup_offsets(lookup);
    struct dh_offset_fetch_request *request = message;
    struct dh_offset_fetch_request_group *group = dh_arena_alloc(arena, sizeof(*group));
    struct dh_offset_fetch_request_group_topic *topics =
        dh_arena_calloc(arena, command->count, sizeof(*topics));
    int32_t *partitions = dh_arena_calloc(arena, command->count, sizeof(*partitions));
    if (group == NULL || topics == NULL || partitions == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int32_t count = fill_topics(command, topics, partitions);
    dohle_bytes group_id = dh_bytes_of(lookup->lookups->context.settings->group_id);
    request->require_stable = version >= 7;
    if (version >= VERSION_WITH_GROUPS) {
        dh_struct_init(&dh_offset_fetch_request_group_struct, group);
        group->group_id = group_id;
        group->topics.items = topics;
        group->topics.count = count;
        request->groups.items = group;
        request->groups.count = 1;
        return 0;
    }
    struct dh_offset_fetch_request_topic *plain =
        dh_arena_calloc(arena, (size_t)count, sizeof(*plain));
    if (plain == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (int32_t i = 0; i < count; i++) {
        dh_struct_init(&dh_offset_fetch_request_topic_struct, &plain[i]);
        plain[i].name = topics[i].name;
        plain[i].partition_indexes.items = topics[i].partition_indexes.items;
        plain[i].partition_indexes.count = topics[i].partition_indexes.count;
    }
    request->group_id = group_id;
    request->topics.items = plain;
    request->topics.count = count;
    return 0;
}

// ---- Answers ----

static int take_answers(struct dh_lookup *lookup, struct walk walk)
{
    struct dh_command_offsets *command = dh_lookup_offsets(lookup);
    size_t size = metadata_bytes(walk);
    uint8_t *block = NULL;
    if (size > 0) {
        block = dh_mem_alloc(lookup->lookups->context.mem, size);
        if (block == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
    }
    command->metadata = block;
    command->metadata_size = size;
    static const uint8_t empty[1];
    size_t used = 0;
    for (uint32_t i = 0; i < command->count; i++) {
        dohle_offset *offset = &command->offsets[i];
        struct answer answer = {.offset = -1};
        bool is_committed = find_answer(&walk, offset, &answer) && answer.offset >= 0;
        offset->offset = is_committed ? answer.offset : -1;
        offset->leader_epoch = is_committed ? answer.leader_epoch : -1;
        offset->metadata = DH_BYTES_NULL;
        // A partition that was named twice shares the first one's room or has none.
        if (is_committed && answer.metadata.size <= size - used) {
            offset->metadata = (dohle_bytes){empty, 0};
            if (answer.metadata.size > 0) {
                memcpy(block + used, answer.metadata.data, answer.metadata.size);
                offset->metadata = (dohle_bytes){block + used, answer.metadata.size};
                used += answer.metadata.size;
            }
        }
    }
    return 0;
}

// What the whole answer asks for: the first code that is not 0 decides.
static int16_t find_code(const struct dh_lookup *lookup, struct walk walk,
                         const char **topic, int32_t *partition)
{
    int16_t code = walk.has_groups ? walk.response->groups.items[0].error_code
                                   : walk.response->error_code;
    *topic = NULL;
    *partition = -1;
    if (code != DH_BROKER_NONE) {
        return code;
    }
    const struct dh_command_offsets *command = dh_lookup_offsets(lookup);
    for (uint32_t i = 0; i < command->count; i++) {
        struct answer answer;
        if (find_answer(&walk, &command->offsets[i], &answer) &&
            answer.code != DH_BROKER_NONE) {
            *topic = command->offsets[i].topic;
            *partition = answer.partition;
            return answer.code;
        }
    }
    return DH_BROKER_NONE;
}

static void step(struct dh_lookup *lookup, int64_t now_ns);

static enum dh_settled on_response(struct dh_lookup_ask *ask,
                                   const struct dh_reply *reply, int64_t now_ns)
{
    struct dh_lookup *lookup = ask->lookup;
    const struct dh_offset_fetch_response *response = reply->response;
    struct walk walk = {
        .response = response,
        .has_groups = reply->version >= VERSION_WITH_GROUPS,
    };
    if (walk.has_groups && response->groups.count != 1) {
        dh_lookup_note(lookup, "the coordinator's answer is about another group");
        return DH_SETTLED_RETRY;
    }
    const char *topic;
    int32_t partition;
    int16_t code = find_code(lookup, walk, &topic, &partition);
    enum dh_reaction reaction = dh_reaction_of(DH_API_OFFSET_FETCH, code);
    if (reaction == DH_REACTION_NONE) {
        if (take_answers(lookup, walk) != 0) {
            dh_lookup_fail(lookup, DOHLE_ERR_NO_MEMORY, 0, NULL, -1, NULL);
        } else {
            dh_lookup_finish(lookup);
        }
        return DH_SETTLED_GONE;
    }
    if (!dh_reaction_is_retry(reaction)) {
        dh_lookup_fail(lookup, dh_reaction_error(code), code, topic, partition, NULL);
        return DH_SETTLED_GONE;
    }
    dh_lookup_note(lookup, "the coordinator answers %s", dohle_broker_error_name(code));
    if (reaction == DH_REACTION_REDISCOVER) {
        dh_coordinator_lost(lookup->lookups->link, reply->node_id,
                            dohle_broker_error_name(code), now_ns);
    }
    return DH_SETTLED_RETRY;
}

static enum dh_settled on_reply(struct dh_op *op, const struct dh_reply *reply,
                                int64_t now_ns)
{
    struct dh_lookup_ask *ask = DH_CONTAINER_OF(op, struct dh_lookup_ask, op);
    if (reply->err == 0) {
        return on_response(ask, reply, now_ns);
    }
    dh_lookup_note(ask->lookup, "%s", reply->text);
    if (reply->err != DOHLE_ERR_NO_MEMORY) {
        dh_coordinator_lost(ask->lookup->lookups->link, reply->node_id, reply->text,
                            now_ns);
    }
    return DH_SETTLED_RETRY;
}

static void on_due(struct dh_op *op, int64_t now_ns)
{
    step(DH_CONTAINER_OF(op, struct dh_lookup_ask, op)->lookup, now_ns);
}

static const struct dh_op_class op_class = {
    .name = "OffsetFetch (look-up)",
    .api_key = DH_API_OFFSET_FETCH,
    .channel = DH_CHANNEL_COORDINATOR,
    .fill = fill,
    .on_reply = on_reply,
    .on_due = on_due,
};

static int begin(struct dh_lookup *lookup, int64_t now_ns)
{
    (void)now_ns;
    struct dh_command_offsets *command = dh_lookup_offsets(lookup);
    command->metadata = NULL;
    command->metadata_size = 0;
    // One ask, wherever the coordinator is.
    struct dh_lookup_ask *ask = dh_lookup_ask_of(lookup, &op_class, DH_NODE_NONE);
    if (ask == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    ask->op.version_max = VERSION_MAX;
    return 0;
}

static void step(struct dh_lookup *lookup, int64_t now_ns)
{
    struct dh_link *link = dh_list_first(&lookup->asks);
    DH_ASSERT(link != NULL);
    struct dh_lookup_ask *ask = DH_CONTAINER_OF(link, struct dh_lookup_ask, link);
    if (lookup->lookups->context.settings->group_id == NULL) {
        dh_lookup_fail(lookup, DOHLE_ERR_INVALID_GROUP, 0, NULL, -1, NULL);
        return;
    }
    if (ask->op.state != DH_OP_IDLE) {
        return;
    }
    int32_t node_id = dh_coordinator_want(lookup->lookups->link, now_ns);
    if (node_id == DH_NODE_NONE) {
        return; // on_coordinator follows
    }
    ask->node_id = node_id;
    dh_lookup_start(ask, now_ns);
}

static void on_no_coordinator(struct dh_lookup *lookup)
{
    const dohle_error_info *error = dh_coordinator_error(lookup->lookups->link);
    if (error != NULL) {
        char text[sizeof(error->text)];
        memcpy(text, error->text, sizeof(text));
        dh_lookup_fail(lookup, error->code, error->broker_code, NULL, -1, text);
    }
}

const struct dh_lookup_class dh_lookup_committed = {
    .what = "the committed offsets",
    .begin = begin,
    .step = step,
    .on_no_coordinator = on_no_coordinator,
};
