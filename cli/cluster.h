// SPDX-License-Identifier: MIT
/*
 * How every command reaches a cluster: the options -b, -X, -F, -v and what
 * they become. What is set more specifically wins:
 *
 *     -b and -X   over   DOHLE_BROKERS   over   the file of -F   over   defaults
 */
#ifndef CLI_CLUSTER_H
#define CLI_CLUSTER_H

#include <dohle/config.h>
#include <dohle/log.h>

#include "options.h"

struct cluster_options {
    const char *brokers;         // -b
    const char *file;            // -F
    struct string_list settings; // -X
    int verbosity;               // -v
    struct option_row rows[4];
};

// Fills in the rows to be used as command_line.common.
void cluster_options_init(struct cluster_options *options);

// A config of all that; NULL after a message. The caller frees it.
dohle_config *cluster_config(const char *command, const struct cluster_options *options);

// Warnings on stderr; with -v information, with -vv everything.
dohle_log_sink cluster_log(const struct cluster_options *options);

// Sets a key of the command's own choice; false after a message.
bool cluster_set(const char *command, dohle_config *config, const char *key,
                 const char *value);

#endif
