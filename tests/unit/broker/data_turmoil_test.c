// SPDX-License-Identifier: MIT
/*
 * Consumers with sessions, producers, and everything that can happen to a log, in any order:
 * each consumer reads each record of each partition once, in order, and none starves.
 * A run is its seed.
 */
#include "data_rig.h"

#include "broker/waits.h"

#define SEEDS      150
#define STEPS      250
#define PARTITIONS 6
#define CONSUMERS  3
#define TOPIC      "orders"

struct consumer {
    struct rig_client *client;
    int64_t offsets[PARTITIONS];
    bool is_in_session[PARTITIONS]; // as far as the broker was told
    bool is_stale[PARTITIONS];      // the broker was not told this offset
    int32_t session_id;
    int32_t epoch; // of the next fetch
    bool is_waiting;
};

struct turmoil {
    struct rig rig;
    struct dh_random random;
    struct rig_client *producer;
    struct consumer consumers[CONSUMERS];
    int in_flight; // produce requests that are not answered yet
    uint64_t records_read;
};

static uint64_t below(struct turmoil *t, uint64_t bound)
{
    return dh_random_below(&t->random, bound);
}

static struct rig_client *connect_anew(struct turmoil *t, struct rig_client *old)
{
    if (old != NULL) {
        rig_disconnect(&t->rig, old);
    }
    return rig_connect(&t->rig, 1);
}

static void forget_session(struct consumer *consumer)
{
    consumer->session_id = 0;
    consumer->epoch = 0;
    memset(consumer->is_in_session, 0, sizeof(consumer->is_in_session));
}

static void consume_item(struct turmoil *t, struct consumer *consumer,
                         const fetch_item *item)
{
    int64_t *offset = &consumer->offsets[item->partition_index];
    bool *is_stale = &consumer->is_stale[item->partition_index];
    if (item->error_code == DH_BROKER_OFFSET_OUT_OF_RANGE) {
        assert_true(item->log_start_offset > *offset); // only DeleteRecords does that
        *offset = item->log_start_offset;
        *is_stale = true;
        return;
    }
    assert_int_equal(0, item->error_code);
    assert_true(item->log_start_offset <= item->high_watermark);
    struct dh_reader reader;
    struct dh_batch batch;
    dh_reader_init(&reader, item->records);
    bool is_first = true;
    while (dh_batch_next(&reader, &batch) == DH_BATCH_FOUND) {
        assert_int_equal(0, dh_batch_check_crc(&batch));
        // The first may begin before the offset; nothing is left out or given twice.
        assert_true(is_first
                        ? batch.base_offset <= *offset && batch.last_offset >= *offset
                        : batch.base_offset == *offset);
        t->records_read += (uint64_t)(batch.last_offset + 1 - *offset);
        *offset = batch.last_offset + 1;
        *is_stale = true;
        is_first = false;
    }
    assert_true(*offset <= item->high_watermark);
}

// Takes what has come.
static void receive(struct turmoil *t, struct consumer *consumer)
{
    const struct dh_fetch_response *response = rig_receive(&t->rig, consumer->client);
    if (response == NULL) {
        return;
    }
    consumer->is_waiting = false;
    if (response->error_code != 0) {
        forget_session(consumer);
        return;
    }
    for (int32_t i = 0; i < count_items(response); i++) {
        consume_item(t, consumer, item_at(response, i));
    }
    consumer->session_id = response->session_id;
    if (consumer->session_id == 0) {
        forget_session(consumer);
    } else {
        consumer->epoch++;
    }
}

static void ask_partition(struct consumer *consumer, struct fetch_wish *wish,
                          int32_t partition)
{
    wish->partitions[wish->count] = partition;
    wish->offsets[wish->count] = consumer->offsets[partition];
    wish->count++;
    consumer->is_in_session[partition] = true;
    consumer->is_stale[partition] = false;
}

static void send(struct turmoil *t, struct consumer *consumer, bool is_calm)
{
    struct fetch_wish wish = {.topic = TOPIC,
                              .has_session = is_calm || below(t, 20) != 0,
                              .session_id = consumer->session_id,
                              .session_epoch = consumer->epoch,
                              .max_wait_ms = is_calm ? 0 : (int32_t)below(t, 3) * 200,
                              .min_bytes = (int32_t)below(t, 3) * 100 + 1,
                              .max_bytes = (int32_t)below(t, 4) * 150 + 1};
    bool is_full = consumer->epoch == 0 || !wish.has_session;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        // Sometimes what the broker knows is said again.
        if (is_full || !consumer->is_in_session[i] || consumer->is_stale[i] ||
            (!is_calm && below(t, 10) == 0)) {
            ask_partition(consumer, &wish, i);
        } else if (!is_calm && below(t, 30) == 0 && wish.forgotten_count < 2) {
            wish.forgotten[wish.forgotten_count++] = i;
            consumer->is_in_session[i] = false;
        }
    }
    consumer->is_waiting = true;
    send_fetch(&t->rig, consumer->client, &wish);
}

static void act_consumer(struct turmoil *t)
{
    struct consumer *consumer = &t->consumers[below(t, CONSUMERS)];
    receive(t, consumer);
    if (!consumer->is_waiting) {
        send(t, consumer, false);
    } else if (below(t, 10) == 0) {
        consumer->client = connect_anew(t, consumer->client);
        consumer->is_waiting = false;
        // With the old session, whose epoch it cannot know, or without.
        if (below(t, 2) == 0) {
            forget_session(consumer);
        }
    }
    receive(t, consumer);
}

static void act_produce(struct turmoil *t)
{
    while (t->in_flight > 0 && rig_receive(&t->rig, t->producer) != NULL) {
        t->in_flight--;
    }
    if (t->in_flight > 20) {
        return;
    }
    struct batch batch = make_batch((struct batch_wish){
        .count = 1 + (int)below(t, 4), .value_size = 1 + (size_t)below(t, 100)});
    send_produce(&t->rig, t->producer, TOPIC, (int32_t)below(t, PARTITIONS),
                 below(t, 2) == 0 ? 1 : -1, &batch);
    t->in_flight++;
}

static void act_log(struct turmoil *t)
{
    struct dh_broker_partition *partition =
        partition_of(&t->rig, TOPIC, (int32_t)below(t, PARTITIONS));
    int64_t start = dh_store_log_start(partition->log);
    int64_t high = dh_store_log_high_watermark(partition->log);
    if (below(t, 2) == 0) {
        int64_t to = start + (int64_t)below(t, (uint64_t)(high - start) + 1);
        assert_int_equal(0, dh_store_log_delete_before(partition->log, to));
        dh_broker_waits_wake(t->rig.broker, partition);
    } else { // itself: a new epoch
        assert_int_equal(0, dh_broker_topics_move_leader(t->rig.broker, partition, 1));
    }
    rig_run(&t->rig);
}

static void step(struct turmoil *t)
{
    switch (below(t, 12)) {
    case 0: rig_advance(&t->rig, (int64_t)below(t, 300)); return;
    case 1: rig_end_syncs(&t->rig); return;
    case 2:
        if (below(t, 10) == 0) {
            rig_advance(&t->rig, 130 * 1000); // sessions may be evicted now
        } else {
            act_log(t);
        }
        return;
    case 3:
    case 4:
    case 5: act_produce(t); return;
    default: act_consumer(t); return;
    }
}

// Nothing happens any more: each consumer gets all there is in so many answers.
static void calm(struct turmoil *t)
{
    rig_end_syncs(&t->rig);
    rig_advance(&t->rig, 1000);
    int64_t bytes = 0;
    for (int32_t p = 0; p < PARTITIONS; p++) {
        bytes += dh_store_log_size(log_of(&t->rig, TOPIC, p));
    }
    for (int c = 0; c < CONSUMERS; c++) {
        struct consumer *consumer = &t->consumers[c];
        receive(t, consumer);
        assert_false(consumer->is_waiting);
        bool is_done = false;
        // Each answer has a batch, of 70 bytes at least, or an error that is over then.
        for (int64_t round = 0; !is_done; round++) {
            assert_true(round <= bytes / 70 + 3 * PARTITIONS);
            send(t, consumer, true);
            receive(t, consumer);
            is_done = true;
            for (int32_t p = 0; p < PARTITIONS; p++) {
                is_done = is_done && consumer->offsets[p] ==
                                         dh_store_log_end(log_of(&t->rig, TOPIC, p));
            }
        }
    }
}

static void run(uint64_t seed, struct turmoil *t)
{
    static const char *const settings[] = {"max.incremental.fetch.session.cache.slots=2"};
    memset(t, 0, sizeof(*t));
    t->random.state = seed;
    rig_start(&t->rig, &(struct rig_options){.seed = seed,
                                             .settings = settings,
                                             .setting_count = 1,
                                             .mode = seed % 2 == 0 ? DH_STORE_CACHED
                                                                   : DH_STORE_SYNCED});
    make_topic(&t->rig, TOPIC, PARTITIONS);
    rig_end_syncs(&t->rig);
    t->producer = connect_anew(t, NULL);
    for (int i = 0; i < CONSUMERS; i++) {
        t->consumers[i].client = connect_anew(t, NULL);
    }
    for (int i = 0; i < STEPS; i++) {
        step(t);
    }
    calm(t);
    rig_stop(&t->rig);
}

static uint64_t seed_under_way; // 0: all went well

static void test_turmoil(void **state)
{
    (void)state;
    static struct turmoil t;
    uint64_t records_read = 0;
    for (seed_under_way = 1; seed_under_way <= SEEDS; seed_under_way++) {
        run(seed_under_way, &t);
        records_read += t.records_read;
    }
    seed_under_way = 0;
    assert_true(records_read > SEEDS * 100);
}

static int name_seed(void **state)
{
    (void)state;
    if (seed_under_way != 0) {
        print_message("seed %d\n", (int)seed_under_way);
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_turmoil, name_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
