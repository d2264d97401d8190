// SPDX-License-Identifier: MIT
/*
 * A whole consumer, an application that calls whatever comes to its mind, and brokers
 * that fail: from a seed. Every call ends in time, no invariant breaks, and once the
 * brokers behave a new subscription reads all there is. What is read is for the
 * simulator to judge (tests/sim); here it is that things go on.
 */
#include "consumer_rig.h"

#include "base/random.h"
#include "wire/gen/broker_errors.h"

#define SEEDS    40
#define WISHES   120
#define LATE_NS  (20 * DH_MS) // a call may end so much later: the steps time goes in
#define BUSY_MAX (PEER_CONNECTIONS_MAX - 60)

struct turmoil {
    struct consumer_rig rig;
    struct dh_random random;
    bool is_faulty;
    uint64_t fault_percent;
    bool had_callback; // since the outermost call began: it may take its time
};

static uint64_t pick(struct turmoil *t, uint64_t count)
{
    return dh_random_below(&t->random, count);
}

// ---- The brokers ----

static int16_t pick_code(struct turmoil *t, int16_t key)
{
    static const struct {
        int16_t key;
        int16_t codes[7]; // 0 ends them
    } rows[] = {
        {DH_API_METADATA,
         {DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION, DH_BROKER_LEADER_NOT_AVAILABLE}},
        {DH_API_FIND_COORDINATOR, {DH_BROKER_COORDINATOR_NOT_AVAILABLE}},
        {DH_API_JOIN_GROUP,
         {DH_BROKER_COORDINATOR_LOAD_IN_PROGRESS, DH_BROKER_NOT_COORDINATOR,
          DH_BROKER_UNKNOWN_MEMBER_ID}},
        {DH_API_SYNC_GROUP,
         {DH_BROKER_NOT_COORDINATOR, DH_BROKER_ILLEGAL_GENERATION,
          DH_BROKER_UNKNOWN_MEMBER_ID, DH_BROKER_REBALANCE_IN_PROGRESS}},
        {DH_API_HEARTBEAT,
         {DH_BROKER_NOT_COORDINATOR, DH_BROKER_ILLEGAL_GENERATION,
          DH_BROKER_UNKNOWN_MEMBER_ID, DH_BROKER_REBALANCE_IN_PROGRESS}},
        {DH_API_OFFSET_FETCH, {DH_BROKER_NOT_COORDINATOR}},
        {DH_API_OFFSET_COMMIT,
         {DH_BROKER_NOT_COORDINATOR, DH_BROKER_REQUEST_TIMED_OUT,
          DH_BROKER_ILLEGAL_GENERATION, DH_BROKER_UNKNOWN_MEMBER_ID,
          DH_BROKER_REBALANCE_IN_PROGRESS, DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION}},
        {DH_API_LIST_OFFSETS,
         {DH_BROKER_NOT_LEADER_OR_FOLLOWER, DH_BROKER_FENCED_LEADER_EPOCH}},
        {DH_API_FETCH,
         {DH_BROKER_OFFSET_OUT_OF_RANGE, DH_BROKER_NOT_LEADER_OR_FOLLOWER,
          DH_BROKER_FENCED_LEADER_EPOCH, DH_BROKER_UNKNOWN_LEADER_EPOCH,
          DH_BROKER_UNKNOWN_TOPIC_ID}},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        if (rows[i].key == key) {
            size_t count = 0;
            while (rows[i].codes[count] != 0) {
                count++;
            }
            return rows[i].codes[pick(t, count)];
        }
    }
    return 0;
}

static enum peer_verdict turmoil_hook(void *ctx, struct peer_request *request,
                                      void *response)
{
    struct turmoil *t = ctx;
    memset(t->rig.code, 0, sizeof(t->rig.code));
    enum peer_verdict instead = PEER_ANSWER;
    if (t->is_faulty && pick(t, 100) < t->fault_percent) {
        switch (pick(t, 4)) {
        case 0: instead = PEER_RESET; break;
        case 1: // late, perhaps too late
            request->connection->stalled_until =
                t->rig.peer.now_ns + (int64_t)pick(t, 5000) * DH_MS;
            break;
        default: t->rig.code[request->key] = pick_code(t, request->key); break;
        }
    }
    enum peer_verdict verdict = rig_hook(&t->rig, request, response);
    return instead == PEER_RESET ? instead : verdict;
}

static void move_leaders(struct turmoil *t, int32_t first, int32_t second)
{
    t->rig.peer.topics[0].leader[0] = first;
    t->rig.peer.topics[1].leader[0] = second;
    t->rig.peer.topics[0].leader_epoch[0]++;
    t->rig.peer.topics[1].leader_epoch[0]++;
}

// ---- The application ----

static int drive(struct turmoil *t, struct dh_call *call, int64_t deadline_ns);

static int64_t pick_deadline(struct turmoil *t)
{
    return t->rig.peer.now_ns + (int64_t)pick(t, pick(t, 3) == 0 ? 4000 : 300) * DH_MS;
}

static void run_callback(struct turmoil *t, struct dh_call *call)
{
    const struct dh_callback *callback = &call->callback;
    t->had_callback = true;
    if (callback->kind == DH_CALLBACK_ASSIGNED && callback->count > 0 &&
        pick(t, 3) == 0) {
        (void)dh_front_seek(t->rig.front, callback->partitions[0].topic, 0,
                            DH_SEEK_OFFSET, (int64_t)pick(t, 300), -1);
    }
    if (callback->kind == DH_CALLBACK_REVOKED && pick(t, 2) == 0) {
        int64_t deadline_ns = pick_deadline(t);
        struct dh_call commit;
        dh_front_begin_commit_sync(t->rig.front, &commit, NULL, 0, deadline_ns,
                                   t->rig.peer.now_ns);
        (void)drive(t, &commit, DH_NEVER);
    }
    dh_front_callback_done(t->rig.front, call, 0);
}

// Lets time pass until the call is over.
static int drive(struct turmoil *t, struct dh_call *call, int64_t deadline_ns)
{
    struct consumer_rig *rig = &t->rig;
    for (size_t steps = 0;; steps++) {
        assert_true(steps < 20000);
        rig_exchange(rig, rig->peer.now_ns);
        switch (dh_front_step(rig->front, call, rig->peer.now_ns)) {
        case DH_STEP_DONE:
            rig_exchange(rig, rig->peer.now_ns);
            if (deadline_ns != DH_NEVER && !t->had_callback) {
                assert_true(rig->peer.now_ns <= deadline_ns + LATE_NS); // L5
            }
            return call->err;
        case DH_STEP_CALLBACK: run_callback(t, call); break;
        case DH_STEP_WAIT:
            rig->mark.is_inside = call->kind == DH_CALL_POLL;
            peer_run(&rig->peer, 5 * DH_MS);
            break;
        }
    }
}

static const char *const topics[] = {"t", "u"};
static const dohle_topic_partition partitions[] = {{"t", 0}, {"u", 0}};

// Wishes: they do not wait, and may be refused.
static void wish_something(struct turmoil *t)
{
    struct dh_front *front = t->rig.front;
    const char *topic = topics[pick(t, 2)];
    int err = 0;
    switch (pick(t, 7)) {
    case 0: err = dh_front_subscribe(front, topics, 1 + pick(t, 2), true); break;
    case 1: err = dh_front_subscribe_pattern(front, ".*", pick(t, 2) == 0); break;
    case 2: err = dh_front_assign(front, partitions, 2, t->rig.peer.now_ns); break;
    case 3:
        err = dh_front_seek(front, topic, 0, (enum dh_seek_target)pick(t, 4),
                            (int64_t)pick(t, 310), (int32_t)pick(t, 3) - 1);
        break;
    case 4: err = dh_front_pause(front, partitions, 1, pick(t, 2) == 0); break;
    case 5: err = dh_front_enforce_rebalance(front, NULL); break;
    default: dh_front_wakeup(front); break;
    }
    (void)err;
}

static void call_something(struct turmoil *t)
{
    struct dh_front *front = t->rig.front;
    int64_t now_ns = t->rig.peer.now_ns;
    int64_t deadline_ns = pick_deadline(t);
    dohle_offset offsets[] = {
        {.topic = "t", .offset = (int64_t)pick(t, 300), .leader_epoch = -1},
        {.topic = "u", .offset = (int64_t)pick(t, 3), .leader_epoch = -1}};
    const int64_t timestamps[] = {-1, -2};
    const dohle_offset *committed = pick(t, 2) == 0 ? offsets : NULL;
    struct dh_call call;
    switch (pick(t, 8)) {
    case 0: dh_front_begin_unsubscribe(front, &call, deadline_ns); break;
    case 1:
        dh_front_begin_commit_sync(front, &call, committed, 2, deadline_ns, now_ns);
        break;
    case 2:
        dh_front_begin_commit_async(front, &call, committed, 2,
                                    (struct dh_commit_target){.function = abort}, now_ns);
        break;
    case 3:
        dh_front_begin_position(front, &call, topics[pick(t, 2)], 0, deadline_ns);
        break;
    case 4:
        dh_front_begin_committed(front, &call, offsets, 2, deadline_ns, now_ns);
        break;
    case 5:
        dh_front_begin_list_offsets(front, &call, offsets, timestamps, 2, deadline_ns,
                                    now_ns);
        break;
    case 6: dh_front_begin_topics(front, &call, NULL, deadline_ns, now_ns); break;
    default: dh_front_begin_idle_reason(front, &call, "t", 0, deadline_ns); break;
    }
    (void)drive(t, &call, deadline_ns);
}

static void poll_once(struct turmoil *t)
{
    int64_t deadline_ns = pick_deadline(t);
    struct dh_call call;
    dh_front_begin_poll(t->rig.front, &call, deadline_ns, t->rig.peer.now_ns);
    (void)drive(t, &call, deadline_ns);
    t->rig.mark = (struct dh_poll_mark){.left_ns = t->rig.peer.now_ns};
}

static void do_something(struct turmoil *t)
{
    struct scripted_peer *peer = &t->rig.peer;
    t->had_callback = false;
    switch (pick(t, 10)) {
    case 0: // the network goes down
        for (size_t i = 0; i < peer->connection_count; i++) {
            peer_reset(peer, &peer->connections[i], "the network is down");
        }
        break;
    case 1: move_leaders(t, (int32_t)pick(t, 2) + 1, (int32_t)pick(t, 2) + 1); break;
    case 2:
    case 3: wish_something(t); break;
    case 4:
    case 5: call_something(t); break;
    default: poll_once(t); break;
    }
    peer_run(peer, (int64_t)pick(t, 50) * DH_MS);
    if (pick(t, 60) == 0) { // away for too long
        peer_run(peer, 9 * DH_SEC);
    }
    rig_exchange(&t->rig, peer->now_ns);
}

// ---- Afterwards ----

static void expect_all_records(struct turmoil *t, uint64_t seed)
{
    struct consumer_rig *rig = &t->rig;
    struct dh_call call;
    do { // a wakeup may wait
        dh_front_begin_unsubscribe(rig->front, &call, rig->peer.now_ns + 10 * DH_SEC);
    } while (drive(t, &call, DH_NEVER) == DOHLE_ERR_WAKEUP);
    rig_subscribe(rig);
    rig_run_ms(rig, 12000);
    rig->records = 0;
    rig->poll_err = 0;
    assert_int_equal(0, dh_front_seek(rig->front, "t", 0, DH_SEEK_BEGINNING, 0, -1));
    rig_run_ms(rig, 3000);
    if (rig->records < (size_t)rig->log_end || rig->poll_err != 0) {
        fail_msg("seed %llu: %zu records, %s", (unsigned long long)seed, rig->records,
                 rig->poll_error.text);
    }
}

static void run(uint64_t seed)
{
    static struct turmoil t;
    memset(&t, 0, sizeof(t));
    struct consumer_rig *rig = &t.rig;
    rig_open(rig, OPTIONS("auto.offset.reset", "earliest", "auto.commit.interval.ms",
                          "300", "heartbeat.interval.ms", "1000", "session.timeout.ms",
                          "6000", "request.timeout.ms", "2000", "metadata.max.age.ms",
                          "5000", "max.poll.interval.ms", "8000"));
    rig->peer.hook = turmoil_hook;
    rig->peer.hook_ctx = &t;
    rig->log_end = 300;
    peer_add_node(&rig->peer, 2, "two", 9092);
    peer_add_topic(&rig->peer, "u", 1, 2);
    t.random.state = seed;
    t.fault_percent = seed % 40;
    t.is_faulty = true;
    for (size_t i = 0; i < WISHES && rig->peer.connection_count < BUSY_MAX; i++) {
        do_something(&t);
        rig->event_count = 0;
    }
    t.is_faulty = false;
    move_leaders(&t, 1, 2);
    expect_all_records(&t, seed);
    t.had_callback = false;
    int64_t deadline_ns = rig->peer.now_ns + 5 * DH_SEC;
    struct dh_call call;
    dh_front_begin_close(rig->front, &call, deadline_ns, rig->peer.now_ns);
    (void)drive(&t, &call, deadline_ns); // L6
    rig_close(rig);
}

static void it_goes_on_whatever_happens(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        run(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_on_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
