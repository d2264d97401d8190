// SPDX-License-Identifier: MIT
#include "client/back/outbox.h"

#include "../../test.h"

#include <stdio.h>

static dohle_error_info error_about(int code, const char *topic)
{
    dohle_error_info error = {.code = code, .node_id = -1, .partition = -1, .offset = -1};
    snprintf(error.topic, sizeof(error.topic), "%s", topic);
    return error;
}

static struct dh_notice_error *take(struct dh_outbox *outbox)
{
    struct dh_link *link = dh_list_pop_front(&outbox->messages);
    if (link == NULL) {
        return NULL;
    }
    return DH_CONTAINER_OF(DH_CONTAINER_OF(link, struct dh_message, link),
                           struct dh_notice_error, message);
}

// One that the application has not seen yet is not sent again; then it is.
static void test_repeated_errors_are_folded(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    const dohle_allocator *mem = &memory.allocator;
    struct dh_outbox outbox;
    dh_outbox_init(&outbox);
    dohle_error_info a = error_about(DOHLE_ERR_TOPIC_AUTHORIZATION, "a");
    dohle_error_info b = error_about(DOHLE_ERR_TOPIC_AUTHORIZATION, "b");
    dohle_error_info c = error_about(DOHLE_ERR_INVALID_TOPIC, "a");
    assert_true(dh_outbox_report(&outbox, mem, &a));
    assert_true(dh_outbox_report(&outbox, mem, &b));
    assert_true(dh_outbox_report(&outbox, mem, &c));
    assert_false(dh_outbox_report(&outbox, mem, &a));
    struct dh_notice_error *first = take(&outbox);
    if (first == NULL) {
        fail(); // gcc does not know that fail does not return
        return;
    }
    assert_string_equal("a", first->error.topic);
    assert_int_equal(DOHLE_ERR_TOPIC_AUTHORIZATION, first->error.code);
    assert_false(dh_outbox_report(&outbox, mem, &a)); // with the front half
    dh_outbox_on_error_returned(&outbox, mem, first);
    assert_true(dh_outbox_report(&outbox, mem, &a));
    for (struct dh_notice_error *notice; (notice = take(&outbox)) != NULL;) {
        dh_outbox_on_error_returned(&outbox, mem, notice);
    }
    dh_outbox_release(&outbox, mem);
    assert_int_equal(0, memory.bytes);
}

static void test_errors_on_their_way_are_bounded(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    const dohle_allocator *mem = &memory.allocator;
    struct dh_outbox outbox;
    dh_outbox_init(&outbox);
    for (int i = 0; i < DH_OUTBOX_ERRORS_MAX + 5; i++) {
        char topic[16];
        snprintf(topic, sizeof(topic), "t%d", i);
        dohle_error_info error = error_about(DOHLE_ERR_INVALID_TOPIC, topic);
        assert_int_equal(i < DH_OUTBOX_ERRORS_MAX,
                         dh_outbox_report(&outbox, mem, &error));
    }
    for (struct dh_notice_error *notice; (notice = take(&outbox)) != NULL;) {
        dh_outbox_on_error_returned(&outbox, mem, notice);
    }
    dh_outbox_release(&outbox, mem);
    assert_int_equal(0, memory.bytes);
}

// The first error gets through without memory, and the place comes back with it.
static void test_one_error_needs_no_memory(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    const dohle_allocator *mem = &memory.allocator;
    struct dh_outbox outbox;
    dh_outbox_init(&outbox);
    assert_int_equal(0, dh_outbox_reserve(&outbox, mem));
    memory.fail_at = 1;
    dohle_error_info a = error_about(DOHLE_ERR_NO_MEMORY, "");
    dohle_error_info b = error_about(DOHLE_ERR_INVALID_TOPIC, "b");
    for (int i = 0; i < 2; i++) {
        assert_true(dh_outbox_report(&outbox, mem, &a));
        assert_false(dh_outbox_report(&outbox, mem, &b));
        dh_outbox_on_error_returned(&outbox, mem, take(&outbox));
    }
    dh_outbox_release(&outbox, mem);
    assert_int_equal(0, memory.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_repeated_errors_are_folded),
        cmocka_unit_test(test_errors_on_their_way_are_bounded),
        cmocka_unit_test(test_one_error_needs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
