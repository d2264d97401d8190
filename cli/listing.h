// SPDX-License-Identifier: MIT
/*
 * What every listing command shares: -J and --no-headers, an admin client, and
 * the envelope of its JSON, which is stable and has a version:
 *
 *     {"dohle": 1, "kind": "topics", "items": [...]}
 */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include <dohle/admin.h>
#include <jansson.h>

#include "cluster.h"
#include "output.h"
#include "table.h"

struct listing {
    struct cluster_options cluster;
    bool is_json;
    bool has_no_header;
    struct option_row rows[6]; // those of the cluster, --json, --no-headers
    struct string_list arguments;
    dohle_admin *admin; // after listing_open
};

void listing_init(struct listing *listing);
void listing_deinit(struct listing *listing);

// Parses the command line; as options_parse. own: the command's own options.
int listing_parse(struct listing *listing, const char *command, const char *synopsis,
                  const char *description, const struct option_row *own, size_t own_count,
                  int argc, char **argv);

// Opens the admin client. -1, or an exit code after a message.
int listing_open(struct listing *listing, const char *command);

// The last error of the admin client on stderr. Returns EXIT_FAILED.
int listing_fail(struct listing *listing, const char *command);

// Writes the table, or, with --json, takes items and writes them in the envelope.
// Returns an exit code.
int listing_write(const struct listing *listing, const char *kind,
                  const struct table *table, json_t *items);

#endif
