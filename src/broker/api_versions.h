// SPDX-License-Identifier: MIT
/*
 * ApiVersions: what is offered, from the table of handlers.
 *
 * Produce is offered from version 0 though only 3 and above are served, as Kafka does:
 * librdkafka takes a higher start for a broker that cannot compress (KAFKA-18659).
 * Source: ApiVersionsRequest, ApiVersionManager in Apache Kafka 4.4; BR-001.
 */
#ifndef DH_BROKER_API_VERSIONS_H
#define DH_BROKER_API_VERSIONS_H

#include "broker/request.h"

// The answer, in version 0, to a version that nobody knows. NULL: no memory.
const void *dh_broker_api_versions_refusal(struct dh_broker_request *request);

#endif
