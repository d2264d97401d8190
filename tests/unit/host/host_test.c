// SPDX-License-Identifier: MIT
#include "host/host.h"

#include <signal.h>

#include <dohle/error.h>

#include "../test.h"
#include "base/time.h"
#include "host/clock.h"

static struct dh_host *new_host(struct test_memory *memory)
{
    test_memory_init(memory);
    struct dh_host *host = NULL;
    const struct dh_host_options options = {.mem = &memory->allocator};
    assert_int_equal(0, dh_host_new(&options, &host));
    return host;
}

static void free_host(struct dh_host *host, struct test_memory *memory)
{
    dh_host_free(host);
    assert_int_equal(0, memory->bytes);
}

static void test_a_deadline_is_never_early(void **state)
{
    (void)state;
    struct test_memory memory;
    struct dh_host *host = new_host(&memory);
    // Odd fractions of a millisecond find rounding down, in the clock or the wait.
    for (int64_t wait_ns = 1; wait_ns < 5 * DH_MS; wait_ns += 333333) {
        int64_t begin_ns = dh_clock_now_ns();
        dh_host_run_once(host, begin_ns + wait_ns);
        int64_t waited_ns = dh_clock_now_ns() - begin_ns;
        assert_true(waited_ns >= wait_ns);
    }
    free_host(host, &memory);
}

static void test_a_deadline_in_the_past_does_not_wait(void **state)
{
    (void)state;
    struct test_memory memory;
    struct dh_host *host = new_host(&memory);
    int64_t begin_ns = dh_clock_now_ns();
    for (int i = 0; i < 100; i++) {
        dh_host_run_once(host, begin_ns - DH_SEC);
        dh_host_run_once(host, 0);
    }
    assert_true(dh_clock_now_ns() - begin_ns < DH_SEC);
    free_host(host, &memory);
}

static void test_a_wake_up_ends_the_next_wait_once(void **state)
{
    (void)state;
    struct test_memory memory;
    struct dh_host *host = new_host(&memory);
    // Several wake-ups before the wait count as one.
    dh_host_wake(host);
    dh_host_wake(host);
    dh_host_run_once(host, DH_NEVER);

    int64_t deadline_ns = dh_clock_now_ns() + 3 * DH_MS;
    dh_host_run_once(host, deadline_ns);
    assert_true(dh_clock_now_ns() >= deadline_ns);
    free_host(host, &memory);
}

static struct dh_host *signalled_host;

static void on_signal(int number)
{
    (void)number;
    dh_host_wake(signalled_host);
}

static void test_a_signal_handler_may_wake(void **state)
{
    (void)state;
    struct test_memory memory;
    struct dh_host *host = new_host(&memory);
    signalled_host = host;
    struct sigaction action = {.sa_handler = on_signal};
    struct sigaction before;
    assert_int_equal(0, sigaction(SIGUSR1, &action, &before));
    assert_int_equal(0, raise(SIGUSR1));
    dh_host_run_once(host, DH_NEVER);
    assert_int_equal(0, sigaction(SIGUSR1, &before, NULL));
    free_host(host, &memory);
}

static void test_no_memory_is_an_error(void **state)
{
    (void)state;
    for (size_t fail_at = 1; fail_at <= 2; fail_at++) {
        struct test_memory memory;
        test_memory_init(&memory);
        memory.fail_at = fail_at;
        struct dh_host *host = NULL;
        const struct dh_host_options options = {
            .mem = &memory.allocator,
            .name_servers = "127.0.0.1:53",
        };
        assert_int_equal(DOHLE_ERR_NO_MEMORY, dh_host_new(&options, &host));
        assert_int_equal(0, memory.bytes);
    }
}

static void test_clocks_and_entropy(void **state)
{
    (void)state;
    int64_t before_ns = dh_clock_now_ns();
    assert_true(dh_clock_now_ns() >= before_ns);
    // 2020-01-01 and 2200-01-01: any sane machine is between them.
    assert_true(dh_clock_wall_ms() > INT64_C(1577836800000));
    assert_true(dh_clock_wall_ms() < INT64_C(7258118400000));
    uint8_t a[16] = {0};
    uint8_t b[16] = {0};
    assert_int_equal(0, dh_entropy(a, sizeof(a)));
    assert_int_equal(0, dh_entropy(b, sizeof(b)));
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_deadline_is_never_early),
        cmocka_unit_test(test_a_deadline_in_the_past_does_not_wait),
        cmocka_unit_test(test_a_wake_up_ends_the_next_wait_once),
        cmocka_unit_test(test_a_signal_handler_may_wake),
        cmocka_unit_test(test_no_memory_is_an_error),
        cmocka_unit_test(test_clocks_and_entropy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
