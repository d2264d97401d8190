// SPDX-License-Identifier: MIT
#define _GNU_SOURCE // accept4

#include "host/listener.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <dohle/error.h>

#include "base/mem.h"
#include "host/cause.h"
#include "host/loop.h"

// Peers that may wait in the kernel's queue; the system may allow fewer.
#define BACKLOG 512

// Most peers for one report of readiness, so that streams are not starved.
#define ACCEPTS_MAX 64

// How long nobody is accepted when the system had no room for one more.
#define STALL_MS 100

struct dh_listener {
    struct dh_host *host;
    const struct dh_listener_callbacks *callbacks; // borrowed
    void *ctx;
    struct dh_stream_options options;
    struct dh_link link; // in dh_host.listeners
    uv_poll_t poll;
    uv_timer_t timer; // ends a stall
    int open_handles; // of poll and timer: the last one that libuv lets go of frees us
    int fd;           // -1: closed
    bool is_stalled;  // since the last peer that was accepted
    struct dh_address address;
};

static void on_handle_closed(uv_handle_t *handle)
{
    struct dh_listener *listener = handle->data;
    listener->open_handles--;
    if (listener->open_handles == 0) {
        dh_mem_free(listener->host->mem, listener, sizeof(*listener));
    }
}

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct dh_listener *listener)
{
    int result = uv_poll_start(&listener->poll, UV_READABLE, on_poll);
    DH_ASSERT(result == 0);
}

static void on_stall_over(uv_timer_t *timer)
{
    watch(timer->data);
}

// Looks away for a while: the peer stays in the queue and would be reported at once.
static void stall(struct dh_listener *listener, int number)
{
    int result = uv_poll_stop(&listener->poll);
    DH_ASSERT(result == 0);
    result = uv_timer_start(&listener->timer, on_stall_over, STALL_MS, 0);
    DH_ASSERT(result == 0);
    if (!listener->is_stalled) {
        listener->is_stalled = true;
        listener->host->has_progress = true;
        char address[DH_ADDRESS_TEXT_SIZE];
        char cause[DH_CAUSE_TEXT_SIZE];
        char text[DH_LISTENER_TEXT_SIZE];
        (void)snprintf(text, sizeof(text), "cannot accept connections at %s: %s",
                       dh_address_format(&listener->address, address),
                       dh_cause_text(number, cause));
        listener->callbacks->stalled(listener->ctx, listener, text);
    }
}

static void hand_over(struct dh_listener *listener, int fd,
                      const struct sockaddr_storage *storage, socklen_t size)
{
    struct dh_address peer;
    dh_address_init(&peer, (const struct sockaddr *)storage, size);
    struct dh_stream *stream =
        dh_stream_new_accepted(listener->host, fd, &peer, &listener->options);
    if (stream == NULL) {
        return;
    }
    listener->is_stalled = false;
    listener->host->has_progress = true;
    if (!listener->callbacks->accepted(listener->ctx, listener, stream)) {
        dh_stream_close(stream);
    }
}

static bool is_out_of_room(int number)
{
    return number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status; // whatever it is, accept tells
    (void)events;
    struct dh_listener *listener = poll->data;
    for (int i = 0; i < ACCEPTS_MAX && listener->fd >= 0; i++) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof(peer);
        int fd = accept4(listener->fd, (struct sockaddr *)&peer, &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            hand_over(listener, fd, &peer, size);
        } else if (is_out_of_room(errno)) {
            stall(listener, errno);
            return;
        } else if (errno == EAGAIN) {
            return;
        }
        // All else is about that one peer, who is gone already.
    }
}

// Binds and listens. Returns 0 or an errno.
static int begin(struct dh_listener *listener, const struct dh_address *address)
{
    struct sockaddr_storage storage;
    struct sockaddr *name = (struct sockaddr *)&storage;
    socklen_t size = dh_address_get(address, &storage);
    listener->fd =
        socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0) {
        return errno;
    }
    const int yes = 1;
    if (setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
        bind(listener->fd, name, size) != 0 || listen(listener->fd, BACKLOG) != 0) {
        return errno;
    }
    size = sizeof(storage);
    if (getsockname(listener->fd, name, &size) != 0) {
        return errno;
    }
    dh_address_init(&listener->address, name, size);
    return 0;
}

// Gives the descriptor to the loop. Returns 0 or an errno.
static int begin_watching(struct dh_listener *listener)
{
    int result = uv_poll_init(&listener->host->loop, &listener->poll, listener->fd);
    if (result != 0) {
        return -result;
    }
    result = uv_timer_init(&listener->host->loop, &listener->timer);
    DH_ASSERT(result == 0);
    listener->poll.data = listener;
    listener->timer.data = listener;
    listener->open_handles = 2;
    dh_list_push_back(&listener->host->listeners, &listener->link);
    watch(listener);
    return 0;
}

int dh_listener_open(struct dh_host *host, const struct dh_address *address,
                     const struct dh_stream_options *options,
                     const struct dh_listener_callbacks *callbacks, void *ctx,
                     struct dh_listener **out, char text[DH_LISTENER_TEXT_SIZE])
{
    struct dh_listener *listener = dh_mem_calloc(host->mem, 1, sizeof(*listener));
    if (listener == NULL) {
        (void)snprintf(text, DH_LISTENER_TEXT_SIZE, "out of memory");
        return DOHLE_ERR_NO_MEMORY;
    }
    listener->host = host;
    listener->callbacks = callbacks;
    listener->ctx = ctx;
    listener->options = *options;
    int number = begin(listener, address);
    if (number == 0) {
        number = begin_watching(listener);
    }
    if (number != 0) {
        char name[DH_ADDRESS_TEXT_SIZE];
        char cause[DH_CAUSE_TEXT_SIZE];
        (void)snprintf(text, DH_LISTENER_TEXT_SIZE, "cannot listen at %s: %s",
                       dh_address_format(address, name), dh_cause_text(number, cause));
        if (listener->fd >= 0) {
            (void)close(listener->fd);
        }
        dh_mem_free(host->mem, listener, sizeof(*listener));
        return number == EADDRINUSE ? DOHLE_ERR_IN_USE : DOHLE_ERR_IO;
    }
    *out = listener;
    return 0;
}

void dh_listener_close(struct dh_listener *listener)
{
    dh_list_remove(&listener->link);
    uv_close((uv_handle_t *)&listener->poll, on_handle_closed);
    uv_close((uv_handle_t *)&listener->timer, on_handle_closed);
    (void)close(listener->fd);
    listener->fd = -1;
}

void dh_listener_close_all(struct dh_host *host)
{
    DH_LIST_EACH_SAFE(link, next, &host->listeners)
    {
        dh_listener_close(DH_CONTAINER_OF(link, struct dh_listener, link));
    }
}

const struct dh_address *dh_listener_address(const struct dh_listener *listener)
{
    return &listener->address;
}
