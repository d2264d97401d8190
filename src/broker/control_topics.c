// SPDX-License-Identifier: MIT
// Verbs about topics and their logs.
#include <inttypes.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "broker/control_turn.h"
#include "broker/nodes.h"
#include "broker/retention.h"
#include "broker/topic_config.h"
#include "broker/waits.h"
#include "wire/uuid.h"

// ---- Settings of a topic: every word with a name that nobody has asked for ----

// Sets them. False: wrong.
static bool read_settings(struct dh_broker_turn *turn,
                          struct dh_broker_topic_config *config)
{
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    for (size_t i = 0; i < turn->line.count; i++) {
        struct dh_broker_word *word = &turn->line.words[i];
        if (word->is_used || word->name.data == NULL) {
            continue;
        }
        word->is_used = true;
        int16_t code = dh_broker_topic_config_set(
            turn->broker, config, word->name,
            word->value.size == 0 ? DH_BYTES_NULL : word->value, text, sizeof(text));
        if (code != 0) {
            dh_broker_line_set_wrong(&turn->line, "%s", text);
            return false;
        }
    }
    int16_t code = dh_broker_topic_config_check(config, text, sizeof(text));
    if (code != 0) {
        dh_broker_line_set_wrong(&turn->line, "%s", text);
    }
    return code == 0;
}

// ---- Looking ----

static void print_topic(struct dh_broker_turn *turn, const struct dh_broker_topic *topic)
{
    struct dh_uuid_text id = dh_uuid_text(&topic->id);
    dh_buf_printf(turn->out, "topic=");
    dh_broker_print_text(turn->out, dh_bytes_of(topic->name));
    dh_buf_printf(turn->out,
                  " id=%s partitions=%" PRId32 " replication=%zu internal=%s\n", id.text,
                  topic->partition_count, topic->partitions[0].replica_count,
                  topic->is_internal ? "yes" : "no");
}

static void print_partition(struct dh_broker_turn *turn,
                            const struct dh_broker_partition *partition)
{
    struct dh_buf *out = turn->out;
    dh_buf_printf(out, "topic=");
    dh_broker_print_text(out, dh_bytes_of(partition->topic->name));
    dh_buf_printf(out,
                  " partition=%" PRId32 " leader=%" PRId32 " epoch=%" PRId32 " replicas=",
                  partition->number, partition->leader, partition->leader_epoch);
    for (size_t i = 0; i < partition->replica_count; i++) {
        dh_buf_printf(out, "%s%" PRId32, i == 0 ? "" : ",", partition->replicas[i]);
    }
    const struct dh_store_log *log = partition->log;
    dh_buf_printf(out,
                  " start=%" PRId64 " hw=%" PRId64 " end=%" PRId64 " bytes=%" PRId64
                  " offline=%s\n",
                  dh_store_log_start(log), dh_store_log_high_watermark(log),
                  dh_store_log_end(log), dh_store_log_size(log),
                  dh_store_log_is_offline(log) ? "yes" : "no");
}

void dh_broker_turn_print_topics(struct dh_broker_turn *turn)
{
    const struct dh_broker_topic *topic = NULL;
    while ((topic = dh_broker_topics_next(turn->broker, topic)) != NULL) {
        print_topic(turn, topic);
        for (int32_t i = 0; i < topic->partition_count; i++) {
            print_partition(turn, &topic->partitions[i]);
        }
    }
}

static void run_list(struct dh_broker_turn *turn)
{
    if (!dh_broker_turn_is_good(turn, "")) {
        return;
    }
    const struct dh_broker_topic *topic = NULL;
    while ((topic = dh_broker_topics_next(turn->broker, topic)) != NULL) {
        print_topic(turn, topic);
    }
}

static void run_describe(struct dh_broker_turn *turn)
{
    const struct dh_broker_topic *topic = dh_broker_turn_topic(turn, 2);
    if (!dh_broker_turn_is_good(turn, "NAME")) {
        return;
    }
    print_topic(turn, topic);
    for (int32_t i = 0; i < topic->partition_count; i++) {
        print_partition(turn, &topic->partitions[i]);
    }
    for (size_t i = 0; i < dh_broker_topic_setting_count; i++) {
        const char *value = topic->config->set[i];
        if (value != NULL) {
            dh_buf_printf(turn->out,
                          "setting=%s value=", dh_broker_topic_setting_table[i].name);
            dh_broker_print_text(turn->out, dh_bytes_of(value));
            dh_buf_append_byte(turn->out, '\n');
        }
    }
}

// ---- Changing ----

static void create(struct dh_broker_turn *turn, dohle_bytes name,
                   struct dh_broker_topic_config *config)
{
    char text[DH_BROKER_TOPICS_TEXT_MAX] = "";
    struct dh_broker_topic *topic;
    struct dh_broker_new_topic wanted = {
        .name = name,
        .partition_count = (int32_t)dh_broker_line_number(&turn->line, "partitions", 1,
                                                          DH_BROKER_PARTITIONS_MAX, -1),
        .replication_factor = (int32_t)dh_broker_line_number(
            &turn->line, "replication", 1, (int64_t)dh_broker_nodes_count(turn->broker),
            -1),
        .config = config,
    };
    if (dh_broker_line_is_wrong(&turn->line) || !read_settings(turn, config) ||
        !dh_broker_turn_is_good(turn,
                                "NAME partitions= replication= and settings of topics")) {
        return;
    }
    int16_t code =
        dh_broker_topics_create(turn->broker, &wanted, &topic, text, sizeof(text));
    dh_broker_turn_refuse(turn, code, text);
    if (code == 0) {
        print_topic(turn, topic);
    }
}

static void run_create(struct dh_broker_turn *turn)
{
    dohle_bytes name = dh_broker_line_text_at(&turn->line, 2, "NAME");
    struct dh_broker_topic_config config;
    dh_broker_topic_config_init(&config, turn->broker);
    create(turn, name, &config);
    dh_broker_topic_config_deinit(&config, turn->broker);
}

static void run_delete(struct dh_broker_turn *turn)
{
    struct dh_broker_topic *topic = dh_broker_turn_topic(turn, 2);
    if (dh_broker_turn_is_good(turn, "NAME")) {
        dh_broker_turn_refuse(turn, dh_broker_topics_delete(turn->broker, topic), "");
    }
}

static void run_set(struct dh_broker_turn *turn)
{
    struct dh_broker_topic_config config;
    struct dh_broker_topic *topic = dh_broker_turn_topic(turn, 2);
    if (topic == NULL) {
        return;
    }
    if (dh_broker_topic_config_copy(turn->broker, &config, topic->config) != 0) {
        dh_broker_turn_fail(turn, DOHLE_ERR_NO_MEMORY, "no memory");
        return;
    }
    if (read_settings(turn, &config) &&
        dh_broker_turn_is_good(turn, "NAME and settings of topics")) {
        dh_broker_turn_refuse(
            turn, dh_broker_topics_set_config(turn->broker, topic, &config), "");
    }
    dh_broker_topic_config_deinit(&config, turn->broker);
}

static void run_grow(struct dh_broker_turn *turn)
{
    struct dh_broker_topic *topic = dh_broker_turn_topic(turn, 2);
    char text[DH_BROKER_TOPICS_TEXT_MAX] = "";
    int64_t count =
        dh_broker_line_number(&turn->line, "partitions", 1, DH_BROKER_PARTITIONS_MAX, -1);
    if (count < 0) {
        dh_broker_line_set_wrong(&turn->line, "partitions= is missing");
    }
    if (dh_broker_turn_is_good(turn, "NAME partitions=")) {
        int16_t code = dh_broker_topics_add_partitions(
            turn->broker, topic, (int32_t)count, text, sizeof(text));
        dh_broker_turn_refuse(turn, code, text);
    }
}

static void run_leader(struct dh_broker_turn *turn)
{
    struct dh_broker_partition *partition = dh_broker_turn_partition(turn, 1);
    const struct dh_broker_node *node = dh_broker_turn_node(turn, 3);
    if (!dh_broker_turn_is_good(turn, "TOPIC PARTITION NODE")) {
        return;
    }
    int16_t code = dh_broker_topics_move_leader(turn->broker, partition, node->id);
    dh_broker_turn_refuse(turn, code, "the node is down, or no replica");
    if (code == 0) {
        print_partition(turn, partition);
    }
}

static void run_retention(struct dh_broker_turn *turn)
{
    if (dh_broker_turn_is_good(turn, "")) {
        dh_broker_retention_apply(turn->broker);
    }
}

static void fail_by_store(struct dh_broker_turn *turn, int err)
{
    dh_broker_turn_fail(turn, err, "%s: %s", dohle_error_text(err),
                        turn->broker->vfs->error_text);
}

static void run_truncate(struct dh_broker_turn *turn)
{
    struct dh_broker_partition *partition = dh_broker_turn_partition(turn, 1);
    int64_t end = dh_broker_line_number_at(&turn->line, 3, "OFFSET", 0, INT64_MAX);
    if (!dh_broker_turn_is_good(turn, "TOPIC PARTITION OFFSET")) {
        return;
    }
    int64_t start = dh_store_log_start(partition->log);
    if (end < start || end > dh_store_log_end(partition->log)) {
        dh_broker_turn_fail(turn, DOHLE_ERR_INVALID_ARGUMENT,
                            "OFFSET is a number from %" PRId64 " to %" PRId64, start,
                            dh_store_log_end(partition->log));
        return;
    }
    int err = dh_store_log_truncate(partition->log, end);
    if (err != 0) {
        fail_by_store(turn, err);
        return;
    }
    // What was cut is another history: clients find out by the epoch.
    if (partition->leader >= 0) {
        dh_broker_turn_refuse(
            turn,
            dh_broker_topics_move_leader(turn->broker, partition, partition->leader), "");
    }
    dh_broker_waits_wake(turn->broker, partition);
    if (turn->err == 0) {
        print_partition(turn, partition);
    }
}

static void run_delete_records(struct dh_broker_turn *turn)
{
    struct dh_broker_partition *partition = dh_broker_turn_partition(turn, 1);
    int64_t offset = dh_broker_line_number_at(&turn->line, 3, "OFFSET", -1, INT64_MAX);
    if (!dh_broker_turn_is_good(turn, "TOPIC PARTITION OFFSET")) {
        return;
    }
    int64_t watermark = dh_store_log_high_watermark(partition->log);
    if (offset > watermark) {
        dh_broker_turn_fail(turn, DOHLE_ERR_INVALID_ARGUMENT,
                            "OFFSET is at most the high watermark, %" PRId64
                            "; -1: all of it",
                            watermark);
        return;
    }
    int err = dh_store_log_delete_before(partition->log, offset < 0 ? watermark : offset);
    if (err != 0) {
        fail_by_store(turn, err);
        return;
    }
    dh_broker_waits_wake(turn->broker, partition);
    print_partition(turn, partition);
}

const struct dh_broker_verb dh_broker_topic_verbs[] = {
    {"topic", "create", "NAME [partitions=N] [replication=N] [SETTING=VALUE ...]",
     run_create},
    {"topic", "delete", "NAME", run_delete},
    {"topic", "list", "", run_list},
    {"topic", "describe", "NAME", run_describe},
    {"topic", "set", "NAME SETTING=VALUE ...", run_set},
    {"topic", "grow", "NAME partitions=N", run_grow},
    {"leader", NULL, "TOPIC PARTITION NODE", run_leader},
    {"retention", NULL, "", run_retention},
    {"truncate", NULL, "TOPIC PARTITION OFFSET", run_truncate},
    {"delete-records", NULL, "TOPIC PARTITION OFFSET", run_delete_records},
};

const size_t dh_broker_topic_verb_count = DH_COUNT_OF(dh_broker_topic_verbs);
