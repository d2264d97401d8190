// SPDX-License-Identifier: MIT
#include "broker/fetch_sessions.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "wire/gen/broker_errors.h"

#define EPOCH_FULL  0
#define EPOCH_FINAL (-1)

// From here on topics have ids in requests (KIP-516).
#define VERSION_WITH_IDS 13

static dohle_bytes topic_key(bool uses_ids, dohle_bytes name, const struct dh_uuid *id)
{
    return uses_ids ? (dohle_bytes){id->bytes, sizeof(id->bytes)} : name;
}

static uint64_t partition_key(const struct dh_broker_fetch_topic *topic, int32_t number)
{
    return (uint64_t)topic->index << 32 | (uint32_t)number;
}

// ---- One session ----

static struct dh_broker_fetch_session *session_new(const dohle_allocator *mem,
                                                   uint64_t seed, bool uses_ids)
{
    struct dh_broker_fetch_session *session = dh_mem_calloc(mem, 1, sizeof(*session));
    if (session == NULL) {
        return NULL;
    }
    session->mem = mem;
    session->uses_ids = uses_ids;
    dh_map_init(&session->topics, mem, seed);
    dh_map_init(&session->partitions, mem, seed);
    dh_list_init(&session->fresh);
    return session;
}

static void topic_free(struct dh_broker_fetch_session *session,
                       struct dh_broker_fetch_topic *topic)
{
    // The name lies behind the struct.
    dh_mem_free(session->mem, topic, sizeof(*topic) + topic->name.size);
}

static void partition_free(struct dh_broker_fetch_partition *partition)
{
    dh_broker_waits_leave(&partition->place);
    dh_broker_fetch_partition_settle(partition);
    dh_mem_free(partition->session->mem, partition, sizeof(*partition));
}

static void session_free(struct dh_broker_fetch_session *session)
{
    const struct dh_map_item *item;
    for (item = dh_map_first(&session->partitions); item != NULL;
         item = dh_map_next(item)) {
        partition_free(item->value);
    }
    for (item = dh_map_first(&session->topics); item != NULL; item = dh_map_next(item)) {
        topic_free(session, item->value);
    }
    dh_map_deinit(&session->partitions);
    dh_map_deinit(&session->topics);
    dh_broker_alarm_deinit(&session->alarm);
    dh_mem_free(session->mem, session, sizeof(*session));
}

static struct dh_broker_fetch_topic *
find_topic(const struct dh_broker_fetch_session *session, dohle_bytes name,
           const struct dh_uuid *id)
{
    return dh_map_get(&session->topics, topic_key(session->uses_ids, name, id));
}

// NULL: no memory.
static struct dh_broker_fetch_topic *add_topic(struct dh_broker_fetch_session *session,
                                               dohle_bytes name, const struct dh_uuid *id)
{
    size_t name_size = session->uses_ids ? 0 : name.size;
    struct dh_broker_fetch_topic *topic =
        dh_mem_alloc(session->mem, sizeof(*topic) + name_size);
    if (topic == NULL) {
        return NULL;
    }
    *topic = (struct dh_broker_fetch_topic){.index = session->topic_index_next};
    if (session->uses_ids) {
        topic->id = *id;
    } else {
        uint8_t *copy = (uint8_t *)(topic + 1);
        if (name_size != 0) {
            memcpy(copy, name.data, name_size);
        }
        topic->name = (dohle_bytes){copy, name_size};
    }
    if (dh_map_put(&session->topics, topic_key(session->uses_ids, name, id), topic) !=
        0) {
        topic_free(session, topic);
        return NULL;
    }
    session->topic_index_next++;
    return topic;
}

static void remove_topic_if_empty(struct dh_broker_fetch_session *session,
                                  struct dh_broker_fetch_topic *topic)
{
    if (topic->partition_count == 0) {
        dh_map_remove(&session->topics,
                      topic_key(session->uses_ids, topic->name, &topic->id));
        topic_free(session, topic);
    }
}

// NULL: no memory.
static struct dh_broker_fetch_partition *
add_partition(struct dh_broker_fetch_session *session,
              struct dh_broker_fetch_topic *topic, int32_t number)
{
    struct dh_broker_fetch_partition *partition =
        dh_mem_calloc(session->mem, 1, sizeof(*partition));
    if (partition == NULL) {
        return NULL;
    }
    partition->session = session;
    partition->topic = topic;
    partition->number = number;
    partition->high_watermark = -1;
    partition->log_start = -1;
    partition->place.on_woken = session->on_woken;
    if (dh_map_put_u64(&session->partitions, partition_key(topic, number), partition) !=
        0) {
        dh_mem_free(session->mem, partition, sizeof(*partition));
        return NULL;
    }
    topic->partition_count++;
    return partition;
}

static void forget(struct dh_broker_fetch_session *session,
                   struct dh_broker_fetch_topic *topic, int32_t number)
{
    struct dh_broker_fetch_partition *partition =
        dh_map_remove_u64(&session->partitions, partition_key(topic, number));
    if (partition != NULL) {
        topic->partition_count--;
        partition_free(partition);
    }
}

static int update_topic(struct dh_broker_fetch_session *session,
                        const struct dh_fetch_request_topic *asked)
{
    struct dh_broker_fetch_topic *topic =
        find_topic(session, asked->topic, &asked->topic_id);
    if (topic == NULL && asked->partitions.count > 0) {
        topic = add_topic(session, asked->topic, &asked->topic_id);
        if (topic == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
    }
    for (int32_t i = 0; i < asked->partitions.count; i++) {
        const struct dh_fetch_request_topic_partition *want = &asked->partitions.items[i];
        struct dh_broker_fetch_partition *partition =
            dh_map_get_u64(&session->partitions, partition_key(topic, want->partition));
        if (partition == NULL) {
            partition = add_partition(session, topic, want->partition);
            if (partition == NULL) {
                remove_topic_if_empty(session, topic);
                return DOHLE_ERR_NO_MEMORY;
            }
        }
        partition->leader_epoch = want->current_leader_epoch;
        partition->fetch_offset = want->fetch_offset;
        partition->last_fetched_epoch = want->last_fetched_epoch;
        partition->bytes_max = want->partition_max_bytes;
        dh_broker_fetch_partition_freshen(partition);
    }
    return 0;
}

static void forget_topic(struct dh_broker_fetch_session *session,
                         const struct dh_fetch_request_forgotten_topics_data *forgotten)
{
    struct dh_broker_fetch_topic *topic =
        find_topic(session, forgotten->topic, &forgotten->topic_id);
    if (topic == NULL) {
        return;
    }
    for (int32_t i = 0; i < forgotten->partitions.count; i++) {
        forget(session, topic, forgotten->partitions.items[i]);
    }
    remove_topic_if_empty(session, topic);
}

// What was added stays when it fails: the session is then given up.
static int update(struct dh_broker_fetch_session *session,
                  const struct dh_fetch_request *request)
{
    for (int32_t i = 0; i < request->topics.count; i++) {
        if (update_topic(session, &request->topics.items[i]) != 0) {
            return DOHLE_ERR_NO_MEMORY;
        }
    }
    return 0;
}

struct dh_broker_fetch_partition *
dh_broker_fetch_session_find(const struct dh_broker_fetch_session *session,
                             dohle_bytes name, const struct dh_uuid *id, int32_t number)
{
    const struct dh_broker_fetch_topic *topic = find_topic(session, name, id);
    return topic == NULL
               ? NULL
               : dh_map_get_u64(&session->partitions, partition_key(topic, number));
}

void dh_broker_fetch_partition_freshen(struct dh_broker_fetch_partition *partition)
{
    if (!dh_link_is_linked(&partition->fresh)) {
        dh_list_push_back(&partition->session->fresh, &partition->fresh);
        partition->session->fresh_count++;
    }
}

void dh_broker_fetch_partition_settle(struct dh_broker_fetch_partition *partition)
{
    if (dh_link_is_linked(&partition->fresh)) {
        dh_list_remove(&partition->fresh);
        partition->session->fresh_count--;
        partition->ready_bytes = 0;
    }
}

void dh_broker_fetch_session_freshen(struct dh_broker_fetch_session *session)
{
    for (const struct dh_map_item *item = dh_map_first(&session->partitions);
         item != NULL; item = dh_map_next(item)) {
        dh_broker_fetch_partition_freshen(item->value);
    }
}

// ---- The cache ----

void dh_broker_fetch_sessions_init(struct dh_broker_fetch_sessions *cache,
                                   const dohle_allocator *mem, size_t slots,
                                   uint64_t seed)
{
    *cache = (struct dh_broker_fetch_sessions){
        .mem = mem,
        .random = {seed},
        .slots = slots,
    };
    dh_map_init(&cache->by_id, mem, dh_random_next(&cache->random));
    dh_list_init(&cache->used);
}

static void detach(struct dh_broker_fetch_sessions *cache,
                   struct dh_broker_fetch_session *session)
{
    dh_map_remove_u64(&cache->by_id, (uint64_t)session->id);
    dh_list_remove(&session->link);
    session->cache = NULL;
}

// Out of the cache; freed unless its request waits, for then it ends with that.
static void remove_session(struct dh_broker_fetch_sessions *cache,
                           struct dh_broker_fetch_session *session)
{
    detach(cache, session);
    if (session->request == NULL) {
        session_free(session);
    }
}

void dh_broker_fetch_sessions_clear(struct dh_broker_fetch_sessions *cache)
{
    struct dh_link *link;
    while ((link = dh_list_first(&cache->used)) != NULL) {
        remove_session(cache,
                       DH_CONTAINER_OF(link, struct dh_broker_fetch_session, link));
    }
}

void dh_broker_fetch_sessions_deinit(struct dh_broker_fetch_sessions *cache)
{
    dh_broker_fetch_sessions_clear(cache);
    dh_map_deinit(&cache->by_id);
}

static void touch(struct dh_broker_fetch_session *session, int64_t now_ns)
{
    session->used_ns = now_ns;
    session->is_evictable = now_ns - session->created_ns > DH_BROKER_FETCH_EVICTION_NS;
    dh_list_remove(&session->link);
    dh_list_push_back(&session->cache->used, &session->link);
}

// Of those old enough the smallest, and of these the one with the least id.
static struct dh_broker_fetch_session *
find_evictable(const struct dh_broker_fetch_sessions *cache)
{
    struct dh_broker_fetch_session *found = NULL;
    DH_LIST_EACH(link, &cache->used)
    {
        struct dh_broker_fetch_session *session =
            DH_CONTAINER_OF(link, struct dh_broker_fetch_session, link);
        if (!session->is_evictable) {
            continue;
        }
        size_t size = dh_broker_fetch_session_size(session);
        size_t found_size = found == NULL ? 0 : dh_broker_fetch_session_size(found);
        if (found == NULL || size < found_size ||
            (size == found_size && session->id < found->id)) {
            found = session;
        }
    }
    return found;
}

static bool evict_for(struct dh_broker_fetch_sessions *cache, size_t size, int64_t now_ns)
{
    struct dh_link *first = dh_list_first(&cache->used);
    if (first == NULL) {
        return false;
    }
    struct dh_broker_fetch_session *victim =
        DH_CONTAINER_OF(first, struct dh_broker_fetch_session, link);
    if (now_ns - victim->used_ns <= DH_BROKER_FETCH_EVICTION_NS) {
        victim = find_evictable(cache);
        // A newcomer's id counts as 0: of equal size it is the lesser one, and stays out.
        if (victim == NULL || size <= dh_broker_fetch_session_size(victim)) {
            return false;
        }
    }
    remove_session(cache, victim);
    return true;
}

static int32_t new_id(struct dh_broker_fetch_sessions *cache)
{
    int32_t id;
    do {
        id = (int32_t)(1 + dh_random_below(&cache->random, INT32_MAX));
    } while (dh_map_get_u64(&cache->by_id, (uint64_t)id) != NULL);
    return id;
}

void dh_broker_fetch_sessions_keep(struct dh_broker_fetch_sessions *cache,
                                   struct dh_broker_fetch_session *session,
                                   int64_t now_ns)
{
    if (!session->wants_id) {
        return;
    }
    session->wants_id = false;
    size_t size = dh_broker_fetch_session_size(session);
    bool has_room = size <= DH_BROKER_FETCH_PARTITIONS_MAX &&
                    (cache->by_id.count < cache->slots || evict_for(cache, size, now_ns));
    int32_t id = has_room ? new_id(cache) : 0;
    // Without memory it stays lone, which is as good.
    if (!has_room || dh_map_put_u64(&cache->by_id, (uint64_t)id, session) != 0) {
        return;
    }
    session->cache = cache;
    session->id = id;
    session->epoch = 1;
    session->created_ns = now_ns;
    touch(session, now_ns);
}

void dh_broker_fetch_session_end_request(struct dh_broker_fetch_session *session)
{
    if (session->alarm.timers != NULL) {
        dh_broker_alarm_set(&session->alarm, DH_NEVER);
    }
    session->request = NULL;
    if (session->cache == NULL) {
        session_free(session);
    }
}

static struct dh_broker_fetch_session *
find_session(const struct dh_broker_fetch_sessions *cache, int32_t id)
{
    return dh_map_get_u64(&cache->by_id, (uint64_t)(uint32_t)id);
}

// A full fetch.
static int begin_lone(struct dh_broker_fetch_sessions *cache,
                      const struct dh_fetch_request *request, bool uses_ids,
                      void (*on_woken)(struct dh_broker *broker,
                                       struct dh_broker_place *place),
                      struct dh_broker_fetch_session **out)
{
    struct dh_broker_fetch_session *session =
        session_new(cache->mem, dh_random_next(&cache->random), uses_ids);
    if (session == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    session->wants_id = request->session_epoch == EPOCH_FULL;
    session->on_woken = on_woken;
    if (update(session, request) != 0) {
        session_free(session);
        return DOHLE_ERR_NO_MEMORY;
    }
    *out = session;
    return 0;
}

// The session goes on; 0 or a broker code.
static int16_t check_epoch(const struct dh_broker_fetch_session *session, int32_t epoch,
                           bool uses_ids)
{
    if (session == NULL) {
        return DH_BROKER_FETCH_SESSION_ID_NOT_FOUND;
    }
    if (session->epoch != epoch) {
        return DH_BROKER_INVALID_FETCH_SESSION_EPOCH;
    }
    return session->uses_ids != uses_ids ? DH_BROKER_FETCH_SESSION_TOPIC_ID_ERROR : 0;
}

int dh_broker_fetch_sessions_begin(
    struct dh_broker_fetch_sessions *cache, const struct dh_fetch_request *request,
    int16_t version, int64_t now_ns,
    void (*on_woken)(struct dh_broker *broker, struct dh_broker_place *place),
    struct dh_broker_fetch_session **out, int16_t *broker_code)
{
    bool uses_ids = version >= VERSION_WITH_IDS;
    struct dh_broker_fetch_session *session = find_session(cache, request->session_id);
    *broker_code = 0;
    *out = NULL;
    if (request->session_epoch == EPOCH_FULL || request->session_epoch == EPOCH_FINAL) {
        if (session != NULL) {
            remove_session(cache, session);
        }
        return begin_lone(cache, request, uses_ids, on_woken, out);
    }
    *broker_code = check_epoch(session, request->session_epoch, uses_ids);
    if (*broker_code != 0) {
        return DOHLE_ERR_INVALID_STATE;
    }
    if (update(session, request) != 0) {
        remove_session(cache, session);
        return DOHLE_ERR_NO_MEMORY;
    }
    for (int32_t i = 0; i < request->forgotten_topics_data.count; i++) {
        forget_topic(session, &request->forgotten_topics_data.items[i]);
    }
    size_t size = dh_broker_fetch_session_size(session);
    if (size > DH_BROKER_FETCH_PARTITIONS_MAX) {
        remove_session(cache, session);
        *broker_code = DH_BROKER_INVALID_FETCH_SESSION_EPOCH;
        return DOHLE_ERR_INVALID_STATE;
    }
    *out = session;
    if (size == 0) { // It ends with this request, which is told that there is none.
        detach(cache, session);
        session->id = 0;
        return 0;
    }
    touch(session, now_ns);
    session->epoch = session->epoch == INT32_MAX ? 1 : session->epoch + 1;
    return 0;
}
