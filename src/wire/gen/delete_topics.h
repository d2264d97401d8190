// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/delete_topics.txt instead.
#ifndef DH_WIRE_GEN_DELETE_TOPICS_H
#define DH_WIRE_GEN_DELETE_TOPICS_H

#include "wire/message.h"

/*
 * DeleteTopicsRequest, versions 1 to 6, API key 20.
 *
 * Deletes topics. Version 6 can name them by id.
 */
struct dh_delete_topics_request_topic {
    // Null: by topic_id.
    dohle_bytes name;
    struct dh_uuid topic_id;
};

struct dh_delete_topics_request {
    struct {
        struct dh_delete_topics_request_topic *items;
        int32_t count;
    } topics;

    struct {
        dohle_bytes *items;
        int32_t count;
    } topic_names;

    int32_t timeout_ms;
};

extern const struct dh_struct dh_delete_topics_request_topic_struct;
extern const struct dh_message_type dh_delete_topics_request_type;

// DeleteTopicsResponse, versions 1 to 6, API key 20.
struct dh_delete_topics_response_response {
    dohle_bytes name;
    struct dh_uuid topic_id;
    int16_t error_code;
    dohle_bytes error_message;
};

struct dh_delete_topics_response {
    // How long a quota asks the client to keep still.
    int32_t throttle_time_ms;

    struct {
        struct dh_delete_topics_response_response *items;
        int32_t count;
    } responses;
};

extern const struct dh_struct dh_delete_topics_response_response_struct;
extern const struct dh_message_type dh_delete_topics_response_type;

#endif
