// SPDX-License-Identifier: MIT
#include "base/setting.h"

#include <stdio.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/strings.h"

// A value is shown in an error up to so many bytes.
#define SHOWN_SIZE_MAX 120

static bool list_has(const char *list, dohle_bytes word, bool ignores_case)
{
    dohle_bytes rest = dh_bytes_of(list);
    dohle_bytes part;
    while (dh_list_next(&rest, &part)) {
        if (ignores_case ? dh_equal_ignoring_case(part, word)
                         : dh_bytes_equal(part, word)) {
            return true;
        }
    }
    return false;
}

const struct dh_setting *dh_setting_find(dohle_bytes name)
{
    for (size_t i = 0; i < dh_setting_count; i++) {
        const struct dh_setting *setting = &dh_setting_table[i];
        if (dh_bytes_equal(dh_bytes_of(setting->name), name) ||
            list_has(setting->aliases, name, false)) {
            return setting;
        }
    }
    return NULL;
}

struct nearest {
    dohle_bytes wanted;
    dohle_bytes name;
    size_t distance;
};

static void consider(struct nearest *nearest, dohle_bytes name)
{
    size_t distance = dh_edit_distance(nearest->wanted, name);
    if (distance < nearest->distance) {
        nearest->distance = distance;
        nearest->name = name;
    }
}

dohle_bytes dh_setting_find_similar(dohle_bytes name)
{
    // Further away than this is no slip of the hand.
    struct nearest nearest = {name, DH_BYTES_NULL, name.size / 4 + 2};
    for (size_t i = 0; i < dh_setting_count; i++) {
        consider(&nearest, dh_bytes_of(dh_setting_table[i].name));
        dohle_bytes rest = dh_bytes_of(dh_setting_table[i].aliases);
        dohle_bytes alias;
        while (dh_list_next(&rest, &alias)) {
            consider(&nearest, alias);
        }
    }
    return nearest.name;
}

static void write_number_range(const struct dh_setting *setting, char *text, size_t size)
{
    bool is_int = setting->type == DOHLE_CONFIG_INT;
    bool has_min = setting->min != (is_int ? INT32_MIN : INT64_MIN);
    bool has_max = setting->max != (is_int ? INT32_MAX : INT64_MAX);
    if (has_min && has_max) {
        snprintf(text, size, "%lld to %lld", (long long)setting->min,
                 (long long)setting->max);
    } else if (has_min) {
        snprintf(text, size, "%lld or more", (long long)setting->min);
    } else {
        snprintf(text, size, "any whole number");
    }
}

void dh_setting_write_allowed(const struct dh_setting *setting, char *text, size_t size)
{
    const char *separator = setting->values != NULL && setting->later != NULL ? ", " : "";
    switch ((enum dohle_config_type)setting->type) {
    case DOHLE_CONFIG_INT:
    case DOHLE_CONFIG_LONG: write_number_range(setting, text, size); return;
    case DOHLE_CONFIG_BOOL: snprintf(text, size, "true, false"); return;
    case DOHLE_CONFIG_ENUM:
        snprintf(text, size, "%s%s%s", setting->values, separator,
                 setting->later == NULL ? "" : setting->later);
        return;
    case DOHLE_CONFIG_LIST:
        // Not the Java names: they would fill the text.
        if (setting->values != NULL) {
            snprintf(text, size,
                     "a list of range, roundrobin, sticky, "
                     "cooperative-sticky, or Java's classes of them");
            return;
        }
        snprintf(text, size, "%s, none twice",
                 setting->range != NULL ? setting->range : "a list");
        return;
    case DOHLE_CONFIG_DOUBLE:
        snprintf(text, size, "%s", setting->range != NULL ? setting->range : "a number");
        return;
    case DOHLE_CONFIG_STRING:
    case DOHLE_CONFIG_PASSWORD:
    case DOHLE_CONFIG_CLASS:
        snprintf(text, size, "%s", setting->range != NULL ? setting->range : "");
        return;
    }
}

int dh_setting_word(const struct dh_setting *setting, dohle_bytes value)
{
    dohle_bytes rest = dh_bytes_of(setting->values);
    dohle_bytes part;
    for (int i = 0; dh_list_next(&rest, &part); i++) {
        if (setting->ignores_case ? dh_equal_ignoring_case(part, value)
                                  : dh_bytes_equal(part, value)) {
            return i;
        }
    }
    return -1;
}

bool dh_setting_is_later(const struct dh_setting *setting, dohle_bytes value)
{
    dohle_bytes rest = dh_bytes_of(setting->later);
    dohle_bytes part;
    while (dh_list_next(&rest, &part)) {
        const uint8_t *any = memchr(part.data, '<', part.size);
        dohle_bytes start = value;
        if (any != NULL) {
            part.size = (size_t)(any - part.data);
            start.size = value.size < part.size ? value.size : part.size;
        }
        if (setting->ignores_case ? dh_equal_ignoring_case(part, start)
                                  : dh_bytes_equal(part, start)) {
            return true;
        }
    }
    return false;
}

static bool is_word(const struct dh_setting *setting, dohle_bytes value)
{
    return dh_setting_word(setting, value) >= 0 || dh_setting_is_later(setting, value);
}

static bool is_bool(dohle_bytes value)
{
    return dh_equal_ignoring_case(value, DH_BYTES("true")) ||
           dh_equal_ignoring_case(value, DH_BYTES("false"));
}

// A decimal number without exponent; enough to compare one with a default.
static bool parse_double(dohle_bytes text, double *number)
{
    double value = 0;
    double unit = 0; // of the next digit behind the point; 0: before it
    size_t digits = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '.' && unit == 0) {
            unit = 0.1;
            continue;
        }
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        int digit = text.data[i] - '0';
        value = unit == 0 ? value * 10 + digit : value + digit * unit;
        unit /= 10;
        digits++;
    }
    *number = value;
    return digits > 0;
}

// KIP-1161: no part is empty, none stands twice.
static bool is_list(const struct dh_setting *setting, dohle_bytes value)
{
    dohle_bytes rest = value;
    dohle_bytes part;
    size_t count = 0;
    while (dh_list_next(&rest, &part)) {
        if (part.size == 0 || (setting->values != NULL && !is_word(setting, part))) {
            return false;
        }
        dohle_bytes later = rest;
        dohle_bytes other;
        while (dh_list_next(&later, &other)) {
            if (dh_bytes_equal(part, other)) {
                return false;
            }
        }
        count++;
    }
    // A comma at the very end leaves an empty part that dh_list_next does not show.
    bool ends_in_comma =
        dh_trim(value).size > 0 && dh_trim(value).data[dh_trim(value).size - 1] == ',';
    return !ends_in_comma && (count > 0 || !setting->is_required);
}

static bool is_allowed(const struct dh_setting *setting, dohle_bytes value)
{
    int64_t whole;
    double number;
    switch ((enum dohle_config_type)setting->type) {
    case DOHLE_CONFIG_INT:
    case DOHLE_CONFIG_LONG:
        return dh_parse_int64(dh_trim(value), setting->min, setting->max, &whole) == 0;
    case DOHLE_CONFIG_DOUBLE: return parse_double(dh_trim(value), &number);
    case DOHLE_CONFIG_BOOL: return is_bool(dh_trim(value));
    case DOHLE_CONFIG_ENUM: return is_word(setting, dh_trim(value));
    case DOHLE_CONFIG_LIST: return is_list(setting, value);
    case DOHLE_CONFIG_STRING:
    case DOHLE_CONFIG_PASSWORD:
    case DOHLE_CONFIG_CLASS: return true;
    }
    return false;
}

int dh_setting_check(const struct dh_setting *setting, dohle_bytes value, char *text,
                     size_t size)
{
    if (is_allowed(setting, value)) {
        return 0;
    }
    char allowed[256];
    dh_setting_write_allowed(setting, allowed, sizeof(allowed));
    snprintf(text, size, "%s: \"%.*s\" is not allowed; allowed: %s", setting->name,
             value.size > SHOWN_SIZE_MAX ? SHOWN_SIZE_MAX : (int)value.size,
             (const char *)value.data, allowed);
    return DOHLE_ERR_INVALID_CONFIG;
}

static bool lists_equal(dohle_bytes a, dohle_bytes b)
{
    for (;;) {
        dohle_bytes a_part;
        dohle_bytes b_part;
        bool a_has = dh_list_next(&a, &a_part);
        bool b_has = dh_list_next(&b, &b_part);
        if (!a_has || !b_has) {
            return a_has == b_has;
        }
        if (!dh_bytes_equal(a_part, b_part)) {
            return false;
        }
    }
}

bool dh_setting_values_equal(const struct dh_setting *setting, dohle_bytes a,
                             dohle_bytes b)
{
    int64_t a_whole = 0;
    int64_t b_whole = 0;
    double a_number = 0;
    double b_number = 0;
    switch ((enum dohle_config_type)setting->type) {
    case DOHLE_CONFIG_INT:
    case DOHLE_CONFIG_LONG:
        return dh_parse_int64(dh_trim(a), setting->min, setting->max, &a_whole) == 0 &&
               dh_parse_int64(dh_trim(b), setting->min, setting->max, &b_whole) == 0 &&
               a_whole == b_whole;
    case DOHLE_CONFIG_DOUBLE:
        return parse_double(dh_trim(a), &a_number) &&
               parse_double(dh_trim(b), &b_number) && !(a_number < b_number) &&
               !(a_number > b_number);
    case DOHLE_CONFIG_BOOL: return dh_equal_ignoring_case(dh_trim(a), dh_trim(b));
    case DOHLE_CONFIG_ENUM:
        return dh_setting_word(setting, dh_trim(a)) ==
               dh_setting_word(setting, dh_trim(b));
    case DOHLE_CONFIG_LIST: return lists_equal(a, b);
    case DOHLE_CONFIG_STRING:
    case DOHLE_CONFIG_PASSWORD:
    case DOHLE_CONFIG_CLASS: return dh_bytes_equal(a, b);
    }
    return false;
}
