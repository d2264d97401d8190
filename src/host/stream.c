// SPDX-License-Identifier: MIT
#include "host/stream.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include <dohle/error.h>

#include "base/mem.h"
#include "host/cause.h"
#include "host/loop.h"

// Most reads for one report of readiness, so that one stream cannot starve others.
#define READS_MAX 16

// Most views in one call of the kernel.
#define PIECES_MAX 64

#define REASON_SIZE 200

enum state {
    /* Waits for the kernel to connect.
     *   -> OPEN      connected
     *   -> BROKEN    refused */
    CONNECTING,
    /* Reads and writes.
     *   -> BROKEN    any error, or the peer closed */
    OPEN,
    /* Waits for run_once to deliver `closed`.
     *   -> GONE      delivered */
    BROKEN,
    /* Waits for libuv to let go of the handle, which frees the stream. Entered
     * from every other state by dh_stream_close. */
    GONE,
};

struct dh_stream {
    struct dh_host *host;
    const struct dh_stream_callbacks *callbacks; // borrowed
    void *ctx;
    struct dh_link link;     // in dh_host.streams, until GONE
    struct dh_report report; // `closed` when BROKEN
    uv_poll_t poll;
    bool has_poll;    // poll is initialised
    bool is_accepted; // the peer has connected to us
    enum state state;
    int fd;          // -1: the system gave none
    bool is_reading; // the owner has not stopped it
    bool is_cut;     // a write was short: `writable` is owed
    int watched;     // the events libuv waits for
    int err;         // for `closed`
    struct dh_address peer;
    char reason[REASON_SIZE]; // for `closed`
};

static void on_poll_closed(uv_handle_t *handle)
{
    struct dh_stream *stream = handle->data;
    dh_mem_free(stream->host->mem, stream, sizeof(*stream));
}

// Lets go of everything; the memory goes once libuv has let go too.
static void release(struct dh_stream *stream)
{
    DH_ASSERT(stream->state != GONE);
    stream->state = GONE;
    dh_list_remove(&stream->link);
    dh_list_remove(&stream->report.link);
    if (stream->has_poll) {
        uv_close((uv_handle_t *)&stream->poll, on_poll_closed);
    }
    if (stream->fd >= 0) {
        (void)close(stream->fd);
        stream->fd = -1;
    }
}

// Frees what has no handle that would; the stream must be GONE.
static void free_without_poll(struct dh_stream *stream)
{
    if (!stream->has_poll) {
        dh_mem_free(stream->host->mem, stream, sizeof(*stream));
    }
}

static void deliver_closed(struct dh_report *report)
{
    struct dh_stream *stream = DH_CONTAINER_OF(report, struct dh_stream, report);
    release(stream);
    stream->callbacks->closed(stream->ctx, stream, stream->err, stream->reason);
    free_without_poll(stream);
}

// Stops all activity and lets run_once report why.
static void break_off(struct dh_stream *stream, const char *cause)
{
    char peer[DH_ADDRESS_TEXT_SIZE];
    bool was_open = stream->state == OPEN;
    stream->state = BROKEN;
    stream->err = was_open ? DOHLE_ERR_DISCONNECTED : DOHLE_ERR_CONNECT;
    const char *what = stream->is_accepted ? "connection from"
                       : was_open          ? "connection to"
                                           : "cannot connect to";
    (void)snprintf(stream->reason, sizeof(stream->reason), "%s %s: %s", what,
                   dh_address_format(&stream->peer, peer), cause);
    if (stream->has_poll) {
        (void)uv_poll_stop(&stream->poll);
    }
    dh_host_report(stream->host, &stream->report);
}

static void break_off_errno(struct dh_stream *stream, int number)
{
    char cause[DH_CAUSE_TEXT_SIZE];
    break_off(stream, dh_cause_text(number, cause));
}

// The error that the kernel keeps for the socket, which this clears; 0: none.
static int socket_error(int fd)
{
    int number = 0;
    socklen_t size = sizeof(number);
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) == 0 ? number : errno;
}

static void on_poll(uv_poll_t *poll, int status, int events);

// Brings what libuv waits for in line with the state.
static void watch(struct dh_stream *stream)
{
    int events = 0;
    if (stream->state == CONNECTING) {
        events = UV_WRITABLE;
    } else if (stream->state == OPEN) {
        events =
            (stream->is_reading ? UV_READABLE : 0) | (stream->is_cut ? UV_WRITABLE : 0);
    }
    if (events == stream->watched || stream->state == GONE || stream->state == BROKEN) {
        return;
    }
    stream->watched = events;
    int result = events == 0 ? uv_poll_stop(&stream->poll)
                             : uv_poll_start(&stream->poll, events, on_poll);
    DH_ASSERT(result == 0);
}

static void on_connect_ready(struct dh_stream *stream)
{
    int number = socket_error(stream->fd);
    if (number != 0) {
        break_off_errno(stream, number);
        return;
    }
    stream->state = OPEN;
    stream->callbacks->connected(stream->ctx, stream);
}

/*
 * Reads until the kernel has no more. A read that does not fill the buffer has
 * emptied the socket, so no further one is made to hear "would block".
 */
static void read_available(struct dh_stream *stream)
{
    for (int reads = 0; reads < READS_MAX && stream->state == OPEN; reads++) {
        uint8_t *data = NULL;
        size_t capacity = 0;
        stream->callbacks->get_buffer(stream->ctx, stream, &data, &capacity);
        if (stream->state != OPEN) {
            return;
        }
        if (capacity == 0) {
            stream->is_reading = false;
            return;
        }
        ssize_t size;
        do {
            size = recv(stream->fd, data, capacity, 0);
        } while (size < 0 && errno == EINTR);
        if (size < 0) {
            if (errno != EAGAIN) {
                break_off_errno(stream, errno);
            }
            return;
        }
        if (size == 0) {
            break_off(stream, "closed by the peer");
            return;
        }
        stream->host->has_progress = true;
        stream->callbacks->received(stream->ctx, stream, (size_t)size);
        if ((size_t)size < capacity) {
            return;
        }
    }
}

/*
 * libuv tells of an error on the socket as a bad status and stops watching.
 * What arrived before the error is still to be read, and the read tells which
 * error it was.
 */
static void on_socket_error(struct dh_stream *stream)
{
    stream->watched = 0;
    if (stream->state == OPEN && stream->is_reading) {
        read_available(stream);
    }
    if (stream->state == OPEN && !stream->is_reading) {
        int number = socket_error(stream->fd);
        break_off_errno(stream, number != 0 ? number : ECONNRESET);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct dh_stream *stream = poll->data;
    if (stream->state == CONNECTING) {
        stream->host->has_progress = true;
        on_connect_ready(stream);
    } else if (status < 0) {
        on_socket_error(stream);
    } else {
        if ((events & UV_READABLE) != 0) {
            read_available(stream);
        }
        if ((events & UV_WRITABLE) != 0 && stream->state == OPEN && stream->is_cut) {
            stream->is_cut = false;
            stream->host->has_progress = true;
            stream->callbacks->writable(stream->ctx, stream);
        }
    }
    watch(stream);
}

static int set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? 0 : errno;
}

// As Kafka's own selector: keep-alive on, Nagle off, buffers before the handshake.
static int set_options(int fd, const struct dh_stream_options *options)
{
    int number = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (number == 0) {
        number = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    }
    if (number == 0 && options->send_buffer_bytes >= 0) {
        number = set_option(fd, SOL_SOCKET, SO_SNDBUF, options->send_buffer_bytes);
    }
    if (number == 0 && options->receive_buffer_bytes >= 0) {
        number = set_option(fd, SOL_SOCKET, SO_RCVBUF, options->receive_buffer_bytes);
    }
    return number;
}

// Makes the socket and begins to connect. Returns 0 or an errno.
static int begin_connect(struct dh_stream *stream,
                         const struct dh_stream_options *options)
{
    struct sockaddr_storage peer;
    socklen_t peer_size = dh_address_get(&stream->peer, &peer);
    int fd = socket(peer.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    stream->fd = fd;
    int number = set_options(fd, options);
    if (number != 0) {
        return number;
    }
    int result = uv_poll_init(&stream->host->loop, &stream->poll, fd);
    if (result != 0) {
        return -result;
    }
    stream->has_poll = true;
    stream->poll.data = stream;
    // An interrupted connect goes on like one that would block.
    if (connect(fd, (struct sockaddr *)&peer, peer_size) != 0 && errno != EINPROGRESS &&
        errno != EINTR) {
        return errno;
    }
    return 0;
}

// A stream without a socket; NULL: no memory.
static struct dh_stream *new_stream(struct dh_host *host, const struct dh_address *peer)
{
    struct dh_stream *stream = dh_mem_calloc(host->mem, 1, sizeof(*stream));
    if (stream != NULL) {
        stream->host = host;
        stream->report.deliver = deliver_closed;
        stream->state = CONNECTING;
        stream->fd = -1;
        stream->peer = *peer;
        dh_list_push_back(&host->streams, &stream->link);
    }
    return stream;
}

int dh_stream_connect(struct dh_host *host, const struct dh_address *address,
                      const struct dh_stream_options *options,
                      const struct dh_stream_callbacks *callbacks, void *ctx,
                      struct dh_stream **out)
{
    struct dh_stream *stream = new_stream(host, address);
    if (stream == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    stream->callbacks = callbacks;
    stream->ctx = ctx;
    stream->is_reading = true;
    int number = begin_connect(stream, options);
    if (number != 0) {
        break_off_errno(stream, number);
    }
    watch(stream);
    *out = stream;
    return 0;
}

struct dh_stream *dh_stream_new_accepted(struct dh_host *host, int fd,
                                         const struct dh_address *peer,
                                         const struct dh_stream_options *options)
{
    struct dh_stream *stream = new_stream(host, peer);
    if (stream == NULL) {
        (void)close(fd);
        return NULL;
    }
    stream->is_accepted = true;
    stream->state = OPEN;
    stream->fd = fd;
    if (set_options(fd, options) != 0 ||
        uv_poll_init(&host->loop, &stream->poll, fd) != 0) {
        dh_stream_close(stream);
        return NULL;
    }
    stream->has_poll = true;
    stream->poll.data = stream;
    return stream;
}

void dh_stream_take(struct dh_stream *stream, const struct dh_stream_callbacks *callbacks,
                    void *ctx)
{
    DH_ASSERT(stream->callbacks == NULL);
    stream->callbacks = callbacks;
    stream->ctx = ctx;
    dh_stream_read_again(stream);
}

void dh_stream_reset(struct dh_stream *stream)
{
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    if (stream->fd >= 0) {
        // It fails for what is reset already.
        (void)setsockopt(stream->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    }
    dh_stream_close(stream);
}

void dh_stream_close(struct dh_stream *stream)
{
    // Closing from within `closed` is one close too many, and harmless.
    if (stream->state != GONE) {
        release(stream);
        free_without_poll(stream);
    }
}

void dh_stream_close_all(struct dh_host *host)
{
    DH_LIST_EACH_SAFE(link, next, &host->streams)
    {
        dh_stream_close(DH_CONTAINER_OF(link, struct dh_stream, link));
    }
}

// One call of the kernel for at most PIECES_MAX pieces. Returns bytes taken or -errno.
static ssize_t send_pieces(int fd, const dohle_bytes *pieces, size_t count,
                           size_t *wanted)
{
    struct iovec vectors[PIECES_MAX];
    *wanted = 0;
    for (size_t i = 0; i < count; i++) {
        // The kernel's own type has no const.
        memcpy(&vectors[i].iov_base, &pieces[i].data, sizeof(void *));
        vectors[i].iov_len = pieces[i].size;
        *wanted += pieces[i].size;
    }
    const struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
    ssize_t size;
    do {
        size = sendmsg(fd, &message, MSG_NOSIGNAL);
    } while (size < 0 && errno == EINTR);
    return size < 0 ? -errno : size;
}

static void on_write_error(struct dh_stream *stream, int number)
{
    // The peer may have said why before it went: reading ends at the same error.
    bool is_gone = number == EPIPE || number == ECONNRESET;
    if (!is_gone || !stream->is_reading) {
        break_off_errno(stream, number);
    }
}

size_t dh_stream_write(struct dh_stream *stream, const dohle_bytes *pieces, size_t count)
{
    size_t taken = 0;
    while (count > 0 && stream->state == OPEN) {
        size_t part = count < PIECES_MAX ? count : PIECES_MAX;
        size_t wanted = 0;
        ssize_t size = send_pieces(stream->fd, pieces, part, &wanted);
        if (size < 0 && size != -EAGAIN) {
            on_write_error(stream, (int)-size);
            return taken;
        }
        taken += size > 0 ? (size_t)size : 0;
        if (size < 0 || (size_t)size < wanted) {
            stream->is_cut = true;
            watch(stream);
            return taken;
        }
        pieces += part;
        count -= part;
    }
    return taken;
}

void dh_stream_read_again(struct dh_stream *stream)
{
    stream->is_reading = true;
    watch(stream);
}

const struct dh_address *dh_stream_peer(const struct dh_stream *stream)
{
    return &stream->peer;
}
