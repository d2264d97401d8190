// SPDX-License-Identifier: MIT
#include "client/back/reactions.h"

#include <stddef.h>

#include "base/assert.h"
#include "wire/gen/api_keys.h"

struct reaction_row {
    int16_t api_key;
    int16_t broker_code;
    enum dh_reaction reaction;
};

struct class_row {
    int16_t broker_code;
    enum dh_reaction reaction; // where the API says nothing else
};

#define ROW(api, code, what)                                                             \
    {                                                                                    \
        DH_API_##api, DH_BROKER_##code, DH_REACTION_##what                               \
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
    {DH_API_LIST_OFFSETS, DH_REACTION_REFRESH}, // CL-122: unexpected ones are retried
    {DH_API_OFFSET_FOR_LEADER_EPOCH, DH_REACTION_REFRESH},
    {DH_API_METADATA, DH_REACTION_RETRY},
    {DH_API_FIND_COORDINATOR,
     DH_REACTION_RETRY}, // 5.1: all but authorisation are retried
};

#define ROW(code, what)                                                                  \
    {                                                                                    \
        DH_BROKER_##code, DH_REACTION_##what                                             \
    }

// Kafka's classes (5.10). REPORT here is what no API retries.
static const struct class_row class_rows[] = {
    ROW(OFFSET_OUT_OF_RANGE, REPORT),
    ROW(CORRUPT_MESSAGE, RETRY),
    ROW(UNKNOWN_TOPIC_OR_PARTITION, REFRESH),
    ROW(LEADER_NOT_AVAILABLE, REFRESH),
    ROW(NOT_LEADER_OR_FOLLOWER, REFRESH),
    ROW(REQUEST_TIMED_OUT, RETRY),
    ROW(BROKER_NOT_AVAILABLE, REFRESH),
    ROW(REPLICA_NOT_AVAILABLE, REFRESH),
    ROW(MESSAGE_TOO_LARGE, REPORT),
    ROW(OFFSET_METADATA_TOO_LARGE, REPORT),
    ROW(NETWORK_EXCEPTION, REFRESH),
    ROW(COORDINATOR_LOAD_IN_PROGRESS, RETRY),
    ROW(COORDINATOR_NOT_AVAILABLE, REDISCOVER),
    ROW(NOT_COORDINATOR, REDISCOVER),
    ROW(INVALID_TOPIC_EXCEPTION, REPORT),
    ROW(RECORD_LIST_TOO_LARGE, REPORT),
    ROW(NOT_ENOUGH_REPLICAS, RETRY),
    ROW(NOT_ENOUGH_REPLICAS_AFTER_APPEND, RETRY),
    ROW(ILLEGAL_GENERATION, REPORT),
    ROW(INCONSISTENT_GROUP_PROTOCOL, REPORT),
    ROW(INVALID_GROUP_ID, REPORT),
    ROW(UNKNOWN_MEMBER_ID, REPORT),
    ROW(INVALID_SESSION_TIMEOUT, REPORT),
    ROW(REBALANCE_IN_PROGRESS, REPORT),
    ROW(INVALID_COMMIT_OFFSET_SIZE, REPORT),
    ROW(TOPIC_AUTHORIZATION_FAILED, REPORT),
    ROW(GROUP_AUTHORIZATION_FAILED, REPORT),
    ROW(CLUSTER_AUTHORIZATION_FAILED, REPORT),
    ROW(UNSUPPORTED_VERSION, REPORT),
    ROW(NOT_CONTROLLER, REFRESH),
    ROW(CONCURRENT_TRANSACTIONS, RETRY),
    ROW(TRANSACTIONAL_ID_AUTHORIZATION_FAILED, REPORT),
    ROW(KAFKA_STORAGE_ERROR, REFRESH),
    ROW(SASL_AUTHENTICATION_FAILED, REPORT),
    ROW(FETCH_SESSION_ID_NOT_FOUND, RETRY),
    ROW(INVALID_FETCH_SESSION_EPOCH, RETRY),
    ROW(LISTENER_NOT_FOUND, REFRESH),
    ROW(FENCED_LEADER_EPOCH, REFRESH),
    ROW(UNKNOWN_LEADER_EPOCH, RETRY),
    ROW(OFFSET_NOT_AVAILABLE, RETRY),
    ROW(GROUP_MAX_SIZE_REACHED, REPORT),
    ROW(FENCED_INSTANCE_ID, REPORT),
    ROW(UNSTABLE_OFFSET_COMMIT, RETRY),
    ROW(THROTTLING_QUOTA_EXCEEDED, RETRY),
    ROW(UNKNOWN_TOPIC_ID, REFRESH),
    ROW(INCONSISTENT_TOPIC_ID, REFRESH),
    ROW(FETCH_SESSION_TOPIC_ID_ERROR, RETRY),
    ROW(FENCED_MEMBER_EPOCH, REPORT),
    ROW(STALE_MEMBER_EPOCH, REPORT),
    ROW(SHARE_SESSION_NOT_FOUND, RETRY),
    ROW(INVALID_SHARE_SESSION_EPOCH, RETRY),
    ROW(REBOOTSTRAP_REQUIRED, REPORT),
    ROW(SHARE_SESSION_LIMIT_REACHED, RETRY),
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
    if (broker_code == DH_BROKER_NONE || api_key == DH_API_LEAVE_GROUP) {
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
