// SPDX-License-Identifier: MIT
/*
 * ListOffsets for the admin: metadata says who leads what, then each leader is asked
 * for all its partitions at once; what failed in a way that passes is asked again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/admin_call.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "client/back/reactions.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/metadata.h"

#define NOT_ASKED (-2)

// One partition of the question.
struct item {
    int32_t leader; // DH_NODE_NONE: not known; NOT_ASKED: nothing to ask
    bool is_done;
    int err;      // with is_done
    size_t round; // how many before it are about the same partition
};

struct question {
    dohle_admin *admin;
    dohle_offset *offsets;
    const int64_t *timestamps_ms;
    struct item *items;
    size_t count;
    size_t round_count; // brokers refuse a request that names a partition twice
};

static void settle(struct question *question, size_t index, int err)
{
    question->items[index].is_done = true;
    question->items[index].err = err;
    if (err != 0) {
        question->offsets[index].offset = -1;
        question->offsets[index].leader_epoch = -1;
    }
}

static bool is_all_done(const struct question *question)
{
    for (size_t i = 0; i < question->count; i++) {
        if (!question->items[i].is_done) {
            return false;
        }
    }
    return true;
}

// ---- Leaders ----

static void take_leader(struct question *question, size_t index,
                        const struct dh_metadata_response_topic *topic)
{
    const dohle_offset *offset = &question->offsets[index];
    question->items[index].leader = DH_NODE_NONE;
    if (topic->error_code != 0) {
        if (topic->error_code == DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION ||
            !dh_admin_is_passing_code(DH_API_METADATA, topic->error_code)) {
            settle(question, index,
                   dh_admin_fail_broker(question->admin, topic->error_code, offset->topic,
                                        DH_BYTES_NULL));
        }
        return;
    }
    for (int32_t i = 0; i < topic->partitions.count; i++) {
        if (topic->partitions.items[i].partition_index == offset->partition) {
            question->items[index].leader = topic->partitions.items[i].leader_id;
            return;
        }
    }
    settle(question, index,
           dh_admin_fail(question->admin, DOHLE_ERR_UNKNOWN_TOPIC,
                         DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION,
                         "%s has no partition %" PRId32, offset->topic,
                         offset->partition));
}

// Looks the leaders of all that is open up, one topic at a time.
static int find_leaders(struct question *question)
{
    for (size_t i = 0; i < question->count; i++) {
        question->items[i].leader = NOT_ASKED;
    }
    for (size_t i = 0; i < question->count; i++) {
        if (question->items[i].is_done || question->items[i].leader != NOT_ASKED) {
            continue;
        }
        const char *name = question->offsets[i].topic;
        struct dh_admin_call *call = dh_admin_metadata(question->admin, name);
        if (call == NULL) {
            return question->admin->error.code;
        }
        const struct dh_metadata_response *response = call->response;
        static const struct dh_metadata_response_topic unknown = {
            .error_code = DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION};
        const struct dh_metadata_response_topic *topic =
            response->topics.count == 1 ? &response->topics.items[0] : &unknown;
        for (size_t j = i; j < question->count; j++) {
            if (!question->items[j].is_done &&
                strcmp(question->offsets[j].topic, name) == 0) {
                take_leader(question, j, topic);
            }
        }
        dh_admin_drop(question->admin, call);
    }
    return 0;
}

// ---- Offsets ----

static void count_rounds(struct question *question)
{
    for (size_t i = 0; i < question->count; i++) {
        const dohle_offset *offset = &question->offsets[i];
        for (size_t j = 0; j < i; j++) {
            if (question->offsets[j].partition == offset->partition &&
                strcmp(question->offsets[j].topic, offset->topic) == 0) {
                question->items[i].round++;
            }
        }
        if (question->items[i].round >= question->round_count) {
            question->round_count = question->items[i].round + 1;
        }
    }
}

static bool is_asked(const struct question *question, size_t index, int32_t leader,
                     size_t round)
{
    const struct item *item = &question->items[index];
    return !item->is_done && item->leader == leader && item->round == round;
}

static struct dh_admin_call *make_call(struct question *question, int32_t leader,
                                       size_t round)
{
    struct dh_admin_call *call =
        dh_admin_call(question->admin, leader, DH_API_LIST_OFFSETS);
    if (call == NULL) {
        return NULL;
    }
    struct dh_list_offsets_request *request = dh_admin_request(question->admin, call);
    struct dh_list_offsets_request_topic *topics =
        dh_arena_calloc(&call->arena, question->count, sizeof(*topics));
    struct dh_list_offsets_request_topic_partition *partitions =
        dh_arena_calloc(&call->arena, question->count, sizeof(*partitions));
    if (request == NULL || topics == NULL || partitions == NULL) {
        dh_admin_fail(question->admin, DOHLE_ERR_NO_MEMORY, 0, NULL);
        dh_admin_drop(question->admin, call);
        return NULL;
    }
    const char *last_name = NULL;
    int32_t count = 0;
    for (size_t i = 0; i < question->count; i++) {
        if (!is_asked(question, i, leader, round)) {
            continue;
        }
        const dohle_offset *offset = &question->offsets[i];
        if (last_name == NULL || strcmp(last_name, offset->topic) != 0) {
            last_name = offset->topic;
            dh_struct_init(&dh_list_offsets_request_topic_struct, &topics[count]);
            topics[count].name = dh_bytes_of(last_name);
            topics[count].partitions.items = partitions;
            count++;
        }
        dh_struct_init(&dh_list_offsets_request_topic_partition_struct, partitions);
        partitions->partition_index = offset->partition;
        partitions->timestamp = question->timestamps_ms[i];
        partitions++;
        topics[count - 1].partitions.count++;
    }
    request->topics.items = topics;
    request->topics.count = count;
    request->timeout_ms = question->admin->settings->request_timeout_ms;
    return call;
}

static void take_answer(struct question *question, size_t index,
                        const struct dh_list_offsets_response_topic_partition *part)
{
    dohle_offset *offset = &question->offsets[index];
    if (part->error_code == 0) {
        offset->offset = part->offset;
        offset->leader_epoch = part->leader_epoch;
        settle(question, index, 0);
        return;
    }
    char about[300];
    snprintf(about, sizeof(about), "%s-%" PRId32, offset->topic, offset->partition);
    int err =
        dh_admin_fail_broker(question->admin, part->error_code, about, DH_BYTES_NULL);
    if (!dh_admin_is_passing_code(DH_API_LIST_OFFSETS, part->error_code)) {
        settle(question, index, err);
    }
}

static void take_answers(struct question *question, int32_t leader, size_t round,
                         const struct dh_list_offsets_response *response)
{
    for (size_t i = 0; i < question->count; i++) {
        if (!is_asked(question, i, leader, round)) {
            continue;
        }
        dohle_bytes name = dh_bytes_of(question->offsets[i].topic);
        for (int32_t j = 0; j < response->topics.count; j++) {
            const struct dh_list_offsets_response_topic *topic =
                &response->topics.items[j];
            if (!dh_bytes_equal(name, topic->name)) {
                continue;
            }
            for (int32_t k = 0; k < topic->partitions.count; k++) {
                if (topic->partitions.items[k].partition_index ==
                        question->offsets[i].partition &&
                    !question->items[i].is_done) {
                    take_answer(question, i, &topic->partitions.items[k]);
                }
            }
        }
    }
}

// Asks each leader once about one round. Failures that pass leave items open. Returns 0,
// or an error that does not pass.
static int ask_leaders(struct question *question, size_t round)
{
    for (size_t i = 0; i < question->count; i++) {
        int32_t leader = question->items[i].leader;
        if (leader < 0 || !is_asked(question, i, leader, round)) {
            continue;
        }
        struct dh_admin_call *call = make_call(question, leader, round);
        if (call == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        int err = dh_admin_ask(question->admin, call);
        if (err == 0) {
            take_answers(question, leader, round, call->response);
        }
        dh_admin_drop(question->admin, call);
        if (err != 0 && !dh_admin_is_passing(err)) {
            return err;
        }
        // What is still open waits for the next time the leaders are looked up.
        for (size_t j = i; j < question->count; j++) {
            if (is_asked(question, j, leader, round)) {
                question->items[j].leader = DH_NODE_NONE;
            }
        }
    }
    return 0;
}

static int answer(struct question *question)
{
    for (;;) {
        int err = find_leaders(question);
        for (size_t round = 0; round < question->round_count && err == 0; round++) {
            err = ask_leaders(question, round);
        }
        if (err != 0 || is_all_done(question)) {
            return err;
        }
        if (question->admin->error.code == 0) {
            dh_admin_fail(question->admin, DOHLE_ERR_BROKER_RETRIABLE, 0,
                          "a partition has no leader");
        }
        if (!dh_admin_retry(question->admin)) {
            return DOHLE_ERR_TIMEOUT;
        }
    }
}

int dohle_admin_list_offsets(dohle_admin *admin, dohle_offset *offsets,
                             const int64_t *timestamps_ms, int *errors, size_t count,
                             int64_t timeout_ms)
{
    int err = dh_admin_begin(admin, timeout_ms);
    if (err != 0 || count == 0) {
        return err;
    }
    if (offsets == NULL || timestamps_ms == NULL) {
        return dh_admin_fail(admin, DOHLE_ERR_INVALID_ARGUMENT, 0,
                             "no partition is named");
    }
    struct question question = {
        .admin = admin,
        .offsets = offsets,
        .timestamps_ms = timestamps_ms,
        .items = dh_mem_calloc(&admin->allocator, count, sizeof(*question.items)),
        .count = count,
    };
    if (question.items == NULL) {
        return dh_admin_fail(admin, DOHLE_ERR_NO_MEMORY, 0, NULL);
    }
    count_rounds(&question);
    err = answer(&question);
    int first_err = 0;
    for (size_t i = 0; i < count; i++) {
        if (!question.items[i].is_done) {
            settle(&question, i, err);
        }
        if (first_err == 0) {
            first_err = question.items[i].err;
        }
        if (errors != NULL) {
            errors[i] = question.items[i].err;
        }
    }
    dh_mem_free(&admin->allocator, question.items, count * sizeof(*question.items));
    // With errors of their own the items have told; what failed for all is the call's.
    if (err == 0 && (errors != NULL || first_err == 0)) {
        return dh_admin_begin(admin, 0);
    }
    return err != 0 ? err : first_err;
}
