// SPDX-License-Identifier: MIT
/*
 * Replay, and random scripts. After every step of a script the rig compares the durable state
 * with a replay of the log; here appends and allocations fail at random as well (S13, S17, S43,
 * S45).
 */
#include "rig.h"

#include "base/random.h"
#include "wire/gen/consumer_offsets.h"
#include "wire/reader.h"
#include "wire/writer.h"

// ---- Replay ----

// A record whose key and value begin with a number each; value_type NULL: a tombstone.
static void append_record(struct rig *rig, int16_t key_number,
                          const struct dh_message_type *key_type, const void *key,
                          int16_t version, const struct dh_message_type *value_type,
                          const void *value)
{
    struct dh_buf key_buf;
    struct dh_buf value_buf;
    struct dh_writer writer;
    dh_buf_init(&key_buf, dh_mem_default(), 0);
    dh_buf_init(&value_buf, dh_mem_default(), 0);
    dh_writer_init(&writer, &key_buf);
    dh_write_int16(&writer, key_number);
    assert_int_equal(0, dh_message_encode(key_type, 0, key, &writer));
    dh_writer_init(&writer, &value_buf);
    struct dh_coordinator_record record = {.key = dh_buf_view(&key_buf)};
    if (value_type != NULL) {
        dh_write_int16(&writer, version);
        assert_int_equal(0, dh_message_encode(value_type, version, value, &writer));
        record.value = dh_buf_view(&value_buf);
    }
    rig_log_append(rig, &record);
    dh_buf_deinit(&key_buf);
    dh_buf_deinit(&value_buf);
}

static void append_group(struct rig *rig, int16_t version,
                         const struct dh_group_metadata_value *value)
{
    struct dh_group_metadata_key key = {DH_BYTES("g")};
    append_record(rig, 2, &dh_group_metadata_key_type, &key, version,
                  value == NULL ? NULL : &dh_group_metadata_value_type, value);
}

static void append_offset(struct rig *rig, int16_t key_number, int64_t offset)
{
    struct dh_offset_commit_key key = {DH_BYTES("g"), DH_BYTES("t"), 0};
    struct dh_offset_commit_value value;
    struct dh_legacy_offset_commit_value legacy = {offset, DH_BYTES("m"), 5};
    dh_message_init(&dh_offset_commit_value_type, &value);
    value.offset = offset;
    value.metadata = DH_BYTES("m");
    if (offset < 0) {
        append_record(rig, key_number, &dh_offset_commit_key_type, &key, 0, NULL, NULL);
    } else if (key_number == 0) {
        append_record(rig, 0, &dh_offset_commit_key_type, &key, 0,
                      &dh_legacy_offset_commit_value_type, &legacy);
    } else {
        append_record(rig, key_number, &dh_offset_commit_key_type, &key, 4,
                      &dh_offset_commit_value_type, &value);
    }
}

static struct dh_group_metadata_value_member member_row(const char *id,
                                                        const char *instance_id)
{
    struct dh_group_metadata_value_member row = {
        .member_id = dh_bytes_of(id),
        .group_instance_id = dh_bytes_of(instance_id),
        .client_id = DH_BYTES("c"),
        .client_host = DH_BYTES("/1.2.3.4"),
        .rebalance_timeout = 60000,
        .session_timeout = 10000,
        .subscription = DH_BYTES("s"),
        .assignment = dh_bytes_of(id),
    };
    return row;
}

static struct dh_group_metadata_value
group_value(int32_t generation, struct dh_group_metadata_value_member *members,
            int32_t count)
{
    struct dh_group_metadata_value value;
    dh_message_init(&dh_group_metadata_value_type, &value);
    value.protocol_type = DH_BYTES("consumer");
    value.generation = generation;
    if (count > 0) {
        value.protocol = DH_BYTES("range");
        value.leader = members[count - 1].member_id;
    }
    value.current_state_timestamp = 7;
    value.members.items = members;
    value.members.count = count;
    return value;
}

static void records_replace_and_delete_one_another(void **state)
{
    (void)state;
    struct rig rig;
    struct dh_group_metadata_value_member one[] = {member_row("x", NULL),
                                                   member_row("y", "i")};
    struct dh_group_metadata_value_member two[] = {member_row("z", "i"),
                                                   member_row("w", NULL)};
    struct dh_group_metadata_value values[] = {
        group_value(1, one, 2), group_value(2, two, 2), group_value(3, NULL, 0)};
    two[0].client_id = DH_BYTES("d"); // another process
    rig_init(&rig);

    append_group(&rig, 3, NULL); // a tombstone of what is not there
    append_offset(&rig, 1, -1);  // and another
    RIG_RUN(&rig, {"crash", ""}, {"list", ""});
    append_group(&rig, 3, &values[0]);
    RIG_RUN(&rig, {"crash", ""},
            {"describe", "NONE Stable type=consumer protocol=range; "
                         "?() c/1.2.3.4 meta=s owns=x; ?(i) c/1.2.3.4 meta=s owns=y"});
    append_group(&rig, 3, &values[1]); // y is z now, x is gone, w is new
    RIG_RUN(&rig, {"crash", ""},
            {"describe", "NONE Stable type=consumer protocol=range; "
                         "?(i) d/1.2.3.4 meta=s owns=z; ?() c/1.2.3.4 meta=s owns=w"},
            {"beat x id=y instance=i gen=2", "x: FENCED_INSTANCE_ID"},
            {"beat x id=x gen=2", "x: UNKNOWN_MEMBER_ID"},
            {"beat x id=z instance=i gen=2", "x: NONE"});
    append_offset(&rig, 1, 4);
    append_group(&rig, 3, &values[2]);
    RIG_RUN(&rig, {"crash", ""}, {"state", "Empty, generation 3, members 0"},
            {"offsets", "t-0=4:m/-1"});
    append_group(&rig, 3, NULL); // as a migration does: the offsets stay
    RIG_RUN(&rig, {"crash", ""}, {"state", "Dead, generation 0, members 0"},
            {"offsets", ""}, {"list", ""}, {"delete", "GROUP_ID_NOT_FOUND"});
    append_group(&rig, 3, &values[2]);
    RIG_RUN(&rig, {"crash", ""}, {"offsets", "t-0=4:m/-1"});
    append_offset(&rig, 0, 6); // of a very old broker
    RIG_RUN(&rig, {"crash", ""}, {"offsets", "t-0=6:m/-1"});
    append_offset(&rig, 0, -1);
    append_group(&rig, 3, NULL);
    RIG_RUN(&rig, {"crash", ""}, {"list", ""});
    append_offset(&rig, 1, 8); // a simple group
    RIG_RUN(&rig, {"crash", ""}, {"list", "g classic Empty ''"},
            {"offsets", "t-0=8:m/-1"});
    rig_deinit(&rig);
}

static void old_groups_are_read(void **state)
{
    (void)state;
    for (int16_t version = 0; version <= 4; version++) {
        struct rig rig;
        struct dh_group_metadata_value_member members[] = {member_row("x", NULL)};
        struct dh_group_metadata_value value = group_value(1, members, 1);
        rig_init(&rig);
        append_group(&rig, version, &value);
        RIG_RUN(&rig, {"crash", ""}, {"beat x id=x gen=1", "x: NONE"}, //
                {"wait 9999", ""}, {"state", "Stable, generation 1, members 1"},
                {"wait 1", ""}, {"state", "Empty, generation 2, members 0"});
        rig_deinit(&rig);
    }
}

// Version 0 has no rebalance time-out: the session time-out is it.
static void the_oldest_groups_rebalance_within_the_session_timeout(void **state)
{
    (void)state;
    struct rig rig;
    struct dh_group_metadata_value_member members[] = {member_row("x", NULL)};
    struct dh_group_metadata_value value = group_value(1, members, 1);
    rig_init(&rig);
    append_group(&rig, 0, &value);
    RIG_RUN(&rig, {"crash", ""}, {"join c v=3 rebalance=1", ""}, {"wait 5000", ""},
            {"beat x id=x gen=1", "x: REBALANCE_IN_PROGRESS"}, {"wait 4999", ""},
            {"wait 1", "c: generation 2, range, leads c"});
    rig_deinit(&rig);
}

static void what_makes_no_sense_is_passed_over(void **state)
{
    (void)state;
    struct rig rig;
    struct dh_group_metadata_value_member good[] = {member_row("x", NULL)};
    struct dh_group_metadata_value_member twice[] = {member_row("x", NULL),
                                                     member_row("x", NULL)};
    struct dh_group_metadata_value_member same[] = {member_row("x", "i"),
                                                    member_row("y", "i")};
    struct dh_group_metadata_value values[] = {
        group_value(1, good, 1), group_value(2, twice, 2), group_value(3, same, 2),
        group_value(4, good, 1)};
    values[3].protocol = DH_BYTES_NULL;
    rig_init(&rig);
    for (size_t i = 0; i < DH_COUNT_OF(values); i++) {
        append_group(&rig, 3, &values[i]);
    }
    static const uint8_t group_key[] = {0, 2, 0, 1, 'g'};
    static const uint8_t newer[] = {0, 9, 1, 2, 3};
    static const uint8_t consumer_key[] = {0, 3, 0, 1, 'g'}; // KIP-848
    static const uint8_t offset_key[] = {0, 1, 0, 1, 'g', 0, 1, 't', 0, 0, 0, 0};
    const struct dh_coordinator_record records[] = {
        {{group_key, sizeof(group_key)}, {newer, sizeof(newer)}},
        {{group_key, sizeof(group_key)}, {newer, 1}},
        {{group_key, sizeof(group_key)}, {newer, 0}},
        {{group_key, 4}, {newer, sizeof(newer)}},
        {{group_key, 4}, DH_BYTES_NULL},
        {{group_key, 0}, {newer, sizeof(newer)}},
        {DH_BYTES_NULL, {newer, sizeof(newer)}},
        {{consumer_key, sizeof(consumer_key)}, {newer, sizeof(newer)}},
        {{consumer_key, sizeof(consumer_key)}, DH_BYTES_NULL},
        {{offset_key, sizeof(offset_key)}, {newer, sizeof(newer)}},
        {{offset_key, sizeof(offset_key) - 1}, DH_BYTES_NULL},
    };
    for (size_t i = 0; i < DH_COUNT_OF(records); i++) {
        rig_log_append(&rig, &records[i]);
    }
    RIG_RUN(&rig, {"crash", ""}, {"state", "Stable, generation 1, members 1"},
            {"list", "g classic Stable 'consumer'"}, {"offsets", ""});
    rig_deinit(&rig);
}

// A generation from a log that holds anything goes round.
static void generations_go_round(void **state)
{
    (void)state;
    struct rig rig;
    struct dh_group_metadata_value_member members[] = {member_row("x", NULL)};
    struct dh_group_metadata_value value = group_value(INT32_MAX, members, 1);
    rig_init(&rig);
    append_group(&rig, 3, &value);
    RIG_RUN(&rig, {"crash", ""}, {"wait 10000", ""},
            {"state", "Empty, generation 1, members 0"});
    rig_deinit(&rig);
}

// Two lives with one seed must not give one id to two members.
static void ids_do_not_repeat(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    RIG_RUN(&rig, {"join a", "a: MEMBER_ID_REQUIRED"}, {"wait 1", ""});
    rig.seed = 0; // crash takes the next, which was the first
    RIG_RUN(&rig, {"crash", ""}, {"join b", "b: MEMBER_ID_REQUIRED"});
    assert_string_not_equal(rig_client(&rig, "a")->member_id + 1,
                            rig_client(&rig, "b")->member_id + 1);
    rig_deinit(&rig);
}

// ---- Random scripts ----

#define STEP_SIZE ((size_t)160)

// What is acknowledged of the offsets of group "g" (S45).
#define OFFSETS_MAX 4

struct model {
    int64_t offsets[OFFSETS_MAX]; // of t-0, t-1, ...; -1: none
};

static const char *pick(struct dh_random *random, const char *const *texts, size_t count)
{
    return texts[dh_random_below(random, count)];
}

#define PICK(random, ...)                                                                \
    pick((random), (const char *const[]){__VA_ARGS__},                                   \
         DH_COUNT_OF(((const char *const[]){__VA_ARGS__})))

// Names a..f are dynamic members, s and t instances i and j, u a second process of i.
static void random_client(struct dh_random *random, char *step, size_t size,
                          const char *verb, struct rig *rig, const char *rest)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f", "s", "t", "u"};
    const char *name = names[dh_random_below(random, DH_COUNT_OF(names))];
    const char *instance = strchr("su", name[0]) != NULL ? " instance=i"
                           : name[0] == 't'              ? " instance=j"
                                                         : "";
    bool can_wait = strcmp(verb, "join") == 0 || strcmp(verb, "sync") == 0;
    if (can_wait && rig_client(rig, name)->is_waiting) {
        verb = "gone";
        rest = "";
        instance = "";
    }
    (void)snprintf(step, size, "%s %s%s%s", verb, name, instance, rest);
}

// What a client that means well does next; false: none can do anything.
static bool helpful_step(struct dh_random *random, char *step, size_t size,
                         struct rig *rig)
{
    struct dh_group_summary summary;
    dh_coordinator_summary(rig->coordinator, DH_BYTES("g"), &summary);
    bool is_syncing = strcmp(summary.state, "CompletingRebalance") == 0;
    bool is_stable = strcmp(summary.state, "Stable") == 0;
    size_t first = dh_random_below(random, rig->client_count + 1);
    for (size_t i = 0; i < rig->client_count; i++) {
        const struct rig_client *client = &rig->clients[(first + i) % rig->client_count];
        const char *instance = client->name[0] == 's'   ? " instance=i"
                               : client->name[0] == 't' ? " instance=j"
                                                        : "";
        if (client->is_waiting || client->member_id[0] == '\0' ||
            ((is_syncing || is_stable) && client->generation != summary.generation)) {
            continue;
        }
        if (is_stable) {
            (void)snprintf(step, size, "commit %s t-%d=%d", client->name,
                           (int)dh_random_below(random, OFFSETS_MAX),
                           (int)dh_random_below(random, 1000));
            return true;
        }
        (void)snprintf(step, size, "%s %s%s%s", is_syncing ? "sync" : "join",
                       client->name, instance,
                       is_syncing ? " a=1 b=2 c=3 s=4 t=5" : " protocols=x,y");
        return true;
    }
    return false;
}

static void random_step(struct dh_random *random, char *step, size_t size,
                        struct rig *rig)
{
    struct dh_group_summary summary;
    dh_coordinator_summary(rig->coordinator, DH_BYTES("g"), &summary);
    bool is_stable = strcmp(summary.state, "Stable") == 0;
    if (dh_random_below(random, 10) < (is_stable ? 3 : 7) &&
        helpful_step(random, step, size, rig)) {
        return;
    }
    char rest[STEP_SIZE / 2];
    uint64_t dice = dh_random_below(random, 100);
    if (dice < 38) {
        (void)snprintf(rest, sizeof(rest), " v=%s protocols=%s meta=%s session=%s",
                       PICK(random, "3", "5", "8", "9", "9", "0"),
                       PICK(random, "x,y", "x,y", "y,x", "x", "z"),
                       PICK(random, "m", "m", "m", "n"), PICK(random, "6000", "10000"));
        random_client(random, step, size, "join", rig, rest);
    } else if (dice < 60) {
        (void)snprintf(rest, sizeof(rest), " a=1 b=2 c=3 s=4 u=5%s",
                       PICK(random, "", "", "", " gen=1"));
        random_client(random, step, size, "sync", rig, rest);
    } else if (dice < 66) {
        random_client(random, step, size, "beat", rig, "");
    } else if (dice < 71) {
        random_client(random, step, size, "leave", rig,
                      PICK(random, "", " v=2", " id=", " a b"));
    } else if (dice < 80) {
        (void)snprintf(rest, sizeof(rest), " t-%d=%d%s%s",
                       (int)dh_random_below(random, OFFSETS_MAX),
                       (int)dh_random_below(random, 1000), PICK(random, "", ":meta"),
                       PICK(random, "", "", " gen=-1", " gen=-1 id="));
        random_client(random, step, size, "commit", rig, rest);
    } else if (dice < 90) {
        (void)snprintf(step, size, "wait %s",
                       PICK(random, "0", "0", "0", "1000", "5999", "10000", "60000"));
    } else if (dice < 92) {
        random_client(random, step, size, "restart", rig, "");
        step[strcspn(step, " ") + 2] = '\0'; // the name alone
    } else if (dice < 94) {
        (void)snprintf(step, size, "purge t-%d",
                       (int)dh_random_below(random, OFFSETS_MAX));
    } else if (dice < 96) {
        (void)snprintf(step, size, "%s", PICK(random, "forget t", "delete"));
    } else if (dice < 98) {
        (void)snprintf(step, size, "fail %s",
                       PICK(random, "NONE", "NONE", "NONE", "NONE", "NOT_COORDINATOR",
                            "MESSAGE_TOO_LARGE"));
    } else {
        (void)snprintf(step, size, "crash");
    }
}

// S43: who may commit is known before the step.
static bool may_commit(struct rig *rig, const struct rig_client *client, bool is_claimed)
{
    struct dh_group_summary summary;
    dh_coordinator_summary(rig->coordinator, DH_BYTES("g"), &summary);
    if (!is_claimed && summary.member_count == 0 &&
        (strcmp(summary.state, "Empty") == 0 || strcmp(summary.state, "Dead") == 0)) {
        return true;
    }
    return client->generation == summary.generation &&
           strcmp(summary.state, "CompletingRebalance") != 0;
}

static void follow(struct model *model, const char *step, const char *answer)
{
    bool is_done = strncmp(answer, "NONE", 4) == 0;
    if (strncmp(step, "commit", 6) == 0 && is_done) {
        const char *word = strstr(step, " t-");
        model->offsets[word[3] - '0'] = strtoll(word + 5, NULL, 10);
    } else if (strncmp(step, "purge t-", 8) == 0 && is_done) {
        model->offsets[step[8] - '0'] = -1;
    } else if ((strncmp(step, "forget", 6) == 0 || strcmp(step, "delete") == 0) &&
               is_done) {
        for (size_t i = 0; i < OFFSETS_MAX; i++) {
            model->offsets[i] = -1;
        }
    }
}

static void assert_model_holds(const struct rig *rig, const struct model *model)
{
    for (int32_t i = 0; i < OFFSETS_MAX; i++) {
        struct dh_committed committed =
            dh_coordinator_committed(rig->coordinator, DH_BYTES("g"), DH_BYTES("t"), i);
        assert_int_equal(model->offsets[i], committed.offset);
    }
}

struct counts {
    size_t stable, crashes, refused, fenced, commits;
};

static void count(struct counts *counts, struct rig *rig, const char *step,
                  const char *answer)
{
    struct dh_group_summary summary;
    dh_coordinator_summary(rig->coordinator, DH_BYTES("g"), &summary);
    counts->stable += strcmp(summary.state, "Stable") == 0 && summary.member_count > 1;
    counts->crashes += strcmp(step, "crash") == 0;
    counts->refused += rig->append_code != 0;
    counts->fenced += strstr(answer, "FENCED") != NULL;
    counts->commits += strncmp(step, "commit", 6) == 0 && strcmp(answer, "NONE") == 0;
}

static void run_random(uint64_t seed, size_t steps, size_t fail_every,
                       struct counts *counts)
{
    static struct rig rig;
    struct model model = {{-1, -1, -1, -1}};
    struct dh_random random = {seed};
    char step[STEP_SIZE];
    rig_init(&rig);
    rig.settings.group_initial_rebalance_delay_ms = seed % 3 == 0 ? 3000 : 0;
    rig.settings.group_max_size = seed % 5 == 0 ? 4 : INT32_MAX;
    for (size_t i = 0; i < steps; i++) {
        random_step(&random, step, sizeof(step), &rig);
        bool is_commit = strncmp(step, "commit", 6) == 0;
        char name[2] = {is_commit ? step[7] : 'a', '\0'};
        bool may = is_commit && may_commit(&rig, rig_client(&rig, name),
                                           strstr(step, "gen=-1") == NULL &&
                                               rig_client(&rig, name)->generation >= 0);
        size_t records = rig.record_count;
        bool is_short = fail_every > 0 && strcmp(step, "crash") != 0;
        rig.memory.fail_at =
            is_short ? rig.memory.calls + 1 + dh_random_below(&random, fail_every) : 0;
        rig.last_err = 0;
        const char *answer = rig_step(&rig, step);
        rig.memory.fail_at = 0;
        if (rig.append_code != 0) {
            assert_int_equal(records, rig.record_count);
        }
        assert_true(rig.last_err == 0 || fail_every > 0);
        if (is_commit && strcmp(answer, "NONE") == 0) {
            assert_true(may);
        }
        follow(&model, step, answer);
        // A commit whose answer found no memory may have happened, as one whose answer is lost.
        if (rig.last_err == 0) {
            assert_model_holds(&rig, &model);
        }
        count(counts, &rig, step, answer);
    }
    // Whoever waits is told, once.
    dh_coordinator_unload(rig.coordinator);
    for (size_t i = 0; i < rig.client_count; i++) {
        assert_false(rig.clients[i].is_waiting);
    }
    rig_deinit(&rig);
}

// A failing seed is named by its step; run it alone to follow it.
static void random_scripts_replay_to_the_same(void **state)
{
    (void)state;
    struct counts counts = {0};
    for (uint64_t seed = 1; seed <= 100; seed++) {
        run_random(seed, 150, 0, &counts);
    }
    assert_true(counts.stable > 200);
    assert_true(counts.crashes > 50);
    assert_true(counts.refused > 200);
    assert_true(counts.fenced > 20);
    assert_true(counts.commits > 100);
}

static void random_scripts_without_memory_break_nothing(void **state)
{
    (void)state;
    struct counts counts = {0};
    for (uint64_t seed = 1; seed <= 100; seed++) {
        run_random(seed, 150, 40, &counts);
    }
    assert_true(counts.stable > 50);
}

// Every allocation of a replay, in turn.
static void a_replay_may_find_no_memory(void **state)
{
    (void)state;
    struct rig rig;
    rig_init(&rig);
    RIG_RUN(&rig, {"join a v=3", ""}, {"join s instance=i", ""},
            {"wait 0", "a: generation 1, range, leads a ?; "
                       "s: generation 1, range, follows a"},
            {"sync a a=A s=S", "a: gets A"}, {"commit a t-0=1:m t-1=2", "NONE; NONE"},
            {"join s2 instance=i", "s2: generation 1, range, follows a"},
            {"purge t-9 group=h", "GROUP_ID_NOT_FOUND"},
            {"commit x group=h t-0=1", "NONE"}, {"delete group=h", "NONE"});
    for (size_t fail_at = 1;; fail_at++) {
        struct test_memory memory;
        test_memory_init(&memory);
        memory.fail_at = fail_at;
        struct dh_coordinator *coordinator = rig_replay(&rig, &memory.allocator);
        bool is_done = coordinator != NULL;
        size_t calls = memory.calls;
        memory.fail_at = 0;
        if (is_done) {
            rig_assert_dumps_equal(rig.coordinator, coordinator, "replay");
        }
        dh_coordinator_free(coordinator);
        assert_int_equal(0, memory.bytes);
        if (is_done && calls < fail_at) {
            assert_true(fail_at > 20);
            break;
        }
    }
    rig_deinit(&rig);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_replace_and_delete_one_another),
        cmocka_unit_test(old_groups_are_read),
        cmocka_unit_test(the_oldest_groups_rebalance_within_the_session_timeout),
        cmocka_unit_test(what_makes_no_sense_is_passed_over),
        cmocka_unit_test(generations_go_round),
        cmocka_unit_test(ids_do_not_repeat),
        cmocka_unit_test(random_scripts_replay_to_the_same),
        cmocka_unit_test(random_scripts_without_memory_break_nothing),
        cmocka_unit_test(a_replay_may_find_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
