// SPDX-License-Identifier: MIT
/*
 * Settings, by Kafka's names.
 *
 *     dohle_config *config = dohle_config_new();
 *     dohle_config_set(config, "bootstrap.servers", "127.0.0.1:9092");
 *     dohle_config_set(config, "group.id", "billing");
 *     ... open consumers, producers, admin clients with it ...
 *     dohle_config_free(config);
 *
 * Names, types, defaults and allowed values are those of Apache Kafka's Java
 * clients; librdkafka's names are accepted for the same keys; docs/settings.md
 * lists them all. Each value is checked when it is set. What depends on several
 * keys, or is not built yet, is checked by the function that opens something
 * with the config, which copies what it needs.
 *
 * A config is used by one thread at a time, and nothing here blocks, except
 * that dohle_config_load reads a file.
 */
#ifndef DOHLE_CONFIG_H
#define DOHLE_CONFIG_H

#include <dohle/error.h>
#include <dohle/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dohle_config dohle_config;

// An empty config: every key has its default. NULL: no memory.
DOHLE_API dohle_config *dohle_config_new(void);

// NULL is allowed.
DOHLE_API void dohle_config_free(dohle_config *config);

// An independent copy. NULL: no memory.
DOHLE_API dohle_config *dohle_config_copy(const dohle_config *config);

/*
 * Sets one key. Copies both strings. value NULL unsets the key. Returns 0;
 * DOHLE_ERR_UNKNOWN_CONFIG; DOHLE_ERR_INVALID_CONFIG; DOHLE_ERR_NO_MEMORY. On
 * failure nothing has changed and dohle_config_error says what is wrong: the
 * key, the value, what is allowed, and the nearest name for an unknown key.
 */
DOHLE_API int dohle_config_set(dohle_config *config, const char *key, const char *value);

// Back to the default. Returns 0 or DOHLE_ERR_UNKNOWN_CONFIG.
DOHLE_API int dohle_config_unset(dohle_config *config, const char *key);

/*
 * What was set, else the default; NULL when that is null or the key is unknown.
 * Valid until the key is set or unset, or the config is freed.
 */
DOHLE_API const char *dohle_config_get(const dohle_config *config, const char *key);

/*
 * Sets all keys of a Java properties file (UTF-8). Returns 0, an error of
 * dohle_config_set, DOHLE_ERR_IO, or DOHLE_ERR_TOO_LARGE for more than 1 MiB. On
 * failure nothing has changed and dohle_config_error names file and line. Blocks
 * while it reads the file.
 */
DOHLE_API int dohle_config_load(dohle_config *config, const char *path);

// The text of the last failure; "" before the first. Valid until the next call that fails.
DOHLE_API const char *dohle_config_error(const dohle_config *config);

enum dohle_config_type {
    DOHLE_CONFIG_INT,  // 32 bits
    DOHLE_CONFIG_LONG, // 64 bits
    DOHLE_CONFIG_DOUBLE,
    DOHLE_CONFIG_BOOL, // true, false
    DOHLE_CONFIG_STRING,
    DOHLE_CONFIG_ENUM,     // one of a few words
    DOHLE_CONFIG_LIST,     // separated by commas, none twice
    DOHLE_CONFIG_PASSWORD, // a string that is never printed or logged
    DOHLE_CONFIG_CLASS,    // the name of a Java class
};

enum dohle_config_status {
    DOHLE_CONFIG_BUILT,
    DOHLE_CONFIG_NOT_BUILT,      // only the default is accepted at open, so far
    DOHLE_CONFIG_NOT_APPLICABLE, // of the Java clients only; the same
};

enum dohle_config_importance {
    DOHLE_CONFIG_HIGH,
    DOHLE_CONFIG_MEDIUM,
    DOHLE_CONFIG_LOW,
};

// Which objects a key is for; bits.
#define DOHLE_CONFIG_CONSUMER 1u
#define DOHLE_CONFIG_PRODUCER 2u
#define DOHLE_CONFIG_ADMIN    4u

// Which group protocols allow a key; bits.
#define DOHLE_CONFIG_CLASSIC 1u
#define DOHLE_CONFIG_KIP_848 2u // group.protocol=consumer
#define DOHLE_CONFIG_SHARE   4u

// One row of the table of settings. Every string is static.
typedef struct dohle_config_key {
    const char *name;
    const char *aliases;       // other names, separated by commas; "": none
    const char *default_value; // NULL: null, or required
    const char *not_built;     // allowed values that are not built yet; "": none
    const char *doc;           // one or two sentences
    int type;                  // enum dohle_config_type
    int status;                // enum dohle_config_status
    int importance;            // enum dohle_config_importance
    unsigned objects;          // DOHLE_CONFIG_CONSUMER, ...
    unsigned protocols;        // DOHLE_CONFIG_CLASSIC, ...
    char allowed[256];         // in words: "0 or more", "latest, earliest, none"; "": any
} dohle_config_key;

// How many keys there are. Any thread.
DOHLE_API size_t dohle_config_key_count(void);

// Fills *key with row index of the table, in order of names. Returns 0 or
// DOHLE_ERR_INVALID_ARGUMENT. Any thread.
DOHLE_API int dohle_config_key_info(size_t index, dohle_config_key *key);

#ifdef __cplusplus
}
#endif

#endif
