// SPDX-License-Identifier: MIT
#include "store_rig.h"

#include "rough_files.h"
#include "store/checkpoint.h"

static void test_lines(void **state)
{
    (void)state;

    static const struct {
        const char *text;
        bool is_one;
        const char *lines[3];
    } rows[] = {
        {"0\n0\n", true, {NULL}},
        {"0\n2\na 1 2\nb\n", true, {"a 1 2", "b"}},
        {"0\n1\n\n", true, {""}},
        {"", false, {NULL}},
        {"0", false, {NULL}},
        {"0\n", false, {NULL}},
        {"0\nx\n", false, {NULL}},
        {"0\n-1\n", false, {NULL}},
        {"1\n0\n", false, {NULL}},           // another version
        {"0\n2\na 1 2\n", false, {NULL}},    // fewer than it says
        {"0\n1\na 1 2\nb\n", false, {NULL}}, // more
        {"0\n1\na 1 2", false, {NULL}},      // cut off
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_store_lines lines;
        dohle_bytes line;
        assert_int_equal(rows[i].is_one,
                         dh_store_lines_init(&lines, dh_bytes_of(rows[i].text)));
        for (size_t k = 0; rows[i].is_one && k < 3; k++) {
            assert_int_equal(rows[i].lines[k] != NULL,
                             dh_store_lines_next(&lines, &line));
            if (rows[i].lines[k] == NULL) {
                break;
            }
            assert_bytes_equal(dh_bytes_of(rows[i].lines[k]), line);
        }
    }
}

// At whatever call the power fails: the old text or the new one, and nothing between.
static void test_replaced_whole(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    bool has_failed = true;
    for (size_t after = 0; has_failed; after++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct rough_files *files = rough_new(seed);
            struct dh_vfs *vfs = &files->vfs;
            struct dh_buf text;
            assert_int_equal(0, vfs->calls->make_directory(vfs, "d"));
            assert_int_equal(0, vfs->calls->sync_directory(vfs, ""));
            assert_int_equal(
                0, dh_store_replace_file(vfs, "d", "f", DH_BYTES("old text"), true));
            rough_plan(files, ROUGH_POWER, after);
            int err = dh_store_replace_file(vfs, "d", "f", DH_BYTES("new"), true);
            has_failed = files->calls >= files->fault_at;
            assert_int_equal(has_failed, err != 0);
            rough_crash(files);
            dh_buf_init(&text, &memory.allocator, 0);
            assert_int_equal(0, dh_store_read_file(vfs, "d/f", &text));
            bool is_new = dh_bytes_equal(dh_buf_view(&text), DH_BYTES("new"));
            assert_true(is_new ||
                        dh_bytes_equal(dh_buf_view(&text), DH_BYTES("old text")));
            assert_true(is_new || has_failed);
            dh_buf_deinit(&text);
            rough_free(files);
        }
    }
    assert_int_equal(0, memory.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_replaced_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
