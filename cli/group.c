// SPDX-License-Identifier: MIT
/*
 * dohle group: list, describe.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dohle/consumer.h>

#include "command.h"
#include "listing.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

// ---- list ----

static int write_groups(struct listing *listing, const dohle_groups *groups)
{
    static const char *const titles[] = {"GROUP", "STATE", "TYPE", ">COORDINATOR"};
    struct table table;
    table_init(&table, titles, COUNT_OF(titles));
    json_t *items = json_array();
    for (size_t i = 0; i < groups->count; i++) {
        const dohle_group_listing *group = &groups->groups[i];
        table_add(&table, "%s", group->group_id);
        table_add(&table, "%s", group->state[0] == '\0' ? "-" : group->state);
        table_add(&table, "%s", group->type[0] == '\0' ? "-" : group->type);
        table_add(&table, "%d", (int)group->coordinator);
        json_array_append_new(items, json_pack("{s:s, s:s, s:s, s:s, s:i}", "group",
                                               group->group_id, "state", group->state,
                                               "type", group->type, "protocol_type",
                                               group->protocol_type, "coordinator",
                                               (int)group->coordinator));
    }
    int code = listing_write(listing, "groups", &table, items);
    table_deinit(&table);
    return code;
}

static int group_list(int argc, char **argv)
{
    struct listing listing;
    listing_init(&listing);
    int code = listing_parse(&listing, "group list", "[options]",
                             "Lists the groups of all brokers.", NULL, 0, argc, argv);
    if (code < 0) {
        code = listing_open(&listing, "group list");
    }
    if (code < 0) {
        dohle_groups *groups;
        if (dohle_admin_list_groups(listing.admin, DOHLE_DEFAULT_TIMEOUT, &groups) != 0) {
            code = listing_fail(&listing, "group list");
        } else {
            code = write_groups(&listing, groups);
            dohle_admin_result_free(groups);
        }
    }
    listing_deinit(&listing);
    return code;
}

// ---- describe ----

static void add_partition_cells(struct table *table, const char *group,
                                const dohle_member_description *member,
                                const dohle_topic_partition *partition)
{
    table_add(table, "%s", group);
    table_add(table, "%s", member->client_id);
    table_add(table, "%s", member->host);
    table_add(table, "%s", partition == NULL ? "-" : partition->topic);
    if (partition == NULL) {
        table_add(table, "-");
    } else {
        table_add(table, "%d", (int)partition->partition);
    }
    table_add(table, "%s", member->member_id);
}

static json_t *json_of_member(const dohle_member_description *member)
{
    json_t *partitions = json_array();
    for (size_t i = 0; i < member->partition_count; i++) {
        json_array_append_new(
            partitions, json_pack("{s:s, s:i}", "topic", member->partitions[i].topic,
                                  "partition", (int)member->partitions[i].partition));
    }
    return json_pack("{s:s, s:s?, s:s, s:s, s:o}", "member_id", member->member_id,
                     "instance_id", member->instance_id, "client_id", member->client_id,
                     "host", member->host, "partitions", partitions);
}

static json_t *json_of_group(const dohle_group_description *group)
{
    json_t *members = json_array();
    for (size_t i = 0; i < group->member_count; i++) {
        json_array_append_new(members, json_of_member(&group->members[i]));
    }
    json_t *offsets = json_array();
    for (size_t i = 0; i < group->offset_count; i++) {
        json_array_append_new(
            offsets, json_pack("{s:s, s:i, s:I}", "topic", group->offsets[i].topic,
                               "partition", (int)group->offsets[i].partition, "committed",
                               (json_int_t)group->offsets[i].offset));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:o, s:o}", "group", group->group_id,
                     "state", group->state, "type", group->type, "assignor",
                     group->assignor, "coordinator", (int)group->coordinator, "members",
                     members, "offsets", offsets);
}

static void add_group(struct table *table, const dohle_group_description *group)
{
    for (size_t i = 0; i < group->member_count; i++) {
        const dohle_member_description *member = &group->members[i];
        if (member->partition_count == 0) {
            add_partition_cells(table, group->group_id, member, NULL);
        }
        for (size_t j = 0; j < member->partition_count; j++) {
            add_partition_cells(table, group->group_id, member, &member->partitions[j]);
        }
    }
}

static int describe_groups(struct listing *listing)
{
    static const char *const titles[] = {"GROUP", "CLIENT",     "HOST",
                                         "TOPIC", ">PARTITION", "MEMBER"};
    struct table table;
    table_init(&table, titles, COUNT_OF(titles));
    json_t *items = json_array();
    int code = EXIT_DONE;
    for (size_t i = 0; i < listing->arguments.count; i++) {
        dohle_group_description *group;
        if (dohle_admin_describe_group(listing->admin, listing->arguments.items[i],
                                       DOHLE_DEFAULT_TIMEOUT, &group) != 0) {
            code = listing_fail(listing, "group describe");
            continue;
        }
        if (!listing->is_json) {
            printf("%s  %s, %zu members, %s, coordinator %d\n", group->group_id,
                   group->state, group->member_count,
                   group->assignor[0] == '\0' ? "no assignor" : group->assignor,
                   (int)group->coordinator);
        }
        add_group(&table, group);
        json_array_append_new(items, json_of_group(group));
        dohle_admin_result_free(group);
    }
    fflush(stdout);
    if (listing->is_json || table.cell_count > 0) {
        int written = listing_write(listing, "group", &table, items);
        code = written == EXIT_DONE ? code : written;
    } else {
        json_decref(items);
    }
    table_deinit(&table);
    return code;
}

static int group_describe(int argc, char **argv)
{
    struct listing listing;
    listing_init(&listing);
    int code =
        listing_parse(&listing, "group describe", "GROUP... [options]",
                      "Shows the state of groups, who is in them, and who owns what.\n"
                      "A group that does not exist has the state Dead.",
                      NULL, 0, argc, argv);
    if (code < 0 && listing.arguments.count == 0) {
        code = complain_usage("group describe", "which group?");
    }
    if (code < 0) {
        code = listing_open(&listing, "group describe");
    }
    if (code < 0) {
        code = describe_groups(&listing);
    }
    listing_deinit(&listing);
    return code;
}

int command_group(int argc, char **argv)
{
    static const struct command subs[] = {
        {"list", "the groups of all brokers", group_list},
        {"describe", "state, members, who owns what", group_describe},
    };
    return command_run_sub("group", subs, COUNT_OF(subs), argc, argv);
}
