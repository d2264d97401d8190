// SPDX-License-Identifier: MIT
#include "client/producer/producer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/alarms.h"
#include "client/back/cluster.h"
#include "client/back/context.h"
#include "client/back/outbox.h"
#include "client/back/reactions.h"
#include "client/back/requests.h"
#include "client/producer/messages.h"
#include "client/producer/sender.h"
#include "wire/gen/api_keys.h"

// Frames kept for responses, which are small.
#define FRAME_POOL_BYTES_MAX ((size_t)1024 * 1024)

struct dh_producer {
    struct dh_back_context context; // what the modules are given
    struct dh_random random;
    struct dh_frame_pool frames;
    struct dh_alarms alarms;
    struct dh_outbox outbox;
    struct dh_sender sender;
    struct dh_list topics;                   // dh_producer_topic_command, waiting
    struct dh_alarm topics_due;              // the first deadline among them
    struct dh_alarm close_due;               // the deadline of `closing`
    struct dh_producer_close *closing;       // NULL: not told to close, or answered
    struct dh_notice_trouble *spare_trouble; // owned; NULL: on its way
    uint64_t trouble_version;                // of the requests, when last told
    uint64_t cluster_updates;                // of the cluster, when last looked at
    bool is_closed;
    int64_t now_ns; // of this turn
};

// ---- Why nothing is delivered ----

// To be asked before what waits is given up.
static void explain(struct dh_producer *producer, char text[DH_PRODUCER_REASON_SIZE])
{
    snprintf(text, DH_PRODUCER_REASON_SIZE, "%s",
             dh_requests_why_waiting(producer->context.requests));
    if (text[0] == '\0') {
        dh_sender_explain(&producer->sender, text, DH_PRODUCER_REASON_SIZE);
    }
}

static void on_reason_command(struct dh_producer *producer,
                              struct dh_producer_reason *command)
{
    explain(producer, command->text);
    dh_outbox_post(&producer->outbox, &command->message);
}

// ---- Topics that the application waits for ----

static struct dh_producer_topic_command *topic_of(struct dh_link *link)
{
    return DH_CONTAINER_OF(link, struct dh_producer_topic_command, message.link);
}

// Why a topic has not become known; "": err says it all.
static const char *why_unknown(struct dh_producer *producer, int err, int16_t broker_code)
{
    if (broker_code != 0) {
        return dohle_broker_error_name(broker_code);
    }
    if (err != DOHLE_ERR_TIMEOUT) {
        return "";
    }
    const char *text = dh_requests_why_waiting(producer->context.requests);
    if (text[0] != '\0') {
        return text;
    }
    return dh_cluster_updates(producer->context.cluster) > 0
               ? "the brokers answer, but do not tell of it"
               : "no metadata have come yet";
}

// The end of a wait: the cluster's last word about the topic, or that there was none.
static void set_topic_error(struct dh_producer *producer,
                            struct dh_producer_topic_command *command, int err,
                            int16_t broker_code)
{
    command->error = (dohle_error_info){.code = err,
                                        .broker_code = broker_code,
                                        .node_id = -1,
                                        .partition = command->partition,
                                        .offset = -1};
    snprintf(command->error.topic, sizeof(command->error.topic), "%s", command->topic);
    if (command->partition >= 0 && command->partition_count > 0) {
        snprintf(command->error.text, sizeof(command->error.text),
                 "topic %.200s has %" PRId32
                 " partitions, there is no partition %" PRId32,
                 command->topic, command->partition_count, command->partition);
        return;
    }
    const char *cause = why_unknown(producer, err, broker_code);
    snprintf(command->error.text, sizeof(command->error.text), "topic %.200s: %s%s%.240s",
             command->topic, dohle_error_text(err), cause[0] == '\0' ? "" : ": ", cause);
}

// True: answered.
static bool try_topic(struct dh_producer *producer,
                      struct dh_producer_topic_command *command)
{
    const struct dh_cluster_topic *topic =
        dh_cluster_topic(producer->context.cluster, command->topic);
    int16_t code = topic == NULL ? 0 : topic->broker_code;
    command->partition_count = topic == NULL ? 0 : topic->partition_count;
    if (command->partition_count > 0 && command->partition < command->partition_count) {
        return true;
    }
    if (producer->is_closed) {
        set_topic_error(producer, command, DOHLE_ERR_CLOSED, 0);
        return true;
    }
    if (code != 0 && dh_reaction_of(DH_API_METADATA, code) == DH_REACTION_REPORT) {
        set_topic_error(producer, command, dh_reaction_error(code), code);
        return true;
    }
    if (command->deadline_ns <= producer->now_ns) {
        bool is_unknown = code == DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
        set_topic_error(producer, command,
                        is_unknown ? DOHLE_ERR_UNKNOWN_TOPIC : DOHLE_ERR_TIMEOUT, code);
        return true;
    }
    return false;
}

static void look_at_topics(struct dh_producer *producer)
{
    int64_t due_ns = DH_NEVER;
    DH_LIST_EACH_SAFE(link, next_link, &producer->topics)
    {
        struct dh_producer_topic_command *command = topic_of(link);
        if (try_topic(producer, command)) {
            dh_list_remove(link);
            dh_outbox_post(&producer->outbox, &command->message);
        } else {
            due_ns = dh_earlier(due_ns, command->deadline_ns);
        }
    }
    // One that is not known is asked for again and again, for it may be made.
    if (due_ns != DH_NEVER) {
        dh_cluster_request_update(producer->context.cluster, producer->now_ns);
    }
    dh_alarm_set(&producer->topics_due, &producer->alarms, due_ns);
}

static void on_topics_due(struct dh_alarm *alarm, int64_t now_ns)
{
    (void)now_ns;
    look_at_topics(DH_CONTAINER_OF(alarm, struct dh_producer, topics_due));
}

static void on_topic_command(struct dh_producer *producer,
                             struct dh_producer_topic_command *command)
{
    struct dh_accumulator *accumulator = &producer->sender.accumulator;
    if (!producer->is_closed &&
        dh_accumulator_topic(accumulator, command->topic, producer->now_ns) == NULL) {
        set_topic_error(producer, command, DOHLE_ERR_NO_MEMORY, 0);
        dh_outbox_post(&producer->outbox, &command->message);
        return;
    }
    dh_list_push_back(&producer->topics, &command->message.link);
    look_at_topics(producer);
}

// ---- Closing ----

static void finish_close(struct dh_producer *producer)
{
    producer->is_closed = true;
    if (dh_sender_record_count(&producer->sender) > 0) {
        explain(producer, producer->closing->reason);
    }
    dh_sender_close(&producer->sender, producer->now_ns);
    look_at_topics(producer);
    dh_cluster_close(producer->context.cluster);
    dh_requests_close(producer->context.requests, producer->now_ns);
    dh_alarm_cancel(&producer->close_due, &producer->alarms);
    dh_outbox_post(&producer->outbox, &producer->closing->message);
    producer->closing = NULL;
}

static void on_close_due(struct dh_alarm *alarm, int64_t now_ns)
{
    (void)now_ns;
    finish_close(DH_CONTAINER_OF(alarm, struct dh_producer, close_due));
}

static void on_close(struct dh_producer *producer, struct dh_producer_close *command)
{
    if (producer->is_closed || producer->closing != NULL) {
        dh_outbox_post(&producer->outbox, &command->message);
        return;
    }
    producer->closing = command;
    dh_sender_flush(&producer->sender, producer->now_ns);
    dh_alarm_set(&producer->close_due, &producer->alarms, command->deadline_ns);
}

// ---- After each input ----

static void tell_trouble(struct dh_producer *producer)
{
    struct dh_requests *requests = producer->context.requests;
    uint64_t version = dh_requests_trouble_version(requests);
    if (version == producer->trouble_version || producer->spare_trouble == NULL) {
        return;
    }
    producer->trouble_version = version;
    struct dh_notice_trouble *notice = producer->spare_trouble;
    producer->spare_trouble = NULL;
    snprintf(notice->text, sizeof(notice->text), "%s",
             dh_requests_last_trouble(requests));
    dh_outbox_post(&producer->outbox, &notice->message);
}

// Lets the modules see what the others have brought about.
static void settle_turn(struct dh_producer *producer)
{
    dh_sender_look_at_cluster(&producer->sender, producer->now_ns);
    uint64_t updates = dh_cluster_updates(producer->context.cluster);
    if (updates != producer->cluster_updates) {
        producer->cluster_updates = updates;
        look_at_topics(producer);
    }
    if (producer->closing != NULL && dh_sender_record_count(&producer->sender) == 0) {
        finish_close(producer);
    }
    tell_trouble(producer);
}

// ---- Inputs ----

void dh_producer_input(struct dh_producer *producer, struct dh_message *message,
                       int64_t now_ns)
{
    producer->now_ns = now_ns;
    int kind = (int)message->kind;
    if (kind == DH_PRODUCER_RECORD) {
        dh_sender_send(&producer->sender,
                       DH_CONTAINER_OF(message, struct dh_producer_record, message),
                       now_ns);
    } else if (kind == DH_PRODUCER_TOPIC) {
        on_topic_command(
            producer,
            DH_CONTAINER_OF(message, struct dh_producer_topic_command, message));
    } else if (kind == DH_PRODUCER_FLUSH) {
        dh_sender_flush(&producer->sender, now_ns);
        dh_outbox_post(&producer->outbox, message);
    } else if (kind == DH_PRODUCER_REASON) {
        on_reason_command(producer,
                          DH_CONTAINER_OF(message, struct dh_producer_reason, message));
    } else if (kind == DH_PRODUCER_CLOSE) {
        on_close(producer, DH_CONTAINER_OF(message, struct dh_producer_close, message));
    } else if (kind == DH_NOTICE_TROUBLE) {
        producer->spare_trouble =
            DH_CONTAINER_OF(message, struct dh_notice_trouble, message);
    } else {
        DH_ASSERT(kind == DH_NOTICE_ERROR);
        dh_outbox_on_error_returned(
            &producer->outbox, producer->context.mem,
            DH_CONTAINER_OF(message, struct dh_notice_error, message));
    }
    settle_turn(producer);
}

void dh_producer_on_resolved(struct dh_producer *producer, uint32_t connection_id,
                             const struct dh_address *addresses, size_t count, int err,
                             const char *text, int64_t now_ns)
{
    producer->now_ns = now_ns;
    dh_requests_on_resolved(producer->context.requests, connection_id, addresses, count,
                            err, text, now_ns);
    settle_turn(producer);
}

void dh_producer_on_connected(struct dh_producer *producer, uint32_t connection_id,
                              int64_t now_ns)
{
    producer->now_ns = now_ns;
    dh_requests_on_connected(producer->context.requests, connection_id, now_ns);
    settle_turn(producer);
}

void dh_producer_on_closed(struct dh_producer *producer, uint32_t connection_id, int err,
                           const char *text, int64_t now_ns)
{
    producer->now_ns = now_ns;
    dh_requests_on_closed(producer->context.requests, connection_id, err, text, now_ns);
    settle_turn(producer);
}

bool dh_producer_receive_buffer(struct dh_producer *producer, uint32_t connection_id,
                                uint8_t **pointer, size_t *capacity)
{
    return dh_requests_receive_buffer(producer->context.requests, connection_id, pointer,
                                      capacity);
}

void dh_producer_on_received(struct dh_producer *producer, uint32_t connection_id,
                             size_t size, int64_t now_ns)
{
    producer->now_ns = now_ns;
    dh_requests_on_received(producer->context.requests, connection_id, size, now_ns);
    settle_turn(producer);
}

void dh_producer_on_sent(struct dh_producer *producer, uint32_t connection_id,
                         int64_t now_ns)
{
    producer->now_ns = now_ns;
    dh_requests_on_sent(producer->context.requests, connection_id, now_ns);
    settle_turn(producer);
}

// ---- Outputs ----

bool dh_producer_next_action(struct dh_producer *producer, struct dh_action *action)
{
    bool has_action =
        dh_requests_next_action(producer->context.requests, action, producer->now_ns);
    // Handlers may have run that change what the others see.
    settle_turn(producer);
    return has_action;
}

struct dh_message *dh_producer_next_event(struct dh_producer *producer)
{
    struct dh_link *link = dh_list_pop_front(&producer->outbox.messages);
    return link == NULL ? NULL : DH_CONTAINER_OF(link, struct dh_message, link);
}

int64_t dh_producer_deadline(const struct dh_producer *producer)
{
    return dh_alarms_deadline(&producer->alarms);
}

void dh_producer_tick(struct dh_producer *producer, int64_t now_ns)
{
    producer->now_ns = now_ns;
    dh_alarms_run(&producer->alarms, now_ns);
    settle_turn(producer);
}

bool dh_producer_is_finished(const struct dh_producer *producer)
{
    return producer->is_closed && dh_requests_is_closed(producer->context.requests);
}

void dh_producer_check(const struct dh_producer *producer)
{
    dh_requests_check(producer->context.requests);
    dh_sender_check(&producer->sender);
}

// ---- Life cycle ----

// Each step is undone by dh_producer_free, which looks at what is there.
static int set_up(struct dh_producer *producer, int64_t now_ns)
{
    struct dh_back_context *context = &producer->context;
    context->requests = dh_requests_new(context, now_ns);
    if (context->requests == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    context->cluster = dh_cluster_new(context, now_ns);
    if (context->cluster == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    producer->spare_trouble =
        dh_mem_calloc(context->mem, 1, sizeof(*producer->spare_trouble));
    if (producer->spare_trouble == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    producer->spare_trouble->message.kind = DH_NOTICE_TROUBLE;
    producer->spare_trouble->message.size = sizeof(*producer->spare_trouble);
    if (dh_alarm_init(&producer->topics_due, &producer->alarms, on_topics_due) != 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    if (dh_alarm_init(&producer->close_due, &producer->alarms, on_close_due) != 0) {
        dh_alarm_deinit(&producer->topics_due, &producer->alarms);
        return DOHLE_ERR_NO_MEMORY;
    }
    if (dh_sender_init(&producer->sender, context) != 0) {
        dh_alarm_deinit(&producer->close_due, &producer->alarms);
        dh_alarm_deinit(&producer->topics_due, &producer->alarms);
        return DOHLE_ERR_NO_MEMORY;
    }
    return 0;
}

// What set_up makes last is gone or was never there.
static void tear_down(struct dh_producer *producer)
{
    const dohle_allocator *mem = producer->context.mem;
    if (producer->spare_trouble != NULL) {
        dh_mem_free(mem, producer->spare_trouble, sizeof(*producer->spare_trouble));
    }
    dh_cluster_free(producer->context.cluster);
    dh_requests_free(producer->context.requests);
    dh_frame_pool_deinit(&producer->frames);
    dh_alarms_deinit(&producer->alarms);
    dh_mem_free(mem, producer, sizeof(*producer));
}

struct dh_producer *dh_producer_new(const struct dh_back_options *options)
{
    struct dh_producer *producer = dh_mem_calloc(options->mem, 1, sizeof(*producer));
    if (producer == NULL) {
        return NULL;
    }
    producer->random.state = options->seed;
    producer->now_ns = options->now_ns;
    producer->context = (struct dh_back_context){
        .mem = options->mem,
        .log = options->log,
        .settings = options->settings,
        .random = &producer->random,
        .frames = &producer->frames,
        .alarms = &producer->alarms,
        .outbox = &producer->outbox,
    };
    dh_frame_pool_init(&producer->frames, options->mem, FRAME_POOL_BYTES_MAX);
    dh_alarms_init(&producer->alarms, options->mem);
    dh_outbox_init(&producer->outbox);
    dh_list_init(&producer->topics);
    if (set_up(producer, options->now_ns) != 0) {
        tear_down(producer);
        return NULL;
    }
    return producer;
}

static void free_messages(const dohle_allocator *mem, struct dh_list *messages)
{
    for (struct dh_link *link; (link = dh_list_pop_front(messages)) != NULL;) {
        dh_producer_message_free(mem, DH_CONTAINER_OF(link, struct dh_message, link));
    }
}

void dh_producer_free(struct dh_producer *producer)
{
    if (producer == NULL) {
        return;
    }
    const dohle_allocator *mem = producer->context.mem;
    free_messages(mem, &producer->topics);
    free_messages(mem, &producer->outbox.messages);
    if (producer->closing != NULL) {
        dh_producer_message_free(mem, &producer->closing->message);
    }
    dh_sender_deinit(&producer->sender);
    dh_alarm_deinit(&producer->topics_due, &producer->alarms);
    dh_alarm_deinit(&producer->close_due, &producer->alarms);
    tear_down(producer);
}

void dh_producer_message_free(const dohle_allocator *mem, struct dh_message *message)
{
    if (message != NULL) {
        dh_mem_free(mem, message, message->size);
    }
}
