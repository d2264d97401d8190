// SPDX-License-Identifier: MIT
/*
 * dohle config: the table of settings, for people.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dohle/config.h>

#include "command.h"
#include "options.h"

static const char *type_name(int type)
{
    static const char *const names[] = {
        [DOHLE_CONFIG_INT] = "int",          [DOHLE_CONFIG_LONG] = "long",
        [DOHLE_CONFIG_DOUBLE] = "double",    [DOHLE_CONFIG_BOOL] = "bool",
        [DOHLE_CONFIG_STRING] = "string",    [DOHLE_CONFIG_ENUM] = "word",
        [DOHLE_CONFIG_LIST] = "list",        [DOHLE_CONFIG_PASSWORD] = "password",
        [DOHLE_CONFIG_CLASS] = "class name",
    };
    return names[type];
}

static const char *status_text(int status)
{
    switch (status) {
    case DOHLE_CONFIG_NOT_BUILT: return "not built yet";
    case DOHLE_CONFIG_NOT_APPLICABLE: return "of the Java clients only";
    default: return "";
    }
}

static void explain(const dohle_config_key *key)
{
    printf("%s\n  %s\n", key->name, key->doc);
    printf("  type      %s\n", type_name(key->type));
    printf("  default   %s\n", key->default_value == NULL      ? "none"
                               : key->default_value[0] == '\0' ? "(empty)"
                                                               : key->default_value);
    if (key->allowed[0] != '\0') {
        printf("  allowed   %s\n", key->allowed);
    }
    if (key->not_built[0] != '\0') {
        printf("  not built yet: %s\n", key->not_built);
    }
    if (key->aliases[0] != '\0') {
        printf("  also      %s\n", key->aliases);
    }
    if (key->status != DOHLE_CONFIG_BUILT) {
        printf("  status    %s\n", status_text(key->status));
    }
}

static bool is_named(const dohle_config_key *key, const char *name)
{
    if (strcmp(key->name, name) == 0) {
        return true;
    }
    size_t size = strlen(name);
    const char *at = key->aliases;
    while (at != NULL && *at != '\0') {
        const char *comma = strchr(at, ',');
        size_t alias_size = comma == NULL ? strlen(at) : (size_t)(comma - at);
        if (alias_size == size && memcmp(at, name, size) == 0) {
            return true;
        }
        at = comma == NULL ? NULL : comma + 1;
    }
    return false;
}

static int explain_named(const char *name)
{
    dohle_config_key key;
    for (size_t i = 0; i < dohle_config_key_count(); i++) {
        if (dohle_config_key_info(i, &key) == 0 && is_named(&key, name)) {
            explain(&key);
            return EXIT_DONE;
        }
    }
    /* Setting it fails with the nearest name in the text. */
    dohle_config *config = dohle_config_new();
    if (config != NULL && dohle_config_set(config, name, "") != 0) {
        complain("config", "%s", dohle_config_error(config));
    }
    dohle_config_free(config);
    return EXIT_FAILED;
}

static void list_all(bool with_unbuilt)
{
    dohle_config_key key;
    for (size_t i = 0; i < dohle_config_key_count(); i++) {
        if (dohle_config_key_info(i, &key) != 0 ||
            (key.status != DOHLE_CONFIG_BUILT && !with_unbuilt)) {
            continue;
        }
        printf("%-42s %-24s %s\n", key.name,
               key.default_value == NULL ? "-" : key.default_value,
               status_text(key.status));
    }
}

int command_config(int argc, char **argv)
{
    bool is_all = false;
    const struct option_row rows[] = {
        {"all", 'a', NULL, OPTION_FLAG, &is_all, "list what is not built yet, too"},
    };
    const struct command_line line = {
        .command = "config",
        .synopsis = "[KEY...] [options]",
        .description =
            "Tells what settings mean; without KEY lists them with their defaults.\n\n"
            "  dohle config fetch.min.bytes",
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    struct string_list keys = {0};
    int code = options_parse(&line, argc, argv, &keys);
    if (code >= 0) {
        free(keys.items);
        return code;
    }
    code = EXIT_DONE;
    if (keys.count == 0) {
        list_all(is_all);
    }
    for (size_t i = 0; i < keys.count; i++) {
        if (explain_named(keys.items[i]) != EXIT_DONE) {
            code = EXIT_FAILED;
        }
    }
    free(keys.items);
    return code;
}
