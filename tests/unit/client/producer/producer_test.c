// SPDX-License-Identifier: MIT
/*
 * The producer's engine against a cluster in memory whose partitions are logs, with
 * Kafka's checks of sequence numbers.
 */
#include "client/producer/producer.h"

#include "../scripted_peer.h"

#include <dohle/config.h>

#include "base/settings.h"
#include "client/producer/messages.h"
#include "client/producer/partitioner.h"
#include "record/iterator.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/init_producer_id.h"
#include "wire/gen/metadata.h"
#include "wire/gen/produce.h"

#define PARTITIONS 4
#define LOG_MAX    20000

// One partition's log: only the numbers that the values carry.
struct log {
    uint32_t values[LOG_MAX];
    size_t count;
    // What the broker knows of the producer.
    int64_t producer_id; // -1: nothing
    int16_t producer_epoch;
    int32_t last_sequence;
    int32_t last_base_sequence;
    int64_t last_base_offset;
    size_t batches;
};

struct answered {
    size_t count;
    size_t failed;
    int last_err;
    int16_t last_broker_code;
    int64_t last_offset;
    int64_t last_timestamp_ms;
    int32_t last_partition;
};

struct rig {
    struct test_memory memory;
    struct dh_settings settings;
    struct dh_producer *producer;
    struct scripted_peer peer;
    struct log logs[PARTITIONS];
    struct answered answered;
    struct dh_producer_topic_command *topic; // the last answered
    bool is_close_answered;
    size_t flushes;
    char trouble[512];
    char reason[DH_PRODUCER_REASON_SIZE]; // of the last answer that carries one
    size_t reasons;
    uint32_t next_value;
    // What the hook does.
    int16_t error_code;    // instead of appending
    size_t errors_left;    // so many times
    bool is_written_first; // before the error is answered
    bool errors_spare_0;   // only other partitions get them
    size_t resets_left;    // append, then break the connection
    size_t losses_left;    // break the connection instead
    size_t silences_left;
    size_t batch_bytes_max; // MESSAGE_TOO_LARGE above; 0: no limit
    int16_t init_error;
    int32_t throttle_ms;       // in Metadata responses
    size_t omissions_left;     // Metadata responses that leave all topics out
    size_t no_brokers_left;    // Metadata responses that name no broker
    size_t no_partitions_left; // Metadata responses whose topics have no partitions
    struct dh_random faults;   // state 0: none at random
    size_t produce_requests;
    size_t max_batches_in_request;
    int codec_seen;
};

static bool next_action(void *engine, struct dh_action *action, int64_t now_ns)
{
    struct rig *rig = engine;
    (void)now_ns;
    dh_producer_check(rig->producer);
    return dh_producer_next_action(rig->producer, action);
}

static void on_resolved(void *engine, uint32_t connection_id,
                        const struct dh_address *addresses, size_t count, int err,
                        const char *text, int64_t now_ns)
{
    dh_producer_on_resolved(((struct rig *)engine)->producer, connection_id, addresses,
                            count, err, text, now_ns);
}

static void on_connected(void *engine, uint32_t connection_id, int64_t now_ns)
{
    dh_producer_on_connected(((struct rig *)engine)->producer, connection_id, now_ns);
}

static void on_closed(void *engine, uint32_t connection_id, int err, const char *text,
                      int64_t now_ns)
{
    dh_producer_on_closed(((struct rig *)engine)->producer, connection_id, err, text,
                          now_ns);
}

static bool receive_buffer(void *engine, uint32_t connection_id, uint8_t **pointer,
                           size_t *capacity)
{
    return dh_producer_receive_buffer(((struct rig *)engine)->producer, connection_id,
                                      pointer, capacity);
}

static void on_received(void *engine, uint32_t connection_id, size_t size, int64_t now_ns)
{
    dh_producer_on_received(((struct rig *)engine)->producer, connection_id, size,
                            now_ns);
}

static void on_sent(void *engine, uint32_t connection_id, int64_t now_ns)
{
    dh_producer_on_sent(((struct rig *)engine)->producer, connection_id, now_ns);
}

static int64_t deadline(void *engine)
{
    return dh_producer_deadline(((struct rig *)engine)->producer);
}

static void tick(void *engine, int64_t now_ns)
{
    dh_producer_tick(((struct rig *)engine)->producer, now_ns);
}

static uint32_t value_of(const dohle_record *record)
{
    uint32_t value;
    assert_true(record->value.size >= sizeof(value));
    memcpy(&value, record->value.data, sizeof(value));
    return value;
}

static void take_record(struct rig *rig, const struct dh_producer_record *record)
{
    rig->answered.count++;
    rig->answered.last_err = record->err;
    rig->answered.last_broker_code = record->broker_code;
    rig->answered.last_offset = record->offset;
    rig->answered.last_timestamp_ms = record->timestamp_ms;
    rig->answered.last_partition = record->partition;
    rig->answered.failed += record->err != 0;
    if (record->err == 0 && record->offset >= 0) {
        // What the application is told is where it is.
        const struct log *log = &rig->logs[record->partition];
        uint32_t value;
        memcpy(&value, record->input.value.data, sizeof(value));
        assert_true((size_t)record->offset < log->count);
        assert_int_equal(value, log->values[record->offset]);
    }
}

static void take_reason(struct rig *rig, const char *text)
{
    snprintf(rig->reason, sizeof(rig->reason), "%s", text);
}

static void after_turn(void *engine, int64_t now_ns)
{
    struct rig *rig = engine;
    (void)now_ns;
    for (struct dh_message *message;
         (message = dh_producer_next_event(rig->producer)) != NULL;) {
        int kind = (int)message->kind;
        if (kind == DH_PRODUCER_RECORD) {
            take_record(rig,
                        DH_CONTAINER_OF(message, struct dh_producer_record, message));
        } else if (kind == DH_PRODUCER_TOPIC) {
            dh_producer_message_free(&rig->memory.allocator,
                                     rig->topic == NULL ? NULL : &rig->topic->message);
            rig->topic =
                DH_CONTAINER_OF(message, struct dh_producer_topic_command, message);
            continue;
        } else if (kind == DH_NOTICE_TROUBLE) {
            struct dh_notice_trouble *trouble =
                DH_CONTAINER_OF(message, struct dh_notice_trouble, message);
            snprintf(rig->trouble, sizeof(rig->trouble), "%s", trouble->text);
            dh_producer_input(rig->producer, message, rig->peer.now_ns);
            continue;
        } else if (kind == DH_PRODUCER_FLUSH) {
            rig->flushes++;
        } else if (kind == DH_PRODUCER_REASON) {
            rig->reasons++;
            take_reason(
                rig, DH_CONTAINER_OF(message, struct dh_producer_reason, message)->text);
        } else {
            assert_int_equal(DH_PRODUCER_CLOSE, kind);
            rig->is_close_answered = true;
            take_reason(
                rig, DH_CONTAINER_OF(message, struct dh_producer_close, message)->reason);
        }
        dh_producer_message_free(&rig->memory.allocator, message);
    }
}

// ---- The broker ----

// Kafka's ProducerAppendInfo and ProducerStateManager, for one producer.
static int16_t check_sequence(const struct log *log, const struct dh_batch *batch)
{
    if (batch->producer_id < 0) {
        return 0;
    }
    bool is_known = log->producer_id == batch->producer_id;
    if (is_known && batch->producer_epoch < log->producer_epoch) {
        return DH_BROKER_INVALID_PRODUCER_EPOCH;
    }
    if (!is_known || batch->producer_epoch != log->producer_epoch) {
        return batch->base_sequence == 0 || !is_known
                   ? 0
                   : DH_BROKER_OUT_OF_ORDER_SEQUENCE_NUMBER;
    }
    if (batch->base_sequence == log->last_base_sequence) {
        return DH_BROKER_DUPLICATE_SEQUENCE_NUMBER;
    }
    return batch->base_sequence == log->last_sequence + 1
               ? 0
               : DH_BROKER_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

static void append(struct rig *rig, struct log *log, const struct dh_batch *batch)
{
    struct dh_codec_context codecs;
    dh_codec_context_init(&codecs, dh_mem_default(), NULL);
    struct dh_frame *frame = NULL;
    dohle_bytes payload = batch->payload;
    if (batch->codec != 0) {
        assert_int_equal(0, dh_codec_decompress(&codecs, dh_codec_find(batch->codec),
                                                payload, 16 << 20, &frame));
        payload = (dohle_bytes){frame->data, frame->size};
    }
    rig->codec_seen = batch->codec;
    struct dh_record_iterator iterator;
    assert_int_equal(0, dh_record_iterator_init(&iterator, batch, payload));
    dohle_record record;
    log->last_base_offset = (int64_t)log->count;
    while (dh_record_iterator_next(&iterator, &record) == 1) {
        assert_true(log->count < LOG_MAX);
        log->values[log->count++] = value_of(&record);
    }
    log->batches++;
    log->producer_id = batch->producer_id;
    log->producer_epoch = batch->producer_epoch;
    log->last_base_sequence = batch->base_sequence;
    log->last_sequence = batch->base_sequence + batch->record_count - 1;
    dh_frame_drop(frame);
    dh_codec_context_deinit(&codecs);
}

static void
serve_partition(struct rig *rig, const struct peer_request *request,
                const struct dh_produce_request_topic_data_partition_data *data,
                struct dh_produce_response_response_partition_response *out)
{
    dh_struct_init(&dh_produce_response_response_partition_response_struct, out);
    struct log *log = &rig->logs[data->index];
    struct dh_reader reader;
    dh_reader_init(&reader, data->records);
    struct dh_batch batch;
    assert_int_equal(DH_BATCH_FOUND, dh_batch_next(&reader, &batch));
    assert_int_equal(0, dh_batch_check_crc(&batch));
    assert_int_equal(0, dh_reader_left(&reader));
    out->index = data->index;
    out->base_offset = -1;
    if (rig->peer.topics[0].leader[data->index] != request->node_id) {
        out->error_code = DH_BROKER_NOT_LEADER_OR_FOLLOWER;
        return;
    }
    bool is_duplicate =
        check_sequence(log, &batch) == DH_BROKER_DUPLICATE_SEQUENCE_NUMBER;
    // Who has forgotten the producer cannot have its last batch.
    bool is_forced = rig->errors_left > 0 && !(rig->errors_spare_0 && data->index == 0) &&
                     !(rig->error_code == DH_BROKER_UNKNOWN_PRODUCER_ID && is_duplicate);
    if (is_forced) {
        if (rig->is_written_first) {
            append(rig, log, &batch);
        }
        rig->errors_left--;
        out->error_code = rig->error_code;
        return;
    }
    if (rig->batch_bytes_max > 0 && batch.bytes.size > rig->batch_bytes_max) {
        out->error_code = DH_BROKER_MESSAGE_TOO_LARGE;
        return;
    }
    out->error_code = check_sequence(log, &batch);
    if (out->error_code == DH_BROKER_DUPLICATE_SEQUENCE_NUMBER) {
        // As Kafka does for the last five batches: success, where it is.
        out->error_code = 0;
        out->base_offset = log->last_base_offset;
    } else if (out->error_code == 0) {
        append(rig, log, &batch);
        out->base_offset = log->last_base_offset;
    }
}

static void serve_produce(struct rig *rig, struct peer_request *request,
                          struct dh_produce_response *response)
{
    const struct dh_produce_request *asked = request->message;
    size_t batches = 0;
    response->responses.count = asked->topic_data.count;
    response->responses.items = peer_alloc(request, (size_t)asked->topic_data.count,
                                           sizeof(*response->responses.items));
    for (int32_t i = 0; i < asked->topic_data.count; i++) {
        const struct dh_produce_request_topic_data *data = &asked->topic_data.items[i];
        struct dh_produce_response_response *out = &response->responses.items[i];
        dh_struct_init(&dh_produce_response_response_struct, out);
        out->name = data->name;
        out->topic_id = data->topic_id;
        if (request->version >= 13) {
            assert_true(dh_uuid_equal(&rig->peer.topics[0].id, &data->topic_id));
        } else {
            assert_bytes_equal(DH_BYTES("t"), data->name);
        }
        out->partition_responses.count = data->partition_data.count;
        out->partition_responses.items =
            peer_alloc(request, (size_t)data->partition_data.count,
                       sizeof(*out->partition_responses.items));
        for (int32_t j = 0; j < data->partition_data.count; j++) {
            serve_partition(rig, request, &data->partition_data.items[j],
                            &out->partition_responses.items[j]);
            batches++;
        }
    }
    if (batches > rig->max_batches_in_request) {
        rig->max_batches_in_request = batches;
    }
}

static bool take_one(size_t *left)
{
    if (*left == 0) {
        return false;
    }
    --*left;
    return true;
}

// Draws a fault now and then, when the rig has a seed for them.
static void draw_fault(struct rig *rig)
{
    if (rig->faults.state == 0) {
        return;
    }
    switch (dh_random_below(&rig->faults, 12)) {
    case 0: rig->resets_left = 1; break;
    case 1: rig->losses_left = 1; break;
    case 2: rig->silences_left = 1; break;
    case 3:
        rig->error_code = DH_BROKER_NOT_ENOUGH_REPLICAS;
        rig->errors_left = 1 + dh_random_below(&rig->faults, 3);
        break;
    case 4: {
        struct peer_topic *topic = &rig->peer.topics[0];
        size_t partition = dh_random_below(&rig->faults, PARTITIONS);
        topic->leader[partition] = topic->leader[partition] == 1 ? 2 : 1;
        topic->leader_epoch[partition]++;
        break;
    }
    case 5:
        // The broker forgets the producer, as when its records were deleted.
        rig->error_code = DH_BROKER_UNKNOWN_PRODUCER_ID;
        rig->errors_left = 1;
        break;
    default: break;
    }
}

static enum peer_verdict serve_metadata(struct rig *rig, struct peer_request *request,
                                        struct dh_metadata_response *response)
{
    enum peer_verdict verdict = peer_serve(request, response);
    response->throttle_time_ms = rig->throttle_ms;
    if (take_one(&rig->omissions_left)) {
        response->topics.count = 0;
    }
    if (take_one(&rig->no_brokers_left)) {
        response->brokers.count = 0;
    }
    if (take_one(&rig->no_partitions_left)) {
        for (int32_t i = 0; i < response->topics.count; i++) {
            response->topics.items[i].partitions.count = 0;
        }
    }
    return verdict;
}

static enum peer_verdict hook(void *ctx, struct peer_request *request, void *response)
{
    struct rig *rig = ctx;
    if (request->key == DH_API_INIT_PRODUCER_ID) {
        struct dh_init_producer_id_response *out = response;
        out->error_code = rig->init_error;
        out->producer_id = rig->init_error == 0 ? 4242 : -1;
        out->producer_epoch = rig->init_error == 0 ? 0 : -1;
        return PEER_ANSWER;
    }
    if (request->key == DH_API_METADATA) {
        return serve_metadata(rig, request, response);
    }
    if (request->key != DH_API_PRODUCE) {
        return PEER_SERVE;
    }
    rig->produce_requests++;
    draw_fault(rig);
    if (take_one(&rig->losses_left)) {
        return PEER_RESET;
    }
    serve_produce(rig, request, response);
    if (take_one(&rig->resets_left)) {
        return PEER_RESET;
    }
    const struct dh_produce_request *asked = request->message;
    return asked->acks == 0 || take_one(&rig->silences_left) ? PEER_SILENT : PEER_ANSWER;
}

// ---- Set-up ----

static int rig_init_failing_at(struct rig *rig, const char *const *options,
                               size_t fail_at)
{
    memset(rig, 0, sizeof(*rig));
    test_memory_init(&rig->memory);
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", "one:9092"));
    for (; options != NULL && options[0] != NULL; options += 2) {
        assert_int_equal(0, dohle_config_set(config, options[0], options[1]));
    }
    assert_int_equal(0, dh_settings_resolve(&rig->settings, dh_mem_default(), config,
                                            DH_ROLE_PRODUCER, 1, NULL));
    dohle_config_free(config);
    const struct peer_engine engine = {
        .engine = rig,
        .next_action = next_action,
        .on_resolved = on_resolved,
        .on_connected = on_connected,
        .on_closed = on_closed,
        .receive_buffer = receive_buffer,
        .on_received = on_received,
        .on_sent = on_sent,
        .deadline = deadline,
        .tick = tick,
        .after_turn = after_turn,
    };
    peer_init(&rig->peer, &engine);
    rig->peer.hook = hook;
    rig->peer.hook_ctx = rig;
    peer_add_node(&rig->peer, 1, "one", 9092);
    peer_add_node(&rig->peer, 2, "two", 9092);
    struct peer_topic *topic = peer_add_topic(&rig->peer, "t", PARTITIONS, 1);
    topic->leader[1] = 2;
    for (size_t i = 0; i < PARTITIONS; i++) {
        rig->logs[i].producer_id = -1;
    }
    rig->memory.fail_at = fail_at;
    struct dh_back_options back_options = {.mem = &rig->memory.allocator,
                                           .settings = &rig->settings,
                                           .seed = 11,
                                           .now_ns = rig->peer.now_ns};
    rig->producer = dh_producer_new(&back_options);
    return rig->producer == NULL ? DOHLE_ERR_NO_MEMORY : 0;
}

static struct rig *rig_new(const char *const *options)
{
    struct rig *rig = malloc(sizeof(*rig));
    assert_non_null(rig);
    assert_int_equal(0, rig_init_failing_at(rig, options, 0));
    return rig;
}

static void rig_free(struct rig *rig)
{
    dh_producer_message_free(&rig->memory.allocator,
                             rig->topic == NULL ? NULL : &rig->topic->message);
    dh_producer_free(rig->producer);
    dh_settings_deinit(&rig->settings);
    peer_deinit(&rig->peer);
    assert_int_equal(0, rig->memory.bytes);
    free(rig);
}

// A record whose value starts with the next number. Without memory nothing is sent.
static bool send_sized(struct rig *rig, int32_t partition, const char *key, size_t size)
{
    size_t key_size = key == NULL ? 0 : strlen(key);
    size_t block_size = sizeof(struct dh_producer_record) + key_size + size;
    struct dh_producer_record *record =
        dh_mem_calloc(&rig->memory.allocator, 1, block_size);
    if (record == NULL) {
        return false;
    }
    uint8_t *bytes = (uint8_t *)(record + 1);
    record->message.kind = (enum dh_message_kind)DH_PRODUCER_RECORD;
    record->message.size = (uint32_t)block_size;
    record->topic = "t";
    record->partition = partition;
    record->deadline_ns =
        dh_deadline_after_ms(rig->peer.now_ns, rig->settings.delivery_timeout_ms);
    record->input.timestamp_ms = 1000 + rig->next_value;
    if (key != NULL) {
        memcpy(bytes, key, key_size);
        record->input.key = (dohle_bytes){bytes, key_size};
    }
    uint32_t value = rig->next_value++;
    memcpy(bytes + key_size, &value, sizeof(value));
    record->input.value = (dohle_bytes){bytes + key_size, size};
    dh_producer_input(rig->producer, &record->message, rig->peer.now_ns);
    return true;
}

static void send_records(struct rig *rig, int32_t partition, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_true(send_sized(rig, partition, NULL, 100));
    }
}

static void flush(struct rig *rig)
{
    struct dh_message *message =
        dh_mem_calloc(&rig->memory.allocator, 1, sizeof(*message));
    assert_non_null(message);
    message->kind = (enum dh_message_kind)DH_PRODUCER_FLUSH;
    message->size = sizeof(*message);
    dh_producer_input(rig->producer, message, rig->peer.now_ns);
}

// Returns the answer, which comes at once.
static const char *ask_reason(struct rig *rig)
{
    struct dh_producer_reason *command =
        dh_mem_calloc(&rig->memory.allocator, 1, sizeof(*command));
    assert_non_null(command);
    command->message.kind = (enum dh_message_kind)DH_PRODUCER_REASON;
    command->message.size = sizeof(*command);
    size_t reasons = rig->reasons;
    dh_producer_input(rig->producer, &command->message, rig->peer.now_ns);
    after_turn(rig, rig->peer.now_ns);
    assert_int_equal(reasons + 1, rig->reasons);
    return rig->reason;
}

static bool close_within(struct rig *rig, int64_t ms)
{
    struct dh_producer_close *command =
        dh_mem_calloc(&rig->memory.allocator, 1, sizeof(*command));
    if (command == NULL) {
        return false;
    }
    command->message.kind = (enum dh_message_kind)DH_PRODUCER_CLOSE;
    command->message.size = sizeof(*command);
    command->deadline_ns = dh_deadline_after_ms(rig->peer.now_ns, ms);
    dh_producer_input(rig->producer, &command->message, rig->peer.now_ns);
    return true;
}

static void ask_topic(struct rig *rig, const char *topic, int32_t partition, int64_t ms)
{
    struct dh_producer_topic_command *command =
        dh_mem_calloc(&rig->memory.allocator, 1, sizeof(*command));
    assert_non_null(command);
    command->message.kind = (enum dh_message_kind)DH_PRODUCER_TOPIC;
    command->message.size = sizeof(*command);
    command->topic = topic;
    command->partition = partition;
    command->deadline_ns = dh_deadline_after_ms(rig->peer.now_ns, ms);
    dh_producer_input(rig->producer, &command->message, rig->peer.now_ns);
}

static size_t logged(const struct rig *rig)
{
    size_t count = 0;
    for (size_t i = 0; i < PARTITIONS; i++) {
        count += rig->logs[i].count;
    }
    return count;
}

// Each number once, and rising within its partition.
static void assert_logs_are_exact(const struct rig *rig, size_t count)
{
    assert_int_equal(count, logged(rig));
    bool *is_seen = calloc(count == 0 ? 1 : count, sizeof(*is_seen));
    for (size_t i = 0; i < PARTITIONS; i++) {
        for (size_t j = 0; j < rig->logs[i].count; j++) {
            uint32_t value = rig->logs[i].values[j];
            assert_true(j == 0 || value > rig->logs[i].values[j - 1]);
            assert_true(value < count && !is_seen[value]);
            is_seen[value] = true;
        }
    }
    free(is_seen);
}

// "": nothing.
static void assert_says(const char *expected, const char *text)
{
    if (expected[0] == '\0' ? text[0] != '\0' : strstr(text, expected) == NULL) {
        fail_msg("expected \"%s\" in \"%s\"", expected, text);
    }
}

// ---- Tests ----

static void test_records_arrive_in_every_version(void **state)
{
    (void)state;
    for (int16_t version = 3; version <= 13; version++) {
        struct rig *rig = rig_new(NULL);
        rig->peer.version_max[DH_API_PRODUCE] = version;
        for (int32_t partition = 0; partition < PARTITIONS; partition++) {
            send_records(rig, partition, 10);
        }
        peer_run(&rig->peer, 100 * DH_MS);
        assert_int_equal(40, rig->answered.count);
        assert_int_equal(0, rig->answered.failed);
        assert_int_equal(9, rig->answered.last_offset);
        assert_logs_are_exact(rig, 40);
        assert_int_equal(4242, rig->logs[0].producer_id);
        rig_free(rig);
    }
}

static void test_records_linger_until_a_batch_is_full(void **state)
{
    (void)state;
    static const char *const options[] = {
        "linger.ms", "1000", "batch.size", "2000", "request.timeout.ms", "5000", NULL};
    struct rig *rig = rig_new(options);
    send_records(rig, 0, 5);
    peer_run(&rig->peer, 990 * DH_MS);
    assert_int_equal(0, rig->produce_requests);
    peer_run(&rig->peer, 20 * DH_MS);
    assert_int_equal(1, rig->produce_requests);
    assert_int_equal(5, rig->answered.count);
    // 20 records of 100 bytes are more than a batch: no linger, and what is left over does.
    send_records(rig, 0, 20);
    peer_run(&rig->peer, 1 * DH_MS);
    assert_in_range(rig->answered.count, 20, 24);
    peer_run(&rig->peer, 1100 * DH_MS);
    assert_int_equal(25, rig->answered.count);
    assert_logs_are_exact(rig, 25);
    rig_free(rig);
}

static void test_a_flush_does_not_linger(void **state)
{
    (void)state;
    static const char *const options[] = {"linger.ms", "60000", NULL};
    struct rig *rig = rig_new(options);
    send_records(rig, 0, 3);
    send_records(rig, 1, 3);
    peer_run(&rig->peer, 1000 * DH_MS);
    assert_int_equal(0, rig->answered.count);
    flush(rig);
    peer_run(&rig->peer, 1 * DH_MS);
    assert_int_equal(6, rig->answered.count);
    assert_int_equal(1, rig->flushes);
    send_records(rig, 0, 1);
    peer_run(&rig->peer, 1000 * DH_MS);
    assert_int_equal(6, rig->answered.count);
    rig_free(rig);
}

static void test_one_request_carries_many_partitions(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    for (int32_t partition = 0; partition < PARTITIONS; partition++) {
        send_records(rig, partition, 1);
    }
    peer_run(&rig->peer, 100 * DH_MS);
    // Three partitions are led by node 1, one by node 2.
    assert_int_equal(2, rig->produce_requests);
    assert_int_equal(3, rig->max_batches_in_request);
    rig_free(rig);
}

static void test_keys_choose_and_null_keys_stick(void **state)
{
    (void)state;
    static const char *const options[] = {"batch.size", "1000", NULL};
    struct rig *rig = rig_new(options);
    peer_run(&rig->peer, 1 * DH_MS);
    for (int i = 0; i < 50; i++) {
        assert_true(send_sized(rig, -1, "a-key", 100));
    }
    peer_run(&rig->peer, 100 * DH_MS);
    int32_t expected = dh_partition_for_key(DH_BYTES("a-key"), PARTITIONS);
    assert_int_equal(50, rig->logs[expected].count);
    for (int i = 0; i < 400; i++) {
        assert_true(send_sized(rig, -1, NULL, 100));
    }
    peer_run(&rig->peer, 100 * DH_MS);
    assert_logs_are_exact(rig, 450);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        assert_true(rig->logs[i].count > 0);
    }
    rig_free(rig);
}

static void test_every_codec_arrives(void **state)
{
    (void)state;
    static const char *const names[] = {"none", "gzip", "snappy", "lz4", "zstd"};
    for (int codec = 0; codec < DH_CODEC_COUNT; codec++) {
        const char *const options[] = {"compression.type", names[codec], NULL};
        struct rig *rig = rig_new(options);
        send_records(rig, 0, 3000);
        peer_run(&rig->peer, 1000 * DH_MS);
        assert_int_equal(3000, rig->answered.count);
        assert_int_equal(codec, rig->codec_seen);
        assert_logs_are_exact(rig, 3000);
        // What compresses well fills batches with more.
        assert_true(codec == 0 ? rig->logs[0].batches > 18 : rig->logs[0].batches < 18);
        rig_free(rig);
    }
}

// Written or not, the answer is lost: sent again, and once in the log.
static void test_a_lost_answer_is_no_duplicate(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    rig->resets_left = 1;
    send_records(rig, 0, 10);
    peer_run(&rig->peer, 5 * DH_SEC);
    assert_int_equal(10, rig->answered.count);
    assert_int_equal(0, rig->answered.failed);
    assert_logs_are_exact(rig, 10);
    assert_int_equal(1, rig->logs[0].batches);
    rig->losses_left = 1;
    send_records(rig, 0, 10);
    peer_run(&rig->peer, 5 * DH_SEC);
    assert_logs_are_exact(rig, 20);
    // No answer at all: the request times out.
    rig->silences_left = 1;
    send_records(rig, 0, 10);
    peer_run(&rig->peer, 29 * DH_SEC);
    assert_int_equal(20, rig->answered.count);
    peer_run(&rig->peer, 5 * DH_SEC);
    assert_int_equal(30, rig->answered.count);
    assert_logs_are_exact(rig, 30);
    assert_int_equal(0, rig->logs[0].producer_epoch);
    rig_free(rig);
}

static void test_without_idempotence_a_lost_answer_may_duplicate(void **state)
{
    (void)state;
    static const char *const options[] = {"enable.idempotence", "false", "acks", "1",
                                          NULL};
    struct rig *rig = rig_new(options);
    rig->resets_left = 1;
    send_records(rig, 0, 10);
    peer_run(&rig->peer, 5 * DH_SEC);
    assert_int_equal(10, rig->answered.count);
    assert_int_equal(20, rig->logs[0].count);
    assert_int_equal(-1, rig->logs[0].producer_id);
    assert_int_equal(0, rig->peer.requests[DH_API_INIT_PRODUCER_ID]);
    rig_free(rig);
}

static void test_acks_0_is_answered_when_sent(void **state)
{
    (void)state;
    static const char *const options[] = {"enable.idempotence", "false", "acks", "0",
                                          NULL};
    struct rig *rig = rig_new(options);
    for (int i = 0; i < 50; i++) {
        send_records(rig, i % PARTITIONS, 20);
        peer_run(&rig->peer, 6 * DH_MS);
    }
    peer_run(&rig->peer, 100 * DH_MS);
    assert_int_equal(1000, rig->answered.count);
    assert_int_equal(0, rig->answered.failed);
    assert_int_equal(-1, rig->answered.last_offset);
    assert_logs_are_exact(rig, 1000);
    // Metadata on the same connection still find their answer.
    peer_run(&rig->peer, 400 * DH_SEC);
    assert_true(rig->peer.requests[DH_API_METADATA] >= 2);
    rig_free(rig);
}

static void test_a_passing_error_is_tried_again(void **state)
{
    (void)state;
    static const int16_t codes[] = {
        DH_BROKER_NOT_LEADER_OR_FOLLOWER,     DH_BROKER_NOT_ENOUGH_REPLICAS,
        DH_BROKER_REQUEST_TIMED_OUT,          DH_BROKER_LEADER_NOT_AVAILABLE,
        DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION,
    };
    for (size_t i = 0; i < DH_COUNT_OF(codes); i++) {
        struct rig *rig = rig_new(NULL);
        rig->error_code = codes[i];
        rig->errors_left = 3;
        send_records(rig, 0, 10);
        peer_run(&rig->peer, 10 * DH_SEC);
        assert_int_equal(10, rig->answered.count);
        assert_int_equal(0, rig->answered.failed);
        assert_int_equal(4, rig->produce_requests);
        assert_logs_are_exact(rig, 10);
        rig_free(rig);
    }
}

// What may be in the log keeps its numbers, though another partition begins a new epoch
// before it is sent again: the broker knows it by them.
static void test_an_error_after_the_write_repeats_nothing(void **state)
{
    (void)state;
    static const int16_t codes[] = {
        DH_BROKER_REQUEST_TIMED_OUT,
        DH_BROKER_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        DH_BROKER_KAFKA_STORAGE_ERROR,
    };
    for (size_t i = 0; i < DH_COUNT_OF(codes); i++) {
        struct rig *rig = rig_new(NULL);
        send_records(rig, 1, 3);
        peer_run(&rig->peer, 1 * DH_SEC);
        rig->error_code = codes[i];
        rig->errors_left = 1;
        rig->is_written_first = true;
        send_records(rig, 0, 5);
        peer_run(&rig->peer, 20 * DH_MS);
        assert_int_equal(0, rig->errors_left);
        rig->error_code = DH_BROKER_OUT_OF_ORDER_SEQUENCE_NUMBER;
        rig->errors_left = 1;
        rig->errors_spare_0 = true;
        rig->is_written_first = false;
        send_records(rig, 1, 3);
        peer_run(&rig->peer, 10 * DH_SEC);
        assert_int_equal(1, rig->logs[1].producer_epoch);
        assert_int_equal(11, rig->answered.count);
        assert_int_equal(0, rig->answered.failed);
        assert_logs_are_exact(rig, 11);
        rig_free(rig);
    }
}

static void test_a_refusal_is_told_and_the_next_batch_goes_on(void **state)
{
    (void)state;

    static const struct {
        int16_t code;
        int expected;
    } rows[] = {
        {DH_BROKER_TOPIC_AUTHORIZATION_FAILED, DOHLE_ERR_TOPIC_AUTHORIZATION},
        {DH_BROKER_INVALID_RECORD, DOHLE_ERR_BROKER},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig *rig = rig_new(NULL);
        send_records(rig, 0, 5);
        peer_run(&rig->peer, 1 * DH_SEC);
        rig->error_code = rows[i].code;
        rig->errors_left = 1;
        send_records(rig, 0, 5);
        peer_run(&rig->peer, 1 * DH_SEC);
        assert_int_equal(10, rig->answered.count);
        assert_int_equal(5, rig->answered.failed);
        assert_int_equal(rows[i].expected, rig->answered.last_err);
        assert_int_equal(rows[i].code, rig->answered.last_broker_code);
        // The sequence numbers go on where the log is: nothing out of order.
        send_records(rig, 0, 5);
        peer_run(&rig->peer, 1 * DH_SEC);
        assert_int_equal(5, rig->answered.failed);
        assert_int_equal(10, rig->logs[0].count);
        assert_int_equal(0, rig->logs[0].producer_epoch);
        rig_free(rig);
    }
}

// UNKNOWN_PRODUCER_ID and OUT_OF_ORDER say that the batch is not in the log, even when
// that was in doubt: it is sent again under a new epoch, in which 0 comes first.
static void test_a_broker_that_forgets_starts_a_new_epoch(void **state)
{
    (void)state;
    static const int16_t codes[] = {DH_BROKER_UNKNOWN_PRODUCER_ID,
                                    DH_BROKER_OUT_OF_ORDER_SEQUENCE_NUMBER};
    for (size_t i = 0; i < 2 * DH_COUNT_OF(codes); i++) {
        struct rig *rig = rig_new(NULL);
        send_records(rig, 0, 5);
        send_records(rig, 1, 5);
        peer_run(&rig->peer, 1 * DH_SEC);
        rig->losses_left = i % 2; // in doubt before
        rig->error_code = codes[i / 2];
        rig->errors_left = 1;
        send_records(rig, 0, 5);
        peer_run(&rig->peer, 5 * DH_SEC);
        assert_int_equal(15, rig->answered.count);
        assert_int_equal(1, rig->logs[0].producer_epoch);
        assert_int_equal(4, rig->logs[0].last_sequence);
        // The other partition changes over with its next batch.
        assert_int_equal(0, rig->logs[1].producer_epoch);
        send_records(rig, 1, 3);
        peer_run(&rig->peer, 1 * DH_SEC);
        assert_int_equal(1, rig->logs[1].producer_epoch);
        assert_int_equal(2, rig->logs[1].last_sequence);
        assert_int_equal(0, rig->answered.failed);
        assert_logs_are_exact(rig, 18);
        rig_free(rig);
    }
}

static void test_the_leader_moves(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    send_records(rig, 0, 5);
    peer_run(&rig->peer, 1 * DH_SEC);
    rig->peer.topics[0].leader[0] = 2;
    rig->peer.topics[0].leader_epoch[0] = 1;
    send_records(rig, 0, 5);
    peer_run(&rig->peer, 2 * DH_SEC);
    assert_int_equal(10, rig->answered.count);
    // Nobody leads for a while.
    rig->peer.topics[0].leader[0] = -1;
    rig->peer.topics[0].leader_epoch[0] = 2;
    send_records(rig, 0, 5);
    peer_run(&rig->peer, 3 * DH_SEC);
    assert_int_equal(10, rig->answered.count);
    rig->peer.topics[0].leader[0] = 1;
    rig->peer.topics[0].leader_epoch[0] = 3;
    peer_run(&rig->peer, 3 * DH_SEC);
    assert_int_equal(15, rig->answered.count);
    assert_int_equal(0, rig->answered.failed);
    assert_logs_are_exact(rig, 15);
    rig_free(rig);
}

static void test_a_batch_too_large_is_split(void **state)
{
    (void)state;
    static const char *const options[] = {"linger.ms", "100", NULL};
    struct rig *rig = rig_new(options);
    rig->batch_bytes_max = 1000;
    send_records(rig, 0, 100);
    assert_true(send_sized(rig, 0, NULL, 5000)); // alone it is too large still
    send_records(rig, 0, 9);
    peer_run(&rig->peer, 5 * DH_SEC);
    assert_int_equal(110, rig->answered.count);
    assert_int_equal(1, rig->answered.failed);
    assert_int_equal(109, rig->logs[0].count);
    for (size_t i = 1; i < 109; i++) {
        assert_true(rig->logs[0].values[i] > rig->logs[0].values[i - 1]);
    }
    assert_int_equal(0, rig->logs[0].producer_epoch);
    rig_free(rig);
}

static void test_delivery_timeout_is_kept_in_every_state(void **state)
{
    (void)state;
    static const char *const options[] = {"delivery.timeout.ms",
                                          "3000",
                                          "request.timeout.ms",
                                          "2000",
                                          "linger.ms",
                                          "0",
                                          NULL};

    enum { UNREACHABLE, SILENT, ERRORS, NO_LEADER, NO_TOPIC, CASES };

    for (int i = 0; i < CASES; i++) {
        struct rig *rig = rig_new(options);
        send_records(rig, 0, 1);
        if (i != UNREACHABLE && i != NO_TOPIC) {
            peer_run(&rig->peer, 1 * DH_SEC);
            assert_int_equal(1, rig->answered.count);
        }
        size_t before = rig->answered.count;
        switch (i) {
        case UNREACHABLE: rig->peer.nodes[0].reach[0] = PEER_REFUSES; break;
        case SILENT: rig->silences_left = 100; break;
        case ERRORS:
            rig->error_code = DH_BROKER_NOT_ENOUGH_REPLICAS;
            rig->errors_left = 1000;
            break;
        case NO_LEADER:
            rig->peer.topics[0].leader[0] = -1;
            rig->peer.topics[0].leader_epoch[0]++;
            break;
        case NO_TOPIC: rig->peer.topics[0].error_code = 3; break;
        default: break;
        }
        send_records(rig, 0, 4);
        peer_run(&rig->peer, 2900 * DH_MS);
        assert_int_equal(before, rig->answered.count);
        peer_run(&rig->peer, 200 * DH_MS);
        assert_int_equal(DOHLE_ERR_TIMEOUT, rig->answered.last_err);
        assert_true(rig->answered.count > before);
        peer_run(&rig->peer, 3 * DH_SEC);
        assert_int_equal(5, rig->answered.count);
        // And all is well when the trouble is over.
        rig->peer.nodes[0].reach[0] = PEER_ACCEPTS;
        rig->silences_left = 0;
        rig->errors_left = 0;
        rig->peer.topics[0].leader[0] = 1;
        rig->peer.topics[0].leader_epoch[0]++;
        rig->peer.topics[0].error_code = 0;
        peer_run(&rig->peer, 60 * DH_SEC);
        size_t failed = rig->answered.failed;
        send_records(rig, 0, 10);
        peer_run(&rig->peer, 2 * DH_SEC);
        assert_int_equal(failed, rig->answered.failed);
        // In doubt about what the broker has: another epoch.
        assert_int_equal(i == SILENT, rig->logs[0].producer_epoch);
        rig_free(rig);
    }
}

static void test_a_producer_that_is_refused_fails_for_ever(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    rig->init_error = DH_BROKER_CLUSTER_AUTHORIZATION_FAILED;
    send_records(rig, 0, 3);
    peer_run(&rig->peer, 1 * DH_SEC);
    assert_int_equal(3, rig->answered.failed);
    assert_int_equal(DOHLE_ERR_CLUSTER_AUTHORIZATION, rig->answered.last_err);
    send_records(rig, 0, 1);
    peer_run(&rig->peer, 1 * DH_SEC);
    assert_int_equal(4, rig->answered.failed);
    assert_int_equal(0, rig->produce_requests);
    rig_free(rig);
}

static void test_a_topic_is_made_known_or_the_reason_told(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    ask_topic(rig, "t", -1, 1000);
    peer_run(&rig->peer, 10 * DH_MS);
    assert_non_null(rig->topic);
    assert_int_equal(0, rig->topic->error.code);
    assert_int_equal(PARTITIONS, rig->topic->partition_count);
    // A partition that comes later.
    ask_topic(rig, "t", PARTITIONS, 5000);
    peer_run(&rig->peer, 1000 * DH_MS);
    rig->peer.topics[0].partition_count++;
    peer_run(&rig->peer, 3000 * DH_MS);
    assert_int_equal(PARTITIONS + 1, rig->topic->partition_count);
    assert_int_equal(0, rig->topic->error.code);
    // One that never comes.
    ask_topic(rig, "t", 100, 1000);
    peer_run(&rig->peer, 1010 * DH_MS);
    assert_int_equal(DOHLE_ERR_TIMEOUT, rig->topic->error.code);
    assert_non_null(strstr(rig->topic->error.text, "no partition 100"));
    // A topic that is not there, one that is forbidden.
    ask_topic(rig, "nowhere", -1, 1000);
    peer_run(&rig->peer, 1010 * DH_MS);
    assert_int_equal(DOHLE_ERR_UNKNOWN_TOPIC, rig->topic->error.code);
    peer_add_topic(&rig->peer, "secret", 1, 1)->error_code =
        DH_BROKER_TOPIC_AUTHORIZATION_FAILED;
    ask_topic(rig, "secret", -1, 10000);
    peer_run(&rig->peer, 500 * DH_MS);
    assert_int_equal(DOHLE_ERR_TOPIC_AUTHORIZATION, rig->topic->error.code);
    assert_string_equal("secret", rig->topic->error.topic);
    rig_free(rig);
}

static void test_a_cluster_out_of_reach_is_named(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    rig->peer.nodes[0].reach[0] = PEER_REFUSES;
    ask_topic(rig, "t", -1, 1000);
    peer_run(&rig->peer, 1010 * DH_MS);
    assert_int_equal(DOHLE_ERR_TIMEOUT, rig->topic->error.code);
    assert_non_null(strstr(rig->topic->error.text, "connection refused"));
    assert_non_null(strstr(rig->trouble, "connection refused"));
    rig_free(rig);
}

/*
 * The question waits while the node throttles us, and the connection is lost meanwhile:
 * the next connection carries it, and no back-off of a failure comes between.
 */
static void test_a_topic_is_asked_for_on_the_next_connection(void **state)
{
    (void)state;
    static const char *const options[] = {"retry.backoff.ms", "20000",
                                          "retry.backoff.max.ms", "20000", NULL};
    struct rig *rig = rig_new(options);
    peer_add_topic(&rig->peer, "u", 1, 1);
    rig->peer.node_count = 1; // nobody else can be asked
    rig->throttle_ms = 1000;
    ask_topic(rig, "t", -1, 60000);
    peer_run(&rig->peer, 10 * DH_MS);
    assert_int_equal(1, rig->peer.requests[DH_API_METADATA]);
    ask_topic(rig, "u", -1, 60000);
    peer_run(&rig->peer, 490 * DH_MS);
    assert_int_equal(1, rig->peer.requests[DH_API_METADATA]);
    assert_int_equal(1, peer_open_count(&rig->peer));
    peer_reset(&rig->peer, &rig->peer.connections[0], "reset");
    peer_run(&rig->peer, 550 * DH_MS);
    assert_int_equal(2, rig->peer.requests[DH_API_METADATA]);
    assert_string_equal("u", rig->topic->topic);
    assert_int_equal(0, rig->topic->error.code);
    assert_int_equal(1, rig->topic->partition_count);
    rig_free(rig);
}

// Whatever a cluster that is about to start leaves out, it is asked for again soon.
static void test_a_topic_is_asked_for_until_it_is_there(void **state)
{
    (void)state;

    enum lack { BROKERS, TOPICS, PARTITIONS_OF_TOPIC, LEADER, LACKS };

    for (enum lack lack = 0; lack < LACKS; lack++) {
        struct rig *rig = rig_new(NULL);
        rig->no_brokers_left = lack == BROKERS ? 5 : 0;
        rig->omissions_left = lack == TOPICS ? 5 : 0;
        rig->no_partitions_left = lack == PARTITIONS_OF_TOPIC ? 5 : 0;
        rig->peer.topics[0].error_code =
            lack == LEADER ? DH_BROKER_LEADER_NOT_AVAILABLE : 0;
        send_records(rig, 0, 3);
        peer_run(&rig->peer, 1 * DH_SEC);
        assert_int_equal(0, rig->answered.count);
        rig->peer.topics[0].error_code = 0;
        peer_run(&rig->peer, 5 * DH_SEC);
        assert_int_equal(3, rig->answered.count);
        assert_int_equal(0, rig->answered.failed);
        rig_free(rig);
    }
}

// Though every broker answers, the time-out of a topic says what is wrong.
static void test_a_topic_that_is_not_told_of_has_a_cause(void **state)
{
    (void)state;

    static const struct {
        size_t no_brokers, omissions;
        int64_t timeout_ms;
        const char *expected;
    } rows[] = {
        {1000, 0, 1000, "one:9092: Metadata: the response names no broker"},
        {0, 1000, 1000, "the brokers answer, but do not tell of it"},
        {0, 0, 0, "no metadata have come yet"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig *rig = rig_new(NULL);
        rig->no_brokers_left = rows[i].no_brokers;
        rig->omissions_left = rows[i].omissions;
        ask_topic(rig, "t", -1, rows[i].timeout_ms);
        peer_run(&rig->peer, 1010 * DH_MS);
        assert_int_equal(DOHLE_ERR_TIMEOUT, rig->topic->error.code);
        assert_says(rows[i].expected, rig->topic->error.text);
        rig_free(rig);
    }
}

static void test_close_delivers_what_is_left(void **state)
{
    (void)state;
    static const char *const options[] = {"linger.ms", "60000", NULL};
    struct rig *rig = rig_new(options);
    send_records(rig, 0, 100);
    assert_true(close_within(rig, 5000));
    peer_run(&rig->peer, 100 * DH_MS);
    assert_int_equal(100, rig->answered.count);
    assert_int_equal(0, rig->answered.failed);
    assert_true(rig->is_close_answered);
    assert_true(dh_producer_is_finished(rig->producer));
    assert_int_equal(0, peer_open_count(&rig->peer));
    send_records(rig, 0, 1);
    peer_run(&rig->peer, 1 * DH_MS);
    assert_int_equal(DOHLE_ERR_CLOSED, rig->answered.last_err);
    rig_free(rig);
}

static void test_close_ends_in_time_under_any_fault(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct rig *rig = rig_new(NULL);
        if (i != 3) {
            send_records(rig, 0, 10);
            peer_run(&rig->peer, 1 * DH_SEC);
        }
        size_t before = rig->answered.count;
        switch (i) {
        case 0: rig->silences_left = 100; break;
        case 1:
            rig->error_code = DH_BROKER_NOT_ENOUGH_REPLICAS;
            rig->errors_left = 100000;
            break;
        case 2:
            rig->peer.topics[0].leader[0] = -1;
            rig->peer.topics[0].leader_epoch[0]++;
            break;
        default: rig->peer.nodes[0].reach[0] = PEER_HANGS; break;
        }
        send_records(rig, 0, 10);
        peer_run(&rig->peer, 50 * DH_MS);
        assert_true(close_within(rig, 500));
        peer_run(&rig->peer, 490 * DH_MS);
        assert_false(rig->is_close_answered);
        peer_run(&rig->peer, 20 * DH_MS);
        assert_true(rig->is_close_answered);
        assert_int_equal(before + 10, rig->answered.count);
        assert_int_equal(DOHLE_ERR_CLOSED, rig->answered.last_err);
        assert_true(dh_producer_is_finished(rig->producer));
        rig_free(rig);
    }
}

// What a flush, a full buffer or a close that takes too long says.
static void test_what_delays_records_is_told(void **state)
{
    (void)state;
    static const char *const options[] = {"retry.backoff.ms", "1000", NULL};

    enum fault { NOTHING, UNREACHABLE, SILENT, ERRORS, NO_LEADER, NO_TOPIC, NO_ID };

    static const struct {
        enum fault fault;
        const char *expected;
    } rows[] = {
        {NOTHING, ""},
        {UNREACHABLE, "one:9092 (bootstrap): connection refused"},
        {SILENT, "one:9092 (node 1): no answer to Produce yet"},
        {ERRORS, "t-0: NOT_ENOUGH_REPLICAS"},
        {NO_LEADER, "t-0 has no leader"},
        {NO_TOPIC, "topic t is not known yet: UNKNOWN_TOPIC_OR_PARTITION"},
        {NO_ID, "one:9092: InitProducerId: COORDINATOR_LOAD_IN_PROGRESS"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig *rig = rig_new(options);
        enum fault fault = rows[i].fault;
        rig->peer.nodes[0].reach[0] = fault == UNREACHABLE ? PEER_REFUSES : PEER_ACCEPTS;
        rig->silences_left = fault == SILENT ? 100 : 0;
        rig->error_code = DH_BROKER_NOT_ENOUGH_REPLICAS;
        rig->errors_left = fault == ERRORS ? 100 : 0;
        rig->peer.topics[0].leader[0] = fault == NO_LEADER ? -1 : 1;
        rig->peer.topics[0].error_code = fault == NO_TOPIC ? 3 : 0;
        rig->init_error = fault == NO_ID ? DH_BROKER_COORDINATOR_LOAD_IN_PROGRESS : 0;
        send_records(rig, 0, 3);
        peer_run(&rig->peer, 200 * DH_MS);
        assert_says(rows[i].expected, ask_reason(rig));
        // Close asks before it gives up what waits.
        assert_true(close_within(rig, 100));
        peer_run(&rig->peer, 110 * DH_MS);
        assert_true(rig->is_close_answered);
        assert_says(rows[i].expected, rig->reason);
        assert_int_equal(3, rig->answered.count);
        (void)ask_reason(rig); // answered then, too
        rig_free(rig);
    }
}

// Lost requests, lost answers, silence, errors, moving leaders, a forgetful broker: each
// record is in the log once and in order.
static void test_nothing_is_lost_doubled_or_reordered(void **state)
{
    (void)state;
    static const char *const options[] = {"linger.ms",
                                          "5",
                                          "batch.size",
                                          "1500",
                                          "request.timeout.ms",
                                          "2000",
                                          "delivery.timeout.ms",
                                          "2000000000",
                                          NULL};
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct rig *rig = rig_new(options);
        rig->peer.piece_bytes = seed % 3 == 0 ? 7 : 0;
        rig->faults.state = seed;
        struct dh_random random = {seed * 77};
        for (int i = 0; i < 300; i++) {
            int32_t partition = (int32_t)dh_random_below(&random, PARTITIONS + 1) - 1;
            send_records(rig, partition, 1 + dh_random_below(&random, 10));
            if (dh_random_below(&random, 3) == 0) {
                peer_run(&rig->peer, (int64_t)dh_random_below(&random, 200) * DH_MS);
            }
        }
        peer_run(&rig->peer, 600 * DH_SEC);
        rig->faults.state = 0;
        rig->silences_left = 0;
        peer_run(&rig->peer, 600 * DH_SEC);
        assert_int_equal(rig->next_value, rig->answered.count);
        assert_int_equal(0, rig->answered.failed);
        assert_logs_are_exact(rig, rig->next_value);
        rig_free(rig);
    }
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    bool is_through = false;
    for (size_t fail_at = 1; !is_through; fail_at++) {
        struct rig *rig = malloc(sizeof(*rig));
        assert_non_null(rig);
        int err = rig_init_failing_at(rig, NULL, fail_at);
        if (err == 0) {
            size_t sent = 0;
            for (int i = 0; i < 3; i++) {
                sent += send_sized(rig, i, NULL, 100);
                peer_run(&rig->peer, 200 * DH_MS);
            }
            is_through = rig->memory.calls < fail_at;
            // With memory again, what was taken is delivered or was answered.
            rig->memory.fail_at = 0;
            peer_run(&rig->peer, 130 * DH_SEC);
            assert_int_equal(sent, rig->answered.count);
            assert_int_equal(sent - rig->answered.failed, logged(rig));
            assert_true(rig->answered.failed == 0 ||
                        rig->answered.last_err == DOHLE_ERR_NO_MEMORY ||
                        rig->answered.last_err == 0);
            assert_true(close_within(rig, 1000));
            peer_run(&rig->peer, 1100 * DH_MS);
            assert_true(rig->is_close_answered);
        }
        rig_free(rig);
    }
}

static void test_a_producer_freed_in_the_middle_leaves_nothing(void **state)
{
    (void)state;
    struct rig *rig = rig_new(NULL);
    rig->silences_left = 100;
    send_records(rig, 0, 100);
    peer_run(&rig->peer, 1 * DH_MS);
    send_records(rig, 1, 100);
    ask_topic(rig, "nowhere", -1, 1000);
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_arrive_in_every_version),
        cmocka_unit_test(test_records_linger_until_a_batch_is_full),
        cmocka_unit_test(test_a_flush_does_not_linger),
        cmocka_unit_test(test_one_request_carries_many_partitions),
        cmocka_unit_test(test_keys_choose_and_null_keys_stick),
        cmocka_unit_test(test_every_codec_arrives),
        cmocka_unit_test(test_a_lost_answer_is_no_duplicate),
        cmocka_unit_test(test_without_idempotence_a_lost_answer_may_duplicate),
        cmocka_unit_test(test_acks_0_is_answered_when_sent),
        cmocka_unit_test(test_a_passing_error_is_tried_again),
        cmocka_unit_test(test_a_refusal_is_told_and_the_next_batch_goes_on),
        cmocka_unit_test(test_an_error_after_the_write_repeats_nothing),
        cmocka_unit_test(test_a_broker_that_forgets_starts_a_new_epoch),
        cmocka_unit_test(test_the_leader_moves),
        cmocka_unit_test(test_a_batch_too_large_is_split),
        cmocka_unit_test(test_delivery_timeout_is_kept_in_every_state),
        cmocka_unit_test(test_a_producer_that_is_refused_fails_for_ever),
        cmocka_unit_test(test_a_topic_is_made_known_or_the_reason_told),
        cmocka_unit_test(test_a_cluster_out_of_reach_is_named),
        cmocka_unit_test(test_a_topic_is_asked_for_on_the_next_connection),
        cmocka_unit_test(test_a_topic_is_asked_for_until_it_is_there),
        cmocka_unit_test(test_a_topic_that_is_not_told_of_has_a_cause),
        cmocka_unit_test(test_close_delivers_what_is_left),
        cmocka_unit_test(test_close_ends_in_time_under_any_fault),
        cmocka_unit_test(test_what_delays_records_is_told),
        cmocka_unit_test(test_nothing_is_lost_doubled_or_reordered),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_a_producer_freed_in_the_middle_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
