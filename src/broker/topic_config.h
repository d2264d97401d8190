// SPDX-License-Identifier: MIT
/*
 * The settings of a topic: what was set for it, over the broker's, over Kafka's defaults.
 *
 *     DYNAMIC_TOPIC   set for the topic: kept as text in `set`
 *     STATIC_BROKER   the broker's setting of the same meaning was set at start
 *     DEFAULT         Kafka's
 *
 * The plain members are the values in force, made anew from those three.
 * Source: TopicConfig, LogConfig and ServerTopicConfigSynonyms in Apache Kafka 4.4.
 */
#ifndef DH_BROKER_TOPIC_CONFIG_H
#define DH_BROKER_TOPIC_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/settings.h"
#include "broker/state.h"
#include "store/store.h"

enum dh_broker_config_source { // as DescribeConfigs numbers them
    DH_BROKER_SOURCE_DYNAMIC_TOPIC = 1,
    DH_BROKER_SOURCE_STATIC_BROKER = 4,
    DH_BROKER_SOURCE_DEFAULT = 5,
};

struct dh_broker_topic_setting {
    const char *name;
    const char *
        synonym; // broker settings it falls back to, by commas, the first that is set; NULL: none
    const char *standard; // the default; NULL: null
    const char *values;   // the allowed words, separated by commas; NULL: any
    int64_t min;
    int64_t max;
    size_t field; // where dh_broker_topic_config has it; SIZE_MAX: no effect here
    enum dh_broker_setting_type type;
    bool is_internal; // not shown
};

#define DH_BROKER_TOPIC_SETTINGS_MAX 48

struct dh_broker_topic_config {
    // In force.
    int64_t segment_bytes;
    int64_t segment_ms;
    int64_t segment_index_bytes;
    int64_t index_interval_bytes;
    int64_t retention_bytes;
    int64_t retention_ms;
    int64_t max_message_bytes;
    int64_t min_insync_replicas;
    int64_t message_timestamp_before_max_ms;
    int64_t message_timestamp_after_max_ms;
    bool is_compacted;         // cleanup.policy has "compact"
    bool is_deleted;           // cleanup.policy has "delete"
    bool is_append_time;       // message.timestamp.type is LogAppendTime
    char compression_type[16]; // "producer": as it came
    int64_t min_compaction_lag_ms;
    int64_t max_compaction_lag_ms;
    int64_t internal_segment_bytes; // 0: none
    // Owned; by row of the table. NULL: not set for the topic.
    char *set[DH_BROKER_TOPIC_SETTINGS_MAX];
};

extern const struct dh_broker_topic_setting dh_broker_topic_setting_table[];
extern const size_t dh_broker_topic_setting_count;

// All from the broker and the defaults.
void dh_broker_topic_config_init(struct dh_broker_topic_config *config,
                                 const struct dh_broker *broker);
void dh_broker_topic_config_deinit(struct dh_broker_topic_config *config,
                                   const struct dh_broker *broker);
// *copy need not be initialised. Returns 0 or DOHLE_ERR_NO_MEMORY with nothing to deinit.
DH_MUST_CHECK int
dh_broker_topic_config_copy(const struct dh_broker *broker,
                            struct dh_broker_topic_config *copy,
                            const struct dh_broker_topic_config *config);

// NULL: there is no such setting.
const struct dh_broker_topic_setting *dh_broker_topic_setting_find(dohle_bytes name);

/*
 * Sets one, or takes it back (value null). Returns 0 or a broker code with Kafka's text:
 * INVALID_CONFIG for an unknown name or a value that is not allowed; nothing is changed.
 */
int16_t dh_broker_topic_config_set(const struct dh_broker *broker,
                                   struct dh_broker_topic_config *config,
                                   dohle_bytes name, dohle_bytes value, char *text,
                                   size_t size);
// Checks what concerns several settings at once. Returns 0 or INVALID_CONFIG with text.
int16_t dh_broker_topic_config_check(const struct dh_broker_topic_config *config,
                                     char *text, size_t size);

// A text that had to be made of another: hours as milliseconds.
struct dh_broker_setting_made {
    char text[24];
};

// The value in force as text, and where it comes from. NULL: null. Valid as long as *made.
const char *dh_broker_topic_config_text(const struct dh_broker *broker,
                                        const struct dh_broker_topic_config *config,
                                        const struct dh_broker_topic_setting *setting,
                                        enum dh_broker_config_source *source,
                                        struct dh_broker_setting_made *made);

// The broker's setting that is in force where the topic has none; NULL: there is none.
const struct dh_broker_setting *
dh_broker_topic_setting_broker(const struct dh_broker *broker,
                               const struct dh_broker_topic_setting *setting);

// What the store needs of it.
struct dh_store_log_config
dh_broker_topic_config_for_log(const struct dh_broker_topic_config *config);

#endif
