// SPDX-License-Identifier: MIT
/*
 * A coordinator that replays whatever a log may hold and then serves requests. The input is a list
 * of steps: records (raw, or valid with random content), then joins, syncs, commits and what else
 * there is, with few names, so that they meet. In the end the durable state must be that of a
 * replay of everything that was replayed or appended.
 */
#include "fuzz.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/time.h"
#include "coordinator/coordinator.h"
#include "wire/gen/consumer_offsets.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/list_groups.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_delete.h"
#include "wire/gen/sync_group.h"
#include "wire/reader.h"
#include "wire/writer.h"

#define RECORDS_MAX 4096
#define CALLERS_MAX 64
#define RAW_MAX     256

struct fuzz_run {
    struct dh_reader input;
    struct dh_arena arena; // of everything, until the end
    struct dh_coordinator_record *records;
    size_t record_count;
    struct dh_coordinator_caller callers[CALLERS_MAX];
    bool is_waiting[CALLERS_MAX];
    size_t caller_count;
    dohle_bytes last_member_id; // that anybody was told
    int32_t last_generation;
    int64_t now_ns;
    bool is_append_refused;
};

static dohle_bytes keep(struct fuzz_run *run, dohle_bytes bytes)
{
    if (bytes.data == NULL) {
        return bytes;
    }
    uint8_t *copy = dh_arena_alloc(&run->arena, bytes.size + 1);
    FUZZ_CHECK(copy != NULL);
    if (bytes.size > 0) {
        memcpy(copy, bytes.data, bytes.size);
    }
    return (dohle_bytes){copy, bytes.size};
}

static void keep_record(struct fuzz_run *run, const struct dh_coordinator_record *record)
{
    FUZZ_CHECK(run->record_count < RECORDS_MAX);
    run->records[run->record_count].key = keep(run, record->key);
    run->records[run->record_count].value = keep(run, record->value);
    run->record_count++;
}

static int16_t on_append(void *ctx, const struct dh_coordinator_record *records,
                         size_t count)
{
    struct fuzz_run *run = ctx;
    if (run->is_append_refused || run->record_count + count > RECORDS_MAX) {
        return 7; // REQUEST_TIMED_OUT
    }
    for (size_t i = 0; i < count; i++) {
        keep_record(run, &records[i]);
    }
    return 0;
}

static void on_answer(void *ctx, struct dh_coordinator_caller *caller,
                      const void *response)
{
    struct fuzz_run *run = ctx;
    size_t index = (size_t)(caller - run->callers);
    FUZZ_CHECK(run->is_waiting[index]);
    FUZZ_CHECK(caller->parked == NULL);
    run->is_waiting[index] = false;
    if (caller->version >= 0) { // a join
        const struct dh_join_group_response *join = response;
        if (join->member_id.size > 0) {
            run->last_member_id = keep(run, join->member_id);
        }
        if (join->generation_id >= 0) {
            run->last_generation = join->generation_id;
        }
    }
}

static uint8_t next(struct fuzz_run *run)
{
    return (uint8_t)dh_read_int8(&run->input);
}

static dohle_bytes pick(struct fuzz_run *run)
{
    static const char *const names[] = {"a", "b", "c", "", "range", "consumer"};
    uint8_t byte = next(run);
    if (byte >= 128) {
        return run->last_member_id;
    }
    return dh_bytes_of(names[byte % DH_COUNT_OF(names)]);
}

static dohle_bytes pick_or_null(struct fuzz_run *run)
{
    return next(run) % 2 == 0 ? DH_BYTES_NULL : pick(run);
}

static dohle_bytes raw(struct fuzz_run *run)
{
    size_t size = next(run) % RAW_MAX;
    size_t left = dh_reader_left(&run->input);
    return dh_read_bytes(&run->input, size < left ? size : left);
}

static struct dh_coordinator *new_coordinator(struct fuzz_run *run)
{
    static const struct dh_coordinator_settings settings = {
        .group_min_session_timeout_ms = 1,
        .group_max_session_timeout_ms = 1800000,
        .group_max_size = 3,
        .offset_metadata_max_bytes = 8,
    };
    struct dh_coordinator_options options = {
        .mem = dh_mem_default(),
        .settings = &settings,
        .owner = {.ctx = run, .append = on_append, .answer = on_answer},
        .seed = 1,
    };
    struct dh_coordinator *coordinator = dh_coordinator_new(&options);
    FUZZ_CHECK(coordinator != NULL);
    return coordinator;
}

// ---- Records ----

static dohle_bytes encode(struct fuzz_run *run, int16_t number,
                          const struct dh_message_type *type, int16_t version,
                          const void *message)
{
    struct dh_buf buf;
    struct dh_writer writer;
    dh_buf_init(&buf, dh_mem_default(), 0);
    dh_writer_init(&writer, &buf);
    dh_write_int16(&writer, number);
    FUZZ_CHECK(dh_message_encode(type, version, message, &writer) == 0);
    dohle_bytes bytes = keep(run, dh_buf_view(&buf));
    dh_buf_deinit(&buf);
    return bytes;
}

static dohle_bytes random_value(struct fuzz_run *run, const struct dh_message_type *type,
                                void *value)
{
    struct dh_random random = {next(run)};
    int16_t version = (int16_t)(next(run) % (type->versions.max + 1));
    FUZZ_CHECK(dh_message_randomise(type, version, &random, &run->arena, value) == 0);
    return encode(run, version, type, version, value);
}

static struct dh_coordinator_record make_record(struct fuzz_run *run)
{
    struct dh_coordinator_record record = {DH_BYTES_NULL, DH_BYTES_NULL};
    uint8_t kind = next(run) % 8;
    if (kind == 0) {
        record.key = raw(run);
        record.value = raw(run);
        return record;
    }
    if (kind < 5) {
        struct dh_group_metadata_key key = {.group = pick(run)};
        struct dh_group_metadata_value value;
        record.key = encode(run, 2, &dh_group_metadata_key_type, 0, &key);
        record.value = kind == 1 ? DH_BYTES_NULL
                       : kind == 2
                           ? raw(run)
                           : random_value(run, &dh_group_metadata_value_type, &value);
        return record;
    }
    struct dh_offset_commit_key key = {
        .group = pick(run), .topic = pick(run), .partition = next(run) % 2};
    struct dh_offset_commit_value value;
    record.key = encode(run, kind % 2, &dh_offset_commit_key_type, 0, &key);
    record.value = kind == 5 ? DH_BYTES_NULL
                             : random_value(run, &dh_offset_commit_value_type, &value);
    return record;
}

// ---- Requests ----

// The next caller; NULL: no more of them.
static struct dh_coordinator_caller *next_caller(struct fuzz_run *run)
{
    if (run->caller_count == CALLERS_MAX) {
        return NULL;
    }
    run->is_waiting[run->caller_count] = true;
    return &run->callers[run->caller_count++];
}

static void join(struct fuzz_run *run, struct dh_coordinator *coordinator)
{
    struct dh_coordinator_caller *caller = next_caller(run);
    struct dh_join_group_request_protocol protocols[2] = {{pick(run), raw(run)},
                                                          {pick(run), raw(run)}};
    struct dh_join_group_request request = {
        .group_id = pick(run),
        .session_timeout_ms = next(run) * 100,
        .rebalance_timeout_ms = next(run) * 100 - 100,
        .member_id = pick(run),
        .group_instance_id = pick_or_null(run),
        .protocol_type = pick(run),
        .protocols = {protocols, next(run) % 3},
    };
    if (caller != NULL) {
        *caller = (struct dh_coordinator_caller){.version = next(run) % 10,
                                                 .client_id = DH_BYTES("c")};
        dh_coordinator_join(coordinator, caller, &request, run->now_ns, run->now_ns);
    }
}

static void sync_group(struct fuzz_run *run, struct dh_coordinator *coordinator)
{
    struct dh_coordinator_caller *caller = next_caller(run);
    struct dh_sync_group_request_assignment assignment = {pick(run), raw(run)};
    struct dh_sync_group_request request = {
        .group_id = pick(run),
        .generation_id = run->last_generation,
        .member_id = pick(run),
        .group_instance_id = pick_or_null(run),
        .assignments = {&assignment, next(run) % 2},
    };
    if (caller != NULL) {
        *caller = (struct dh_coordinator_caller){.version = -1};
        dh_coordinator_sync(coordinator, caller, &request, run->now_ns, run->now_ns);
    }
}

static void commit(struct fuzz_run *run, struct dh_coordinator *coordinator)
{
    struct dh_offset_commit_request_topic_partition partition = {
        .partition_index = next(run) % 2,
        .committed_offset = next(run),
        .committed_leader_epoch = next(run),
        .committed_metadata = raw(run)};
    struct dh_offset_commit_request_topic topic = {.name = pick(run),
                                                   .partitions = {&partition, 1}};
    struct dh_offset_commit_request request = {
        .group_id = pick(run),
        .generation_id_or_member_epoch = next(run) % 2 == 0 ? -1 : run->last_generation,
        .member_id = pick(run),
        .group_instance_id = pick_or_null(run),
        .retention_time_ms = next(run) % 4 == 0 ? INT64_MAX : -1,
        .topics = {&topic, 1},
    };
    struct dh_offset_commit_response response;
    FUZZ_CHECK(dh_coordinator_commit(coordinator, next(run) % 11, &request, &run->arena,
                                     &response, run->now_ns, run->now_ns) == 0);
}

static void ask(struct fuzz_run *run, struct dh_coordinator *coordinator)
{
    struct dh_heartbeat_request beat = {.group_id = pick(run),
                                        .generation_id = run->last_generation,
                                        .member_id = pick(run),
                                        .group_instance_id = pick_or_null(run)};
    struct dh_heartbeat_response beaten;
    struct dh_leave_group_request_member leaver = {beat.member_id, beat.group_instance_id,
                                                   DH_BYTES_NULL};
    struct dh_leave_group_request leave = {
        .group_id = beat.group_id, .member_id = beat.member_id, .members = {&leaver, 1}};
    struct dh_leave_group_response left;
    struct dh_offset_delete_request_topic_partition partition = {0};
    struct dh_offset_delete_request_topic topic = {DH_BYTES("a"), {&partition, 1}};
    struct dh_offset_delete_request purge = {beat.group_id, {&topic, 1}};
    struct dh_offset_delete_response purged;
    struct dh_describe_groups_response_group described;
    struct dh_list_groups_response_group *listed;
    struct dh_committed *committed;
    size_t count;
    int err = 0;
    switch (next(run) % 8) {
    case 0:
        err = dh_coordinator_heartbeat(coordinator, &beat, &beaten, run->now_ns);
        break;
    case 1:
        err = dh_coordinator_leave(coordinator, next(run) % 6, &leave, &run->arena, &left,
                                   run->now_ns, run->now_ns);
        break;
    case 2:
        err = dh_coordinator_describe(coordinator, next(run) % 7, beat.group_id,
                                      &run->arena, &described);
        break;
    case 3: err = dh_coordinator_list(coordinator, &run->arena, &listed, &count); break;
    case 4:
        err = dh_coordinator_all_committed(coordinator, beat.group_id, &run->arena,
                                           &committed, &count);
        break;
    case 5: (void)dh_coordinator_delete_group(coordinator, beat.group_id, 0); break;
    case 6:
        err = dh_coordinator_delete_offsets(coordinator, &purge, &run->arena, &purged);
        break;
    default: (void)dh_coordinator_on_topic_deleted(coordinator, pick(run)); break;
    }
    FUZZ_CHECK(err == 0);
}

static void request(struct fuzz_run *run, struct dh_coordinator *coordinator)
{
    switch (next(run) % 8) {
    case 0:
    case 1: join(run, coordinator); break;
    case 2: sync_group(run, coordinator); break;
    case 3: commit(run, coordinator); break;
    case 4: run->is_append_refused = next(run) % 4 == 0; break;
    case 5:
        if (run->caller_count > 0) {
            size_t index = next(run) % run->caller_count;
            dh_coordinator_forget(coordinator, &run->callers[index]);
            run->is_waiting[index] = false;
        }
        break;
    case 6:
        run->now_ns += (int64_t)next(run) * 100 * DH_MS;
        dh_coordinator_tick(coordinator, run->now_ns, run->now_ns);
        FUZZ_CHECK(dh_coordinator_deadline(coordinator) > run->now_ns);
        break;
    default: ask(run, coordinator); break;
    }
}

static void check_replay(struct fuzz_run *run, const struct dh_coordinator *coordinator)
{
    struct dh_buf expected;
    struct dh_buf actual;
    dh_buf_init(&expected, dh_mem_default(), 0);
    dh_buf_init(&actual, dh_mem_default(), 0);
    struct dh_coordinator *replayed = new_coordinator(run);
    for (size_t i = 0; i < run->record_count; i++) {
        FUZZ_CHECK(dh_coordinator_replay(replayed, &run->records[i]) == 0);
    }
    FUZZ_CHECK(dh_coordinator_dump(coordinator, &expected) == 0);
    FUZZ_CHECK(dh_coordinator_dump(replayed, &actual) == 0);
    FUZZ_CHECK(expected.size == actual.size);
    FUZZ_CHECK(expected.size == 0 ||
               memcmp(expected.data, actual.data, expected.size) == 0);
    dh_coordinator_free(replayed);
    dh_buf_deinit(&expected);
    dh_buf_deinit(&actual);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dh_coordinator_record records[RECORDS_MAX];
    struct fuzz_run run = {.records = records, .now_ns = DH_SEC};
    run.last_member_id = DH_BYTES("");
    dh_reader_init(&run.input, (dohle_bytes){data, size});
    dh_arena_init(&run.arena, dh_mem_default(), 0);
    struct dh_coordinator *coordinator = new_coordinator(&run);
    for (size_t count = next(&run) % 16; count > 0 && run.input.err == 0; count--) {
        struct dh_coordinator_record record = make_record(&run);
        keep_record(&run, &record);
        FUZZ_CHECK(dh_coordinator_replay(coordinator, &record) == 0);
    }
    FUZZ_CHECK(dh_coordinator_loaded(coordinator, run.now_ns) == 0);
    while (run.input.err == 0 && run.record_count < RECORDS_MAX / 2) {
        request(&run, coordinator);
        dh_coordinator_check(coordinator);
    }
    check_replay(&run, coordinator);
    dh_coordinator_unload(coordinator);
    for (size_t i = 0; i < run.caller_count; i++) {
        FUZZ_CHECK(!run.is_waiting[i]);
    }
    dh_coordinator_free(coordinator);
    dh_arena_deinit(&run.arena);
    return 0;
}
