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
int dh_reaction_error(int16_t broker_code);

// "retry", "rediscover", ...: for the log. Static.
const char *dh_reaction_name(enum dh_reaction reaction);

// Kafka's error codes that the client's code names.
enum dh_broker_code {
    DH_BROKER_UNKNOWN_SERVER_ERROR = -1,
    DH_BROKER_NONE = 0,
    DH_BROKER_OFFSET_OUT_OF_RANGE = 1,
    DH_BROKER_CORRUPT_MESSAGE = 2,
    DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION = 3,
    DH_BROKER_INVALID_FETCH_SIZE = 4,
    DH_BROKER_LEADER_NOT_AVAILABLE = 5,
    DH_BROKER_NOT_LEADER_OR_FOLLOWER = 6,
    DH_BROKER_REQUEST_TIMED_OUT = 7,
    DH_BROKER_BROKER_NOT_AVAILABLE = 8,
    DH_BROKER_REPLICA_NOT_AVAILABLE = 9,
    DH_BROKER_MESSAGE_TOO_LARGE = 10,
    DH_BROKER_OFFSET_METADATA_TOO_LARGE = 12,
    DH_BROKER_NETWORK_EXCEPTION = 13,
    DH_BROKER_COORDINATOR_LOAD_IN_PROGRESS = 14,
    DH_BROKER_COORDINATOR_NOT_AVAILABLE = 15,
    DH_BROKER_NOT_COORDINATOR = 16,
    DH_BROKER_INVALID_TOPIC = 17,
    DH_BROKER_RECORD_LIST_TOO_LARGE = 18,
    DH_BROKER_NOT_ENOUGH_REPLICAS = 19,
    DH_BROKER_NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20,
    DH_BROKER_ILLEGAL_GENERATION = 22,
    DH_BROKER_INCONSISTENT_GROUP_PROTOCOL = 23,
    DH_BROKER_INVALID_GROUP_ID = 24,
    DH_BROKER_UNKNOWN_MEMBER_ID = 25,
    DH_BROKER_INVALID_SESSION_TIMEOUT = 26,
    DH_BROKER_REBALANCE_IN_PROGRESS = 27,
    DH_BROKER_INVALID_COMMIT_OFFSET_SIZE = 28,
    DH_BROKER_TOPIC_AUTHORIZATION_FAILED = 29,
    DH_BROKER_GROUP_AUTHORIZATION_FAILED = 30,
    DH_BROKER_CLUSTER_AUTHORIZATION_FAILED = 31,
    DH_BROKER_UNSUPPORTED_VERSION = 35,
    DH_BROKER_NOT_CONTROLLER = 41,
    DH_BROKER_UNSUPPORTED_FOR_MESSAGE_FORMAT = 43,
    DH_BROKER_OUT_OF_ORDER_SEQUENCE_NUMBER = 45,
    DH_BROKER_DUPLICATE_SEQUENCE_NUMBER = 46,
    DH_BROKER_CONCURRENT_TRANSACTIONS = 51,
    DH_BROKER_TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53,
    DH_BROKER_KAFKA_STORAGE_ERROR = 56,
    DH_BROKER_SASL_AUTHENTICATION_FAILED = 58,
    DH_BROKER_UNKNOWN_PRODUCER_ID = 59,
    DH_BROKER_FETCH_SESSION_ID_NOT_FOUND = 70,
    DH_BROKER_INVALID_FETCH_SESSION_EPOCH = 71,
    DH_BROKER_LISTENER_NOT_FOUND = 72,
    DH_BROKER_FENCED_LEADER_EPOCH = 74,
    DH_BROKER_UNKNOWN_LEADER_EPOCH = 75,
    DH_BROKER_OFFSET_NOT_AVAILABLE = 78,
    DH_BROKER_MEMBER_ID_REQUIRED = 79,
    DH_BROKER_GROUP_MAX_SIZE_REACHED = 81,
    DH_BROKER_FENCED_INSTANCE_ID = 82,
    DH_BROKER_UNSTABLE_OFFSET_COMMIT = 88,
    DH_BROKER_THROTTLING_QUOTA_EXCEEDED = 89,
    DH_BROKER_UNKNOWN_TOPIC_ID = 100,
    DH_BROKER_INCONSISTENT_TOPIC_ID = 103,
    DH_BROKER_FETCH_SESSION_TOPIC_ID_ERROR = 106,
    DH_BROKER_FENCED_MEMBER_EPOCH = 110,
    DH_BROKER_STALE_MEMBER_EPOCH = 113,
    DH_BROKER_SHARE_SESSION_NOT_FOUND = 122,
    DH_BROKER_INVALID_SHARE_SESSION_EPOCH = 123,
    DH_BROKER_REBOOTSTRAP_REQUIRED = 129,
    DH_BROKER_SHARE_SESSION_LIMIT_REACHED = 133,
};

#endif
