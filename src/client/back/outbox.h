// SPDX-License-Identifier: MIT
/*
 * Notices and answers on their way to the front half, in order.
 *
 * Any module may post. Control notices have reserved places: a module allocates
 * its notice when it takes on the obligation, not when it must speak.
 */
#ifndef DH_CLIENT_BACK_OUTBOX_H
#define DH_CLIENT_BACK_OUTBOX_H

#include "base/list.h"
#include "client/messages.h"

struct dh_outbox {
    struct dh_list messages; // dh_message.link
};

static inline void dh_outbox_init(struct dh_outbox *outbox)
{
    dh_list_init(&outbox->messages);
}

// Takes the message: a notice of ours, or a command with its answer filled in.
static inline void dh_outbox_post(struct dh_outbox *outbox, struct dh_message *message)
{
    dh_list_push_back(&outbox->messages, &message->link);
}

#endif
