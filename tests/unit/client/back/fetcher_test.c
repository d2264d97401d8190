// SPDX-License-Identifier: MIT
#include "client/back/fetcher.h"

#include "net_rig.h"

#include "batches.h"
#include "client/back/reactions.h"
#include "wire/gen/fetch.h"

#define PARTITIONS_MAX 4

// What one broker has in one partition: batches of `batch_records` records.
struct log {
    int64_t start_offset;
    int64_t end_offset;
    int64_t bad_offset; // the batch that begins here has a wrong checksum; -1: none
    int32_t batch_records;
    size_t value_size;
    int8_t codec;
    int16_t error_code;  // answered instead of records
    int32_t hint_leader; // with the error (KIP-951); -1: none
    int32_t hint_epoch;
};

// The session as the broker sees it.
struct session {
    int32_t id; // 0: none
    int32_t epoch;
    bool is_known[PARTITIONS_MAX];
    int64_t offset[PARTITIONS_MAX];
    int32_t bytes_max[PARTITIONS_MAX];
    int64_t told_high_watermark[PARTITIONS_MAX];
};

struct rig {
    struct net_rig net;
    struct dh_frame_account *account;
    struct dh_partitions partitions;
    struct dh_budget budget;
    struct dh_fetcher fetcher;
    struct log logs[PARTITIONS_MAX];
    struct session sessions[PEER_NODES_MAX]; // by node id
    struct dh_partition *rows[PARTITIONS_MAX];
    uint64_t cluster_version;
    // What the broker saw.
    size_t fetches;
    size_t full_fetches;
    size_t closes;
    size_t named;     // partitions named, all requests together
    size_t forgotten; // the same
    size_t served_bytes;
    int32_t max_bytes;
    int32_t min_bytes;
    int32_t max_wait_ms;
    int16_t version;
    // How it behaves.
    int16_t top_error; // answered once
    bool top_error_stays;
    bool refuses_sessions;
    bool names_another; // answers about a partition nobody asked for
    bool is_silent;
    int32_t throttle_ms;
    struct dh_buf bytes[PARTITIONS_MAX]; // of the response being made
};

// ---- The broker ----

static int partition_of(struct rig *rig, dohle_bytes name, const struct dh_uuid *id,
                        int32_t partition)
{
    const struct peer_topic *topic = &rig->net.peer.topics[0];
    bool is_it = rig->version >= 13 ? dh_uuid_equal(id, &topic->id)
                                    : dh_bytes_equal(name, dh_bytes_of(topic->name));
    assert_true(is_it);
    assert_in_range(partition, 0, PARTITIONS_MAX - 1);
    return partition;
}

static void take_names(struct rig *rig, struct session *session,
                       const struct dh_fetch_request *request)
{
    for (int32_t i = 0; i < request->topics.count; i++) {
        const struct dh_fetch_request_topic *topic = &request->topics.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            const struct dh_fetch_request_topic_partition *part =
                &topic->partitions.items[j];
            int p = partition_of(rig, topic->topic, &topic->topic_id, part->partition);
            session->is_known[p] = true;
            session->offset[p] = part->fetch_offset;
            session->bytes_max[p] = part->partition_max_bytes;
            rig->named++;
        }
    }
    for (int32_t i = 0; i < request->forgotten_topics_data.count; i++) {
        const struct dh_fetch_request_forgotten_topics_data *topic =
            &request->forgotten_topics_data.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            int p = partition_of(rig, topic->topic, &topic->topic_id,
                                 topic->partitions.items[j]);
            assert_true(session->is_known[p]);
            session->is_known[p] = false;
            rig->forgotten++;
        }
    }
}

// As a broker does: no more than bytes_max, but the first batch if is_first.
static void write_records(struct rig *rig, int p, int64_t offset, int32_t bytes_max,
                          bool is_first)
{
    const struct log *log = &rig->logs[p];
    struct dh_buf *out = &rig->bytes[p];
    dh_buf_reset(out);
    int64_t base = log->start_offset;
    while (base + log->batch_records <= offset) {
        base += log->batch_records;
    }
    for (; base < log->end_offset; base += log->batch_records) {
        size_t before = out->size;
        test_batch_write(out,
                         &(struct test_batch){.base_offset = base,
                                              .last_delta = -1,
                                              .record_count = log->batch_records,
                                              .codec = log->codec,
                                              .has_wrong_crc = base == log->bad_offset,
                                              .leader_epoch = 3,
                                              .value_size = log->value_size});
        if ((before > 0 || !is_first) && out->size > (size_t)bytes_max) {
            out->size = before;
            return;
        }
    }
}

// Returns whether there is news of the partition.
static bool serve_partition(struct rig *rig, struct session *session, int p,
                            int32_t *bytes_left,
                            struct dh_fetch_response_response_partition *part)
{
    const struct log *log = &rig->logs[p];
    dh_struct_init(&dh_fetch_response_response_partition_struct, part);
    part->partition_index = p;
    part->high_watermark = log->end_offset;
    if (log->error_code != 0 || session->offset[p] < log->start_offset ||
        session->offset[p] > log->end_offset) {
        part->error_code = log->error_code != 0 ? log->error_code : 1;
        part->current_leader.leader_id = log->hint_leader;
        part->current_leader.leader_epoch = log->hint_epoch;
        part->records = (dohle_bytes){(const uint8_t *)"", 0};
        return true;
    }
    int32_t bytes_max =
        session->bytes_max[p] < *bytes_left ? session->bytes_max[p] : *bytes_left;
    write_records(rig, p, session->offset[p], bytes_max, *bytes_left == rig->max_bytes);
    rig->served_bytes += rig->bytes[p].size;
    *bytes_left -= (int32_t)rig->bytes[p].size;
    *bytes_left = *bytes_left > 0 ? *bytes_left : 0;
    part->records = (dohle_bytes){rig->bytes[p].data, rig->bytes[p].size};
    if (part->records.size == 0) {
        part->records = (dohle_bytes){(const uint8_t *)"", 0};
    }
    bool is_news =
        part->records.size > 0 || session->told_high_watermark[p] != log->end_offset;
    session->told_high_watermark[p] = log->end_offset;
    return is_news;
}

static enum peer_verdict serve_fetch(struct rig *rig, struct peer_request *request,
                                     struct dh_fetch_response *response)
{
    const struct dh_fetch_request *asked = request->message;
    struct session *session = &rig->sessions[request->node_id];
    rig->version = request->version;
    if (asked->session_epoch == -1 && request->version >= 7) {
        assert_int_equal(session->id, asked->session_id);
        session->id = 0;
        rig->closes++;
        return PEER_ANSWER;
    }
    rig->fetches++;
    rig->max_bytes = asked->max_bytes;
    rig->min_bytes = asked->min_bytes;
    rig->max_wait_ms = asked->max_wait_ms;
    assert_int_equal(0, asked->isolation_level);
    if (rig->is_silent) {
        return PEER_SILENT;
    }
    response->throttle_time_ms = rig->throttle_ms;
    rig->throttle_ms = 0;
    if (rig->top_error != 0) {
        response->error_code = rig->top_error;
        session->id = 0;
        if (!rig->top_error_stays) {
            rig->top_error = 0;
        }
        return PEER_ANSWER;
    }
    bool is_full = asked->session_epoch <= 0;
    if (is_full) {
        *session = (struct session){.id = rig->refuses_sessions ? 0 : session->id + 77};
        if (request->version < 7) {
            session->id = 0;
        }
        for (int p = 0; p < PARTITIONS_MAX; p++) {
            session->told_high_watermark[p] = -1;
        }
        rig->full_fetches++;
    } else {
        assert_int_equal(session->id, asked->session_id);
        assert_int_equal(session->epoch + 1, asked->session_epoch);
    }
    session->epoch = is_full ? 0 : asked->session_epoch;
    take_names(rig, session, asked);
    response->session_id = session->id;
    response->responses.items =
        peer_alloc(request, 1, sizeof(*response->responses.items));
    response->responses.count = 1;
    struct dh_fetch_response_response *topic = &response->responses.items[0];
    dh_struct_init(&dh_fetch_response_response_struct, topic);
    topic->topic = dh_bytes_of(rig->net.peer.topics[0].name);
    topic->topic_id = rig->net.peer.topics[0].id;
    topic->partitions.items =
        peer_alloc(request, PARTITIONS_MAX, sizeof(*topic->partitions.items));
    bool has_news = false;
    int32_t bytes_left = asked->max_bytes;
    for (int i = 0; i < PARTITIONS_MAX; i++) {
        int p =
            (i + (int)rig->fetches - 1) % PARTITIONS_MAX; // each is the first one in turn
        if (!session->is_known[p]) {
            continue;
        }
        struct dh_fetch_response_response_partition *part =
            &topic->partitions.items[topic->partitions.count];
        bool is_news = serve_partition(rig, session, p, &bytes_left, part);
        if (is_news || is_full) {
            topic->partitions.count++;
        }
        has_news = has_news || part->records.size > 0 || part->error_code != 0;
    }
    if (rig->names_another) {
        rig->names_another = false;
        topic->partitions.items[topic->partitions.count - 1].partition_index = 3;
    }
    if (!has_news) { // a long poll
        request->connection->stalled_until =
            rig->net.peer.now_ns + asked->max_wait_ms * DH_MS;
    }
    return PEER_ANSWER;
}

static enum peer_verdict hook(void *ctx, struct peer_request *request, void *response)
{
    return request->key == DH_API_FETCH ? serve_fetch(ctx, request, response)
                                        : PEER_SERVE;
}

// ---- The rest of the back half ----

static void show_changes(void *engine, int64_t now_ns)
{
    struct rig *rig = engine; // net is its first member
    if (dh_cluster_version(rig->net.cluster) != rig->cluster_version) {
        rig->cluster_version = dh_cluster_version(rig->net.cluster);
        for (int p = 0; p < PARTITIONS_MAX; p++) {
            struct dh_partition *row = rig->rows[p];
            const struct dh_cluster_partition *known =
                dh_cluster_partition(rig->net.cluster, "t", p);
            if (row != NULL && known != NULL && row->leader != known->leader) {
                row->leader = known->leader;
                row->leader_epoch = known->leader_epoch;
                dh_partitions_touch(&rig->partitions, row);
            }
        }
        dh_fetcher_on_metadata(&rig->fetcher, now_ns);
    }
    struct dh_partition *row;
    while ((row = dh_partitions_next_changed(&rig->partitions)) != NULL) {
        dh_fetcher_on_changed(&rig->fetcher, row, now_ns);
        if (row->state == DH_PARTITION_GONE) {
            dh_partitions_release(&rig->partitions, row);
        }
    }
    (void)dh_fetcher_end_turn(&rig->fetcher, now_ns);
    dh_fetcher_check(&rig->fetcher);
}

static void show_now(struct rig *rig)
{
    show_changes(rig, rig->net.peer.now_ns);
}

static int try_set_up(struct rig *rig, const char *const *options, size_t fail_at)
{
    memset(rig, 0, sizeof(*rig));
    int err = rig_init_failing_at(&rig->net, "one:9092", options, 0);
    assert_int_equal(0, err);
    struct scripted_peer *peer = &rig->net.peer;
    peer->hook = hook;
    peer->hook_ctx = rig;
    peer->engine.after_turn = show_changes;
    peer_add_node(peer, 1, "one", 9092);
    peer_add_node(peer, 2, "two", 9092);
    peer_add_topic(peer, "t", PARTITIONS_MAX, 1);
    for (int p = 0; p < PARTITIONS_MAX; p++) {
        rig->logs[p] =
            (struct log){.batch_records = 10, .bad_offset = -1, .hint_leader = -1};
        dh_buf_init(&rig->bytes[p], dh_mem_default(), 0);
    }
    const dohle_allocator *mem = &rig->net.memory.allocator;
    rig->account = dh_frame_account_new(mem);
    rig->net.frames.account = rig->account;
    dh_budget_init(&rig->budget, (size_t)rig->net.settings.fetch_buffer_bytes,
                   rig->account);
    rig->net.memory.fail_at = fail_at == 0 ? 0 : rig->net.memory.calls + fail_at;
    if (dh_partitions_init(&rig->partitions, mem, 5) != 0) {
        dh_partitions_deinit(&rig->partitions);
        return DOHLE_ERR_NO_MEMORY;
    }
    if (dh_fetcher_init(&rig->fetcher, &rig->net.context, &rig->partitions,
                        &rig->budget) != 0) {
        dh_partitions_deinit(&rig->partitions);
        return DOHLE_ERR_NO_MEMORY;
    }
    return dh_cluster_want(rig->net.cluster, "t", peer->now_ns);
}

static void set_up(struct rig *rig, const char *const *options)
{
    assert_int_equal(0, try_set_up(rig, options, 0));
    peer_run(&rig->net.peer, 10 * DH_MS); // metadata
}

static void drop_messages(struct rig *rig)
{
    for (struct dh_link *link;
         (link = dh_list_pop_front(&rig->net.outbox.messages)) != NULL;) {
        struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
        if (message->kind == DH_NOTICE_CHUNK) {
            dh_fetcher_on_chunk_returned(
                &rig->fetcher, DH_CONTAINER_OF(message, struct dh_chunk, message),
                rig->net.peer.now_ns);
        } else if (message->kind == DH_NOTICE_ERROR) {
            dh_outbox_on_error_returned(
                &rig->net.outbox, &rig->net.memory.allocator,
                DH_CONTAINER_OF(message, struct dh_notice_error, message));
        } else {
            dh_mem_free(&rig->net.memory.allocator, message, message->size);
        }
    }
}

static void tear_down_parts(struct rig *rig)
{
    rig->fetcher.is_closing = true; // what is dropped now asks for nothing
    drop_messages(rig);
    dh_outbox_release(&rig->net.outbox, &rig->net.memory.allocator);
    dh_fetcher_deinit(&rig->fetcher);
    dh_partitions_deinit(&rig->partitions);
}

static void tear_down_rest(struct rig *rig)
{
    for (int p = 0; p < PARTITIONS_MAX; p++) {
        dh_buf_deinit(&rig->bytes[p]);
    }
    // Frames may still be with the connections; the account outlives them.
    dh_frame_account_drop(rig->account);
    rig_deinit(&rig->net);
}

static void tear_down(struct rig *rig)
{
    tear_down_parts(rig);
    tear_down_rest(rig);
}

static struct dh_partition *assign(struct rig *rig, int p, int64_t offset)
{
    struct dh_partition *row = dh_partitions_add(&rig->partitions, "t", p);
    if (row != NULL) {
        rig->rows[p] = row;
        row->state = DH_PARTITION_FETCHING;
        row->fetch_offset = offset;
        const struct dh_cluster_partition *known =
            dh_cluster_partition(rig->net.cluster, "t", p);
        row->leader = known == NULL ? -1 : known->leader;
        row->leader_epoch = known == NULL ? -1 : known->leader_epoch;
    }
    return row;
}

static void seek(struct rig *rig, struct dh_partition *row, int64_t offset)
{
    row->term.position++;
    row->state = DH_PARTITION_FETCHING;
    row->fetch_offset = offset;
    dh_partitions_touch(&rig->partitions, row);
    show_now(rig);
}

// The next message for the front half; NULL: none.
static struct dh_message *next_message(struct rig *rig)
{
    struct dh_link *link = dh_list_pop_front(&rig->net.outbox.messages);
    return link == NULL ? NULL : DH_CONTAINER_OF(link, struct dh_message, link);
}

static struct dh_chunk *next_chunk(struct rig *rig)
{
    struct dh_message *message = next_message(rig);
    if (message == NULL) {
        return NULL;
    }
    if (message->kind == DH_NOTICE_ERROR) {
        fail_msg("%s",
                 DH_CONTAINER_OF(message, struct dh_notice_error, message)->error.text);
    }
    assert_int_equal(DH_NOTICE_CHUNK, message->kind);
    return DH_CONTAINER_OF(message, struct dh_chunk, message);
}

static void give_back(struct rig *rig, struct dh_chunk *chunk)
{
    dh_fetcher_on_chunk_returned(&rig->fetcher, chunk, rig->net.peer.now_ns);
}

// Takes a chunk, looks at it, gives it back.
static void expect_chunk(struct rig *rig, const struct dh_partition *row, int64_t from,
                         int64_t to)
{
    struct dh_chunk *chunk = next_chunk(rig);
    assert_non_null(chunk);
    assert_int_equal(row->slot, chunk->slot);
    assert_int_equal(row->term.assignment, chunk->term.assignment);
    assert_int_equal(row->term.position, chunk->term.position);
    assert_int_equal(from, chunk->fetch_offset);
    assert_int_equal(to, chunk->next_offset);
    give_back(rig, chunk);
}

// Takes a partition error, looks at it, frees it.
static void expect_partition_error(struct rig *rig, int code, int16_t broker_code,
                                   int64_t offset, const char *text)
{
    struct dh_message *message = next_message(rig);
    if (message == NULL || message->kind != DH_NOTICE_PARTITION_ERROR) {
        fail_msg("no partition error");
        return;
    }
    const struct dh_notice_partition_error *notice =
        DH_CONTAINER_OF(message, struct dh_notice_partition_error, message);
    assert_int_equal(code, notice->error.code);
    assert_int_equal(broker_code, notice->error.broker_code);
    assert_int_equal(offset, notice->error.offset);
    assert_string_equal("t", notice->error.topic);
    assert_non_null(strstr(notice->error.text, text));
    dh_mem_free(&rig->net.memory.allocator, message, message->size);
}

static void expect_error(struct rig *rig, int code)
{
    struct dh_message *message = next_message(rig);
    if (message == NULL || message->kind != DH_NOTICE_ERROR) {
        fail_msg("no error");
        return;
    }
    struct dh_notice_error *notice =
        DH_CONTAINER_OF(message, struct dh_notice_error, message);
    assert_int_equal(code, notice->error.code);
    dh_outbox_on_error_returned(&rig->net.outbox, &rig->net.memory.allocator, notice);
}

// ---- Tests ----

static void records_come_in_order_and_once(void **state)
{
    (void)state;
    static const size_t pieces[] = {0, 1, 7, 100};
    for (size_t i = 0; i < DH_COUNT_OF(pieces); i++) {
        struct rig rig;
        set_up(&rig, NULL);
        rig.net.peer.piece_bytes = pieces[i];
        rig.logs[0].end_offset = 100;
        rig.logs[1].end_offset = 20;
        struct dh_partition *row0 = assign(&rig, 0, 5);
        struct dh_partition *row1 = assign(&rig, 1, 0);
        peer_run(&rig.net.peer, 1 * DH_MS);

        expect_chunk(&rig, row0, 5, 100);
        expect_chunk(&rig, row1, 0, 20);
        assert_null(next_chunk(&rig));
        assert_int_equal(100, row0->fetch_offset);
        assert_int_equal(3, row0->fetch_offset_epoch);
        assert_int_equal(0, row0->buffered_bytes);

        rig.logs[0].end_offset = 110; // seen by the fetch after the long poll
        peer_run(&rig.net.peer, 600 * DH_MS);
        expect_chunk(&rig, row0, 100, 110);
        assert_null(next_chunk(&rig));
        tear_down(&rig);
    }
}

// CFG-030 to CFG-033: what the user sets is what brokers are asked for.
static void settings_reach_the_broker(void **state)
{
    (void)state;
    static const char *const options[] = {"fetch.min.bytes",
                                          "77",
                                          "fetch.max.wait.ms",
                                          "123",
                                          "fetch.max.bytes",
                                          "5000",
                                          "max.partition.fetch.bytes",
                                          "3000",
                                          NULL};
    struct rig rig;
    set_up(&rig, options);
    assign(&rig, 0, 0);
    peer_run(&rig.net.peer, 10 * DH_MS);
    assert_int_equal(77, rig.min_bytes);
    assert_int_equal(123, rig.max_wait_ms);
    assert_int_equal(3000, rig.max_bytes); // one partition cannot bring more
    assert_int_equal(3000, rig.sessions[1].bytes_max[0]);
    assign(&rig, 1, 0);
    peer_run(&rig.net.peer, 200 * DH_MS);
    assert_int_equal(5000, rig.max_bytes);
    assert_int_equal(2, rig.fetches); // every 123 ms
    tear_down(&rig);
}

static void checksums_are_not_looked_at_if_not_wanted(void **state)
{
    (void)state;
    static const char *const options[] = {"check.crcs", "false", NULL};
    struct rig rig;
    set_up(&rig, options);
    rig.logs[0].end_offset = 50;
    rig.logs[0].bad_offset = 20;
    struct dh_partition *row = assign(&rig, 0, 0);
    peer_run(&rig.net.peer, 100 * DH_MS);
    expect_chunk(&rig, row, 0, 50);
    tear_down(&rig);
}

// CL-101: a partition without news costs nothing, one that moved is named.
static void a_session_names_what_moved(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, NULL);
    for (int p = 0; p < 3; p++) {
        assign(&rig, p, 0);
    }
    peer_run(&rig.net.peer, 1800 * DH_MS);
    assert_int_equal(4, rig.fetches); // at 0, 500, 1000, 1500 ms
    assert_int_equal(1, rig.full_fetches);
    assert_int_equal(3, rig.named);
    assert_int_equal(0, rig.forgotten);

    rig.logs[1].end_offset = 10;
    peer_run(&rig.net.peer, 500 * DH_MS);
    assert_int_equal(4, rig.named); // the fetch behind the data says where to go on
    assert_int_equal(1, rig.full_fetches);
    tear_down(&rig);
}

// What of the high watermark is told when nothing is there to read.
static void the_end_of_a_log_is_told_once(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, NULL);
    rig.logs[0].end_offset = 10;
    struct dh_partition *row = assign(&rig, 0, 10);
    peer_run(&rig.net.peer, 2000 * DH_MS);

    struct dh_chunk *chunk = next_chunk(&rig);
    assert_non_null(chunk);
    assert_int_equal(0, chunk->batch_count);
    assert_int_equal(10, chunk->next_offset);
    assert_int_equal(10, chunk->high_watermark);
    give_back(&rig, chunk);
    assert_null(next_chunk(&rig));
    assert_int_equal(10, row->fetch_offset);
    tear_down(&rig);
}

static void leave_and_come_back(int16_t version)
{
    struct rig rig;
    set_up(&rig, NULL);
    rig.net.peer.version_max[DH_API_FETCH] = version;
    struct dh_partition *row = assign(&rig, 0, 0);
    assign(&rig, 1, 0);
    peer_run(&rig.net.peer, 600 * DH_MS);
    drop_messages(&rig);   // where the logs end
    row->is_paused = true;
    dh_partitions_touch(&rig.partitions, row);
    rig.logs[0].end_offset = 10;
    peer_run(&rig.net.peer, 1000 * DH_MS);
    assert_int_equal(1, rig.forgotten);
    assert_null(next_chunk(&rig));

    row->is_paused = false;
    dh_partitions_touch(&rig.partitions, row);
    peer_run(&rig.net.peer, 1000 * DH_MS);
    expect_chunk(&rig, row, 0, 10);
    assert_int_equal(1, rig.full_fetches);
    tear_down(&rig);
}

static void a_paused_partition_leaves_the_session(void **state)
{
    (void)state;
    leave_and_come_back(18); // by topic id
    leave_and_come_back(12); // by name
}

// what was in flight when the partition was paused is kept.
static void a_pause_voids_nothing(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, NULL);
    rig.logs[0].end_offset = 10;
    struct dh_partition *row = assign(&rig, 0, 0);
    rig.net.peer.piece_bytes = 1;
    show_now(&rig);
    row->is_paused = true;
    // The request is queued before the pause is shown.
    struct dh_action action;
    while (dh_requests_next_action(rig.net.requests, &action, rig.net.peer.now_ns)) {
        peer_on_action(&rig.net.peer, &action);
        while (peer_deliver_piece(&rig.net.peer, &rig.net.peer.connections[0])) {
        }
        for (size_t i = 1; i < rig.net.peer.connection_count && rig.fetches == 0; i++) {
            while (peer_deliver_piece(&rig.net.peer, &rig.net.peer.connections[i])) {
            }
        }
    }
    assert_int_equal(1, rig.fetches);
    dh_partitions_touch(&rig.partitions, row);
    show_now(&rig);
    peer_run(&rig.net.peer, 100 * DH_MS);
    expect_chunk(&rig, row, 0, 10);
    assert_int_equal(10, row->fetch_offset);
    assert_int_equal(1, rig.fetches);
    tear_down(&rig);
}

// what was asked for before the seek has no effect.
static void a_seek_voids_what_is_in_flight(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, NULL);
    struct dh_partition *row = assign(&rig, 0, 0);
    peer_run(&rig.net.peer, 100 * DH_MS); // in the middle of a long poll at 0
    drop_messages(&rig);
    rig.logs[0].end_offset = 100;
    seek(&rig, row, 50);
    peer_run(&rig.net.peer, 500 * DH_MS);
    expect_chunk(&rig, row, 50, 100);
    assert_null(next_chunk(&rig));

    // There and back to the same offset: the answer is still not to this question.
    peer_run(&rig.net.peer, 1000 * DH_MS);
    drop_messages(&rig);
    rig.logs[0].end_offset = 110;
    peer_run(&rig.net.peer, 1 * DH_MS);
    uint64_t stale = rig.fetcher.counts.stale_partitions;
    seek(&rig, row, 100);
    peer_run(&rig.net.peer, 1000 * DH_MS);
    assert_true(rig.fetcher.counts.stale_partitions >= stale);
    expect_chunk(&rig, row, 100, 110);
    tear_down(&rig);
}

static void a_removed_partition_is_forgotten_and_released(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, NULL);
    struct dh_partition *row = assign(&rig, 0, 0);
    assign(&rig, 1, 0);
    rig.logs[0].end_offset = 10;
    peer_run(&rig.net.peer, 100 * DH_MS);
    dh_partitions_remove(&rig.partitions, row);
    rig.rows[0] = NULL;
    peer_run(&rig.net.peer, 1000 * DH_MS);
    assert_int_equal(1, rig.forgotten);
    assert_int_equal(DH_PARTITION_FREE, row->state);
    drop_messages(&rig); // its chunk comes back when nobody knows it any more
    assert_int_equal(0, rig.fetcher.held_bytes);
    tear_down(&rig);
}

// with hints the next fetch goes to the new leader, with no metadata request.
static void a_new_leader_is_asked(void **state)
{
    (void)state;
    for (int has_hint = 0; has_hint < 2; has_hint++) {
        struct rig rig;
        set_up(&rig, NULL);
        rig.logs[0].end_offset = 10;
        struct dh_partition *row = assign(&rig, 0, 0);
        peer_run(&rig.net.peer, 100 * DH_MS);
        expect_chunk(&rig, row, 0, 10);
        size_t metadata = rig.net.peer.requests[DH_API_METADATA];
        rig.net.peer.topics[0].leader[0] = 2;
        rig.net.peer.topics[0].leader_epoch[0] = 9;
        rig.logs[0].error_code = 6; // NOT_LEADER_OR_FOLLOWER
        rig.logs[0].hint_leader = has_hint ? 2 : -1;
        rig.logs[0].hint_epoch = has_hint ? 9 : -1;
        peer_run(&rig.net.peer, 405 * DH_MS); // the long poll ends
        rig.logs[0].error_code = 0;
        rig.logs[0].end_offset = 20;
        if (has_hint) {
            assert_int_equal(2, row->leader);
        }
        peer_run(&rig.net.peer, 1200 * DH_MS);
        assert_int_equal(2, row->leader);
        expect_chunk(&rig, row, 10, 20);
        assert_true(rig.net.peer.requests[DH_API_METADATA] > metadata);
        assert_true(rig.sessions[2].is_known[0]);
        tear_down(&rig);
    }
}

// 5.5: what each error of a partition does.
static void errors_of_a_partition(void **state)
{
    (void)state;

    static const struct {
        int16_t code;
        bool refreshes; // asks for metadata
        int notice;     // enum dh_message_kind, or -1
        int err;        // of the notice
        bool fails;     // until a seek
    } rows[] = {
        {6, true, -1, 0, false},   // NOT_LEADER_OR_FOLLOWER
        {9, true, -1, 0, false},   // REPLICA_NOT_AVAILABLE
        {56, true, -1, 0, false},  // KAFKA_STORAGE_ERROR
        {74, true, -1, 0, false},  // FENCED_LEADER_EPOCH
        {78, true, -1, 0, false},  // OFFSET_NOT_AVAILABLE
        {3, true, -1, 0, false},   // UNKNOWN_TOPIC_OR_PARTITION
        {100, true, -1, 0, false}, // UNKNOWN_TOPIC_ID
        {103, true, -1, 0, false}, // INCONSISTENT_TOPIC_ID
        {75, false, -1, 0, false}, // UNKNOWN_LEADER_EPOCH
        {-1, false, -1, 0, false}, // UNKNOWN_SERVER_ERROR
        {1, false, DH_NOTICE_PARTITION_ERROR, DOHLE_ERR_OFFSET_OUT_OF_RANGE, true},
        {2, false, DH_NOTICE_PARTITION_ERROR, DOHLE_ERR_CORRUPT, true},
        {29, false, DH_NOTICE_ERROR, DOHLE_ERR_TOPIC_AUTHORIZATION, false},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig rig;
        set_up(&rig, NULL);
        rig.logs[0].end_offset = 10;
        rig.logs[0].error_code = rows[i].code;
        size_t metadata = rig.net.peer.requests[DH_API_METADATA];
        struct dh_partition *row = assign(&rig, 0, 5);
        peer_run(&rig.net.peer, 5000 * DH_MS);

        assert_int_equal(rows[i].refreshes,
                         rig.net.peer.requests[DH_API_METADATA] > metadata);
        if (rows[i].notice == DH_NOTICE_PARTITION_ERROR) {
            expect_partition_error(&rig, rows[i].err, rows[i].code, 5, "t-0");
        } else if (rows[i].notice == DH_NOTICE_ERROR) {
            expect_error(&rig, rows[i].err);
        }
        assert_null(next_message(&rig));
        assert_int_equal(rows[i].fails, row->state == DH_PARTITION_FAILED);
        // No hot loop: at most the first, and one after each back-off of 100 ms or more.
        assert_true(rig.fetches <= 15);
        assert_true(rows[i].fails ? rig.fetches == 1 : rig.fetches >= 4);
        assert_int_equal(5, row->fetch_offset); // S31, X-120

        // Once the error is over, or the application has sought, it goes on.
        rig.logs[0].error_code = 0;
        drop_messages(&rig);
        if (rows[i].fails) {
            seek(&rig, row, 5);
        }
        peer_run(&rig.net.peer, 2000 * DH_MS);
        expect_chunk(&rig, row, 5, 10);
        tear_down(&rig);
    }
}

// CL-090, X-016, X-017: what is before the batch comes first, then the error, at its
// offset, until the application seeks.
static void a_bad_batch_fails_the_partition_alone(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, NULL);
    rig.logs[0].end_offset = 50;
    rig.logs[0].bad_offset = 20;
    rig.logs[1].end_offset = 10;
    struct dh_partition *row0 = assign(&rig, 0, 0);
    struct dh_partition *row1 = assign(&rig, 1, 0);
    peer_run(&rig.net.peer, 100 * DH_MS);

    expect_chunk(&rig, row0, 0, 20);
    expect_partition_error(&rig, DOHLE_ERR_CORRUPT, 0, 20, "seek to 30");
    expect_chunk(&rig, row1, 0, 10);
    assert_int_equal(DH_PARTITION_FAILED, row0->state);
    assert_int_equal(DOHLE_IDLE_ERROR,
                     dh_fetcher_idle_reason(&rig.fetcher, row0, rig.net.peer.now_ns));

    seek(&rig, row0, 30);
    peer_run(&rig.net.peer, 1000 * DH_MS);
    expect_chunk(&rig, row0, 30, 50);
    tear_down(&rig);
}

static const char *const small_fetches[] = {"max.partition.fetch.bytes", "1000", NULL};

// Two fetches' worth, then nothing until below one; then at once, with no time passing.
static void a_full_partition_resumes_by_an_event(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, small_fetches);
    rig.logs[0].end_offset = 10000;
    rig.logs[0].value_size = 40; // a batch of about 560 bytes: one a fetch
    struct dh_partition *row = assign(&rig, 0, 0);
    peer_run(&rig.net.peer, 2000 * DH_MS);
    assert_int_equal(4, rig.fetches); // 560, 1120, 1680, 2240 bytes
    assert_int_equal(DH_FETCH_FULL, row->fetch_place);
    assert_int_equal(0, rig.forgotten);

    expect_chunk(&rig, row, 0, 10);
    expect_chunk(&rig, row, 10, 20);
    peer_run(&rig.net.peer, 1 * DH_MS);
    assert_int_equal(4, rig.fetches); // 1120 bytes left
    expect_chunk(&rig, row, 20, 30);
    peer_settle(&rig.net.peer);
    assert_int_equal(7, rig.fetches); // 560 left: three more fit
    expect_chunk(&rig, row, 30, 40);
    assert_int_equal(1, rig.full_fetches);
    tear_down(&rig);
}

// A quick application keeps the node waiting for no long poll; a slow one does not keep
// the other partitions waiting for longer than fetch.max.wait.ms.
static void a_full_partition_holds_up_its_node_for_a_while(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, small_fetches);
    rig.logs[0].end_offset = 10000;
    rig.logs[0].value_size = 40;
    struct dh_partition *busy = assign(&rig, 0, 0);
    struct dh_partition *quiet = assign(&rig, 1, 0);
    peer_run(&rig.net.peer, 100 * DH_MS);
    assert_int_equal(DH_FETCH_FULL, busy->fetch_place);
    size_t fetches = rig.fetches;
    peer_run(&rig.net.peer, 300 * DH_MS);
    assert_int_equal(fetches, rig.fetches); // nothing is asked

    rig.logs[1].end_offset = 10;
    peer_run(&rig.net.peer, 200 * DH_MS); // 500 ms after it was full
    assert_int_equal(fetches + 2, rig.fetches);
    assert_int_equal(1, rig.forgotten);
    assert_int_equal(10, quiet->fetch_offset);

    // The busy one comes back as soon as it is drained.
    drop_messages(&rig);
    peer_run(&rig.net.peer, 500 * DH_MS);
    assert_true(busy->fetch_offset > 40);
    assert_int_equal(1, rig.full_fetches);
    tear_down(&rig);
}

// What a full partition held up goes on when that partition leaves (seed 5 of the
// simulator: a seek).
static void a_full_partition_that_leaves_holds_up_nobody(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, small_fetches);
    rig.logs[0].end_offset = 10000;
    rig.logs[0].value_size = 40;
    struct dh_partition *busy = assign(&rig, 0, 0);
    assign(&rig, 1, 0);
    peer_run(&rig.net.peer, 10 * DH_MS);
    assert_int_equal(DH_FETCH_FULL, busy->fetch_place);
    size_t fetches = rig.fetches;
    busy->state = DH_PARTITION_RESETTING;
    dh_partitions_touch(&rig.partitions, busy);
    peer_settle(&rig.net.peer);
    assert_int_equal(fetches + 1, rig.fetches);
    tear_down(&rig);
}

// CL-082: with several partitions full of data each gets its turn.
static void no_partition_is_starved(void **state)
{
    (void)state;
    static const char *const options[] = {"max.partition.fetch.bytes", "1000",
                                          "fetch.buffer.bytes", "20000", NULL};
    struct rig rig;
    set_up(&rig, options);
    for (int p = 0; p < PARTITIONS_MAX; p++) {
        rig.logs[p].end_offset = 100000;
        rig.logs[p].value_size = 40;
        assign(&rig, p, 0);
    }
    for (int i = 0; i < 200; i++) {
        peer_settle(&rig.net.peer);
        struct dh_chunk *chunk = next_chunk(&rig);
        assert_non_null(chunk);
        give_back(&rig, chunk);
    }
    for (int p = 0; p < PARTITIONS_MAX; p++) {
        assert_in_range(rig.rows[p]->fetch_offset, 300, 900);
    }
    tear_down(&rig);
}

static const char *const small_budget[] = {"fetch.buffer.bytes", "3000",
                                           "max.partition.fetch.bytes", "2000", NULL};

static void the_budget_bounds_what_is_buffered(void **state)
{
    (void)state;
    for (int8_t codec = 0; codec <= 4; codec += 4) {
        struct rig rig;
        set_up(&rig, small_budget);
        rig.net.frames.bytes_max = 0; // frames of exactly the size that is needed
        for (int p = 0; p < PARTITIONS_MAX; p++) {
            rig.logs[p].end_offset = 1000;
            rig.logs[p].value_size = 40;
            rig.logs[p].codec = codec;
            assign(&rig, p, 0);
        }
        size_t records = 0;
        size_t peak = 0;
        for (int turn = 0; records < 4 * 1000 && turn < 10000; turn++) {
            peer_run(&rig.net.peer, 1 * DH_MS);
            size_t held = dh_frame_account_bytes(rig.account);
            peak = held > peak ? held : peak;
            struct dh_chunk *chunk = next_chunk(&rig);
            if (chunk != NULL) {
                records += (size_t)(chunk->next_offset - chunk->fetch_offset);
                give_back(&rig, chunk);
            }
        }
        assert_int_equal(4 * 1000, records);
        assert_true(rig.fetcher.counts.stalls > 0);
        assert_true(peak <= 3000 + 2000); // and one batch
        assert_true(rig.max_bytes <= 3000);
        tear_down(&rig);
    }
}

// What the budget refuses is fetched again: seldom, once it is known what bytes become.
static void little_is_fetched_twice(void **state)
{
    (void)state;
    static const char *const tight[] = {"fetch.buffer.bytes", "20000",
                                        "max.partition.fetch.bytes", "10000", NULL};
    size_t served_bytes[2];
    for (int i = 0; i < 2; i++) {
        struct rig rig;
        set_up(&rig, i == 0 ? NULL : tight);
        rig.net.frames.bytes_max = 0;
        rig.logs[0].end_offset = 20000;
        rig.logs[0].value_size = 100;
        rig.logs[0].codec = 2; // snappy shrinks it by far
        struct dh_partition *row = assign(&rig, 0, 0);
        for (int turn = 0; row->fetch_offset < 20000 && turn < 100000; turn++) {
            peer_run(&rig.net.peer, 1 * DH_MS);
            drop_messages(&rig);
        }
        assert_int_equal(20000, row->fetch_offset);
        served_bytes[i] = rig.served_bytes;
        tear_down(&rig);
    }
    assert_true(served_bytes[1] < served_bytes[0] + served_bytes[0] / 4);
}

// What the application retains counts until it is released; then fetching goes on.
static void retained_records_count(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, small_budget);
    rig.logs[0].end_offset = 1000;
    rig.logs[0].value_size = 40;
    struct dh_partition *row = assign(&rig, 0, 0);
    struct dh_frame *retained[16];
    size_t count = 0;
    for (;;) {
        peer_settle(&rig.net.peer);
        struct dh_chunk *chunk = next_chunk(&rig);
        if (chunk == NULL) {
            break;
        }
        assert_true(count < DH_COUNT_OF(retained));
        retained[count] = chunk->batches[0].frame;
        dh_frame_hold(retained[count++]);
        give_back(&rig, chunk);
    }
    assert_true(count > 0);
    size_t fetches = rig.fetches;
    peer_run(&rig.net.peer, 5000 * DH_MS);
    assert_int_equal(fetches, rig.fetches);
    assert_int_equal(DOHLE_IDLE_BUDGET_FULL,
                     dh_fetcher_idle_reason(&rig.fetcher, row, rig.net.peer.now_ns));

    for (size_t i = 0; i < count; i++) {
        dh_frame_drop(retained[i]);
    }
    assert_true(dh_frame_account_end_wait(rig.account));
    dh_fetcher_on_bytes_released(&rig.fetcher);
    assert_true(dh_frame_account_is_awaited(rig.account)); // there may be more
    assert_true(dh_fetcher_end_turn(&rig.fetcher, rig.net.peer.now_ns));
    peer_settle(&rig.net.peer);
    assert_true(rig.fetches > fetches);

    tear_down(&rig);
}

// Paused partitions that fill the budget do not stop the others for ever.
static void idle_chunks_do_not_stop_the_others(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, small_budget);
    rig.logs[0].end_offset = 1000;
    rig.logs[0].value_size = 40;
    rig.logs[1].end_offset = 1000;
    struct dh_partition *paused = assign(&rig, 0, 0);
    peer_run(&rig.net.peer, 100 * DH_MS);
    assert_true(rig.fetcher.chunks_out > 0);
    paused->is_paused = true;
    dh_partitions_touch(&rig.partitions, paused);
    show_now(&rig);
    struct dh_list kept;
    dh_list_init(&kept);
    dh_list_append_all(&kept, &rig.net.outbox.messages);

    struct dh_partition *row = assign(&rig, 1, 0);
    for (int i = 0; i < 20 && row->fetch_offset < 200; i++) {
        peer_run(&rig.net.peer, 1000 * DH_MS);
        drop_messages(&rig);
    }
    assert_true(row->fetch_offset >= 200);
    dh_list_append_all(&rig.net.outbox.messages, &kept);
    tear_down(&rig);
}

static void session_errors_start_over(void **state)
{
    (void)state;
    static const int16_t codes[] = {70, 71, 106};
    for (size_t i = 0; i < DH_COUNT_OF(codes); i++) {
        struct rig rig;
        set_up(&rig, NULL);
        rig.logs[0].end_offset = 10;
        struct dh_partition *row = assign(&rig, 0, 0);
        peer_run(&rig.net.peer, 100 * DH_MS);
        expect_chunk(&rig, row, 0, 10);
        rig.top_error = codes[i];
        peer_run(&rig.net.peer, 450 * DH_MS);
        rig.logs[0].end_offset = 20;
        peer_run(&rig.net.peer, 600 * DH_MS);
        expect_chunk(&rig, row, 10, 20);
        assert_null(next_chunk(&rig));
        assert_int_equal(2, rig.full_fetches);
        assert_int_equal(1, rig.fetcher.counts.session_resets);

        // A broker that never stops is asked with a back-off (bug 40).
        size_t fetches = rig.fetches;
        rig.top_error = codes[i];
        rig.top_error_stays = true;
        peer_run(&rig.net.peer, 3000 * DH_MS);
        assert_true(rig.fetches - fetches < 15);
        tear_down(&rig);
    }
}

// S30, CL-103
static void an_answer_to_another_question_has_no_effect(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, NULL);
    rig.logs[0].end_offset = 10;
    struct dh_partition *row = assign(&rig, 0, 0);
    rig.names_another = true;
    peer_run(&rig.net.peer, 50 * DH_MS);
    assert_int_equal(1, rig.fetcher.counts.session_resets);
    expect_chunk(&rig, row, 0, 10); // of the second fetch
    assert_null(next_chunk(&rig));
    assert_int_equal(2, rig.full_fetches);
    tear_down(&rig);
}

static void a_broker_without_room_for_sessions_works(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, NULL);
    rig.refuses_sessions = true;
    rig.logs[0].end_offset = 10;
    struct dh_partition *row = assign(&rig, 0, 0);
    peer_run(&rig.net.peer, 50 * DH_MS);
    expect_chunk(&rig, row, 0, 10);
    rig.logs[0].end_offset = 20;
    peer_run(&rig.net.peer, 600 * DH_MS);
    expect_chunk(&rig, row, 10, 20);
    assert_int_equal(rig.fetches, rig.full_fetches);
    tear_down(&rig);
}

static void every_version_brings_records(void **state)
{
    (void)state;
    for (int16_t version = 4; version <= 18; version++) {
        struct rig rig;
        set_up(&rig, NULL);
        rig.net.peer.version_max[DH_API_FETCH] = version;
        rig.logs[0].end_offset = 10;
        struct dh_partition *row = assign(&rig, 0, 0);
        peer_run(&rig.net.peer, 50 * DH_MS);
        assert_int_equal(version, rig.version);
        expect_chunk(&rig, row, 0, 10);
        rig.logs[0].end_offset = 20;
        peer_run(&rig.net.peer, 600 * DH_MS);
        expect_chunk(&rig, row, 10, 20);
        assert_int_equal(version >= 7 ? 1 : rig.fetches, rig.full_fetches);
        tear_down(&rig);
    }
}

// CL-091: a topic without an id is asked for by name.
static void without_topic_ids_names_are_used(void **state)
{
    (void)state;
    struct rig rig;
    assert_int_equal(0, try_set_up(&rig, NULL, 0));
    rig.net.peer.version_max[DH_API_METADATA] = 9;
    peer_run(&rig.net.peer, 10 * DH_MS);
    rig.logs[0].end_offset = 10;
    struct dh_partition *row = assign(&rig, 0, 0);
    peer_run(&rig.net.peer, 50 * DH_MS);
    assert_int_equal(12, rig.version);
    expect_chunk(&rig, row, 0, 10);
    tear_down(&rig);
}

// the old id is forgotten, the new one asked for.
static void a_recreated_topic_is_fetched_by_its_new_id(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, NULL);
    rig.logs[0].end_offset = 10;
    struct dh_partition *row = assign(&rig, 0, 0);
    peer_run(&rig.net.peer, 100 * DH_MS);
    expect_chunk(&rig, row, 0, 10);
    struct dh_uuid before = row->topic_id;
    row->topic_id.bytes[5]++; // as if the one known were an older one
    dh_partitions_touch(&rig.partitions, row);
    show_now(&rig);
    assert_true(dh_uuid_equal(&before, &row->topic_id)); // taken from the cluster
    tear_down(&rig);
}

static void a_lost_connection_starts_over(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, NULL);
    rig.logs[0].end_offset = 10;
    struct dh_partition *row = assign(&rig, 0, 0);
    peer_run(&rig.net.peer, 100 * DH_MS);
    expect_chunk(&rig, row, 0, 10);
    for (size_t i = 0; i < rig.net.peer.connection_count; i++) {
        peer_reset(&rig.net.peer, &rig.net.peer.connections[i], "gone");
    }
    rig.logs[0].end_offset = 20;
    peer_run(&rig.net.peer, 2000 * DH_MS);
    expect_chunk(&rig, row, 10, 20); // CL-102
    assert_int_equal(2, rig.full_fetches);
    tear_down(&rig);
}

static void a_silent_broker_is_given_up_by_the_deadline(void **state)
{
    (void)state;
    static const char *const options[] = {"request.timeout.ms", "2000", NULL};
    struct rig rig;
    set_up(&rig, options);
    rig.is_silent = true;
    rig.logs[0].end_offset = 10;
    struct dh_partition *row = assign(&rig, 0, 0);
    peer_run(&rig.net.peer, 1900 * DH_MS);
    assert_int_equal(1, rig.fetches);
    rig.is_silent = false;
    peer_run(&rig.net.peer, 2000 * DH_MS);
    expect_chunk(&rig, row, 0, 10);
    tear_down(&rig);
}

// CL-089, X-119
static void a_throttled_node_is_left_alone(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, NULL);
    rig.logs[0].end_offset = 10;
    rig.throttle_ms = 3000;
    struct dh_partition *row = assign(&rig, 0, 0);
    peer_run(&rig.net.peer, 100 * DH_MS);
    expect_chunk(&rig, row, 0, 10);
    assert_int_equal(DOHLE_IDLE_THROTTLED,
                     dh_fetcher_idle_reason(&rig.fetcher, row, rig.net.peer.now_ns));
    peer_run(&rig.net.peer, 2800 * DH_MS);
    assert_int_equal(1, rig.fetches);
    peer_run(&rig.net.peer, 200 * DH_MS);
    assert_int_equal(2, rig.fetches);
    tear_down(&rig);
}

// CL-106
static void closing_tells_the_broker(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, NULL);
    assign(&rig, 0, 0);
    peer_run(&rig.net.peer, 100 * DH_MS); // in the middle of a long poll
    assert_int_not_equal(0, rig.sessions[1].id);
    peer_run(&rig.net.peer, 500 * DH_MS); // the first answer has brought the id

    dh_fetcher_close(&rig.fetcher, rig.net.peer.now_ns);
    assert_false(dh_fetcher_is_closed(&rig.fetcher));
    peer_run(&rig.net.peer, 1 * DH_MS);
    assert_true(dh_fetcher_is_closed(&rig.fetcher));
    assert_int_equal(1, rig.closes);
    size_t fetches = rig.fetches;
    peer_run(&rig.net.peer, 2000 * DH_MS);
    assert_int_equal(fetches, rig.fetches);
    assert_int_equal(0, rig.budget.reserved_bytes);
    tear_down(&rig);
}

static void reasons_are_told(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig, NULL);
    struct dh_partition *row = assign(&rig, 0, 0);

    static const struct {
        enum dh_partition_state state;
        bool is_paused, is_revoking;
        int32_t leader;
        enum dohle_idle_reason reason;
    } rows[] = {
        {DH_PARTITION_FETCHING, false, false, 1, DOHLE_IDLE_WAITING_FOR_DATA},
        {DH_PARTITION_FETCHING, true, false, 1, DOHLE_IDLE_PAUSED},
        {DH_PARTITION_FETCHING, true, true, 1, DOHLE_IDLE_REVOKING},
        {DH_PARTITION_FETCHING, false, false, -1, DOHLE_IDLE_NO_LEADER},
        {DH_PARTITION_ADDED, false, false, 1, DOHLE_IDLE_NO_POSITION},
        {DH_PARTITION_STARTING, false, false, 1, DOHLE_IDLE_NO_POSITION},
        {DH_PARTITION_RESETTING, false, false, 1, DOHLE_IDLE_NO_POSITION},
        {DH_PARTITION_VALIDATING, false, false, 1, DOHLE_IDLE_VALIDATING},
        {DH_PARTITION_FAILED, false, false, 1, DOHLE_IDLE_ERROR},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        row->state = rows[i].state;
        row->is_paused = rows[i].is_paused;
        row->is_revoking = rows[i].is_revoking;
        row->leader = rows[i].leader;
        dh_partitions_touch(&rig.partitions, row);
        peer_settle(&rig.net.peer);
        assert_int_equal(rows[i].reason,
                         dh_fetcher_idle_reason(&rig.fetcher, row, rig.net.peer.now_ns));
    }
    tear_down(&rig);
}

// Whichever allocation fails, and all after it for a while: nothing is lost or doubled.
static void every_failed_allocation_is_survived(void **state)
{
    (void)state;
    for (size_t fail_at = 1; fail_at < 120; fail_at++) {
        struct rig rig;
        if (try_set_up(&rig, small_fetches, fail_at) != 0) {
            rig.net.memory.fail_at = 0;
            if (rig.fetcher.context.mem != NULL && rig.fetcher.tools.mem != NULL) {
                tear_down_parts(&rig);
            }
            tear_down_rest(&rig);
            continue;
        }
        rig.logs[0].end_offset = 100;
        rig.logs[0].codec = 3;
        peer_run(&rig.net.peer, 20 * DH_MS);
        struct dh_partition *row = assign(&rig, 0, 0);
        peer_run(&rig.net.peer, 300 * DH_MS);
        rig.net.memory.fail_at = 0;
        if (row == NULL) {
            row = assign(&rig, 0, 0);
        }
        rig.cluster_version--; // shows metadata that came without memory
        int64_t next_offset = 0;
        for (int i = 0; i < 20000 && next_offset < 100; i++) {
            peer_run(&rig.net.peer, 10 * DH_MS);
            struct dh_message *message = next_message(&rig);
            if (message == NULL) {
                continue;
            }
            if (message->kind != DH_NOTICE_CHUNK) {
                dh_list_push_back(&rig.net.outbox.messages, &message->link);
                drop_messages(&rig);
                fail_msg("an unexpected notice");
            }
            struct dh_chunk *chunk = DH_CONTAINER_OF(message, struct dh_chunk, message);
            assert_int_equal(next_offset, chunk->fetch_offset);
            next_offset = chunk->next_offset;
            give_back(&rig, chunk);
        }
        assert_int_equal(100, next_offset);
        tear_down(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_in_order_and_once),
        cmocka_unit_test(settings_reach_the_broker),
        cmocka_unit_test(checksums_are_not_looked_at_if_not_wanted),
        cmocka_unit_test(a_session_names_what_moved),
        cmocka_unit_test(the_end_of_a_log_is_told_once),
        cmocka_unit_test(a_paused_partition_leaves_the_session),
        cmocka_unit_test(a_pause_voids_nothing),
        cmocka_unit_test(a_seek_voids_what_is_in_flight),
        cmocka_unit_test(a_removed_partition_is_forgotten_and_released),
        cmocka_unit_test(a_new_leader_is_asked),
        cmocka_unit_test(errors_of_a_partition),
        cmocka_unit_test(a_bad_batch_fails_the_partition_alone),
        cmocka_unit_test(a_full_partition_resumes_by_an_event),
        cmocka_unit_test(a_full_partition_holds_up_its_node_for_a_while),
        cmocka_unit_test(a_full_partition_that_leaves_holds_up_nobody),
        cmocka_unit_test(no_partition_is_starved),
        cmocka_unit_test(the_budget_bounds_what_is_buffered),
        cmocka_unit_test(little_is_fetched_twice),
        cmocka_unit_test(retained_records_count),
        cmocka_unit_test(idle_chunks_do_not_stop_the_others),
        cmocka_unit_test(session_errors_start_over),
        cmocka_unit_test(an_answer_to_another_question_has_no_effect),
        cmocka_unit_test(a_broker_without_room_for_sessions_works),
        cmocka_unit_test(every_version_brings_records),
        cmocka_unit_test(without_topic_ids_names_are_used),
        cmocka_unit_test(a_recreated_topic_is_fetched_by_its_new_id),
        cmocka_unit_test(a_lost_connection_starts_over),
        cmocka_unit_test(a_silent_broker_is_given_up_by_the_deadline),
        cmocka_unit_test(a_throttled_node_is_left_alone),
        cmocka_unit_test(closing_tells_the_broker),
        cmocka_unit_test(reasons_are_told),
        cmocka_unit_test(every_failed_allocation_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
