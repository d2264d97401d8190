// SPDX-License-Identifier: MIT
/*
 * Random changes of topics, some on a full disk and some without memory, between clean and
 * unclean restarts: what was there before a restart is there behind it, and no epoch goes
 * back. The seed of a run that fails is printed.
 */
#include "rig.h"

#include <stdio.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/random.h"
#include "broker/nodes.h"
#include "broker/topic_config.h"
#include "broker/topics.h"

#define SEEDS      150
#define STEPS      60
#define NODES      3
#define NAMES      5
#define PARTITIONS 6

struct turmoil {
    struct rig rig;
    struct dh_random random;
    uint64_t counts[8]; // of operations that were done
};

static const char *const names[NAMES] = {"a", "b", "c", "d", "e"};

static uint64_t below(struct turmoil *turmoil, uint64_t bound)
{
    return dh_random_below(&turmoil->random, bound);
}

// All but who leads, as text.
static void dump(const struct rig *rig, struct dh_buf *out)
{
    const struct dh_broker_topic *topic = NULL;
    while ((topic = dh_broker_topics_next(rig->broker, topic)) != NULL) {
        dh_buf_printf(out, "%s %s", topic->name, dh_uuid_text(&topic->id).text);
        for (int32_t p = 0; p < topic->partition_count; p++) {
            dh_buf_printf(out, " %d:", p);
            for (size_t i = 0; i < topic->partitions[p].replica_count; i++) {
                dh_buf_printf(out, "%d,", topic->partitions[p].replicas[i]);
            }
        }
        for (size_t i = 0; i < dh_broker_topic_setting_count; i++) {
            if (topic->config->set[i] != NULL) {
                dh_buf_printf(out, " %s=%s", dh_broker_topic_setting_table[i].name,
                              topic->config->set[i]);
            }
        }
        dh_buf_printf(out, "\n");
    }
    assert_int_equal(0, out->err);
}

struct epoch {
    struct dh_uuid id;
    int32_t partition;
    int32_t epoch;
};

// Those that a restart may not take back: a crash may when the disk was full before.
static size_t note_epochs(const struct rig *rig, bool is_clean, struct epoch *epochs)
{
    size_t count = 0;
    const struct dh_broker_topic *topic = NULL;
    while ((topic = dh_broker_topics_next(rig->broker, topic)) != NULL) {
        for (int32_t p = 0; p < topic->partition_count; p++) {
            if (topic->is_unsaved && !is_clean) {
                continue;
            }
            epochs[count++] =
                (struct epoch){topic->id, p, topic->partitions[p].leader_epoch};
        }
    }
    return count;
}

static void check_epochs(const struct rig *rig, const struct epoch *epochs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct dh_broker_topic *topic =
            dh_broker_topics_find_id(rig->broker, &epochs[i].id);
        assert_non_null(topic);
        assert_true(topic->partitions[epochs[i].partition].leader_epoch >=
                    epochs[i].epoch);
    }
}

static void restart(struct turmoil *turmoil)
{
    struct dh_buf before;
    struct dh_buf after;
    struct epoch epochs[NAMES * PARTITIONS];
    dh_buf_init(&before, dh_mem_default(), 0);
    dh_buf_init(&after, dh_mem_default(), 0);
    dump(&turmoil->rig, &before);
    bool is_clean = below(turmoil, 2) == 0;
    size_t count = note_epochs(&turmoil->rig, is_clean, epochs);
    rig_restart(&turmoil->rig, is_clean);
    dump(&turmoil->rig, &after);
    if (!dh_bytes_equal(dh_buf_view(&before), dh_buf_view(&after))) {
        fail_msg("before:\n%.*safter:\n%.*s", (int)before.size, (const char *)before.data,
                 (int)after.size, (const char *)after.data);
    }
    check_epochs(&turmoil->rig, epochs, count);
    for (int32_t id = 1; id <= NODES; id++) {
        assert_true(dh_broker_nodes_is_up(turmoil->rig.broker, id));
    }
    dh_buf_deinit(&before);
    dh_buf_deinit(&after);
}

static void set_one(struct turmoil *turmoil, struct dh_broker_topic *topic)
{
    static const char *const settings[][2] = {{"retention.ms", "5"},
                                              {"cleanup.policy", "compact"},
                                              {"segment.bytes", "2000000"}};
    struct dh_broker *broker = turmoil->rig.broker;
    const char *const *setting = settings[below(turmoil, DH_COUNT_OF(settings))];
    dohle_bytes value = below(turmoil, 3) == 0 ? DH_BYTES_NULL : dh_bytes_of(setting[1]);
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    struct dh_broker_topic_config config;
    if (dh_broker_topic_config_copy(broker, &config, topic->config) != 0) {
        return;
    }
    if (dh_broker_topic_config_set(broker, &config, dh_bytes_of(setting[0]), value, text,
                                   sizeof(text)) == 0) {
        turmoil->counts[0] += dh_broker_topics_set_config(broker, topic, &config) == 0;
    }
    dh_broker_topic_config_deinit(&config, broker);
}

static void toggle_node(struct turmoil *turmoil)
{
    struct dh_broker *broker = turmoil->rig.broker;
    struct dh_broker_node *node =
        dh_broker_nodes_find(broker, (int32_t)below(turmoil, NODES) + 1);
    if (node->is_up) {
        dh_broker_nodes_take_down(broker, node, below(turmoil, 2) == 0);
    } else {
        dh_broker_nodes_bring_up(broker, node);
    }
    turmoil->counts[1]++;
}

static void change(struct turmoil *turmoil)
{
    struct dh_broker *broker = turmoil->rig.broker;
    char text[DH_BROKER_TOPICS_TEXT_MAX];
    const char *name = names[below(turmoil, NAMES)];
    struct dh_broker_topic *topic = dh_broker_topics_find(broker, dh_bytes_of(name));
    if (topic == NULL) {
        const struct dh_broker_new_topic wanted = {
            .name = dh_bytes_of(name),
            .partition_count = (int32_t)below(turmoil, 3) + 1,
            .replication_factor = (int32_t)below(turmoil, NODES) + 1,
        };
        turmoil->counts[2] +=
            dh_broker_topics_create(broker, &wanted, &topic, text, sizeof(text)) == 0;
        return;
    }
    struct dh_broker_partition *partition =
        &topic->partitions[below(turmoil, (uint64_t)topic->partition_count)];
    int32_t count = (int32_t)below(turmoil, PARTITIONS + 1);
    switch (below(turmoil, 5)) {
    case 0: turmoil->counts[3] += dh_broker_topics_delete(broker, topic) == 0; return;
    case 1:
        turmoil->counts[4] += dh_broker_topics_add_partitions(broker, topic, count, text,
                                                              sizeof(text)) == 0;
        return;
    case 2: set_one(turmoil, topic); return;
    case 3: toggle_node(turmoil); return;
    case 4:
        turmoil->counts[5] +=
            dh_broker_topics_move_leader(broker, partition,
                                         (int32_t)below(turmoil, NODES) + 1) == 0;
        return;
    }
}

static void step(struct turmoil *turmoil)
{
    struct rig *rig = &turmoil->rig;
    switch (below(turmoil, 8)) {
    case 0: restart(turmoil); return;
    case 1: // a disk that fills up
        dh_memory_files_set_room(rig->files, dh_memory_files_size(rig->files) +
                                                 (int64_t)below(turmoil, 400));
        change(turmoil);
        dh_memory_files_set_room(rig->files, -1);
        break;
    case 2: // memory that runs out
        rig->memory.fail_at = rig->memory.calls + 1 + below(turmoil, 40);
        change(turmoil);
        rig->memory.fail_at = 0;
        break;
    default: change(turmoil); break;
    }
    rig_run(rig); // checks the invariants
}

static void test_topics_survive_turmoil(void **state)
{
    (void)state;
    uint64_t counts[8] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct turmoil *turmoil = calloc(1, sizeof(*turmoil));
        assert_non_null(turmoil);
        turmoil->random.state = seed;
        print_message("seed %llu\r", (unsigned long long)seed);
        rig_start(&turmoil->rig,
                  &(struct rig_options){.node_count = NODES, .seed = seed});
        for (int i = 0; i < STEPS; i++) {
            step(turmoil);
        }
        restart(turmoil);
        rig_stop(&turmoil->rig);
        for (size_t i = 0; i < DH_COUNT_OF(counts); i++) {
            counts[i] += turmoil->counts[i];
        }
        free(turmoil);
    }
    // Each kind of change has been done often.
    for (size_t i = 0; i < 6; i++) {
        assert_true(counts[i] > SEEDS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_topics_survive_turmoil),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
