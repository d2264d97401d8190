// SPDX-License-Identifier: MIT
// Memory runs out at every allocation in turn: what was appended is there, nothing is leaked
// or half done, and all goes on when there is memory again.
#include "store_rig.h"

#include "store/log.h"

#define BATCHES 12

struct life {
    struct store_rig *rig;
    uint8_t *batches[BATCHES]; // made before memory runs out
    size_t sizes[BATCHES];
    int64_t end; // of what was appended
};

static void make_batches(struct life *life)
{
    for (int i = 0; i < BATCHES; i++) {
        struct rig_batch batch = RIG_PLAIN(2, 400);
        batch.producer_id = i % 3;
        batch.sequence = i / 3 * 2;
        batch.first_ms = i * 10;
        batch.codec = i % 2 == 0 ? "lz4" : NULL;
        dohle_bytes bytes = rig_make(life->rig, &batch);
        life->batches[i] = malloc(bytes.size);
        assert_non_null(life->batches[i]);
        memcpy(life->batches[i], bytes.data, bytes.size);
        life->sizes[i] = bytes.size;
    }
}

static int append(struct life *life, int number)
{
    struct store_rig *rig = life->rig;
    int err = dh_store_log_append(rig->log, life->batches[number], life->sizes[number],
                                  number / 4, 1000, &rig->appended);
    if (err == 0) {
        assert_int_equal(0, rig->appended.broker_code);
        assert_false(rig->appended.is_duplicate);
        life->end += 2;
    }
    return err;
}

// All kinds of calls, up to the first that fails.
static int live(struct life *life)
{
    struct store_rig *rig = life->rig;
    struct dh_store_found found;
    struct dh_buf out;
    int err = rig_open(rig);
    if (err == 0) {
        err = rig_create(rig);
    }
    for (int i = 0; err == 0 && i < BATCHES / 2; i++) {
        err = append(life, i);
    }
    if (err == 0) {
        rig_close(rig, false);
        err = rig_open(rig);
    }
    for (int i = BATCHES / 2; err == 0 && i < BATCHES; i++) {
        err = append(life, i);
    }
    if (err == 0) {
        err = dh_store_log_find_time(rig->log, 55, &found);
    }
    dh_buf_init(&out, &rig->memory.allocator, 0);
    if (err == 0) {
        err = dh_store_log_read(rig->log, 0, life->end, 5000, true, &out);
    }
    dh_buf_deinit(&out);
    if (err == 0) {
        err = dh_store_log_delete_before(rig->log, 7);
    }
    if (err == 0) {
        err = dh_store_log_apply_retention(rig->log, 1000);
    }
    if (err == 0) {
        err = dh_store_checkpoint(rig->store);
    }
    if (err == 0) {
        rig_close(rig, true);
        err = rig_open(rig);
    }
    return err;
}

static bool run(size_t fail_at)
{
    struct life life = {.rig = rig_new()};
    struct store_rig *rig = life.rig;
    rig->config.segment_bytes = 2000;
    rig->config.index_interval_bytes = 500;
    make_batches(&life);
    rig->memory.fail_at = rig->memory.calls + fail_at;
    int err = live(&life);
    bool has_failed = rig->memory.calls >= rig->memory.fail_at;
    rig->memory.fail_at = 0;
    assert_true(err == 0 || err == DOHLE_ERR_NO_MEMORY);
    if (rig->store == NULL) {
        assert_int_equal(0, rig_open(rig));
    }
    if (rig->log == NULL) {
        assert_int_equal(0, life.end);
        assert_int_equal(0, rig_create(rig));
    }
    for (int round = 0; round < 3; round++) {
        assert_false(dh_store_log_is_offline(rig->log));
        assert_int_equal(life.end, dh_store_log_end(rig->log));
        int64_t start = dh_store_log_start(rig->log);
        assert_int_equal(life.end - start, rig_read_all(rig, start, 1000));
        int next = (int)(life.end / 2);
        for (int i = next; i < BATCHES && i < next + 4; i++) {
            assert_int_equal(0, append(&life, i));
        }
        rig_reopen(rig, round % 2 == 0);
    }
    rig_close(rig, true);
    for (int i = 0; i < BATCHES; i++) {
        free(life.batches[i]);
    }
    dh_batch_writer_deinit(&rig->writer);
    dh_memory_files_free(rig->files);
    assert_int_equal(0, rig->memory.bytes);
    free(rig);
    return has_failed;
}

static void test_memory_runs_out_anywhere(void **state)
{
    (void)state;
    size_t fail_at = 1;
    while (run(fail_at)) {
        fail_at++;
    }
    assert_true(fail_at > 100);
}

// What an idle partition costs, files in memory included.
static void test_idle_partitions_are_small(void **state)
{
    struct store_rig *rig = *state;
    struct dh_uuid id = {{1}};
    struct dh_store_log *log;
    size_t before = rig->memory.bytes;
    for (int32_t i = 0; i < 1000; i++) {
        assert_int_equal(
            0, dh_store_create_log(rig->store, "idle", i, id, &rig->config, &log));
        rig->log = log;
        if (i % 2 == 0) {
            rig_fill(rig, 1, 100, 0);
        }
    }
    assert_in_range((rig->memory.bytes - before) / 1000, 500, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_runs_out_anywhere),
        cmocka_unit_test_setup_teardown(test_idle_partitions_are_small, rig_set_up,
                                        rig_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
