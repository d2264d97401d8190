// SPDX-License-Identifier: MIT
/*
 * What the back half asks of the host: sockets and names, in four verbs.
 *
 * A connection id names one attempt to open a socket, and the socket. It is never
 * reused, so that what the host reports late about an old one is recognised.
 */
#ifndef DH_CLIENT_BACK_ACTION_H
#define DH_CLIENT_BACK_ACTION_H

#include <dohle/types.h>

#include "base/address.h"

enum dh_action_kind {
    DH_ACTION_RESOLVE, // host; answer with on_resolved
    DH_ACTION_CONNECT, // address; answer with on_connected or on_closed
    DH_ACTION_SEND,    // bytes; valid until on_sent or on_closed; one at a time
    DH_ACTION_CLOSE,   // forget connection_id, cancel its resolve; no answer
};

struct dh_action {
    enum dh_action_kind kind;
    uint32_t connection_id;    // never reused
    const char *host;          // RESOLVE
    int32_t port;              // RESOLVE
    struct dh_address address; // CONNECT
    int32_t send_buffer_bytes; // CONNECT; -1: the system's default
    int32_t receive_buffer_bytes;
    dohle_bytes bytes; // SEND; after a CLOSE of the connection no longer valid
};

#endif
