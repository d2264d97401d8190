// SPDX-License-Identifier: MIT
#include "client/producer/sender.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/cluster.h"
#include "client/back/reactions.h"
#include "client/back/requests.h"
#include "wire/gen/api_keys.h"
#include "wire/gen/produce.h"

static const char subsystem[] = "sender";

// From this version on, topics go by their ids.
#define VERSION_TOPIC_IDS 13

struct dh_sender_node {
    struct dh_sender *sender;
    int32_t id;
    struct dh_op op;
    struct dh_list ready;     // partitions
    struct dh_list in_flight; // partitions
    bool is_settling;         // inside of on_reply, which decides itself when to go on
};

static struct dh_producer_partition *partition_of(struct dh_link *link)
{
    return DH_CONTAINER_OF(link, struct dh_producer_partition, link);
}

static const struct dh_op_class produce_class;

// ---- Nodes ----

// Finds or makes. NULL: no memory.
static struct dh_sender_node *node_for(struct dh_sender *sender, int32_t id)
{
    struct dh_sender_node *node = dh_map_get_u64(&sender->nodes, (uint32_t)id);
    if (node != NULL) {
        return node;
    }
    const dohle_allocator *mem = sender->context.mem;
    node = dh_mem_calloc(mem, 1, sizeof(*node));
    if (node == NULL) {
        return NULL;
    }
    if (dh_op_init(&node->op, &produce_class, sender->context.requests) != 0) {
        dh_mem_free(mem, node, sizeof(*node));
        return NULL;
    }
    if (dh_map_put_u64(&sender->nodes, (uint32_t)id, node) != 0) {
        dh_op_deinit(&node->op, sender->context.requests);
        dh_mem_free(mem, node, sizeof(*node));
        return NULL;
    }
    node->sender = sender;
    node->id = id;
    dh_list_init(&node->ready);
    dh_list_init(&node->in_flight);
    return node;
}

// Starts a request if there is something to send and none is out.
static void kick(struct dh_sender_node *node, int64_t now_ns)
{
    struct dh_sender *sender = node->sender;
    if (node->op.state != DH_OP_IDLE || node->is_settling ||
        dh_list_is_empty(&node->ready) || sender->is_closed ||
        !dh_identity_want(&sender->identity, now_ns)) {
        return;
    }
    dh_op_start(
        &node->op, sender->context.requests, node->id,
        dh_deadline_after_ms(now_ns, sender->context.settings->request_timeout_ms),
        now_ns);
}

// ---- States of a partition ----

static void set_state(struct dh_producer_partition *partition,
                      enum dh_partition_state state)
{
    dh_list_remove(&partition->link);
    partition->node = NULL;
    partition->state = state;
}

// Sets the alarm for what the partition waits for, or its first record's deadline.
static void set_alarm(struct dh_producer_partition *partition)
{
    struct dh_sender *sender = partition->sender;
    int64_t due_ns = dh_partition_deadline(partition);
    switch (partition->state) {
    case DH_PARTITION_LINGERING:
        due_ns =
            dh_earlier(due_ns, dh_partition_linger_end(partition, &sender->accumulator));
        break;
    case DH_PARTITION_BACKING_OFF:
        due_ns = dh_earlier(due_ns, partition->retry_ns);
        break;
    // Its request's deadline is no later.
    case DH_PARTITION_IN_FLIGHT: due_ns = DH_NEVER; break;
    case DH_PARTITION_IDLE:
    case DH_PARTITION_READY:
    case DH_PARTITION_STALLED: break;
    }
    dh_alarm_set(&partition->alarm, sender->context.alarms, due_ns);
}

static void back_off(struct dh_producer_partition *partition, int16_t code,
                     int64_t now_ns)
{
    int64_t wait_ms =
        dh_backoff_next_ms(&partition->backoff, partition->sender->context.random);
    set_state(partition, DH_PARTITION_BACKING_OFF);
    partition->retry_ns = dh_deadline_after_ms(now_ns, wait_ms);
    partition->retry_code = code;
    set_alarm(partition);
}

// Puts it on the list of its leader's node, if there is one.
static void route(struct dh_producer_partition *partition, int64_t now_ns)
{
    struct dh_sender *sender = partition->sender;
    const struct dh_cluster_partition *row = dh_cluster_partition(
        sender->context.cluster, partition->topic->name, partition->index);
    if (row == NULL || row->leader == DH_NODE_NONE) {
        set_state(partition, DH_PARTITION_STALLED);
        dh_list_push_back(&sender->stalled, &partition->link);
        set_alarm(partition);
        dh_cluster_request_update(sender->context.cluster, now_ns);
        return;
    }
    struct dh_sender_node *node = node_for(sender, row->leader);
    if (node == NULL) {
        back_off(partition, 0, now_ns);
        return;
    }
    set_state(partition, DH_PARTITION_READY);
    partition->node = node;
    dh_list_push_back(&node->ready, &partition->link);
    set_alarm(partition);
    kick(node, now_ns);
}

// Decides where a partition belongs that is neither in flight nor backing off.
static void serve(struct dh_producer_partition *partition, int64_t now_ns)
{
    struct dh_sender *sender = partition->sender;
    if (partition->batch != NULL ||
        dh_partition_is_due(partition, &sender->accumulator, now_ns)) {
        if (partition->state != DH_PARTITION_READY &&
            partition->state != DH_PARTITION_STALLED) {
            route(partition, now_ns);
        }
        return;
    }
    set_state(partition,
              partition->queue_count == 0 ? DH_PARTITION_IDLE : DH_PARTITION_LINGERING);
    set_alarm(partition);
}

static void on_partition_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct dh_producer_partition *partition =
        DH_CONTAINER_OF(alarm, struct dh_producer_partition, alarm);
    struct dh_sender *sender = partition->sender;
    size_t expired =
        dh_partition_expire(partition, &sender->accumulator, &sender->identity, now_ns);
    if (expired > 0) {
        dh_log(sender->context.log, DOHLE_LOG_WARNING, subsystem,
               "%zu records for %s-%" PRId32 " are given up: delivery.timeout.ms",
               expired, partition->topic->name, partition->index);
    }
    if (partition->batch == NULL && partition->queue_count == 0) {
        set_state(partition, DH_PARTITION_IDLE);
    } else if (partition->state == DH_PARTITION_BACKING_OFF &&
               partition->retry_ns <= now_ns) {
        route(partition, now_ns);
    } else if (partition->state == DH_PARTITION_LINGERING) {
        serve(partition, now_ns);
    } else {
        set_alarm(partition);
    }
}

// ---- Records in ----

static struct dh_failure refusal_of(const struct dh_identity *identity)
{
    return (struct dh_failure){
        .err = identity->err, .broker_code = identity->broker_code, .is_fatal = true};
}

static int32_t choose(struct dh_sender *sender, struct dh_producer_topic *topic,
                      const struct dh_cluster_topic *known,
                      const struct dh_producer_record *record)
{
    const struct dh_settings *settings = sender->context.settings;
    if (record->partition >= 0) {
        return record->partition;
    }
    if (record->input.key.data != NULL && !settings->partitioner_ignore_keys) {
        return dh_partition_for_key(record->input.key, known->partition_count);
    }
    return dh_sticky_next(&topic->sticky, known, record->encoded_bytes_max,
                          (size_t)settings->batch_size, sender->context.random);
}

static void assign(struct dh_sender *sender, struct dh_producer_topic *topic,
                   const struct dh_cluster_topic *known,
                   struct dh_producer_record *record, int64_t now_ns)
{
    int32_t index = choose(sender, topic, known, record);
    if (index >= known->partition_count) {
        dh_accumulator_fail(&sender->accumulator, record,
                            (struct dh_failure){.err = DOHLE_ERR_UNKNOWN_TOPIC});
        return;
    }
    struct dh_producer_partition *partition =
        dh_accumulator_partition(&sender->accumulator, topic, index, on_partition_alarm);
    if (partition == NULL) {
        dh_accumulator_fail(&sender->accumulator, record,
                            (struct dh_failure){.err = DOHLE_ERR_NO_MEMORY});
        return;
    }
    partition->sender = sender;
    dh_partition_push(partition, record, now_ns);
    bool is_due = dh_partition_is_due(partition, &sender->accumulator, now_ns);
    if (partition->state == DH_PARTITION_IDLE ||
        (partition->state == DH_PARTITION_LINGERING && is_due)) {
        serve(partition, now_ns);
    }
}

// The topic's partitions, or NULL; *failure: it is refused for good.
static const struct dh_cluster_topic *known_topic(const struct dh_sender *sender,
                                                  const struct dh_producer_topic *topic,
                                                  struct dh_failure *failure)
{
    const struct dh_cluster_topic *known =
        dh_cluster_topic(sender->context.cluster, topic->name);
    if (known == NULL) {
        return NULL;
    }
    int16_t code = known->broker_code;
    if (code != 0 && dh_reaction_of(DH_API_METADATA, code) == DH_REACTION_REPORT) {
        *failure =
            (struct dh_failure){.err = dh_reaction_error(code), .broker_code = code};
    }
    return known->partition_count > 0 ? known : NULL;
}

static void set_topics_alarm(struct dh_sender *sender)
{
    int64_t due_ns = DH_NEVER;
    DH_LIST_EACH(link, &sender->waiting_topics)
    {
        struct dh_producer_topic *topic =
            DH_CONTAINER_OF(link, struct dh_producer_topic, waiting);
        struct dh_link *first = dh_list_first(&topic->unassigned);
        DH_ASSERT(first != NULL);
        due_ns = dh_earlier(due_ns, dh_record_of(first)->deadline_ns);
    }
    dh_alarm_set(&sender->topics_alarm, sender->context.alarms, due_ns);
}

// Assigns what waits for the topic, fails what waited too long or for nothing.
static void serve_topic(struct dh_sender *sender, struct dh_producer_topic *topic,
                        int64_t now_ns)
{
    struct dh_failure failure = {0};
    const struct dh_cluster_topic *known = known_topic(sender, topic, &failure);
    if (failure.err != 0) {
        dh_accumulator_fail_all(&sender->accumulator, &topic->unassigned, failure);
    }
    for (struct dh_link *link; (link = dh_list_first(&topic->unassigned)) != NULL;) {
        struct dh_producer_record *record = dh_record_of(link);
        if (record->deadline_ns <= now_ns) {
            dh_list_remove(link);
            dh_accumulator_fail(&sender->accumulator, record,
                                (struct dh_failure){.err = DOHLE_ERR_TIMEOUT});
        } else if (known != NULL) {
            dh_list_remove(link);
            assign(sender, topic, known, record, now_ns);
        } else {
            return;
        }
    }
    dh_list_remove(&topic->waiting);
}

static void serve_topics(struct dh_sender *sender, int64_t now_ns)
{
    DH_LIST_EACH_SAFE(link, next_link, &sender->waiting_topics)
    {
        serve_topic(sender, DH_CONTAINER_OF(link, struct dh_producer_topic, waiting),
                    now_ns);
    }
    set_topics_alarm(sender);
}

static void on_topics_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    serve_topics(DH_CONTAINER_OF(alarm, struct dh_sender, topics_alarm), now_ns);
}

void dh_sender_send(struct dh_sender *sender, struct dh_producer_record *record,
                    int64_t now_ns)
{
    struct dh_accumulator *accumulator = &sender->accumulator;
    accumulator->record_count++;
    if (sender->is_closed) {
        dh_accumulator_fail(accumulator, record,
                            (struct dh_failure){.err = DOHLE_ERR_CLOSED});
        return;
    }
    if (sender->identity.state == DH_IDENTITY_REFUSED) {
        dh_accumulator_fail(accumulator, record, refusal_of(&sender->identity));
        return;
    }
    record->encoded_bytes_max = dh_batch_writer_record_size(&record->input);
    struct dh_producer_topic *topic =
        dh_accumulator_topic(accumulator, record->topic, now_ns);
    if (topic == NULL) {
        dh_accumulator_fail(accumulator, record,
                            (struct dh_failure){.err = DOHLE_ERR_NO_MEMORY});
        return;
    }
    struct dh_failure failure = {0};
    const struct dh_cluster_topic *known = known_topic(sender, topic, &failure);
    if (known != NULL && dh_list_is_empty(&topic->unassigned)) {
        assign(sender, topic, known, record, now_ns);
        return;
    }
    if (failure.err != 0) {
        dh_accumulator_fail(accumulator, record, failure);
        return;
    }
    dh_list_push_back(&topic->unassigned, &record->message.link);
    if (!dh_link_is_linked(&topic->waiting)) {
        dh_list_push_back(&sender->waiting_topics, &topic->waiting);
        dh_cluster_request_update(sender->context.cluster, now_ns);
    }
    set_topics_alarm(sender);
}

// ---- A request ----

// What the request being filled in has room for.
static bool has_room(const struct dh_sender *sender, size_t request_bytes,
                     const struct dh_producer_partition *partition)
{
    size_t request_bytes_max = (size_t)sender->context.settings->max_request_size;
    return request_bytes == 0 ||
           request_bytes + partition->batch->bytes.size <= request_bytes_max;
}

// Makes batches of what is ready and moves them to in_flight. Returns how many.
static int32_t gather(struct dh_sender_node *node, int64_t now_ns)
{
    struct dh_sender *sender = node->sender;
    size_t request_bytes = 0;
    int32_t count = 0;
    DH_LIST_EACH_SAFE(link, next_link, &node->ready)
    {
        struct dh_producer_partition *partition = partition_of(link);
        if (dh_partition_make_batch(partition, &sender->accumulator, &sender->identity) !=
            0) {
            back_off(partition, 0, now_ns);
            continue;
        }
        if (!has_room(sender, request_bytes, partition)) {
            break;
        }
        request_bytes += partition->batch->bytes.size;
        set_state(partition, DH_PARTITION_IN_FLIGHT);
        partition->node = node;
        dh_list_push_back(&node->in_flight, &partition->link);
        set_alarm(partition);
        partition->topic->fill_count = 0;
        partition->topic->fill_index = -1;
        count++;
    }
    return count;
}

static int add_topic(struct dh_sender *sender, struct dh_produce_request *request,
                     struct dh_producer_topic *topic, int16_t version,
                     struct dh_arena *arena)
{
    topic->fill_index = request->topic_data.count++;
    struct dh_produce_request_topic_data *data =
        &request->topic_data.items[topic->fill_index];
    data->partition_data.items = dh_arena_calloc(arena, (size_t)topic->fill_count,
                                                 sizeof(*data->partition_data.items));
    if (data->partition_data.items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    data->name = dh_bytes_of(topic->name);
    if (version >= VERSION_TOPIC_IDS) {
        const struct dh_cluster_topic *known =
            dh_cluster_topic(sender->context.cluster, topic->name);
        // Gone since: the broker will say so of the zero id.
        if (known != NULL) {
            data->topic_id = known->id;
        }
    }
    return 0;
}

static int add_batches(struct dh_sender_node *node, int16_t version,
                       struct dh_produce_request *request, struct dh_arena *arena)
{
    DH_LIST_EACH(link, &node->in_flight)
    {
        partition_of(link)->topic->fill_count++;
    }
    DH_LIST_EACH(link, &node->in_flight)
    {
        struct dh_producer_partition *partition = partition_of(link);
        struct dh_producer_topic *topic = partition->topic;
        if (topic->fill_index < 0 &&
            add_topic(node->sender, request, topic, version, arena) != 0) {
            return DOHLE_ERR_NO_MEMORY;
        }
        struct dh_produce_request_topic_data *data =
            &request->topic_data.items[topic->fill_index];
        data->partition_data.items[data->partition_data.count++] =
            (struct dh_produce_request_topic_data_partition_data){
                .index = partition->index, .records = partition->batch->bytes};
    }
    return 0;
}

// The deadline of the earliest batch is the request's: no answer is of use after it.
static void tighten_deadline(struct dh_sender_node *node)
{
    struct dh_sender *sender = node->sender;
    int64_t deadline_ns = dh_alarm_deadline(&node->op.alarm);
    DH_LIST_EACH(link, &node->in_flight)
    {
        deadline_ns = dh_earlier(deadline_ns, partition_of(link)->batch->deadline_ns);
    }
    dh_alarm_set(&node->op.alarm, sender->context.alarms, deadline_ns);
}

static int fill(struct dh_op *op, int16_t version, void *message, struct dh_arena *arena,
                int64_t now_ns)
{
    struct dh_sender_node *node = DH_CONTAINER_OF(op, struct dh_sender_node, op);
    struct dh_sender *sender = node->sender;
    struct dh_produce_request *request = message;
    // Since it was started a new id has become necessary, or the partitions have moved.
    if (sender->identity.state != DH_IDENTITY_KNOWN || dh_list_is_empty(&node->ready)) {
        return DOHLE_ERR_INVALID_STATE;
    }
    int32_t count = gather(node, now_ns);
    if (count == 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    request->transactional_id = DH_BYTES_NULL;
    request->acks = (int16_t)sender->context.settings->acks;
    request->timeout_ms = sender->context.settings->request_timeout_ms;
    request->topic_data.items =
        dh_arena_calloc(arena, (size_t)count, sizeof(*request->topic_data.items));
    if (request->topic_data.items == NULL ||
        add_batches(node, version, request, arena) != 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    tighten_deadline(node);
    return 0;
}

// ---- The answer ----

static const struct dh_produce_response_response_partition_response unknown_answer = {
    .base_offset = -1, .log_append_time_ms = -1};

static void complete(struct dh_producer_partition *partition,
                     const struct dh_produce_response_response_partition_response *answer,
                     int64_t now_ns)
{
    dh_partition_complete(partition, &partition->sender->accumulator, answer->base_offset,
                          answer->log_append_time_ms);
    set_state(partition, DH_PARTITION_IDLE);
    serve(partition, now_ns);
}

static void fail(struct dh_producer_partition *partition, struct dh_failure failure,
                 const char *why, int64_t now_ns)
{
    struct dh_sender *sender = partition->sender;
    dh_log(sender->context.log, DOHLE_LOG_WARNING, subsystem,
           "%" PRId32 " records for %s-%" PRId32 " are not delivered: %s",
           partition->batch->record_count, partition->topic->name, partition->index, why);
    dh_partition_fail_batch(partition, &sender->accumulator, &sender->identity, failure,
                            now_ns);
    set_state(partition, DH_PARTITION_IDLE);
    serve(partition, now_ns);
}

// Whether the batch may be sent once more; else it has failed.
static bool may_retry(struct dh_producer_partition *partition, struct dh_failure failure,
                      const char *why, int64_t now_ns)
{
    const struct dh_produce_batch *batch = partition->batch;
    if (batch->deadline_ns <= now_ns) {
        failure = (struct dh_failure){.err = DOHLE_ERR_TIMEOUT};
    } else if (batch->attempts <= partition->sender->context.settings->retries) {
        return true;
    }
    fail(partition, failure, why, now_ns);
    return false;
}

static void retry_later(struct dh_producer_partition *partition, int16_t code,
                        int64_t now_ns)
{
    const char *why = dohle_broker_error_name(code);
    dh_log(partition->sender->context.log, DOHLE_LOG_INFO, subsystem,
           "%s-%" PRId32 " will be tried again: %s", partition->topic->name,
           partition->index, why);
    struct dh_failure failure = {.err = dh_reaction_error(code), .broker_code = code};
    if (may_retry(partition, failure, why, now_ns)) {
        back_off(partition, code, now_ns);
    }
}

/*
 * The broker does not know the numbers before these: what it has of this producer
 * is gone, or a batch before was given up. This batch is not in the log, so it is
 * sent again under a new epoch.
 */
static void start_epoch(struct dh_producer_partition *partition, int16_t code,
                        int64_t now_ns)
{
    struct dh_produce_batch *batch = partition->batch;
    batch->is_doubtful = false;
    dh_identity_bump(&partition->sender->identity, batch->producer_id,
                     batch->producer_epoch, now_ns);
    retry_later(partition, code, now_ns);
}

// The broker may have written the batch before it found that something was wrong: it keeps its
// numbers, by which it is known again.
static bool may_be_written(int16_t code)
{
    return code == DH_BROKER_REQUEST_TIMED_OUT ||
           code == DH_BROKER_NOT_ENOUGH_REPLICAS_AFTER_APPEND ||
           code == DH_BROKER_KAFKA_STORAGE_ERROR ||
           code == DH_BROKER_UNKNOWN_SERVER_ERROR;
}

static void settle_error(struct dh_producer_partition *partition, int16_t code,
                         int64_t now_ns)
{
    struct dh_sender *sender = partition->sender;
    bool is_idempotent = partition->batch->producer_id >= 0;
    if (is_idempotent && (code == DH_BROKER_OUT_OF_ORDER_SEQUENCE_NUMBER ||
                          code == DH_BROKER_UNKNOWN_PRODUCER_ID)) {
        start_epoch(partition, code, now_ns);
        return;
    }
    if (code == DH_BROKER_MESSAGE_TOO_LARGE &&
        dh_partition_split(partition, &sender->accumulator)) {
        set_state(partition, DH_PARTITION_IDLE);
        serve(partition, now_ns);
        return;
    }
    enum dh_reaction reaction = dh_reaction_of(DH_API_PRODUCE, code);
    if (reaction == DH_REACTION_REFRESH) {
        dh_cluster_request_update(sender->context.cluster, now_ns);
    }
    partition->batch->is_doubtful |= may_be_written(code);
    if (dh_reaction_is_retry(reaction)) {
        retry_later(partition, code, now_ns);
        return;
    }
    struct dh_failure failure = {.err = dh_reaction_error(code), .broker_code = code};
    fail(partition, failure, dohle_broker_error_name(code), now_ns);
}

static void settle(struct dh_producer_partition *partition,
                   const struct dh_produce_response_response_partition_response *answer,
                   int64_t now_ns)
{
    partition->batch->attempts++;
    int16_t code = answer->error_code;
    if (code == 0) {
        complete(partition, answer, now_ns);
    } else if (code == DH_BROKER_DUPLICATE_SEQUENCE_NUMBER) {
        complete(partition, &unknown_answer, now_ns);
    } else {
        settle_error(partition, code, now_ns);
    }
}

// What the answer says about a topic; NULL: a topic that was not sent.
static dohle_bytes name_of(const struct dh_sender *sender,
                           const struct dh_produce_response_response *topic,
                           int16_t version)
{
    if (version < VERSION_TOPIC_IDS) {
        return topic->name;
    }
    const struct dh_cluster_topic *known =
        dh_cluster_topic_by_id(sender->context.cluster, &topic->topic_id);
    return known == NULL ? DH_BYTES_NULL : dh_bytes_of(known->name);
}

static void settle_topic(struct dh_sender_node *node,
                         const struct dh_produce_response_response *topic,
                         int16_t version, int64_t now_ns)
{
    struct dh_sender *sender = node->sender;
    dohle_bytes name = name_of(sender, topic, version);
    for (int32_t i = 0; i < topic->partition_responses.count && name.data != NULL; i++) {
        const struct dh_produce_response_response_partition_response *answer =
            &topic->partition_responses.items[i];
        struct dh_producer_partition *partition =
            dh_accumulator_find(&sender->accumulator, name, answer->index);
        if (partition == NULL || partition->state != DH_PARTITION_IN_FLIGHT ||
            partition->node != node) {
            continue;
        }
        if (answer->current_leader.leader_id >= 0) {
            dh_cluster_learn_leader(sender->context.cluster, NULL, partition->topic->name,
                                    partition->index, answer->current_leader.leader_id,
                                    answer->current_leader.leader_epoch, now_ns);
        }
        settle(partition, answer, now_ns);
    }
}

/*
 * Nothing is known about what is in flight. It waits in front of the ready list for
 * the node's back-off, or for another leader.
 */
static void settle_lost(struct dh_sender_node *node, const struct dh_reply *reply,
                        int64_t now_ns)
{
    struct dh_failure failure = {.err = reply->err};
    bool is_final =
        reply->err == DOHLE_ERR_CLOSED || reply->err == DOHLE_ERR_UNSUPPORTED_VERSION;
    struct dh_list lost;
    dh_list_init(&lost);
    dh_list_append_all(&lost, &node->in_flight);
    for (struct dh_link *link; (link = dh_list_pop_front(&lost)) != NULL;) {
        struct dh_producer_partition *partition = partition_of(link);
        partition->batch->attempts++;
        // Without memory it was not sent.
        partition->batch->is_doubtful |= reply->err != DOHLE_ERR_NO_MEMORY;
        if (is_final) {
            fail(partition, failure, reply->text, now_ns);
        } else if (may_retry(partition, failure, reply->text, now_ns)) {
            set_state(partition, DH_PARTITION_READY);
            partition->node = node;
            dh_list_push_back(&node->ready, &partition->link);
            set_alarm(partition);
        }
    }
}

// The version is none that we can use: it will be none later.
static void fail_ready(struct dh_sender_node *node, const struct dh_reply *reply,
                       int64_t now_ns)
{
    struct dh_failure failure = {.err = reply->err};
    DH_LIST_EACH_SAFE(link, next_link, &node->ready)
    {
        struct dh_producer_partition *partition = partition_of(link);
        dh_accumulator_fail_all(&node->sender->accumulator, &partition->queue, failure);
        partition->queue_bytes = 0;
        partition->queue_count = 0;
        partition->hurry_count = 0;
        if (partition->batch != NULL) {
            fail(partition, failure, reply->text, now_ns);
        } else {
            set_state(partition, DH_PARTITION_IDLE);
            set_alarm(partition);
        }
    }
}

static enum dh_settled settle_failure(struct dh_sender_node *node,
                                      const struct dh_reply *reply, int64_t now_ns)
{
    struct dh_sender *sender = node->sender;
    if (reply->err == DOHLE_ERR_INVALID_STATE) {
        return DH_SETTLED_DONE; // the identity's answer goes on
    }
    dh_log(sender->context.log, DOHLE_LOG_INFO, subsystem,
           "no answer from node %" PRId32 ": %s", node->id, reply->text);
    settle_lost(node, reply, now_ns);
    if (reply->err == DOHLE_ERR_UNSUPPORTED_VERSION) {
        fail_ready(node, reply, now_ns);
    }
    if (reply->err == DOHLE_ERR_CLOSED || dh_list_is_empty(&node->ready)) {
        return DH_SETTLED_FAILED;
    }
    dh_cluster_request_update(sender->context.cluster, now_ns);
    return DH_SETTLED_RETRY;
}

static void settle_answer(struct dh_sender_node *node, const struct dh_reply *reply,
                          int64_t now_ns)
{
    const struct dh_produce_response *response = reply->response;
    if (response == NULL) {
        // acks=0: the bytes are out, and nobody will tell more.
        DH_LIST_EACH_SAFE(link, next_link, &node->in_flight)
        {
            settle(partition_of(link), &unknown_answer, now_ns);
        }
        return;
    }
    for (int32_t i = 0; i < response->node_endpoints.count; i++) {
        const struct dh_produce_response_node_endpoint *endpoint =
            &response->node_endpoints.items[i];
        if (endpoint->node_id >= 0 && endpoint->host.size > 0) {
            // Without memory the next metadata will tell.
            (void)!dh_requests_put_broker(node->sender->context.requests,
                                          endpoint->node_id, endpoint->host,
                                          endpoint->port);
        }
    }
    for (int32_t i = 0; i < response->responses.count; i++) {
        settle_topic(node, &response->responses.items[i], reply->version, now_ns);
    }
    // What was sent and not answered, only a broker out of its mind leaves behind.
    struct dh_reply incomplete = {.err = DOHLE_ERR_PROTOCOL,
                                  .text = "the answer leaves a partition out"};
    settle_lost(node, &incomplete, now_ns);
}

static enum dh_settled on_reply(struct dh_op *op, const struct dh_reply *reply,
                                int64_t now_ns)
{
    struct dh_sender_node *node = DH_CONTAINER_OF(op, struct dh_sender_node, op);
    node->is_settling = true;
    enum dh_settled settled = DH_SETTLED_DONE;
    if (reply->err == 0) {
        settle_answer(node, reply, now_ns);
    } else {
        settled = settle_failure(node, reply, now_ns);
    }
    node->is_settling = false;
    if (settled == DH_SETTLED_DONE) {
        kick(node, now_ns);
    }
    return settled;
}

static void on_due(struct dh_op *op, int64_t now_ns)
{
    kick(DH_CONTAINER_OF(op, struct dh_sender_node, op), now_ns);
}

static bool is_silent(struct dh_op *op)
{
    const struct dh_sender_node *node = DH_CONTAINER_OF(op, struct dh_sender_node, op);
    return node->sender->context.settings->acks == 0;
}

static const struct dh_op_class produce_class = {
    .name = "Produce",
    .api_key = DH_API_PRODUCE,
    .channel = DH_CHANNEL_GENERAL,
    .fill = fill,
    .on_reply = on_reply,
    .on_due = on_due,
    .is_silent = is_silent,
};

// ---- What changes around it ----

// Everything that waits for its leader goes where the leader is now.
static void reroute(struct dh_sender *sender, int64_t now_ns)
{
    struct dh_list moving;
    dh_list_init(&moving);
    dh_list_append_all(&moving, &sender->stalled);
    for (struct dh_map_item *item = dh_map_first(&sender->nodes); item != NULL;
         item = dh_map_next(item)) {
        struct dh_sender_node *node = item->value;
        dh_list_append_all(&moving, &node->ready);
    }
    for (struct dh_link *link; (link = dh_list_pop_front(&moving)) != NULL;) {
        route(partition_of(link), now_ns);
    }
}

void dh_sender_look_at_cluster(struct dh_sender *sender, int64_t now_ns)
{
    const struct dh_cluster *cluster = sender->context.cluster;
    if (dh_cluster_version(cluster) != sender->cluster_version) {
        sender->cluster_version = dh_cluster_version(cluster);
        reroute(sender, now_ns);
    }
    if (dh_cluster_updates(cluster) != sender->cluster_updates) {
        sender->cluster_updates = dh_cluster_updates(cluster);
        serve_topics(sender, now_ns);
    }
}

static void fail_everything(struct dh_sender *sender, struct dh_failure failure,
                            int64_t now_ns)
{
    struct dh_accumulator *accumulator = &sender->accumulator;
    for (struct dh_map_item *item = dh_map_first(&sender->nodes); item != NULL;
         item = dh_map_next(item)) {
        dh_op_cancel(&((struct dh_sender_node *)item->value)->op,
                     sender->context.requests);
    }
    for (struct dh_map_item *item = dh_map_first(&accumulator->topics); item != NULL;
         item = dh_map_next(item)) {
        struct dh_producer_topic *topic = item->value;
        dh_list_remove(&topic->waiting);
        dh_accumulator_fail_all(accumulator, &topic->unassigned, failure);
        for (size_t i = 0; i < topic->partition_capacity; i++) {
            struct dh_producer_partition *partition = topic->partitions[i];
            if (partition == NULL) {
                continue;
            }
            if (partition->batch != NULL) {
                dh_partition_fail_batch(partition, accumulator, &sender->identity,
                                        failure, now_ns);
            }
            dh_accumulator_fail_all(accumulator, &partition->queue, failure);
            partition->queue_bytes = 0;
            partition->queue_count = 0;
            partition->hurry_count = 0;
            set_state(partition, DH_PARTITION_IDLE);
            set_alarm(partition);
        }
    }
    dh_alarm_cancel(&sender->topics_alarm, sender->context.alarms);
}

static void on_identity(void *ctx, int64_t now_ns)
{
    struct dh_sender *sender = ctx;
    if (sender->identity.state == DH_IDENTITY_REFUSED) {
        fail_everything(sender, refusal_of(&sender->identity), now_ns);
        return;
    }
    for (struct dh_map_item *item = dh_map_first(&sender->nodes); item != NULL;
         item = dh_map_next(item)) {
        kick(item->value, now_ns);
    }
}

void dh_sender_flush(struct dh_sender *sender, int64_t now_ns)
{
    const struct dh_accumulator *accumulator = &sender->accumulator;
    for (struct dh_map_item *item = dh_map_first(&accumulator->topics); item != NULL;
         item = dh_map_next(item)) {
        struct dh_producer_topic *topic = item->value;
        DH_LIST_EACH(link, &topic->unassigned)
        {
            dh_record_of(link)->is_hurried = true;
        }
        for (size_t i = 0; i < topic->partition_capacity; i++) {
            struct dh_producer_partition *partition = topic->partitions[i];
            if (partition == NULL) {
                continue;
            }
            partition->hurry_count = partition->queue_count;
            if (partition->state == DH_PARTITION_LINGERING) {
                serve(partition, now_ns);
            }
        }
    }
}

// ---- Why nothing is delivered ----

static void explain_topic(const struct dh_sender *sender,
                          const struct dh_producer_topic *topic, char *text, size_t size)
{
    const struct dh_cluster_topic *known =
        dh_cluster_topic(sender->context.cluster, topic->name);
    bool has_error = known != NULL && known->broker_code != 0;
    snprintf(text, size, "topic %s is not known yet%s%s", topic->name,
             has_error ? ": " : "",
             has_error ? dohle_broker_error_name(known->broker_code) : "");
}

// True: said.
static bool explain_partition(const struct dh_producer_partition *partition, char *text,
                              size_t size)
{
    if (partition->state == DH_PARTITION_STALLED) {
        snprintf(text, size, "%s-%" PRId32 " has no leader", partition->topic->name,
                 partition->index);
        return true;
    }
    if (partition->state == DH_PARTITION_BACKING_OFF) {
        snprintf(
            text, size, "%s-%" PRId32 ": %s", partition->topic->name, partition->index,
            partition->retry_code == 0 ? dohle_error_text(DOHLE_ERR_NO_MEMORY)
                                       : dohle_broker_error_name(partition->retry_code));
        return true;
    }
    return false;
}

void dh_sender_explain(const struct dh_sender *sender, char *text, size_t size)
{
    text[0] = '\0';
    for (struct dh_map_item *item = dh_map_first(&sender->accumulator.topics);
         item != NULL; item = dh_map_next(item)) {
        const struct dh_producer_topic *topic = item->value;
        if (!dh_list_is_empty(&topic->unassigned)) {
            explain_topic(sender, topic, text, size);
            return;
        }
        for (size_t i = 0; i < topic->partition_capacity; i++) {
            if (topic->partitions[i] != NULL &&
                explain_partition(topic->partitions[i], text, size)) {
                return;
            }
        }
    }
}

// ---- Life cycle ----

int dh_sender_init(struct dh_sender *sender, const struct dh_back_context *context)
{
    *sender = (struct dh_sender){.context = *context};
    int err = dh_identity_init(&sender->identity, context, on_identity, sender);
    if (err != 0) {
        return err;
    }
    err = dh_alarm_init(&sender->topics_alarm, context->alarms, on_topics_alarm);
    if (err != 0) {
        dh_identity_deinit(&sender->identity);
        return err;
    }
    dh_accumulator_init(&sender->accumulator, context);
    dh_map_init(&sender->nodes, context->mem, dh_random_next(context->random));
    dh_list_init(&sender->stalled);
    dh_list_init(&sender->waiting_topics);
    return 0;
}

void dh_sender_deinit(struct dh_sender *sender)
{
    for (struct dh_map_item *item = dh_map_first(&sender->nodes); item != NULL;
         item = dh_map_next(item)) {
        struct dh_sender_node *node = item->value;
        dh_op_deinit(&node->op, sender->context.requests);
        dh_mem_free(sender->context.mem, node, sizeof(*node));
    }
    dh_map_deinit(&sender->nodes);
    dh_accumulator_deinit(&sender->accumulator);
    dh_alarm_deinit(&sender->topics_alarm, sender->context.alarms);
    dh_identity_deinit(&sender->identity);
}

void dh_sender_close(struct dh_sender *sender, int64_t now_ns)
{
    sender->is_closed = true;
    dh_identity_close(&sender->identity);
    fail_everything(sender, (struct dh_failure){.err = DOHLE_ERR_CLOSED}, now_ns);
}

// ---- Checks ----

static void check_partition(const struct dh_sender *sender,
                            const struct dh_producer_partition *partition)
{
    uint32_t count = 0;
    size_t bytes = 0;
    DH_LIST_EACH(link, &partition->queue)
    {
        count++;
        bytes += dh_record_of(link)->encoded_bytes_max;
    }
    DH_ASSERT(count == partition->queue_count && bytes == partition->queue_bytes);
    DH_ASSERT(partition->hurry_count <= partition->queue_count);
    bool has_batch = partition->batch != NULL;
    bool is_linked = dh_link_is_linked(&partition->link);
    switch (partition->state) {
    case DH_PARTITION_IDLE: DH_ASSERT(!has_batch && count == 0 && !is_linked); break;
    case DH_PARTITION_LINGERING: DH_ASSERT(!has_batch && count > 0 && !is_linked); break;
    case DH_PARTITION_READY: DH_ASSERT(is_linked && partition->node != NULL); break;
    case DH_PARTITION_STALLED: DH_ASSERT(is_linked && partition->node == NULL); break;
    case DH_PARTITION_IN_FLIGHT: DH_ASSERT(has_batch && is_linked); break;
    case DH_PARTITION_BACKING_OFF: DH_ASSERT(!is_linked); break;
    }
    // Every wait has an end.
    DH_ASSERT(partition->state == DH_PARTITION_IDLE ||
              partition->state == DH_PARTITION_IN_FLIGHT ||
              dh_alarm_is_set(&partition->alarm));
    (void)sender;
}

void dh_sender_check(const struct dh_sender *sender)
{
    for (struct dh_map_item *item = dh_map_first(&sender->accumulator.topics);
         item != NULL; item = dh_map_next(item)) {
        const struct dh_producer_topic *topic = item->value;
        DH_ASSERT(dh_list_is_empty(&topic->unassigned) !=
                  dh_link_is_linked(&topic->waiting));
        for (size_t i = 0; i < topic->partition_capacity; i++) {
            if (topic->partitions[i] != NULL) {
                check_partition(sender, topic->partitions[i]);
            }
        }
    }
    for (struct dh_map_item *item = dh_map_first(&sender->nodes); item != NULL;
         item = dh_map_next(item)) {
        const struct dh_sender_node *node = item->value;
        bool is_waiting = node->op.state != DH_OP_IDLE ||
                          sender->identity.state == DH_IDENTITY_ASKING ||
                          sender->is_closed;
        DH_ASSERT(is_waiting || dh_list_is_empty(&node->ready));
        DH_ASSERT(dh_op_is_busy(&node->op) || dh_list_is_empty(&node->in_flight));
    }
}
