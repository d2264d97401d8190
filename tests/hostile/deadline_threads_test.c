// SPDX-License-Identifier: MIT
/*
 * Every function that waits returns by its deadline, whatever the other side does,
 * and says whom it waited for and why nothing came; and nothing is left of a consumer
 * that was freed then (L5, L6).
 */
#include "hostile_broker.h"
#include "hostile_calls.h"
#include "hostile_rig.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host/clock.h"

#define TIMEOUT_MS 500

static hostile_setting settings[] = {
    {"default.api.timeout.ms", "500"}, // for unsubscribe
    {"auto.offset.reset", "earliest"},
    {NULL, NULL},
};

// ---- The calls of producers and admin clients ----

static int call_send(void *producer, int64_t timeout_ms)
{
    (void)timeout_ms; // max.block.ms
    const dohle_send send = {.topic = "t", .partition = -1, .timestamp_ms = -1};
    return dohle_producer_send(producer, &send);
}

static int call_producer_poll(void *producer, int64_t timeout_ms)
{
    int count = dohle_producer_poll(producer, timeout_ms);
    return count > 0 ? 0 : count;
}

static int call_flush(void *producer, int64_t timeout_ms)
{
    return dohle_producer_flush(producer, timeout_ms);
}

static int call_producer_close(void *producer, int64_t timeout_ms)
{
    return dohle_producer_close(producer, timeout_ms);
}

static int call_create_topic(void *admin, int64_t timeout_ms)
{
    const dohle_new_topic topic = {
        .name = "new", .partition_count = 1, .replication_factor = 1};
    return dohle_admin_create_topic(admin, &topic, timeout_ms);
}

static int call_delete_topic(void *admin, int64_t timeout_ms)
{
    return dohle_admin_delete_topic(admin, "t", timeout_ms);
}

static int call_admin_list_topics(void *admin, int64_t timeout_ms)
{
    dohle_topics *topics = NULL;
    int err = dohle_admin_list_topics(admin, timeout_ms, &topics);
    dohle_admin_result_free(topics);
    return err;
}

static int call_describe_topic(void *admin, int64_t timeout_ms)
{
    dohle_topics *topics = NULL;
    int err = dohle_admin_describe_topic(admin, "t", timeout_ms, &topics);
    dohle_admin_result_free(topics);
    return err;
}

static int call_list_offsets(void *admin, int64_t timeout_ms)
{
    dohle_offset offset = {.topic = "t", .partition = 0};
    const int64_t timestamp_ms = DOHLE_OFFSETS_END;
    return dohle_admin_list_offsets(admin, &offset, &timestamp_ms, NULL, 1, timeout_ms);
}

static int call_list_groups(void *admin, int64_t timeout_ms)
{
    dohle_groups *groups = NULL;
    int err = dohle_admin_list_groups(admin, timeout_ms, &groups);
    dohle_admin_result_free(groups);
    return err;
}

static int call_describe_group(void *admin, int64_t timeout_ms)
{
    dohle_group_description *group = NULL;
    int err = dohle_admin_describe_group(admin, "g", timeout_ms, &group);
    dohle_admin_result_free(group);
    return err;
}

// ---- What each kind of client calls ----

struct call {
    const char *name;
    hostile_call *function;
    enum hostile_good enough; // a broker so good lets it succeed
    int refused;              // what it may return instead at once; 0: nothing
};

// One consumer's calls, in this order. All begin with poll, which sends what was wished.
static const struct call calls_of_member[] = {
    {"poll", hostile_call_poll, HOSTILE_GOOD_NOTHING, 0},
    // Who is no member yet cannot commit (API-108).
    {"commit_sync", hostile_call_commit_sync, HOSTILE_GOOD_EVERYTHING,
     DOHLE_ERR_COMMIT_FAILED},
    {"poll", hostile_call_poll, HOSTILE_GOOD_NOTHING, 0},
    {"unsubscribe", hostile_call_unsubscribe, HOSTILE_GOOD_NOTHING, 0},
    {"close", hostile_call_close, HOSTILE_GOOD_NOTHING, 0},
};
static const struct call calls_of_reader[] = {
    {"poll", hostile_call_poll, HOSTILE_GOOD_NOTHING, 0},
    {"position", hostile_call_position, HOSTILE_GOOD_POSITION, 0},
    {"idle_reason", hostile_call_idle_reason, HOSTILE_GOOD_NOTHING, 0},
    {"committed", hostile_call_committed, HOSTILE_GOOD_POSITION, 0},
    {"beginning_offsets", hostile_call_beginning_offsets, HOSTILE_GOOD_POSITION, 0},
    {"end_offsets", hostile_call_end_offsets, HOSTILE_GOOD_POSITION, 0},
    {"offsets_for_times", hostile_call_offsets_for_times, HOSTILE_GOOD_POSITION, 0},
    {"partitions_for", hostile_call_partitions_for, HOSTILE_GOOD_METADATA, 0},
    {"list_topics", hostile_call_list_topics, HOSTILE_GOOD_METADATA, 0},
    {"commit_sync", hostile_call_commit_sync, HOSTILE_GOOD_EVERYTHING, 0},
    // Commits the position, if there is one.
    {"close", hostile_call_close, HOSTILE_GOOD_NOTHING, DOHLE_ERR_TIMEOUT},
};
// Leaves with a membership, or on the way to one.
static const struct call calls_of_leaver[] = {
    {"poll", hostile_call_poll, HOSTILE_GOOD_NOTHING, 0},
    {"close", hostile_call_close, HOSTILE_GOOD_NOTHING, DOHLE_ERR_TIMEOUT},
};
// Does not close: free must be enough, as a member too.
static const struct call calls_of_guest[] = {
    {"poll", hostile_call_poll, HOSTILE_GOOD_NOTHING, 0},
    {"list_topics", hostile_call_list_topics, HOSTILE_GOOD_METADATA, 0},
};

static const struct call calls_of_producer[] = {
    // Metadata that drips may still come in time.
    {"send", call_send, HOSTILE_GOOD_VERSIONS, 0},
    // There is no room for a second record that is not delivered.
    {"send", call_send, HOSTILE_GOOD_VERSIONS, 0},
    {"poll", call_producer_poll, HOSTILE_GOOD_NOTHING, 0},
    // Nothing is left to flush when send has failed.
    {"flush", call_flush, HOSTILE_GOOD_NOTHING, DOHLE_ERR_TIMEOUT},
    {"close", call_producer_close, HOSTILE_GOOD_NOTHING, DOHLE_ERR_TIMEOUT},
};
static const struct call calls_of_admin[] = {
    {"list_topics", call_admin_list_topics, HOSTILE_GOOD_METADATA, 0},
    {"describe_topic", call_describe_topic, HOSTILE_GOOD_EVERYTHING, 0},
    {"create_topic", call_create_topic, HOSTILE_GOOD_EVERYTHING, 0},
    {"delete_topic", call_delete_topic, HOSTILE_GOOD_EVERYTHING, 0},
    {"list_offsets", call_list_offsets, HOSTILE_GOOD_POSITION, 0},
    {"list_groups", call_list_groups, HOSTILE_GOOD_EVERYTHING, 0},
    {"describe_group", call_describe_group, HOSTILE_GOOD_EVERYTHING, 0},
};

// ---- Opening and freeing them ----

static void *open_subscriber(const char *bootstrap)
{
    dohle_consumer *consumer = hostile_consumer(bootstrap, settings, NULL);
    hostile_subscribe(consumer);
    return consumer;
}

static void *open_reader(const char *bootstrap)
{
    dohle_consumer *consumer = hostile_consumer(bootstrap, settings, NULL);
    hostile_assign(consumer);
    return consumer;
}

static void *open_producer(const char *bootstrap)
{
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", bootstrap));
    assert_int_equal(0, dohle_config_set(config, "max.block.ms", "500"));
    assert_int_equal(0, dohle_config_set(config, "buffer.memory", "250"));
    dohle_producer *producer;
    assert_int_equal(0, dohle_producer_open(config, NULL, &producer));
    dohle_config_free(config);
    return producer;
}

static void *open_admin(const char *bootstrap)
{
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", bootstrap));
    dohle_admin *admin;
    assert_int_equal(0, dohle_admin_open(config, NULL, &admin));
    dohle_config_free(config);
    return admin;
}

static const dohle_error_info *consumer_error(const void *consumer)
{
    return dohle_consumer_last_error(consumer);
}

static const dohle_error_info *producer_error(const void *producer)
{
    return dohle_producer_last_error(producer);
}

static const dohle_error_info *admin_error(const void *admin)
{
    return dohle_admin_last_error(admin);
}

static void free_consumer(void *consumer)
{
    dohle_consumer_free(consumer);
}

static void free_producer(void *producer)
{
    dohle_producer_free(producer);
}

static void free_admin(void *admin)
{
    dohle_admin_free(admin);
}

#define CALLS_MAX 16

static const struct visitor {
    const struct call *calls;
    size_t call_count;
    void *(*open)(const char *bootstrap);
    const dohle_error_info *(*last_error)(const void *client);
    void (*free)(void *client);
} visitors[] = {

#define CALLS(name) calls_of_##name, DH_COUNT_OF(calls_of_##name)
    {CALLS(member), open_subscriber, consumer_error, free_consumer},
    {CALLS(reader), open_reader, consumer_error, free_consumer},
    {CALLS(leaver), open_subscriber, consumer_error, free_consumer},
    {CALLS(guest), open_reader, consumer_error, free_consumer},
    {CALLS(guest), open_subscriber, consumer_error, free_consumer},
    {CALLS(producer), open_producer, producer_error, free_producer},
    {CALLS(admin), open_admin, admin_error, free_admin},
};

// ---- The brokers ----

#define OPEN(good, reply)                                                                \
    {                                                                                    \
        HOSTILE_OPEN, HOSTILE_GOOD_##good, HOSTILE_##reply                               \
    }

static const struct row {
    const char *name;
    struct hostile_script script;
    const char *cause; // in the text of every TIMEOUT; or, instead,
    const char *or_else;
} rows[] = {
    {"refuses", {HOSTILE_REFUSES, 0, 0}, "Connection refused", NULL},
    {"never shakes hands", {HOSTILE_HANGS, 0, 0}, "not connected yet", NULL},
    {"resets", {HOSTILE_RESETS, 0, 0}, "reset", NULL},
    {"hangs up", {HOSTILE_HANGS_UP, 0, 0}, "closed", "reset"},
    {"greets", {HOSTILE_TALKS, 0, 0}, "not a Kafka broker", NULL},
    {"silent", OPEN(NOTHING, SILENT), "no answer to ApiVersions yet", "answers nothing"},
    {"resets what asks", OPEN(NOTHING, RESETS_REQUEST), "reset", NULL},
    {"HTTP", OPEN(NOTHING, OTHER_PROTOCOL), "not a Kafka broker", NULL},
    {"size -1", OPEN(NOTHING, SIZE_NEGATIVE), "a response of -1 bytes", NULL},
    {"size 0", OPEN(NOTHING, SIZE_ZERO), "a response of 0 bytes", NULL},
    {"size 2 GiB", OPEN(NOTHING, SIZE_HUGE), "a response of 2147483647 bytes", NULL},
    {"answers nobody", OPEN(NOTHING, WRONG_CORRELATION), "makes no sense", NULL},
    {"cut", OPEN(NOTHING, CUT_BODY), "ApiVersions", NULL},
    {"noise", OPEN(NOTHING, NOISE_BODY), "ApiVersions", NULL},
    {"drips", OPEN(NOTHING, DRIPS), "no answer to ApiVersions yet", NULL},
    {"then silent", OPEN(VERSIONS, SILENT), "no answer to ", "answers nothing"},
    {"then resets", OPEN(VERSIONS, RESETS_REQUEST), "reset", NULL},
    {"then noise", OPEN(VERSIONS, NOISE_BODY), "malformed", NULL},
    {"then cut", OPEN(VERSIONS, CUT_BODY), "malformed", NULL},
    {"then size -1", OPEN(VERSIONS, SIZE_NEGATIVE), "a response of -1 bytes", NULL},
    {"then size 0", OPEN(VERSIONS, SIZE_ZERO), "a response of 0 bytes", NULL},
    {"then size 2 GiB", OPEN(VERSIONS, SIZE_HUGE), "of 2147483647 bytes", NULL},
    {"then answers nobody", OPEN(VERSIONS, WRONG_CORRELATION), "orrelation", NULL},
    {"then drips", OPEN(VERSIONS, DRIPS), "no answer to ", NULL},
    {"knows topics, silent", OPEN(METADATA, SILENT), "no answer to ", "answers nothing"},
    {"knows topics, resets", OPEN(METADATA, RESETS_REQUEST), "reset", NULL},
    {"knows topics, noise", OPEN(METADATA, NOISE_BODY), "malformed", NULL},
    {"knows groups, silent", OPEN(COORDINATOR, SILENT), "no answer to ",
     "answers nothing"},
    {"knows groups, resets", OPEN(COORDINATOR, RESETS_REQUEST), "reset", NULL},
    {"knows groups, noise", OPEN(COORDINATOR, NOISE_BODY), "malformed", NULL},
    {"has a member, silent", OPEN(MEMBER, SILENT), "no answer to ", "answers nothing"},
    {"has a member, resets", OPEN(MEMBER, RESETS_REQUEST), "reset", NULL},
    {"has a member, noise", OPEN(MEMBER, NOISE_BODY), "malformed", NULL},
    {"gives positions, silent", OPEN(POSITION, SILENT), "no answer to ",
     "answers nothing"},
    {"gives positions, resets", OPEN(POSITION, RESETS_REQUEST), "reset", NULL},
    {"gives positions, noise", OPEN(POSITION, NOISE_BODY), "malformed", NULL},
};

/*
 * The reason comes from the I/O thread, which is asked shortly before the deadline. On
 * a machine that is slow just then it may come too late, and what has failed may be under
 * way again: so often a call is tried before its outcome counts.
 */
#define TRIES 5

// ---- Visits: all at once, each on its own thread; asserts are made afterwards ----

struct visit {
    const struct visitor *visitor;
    enum hostile_good good; // of the broker
    const char *address;    // its
    const char *cause;      // as in struct row
    const char *or_else;
    void *client;
    pthread_t thread;

    struct outcome {
        int err;
        int64_t took_ns;
        dohle_error_info info;
    } outcomes[CALLS_MAX];

    int64_t free_took_ns;
};

// What is wrong with an outcome; NULL: nothing.
static const char *judge(const struct visit *visit, size_t index)
{
    const struct call *call = &visit->visitor->calls[index];
    const struct outcome *outcome = &visit->outcomes[index];
    if (outcome->took_ns > TIMEOUT_MS * DH_MS + HOSTILE_LATE_NS) {
        return "too late";
    }
    if (outcome->err == 0) {
        return call->enough > visit->good ? "succeeded" : NULL;
    }
    if (outcome->err != outcome->info.code) {
        return "last_error tells of something else";
    }
    if (call->enough == HOSTILE_GOOD_NOTHING && outcome->err != call->refused) {
        return "failed";
    }
    if (outcome->err == call->refused && outcome->err != DOHLE_ERR_TIMEOUT) {
        return NULL;
    }
    if (call->function == hostile_call_commit_sync &&
        outcome->err == DOHLE_ERR_REBALANCE_IN_PROGRESS) {
        return visit->good == HOSTILE_GOOD_COORDINATOR ? NULL : "a rebalance?";
    }
    if (visit->visitor->calls == calls_of_admin && outcome->err == DOHLE_ERR_PROTOCOL) {
        return NULL; // not tried again
    }
    if (outcome->err != DOHLE_ERR_TIMEOUT) {
        return "another error";
    }
    if (strstr(outcome->info.text, visit->address) == NULL) {
        return "does not name the address";
    }
    if (strstr(outcome->info.text, visit->cause) == NULL &&
        (visit->or_else == NULL || strstr(outcome->info.text, visit->or_else) == NULL)) {
        return "does not name the cause";
    }
    return NULL;
}

// False: something is wrong with the outcome.
static bool try_call(struct visit *visit, size_t index)
{
    struct outcome *outcome = &visit->outcomes[index];
    int64_t started_ns = dh_clock_now_ns();
    outcome->err = visit->visitor->calls[index].function(visit->client, TIMEOUT_MS);
    outcome->took_ns = dh_clock_now_ns() - started_ns;
    outcome->info = *visit->visitor->last_error(visit->client);
    return judge(visit, index) == NULL;
}

// The second call of these would have nothing left to do.
static bool is_close(const struct call *call)
{
    return call->function == hostile_call_close || call->function == call_producer_close;
}

static void *make_visit(void *ctx)
{
    struct visit *visit = ctx;
    for (size_t i = 0; i < visit->visitor->call_count; i++) {
        int tries = is_close(&visit->visitor->calls[i]) ? 1 : TRIES;
        while (!try_call(visit, i) && --tries > 0) {
        }
    }
    int64_t started_ns = dh_clock_now_ns();
    visit->visitor->free(visit->client);
    visit->free_took_ns = dh_clock_now_ns() - started_ns;
    return NULL;
}

static void begin_visit(struct visit *visit, const struct visitor *visitor,
                        const char *address, const struct row *row)
{
    visit->visitor = visitor;
    visit->good = row->script.good;
    visit->address = address;
    visit->cause = row->cause;
    visit->or_else = row->or_else;
    visit->client = visitor->open(address);
    assert_int_equal(0, pthread_create(&visit->thread, NULL, make_visit, visit));
}

// Returns how many outcomes were wrong.
static int end_visit(struct visit *visit, const char *row)
{
    int wrong = 0;
    assert_int_equal(0, pthread_join(visit->thread, NULL));
    for (size_t i = 0; i < visit->visitor->call_count; i++) {
        const struct outcome *outcome = &visit->outcomes[i];
        const char *why = judge(visit, i);
        if (why != NULL) {
            wrong++;
            print_error("%s: %s (%s): %s after %d ms: %s\n", row,
                        visit->visitor->calls[i].name, why,
                        dohle_error_name(outcome->err), (int)(outcome->took_ns / DH_MS),
                        outcome->err == 0 ? "" : outcome->info.text);
        }
    }
    assert_true(visit->free_took_ns < HOSTILE_LATE_NS);
    return wrong;
}

static void test_hostile_brokers(void **state)
{
    (void)state;
    static struct hostile_broker *brokers[DH_COUNT_OF(rows)];
    static struct visit visits[DH_COUNT_OF(rows)][DH_COUNT_OF(visitors)];
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        brokers[i] = hostile_broker_new(&rows[i].script);
    }
    struct hostile_remains before = hostile_count();
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        for (size_t j = 0; j < DH_COUNT_OF(visitors); j++) {
            begin_visit(&visits[i][j], &visitors[j], hostile_broker_address(brokers[i]),
                        &rows[i]);
        }
    }
    int wrong = 0;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        for (size_t j = 0; j < DH_COUNT_OF(visitors); j++) {
            wrong += end_visit(&visits[i][j], rows[i].name);
        }
    }
    assert_int_equal(0, wrong);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        hostile_broker_stop(brokers[i]);
    }
    // Ours are gone, and so must be theirs.
    before.threads -= (int)DH_COUNT_OF(rows);
    assert_true(hostile_is_all_gone(before));
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        hostile_broker_free(brokers[i]);
    }
}

// A name server that keeps still delays nobody, least of all close.
static void test_silent_name_server(void **state)
{
    (void)state;
    static const struct row silent_names = {.name = "silent name server",
                                            .cause = "the name is not resolved yet"};
    char server[32];
    int fd = hostile_name_server_open(server);
    hostile_use_name_server(server);
    struct hostile_remains before = hostile_count();
    static struct visit visits[DH_COUNT_OF(visitors)];
    for (size_t i = 0; i < DH_COUNT_OF(visitors); i++) {
        begin_visit(&visits[i], &visitors[i], "broker.example:9092", &silent_names);
    }
    int wrong = 0;
    for (size_t i = 0; i < DH_COUNT_OF(visitors); i++) {
        wrong += end_visit(&visits[i], silent_names.name);
    }
    assert_int_equal(0, wrong);
    assert_true(hostile_is_all_gone(before));
    // It was asked, and not the system's.
    uint8_t question[512];
    assert_true(recv(fd, question, sizeof(question), MSG_DONTWAIT) > 0);
    hostile_use_name_server(NULL);
    assert_int_equal(0, close(fd));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_brokers),
        cmocka_unit_test(test_silent_name_server),
    };
    return cmocka_run_group_tests(tests, hostile_raise_descriptor_limit, NULL);
}
