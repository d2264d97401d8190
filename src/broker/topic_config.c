// SPDX-License-Identifier: MIT
#include "broker/topic_config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/strings.h"
#include "wire/gen/broker_errors.h"

#define SHOWN_SIZE_MAX 120
#define MS_OF_MINUTE   INT64_C(60000)
#define MS_OF_HOUR     INT64_C(3600000)

static const char cleanup_policy[] = "cleanup.policy";
static const char timestamp_type[] = "message.timestamp.type";
static const char compression_type[] = "compression.type";

const struct dh_broker_topic_setting *dh_broker_topic_setting_find(dohle_bytes name)
{
    for (size_t i = 0; i < dh_broker_topic_setting_count; i++) {
        if (dh_bytes_equal(dh_bytes_of(dh_broker_topic_setting_table[i].name), name)) {
            return &dh_broker_topic_setting_table[i];
        }
    }
    return NULL;
}

static size_t row_of(const struct dh_broker_topic_setting *setting)
{
    return (size_t)(setting - dh_broker_topic_setting_table);
}

const struct dh_broker_setting *
dh_broker_topic_setting_broker(const struct dh_broker *broker,
                               const struct dh_broker_topic_setting *setting)
{
    const struct dh_broker_setting *found = NULL;
    dohle_bytes rest = dh_bytes_of(setting->synonym);
    dohle_bytes part;
    while (setting->synonym != NULL && dh_list_next(&rest, &part)) {
        const struct dh_broker_setting *candidate = dh_broker_setting_find(part);
        DH_ASSERT(candidate != NULL);
        if (dh_broker_setting_is_set(broker, candidate)) {
            return candidate;
        }
        // Of several only the last has a default: log.retention.hours, log.roll.hours.
        found = candidate->standard != NULL ? candidate : found;
    }
    return found;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text);
    size_t end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

// What a broker's setting in minutes or hours has to be multiplied with.
static int64_t unit_of(const struct dh_broker_setting *setting)
{
    if (ends_with(setting->name, ".hours")) {
        return MS_OF_HOUR;
    }
    return ends_with(setting->name, ".minutes") ? MS_OF_MINUTE : 1;
}

// The value that comes from the broker; in *made when its unit is another.
static const char *from_broker(const struct dh_broker *broker,
                               const struct dh_broker_topic_setting *setting,
                               enum dh_broker_config_source *source,
                               struct dh_broker_setting_made *made)
{
    const struct dh_broker_setting *below =
        dh_broker_topic_setting_broker(broker, setting);
    *source = DH_BROKER_SOURCE_DEFAULT;
    if (below == NULL || !dh_broker_setting_is_set(broker, below)) {
        return setting->standard;
    }
    *source = DH_BROKER_SOURCE_STATIC_BROKER;
    const char *text = dh_broker_setting_text(broker, below);
    int64_t unit = unit_of(below);
    int64_t number = 0;
    if (unit == 1 ||
        dh_parse_int64(dh_bytes_of(text), INT32_MIN, INT32_MAX, &number) != 0) {
        return text;
    }
    // Below 0 there is no limit.
    snprintf(made->text, sizeof(made->text), "%" PRId64, number < 0 ? -1 : number * unit);
    return made->text;
}

const char *dh_broker_topic_config_text(const struct dh_broker *broker,
                                        const struct dh_broker_topic_config *config,
                                        const struct dh_broker_topic_setting *setting,
                                        enum dh_broker_config_source *source,
                                        struct dh_broker_setting_made *made)
{
    const char *set = config->set[row_of(setting)];
    if (set != NULL) {
        *source = DH_BROKER_SOURCE_DYNAMIC_TOPIC;
        return set;
    }
    return from_broker(broker, setting, source, made);
}

// ---- Values in force ----

static bool list_has(const char *list, const char *word)
{
    dohle_bytes rest = dh_bytes_of(list);
    dohle_bytes part;
    while (dh_list_next(&rest, &part)) {
        if (dh_bytes_equal(part, dh_bytes_of(word))) {
            return true;
        }
    }
    return false;
}

static void put_in_force(struct dh_broker_topic_config *config,
                         const struct dh_broker_topic_setting *setting, const char *text)
{
    if (strcmp(setting->name, cleanup_policy) == 0) {
        config->is_compacted = list_has(text, "compact");
        config->is_deleted = list_has(text, "delete");
    } else if (strcmp(setting->name, timestamp_type) == 0) {
        config->is_append_time = strcmp(text, "LogAppendTime") == 0;
    } else if (strcmp(setting->name, compression_type) == 0) {
        snprintf(config->compression_type, sizeof(config->compression_type), "%s", text);
    } else if (setting->field != SIZE_MAX && text != NULL) {
        int64_t number = 0;
        int err = dh_parse_int64(dh_bytes_of(text), INT64_MIN, INT64_MAX, &number);
        DH_ASSERT(err == 0); // checked before, or the table's own
        memcpy((char *)config + setting->field, &number, sizeof(number));
    }
}

static void refresh(struct dh_broker_topic_config *config, const struct dh_broker *broker)
{
    config->internal_segment_bytes = 0;
    for (size_t i = 0; i < dh_broker_topic_setting_count; i++) {
        const struct dh_broker_topic_setting *setting = &dh_broker_topic_setting_table[i];
        enum dh_broker_config_source source;
        struct dh_broker_setting_made made;
        put_in_force(
            config, setting,
            dh_broker_topic_config_text(broker, config, setting, &source, &made));
    }
    if (config->internal_segment_bytes > 0) {
        config->segment_bytes = config->internal_segment_bytes;
    }
}

void dh_broker_topic_config_init(struct dh_broker_topic_config *config,
                                 const struct dh_broker *broker)
{
    *config = (struct dh_broker_topic_config){0};
    refresh(config, broker);
}

void dh_broker_topic_config_deinit(struct dh_broker_topic_config *config,
                                   const struct dh_broker *broker)
{
    for (size_t i = 0; i < dh_broker_topic_setting_count; i++) {
        dh_mem_free_string(broker->mem, config->set[i]);
        config->set[i] = NULL;
    }
}

int dh_broker_topic_config_copy(const struct dh_broker *broker,
                                struct dh_broker_topic_config *copy,
                                const struct dh_broker_topic_config *config)
{
    *copy = *config;
    memset((void *)copy->set, 0, sizeof(copy->set));
    for (size_t i = 0; i < dh_broker_topic_setting_count; i++) {
        if (config->set[i] == NULL) {
            continue;
        }
        copy->set[i] =
            dh_mem_copy_string(broker->mem, config->set[i], strlen(config->set[i]));
        if (copy->set[i] == NULL) {
            dh_broker_topic_config_deinit(copy, broker);
            return DOHLE_ERR_NO_MEMORY;
        }
    }
    return 0;
}

// ---- Setting one ----

int16_t dh_broker_topic_config_set(const struct dh_broker *broker,
                                   struct dh_broker_topic_config *config,
                                   dohle_bytes name, dohle_bytes value, char *text,
                                   size_t size)
{
    const struct dh_broker_topic_setting *setting = dh_broker_topic_setting_find(name);
    if (setting == NULL) {
        int shown = name.size > SHOWN_SIZE_MAX ? SHOWN_SIZE_MAX : (int)name.size;
        snprintf(text, size, "Unknown topic config name: %.*s", shown,
                 (const char *)name.data);
        return DH_BROKER_INVALID_CONFIG;
    }
    char *copy = NULL;
    if (!dh_bytes_is_null(value)) {
        value = dh_trim(value);
        int err =
            dh_broker_setting_check(setting->name, setting->type, setting->min,
                                    setting->max, setting->values, value, text, size);
        if (err != 0) {
            return DH_BROKER_INVALID_CONFIG;
        }
        copy = dh_mem_copy_text(broker->mem, value.data, value.size);
        if (copy == NULL) {
            snprintf(text, size, "no memory for the setting");
            return DH_BROKER_UNKNOWN_SERVER_ERROR;
        }
    }
    char **at = &config->set[row_of(setting)];
    dh_mem_free_string(broker->mem, *at);
    *at = copy;
    refresh(config, broker);
    return 0;
}

int16_t dh_broker_topic_config_check(const struct dh_broker_topic_config *config,
                                     char *text, size_t size)
{
    if (config->min_compaction_lag_ms > config->max_compaction_lag_ms) {
        snprintf(text, size,
                 "conflict topic config setting min.compaction.lag.ms (%" PRId64
                 ") > max.compaction.lag.ms (%" PRId64 ")",
                 config->min_compaction_lag_ms, config->max_compaction_lag_ms);
        return DH_BROKER_INVALID_CONFIG;
    }
    return 0;
}

struct dh_store_log_config
dh_broker_topic_config_for_log(const struct dh_broker_topic_config *config)
{
    return (struct dh_store_log_config){
        .segment_bytes = config->segment_bytes,
        .segment_ms = config->segment_ms,
        .index_bytes = config->segment_index_bytes,
        .index_interval_bytes = config->index_interval_bytes,
        .retention_bytes = config->retention_bytes,
        .retention_ms = config->retention_ms,
        .is_deleted = config->is_deleted,
        .is_append_time = config->is_append_time,
    };
}
