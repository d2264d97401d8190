// SPDX-License-Identifier: MIT
#include "broker/topic_name.h"

#include <stdio.h>

#include "base/bytes.h"

static bool is_legal(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '.' || byte == '_' || byte == '-';
}

bool dh_broker_topic_name_check(dohle_bytes name, char *text, size_t size)
{
    if (name.size == 0) {
        snprintf(text, size, "Topic name is invalid: the empty string is not allowed");
        return false;
    }
    if (dh_bytes_equal(name, DH_BYTES(".")) || dh_bytes_equal(name, DH_BYTES(".."))) {
        snprintf(text, size, "Topic name is invalid: '%.*s' is not allowed",
                 (int)name.size, (const char *)name.data);
        return false;
    }
    int shown = name.size > 2 * DH_BROKER_TOPIC_NAME_MAX ? 2 * DH_BROKER_TOPIC_NAME_MAX
                                                         : (int)name.size;
    if (name.size > DH_BROKER_TOPIC_NAME_MAX) {
        snprintf(text, size,
                 "Topic name is invalid: the length of '%.*s' is longer than the max "
                 "allowed length %d",
                 shown, (const char *)name.data, DH_BROKER_TOPIC_NAME_MAX);
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (!is_legal(name.data[i])) {
            snprintf(text, size,
                     "Topic name is invalid: '%.*s' contains one or more characters "
                     "other than ASCII alphanumerics, '.', '_' and '-'",
                     shown, (const char *)name.data);
            return false;
        }
    }
    return true;
}

bool dh_broker_topic_names_collide(dohle_bytes a, dohle_bytes b)
{
    if (a.size != b.size) {
        return false;
    }
    for (size_t i = 0; i < a.size; i++) {
        uint8_t x = a.data[i] == '.' ? '_' : a.data[i];
        uint8_t y = b.data[i] == '.' ? '_' : b.data[i];
        if (x != y) {
            return false;
        }
    }
    return true;
}

bool dh_broker_topic_name_is_internal(dohle_bytes name)
{
    return dh_bytes_equal(name, DH_BYTES("__consumer_offsets")) ||
           dh_bytes_equal(name, DH_BYTES("__transaction_state")) ||
           dh_bytes_equal(name, DH_BYTES("__share_group_state"));
}
