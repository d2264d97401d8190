// SPDX-License-Identifier: MIT
#include "listing.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "json.h"

void listing_init(struct listing *listing)
{
    *listing = (struct listing){0};
    cluster_options_init(&listing->cluster);
    memcpy(listing->rows, listing->cluster.rows, sizeof(listing->cluster.rows));
    listing->rows[4] = (struct option_row){
        "json", 'J', NULL, OPTION_FLAG, &listing->is_json, "JSON instead of a table"};
    listing->rows[5] = (struct option_row){"no-headers",
                                           0,
                                           NULL,
                                           OPTION_FLAG,
                                           &listing->has_no_header,
                                           "a table without its first line"};
}

void listing_deinit(struct listing *listing)
{
    dohle_admin_free(listing->admin);
    free(listing->arguments.items);
    free(listing->cluster.settings.items);
}

int listing_parse(struct listing *listing, const char *command, const char *synopsis,
                  const char *description, const struct option_row *own, size_t own_count,
                  int argc, char **argv)
{
    const struct command_line line = {
        .command = command,
        .synopsis = synopsis,
        .description = description,
        .rows = own,
        .row_count = own_count,
        .common = listing->rows,
        .common_count = sizeof(listing->rows) / sizeof(listing->rows[0]),
    };
    return options_parse(&line, argc, argv, &listing->arguments);
}

int listing_open(struct listing *listing, const char *command)
{
    dohle_config *config = cluster_config(command, &listing->cluster);
    if (config == NULL) {
        return EXIT_USAGE;
    }
    dohle_log_sink log = cluster_log(&listing->cluster);
    dohle_admin_options options = {.size = sizeof(options), .log = &log};
    int code = -1;
    if (dohle_admin_open(config, &options, &listing->admin) != 0) {
        complain(command, "%s", dohle_config_error(config));
        code = EXIT_USAGE;
    }
    dohle_config_free(config);
    return code;
}

int listing_fail(struct listing *listing, const char *command)
{
    return complain_error(command, dohle_admin_last_error(listing->admin));
}

int listing_write(const struct listing *listing, const char *kind,
                  const struct table *table, json_t *items)
{
    struct output output;
    output_init(&output, STDOUT_FILENO);
    if (listing->is_json) {
        json_write_line(&output, json_pack("{s:i, s:s, s:o}", "dohle", 1, "kind", kind,
                                           "items", items));
    } else {
        json_decref(items);
        table_write(table, !listing->has_no_header, &output);
    }
    output_flush(&output);
    bool is_failed = output.error != 0;
    output_deinit(&output);
    return is_failed ? EXIT_FAILED : EXIT_DONE;
}
