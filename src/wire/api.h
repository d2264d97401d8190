// SPDX-License-Identifier: MIT
/*
 * The APIs: their messages, the versions of their headers, and which version
 * to use with a broker.
 *
 * Request and response of an API have the same versions. Their headers are
 * flexible when they are, but the response to ApiVersions always has the old
 * header, so that a client can read it before it knows the broker.
 *
 * Source: ApiVersions and ApiMessageType in Apache Kafka 4.4; KIP-35, KIP-511.
 */
#ifndef DH_WIRE_API_H
#define DH_WIRE_API_H

#include <stdint.h>

#include "base/assert.h"
#include "wire/gen/api_keys.h"
#include "wire/message.h"

// Instead of a version: there is none.
#define DH_VERSION_NONE (-1)

struct dh_api {
    int16_t key;
    const char *name;
    const struct dh_message_type *request; // its versions are those we speak
    const struct dh_message_type *response;
};

// NULL: not an API we have messages for.
const struct dh_api *dh_api_find(int16_t key);

// The name, or "unknown". Static.
const char *dh_api_name(int16_t key);

/*
 * The version of the header that goes before a request or response; for any
 * version, spoken or not, as the flexible ones are all above. -1: unknown key.
 */
int16_t dh_request_header_version(int16_t key, int16_t version);
int16_t dh_response_header_version(int16_t key, int16_t version);

// What one broker speaks, as far as we speak it too.
struct dh_api_ranges {
    struct dh_versions ranges[DH_API_KEY_END]; // by key; min > max: nothing in common
};

// Nothing in common, except ApiVersions itself in the versions we speak.
void dh_api_ranges_init(struct dh_api_ranges *ranges);

struct dh_api_versions_response;

// Takes over what a broker answered. Keys we do not know are passed over.
void dh_api_ranges_set(struct dh_api_ranges *ranges,
                       const struct dh_api_versions_response *response);

/*
 * The highest version both sides speak that is not above version_max;
 * DH_VERSION_NONE if there is none. version_max INT16_MAX: no limit.
 */
int16_t dh_api_ranges_best(const struct dh_api_ranges *ranges, int16_t key,
                           int16_t version_max);

#endif
