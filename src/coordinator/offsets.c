// SPDX-License-Identifier: MIT
// Commits, what is committed, and its deletion.
#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "coordinator/change.h"
#include "coordinator/group.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/consumer_protocol.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_delete.h"

// Since then an unknown group has a code of its own.
#define COMMIT_VERSION_GROUP_NOT_FOUND 9
#define RETENTION_AS_CONFIGURED        (-1)
#define CONSUMER_PROTOCOL_TYPE         "consumer"
// Tombstones of a deleted topic go out in batches of this many.
#define TOMBSTONES_MAX ((size_t)1000)

// ---- Commit ----

/*
 * Who may commit (4.5 of the rows; O-01, O-02). Without members, whoever claims no generation;
 * else a member with the generation (S43), once it has its assignment.
 */
static int16_t may_commit(const struct dh_group *group, int16_t version,
                          const struct dh_offset_commit_request *request)
{
    int32_t generation = request->generation_id_or_member_epoch;
    if (group == NULL) {
        if (generation < 0) {
            return 0; // a simple group begins
        }
        return version >= COMMIT_VERSION_GROUP_NOT_FOUND ? DH_BROKER_GROUP_ID_NOT_FOUND
                                                         : DH_BROKER_ILLEGAL_GENERATION;
    }
    const struct dh_classic_group *classic = &group->classic;
    if (generation < 0 && classic->state == DH_GROUP_EMPTY) {
        return 0;
    }
    if (generation < 0 && request->member_id.size == 0 &&
        request->group_instance_id.data == NULL) {
        return DH_BROKER_UNKNOWN_MEMBER_ID;
    }
    int16_t code =
        dh_group_member_check(group, request->member_id, request->group_instance_id);
    if (code != 0) {
        return code;
    }
    if (generation != classic->generation) {
        return DH_BROKER_ILLEGAL_GENERATION;
    }
    //
    return classic->state == DH_GROUP_COMPLETING ? DH_BROKER_REBALANCE_IN_PROGRESS : 0;
}

// Of UTF-8 text, as Java counts: characters beyond the basic plane are two (O-09).
static size_t utf16_units(dohle_bytes text)
{
    size_t units = 0;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        units += (byte & 0xc0) != 0x80;
        units += byte >= 0xf0;
    }
    return units;
}

static int16_t check_partition(const struct dh_coordinator *coordinator,
                               const struct dh_offset_commit_request_topic *topic,
                               const struct dh_offset_commit_request_topic_partition *row)
{
    if (topic->name.size > DH_GROUP_TOPIC_SIZE_MAX) {
        return DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION; // there can be no such topic
    }
    // BRK-009, X-042.
    size_t units_max = (size_t)coordinator->settings->offset_metadata_max_bytes;
    return utf16_units(row->committed_metadata) > units_max
               ? DH_BROKER_OFFSET_METADATA_TOO_LARGE
               : 0;
}

static int64_t later_ms(int64_t time_ms, int64_t duration_ms)
{
    return duration_ms > 0 && time_ms > INT64_MAX - duration_ms ? INT64_MAX
                                                                : time_ms + duration_ms;
}

static void add_commit(struct dh_group_records *records,
                       const struct dh_coordinator *coordinator,
                       const struct dh_offset_commit_request *request,
                       const struct dh_offset_commit_request_topic *topic,
                       const struct dh_offset_commit_request_topic_partition *row)
{
    struct dh_offset_commit_value value;
    dh_message_init(&dh_offset_commit_value_type, &value);
    value.offset = row->committed_offset;
    value.leader_epoch = row->committed_leader_epoch;
    value.metadata =
        row->committed_metadata.data == NULL ? DH_BYTES("") : row->committed_metadata;
    value.commit_timestamp = coordinator->wall_ms;
    value.topic_id = topic->topic_id;
    if (request->retention_time_ms != RETENTION_AS_CONFIGURED) {
        // GC-060. Such a record has no room for a leader epoch and an id: they are left out.
        value.expire_timestamp =
            later_ms(coordinator->wall_ms, request->retention_time_ms);
    }
    dh_group_records_add_offset(records, request->group_id, topic->name,
                                row->partition_index, &value);
}

// Answers each partition with its code, and adds those that pass.
static int check_partitions(const struct dh_coordinator *coordinator,
                            const struct dh_offset_commit_request *request,
                            struct dh_arena *arena,
                            struct dh_offset_commit_response *response,
                            struct dh_group_records *records)
{
    size_t topic_count = request->topics.count < 0 ? 0 : (size_t)request->topics.count;
    dh_message_init(&dh_offset_commit_response_type, response);
    response->topics.items =
        dh_arena_calloc(arena, topic_count, sizeof(*response->topics.items));
    if (response->topics.items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    response->topics.count = (int32_t)topic_count;
    for (size_t i = 0; i < topic_count; i++) {
        const struct dh_offset_commit_request_topic *topic = &request->topics.items[i];
        struct dh_offset_commit_response_topic *to = &response->topics.items[i];
        size_t count = topic->partitions.count < 0 ? 0 : (size_t)topic->partitions.count;
        to->name = topic->name;
        to->topic_id = topic->topic_id;
        to->partitions.items =
            dh_arena_calloc(arena, count, sizeof(*to->partitions.items));
        if (to->partitions.items == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        to->partitions.count = (int32_t)count;
        for (size_t j = 0; j < count; j++) {
            const struct dh_offset_commit_request_topic_partition *row =
                &topic->partitions.items[j];
            int16_t code = check_partition(coordinator, topic, row);
            to->partitions.items[j].partition_index = row->partition_index;
            to->partitions.items[j].error_code = code;
            if (code == 0) {
                add_commit(records, coordinator, request, topic, row);
            }
        }
    }
    return 0;
}

static void refuse_all(struct dh_offset_commit_response *response, int16_t code)
{
    for (int32_t i = 0; i < response->topics.count; i++) {
        struct dh_offset_commit_response_topic *topic = &response->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            topic->partitions.items[j].error_code = code;
        }
    }
}

// A commit is a sign of life (GC-027).
static void touch_committer(struct dh_group *group,
                            const struct dh_offset_commit_request *request)
{
    struct dh_group_member *member =
        group == NULL ? NULL : dh_group_member_find(group, request->member_id);
    if (member != NULL) {
        dh_group_member_touch(member);
    }
}

static int commit(struct dh_coordinator *coordinator, int16_t version,
                  const struct dh_offset_commit_request *request, struct dh_arena *arena,
                  struct dh_offset_commit_response *response,
                  struct dh_group_records *records)
{
    int err = check_partitions(coordinator, request, arena, response, records);
    if (err != 0) {
        return err;
    }
    struct dh_group *group = dh_group_find(coordinator, request->group_id);
    int16_t code = may_commit(group, version, request);
    if (code == 0) {
        touch_committer(group, request);
        if (records->count > 0 || records->err != 0) {
            code = dh_coordinator_write(coordinator, records);
            // What cannot be stored for its size has a code of its own here (GC-005).
            code = code == DH_BROKER_UNKNOWN_SERVER_ERROR
                       ? DH_BROKER_INVALID_COMMIT_OFFSET_SIZE
                       : code;
        }
    }
    if (code != 0) {
        refuse_all(response, code);
    }
    return 0;
}

int dh_coordinator_commit(struct dh_coordinator *coordinator, int16_t version,
                          const struct dh_offset_commit_request *request,
                          struct dh_arena *arena,
                          struct dh_offset_commit_response *response, int64_t now_ns,
                          int64_t wall_ms)
{
    dh_coordinator_enter(coordinator, now_ns);
    coordinator->wall_ms = wall_ms;
    struct dh_group_records records;
    dh_group_records_init(&records, coordinator->mem);
    int err = commit(coordinator, version, request, arena, response, &records);
    dh_group_records_deinit(&records);
    dh_coordinator_exit(coordinator);
    return err;
}

// ---- What is committed ----

int16_t dh_coordinator_may_fetch_offsets(const struct dh_coordinator *coordinator,
                                         dohle_bytes group_id, dohle_bytes member_id,
                                         int32_t member_epoch)
{
    // Classic groups and unknown ones let everybody read (O-10).
    (void)coordinator;
    (void)group_id;
    (void)member_id;
    (void)member_epoch;
    return 0;
}

static struct dh_committed view(const struct dh_group_offset *offset)
{
    struct dh_committed committed = {
        .topic = offset->topic,
        .partition = offset->partition,
        .offset = offset->offset,
        .leader_epoch = offset->leader_epoch,
        .metadata = offset->metadata,
        .commit_timestamp_ms = offset->commit_timestamp_ms,
    };
    return committed;
}

struct dh_committed dh_coordinator_committed(const struct dh_coordinator *coordinator,
                                             dohle_bytes group_id, dohle_bytes topic,
                                             int32_t partition)
{
    struct dh_committed nothing = {.partition = partition,
                                   .offset = -1,
                                   .leader_epoch = -1,
                                   .metadata = DH_BYTES(""),
                                   .commit_timestamp_ms = -1};
    // Offsets without their group are not to be seen, as in Apache Kafka.
    const struct dh_group *group = dh_group_find(coordinator, group_id);
    const struct dh_group_offset *offset =
        group == NULL ? NULL : dh_group_offset_find(group, topic, partition);
    return offset == NULL ? nothing : view(offset);
}

int dh_coordinator_all_committed(const struct dh_coordinator *coordinator,
                                 dohle_bytes group_id, struct dh_arena *arena,
                                 struct dh_committed **committed, size_t *count)
{
    *committed = NULL;
    *count = 0;
    const struct dh_group *group = dh_group_find(coordinator, group_id);
    if (group == NULL) {
        return 0;
    }
    struct dh_group_offset **offsets;
    size_t offset_count;
    int err = dh_group_offsets_sorted(group, arena, &offsets, &offset_count);
    if (err != 0) {
        return err;
    }
    *committed = dh_arena_calloc(arena, offset_count, sizeof(**committed));
    if (*committed == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < offset_count; i++) {
        (*committed)[i] = view(offsets[i]);
    }
    *count = offset_count;
    return 0;
}

// ---- Deletion ----

static int16_t add_offset_tombstones(const struct dh_group *group,
                                     struct dh_group_records *records)
{
    struct dh_arena arena;
    struct dh_group_offset **offsets;
    size_t count;
    dh_arena_init(&arena, group->coordinator->mem, 0);
    int err = dh_group_offsets_sorted(group, &arena, &offsets, &count);
    for (size_t i = 0; err == 0 && i < count; i++) {
        dohle_bytes topic = {(const uint8_t *)offsets[i]->topic, offsets[i]->topic_size};
        dh_group_records_add_offset_tombstone(records, group->id, topic,
                                              offsets[i]->partition);
    }
    dh_arena_deinit(&arena);
    return err == 0 ? 0 : DH_BROKER_COORDINATOR_NOT_AVAILABLE;
}

static int16_t delete_group(struct dh_coordinator *coordinator, dohle_bytes group_id)
{
    const struct dh_group *group = dh_group_find(coordinator, group_id);
    if (group == NULL) {
        return DH_BROKER_GROUP_ID_NOT_FOUND;
    }
    if (group->classic.state != DH_GROUP_EMPTY) {
        return DH_BROKER_NON_EMPTY_GROUP;
    }
    struct dh_group_records records;
    dh_group_records_init(&records, coordinator->mem);
    int16_t code = add_offset_tombstones(group, &records);
    if (code == 0) {
        dh_group_records_add_group_tombstone(&records, group_id);
        code = dh_coordinator_write(coordinator, &records);
    }
    dh_group_records_deinit(&records);
    return code;
}

int16_t dh_coordinator_delete_group(struct dh_coordinator *coordinator,
                                    dohle_bytes group_id, int64_t wall_ms)
{
    dh_coordinator_enter(coordinator, coordinator->now_ns);
    coordinator->wall_ms = wall_ms;
    int16_t code = delete_group(coordinator, group_id);
    dh_coordinator_exit(coordinator);
    return code;
}

/*
 * Does a subscription name the topic? Version 0 is the beginning of every version. What cannot be
 * read may name anything.
 */
static bool subscription_names(const struct dh_coordinator *coordinator,
                               dohle_bytes subscription, dohle_bytes topic)
{
    struct dh_consumer_protocol_subscription message;
    struct dh_reader reader;
    struct dh_arena arena;
    dh_arena_init(&arena, coordinator->mem, 0);
    dh_reader_init(&reader, subscription);
    (void)dh_read_int16(&reader);
    bool names = true;
    if (reader.err == 0 && dh_message_decode(&dh_consumer_protocol_subscription_type, 0,
                                             &reader, &arena, &message) == 0) {
        names = false;
        for (int32_t i = 0; i < message.topics.count && !names; i++) {
            names = dh_bytes_compare(message.topics.items[i], topic) == 0;
        }
    }
    dh_arena_deinit(&arena);
    return names;
}

// Consumers alone tell what they subscribe to.
static bool is_subscribed(const struct dh_group *group, dohle_bytes topic)
{
    const struct dh_classic_group *classic = &group->classic;
    if (dh_bytes_compare(classic->protocol_type, DH_BYTES(CONSUMER_PROTOCOL_TYPE)) != 0) {
        return false;
    }
    DH_LIST_EACH(link, &classic->members_in_order)
    {
        const struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        const dohle_bytes *subscription =
            dh_group_protocols_find(&member->protocols, classic->protocol_name);
        if (subscription == NULL ||
            subscription_names(group->coordinator, *subscription, topic)) {
            return true;
        }
    }
    return false;
}

static int16_t may_delete_offsets(const struct dh_group *group)
{
    if (group == NULL) {
        return DH_BROKER_GROUP_ID_NOT_FOUND;
    }
    if (group->classic.state != DH_GROUP_EMPTY &&
        dh_bytes_compare(group->classic.protocol_type,
                         DH_BYTES(CONSUMER_PROTOCOL_TYPE)) != 0) {
        return DH_BROKER_NON_EMPTY_GROUP;
    }
    return 0;
}

static int delete_from_topic(const struct dh_group *group,
                             const struct dh_offset_delete_request_topic *topic,
                             struct dh_arena *arena,
                             struct dh_offset_delete_response_topic *to,
                             struct dh_group_records *records)
{
    size_t count = topic->partitions.count < 0 ? 0 : (size_t)topic->partitions.count;
    to->name = topic->name;
    to->partitions.items = dh_arena_calloc(arena, count, sizeof(*to->partitions.items));
    if (to->partitions.items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    to->partitions.count = (int32_t)count;
    bool is_refused = is_subscribed(group, topic->name);
    for (size_t i = 0; i < count; i++) {
        int32_t partition = topic->partitions.items[i].partition_index;
        to->partitions.items[i].partition_index = partition;
        if (is_refused) {
            to->partitions.items[i].error_code = DH_BROKER_GROUP_SUBSCRIBED_TO_TOPIC;
        } else if (dh_group_offset_find(group, topic->name, partition) != NULL) {
            dh_group_records_add_offset_tombstone(records, group->id, topic->name,
                                                  partition);
        }
    }
    return 0;
}

static int delete_offsets(struct dh_coordinator *coordinator,
                          const struct dh_offset_delete_request *request,
                          struct dh_arena *arena,
                          struct dh_offset_delete_response *response,
                          struct dh_group_records *records)
{
    dh_message_init(&dh_offset_delete_response_type, response);
    const struct dh_group *group = dh_group_find(coordinator, request->group_id);
    response->error_code = may_delete_offsets(group);
    if (response->error_code != 0) {
        return 0;
    }
    size_t count = request->topics.count < 0 ? 0 : (size_t)request->topics.count;
    response->topics.items =
        dh_arena_calloc(arena, count, sizeof(*response->topics.items));
    if (response->topics.items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        int err = delete_from_topic(group, &request->topics.items[i], arena,
                                    &response->topics.items[i], records);
        if (err != 0) {
            return err;
        }
    }
    if (records->count > 0 || records->err != 0) {
        response->error_code = dh_coordinator_write(coordinator, records);
    }
    if (response->error_code == 0) {
        response->topics.count = (int32_t)count;
    }
    return 0;
}

int dh_coordinator_delete_offsets(struct dh_coordinator *coordinator,
                                  const struct dh_offset_delete_request *request,
                                  struct dh_arena *arena,
                                  struct dh_offset_delete_response *response)
{
    dh_coordinator_enter(coordinator, coordinator->now_ns);
    struct dh_group_records records;
    dh_group_records_init(&records, coordinator->mem);
    int err = delete_offsets(coordinator, request, arena, response, &records);
    dh_group_records_deinit(&records);
    dh_coordinator_exit(coordinator);
    return err;
}

// Writes what is there, and begins anew.
static int16_t flush(struct dh_coordinator *coordinator, struct dh_group_records *records)
{
    int16_t code = 0;
    if (records->count > 0 || records->err != 0) {
        code = dh_coordinator_write(coordinator, records);
    }
    dh_group_records_deinit(records);
    dh_group_records_init(records, coordinator->mem);
    return code;
}

static int16_t delete_topic_of_group(struct dh_coordinator *coordinator,
                                     const struct dh_group *group, dohle_bytes topic,
                                     struct dh_arena *arena,
                                     struct dh_group_records *records)
{
    struct dh_group_offset **offsets;
    size_t count;
    if (dh_group_offsets_sorted(group, arena, &offsets, &count) != 0) {
        return DH_BROKER_COORDINATOR_NOT_AVAILABLE;
    }
    for (size_t i = 0; i < count; i++) {
        dohle_bytes name = {(const uint8_t *)offsets[i]->topic, offsets[i]->topic_size};
        if (dh_bytes_compare(name, topic) != 0) {
            continue;
        }
        dh_group_records_add_offset_tombstone(records, group->id, topic,
                                              offsets[i]->partition);
        if (records->count >= TOMBSTONES_MAX) {
            int16_t code = flush(coordinator, records);
            if (code != 0) {
                return code;
            }
        }
    }
    return 0;
}

int16_t dh_coordinator_on_topic_deleted(struct dh_coordinator *coordinator,
                                        dohle_bytes topic)
{
    dh_coordinator_enter(coordinator, coordinator->now_ns);
    struct dh_arena arena;
    struct dh_group_records records;
    struct dh_group **groups;
    size_t count;
    dh_arena_init(&arena, coordinator->mem, 0);
    dh_group_records_init(&records, coordinator->mem);
    int16_t code = 0;
    if (dh_groups_sorted(coordinator, &arena, &groups, &count) != 0) {
        code = DH_BROKER_COORDINATOR_NOT_AVAILABLE;
    }
    for (size_t i = 0; i < count; i++) {
        groups[i]->hold_count++; // the last that is left of it may be an offset
    }
    for (size_t i = 0; code == 0 && i < count; i++) {
        code = delete_topic_of_group(coordinator, groups[i], topic, &arena, &records);
    }
    if (code == 0) {
        code = flush(coordinator, &records);
    }
    for (size_t i = 0; i < count; i++) {
        dh_group_release(groups[i]);
    }
    dh_group_records_deinit(&records);
    dh_arena_deinit(&arena);
    dh_coordinator_exit(coordinator);
    return code;
}
