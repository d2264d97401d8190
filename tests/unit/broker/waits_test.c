// SPDX-License-Identifier: MIT
// Places in the lines of partitions: who is told, in which order, how often.
#include "broker/waits.h"

#include "../test.h"
#include "base/mem.h"

#define PARTITIONS 3

struct waiter {
    struct dh_broker_place place;
    struct waiter *leaves; // when told, this one leaves; may be itself
    int told_count;
};

struct fixture {
    struct test_memory memory;
    struct dh_broker broker;
    struct dh_broker_topic topic;
    struct dh_broker_partition partitions[PARTITIONS];
    struct waiter waiters[4];
    char order[32]; // who was told, by letter
};

static struct fixture *fixture_of; // of the test that runs

static void on_woken(struct dh_broker *broker, struct dh_broker_place *place)
{
    struct waiter *waiter = DH_CONTAINER_OF(place, struct waiter, place);
    struct fixture *f = fixture_of;
    assert_ptr_equal(&f->broker, broker);
    waiter->told_count++;
    char letter = (char)('a' + (waiter - f->waiters));
    f->order[strlen(f->order)] = letter;
    if (waiter->leaves != NULL) {
        dh_broker_waits_leave(&waiter->leaves->place);
    }
}

static void fixture_init(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    fixture_of = f;
    test_memory_init(&f->memory);
    f->broker.mem = &f->memory.allocator;
    assert_int_equal(0, dh_broker_waits_new(&f->broker));
    f->topic.partitions = f->partitions;
    f->topic.partition_count = PARTITIONS;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        f->partitions[i].topic = &f->topic;
        f->partitions[i].number = i;
        dh_list_init(&f->partitions[i].waiters);
    }
    for (size_t i = 0; i < DH_COUNT_OF(f->waiters); i++) {
        f->waiters[i].place.on_woken = on_woken;
    }
}

static void fixture_deinit(struct fixture *f)
{
    for (size_t i = 0; i < DH_COUNT_OF(f->waiters); i++) {
        dh_broker_waits_leave(&f->waiters[i].place);
    }
    dh_broker_waits_free(&f->broker);
    assert_int_equal(0, f->memory.bytes);
}

static void enter(struct fixture *f, int waiter, int partition)
{
    dh_broker_waits_enter(&f->waiters[waiter].place, &f->partitions[partition]);
}

static void wake(struct fixture *f, int partition)
{
    dh_broker_waits_wake(&f->broker, &f->partitions[partition]);
}

static void test_wakes_its_line_alone(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    enter(&f, 0, 1);
    enter(&f, 1, 2);
    enter(&f, 2, 1);
    wake(&f, 1);
    assert_string_equal("", f.order); // nobody is told inside a wake
    dh_broker_waits_run(&f.broker);
    assert_string_equal("ac", f.order);
    dh_broker_waits_run(&f.broker);
    assert_string_equal("ac", f.order);
    fixture_deinit(&f);
}

// It stays in line, and many wakes before it is told are one.
static void test_stays(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    enter(&f, 0, 0);
    for (int round = 1; round <= 3; round++) {
        wake(&f, 0);
        wake(&f, 0);
        dh_broker_waits_run(&f.broker);
        assert_int_equal(round, f.waiters[0].told_count);
        assert_ptr_equal(&f.partitions[0], dh_broker_waits_at(&f.waiters[0].place));
    }
    fixture_deinit(&f);
}

// Whoever is told may leave, and take others along that were woken too.
static void test_leaves_while_told(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (int i = 0; i < 4; i++) {
        enter(&f, i, 0);
    }
    f.waiters[0].leaves = &f.waiters[0];
    f.waiters[1].leaves = &f.waiters[2];
    wake(&f, 0);
    dh_broker_waits_run(&f.broker);
    assert_string_equal("abd", f.order);
    wake(&f, 0);
    dh_broker_waits_run(&f.broker);
    assert_string_equal("abdbd", f.order);
    assert_null(dh_broker_waits_at(&f.waiters[2].place));
    fixture_deinit(&f);
}

static void test_dismissed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    enter(&f, 0, 0);
    enter(&f, 1, 1);
    dh_broker_waits_dismiss(&f.broker, &f.partitions[0]);
    assert_true(dh_list_is_empty(&f.partitions[0].waiters));
    dh_broker_waits_run(&f.broker);
    assert_string_equal("a", f.order);
    assert_null(dh_broker_waits_at(&f.waiters[0].place));
    enter(&f, 0, 2); // and may stand elsewhere
    wake(&f, 2);
    dh_broker_waits_run(&f.broker);
    assert_string_equal("aa", f.order);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wakes_its_line_alone),
        cmocka_unit_test(test_stays),
        cmocka_unit_test(test_leaves_while_told),
        cmocka_unit_test(test_dismissed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
