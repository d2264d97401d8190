// SPDX-License-Identifier: MIT
#include "broker/topic_config.h"

#define FIELD(name) .field = offsetof(struct dh_broker_topic_config, name)
#define NO_FIELD    .field = SIZE_MAX
#define BOOL(name_, synonym_, standard_)                                                 \
    .name = (name_), .synonym = (synonym_), .standard = (standard_),                     \
    .type = DH_BROKER_SETTING_BOOL
#define TEXT(name_, synonym_, type_, standard_, values_)                                 \
    .name = (name_), .synonym = (synonym_), .standard = (standard_),                     \
    .values = (values_), .type = DH_BROKER_SETTING_##type_
#define NUMBER(name_, synonym_, type_, standard_, min_, max_)                            \
    .name = (name_), .synonym = (synonym_), .standard = (standard_), .min = (min_),      \
    .max = (max_), .type = DH_BROKER_SETTING_##type_

// In order of names, as Kafka 4.4 has them.
const struct dh_broker_topic_setting dh_broker_topic_setting_table[] = {
    {TEXT("cleanup.policy", "log.cleanup.policy", LIST, "delete", "compact,delete"),
     NO_FIELD},
    {NUMBER("compression.gzip.level", "compression.gzip.level", INT, "-1", -1, 9),
     NO_FIELD},
    {NUMBER("compression.lz4.level", "compression.lz4.level", INT, "9", 1, 17), NO_FIELD},
    {TEXT("compression.type", "compression.type", STRING, "producer",
          "uncompressed,zstd,lz4,snappy,gzip,producer"),
     NO_FIELD},
    {NUMBER("compression.zstd.level", "compression.zstd.level", INT, "3", -131072, 22),
     NO_FIELD},
    {NUMBER("delete.retention.ms", "log.cleaner.delete.retention.ms", LONG, "86400000", 0,
            INT64_MAX),
     NO_FIELD},
    {BOOL("errors.deadletterqueue.group.enable", NULL, "false"), NO_FIELD},
    {NUMBER("file.delete.delay.ms", "log.segment.delete.delay.ms", LONG, "60000", 0,
            INT64_MAX),
     NO_FIELD},
    {NUMBER("flush.messages", "log.flush.interval.messages", LONG, "9223372036854775807",
            1, INT64_MAX),
     NO_FIELD},
    {NUMBER("flush.ms", "log.flush.interval.ms,log.flush.scheduler.interval.ms", LONG,
            "9223372036854775807", 0, INT64_MAX),
     NO_FIELD},
    {TEXT("follower.replication.throttled.replicas", NULL, LIST, "", NULL), NO_FIELD},
    {NUMBER("index.interval.bytes", "log.index.interval.bytes", INT, "4096", 0,
            INT32_MAX),
     FIELD(index_interval_bytes)},
    // Kafka's tests set it for segments that are smaller than segment.bytes allows.
    {NUMBER("internal.segment.bytes", NULL, INT, NULL, 1, INT32_MAX),
     FIELD(internal_segment_bytes), .is_internal = true},
    {TEXT("leader.replication.throttled.replicas", NULL, LIST, "", NULL), NO_FIELD},
    {NUMBER("local.retention.bytes", "log.local.retention.bytes", LONG, "-2", -2,
            INT64_MAX),
     NO_FIELD},
    {NUMBER("local.retention.ms", "log.local.retention.ms", LONG, "-2", -2, INT64_MAX),
     NO_FIELD},
    {NUMBER("max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms", LONG,
            "9223372036854775807", 1, INT64_MAX),
     FIELD(max_compaction_lag_ms)},
    {NUMBER("max.decompressed.message.bytes", "max.decompressed.message.bytes", INT,
            "2147483639", 1, 2147483639),
     NO_FIELD},
    {NUMBER("max.message.bytes", "message.max.bytes", INT, "1048588", 0, INT32_MAX),
     FIELD(max_message_bytes)},
    {NUMBER("message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms", LONG,
            "3600000", 0, INT64_MAX),
     FIELD(message_timestamp_after_max_ms)},
    {NUMBER("message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms",
            LONG, "9223372036854775807", 0, INT64_MAX),
     FIELD(message_timestamp_before_max_ms)},
    {TEXT("message.timestamp.type", "log.message.timestamp.type", STRING, "CreateTime",
          "CreateTime,LogAppendTime"),
     NO_FIELD},
    {TEXT("min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio", DOUBLE, "0.5",
          NULL),
     .max = 1, NO_FIELD},
    {NUMBER("min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms", LONG, "0", 0,
            INT64_MAX),
     FIELD(min_compaction_lag_ms)},
    {NUMBER("min.insync.replicas", "min.insync.replicas", INT, "1", 1, INT32_MAX),
     FIELD(min_insync_replicas)},
    {BOOL("preallocate", "log.preallocate", "false"), NO_FIELD},
    {NUMBER("remote.copy.lag.bytes", "log.remote.copy.lag.bytes", LONG, "-1", -1,
            INT64_MAX),
     NO_FIELD},
    {NUMBER("remote.copy.lag.ms", "log.remote.copy.lag.ms", LONG, "0", -1, INT64_MAX),
     NO_FIELD},
    {BOOL("remote.log.copy.disable", NULL, "false"), NO_FIELD},
    {BOOL("remote.log.delete.on.disable", NULL, "false"), NO_FIELD},
    {BOOL("remote.storage.enable", NULL, "false"), NO_FIELD},
    {NUMBER("retention.bytes", "log.retention.bytes", LONG, "-1", INT64_MIN, INT64_MAX),
     FIELD(retention_bytes)},
    {NUMBER("retention.ms", "log.retention.ms,log.retention.minutes,log.retention.hours",
            LONG, "604800000", -1, INT64_MAX),
     FIELD(retention_ms)},
    {NUMBER("segment.bytes", "log.segment.bytes", INT, "1073741824", 1048576, INT32_MAX),
     FIELD(segment_bytes)},
    {NUMBER("segment.index.bytes", "log.index.size.max.bytes", INT, "10485760", 4,
            INT32_MAX),
     FIELD(segment_index_bytes)},
    {NUMBER("segment.jitter.ms", "log.roll.jitter.ms,log.roll.jitter.hours", LONG, "0", 0,
            INT64_MAX),
     NO_FIELD},
    {NUMBER("segment.ms", "log.roll.ms,log.roll.hours", LONG, "604800000", 1, INT64_MAX),
     FIELD(segment_ms)},
    {BOOL("unclean.leader.election.enable", "unclean.leader.election.enable", "false"),
     NO_FIELD},
};

const size_t dh_broker_topic_setting_count = DH_COUNT_OF(dh_broker_topic_setting_table);

_Static_assert(DH_COUNT_OF(dh_broker_topic_setting_table) <= DH_BROKER_TOPIC_SETTINGS_MAX,
               "a topic's config has room for every row");
