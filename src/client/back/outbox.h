// SPDX-License-Identifier: MIT
/*
 * Notices and answers on their way to the front half, in order.
 *
 * Any module may post. Control notices have reserved places: a module allocates
 * its notice when it takes on the obligation, not when it must speak.
 *
 * Errors that belong to no command are reported through here, for they come from
 * everywhere and repeat: one that the application has not seen yet is not sent
 * again (same code, broker's code, topic and partition). At most
 * DH_OUTBOX_ERRORS_MAX are on their way; one place is reserved, so that the first
 * error gets through without memory.
 */
#ifndef DH_CLIENT_BACK_OUTBOX_H
#define DH_CLIENT_BACK_OUTBOX_H

#include "base/list.h"
#include "client/messages.h"

#define DH_OUTBOX_ERRORS_MAX 32

struct dh_outbox {
    struct dh_list messages; // dh_message.link
    struct dh_list errors;   // dh_notice_error.reported: sent, not back yet
    size_t error_count;
    struct dh_notice_error *spare; // owned; NULL: in use, or never reserved
};

static inline void dh_outbox_init(struct dh_outbox *outbox)
{
    dh_list_init(&outbox->messages);
    dh_list_init(&outbox->errors);
    outbox->error_count = 0;
    outbox->spare = NULL;
}

// Takes the message: a notice of ours, or a command with its answer filled in.
static inline void dh_outbox_post(struct dh_outbox *outbox, struct dh_message *message)
{
    dh_list_push_back(&outbox->messages, &message->link);
}

// Allocates the reserved place. Returns 0 or DOHLE_ERR_NO_MEMORY.
DH_MUST_CHECK int dh_outbox_reserve(struct dh_outbox *outbox, const dohle_allocator *mem);
void dh_outbox_release(struct dh_outbox *outbox, const dohle_allocator *mem);

// Sends a copy of the error as a notice, which poll raises once. False: folded or dropped.
bool dh_outbox_report(struct dh_outbox *outbox, const dohle_allocator *mem,
                      const dohle_error_info *error);

// Takes the notice back.
void dh_outbox_on_error_returned(struct dh_outbox *outbox, const dohle_allocator *mem,
                                 struct dh_notice_error *notice);

#endif
