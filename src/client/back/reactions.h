// SPDX-License-Identifier: MIT
/*
 * What the client does about a broker's error code: one table for all APIs.
 *
 * A code means different things in different answers (UNKNOWN_TOPIC_OR_PARTITION
 * in a Fetch is stale metadata, in an OffsetFetch it is told to the application).
 * So a row is (API, code) -> reaction; a code without a row of its API falls back
 * to what Kafka's own class of the code says, and an unknown code to the API's
 * default. The answer is total: any int16_t has a reaction for any API.
 *
 * The modules that own the state carry the reaction out; none of them looks at
 * the code again to decide what to do.
 *
 * Source: consumer-semantics 5.1 (error table), 5.5, 5.10, CL-122, CL-181;
 * AbstractCoordinator, ConsumerCoordinator, FetchCollector, OffsetFetcherUtils,
 * Sender and TransactionManager of Apache Kafka 4.4.
 */
#ifndef DH_CLIENT_BACK_REACTIONS_H
#define DH_CLIENT_BACK_REACTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/broker_error.h"
#include "wire/gen/broker_errors.h"

enum dh_reaction {
    // The code is 0.
    DH_REACTION_NONE,
    // Passing: ask the same node again after the back-off.
    DH_REACTION_RETRY,
    // Metadata is stale: ask for an update, then again after the back-off.
    DH_REACTION_REFRESH,
    // The coordinator is elsewhere: look it up, then again after the back-off.
    DH_REACTION_REDISCOVER,
    // Start again from bootstrap.servers.
    DH_REACTION_REBOOTSTRAP,
    // The position is outside the log: the reset policy decides (S31).
    DH_REACTION_RESET_POSITION,
    // The fetch session is gone: the next fetch is a full one.
    DH_REACTION_RESET_SESSION,
    // Take the member id from the answer and join again at once.
    DH_REACTION_TAKE_MEMBER_ID,
    // The group is rebalancing: join again with the same member id.
    DH_REACTION_REJOIN,
    // Forget the generation, keep the member id, join again.
    DH_REACTION_DROP_GENERATION,
    // Forget generation and member id, join again.
    DH_REACTION_DROP_MEMBER,
    // Another member has our group.instance.id: fatal for the membership.
    DH_REACTION_FENCED,
    // Leave this partition out of the result, without an error.
    DH_REACTION_LEAVE_OUT,
    // Repeating does not help: tell the application.
    DH_REACTION_REPORT,
};

// API keys are Kafka's. An API without rows of its own has only Kafka's classes.
enum dh_reaction dh_reaction_of(int16_t api_key, int16_t broker_code);

// RETRY, REFRESH or REDISCOVER.
static inline bool dh_reaction_is_retry(enum dh_reaction reaction)
{
    return reaction == DH_REACTION_RETRY || reaction == DH_REACTION_REFRESH ||
           reaction == DH_REACTION_REDISCOVER;
}

// The enum dohle_error under which the application is told about a code; 0 for 0.
static inline int dh_reaction_error(int16_t broker_code)
{
    return dh_error_from_broker(broker_code);
}

// "retry", "rediscover", ...: for the log. Static.
const char *dh_reaction_name(enum dh_reaction reaction);

#endif
