// SPDX-License-Identifier: MIT
/*
 * Produce, crash, recover, compare: at every call of the file table in turn, the machine
 * loses its power, or the process is killed, or the disk reports an error. What was
 * acknowledged is there afterwards, what is there is what was written, and it goes on.
 */
#include "store_rig.h"

#include "rough_files.h"

#define BATCHES_MAX 400

// What was appended, by number of batch.
struct model {
    int64_t ends[BATCHES_MAX];  // offset behind each
    uint32_t crcs[BATCHES_MAX]; // of each
    size_t count;               // appended, acknowledged or not
    int64_t acknowledged;       // the high watermark that was told
    int64_t settled;            // the end at the last clean stop
    int64_t start;              // that was asked for
    bool is_created;
};

struct crash_rig {
    struct store_rig *rig;
    struct rough_files *files;
    struct model model;
    struct dh_random random;
};

static void note_append(struct crash_rig *crash, dohle_bytes bytes)
{
    struct dh_reader reader;
    struct dh_batch batch;
    struct model *model = &crash->model;
    dh_reader_init(&reader, bytes);
    assert_int_equal(DH_BATCH_FOUND, dh_batch_next(&reader, &batch));
    assert_true(model->count < BATCHES_MAX);
    int64_t base = model->count == 0 ? 0 : model->ends[model->count - 1];
    model->ends[model->count] = base + batch.record_count;
    model->crcs[model->count] = batch.crc;
    model->count++;
}

static void note_acknowledged(struct crash_rig *crash)
{
    int64_t high_watermark = dh_store_log_high_watermark(crash->rig->log);
    if (high_watermark > crash->model.acknowledged) {
        crash->model.acknowledged = high_watermark;
    }
}

static int append_one(struct crash_rig *crash, int number)
{
    struct rig_batch batch = RIG_PLAIN(1 + number % 3, (size_t)(number * 37 % 900));
    batch.first_ms = number * 10;
    if (number % 2 == 0) {
        batch.producer_id = 7;
        batch.sequence = -1; // below
    }
    // Sequences follow from what was appended before, with even numbers.
    int32_t sequence = 0;
    for (int i = 0; i < number; i += 2) {
        sequence += 1 + i % 3;
    }
    batch.sequence = sequence;
    dohle_bytes bytes = rig_make(crash->rig, &batch);
    int err = rig_append_bytes(crash->rig, bytes);
    assert_true(err != 0 || crash->rig->appended.broker_code == 0);
    // One that failed may be there all the same: nothing is written behind it.
    note_append(crash, bytes);
    if (err == 0) {
        note_acknowledged(crash);
    }
    return err;
}

// All of it until something fails; a step's failure ends it.
static void work(struct crash_rig *crash, bool is_long)
{
    struct store_rig *rig = crash->rig;
    if (rig_open(rig) != 0 || rig_create(rig) != 0) {
        return;
    }
    crash->model.is_created = true;
    for (int i = 0; i < (is_long ? 56 : 25); i++) {
        rig->leader_epoch = i / 9;
        if (append_one(crash, i) != 0) {
            return;
        }
        // Sometimes one sync, sometimes until nothing waits any more.
        while (i % 4 == 3 && rough_end_syncs(crash->files) > 0 && i % 12 == 11) {
        }
        note_acknowledged(crash);
        if (i % 8 == 7 && dh_store_checkpoint(rig->store) != 0) {
            return;
        }
        if (i == 20) {
            int64_t start = dh_store_log_high_watermark(rig->log) / 2;
            crash->model.start = start;
            if (dh_store_log_delete_before(rig->log, start) != 0) {
                return;
            }
        }
        if (is_long && i == 30) {
            while (rough_end_syncs(crash->files) > 0) {
            }
            note_acknowledged(crash);
            int64_t end = dh_store_log_end(rig->log);
            rig_close(rig, true);
            if (rough_find(&crash->files->now, ".kafka_cleanshutdown") != NULL &&
                crash->files->calls < crash->files->fault_at) {
                crash->model.settled = end;
            }
            if (rig_open(rig) != 0 || rig->log == NULL) {
                return;
            }
        }
    }
    while (rough_end_syncs(crash->files) > 0) {
    }
    note_acknowledged(crash);
}

// What is in the log is what was appended, from its start on.
static void compare(struct crash_rig *crash)
{
    struct store_rig *rig = crash->rig;
    struct model *model = &crash->model;
    int64_t end = dh_store_log_end(rig->log);
    int64_t start = dh_store_log_start(rig->log);
    assert_true(end >= model->acknowledged);
    assert_true(start <= model->start);
    struct dh_buf out;
    struct dh_reader reader;
    struct dh_batch batch;
    dh_buf_init(&out, &rig->memory.allocator, 0);
    assert_int_equal(0, dh_store_log_read(rig->log, start, end, 1 << 24, true, &out));
    dh_reader_init(&reader, dh_buf_view(&out));
    int64_t next = start;
    int32_t epoch = -1;
    while (dh_batch_next(&reader, &batch) == DH_BATCH_FOUND) {
        size_t number = 0;
        while (number < model->count && model->ends[number] <= next) {
            number++;
        }
        assert_true(number < model->count);
        assert_int_equal(model->crcs[number], batch.crc);
        assert_int_equal(0, dh_batch_check_crc(&batch));
        if (epoch >= 0 && batch.leader_epoch != epoch) {
            int32_t found;
            int64_t epoch_end;
            dh_store_log_end_of_epoch(rig->log, epoch, 1000, &found, &epoch_end);
            assert_int_equal(epoch, found);
            assert_int_equal(next, epoch_end);
        }
        epoch = batch.leader_epoch;
        next = batch.last_offset + 1;
        assert_int_equal(model->ends[number], next);
    }
    assert_int_equal(0, dh_reader_left(&reader));
    assert_int_equal(end, next);
    assert_true(epoch < 0 || epoch == dh_store_log_latest_epoch(rig->log));
    dh_buf_deinit(&out);
}

// Forgets what did not survive.
static void cut_model(struct crash_rig *crash)
{
    struct model *model = &crash->model;
    int64_t end = dh_store_log_end(crash->rig->log);
    while (model->count > 0 && model->ends[model->count - 1] > end) {
        model->count--;
    }
}

static void recover_and_go_on(struct crash_rig *crash)
{
    struct store_rig *rig = crash->rig;
    int err = rig_open(rig);
    if (err != 0) {
        fail_msg("%s: %s", dohle_error_name(err), rig->text);
    }
    if (rig->log == NULL) {
        assert_false(crash->model.is_created);
        assert_int_equal(0, rig_create(rig));
    }
    compare(crash);
    cut_model(crash);
    crash->model.acknowledged = dh_store_log_end(rig->log);
    // Producers know where they were: the next in order is taken, the last is a duplicate.
    for (int i = 0; i < 3; i++) {
        assert_int_equal(0, append_one(crash, (int)crash->model.count));
    }
    while (rough_end_syncs(crash->files) > 0) {
    }
    note_acknowledged(crash);
    assert_int_equal(dh_store_log_end(rig->log), crash->model.acknowledged);
    compare(crash);
    if (rig->mode == DH_STORE_SYNCED) {
        // What the life before left in the page cache alone is on disk by now, names too.
        rig_close(rig, false);
        rough_crash(crash->files);
        assert_int_equal(0, rig_open(rig));
        assert_non_null(rig->log);
        compare(crash);
    }
    rig_reopen(rig, true);
    assert_int_equal(0, rig->recovery.bytes_checked);
    compare(crash);
    int number = (int)crash->model.count - 1;
    if (number % 2 == 0) {
        size_t count = crash->model.count;
        struct model before = crash->model;
        (void)append_one(crash, number);
        assert_true(rig->appended.is_duplicate);
        assert_int_equal(before.ends[count - 1], rig->appended.end_offset);
        crash->model = before;
    }
    rig_close(rig, true);
}

static char running[100]; // which run this is, when one fails

static int say_running(void **state)
{
    (void)state;
    if (running[0] != '\0') {
        print_message("failed: %s\n", running);
    }
    return 0;
}

// is_lost: what is not on disk goes too.
static bool run(enum dh_store_mode mode, enum rough_fault fault, bool is_lost,
                size_t after, uint64_t seed, bool is_long)
{
    struct crash_rig crash = {.rig = rig_new(), .files = rough_new(seed)};
    struct store_rig *rig = crash.rig;
    rig->vfs = &crash.files->vfs;
    rig->mode = mode;
    rig->config.segment_bytes = seed % 3 == 0 ? 1500 : 4000;
    rig->config.index_interval_bytes = 200;
    snprintf(running, sizeof(running), "mode %d fault %d after %zu seed %" PRIu64,
             (int)mode, (int)fault, after, seed);
    rough_plan(crash.files, fault, after);
    work(&crash, is_long);
    bool has_failed = crash.files->calls >= crash.files->fault_at;
    rough_forget_syncs(crash.files);
    rig_close(rig, false);
    if (is_lost) {
        rough_crash(crash.files);
    }
    if (is_lost && mode == DH_STORE_CACHED) {
        crash.model.acknowledged = crash.model.settled;
        crash.model.is_created &= crash.model.settled > 0;
    }
    crash.files->fault = ROUGH_NONE;
    recover_and_go_on(&crash);
    dh_batch_writer_deinit(&rig->writer);
    dh_memory_files_free(rig->files);
    assert_int_equal(0, rig->memory.bytes);
    free(rig);
    rough_free(crash.files);
    running[0] = '\0';
    return has_failed;
}

static void run_all(enum dh_store_mode mode, enum rough_fault fault, bool is_lost,
                    uint64_t seed)
{
    for (int is_long = 0; is_long < 2; is_long++) {
        size_t after = 0;
        while (run(mode, fault, is_lost, after, seed + after, is_long == 1)) {
            after++;
        }
        assert_true(after > 100);
    }
}

// What was acknowledged in mode SYNCED survives the loss of power.
static void test_power_fails_at_every_call(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        run_all(DH_STORE_SYNCED, ROUGH_POWER, true, seed * 1000000);
    }
}

// In mode CACHED what was there at a clean stop does, and what is left is in order.
static void test_power_fails_without_syncs(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        run_all(DH_STORE_CACHED, ROUGH_POWER, true, seed * 1000000);
    }
}

// What was acknowledged in mode CACHED survives the death of the process.
static void test_process_dies_at_every_call(void **state)
{
    (void)state;
    run_all(DH_STORE_CACHED, ROUGH_POWER, false, 1);
}

// The process dies, is started again, and then the power fails.
static void test_power_fails_after_the_process_died(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        run_all(DH_STORE_SYNCED, ROUGH_POWER, false, seed * 1000000);
    }
}

// One error of the disk anywhere: it may take the log offline, and costs nothing else.
static void test_every_call_fails_once(void **state)
{
    (void)state;
    run_all(DH_STORE_SYNCED, ROUGH_FAILS, false, 1);
    run_all(DH_STORE_CACHED, ROUGH_FAILS, false, 2);
}

static void test_disk_is_full_from_every_call_on(void **state)
{
    (void)state;
    run_all(DH_STORE_SYNCED, ROUGH_FULL, false, 1);
    run_all(DH_STORE_CACHED, ROUGH_FULL, false, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_power_fails_at_every_call, say_running),
        cmocka_unit_test_teardown(test_power_fails_without_syncs, say_running),
        cmocka_unit_test_teardown(test_process_dies_at_every_call, say_running),
        cmocka_unit_test_teardown(test_power_fails_after_the_process_died, say_running),
        cmocka_unit_test_teardown(test_every_call_fails_once, say_running),
        cmocka_unit_test_teardown(test_disk_is_full_from_every_call_on, say_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
