// SPDX-License-Identifier: MIT
#include "api/fd_signal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef __linux__
#    include <sys/eventfd.h>
#endif

#include <dohle/error.h>

#include "base/time.h"
#include "host/clock.h"

enum {
    CLEAR,
    SET,
};

#ifdef __linux__
typedef uint64_t token;

static int open_descriptors(struct dh_fd_signal *signal)
{
    signal->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
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

void dh_fd_signal_set(struct dh_fd_signal *signal)
{
    // Also when it is set already: what the setter did before must be seen by whoever
    // clears it after this.
    if (atomic_exchange(&signal->state, SET) == SET) {
        return;
    }
    // A signal handler must leave errno as it was.
    int error_number = errno;
    // A full pipe is readable, too: then nothing needs to be put in.
    const token one = 1;
    while (write(signal->write_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
    errno = error_number;
}

void dh_fd_signal_clear(struct dh_fd_signal *signal)
{
    token taken[16]; // an eventfd gives all its tokens at once
    ssize_t size;
    do {
        size = read(signal->fd, taken, sizeof(taken));
    } while (size == (ssize_t)sizeof(taken) || (size < 0 && errno == EINTR));
    (void)atomic_exchange(&signal->state, CLEAR);
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
