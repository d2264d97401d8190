// SPDX-License-Identifier: MIT
#include "api/fd_signal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#ifdef __linux__
#    include <sys/eventfd.h>
#endif

#include <dohle/error.h>

#include "base/time.h"
#include "host/clock.h"

enum {
    CLEAR,
    SETTING,
    SET,
};

// One token is what one read takes.
#ifdef __linux__
typedef uint64_t token;

static int open_descriptors(struct dh_fd_signal *signal)
{
    signal->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
    signal->write_fd = signal->fd;
    return signal->fd < 0 ? DOHLE_ERR_IO : 0;
}
#else
typedef uint8_t token;

static int open_descriptors(struct dh_fd_signal *signal)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return DOHLE_ERR_IO;
    }
    for (int i = 0; i < 2; i++) {
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
        (void)fcntl(ends[i], F_SETFL, O_NONBLOCK);
    }
    signal->fd = ends[0];
    signal->write_fd = ends[1];
    return 0;
}
#endif

int dh_fd_signal_init(struct dh_fd_signal *signal)
{
    atomic_init(&signal->state, CLEAR);
    return open_descriptors(signal);
}

void dh_fd_signal_deinit(struct dh_fd_signal *signal)
{
    if (signal->write_fd != signal->fd) {
        (void)close(signal->write_fd);
    }
    (void)close(signal->fd);
}

// At most one token for each setter at work is in the descriptor, so it never fills up.
static void put_token(const struct dh_fd_signal *signal)
{
    const token one = 1;
    while (write(signal->write_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

// There is a token for whoever has the right to one.
static void take_token(const struct dh_fd_signal *signal)
{
    token taken;
    while (read(signal->fd, &taken, sizeof(taken)) < 0 && errno == EINTR) {
    }
}

void dh_fd_signal_set(struct dh_fd_signal *signal)
{
    // A plain look is not enough: this must come before or after a clear, and what
    // the setter did before must then be seen behind that clear.
    int expected = CLEAR;
    while (!atomic_compare_exchange_weak(&signal->state, &expected, SETTING)) {
        // Writing the state again orders this setter's news before a later clear.
        if (expected != CLEAR &&
            atomic_compare_exchange_weak(&signal->state, &expected, expected)) {
            return;
        }
        expected = CLEAR;
    }
    int error_number = errno;
    put_token(signal);
    expected = SETTING;
    if (!atomic_compare_exchange_strong(&signal->state, &expected, SET)) {
        take_token(signal);
    }
    // A signal handler must leave errno as it was.
    errno = error_number;
}

void dh_fd_signal_clear(struct dh_fd_signal *signal)
{
    if (atomic_exchange(&signal->state, CLEAR) == SET) {
        take_token(signal);
    }
}

bool dh_fd_signal_wait(const struct dh_fd_signal *signal, int64_t deadline_ns)
{
    for (;;) {
        int64_t now_ns = dh_clock_now_ns();
        int timeout_ms =
            deadline_ns == DH_NEVER ? -1 : (int)dh_ms_until(deadline_ns, now_ns);
        struct pollfd pollfd = {.fd = signal->fd, .events = POLLIN};
        int result = poll(&pollfd, 1, timeout_ms);
        if (result > 0) {
            return true;
        }
        if (deadline_ns <= now_ns) {
            return false;
        }
    }
}
