// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/*.txt instead.
// Lists over all messages: the APIs by key, and every message of Kafka's.
#ifndef DH_WIRE_GEN_APIS_H
#define DH_WIRE_GEN_APIS_H

#include <stddef.h>

#include "wire/api.h"
#include "wire/message.h"

extern const struct dh_api dh_apis[];
extern const size_t dh_api_count;

extern const struct dh_message_type *const dh_messages[];
extern const size_t dh_message_count;

#endif
