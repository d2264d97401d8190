// SPDX-License-Identifier: MIT
#include "cluster.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_BROKERS "127.0.0.1:9092"

void cluster_options_init(struct cluster_options *options)
{
    *options = (struct cluster_options){0};
    options->rows[0] = (struct option_row){
        "brokers",
        'b',
        "HOST:PORT,...",
        OPTION_STRING,
        &options->brokers,
        "where the cluster is (default: $DOHLE_BROKERS, or " DEFAULT_BROKERS ")"};
    options->rows[1] = (struct option_row){"set",
                                           'X',
                                           "KEY=VALUE",
                                           OPTION_STRINGS,
                                           &options->settings,
                                           "any setting; dohle config lists them"};
    options->rows[2] =
        (struct option_row){"config-file",  'F',
                            "FILE",         OPTION_STRING,
                            &options->file, "a Java properties file with settings"};
    options->rows[3] = (struct option_row){"verbose",
                                           'v',
                                           NULL,
                                           OPTION_COUNT,
                                           &options->verbosity,
                                           "log to stderr; twice: everything"};
}

static bool refuse(const char *command, const dohle_config *config)
{
    complain(command, "%s", dohle_config_error(config));
    return false;
}

bool cluster_set(const char *command, dohle_config *config, const char *key,
                 const char *value)
{
    return dohle_config_set(config, key, value) == 0 || refuse(command, config);
}

static bool apply_setting(const char *command, dohle_config *config, const char *setting)
{
    const char *equals = strchr(setting, '=');
    if (equals == NULL) {
        complain(command, "-X wants KEY=VALUE, not '%s'", setting);
        return false;
    }
    size_t size = (size_t)(equals - setting);
    char *key = must_alloc(size + 1);
    memcpy(key, setting, size);
    key[size] = '\0';
    bool is_set = cluster_set(command, config, key, equals + 1);
    free(key);
    return is_set;
}

static bool apply_all(const char *command, const struct cluster_options *options,
                      dohle_config *config)
{
    if (options->file != NULL && dohle_config_load(config, options->file) != 0) {
        return refuse(command, config);
    }
    const char *environment = getenv("DOHLE_BROKERS");
    if (environment != NULL && *environment != '\0' &&
        !cluster_set(command, config, "bootstrap.servers", environment)) {
        return false;
    }
    for (size_t i = 0; i < options->settings.count; i++) {
        if (!apply_setting(command, config, options->settings.items[i])) {
            return false;
        }
    }
    if (options->brokers != NULL) {
        return cluster_set(command, config, "bootstrap.servers", options->brokers);
    }
    const char *servers = dohle_config_get(config, "bootstrap.servers");
    if (servers == NULL || *servers == '\0') {
        return cluster_set(command, config, "bootstrap.servers", DEFAULT_BROKERS);
    }
    return true;
}

dohle_config *cluster_config(const char *command, const struct cluster_options *options)
{
    dohle_config *config = dohle_config_new();
    if (config == NULL) {
        complain(command, "out of memory");
        return NULL;
    }
    if (!apply_all(command, options, config)) {
        dohle_config_free(config);
        return NULL;
    }
    return config;
}

static void write_log(void *ctx, const dohle_log_line *line)
{
    (void)ctx;
    const char *level = line->level <= DOHLE_LOG_ERROR     ? "error"
                        : line->level <= DOHLE_LOG_WARNING ? "warning"
                        : line->level <= DOHLE_LOG_INFO    ? "info"
                                                           : "debug";
    fprintf(stderr, "%s %s: %s\n", level, line->subsystem, line->text);
}

dohle_log_sink cluster_log(const struct cluster_options *options)
{
    static const int levels[] = {DOHLE_LOG_WARNING, DOHLE_LOG_INFO, DOHLE_LOG_DEBUG};
    int index = options->verbosity < 2 ? options->verbosity : 2;
    dohle_log_sink sink = {write_log, NULL, levels[index]};
    return sink;
}
