// SPDX-License-Identifier: MIT
#include "client/back/reactions.h"

#include <stddef.h>

#include <dohle/error.h>

#include "base/assert.h"

enum api_key {
    PRODUCE = 0,
    FETCH = 1,
    LIST_OFFSETS = 2,
    METADATA = 3,
    OFFSET_COMMIT = 8,
    OFFSET_FETCH = 9,
    FIND_COORDINATOR = 10,
    JOIN_GROUP = 11,
    HEARTBEAT = 12,
    LEAVE_GROUP = 13,
    SYNC_GROUP = 14,
    INIT_PRODUCER_ID = 22,
    OFFSET_FOR_LEADER_EPOCH = 23,
};

struct reaction_row {
    int16_t api_key;
    int16_t broker_code;
    enum dh_reaction reaction;
};

struct class_row {
    int16_t broker_code;
    enum dh_reaction reaction; // where the API says nothing else
    int error;                 // what the application is told
};

#define ROW(api, code, what)                                                             \
    {                                                                                    \
        (api), DH_BROKER_##code, DH_REACTION_##what                                      \
    }

// Where an API differs from the class of the code.
static const struct reaction_row reaction_rows[] = {
    // 5.5: an unknown error keeps the position and is tried again silently.
    ROW(FETCH, UNKNOWN_SERVER_ERROR, RETRY),
    ROW(FETCH, UNKNOWN_LEADER_EPOCH, RETRY),
    ROW(FETCH, OFFSET_NOT_AVAILABLE, REFRESH),
    ROW(FETCH, OFFSET_OUT_OF_RANGE, RESET_POSITION),
    ROW(FETCH, CORRUPT_MESSAGE, REPORT),
    ROW(FETCH, FETCH_SESSION_ID_NOT_FOUND, RESET_SESSION),
    ROW(FETCH, INVALID_FETCH_SESSION_EPOCH, RESET_SESSION),
    ROW(FETCH, FETCH_SESSION_TOPIC_ID_ERROR, RESET_SESSION),

    // CL-122: everything but authorisation is tried again with fresh metadata.
    ROW(LIST_OFFSETS, UNKNOWN_LEADER_EPOCH, REFRESH),
    ROW(LIST_OFFSETS, OFFSET_NOT_AVAILABLE, REFRESH),
    ROW(LIST_OFFSETS, UNSUPPORTED_FOR_MESSAGE_FORMAT, LEAVE_OUT),
    ROW(OFFSET_FOR_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH, REFRESH),
    ROW(OFFSET_FOR_LEADER_EPOCH, OFFSET_NOT_AVAILABLE, REFRESH),
    ROW(OFFSET_FOR_LEADER_EPOCH, UNSUPPORTED_FOR_MESSAGE_FORMAT, REFRESH),

    // CL-181.
    ROW(METADATA, REBOOTSTRAP_REQUIRED, REBOOTSTRAP),

    // 5.1.
    ROW(OFFSET_COMMIT, UNKNOWN_TOPIC_OR_PARTITION, RETRY),
    ROW(OFFSET_COMMIT, UNKNOWN_TOPIC_ID, REFRESH),
    ROW(OFFSET_COMMIT, REQUEST_TIMED_OUT, REDISCOVER),
    ROW(OFFSET_COMMIT, REBALANCE_IN_PROGRESS, REJOIN),
    ROW(OFFSET_COMMIT, ILLEGAL_GENERATION, DROP_GENERATION),
    ROW(OFFSET_COMMIT, UNKNOWN_MEMBER_ID, DROP_MEMBER),
    ROW(OFFSET_COMMIT, FENCED_INSTANCE_ID, FENCED),

    ROW(OFFSET_FETCH, UNKNOWN_TOPIC_OR_PARTITION, REPORT),
    ROW(OFFSET_FETCH, UNKNOWN_TOPIC_ID, REFRESH),

    ROW(JOIN_GROUP, MEMBER_ID_REQUIRED, TAKE_MEMBER_ID),
    ROW(JOIN_GROUP, REBALANCE_IN_PROGRESS, REJOIN),
    ROW(JOIN_GROUP, ILLEGAL_GENERATION, DROP_GENERATION),
    ROW(JOIN_GROUP, UNKNOWN_MEMBER_ID, DROP_MEMBER),
    ROW(JOIN_GROUP, FENCED_INSTANCE_ID, FENCED),

    ROW(SYNC_GROUP, REBALANCE_IN_PROGRESS, REJOIN),
    ROW(SYNC_GROUP, ILLEGAL_GENERATION, DROP_GENERATION),
    ROW(SYNC_GROUP, UNKNOWN_MEMBER_ID, DROP_MEMBER),
    ROW(SYNC_GROUP, FENCED_INSTANCE_ID, FENCED),

    ROW(HEARTBEAT, REBALANCE_IN_PROGRESS, REJOIN),
    ROW(HEARTBEAT, ILLEGAL_GENERATION, DROP_GENERATION),
    ROW(HEARTBEAT, UNKNOWN_MEMBER_ID, DROP_MEMBER),
    ROW(HEARTBEAT, FENCED_INSTANCE_ID, FENCED),

    // Sender: the records are stored already.
    ROW(PRODUCE, DUPLICATE_SEQUENCE_NUMBER, NONE),
};

#undef ROW

// What a code without a row and without a class means.
static const struct {
    int16_t api_key;
    enum dh_reaction reaction;
} default_rows[] = {
    {LIST_OFFSETS, DH_REACTION_REFRESH}, // CL-122: unexpected ones are retried
    {OFFSET_FOR_LEADER_EPOCH, DH_REACTION_REFRESH},
    {METADATA, DH_REACTION_RETRY},
    {FIND_COORDINATOR, DH_REACTION_RETRY}, // 5.1: all but authorisation are retried
};

#define ROW(code, what, err)                                                             \
    {                                                                                    \
        DH_BROKER_##code, DH_REACTION_##what, DOHLE_ERR_##err                            \
    }

// Kafka's classes (5.10). REPORT here is what no API retries.
static const struct class_row class_rows[] = {
    ROW(OFFSET_OUT_OF_RANGE, REPORT, OFFSET_OUT_OF_RANGE),
    ROW(CORRUPT_MESSAGE, RETRY, CORRUPT),
    ROW(UNKNOWN_TOPIC_OR_PARTITION, REFRESH, UNKNOWN_TOPIC),
    ROW(LEADER_NOT_AVAILABLE, REFRESH, BROKER_RETRIABLE),
    ROW(NOT_LEADER_OR_FOLLOWER, REFRESH, BROKER_RETRIABLE),
    ROW(REQUEST_TIMED_OUT, RETRY, BROKER_RETRIABLE),
    ROW(BROKER_NOT_AVAILABLE, REFRESH, BROKER_RETRIABLE),
    ROW(REPLICA_NOT_AVAILABLE, REFRESH, BROKER_RETRIABLE),
    ROW(MESSAGE_TOO_LARGE, REPORT, TOO_LARGE),
    ROW(OFFSET_METADATA_TOO_LARGE, REPORT, TOO_LARGE),
    ROW(NETWORK_EXCEPTION, REFRESH, BROKER_RETRIABLE),
    ROW(COORDINATOR_LOAD_IN_PROGRESS, RETRY, BROKER_RETRIABLE),
    ROW(COORDINATOR_NOT_AVAILABLE, REDISCOVER, BROKER_RETRIABLE),
    ROW(NOT_COORDINATOR, REDISCOVER, BROKER_RETRIABLE),
    ROW(INVALID_TOPIC, REPORT, INVALID_TOPIC),
    ROW(RECORD_LIST_TOO_LARGE, REPORT, TOO_LARGE),
    ROW(NOT_ENOUGH_REPLICAS, RETRY, BROKER_RETRIABLE),
    ROW(NOT_ENOUGH_REPLICAS_AFTER_APPEND, RETRY, BROKER_RETRIABLE),
    ROW(ILLEGAL_GENERATION, REPORT, COMMIT_FAILED),
    ROW(INCONSISTENT_GROUP_PROTOCOL, REPORT, GROUP_REFUSED),
    ROW(INVALID_GROUP_ID, REPORT, INVALID_GROUP),
    ROW(UNKNOWN_MEMBER_ID, REPORT, COMMIT_FAILED),
    ROW(INVALID_SESSION_TIMEOUT, REPORT, GROUP_REFUSED),
    ROW(REBALANCE_IN_PROGRESS, REPORT, REBALANCE_IN_PROGRESS),
    ROW(INVALID_COMMIT_OFFSET_SIZE, REPORT, TOO_LARGE),
    ROW(TOPIC_AUTHORIZATION_FAILED, REPORT, TOPIC_AUTHORIZATION),
    ROW(GROUP_AUTHORIZATION_FAILED, REPORT, GROUP_AUTHORIZATION),
    ROW(CLUSTER_AUTHORIZATION_FAILED, REPORT, CLUSTER_AUTHORIZATION),
    ROW(UNSUPPORTED_VERSION, REPORT, UNSUPPORTED_VERSION),
    ROW(NOT_CONTROLLER, REFRESH, BROKER_RETRIABLE),
    ROW(CONCURRENT_TRANSACTIONS, RETRY, BROKER_RETRIABLE),
    ROW(TRANSACTIONAL_ID_AUTHORIZATION_FAILED, REPORT, CLUSTER_AUTHORIZATION),
    ROW(KAFKA_STORAGE_ERROR, REFRESH, BROKER_RETRIABLE),
    ROW(SASL_AUTHENTICATION_FAILED, REPORT, AUTHENTICATION),
    ROW(FETCH_SESSION_ID_NOT_FOUND, RETRY, BROKER_RETRIABLE),
    ROW(INVALID_FETCH_SESSION_EPOCH, RETRY, BROKER_RETRIABLE),
    ROW(LISTENER_NOT_FOUND, REFRESH, BROKER_RETRIABLE),
    ROW(FENCED_LEADER_EPOCH, REFRESH, BROKER_RETRIABLE),
    ROW(UNKNOWN_LEADER_EPOCH, RETRY, BROKER_RETRIABLE),
    ROW(OFFSET_NOT_AVAILABLE, RETRY, BROKER_RETRIABLE),
    ROW(GROUP_MAX_SIZE_REACHED, REPORT, GROUP_REFUSED),
    ROW(FENCED_INSTANCE_ID, REPORT, FENCED_INSTANCE),
    ROW(UNSTABLE_OFFSET_COMMIT, RETRY, BROKER_RETRIABLE),
    ROW(THROTTLING_QUOTA_EXCEEDED, RETRY, BROKER_RETRIABLE),
    ROW(UNKNOWN_TOPIC_ID, REFRESH, UNKNOWN_TOPIC),
    ROW(INCONSISTENT_TOPIC_ID, REFRESH, UNKNOWN_TOPIC),
    ROW(FETCH_SESSION_TOPIC_ID_ERROR, RETRY, BROKER_RETRIABLE),
    ROW(FENCED_MEMBER_EPOCH, REPORT, COMMIT_FAILED),
    ROW(STALE_MEMBER_EPOCH, REPORT, COMMIT_FAILED),
    ROW(SHARE_SESSION_NOT_FOUND, RETRY, BROKER_RETRIABLE),
    ROW(INVALID_SHARE_SESSION_EPOCH, RETRY, BROKER_RETRIABLE),
    ROW(REBOOTSTRAP_REQUIRED, REPORT, BROKER),
    ROW(SHARE_SESSION_LIMIT_REACHED, RETRY, BROKER_RETRIABLE),
};

#undef ROW

static const struct class_row *class_of(int16_t broker_code)
{
    for (size_t i = 0; i < DH_COUNT_OF(class_rows); i++) {
        if (class_rows[i].broker_code == broker_code) {
            return &class_rows[i];
        }
    }
    return NULL;
}

enum dh_reaction dh_reaction_of(int16_t api_key, int16_t broker_code)
{
    // After LeaveGroup we are gone, whatever the answer.
    if (broker_code == DH_BROKER_NONE || api_key == LEAVE_GROUP) {
        return DH_REACTION_NONE;
    }
    for (size_t i = 0; i < DH_COUNT_OF(reaction_rows); i++) {
        if (reaction_rows[i].api_key == api_key &&
            reaction_rows[i].broker_code == broker_code) {
            return reaction_rows[i].reaction;
        }
    }
    const struct class_row *class_row = class_of(broker_code);
    if (class_row != NULL) {
        return class_row->reaction;
    }
    for (size_t i = 0; i < DH_COUNT_OF(default_rows); i++) {
        if (default_rows[i].api_key == api_key) {
            return default_rows[i].reaction;
        }
    }
    return DH_REACTION_REPORT;
}

int dh_reaction_error(int16_t broker_code)
{
    if (broker_code == DH_BROKER_NONE) {
        return 0;
    }
    const struct class_row *class_row = class_of(broker_code);
    return class_row == NULL ? DOHLE_ERR_BROKER : class_row->error;
}

const char *dh_reaction_name(enum dh_reaction reaction)
{
    switch (reaction) {
    case DH_REACTION_NONE: return "none";
    case DH_REACTION_RETRY: return "retry";
    case DH_REACTION_REFRESH: return "refresh metadata and retry";
    case DH_REACTION_REDISCOVER: return "look the coordinator up and retry";
    case DH_REACTION_REBOOTSTRAP: return "start again from bootstrap.servers";
    case DH_REACTION_RESET_POSITION: return "reset the position";
    case DH_REACTION_RESET_SESSION: return "start a new fetch session";
    case DH_REACTION_TAKE_MEMBER_ID: return "take the member id and join again";
    case DH_REACTION_REJOIN: return "rejoin";
    case DH_REACTION_DROP_GENERATION: return "rejoin without the generation";
    case DH_REACTION_DROP_MEMBER: return "rejoin as a new member";
    case DH_REACTION_FENCED: return "stop: another member has the instance id";
    case DH_REACTION_LEAVE_OUT: return "leave the partition out";
    case DH_REACTION_REPORT: return "tell the application";
    }
    return "unknown";
}
