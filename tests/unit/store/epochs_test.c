// SPDX-License-Identifier: MIT
#include "../test.h"

#include <dohle/error.h>

#include "base/bytes.h"
#include "store/epochs.h"

static void parse(struct dh_store_epochs *epochs, const char *text)
{
    assert_int_equal(0, dh_store_epochs_parse(epochs, dh_bytes_of(text)));
}

static void assert_is(const struct dh_store_epochs *epochs, const char *expected)
{
    struct dh_buf text;
    dh_buf_init(&text, epochs->mem, 0);
    dh_store_epochs_print(epochs, &text);
    assert_bytes_equal(dh_bytes_of(expected), dh_buf_view(&text));
    dh_buf_deinit(&text);
}

static void test_end_of_epoch(void **state)
{
    (void)state;
    struct test_memory memory;
    struct dh_store_epochs epochs;
    test_memory_init(&memory);
    dh_store_epochs_init(&epochs, &memory.allocator);
    parse(&epochs, "0\n3\n2 10\n3 20\n6 50\n");

    static const struct {
        int32_t epoch;
        int32_t current;
        int32_t found;
        int64_t end;
    } rows[] = {
        {-1, 6, -1, -1}, // not known
        {0, 6, 0, 10},   // before all that is known
        {1, 6, 1, 10},   {2, 6, 2, 20}, {3, 6, 3, 50},
        {4, 6, 3, 50},                  // the largest below
        {5, 6, 3, 50},   {6, 6, 6, 99}, // the latest ends where the log does
        {7, 6, -1, -1},                 // from the future
        {6, 8, 6, 99},                  // a leader that wrote nothing yet
        {7, 8, 6, 99},   {8, 8, 8, 99}, {9, 8, -1, -1},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        int32_t found;
        int64_t end;
        dh_store_epochs_end(&epochs, rows[i].epoch, rows[i].current, 99, &found, &end);
        assert_int_equal(rows[i].found, found);
        assert_int_equal(rows[i].end, end);
    }
    // Nothing known but the leader's own.
    int32_t found;
    int64_t end;
    parse(&epochs, "0\n0\n");
    dh_store_epochs_end(&epochs, 4, 4, 0, &found, &end);
    assert_int_equal(4, found);
    assert_int_equal(0, end);
    dh_store_epochs_end(&epochs, 3, 4, 0, &found, &end);
    assert_int_equal(3, found);
    assert_int_equal(0, end);
    dh_store_epochs_deinit(&epochs);
    assert_int_equal(0, memory.bytes);
}

static void test_assign_and_cut(void **state)
{
    (void)state;
    struct test_memory memory;
    struct dh_store_epochs epochs;
    test_memory_init(&memory);
    dh_store_epochs_init(&epochs, &memory.allocator);
    assert_int_equal(-1, dh_store_epochs_latest(&epochs));

    static const struct {
        int32_t epoch;
        int64_t offset;
        const char *expected;
    } rows[] = {
        {-1, 0, "0\n0\n"}, // batches of old clients have none
        {0, 0, "0\n1\n0 0\n"},
        {0, 5, "0\n1\n0 0\n"}, // known
        {2, 7, "0\n2\n0 0\n2 7\n"},
        {1, 9, "0\n2\n0 0\n2 7\n"}, // old
        {3, 7, "0\n2\n0 0\n3 7\n"}, // 2 wrote nothing that is left
        {9, 20, "0\n3\n0 0\n3 7\n9 20\n"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(0, dh_store_epochs_reserve(&epochs));
        dh_store_epochs_assign(&epochs, rows[i].epoch, rows[i].offset);
        assert_is(&epochs, rows[i].expected);
    }
    assert_int_equal(9, dh_store_epochs_latest(&epochs));
    dh_store_epochs_cut_start(&epochs, 3);
    assert_is(&epochs, "0\n3\n0 3\n3 7\n9 20\n");
    dh_store_epochs_cut_start(&epochs, 7);
    assert_is(&epochs, "0\n2\n3 7\n9 20\n");
    dh_store_epochs_cut_end(&epochs, 21);
    assert_is(&epochs, "0\n2\n3 7\n9 20\n");
    dh_store_epochs_cut_end(&epochs, 20);
    assert_is(&epochs, "0\n1\n3 7\n");
    dh_store_epochs_cut_end(&epochs, 0);
    assert_is(&epochs, "0\n0\n");
    dh_store_epochs_deinit(&epochs);
}

static void test_bad_text(void **state)
{
    (void)state;
    struct test_memory memory;
    struct dh_store_epochs epochs;
    test_memory_init(&memory);
    dh_store_epochs_init(&epochs, &memory.allocator);
    static const char *const texts[] = {
        "",
        "0",
        "0\n",
        "1\n0\n",
        "0\n1\n",
        "0\n1\n3 7",
        "0\n1\n3\n",
        "0\n1\n3 7 9\n",
        "0\n1\nx 7\n",
        "0\n1\n3 -7\n",
        "0\n-1\n",
        "0\n0\n3 7\n",
        "0\n2\n3 7\n",
        "0\n1\n 3 7\n",
        "0\n2\n3 7\n3 9\n", // not ascending
        "0\n2\n3 7\n4 6\n",
    };
    for (size_t i = 0; i < DH_COUNT_OF(texts); i++) {
        parse(&epochs, "0\n1\n3 7\n");
        assert_int_equal(DOHLE_ERR_CORRUPT,
                         dh_store_epochs_parse(&epochs, dh_bytes_of(texts[i])));
        assert_int_equal(-1, dh_store_epochs_latest(&epochs));
    }
    dh_store_epochs_deinit(&epochs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end_of_epoch),
        cmocka_unit_test(test_assign_and_cut),
        cmocka_unit_test(test_bad_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
