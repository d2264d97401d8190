// SPDX-License-Identifier: MIT
// Made by tools/generate; edit schema/errors instead.
// The error codes of brokers.
#ifndef DH_WIRE_GEN_BROKER_ERRORS_H
#define DH_WIRE_GEN_BROKER_ERRORS_H

enum dh_broker_error {
    // the broker met an error it did not expect.
    DH_BROKER_UNKNOWN_SERVER_ERROR = -1,
    // no error.
    DH_BROKER_NONE = 0,
    // the offset is outside the log.
    DH_BROKER_OFFSET_OUT_OF_RANGE = 1,
    // the broker found the batch corrupt.
    DH_BROKER_CORRUPT_MESSAGE = 2,
    // the topic or partition is not on this broker.
    DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION = 3,
    // the fetch size is not allowed.
    DH_BROKER_INVALID_FETCH_SIZE = 4,
    // the partition has no leader at the moment.
    DH_BROKER_LEADER_NOT_AVAILABLE = 5,
    // this broker is not the leader, nor a replica.
    DH_BROKER_NOT_LEADER_OR_FOLLOWER = 6,
    // the broker did not finish in time.
    DH_BROKER_REQUEST_TIMED_OUT = 7,
    // the broker is not available.
    DH_BROKER_BROKER_NOT_AVAILABLE = 8,
    // the replica is not available.
    DH_BROKER_REPLICA_NOT_AVAILABLE = 9,
    // larger than the broker allows a batch to be.
    DH_BROKER_MESSAGE_TOO_LARGE = 10,
    // the controller has moved.
    DH_BROKER_STALE_CONTROLLER_EPOCH = 11,
    // the text stored beside the offset is too long.
    DH_BROKER_OFFSET_METADATA_TOO_LARGE = 12,
    // the connection was lost before the response.
    DH_BROKER_NETWORK_EXCEPTION = 13,
    // the coordinator is still loading.
    DH_BROKER_COORDINATOR_LOAD_IN_PROGRESS = 14,
    // the coordinator is not available.
    DH_BROKER_COORDINATOR_NOT_AVAILABLE = 15,
    // this broker is not the coordinator.
    DH_BROKER_NOT_COORDINATOR = 16,
    // the operation is not allowed on this topic.
    DH_BROKER_INVALID_TOPIC_EXCEPTION = 17,
    // the batch is larger than a segment.
    DH_BROKER_RECORD_LIST_TOO_LARGE = 18,
    // too few replicas are in sync.
    DH_BROKER_NOT_ENOUGH_REPLICAS = 19,
    // written, but to too few in-sync replicas.
    DH_BROKER_NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20,
    // acks has a value that is not allowed.
    DH_BROKER_INVALID_REQUIRED_ACKS = 21,
    // the generation is not the current one.
    DH_BROKER_ILLEGAL_GENERATION = 22,
    // the member shares no assignor with the group.
    DH_BROKER_INCONSISTENT_GROUP_PROTOCOL = 23,
    // the name of the group is not allowed.
    DH_BROKER_INVALID_GROUP_ID = 24,
    // the coordinator does not know this member.
    DH_BROKER_UNKNOWN_MEMBER_ID = 25,
    // session.timeout.ms is outside what the broker allows.
    DH_BROKER_INVALID_SESSION_TIMEOUT = 26,
    // the group is rebalancing.
    DH_BROKER_REBALANCE_IN_PROGRESS = 27,
    // the offsets are too large to be stored.
    DH_BROKER_INVALID_COMMIT_OFFSET_SIZE = 28,
    // no access to the topic.
    DH_BROKER_TOPIC_AUTHORIZATION_FAILED = 29,
    // no access to the group.
    DH_BROKER_GROUP_AUTHORIZATION_FAILED = 30,
    // no access to the cluster.
    DH_BROKER_CLUSTER_AUTHORIZATION_FAILED = 31,
    // the timestamp of a record is out of range.
    DH_BROKER_INVALID_TIMESTAMP = 32,
    // the broker does not offer this SASL mechanism.
    DH_BROKER_UNSUPPORTED_SASL_MECHANISM = 33,
    // the request does not fit the state of authentication.
    DH_BROKER_ILLEGAL_SASL_STATE = 34,
    // the broker does not speak this version.
    DH_BROKER_UNSUPPORTED_VERSION = 35,
    // the topic exists already.
    DH_BROKER_TOPIC_ALREADY_EXISTS = 36,
    // the number of partitions is not allowed.
    DH_BROKER_INVALID_PARTITIONS = 37,
    // the replication factor is not possible.
    DH_BROKER_INVALID_REPLICATION_FACTOR = 38,
    // the assignment of replicas is not possible.
    DH_BROKER_INVALID_REPLICA_ASSIGNMENT = 39,
    // the configuration is not valid.
    DH_BROKER_INVALID_CONFIG = 40,
    // this broker is not the controller.
    DH_BROKER_NOT_CONTROLLER = 41,
    // the broker finds the request malformed.
    DH_BROKER_INVALID_REQUEST = 42,
    // the batches stored are too old for this request.
    DH_BROKER_UNSUPPORTED_FOR_MESSAGE_FORMAT = 43,
    // a policy of the cluster forbids it.
    DH_BROKER_POLICY_VIOLATION = 44,
    // a sequence number is missing before this one.
    DH_BROKER_OUT_OF_ORDER_SEQUENCE_NUMBER = 45,
    // the sequence number was used before.
    DH_BROKER_DUPLICATE_SEQUENCE_NUMBER = 46,
    // the epoch of the producer is old.
    DH_BROKER_INVALID_PRODUCER_EPOCH = 47,
    // the transaction is not in a state that allows it.
    DH_BROKER_INVALID_TXN_STATE = 48,
    // the producer id does not belong to the transactional id.
    DH_BROKER_INVALID_PRODUCER_ID_MAPPING = 49,
    // the transaction timeout is larger than allowed.
    DH_BROKER_INVALID_TRANSACTION_TIMEOUT = 50,
    // another operation on the transaction is under way.
    DH_BROKER_CONCURRENT_TRANSACTIONS = 51,
    // the transaction coordinator was replaced.
    DH_BROKER_TRANSACTION_COORDINATOR_FENCED = 52,
    // no access to the transactional id.
    DH_BROKER_TRANSACTIONAL_ID_AUTHORIZATION_FAILED = 53,
    // security is switched off.
    DH_BROKER_SECURITY_DISABLED = 54,
    // not tried, because something else in the request failed.
    DH_BROKER_OPERATION_NOT_ATTEMPTED = 55,
    // the broker cannot read or write its disk.
    DH_BROKER_KAFKA_STORAGE_ERROR = 56,
    // the broker has no such log directory.
    DH_BROKER_LOG_DIR_NOT_FOUND = 57,
    // the credentials were refused.
    DH_BROKER_SASL_AUTHENTICATION_FAILED = 58,
    // the broker does not know this producer any more.
    DH_BROKER_UNKNOWN_PRODUCER_ID = 59,
    // replicas are being moved.
    DH_BROKER_REASSIGNMENT_IN_PROGRESS = 60,
    // delegation tokens are switched off.
    DH_BROKER_DELEGATION_TOKEN_AUTH_DISABLED = 61,
    // the delegation token does not exist.
    DH_BROKER_DELEGATION_TOKEN_NOT_FOUND = 62,
    // not the owner or renewer of the token.
    DH_BROKER_DELEGATION_TOKEN_OWNER_MISMATCH = 63,
    // tokens are not allowed on this connection.
    DH_BROKER_DELEGATION_TOKEN_REQUEST_NOT_ALLOWED = 64,
    // no access to the delegation token.
    DH_BROKER_DELEGATION_TOKEN_AUTHORIZATION_FAILED = 65,
    // the delegation token has expired.
    DH_BROKER_DELEGATION_TOKEN_EXPIRED = 66,
    // the kind of principal is not supported.
    DH_BROKER_INVALID_PRINCIPAL_TYPE = 67,
    // the group has members.
    DH_BROKER_NON_EMPTY_GROUP = 68,
    // the group does not exist.
    DH_BROKER_GROUP_ID_NOT_FOUND = 69,
    // the broker does not know the fetch session.
    DH_BROKER_FETCH_SESSION_ID_NOT_FOUND = 70,
    // the epoch of the fetch session is wrong.
    DH_BROKER_INVALID_FETCH_SESSION_EPOCH = 71,
    // the leader has no listener like this one.
    DH_BROKER_LISTENER_NOT_FOUND = 72,
    // deleting topics is switched off.
    DH_BROKER_TOPIC_DELETION_DISABLED = 73,
    // our leader epoch is older than the broker's.
    DH_BROKER_FENCED_LEADER_EPOCH = 74,
    // our leader epoch is newer than the broker's.
    DH_BROKER_UNKNOWN_LEADER_EPOCH = 75,
    // the client cannot read this compression.
    DH_BROKER_UNSUPPORTED_COMPRESSION_TYPE = 76,
    // the epoch of the broker is old.
    DH_BROKER_STALE_BROKER_EPOCH = 77,
    // the leader is new and cannot tell offsets yet.
    DH_BROKER_OFFSET_NOT_AVAILABLE = 78,
    // join again with the member id just given.
    DH_BROKER_MEMBER_ID_REQUIRED = 79,
    // the preferred leader is not available.
    DH_BROKER_PREFERRED_LEADER_NOT_AVAILABLE = 80,
    // the group is full.
    DH_BROKER_GROUP_MAX_SIZE_REACHED = 81,
    // another member uses the same group.instance.id.
    DH_BROKER_FENCED_INSTANCE_ID = 82,
    // no eligible leader is available.
    DH_BROKER_ELIGIBLE_LEADERS_NOT_AVAILABLE = 83,
    // no election is needed.
    DH_BROKER_ELECTION_NOT_NEEDED = 84,
    // no replicas are being moved.
    DH_BROKER_NO_REASSIGNMENT_IN_PROGRESS = 85,
    // the group is subscribed to the topic.
    DH_BROKER_GROUP_SUBSCRIBED_TO_TOPIC = 86,
    // the broker refuses a record of the batch.
    DH_BROKER_INVALID_RECORD = 87,
    // offsets of an open transaction are pending.
    DH_BROKER_UNSTABLE_OFFSET_COMMIT = 88,
    // a quota is exceeded.
    DH_BROKER_THROTTLING_QUOTA_EXCEEDED = 89,
    // a newer producer uses the same transactional id.
    DH_BROKER_PRODUCER_FENCED = 90,
    // there is no such resource.
    DH_BROKER_RESOURCE_NOT_FOUND = 91,
    // a resource is named twice.
    DH_BROKER_DUPLICATE_RESOURCE = 92,
    // the credential is not acceptable.
    DH_BROKER_UNACCEPTABLE_CREDENTIAL = 93,
    // sender or receiver is not a voter.
    DH_BROKER_INCONSISTENT_VOTER_SET = 94,
    // the version of the update is not valid.
    DH_BROKER_INVALID_UPDATE_VERSION = 95,
    // the features could not be updated.
    DH_BROKER_FEATURE_UPDATE_FAILED = 96,
    // the principal could not be read.
    DH_BROKER_PRINCIPAL_DESERIALIZATION_FAILURE = 97,
    // there is no such snapshot.
    DH_BROKER_SNAPSHOT_NOT_FOUND = 98,
    // the position is outside the snapshot.
    DH_BROKER_POSITION_OUT_OF_RANGE = 99,
    // the topic id is not on this broker.
    DH_BROKER_UNKNOWN_TOPIC_ID = 100,
    // the broker id is in use.
    DH_BROKER_DUPLICATE_BROKER_REGISTRATION = 101,
    // the broker id is not registered.
    DH_BROKER_BROKER_ID_NOT_REGISTERED = 102,
    // the topic id is not that of the log.
    DH_BROKER_INCONSISTENT_TOPIC_ID = 103,
    // the request is for another cluster.
    DH_BROKER_INCONSISTENT_CLUSTER_ID = 104,
    // there is no such transactional id.
    DH_BROKER_TRANSACTIONAL_ID_NOT_FOUND = 105,
    // the fetch session mixes topic ids and names.
    DH_BROKER_FETCH_SESSION_TOPIC_ID_ERROR = 106,
    // a replica cannot be in sync.
    DH_BROKER_INELIGIBLE_REPLICA = 107,
    // a new leader was elected meanwhile.
    DH_BROKER_NEW_LEADER_ELECTED = 108,
    // the offset is in tiered storage.
    DH_BROKER_OFFSET_MOVED_TO_TIERED_STORAGE = 109,
    // the member was fenced and must join again.
    DH_BROKER_FENCED_MEMBER_EPOCH = 110,
    // another member still holds the group.instance.id.
    DH_BROKER_UNRELEASED_INSTANCE_ID = 111,
    // the group does not support the assignor.
    DH_BROKER_UNSUPPORTED_ASSIGNOR = 112,
    // the member epoch is old.
    DH_BROKER_STALE_MEMBER_EPOCH = 113,
    // the wrong kind of endpoint.
    DH_BROKER_MISMATCHED_ENDPOINT_TYPE = 114,
    // this kind of endpoint is not supported.
    DH_BROKER_UNSUPPORTED_ENDPOINT_TYPE = 115,
    // the controller id is not known.
    DH_BROKER_UNKNOWN_CONTROLLER_ID = 116,
    // the telemetry subscription is outdated.
    DH_BROKER_UNKNOWN_SUBSCRIPTION_ID = 117,
    // more telemetry than the broker takes.
    DH_BROKER_TELEMETRY_TOO_LARGE = 118,
    // the registration of the broker is not valid.
    DH_BROKER_INVALID_REGISTRATION = 119,
    // the transaction must be aborted.
    DH_BROKER_TRANSACTION_ABORTABLE = 120,
    // the record is not in a state that allows it.
    DH_BROKER_INVALID_RECORD_STATE = 121,
    // the broker does not know the share session.
    DH_BROKER_SHARE_SESSION_NOT_FOUND = 122,
    // the epoch of the share session is wrong.
    DH_BROKER_INVALID_SHARE_SESSION_EPOCH = 123,
    // the state epoch does not match.
    DH_BROKER_FENCED_STATE_EPOCH = 124,
    // the key of the voter does not match.
    DH_BROKER_INVALID_VOTER_KEY = 125,
    // the voter exists already.
    DH_BROKER_DUPLICATE_VOTER = 126,
    // there is no such voter.
    DH_BROKER_VOTER_NOT_FOUND = 127,
    // the regular expression is not valid.
    DH_BROKER_INVALID_REGULAR_EXPRESSION = 128,
    // the metadata is stale: start from the bootstrap servers.
    DH_BROKER_REBOOTSTRAP_REQUIRED = 129,
    // the topology is not valid.
    DH_BROKER_STREAMS_INVALID_TOPOLOGY = 130,
    // the epoch of the topology is not valid.
    DH_BROKER_STREAMS_INVALID_TOPOLOGY_EPOCH = 131,
    // the epoch of the topology is old.
    DH_BROKER_STREAMS_TOPOLOGY_FENCED = 132,
    // too many share sessions.
    DH_BROKER_SHARE_SESSION_LIMIT_REACHED = 133,
    // the group could not be deleted.
    DH_BROKER_GROUP_DELETION_FAILED = 134,
    // the description of the topology was refused.
    DH_BROKER_STREAMS_TOPOLOGY_DESCRIPTION_UPDATE_FAILED = 135,
    // the controller id is not registered.
    DH_BROKER_CONTROLLER_ID_NOT_REGISTERED = 136,
};

#endif
