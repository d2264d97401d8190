// SPDX-License-Identifier: MIT
#include "client/back/lookups.h"

#include "net_rig.h"

#include "client/back/coordinator_link.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/offset_fetch.h"

#define PARTITIONS_MAX 4

struct rig {
    struct net_rig net;
    struct dh_coordinator_link *link;
    struct dh_lookups lookups;
    uint64_t updates;
    // What brokers answer.
    int16_t group_error; // of OffsetFetch, as often as error_count says
    int16_t partition_error[PARTITIONS_MAX];
    int error_count;
    int16_t version; // of the last request
    size_t asked;    // partitions of the last ListOffsets
    bool is_required_stable;
};

// ---- The brokers ----

// Partition p has committed 10 * p, of p = 0 nothing; the metadata is "m" p times.
static void answer_partition(struct rig *rig, int32_t p, int64_t *offset, int32_t *epoch,
                             dohle_bytes *metadata, int16_t *code)
{
    static const char letters[] = "mmmm";
    *offset = p == 0 ? -1 : 10 * p;
    *epoch = p == 0 ? -1 : p;
    *metadata = (dohle_bytes){(const uint8_t *)letters, p == 0 ? 0 : (size_t)p - 1};
    *code = rig->error_count > 0 ? rig->partition_error[p] : 0;
}

static void serve_offsets_by_group(struct rig *rig, struct peer_request *request,
                                   struct dh_offset_fetch_response *response)
{
    const struct dh_offset_fetch_request *asked = request->message;
    assert_int_equal(1, asked->groups.count);
    const struct dh_offset_fetch_request_group *from = &asked->groups.items[0];
    assert_bytes_equal(DH_BYTES("g"), from->group_id);
    struct dh_offset_fetch_response_group *group = peer_alloc(request, 1, sizeof(*group));
    response->groups.items = group;
    response->groups.count = 1;
    group->group_id = from->group_id;
    group->error_code = rig->error_count > 0 ? rig->group_error : 0;
    group->topics.items =
        peer_alloc(request, (size_t)from->topics.count, sizeof(*group->topics.items));
    group->topics.count = from->topics.count;
    for (int32_t i = 0; i < from->topics.count; i++) {
        struct dh_offset_fetch_response_group_topic *topic = &group->topics.items[i];
        int32_t count = from->topics.items[i].partition_indexes.count;
        topic->name = from->topics.items[i].name;
        topic->partitions.items =
            peer_alloc(request, (size_t)count, sizeof(*topic->partitions.items));
        topic->partitions.count = count;
        for (int32_t j = 0; j < count; j++) {
            struct dh_offset_fetch_response_group_topic_partition *part =
                &topic->partitions.items[j];
            part->partition_index = from->topics.items[i].partition_indexes.items[j];
            answer_partition(rig, part->partition_index, &part->committed_offset,
                             &part->committed_leader_epoch, &part->metadata,
                             &part->error_code);
        }
    }
}

static void serve_offsets(struct rig *rig, struct peer_request *request,
                          struct dh_offset_fetch_response *response)
{
    const struct dh_offset_fetch_request *asked = request->message;
    rig->version = request->version;
    rig->is_required_stable = asked->require_stable;
    if (request->version >= 8) {
        serve_offsets_by_group(rig, request, response);
        return;
    }
    assert_bytes_equal(DH_BYTES("g"), asked->group_id);
    if (request->version >= 2) {
        response->error_code = rig->error_count > 0 ? rig->group_error : 0;
    }
    response->topics.items =
        peer_alloc(request, (size_t)asked->topics.count, sizeof(*response->topics.items));
    response->topics.count = asked->topics.count;
    for (int32_t i = 0; i < asked->topics.count; i++) {
        struct dh_offset_fetch_response_topic *topic = &response->topics.items[i];
        int32_t count = asked->topics.items[i].partition_indexes.count;
        topic->name = asked->topics.items[i].name;
        topic->partitions.items =
            peer_alloc(request, (size_t)count, sizeof(*topic->partitions.items));
        topic->partitions.count = count;
        for (int32_t j = 0; j < count; j++) {
            struct dh_offset_fetch_response_topic_partition *part =
                &topic->partitions.items[j];
            part->partition_index = asked->topics.items[i].partition_indexes.items[j];
            int32_t epoch;
            answer_partition(rig, part->partition_index, &part->committed_offset, &epoch,
                             &part->metadata, &part->error_code);
            part->committed_leader_epoch = request->version >= 5 ? epoch : -1;
        }
    }
}

// The end is 100, the beginning 5, a time t is at offset t / 10 up to the end.
static int64_t offset_of(int64_t timestamp)
{
    if (timestamp == -1) {
        return 100;
    }
    if (timestamp == -2) {
        return 5;
    }
    return timestamp / 10 < 100 ? timestamp / 10 : -1;
}

static void serve_list(struct rig *rig, struct peer_request *request,
                       struct dh_list_offsets_response *response)
{
    const struct dh_list_offsets_request *asked = request->message;
    rig->asked = 0;
    response->topics.items =
        peer_alloc(request, (size_t)asked->topics.count, sizeof(*response->topics.items));
    response->topics.count = asked->topics.count;
    for (int32_t i = 0; i < asked->topics.count; i++) {
        const struct dh_list_offsets_request_topic *from = &asked->topics.items[i];
        struct dh_list_offsets_response_topic *topic = &response->topics.items[i];
        topic->name = from->name;
        topic->partitions.items = peer_alloc(request, (size_t)from->partitions.count,
                                             sizeof(*topic->partitions.items));
        topic->partitions.count = from->partitions.count;
        for (int32_t j = 0; j < from->partitions.count; j++) {
            struct dh_list_offsets_response_topic_partition *part =
                &topic->partitions.items[j];
            dh_struct_init(&dh_list_offsets_response_topic_partition_struct, part);
            part->partition_index = from->partitions.items[j].partition_index;
            for (int32_t k = 0; k < j; k++) { // as a broker: INVALID_REQUEST
                assert_int_not_equal(from->partitions.items[k].partition_index,
                                     part->partition_index);
            }
            part->error_code =
                rig->error_count > 0 ? rig->partition_error[part->partition_index] : 0;
            part->offset = part->error_code != 0
                               ? -1
                               : offset_of(from->partitions.items[j].timestamp);
            part->leader_epoch = request->version >= 4 && part->offset >= 0 ? 3 : -1;
            rig->asked++;
        }
    }
}

static enum peer_verdict hook(void *ctx, struct peer_request *request, void *response)
{
    struct rig *rig = ctx;
    if (request->key == DH_API_OFFSET_FETCH) {
        assert_int_equal(2, request->node_id);
        serve_offsets(rig, request, response);
        rig->error_count--;
        return PEER_ANSWER;
    }
    if (request->key == DH_API_LIST_OFFSETS) {
        serve_list(rig, request, response);
        rig->error_count--;
        return PEER_ANSWER;
    }
    return PEER_SERVE;
}

// ---- The rig ----

static void on_coordinator(void *ctx, int32_t node_id, int64_t now_ns)
{
    dh_lookups_on_coordinator(&((struct rig *)ctx)->lookups, node_id, now_ns);
}

static void show_metadata(void *engine, int64_t now_ns)
{
    struct rig *rig = engine; // net is its first member
    uint64_t updates = dh_cluster_updates(rig->net.cluster);
    if (updates != rig->updates) {
        rig->updates = updates;
        dh_lookups_on_metadata(&rig->lookups, now_ns);
    }
}

static int try_set_up(struct rig *rig, size_t fail_at)
{
    memset(rig, 0, sizeof(*rig));
    rig_init(&rig->net, "one:9092", NULL);
    struct scripted_peer *peer = &rig->net.peer;
    peer->hook = hook;
    peer->hook_ctx = rig;
    peer->engine.after_turn = show_metadata;
    peer_add_node(peer, 1, "one", 9092);
    peer_add_node(peer, 2, "two", 9092);
    struct peer_topic *topic = peer_add_topic(peer, "t", PARTITIONS_MAX, 1);
    topic->leader[1] = 2;
    topic->leader[3] = 2;
    peer->coordinator = 2;
    rig->net.memory.fail_at = fail_at == 0 ? 0 : rig->net.memory.calls + fail_at;
    rig->link = dh_coordinator_link_new(
        &rig->net.context, "g",
        (struct dh_coordinator_owner){.on_coordinator = on_coordinator, .ctx = rig});
    dh_lookups_init(&rig->lookups, &rig->net.context, rig->link);
    return rig->link == NULL ? DOHLE_ERR_NO_MEMORY : 0;
}

static void set_up(struct rig *rig)
{
    assert_int_equal(0, try_set_up(rig, 0));
}

static void tear_down(struct rig *rig)
{
    dh_lookups_deinit(&rig->lookups);
    // What is answered by now is a command of the test's; errors are the outbox's.
    for (struct dh_link *link;
         (link = dh_list_pop_front(&rig->net.outbox.messages)) != NULL;) {
        struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
        if (message->kind == DH_NOTICE_ERROR) {
            dh_outbox_on_error_returned(
                &rig->net.outbox, &rig->net.memory.allocator,
                DH_CONTAINER_OF(message, struct dh_notice_error, message));
        }
    }
    dh_outbox_release(&rig->net.outbox, &rig->net.memory.allocator);
    if (rig->link != NULL) {
        dh_coordinator_link_free(rig->link);
    }
    rig_deinit(&rig->net);
}

// Runs until the answer is there. Returns after how many milliseconds; -1: never.
static int64_t answer_ms(struct rig *rig, const struct dh_message *command)
{
    int64_t start_ns = rig->net.peer.now_ns;
    for (int i = 0; i < 20000; i++) {
        peer_settle(&rig->net.peer);
        for (struct dh_link *link;
             (link = dh_list_pop_front(&rig->net.outbox.messages)) != NULL;) {
            struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
            if (message == command) {
                return (rig->net.peer.now_ns - start_ns) / DH_MS;
            }
            dh_outbox_on_error_returned(
                &rig->net.outbox, &rig->net.memory.allocator,
                DH_CONTAINER_OF(message, struct dh_notice_error, message));
        }
        peer_run(&rig->net.peer, 1 * DH_MS);
    }
    return -1;
}

struct question {
    struct dh_command_offsets command;
    dohle_offset offsets[PARTITIONS_MAX + 1];
    int64_t timestamps[PARTITIONS_MAX + 1];
};

static void ask(struct rig *rig, struct question *question, enum dh_message_kind kind,
                uint32_t count, int64_t allowed_ms)
{
    question->command = (struct dh_command_offsets){
        .message = {.kind = kind, .size = sizeof(*question)},
        .deadline_ns = dh_deadline_after_ms(rig->net.peer.now_ns, allowed_ms),
        .count = count,
        .offsets = question->offsets,
        .timestamps = question->timestamps,
    };
    for (uint32_t i = 0; i < count; i++) {
        if (question->offsets[i].topic == NULL) {
            question->offsets[i].topic = "t";
            question->offsets[i].partition = (int32_t)i;
        }
    }
    dh_lookups_submit(&rig->lookups, &question->command.message, rig->net.peer.now_ns);
}

static void free_metadata(struct rig *rig, struct question *question)
{
    dh_mem_free(&rig->net.memory.allocator, question->command.metadata,
                question->command.metadata_size);
    question->command.metadata = NULL;
}

// ---- Committed ----

static void committed_offsets_come_in_every_version(void **state)
{
    (void)state;
    for (int16_t version = 1; version <= 10; version++) {
        struct rig rig;
        set_up(&rig);
        rig.net.peer.version_max[DH_API_OFFSET_FETCH] = version;
        struct question question = {0};
        question.offsets[4] = (dohle_offset){.topic = "u", .partition = 3};
        ask(&rig, &question, DH_COMMAND_COMMITTED, 5, 1000);
        assert_true(answer_ms(&rig, &question.command.message) >= 0);

        assert_int_equal(0, question.command.error.code);
        assert_int_equal(version < 9 ? version : 9, rig.version);
        assert_int_equal(version >= 7, rig.is_required_stable);
        assert_int_equal(-1, question.offsets[0].offset);
        assert_int_equal(-1, question.offsets[0].leader_epoch);
        assert_bytes_equal(DH_BYTES_NULL, question.offsets[0].metadata);
        assert_int_equal(10, question.offsets[1].offset);
        assert_int_equal(version >= 5 ? 1 : -1, question.offsets[1].leader_epoch);
        assert_bytes_equal(DH_BYTES(""), question.offsets[1].metadata);
        assert_int_equal(20, question.offsets[2].offset);
        assert_bytes_equal(DH_BYTES("m"), question.offsets[2].metadata);
        assert_int_equal(30, question.offsets[4].offset);
        assert_bytes_equal(DH_BYTES("mm"), question.offsets[4].metadata);
        free_metadata(&rig, &question);
        tear_down(&rig);
    }
}

static void errors_of_committed(void **state)
{
    (void)state;

    static const struct {
        int16_t group_error, partition_error;
        int err; // 0: asked again, then answered
        bool looks_again;
    } rows[] = {
        {14, 0, 0, false},                             // COORDINATOR_LOAD_IN_PROGRESS
        {16, 0, 0, true},                              // NOT_COORDINATOR
        {15, 0, 0, true},                              // COORDINATOR_NOT_AVAILABLE
        {0, 88, 0, false},                             // UNSTABLE_OFFSET_COMMIT
        {30, 0, DOHLE_ERR_GROUP_AUTHORIZATION, false}, // told
        {0, 29, DOHLE_ERR_TOPIC_AUTHORIZATION, false},
        {0, 3, DOHLE_ERR_UNKNOWN_TOPIC, false},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig rig;
        set_up(&rig);
        rig.group_error = rows[i].group_error;
        rig.partition_error[1] = rows[i].partition_error;
        rig.error_count = 2;
        struct question question = {0};
        ask(&rig, &question, DH_COMMAND_COMMITTED, 2, 5000);
        assert_true(answer_ms(&rig, &question.command.message) >= 0);

        assert_int_equal(rows[i].err, question.command.error.code);
        assert_int_equal(rows[i].looks_again,
                         rig.net.peer.requests[DH_API_FIND_COORDINATOR] > 1);
        if (rows[i].err == 0) {
            assert_int_equal(10, question.offsets[1].offset);
        } else if (rows[i].partition_error != 0) {
            assert_string_equal("t", question.command.error.topic);
            assert_int_equal(1, question.command.error.partition);
            assert_int_equal(rows[i].partition_error, question.command.error.broker_code);
        }
        free_metadata(&rig, &question);
        tear_down(&rig);
    }
}

static void a_refused_coordinator_is_told_at_once(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig);
    rig.net.peer.coordinator_error = 30; // GROUP_AUTHORIZATION_FAILED
    struct question question = {0};
    ask(&rig, &question, DH_COMMAND_COMMITTED, 2, 5000);
    int64_t after_ms = answer_ms(&rig, &question.command.message);
    assert_in_range(after_ms, 0, 100);
    assert_int_equal(DOHLE_ERR_GROUP_AUTHORIZATION, question.command.error.code);
    tear_down(&rig);
}

// ---- List offsets ----

static void each_leader_is_asked(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig);
    struct question question = {.timestamps = {-1, -2, 500, 5000}};
    ask(&rig, &question, DH_COMMAND_LIST_OFFSETS, 4, 1000);
    assert_true(answer_ms(&rig, &question.command.message) >= 0);
    assert_int_equal(0, question.command.error.code);
    assert_int_equal(100, question.offsets[0].offset);
    assert_int_equal(3, question.offsets[0].leader_epoch);
    assert_int_equal(5, question.offsets[1].offset);
    assert_int_equal(50, question.offsets[2].offset);
    assert_int_equal(-1, question.offsets[3].offset);
    assert_int_equal(2, rig.net.peer.requests[DH_API_LIST_OFFSETS]);

    // A partition may be named twice, with different times.
    struct question twice = {.timestamps = {-1, -2, 500}};
    for (int i = 0; i < 3; i++) {
        twice.offsets[i] = (dohle_offset){.topic = "t", .partition = 2};
    }
    ask(&rig, &twice, DH_COMMAND_LIST_OFFSETS, 3, 2000);
    assert_true(answer_ms(&rig, &twice.command.message) >= 0);
    assert_int_equal(0, twice.command.error.code);
    assert_int_equal(100, twice.offsets[0].offset);
    assert_int_equal(5, twice.offsets[1].offset);
    assert_int_equal(50, twice.offsets[2].offset);

    // Nothing is asked of nobody.
    struct question nothing = {0};
    ask(&rig, &nothing, DH_COMMAND_LIST_OFFSETS, 0, 1000);
    assert_int_equal(0, answer_ms(&rig, &nothing.command.message));
    assert_int_equal(0, nothing.command.error.code);
    tear_down(&rig);
}

static void errors_of_list_offsets(void **state)
{
    (void)state;

    static const struct {
        int16_t code;
        int err;
        int64_t offset;
    } rows[] = {
        {6, 0, 100},                             // NOT_LEADER_OR_FOLLOWER
        {5, 0, 100},                             // LEADER_NOT_AVAILABLE
        {74, 0, 100},                            // FENCED_LEADER_EPOCH
        {75, 0, 100},                            // UNKNOWN_LEADER_EPOCH
        {78, 0, 100},                            // OFFSET_NOT_AVAILABLE
        {3, 0, 100},                             // UNKNOWN_TOPIC_OR_PARTITION
        {-1, 0, 100},                            // unexpected ones (CL-122)
        {43, 0, -1},                             // left out
        {29, DOHLE_ERR_TOPIC_AUTHORIZATION, -1}, // told
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig rig;
        set_up(&rig);
        rig.partition_error[1] = rows[i].code;
        rig.error_count = 4;
        struct question question = {.timestamps = {-1, -1, -1, -1}};
        ask(&rig, &question, DH_COMMAND_LIST_OFFSETS, 4, 10000);
        assert_true(answer_ms(&rig, &question.command.message) >= 0);
        assert_int_equal(rows[i].err, question.command.error.code);
        assert_int_equal(rows[i].offset, question.offsets[1].offset);
        if (rows[i].err == 0) {
            assert_int_equal(100, question.offsets[0].offset);
            assert_int_equal(100, question.offsets[3].offset);
        }
        tear_down(&rig);
    }
}

//
static void what_is_not_there_yet_is_waited_for(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig);
    rig.net.peer.topics[0].leader[0] = -1;
    struct question question = {.timestamps = {-1, -1}};
    question.offsets[1] = (dohle_offset){.topic = "later", .partition = 0};
    ask(&rig, &question, DH_COMMAND_LIST_OFFSETS, 2, 10000);
    peer_run(&rig.net.peer, 2000 * DH_MS);
    assert_int_equal(1, rig.lookups.running.head.next != &rig.lookups.running.head);
    rig.net.peer.topics[0].leader[0] = 2;
    peer_add_topic(&rig.net.peer, "later", 1, 1);
    assert_in_range(answer_ms(&rig, &question.command.message), 1, 2500);
    assert_int_equal(0, question.command.error.code);
    assert_int_equal(100, question.offsets[0].offset);
    assert_int_equal(100, question.offsets[1].offset);
    tear_down(&rig);
}

// ---- Deadlines ----

static void the_time_out_says_why(void **state)
{
    (void)state;

    static const struct {
        enum dh_message_kind kind;
        bool is_unreachable;
        const char *text;
    } rows[] = {
        {DH_COMMAND_COMMITTED, true, "refused"},
        {DH_COMMAND_LIST_OFFSETS, true, "refused"},
        {DH_COMMAND_LIST_OFFSETS, false, "nope-0 does not exist"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig rig;
        set_up(&rig);
        if (rows[i].is_unreachable) {
            rig.net.peer.nodes[0].reach[0] = PEER_REFUSES;
            rig.net.peer.nodes[1].reach[0] = PEER_REFUSES;
        }
        struct question question = {.timestamps = {-1}};
        question.offsets[0] = (dohle_offset){.topic = "nope", .partition = 0};
        ask(&rig, &question, rows[i].kind, 1, 3000);
        int64_t after_ms = answer_ms(&rig, &question.command.message);
        assert_int_equal(3000, after_ms);
        assert_int_equal(DOHLE_ERR_TIMEOUT, question.command.error.code);
        assert_non_null(strstr(question.command.error.text, rows[i].text));
        tear_down(&rig);
    }
}

// ---- Topics ----

static struct dh_command_topics ask_topics(struct rig *rig, const char *topic)
{
    (void)rig;
    return (struct dh_command_topics){
        .message = {.kind = DH_COMMAND_TOPICS, .size = sizeof(struct dh_command_topics)},
        .deadline_ns = dh_deadline_after_ms(rig->net.peer.now_ns, 3000),
        .topic = topic,
    };
}

static void topics_are_described(void **state)
{
    (void)state;

    static const struct {
        const char *topic;
        int16_t error_code; // of the topic "x"
        int err;
        uint32_t count;
        const char *first;
    } rows[] = {
        {"t", 0, 0, 4, "t"},
        {"nope", 0, 0, 0, ""}, // API-116
        {NULL, 0, 0, 6, "a"},
        {NULL, 29, 0, 5, "a"}, // what may not be described is left out
        {"x", 29, DOHLE_ERR_TOPIC_AUTHORIZATION, 0, ""},
        {"x", 17, DOHLE_ERR_INVALID_TOPIC, 0, ""},
        {"x", 5, DOHLE_ERR_TIMEOUT, 0, ""}, // LEADER_NOT_AVAILABLE, for ever
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig rig;
        set_up(&rig);
        peer_add_topic(&rig.net.peer, "x", 1, 1)->error_code = rows[i].error_code;
        peer_add_topic(&rig.net.peer, "a", 1, 1);
        struct dh_command_topics command = ask_topics(&rig, rows[i].topic);
        dh_lookups_submit(&rig.lookups, &command.message, rig.net.peer.now_ns);
        assert_true(answer_ms(&rig, &command.message) >= 0);

        assert_int_equal(rows[i].err, command.error.code);
        assert_int_equal(rows[i].err == 0, command.rows != NULL);
        if (command.rows != NULL) {
            assert_int_equal(rows[i].count, command.rows->count);
            for (uint32_t j = 0; j < command.rows->count; j++) {
                const struct dh_topic_row *row = &command.rows->rows[j];
                assert_true(j == 0 || strcmp(row[-1].topic, row->topic) < 0 ||
                            row[-1].partition + 1 == row->partition);
            }
            if (rows[i].count > 0) {
                assert_string_equal(rows[i].first, command.rows->rows[0].topic);
            }
            dh_mem_free(&rig.net.memory.allocator, command.rows, command.rows->size);
        }
        tear_down(&rig);
    }
}

// ---- Memory ----

static void every_failed_allocation_is_survived(void **state)
{
    (void)state;

    static const enum dh_message_kind kinds[] = {DH_COMMAND_COMMITTED,
                                                 DH_COMMAND_LIST_OFFSETS};

    for (size_t k = 0; k < DH_COUNT_OF(kinds); k++) {
        for (size_t fail_at = 1; fail_at < 60; fail_at++) {
            struct rig rig;
            if (try_set_up(&rig, fail_at) != 0) {
                rig.net.memory.fail_at = 0;
                tear_down(&rig);
                continue;
            }
            struct question question = {.timestamps = {-1, -1, -1, -1}};
            ask(&rig, &question, kinds[k], 4, 10000);
            peer_run(&rig.net.peer, 50 * DH_MS);
            rig.net.memory.fail_at = 0;
            assert_true(answer_ms(&rig, &question.command.message) >= 0);
            if (question.command.error.code == 0) {
                assert_int_equal(kinds[k] == DH_COMMAND_COMMITTED ? 30 : 100,
                                 question.offsets[3].offset);
            } else {
                assert_int_equal(DOHLE_ERR_NO_MEMORY, question.command.error.code);
            }
            free_metadata(&rig, &question);
            tear_down(&rig);
        }
    }
}

// What is under way when everything ends is answered all the same.
static void the_end_answers_what_is_left(void **state)
{
    (void)state;
    struct rig rig;
    set_up(&rig);
    struct question question = {.timestamps = {-1, -1}};
    ask(&rig, &question, DH_COMMAND_LIST_OFFSETS, 2, 10000);
    dh_lookups_deinit(&rig.lookups);
    assert_int_equal(DOHLE_ERR_CLOSED, question.command.error.code);
    assert_true(dh_link_is_linked(&question.command.message.link));
    tear_down(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(committed_offsets_come_in_every_version),
        cmocka_unit_test(errors_of_committed),
        cmocka_unit_test(a_refused_coordinator_is_told_at_once),
        cmocka_unit_test(each_leader_is_asked),
        cmocka_unit_test(errors_of_list_offsets),
        cmocka_unit_test(what_is_not_there_yet_is_waited_for),
        cmocka_unit_test(the_time_out_says_why),
        cmocka_unit_test(topics_are_described),
        cmocka_unit_test(every_failed_allocation_is_survived),
        cmocka_unit_test(the_end_answers_what_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
