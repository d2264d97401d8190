// SPDX-License-Identifier: MIT
/*
 * Scripts for the coordinator: a row is what somebody does and what is answered because of it.
 *
 *     {"join a", "a: MEMBER_ID_REQUIRED"},
 *     {"join a", ""},                                      // it waits
 *     {"wait 0", "a: generation 1, range, leads a"},
 *     {"sync a a=x", "a: gets x"},
 *
 * A name is a client; the rig remembers its member id and generation, as the client would. Time
 * is virtual, the log is an array. Every step is checked: the invariants hold, the durable state is what a
 * replay of the log gives, byte for byte, and a group that is Stable looks the same after it.
 *
 *     join NAME [v= type= protocols=p,q meta= instance= id= session= rebalance=]
 *     sync NAME [OTHER=assignment ...] [v= gen= id= instance= type= protocol=]
 *     beat NAME [gen= id= instance=]            leave NAME [OTHER ...] [v= id= instance=]
 *     commit NAME TOPIC-PARTITION=OFFSET[:metadata] ... [v= gen= id= instance= epoch= keep=]
 *     wait MS      time goes by; all that is due happens
 *     crash        the log is replayed into a new coordinator
 *     fail CODE    appends fail with that code; 0: no more
 *     gone NAME    its connection, while it waits
 *     restart NAME it forgets its member id and generation
 *     state, describe [v=], list, offsets, delete, forget TOPIC (it was deleted),
 *     purge TOPIC-PARTITION ... (OffsetDelete), unload
 *
 * group=G goes with each; the default is "g".
 */
#ifndef DH_TESTS_UNIT_COORDINATOR_RIG_H
#define DH_TESTS_UNIT_COORDINATOR_RIG_H

#include "../test.h"

#include <inttypes.h>
#include <stdio.h>

#include <dohle/error.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/time.h"
#include "coordinator/coordinator.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/list_groups.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_delete.h"
#include "wire/gen/sync_group.h"

#define RIG_CLIENTS_MAX 32
#define RIG_WORDS_MAX   24
#define RIG_ITEMS_MAX   16
#define RIG_TEXT_SIZE   4096

struct rig_record {
    struct dh_coordinator_record view;
    struct rig_record *next;
};

struct rig_client {
    char name[16];
    char member_id[160];
    int32_t generation;
    struct dh_coordinator_caller caller; // of the join or sync that it waits in
    bool is_waiting;
    bool is_join; // it waits in a join, else in a sync
};

struct rig {
    struct test_memory memory;
    struct dh_coordinator_settings settings;
    struct dh_coordinator *coordinator;
    struct rig_record *first, *last; // the log
    size_t record_count;
    size_t append_count; // batches, those that failed included
    int16_t append_code;
    struct rig_client clients[RIG_CLIENTS_MAX];
    size_t client_count;
    int64_t now_ns;
    int64_t wall_ms;
    uint64_t seed;
    char out[RIG_TEXT_SIZE]; // what the step has answered
    size_t out_size;
    size_t change_count; // calls of `changed`
    int last_err;        // of the last call that could fail for want of memory
    bool is_memory_short;
};

// A step taken apart.
struct rig_step {
    char text[512];
    char *words[RIG_WORDS_MAX];
    size_t count;
};

static inline void rig_say(struct rig *rig, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static inline void rig_say(struct rig *rig, const char *format, ...)
{
    va_list arguments;
    if (rig->out_size >= sizeof(rig->out) - 1) {
        return;
    }
    if (rig->out_size > 0 && rig->out[rig->out_size - 1] != ' ') {
        rig->out_size += (size_t)snprintf(rig->out + rig->out_size,
                                          sizeof(rig->out) - rig->out_size, "; ");
    }
    va_start(arguments, format);
    int size = vsnprintf(rig->out + rig->out_size, sizeof(rig->out) - rig->out_size,
                         format, arguments);
    va_end(arguments);
    rig->out_size += (size_t)size;
    if (rig->out_size >= sizeof(rig->out)) {
        rig->out_size = sizeof(rig->out) - 1;
    }
}

static inline const char *rig_code(int16_t code)
{
    return code == 0 ? "NONE" : dohle_broker_error_name(code);
}

static inline int16_t rig_code_of(const char *name)
{
    for (int16_t code = -1; code < 137; code++) {
        if (strcmp(rig_code(code), name) == 0) {
            return code;
        }
    }
    fail_msg("no such code: %s", name);
    return 0;
}

static inline struct rig_client *rig_client(struct rig *rig, const char *name)
{
    for (size_t i = 0; i < rig->client_count; i++) {
        if (strcmp(rig->clients[i].name, name) == 0) {
            return &rig->clients[i];
        }
    }
    assert_true(rig->client_count < RIG_CLIENTS_MAX);
    struct rig_client *client = &rig->clients[rig->client_count++];
    (void)snprintf(client->name, sizeof(client->name), "%s", name);
    client->generation = -1;
    return client;
}

// The client with that member id, or "?".
static inline const char *rig_name(const struct rig *rig, dohle_bytes member_id)
{
    for (size_t i = 0; i < rig->client_count; i++) {
        if (member_id.size > 0 &&
            dh_bytes_equal(dh_bytes_of(rig->clients[i].member_id), member_id)) {
            return rig->clients[i].name;
        }
    }
    return member_id.size == 0 ? "nobody" : "?";
}

static inline void rig_remember(struct rig_client *client, dohle_bytes member_id)
{
    (void)snprintf(client->member_id, sizeof(client->member_id), "%.*s",
                   (int)member_id.size, (const char *)member_id.data);
}

static inline void rig_answer_join(struct rig *rig, struct rig_client *client,
                                   const struct dh_join_group_response *response)
{
    if (response->error_code == DH_BROKER_MEMBER_ID_REQUIRED) {
        rig_remember(client, response->member_id);
    }
    if (response->error_code != 0) {
        rig_say(rig, "%s: %s", client->name, rig_code(response->error_code));
        return;
    }
    rig_remember(client, response->member_id);
    client->generation = response->generation_id;
    char members[256] = "";
    size_t size = 0;
    for (int32_t i = 0; i < response->members.count; i++) {
        size += (size_t)snprintf(members + size, sizeof(members) - size, " %s",
                                 rig_name(rig, response->members.items[i].member_id));
        assert_true(size < sizeof(members));
    }
    rig_say(rig, "%s: generation %d, %.*s, ", client->name, (int)response->generation_id,
            (int)response->protocol_name.size,
            (const char *)response->protocol_name.data);
    if (response->members.count > 0) {
        rig_say(rig, "leads%s%s", members, response->skip_assignment ? ", skips" : "");
    } else {
        rig_say(rig, "follows %s%s", rig_name(rig, response->leader),
                response->skip_assignment ? ", skips" : "");
    }
}

static inline void rig_answer_sync(struct rig *rig, const struct rig_client *client,
                                   const struct dh_sync_group_response *response)
{
    if (response->error_code != 0) {
        rig_say(rig, "%s: %s", client->name, rig_code(response->error_code));
    } else {
        rig_say(rig, "%s: gets %.*s", client->name, (int)response->assignment.size,
                (const char *)response->assignment.data);
    }
}

static inline void rig_on_answer(void *ctx, struct dh_coordinator_caller *caller,
                                 const void *response)
{
    struct rig *rig = ctx;
    struct rig_client *client = DH_CONTAINER_OF(caller, struct rig_client, caller);
    assert_true(client->is_waiting);
    assert_null(caller->parked);
    client->is_waiting = false;
    if (client->is_join) {
        rig_answer_join(rig, client, response);
    } else {
        rig_answer_sync(rig, client, response);
    }
}

static inline dohle_bytes rig_copy(dohle_bytes bytes)
{
    if (bytes.data == NULL) {
        return bytes;
    }
    uint8_t *copy = malloc(bytes.size + 1);
    assert_non_null(copy);
    memcpy(copy, bytes.data, bytes.size);
    return (dohle_bytes){copy, bytes.size};
}

static inline void rig_log_append(struct rig *rig,
                                  const struct dh_coordinator_record *record)
{
    struct rig_record *copy = calloc(1, sizeof(*copy));
    assert_non_null(copy);
    copy->view.key = rig_copy(record->key);
    copy->view.value = rig_copy(record->value);
    if (rig->last == NULL) {
        rig->first = copy;
    } else {
        rig->last->next = copy;
    }
    rig->last = copy;
    rig->record_count++;
}

static inline int16_t
rig_on_append(void *ctx, const struct dh_coordinator_record *records, size_t count)
{
    struct rig *rig = ctx;
    rig->append_count++;
    assert_true(count > 0);
    for (size_t i = 0; rig->append_code == 0 && i < count; i++) {
        rig_log_append(rig, &records[i]);
    }
    return rig->append_code;
}

static inline void rig_on_changed(void *ctx, const char *group_id)
{
    struct rig *rig = ctx;
    assert_non_null(group_id);
    rig->change_count++;
}

static inline struct dh_coordinator *rig_coordinator_new(struct rig *rig,
                                                         const dohle_allocator *mem)
{
    struct dh_coordinator_options options = {
        .mem = mem,
        .settings = &rig->settings,
        .owner = {rig, rig_on_append, rig_on_answer, rig_on_changed},
        .seed = rig->seed,
    };
    return dh_coordinator_new(&options);
}

// NULL: no memory.
static inline struct dh_coordinator *rig_replay(struct rig *rig,
                                                const dohle_allocator *mem)
{
    struct dh_coordinator *coordinator = rig_coordinator_new(rig, mem);
    for (struct rig_record *record = rig->first; record != NULL && coordinator != NULL;
         record = record->next) {
        if (dh_coordinator_replay(coordinator, &record->view) != 0) {
            dh_coordinator_free(coordinator);
            return NULL;
        }
    }
    return coordinator;
}

static inline void rig_init(struct rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    test_memory_init(&rig->memory);
    rig->settings = (struct dh_coordinator_settings){
        .group_min_session_timeout_ms = 6000,
        .group_max_session_timeout_ms = 1800000,
        .group_max_size = INT32_MAX,
        .offset_metadata_max_bytes = 4096,
        .offsets_retention_ms = INT64_C(604800000),
    };
    rig->seed = 1;
    rig->now_ns = DH_SEC;
    rig->wall_ms = INT64_C(1700000000000);
    rig->coordinator = rig_coordinator_new(rig, &rig->memory.allocator);
    assert_non_null(rig->coordinator);
    assert_int_equal(0, dh_coordinator_loaded(rig->coordinator, rig->now_ns));
}

static inline void rig_deinit(struct rig *rig)
{
    dh_coordinator_free(rig->coordinator);
    assert_int_equal(0, rig->memory.bytes);
    while (rig->first != NULL) {
        struct rig_record *record = rig->first;
        rig->first = record->next;
        free((void *)(uintptr_t)record->view.key.data);
        free((void *)(uintptr_t)record->view.value.data);
        free(record);
    }
}

// ---- Words ----

static inline void rig_parse(struct rig_step *step, const char *text)
{
    step->count = 0;
    assert_true(strlen(text) < sizeof(step->text));
    (void)snprintf(step->text, sizeof(step->text), "%s", text);
    for (char *at = step->text; *at != '\0';) {
        if (*at == ' ') {
            *at++ = '\0';
            continue;
        }
        assert_true(step->count < RIG_WORDS_MAX);
        step->words[step->count++] = at;
        at += strcspn(at, " ");
    }
}

// The value of "key=value"; NULL: there is no such word.
static inline const char *rig_option(const struct rig_step *step, const char *key)
{
    size_t size = strlen(key);
    for (size_t i = 1; i < step->count; i++) {
        if (strncmp(step->words[i], key, size) == 0 && step->words[i][size] == '=') {
            return step->words[i] + size + 1;
        }
    }
    return NULL;
}

static inline int64_t rig_number(const struct rig_step *step, const char *key,
                                 int64_t otherwise)
{
    const char *value = rig_option(step, key);
    return value == NULL ? otherwise : strtoll(value, NULL, 10);
}

static inline dohle_bytes rig_text(const struct rig_step *step, const char *key,
                                   const char *otherwise)
{
    const char *value = rig_option(step, key);
    return dh_bytes_of(value == NULL ? otherwise : value);
}

static inline dohle_bytes rig_group(const struct rig_step *step)
{
    return rig_text(step, "group", "g");
}

static inline bool rig_is_option(const char *word)
{
    static const char *const options[] = {
        "v=",    "gen=",      "id=",       "instance=", "group=",
        "type=", "epoch=",    "keep=",     "session=",  "rebalance=",
        "meta=", "protocol=", "protocols="};
    for (size_t i = 0; i < DH_COUNT_OF(options); i++) {
        if (strncmp(word, options[i], strlen(options[i])) == 0) {
            return true;
        }
    }
    return false;
}

// "TOPIC-PARTITION..." of a word; the topic has its '-' replaced by NUL.
static inline dohle_bytes rig_topic(char *word, int32_t *partition, char **rest)
{
    char *dash = strchr(word, '-');
    assert_non_null(dash);
    *dash = '\0';
    *partition = (int32_t)strtol(dash + 1, rest, 10);
    return dh_bytes_of(word);
}

// ---- Steps ----

static inline void rig_join(struct rig *rig, struct rig_step *step)
{
    struct rig_client *client = rig_client(rig, step->words[1]);
    assert_false(client->is_waiting);
    struct dh_join_group_request request;
    struct dh_join_group_request_protocol protocols[RIG_ITEMS_MAX];
    dh_message_init(&dh_join_group_request_type, &request);
    request.group_id = rig_group(step);
    request.session_timeout_ms = (int32_t)rig_number(step, "session", 10000);
    request.rebalance_timeout_ms = (int32_t)rig_number(step, "rebalance", 60000);
    request.member_id = rig_text(step, "id", client->member_id);
    request.group_instance_id = rig_text(step, "instance", NULL);
    request.protocol_type = rig_text(step, "type", "consumer");
    dohle_bytes metadata = rig_text(step, "meta", "m");
    const char *names = rig_option(step, "protocols");
    for (names = names == NULL ? "range" : names; *names != '\0';) {
        size_t size = strcspn(names, ",");
        protocols[request.protocols.count++] = (struct dh_join_group_request_protocol){
            .name = {(const uint8_t *)names, size}, .metadata = metadata};
        names += size + (names[size] == ',');
    }
    request.protocols.items = protocols;
    client->caller = (struct dh_coordinator_caller){
        .version = (int16_t)rig_number(step, "v", 9),
        .client_id = dh_bytes_of(client->name),
        .client_host = DH_BYTES("/127.0.0.1"),
    };
    client->is_waiting = true;
    client->is_join = true;
    dh_coordinator_join(rig->coordinator, &client->caller, &request, rig->now_ns,
                        rig->wall_ms);
}

static inline void rig_sync(struct rig *rig, struct rig_step *step)
{
    struct rig_client *client = rig_client(rig, step->words[1]);
    assert_false(client->is_waiting);
    struct dh_sync_group_request request;
    struct dh_sync_group_request_assignment rows[RIG_ITEMS_MAX];
    dh_message_init(&dh_sync_group_request_type, &request);
    request.group_id = rig_group(step);
    request.generation_id = (int32_t)rig_number(step, "gen", client->generation);
    request.member_id = rig_text(step, "id", client->member_id);
    request.group_instance_id = rig_text(step, "instance", NULL);
    request.protocol_type = rig_text(step, "type", "consumer");
    request.protocol_name = rig_text(step, "protocol", NULL);
    for (size_t i = 2; i < step->count; i++) {
        char *equals = strchr(step->words[i], '=');
        if (rig_is_option(step->words[i]) || equals == NULL) {
            continue;
        }
        *equals = '\0';
        const struct rig_client *other = rig_client(rig, step->words[i]);
        rows[request.assignments.count++] = (struct dh_sync_group_request_assignment){
            dh_bytes_of(other->member_id), dh_bytes_of(equals + 1)};
    }
    request.assignments.items = rows;
    client->caller =
        (struct dh_coordinator_caller){.version = (int16_t)rig_number(step, "v", 4)};
    client->is_waiting = true;
    client->is_join = false;
    dh_coordinator_sync(rig->coordinator, &client->caller, &request, rig->now_ns,
                        rig->wall_ms);
}

static inline void rig_beat(struct rig *rig, const struct rig_step *step)
{
    const struct rig_client *client = rig_client(rig, step->words[1]);
    struct dh_heartbeat_request request = {
        .group_id = rig_group(step),
        .generation_id = (int32_t)rig_number(step, "gen", client->generation),
        .member_id = rig_text(step, "id", client->member_id),
        .group_instance_id = rig_text(step, "instance", NULL),
    };
    struct dh_heartbeat_response response;
    rig->last_err =
        dh_coordinator_heartbeat(rig->coordinator, &request, &response, rig->now_ns);
    rig_say(rig, "%s: %s", client->name, rig_code(response.error_code));
}

static inline void rig_leave(struct rig *rig, const struct rig_step *step)
{
    const struct rig_client *client = rig_client(rig, step->words[1]);
    struct dh_leave_group_request_member rows[RIG_ITEMS_MAX] = {
        {rig_text(step, "id", client->member_id), rig_text(step, "instance", NULL),
         DH_BYTES_NULL}};
    size_t count = 1;
    for (size_t i = 2; i < step->count; i++) {
        if (!rig_is_option(step->words[i])) {
            rows[count++].member_id =
                dh_bytes_of(rig_client(rig, step->words[i])->member_id);
        }
    }
    struct dh_leave_group_request request = {
        .group_id = rig_group(step),
        .member_id = rows[0].member_id,
        .members = {rows, (int32_t)count},
    };
    struct dh_leave_group_response response;
    struct dh_arena arena;
    dh_arena_init(&arena, &rig->memory.allocator, 0);
    rig->last_err =
        dh_coordinator_leave(rig->coordinator, (int16_t)rig_number(step, "v", 5),
                             &request, &arena, &response, rig->now_ns, rig->wall_ms);
    if (rig->last_err == 0 && response.members.count == 0) {
        rig_say(rig, "%s", rig_code(response.error_code));
    }
    for (int32_t i = 0; rig->last_err == 0 && i < response.members.count; i++) {
        const char *name =
            response.members.items[i].member_id.size == 0
                ? (const char *)response.members.items[i].group_instance_id.data
                : rig_name(rig, response.members.items[i].member_id);
        rig_say(rig, "%s: %s", name, rig_code(response.members.items[i].error_code));
    }
    dh_arena_deinit(&arena);
}

static inline void rig_commit(struct rig *rig, struct rig_step *step)
{
    const struct rig_client *client = rig_client(rig, step->words[1]);
    struct dh_offset_commit_request_topic topics[RIG_ITEMS_MAX];
    struct dh_offset_commit_request_topic_partition partitions[RIG_ITEMS_MAX];
    struct dh_offset_commit_request request;
    dh_message_init(&dh_offset_commit_request_type, &request);
    request.group_id = rig_group(step);
    request.generation_id_or_member_epoch =
        (int32_t)rig_number(step, "gen", client->generation);
    request.member_id = rig_text(step, "id", client->member_id);
    request.group_instance_id = rig_text(step, "instance", NULL);
    request.retention_time_ms = rig_number(step, "keep", -1);
    request.topics.items = topics;
    for (size_t i = 2; i < step->count; i++) {
        if (rig_is_option(step->words[i])) {
            continue;
        }
        struct dh_offset_commit_request_topic_partition *row =
            &partitions[request.topics.count];
        struct dh_offset_commit_request_topic *topic = &topics[request.topics.count++];
        char *rest;
        memset(topic, 0, sizeof(*topic));
        memset(row, 0, sizeof(*row));
        topic->name = rig_topic(step->words[i], &row->partition_index, &rest);
        topic->partitions.items = row;
        topic->partitions.count = 1;
        assert_int_equal('=', *rest);
        row->committed_offset = strtoll(rest + 1, &rest, 10);
        row->committed_leader_epoch = (int32_t)rig_number(step, "epoch", -1);
        row->committed_metadata = *rest == ':' ? dh_bytes_of(rest + 1) : DH_BYTES_NULL;
    }
    struct dh_offset_commit_response response;
    struct dh_arena arena;
    dh_arena_init(&arena, &rig->memory.allocator, 0);
    rig->last_err =
        dh_coordinator_commit(rig->coordinator, (int16_t)rig_number(step, "v", 9),
                              &request, &arena, &response, rig->now_ns, rig->wall_ms);
    for (int32_t i = 0; rig->last_err == 0 && i < response.topics.count; i++) {
        rig_say(rig, "%s",
                rig_code(response.topics.items[i].partitions.items[0].error_code));
    }
    dh_arena_deinit(&arena);
}

static inline void rig_wait(struct rig *rig, int64_t ms)
{
    int64_t end_ns = rig->now_ns + ms * DH_MS;
    for (int turns = 0;; turns++) {
        int64_t deadline_ns = dh_coordinator_deadline(rig->coordinator);
        if (deadline_ns > end_ns) {
            break;
        }
        assert_true(turns < 10000);
        if (deadline_ns > rig->now_ns) {
            rig->wall_ms += (deadline_ns - rig->now_ns) / DH_MS;
            rig->now_ns = deadline_ns;
        }
        dh_coordinator_tick(rig->coordinator, rig->now_ns, rig->wall_ms);
    }
    rig->wall_ms += (end_ns - rig->now_ns) / DH_MS;
    rig->now_ns = end_ns;
}

// Who waits is told, or its connection is gone with the broker.
static inline void rig_crash(struct rig *rig)
{
    dh_coordinator_free(rig->coordinator);
    assert_int_equal(0, rig->memory.bytes);
    for (size_t i = 0; i < rig->client_count; i++) {
        rig->clients[i].is_waiting = false;
    }
    rig->seed++;
    rig->coordinator = rig_replay(rig, &rig->memory.allocator);
    assert_non_null(rig->coordinator);
    assert_int_equal(0, dh_coordinator_loaded(rig->coordinator, rig->now_ns));
}

static inline void rig_describe(struct rig *rig, const struct rig_step *step)
{
    struct dh_describe_groups_response_group group;
    struct dh_arena arena;
    dh_arena_init(&arena, &rig->memory.allocator, 0);
    rig->last_err =
        dh_coordinator_describe(rig->coordinator, (int16_t)rig_number(step, "v", 6),
                                rig_group(step), &arena, &group);
    if (rig->last_err == 0) {
        rig_say(rig, "%s %.*s type=%.*s protocol=%.*s", rig_code(group.error_code),
                (int)group.group_state.size, (const char *)group.group_state.data,
                (int)group.protocol_type.size, (const char *)group.protocol_type.data,
                (int)group.protocol_data.size, (const char *)group.protocol_data.data);
    }
    for (int32_t i = 0; rig->last_err == 0 && i < group.members.count; i++) {
        const struct dh_describe_groups_response_group_member *row =
            &group.members.items[i];
        rig_say(rig, "%s(%.*s) %.*s%s meta=%.*s owns=%.*s", rig_name(rig, row->member_id),
                (int)row->group_instance_id.size,
                (const char *)row->group_instance_id.data, (int)row->client_id.size,
                (const char *)row->client_id.data, (const char *)row->client_host.data,
                (int)row->member_metadata.size, (const char *)row->member_metadata.data,
                (int)row->member_assignment.size,
                (const char *)row->member_assignment.data);
    }
    dh_arena_deinit(&arena);
}

static inline void rig_list(struct rig *rig)
{
    struct dh_list_groups_response_group *groups;
    size_t count = 0;
    struct dh_arena arena;
    dh_arena_init(&arena, &rig->memory.allocator, 0);
    rig->last_err = dh_coordinator_list(rig->coordinator, &arena, &groups, &count);
    for (size_t i = 0; i < count; i++) {
        rig_say(rig, "%.*s %.*s %.*s '%.*s'", (int)groups[i].group_id.size,
                (const char *)groups[i].group_id.data, (int)groups[i].group_type.size,
                (const char *)groups[i].group_type.data, (int)groups[i].group_state.size,
                (const char *)groups[i].group_state.data,
                (int)groups[i].protocol_type.size,
                (const char *)groups[i].protocol_type.data);
    }
    dh_arena_deinit(&arena);
}

static inline void rig_offsets(struct rig *rig, const struct rig_step *step)
{
    struct dh_committed *committed;
    size_t count = 0;
    struct dh_arena arena;
    dh_arena_init(&arena, &rig->memory.allocator, 0);
    rig->last_err = dh_coordinator_all_committed(rig->coordinator, rig_group(step),
                                                 &arena, &committed, &count);
    for (size_t i = 0; i < count; i++) {
        struct dh_committed one = dh_coordinator_committed(
            rig->coordinator, rig_group(step), dh_bytes_of(committed[i].topic),
            committed[i].partition);
        assert_int_equal(committed[i].offset, one.offset);
        assert_bytes_equal(committed[i].metadata, one.metadata);
        rig_say(rig, "%s-%d=%" PRId64 ":%.*s/%d", one.topic, (int)one.partition,
                one.offset, (int)one.metadata.size, (const char *)one.metadata.data,
                (int)one.leader_epoch);
    }
    dh_arena_deinit(&arena);
}

static inline void rig_purge(struct rig *rig, struct rig_step *step)
{
    struct dh_offset_delete_request_topic topics[RIG_ITEMS_MAX];
    struct dh_offset_delete_request_topic_partition partitions[RIG_ITEMS_MAX];
    struct dh_offset_delete_request request = {.group_id = rig_group(step),
                                               .topics = {topics, 0}};
    for (size_t i = 1; i < step->count; i++) {
        if (!rig_is_option(step->words[i])) {
            char *rest;
            int32_t at = request.topics.count++;
            topics[at].name =
                rig_topic(step->words[i], &partitions[at].partition_index, &rest);
            topics[at].partitions.items = &partitions[at];
            topics[at].partitions.count = 1;
        }
    }
    struct dh_offset_delete_response response;
    struct dh_arena arena;
    dh_arena_init(&arena, &rig->memory.allocator, 0);
    rig->last_err =
        dh_coordinator_delete_offsets(rig->coordinator, &request, &arena, &response);
    if (rig->last_err == 0 && response.topics.count == 0) {
        rig_say(rig, "%s", rig_code(response.error_code));
    }
    for (int32_t i = 0; rig->last_err == 0 && i < response.topics.count; i++) {
        rig_say(rig, "%s",
                rig_code(response.topics.items[i].partitions.items[0].error_code));
    }
    dh_arena_deinit(&arena);
}

static inline void rig_state(struct rig *rig, const struct rig_step *step)
{
    struct dh_group_summary summary;
    dh_coordinator_summary(rig->coordinator, rig_group(step), &summary);
    rig_say(rig, "%s, generation %d, members %zu", summary.state, (int)summary.generation,
            summary.member_count);
}

static inline void rig_do(struct rig *rig, struct rig_step *step)
{
    const char *verb = step->words[0];
    if (strcmp(verb, "join") == 0) {
        rig_join(rig, step);
    } else if (strcmp(verb, "sync") == 0) {
        rig_sync(rig, step);
    } else if (strcmp(verb, "beat") == 0) {
        rig_beat(rig, step);
    } else if (strcmp(verb, "leave") == 0) {
        rig_leave(rig, step);
    } else if (strcmp(verb, "commit") == 0) {
        rig_commit(rig, step);
    } else if (strcmp(verb, "wait") == 0) {
        rig_wait(rig, strtoll(step->words[1], NULL, 10));
    } else if (strcmp(verb, "crash") == 0) {
        rig_crash(rig);
    } else if (strcmp(verb, "fail") == 0) {
        rig->append_code = rig_code_of(step->words[1]);
    } else if (strcmp(verb, "gone") == 0) {
        struct rig_client *client = rig_client(rig, step->words[1]);
        dh_coordinator_forget(rig->coordinator, &client->caller);
        client->is_waiting = false;
    } else if (strcmp(verb, "restart") == 0) {
        struct rig_client *client = rig_client(rig, step->words[1]);
        client->member_id[0] = '\0';
        client->generation = -1;
    } else if (strcmp(verb, "state") == 0) {
        rig_state(rig, step);
    } else if (strcmp(verb, "describe") == 0) {
        rig_describe(rig, step);
    } else if (strcmp(verb, "list") == 0) {
        rig_list(rig);
    } else if (strcmp(verb, "offsets") == 0) {
        rig_offsets(rig, step);
    } else if (strcmp(verb, "delete") == 0) {
        rig_say(rig, "%s",
                rig_code(dh_coordinator_delete_group(rig->coordinator, rig_group(step),
                                                     rig->wall_ms)));
    } else if (strcmp(verb, "forget") == 0) {
        rig_say(rig, "%s",
                rig_code(dh_coordinator_on_topic_deleted(rig->coordinator,
                                                         dh_bytes_of(step->words[1]))));
    } else if (strcmp(verb, "purge") == 0) {
        rig_purge(rig, step);
    } else if (strcmp(verb, "unload") == 0) {
        dh_coordinator_unload(rig->coordinator);
    } else {
        fail_msg("no such step: %s", verb);
    }
}

// ---- What holds after every step ----

static inline void rig_assert_dumps_equal(const struct dh_coordinator *live,
                                          const struct dh_coordinator *replayed,
                                          const char *step)
{
    struct dh_buf expected;
    struct dh_buf actual;
    dh_buf_init(&expected, dh_mem_default(), 0);
    dh_buf_init(&actual, dh_mem_default(), 0);
    assert_int_equal(0, dh_coordinator_dump(live, &expected));
    assert_int_equal(0, dh_coordinator_dump(replayed, &actual));
    if (expected.size != actual.size ||
        (expected.size > 0 && memcmp(expected.data, actual.data, actual.size) != 0)) {
        fail_msg("after \"%s\" the state is\n%.*s\nand a replay gives\n%.*s", step,
                 (int)expected.size, (const char *)expected.data, (int)actual.size,
                 (const char *)actual.data);
    }
    dh_buf_deinit(&expected);
    dh_buf_deinit(&actual);
}

// What a replay gives of a group that is Stable is what it is (S13, S17).
static inline void rig_assert_stable_equal(const struct dh_coordinator *live,
                                           const struct dh_coordinator *replayed,
                                           const char *step)
{
    struct dh_arena arena;
    struct dh_list_groups_response_group *groups;
    size_t count;
    dh_arena_init(&arena, dh_mem_default(), 0);
    assert_int_equal(0, dh_coordinator_list(live, &arena, &groups, &count));
    for (size_t i = 0; i < count; i++) {
        struct dh_describe_groups_response expected = {0};
        struct dh_describe_groups_response actual = {0};
        struct dh_describe_groups_response_group expected_group;
        struct dh_describe_groups_response_group actual_group;
        struct dh_group_summary expected_summary;
        struct dh_group_summary actual_summary;
        dohle_bytes id = groups[i].group_id;
        dh_coordinator_summary(live, id, &expected_summary);
        dh_coordinator_summary(replayed, id, &actual_summary);
        if (strcmp("Stable", expected_summary.state) != 0) {
            continue;
        }
        assert_string_equal("Stable", actual_summary.state);
        assert_int_equal(expected_summary.generation, actual_summary.generation);
        assert_int_equal(0,
                         dh_coordinator_describe(live, 6, id, &arena, &expected_group));
        assert_int_equal(0,
                         dh_coordinator_describe(replayed, 6, id, &arena, &actual_group));
        expected.groups.items = &expected_group;
        actual.groups.items = &actual_group;
        expected.groups.count = actual.groups.count = 1;
        if (!dh_message_equal(&dh_describe_groups_response_type, 6, &expected, &actual)) {
            struct dh_buf text;
            dh_buf_init(&text, dh_mem_default(), 0);
            dh_message_print(&dh_describe_groups_response_type, 6, &expected, &text);
            dh_buf_printf(&text, "\nand a replay gives\n");
            dh_message_print(&dh_describe_groups_response_type, 6, &actual, &text);
            fail_msg("after \"%s\" the group is\n%.*s", step, (int)text.size,
                     (const char *)text.data);
        }
    }
    dh_arena_deinit(&arena);
}

// The allocator of the coordinator under test must not fail meanwhile.
static inline void rig_check(struct rig *rig, const char *step)
{
    size_t fail_at = rig->memory.fail_at;
    rig->memory.fail_at = 0;
    dh_coordinator_check(rig->coordinator);
    struct dh_coordinator *replayed = rig_replay(rig, dh_mem_default());
    assert_non_null(replayed);
    rig_assert_dumps_equal(rig->coordinator, replayed, step);
    rig_assert_stable_equal(rig->coordinator, replayed, step);
    dh_coordinator_free(replayed);
    rig->memory.fail_at = fail_at;
}

// Does one step. What it answered: "who: what; who: what".
static inline const char *rig_step(struct rig *rig, const char *text)
{
    struct rig_step step;
    rig->out[0] = '\0';
    rig->out_size = 0;
    rig_parse(&step, text);
    rig_do(rig, &step);
    rig_check(rig, text);
    return rig->out;
}

struct rig_row {
    const char *step;
    const char *answer;
};

static inline void rig_run(struct rig *rig, const struct rig_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *answer = rig_step(rig, rows[i].step);
        if (strcmp(rows[i].answer, answer) != 0) {
            fail_msg("row %zu, \"%s\"\nexpected \"%s\"\nanswered \"%s\"", i, rows[i].step,
                     rows[i].answer, answer);
        }
    }
}

#define RIG_RUN(rig, ...)                                                                \
    do {                                                                                 \
        static const struct rig_row rows_[] = {__VA_ARGS__};                             \
        rig_run((rig), rows_, DH_COUNT_OF(rows_));                                       \
    } while (0)

#endif
