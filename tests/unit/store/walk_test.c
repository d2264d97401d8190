// SPDX-License-Identifier: MIT
#include "store_rig.h"

#include "store/walk.h"

#define BATCHES 40

struct bench {
    struct store_rig *rig;
    struct dh_buf bytes; // batches back to back
    int64_t positions[BATCHES];
    struct dh_file *file;
};

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    bench->rig = rig_new();
    dh_buf_init(&bench->bytes, &bench->rig->memory.allocator, 0);
    for (int i = 0; i < BATCHES; i++) {
        // Sizes around the block's, some several times as large.
        struct rig_batch batch = RIG_PLAIN(1 + i % 3, (size_t)(i * i * 7 % 1500));
        batch.first_ms = 100 + i;
        batch.producer_id = i % 2 == 0 ? -1 : i;
        batch.producer_epoch = 3;
        batch.sequence = 9;
        bench->positions[i] = (int64_t)bench->bytes.size;
        dohle_bytes made = rig_make(bench->rig, &batch);
        dh_buf_append(&bench->bytes, made.data, made.size);
    }
    rig_write_file(bench->rig, "log", dh_buf_view(&bench->bytes));
    struct dh_vfs *vfs = bench->rig->vfs;
    assert_int_equal(0, vfs->calls->open(vfs, "log", DH_VFS_WRITE, &bench->file));
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    bench->rig->vfs->calls->close(bench->rig->vfs, bench->file);
    dh_buf_deinit(&bench->bytes);
    dh_batch_writer_deinit(&bench->rig->writer);
    dh_memory_files_free(bench->rig->files);
    assert_int_equal(0, bench->rig->memory.bytes);
    free(bench->rig);
    free(bench);
    return 0;
}

// With blocks from one header up, from every batch on, checksums or none.
static void test_walks_with_any_block(void **state)
{
    struct bench *bench = *state;
    static uint8_t block[70000];
    static const size_t capacities[] = {DH_STORE_HEADER_SIZE, 62, 100, 333, 4096, 70000};
    for (size_t i = 0; i < DH_COUNT_OF(capacities); i++) {
        for (int from = 0; from <= BATCHES; from += 7) {
            struct dh_store_walk walk;
            struct dh_store_batch batch;
            int64_t position =
                from == BATCHES ? (int64_t)bench->bytes.size : bench->positions[from];
            dh_store_walk_init(&walk, bench->rig->vfs, bench->file, position,
                               (int64_t)bench->bytes.size, block, capacities[i]);
            for (int k = from; k < BATCHES; k++) {
                assert_int_equal(DH_STORE_WALK_FOUND, dh_store_walk_next(&walk, &batch));
                assert_int_equal(bench->positions[k], batch.position);
                assert_int_equal(k % 3, batch.last_offset - batch.base_offset);
                assert_int_equal(1 + k % 3, batch.record_count);
                assert_int_equal(100 + k + k % 3, batch.max_timestamp_ms);
                assert_int_equal(k % 2 == 0 ? -1 : k, batch.producer_id);
                if (k % 2 != 0) {
                    assert_int_equal(3, batch.producer_epoch);
                    assert_int_equal(9, batch.base_sequence);
                }
                assert_false(batch.is_control);
                if (k % 5 != 0) {
                    bool is_right = false;
                    assert_int_equal(0, dh_store_walk_check(&walk, &batch, &is_right));
                    assert_true(is_right);
                }
            }
            assert_int_equal(DH_STORE_WALK_END, dh_store_walk_next(&walk, &batch));
            assert_int_equal(DH_STORE_WALK_END, dh_store_walk_next(&walk, &batch));
        }
    }
}

// A byte changed behind the checksum is seen, however the blocks lie.
static void test_checksums(void **state)
{
    struct bench *bench = *state;
    uint8_t block[100];
    for (int i = 1; i < BATCHES - 1; i += 4) {
        for (int64_t at = bench->positions[i] + 21; at < bench->positions[i + 1];
             at += 13) {
            bench->bytes.data[at] ^= 4;
            dohle_bytes piece = {bench->bytes.data + at, 1};
            struct dh_vfs *vfs = bench->rig->vfs;
            assert_int_equal(0, vfs->calls->write(vfs, bench->file, at, &piece, 1));
            struct dh_store_walk walk;
            struct dh_store_batch batch;
            dh_store_walk_init(&walk, vfs, bench->file, bench->positions[i],
                               (int64_t)bench->bytes.size, block, sizeof(block));
            int result = dh_store_walk_next(&walk, &batch);
            if (result == DH_STORE_WALK_FOUND) {
                bool is_right = true;
                assert_int_equal(0, dh_store_walk_check(&walk, &batch, &is_right));
                assert_false(is_right);
            } else {
                assert_int_equal(DH_STORE_WALK_BAD, result);
            }
            bench->bytes.data[at] ^= 4;
            assert_int_equal(0, vfs->calls->write(vfs, bench->file, at, &piece, 1));
        }
    }
}

// A file that ends anywhere within a batch is bad there, and good up to it.
static void test_cut_off(void **state)
{
    struct bench *bench = *state;
    uint8_t block[200];
    for (int64_t end = 0; end < bench->positions[5]; end++) {
        struct dh_store_walk walk;
        struct dh_store_batch batch;
        int result;
        int64_t good = 0;
        dh_store_walk_init(&walk, bench->rig->vfs, bench->file, 0, end, block,
                           sizeof(block));
        while ((result = dh_store_walk_next(&walk, &batch)) == DH_STORE_WALK_FOUND) {
            good = walk.position;
        }
        assert_int_equal(good == end ? DH_STORE_WALK_END : DH_STORE_WALK_BAD, result);
        assert_int_equal(good, walk.position);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_walks_with_any_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_checksums, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cut_off, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
