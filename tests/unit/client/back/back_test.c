// SPDX-License-Identifier: MIT
#include "client/back/back.h"

#include "group_rig.h"

#include <dohle/consumer.h>

#include "batches.h"
#include "wire/gen/fetch.h"

#define PARTITIONS    2
#define BATCH_RECORDS 10
#define LOG_RECORDS   50

#define STORM_REQUESTS 3000

/*
 * The whole back half against a cluster that serves a group of one member and two
 * partitions of 50 records. The front half is played: it takes what comes and gives
 * it back at once.
 */
struct back_rig {
    struct group_rig server; // of it: the coordinator, the peer, memory and settings
    struct dh_back *back;
    struct dh_buf batches[PARTITIONS];
    int64_t next_offset[PARTITIONS]; // what the front half expects
    size_t records;
    size_t gaps;
    size_t fetch_closes; // sessions ended by the client (CL-106)
    size_t assigns;
    size_t loses;
    size_t errors;
    size_t partition_errors;
    uint32_t slots[PARTITIONS];
    uint64_t assignments[PARTITIONS];
    uint64_t positions[PARTITIONS]; // numbers of the last seeks
    char trouble[512];
    bool keeps_chunks; // the application is slow
    struct dh_list kept;
    struct dh_command_subscribe subscribe;
    struct dh_command_leave leave;
    struct dh_command_commit commit;
    size_t subscribe_answers;
    size_t leave_answers;
    size_t commit_answers;
    size_t other_answers;
    struct dh_message *other; // the last one
    // What is wrong with the cluster: answers to this API carry the code, or none come.
    int16_t bad_key;
    int16_t bad_code;            // RIG_SILENT, RIG_RESET
    struct dh_random *hostility; // NULL: none; spoils one response in `spoil_every`
    uint64_t spoil_every;
    struct dh_random *faults; // NULL: none; one request in `fault_every` meets one
    uint64_t fault_every;
};

// ---- The cluster ----

static void serve_fetch(struct back_rig *rig, struct peer_request *request,
                        struct dh_fetch_response *response, int16_t code)
{
    const struct dh_fetch_request *asked = request->message;
    if (asked->session_epoch == -1) {
        rig->fetch_closes++;
        return;
    }
    response->session_id = 0; // every fetch is a full one
    response->responses.items =
        peer_alloc(request, 1, sizeof(*response->responses.items));
    bool has_records = false;
    for (int32_t i = 0; i < asked->topics.count; i++) {
        struct dh_fetch_response_response *topic = &response->responses.items[0];
        dh_struct_init(&dh_fetch_response_response_struct, topic);
        response->responses.count = 1;
        topic->topic = asked->topics.items[i].topic;
        topic->topic_id = asked->topics.items[i].topic_id;
        int32_t count = asked->topics.items[i].partitions.count;
        topic->partitions.items =
            peer_alloc(request, (size_t)count, sizeof(*topic->partitions.items));
        topic->partitions.count = count;
        for (int32_t j = 0; j < count; j++) {
            const struct dh_fetch_request_topic_partition *in =
                &asked->topics.items[i].partitions.items[j];
            struct dh_fetch_response_response_partition *out =
                &topic->partitions.items[j];
            dh_struct_init(&dh_fetch_response_response_partition_struct, out);
            out->partition_index = in->partition;
            out->error_code = code;
            out->high_watermark = LOG_RECORDS;
            out->last_stable_offset = LOG_RECORDS;
            out->records = DH_BYTES("");
            // Only spoiled metadata lead to others.
            assert_true(in->partition < PARTITIONS || rig->hostility != NULL);
            if (code == 0 && in->partition < PARTITIONS &&
                in->fetch_offset < LOG_RECORDS) {
                struct dh_buf *bytes = &rig->batches[in->partition];
                dh_buf_reset(bytes);
                test_batch_write(bytes, &(struct test_batch){
                                            .base_offset = in->fetch_offset /
                                                           BATCH_RECORDS * BATCH_RECORDS,
                                            .last_delta = -1,
                                            .record_count = BATCH_RECORDS});
                out->records = dh_buf_view(bytes);
                has_records = true;
            }
        }
    }
    if (!has_records && code == 0) { // a long poll
        request->connection->stalled_until =
            request->peer->now_ns + asked->max_wait_ms * DH_MS;
    }
}

static bool is_spoiled(struct back_rig *rig, const struct peer_request *request)
{
    // Without versions nothing at all would follow.
    return rig->hostility != NULL && request->key != DH_API_API_VERSIONS &&
           dh_random_below(rig->hostility, rig->spoil_every) == 0;
}

// Well-formed nonsense: every field at random.
static void answer_at_random(struct back_rig *rig, struct peer_request *request,
                             void *response)
{
    const struct dh_api *api = dh_api_find(request->key);
    assert_int_equal(0, dh_message_randomise(api->response, request->version,
                                             rig->hostility, request->arena, response));
}

// Some bytes of a good answer are others.
static void spoil(void *ctx, const struct peer_request *request, uint8_t *bytes,
                  size_t size)
{
    struct back_rig *rig = ctx;
    if (size == 0 || !is_spoiled(rig, request)) {
        return;
    }
    for (uint64_t i = 1 + dh_random_below(rig->hostility, 4); i > 0; i--) {
        uint64_t at = dh_random_below(rig->hostility, size);
        bytes[at] = (uint8_t)dh_random_next(rig->hostility);
    }
}

// What a cluster in trouble answers; all of it passes.
static enum peer_verdict draw_fault(struct back_rig *rig,
                                    const struct peer_request *request)
{
    static const int16_t codes[] = {
        DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION,
        DH_BROKER_LEADER_NOT_AVAILABLE,
        DH_BROKER_NOT_LEADER_OR_FOLLOWER,
        DH_BROKER_REQUEST_TIMED_OUT,
        DH_BROKER_COORDINATOR_LOAD_IN_PROGRESS,
        DH_BROKER_COORDINATOR_NOT_AVAILABLE,
        DH_BROKER_NOT_COORDINATOR,
        DH_BROKER_ILLEGAL_GENERATION,
        DH_BROKER_UNKNOWN_MEMBER_ID,
        DH_BROKER_REBALANCE_IN_PROGRESS,
        DH_BROKER_KAFKA_STORAGE_ERROR,
        DH_BROKER_FENCED_LEADER_EPOCH,
        DH_BROKER_UNKNOWN_LEADER_EPOCH,
        DH_BROKER_UNSTABLE_OFFSET_COMMIT,
        DH_BROKER_UNKNOWN_TOPIC_ID,
    };
    switch (dh_random_below(rig->faults, 4)) {
    case 0: return PEER_SILENT;
    case 1: return PEER_RESET;
    default:
        // Who asks for versions, metadata and the coordinator is answered.
        rig->server.script[0] = (struct rig_script){
            request->key, codes[dh_random_below(rig->faults, DH_COUNT_OF(codes))]};
        return PEER_SERVE;
    }
}

static enum peer_verdict serve(void *ctx, struct peer_request *request, void *response)
{
    struct back_rig *rig = ctx;
    rig->server.trace_size = 0; // counted, not traced
    rig->server.script[0] = (struct rig_script){0};
    if (rig->faults != NULL && dh_random_below(rig->faults, rig->fault_every) == 0) {
        enum peer_verdict verdict = draw_fault(rig, request);
        if (verdict != PEER_SERVE) {
            return verdict;
        }
    }
    if (is_spoiled(rig, request)) {
        answer_at_random(rig, request, response);
        return PEER_ANSWER;
    }
    if (request->key == rig->bad_key) {
        // A storm that needs no time would never end.
        if (rig->bad_code == RIG_SILENT ||
            request->peer->requests[request->key] > STORM_REQUESTS) {
            return PEER_SILENT;
        }
        if (rig->bad_code == RIG_RESET) {
            return PEER_RESET;
        }
        rig->server.script[0] = (struct rig_script){rig->bad_key, rig->bad_code};
    }
    if (request->key == DH_API_FETCH) {
        serve_fetch(rig, request, response, rig_next_code(&rig->server, DH_API_FETCH));
        return PEER_ANSWER;
    }
    if (request->key == DH_API_METADATA && rig->bad_key == DH_API_METADATA) {
        rig->server.net.peer.topics[0].error_code = rig->bad_code;
    }
    if (request->key == DH_API_FIND_COORDINATOR &&
        rig->bad_key == DH_API_FIND_COORDINATOR) {
        rig->server.net.peer.coordinator_error = rig->bad_code;
    }
    return rig_hook(&rig->server, request, response);
}

// ---- The front half ----

static void give(struct back_rig *rig, struct dh_message *message)
{
    dh_back_input(rig->back, message, rig->server.net.peer.now_ns);
}

static void take_chunk(struct back_rig *rig, struct dh_chunk *chunk)
{
    for (int p = 0; p < PARTITIONS; p++) {
        if (rig->slots[p] != chunk->slot ||
            rig->assignments[p] != chunk->term.assignment ||
            rig->positions[p] != chunk->term.position) {
            continue;
        }
        if (chunk->fetch_offset != rig->next_offset[p]) {
            rig->gaps++;
        }
        rig->records += (size_t)(chunk->next_offset - chunk->fetch_offset);
        rig->next_offset[p] = chunk->next_offset;
    }
}

static void take_assign(struct back_rig *rig, const struct dh_notice_ownership *notice)
{
    rig->assigns++;
    for (uint32_t i = 0; i < notice->count; i++) {
        int32_t p = notice->partitions[i].partition;
        if (p >= PARTITIONS) {
            continue;
        }
        rig->slots[p] = notice->partitions[i].slot;
        rig->assignments[p] = notice->partitions[i].assignment;
        rig->next_offset[p] = 0;
    }
}

static void take(struct back_rig *rig, struct dh_message *message)
{
    switch (message->kind) {
    case DH_NOTICE_CHUNK:
        take_chunk(rig, DH_CONTAINER_OF(message, struct dh_chunk, message));
        if (rig->keeps_chunks) {
            dh_list_push_back(&rig->kept, &message->link);
            return;
        }
        break;
    case DH_NOTICE_ASSIGN:
        take_assign(rig, DH_CONTAINER_OF(message, struct dh_notice_ownership, message));
        break;
    case DH_NOTICE_LOSE: rig->loses++; break;
    case DH_NOTICE_ERROR: rig->errors++; break;
    case DH_NOTICE_PARTITION_ERROR: rig->partition_errors++; break;
    case DH_NOTICE_TROUBLE:
        snprintf(rig->trouble, sizeof(rig->trouble), "%s",
                 DH_CONTAINER_OF(message, struct dh_notice_trouble, message)->text);
        break;
    case DH_NOTICE_REVOKE:
    case DH_NOTICE_POSITION:
    case DH_NOTICE_TOPICS: break;
    case DH_COMMAND_SUBSCRIBE: rig->subscribe_answers++; return;
    case DH_COMMAND_UNSUBSCRIBE:
    case DH_COMMAND_CLOSE: rig->leave_answers++; return;
    case DH_COMMAND_COMMIT: rig->commit_answers++; return;
    case DH_COMMAND_ASSIGN:
    case DH_COMMAND_SEEK:
    case DH_COMMAND_PAUSE:
    case DH_COMMAND_COMMITTED:
    case DH_COMMAND_LIST_OFFSETS:
    case DH_COMMAND_TOPICS:
    case DH_COMMAND_FIND:
    case DH_COMMAND_REBALANCE:
    case DH_COMMAND_IDLE_REASON:
        rig->other_answers++;
        rig->other = message;
        if (message->size > 0) { // else it is the test's own memory
            dh_message_free(&rig->server.net.memory.allocator, message);
        }
        return;
    }
    give(rig, message);
}

static void take_events(void *engine, int64_t now_ns)
{
    (void)now_ns;
    struct back_rig *rig = engine;
    for (struct dh_message *message; (message = dh_back_next_event(rig->back)) != NULL;) {
        take(rig, message);
    }
    dh_back_check(rig->back);
}

static void release_chunks(struct back_rig *rig)
{
    rig->keeps_chunks = false;
    for (struct dh_link *link; (link = dh_list_pop_front(&rig->kept)) != NULL;) {
        give(rig, DH_CONTAINER_OF(link, struct dh_message, link));
    }
}

// ---- The engine ----

static bool next_action(void *engine, struct dh_action *action, int64_t now_ns)
{
    (void)now_ns;
    return dh_back_next_action(((struct back_rig *)engine)->back, action);
}

static void on_resolved(void *engine, uint32_t connection_id,
                        const struct dh_address *addresses, size_t count, int err,
                        const char *text, int64_t now_ns)
{
    dh_back_on_resolved(((struct back_rig *)engine)->back, connection_id, addresses,
                        count, err, text, now_ns);
}

static void on_connected(void *engine, uint32_t connection_id, int64_t now_ns)
{
    dh_back_on_connected(((struct back_rig *)engine)->back, connection_id, now_ns);
}

static void on_closed(void *engine, uint32_t connection_id, int err, const char *text,
                      int64_t now_ns)
{
    dh_back_on_closed(((struct back_rig *)engine)->back, connection_id, err, text,
                      now_ns);
}

static bool receive_buffer(void *engine, uint32_t connection_id, uint8_t **pointer,
                           size_t *capacity)
{
    return dh_back_receive_buffer(((struct back_rig *)engine)->back, connection_id,
                                  pointer, capacity);
}

static void on_received(void *engine, uint32_t connection_id, size_t size, int64_t now_ns)
{
    dh_back_on_received(((struct back_rig *)engine)->back, connection_id, size, now_ns);
}

static void on_sent(void *engine, uint32_t connection_id, int64_t now_ns)
{
    dh_back_on_sent(((struct back_rig *)engine)->back, connection_id, now_ns);
}

static int64_t deadline(void *engine)
{
    return dh_back_deadline(((struct back_rig *)engine)->back);
}

static void tick(void *engine, int64_t now_ns)
{
    struct dh_poll_mark mark = {.is_inside = true};
    dh_back_tick(((struct back_rig *)engine)->back, mark, now_ns);
}

static const struct peer_engine engine = {
    .next_action = next_action,
    .on_resolved = on_resolved,
    .on_connected = on_connected,
    .on_closed = on_closed,
    .receive_buffer = receive_buffer,
    .on_received = on_received,
    .on_sent = on_sent,
    .deadline = deadline,
    .tick = tick,
    .after_turn = take_events,
};

// ---- Life cycle ----

static const char *const from_the_beginning[] = {"auto.offset.reset", "earliest", NULL};

// Returns false when there was no memory to begin.
static bool set_up_failing_at(struct back_rig *rig, const char *const *options,
                              size_t fail_at)
{
    memset(rig, 0, sizeof(*rig));
    rig->bad_key = -1;
    dh_list_init(&rig->kept);
    struct net_rig *net = &rig->server.net;
    test_memory_init(&net->memory);
    rig_settings(net, "one:9092", options);
    struct peer_engine with_rig = engine;
    with_rig.engine = rig;
    peer_init(&net->peer, &with_rig);
    net->peer.hook = serve;
    net->peer.hook_ctx = rig;
    peer_add_node(&net->peer, 1, "one", 9092);
    peer_add_topic(&net->peer, "t", PARTITIONS, 1);
    net->peer.coordinator = 1;
    rig->server.committed_offset = -1;
    rig->server.committed_epoch = -1;
    rig->server.log_end = LOG_RECORDS;
    rig->server.end_offset = LOG_RECORDS;
    for (int p = 0; p < PARTITIONS; p++) {
        dh_buf_init(&rig->batches[p], dh_mem_default(), 0);
    }
    net->memory.fail_at = fail_at;
    const struct dh_back_options back_options = {.mem = &net->memory.allocator,
                                                 .settings = &net->settings,
                                                 .seed = 11,
                                                 .now_ns = net->peer.now_ns};
    rig->back = dh_back_new(&back_options);
    return rig->back != NULL;
}

static void set_up(struct back_rig *rig, const char *const *options)
{
    assert_true(set_up_failing_at(rig, options, 0));
}

static void tear_down(struct back_rig *rig)
{
    struct net_rig *net = &rig->server.net;
    net->memory.fail_at = 0;
    dh_back_free(rig->back);
    for (struct dh_link *link; (link = dh_list_pop_front(&rig->kept)) != NULL;) {
        dh_message_free(&net->memory.allocator,
                        DH_CONTAINER_OF(link, struct dh_message, link));
    }
    for (int p = 0; p < PARTITIONS; p++) {
        dh_buf_deinit(&rig->batches[p]);
    }
    dh_settings_deinit(&net->settings);
    peer_deinit(&net->peer);
    assert_int_equal(0, net->memory.bytes);
}

static void run_ms(struct back_rig *rig, int64_t duration_ms)
{
    peer_run(&rig->server.net.peer, duration_ms * DH_MS);
}

static void subscribe(struct back_rig *rig)
{
    static const char *const topics[] = {"t"};
    rig->subscribe = (struct dh_command_subscribe){
        .message = {.kind = DH_COMMAND_SUBSCRIBE}, .topics = topics, .topic_count = 1};
    give(rig, &rig->subscribe.message);
}

static void leave(struct back_rig *rig, enum dh_message_kind kind, int64_t timeout_ms)
{
    rig->leave = (struct dh_command_leave){
        .message = {.kind = kind},
        .deadline_ns = dh_deadline_after_ms(rig->server.net.peer.now_ns, timeout_ms)};
    give(rig, &rig->leave.message);
}

// Closes; all must have ended by then, and tears down.
static void close_within(struct back_rig *rig, int64_t timeout_ms)
{
    size_t answers = rig->leave_answers;
    leave(rig, DH_COMMAND_CLOSE, timeout_ms);
    run_ms(rig, timeout_ms);
    assert_int_equal(answers + 1, rig->leave_answers);
    release_chunks(rig);
    peer_settle(&rig->server.net.peer);
    assert_true(dh_back_is_finished(rig->back));
    assert_int_equal(0, peer_open_count(&rig->server.net.peer));
    tear_down(rig);
}

static void commit(struct back_rig *rig, int64_t timeout_ms)
{
    static dohle_offset offset;
    offset = (dohle_offset){.topic = "t", .offset = 10, .leader_epoch = -1};
    rig->commit = (struct dh_command_commit){
        .message = {.kind = DH_COMMAND_COMMIT},
        .mode = DH_COMMIT_SYNC,
        .deadline_ns = dh_deadline_after_ms(rig->server.net.peer.now_ns, timeout_ms),
        .count = 1,
        .offsets = &offset};
    give(rig, &rig->commit.message);
}

// ---- A member of a group ----

static void test_group_member_reads_all(void **state)
{
    (void)state;
    struct back_rig rig;
    set_up(&rig, from_the_beginning);
    subscribe(&rig);
    run_ms(&rig, 1000);
    assert_int_equal(1, rig.subscribe_answers);
    assert_int_equal(0, rig.subscribe.err);
    assert_int_equal(1, rig.assigns);
    assert_int_equal(PARTITIONS * LOG_RECORDS, rig.records);
    assert_int_equal(0, rig.gaps);
    commit(&rig, 1000);
    run_ms(&rig, 10);
    assert_int_equal(1, rig.commit_answers);
    assert_int_equal(0, rig.commit.error.code);
    assert_string_equal("", rig.trouble);
    size_t leaves = rig.server.net.peer.requests[DH_API_LEAVE_GROUP];
    close_within(&rig, 1000);
    assert_int_equal(leaves + 1, rig.server.net.peer.requests[DH_API_LEAVE_GROUP]);
}

static void test_member_leaves_and_comes_back(void **state)
{
    (void)state;
    struct back_rig rig;
    set_up(&rig, from_the_beginning);
    subscribe(&rig);
    run_ms(&rig, 1000);
    leave(&rig, DH_COMMAND_UNSUBSCRIBE, 1000);
    run_ms(&rig, 100);
    assert_int_equal(1, rig.leave_answers);
    size_t fetches = rig.server.net.peer.requests[DH_API_FETCH];
    run_ms(&rig, 10000);
    assert_int_equal(fetches, rig.server.net.peer.requests[DH_API_FETCH]);
    subscribe(&rig);
    run_ms(&rig, 1000);
    assert_int_equal(2, rig.assigns);
    assert_int_equal(2 * PARTITIONS * LOG_RECORDS, rig.records);
    close_within(&rig, 1000);
}

static void test_subscribing_needs_a_group(void **state)
{
    (void)state;
    struct back_rig rig;
    static const char *const options[] = {"group.id", NULL, NULL};
    set_up(&rig, options);
    subscribe(&rig);
    run_ms(&rig, 1000);
    assert_int_equal(1, rig.subscribe_answers);
    assert_int_equal(DOHLE_ERR_INVALID_GROUP, rig.subscribe.err);
    assert_int_equal(0, rig.server.net.peer.connection_count);
    close_within(&rig, 0);
}

// ---- By hand ----

static struct dh_named_partition named[PARTITIONS];

static void assign(struct back_rig *rig, struct dh_command_assign *command,
                   uint32_t count)
{
    for (int32_t p = 0; p < PARTITIONS; p++) {
        named[p] = (struct dh_named_partition){.topic = "t", .partition = p};
    }
    *command = (struct dh_command_assign){
        .message = {.kind = DH_COMMAND_ASSIGN}, .count = count, .partitions = named};
    give(rig, &command->message);
    for (uint32_t i = 0; i < count; i++) {
        if (rig->assignments[i] != named[i].assignment) {
            rig->next_offset[i] = 0;
        }
        rig->slots[i] = named[i].slot;
        rig->assignments[i] = named[i].assignment;
    }
}

static void seek(struct back_rig *rig, struct dh_command_seek *command, int p,
                 uint64_t number, int64_t offset)
{
    *command = (struct dh_command_seek){
        .message = {.kind = DH_COMMAND_SEEK},
        .slot = rig->slots[p],
        .term = {.assignment = rig->assignments[p], .position = number},
        .target = DH_SEEK_OFFSET,
        .offset = offset,
        .leader_epoch = -1};
    give(rig, &command->message);
    rig->next_offset[p] = offset;
    rig->positions[p] = number;
}

static void test_partitions_are_read_by_hand(void **state)
{
    (void)state;
    struct back_rig rig;
    set_up(&rig, from_the_beginning);
    struct dh_command_assign first;
    assign(&rig, &first, 1);
    assert_int_equal(0, first.err);
    run_ms(&rig, 1000);
    assert_int_equal(1, rig.other_answers);
    assert_int_equal(LOG_RECORDS, rig.records);
    // One more; the first keeps slot, term and position.
    uint64_t assignment = rig.assignments[0];
    struct dh_command_assign second;
    assign(&rig, &second, 2);
    assert_int_equal(assignment, rig.assignments[0]);
    assert_true(rig.assignments[1] > assignment);
    run_ms(&rig, 1000);
    assert_int_equal(2 * LOG_RECORDS, rig.records);
    // Back to 20.
    struct dh_command_seek back_to_20;
    seek(&rig, &back_to_20, 0, 1, 20);
    run_ms(&rig, 1000);
    assert_int_equal(3 * LOG_RECORDS - 20, rig.records);
    assert_int_equal(0, rig.gaps);
    // Nothing.
    struct dh_command_assign nothing;
    assign(&rig, &nothing, 0);
    run_ms(&rig, 1000);
    size_t fetches = rig.server.net.peer.requests[DH_API_FETCH];
    run_ms(&rig, 5000);
    assert_int_equal(fetches, rig.server.net.peer.requests[DH_API_FETCH]);
    assert_int_equal(0, rig.server.net.peer.requests[DH_API_JOIN_GROUP]);
    close_within(&rig, 1000);
}

static void test_stale_commands_change_nothing(void **state)
{
    (void)state;
    struct back_rig rig;
    set_up(&rig, from_the_beginning);
    struct dh_command_assign command;
    assign(&rig, &command, 1);
    run_ms(&rig, 1000);
    rig.assignments[0] += 7;
    struct dh_command_seek stale;
    seek(&rig, &stale, 0, 1, 20);
    struct dh_command_pause pause = {.message = {.kind = DH_COMMAND_PAUSE},
                                     .slot = 12345,
                                     .assignment = 1,
                                     .paused = true};
    give(&rig, &pause.message);
    struct dh_command_idle_reason reason = {
        .message = {.kind = DH_COMMAND_IDLE_REASON}, .slot = 12345, .assignment = 1};
    give(&rig, &reason.message);
    run_ms(&rig, 1000);
    assert_int_equal(4, rig.other_answers);
    assert_int_equal(DOHLE_IDLE_REVOKING, reason.reason);
    assert_int_equal(LOG_RECORDS, rig.records);
    close_within(&rig, 1000);
}

static void test_paused_partition_is_not_fetched(void **state)
{
    (void)state;
    struct back_rig rig;
    set_up(&rig, from_the_beginning);
    struct dh_command_assign command;
    assign(&rig, &command, 1);
    struct dh_command_pause pause = {.message = {.kind = DH_COMMAND_PAUSE},
                                     .slot = rig.slots[0],
                                     .assignment = rig.assignments[0],
                                     .paused = true};
    give(&rig, &pause.message);
    run_ms(&rig, 1000);
    assert_int_equal(0, rig.records);
    struct dh_command_idle_reason reason = {.message = {.kind = DH_COMMAND_IDLE_REASON},
                                            .slot = rig.slots[0],
                                            .assignment = rig.assignments[0]};
    give(&rig, &reason.message);
    run_ms(&rig, 1);
    assert_int_equal(DOHLE_IDLE_PAUSED, reason.reason);
    pause.paused = false;
    give(&rig, &pause.message);
    run_ms(&rig, 1000);
    assert_int_equal(LOG_RECORDS, rig.records);
    give(&rig, &reason.message);
    run_ms(&rig, 1);
    assert_int_equal(DOHLE_IDLE_WAITING_FOR_DATA, reason.reason);
    close_within(&rig, 1000);
}

// A leader is lost, which counts as a new epoch, and found again; nobody runs in a circle.
static void test_leader_goes_and_comes_back(void **state)
{
    (void)state;
    struct back_rig rig;
    static const char *const options[] = {"auto.offset.reset", "earliest",
                                          "metadata.max.age.ms", "1000", NULL};
    set_up(&rig, options);
    struct dh_command_assign command;
    assign(&rig, &command, 1);
    run_ms(&rig, 1500);
    struct peer_topic *topic = &rig.server.net.peer.topics[0];
    topic->leader[0] = -1;
    topic->leader_epoch[0] = 1;
    run_ms(&rig, 3000);
    struct dh_command_idle_reason reason = {.message = {.kind = DH_COMMAND_IDLE_REASON},
                                            .slot = rig.slots[0],
                                            .assignment = rig.assignments[0]};
    give(&rig, &reason.message);
    run_ms(&rig, 1);
    assert_int_equal(DOHLE_IDLE_NO_LEADER, reason.reason);
    topic->leader[0] = 1;
    topic->leader_epoch[0] = 2;
    run_ms(&rig, 3000);
    struct dh_command_seek back_to_20;
    seek(&rig, &back_to_20, 0, 1, 20);
    run_ms(&rig, 1000);
    assert_int_equal(2 * LOG_RECORDS - 20, rig.records);
    assert_int_equal(0, rig.gaps);
    close_within(&rig, 1000);
}

// ---- Bytes and memory ----

static void test_responses_in_pieces(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 2, 3, 5, 17, 4095, 4096, 4097};
    for (size_t i = 0; i < DH_COUNT_OF(sizes); i++) {
        struct back_rig rig;
        set_up(&rig, from_the_beginning);
        rig.server.net.peer.piece_bytes = sizes[i];
        subscribe(&rig);
        run_ms(&rig, 1000);
        assert_int_equal(PARTITIONS * LOG_RECORDS, rig.records);
        assert_int_equal(0, rig.gaps);
        close_within(&rig, 1000);
    }
}

// A connection is lost after each number of bytes; all records come, once.
static void test_reset_at_every_byte(void **state)
{
    (void)state;
    for (int64_t bytes = 0; bytes < 6000; bytes += 7) {
        struct back_rig rig;
        set_up(&rig, from_the_beginning);
        rig.server.net.peer.reset_after_bytes = bytes;
        subscribe(&rig);
        run_ms(&rig, 20000);
        assert_int_equal(PARTITIONS * LOG_RECORDS, rig.records);
        assert_int_equal(0, rig.gaps);
        assert_int_equal(0, rig.loses);
        close_within(&rig, 1000);
    }
}

// R4: from each allocation on there is no memory for a while; then all goes on.
static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    size_t fail_at = 1;
    for (bool has_failed = true; has_failed; fail_at++) {
        struct back_rig rig;
        if (!set_up_failing_at(&rig, from_the_beginning, fail_at)) {
            tear_down(&rig);
            continue;
        }
        subscribe(&rig);
        run_ms(&rig, 300);
        has_failed = rig.server.net.memory.calls >= fail_at;
        bool is_refused = rig.subscribe.err != 0;
        rig.server.net.memory.fail_at = 0;
        if (is_refused) {
            assert_int_equal(DOHLE_ERR_NO_MEMORY, rig.subscribe.err);
            subscribe(&rig);
        }
        run_ms(&rig, 60000);
        assert_int_equal(PARTITIONS * LOG_RECORDS, rig.records);
        assert_int_equal(0, rig.gaps);
        close_within(&rig, 1000);
        assert_true(fail_at < 2000);
    }
    assert_true(fail_at > 60);
}

// The application keeps what came: nothing more is fetched than may be buffered, and the
// group goes on.
static void test_slow_application(void **state)
{
    (void)state;
    struct back_rig rig;
    set_up(&rig, from_the_beginning);
    rig.keeps_chunks = true;
    subscribe(&rig);
    run_ms(&rig, 60000);
    assert_in_range(rig.server.beats, 15, 30);
    assert_in_range(rig.records, BATCH_RECORDS, PARTITIONS * LOG_RECORDS);
    release_chunks(&rig);
    run_ms(&rig, 2000);
    assert_int_equal(PARTITIONS * LOG_RECORDS, rig.records);
    close_within(&rig, 1000);
}

// ---- Closing ----

static void test_close_without_anything(void **state)
{
    (void)state;
    struct back_rig rig;
    set_up(&rig, NULL);
    leave(&rig, DH_COMMAND_CLOSE, 1000);
    run_ms(&rig, 0);
    assert_int_equal(1, rig.leave_answers);
    assert_true(dh_back_is_finished(rig.back));
    tear_down(&rig);
}

// L6, API-160: by the deadline, whatever does not answer, from the start or later.
static void test_close_ends_by_its_deadline(void **state)
{
    (void)state;
    static const int16_t keys[] = {
        DH_API_API_VERSIONS, DH_API_METADATA,      DH_API_FIND_COORDINATOR,
        DH_API_JOIN_GROUP,   DH_API_SYNC_GROUP,    DH_API_HEARTBEAT,
        DH_API_LEAVE_GROUP,  DH_API_OFFSET_COMMIT, DH_API_OFFSET_FETCH,
        DH_API_LIST_OFFSETS, DH_API_FETCH,
    };
    for (size_t i = 0; i < DH_COUNT_OF(keys); i++) {
        for (int j = 0; j < 4; j++) {
            bool is_from_the_start = j % 2 == 0;
            struct back_rig rig;
            set_up(&rig, from_the_beginning);
            rig.bad_code = j < 2 ? RIG_SILENT : RIG_RESET;
            rig.bad_key = is_from_the_start ? keys[i] : -1;
            subscribe(&rig);
            run_ms(&rig, 3500);
            rig.bad_key = keys[i];
            run_ms(&rig, 700);
            commit(&rig, 60000);
            run_ms(&rig, 100);
            close_within(&rig, 1000);
            assert_int_equal(1, rig.commit_answers);
        }
    }
}

static void test_close_without_a_cluster(void **state)
{
    (void)state;

    static const enum peer_reach reaches[] = {PEER_REFUSES, PEER_HANGS};

    for (size_t i = 0; i < DH_COUNT_OF(reaches); i++) {
        struct back_rig rig;
        set_up(&rig, NULL);
        rig.server.net.peer.nodes[0].reach[0] = reaches[i];
        subscribe(&rig);
        run_ms(&rig, 5000);
        close_within(&rig, 100);
    }
}

// A commit of a consumer without membership would wait for the coordinator for long.
static void test_close_does_not_wait_for_a_commit(void **state)
{
    (void)state;
    struct back_rig rig;
    set_up(&rig, from_the_beginning);
    rig.bad_key = DH_API_FIND_COORDINATOR;
    rig.bad_code = RIG_SILENT;
    struct dh_command_assign command;
    assign(&rig, &command, 2);
    run_ms(&rig, 100);
    commit(&rig, 60000);
    run_ms(&rig, 100);
    assert_int_equal(0, rig.commit_answers);
    int64_t before_ns = rig.server.net.peer.now_ns;
    leave(&rig, DH_COMMAND_CLOSE, 1000);
    run_ms(&rig, 999);
    assert_int_equal(0, rig.leave_answers);
    run_ms(&rig, 1);
    assert_int_equal(before_ns + 1000 * DH_MS, rig.server.net.peer.now_ns);
    assert_int_equal(1, rig.leave_answers);
    assert_int_equal(1, rig.commit_answers);
    assert_int_equal(DOHLE_ERR_CLOSED, rig.commit.error.code);
    assert_true(dh_back_is_finished(rig.back));
    tear_down(&rig);
}

// Commands after CLOSE are answered, notices that come back are freed.
static void test_commands_after_close(void **state)
{
    (void)state;
    struct back_rig rig;
    set_up(&rig, from_the_beginning);
    rig.keeps_chunks = true;
    subscribe(&rig);
    run_ms(&rig, 1000);
    leave(&rig, DH_COMMAND_CLOSE, 1000);
    run_ms(&rig, 1000);
    assert_int_equal(1, rig.leave_answers);
    subscribe(&rig);
    commit(&rig, 1000);
    struct dh_command_assign command;
    assign(&rig, &command, 2);
    leave(&rig, DH_COMMAND_CLOSE, 1000);
    release_chunks(&rig);
    run_ms(&rig, 10);
    assert_int_equal(DOHLE_ERR_CLOSED, rig.subscribe.err);
    assert_int_equal(DOHLE_ERR_CLOSED, rig.commit.error.code);
    assert_int_equal(DOHLE_ERR_CLOSED, command.err);
    assert_int_equal(2, rig.leave_answers);
    assert_true(dh_back_is_finished(rig.back));
    tear_down(&rig);
}

// ---- Trouble ----

static void test_trouble_is_told(void **state)
{
    (void)state;
    struct back_rig rig;
    set_up(&rig, from_the_beginning);
    rig.server.net.peer.nodes[0].reach[0] = PEER_REFUSES;
    subscribe(&rig);
    run_ms(&rig, 1000);
    assert_string_equal("one:9092 (bootstrap): connection refused", rig.trouble);
    rig.server.net.peer.nodes[0].reach[0] = PEER_ACCEPTS;
    run_ms(&rig, 3000);
    assert_string_equal("", rig.trouble);
    assert_int_equal(PARTITIONS * LOG_RECORDS, rig.records);
    close_within(&rig, 1000);
}

/*
 * L7: whatever code answers whatever API for ten seconds, no more than 20 requests of
 * a kind go out in a second.
 */
static void test_no_error_makes_a_storm(void **state)
{
    (void)state;
    static const int16_t keys[] = {
        DH_API_METADATA,     DH_API_FIND_COORDINATOR, DH_API_JOIN_GROUP,
        DH_API_SYNC_GROUP,   DH_API_HEARTBEAT,        DH_API_OFFSET_COMMIT,
        DH_API_OFFSET_FETCH, DH_API_LIST_OFFSETS,     DH_API_FETCH,
    };
    size_t storms = 0;
    for (size_t i = 0; i < DH_COUNT_OF(keys); i++) {
        for (int16_t code = -1; code <= 133; code++) {
            struct back_rig rig;
            set_up(&rig, from_the_beginning);
            rig.bad_key = keys[i];
            rig.bad_code = code;
            subscribe(&rig);
            for (int turn = 0; turn < 10; turn++) {
                commit(&rig, 900);
                run_ms(&rig, 1000);
            }
            for (int16_t key = 0; key < DH_API_KEY_END; key++) {
                size_t count = rig.server.net.peer.requests[key];
                if (count > 200) {
                    print_message("%s answered with %d: %zu of %s in 10 s\n",
                                  dh_api_name(keys[i]), code, count, dh_api_name(key));
                    storms++;
                }
            }
            close_within(&rig, 1000);
        }
    }
    assert_int_equal(0, storms);
}

/*
 * S20, S21, S23, L3: a cluster in trouble for a while, in every order that the seeds
 * give. No offset is skipped or read twice in one assignment, and when the trouble is
 * over everything is read to the end. DOHLE_TEST_SEEDS=FIRST:COUNT looks further.
 */
static void run_troubled_session(uint64_t seed)
{
    struct dh_random random = {seed};
    static const char *const options[] = {"auto.offset.reset",
                                          "earliest",
                                          "request.timeout.ms",
                                          "3000",
                                          "metadata.max.age.ms",
                                          "5000",
                                          "max.poll.interval.ms",
                                          "10000",
                                          NULL};
    struct back_rig rig;
    set_up(&rig, options);
    rig.faults = &random;
    rig.fault_every = 2 + dh_random_below(&random, 12);
    rig.server.net.peer.piece_bytes = dh_random_below(&random, 3) == 0 ? 13 : 0;
    bool is_short_of_memory = dh_random_below(&random, 3) == 0;
    struct test_memory *memory = &rig.server.net.memory;
    struct dh_command_assign command;
    if (dh_random_below(&random, 3) == 0) {
        assign(&rig, &command, PARTITIONS);
    } else {
        subscribe(&rig);
    }
    for (int i = 0; i < 100; i++) {
        if (is_short_of_memory) {
            memory->fail_at = memory->calls + 1 + dh_random_below(&random, 50);
        }
        run_ms(&rig, (int64_t)dh_random_below(&random, 200));
        memory->fail_at = 0;
        run_ms(&rig, (int64_t)dh_random_below(&random, 200));
    }
    rig.faults = NULL;
    run_ms(&rig, 60000);
    assert_int_equal(0, rig.gaps);
    for (int p = 0; p < PARTITIONS; p++) {
        assert_int_equal(LOG_RECORDS, rig.next_offset[p]);
    }
    assert_string_equal("", rig.trouble);
    close_within(&rig, 1000);
}

static void run_seeds(void (*session)(uint64_t seed), unsigned long long count)
{
    unsigned long long first = 1;
    const char *seeds = getenv("DOHLE_TEST_SEEDS");
    if (seeds != NULL) {
        assert_int_equal(2, sscanf(seeds, "%llu:%llu", &first, &count));
    }
    for (unsigned long long seed = first; seed < first + count; seed++) {
        if (seeds != NULL) {
            print_message("seed %llu\n", seed);
        }
        session(seed);
    }
}

static void test_troubled_cluster(void **state)
{
    (void)state;
    run_seeds(run_troubled_session, 100);
}

/*
 * H: answers that are spoiled or nonsense from the first byte to the last. Nothing
 * breaks, nothing leaks, close ends in time. DOHLE_TEST_SEEDS=FIRST:COUNT looks further.
 */
struct offsets_block {
    struct dh_command_offsets command;
    dohle_offset offsets[PARTITIONS];
    int64_t timestamps[PARTITIONS];
};

static void *new_command(struct back_rig *rig, enum dh_message_kind kind, size_t size)
{
    struct dh_message *message =
        dh_mem_calloc(&rig->server.net.memory.allocator, 1, size);
    assert_non_null(message);
    message->kind = kind;
    message->size = (uint32_t)size;
    return message;
}

static void ask_offsets(struct back_rig *rig, enum dh_message_kind kind,
                        int64_t deadline_ns)
{
    struct offsets_block *block = new_command(rig, kind, sizeof(*block));
    for (int32_t p = 0; p < PARTITIONS; p++) {
        block->offsets[p] = (dohle_offset){.topic = "t", .partition = p};
        block->timestamps[p] = -1 - p;
    }
    block->command.deadline_ns = deadline_ns;
    block->command.count = PARTITIONS;
    block->command.offsets = block->offsets;
    block->command.timestamps = block->timestamps;
    give(rig, &block->command.message);
}

// One thing that an application might do now.
static void do_something(struct back_rig *rig, struct dh_random *random)
{
    int64_t deadline_ns = dh_deadline_after_ms(rig->server.net.peer.now_ns, 900);
    switch (dh_random_below(random, 7)) {
    case 0: ask_offsets(rig, DH_COMMAND_COMMITTED, deadline_ns); break;
    case 1: ask_offsets(rig, DH_COMMAND_LIST_OFFSETS, deadline_ns); break;
    case 2: {
        struct dh_command_topics *command =
            new_command(rig, DH_COMMAND_TOPICS, sizeof(*command));
        command->deadline_ns = deadline_ns;
        command->topic = dh_random_below(random, 2) == 0 ? "t" : NULL;
        give(rig, &command->message);
        break;
    }
    case 3: {
        struct dh_command_seek *command =
            new_command(rig, DH_COMMAND_SEEK, sizeof(*command));
        uint64_t p = dh_random_below(random, PARTITIONS);
        command->slot = rig->slots[p];
        command->term = (struct dh_term){rig->assignments[p], ++rig->positions[p]};
        command->target = (enum dh_seek_target)dh_random_below(random, 4);
        command->offset = (int64_t)dh_random_below(random, LOG_RECORDS + 5);
        command->leader_epoch = (int32_t)dh_random_below(random, 3) - 1;
        give(rig, &command->message);
        break;
    }
    case 4: {
        struct dh_command_pause *command =
            new_command(rig, DH_COMMAND_PAUSE, sizeof(*command));
        uint64_t p = dh_random_below(random, PARTITIONS);
        command->slot = rig->slots[p];
        command->assignment = rig->assignments[p];
        command->paused = dh_random_below(random, 2) == 0;
        give(rig, &command->message);
        break;
    }
    case 5: {
        struct dh_command_rebalance *command =
            new_command(rig, DH_COMMAND_REBALANCE, sizeof(*command));
        give(rig, &command->message);
        break;
    }
    default: {
        struct dh_command_idle_reason *command =
            new_command(rig, DH_COMMAND_IDLE_REASON, sizeof(*command));
        uint64_t p = dh_random_below(random, PARTITIONS);
        command->slot = rig->slots[p];
        command->assignment = rig->assignments[p];
        give(rig, &command->message);
        break;
    }
    }
}

static void run_hostile_session(uint64_t seed)
{
    struct dh_random random = {seed};
    struct back_rig rig;
    set_up(&rig, from_the_beginning);
    rig.server.net.peer.spoiler = spoil;
    rig.hostility = &random;
    rig.spoil_every = 1 + dh_random_below(&random, 12);
    rig.keeps_chunks = dh_random_below(&random, 4) == 0;
    bool is_short_of_memory = dh_random_below(&random, 3) == 0;
    struct test_memory *memory = &rig.server.net.memory;
    struct dh_command_assign command;
    size_t asked = 0;
    if (dh_random_below(&random, 3) == 0) {
        assign(&rig, &command, PARTITIONS);
        asked++;
    } else {
        subscribe(&rig);
    }
    for (int i = 0; i < 4; i++) {
        commit(&rig, 990);
        for (int j = 0; j < 5; j++) {
            if (is_short_of_memory) {
                memory->fail_at = memory->calls + 1 + dh_random_below(&random, 30);
            }
            run_ms(&rig, (int64_t)dh_random_below(&random, 200));
            memory->fail_at = 0;
            do_something(&rig, &random);
            asked++;
        }
        run_ms(&rig, 1000);
        assert_int_equal(i + 1, rig.commit_answers);
        assert_int_equal(asked, rig.other_answers); // L5
    }
    close_within(&rig, 1000);
}

static void test_hostile_answers(void **state)
{
    (void)state;
    run_seeds(run_hostile_session, 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_member_reads_all),
        cmocka_unit_test(test_member_leaves_and_comes_back),
        cmocka_unit_test(test_subscribing_needs_a_group),
        cmocka_unit_test(test_partitions_are_read_by_hand),
        cmocka_unit_test(test_stale_commands_change_nothing),
        cmocka_unit_test(test_paused_partition_is_not_fetched),
        cmocka_unit_test(test_leader_goes_and_comes_back),
        cmocka_unit_test(test_responses_in_pieces),
        cmocka_unit_test(test_reset_at_every_byte),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_slow_application),
        cmocka_unit_test(test_close_without_anything),
        cmocka_unit_test(test_close_ends_by_its_deadline),
        cmocka_unit_test(test_close_without_a_cluster),
        cmocka_unit_test(test_close_does_not_wait_for_a_commit),
        cmocka_unit_test(test_commands_after_close),
        cmocka_unit_test(test_trouble_is_told),
        cmocka_unit_test(test_no_error_makes_a_storm),
        cmocka_unit_test(test_troubled_cluster),
        cmocka_unit_test(test_hostile_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
