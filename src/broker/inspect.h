// SPDX-License-Identifier: MIT
/*
 * What a message is about, seen through its table of fields: which groups, members, topics and
 * partitions a request names, and which error codes an answer has. So faults and the journal need
 * no code for each API.
 */
#ifndef DH_BROKER_INSPECT_H
#define DH_BROKER_INSPECT_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "broker/state.h"
#include "wire/api.h"
#include "wire/message.h"

// One thing that a request names; as much of it as is said there.
struct dh_broker_subject {
    dohle_bytes group;  // null: none
    dohle_bytes member; // null: none
    dohle_bytes topic;  // null: none; an id that no topic has gives ""
    int32_t partition;  // -1: none
};

/*
 * Tells each subject of a request, in its order: one for each partition, topic or group, and
 * one without anything for a request that names nothing. Stops when `tell` returns false.
 */
void dh_broker_inspect_request(const struct dh_broker *broker, const struct dh_api *api,
                               int16_t version, const void *body,
                               bool (*tell)(void *ctx,
                                            const struct dh_broker_subject *subject),
                               void *ctx);

// What a request of that API can be about; bits.
#define DH_BROKER_ABOUT_GROUP     1u
#define DH_BROKER_ABOUT_MEMBER    2u
#define DH_BROKER_ABOUT_TOPIC     4u
#define DH_BROKER_ABOUT_PARTITION 8u

// In any of its versions.
unsigned dh_broker_inspect_about(const struct dh_api *api);

// Writes the distinct error codes of an answer, 0 left out, at most `max`; returns how many
// there are at the most.
size_t dh_broker_inspect_codes(const struct dh_api *api, int16_t version,
                               const void *response, int16_t *codes, size_t max);

// The nth field of records that holds any; null: there are not so many.
dohle_bytes dh_broker_inspect_records(const struct dh_api *api, int16_t version,
                                      const void *response, size_t index);

/*
 * An API by name, in any case, '_' and '-' left out, or by number. NULL: there is none, and
 * *similar is the nearest name, or NULL.
 */
const struct dh_api *dh_broker_inspect_api(dohle_bytes name, const char **similar);

#endif
