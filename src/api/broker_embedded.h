// SPDX-License-Identifier: MIT
/*
 * The brokers that bootstrap.servers=embedded: has started: one for each name. The only
 * state of the process in libdohle-broker.
 */
#ifndef DH_API_BROKER_EMBEDDED_H
#define DH_API_BROKER_EMBEDDED_H

#include <dohle/broker.h>

// It is about to end: the next one to ask for its name starts another. Any broker.
void dh_broker_embedded_forget(const dohle_broker *broker);

#endif
