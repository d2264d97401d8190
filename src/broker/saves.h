// SPDX-License-Identifier: MIT
/*
 * Answers that wait until our metadata log is as durable as the mode asks for: nobody is
 * told of a topic, or of a setting, that a power failure could take back. In mode CACHED
 * that is at once.
 */
#ifndef DH_BROKER_SAVES_H
#define DH_BROKER_SAVES_H

#include "broker/request.h"

/*
 * Answers when all that was appended to the metadata log so far is durable; refused with
 * KAFKA_STORAGE_ERROR when the log goes offline before. `response` is in the request's arena.
 */
void dh_broker_answer_when_saved(struct dh_broker_request *request, const void *response);

// Behind all that was appended so far: tells whether something was.
int64_t dh_broker_saves_end(const struct dh_broker *broker);

// The metadata log's high watermark has moved, or it went offline.
void dh_broker_saves_on_log(struct dh_broker *broker);

#endif
