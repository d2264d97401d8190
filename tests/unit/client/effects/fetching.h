// SPDX-License-Identifier: MIT
/*
 * What the settings about fetching and positions do.
 */
#ifndef DH_TESTS_UNIT_CLIENT_EFFECTS_FETCHING_H
#define DH_TESTS_UNIT_CLIENT_EFFECTS_FETCHING_H

#include "effect.h"

static void max_poll_records(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig_assign(&rig);
    rig_poll(&rig);
    rig.is_away = true;
    rig_run_ms(&rig, 1000); // all 100 records are buffered
    rig.is_away = false;
    rig_run_ms(&rig, 1000);
    assert_int_equal(100, rig.records);
    assert_int_equal(effect->expected, rig.records_most);
    rig_close(&rig);
}

// The budget ends asking, and what gives room back begins it again, without waiting.
static void fetch_buffer_bytes(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig.log_end = 10000; // more than a megabyte
    rig_assign(&rig);
    rig_poll(&rig);
    rig.is_away = true;
    rig_run_ms(&rig, 10000);
    size_t bytes = (size_t)effect->expected;
    assert_in_range(rig.served_bytes, bytes / 2, bytes);
    size_t fetches = rig_requests(&rig, DH_API_FETCH);
    int64_t now_ns = rig.peer.now_ns;
    for (int i = 0; i < 20 && rig_requests(&rig, DH_API_FETCH) == fetches; i++) {
        rig_poll(&rig);
    }
    assert_int_equal(now_ns, rig.peer.now_ns);
    assert_in_range(rig_requests(&rig, DH_API_FETCH), fetches + 1, fetches + 20);
    rig_close(&rig);
}

// A batch of 1000 bytes and more, which is far smaller compressed.
static void decompressed_batch_max_bytes(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig.codec = DH_CODEC_GZIP;
    rig_assign(&rig);
    rig_run_ms(&rig, 1000);
    bool is_enough = effect->expected == 0;
    assert_int_equal(effect->expected, rig.poll_err);
    assert_int_equal(is_enough ? 100 : 0, rig.records);
    rig_close(&rig);
}

// A response of about 12000 bytes: the connection is closed before it is received.
static void response_max_bytes(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig_assign(&rig);
    rig_run_ms(&rig, 1000);
    bool is_enough = effect->expected == 0;
    assert_int_equal(is_enough ? 100 : 0, rig.records);
    assert_int_equal(is_enough, rig_count(&rig, EVENT_CLOSE, 0) == 0);
    rig_close(&rig);
}

static void check_crcs(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig.has_wrong_crc = true;
    rig_assign(&rig);
    rig_run_ms(&rig, 1000);
    assert_int_equal(effect->expected, rig.poll_err);
    assert_int_equal(effect->expected == 0 ? 100 : 0, rig.records);
    rig_close(&rig);
}

static void auto_offset_reset_looks_up(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig_subscribe(&rig);
    rig_run_ms(&rig, 1000);
    assert_int_equal(effect->expected, rig.seen.list_timestamp);
    assert_int_equal(effect->expected == -2 ? 100 : 0, rig.records);
    assert_int_equal(0, rig.poll_err);
    rig_close(&rig);
}

static void auto_offset_reset_none(void **state)
{
    const struct effect *effect = *state;
    struct consumer_rig rig;
    rig_open(&rig, OPTIONS(effect->key, effect->value));
    rig_subscribe(&rig);
    rig_run_ms(&rig, 1000);
    assert_int_equal(DOHLE_ERR_NO_OFFSET, rig.poll_err);
    assert_int_equal(0, rig_requests(&rig, DH_API_LIST_OFFSETS));
    assert_int_equal(0, rig.records);
    rig_close(&rig);
}

static const struct effect fetching_effects[] = {
    EFFECT_FIELD("fetch.min.bytes", "1", fetch_min_bytes, 1),
    EFFECT_FIELD("fetch.min.bytes", "77", fetch_min_bytes, 77),
    EFFECT_FIELD("fetch.max.wait.ms", "500", fetch_max_wait_ms, 500),
    EFFECT_FIELD("fetch.max.wait.ms", "30", fetch_max_wait_ms, 30),
    EFFECT_FIELD("fetch.max.bytes", "100000", fetch_max_bytes, 100000),
    EFFECT_FIELD("fetch.max.bytes", "5000", fetch_max_bytes, 5000),
    EFFECT_FIELD("max.partition.fetch.bytes", "9000", fetch_partition_max_bytes, 9000),
    EFFECT_FIELD("max.partition.fetch.bytes", "2000", fetch_partition_max_bytes, 2000),
    EFFECT_FIELD("isolation.level", "read_uncommitted", fetch_isolation_level, 0),
    {"isolation.level", "read_committed", value_is_refused, 0, 0},
    {"max.poll.records", "7", max_poll_records, 0, 7},
    {"max.poll.records", "1000", max_poll_records, 0, 100},
    {"fetch.buffer.bytes", "20000", fetch_buffer_bytes, 0, 20000},
    {"fetch.buffer.bytes", "200000", fetch_buffer_bytes, 0, 200000},
    {"decompressed.batch.max.bytes", "1000", decompressed_batch_max_bytes, 0,
     DOHLE_ERR_TOO_LARGE},
    {"decompressed.batch.max.bytes", "2000", decompressed_batch_max_bytes, 0, 0},
    {"response.max.bytes", "10000", response_max_bytes, 0, DOHLE_ERR_PROTOCOL},
    {"response.max.bytes", "20000", response_max_bytes, 0, 0},
    {"check.crcs", "true", check_crcs, 0, DOHLE_ERR_CORRUPT},
    {"check.crcs", "false", check_crcs, 0, 0},
    {"auto.offset.reset", "latest", auto_offset_reset_looks_up, 0, -1},
    {"auto.offset.reset", "earliest", auto_offset_reset_looks_up, 0, -2},
    {"auto.offset.reset", "none", auto_offset_reset_none, 0, 0},
    {"auto.offset.reset", "by_duration:P1D", value_is_refused, 0, 0},
};

#endif
