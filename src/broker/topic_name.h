// SPDX-License-Identifier: MIT
/*
 * What a topic may be called. Source: Topic in Apache Kafka 4.4.
 */
#ifndef DH_BROKER_TOPIC_NAME_H
#define DH_BROKER_TOPIC_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include <dohle/types.h>

#define DH_BROKER_TOPIC_NAME_MAX 249

// False with Kafka's sentence in text.
bool dh_broker_topic_name_check(dohle_bytes name, char *text, size_t size);

// Two names that differ in '.' and '_' alone: their metrics would be the same.
bool dh_broker_topic_names_collide(dohle_bytes a, dohle_bytes b);

// One of Kafka's own: __consumer_offsets, __transaction_state, __share_group_state.
bool dh_broker_topic_name_is_internal(dohle_bytes name);

#endif
