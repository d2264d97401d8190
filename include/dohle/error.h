// SPDX-License-Identifier: MIT
/*
 * Errors.
 *
 * Every function that can fail returns an int: 0, or a negative value of
 * enum dohle_error. Each error has a class; most programs switch on the class
 * and print the text. The consumer, producer and admin objects keep the last
 * error with all that is known about it in a dohle_error_info.
 *
 * A broker's own error code is kept, not translated away: see broker_code.
 */
#ifndef DOHLE_ERROR_H
#define DOHLE_ERROR_H

#include <dohle/types.h>

#ifdef __cplusplus
extern "C" {
#endif

enum dohle_error_class {
    DOHLE_CLASS_NONE,          // no error
    DOHLE_CLASS_RETRIABLE,     // may work when tried again
    DOHLE_CLASS_REJOIN,        // the group moved on: poll, then look at what is owned
    DOHLE_CLASS_FATAL,         // this object cannot go on
    DOHLE_CLASS_AUTHORIZATION, // the cluster refused; somebody must grant access
    DOHLE_CLASS_USAGE,         // the call is wrong; nothing has changed
    DOHLE_CLASS_PROTOCOL,      // bytes or versions that make no sense
    DOHLE_CLASS_DATA,          // about records or offsets of one partition: seek to go on
    DOHLE_CLASS_IO,            // network or operating system
    DOHLE_CLASS_TIMEOUT,       // the deadline of the call has passed
    DOHLE_CLASS_WAKEUP,        // dohle_consumer_wakeup
    DOHLE_CLASS_CLOSED,        // the object is closed
    DOHLE_CLASS_NO_MEMORY,     // an allocation failed; the object is still valid
};

// X(name, value, class, text)
#define DOHLE_ERROR_MAP(X)                                                               \
    X(TIMEOUT, -1, TIMEOUT, "the time allowed for the call has passed")                  \
    X(WAKEUP, -2, WAKEUP, "woken up by dohle_consumer_wakeup")                           \
    X(CLOSED, -3, CLOSED, "the object is closed")                                        \
    X(NO_MEMORY, -4, NO_MEMORY, "out of memory")                                         \
    X(CONCURRENT_USE, -5, USAGE, "another thread is inside this object")                 \
    X(INVALID_ARGUMENT, -6, USAGE, "an argument is not allowed")                         \
    X(INVALID_STATE, -7, USAGE, "the call does not fit the object's state")              \
    X(NOT_ASSIGNED, -8, USAGE, "the partition is not assigned to this consumer")         \
    X(NOT_SUBSCRIBED, -9, USAGE, "neither a subscription nor an assignment")             \
    X(INVALID_GROUP, -10, USAGE, "group.id is missing or not allowed")                   \
    X(INVALID_CONFIG, -11, USAGE, "a setting has a value that is not allowed")           \
    X(UNKNOWN_CONFIG, -12, USAGE, "there is no setting of that name")                    \
    X(UNSUPPORTED_CONFIG, -13, USAGE, "the setting is known but not built yet")          \
    X(QUEUE_FULL, -14, RETRIABLE, "too many calls are waiting")                          \
    X(IO, -20, IO, "the operating system reported an error")                             \
    X(RESOLVE, -21, IO, "a host name could not be resolved")                             \
    X(CONNECT, -22, IO, "no connection to the broker")                                   \
    X(DISCONNECTED, -23, IO, "the connection was lost")                                  \
    X(NO_FILE, -24, IO, "the file does not exist")                                       \
    X(IN_USE, -25, IO, "another process is using it")                                    \
    X(PROTOCOL, -30, PROTOCOL, "malformed bytes from the peer")                          \
    X(UNSUPPORTED_VERSION, -31, PROTOCOL, "the broker has no usable version of an API")  \
    X(CORRUPT, -40, DATA, "a batch of records is corrupt")                               \
    X(UNSUPPORTED_CODEC, -41, DATA, "a batch is compressed in an unknown way")           \
    X(TOO_LARGE, -42, DATA, "larger than the limit allows")                              \
    X(NO_OFFSET, -43, DATA, "no committed offset, and auto.offset.reset is none")        \
    X(OFFSET_OUT_OF_RANGE, -44, DATA, "the offset is outside the log")                   \
    X(LOG_TRUNCATION, -45, DATA, "the log was truncated below the position")             \
    X(COMMIT_FAILED, -50, REJOIN,                                                        \
      "not a member any more; the offsets are not committed")                            \
    X(REBALANCE_IN_PROGRESS, -51, REJOIN, "the group is rebalancing: poll, then commit") \
    X(RETRIABLE_COMMIT_FAILED, -52, RETRIABLE,                                           \
      "the commit failed but may be tried again")                                        \
    X(FENCED_INSTANCE, -53, FATAL, "another member uses the same group.instance.id")     \
    X(GROUP_REFUSED, -54, FATAL, "the coordinator refuses this member")                  \
    X(AUTHENTICATION, -60, AUTHORIZATION, "the broker did not accept who we are")        \
    X(TOPIC_AUTHORIZATION, -61, AUTHORIZATION, "no access to the topic")                 \
    X(GROUP_AUTHORIZATION, -62, AUTHORIZATION, "no access to the group")                 \
    X(CLUSTER_AUTHORIZATION, -63, AUTHORIZATION, "no access to the cluster")             \
    X(INVALID_TOPIC, -64, FATAL, "the topic's name is not allowed")                      \
    X(UNKNOWN_TOPIC, -65, RETRIABLE, "the topic or partition does not exist")            \
    X(BROKER_RETRIABLE, -70, RETRIABLE, "the broker reported a passing error")           \
    X(BROKER, -71, FATAL, "the broker reported an error")                                \
    X(INTERNAL, -99, FATAL, "a fault in Dohle itself")

enum dohle_error {
    DOHLE_OK = 0,

#define DOHLE_ERROR_ENUM(name, value, class, text) DOHLE_ERR_##name = (value),
    DOHLE_ERROR_MAP(DOHLE_ERROR_ENUM)
#undef DOHLE_ERROR_ENUM
};

// All that is known about one error.
typedef struct dohle_error_info {
    int code;            // enum dohle_error; 0: no error
    int16_t broker_code; // the broker's own code; 0: the error is not a broker's
    int32_t node_id;     // the broker concerned; -1: none
    int32_t partition;   // the partition concerned; -1: none
    int64_t offset;      // the offset concerned; -1: none
    char topic[256];     // the topic concerned; "": none
    char text[512];      // one sentence: what, to whom, why, what to do
} dohle_error_info;

// The class of an error; 0 has DOHLE_CLASS_NONE. Any thread, never blocks.
DOHLE_API enum dohle_error_class dohle_error_class(int error);

// The name without prefix ("TIMEOUT"), or "UNKNOWN". Static. Any thread.
DOHLE_API const char *dohle_error_name(int error);

// One sentence without full stop. Static. Any thread.
DOHLE_API const char *dohle_error_text(int error);

// Kafka's name for a broker's error code ("NOT_COORDINATOR"), or "UNKNOWN_SERVER_ERROR".
// Static. Any thread.
DOHLE_API const char *dohle_broker_error_name(int16_t broker_code);

#ifdef __cplusplus
}
#endif

#endif
