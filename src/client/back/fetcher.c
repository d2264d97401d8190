// SPDX-License-Identifier: MIT
#include "client/back/fetcher.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/cluster.h"
#include "client/back/outbox.h"
#include "client/back/reactions.h"
#include "wire/api.h"
#include "wire/gen/fetch.h"

static const char subsystem[] = "fetcher";

// From this version on a request says of which epoch the last record was.
#define VERSION_WITH_FETCHED_EPOCH 12

// From this version on topics go by id.
#define VERSION_WITH_IDS 13

// A partition is full from this many fetches' worth on, until it is below one.
#define FULL_FETCHES ((size_t)2)

struct dh_fetcher_node {
    struct dh_fetcher *fetcher;
    int32_t node_id;
    struct dh_fetch_session session;
    struct dh_op fetch_op;
    struct dh_op close_op; // tells that the session ends
    struct dh_list ready;  // rows (fetch_link): in the session
    struct dh_list full;   // rows (fetch_link)
    size_t ready_count;
    bool is_active;              // counted in active_nodes
    bool is_without_full;        // the wait for full rows is over: they are left out
    bool is_refused;             // the budget did not admit what came: less must be held
    size_t refused_bytes;        // is_refused: held by others than that response
    bool had_session_error;      // the last reply was one
    struct dh_alarm drain_alarm; // set: draining
    struct dh_link stalled_link; // of the fetcher's stalled
    size_t reserved_bytes;       // by the request, from its start to its end
    int64_t throttled_until_ns;
};

typedef struct dh_fetch_response_response topic_response;
typedef struct dh_fetch_response_response_partition partition_response;

static void service(struct dh_fetcher_node *node, int64_t now_ns);
static void place_wanted(struct dh_fetcher *fetcher, struct dh_partition *row,
                         int64_t now_ns);
static const struct dh_op_class fetch_class;
static const struct dh_op_class close_class;

// ---- Nodes ----

static void on_drain_due(struct dh_alarm *alarm, int64_t now_ns);

static void free_node(struct dh_fetcher_node *node)
{
    struct dh_fetcher *fetcher = node->fetcher;
    dh_op_deinit(&node->fetch_op, fetcher->context.requests);
    dh_op_deinit(&node->close_op, fetcher->context.requests);
    dh_alarm_deinit(&node->drain_alarm, fetcher->context.alarms);
    dh_fetch_session_deinit(&node->session);
    dh_mem_free(fetcher->context.mem, node, sizeof(*node));
}

// The node of that id, made if need be. NULL: no memory.
static struct dh_fetcher_node *get_node(struct dh_fetcher *fetcher, int32_t node_id)
{
    struct dh_fetcher_node *node =
        dh_map_get_u64(&fetcher->nodes, (uint64_t)(uint32_t)node_id);
    if (node != NULL) {
        return node;
    }
    const struct dh_back_context *context = &fetcher->context;
    node = dh_mem_calloc(context->mem, 1, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    node->fetcher = fetcher;
    node->node_id = node_id;
    dh_list_init(&node->ready);
    dh_list_init(&node->full);
    if (dh_op_init(&node->fetch_op, &fetch_class, context->requests) != 0) {
        goto no_fetch_op;
    }
    if (dh_op_init(&node->close_op, &close_class, context->requests) != 0) {
        goto no_close_op;
    }
    if (dh_alarm_init(&node->drain_alarm, context->alarms, on_drain_due) != 0) {
        goto no_alarm;
    }
    dh_fetch_session_init(&node->session, context->mem, dh_random_next(context->random));
    if (dh_map_put_u64(&fetcher->nodes, (uint64_t)(uint32_t)node_id, node) != 0) {
        free_node(node);
        return NULL;
    }
    return node;

no_alarm:
    dh_op_deinit(&node->close_op, context->requests);
no_close_op:
    dh_op_deinit(&node->fetch_op, context->requests);
no_fetch_op:
    dh_mem_free(context->mem, node, sizeof(*node));
    return NULL;
}

static void update_active(struct dh_fetcher_node *node)
{
    bool is_active = node->ready_count > 0 || !dh_list_is_empty(&node->full);
    if (is_active != node->is_active) {
        node->is_active = is_active;
        node->fetcher->active_nodes += is_active ? 1 : (size_t)-1;
    }
}

// ---- Places of rows ----

static size_t partition_bytes_max(const struct dh_fetcher *fetcher)
{
    int32_t bytes_max = fetcher->context.settings->max_partition_fetch_bytes;
    return bytes_max > 0 ? (size_t)bytes_max : 1;
}

static bool is_fetchable(const struct dh_partition *row)
{
    return row->state == DH_PARTITION_FETCHING && !row->is_paused && !row->is_revoking &&
           row->leader >= 0;
}

static void leave_session(struct dh_partition *row)
{
    if (row->session_entry != NULL) {
        dh_fetch_session_forget(&row->fetch_node->session, row->session_entry);
        row->session_entry = NULL;
    }
}

// Says in the session what the row needs. Returns 0 or DOHLE_ERR_NO_MEMORY.
static int enter_session(const struct dh_fetcher *fetcher, struct dh_partition *row)
{
    struct dh_fetch_want want = {
        .slot = row->slot,
        .term = row->term,
        .fetch_offset = row->fetch_offset,
        .last_fetched_epoch = row->fetch_offset_epoch,
        .leader_epoch = row->leader_epoch,
        .bytes_max = fetcher->context.settings->max_partition_fetch_bytes,
    };
    struct dh_fetch_session *session = &row->fetch_node->session;
    if (row->session_entry != NULL &&
        !dh_uuid_equal(&row->session_entry->topic_id, &row->topic_id)) {
        leave_session(row); // created anew under the same name
    }
    if (row->session_entry != NULL) {
        dh_fetch_session_update(session, row->session_entry, &want);
        return 0;
    }
    row->session_entry =
        dh_fetch_session_add(session, row->topic, &row->topic_id, row->partition, &want);
    return row->session_entry == NULL ? DOHLE_ERR_NO_MEMORY : 0;
}

// Takes the row off its list. It keeps its node and its place in the session.
static void unlink_row(struct dh_fetcher *fetcher, struct dh_partition *row)
{
    if (row->fetch_place == DH_FETCH_NOT_WANTED) {
        return;
    }
    if (row->fetch_place == DH_FETCH_READY) {
        row->fetch_node->ready_count--;
    }
    dh_list_remove(&row->fetch_link);
    fetcher->held_wanted_bytes -= row->held_bytes;
    row->fetch_place = DH_FETCH_NOT_WANTED;
    struct dh_fetcher_node *node = row->fetch_node;
    if (node != NULL) {
        update_active(node);
        if (dh_list_is_empty(&node->full)) {
            node->is_without_full = false;
            dh_alarm_cancel(&node->drain_alarm, fetcher->context.alarms);
        }
    }
}

static void link_row(struct dh_fetcher *fetcher, struct dh_partition *row,
                     enum dh_fetch_place place, struct dh_list *list)
{
    DH_ASSERT(row->fetch_place == DH_FETCH_NOT_WANTED);
    row->fetch_place = place;
    dh_list_push_back(list, &row->fetch_link);
    fetcher->held_wanted_bytes += row->held_bytes;
    if (place == DH_FETCH_READY) {
        row->fetch_node->ready_count++;
    }
    if (row->fetch_node != NULL) {
        update_active(row->fetch_node);
    }
}

// Not wanted anywhere any more.
static void release_row(struct dh_fetcher *fetcher, struct dh_partition *row)
{
    unlink_row(fetcher, row);
    if (row->fetch_node != NULL) {
        leave_session(row);
        row->fetch_node = NULL;
    }
}

// An error that passes: the row is not asked for until its back-off is over.
static void park_row(struct dh_fetcher *fetcher, struct dh_partition *row, int64_t now_ns)
{
    unlink_row(fetcher, row);
    if (row->fetch_node != NULL) {
        leave_session(row);
    }
    if (!is_fetchable(row)) {
        return; // paused meanwhile: the error comes again when it is asked for again
    }
    const struct dh_settings *settings = fetcher->context.settings;
    struct dh_backoff backoff = {
        .initial_ms = settings->retry_backoff_ms,
        .max_ms = settings->retry_backoff_max_ms,
        .attempts = row->fetch_errors++,
    };
    int64_t wait_ms = dh_backoff_next_ms(&backoff, fetcher->context.random);
    row->fetch_retry_ns = dh_deadline_after_ms(now_ns, wait_ms);
    link_row(fetcher, row, DH_FETCH_PARKED, &fetcher->parked);
    if (row->fetch_retry_ns < dh_alarm_deadline(&fetcher->unpark)) {
        dh_alarm_set(&fetcher->unpark, fetcher->context.alarms, row->fetch_retry_ns);
    }
}

static void on_unpark_due(struct dh_alarm *alarm, int64_t now_ns)
{
    struct dh_fetcher *fetcher = DH_CONTAINER_OF(alarm, struct dh_fetcher, unpark);
    int64_t next_ns = DH_NEVER;
    struct dh_list waiting;
    dh_list_init(&waiting);
    dh_list_append_all(&waiting, &fetcher->parked);
    struct dh_link *link;
    while ((link = dh_list_pop_front(&waiting)) != NULL) {
        struct dh_partition *row = DH_CONTAINER_OF(link, struct dh_partition, fetch_link);
        dh_list_push_back(&fetcher->parked, &row->fetch_link);
        if (row->fetch_retry_ns > now_ns) {
            next_ns = dh_earlier(next_ns, row->fetch_retry_ns);
            continue;
        }
        unlink_row(fetcher, row);
        dh_fetcher_on_changed(fetcher, row, now_ns);
        if (row->fetch_place == DH_FETCH_PARKED) { // no memory again
            next_ns = dh_earlier(next_ns, row->fetch_retry_ns);
        }
    }
    dh_alarm_set(&fetcher->unpark, fetcher->context.alarms, next_ns);
}

static void refresh_topic_id(const struct dh_fetcher *fetcher, struct dh_partition *row)
{
    const struct dh_cluster_topic *topic =
        dh_cluster_topic(fetcher->context.cluster, row->topic);
    if (topic != NULL && !dh_uuid_is_zero(&topic->id)) {
        row->topic_id = topic->id;
    }
}

/*
 * Puts a fetchable row of a known node on the list where it belongs now. A full row
 * stays in the session while the node waits for it, so that a short wait changes
 * nothing at the broker.
 */
static void place_wanted(struct dh_fetcher *fetcher, struct dh_partition *row,
                         int64_t now_ns)
{
    struct dh_fetcher_node *node = row->fetch_node;
    size_t fetch_bytes = partition_bytes_max(fetcher);
    size_t limit =
        row->fetch_place == DH_FETCH_FULL ? fetch_bytes : FULL_FETCHES * fetch_bytes;
    bool is_full = row->buffered_bytes >= limit;
    enum dh_fetch_place place = is_full ? DH_FETCH_FULL : DH_FETCH_READY;
    if (is_full && node->is_without_full) {
        leave_session(row);
    } else if (enter_session(fetcher, row) != 0) {
        park_row(fetcher, row, now_ns);
        return;
    }
    if (row->fetch_place != place) {
        unlink_row(fetcher, row);
        link_row(fetcher, row, place, is_full ? &node->full : &node->ready);
    }
}

void dh_fetcher_on_changed(struct dh_fetcher *fetcher, struct dh_partition *row,
                           int64_t now_ns)
{
    bool is_wanted = is_fetchable(row) && !fetcher->is_closing;
    if (row->fetch_node != NULL &&
        (!is_wanted || row->fetch_node->node_id != row->leader)) {
        struct dh_fetcher_node *node = row->fetch_node;
        release_row(fetcher, row);
        service(node, now_ns); // it may have waited for this row to be drained
    }
    if (!is_wanted) {
        unlink_row(fetcher, row);
        return;
    }
    if (row->fetch_place == DH_FETCH_PARKED) {
        return;
    }
    if (row->fetch_node == NULL) {
        row->fetch_node = get_node(fetcher, row->leader);
        if (row->fetch_node == NULL) {
            park_row(fetcher, row, now_ns);
            return;
        }
    }
    refresh_topic_id(fetcher, row);
    place_wanted(fetcher, row, now_ns);
    service(row->fetch_node, now_ns);
}

void dh_fetcher_on_metadata(struct dh_fetcher *fetcher, int64_t now_ns)
{
    uint64_t version = dh_cluster_version(fetcher->context.cluster);
    if (version == fetcher->cluster_version) {
        return;
    }
    fetcher->cluster_version = version;
    // Leaders reach the rows through positions; here only ids that changed matter.
    size_t cursor = 0;
    struct dh_partition *row;
    while ((row = dh_partitions_next(fetcher->partitions, &cursor)) != NULL) {
        struct dh_uuid before = row->topic_id;
        refresh_topic_id(fetcher, row);
        if (!dh_uuid_equal(&before, &row->topic_id)) {
            dh_fetcher_on_changed(fetcher, row, now_ns);
        }
    }
}

// ---- The budget ----

// What the chunks of rows that are not wanted hold would otherwise keep all others
// waiting, while nobody takes it: it does not count once nothing else is buffered.
static size_t offer_beside_idle_chunks(const struct dh_fetcher *fetcher, size_t useful)
{
    size_t idle_bytes = fetcher->held_bytes - fetcher->held_wanted_bytes;
    if (fetcher->held_wanted_bytes > 0 || fetcher->budget->reserved_bytes > 0 ||
        idle_bytes == 0) {
        return 0;
    }
    size_t used_bytes = dh_budget_used(fetcher->budget);
    size_t other_bytes = used_bytes > idle_bytes ? used_bytes - idle_bytes : 0;
    return other_bytes < fetcher->budget->bytes_max ? useful : 0;
}

// How much the node may ask for now; 0: it has to wait.
static size_t offer(const struct dh_fetcher_node *node)
{
    const struct dh_fetcher *fetcher = node->fetcher;
    size_t partition_max = partition_bytes_max(fetcher);
    int32_t fetch_max = fetcher->context.settings->fetch_max_bytes;
    size_t wanted = fetch_max > 0 ? (size_t)fetch_max : 1;
    if (node->ready_count <= wanted / partition_max) {
        wanted = node->ready_count * partition_max;
    }
    // Nodes share, so that one in a long poll does not keep the others from asking.
    size_t nodes = fetcher->active_nodes > 0 ? fetcher->active_nodes : 1;
    size_t share = dh_budget_share(fetcher->budget, nodes);
    if (wanted > share) {
        wanted = share > 0 ? share : 1;
    }
    size_t useful = partition_max < wanted ? partition_max : wanted;
    size_t offered = dh_budget_offer(fetcher->budget, wanted, useful);
    return offered > 0 ? offered : offer_beside_idle_chunks(fetcher, useful);
}

static void give_back_reservation(struct dh_fetcher_node *node)
{
    dh_budget_settle(node->fetcher->budget, node->reserved_bytes);
    node->reserved_bytes = 0;
}

// held_bytes: of the account, before the budget was asked.
static void stall(struct dh_fetcher_node *node, size_t held_bytes)
{
    struct dh_fetcher *fetcher = node->fetcher;
    if (dh_list_is_empty(&fetcher->stalled) || held_bytes > fetcher->stalled_bytes) {
        fetcher->stalled_bytes = held_bytes;
    }
    if (!dh_link_is_linked(&node->stalled_link)) {
        dh_list_push_back(&fetcher->stalled, &node->stalled_link);
        fetcher->counts.stalls++;
        dh_log(fetcher->context.log, DOHLE_LOG_DEBUG, subsystem,
               "node %" PRId32 " waits for room: %zu of %zu bytes are used, %zu of them "
               "by buffered records",
               node->node_id, dh_budget_used(fetcher->budget), fetcher->budget->bytes_max,
               fetcher->held_bytes);
    }
    // What is released before this is seen at the end of the turn.
    dh_frame_account_await(fetcher->budget->account);
}

// What was refused may be admitted now that less is held.
static void forget_refusal(struct dh_fetcher_node *node, size_t held_bytes)
{
    node->is_refused = node->is_refused && held_bytes >= node->refused_bytes;
}

// Lets the nodes that wait go on, the first first, as far as it goes.
static void try_stalled(struct dh_fetcher *fetcher, bool is_event, int64_t now_ns)
{
    size_t held_bytes = dh_frame_account_bytes(fetcher->budget->account);
    fetcher->stalled_bytes = held_bytes;
    struct dh_list waiting;
    dh_list_init(&waiting);
    dh_list_append_all(&waiting, &fetcher->stalled);
    struct dh_link *link;
    while ((link = dh_list_pop_front(&waiting)) != NULL) {
        struct dh_fetcher_node *node =
            DH_CONTAINER_OF(link, struct dh_fetcher_node, stalled_link);
        forget_refusal(node, is_event ? 0 : held_bytes);
        if (node->ready_count > 0 && (node->is_refused || offer(node) == 0)) {
            // It keeps its turn, and so do those behind it.
            dh_list_push_back(&fetcher->stalled, &node->stalled_link);
            dh_list_append_all(&fetcher->stalled, &waiting);
            stall(node, held_bytes);
            return;
        }
        service(node, now_ns);
    }
}

// A chunk or a response has come.
static void resume_stalled(struct dh_fetcher *fetcher, int64_t now_ns)
{
    try_stalled(fetcher, true, now_ns);
}

void dh_fetcher_on_bytes_released(struct dh_fetcher *fetcher)
{
    // That one who waits was told ends the wait: there may be more to wait for.
    if (!dh_list_is_empty(&fetcher->stalled)) {
        dh_frame_account_await(fetcher->budget->account);
    }
}

bool dh_fetcher_end_turn(struct dh_fetcher *fetcher, int64_t now_ns)
{
    bool has_tried = false;
    while (!fetcher->is_closing && !dh_list_is_empty(&fetcher->stalled) &&
           dh_frame_account_bytes(fetcher->budget->account) < fetcher->stalled_bytes) {
        has_tried = true;
        try_stalled(fetcher, false, now_ns);
    }
    return has_tried;
}

void dh_fetcher_on_chunk_returned(struct dh_fetcher *fetcher, struct dh_chunk *chunk,
                                  int64_t now_ns)
{
    size_t held_bytes = chunk->fetched_bytes + chunk->charged_bytes;
    DH_ASSERT(fetcher->chunks_out > 0);
    fetcher->chunks_out--;
    fetcher->held_bytes -= held_bytes;
    struct dh_partition *row =
        dh_partitions_at(fetcher->partitions, chunk->slot, chunk->term.assignment);
    if (row != NULL) {
        DH_ASSERT(row->buffered_chunks > 0);
        row->buffered_chunks--;
        row->buffered_bytes -= chunk->fetched_bytes;
        row->held_bytes -= held_bytes;
        if (row->fetch_place != DH_FETCH_NOT_WANTED) {
            fetcher->held_wanted_bytes -= held_bytes;
        }
    }
    dh_chunk_free(&fetcher->tools, chunk);
    if (row != NULL && row->fetch_place == DH_FETCH_FULL) {
        place_wanted(fetcher, row, now_ns);
        if (row->fetch_place == DH_FETCH_READY) {
            service(row->fetch_node, now_ns);
        }
    }
    resume_stalled(fetcher, now_ns);
}

// ---- Asking ----

static void on_drain_due(struct dh_alarm *alarm, int64_t now_ns)
{
    struct dh_fetcher_node *node =
        DH_CONTAINER_OF(alarm, struct dh_fetcher_node, drain_alarm);
    node->is_without_full = true;
    DH_LIST_EACH(link, &node->full)
    {
        leave_session(DH_CONTAINER_OF(link, struct dh_partition, fetch_link));
    }
    service(node, now_ns);
}

// Moves the node towards asking for what is ready.
static void service(struct dh_fetcher_node *node, int64_t now_ns)
{
    struct dh_fetcher *fetcher = node->fetcher;
    const struct dh_settings *settings = fetcher->context.settings;
    if (fetcher->is_closing || dh_op_is_busy(&node->fetch_op) ||
        node->fetch_op.state == DH_OP_WAITING) {
        return;
    }
    if (node->ready_count == 0) {
        return;
    }
    if (!dh_list_is_empty(&node->full) && !node->is_without_full) {
        if (!dh_alarm_is_set(&node->drain_alarm)) {
            dh_alarm_set(&node->drain_alarm, fetcher->context.alarms,
                         dh_deadline_after_ms(now_ns, settings->fetch_max_wait_ms));
        }
        return;
    }
    // Who waits for room has its turn first, or a node in a long poll would take the room
    // again each time that it gives it back.
    const struct dh_link *first = dh_list_first(&fetcher->stalled);
    bool is_behind = first != NULL && first != &node->stalled_link;
    size_t held_bytes = dh_frame_account_bytes(fetcher->budget->account);
    forget_refusal(node, held_bytes);
    size_t offered = node->is_refused || is_behind ? 0 : offer(node);
    if (offered == 0) {
        stall(node, held_bytes);
        return;
    }
    dh_list_remove(&node->stalled_link);
    node->reserved_bytes = dh_budget_reserve(fetcher->budget, offered);
    node->fetch_op.version_max =
        node->session.unidentified_count > 0 ? VERSION_WITH_IDS - 1 : INT16_MAX;
    dh_op_start(&node->fetch_op, fetcher->context.requests, node->node_id,
                dh_deadline_after_ms(now_ns, settings->request_timeout_ms), now_ns);
}

static dohle_bytes name_of(const struct dh_fetch_session_entry *entry)
{
    return (dohle_bytes){(const uint8_t *)entry->topic, entry->topic_size};
}

static bool is_same_topic(const struct dh_fetch_session_entry *a,
                          const struct dh_fetch_session_entry *b)
{
    return dh_uuid_equal(&a->topic_id, &b->topic_id) &&
           dh_bytes_equal(name_of(a), name_of(b));
}

static int32_t count_links(const struct dh_list *list)
{
    int32_t count = 0;
    DH_LIST_EACH(link, list)
    {
        (void)link;
        count++;
    }
    return count;
}

// Neighbours of one topic share its name, as in Java's requests; the order stays.
static int fill_topics(const struct dh_fetch_session *session, int16_t version,
                       struct dh_fetch_request *request, struct dh_arena *arena)
{
    size_t count = (size_t)count_links(&session->changed);
    struct dh_fetch_request_topic *topics =
        dh_arena_calloc(arena, count, sizeof(*topics));
    struct dh_fetch_request_topic_partition *partitions =
        dh_arena_calloc(arena, count, sizeof(*partitions));
    if (topics == NULL || partitions == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    const struct dh_fetch_session_entry *last = NULL;
    struct dh_fetch_request_topic *topic = topics;
    int32_t topic_count = 0;
    DH_LIST_EACH(link, &session->changed)
    {
        const struct dh_fetch_session_entry *entry =
            DH_CONTAINER_OF(link, struct dh_fetch_session_entry, changed_link);
        if (last == NULL || !is_same_topic(last, entry)) {
            topic = &topics[topic_count++];
            dh_struct_init(&dh_fetch_request_topic_struct, topic);
            topic->topic = name_of(entry);
            topic->topic_id = entry->topic_id;
            topic->partitions.items = partitions;
        }
        last = entry;
        struct dh_fetch_request_topic_partition *partition = partitions++;
        topic->partitions.count++;
        dh_struct_init(&dh_fetch_request_topic_partition_struct, partition);
        partition->partition = entry->partition;
        partition->current_leader_epoch = entry->want.leader_epoch;
        partition->fetch_offset = entry->want.fetch_offset;
        if (version >= VERSION_WITH_FETCHED_EPOCH) {
            partition->last_fetched_epoch = entry->want.last_fetched_epoch;
        }
        partition->partition_max_bytes = entry->want.bytes_max;
    }
    request->topics.items = topics;
    request->topics.count = topic_count;
    return 0;
}

static int fill_forgotten(const struct dh_fetch_session *session,
                          struct dh_fetch_request *request, struct dh_arena *arena)
{
    size_t count = (size_t)count_links(&session->forgotten);
    struct dh_fetch_request_forgotten_topics_data *topics =
        dh_arena_calloc(arena, count, sizeof(*topics));
    int32_t *partitions = dh_arena_calloc(arena, count, sizeof(*partitions));
    if (topics == NULL || partitions == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int32_t topic_count = 0;
    DH_LIST_EACH(link, &session->forgotten)
    {
        const struct dh_fetch_session_entry *entry =
            DH_CONTAINER_OF(link, struct dh_fetch_session_entry, link);
        struct dh_fetch_request_forgotten_topics_data *topic = &topics[topic_count++];
        dh_struct_init(&dh_fetch_request_forgotten_topics_data_struct, topic);
        // The entry is freed before the request is written out.
        uint8_t *name = dh_arena_alloc(arena, entry->topic_size);
        if (name == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        memcpy(name, entry->topic, entry->topic_size);
        topic->topic = (dohle_bytes){name, entry->topic_size};
        topic->topic_id = entry->topic_id;
        topic->partitions.items = partitions;
        topic->partitions.count = 1;
        *partitions++ = entry->partition;
    }
    request->forgotten_topics_data.items = topics;
    request->forgotten_topics_data.count = topic_count;
    return 0;
}

static int fill_fetch(struct dh_op *op, int16_t version, void *message,
                      struct dh_arena *arena, int64_t now_ns)
{
    (void)now_ns;
    struct dh_fetcher_node *node = DH_CONTAINER_OF(op, struct dh_fetcher_node, fetch_op);
    struct dh_fetcher *fetcher = node->fetcher;
    struct dh_fetch_session *session = &node->session;
    const struct dh_settings *settings = fetcher->context.settings;
    bool uses_ids = version >= VERSION_WITH_IDS;
    // What was reserved at the start of the operation has kept the room for this.
    give_back_reservation(node);
    size_t offered = offer(node);
    if (node->ready_count == 0 || offered == 0 ||
        (uses_ids && session->unidentified_count > 0)) {
        return DOHLE_ERR_QUEUE_FULL; // things have changed since the start: look again
    }
    int err = dh_fetch_session_prepare(session, uses_ids);
    if (err != 0) {
        return err;
    }
    struct dh_fetch_request *request = message;
    request->max_wait_ms = settings->fetch_max_wait_ms;
    request->min_bytes = settings->fetch_min_bytes;
    request->max_bytes = offered < INT32_MAX ? (int32_t)offered : INT32_MAX;
    request->isolation_level = 0;
    request->session_id = session->id;
    request->session_epoch = session->epoch;
    err = fill_topics(session, version, request, arena);
    if (err == 0) {
        err = fill_forgotten(session, request, arena);
    }
    if (err != 0) {
        return err;
    }
    node->reserved_bytes = dh_budget_reserve(fetcher->budget, offered);
    dh_fetch_session_on_sent(session);
    fetcher->counts.requests++;
    return 0;
}

// ---- What came ----

static void describe_partition(const struct dh_partition *row, int32_t node_id,
                               dohle_error_info *error)
{
    error->node_id = node_id;
    error->partition = row->partition;
    error->offset = row->fetch_offset;
    snprintf(error->topic, sizeof(error->topic), "%s", row->topic);
}

// The row cannot go on by itself: tells so, behind what is on its way already.
static void fail_row(struct dh_fetcher *fetcher, struct dh_partition *row,
                     const dohle_error_info *error, int64_t now_ns)
{
    struct dh_notice_partition_error *notice =
        dh_mem_calloc(fetcher->context.mem, 1, sizeof(*notice));
    if (notice == NULL) {
        park_row(fetcher, row, now_ns); // it will fail again when there is memory
        return;
    }
    notice->message.kind = DH_NOTICE_PARTITION_ERROR;
    notice->message.size = sizeof(*notice);
    notice->slot = row->slot;
    notice->term = row->term;
    notice->error = *error;
    notice->truncated_to = -1;
    dh_log(fetcher->context.log, DOHLE_LOG_WARNING, subsystem, "%s", error->text);
    dh_outbox_post(fetcher->context.outbox, &notice->message);
    row->state = DH_PARTITION_FAILED;
    release_row(fetcher, row);
    dh_partitions_touch(fetcher->partitions, row);
}

static void fail_out_of_range(struct dh_fetcher *fetcher, struct dh_partition *row,
                              int32_t node_id, const partition_response *part,
                              int64_t now_ns)
{
    dohle_error_info error = {.code = DOHLE_ERR_OFFSET_OUT_OF_RANGE,
                              .broker_code = part->error_code};
    describe_partition(row, node_id, &error);
    snprintf(error.text, sizeof(error.text),
             "offset %" PRId64 " of %s-%" PRId32 " is outside the log", row->fetch_offset,
             row->topic, row->partition);
    fail_row(fetcher, row, &error, now_ns);
}

static void on_partition_error(struct dh_fetcher *fetcher, struct dh_partition *row,
                               int32_t node_id, const partition_response *part,
                               int64_t now_ns)
{
    enum dh_reaction reaction = dh_reaction_of(DH_API_FETCH, part->error_code);
    dh_log(fetcher->context.log, DOHLE_LOG_INFO, subsystem,
           "%s-%" PRId32 " at node %" PRId32 ": %s, %s", row->topic, row->partition,
           node_id, dohle_broker_error_name(part->error_code),
           dh_reaction_name(reaction));
    switch (reaction) {
    case DH_REACTION_RESET_POSITION:
        fail_out_of_range(fetcher, row, node_id, part, now_ns);
        return;
    case DH_REACTION_REFRESH:
        dh_cluster_request_update(fetcher->context.cluster, now_ns);
        park_row(fetcher, row, now_ns);
        return;
    case DH_REACTION_REPORT: {
        dohle_error_info error = {.code = dh_reaction_error(part->error_code),
                                  .broker_code = part->error_code};
        describe_partition(row, node_id, &error);
        snprintf(error.text, sizeof(error.text),
                 "the broker does not give %s-%" PRId32 " at offset %" PRId64 ": %s",
                 row->topic, row->partition, row->fetch_offset,
                 dohle_broker_error_name(part->error_code));
        if (dohle_error_class(error.code) == DOHLE_CLASS_DATA) {
            fail_row(fetcher, row, &error, now_ns);
            return;
        }
        // Somebody may mend it: told each time, and tried again (API-149).
        (void)dh_outbox_report(fetcher->context.outbox, fetcher->context.mem, &error);
        park_row(fetcher, row, now_ns);
        return;
    }
    case DH_REACTION_NONE:
    case DH_REACTION_RETRY:
    case DH_REACTION_REDISCOVER:
    case DH_REACTION_REBOOTSTRAP:
    case DH_REACTION_RESET_SESSION:
    case DH_REACTION_TAKE_MEMBER_ID:
    case DH_REACTION_REJOIN:
    case DH_REACTION_DROP_GENERATION:
    case DH_REACTION_DROP_MEMBER:
    case DH_REACTION_FENCED:
    case DH_REACTION_LEAVE_OUT: park_row(fetcher, row, now_ns); return;
    }
}

static void on_bad_batch(struct dh_fetcher *fetcher, struct dh_partition *row,
                         int32_t node_id, const struct dh_chunk_stop *stop,
                         int64_t now_ns)
{
    dohle_error_info error = {.code = stop->err};
    describe_partition(row, node_id, &error);
    char behind[64] = "";
    if (stop->last_offset >= stop->offset) {
        snprintf(behind, sizeof(behind), "; seek to %" PRId64 " to leave it out",
                 stop->last_offset + 1);
    }
    snprintf(error.text, sizeof(error.text),
             "the batch of %s-%" PRId32 " at offset %" PRId64 " cannot be read: %s%s",
             row->topic, row->partition, stop->offset, stop->text, behind);
    fail_row(fetcher, row, &error, now_ns);
}

// What became of the bytes of one response: those that went into chunks, and those that
// they were decompressed into. What the budget refused says nothing.
struct yield {
    size_t used_bytes;
    size_t made_bytes;
};

// The fetched position moves here, when the chunk is on its way.
static void hand_over(struct dh_fetcher *fetcher, struct dh_partition *row,
                      struct dh_chunk *chunk)
{
    size_t held_bytes = chunk->fetched_bytes + chunk->charged_bytes;
    row->fetch_offset = chunk->next_offset;
    row->fetch_offset_epoch = chunk->next_epoch;
    row->told_high_watermark = chunk->high_watermark;
    row->buffered_chunks++;
    row->buffered_bytes += chunk->fetched_bytes;
    row->held_bytes += held_bytes;
    if (row->fetch_place != DH_FETCH_NOT_WANTED) {
        fetcher->held_wanted_bytes += held_bytes;
    }
    fetcher->held_bytes += held_bytes;
    fetcher->chunks_out++;
    fetcher->counts.chunks++;
    dh_outbox_post(fetcher->context.outbox, &chunk->message);
}

static void on_partition_data(struct dh_fetcher_node *node, struct dh_partition *row,
                              const partition_response *part, struct dh_frame *frame,
                              struct yield *yield, int64_t now_ns)
{
    struct dh_fetcher *fetcher = node->fetcher;
    row->fetch_errors = 0;
    bool is_news = part->high_watermark != row->told_high_watermark;
    if (part->records.size == 0 && !is_news) {
        return;
    }
    struct dh_chunk_source source = {
        .records = part->records,
        .frame = frame,
        .slot = row->slot,
        .term = row->term,
        .fetch_offset = row->fetch_offset,
        .last_fetched_epoch = row->fetch_offset_epoch,
        .high_watermark = part->high_watermark,
        .log_start_offset = part->log_start_offset,
    };
    struct dh_chunk *chunk;
    struct dh_chunk_stop stop;
    if (dh_chunk_build(&fetcher->tools, &source, &chunk, &stop) != 0) {
        park_row(fetcher, row, now_ns);
        return;
    }
    yield->used_bytes += stop.used_bytes;
    yield->made_bytes += chunk->charged_bytes;
    if (chunk->next_offset > chunk->fetch_offset || is_news) {
        hand_over(fetcher, row, chunk);
    } else {
        dh_chunk_free(&fetcher->tools, chunk);
    }
    if (stop.err == DOHLE_ERR_QUEUE_FULL) {
        node->is_refused = true;
        node->refused_bytes =
            dh_frame_account_bytes(fetcher->budget->account) - frame->capacity;
    } else if (stop.err == DOHLE_ERR_NO_MEMORY) {
        park_row(fetcher, row, now_ns);
    } else if (stop.err != 0) {
        on_bad_batch(fetcher, row, node->node_id, &stop, now_ns);
    }
}

static void take_partition(struct dh_fetcher_node *node,
                           const struct dh_fetch_session_entry *entry,
                           const partition_response *part, struct dh_frame *frame,
                           struct yield *yield, int64_t now_ns)
{
    struct dh_fetcher *fetcher = node->fetcher;
    if (part->current_leader.leader_id >= 0) {
        dh_cluster_learn_leader(fetcher->context.cluster, &entry->topic_id, entry->topic,
                                part->partition_index, part->current_leader.leader_id,
                                part->current_leader.leader_epoch, now_ns);
    }
    // The one place where what is late is dropped (X-011, X-012, S27).
    struct dh_partition *row =
        dh_partitions_current(fetcher->partitions, entry->asked.slot, entry->asked.term);
    if (row == NULL || row->state != DH_PARTITION_FETCHING || row->is_revoking ||
        row->fetch_offset != entry->asked.fetch_offset || row->leader != node->node_id) {
        fetcher->counts.stale_partitions++;
        return;
    }
    if (part->error_code != DH_BROKER_NONE) {
        on_partition_error(fetcher, row, node->node_id, part, now_ns);
        return;
    }
    on_partition_data(node, row, part, frame, yield, now_ns);
    if (row->fetch_node == node &&
        (row->fetch_place == DH_FETCH_READY || row->fetch_place == DH_FETCH_FULL)) {
        if (part->records.size > 0 && row->session_entry != NULL) {
            dh_fetch_session_rotate(&node->session, row->session_entry);
        }
        place_wanted(fetcher, row, now_ns);
    }
}

// Whether all partitions of the response were asked for.
static bool covers_only_asked(struct dh_fetch_session *session,
                              const struct dh_fetch_response *response)
{
    for (int32_t i = 0; i < response->responses.count; i++) {
        const topic_response *topic = &response->responses.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            if (dh_fetch_session_find(session, topic->topic, &topic->topic_id,
                                      topic->partitions.items[j].partition_index) ==
                NULL) {
                return false;
            }
        }
    }
    return true;
}

// Returns whether the response may be used; else the session starts over.
static bool check_session(struct dh_fetcher_node *node,
                          const struct dh_fetch_response *response)
{
    struct dh_fetcher *fetcher = node->fetcher;
    size_t partition_count = 0;
    for (int32_t i = 0; i < response->responses.count; i++) {
        partition_count += (size_t)response->responses.items[i].partitions.count;
    }
    const char *why = dohle_broker_error_name(response->error_code);
    enum dh_fetch_session_verdict verdict = dh_fetch_session_on_response(
        &node->session, response->session_id, response->error_code, partition_count);
    if (verdict == DH_FETCH_SESSION_GOOD &&
        !covers_only_asked(&node->session, response)) {
        dh_fetch_session_on_unsolicited(&node->session);
        verdict = DH_FETCH_SESSION_RESET;
    }
    if (verdict == DH_FETCH_SESSION_GOOD) {
        node->had_session_error = false;
        return true;
    }
    if (response->error_code == DH_BROKER_NONE) {
        why = "the response is not to our request";
    }
    fetcher->counts.session_resets++;
    dh_log(fetcher->context.log, DOHLE_LOG_INFO, subsystem,
           "the fetch session with node %" PRId32 " starts over: %s", node->node_id, why);
    return false;
}

static void take_response(struct dh_fetcher_node *node,
                          const struct dh_fetch_response *response,
                          struct dh_frame *frame, int64_t now_ns)
{
    struct dh_fetcher *fetcher = node->fetcher;
    for (int32_t i = 0; i < response->node_endpoints.count; i++) {
        const struct dh_fetch_response_node_endpoint *endpoint =
            &response->node_endpoints.items[i];
        // Without memory the next metadata update brings it.
        if (dh_requests_put_broker(fetcher->context.requests, endpoint->node_id,
                                   endpoint->host, endpoint->port) != 0) {
            break;
        }
    }
    struct yield yield = {0, 0};
    for (int32_t i = 0; i < response->responses.count; i++) {
        const topic_response *topic = &response->responses.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            const partition_response *part = &topic->partitions.items[j];
            const struct dh_fetch_session_entry *entry = dh_fetch_session_find(
                &node->session, topic->topic, &topic->topic_id, part->partition_index);
            if (entry != NULL) { // NULL: named twice, and gone since the first time
                take_partition(node, entry, part, frame, &yield, now_ns);
            }
        }
    }
    dh_budget_learn(fetcher->budget, yield.used_bytes,
                    yield.used_bytes + yield.made_bytes);
}

static enum dh_settled on_fetch_failed(struct dh_fetcher_node *node,
                                       const struct dh_reply *reply, int64_t now_ns)
{
    struct dh_fetcher *fetcher = node->fetcher;
    if (reply->err == DOHLE_ERR_QUEUE_FULL) { // from fill_fetch
        service(node, now_ns);
        return DH_SETTLED_DONE;
    }
    dh_fetch_session_on_failure(&node->session);
    if (reply->err == DOHLE_ERR_CLOSED || fetcher->is_closing) {
        return DH_SETTLED_FAILED;
    }
    dh_log(fetcher->context.log, DOHLE_LOG_INFO, subsystem,
           "no answer from node %" PRId32 ": %s", node->node_id, reply->text);
    if (reply->err == DOHLE_ERR_UNSUPPORTED_VERSION ||
        reply->err == DOHLE_ERR_AUTHENTICATION) {
        dohle_error_info error = {
            .code = reply->err, .node_id = node->node_id, .partition = -1, .offset = -1};
        snprintf(error.text, sizeof(error.text), "%s", reply->text);
        (void)dh_outbox_report(fetcher->context.outbox, fetcher->context.mem, &error);
    }
    if (reply->err != DOHLE_ERR_NO_MEMORY) {
        dh_cluster_request_update(fetcher->context.cluster, now_ns);
    }
    return DH_SETTLED_RETRY;
}

static enum dh_settled on_fetch_reply(struct dh_op *op, const struct dh_reply *reply,
                                      int64_t now_ns)
{
    struct dh_fetcher_node *node = DH_CONTAINER_OF(op, struct dh_fetcher_node, fetch_op);
    struct dh_fetcher *fetcher = node->fetcher;
    give_back_reservation(node);
    if (reply->err != 0) {
        enum dh_settled settled = on_fetch_failed(node, reply, now_ns);
        resume_stalled(fetcher, now_ns);
        return settled;
    }
    const struct dh_fetch_response *response = reply->response;
    node->throttled_until_ns = dh_deadline_after_ms(now_ns, response->throttle_time_ms);
    if (!check_session(node, response)) {
        // Once is part of life; a broker that goes on like this is not asked without pause.
        bool is_first = !node->had_session_error;
        node->had_session_error = true;
        resume_stalled(fetcher, now_ns);
        if (!is_first || fetcher->is_closing) {
            return DH_SETTLED_RETRY;
        }
        service(node, now_ns);
        return DH_SETTLED_DONE;
    }
    if (!fetcher->is_closing) {
        take_response(node, response, reply->frame, now_ns);
    }
    // Who waited for room goes first: this node's next long poll would take it again.
    resume_stalled(fetcher, now_ns);
    service(node, now_ns);
    return DH_SETTLED_DONE;
}

static void on_fetch_due(struct dh_op *op, int64_t now_ns)
{
    service(DH_CONTAINER_OF(op, struct dh_fetcher_node, fetch_op), now_ns);
}

static const struct dh_op_class fetch_class = {
    .name = "Fetch",
    .api_key = DH_API_FETCH,
    .channel = DH_CHANNEL_FETCH,
    .fill = fill_fetch,
    .on_reply = on_fetch_reply,
    .on_due = on_fetch_due,
};

// ---- Closing ----

static int fill_close(struct dh_op *op, int16_t version, void *message,
                      struct dh_arena *arena, int64_t now_ns)
{
    (void)version;
    (void)arena;
    (void)now_ns;
    const struct dh_fetcher_node *node =
        DH_CONTAINER_OF(op, struct dh_fetcher_node, close_op);
    struct dh_fetch_request *request = message;
    request->session_id = node->session.id;
    request->session_epoch = -1;
    return 0;
}

static enum dh_settled on_close_reply(struct dh_op *op, const struct dh_reply *reply,
                                      int64_t now_ns)
{
    (void)reply;
    (void)now_ns;
    DH_CONTAINER_OF(op, struct dh_fetcher_node, close_op)->fetcher->closing_count--;
    return DH_SETTLED_FAILED; // either way there is nothing more to do about it
}

static void on_close_due(struct dh_op *op, int64_t now_ns)
{
    (void)op;
    (void)now_ns;
}

// On the general connection: the other one may be in the middle of a long poll.
static const struct dh_op_class close_class = {
    .name = "Fetch (close)",
    .api_key = DH_API_FETCH,
    .channel = DH_CHANNEL_GENERAL,
    .fill = fill_close,
    .on_reply = on_close_reply,
    .on_due = on_close_due,
};

void dh_fetcher_close(struct dh_fetcher *fetcher, int64_t now_ns)
{
    if (fetcher->is_closing) {
        return;
    }
    fetcher->is_closing = true;
    dh_alarm_cancel(&fetcher->unpark, fetcher->context.alarms);
    for (struct dh_map_item *item = dh_map_first(&fetcher->nodes); item != NULL;
         item = dh_map_next(item)) {
        struct dh_fetcher_node *node = item->value;
        dh_alarm_cancel(&node->drain_alarm, fetcher->context.alarms);
        dh_op_cancel(&node->fetch_op, fetcher->context.requests);
        give_back_reservation(node);
        if (node->session.id != 0 &&
            dh_requests_is_ready(fetcher->context.requests, node->node_id,
                                 DH_CHANNEL_GENERAL, now_ns)) {
            fetcher->closing_count++;
            dh_op_start(&node->close_op, fetcher->context.requests, node->node_id,
                        dh_deadline_after_ms(
                            now_ns, fetcher->context.settings->request_timeout_ms),
                        now_ns);
        }
    }
}

bool dh_fetcher_is_closed(const struct dh_fetcher *fetcher)
{
    return fetcher->is_closing && fetcher->closing_count == 0;
}

// ---- Life cycle ----

int dh_fetcher_init(struct dh_fetcher *fetcher, const struct dh_back_context *context,
                    struct dh_partitions *partitions, struct dh_budget *budget)
{
    *fetcher = (struct dh_fetcher){
        .context = *context,
        .partitions = partitions,
        .budget = budget,
    };
    if (dh_alarm_init(&fetcher->unpark, context->alarms, on_unpark_due) != 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_codec_context_init(&fetcher->codecs, context->mem, context->frames);
    fetcher->tools = (struct dh_chunk_tools){
        .mem = context->mem,
        .frames = context->frames,
        .codecs = &fetcher->codecs,
        .budget = budget,
        .batch_bytes_max = (size_t)context->settings->decompressed_batch_max_bytes,
        .check_crcs = context->settings->check_crcs,
    };
    dh_map_init(&fetcher->nodes, context->mem, dh_random_next(context->random));
    dh_list_init(&fetcher->stalled);
    dh_list_init(&fetcher->parked);
    return 0;
}

void dh_fetcher_deinit(struct dh_fetcher *fetcher)
{
    size_t cursor = 0;
    struct dh_partition *row;
    while ((row = dh_partitions_next(fetcher->partitions, &cursor)) != NULL) {
        release_row(fetcher, row);
    }
    for (struct dh_map_item *item = dh_map_first(&fetcher->nodes); item != NULL;
         item = dh_map_next(item)) {
        free_node(item->value);
    }
    dh_map_deinit(&fetcher->nodes);
    dh_codec_context_deinit(&fetcher->codecs);
    dh_alarm_deinit(&fetcher->unpark, fetcher->context.alarms);
}

// ---- Queries ----

static enum dohle_idle_reason reason_of_wanted(const struct dh_fetcher *fetcher,
                                               const struct dh_partition *row,
                                               int64_t now_ns)
{
    const struct dh_fetcher_node *node = row->fetch_node;
    if (row->leader < 0 || node == NULL || row->fetch_place == DH_FETCH_PARKED) {
        return DOHLE_IDLE_NO_LEADER;
    }
    if (dh_link_is_linked(&node->stalled_link)) {
        return DOHLE_IDLE_BUDGET_FULL;
    }
    if (now_ns < node->throttled_until_ns) {
        return DOHLE_IDLE_THROTTLED;
    }
    if (!dh_requests_is_ready(fetcher->context.requests, node->node_id, DH_CHANNEL_FETCH,
                              now_ns)) {
        return DOHLE_IDLE_NO_LEADER;
    }
    return DOHLE_IDLE_WAITING_FOR_DATA;
}

enum dohle_idle_reason dh_fetcher_idle_reason(const struct dh_fetcher *fetcher,
                                              const struct dh_partition *row,
                                              int64_t now_ns)
{
    if (row->is_revoking) {
        return DOHLE_IDLE_REVOKING;
    }
    if (row->is_paused) {
        return DOHLE_IDLE_PAUSED;
    }
    switch (row->state) {
    case DH_PARTITION_FREE:
    case DH_PARTITION_GONE: return DOHLE_IDLE_REVOKING;
    case DH_PARTITION_ADDED:
    case DH_PARTITION_STARTING:
    case DH_PARTITION_RESETTING: return DOHLE_IDLE_NO_POSITION;
    case DH_PARTITION_VALIDATING: return DOHLE_IDLE_VALIDATING;
    case DH_PARTITION_FAILED: return DOHLE_IDLE_ERROR;
    case DH_PARTITION_FETCHING: return reason_of_wanted(fetcher, row, now_ns);
    }
    return DOHLE_IDLE_WAITING_FOR_DATA;
}

// ---- Invariants ----

static void check_row(const struct dh_fetcher *fetcher, const struct dh_partition *row)
{
    bool is_placed = row->fetch_place != DH_FETCH_NOT_WANTED;
    DH_ASSERT(is_placed == dh_link_is_linked(&row->fetch_link));
    DH_ASSERT(is_placed == is_fetchable(row) || fetcher->is_closing);
    DH_ASSERT(row->buffered_chunks > 0 || row->held_bytes == 0);
    DH_ASSERT(row->buffered_bytes <= row->held_bytes);
    if (row->fetch_place == DH_FETCH_READY || row->fetch_place == DH_FETCH_FULL) {
        DH_ASSERT(row->fetch_node != NULL);
        DH_ASSERT(row->fetch_node->node_id == row->leader);
    }
    if (row->session_entry != NULL) {
        DH_ASSERT(row->fetch_node != NULL);
        DH_ASSERT(row->session_entry->is_wanted);
        DH_ASSERT(row->session_entry->want.slot == row->slot);
    }
    DH_ASSERT(row->fetch_place != DH_FETCH_READY || row->session_entry != NULL);
    DH_ASSERT(row->fetch_place != DH_FETCH_PARKED || row->session_entry == NULL);
}

static void check_node(const struct dh_fetcher *fetcher,
                       const struct dh_fetcher_node *node)
{
    size_t ready_count = 0;
    DH_LIST_EACH(link, &node->ready)
    {
        ready_count++;
    }
    bool has_full = !dh_list_is_empty(&node->full);
    DH_ASSERT(ready_count == node->ready_count);
    DH_ASSERT(node->is_active == (ready_count > 0 || has_full));
    DH_ASSERT(has_full || !node->is_without_full);
    DH_ASSERT(node->reserved_bytes == 0 || dh_op_is_busy(&node->fetch_op));
    dh_fetch_session_check(&node->session);
    DH_ASSERT(!dh_link_is_linked(&node->stalled_link) || !dh_op_is_busy(&node->fetch_op));
    // Whatever is ready is asked for, or something is named that will make it go on (L1).
    if (ready_count > 0 && !fetcher->is_closing) {
        DH_ASSERT(dh_op_is_busy(&node->fetch_op) ||
                  node->fetch_op.state == DH_OP_WAITING ||
                  dh_alarm_is_set(&node->drain_alarm) ||
                  dh_link_is_linked(&node->stalled_link));
    }
}

void dh_fetcher_check(const struct dh_fetcher *fetcher)
{
    size_t held_wanted_bytes = 0;
    size_t cursor = 0;
    const struct dh_partition *row;
    while ((row = dh_partitions_next(fetcher->partitions, &cursor)) != NULL) {
        check_row(fetcher, row);
        if (row->fetch_place != DH_FETCH_NOT_WANTED) {
            held_wanted_bytes += row->held_bytes;
        }
    }
    DH_ASSERT(held_wanted_bytes == fetcher->held_wanted_bytes);
    DH_ASSERT(fetcher->held_wanted_bytes <= fetcher->held_bytes);
    DH_ASSERT(dh_list_is_empty(&fetcher->parked) || fetcher->is_closing ||
              dh_alarm_is_set(&fetcher->unpark));
    size_t active_nodes = 0;
    size_t reserved_bytes = 0;
    for (const struct dh_map_item *item = dh_map_first(&fetcher->nodes); item != NULL;
         item = dh_map_next(item)) {
        const struct dh_fetcher_node *node = item->value;
        check_node(fetcher, node);
        active_nodes += node->is_active;
        reserved_bytes += node->reserved_bytes;
    }
    DH_ASSERT(active_nodes == fetcher->active_nodes);
    DH_ASSERT(reserved_bytes == fetcher->budget->reserved_bytes);
    // Who waits for room is told by a chunk, a response, or who drops a frame.
    DH_ASSERT(dh_list_is_empty(&fetcher->stalled) || fetcher->is_closing ||
              dh_frame_account_is_awaited(fetcher->budget->account));
}
