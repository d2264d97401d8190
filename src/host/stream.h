// SPDX-License-Identifier: MIT
/*
 * A TCP connection, of ours to a peer, or of a peer to a listener (listener.h).
 *
 *     connect -> connected -> (get_buffer received)* -> closed
 *           \--------------------------------------------^
 *     accepted by a listener -> take -> (get_buffer received)* -> closed
 *
 * Reading asks the owner for a buffer and reads into it: the only copy is the
 * kernel's. Writing takes what the kernel takes now and tells how much; when
 * that was not all, `writable` says when to go on. So nothing is queued here,
 * and a peer that does not read is felt by whoever writes.
 *
 * `closed` comes once, with the reason, unless the owner closes first; it is
 * the last report, and the stream is gone when it returns. After
 * dh_stream_close there is no report and the stream is gone at once.
 */
#ifndef DH_HOST_STREAM_H
#define DH_HOST_STREAM_H

#include <stdbool.h>

#include <dohle/types.h>

#include "host/address.h"
#include "host/host.h"

struct dh_stream;

struct dh_stream_callbacks {
    void (*connected)(void *ctx, struct dh_stream *stream);
    /* The next bytes go to *data, at most *capacity of them. Called just before a
     * read; `received` follows, unless there was nothing or the stream fails.
     * capacity 0 stops reading until dh_stream_read_again. */
    void (*get_buffer)(void *ctx, struct dh_stream *stream, uint8_t **data,
                       size_t *capacity);
    // size bytes, at least one, are in the buffer named last.
    void (*received)(void *ctx, struct dh_stream *stream, size_t size);
    // A write that was cut short can go on.
    void (*writable)(void *ctx, struct dh_stream *stream);
    /* err: DOHLE_ERR_CONNECT before `connected`, DOHLE_ERR_DISCONNECTED after it.
     * text: one sentence with address and cause, valid during the call. */
    void (*closed)(void *ctx, struct dh_stream *stream, int err, const char *text);
};

struct dh_stream_options {
    int32_t send_buffer_bytes;    // -1: the system's default
    int32_t receive_buffer_bytes; // -1: the system's default
};

/*
 * Begins to connect, without Nagle's delay. callbacks and ctx are borrowed for
 * the stream's life. There is no time-out here: the owner closes. A refusal by
 * the system (no route, no descriptors) comes as `closed` like any other.
 * Returns 0 or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_stream_connect(struct dh_host *host,
                                    const struct dh_address *address,
                                    const struct dh_stream_options *options,
                                    const struct dh_stream_callbacks *callbacks,
                                    void *ctx, struct dh_stream **stream);

/*
 * Takes a stream that a listener has accepted: from now on it reports. callbacks and
 * ctx are borrowed for the stream's life; `connected` is never called, since it is.
 */
void dh_stream_take(struct dh_stream *stream, const struct dh_stream_callbacks *callbacks,
                    void *ctx);

// Ends it now, whatever its state. Unsent bytes of the kernel are still sent.
void dh_stream_close(struct dh_stream *stream);

// The same, but the peer hears of a reset, and the kernel drops what it has not sent.
void dh_stream_reset(struct dh_stream *stream);

/*
 * Sends the pieces in order, as far as the kernel takes them now, and returns
 * how many bytes that was. Fewer than all: `writable` will be called. Borrows.
 * 0 before `connected` (which stands for the first `writable`) and after an
 * error, which `closed` reports.
 */
DH_MUST_CHECK size_t dh_stream_write(struct dh_stream *stream, const dohle_bytes *pieces,
                                     size_t count);

// Goes on reading after a get_buffer with capacity 0.
void dh_stream_read_again(struct dh_stream *stream);

// Who is at the other end. Valid as long as the stream.
const struct dh_address *dh_stream_peer(const struct dh_stream *stream);

#endif
