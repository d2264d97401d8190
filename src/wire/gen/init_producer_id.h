// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/init_producer_id.txt instead.
#ifndef DH_WIRE_GEN_INIT_PRODUCER_ID_H
#define DH_WIRE_GEN_INIT_PRODUCER_ID_H

#include "wire/message.h"

/*
 * InitProducerIdRequest, versions 0 to 5, API key 22.
 *
 * Gives a producer the id that makes it idempotent. Version 6 (KIP-939) is unstable
 * in Kafka 4.4 and not spoken.
 */
struct dh_init_producer_id_request {
    // Null: not transactional.
    dohle_bytes transactional_id;
    // An older transaction is aborted; ignored without transactional_id.
    int32_t transaction_timeout_ms;
    // -1: give one.
    int64_t producer_id;
    // -1: give one.
    int16_t producer_epoch;
};

extern const struct dh_message_type dh_init_producer_id_request_type;

// InitProducerIdResponse, versions 0 to 5, API key 22.
struct dh_init_producer_id_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;
    int16_t error_code;
    int64_t producer_id;
    int16_t producer_epoch;
};

extern const struct dh_message_type dh_init_producer_id_response_type;

#endif
