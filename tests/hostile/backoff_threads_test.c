// SPDX-License-Identifier: MIT
/*
 * Who is turned away comes back less and less often, and asks nobody without end,
 * whatever goes wrong (L7): connections and requests of each kind are counted.
 */
#include "hostile_broker.h"
#include "hostile_rig.h"

#include <pthread.h>

#include "host/clock.h"

#define VISIT_SECONDS 3

#define OPEN(good, reply)                                                                \
    {                                                                                    \
        HOSTILE_OPEN, HOSTILE_GOOD_##good, HOSTILE_##reply                               \
    }

static const struct row {
    const char *name;
    struct hostile_script script;
} rows[] = {
    {"resets", {HOSTILE_RESETS, 0, 0}},
    {"hangs up", {HOSTILE_HANGS_UP, 0, 0}},
    {"greets", {HOSTILE_TALKS, 0, 0}},
    {"resets what asks", OPEN(NOTHING, RESETS_REQUEST)},
    {"HTTP", OPEN(NOTHING, OTHER_PROTOCOL)},
    {"size -1", OPEN(NOTHING, SIZE_NEGATIVE)},
    {"size 0", OPEN(NOTHING, SIZE_ZERO)},
    {"size 2 GiB", OPEN(NOTHING, SIZE_HUGE)},
    {"answers nobody", OPEN(NOTHING, WRONG_CORRELATION)},
    {"cut", OPEN(NOTHING, CUT_BODY)},
    {"noise", OPEN(NOTHING, NOISE_BODY)},
    {"then resets", OPEN(VERSIONS, RESETS_REQUEST)},
    {"then noise", OPEN(VERSIONS, NOISE_BODY)},
    {"then cut", OPEN(VERSIONS, CUT_BODY)},
    {"then size -1", OPEN(VERSIONS, SIZE_NEGATIVE)},
    {"then size 0", OPEN(VERSIONS, SIZE_ZERO)},
    {"then size 2 GiB", OPEN(VERSIONS, SIZE_HUGE)},
    {"then answers nobody", OPEN(VERSIONS, WRONG_CORRELATION)},
    {"knows topics, resets", OPEN(METADATA, RESETS_REQUEST)},
    {"knows topics, noise", OPEN(METADATA, NOISE_BODY)},
    {"knows groups, resets", OPEN(COORDINATOR, RESETS_REQUEST)},
    {"knows groups, noise", OPEN(COORDINATOR, NOISE_BODY)},
    {"has a member, resets", OPEN(MEMBER, RESETS_REQUEST)},
    {"has a member, noise", OPEN(MEMBER, NOISE_BODY)},
    {"gives positions, resets", OPEN(POSITION, RESETS_REQUEST)},
    {"gives positions, noise", OPEN(POSITION, NOISE_BODY)},
    {"all good", OPEN(EVERYTHING, SILENT)},
};

/*
 * Two back-offs slow a consumer down, that of connections and that of requests. Each is
 * enough by itself as long as no connection gets ready; so each is also tried alone.
 */
static hostile_setting connections_only[] = {
    {"retry.backoff.ms", "1"}, {"retry.backoff.max.ms", "1"}, {NULL, NULL}};
static hostile_setting requests_only[] = {
    {"reconnect.backoff.ms", "1"}, {"reconnect.backoff.max.ms", "1"}, {NULL, NULL}};

static const struct visitor {
    bool is_subscriber;
    hostile_setting *settings;
    bool is_for_all; // of the rows, else for those without a good answer
} visitors[] = {
    {true, NULL, true},
    {false, NULL, true},
    {true, connections_only, false},
    {true, requests_only, false},
};

// Without growth there would be 60 of each (50 ms) or thousands (1 ms).
#define CONNECTS_MAX 20
#define REQUESTS_MAX 20
// What a consumer of two empty partitions may need, and no frame of 2 GiB.
#define BYTES_MAX ((size_t)4 * 1024 * 1024)

struct visit {
    struct hostile_broker *broker;
    struct hostile_memory memory;
    dohle_consumer *consumer;
    pthread_t thread;
    bool is_subscriber;
    int error;       // the first; 0: none
    int connects;    // until the broker was mended
    int requests;    // the most of one kind
    bool is_at_work; // once it was
};

static int poll_once(struct visit *visit)
{
    dohle_records *records;
    return dohle_consumer_poll(visit->consumer, 50, &records);
}

static bool is_at_work(struct visit *visit)
{
    int64_t offset;
    const dohle_topic_partition *partitions;
    size_t count;
    return dohle_consumer_assignment(visit->consumer, &partitions, &count) == 0 &&
           count == (visit->is_subscriber ? HOSTILE_PARTITIONS : 1) &&
           dohle_consumer_position(visit->consumer, "t", 0, 50, &offset) == 0;
}

static void *make_visit(void *ctx)
{
    struct visit *visit = ctx;
    int64_t end_ns = dh_clock_now_ns() + VISIT_SECONDS * DH_SEC;
    while (visit->error == 0 && dh_clock_now_ns() < end_ns) {
        visit->error = poll_once(visit);
    }
    visit->connects = hostile_broker_connects(visit->broker);
    for (int16_t key = 0; key < DH_API_KEY_END; key++) {
        int requests = hostile_broker_requests(visit->broker, key);
        visit->requests = requests > visit->requests ? requests : visit->requests;
    }
    hostile_broker_mend(visit->broker);
    end_ns = dh_clock_now_ns() + HOSTILE_PATIENCE_NS;
    while (visit->error == 0 && !visit->is_at_work && dh_clock_now_ns() < end_ns) {
        visit->error = poll_once(visit);
        visit->is_at_work = is_at_work(visit);
    }
    (void)dohle_consumer_close(visit->consumer, 1000);
    dohle_consumer_free(visit->consumer);
    return NULL;
}

static bool is_for(const struct visitor *visitor, const struct row *row)
{
    return visitor->is_for_all || row->script.good == HOSTILE_GOOD_NOTHING;
}

static void begin_visit(struct visit *visit, const struct row *row,
                        const struct visitor *visitor)
{
    hostile_memory_init(&visit->memory);
    visit->broker = hostile_broker_new(&row->script);
    visit->consumer = hostile_consumer(hostile_broker_address(visit->broker),
                                       visitor->settings, &visit->memory.allocator);
    visit->is_subscriber = visitor->is_subscriber;
    if (visitor->is_subscriber) {
        hostile_subscribe(visit->consumer);
    } else {
        hostile_assign(visit->consumer);
    }
    assert_int_equal(0, pthread_create(&visit->thread, NULL, make_visit, visit));
}

static void end_visit(struct visit *visit, const struct row *row)
{
    assert_int_equal(0, pthread_join(visit->thread, NULL));
    bool is_good = row->script.good == HOSTILE_GOOD_EVERYTHING;
    bool is_right = visit->error == 0 && visit->connects <= CONNECTS_MAX &&
                    visit->connects >= (is_good ? 1 : 4) && // it does not give up
                    visit->requests <= REQUESTS_MAX && visit->is_at_work &&
                    atomic_load(&visit->memory.bytes_peak) <= BYTES_MAX;
    if (!is_right) {
        fail_msg("%s: %s, %d connections, %d requests of one kind, %zu bytes, %s",
                 row->name, dohle_error_name(visit->error), visit->connects,
                 visit->requests, atomic_load(&visit->memory.bytes_peak),
                 visit->is_at_work ? "then at work" : "not at work when all was well");
    }
    assert_true(hostile_memory_is_empty(&visit->memory));
    hostile_broker_free(visit->broker);
}

static void test_who_is_turned_away_backs_off_and_recovers(void **state)
{
    (void)state;
    static struct visit visits[DH_COUNT_OF(rows)][DH_COUNT_OF(visitors)];
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        for (size_t j = 0; j < DH_COUNT_OF(visitors); j++) {
            if (is_for(&visitors[j], &rows[i])) {
                begin_visit(&visits[i][j], &rows[i], &visitors[j]);
            }
        }
    }
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        for (size_t j = 0; j < DH_COUNT_OF(visitors); j++) {
            if (is_for(&visitors[j], &rows[i])) {
                end_visit(&visits[i][j], &rows[i]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_is_turned_away_backs_off_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
