// SPDX-License-Identifier: MIT
#include "broker/fetches.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "broker/faults.h"
#include "broker/fetch_sessions.h"
#include "broker/handlers.h"
#include "broker/lookup.h"
#include "broker/request.h"
#include "broker/settings.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/fetch.h"

typedef struct dh_fetch_response_response_partition fetch_item;

// The scratch for records is kept up to this size.
#define RECORDS_BYTES_KEPT ((size_t)256 * 1024)

// From here on an error of leadership names the leader (KIP-951).
#define VERSION_WITH_LEADERS 16

#define READ_COMMITTED 1

struct dh_broker_fetches {
    struct dh_broker_fetch_sessions *caches; // owned; of node 1, 2, ...
    size_t count;
    struct dh_buf records; // of the answer that is being made
};

int dh_broker_fetches_new(struct dh_broker *broker)
{
    struct dh_broker_fetches *fetches = dh_mem_calloc(broker->mem, 1, sizeof(*fetches));
    if (fetches == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    fetches->count = dh_broker_nodes_count(broker);
    fetches->caches =
        dh_mem_calloc(broker->mem, fetches->count, sizeof(*fetches->caches));
    if (fetches->caches == NULL) {
        dh_mem_free(broker->mem, fetches, sizeof(*fetches));
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < fetches->count; i++) {
        dh_broker_fetch_sessions_init(
            &fetches->caches[i], broker->mem,
            (size_t)broker->settings->max_incremental_fetch_session_cache_slots,
            dh_random_next(&broker->random));
    }
    dh_buf_init(&fetches->records, broker->mem, 0);
    broker->fetches = fetches;
    return 0;
}

void dh_broker_fetches_free(struct dh_broker *broker)
{
    struct dh_broker_fetches *fetches = broker->fetches;
    if (fetches == NULL) {
        return;
    }
    for (size_t i = 0; i < fetches->count; i++) {
        dh_broker_fetch_sessions_deinit(&fetches->caches[i]);
    }
    dh_mem_free(broker->mem, fetches->caches, fetches->count * sizeof(*fetches->caches));
    dh_buf_deinit(&fetches->records);
    dh_mem_free(broker->mem, fetches, sizeof(*fetches));
    broker->fetches = NULL;
}

static struct dh_broker_fetch_sessions *cache_of(struct dh_broker *broker,
                                                 int32_t node_id)
{
    DH_ASSERT(node_id >= 1 && (size_t)node_id <= broker->fetches->count);
    return &broker->fetches->caches[node_id - 1];
}

void dh_broker_fetches_on_node_down(struct dh_broker *broker, int32_t node_id)
{
    dh_broker_fetch_sessions_clear(cache_of(broker, node_id));
}

// ---- Invariants ----

static void check_partition(const struct dh_broker_fetch_partition *partition)
{
    const struct dh_broker_partition *at = dh_broker_waits_at(&partition->place);
    bool is_fresh = dh_link_is_linked(&partition->fresh);
    if (is_fresh || dh_link_is_linked(&partition->place.woken)) {
        return;
    }
    DH_ASSERT(at != NULL);
    int64_t high_watermark = dh_store_log_high_watermark(at->log);
    DH_ASSERT(partition->high_watermark == high_watermark);
    DH_ASSERT(partition->log_start == dh_store_log_start(at->log));
    DH_ASSERT(partition->fetch_offset >= high_watermark);
    DH_ASSERT(partition->ready_bytes == 0);
}

static void check_session(const struct dh_broker_fetch_session *session)
{
    size_t fresh_count = 0;
    size_t partition_count = 0;
    DH_ASSERT(session->id > 0 && session->epoch > 0);
    DH_LIST_EACH(link, &session->fresh)
    {
        fresh_count++;
    }
    DH_ASSERT(fresh_count == session->fresh_count);
    const struct dh_map_item *item;
    for (item = dh_map_first(&session->topics); item != NULL; item = dh_map_next(item)) {
        const struct dh_broker_fetch_topic *topic = item->value;
        DH_ASSERT(topic->partition_count > 0);
        partition_count += topic->partition_count;
    }
    DH_ASSERT(partition_count == dh_broker_fetch_session_size(session));
    for (item = dh_map_first(&session->partitions); item != NULL;
         item = dh_map_next(item)) {
        check_partition(item->value);
    }
}

void dh_broker_fetches_check(const struct dh_broker *broker)
{
    for (size_t i = 0; i < broker->fetches->count; i++) {
        const struct dh_broker_fetch_sessions *cache = &broker->fetches->caches[i];
        size_t count = 0;
        DH_LIST_EACH(link, &cache->used)
        {
            check_session(DH_CONTAINER_OF(link, struct dh_broker_fetch_session, link));
            count++;
        }
        DH_ASSERT(count == cache->by_id.count && count <= cache->slots);
    }
}

// ---- Looking at a partition ----

// What there is to say about a partition of a session, without its records.
struct view {
    struct dh_broker_partition *partition; // NULL: broker_code says why
    int16_t broker_code;
    int64_t high_watermark;  // -1: unknown
    int64_t log_start;       // -1: unknown
    int32_t diverging_epoch; // -1: the histories agree, as far as is known
    int64_t diverging_end;
};

static struct dh_broker_lookup
lookup_of(const struct dh_broker_fetch_partition *partition)
{
    bool uses_ids = partition->session->uses_ids;
    return (struct dh_broker_lookup){
        .name = partition->topic->name,
        .id = uses_ids ? &partition->topic->id : NULL,
        .number = partition->number,
        .client_epoch = partition->leader_epoch,
    };
}

// Whether the client read what this log does not hold (KIP-595). Returns a broker code.
static int16_t compare_epochs(const struct dh_broker_fetch_partition *partition,
                              struct view *view)
{
    int32_t epoch;
    int64_t end;
    dh_store_log_end_of_epoch(view->partition->log, partition->last_fetched_epoch,
                              view->partition->leader_epoch, &epoch, &end);
    if (epoch < 0 || end < 0) {
        return DH_BROKER_OFFSET_OUT_OF_RANGE;
    }
    if (epoch < partition->last_fetched_epoch || end < partition->fetch_offset) {
        view->diverging_epoch = epoch;
        view->diverging_end = end;
    }
    return 0;
}

static struct view look(struct dh_broker_request *request,
                        const struct dh_broker_fetch_partition *partition)
{
    struct view view = {.high_watermark = -1, .log_start = -1, .diverging_epoch = -1};
    struct dh_broker_lookup lookup = lookup_of(partition);
    view.partition = dh_broker_lookup(request, &lookup, &view.broker_code);
    if (view.partition == NULL) {
        return view;
    }
    const struct dh_store_log *log = view.partition->log;
    view.high_watermark = dh_store_log_high_watermark(log);
    view.log_start = dh_store_log_start(log);
    if (partition->last_fetched_epoch >= 0) {
        view.broker_code = compare_epochs(partition, &view);
    }
    bool is_inside = partition->fetch_offset >= view.log_start &&
                     partition->fetch_offset <= dh_store_log_end(log);
    if (view.broker_code == 0 && view.diverging_epoch < 0 && !is_inside) {
        // With its watermarks: clients use them (BR-009).
        view.broker_code = DH_BROKER_OFFSET_OUT_OF_RANGE;
    }
    return view;
}

// Whether it ends a wait whatever else there is.
static bool is_urgent(const struct view *view)
{
    return view->broker_code != 0 || view->diverging_epoch >= 0;
}

// How much could be read, as far as fetch.min.bytes is concerned.
static int64_t ready_bytes(const struct dh_broker_fetch_partition *partition,
                           const struct view *view, int64_t wanted)
{
    if (partition->fetch_offset >= view->high_watermark) {
        return 0;
    }
    if (wanted <= 1) {
        return 1; // Any is enough: as most clients ask.
    }
    int64_t bytes = dh_store_log_bytes_between(
        view->partition->log, partition->fetch_offset, view->high_watermark);
    bytes = bytes < partition->bytes_max ? bytes : partition->bytes_max;
    return bytes > 0 ? bytes : 1; // There is a batch, whatever may be had of it.
}

// ---- The answer ----

struct answer {
    struct dh_broker_request *request;
    struct dh_broker_fetch_session *session;
    struct dh_fetch_response *response;
    fetch_item *items; // of all topics, one behind the other
    int32_t item_count;
    const struct dh_broker_fetch_topic *topic; // of the last item
    struct dh_broker_leaders leaders;
    size_t bytes_left; // of the request's max_bytes
    bool is_full;      // names every partition
    bool is_first;     // no batch was read yet
};

/*
 * The node to fetch from instead. Ours is the only replica with records; who gives nodes
 * logs of their own decides here by rack_id (KIP-392, BRK-082).
 */
static int32_t preferred_replica(const struct dh_broker_request *request,
                                 const struct view *view)
{
    (void)request;
    (void)view;
    return -1;
}

// Reads into the scratch. Returns a broker code.
static int16_t read_records(struct answer *answer,
                            const struct dh_broker_fetch_partition *partition,
                            const struct view *view, size_t *size)
{
    struct dh_buf *records = &answer->request->broker->fetches->records;
    size_t bytes_max = partition->bytes_max < 0 ? 0 : (size_t)partition->bytes_max;
    bytes_max = bytes_max < answer->bytes_left ? bytes_max : answer->bytes_left;
    size_t before = records->size;
    int err = 0;
    if (partition->fetch_offset < view->high_watermark &&
        (bytes_max > 0 || answer->is_first)) {
        err =
            dh_store_log_read(view->partition->log, partition->fetch_offset,
                              view->high_watermark, bytes_max, answer->is_first, records);
    }
    *size = records->size - before;
    if (*size > 0) {
        answer->is_first = false;
        answer->bytes_left -= *size < answer->bytes_left ? *size : answer->bytes_left;
    }
    return err == 0 ? 0 : dh_broker_store_code(err);
}

static void fill_item(struct answer *answer,
                      const struct dh_broker_fetch_partition *partition,
                      const struct view *view, fetch_item *item)
{
    static const uint8_t nothing[1];
    const struct dh_fetch_request *body = answer->request->body;
    dh_struct_init(&dh_fetch_response_response_partition_struct, item);
    item->partition_index = partition->number;
    item->high_watermark = view->high_watermark;
    item->last_stable_offset = view->high_watermark; // No transactions yet.
    item->log_start_offset = view->log_start;
    item->aborted_transactions.count =
        body->isolation_level == READ_COMMITTED && view->broker_code == 0 ? 0 : -1;
    item->records = (dohle_bytes){nothing, 0};
    item->error_code = view->broker_code;
    if (view->diverging_epoch >= 0) {
        item->diverging_epoch.epoch = view->diverging_epoch;
        item->diverging_epoch.end_offset = view->diverging_end;
    } else if (view->broker_code == 0) {
        item->preferred_read_replica = preferred_replica(answer->request, view);
        item->error_code = read_records(answer, partition, view, &item->records.size);
    } else if (answer->request->version >= VERSION_WITH_LEADERS) {
        struct dh_broker_lookup lookup = lookup_of(partition);
        (void)dh_broker_lookup_leader(answer->request, &lookup, view->broker_code,
                                      &answer->leaders, &item->current_leader.leader_id,
                                      &item->current_leader.leader_epoch);
    }
}

static bool is_news(const struct answer *answer,
                    const struct dh_broker_fetch_partition *partition,
                    const fetch_item *item)
{
    return answer->is_full || item->records.size > 0 || item->error_code != 0 ||
           item->high_watermark != partition->high_watermark ||
           item->log_start_offset != partition->log_start ||
           item->preferred_read_replica >= 0 || item->diverging_epoch.epoch >= 0;
}

static void add_to_topic(struct answer *answer,
                         const struct dh_broker_fetch_partition *partition)
{
    struct dh_fetch_response *response = answer->response;
    if (answer->topic != partition->topic) {
        struct dh_fetch_response_response *topic =
            &response->responses.items[response->responses.count++];
        dh_struct_init(&dh_fetch_response_response_struct, topic);
        topic->topic = partition->topic->name;
        topic->topic_id = partition->topic->id;
        topic->partitions.items = &answer->items[answer->item_count];
        answer->topic = partition->topic;
    }
    response->responses.items[response->responses.count - 1].partitions.count++;
    answer->item_count++;
}

// What becomes of a fresh partition that was looked at.
enum fate {
    FATE_SETTLED,
    FATE_KEPT,  // something is left to be told
    FATE_MOVED, // the same, but others come first
};

// Stands in the line of the partition from now on.
static void take_place(struct dh_broker_fetch_partition *partition,
                       struct dh_broker_partition *at)
{
    if (dh_broker_waits_at(&partition->place) == NULL) {
        dh_broker_waits_enter(&partition->place, at);
    }
}

static enum fate answer_partition(struct answer *answer,
                                  struct dh_broker_fetch_partition *partition)
{
    struct view view = look(answer->request, partition);
    fetch_item *item = &answer->items[answer->item_count];
    fill_item(answer, partition, &view, item);
    if (is_news(answer, partition, item)) {
        add_to_topic(answer, partition);
    }
    // After an error it is told anew, when that has gone.
    partition->high_watermark = item->error_code == 0 ? item->high_watermark : -1;
    partition->log_start = item->log_start_offset;
    if (view.partition != NULL && partition->session->cache != NULL) {
        take_place(partition, view.partition); // Else nothing would make it fresh again.
    }
    if (item->records.size > 0) {
        return FATE_MOVED;
    }
    bool has_more = partition->fetch_offset < view.high_watermark;
    return has_more || is_urgent(&view) || item->error_code != 0 ? FATE_KEPT
                                                                 : FATE_SETTLED;
}

// Looks at all that is fresh, once, in order.
static void answer_partitions(struct answer *answer)
{
    struct dh_broker_fetch_session *session = answer->session;
    struct dh_list kept;
    struct dh_list moved;
    dh_list_init(&kept);
    dh_list_init(&moved);
    struct dh_link *link;
    while ((link = dh_list_first(&session->fresh)) != NULL) {
        struct dh_broker_fetch_partition *partition =
            DH_CONTAINER_OF(link, struct dh_broker_fetch_partition, fresh);
        switch (answer_partition(answer, partition)) {
        case FATE_SETTLED: dh_broker_fetch_partition_settle(partition); break;
        case FATE_KEPT:
            dh_list_remove(link);
            dh_list_push_back(&kept, link);
            break;
        case FATE_MOVED:
            dh_list_remove(link);
            dh_list_push_back(&moved, link);
            break;
        }
    }
    dh_list_append_all(&session->fresh, &kept);
    dh_list_append_all(&session->fresh, &moved);
}

// Where the records are is known when all were read.
static void place_records(struct answer *answer)
{
    const uint8_t *at = answer->request->broker->fetches->records.data;
    for (int32_t i = 0; i < answer->item_count; i++) {
        dohle_bytes *records = &answer->items[i].records;
        if (records->size > 0) {
            records->data = at;
            at += records->size;
        }
    }
}

// False: no memory.
static bool add_endpoints(struct answer *answer)
{
    const struct dh_broker_leaders *leaders = &answer->leaders;
    if (leaders->count == 0) {
        return true;
    }
    struct dh_fetch_response *response = answer->response;
    response->node_endpoints.items = dh_arena_calloc(
        &answer->request->arena, leaders->count, sizeof(*response->node_endpoints.items));
    if (response->node_endpoints.items == NULL) {
        return false;
    }
    for (size_t i = 0; i < leaders->count; i++) {
        const struct dh_broker_node *node = leaders->nodes[i];
        response->node_endpoints.items[i] = (struct dh_fetch_response_node_endpoint){
            .node_id = node->id,
            .host = dh_bytes_of(node->host),
            .port = node->port,
            .rack = dh_bytes_of(node->rack),
        };
    }
    response->node_endpoints.count = (int32_t)leaders->count;
    return true;
}

// False: no memory.
static bool fill_answer(struct answer *answer)
{
    struct dh_broker_fetch_session *session = answer->session;
    struct dh_arena *arena = &answer->request->arena;
    answer->response = dh_broker_new_response(answer->request);
    answer->items = dh_arena_calloc(arena, session->fresh_count, sizeof(fetch_item));
    void *topics = dh_arena_calloc(arena, session->fresh_count,
                                   sizeof(*answer->response->responses.items));
    if (answer->response == NULL || answer->items == NULL || topics == NULL) {
        return false;
    }
    answer->response->responses.items = topics;
    answer->response->session_id = session->id;
    answer_partitions(answer);
    place_records(answer);
    return add_endpoints(answer);
}

// Ends the request, and with it a session that is not kept.
static void answer_fetch(struct dh_broker_fetch_session *session)
{
    struct dh_broker_request *request = session->request;
    struct dh_broker *broker = request->broker;
    const struct dh_fetch_request *body = request->body;
    int64_t bytes_max = body->max_bytes < broker->settings->fetch_max_bytes
                            ? body->max_bytes
                            : broker->settings->fetch_max_bytes;
    struct answer answer = {
        .request = request,
        .session = session,
        .bytes_left = bytes_max < 0 ? 0 : (size_t)bytes_max,
        .is_full = session->epoch == 0,
        .is_first = true,
    };
    dh_broker_fetch_sessions_keep(cache_of(broker, request->node->id), session,
                                  broker->clock.now_ns);
    struct dh_buf *records = &broker->fetches->records;
    dh_buf_reset(records);
    if (fill_answer(&answer)) {
        dh_broker_answer(request, answer.response);
    } else {
        dh_broker_give_up(request, "no memory for the answer");
    }
    dh_broker_fetch_session_end_request(session);
    if (records->capacity > RECORDS_BYTES_KEPT) {
        dh_buf_deinit(records);
        dh_buf_init(records, broker->mem, 0);
    }
}

static void answer_session_error(struct dh_broker_request *request, int32_t session_id,
                                 int16_t broker_code)
{
    struct dh_fetch_response *response = dh_broker_new_response(request);
    if (response == NULL) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    response->session_id = session_id;
    response->error_code = broker_code;
    dh_broker_answer(request, response);
}

// ---- Waiting ----

static int64_t bytes_wanted(const struct dh_fetch_request *body)
{
    return body->min_bytes < body->max_bytes ? body->min_bytes : body->max_bytes;
}

/*
 * Looks at a partition of a session with a request. True: the request is to be answered now.
 * Else it waits there.
 */
static bool consider(struct dh_broker_fetch_partition *partition)
{
    struct dh_broker_fetch_session *session = partition->session;
    struct view view = look(session->request, partition);
    if (is_urgent(&view)) {
        return true;
    }
    take_place(partition, view.partition);
    int64_t wanted = bytes_wanted(session->request->body);
    int64_t bytes = ready_bytes(partition, &view, wanted);
    session->ready_bytes += bytes - partition->ready_bytes;
    partition->ready_bytes = bytes;
    return session->ready_bytes >= wanted;
}

static void on_woken(struct dh_broker *broker, struct dh_broker_place *place)
{
    (void)broker;
    struct dh_broker_fetch_partition *partition =
        DH_CONTAINER_OF(place, struct dh_broker_fetch_partition, place);
    dh_broker_fetch_partition_freshen(partition);
    if (partition->session->request != NULL && consider(partition)) {
        answer_fetch(partition->session);
    }
}

static void on_deadline(struct dh_broker_alarm *alarm)
{
    answer_fetch(DH_CONTAINER_OF(alarm, struct dh_broker_fetch_session, alarm));
}

static void abandon(struct dh_broker_request *request)
{
    struct dh_broker_fetch_session *session = request->parked;
    dh_broker_fetch_session_end_request(session);
}

static bool is_due(struct dh_broker_fetch_session *session)
{
    const struct dh_fetch_request *body = session->request->body;
    if (body->max_wait_ms <= 0 || bytes_wanted(body) <= 0 ||
        dh_broker_fetch_session_size(session) == 0) {
        return true;
    }
    session->ready_bytes = 0;
    DH_LIST_EACH(link, &session->fresh)
    {
        DH_CONTAINER_OF(link, struct dh_broker_fetch_partition, fresh)->ready_bytes = 0;
    }
    DH_LIST_EACH(link, &session->fresh)
    {
        if (consider(DH_CONTAINER_OF(link, struct dh_broker_fetch_partition, fresh))) {
            return true;
        }
    }
    return false;
}

// By the host's clock, as the client's own time-outs are. False: no memory.
static bool start_wait(struct dh_broker_fetch_session *session)
{
    struct dh_broker_request *request = session->request;
    const struct dh_fetch_request *body = request->body;
    struct dh_broker *broker = request->broker;
    if (session->alarm.timers == NULL &&
        dh_broker_alarm_init_host(&session->alarm, broker, on_deadline) != 0) {
        return false;
    }
    dh_broker_alarm_set(&session->alarm,
                        dh_deadline_after_ms(broker->clock.host_ns, body->max_wait_ms));
    request->parked = session;
    request->abandon = abandon;
    return true;
}

// A session has one request at a time. An older one, of a connection that is likely dead,
// learns that the session went on without it.
static void turn_out(struct dh_broker_fetch_session *session)
{
    struct dh_broker_request *request = session->request;
    if (request == NULL) {
        return;
    }
    session->request = NULL;
    dh_broker_alarm_set(&session->alarm, DH_NEVER);
    answer_session_error(request, session->id, DH_BROKER_INVALID_FETCH_SESSION_EPOCH);
}

void dh_broker_handle_fetch(struct dh_broker *broker, struct dh_broker_request *request)
{
    struct dh_broker_fetch_session *session;
    int16_t broker_code;
    int err = dh_broker_fetch_sessions_begin(
        cache_of(broker, request->node->id), request->body, request->version,
        broker->clock.now_ns, on_woken, &session, &broker_code);
    if (err == DOHLE_ERR_INVALID_STATE) {
        answer_session_error(request, 0, broker_code);
        return;
    }
    if (err != 0) {
        dh_broker_give_up(request, "no memory for a fetch session");
        return;
    }
    turn_out(session);
    session->request = request;
    if (dh_broker_faults_exist(broker)) {
        dh_broker_fetch_session_freshen(session); // One may be about any partition.
    }
    if (is_due(session) || !start_wait(session)) {
        answer_fetch(session);
    }
}

// ---- Refusals ----

static bool refuse_topic(struct dh_broker_request *request,
                         const struct dh_fetch_request_topic *asked, int16_t broker_code,
                         struct dh_fetch_response_response *topic)
{
    static const uint8_t nothing[1];
    dh_struct_init(&dh_fetch_response_response_struct, topic);
    topic->topic = asked->topic;
    topic->topic_id = asked->topic_id;
    topic->partitions.items =
        dh_arena_calloc(&request->arena, (size_t)asked->partitions.count,
                        sizeof(*topic->partitions.items));
    if (topic->partitions.items == NULL) {
        return false;
    }
    for (int32_t i = 0; i < asked->partitions.count; i++) {
        fetch_item *item = &topic->partitions.items[topic->partitions.count++];
        dh_struct_init(&dh_fetch_response_response_partition_struct, item);
        item->partition_index = asked->partitions.items[i].partition;
        item->error_code = broker_code;
        item->high_watermark = -1;
        item->aborted_transactions.count = -1;
        item->records = (dohle_bytes){nothing, 0};
    }
    return true;
}

void *dh_broker_refuse_fetch(struct dh_broker_request *request, int16_t broker_code)
{
    const struct dh_fetch_request *body = request->body;
    struct dh_fetch_response *response = dh_broker_new_response(request);
    if (response == NULL) {
        return NULL;
    }
    if (body->topics.count == 0) {
        // Nothing is named that could have the code but the session.
        response->error_code = broker_code;
        return response;
    }
    // A full fetch has opened no session: one of that id that is still there knows nothing of
    // what was asked.
    response->session_id = body->session_epoch > 0 ? body->session_id : 0;
    response->responses.items = dh_arena_calloc(
        &request->arena, (size_t)body->topics.count, sizeof(*response->responses.items));
    for (int32_t i = 0; response->responses.items != NULL && i < body->topics.count;
         i++) {
        if (!refuse_topic(request, &body->topics.items[i], broker_code,
                          &response->responses.items[i])) {
            return NULL;
        }
        response->responses.count++;
    }
    return response->responses.items == NULL ? NULL : response;
}
