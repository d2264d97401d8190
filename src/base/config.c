// SPDX-License-Identifier: MIT
#include "base/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/properties.h"

#define ERROR_SIZE     1024
#define SHOWN_SIZE_MAX 120

struct dohle_config {
    const dohle_allocator *mem;
    char error[ERROR_SIZE];
    char *values[]; // one for each row of the table; NULL: not set
};

static size_t config_size(void)
{
    return sizeof(dohle_config) + dh_setting_count * sizeof(char *);
}

dohle_config *dh_config_new(const dohle_allocator *mem)
{
    dohle_config *config = dh_mem_calloc(mem, 1, config_size());
    if (config != NULL) {
        config->mem = mem;
    }
    return config;
}

dohle_config *dohle_config_new(void)
{
    return dh_config_new(dh_mem_default());
}

void dohle_config_free(dohle_config *config)
{
    if (config == NULL) {
        return;
    }
    for (size_t i = 0; i < dh_setting_count; i++) {
        dh_mem_free_string(config->mem, config->values[i]);
    }
    dh_mem_free(config->mem, config, config_size());
}

dohle_config *dohle_config_copy(const dohle_config *config)
{
    dohle_config *copy = dh_config_new(config->mem);
    if (copy == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < dh_setting_count; i++) {
        const char *value = config->values[i];
        if (value == NULL) {
            continue;
        }
        copy->values[i] = dh_mem_copy_string(copy->mem, value, strlen(value));
        if (copy->values[i] == NULL) {
            dohle_config_free(copy);
            return NULL;
        }
    }
    return copy;
}

void dh_config_set_error(dohle_config *config, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(config->error, sizeof(config->error), format, arguments);
    va_end(arguments);
}

static int shown_size(dohle_bytes text)
{
    return text.size > SHOWN_SIZE_MAX ? SHOWN_SIZE_MAX : (int)text.size;
}

static int refuse_unknown(dohle_config *config, dohle_bytes key)
{
    dohle_bytes similar = dh_setting_find_similar(key);
    if (similar.data == NULL) {
        dh_config_set_error(config, "%.*s: there is no setting of that name",
                            shown_size(key), (const char *)key.data);
    } else {
        dh_config_set_error(config,
                            "%.*s: there is no setting of that name; did you mean %.*s?",
                            shown_size(key), (const char *)key.data, (int)similar.size,
                            (const char *)similar.data);
    }
    return DOHLE_ERR_UNKNOWN_CONFIG;
}

static char **value_of(dohle_config *config, const struct dh_setting *setting)
{
    return &config->values[setting - dh_setting_table];
}

static void replace(dohle_config *config, const struct dh_setting *setting, char *value)
{
    dh_mem_free_string(config->mem, *value_of(config, setting));
    *value_of(config, setting) = value;
}

// value: null unsets.
static int set(dohle_config *config, dohle_bytes key, dohle_bytes value)
{
    const struct dh_setting *setting = dh_setting_find(key);
    if (setting == NULL) {
        return refuse_unknown(config, key);
    }
    if (value.data == NULL) {
        replace(config, setting, NULL);
        return 0;
    }
    int err = dh_setting_check(setting, value, config->error, sizeof(config->error));
    if (err != 0) {
        return err;
    }
    char *copy = dh_mem_copy_string(config->mem, value.data, value.size);
    if (copy == NULL) {
        dh_config_set_error(config, "%s: out of memory", setting->name);
        return DOHLE_ERR_NO_MEMORY;
    }
    replace(config, setting, copy);
    return 0;
}

int dohle_config_set(dohle_config *config, const char *key, const char *value)
{
    return set(config, dh_bytes_of(key == NULL ? "" : key), dh_bytes_of(value));
}

int dohle_config_unset(dohle_config *config, const char *key)
{
    return dohle_config_set(config, key, NULL);
}

const char *dh_config_explicit(const dohle_config *config,
                               const struct dh_setting *setting)
{
    return config->values[setting - dh_setting_table];
}

const char *dohle_config_get(const dohle_config *config, const char *key)
{
    const struct dh_setting *setting = dh_setting_find(dh_bytes_of(key));
    if (setting == NULL) {
        return NULL;
    }
    const char *value = dh_config_explicit(config, setting);
    return value != NULL ? value : setting->standard;
}

const char *dohle_config_error(const dohle_config *config)
{
    return config->error;
}

static int set_pairs(dohle_config *config, struct dh_properties *properties,
                     struct dh_buf *key, struct dh_buf *value)
{
    int result;
    while ((result = dh_properties_next(properties, key, value)) > 0) {
        // An empty buffer has no data, but an empty value is not null.
        dohle_bytes text = value->size == 0 ? DH_BYTES("") : dh_buf_view(value);
        if (memchr(text.data, '\0', text.size) != NULL) {
            return DOHLE_ERR_INVALID_CONFIG; // would be cut there
        }
        int err = set(config, key->size == 0 ? DH_BYTES("") : dh_buf_view(key), text);
        if (err != 0) {
            return err;
        }
    }
    return result;
}

int dh_config_load_text(dohle_config *config, const char *name, dohle_bytes text)
{
    dohle_config *draft = dohle_config_copy(config);
    if (draft == NULL) {
        dh_config_set_error(config, "%.300s: out of memory", name);
        return DOHLE_ERR_NO_MEMORY;
    }
    struct dh_properties properties;
    struct dh_buf key;
    struct dh_buf value;
    dh_properties_init(&properties, text);
    dh_buf_init(&key, config->mem, text.size);
    dh_buf_init(&value, config->mem, text.size);
    dh_config_set_error(draft, "malformed escape, or a zero byte");
    int err = set_pairs(draft, &properties, &key, &value);
    if (err != 0) {
        dh_config_set_error(config, "%.300s: line %zu: %s", name, properties.line,
                            err == DOHLE_ERR_NO_MEMORY ? "out of memory" : draft->error);
    } else {
        for (size_t i = 0; i < dh_setting_count; i++) {
            char *old = config->values[i];
            config->values[i] = draft->values[i];
            draft->values[i] = old;
        }
    }
    dh_buf_deinit(&key);
    dh_buf_deinit(&value);
    dohle_config_free(draft);
    return err;
}

size_t dohle_config_key_count(void)
{
    return dh_setting_count;
}

int dohle_config_key_info(size_t index, dohle_config_key *key)
{
    if (index >= dh_setting_count) {
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    const struct dh_setting *setting = &dh_setting_table[index];
    *key = (dohle_config_key){
        .name = setting->name,
        .aliases = setting->aliases == NULL ? "" : setting->aliases,
        .default_value = setting->standard,
        .not_built = setting->later == NULL ? "" : setting->later,
        .doc = setting->doc,
        .type = setting->type,
        .status = setting->status,
        .importance = setting->importance,
        .objects = setting->objects,
        .protocols =
            setting->protocols != 0
                ? setting->protocols
                : DOHLE_CONFIG_CLASSIC | DOHLE_CONFIG_KIP_848 | DOHLE_CONFIG_SHARE,
    };
    dh_setting_write_allowed(setting, key->allowed, sizeof(key->allowed));
    return 0;
}
