// SPDX-License-Identifier: MIT
/*
 * dohle topic: list, create, describe, delete.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dohle/consumer.h>

#include "command.h"
#include "listing.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

// ---- list ----

static json_t *json_of_ids(const int32_t *ids, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(array, json_integer(ids[i]));
    }
    return array;
}

static json_t *json_of_partition(const dohle_partition_description *partition)
{
    json_t *object =
        json_pack("{s:i, s:i, s:i}", "partition", (int)partition->partition, "leader",
                  (int)partition->leader, "leader_epoch", (int)partition->leader_epoch);
    json_object_set_new(object, "replicas",
                        json_of_ids(partition->replicas, partition->replica_count));
    json_object_set_new(object, "in_sync",
                        json_of_ids(partition->in_sync, partition->in_sync_count));
    return object;
}

static json_t *json_of_topic(const dohle_topic_description *topic)
{
    json_t *object = json_pack("{s:s, s:s, s:b}", "name", topic->name, "id", topic->id,
                               "internal", topic->is_internal);
    json_t *partitions = json_array();
    for (size_t i = 0; i < topic->partition_count; i++) {
        json_array_append_new(partitions, json_of_partition(&topic->partitions[i]));
    }
    json_object_set_new(object, "partitions", partitions);
    json_t *settings = json_object();
    for (size_t i = 0; i < topic->setting_count; i++) {
        json_object_set_new(settings, topic->settings[i].name,
                            json_string(topic->settings[i].value));
    }
    json_object_set_new(object, "settings", settings);
    return object;
}

static size_t replicas_of(const dohle_topic_description *topic)
{
    return topic->partition_count == 0 ? 0 : topic->partitions[0].replica_count;
}

static int write_topics(struct listing *listing, const dohle_topics *topics,
                        bool with_internal)
{
    static const char *const titles[] = {"TOPIC", ">PARTITIONS", ">REPLICAS", "ID"};
    struct table table;
    table_init(&table, titles, COUNT_OF(titles));
    json_t *items = json_array();
    for (size_t i = 0; i < topics->count; i++) {
        const dohle_topic_description *topic = &topics->topics[i];
        if (topic->is_internal && !with_internal) {
            continue;
        }
        table_add(&table, "%s", topic->name);
        table_add(&table, "%zu", topic->partition_count);
        table_add(&table, "%zu", replicas_of(topic));
        table_add(&table, "%s", topic->id);
        json_array_append_new(items, json_of_topic(topic));
    }
    int code = listing_write(listing, "topics", &table, items);
    table_deinit(&table);
    return code;
}

static int topic_list(int argc, char **argv)
{
    struct listing listing;
    listing_init(&listing);
    bool with_internal = false;
    const struct option_row own[] = {
        {"internal", 'i', NULL, OPTION_FLAG, &with_internal,
         "show Kafka's own topics, too"},
    };
    int code = listing_parse(&listing, "topic list", "[options]", "Lists topics.", own,
                             COUNT_OF(own), argc, argv);
    if (code < 0) {
        code = listing_open(&listing, "topic list");
    }
    if (code < 0) {
        dohle_topics *topics;
        if (dohle_admin_list_topics(listing.admin, DOHLE_DEFAULT_TIMEOUT, &topics) != 0) {
            code = listing_fail(&listing, "topic list");
        } else {
            code = write_topics(&listing, topics, with_internal);
            dohle_admin_result_free(topics);
        }
    }
    listing_deinit(&listing);
    return code;
}

// ---- describe ----

static void add_ids(struct table *table, const int32_t *ids, size_t count)
{
    char text[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < count && used < sizeof(text) - 16; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used, i == 0 ? "%d" : ",%d",
                                 (int)ids[i]);
    }
    table_add(table, "%s", text);
}

static int write_topic(struct listing *listing, const dohle_topic_description *topic)
{
    static const char *const titles[] = {"TOPIC",  ">PARTITION", ">LEADER",
                                         ">EPOCH", "REPLICAS",   "IN-SYNC"};
    struct table table;
    table_init(&table, titles, COUNT_OF(titles));
    for (size_t i = 0; i < topic->partition_count; i++) {
        const dohle_partition_description *partition = &topic->partitions[i];
        table_add(&table, "%s", topic->name);
        table_add(&table, "%d", (int)partition->partition);
        table_add(&table, "%d", (int)partition->leader);
        table_add(&table, "%d", (int)partition->leader_epoch);
        add_ids(&table, partition->replicas, partition->replica_count);
        add_ids(&table, partition->in_sync, partition->in_sync_count);
    }
    if (!listing->is_json) {
        printf("%s  id %s\n", topic->name, topic->id[0] == '\0' ? "-" : topic->id);
        for (size_t i = 0; i < topic->setting_count; i++) {
            printf("  %s=%s\n", topic->settings[i].name, topic->settings[i].value);
        }
        fflush(stdout);
    }
    int code =
        listing_write(listing, "topic", &table, json_pack("[o]", json_of_topic(topic)));
    table_deinit(&table);
    return code;
}

// Runs `each` for every argument; the worst exit code.
static int for_each_topic(struct listing *listing, const char *command,
                          int (*each)(struct listing *, const char *name))
{
    if (listing->arguments.count == 0) {
        return complain_usage(command, "which topic?");
    }
    int code = listing_open(listing, command);
    if (code >= 0) {
        return code;
    }
    code = EXIT_DONE;
    for (size_t i = 0; i < listing->arguments.count; i++) {
        if (each(listing, listing->arguments.items[i]) != EXIT_DONE) {
            code = EXIT_FAILED;
        }
    }
    return code;
}

static int describe_one(struct listing *listing, const char *name)
{
    dohle_topics *topics;
    if (dohle_admin_describe_topic(listing->admin, name, DOHLE_DEFAULT_TIMEOUT,
                                   &topics) != 0) {
        return listing_fail(listing, "topic describe");
    }
    int code = EXIT_DONE;
    for (size_t i = 0; i < topics->count && code == EXIT_DONE; i++) {
        code = write_topic(listing, &topics->topics[i]);
    }
    dohle_admin_result_free(topics);
    return code;
}

static int topic_describe(int argc, char **argv)
{
    struct listing listing;
    listing_init(&listing);
    int code =
        listing_parse(&listing, "topic describe", "TOPIC... [options]",
                      "Shows leaders, replicas, and settings not at their default.", NULL,
                      0, argc, argv);
    if (code < 0) {
        code = for_each_topic(&listing, "topic describe", describe_one);
    }
    listing_deinit(&listing);
    return code;
}

// ---- create ----

struct create_options {
    long long partition_count;
    long long replication_factor;
    struct string_list settings;
};

// Splits KEY=VALUE strings in place of a copy that the caller frees.
static char *split_settings(const struct string_list *list, dohle_setting *settings)
{
    size_t size = 1;
    for (size_t i = 0; i < list->count; i++) {
        size += strlen(list->items[i]) + 1;
    }
    char *copy = must_alloc(size);
    char *at = copy;
    for (size_t i = 0; i < list->count; i++) {
        size_t length = strlen(list->items[i]);
        memcpy(at, list->items[i], length + 1);
        char *equals = strchr(at, '=');
        if (equals == NULL) {
            free(copy);
            complain_usage("topic create", "--config wants KEY=VALUE, not '%s'",
                           list->items[i]);
            return NULL;
        }
        *equals = '\0';
        settings[i] = (dohle_setting){at, equals + 1};
        at += length + 1;
    }
    return copy;
}

static int create_all(struct listing *listing, const struct create_options *options)
{
    if (listing->arguments.count == 0) {
        return complain_usage("topic create", "which topic?");
    }
    if (options->partition_count > INT32_MAX || options->replication_factor > INT16_MAX) {
        return complain_usage("topic create", "that is too many");
    }
    dohle_setting *settings = must_alloc(options->settings.count * sizeof(dohle_setting));
    char *copy = split_settings(&options->settings, settings);
    int code = copy == NULL ? EXIT_USAGE : listing_open(listing, "topic create");
    if (code < 0) {
        code = EXIT_DONE;
        for (size_t i = 0; i < listing->arguments.count; i++) {
            dohle_new_topic topic = {
                .name = listing->arguments.items[i],
                .partition_count = (int32_t)options->partition_count,
                .replication_factor = (int16_t)options->replication_factor,
                .settings = settings,
                .setting_count = options->settings.count,
            };
            if (dohle_admin_create_topic(listing->admin, &topic, DOHLE_DEFAULT_TIMEOUT) !=
                0) {
                code = listing_fail(listing, "topic create");
            }
        }
    }
    free(copy);
    free(settings);
    return code;
}

static int topic_create(int argc, char **argv)
{
    struct listing listing;
    listing_init(&listing);
    struct create_options options = {.partition_count = -1, .replication_factor = -1};
    const struct option_row own[] = {
        {"partitions", 'p', "N", OPTION_NUMBER, &options.partition_count,
         "how many partitions (default: the broker's)"},
        {"replication-factor", 'r', "N", OPTION_NUMBER, &options.replication_factor,
         "how many replicas (default: the broker's)"},
        {"config", 'c', "KEY=VALUE", OPTION_STRINGS, &options.settings,
         "a setting of the topic; may be repeated"},
    };
    int code = listing_parse(&listing, "topic create", "TOPIC... [options]",
                             "Creates topics.\n\n"
                             "  dohle topic create orders -p 6 -c cleanup.policy=compact",
                             own, COUNT_OF(own), argc, argv);
    if (code < 0) {
        code = create_all(&listing, &options);
    }
    free(options.settings.items);
    listing_deinit(&listing);
    return code;
}

// ---- delete ----

static int delete_one(struct listing *listing, const char *name)
{
    if (dohle_admin_delete_topic(listing->admin, name, DOHLE_DEFAULT_TIMEOUT) != 0) {
        return listing_fail(listing, "topic delete");
    }
    return EXIT_DONE;
}

// Prints what would be done, and asks on a terminal.
static bool is_confirmed(const struct string_list *topics)
{
    fputs("these topics and all their records would be deleted:\n", stderr);
    for (size_t i = 0; i < topics->count; i++) {
        fprintf(stderr, "  %s\n", topics->items[i]);
    }
    if (!isatty(STDIN_FILENO)) {
        fputs("nothing was deleted; --yes deletes without asking\n", stderr);
        return false;
    }
    fputs("delete them? [y/N] ", stderr);
    int answer = getchar();
    if (answer != 'y' && answer != 'Y') {
        fputs("nothing was deleted\n", stderr);
        return false;
    }
    return true;
}

static int topic_delete(int argc, char **argv)
{
    struct listing listing;
    listing_init(&listing);
    bool is_agreed = false, is_dry_run = false;
    const struct option_row own[] = {
        {"yes", 'y', NULL, OPTION_FLAG, &is_agreed, "do not ask"},
        {"dry-run", 0, NULL, OPTION_FLAG, &is_dry_run, "only say what would be deleted"},
    };
    int code = listing_parse(&listing, "topic delete", "TOPIC... [options]",
                             "Deletes topics with all their records, after asking.", own,
                             COUNT_OF(own), argc, argv);
    if (code < 0 && is_dry_run) {
        for (size_t i = 0; i < listing.arguments.count; i++) {
            printf("would delete %s\n", listing.arguments.items[i]);
        }
        code = EXIT_DONE;
    } else if (code < 0 && listing.arguments.count > 0 && !is_agreed &&
               !is_confirmed(&listing.arguments)) {
        code = EXIT_FAILED;
    } else if (code < 0) {
        code = for_each_topic(&listing, "topic delete", delete_one);
    }
    listing_deinit(&listing);
    return code;
}

int command_topic(int argc, char **argv)
{
    static const struct command subs[] = {
        {"list", "all topics", topic_list},
        {"create", "make topics", topic_create},
        {"describe", "leaders, replicas, settings", topic_describe},
        {"delete", "delete topics and their records", topic_delete},
    };
    return command_run_sub("topic", subs, COUNT_OF(subs), argc, argv);
}
