// SPDX-License-Identifier: MIT
#include <inttypes.h>
#include <stdio.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "coordinator/group.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/join_group.h"

struct dh_group_member *dh_group_member_new(struct dh_group *group, dohle_bytes id,
                                            dohle_bytes instance_id,
                                            dohle_bytes client_id,
                                            dohle_bytes client_host)
{
    const dohle_allocator *mem = group->coordinator->mem;
    struct dh_group_member *member = dh_mem_calloc(mem, 1, sizeof(*member));
    if (member == NULL) {
        return NULL;
    }
    member->group = group;
    member->assignment = DH_BYTES("");
    member->session.due = dh_group_expire_member;
    if (!dh_group_text_copy(mem, id, &member->id) ||
        !dh_group_text_copy(mem, instance_id, &member->instance_id) ||
        !dh_group_text_copy(mem, client_id, &member->client_id) ||
        !dh_group_text_copy(mem, client_host, &member->client_host) ||
        dh_timers_add(&group->coordinator->timers, &member->session.timer) != 0) {
        dh_group_text_free(mem, member->id);
        dh_group_text_free(mem, member->instance_id);
        dh_group_text_free(mem, member->client_id);
        dh_group_text_free(mem, member->client_host);
        dh_mem_free(mem, member, sizeof(*member));
        return NULL;
    }
    return member;
}

void dh_group_member_free(struct dh_group_member *member)
{
    const dohle_allocator *mem = member->group->coordinator->mem;
    if (member->join_caller != NULL) {
        member->join_caller->parked = NULL;
    }
    if (member->sync_caller != NULL) {
        member->sync_caller->parked = NULL;
    }
    dh_timers_remove(&member->group->coordinator->timers, &member->session.timer);
    dh_list_remove(&member->link);
    dh_group_protocols_free(mem, &member->protocols);
    dh_group_text_free(mem, member->id);
    dh_group_text_free(mem, member->instance_id);
    dh_group_text_free(mem, member->client_id);
    dh_group_text_free(mem, member->client_host);
    dh_mem_free(mem, member, sizeof(*member));
}

int dh_group_member_add(struct dh_group_member *member)
{
    struct dh_classic_group *classic = &member->group->classic;
    int err = dh_map_put(&classic->members, member->id, member);
    if (err != 0) {
        return err;
    }
    if (member->instance_id.data != NULL) {
        err = dh_map_put(&classic->static_members, member->instance_id, member);
        if (err != 0) {
            (void)dh_map_remove(&classic->members, member->id);
            return err;
        }
    }
    dh_list_push_back(&classic->members_in_order, &member->link);
    if (classic->leader == NULL) {
        classic->leader = member;
    }
    dh_group_touch(member->group);
    return 0;
}

void dh_group_member_remove(struct dh_group_member *member)
{
    struct dh_group *group = member->group;
    struct dh_classic_group *classic = &group->classic;
    DH_ASSERT(!member->is_awaiting_join && !member->is_awaiting_sync);
    dh_group_sync_received(member);
    (void)dh_map_remove(&classic->members, member->id);
    if (member->instance_id.data != NULL) {
        (void)dh_map_remove(&classic->static_members, member->instance_id);
    }
    dh_list_remove(&member->link);
    if (classic->leader == member) {
        struct dh_link *first = dh_list_first(&classic->members_in_order);
        classic->leader =
            first == NULL ? NULL : DH_CONTAINER_OF(first, struct dh_group_member, link);
    }
    dh_group_member_free(member);
    dh_group_touch(group);
}

struct dh_group_member *dh_group_member_find(const struct dh_group *group, dohle_bytes id)
{
    return dh_map_get(&group->classic.members, id);
}

struct dh_group_member *dh_group_member_find_static(const struct dh_group *group,
                                                    dohle_bytes instance_id)
{
    return dh_map_get(&group->classic.static_members, instance_id);
}

int dh_group_fence(struct dh_group_member *member, dohle_bytes new_id)
{
    const dohle_allocator *mem = member->group->coordinator->mem;
    struct dh_map *members = &member->group->classic.members;
    dohle_bytes copy;
    if (!dh_group_text_copy(mem, new_id, &copy)) {
        return DOHLE_ERR_NO_MEMORY;
    }
    if (dh_map_put(members, copy, member) != 0) {
        dh_group_text_free(mem, copy);
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_group_end_join_wait(member, member->id, DH_BROKER_FENCED_INSTANCE_ID);
    dh_group_end_sync_wait(member, DH_BROKER_FENCED_INSTANCE_ID);
    (void)dh_map_remove(members, member->id);
    dh_group_text_free(mem, member->id);
    member->id = copy;
    dh_group_touch(member->group);
    return 0;
}

// Is the name one of those before `count`?
static bool is_repeated(const struct dh_join_group_request *request, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        if (dh_bytes_equal(request->protocols.items[i].name,
                           request->protocols.items[count].name)) {
            return true;
        }
    }
    return false;
}

static dohle_bytes place_text(uint8_t **at, dohle_bytes text)
{
    dohle_bytes placed = {*at, text.size};
    if (text.size > 0) {
        memcpy(*at, text.data, text.size);
    }
    *at += text.size;
    return placed;
}

int dh_group_protocols_copy(const dohle_allocator *mem,
                            const struct dh_join_group_request *request,
                            struct dh_group_protocols *protocols)
{
    *protocols = (struct dh_group_protocols){0};
    size_t count = 0;
    size_t text_size = 1; // so that an empty text has a place of its own
    for (int32_t i = 0; i < request->protocols.count; i++) {
        if (!is_repeated(request, i)) {
            count++;
            text_size += request->protocols.items[i].name.size +
                         request->protocols.items[i].metadata.size;
        }
    }
    size_t size = count * sizeof(*protocols->items) + text_size;
    protocols->items = dh_mem_alloc(mem, size);
    if (protocols->items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    protocols->size = size;
    uint8_t *at = (uint8_t *)(protocols->items + count);
    for (int32_t i = 0; i < request->protocols.count; i++) {
        if (!is_repeated(request, i)) {
            struct dh_group_protocol *to = &protocols->items[protocols->count++];
            to->name = place_text(&at, request->protocols.items[i].name);
            to->metadata = place_text(&at, request->protocols.items[i].metadata);
        }
    }
    return 0;
}

void dh_group_protocols_free(const dohle_allocator *mem,
                             struct dh_group_protocols *protocols)
{
    if (protocols->size > 0) {
        dh_mem_free(mem, protocols->items, protocols->size);
    }
    *protocols = (struct dh_group_protocols){0};
}

bool dh_group_protocols_equal(const struct dh_group_protocols *a,
                              const struct dh_group_protocols *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (!dh_bytes_equal(a->items[i].name, b->items[i].name) ||
            !dh_bytes_equal(a->items[i].metadata, b->items[i].metadata)) {
            return false;
        }
    }
    return true;
}

const dohle_bytes *dh_group_protocols_find(const struct dh_group_protocols *protocols,
                                           dohle_bytes name)
{
    for (size_t i = 0; i < protocols->count; i++) {
        if (dh_bytes_equal(protocols->items[i].name, name)) {
            return &protocols->items[i].metadata;
        }
    }
    return NULL;
}

int16_t dh_group_member_check(const struct dh_group *group, dohle_bytes id,
                              dohle_bytes instance_id)
{
    if (instance_id.data != NULL) {
        const struct dh_group_member *member =
            dh_group_member_find_static(group, instance_id);
        if (member == NULL) {
            return DH_BROKER_UNKNOWN_MEMBER_ID;
        }
        if (dh_bytes_compare(member->id, id) != 0) {
            return DH_BROKER_FENCED_INSTANCE_ID;
        }
        return 0;
    }
    return dh_group_member_find(group, id) == NULL ? DH_BROKER_UNKNOWN_MEMBER_ID : 0;
}

// Arms the alarm only when it would be too late; a heartbeat moves the deadline alone.
void dh_group_member_touch_for(struct dh_group_member *member, int64_t timeout_ms)
{
    struct dh_coordinator *coordinator = member->group->coordinator;
    struct dh_timer *timer = &member->session.timer;
    member->session_deadline_ns = dh_deadline_after_ms(coordinator->now_ns, timeout_ms);
    if (dh_timer_deadline(timer) > member->session_deadline_ns) {
        dh_timers_set(&coordinator->timers, timer, member->session_deadline_ns);
    }
}

void dh_group_member_touch(struct dh_group_member *member)
{
    dh_group_member_touch_for(member, member->session_timeout_ms);
}

struct dh_group_pending *dh_group_pending_add(struct dh_group *group, dohle_bytes id,
                                              int32_t session_timeout_ms)
{
    struct dh_coordinator *coordinator = group->coordinator;
    const dohle_allocator *mem = coordinator->mem;
    struct dh_group_pending *pending = dh_mem_calloc(mem, 1, sizeof(*pending));
    if (pending == NULL) {
        return NULL;
    }
    pending->group = group;
    pending->session.due = dh_group_expire_pending;
    if (!dh_group_text_copy(mem, id, &pending->id) ||
        dh_map_put(&group->classic.pending, id, pending) != 0) {
        dh_group_text_free(mem, pending->id);
        dh_mem_free(mem, pending, sizeof(*pending));
        return NULL;
    }
    if (dh_timers_add(&coordinator->timers, &pending->session.timer) != 0) {
        (void)dh_map_remove(&group->classic.pending, id);
        dh_group_text_free(mem, pending->id);
        dh_mem_free(mem, pending, sizeof(*pending));
        return NULL;
    }
    dh_timers_set(&coordinator->timers, &pending->session.timer,
                  dh_deadline_after_ms(coordinator->now_ns, session_timeout_ms));
    return pending;
}

struct dh_group_pending *dh_group_pending_find(const struct dh_group *group,
                                               dohle_bytes id)
{
    return dh_map_get(&group->classic.pending, id);
}

void dh_group_pending_remove(struct dh_group_pending *pending)
{
    struct dh_coordinator *coordinator = pending->group->coordinator;
    dh_timers_remove(&coordinator->timers, &pending->session.timer);
    (void)dh_map_remove(&pending->group->classic.pending, pending->id);
    dh_group_text_free(coordinator->mem, pending->id);
    dh_mem_free(coordinator->mem, pending, sizeof(*pending));
}

// "-" and a random UUID, version 4, as Java's UUID.toString.
#define UUID_SUFFIX_SIZE ((size_t)37)

static void write_uuid_suffix(struct dh_random *random, char *at)
{
    uint64_t high = dh_random_next(random);
    uint64_t low = dh_random_next(random);
    high = (high & ~UINT64_C(0xf000)) | UINT64_C(0x4000);
    low = (low & ~(UINT64_C(3) << 62)) | UINT64_C(2) << 62;
    (void)snprintf(at, UUID_SUFFIX_SIZE + 1,
                   "-%08" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%04" PRIx64 "-%012" PRIx64,
                   high >> 32, (high >> 16) & 0xffff, high & 0xffff, low >> 48,
                   low & UINT64_C(0xffffffffffff));
}

dohle_bytes dh_group_member_id_new(struct dh_group *group, dohle_bytes prefix)
{
    struct dh_coordinator *coordinator = group->coordinator;
    size_t size = prefix.size + UUID_SUFFIX_SIZE;
    char *text = dh_mem_alloc(coordinator->mem, size + 1);
    if (text == NULL) {
        return DH_BYTES_NULL;
    }
    if (prefix.size > 0) {
        memcpy(text, prefix.data, prefix.size);
    }
    dohle_bytes id = {(const uint8_t *)text, size};
    // Seeds come from the owner and may repeat; two members of a group must not share an id.
    do {
        write_uuid_suffix(&coordinator->random, text + prefix.size);
    } while (dh_group_member_find(group, id) != NULL ||
             dh_group_pending_find(group, id) != NULL);
    return id;
}
