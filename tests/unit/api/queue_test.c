// SPDX-License-Identifier: MIT
#include "api/queue.h"

#include "../test.h"

struct item {
    struct dh_link link;
    int number;
};

static void assert_numbers(struct dh_list *list, const int *expected, size_t count)
{
    size_t i = 0;
    DH_LIST_EACH_SAFE(link, next, list)
    {
        assert_in_range(i, 0, count - 1);
        assert_int_equal(expected[i], DH_CONTAINER_OF(link, struct item, link)->number);
        dh_list_remove(link);
        i++;
    }
    assert_int_equal(count, i);
}

static void test_keeps_order_and_tells_when_the_reader_sleeps(void **state)
{
    (void)state;
    struct item items[5] = {
        {.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    struct dh_queue queue;
    struct dh_list list;
    dh_queue_init(&queue);
    dh_list_init(&list);

    assert_true(dh_queue_is_empty(&queue));
    assert_false(dh_queue_push_all(&queue, &list)); // nothing is no news
    assert_false(dh_queue_take_all(&queue, &list));

    assert_true(dh_queue_push(&queue, &items[0].link));
    assert_false(dh_queue_push(&queue, &items[1].link));
    dh_list_push_back(&list, &items[2].link);
    dh_list_push_back(&list, &items[3].link);
    assert_false(dh_queue_push_all(&queue, &list));
    assert_true(dh_list_is_empty(&list));
    assert_false(dh_queue_is_empty(&queue));

    dh_list_push_back(&list, &items[4].link);
    assert_true(dh_queue_take_all(&queue, &list)); // behind what is there already
    assert_true(dh_queue_is_empty(&queue));
    assert_numbers(&list, (const int[]){4, 0, 1, 2, 3}, 5);

    dh_list_push_back(&list, &items[0].link);
    assert_true(dh_queue_push_all(&queue, &list));
    assert_true(dh_queue_take_all(&queue, &list));
    dh_queue_deinit(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_order_and_tells_when_the_reader_sleeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
