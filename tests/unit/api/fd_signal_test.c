// SPDX-License-Identifier: MIT
#include "api/fd_signal.h"

#include <poll.h>
#include <unistd.h>

#include "../test.h"
#include "base/time.h"
#include "host/clock.h"

static bool is_readable(const struct dh_fd_signal *signal)
{
    struct pollfd pollfd = {.fd = signal->fd, .events = POLLIN};
    return poll(&pollfd, 1, 0) == 1;
}

static void test_is_readable_while_set(void **state)
{
    (void)state;
    struct dh_fd_signal signal;
    assert_int_equal(0, dh_fd_signal_init(&signal));
    assert_false(is_readable(&signal));
    for (int i = 0; i < 3; i++) {
        dh_fd_signal_set(&signal);
        dh_fd_signal_set(&signal);
        assert_true(is_readable(&signal));
        assert_true(is_readable(&signal));
        dh_fd_signal_clear(&signal);
        assert_false(is_readable(&signal));
        dh_fd_signal_clear(&signal);
        assert_false(is_readable(&signal));
    }
    int fd = signal.fd;
    dh_fd_signal_deinit(&signal);
    assert_int_equal(-1, close(fd));
}

static void test_wait_ends_at_the_deadline_or_when_set(void **state)
{
    (void)state;
    struct dh_fd_signal signal;
    assert_int_equal(0, dh_fd_signal_init(&signal));
    int64_t deadline_ns = dh_clock_now_ns() + 3 * DH_MS + 1;
    assert_false(dh_fd_signal_wait(&signal, deadline_ns));
    assert_true(dh_clock_now_ns() >= deadline_ns);
    assert_false(dh_fd_signal_wait(&signal, 0));
    dh_fd_signal_set(&signal);
    assert_true(dh_fd_signal_wait(&signal, 0));
    assert_true(dh_fd_signal_wait(&signal, DH_NEVER));
    dh_fd_signal_deinit(&signal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_readable_while_set),
        cmocka_unit_test(test_wait_ends_at_the_deadline_or_when_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
