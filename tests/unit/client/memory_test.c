// SPDX-License-Identifier: MIT
/*
 * A whole consumer that gets no memory for a while: nothing is lost or leaked, what
 * went wrong comes out of poll, and afterwards it goes on by itself.
 */
#include "consumer_rig.h"

#define LOG_END 300

enum wish {
    BY_TOPIC,
    BY_PATTERN,
    BY_HAND,
};

static void wish(struct consumer_rig *rig, enum wish kind)
{
    switch (kind) {
    case BY_TOPIC: rig_subscribe(rig); break;
    case BY_PATTERN:
        assert_int_equal(0, dh_front_subscribe_pattern(rig->front, "t.*", false));
        break;
    case BY_HAND: rig_assign(rig); break;
    }
}

/*
 * From start_ms on, for span_ms, the fail_at-th allocation fails and all behind it.
 * Returns whether there were so many.
 */
static bool run_without_memory(enum wish kind, int64_t start_ms, int64_t span_ms,
                               size_t fail_at)
{
    static struct consumer_rig rig;
    rig_open(&rig, OPTIONS("auto.offset.reset", "earliest", "auto.commit.interval.ms",
                           "500", "heartbeat.interval.ms", "300"));
    rig.codec = DH_CODEC_GZIP;
    rig.log_end = LOG_END;
    wish(&rig, kind);
    rig_run_ms(&rig, start_ms);
    size_t calls = rig.memory.calls + fail_at;
    rig.memory.fail_at = calls;
    rig_run_ms(&rig, span_ms);
    bool has_failed = rig.memory.calls >= calls;
    rig.memory.fail_at = 0;
    rig_run_ms(&rig, 3000);
    if (rig.records != LOG_END ||
        (rig.poll_err != 0 && rig.poll_err != DOHLE_ERR_NO_MEMORY)) {
        fail_msg("wish %d, from %lld ms for %lld ms, allocation %zu: %zu records, %s",
                 (int)kind, (long long)start_ms, (long long)span_ms, fail_at, rig.records,
                 rig.poll_error.text);
    }
    rig_close(&rig);
    return has_failed;
}

static void it_goes_on_when_there_is_memory_again(void **state)
{
    (void)state;

    static const struct {
        int64_t start_ms;
        int64_t span_ms;
    } rows[] = {
        {0, 20},     // the first poll
        {0, 300},    // joining, finding positions, fetching
        {20, 100},   // from the second poll on
        {100, 2000}, // heartbeats, commits, metadata
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        for (int kind = BY_TOPIC; kind <= BY_HAND; kind++) {
            size_t fail_at = 1;
            while (run_without_memory((enum wish)kind, rows[i].start_ms, rows[i].span_ms,
                                      fail_at)) {
                fail_at++;
            }
            assert_in_range(fail_at, 2, 1000);
        }
    }
}

// A new topic is found with the next metadata, or soon after when there is no memory.
static bool find_topic_without_memory(size_t fail_at)
{
    static struct consumer_rig rig;
    rig_open(&rig, OPTIONS("metadata.max.age.ms", "60000"));
    wish(&rig, BY_PATTERN);
    rig_run_ms(&rig, 59900);
    peer_add_topic(&rig.peer, "t2", 1, 1);
    size_t updates = rig_requests(&rig, DH_API_METADATA);
    size_t calls = rig.memory.calls + fail_at;
    rig.memory.fail_at = calls;
    rig_run_ms(&rig, 500);
    bool has_failed = rig.memory.calls >= calls;
    assert_in_range(rig_requests(&rig, DH_API_METADATA), updates + 1, updates + 10);
    rig.memory.fail_at = 0;
    rig_run_ms(&rig, 3000);
    const char *const *topics;
    size_t count;
    dh_front_topics(rig.front, &topics, &count);
    assert_int_equal(2, count);
    rig_close(&rig);
    return has_failed;
}

static void a_new_topic_is_found_all_the_same(void **state)
{
    (void)state;
    size_t fail_at = 1;
    while (find_topic_without_memory(fail_at)) {
        fail_at++;
    }
    assert_in_range(fail_at, 2, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_on_when_there_is_memory_again),
        cmocka_unit_test(a_new_topic_is_found_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
