// SPDX-License-Identifier: MIT
/*
 * A listening TCP socket.
 *
 *     open -> (accepted)* -> close
 *
 * Each peer that connects becomes a stream, which the owner takes. When the system has
 * no descriptors or memory left for one more, nobody is accepted for a while: peers wait
 * in the kernel's queue, the loop does not spin, and `stalled` tells the owner once.
 */
#ifndef DH_HOST_LISTENER_H
#define DH_HOST_LISTENER_H

#include <stdbool.h>

#include "host/address.h"
#include "host/host.h"
#include "host/stream.h"

// Longest sentence that says why there is no listener, and its NUL.
#define DH_LISTENER_TEXT_SIZE 200

struct dh_listener;

struct dh_listener_callbacks {
    /* The owner takes the stream by dh_stream_take and returns true; false: close it.
     * The peer is dh_stream_peer. */
    bool (*accepted)(void *ctx, struct dh_listener *listener, struct dh_stream *stream);
    // Nobody can be accepted for now. text: one sentence with the cause, valid during
    // the call.
    void (*stalled)(void *ctx, struct dh_listener *listener, const char *text);
};

/*
 * Binds and listens, at once; port 0: any that is free. A port is taken over while
 * connections of its last listener still fade away. The options are those of the streams
 * to come. callbacks and ctx are borrowed for the listener's life.
 * Returns 0, DOHLE_ERR_NO_MEMORY, DOHLE_ERR_IN_USE (somebody listens there) or
 * DOHLE_ERR_IO; text then says why, with address and cause.
 */
DH_MUST_CHECK int dh_listener_open(struct dh_host *host, const struct dh_address *address,
                                   const struct dh_stream_options *options,
                                   const struct dh_listener_callbacks *callbacks,
                                   void *ctx, struct dh_listener **listener,
                                   char text[DH_LISTENER_TEXT_SIZE]);

// Nobody is accepted any more: who waits in the kernel's queue is reset. Streams stay.
void dh_listener_close(struct dh_listener *listener);

// Where it listens, with the port it got. Valid as long as the listener.
const struct dh_address *dh_listener_address(const struct dh_listener *listener);

#endif
