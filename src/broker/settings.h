// SPDX-License-Identifier: MIT
/*
 * Kafka's broker settings by name: table, check, values. Read once at start.
 *
 * A row has a field below when something depends on it. Rows without one are Kafka's too;
 * DescribeConfigs shows them with their defaults, and setting one is an error that says
 * that it has no effect here. An unknown name is an error that names the nearest.
 *
 * Where our default is another than Kafka's the row says why.
 * Source: KafkaConfig and the Configs classes of Apache Kafka 4.4 (rows BRK-).
 */
#ifndef DH_BROKER_SETTINGS_H
#define DH_BROKER_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/state.h"

// As ConfigDef.Type and as DescribeConfigs numbers them.
enum dh_broker_setting_type {
    DH_BROKER_SETTING_BOOL = 1,
    DH_BROKER_SETTING_STRING = 2,
    DH_BROKER_SETTING_INT = 3,
    DH_BROKER_SETTING_SHORT = 4,
    DH_BROKER_SETTING_LONG = 5,
    DH_BROKER_SETTING_DOUBLE = 6,
    DH_BROKER_SETTING_LIST = 7,
    DH_BROKER_SETTING_CLASS = 8,
    DH_BROKER_SETTING_PASSWORD = 9,
};

struct dh_broker_setting {
    const char *name;
    const char *standard; // the default; NULL: null
    const char *values; // STRING, LIST: the allowed words, separated by commas; NULL: any
    int64_t min;        // INT, SHORT, LONG
    int64_t max;
    size_t field; // where dh_broker_settings has it; SIZE_MAX: it has no effect here
    enum dh_broker_setting_type type;
    bool is_dynamic; // Kafka would change it without a restart: for read_only
};

// The values, Kafka's names with '_' for '.'. Numbers of every width are int64_t.
struct dh_broker_settings {
    // Topics.
    int64_t num_partitions;
    int64_t default_replication_factor;
    bool auto_create_topics_enable;
    bool delete_topic_enable;
    int64_t min_insync_replicas;
    // Groups (BRK-).
    int64_t offsets_topic_num_partitions;
    int64_t offsets_topic_replication_factor;
    int64_t offsets_topic_segment_bytes;
    int64_t offsets_retention_minutes;
    int64_t offset_metadata_max_bytes;
    int64_t group_min_session_timeout_ms;
    int64_t group_max_session_timeout_ms;
    int64_t group_initial_rebalance_delay_ms;
    int64_t group_max_size;
    // Connections and requests.
    int64_t socket_request_max_bytes;
    int64_t connections_max_idle_ms;
    int64_t max_connections;
    int64_t fetch_max_bytes;
    int64_t max_incremental_fetch_session_cache_slots;
    int64_t max_request_partition_size_limit;
    // Producers.
    int64_t producer_id_expiration_ms;
    int64_t transaction_max_timeout_ms;
    // Logs: the defaults of topics (topic_config.h knows which is whose).
    int64_t log_retention_check_interval_ms;
    int64_t log_flush_offset_checkpoint_interval_ms;
    // Owned: one place for each row of the table. NULL: as by default.
    char **texts;
};

extern const struct dh_broker_setting dh_broker_setting_table[];
extern const size_t dh_broker_setting_count;

// Returns 0, DOHLE_ERR_NO_MEMORY, or DOHLE_ERR_UNKNOWN_CONFIG, _INVALID_CONFIG or
// _UNSUPPORTED_CONFIG with text: the setting, what is wrong, what is allowed.
DH_MUST_CHECK int dh_broker_settings_new(struct dh_broker *broker,
                                         const struct dh_broker_options *options,
                                         char *text, size_t text_size);
void dh_broker_settings_free(struct dh_broker *broker);

// NULL: there is no such row.
const struct dh_broker_setting *dh_broker_setting_find(dohle_bytes name);
// The value in force as text: what was set, or the default. NULL: null.
const char *dh_broker_setting_text(const struct dh_broker *broker,
                                   const struct dh_broker_setting *setting);
// Whether it was set at start.
bool dh_broker_setting_is_set(const struct dh_broker *broker,
                              const struct dh_broker_setting *setting);

/*
 * Checks a value for type, range and words, as ConfigDef does. Returns 0 or
 * DOHLE_ERR_INVALID_CONFIG with Kafka's sentence in text.
 */
DH_MUST_CHECK int dh_broker_setting_check(const char *name,
                                          enum dh_broker_setting_type type, int64_t min,
                                          int64_t max, const char *values,
                                          dohle_bytes value, char *text, size_t size);

#endif
