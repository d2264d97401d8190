// SPDX-License-Identifier: MIT
#include "client/back/fetch_session.h"

#include <string.h>

#include "base/mem.h"
#include "client/back/reactions.h"

static struct dh_fetch_session_entry *entry_of(struct dh_link *link)
{
    return DH_CONTAINER_OF(link, struct dh_fetch_session_entry, link);
}

static struct dh_fetch_session_entry *entry_of_changed(struct dh_link *link)
{
    return DH_CONTAINER_OF(link, struct dh_fetch_session_entry, changed_link);
}

static size_t entry_size(const struct dh_fetch_session_entry *entry)
{
    return sizeof(*entry) + entry->topic_size + 1;
}

// ---- Keys ----

#define KEY_PREFIX_SIZE (sizeof(int32_t) + 1)

// The number, which kind of name follows, then the id or the name: the name also while
// the id is not known. The scratch has room for either: see dh_fetch_session_add. Null:
// no entry can have such a name.
static dohle_bytes write_key(struct dh_fetch_session *session, dohle_bytes topic,
                             const struct dh_uuid *topic_id, int32_t partition)
{
    bool is_id = session->uses_ids && !dh_uuid_is_zero(topic_id);
    const void *name = is_id ? (const void *)topic_id : topic.data;
    size_t name_size = is_id ? sizeof(*topic_id) : topic.size;
    if (KEY_PREFIX_SIZE + name_size > session->key_capacity) {
        return (dohle_bytes){NULL, 0};
    }
    memcpy(session->key, &partition, sizeof(partition));
    session->key[sizeof(partition)] = is_id;
    if (name_size > 0) {
        memcpy(session->key + KEY_PREFIX_SIZE, name, name_size);
    }
    return (dohle_bytes){session->key, KEY_PREFIX_SIZE + name_size};
}

static dohle_bytes key_of(struct dh_fetch_session *session,
                          const struct dh_fetch_session_entry *entry)
{
    dohle_bytes topic = {(const uint8_t *)entry->topic, entry->topic_size};
    return write_key(session, topic, &entry->topic_id, entry->partition);
}

// ---- Life cycle ----

void dh_fetch_session_init(struct dh_fetch_session *session, const dohle_allocator *mem,
                           uint64_t hash_seed)
{
    *session =
        (struct dh_fetch_session){.mem = mem, .uses_ids = true, .is_indexed = true};
    dh_map_init(&session->entries, mem, hash_seed);
    dh_list_init(&session->wanted);
    dh_list_init(&session->forgotten);
    dh_list_init(&session->changed);
}

static void free_entry(struct dh_fetch_session *session,
                       struct dh_fetch_session_entry *entry)
{
    dohle_bytes key = key_of(session, entry);
    // While topics go by name, a re-created topic's entry has replaced the old one.
    if (dh_map_get(&session->entries, key) == entry) {
        (void)dh_map_remove(&session->entries, key);
    }
    dh_list_remove(&entry->link);
    dh_list_remove(&entry->changed_link);
    dh_mem_free(session->mem, entry, entry_size(entry));
}

static void free_all(struct dh_fetch_session *session, struct dh_list *list)
{
    while (!dh_list_is_empty(list)) {
        free_entry(session, entry_of(dh_list_first(list)));
    }
}

void dh_fetch_session_deinit(struct dh_fetch_session *session)
{
    free_all(session, &session->wanted);
    free_all(session, &session->forgotten);
    dh_map_deinit(&session->entries);
    dh_mem_free(session->mem, session->key, session->key_capacity);
}

// ---- What is wanted ----

static bool want_equal(const struct dh_fetch_want *a, const struct dh_fetch_want *b)
{
    return a->slot == b->slot && dh_term_equal(a->term, b->term) &&
           a->fetch_offset == b->fetch_offset &&
           a->last_fetched_epoch == b->last_fetched_epoch &&
           a->leader_epoch == b->leader_epoch && a->bytes_max == b->bytes_max;
}

void dh_fetch_session_update(struct dh_fetch_session *session,
                             struct dh_fetch_session_entry *entry,
                             const struct dh_fetch_want *want)
{
    DH_ASSERT(entry->is_wanted);
    entry->want = *want;
    bool is_changed = !entry->is_known || !want_equal(&entry->asked, want);
    bool is_listed = dh_link_is_linked(&entry->changed_link);
    if (is_changed && !is_listed) {
        dh_list_push_back(&session->changed, &entry->changed_link);
    } else if (!is_changed && is_listed) {
        dh_list_remove(&entry->changed_link);
    }
}

static void make_wanted(struct dh_fetch_session *session,
                        struct dh_fetch_session_entry *entry,
                        const struct dh_fetch_want *want)
{
    dh_list_remove(&entry->link);
    dh_list_push_back(&session->wanted, &entry->link);
    session->wanted_count++;
    session->unidentified_count += dh_uuid_is_zero(&entry->topic_id);
    entry->is_wanted = true;
    dh_fetch_session_update(session, entry, want);
}

struct dh_fetch_session_entry *dh_fetch_session_add(struct dh_fetch_session *session,
                                                    const char *topic,
                                                    const struct dh_uuid *topic_id,
                                                    int32_t partition,
                                                    const struct dh_fetch_want *want)
{
    size_t topic_size = strlen(topic);
    size_t name_size_max =
        topic_size > sizeof(*topic_id) ? topic_size : sizeof(*topic_id);
    if (dh_mem_grow(session->mem, &session->key, &session->key_capacity,
                    KEY_PREFIX_SIZE + name_size_max, 1) != 0) {
        return NULL;
    }
    dohle_bytes name = {(const uint8_t *)topic, topic_size};
    dohle_bytes key = write_key(session, name, topic_id, partition);
    struct dh_fetch_session_entry *entry = dh_map_get(&session->entries, key);
    if (entry != NULL) {
        DH_ASSERT(!entry->is_wanted);
        entry->topic_id = *topic_id; // may be another one while topics go by name
        make_wanted(session, entry, want);
        return entry;
    }
    size_t size = sizeof(*entry) + topic_size + 1;
    entry = dh_mem_calloc(session->mem, 1, size);
    if (entry == NULL) {
        return NULL;
    }
    if (dh_map_put(&session->entries, key, entry) != 0) {
        dh_mem_free(session->mem, entry, size);
        return NULL;
    }
    entry->topic_id = *topic_id;
    entry->partition = partition;
    entry->topic_size = topic_size;
    memcpy(entry->topic, topic, topic_size + 1);
    make_wanted(session, entry, want);
    return entry;
}

void dh_fetch_session_forget(struct dh_fetch_session *session,
                             struct dh_fetch_session_entry *entry)
{
    DH_ASSERT(entry->is_wanted);
    entry->is_wanted = false;
    session->wanted_count--;
    session->unidentified_count -= dh_uuid_is_zero(&entry->topic_id);
    if (!entry->is_known) {
        free_entry(session, entry);
        return;
    }
    dh_list_remove(&entry->changed_link);
    dh_list_remove(&entry->link);
    dh_list_push_back(&session->forgotten, &entry->link);
}

void dh_fetch_session_rotate(struct dh_fetch_session *session,
                             struct dh_fetch_session_entry *entry)
{
    DH_ASSERT(entry->is_wanted);
    dh_list_remove(&entry->link);
    dh_list_push_back(&session->wanted, &entry->link);
}

// ---- One request ----

// The next request starts over: it names all that is wanted, in order, and the broker
// knows nothing else afterwards.
static void make_full(struct dh_fetch_session *session)
{
    session->epoch = 0;
    free_all(session, &session->forgotten);
    dh_list_init(&session->changed);
    DH_LIST_EACH(link, &session->wanted)
    {
        struct dh_fetch_session_entry *entry = entry_of(link);
        entry->is_known = false;
        entry->changed_link = (struct dh_link){NULL, NULL};
        dh_list_push_back(&session->changed, &entry->changed_link);
    }
}

// Enters all wanted entries under the other kind of key. There are no others now.
static int enter_again(struct dh_fetch_session *session, bool uses_ids)
{
    dh_map_clear(&session->entries);
    session->uses_ids = uses_ids;
    session->is_indexed = false;
    DH_LIST_EACH(link, &session->wanted)
    {
        struct dh_fetch_session_entry *entry = entry_of(link);
        if (dh_map_put(&session->entries, key_of(session, entry), entry) != 0) {
            dh_map_clear(&session->entries);
            return DOHLE_ERR_NO_MEMORY;
        }
    }
    session->is_indexed = true;
    return 0;
}

int dh_fetch_session_prepare(struct dh_fetch_session *session, bool uses_ids)
{
    if (session->uses_ids != uses_ids || !session->is_indexed) {
        // Ids and names must not mix: close the session and start over (CL-104).
        make_full(session);
        int err = enter_again(session, uses_ids);
        if (err != 0) {
            return err;
        }
    }
    if (session->epoch == 0) {
        make_full(session);
    }
    return 0;
}

void dh_fetch_session_on_sent(struct dh_fetch_session *session)
{
    session->is_asked_full = dh_fetch_session_is_full(session);
    session->asked_count = session->wanted_count;
    struct dh_link *link;
    while ((link = dh_list_pop_front(&session->changed)) != NULL) {
        struct dh_fetch_session_entry *entry = entry_of_changed(link);
        entry->asked = entry->want;
        entry->is_known = true;
    }
    free_all(session, &session->forgotten);
}

static int32_t next_epoch(int32_t epoch)
{
    return epoch == INT32_MAX ? 1 : epoch + 1;
}

enum dh_fetch_session_verdict
dh_fetch_session_on_response(struct dh_fetch_session *session, int32_t id,
                             int16_t broker_code, size_t partition_count)
{
    if (broker_code != DH_BROKER_NONE) {
        if (broker_code == DH_BROKER_FETCH_SESSION_ID_NOT_FOUND) {
            session->id = 0;
        }
        session->epoch = 0;
        return DH_FETCH_SESSION_RESET;
    }
    if (session->is_asked_full) {
        session->id = id;
        session->epoch = id == 0 ? 0 : 1;
        if (partition_count != session->asked_count) {
            session->epoch = 0; // CL-103: all of them or none of our business
            return DH_FETCH_SESSION_RESET;
        }
        return DH_FETCH_SESSION_GOOD;
    }
    if (id == session->id) {
        session->epoch = next_epoch(session->epoch);
        return DH_FETCH_SESSION_GOOD;
    }
    // The broker has no room for the session any more (CL-105); the answer is good.
    if (id == 0) {
        session->id = 0;
        session->epoch = 0;
        return DH_FETCH_SESSION_GOOD;
    }
    session->epoch = 0;
    return DH_FETCH_SESSION_RESET;
}

void dh_fetch_session_on_unsolicited(struct dh_fetch_session *session)
{
    session->epoch = 0;
}

void dh_fetch_session_on_failure(struct dh_fetch_session *session)
{
    session->epoch = 0;
}

struct dh_fetch_session_entry *dh_fetch_session_find(struct dh_fetch_session *session,
                                                     dohle_bytes topic,
                                                     const struct dh_uuid *topic_id,
                                                     int32_t partition)
{
    dohle_bytes key = write_key(session, topic, topic_id, partition);
    struct dh_fetch_session_entry *entry =
        key.data == NULL ? NULL : dh_map_get(&session->entries, key);
    return entry != NULL && entry->is_known ? entry : NULL;
}

void dh_fetch_session_check(const struct dh_fetch_session *session)
{
    DH_ASSERT(session->epoch >= 0);
    DH_ASSERT(session->epoch == 0 || session->id != 0);
    size_t wanted_count = 0;
    size_t unidentified_count = 0;
    size_t changed_count = 0;
    DH_LIST_EACH(link, &session->wanted)
    {
        const struct dh_fetch_session_entry *entry = entry_of(link);
        DH_ASSERT(entry->is_wanted);
        bool is_changed = !entry->is_known || !want_equal(&entry->want, &entry->asked);
        bool is_listed = dh_link_is_linked(&entry->changed_link);
        // A full request lists all of them.
        DH_ASSERT(is_changed == is_listed || session->epoch == 0);
        wanted_count++;
        unidentified_count += dh_uuid_is_zero(&entry->topic_id);
        changed_count += is_listed;
    }
    DH_ASSERT(wanted_count == session->wanted_count);
    DH_ASSERT(unidentified_count == session->unidentified_count);
    DH_LIST_EACH(link, &session->changed)
    {
        DH_ASSERT(changed_count > 0);
        changed_count--;
    }
    DH_ASSERT(changed_count == 0);
    DH_LIST_EACH(link, &session->forgotten)
    {
        DH_ASSERT(!entry_of(link)->is_wanted);
        DH_ASSERT(entry_of(link)->is_known);
        DH_ASSERT(!dh_link_is_linked(&entry_of(link)->changed_link));
    }
}
