// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/init_producer_id.txt instead.
#include "wire/gen/init_producer_id.h"

// clang-format off

static const struct dh_field init_producer_id_request[] = {
    {DH_FIELD(init_producer_id_request, transactional_id, STRING, 0, 5),
     DH_NULLABLE(0, 5)},
    {DH_FIELD(init_producer_id_request, transaction_timeout_ms, INT32, 0, 5)},
    {DH_FIELD(init_producer_id_request, producer_id, INT64, 3, 5), DH_INITIAL(-1)},
    {DH_FIELD(init_producer_id_request, producer_epoch, INT16, 3, 5), DH_INITIAL(-1)},
};

const struct dh_message_type dh_init_producer_id_request_type = {
    .name = "InitProducerIdRequest",
    .body = DH_STRUCT(init_producer_id_request),
    .role = DH_MESSAGE_REQUEST,
    .key = 22,
    .versions = {0, 5},
    .flexible_from = 2,
};

static const struct dh_field init_producer_id_response[] = {
    {DH_FIELD(init_producer_id_response, throttle_time_ms, INT32, 0, 5), DH_IGNORABLE},
    {DH_FIELD(init_producer_id_response, error_code, INT16, 0, 5)},
    {DH_FIELD(init_producer_id_response, producer_id, INT64, 0, 5), DH_INITIAL(-1)},
    {DH_FIELD(init_producer_id_response, producer_epoch, INT16, 0, 5)},
};

const struct dh_message_type dh_init_producer_id_response_type = {
    .name = "InitProducerIdResponse",
    .body = DH_STRUCT(init_producer_id_response),
    .role = DH_MESSAGE_RESPONSE,
    .key = 22,
    .versions = {0, 5},
    .flexible_from = 2,
};

// clang-format on
