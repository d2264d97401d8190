// SPDX-License-Identifier: MIT
/*
 * Answers that have an entry for each entry of their request: topics and partitions,
 * resources, groups. Made from the field tables of both messages: the first array of structs of
 * the request has its counterpart in the first of the response, and so on inward. What
 * an entry is about (name, topic_id, partition_index, ...) is copied; all else has its
 * default, but the code.
 */
#ifndef DH_BROKER_SKELETON_H
#define DH_BROKER_SKELETON_H

#include <stdint.h>

#include "base/assert.h"
#include "broker/request.h"

/*
 * The response of the request's API in its arena, with entries down to `levels` arrays (1:
 * resources; 2: topics and their partitions) and error_code of the innermost ones set.
 * Texts are views into the request. NULL: no memory.
 */
DH_MUST_CHECK void *dh_broker_new_skeleton(struct dh_broker_request *request, int levels,
                                           int16_t broker_code);

#endif
