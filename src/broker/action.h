// SPDX-License-Identifier: MIT
/*
 * What the broker asks of the host: sockets, in five verbs.
 *
 * A connection id is given by the broker when a socket was accepted, and never reused.
 */
#ifndef DH_BROKER_ACTION_H
#define DH_BROKER_ACTION_H

#include <stdbool.h>

#include <dohle/types.h>

#include "base/address.h"

enum dh_broker_action_kind {
    DH_BROKER_LISTEN,   // node_id, address; answer with on_listening
    DH_BROKER_UNLISTEN, // node_id: nobody is accepted any more; no answer
    DH_BROKER_SEND,     // bytes; valid until on_sent or on_closed; one at a time
    DH_BROKER_READ,     // receive_buffer has room again after it had none
    DH_BROKER_CLOSE,    // forget connection_id; what was sent still arrives; no answer
    DH_BROKER_RESET,    // the same with RST, and without what was not sent yet
};

struct dh_broker_action {
    enum dh_broker_action_kind kind;
    int32_t node_id;           // LISTEN, UNLISTEN
    struct dh_address address; // LISTEN; port 0: any that is free
    uint32_t connection_id;
    dohle_bytes bytes; // SEND
};

#endif
