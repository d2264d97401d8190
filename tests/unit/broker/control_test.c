// SPDX-License-Identifier: MIT
// The verbs of control.h, with what they answer and what they refuse.
#include "broker/control.h"

#include <dohle/error.h>

#include "broker/topics.h"
#include "commands.h"
#include "record/batch.h"
#include "record/batch_writer.h"
#include "record/iterator.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/offset_commit.h"

static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    rig_start(&rig, &(struct rig_options){.node_count = 3});
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

static struct dh_broker_partition *partition_of(const char *topic, int32_t number)
{
    struct dh_broker_topic *found = dh_broker_topics_find(rig.broker, dh_bytes_of(topic));
    assert_non_null(found);
    return &found->partitions[number];
}

// The records of a log, one after the other.
struct reading {
    struct dh_buf bytes;
    struct dh_reader reader;
    struct dh_batch batch;
    struct dh_record_iterator iterator;
    bool has_batch;
    size_t batches;
};

static void begin_reading(struct reading *reading, const char *topic, int32_t number)
{
    struct dh_store_log *log = partition_of(topic, number)->log;
    memset(reading, 0, sizeof(*reading));
    dh_buf_init(&reading->bytes, &rig.memory.allocator, 0);
    assert_int_equal(0, dh_store_log_read(log, dh_store_log_start(log),
                                          dh_store_log_end(log), SIZE_MAX, true,
                                          &reading->bytes));
    dh_reader_init(&reading->reader, dh_buf_view(&reading->bytes));
}

static bool read_one(struct reading *reading, dohle_record *record)
{
    while (!reading->has_batch ||
           dh_record_iterator_next(&reading->iterator, record) != 1) {
        if (dh_batch_next(&reading->reader, &reading->batch) != DH_BATCH_FOUND) {
            dh_buf_deinit(&reading->bytes);
            return false;
        }
        assert_int_equal(0, dh_batch_check_crc(&reading->batch));
        assert_int_equal(0, dh_record_iterator_init(&reading->iterator, &reading->batch,
                                                    reading->batch.payload));
        reading->has_batch = true;
        reading->batches++;
    }
    return true;
}

// ---- Topics ----

static void topics_are_made_changed_and_deleted(void **state)
{
    (void)state;
    const char *text =
        command_does(&rig, "topic create t partitions=2 replication=2 retention.ms=1000 "
                           "cleanup.policy=compact,delete");
    assert_memory_equal("topic=t id=", text, 11);
    assert_non_null(strstr(text, " partitions=2 replication=2 internal=no\n"));
    text = command_does(&rig, "topic describe t");
    assert_non_null(strstr(text, "topic=t partition=1 leader="));
    assert_non_null(
        strstr(text, " start=0 hw=0 end=0 bytes=0 offline=no\nsetting=cleanup.policy "
                     "value=compact,delete\nsetting=retention.ms value=1000\n"));
    command_does(&rig, "topic set t retention.ms= segment.bytes=2000000");
    text = command_does(&rig, "topic describe t");
    assert_null(strstr(text, "retention.ms"));
    assert_non_null(strstr(text, "setting=segment.bytes value=2000000\n"));
    command_does(&rig, "topic grow t partitions=5");
    command_does(&rig, "wait topic=t partitions=5 timeout=0");
    command_does(&rig, "topic create \"other\"");
    text = command_does(&rig, "topic list");
    assert_memory_equal("topic=other ", text, 12);
    assert_non_null(strstr(text, "\ntopic=t "));
    assert_string_equal("", command_does(&rig, "topic delete t"));
    assert_null(strstr(command_does(&rig, "topic list"), "topic=t "));
}

static void leaders_are_moved(void **state)
{
    (void)state;
    command_does(&rig, "topic create t replication=3");
    int32_t epoch = partition_of("t", 0)->leader_epoch;
    char line[64];
    for (int node = 1; node <= 3; node++) {
        snprintf(line, sizeof(line), "leader t 0 %d", node);
        command_does(&rig, line);
        assert_int_equal(node, partition_of("t", 0)->leader);
        assert_int_equal(++epoch, partition_of("t", 0)->leader_epoch);
    }
    command_does(&rig, "node stop 1");
    assert_string_equal("REPLICA_NOT_AVAILABLE: the node is down, or no replica",
                        command_fails(&rig, DOHLE_ERR_BROKER, "leader t 0 1"));
}

static void logs_are_cut_at_both_ends(void **state)
{
    (void)state;
    command_does(&rig, "topic create t");
    command_does(&rig, "fill t 0 count=10 batch=2");
    int32_t epoch = partition_of("t", 0)->leader_epoch;
    const char *text = command_does(&rig, "truncate t 0 6");
    assert_non_null(strstr(text, " start=0 hw=6 end=6 "));
    assert_int_equal(epoch + 1, partition_of("t", 0)->leader_epoch);
    assert_string_equal(
        "OFFSET is a number from 0 to 6",
        command_fails(&rig, DOHLE_ERR_INVALID_ARGUMENT, "truncate t 0 7"));
    text = command_does(&rig, "delete-records t 0 4");
    assert_non_null(strstr(text, " start=4 hw=6 end=6 "));
    assert_string_equal(
        "OFFSET is at most the high watermark, 6; -1: all of it",
        command_fails(&rig, DOHLE_ERR_INVALID_ARGUMENT, "delete-records t 0 7"));
    text = command_does(&rig, "delete-records t 0 -1");
    assert_non_null(strstr(text, " start=6 hw=6 end=6 "));
    assert_string_equal(
        "OFFSET is a number from 6 to 6",
        command_fails(&rig, DOHLE_ERR_INVALID_ARGUMENT, "truncate t 0 5"));
}

static void retention_is_applied_at_once(void **state)
{
    (void)state;
    command_does(&rig, "topic create t retention.ms=60000 internal.segment.bytes=2000");
    command_does(&rig, "fill t 0 count=100 batch=10");
    command_does(&rig, "retention");
    command_does(&rig, "wait topic=t partition=0 start=0 timeout=0");
    command_does(&rig, "advance 120000");
    command_does(&rig, "retention");
    command_does(&rig, "wait topic=t partition=0 start>0 timeout=0");
}

// ---- Records ----

static void fill_makes_the_records_it_says(void **state)
{
    (void)state;
    command_does(&rig, "topic create t");
    command_does(&rig, "put t 0 value=first");
    assert_string_equal(
        "offset=1 end=8 batches=3\n",
        command_does(&rig, "fill t 0 count=7 size=12 keys=2 batch=3 timestamp=5000"));
    struct reading reading;
    dohle_record record;
    begin_reading(&reading, "t", 0);
    for (int64_t offset = 0; offset < 8; offset++) {
        assert_true(read_one(&reading, &record));
        assert_int_equal(offset, record.offset);
        if (offset > 0) {
            char value[13] = "............";
            value[0] = (char)('0' + offset);
            assert_bytes_equal(dh_bytes_of(value), record.value);
            assert_bytes_equal(offset % 2 == 1 ? DH_BYTES("k0") : DH_BYTES("k1"),
                               record.key);
            assert_int_equal(5000, record.timestamp_ms);
        }
    }
    assert_false(read_one(&reading, &record));
    assert_int_equal(4, reading.batches);
}

static void batches_of_fill_stay_small(void **state)
{
    (void)state;
    command_does(&rig, "topic create t");
    assert_string_equal("offset=0 end=100 batches=20\n",
                        command_does(&rig, "fill t 0 count=100 size=12000"));
    // One record is a batch, however large.
    assert_string_equal("offset=100 end=102 batches=2\n",
                        command_does(&rig, "fill t 0 count=2 size=200000"));
    assert_non_null(
        strstr(command_fails(&rig, DOHLE_ERR_BROKER, "fill t 0 count=1 size=2000000"),
               "MESSAGE_TOO_LARGE"));
}

static void put_takes_values_of_every_kind(void **state)
{
    (void)state;

    static const struct {
        const char *line;
        const char *payload;
        dohle_bytes key;
        dohle_bytes value;
    } rows[] = {
        {"put t 0", NULL, {NULL, 0}, {NULL, 0}},
        {"put t 0 key=k value=v",
         NULL,
         {(const uint8_t *)"k", 1},
         {(const uint8_t *)"v", 1}},
        {"put t 0 key= value=", NULL, {(const uint8_t *)"", 0}, {(const uint8_t *)"", 0}},
        {"put t 0 value=\"a b\\n\\xff\"",
         NULL,
         {NULL, 0},
         {(const uint8_t *)"a b\n\xff", 5}},
        {"put t 0 key=k",
         "payload",
         {(const uint8_t *)"k", 1},
         {(const uint8_t *)"payload", 7}},
    };

    command_does(&rig, "topic create t");
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        char expected[64];
        struct dh_broker_command command = {.line = rows[i].line,
                                            .payload = dh_bytes_of(rows[i].payload)};
        dh_broker_input(rig.broker, &command, rig.now_ns);
        snprintf(expected, sizeof(expected), "offset=%zu end=%zu batches=1\n", i, i + 1);
        assert_string_equal(expected, command_take(&rig, &command));
    }
    struct reading reading;
    dohle_record record;
    begin_reading(&reading, "t", 0);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_true(read_one(&reading, &record));
        assert_bytes_equal(rows[i].key, record.key);
        assert_bytes_equal(rows[i].value, record.value);
        assert_int_equal(RIG_WALL_MS, record.timestamp_ms);
    }
    assert_false(read_one(&reading, &record));
}

static void topics_rules_hold_for_commands(void **state)
{
    (void)state;
    command_does(&rig, "topic create c cleanup.policy=compact");
    assert_non_null(strstr(command_fails(&rig, DOHLE_ERR_BROKER, "put c 0 value=v"),
                           "INVALID_RECORD"));
    command_does(&rig, "put c 0 key=k value=v");
    command_does(&rig, "topic create a message.timestamp.type=LogAppendTime");
    command_does(&rig, "put a 0 value=v timestamp=5");
    struct reading reading;
    dohle_record record;
    begin_reading(&reading, "a", 0);
    assert_true(read_one(&reading, &record));
    assert_int_equal(RIG_WALL_MS, record.timestamp_ms);
    assert_false(read_one(&reading, &record));
}

static const char *append(const char *line, const uint8_t *bytes, size_t size, int err)
{
    static struct dh_broker_command command;
    memset(&command, 0, sizeof(command));
    command.line = line;
    command.payload = (dohle_bytes){bytes, size};
    dh_broker_input(rig.broker, &command, rig.now_ns);
    const char *text = command_take(&rig, &command);
    assert_int_equal(err, command.err);
    return text;
}

static void append_takes_batches_as_they_are(void **state)
{
    (void)state;
    command_does(&rig, "topic create t");
    struct dh_batch_writer writer;
    struct dh_batch_stamp stamp = DH_BATCH_STAMP_PLAIN;
    struct dh_record_input record = {.timestamp_ms = RIG_WALL_MS,
                                     .value = DH_BYTES("value")};
    dohle_bytes batch;
    uint8_t bytes[300];
    dh_batch_writer_init(&writer, &rig.memory.allocator);
    assert_int_equal(0, dh_batch_writer_append(&writer, &record));
    assert_int_equal(0, dh_batch_writer_finish(&writer, NULL, NULL, 0, &stamp, &batch));
    size_t size = batch.size;
    memcpy(bytes, batch.data, size);
    memcpy(bytes + size, batch.data, size);
    dh_batch_writer_deinit(&writer);

    assert_string_equal("offset=0 end=2 batches=2\n",
                        append("append t 0", bytes, 2 * size, 0));
    assert_non_null(
        strstr(append("append t 0", bytes, size - 1, DOHLE_ERR_INVALID_ARGUMENT),
               "the payload is to be whole batches"));
    (void)append("append t 0", NULL, 0, DOHLE_ERR_INVALID_ARGUMENT);
    bytes[size - 1] ^= 1;
    assert_non_null(
        strstr(append("append t 0", bytes, size, DOHLE_ERR_BROKER), "CORRUPT_MESSAGE"));
    assert_string_equal("offset=2 end=3 batches=1\n",
                        append("append t 0 checked=no", bytes, size, 0));
    assert_string_equal("checked is yes or no", append("append t 0 checked=maybe", bytes,
                                                       size, DOHLE_ERR_INVALID_ARGUMENT));
}

// ---- Nodes, groups, time ----

static void nodes_come_and_go(void **state)
{
    (void)state;
    assert_string_equal("node=1 state=up host=127.0.0.1 port=9001 connections=0\n"
                        "node=2 state=up host=127.0.0.1 port=9002 connections=0\n"
                        "node=3 state=up host=127.0.0.1 port=9003 connections=0\n",
                        command_does(&rig, "node list"));
    struct rig_client *stopped = rig_connect(&rig, 2);
    struct rig_client *killed = rig_connect(&rig, 3);
    command_does(&rig, "node stop 2");
    command_does(&rig, "node kill 3");
    assert_true(stopped->is_closed);
    assert_false(stopped->is_reset);
    assert_true(killed->is_reset);
    assert_false(rig.is_listening[2]);
    assert_false(rig.is_listening[3]);
    assert_string_equal("node 2 is down",
                        command_fails(&rig, DOHLE_ERR_INVALID_STATE, "node pause 2"));
    command_does(&rig, "node start 2");
    assert_true(rig.is_listening[2]);
    assert_non_null(strstr(command_does(&rig, "node list"), "node=3 state=down"));
}

static void a_paused_node_answers_when_it_goes_on(void **state)
{
    (void)state;
    struct rig_client *client = rig_connect(&rig, 1);
    struct dh_heartbeat_request request;
    dh_message_init(&dh_heartbeat_request_type, &request);
    command_does(&rig, "node pause 1");
    rig_send(&rig, client, DH_API_HEARTBEAT, 3, &request);
    rig_advance(&rig, 1000);
    assert_null(rig_receive(&rig, client));
    assert_false(client->is_closed);
    command_does(&rig, "node resume 1");
    assert_non_null(rig_receive(&rig, client));
}

static void coordinators_are_moved(void **state)
{
    (void)state;
    assert_memory_equal("group=g partition=", command_does(&rig, "coordinator g"), 18);
    for (int node = 1; node <= 3; node++) {
        char line[64];
        char expected[64];
        snprintf(line, sizeof(line), "coordinator g %d", node);
        snprintf(expected, sizeof(expected), " node=%d epoch=", node);
        assert_non_null(strstr(command_does(&rig, line), expected));
    }
}

static void groups_are_shown(void **state)
{
    (void)state;
    assert_string_equal("", command_does(&rig, "groups"));
    command_does(&rig, "topic create t");
    command_does(&rig, "coordinator g 2");
    struct rig_client *client = rig_connect(&rig, 2);
    struct dh_offset_commit_request_topic_partition row;
    struct dh_offset_commit_request_topic topic;
    struct dh_offset_commit_request request;
    dh_struct_init(&dh_offset_commit_request_topic_partition_struct, &row);
    dh_struct_init(&dh_offset_commit_request_topic_struct, &topic);
    dh_message_init(&dh_offset_commit_request_type, &request);
    row.committed_offset = 12;
    row.committed_metadata = DH_BYTES("a note");
    topic.name = DH_BYTES("t");
    topic.partitions.items = &row;
    topic.partitions.count = 1;
    request.group_id = DH_BYTES("g");
    request.topics.items = &topic;
    request.topics.count = 1;
    (void)rig_ask(&rig, client, DH_API_OFFSET_COMMIT, 8, &request);
    assert_string_equal("group=g state=Empty members=0 generation=0 node=2\n",
                        command_does(&rig, "groups"));
    assert_string_equal("group=g state=Empty members=0 generation=0 node=2\n"
                        "topic=t partition=0 offset=12 epoch=-1 metadata=\"a note\"\n",
                        command_does(&rig, "group g"));
    assert_string_equal("there is no group \"h\"",
                        command_fails(&rig, DOHLE_ERR_INVALID_ARGUMENT, "group h"));
}

static void the_clock_is_moved_and_shown(void **state)
{
    (void)state;
    assert_string_equal("clock=running now_ms=5000 wall_ms=1700000000000 ahead_ms=0\n",
                        command_does(&rig, "clock"));
    assert_string_equal(
        "clock=running now_ms=65000 wall_ms=1700000060000 ahead_ms=60000\n",
        command_does(&rig, "advance 60000"));
    rig_advance(&rig, 500);
    assert_string_equal(
        "clock=running now_ms=65500 wall_ms=1700000060500 ahead_ms=60000\n",
        command_does(&rig, "clock"));
}

static void a_manual_clock_stands_still(void **state)
{
    (void)state;
    rig_stop(&rig);
    rig_start(&rig, &(struct rig_options){.is_clock_manual = true});
    rig_advance(&rig, 500);
    assert_string_equal("clock=manual now_ms=5000 wall_ms=1700000000000 ahead_ms=0\n",
                        command_does(&rig, "clock"));
    assert_non_null(strstr(command_does(&rig, "advance 7"), "clock=manual now_ms=5007 "));
}

static void everything_is_described(void **state)
{
    (void)state;
    command_does(&rig, "topic create t");
    command_does(&rig, "fault add api=fetch drop");
    const char *text = command_does(&rig, "describe");
    assert_non_null(strstr(text, "clock=running "));
    assert_non_null(strstr(text, "\nnode=3 state=up "));
    assert_non_null(strstr(text, "\ntopic=t partition=0 "));
    assert_non_null(strstr(text, "\nid=1 hits=0 seen=0 api=Fetch drop\n"));
}

// ---- Lines ----

static void help_shows_every_verb(void **state)
{
    (void)state;
    assert_string_equal(
        "fault add [MATCH=...] ACTION\n"
        "fault remove ID|all\n"
        "fault list\n"
        "allowed: api, node, client, version, topic, partition, group, member, skip, count, "
        "probability, and one of error=NAME, delay=MS, throttle=MS, drop, drop-after, "
        "reset, stall, hold, truncate-answer=BYTES, corrupt, garble\n",
        command_does(&rig, "help fault"));
    assert_string_equal("clock\n", command_does(&rig, "help clock"));
    assert_non_null(
        strstr(command_does(&rig, "help wait"), "\nwait fault= hits= timeout=\n"));
    assert_non_null(
        strstr(command_fails(&rig, DOHLE_ERR_INVALID_ARGUMENT, "help clokc"),
               "there is no verb \"clokc\"; did you mean clock?; allowed: help, "));
    static const char *const verbs[] = {
        "topic create", "topic delete",   "topic list", "topic describe", "topic set",
        "topic grow",   "fill",           "put",        "append",         "leader",
        "coordinator",  "node stop",      "node start", "node kill",      "node pause",
        "node resume",  "node list",      "restart",    "fault add",      "fault remove",
        "fault list",   "wait",           "advance",    "clock",          "retention",
        "truncate",     "delete-records", "journal",    "groups",         "group",
        "describe",     "help",
    };
    const char *text = command_does(&rig, "help");
    for (size_t i = 0; i < DH_COUNT_OF(verbs); i++) {
        if (strstr(text, verbs[i]) == NULL) {
            fail_msg("help does not show %s", verbs[i]);
        }
    }
}

static void what_is_wrong_is_said(void **state)
{
    static const struct {
        const char *line;
        const char *sentence; // its beginning
    } rows[] = {
        {"", "a verb (try help) is missing"},
        {"topcs create t",
         "there is no verb \"topcs\"; did you mean topic?; allowed: help, "},
        {"topic", "there is no topic \"\"; allowed: create, delete, list, describe, set, "
                  "grow"},
        {"topic crate t", "there is no topic \"crate\"; did you mean create?; allowed: "},
        {"topic create", "NAME is missing"},
        {"topic create t partitions=0", "partitions is a number from 1 to "},
        {"topic create t partitions>=2", "partitions is compared with = only"},
        {"topic create t replication=4",
         "replication is a number from 1 to 3, not \"4\""},
        {"topic create t retention.ms=x",
         "Invalid value x for configuration retention.ms"},
        {"topic create t retension.ms=1", "Unknown topic config name: retension.ms"},
        {"topic create t u", "\"u\" makes no sense here; allowed: NAME partitions= "},
        {"topic delete orders", "there is no topic \"orders\"; did you mean order?"},
        {"topic list t", "\"t\" makes no sense here; allowed: nothing more"},
        {"topic grow order", "partitions= is missing"},
        {"fill order 0", "count= is missing"},
        {"fill order 1 count=1", "order has 1 partitions, from 0: there is no 1"},
        {"fill order x count=1", "PARTITION is a number from 0 to 2147483647, not \"x\""},
        {"leader order 0", "NODE is missing"},
        {"leader order 0 4", "NODE is a number from 1 to 3, not \"4\""},
        {"node stop", "NODE is missing"},
        {"node crash 1", "there is no node \"crash\""},
        {"advance", "MS is missing"},
        {"advance -1", "MS is a number from 0 to "},
        {"journal 0", "N is a number from 1 to 256, not \"0\""},
        {"restart quickly", "restart is followed by crash or nothing"},
        {"put order 0 \"x", "a quote is not closed"},
    };

    (void)state;
    command_does(&rig, "topic create order");
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        const char *text = command_fails(&rig, DOHLE_ERR_INVALID_ARGUMENT, rows[i].line);
        if (strncmp(rows[i].sentence, text, strlen(rows[i].sentence)) != 0) {
            fail_msg("\"%s\" says: %s", rows[i].line, text);
        }
    }
    assert_non_null(strstr(command_fails(&rig, DOHLE_ERR_BROKER, "topic create order"),
                           "TOPIC_ALREADY_EXISTS: "));
    assert_string_equal("this broker cannot be restarted from within",
                        command_fails(&rig, DOHLE_ERR_INVALID_STATE, "restart crash"));
}

static void commands_survive_without_memory(void **state)
{
    static const char *const lines[] = {
        "help",
        "topic create u partitions=2 retention.ms=5",
        "topic set t retention.ms=7",
        "fill t 0 count=3",
        "put t 0 value=v",
        "fault add api=fetch topic=t group=* client=c drop",
        "wait topic=nothing timeout=0",
        "coordinator g",
        "groups",
        "describe",
    };
    (void)state;
    command_does(&rig, "topic create t");
    for (size_t i = 0; i < DH_COUNT_OF(lines); i++) {
        for (size_t fail = 1; fail < 60; fail++) {
            struct dh_broker_command command = {.line = lines[i],
                                                .deadline_ns = DH_NEVER};
            rig.memory.fail_at = rig.memory.calls + fail;
            dh_broker_input(rig.broker, &command, rig.now_ns);
            dh_broker_tick(rig.broker, rig.now_ns);
            rig.memory.fail_at = 0;
            rig_run(&rig);
            assert_non_null(command_take(&rig, &command));
        }
    }
}

// Whatever a line says, it is answered, and the broker goes on.
static void nonsense_is_answered(void **state)
{
    static const char *const lines[] = {
        "topic create t partitions=2 replication=1 retention.ms=1000",
        "topic delete t",
        "topic set t cleanup.policy=compact",
        "topic grow t partitions=3",
        "fill t 0 count=3 size=5 keys=2 batch=2 timestamp=7",
        "put t 1 key=\"a b\" value=\"\\x00\\n\"",
        "leader t 0 1",
        "coordinator g 2",
        "node kill 2",
        "node start 2",
        "node pause 1",
        "node resume 1",
        "fault add api=fetch topic=t partition=1 count=2 error=NOT_LEADER_OR_FOLLOWER",
        "fault add client=c probability=0.5 delay=10",
        "fault remove all",
        "wait topic=t partition=0 end>=3 timeout=0",
        "wait committed group=g topic=t partition=0 offset>=1 timeout=0",
        "advance 100",
        "truncate t 0 1",
        "delete-records t 0 -1",
        "journal 5",
        "describe",
    };
    static const char bytes[] = " \t=\"\\<>-0123456789abcxyz\x01\xff";
    struct dh_random random = {.state = 7};
    (void)state;
    for (int round = 0; round < 3000; round++) {
        char line[200];
        struct dh_broker_command command = {.line = line, .deadline_ns = DH_NEVER};
        size_t size =
            (size_t)snprintf(line, sizeof(line), "%s",
                             lines[dh_random_below(&random, DH_COUNT_OF(lines))]);
        for (uint64_t i = dh_random_below(&random, 4); i > 0; i--) {
            line[dh_random_below(&random, size)] =
                bytes[dh_random_below(&random, sizeof(bytes) - 1)];
        }
        if (dh_random_below(&random, 8) == 0) {
            line[dh_random_below(&random, size)] = '\0';
        }
        dh_broker_input(rig.broker, &command, rig.now_ns);
        rig_run(&rig);
        if (command_take(&rig, &command) == NULL) {
            rig_advance(&rig, DH_BROKER_WAIT_MS);
            assert_non_null(command_take(&rig, &command));
        }
        if (command.err != 0) {
            assert_in_range(-command.err, 1, 100);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(topics_are_made_changed_and_deleted),
        TEST(leaders_are_moved),
        TEST(logs_are_cut_at_both_ends),
        TEST(retention_is_applied_at_once),
        TEST(fill_makes_the_records_it_says),
        TEST(batches_of_fill_stay_small),
        TEST(put_takes_values_of_every_kind),
        TEST(topics_rules_hold_for_commands),
        TEST(append_takes_batches_as_they_are),
        TEST(nodes_come_and_go),
        TEST(a_paused_node_answers_when_it_goes_on),
        TEST(coordinators_are_moved),
        TEST(groups_are_shown),
        TEST(the_clock_is_moved_and_shown),
        TEST(a_manual_clock_stands_still),
        TEST(everything_is_described),
        TEST(help_shows_every_verb),
        TEST(what_is_wrong_is_said),
        TEST(commands_survive_without_memory),
        TEST(nonsense_is_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
