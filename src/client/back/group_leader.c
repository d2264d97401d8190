// SPDX-License-Identifier: MIT
#include "client/back/group_leader.h"

#include <stdio.h>
#include <stdlib.h>

#include <dohle/error.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "client/back/consumer_protocol.h"
#include "client/back/reactions.h"

// Ids are cut to this in sentences: client.id and the start of the uuid tell who it is.
#define ID_SHOWN_MAX 40

static void view_reset(struct dh_group_view *view)
{
    dh_arena_reset(&view->arena);
    view->generation = -1;
    view->members = NULL;
    view->member_count = 0;
    view->topics = NULL;
    view->topic_count = 0;
}

void dh_group_leader_init(struct dh_group_leader *leader, const dohle_allocator *mem)
{
    leader->mem = mem;
    for (size_t i = 0; i < DH_COUNT_OF(leader->views); i++) {
        dh_arena_init(&leader->views[i].arena, mem, DH_GROUP_LEADER_BYTES_MAX);
        view_reset(&leader->views[i]);
    }
    leader->view = &leader->views[0];
    leader->assignments = NULL;
    leader->assignment_count = 0;
}

void dh_group_leader_deinit(struct dh_group_leader *leader)
{
    for (size_t i = 0; i < DH_COUNT_OF(leader->views); i++) {
        dh_arena_deinit(&leader->views[i].arena);
    }
}

void dh_group_leader_forget(struct dh_group_leader *leader)
{
    for (size_t i = 0; i < DH_COUNT_OF(leader->views); i++) {
        view_reset(&leader->views[i]);
    }
    leader->assignments = NULL;
    leader->assignment_count = 0;
}

// ---- Taking the members in ----

static dohle_bytes bytes_copy(struct dh_arena *arena, dohle_bytes bytes, bool *is_full)
{
    dohle_bytes copy = DH_BYTES_NULL;
    if (bytes.data == NULL) {
        return copy;
    }
    uint8_t *data = dh_arena_alloc(arena, bytes.size);
    if (data == NULL) {
        *is_full = true;
        return copy;
    }
    if (bytes.size > 0) {
        memcpy(data, bytes.data, bytes.size);
    }
    copy.data = data;
    copy.size = bytes.size;
    return copy;
}

static int owned_take(struct dh_arena *arena, struct dh_assign_member *member,
                      const struct dh_consumer_protocol_subscription *subscription)
{
    size_t count = 0;
    for (int32_t i = 0; i < subscription->owned_partitions.count; i++) {
        count += (size_t)subscription->owned_partitions.items[i].partitions.count;
    }
    struct dh_assign_owned *owned = dh_arena_calloc(arena, count, sizeof(*owned));
    if (owned == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    member->owned = owned;
    for (int32_t i = 0; i < subscription->owned_partitions.count; i++) {
        const struct dh_consumer_protocol_subscription_owned_partition *topic =
            &subscription->owned_partitions.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            owned[member->owned_count].topic = topic->topic;
            owned[member->owned_count].partition = topic->partitions.items[j];
            member->owned_count++;
        }
    }
    return 0;
}

static int member_take(struct dh_arena *arena, struct dh_assign_member *member,
                       const struct dh_join_group_response_member *told)
{
    bool is_full = false;
    member->id = bytes_copy(arena, told->member_id, &is_full);
    member->instance_id = bytes_copy(arena, told->group_instance_id, &is_full);
    dohle_bytes blob = bytes_copy(arena, told->metadata, &is_full);
    if (is_full) {
        return DOHLE_ERR_NO_MEMORY;
    }
    struct dh_consumer_protocol_subscription subscription;
    int err = dh_subscription_blob_read(blob, arena, &subscription);
    if (err != 0) {
        return err;
    }
    member->topics = subscription.topics.items;
    member->topic_count = (size_t)subscription.topics.count;
    member->rack = subscription.rack_id;
    member->generation = subscription.generation_id;
    return owned_take(arena, member, &subscription);
}

static int name_compare(const void *a, const void *b)
{
    return dh_bytes_compare(*(const dohle_bytes *)a, *(const dohle_bytes *)b);
}

// The union of all members' topics, sorted.
static int topics_take(struct dh_group_view *view)
{
    size_t count = 0;
    for (size_t i = 0; i < view->member_count; i++) {
        count += view->members[i].topic_count;
    }
    dohle_bytes *names = dh_arena_calloc(&view->arena, count, sizeof(*names));
    view->topics = dh_arena_calloc(&view->arena, count, sizeof(*view->topics));
    if (names == NULL || view->topics == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    size_t filled = 0;
    for (size_t i = 0; i < view->member_count; i++) {
        for (size_t j = 0; j < view->members[i].topic_count; j++) {
            names[filled++] = view->members[i].topics[j];
        }
    }
    if (count > 0) {
        qsort(names, count, sizeof(*names), name_compare);
    }
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !dh_bytes_equal(names[i - 1], names[i])) {
            view->topics[view->topic_count++].name = names[i];
        }
    }
    return 0;
}

// An id that appears twice would be assigned to twice.
static int ids_check(struct dh_group_view *view)
{
    dohle_bytes *ids = dh_arena_calloc(&view->arena, view->member_count, sizeof(*ids));
    if (ids == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < view->member_count; i++) {
        ids[i] = view->members[i].id;
    }
    if (view->member_count > 0) {
        qsort(ids, view->member_count, sizeof(*ids), name_compare);
    }
    for (size_t i = 1; i < view->member_count; i++) {
        if (dh_bytes_equal(ids[i - 1], ids[i])) {
            return DOHLE_ERR_PROTOCOL;
        }
    }
    return 0;
}

static int view_fill(struct dh_group_view *view,
                     const struct dh_join_group_response *response)
{
    view->members = dh_arena_calloc(&view->arena, (size_t)response->members.count,
                                    sizeof(*view->members));
    if (view->members == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (int32_t i = 0; i < response->members.count; i++) {
        int err =
            member_take(&view->arena, &view->members[i], &response->members.items[i]);
        if (err != 0) {
            return err;
        }
        view->member_count++;
    }
    int err = ids_check(view);
    if (err != 0) {
        return err;
    }
    view->generation = response->generation_id;
    return topics_take(view);
}

// ---- Who joined, who left ----

static bool view_has_member(const struct dh_group_view *view, dohle_bytes id)
{
    for (size_t i = 0; i < view->member_count; i++) {
        if (dh_bytes_equal(view->members[i].id, id)) {
            return true;
        }
    }
    return false;
}

// Appends "member X and N more left"; returns the new length, cut to size - 1.
static size_t difference_append(char *text, size_t size, size_t length,
                                const struct dh_group_view *of,
                                const struct dh_group_view *not_in, const char *verb)
{
    dohle_bytes first = DH_BYTES_NULL;
    size_t count = 0;
    for (size_t i = 0; i < of->member_count; i++) {
        if (!view_has_member(not_in, of->members[i].id)) {
            if (count == 0) {
                first = of->members[i].id;
            }
            count++;
        }
    }
    if (count == 0) {
        return length;
    }
    bool is_cut = first.size > ID_SHOWN_MAX;
    char more[32] = "";
    if (count > 1) {
        (void)snprintf(more, sizeof(more), " and %zu more", count - 1);
    }
    int added = snprintf(text + length, size - length, "%smember %.*s%s%s %s",
                         length > 0 ? ", " : "", is_cut ? ID_SHOWN_MAX : (int)first.size,
                         (const char *)first.data, is_cut ? "..." : "", more, verb);
    if (added < 0) {
        return length;
    }
    return (size_t)added < size - length ? length + (size_t)added : size - 1;
}

int dh_group_leader_take(struct dh_group_leader *leader,
                         const struct dh_join_group_response *response,
                         int32_t generation_before, char *change, size_t change_size)
{
    change[0] = '\0';
    struct dh_group_view *before = leader->view;
    struct dh_group_view *after = &leader->views[before == &leader->views[0] ? 1 : 0];
    leader->assignments = NULL;
    leader->assignment_count = 0;
    view_reset(after);
    int err = view_fill(after, response);
    if (err != 0) {
        dh_group_leader_forget(leader);
        return err;
    }
    leader->view = after;
    if (before->generation >= 0 && before->generation == generation_before) {
        size_t length = difference_append(change, change_size, 0, before, after, "left");
        difference_append(change, change_size, length, after, before, "joined");
    }
    view_reset(before);
    return 0;
}

// ---- Assigning ----

// 0: there is no such topic; -1: the cluster cannot say now.
static int32_t partition_count_of(const struct dh_cluster *cluster, dohle_bytes name)
{
    char text[256];
    if (name.size >= sizeof(text)) {
        return 0; // no topic has such a name
    }
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    const struct dh_cluster_topic *topic = dh_cluster_topic(cluster, text);
    if (topic == NULL) {
        return -1;
    }
    if (topic->broker_code != 0) {
        return topic->broker_code == DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION ? 0 : -1;
    }
    return topic->partition_count;
}

void dh_group_leader_look(struct dh_group_leader *leader,
                          const struct dh_cluster *cluster)
{
    struct dh_group_view *view = leader->view;
    for (size_t i = 0; i < view->topic_count; i++) {
        int32_t count = partition_count_of(cluster, view->topics[i].name);
        view->topics[i].partition_count = count < 0 ? 0 : count;
    }
}

// One member's list as a blob in the arena. The list is grouped by topic.
static int assignment_encode(struct dh_group_view *view,
                             const struct dh_assign_list *list, struct dh_buf *buf,
                             dohle_bytes *blob)
{
    struct dh_consumer_protocol_assignment assignment;
    dh_message_init(&dh_consumer_protocol_assignment_type, &assignment);
    assignment.assigned_partitions.items = dh_arena_calloc(
        &view->arena, list->count, sizeof(*assignment.assigned_partitions.items));
    int32_t *numbers = dh_arena_calloc(&view->arena, list->count, sizeof(*numbers));
    if (assignment.assigned_partitions.items == NULL || numbers == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    struct dh_consumer_protocol_assignment_assigned_partition *topic = NULL;
    for (size_t i = 0; i < list->count; i++) {
        if (i == 0 || list->partitions[i].topic != list->partitions[i - 1].topic) {
            topic = &assignment.assigned_partitions
                         .items[assignment.assigned_partitions.count++];
            topic->topic = view->topics[list->partitions[i].topic].name;
            topic->partitions.items = &numbers[i];
        }
        numbers[i] = list->partitions[i].partition;
        topic->partitions.count++;
    }
    dh_buf_reset(buf);
    int err = dh_assignment_blob_write(&assignment, buf);
    if (err != 0) {
        return err;
    }
    bool is_full = false;
    *blob = bytes_copy(&view->arena, dh_buf_view(buf), &is_full);
    return is_full ? DOHLE_ERR_NO_MEMORY : 0;
}

int dh_group_leader_assign(struct dh_group_leader *leader,
                           const struct dh_assignor *assignor,
                           const struct dh_cluster *cluster)
{
    struct dh_group_view *view = leader->view;
    DH_ASSERT(view->generation >= 0);
    dh_group_leader_look(leader, cluster);
    const struct dh_assign_input input = {view->members, view->member_count, view->topics,
                                          view->topic_count};
    struct dh_assign_list *lists =
        dh_arena_calloc(&view->arena, view->member_count, sizeof(*lists));
    leader->assignments =
        dh_arena_calloc(&view->arena, view->member_count, sizeof(*leader->assignments));
    if (lists == NULL || leader->assignments == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int err = assignor->assign(&input, &view->arena, lists);
    struct dh_buf buf;
    dh_buf_init(&buf, leader->mem, 0);
    for (size_t i = 0; i < view->member_count && err == 0; i++) {
        leader->assignments[i].member_id = view->members[i].id;
        err =
            assignment_encode(view, &lists[i], &buf, &leader->assignments[i].assignment);
    }
    dh_buf_deinit(&buf);
    leader->assignment_count = err == 0 ? (int32_t)view->member_count : 0;
    return err;
}

bool dh_group_leader_is_outdated(const struct dh_group_leader *leader,
                                 const struct dh_cluster *cluster, char *change,
                                 size_t change_size)
{
    const struct dh_group_view *view = leader->view;
    for (size_t i = 0; i < view->topic_count; i++) {
        const struct dh_assign_topic *topic = &view->topics[i];
        int32_t count = partition_count_of(cluster, topic->name);
        if (count >= 0 && count != topic->partition_count) {
            (void)snprintf(change, change_size,
                           "the partition count of topic %.*s changed from %d to %d",
                           (int)topic->name.size, (const char *)topic->name.data,
                           (int)topic->partition_count, (int)count);
            return true;
        }
    }
    return false;
}
