// SPDX-License-Identifier: MIT
#include "broker/settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/strings.h"
#include "broker/topic_config.h"

// A value is shown in an error up to so many bytes.
#define SHOWN_SIZE_MAX 120

const struct dh_broker_setting *dh_broker_setting_find(dohle_bytes name)
{
    for (size_t i = 0; i < dh_broker_setting_count; i++) {
        if (dh_bytes_equal(dh_bytes_of(dh_broker_setting_table[i].name), name)) {
            return &dh_broker_setting_table[i];
        }
    }
    return NULL;
}

static size_t row_of(const struct dh_broker_setting *setting)
{
    return (size_t)(setting - dh_broker_setting_table);
}

bool dh_broker_setting_is_set(const struct dh_broker *broker,
                              const struct dh_broker_setting *setting)
{
    return broker->settings->texts[row_of(setting)] != NULL;
}

const char *dh_broker_setting_text(const struct dh_broker *broker,
                                   const struct dh_broker_setting *setting)
{
    const char *text = broker->settings->texts[row_of(setting)];
    return text != NULL ? text : setting->standard;
}

// ---- Checks, with ConfigDef's sentences ----

// "Invalid value x for configuration name: why"
static int refuse(const char *name, dohle_bytes value, const char *why, char *text,
                  size_t size)
{
    int shown = value.size > SHOWN_SIZE_MAX ? SHOWN_SIZE_MAX : (int)value.size;
    snprintf(text, size, "Invalid value %.*s for configuration %s: %s", shown,
             (const char *)value.data, name, why);
    return DOHLE_ERR_INVALID_CONFIG;
}

static const char *type_name(enum dh_broker_setting_type type)
{
    switch (type) {
    case DH_BROKER_SETTING_BOOL: return "BOOLEAN";
    case DH_BROKER_SETTING_STRING: return "STRING";
    case DH_BROKER_SETTING_INT: return "INT";
    case DH_BROKER_SETTING_SHORT: return "SHORT";
    case DH_BROKER_SETTING_LONG: return "LONG";
    case DH_BROKER_SETTING_DOUBLE: return "DOUBLE";
    case DH_BROKER_SETTING_LIST: return "LIST";
    case DH_BROKER_SETTING_CLASS: return "CLASS";
    case DH_BROKER_SETTING_PASSWORD: return "PASSWORD";
    }
    return "";
}

static int check_number(const char *name, enum dh_broker_setting_type type, int64_t min,
                        int64_t max, dohle_bytes value, char *text, size_t size)
{
    char why[SHOWN_SIZE_MAX];
    int64_t number = 0;
    int64_t type_min = type == DH_BROKER_SETTING_LONG    ? INT64_MIN
                       : type == DH_BROKER_SETTING_SHORT ? INT16_MIN
                                                         : INT32_MIN;
    int64_t type_max = type == DH_BROKER_SETTING_LONG    ? INT64_MAX
                       : type == DH_BROKER_SETTING_SHORT ? INT16_MAX
                                                         : INT32_MAX;
    if (dh_parse_int64(value, type_min, type_max, &number) != 0) {
        snprintf(why, sizeof(why), "Not a number of type %s", type_name(type));
        return refuse(name, value, why, text, size);
    }
    if (number < min) {
        snprintf(why, sizeof(why), "Value must be at least %" PRId64, min);
        return refuse(name, value, why, text, size);
    }
    if (number > max) {
        snprintf(why, sizeof(why), "Value must be no more than %" PRId64, max);
        return refuse(name, value, why, text, size);
    }
    // The one setting with a hole in its range.
    if (number == 0 && strcmp(name, "compression.gzip.level") == 0) {
        return refuse(name, value, "Value must be between 1 and 9 or equal to -1", text,
                      size);
    }
    return 0;
}

// Digits with at most one point, and a sign: what DOUBLE settings are in practice.
static bool is_decimal(dohle_bytes value)
{
    size_t digits = 0;
    size_t points = 0;
    for (size_t i = 0; i < value.size; i++) {
        uint8_t byte = value.data[i];
        if (byte >= '0' && byte <= '9') {
            digits++;
        } else if (byte == '.') {
            points++;
        } else if (i > 0 || (byte != '-' && byte != '+')) {
            return false;
        }
    }
    return digits > 0 && points <= 1;
}

static int check_decimal(const char *name, int64_t max, dohle_bytes value, char *text,
                         size_t size)
{
    if (!is_decimal(value)) {
        return refuse(name, value, "Not a number of type DOUBLE", text, size);
    }
    if (max == 0) {
        return 0; // any
    }
    // From 0 to a whole number: what is before the point, and whether there is more.
    const uint8_t *point = memchr(value.data, '.', value.size);
    dohle_bytes whole = value;
    whole.size = point == NULL ? value.size : (size_t)(point - value.data);
    bool has_more = false;
    for (size_t i = whole.size; i < value.size; i++) {
        has_more = has_more || (value.data[i] != '.' && value.data[i] != '0');
    }
    int64_t number = 0;
    if (whole.size > 0 && dh_parse_int64(whole, INT64_MIN, INT64_MAX, &number) != 0) {
        number = value.data[0] == '-' ? INT64_MIN : 0; // "+.5", "-.5"
    }
    char why[SHOWN_SIZE_MAX];
    if (number < 0 || (value.data[0] == '-' && has_more)) {
        return refuse(name, value, "Value must be at least 0", text, size);
    }
    if (number > max || (number == max && has_more)) {
        snprintf(why, sizeof(why), "Value must be no more than %" PRId64, max);
        return refuse(name, value, why, text, size);
    }
    return 0;
}

static bool is_among(const char *values, dohle_bytes word)
{
    dohle_bytes rest = dh_bytes_of(values);
    dohle_bytes part;
    while (dh_list_next(&rest, &part)) {
        if (dh_bytes_equal(part, word)) {
            return true;
        }
    }
    return false;
}

static int refuse_word(const char *name, const char *values, dohle_bytes word, char *text,
                       size_t size)
{
    char why[2 * SHOWN_SIZE_MAX];
    int used = snprintf(why, sizeof(why), "String must be one of: ");
    dohle_bytes rest = dh_bytes_of(values);
    dohle_bytes part;
    const char *separator = "";
    while (dh_list_next(&rest, &part) && used > 0 && (size_t)used < sizeof(why)) {
        used += snprintf(why + used, sizeof(why) - (size_t)used, "%s%.*s", separator,
                         (int)part.size, (const char *)part.data);
        separator = ", ";
    }
    return refuse(name, word, why, text, size);
}

static int check_list(const char *name, const char *values, dohle_bytes value, char *text,
                      size_t size)
{
    dohle_bytes rest = value;
    dohle_bytes part;
    while (values != NULL && dh_list_next(&rest, &part)) {
        if (!is_among(values, part)) {
            return refuse_word(name, values, part, text, size);
        }
    }
    return 0;
}

int dh_broker_setting_check(const char *name, enum dh_broker_setting_type type,
                            int64_t min, int64_t max, const char *values,
                            dohle_bytes value, char *text, size_t size)
{
    value = dh_trim(value);
    switch (type) {
    case DH_BROKER_SETTING_BOOL:
        if (!dh_equal_ignoring_case(value, DH_BYTES("true")) &&
            !dh_equal_ignoring_case(value, DH_BYTES("false"))) {
            return refuse(name, value, "Expected value to be either true or false", text,
                          size);
        }
        return 0;
    case DH_BROKER_SETTING_INT:
    case DH_BROKER_SETTING_SHORT:
    case DH_BROKER_SETTING_LONG:
        return check_number(name, type, min, max, value, text, size);
    case DH_BROKER_SETTING_DOUBLE: return check_decimal(name, max, value, text, size);
    case DH_BROKER_SETTING_LIST: return check_list(name, values, value, text, size);
    case DH_BROKER_SETTING_STRING:
    case DH_BROKER_SETTING_CLASS:
    case DH_BROKER_SETTING_PASSWORD:
        if (values != NULL && !is_among(values, value)) {
            return refuse_word(name, values, value, text, size);
        }
        return 0;
    }
    return 0;
}

// ---- Reading them ----

static void store_value(struct dh_broker_settings *settings,
                        const struct dh_broker_setting *setting, const char *text)
{
    if (setting->field == SIZE_MAX || text == NULL) {
        return;
    }
    char *at = (char *)settings + setting->field;
    if (setting->type == DH_BROKER_SETTING_BOOL) {
        bool is_true = dh_equal_ignoring_case(dh_bytes_of(text), DH_BYTES("true"));
        memcpy(at, &is_true, sizeof(is_true));
        return;
    }
    int64_t number = 0;
    int err = dh_parse_int64(dh_bytes_of(text), INT64_MIN, INT64_MAX, &number);
    DH_ASSERT(err == 0); // checked before, or the table's own
    memcpy(at, &number, sizeof(number));
}

// Replaces what is set. Returns 0 or DOHLE_ERR_NO_MEMORY.
static int put(struct dh_broker *broker, const struct dh_broker_setting *setting,
               dohle_bytes value)
{
    struct dh_broker_settings *settings = broker->settings;
    char *copy = dh_mem_copy_text(broker->mem, value.data, value.size);
    if (copy == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    char **at = &settings->texts[row_of(setting)];
    dh_mem_free_string(broker->mem, *at);
    *at = copy;
    store_value(settings, setting, copy);
    return 0;
}

static bool is_default_of_topics(const struct dh_broker_setting *setting)
{
    for (size_t i = 0; i < dh_broker_topic_setting_count; i++) {
        const char *synonyms = dh_broker_topic_setting_table[i].synonym;
        if (synonyms != NULL && is_among(synonyms, dh_bytes_of(setting->name))) {
            return true;
        }
    }
    return false;
}

static int refuse_unknown(dohle_bytes name, char *text, size_t size)
{
    const char *nearest = NULL;
    size_t distance = name.size / 4 + 2; // further away is no slip of the hand
    for (size_t i = 0; i < dh_broker_setting_count; i++) {
        const char *candidate = dh_broker_setting_table[i].name;
        size_t d = dh_edit_distance(name, dh_bytes_of(candidate));
        if (d < distance) {
            distance = d;
            nearest = candidate;
        }
    }
    int shown = name.size > SHOWN_SIZE_MAX ? SHOWN_SIZE_MAX : (int)name.size;
    snprintf(text, size, "there is no broker setting '%.*s'%s%s%s", shown,
             (const char *)name.data, nearest == NULL ? "" : "; did you mean '",
             nearest == NULL ? "" : nearest, nearest == NULL ? "" : "'?");
    return DOHLE_ERR_UNKNOWN_CONFIG;
}

static int set_one(struct dh_broker *broker, const char *line, char *text, size_t size)
{
    const char *equals = strchr(line, '=');
    if (equals == NULL) {
        snprintf(text, size, "'%s' is no setting: it must be NAME=VALUE", line);
        return DOHLE_ERR_INVALID_CONFIG;
    }
    dohle_bytes name =
        dh_trim((dohle_bytes){(const uint8_t *)line, (size_t)(equals - line)});
    dohle_bytes value = dh_trim(dh_bytes_of(equals + 1));
    const struct dh_broker_setting *setting = dh_broker_setting_find(name);
    if (setting == NULL) {
        return refuse_unknown(name, text, size);
    }
    int err = dh_broker_setting_check(setting->name, setting->type, setting->min,
                                      setting->max, setting->values, value, text, size);
    if (err != 0) {
        return err;
    }
    bool has_effect = setting->field != SIZE_MAX || is_default_of_topics(setting);
    bool is_default = setting->standard != NULL &&
                      dh_bytes_equal(dh_bytes_of(setting->standard), value);
    if (!has_effect && !is_default) {
        snprintf(
            text, size,
            "the broker setting '%s' is Kafka's but has no effect here; leave it out",
            setting->name);
        return DOHLE_ERR_UNSUPPORTED_CONFIG;
    }
    err = put(broker, setting, value);
    if (err != 0) {
        snprintf(text, size, "no memory for the settings");
    }
    return err;
}

// What depends on the number of nodes, unless it was set.
static int fit_to_nodes(struct dh_broker *broker, size_t node_count)
{
    const struct dh_broker_setting *partitions =
        dh_broker_setting_find(DH_BYTES("offsets.topic.num.partitions"));
    if (node_count <= 1 || dh_broker_setting_is_set(broker, partitions)) {
        return 0;
    }
    char number[24];
    snprintf(number, sizeof(number), "%zu", node_count);
    return put(broker, partitions, dh_bytes_of(number));
}

int dh_broker_settings_new(struct dh_broker *broker,
                           const struct dh_broker_options *options, char *text,
                           size_t text_size)
{
    struct dh_broker_settings *settings =
        dh_mem_calloc(broker->mem, 1, sizeof(*settings));
    broker->settings = settings;
    if (settings != NULL) {
        settings->texts = (char **)dh_mem_calloc(broker->mem, dh_broker_setting_count,
                                                 sizeof(settings->texts[0]));
    }
    if (settings == NULL || settings->texts == NULL) {
        snprintf(text, text_size, "no memory for the settings");
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < dh_broker_setting_count; i++) {
        store_value(settings, &dh_broker_setting_table[i],
                    dh_broker_setting_table[i].standard);
    }
    for (size_t i = 0; i < options->setting_count; i++) {
        int err = set_one(broker, options->settings[i], text, text_size);
        if (err != 0) {
            return err;
        }
    }
    int err = fit_to_nodes(broker, options->node_count);
    if (err != 0) {
        snprintf(text, text_size, "no memory for the settings");
    }
    return err;
}

void dh_broker_settings_free(struct dh_broker *broker)
{
    struct dh_broker_settings *settings = broker->settings;
    if (settings == NULL) {
        return;
    }
    for (size_t i = 0; settings->texts != NULL && i < dh_broker_setting_count; i++) {
        dh_mem_free_string(broker->mem, settings->texts[i]);
    }
    dh_mem_free(broker->mem, (void *)settings->texts,
                dh_broker_setting_count * sizeof(settings->texts[0]));
    dh_mem_free(broker->mem, settings, sizeof(*settings));
    broker->settings = NULL;
}
