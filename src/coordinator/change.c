// SPDX-License-Identifier: MIT
#include "coordinator/change.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "coordinator/group.h"
#include "wire/gen/broker_errors.h"

enum change_kind {
    CHANGE_NOTHING, // of a kind we do not know, or a tombstone of what is not there
    CHANGE_GROUP,
    CHANGE_GROUP_TOMBSTONE,
    CHANGE_OFFSET,
    CHANGE_OFFSET_TOMBSTONE,
};

// What a member of the record will be.
struct member_change {
    struct dh_group_member *member;
    bool is_created;
    // Of one that came back under another id; owned. Null: it keeps its own.
    dohle_bytes new_id;
    dohle_bytes new_client_id;
    dohle_bytes new_client_host;
};

// What a GroupMetadata record needs to be applied.
struct group_change {
    struct dh_arena arena; // of value and members
    uint8_t *record;       // a copy of the value's bytes
    size_t record_size;
    struct dh_group_metadata_value value; // views into record
    struct member_change *members;        // in the order of value.members
    size_t member_count;                  // prepared so far
    struct dh_map by_id;
    struct dh_map by_instance_id;
    dohle_bytes protocol_type; // owned
    dohle_bytes protocol_name; // owned
};

struct change {
    enum change_kind kind;
    struct dh_group *group;         // held; NULL: nothing
    struct group_change *set;       // CHANGE_GROUP
    struct dh_group_offset *offset; // CHANGE_OFFSET
    dohle_bytes topic;              // CHANGE_OFFSET_TOMBSTONE; a view into the record
    int32_t partition;
};

// ---- Preparing a group ----

static void group_change_free(struct dh_group *group, struct group_change *set)
{
    const dohle_allocator *mem = group->coordinator->mem;
    for (size_t i = 0; i < set->member_count; i++) {
        if (set->members[i].is_created && set->members[i].member != NULL) {
            dh_group_member_free(set->members[i].member);
        }
        dh_group_text_free(mem, set->members[i].new_id);
        dh_group_text_free(mem, set->members[i].new_client_id);
        dh_group_text_free(mem, set->members[i].new_client_host);
    }
    dh_map_deinit(&set->by_id);
    dh_map_deinit(&set->by_instance_id);
    dh_group_text_free(mem, set->protocol_type);
    dh_group_text_free(mem, set->protocol_name);
    dh_mem_free(mem, set->record, set->record_size);
    dh_arena_deinit(&set->arena);
    dh_mem_free(mem, set, sizeof(*set));
}

/*
 * The member that the record means. One that has the id has the instance id too; one that has the
 * instance id alone is a static member that came back. So no member is meant twice.
 */
static struct dh_group_member *
find_member(const struct dh_group *group,
            const struct dh_group_metadata_value_member *row)
{
    struct dh_group_member *member = dh_group_member_find(group, row->member_id);
    if (member != NULL && dh_bytes_equal(member->instance_id, row->group_instance_id)) {
        return member;
    }
    return dh_group_member_find_static(group, row->group_instance_id);
}

static bool prepare_return(const dohle_allocator *mem, struct member_change *change,
                           const struct dh_group_metadata_value_member *row)
{
    return dh_group_text_copy(mem, row->member_id, &change->new_id) &&
           dh_group_text_copy(mem, row->client_id, &change->new_client_id) &&
           dh_group_text_copy(mem, row->client_host, &change->new_client_host);
}

static int prepare_member(struct dh_group *group, struct group_change *set,
                          const struct dh_group_metadata_value_member *row)
{
    struct member_change *change = &set->members[set->member_count];
    if (dh_map_get(&set->by_id, row->member_id) != NULL ||
        dh_map_get(&set->by_instance_id, row->group_instance_id) != NULL) {
        return DOHLE_ERR_PROTOCOL;
    }
    set->member_count++;
    change->member = find_member(group, row);
    if (change->member == NULL) {
        change->is_created = true;
        change->member =
            dh_group_member_new(group, row->member_id, row->group_instance_id,
                                row->client_id, row->client_host);
        if (change->member == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
    } else if (!dh_bytes_equal(change->member->id, row->member_id) &&
               !prepare_return(group->coordinator->mem, change, row)) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int err = dh_map_put(&set->by_id, row->member_id, change->member);
    if (err == 0 && row->group_instance_id.data != NULL) {
        err = dh_map_put(&set->by_instance_id, row->group_instance_id, change->member);
    }
    return err;
}

static int prepare_group_parts(struct dh_group *group, struct group_change *set,
                               dohle_bytes bytes)
{
    const dohle_allocator *mem = group->coordinator->mem;
    set->record = dh_mem_alloc(mem, bytes.size);
    if (set->record == NULL) {
        return bytes.size == 0 ? DOHLE_ERR_PROTOCOL : DOHLE_ERR_NO_MEMORY;
    }
    set->record_size = bytes.size;
    memcpy(set->record, bytes.data, bytes.size);
    const struct dh_group_metadata_value *value = &set->value;
    int err = dh_group_record_read_group((dohle_bytes){set->record, set->record_size},
                                         &set->arena, &set->value);
    if (err != 0) {
        return err;
    }
    if (value->members.count > 0 && value->protocol.data == NULL) {
        return DOHLE_ERR_PROTOCOL;
    }
    dohle_bytes type =
        value->protocol_type.size == 0 ? DH_BYTES_NULL : value->protocol_type;
    if (!dh_group_text_copy(mem, type, &set->protocol_type) ||
        !dh_group_text_copy(mem, value->protocol, &set->protocol_name)) {
        return DOHLE_ERR_NO_MEMORY;
    }
    set->members =
        dh_arena_calloc(&set->arena, (size_t)value->members.count, sizeof(*set->members));
    if (set->members == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (int32_t i = 0; i < value->members.count && err == 0; i++) {
        err = prepare_member(group, set, &value->members.items[i]);
    }
    return err;
}

static int prepare_group(struct change *change, dohle_bytes bytes)
{
    struct dh_coordinator *coordinator = change->group->coordinator;
    struct group_change *set = dh_mem_calloc(coordinator->mem, 1, sizeof(*set));
    if (set == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    change->kind = CHANGE_GROUP;
    change->set = set;
    dh_arena_init(&set->arena, coordinator->mem, 0);
    dh_map_init(&set->by_id, coordinator->mem, dh_random_next(&coordinator->random));
    dh_map_init(&set->by_instance_id, coordinator->mem,
                dh_random_next(&coordinator->random));
    return prepare_group_parts(change->group, set, bytes);
}

// ---- Preparing an offset ----

static struct dh_group_offset *offset_new(const dohle_allocator *mem,
                                          const struct dh_group_record_key *key,
                                          const struct dh_offset_commit_value *value)
{
    struct dh_group_offset *offset;
    size_t size = sizeof(*offset) + key->topic.size + 1 + value->metadata.size;
    offset = dh_mem_alloc(mem, size);
    if (offset == NULL) {
        return NULL;
    }
    char *topic = (char *)(offset + 1);
    memcpy(topic, key->topic.data, key->topic.size);
    topic[key->topic.size] = '\0';
    uint8_t *metadata = (uint8_t *)topic + key->topic.size + 1;
    if (value->metadata.size > 0) {
        memcpy(metadata, value->metadata.data, value->metadata.size);
    }
    // Without metadata the view is of the NUL: not null, and within the block.
    if (value->metadata.size == 0) {
        metadata--;
    }
    *offset = (struct dh_group_offset){
        .size = size,
        .topic = topic,
        .topic_size = key->topic.size,
        .metadata = {metadata, value->metadata.size},
        .offset = value->offset,
        .commit_timestamp_ms = value->commit_timestamp,
        .expire_timestamp_ms = value->expire_timestamp,
        .partition = key->partition,
        .leader_epoch = value->leader_epoch,
        .topic_id = value->topic_id,
    };
    return offset;
}

static int prepare_offset(struct change *change, const struct dh_group_record_key *key,
                          dohle_bytes bytes, struct dh_arena *arena)
{
    struct dh_offset_commit_value value;
    int err = dh_group_record_read_offset(bytes, key->kind, arena, &value);
    if (err != 0) {
        return err;
    }
    if (key->topic.size > DH_GROUP_TOPIC_SIZE_MAX) {
        return DOHLE_ERR_PROTOCOL;
    }
    const dohle_allocator *mem = change->group->coordinator->mem;
    struct dh_group_offset *offset = offset_new(mem, key, &value);
    if (offset == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    err = dh_group_offset_reserve(change->group, key->topic, key->partition);
    if (err != 0) {
        dh_group_offset_free(mem, offset);
        return err;
    }
    change->kind = CHANGE_OFFSET;
    change->offset = offset;
    return 0;
}

// A tombstone of what is not there, or was never understood, changes nothing.
static void prepare_tombstone(struct dh_coordinator *coordinator, struct change *change,
                              const struct dh_group_record_key *key)
{
    bool is_group = key->kind == DH_GROUP_RECORD_GROUP;
    struct dh_group *group = dh_map_get(&coordinator->groups, key->group);
    if (group == NULL || (!is_group && key->topic.size > DH_GROUP_TOPIC_SIZE_MAX)) {
        return;
    }
    group->hold_count++;
    change->group = group;
    change->kind = is_group ? CHANGE_GROUP_TOMBSTONE : CHANGE_OFFSET_TOMBSTONE;
    change->topic = key->topic;
    change->partition = key->partition;
}

/*
 * Returns 0, DOHLE_ERR_NO_MEMORY, or another error for a record that makes no sense. After an
 * error the change is to be discarded.
 */
static int prepare(struct dh_coordinator *coordinator,
                   const struct dh_coordinator_record *record, struct change *change)
{
    *change = (struct change){.kind = CHANGE_NOTHING};
    struct dh_group_record_key key;
    struct dh_arena arena;
    dh_arena_init(&arena, coordinator->mem, 0);
    int err = dh_group_record_read_key(record->key, &arena, &key);
    if (err != 0 || key.kind == DH_GROUP_RECORD_OTHER) {
        if (err == 0) {
            dh_log(coordinator->log, DOHLE_LOG_DEBUG, "coordinator",
                   "passed over a record of kind %d", (int)key.number);
        }
    } else if (record->value.data == NULL) {
        prepare_tombstone(coordinator, change, &key);
    } else {
        change->group = dh_group_hold(coordinator, key.group);
        if (change->group == NULL) {
            err = DOHLE_ERR_NO_MEMORY;
        } else if (key.kind == DH_GROUP_RECORD_GROUP) {
            err = prepare_group(change, record->value);
        } else {
            err = prepare_offset(change, &key, record->value, &arena);
        }
    }
    dh_arena_deinit(&arena);
    return err;
}

static void discard(struct change *change)
{
    if (change->group == NULL) {
        return;
    }
    if (change->set != NULL) {
        group_change_free(change->group, change->set);
    }
    if (change->offset != NULL) {
        dohle_bytes topic = {(const uint8_t *)change->offset->topic,
                             change->offset->topic_size};
        dh_group_offset_unreserve(change->group, topic, change->offset->partition);
        dh_group_offset_free(change->group->coordinator->mem, change->offset);
    }
    dh_group_release(change->group);
}

// ---- Applying ----

static void swap_texts(dohle_bytes *a, dohle_bytes *b)
{
    dohle_bytes text = *a;
    *a = *b;
    *b = text;
}

// protocol_name: the record's own.
static void apply_member(struct dh_classic_group *classic, struct member_change *change,
                         const struct dh_group_metadata_value_member *row,
                         dohle_bytes protocol_name)
{
    struct dh_group_member *member = change->member;
    dh_list_remove(&member->link);
    dh_list_push_back(&classic->members_in_order, &member->link);
    if (change->new_id.data != NULL) {
        swap_texts(&member->id, &change->new_id);
        swap_texts(&member->client_id, &change->new_client_id);
        swap_texts(&member->client_host, &change->new_client_host);
    }
    member->session_timeout_ms = row->session_timeout;
    member->rebalance_timeout_ms =
        row->rebalance_timeout == -1 ? row->session_timeout : row->rebalance_timeout;
    member->assignment = row->assignment;
    if (member->protocols.size == 0) {
        // Only the chosen protocol is in a record.
        member->restored.name = protocol_name;
        member->restored.metadata = row->subscription;
        member->protocols =
            (struct dh_group_protocols){.items = &member->restored, .count = 1};
    }
    change->is_created = false;
}

// Members that the record does not name.
static void remove_unnamed(struct dh_list *unnamed)
{
    DH_LIST_EACH_SAFE(link, next, unnamed)
    {
        struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        dh_group_end_join_wait(member, DH_BYTES(""), DH_BROKER_UNKNOWN_MEMBER_ID);
        dh_group_end_sync_wait(member, DH_BROKER_UNKNOWN_MEMBER_ID);
        dh_group_sync_received(member);
        dh_group_member_free(member);
    }
}

static void swap_maps(struct dh_map *a, struct dh_map *b)
{
    struct dh_map map = *a;
    *a = *b;
    *b = map;
}

static void apply_group(struct dh_group *group, struct group_change *set)
{
    struct dh_classic_group *classic = &group->classic;
    const struct dh_group_metadata_value *value = &set->value;
    if (group->kind == DH_GROUP_NONE) {
        dh_group_begin_classic(group);
    }
    // What was before goes into `set`, and with it.
    swap_texts(&classic->protocol_type, &set->protocol_type);
    swap_texts(&classic->protocol_name, &set->protocol_name);
    swap_maps(&classic->members, &set->by_id);
    swap_maps(&classic->static_members, &set->by_instance_id);
    uint8_t *record = group->record;
    size_t record_size = group->record_size;
    group->record = set->record;
    group->record_size = set->record_size;
    set->record = record;
    set->record_size = record_size;

    struct dh_list before;
    dh_list_init(&before);
    dh_list_append_all(&before, &classic->members_in_order);
    for (size_t i = 0; i < set->member_count; i++) {
        apply_member(classic, &set->members[i], &value->members.items[i],
                     value->protocol);
    }
    remove_unnamed(&before);
    classic->generation = value->generation;
    classic->leader = dh_group_member_find(group, value->leader);
    struct dh_link *first = dh_list_first(&classic->members_in_order);
    if (classic->leader == NULL && first != NULL) {
        classic->leader = DH_CONTAINER_OF(first, struct dh_group_member, link);
    }
    enum dh_classic_group_state state =
        classic->members.count == 0 ? DH_GROUP_EMPTY : DH_GROUP_STABLE;
    if (group->coordinator->is_loaded && classic->state != state) {
        dh_group_set_state(group, state);
    }
    classic->state = state;
    classic->state_timestamp_ms = value->current_state_timestamp;
    dh_group_touch(group);
}

// Ends the change.
static void apply(struct change *change)
{
    switch (change->kind) {
    case CHANGE_NOTHING: break;
    case CHANGE_GROUP: apply_group(change->group, change->set); break;
    case CHANGE_GROUP_TOMBSTONE: dh_group_end(change->group); break;
    case CHANGE_OFFSET:
        if (change->group->kind == DH_GROUP_NONE) {
            dh_group_begin_classic(change->group);
        }
        dh_group_offset_set(change->group, change->offset);
        change->offset = NULL;
        break;
    case CHANGE_OFFSET_TOMBSTONE:
        dh_group_offset_remove(change->group, change->topic, change->partition);
        break;
    }
    discard(change);
}

// ---- Writing and replay ----

// GC-005. Codes that clients know in a group's answers stay.
static int16_t code_for_client(int16_t code)
{
    switch (code) {
    case DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION:
    case DH_BROKER_NOT_ENOUGH_REPLICAS:
    case DH_BROKER_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
    case DH_BROKER_REQUEST_TIMED_OUT: return DH_BROKER_COORDINATOR_NOT_AVAILABLE;
    case DH_BROKER_NOT_LEADER_OR_FOLLOWER:
    case DH_BROKER_KAFKA_STORAGE_ERROR: return DH_BROKER_NOT_COORDINATOR;
    case DH_BROKER_MESSAGE_TOO_LARGE:
    case DH_BROKER_RECORD_LIST_TOO_LARGE:
    case DH_BROKER_INVALID_FETCH_SIZE: return DH_BROKER_UNKNOWN_SERVER_ERROR;
    default: return code;
    }
}

static int16_t code_for_error(int err)
{
    return err == DOHLE_ERR_NO_MEMORY ? DH_BROKER_COORDINATOR_NOT_AVAILABLE
                                      : DH_BROKER_UNKNOWN_SERVER_ERROR;
}

static int16_t write_records(struct dh_coordinator *coordinator,
                             struct dh_group_records *records)
{
    const struct dh_coordinator_record *views = dh_group_records_views(records);
    if (views == NULL) {
        return code_for_error(records->err);
    }
    size_t count = records->count;
    struct change *changes = dh_mem_calloc(coordinator->mem, count, sizeof(*changes));
    if (changes == NULL) {
        return DH_BROKER_COORDINATOR_NOT_AVAILABLE;
    }
    int16_t code = 0;
    for (size_t i = 0; i < count && code == 0; i++) {
        int err = prepare(coordinator, &views[i], &changes[i]);
        code = err == 0 ? 0 : code_for_error(err);
    }
    if (code == 0) {
        code = code_for_client(
            coordinator->owner.append(coordinator->owner.ctx, views, count));
    }
    for (size_t i = 0; i < count; i++) {
        if (code == 0) {
            apply(&changes[i]);
        } else {
            discard(&changes[i]);
        }
    }
    dh_mem_free(coordinator->mem, changes, count * sizeof(*changes));
    return code;
}

int16_t dh_coordinator_write(struct dh_coordinator *coordinator,
                             struct dh_group_records *records)
{
    coordinator->write_code = write_records(coordinator, records);
    return coordinator->write_code;
}

int dh_coordinator_replay(struct dh_coordinator *coordinator,
                          const struct dh_coordinator_record *record)
{
    DH_ASSERT(!coordinator->is_loaded);
    dh_coordinator_enter(coordinator, 0);
    struct change change;
    int err = prepare(coordinator, record, &change);
    if (err == 0) {
        apply(&change);
        dh_coordinator_exit(coordinator);
        return 0;
    }
    discard(&change);
    dh_coordinator_exit(coordinator);
    if (err == DOHLE_ERR_NO_MEMORY) {
        return err;
    }
    dh_log(coordinator->log, DOHLE_LOG_WARNING, "coordinator",
           "partition %d: passed over a record that makes no sense (key of %zu bytes)",
           (int)coordinator->partition, record->key.size);
    return 0;
}
