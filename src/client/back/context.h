// SPDX-License-Identifier: MIT
/*
 * What every module of the back half is given: the means, not the other modules.
 * Plain pointers, all valid for the back half's life. Modules keep a copy.
 */
#ifndef DH_CLIENT_BACK_CONTEXT_H
#define DH_CLIENT_BACK_CONTEXT_H

#include <dohle/log.h>
#include <dohle/types.h>

#include "base/random.h"

struct dh_alarms;
struct dh_cluster;
struct dh_frame_pool;
struct dh_outbox;
struct dh_poll_mark;
struct dh_requests;
struct dh_settings;

struct dh_back_context {
    const dohle_allocator *mem;
    const dohle_log_sink *log;          // NULL: no log
    const struct dh_settings *settings; // immutable
    struct dh_random *random;
    struct dh_frame_pool *frames; // responses and decompressed batches; has an account
    struct dh_alarms *alarms;     // every module's timers
    const struct dh_poll_mark *poll_mark; // as of this turn of the loop
    struct dh_outbox *outbox;
    struct dh_requests *requests;
    struct dh_cluster *cluster;
};

#endif
