// SPDX-License-Identifier: MIT
#include "client/back/lookups.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/cluster.h"
#include "client/back/lookup.h"
#include "client/back/outbox.h"

static const struct dh_lookup_class *class_of(const struct dh_message *command)
{
    if (command->kind == DH_COMMAND_COMMITTED) {
        return &dh_lookup_committed;
    }
    if (command->kind == DH_COMMAND_LIST_OFFSETS) {
        return &dh_lookup_list_offsets;
    }
    DH_ASSERT(command->kind == DH_COMMAND_TOPICS);
    return &dh_lookup_topics;
}

static dohle_error_info *error_of(struct dh_message *command)
{
    if (command->kind == DH_COMMAND_TOPICS) {
        return &DH_CONTAINER_OF(command, struct dh_command_topics, message)->error;
    }
    return &DH_CONTAINER_OF(command, struct dh_command_offsets, message)->error;
}

static int64_t deadline_of(struct dh_message *command)
{
    if (command->kind == DH_COMMAND_TOPICS) {
        return DH_CONTAINER_OF(command, struct dh_command_topics, message)->deadline_ns;
    }
    return DH_CONTAINER_OF(command, struct dh_command_offsets, message)->deadline_ns;
}

static void set_error(dohle_error_info *error, int code, const char *text)
{
    *error =
        (dohle_error_info){.code = code, .node_id = -1, .partition = -1, .offset = -1};
    snprintf(error->text, sizeof(error->text), "%s",
             text != NULL ? text : dohle_error_text(code));
}

// ---- One look-up ----

static void free_lookup(struct dh_lookup *lookup)
{
    const struct dh_back_context *context = &lookup->lookups->context;
    struct dh_link *link;
    while ((link = dh_list_pop_front(&lookup->asks)) != NULL) {
        struct dh_lookup_ask *ask = DH_CONTAINER_OF(link, struct dh_lookup_ask, link);
        dh_op_deinit(&ask->op, context->requests);
        dh_mem_free(context->mem, ask, sizeof(*ask));
    }
    if (lookup->cls->release != NULL) {
        lookup->cls->release(lookup);
    }
    dh_alarm_deinit(&lookup->deadline_alarm, context->alarms);
    dh_list_remove(&lookup->link);
    dh_mem_free(context->mem, lookup, sizeof(*lookup));
}

void dh_lookup_finish(struct dh_lookup *lookup)
{
    struct dh_outbox *outbox = lookup->lookups->context.outbox;
    struct dh_message *command = lookup->command;
    free_lookup(lookup);
    dh_outbox_post(outbox, command);
}

void dh_lookup_fail(struct dh_lookup *lookup, int code, int16_t broker_code,
                    const char *topic, int32_t partition, const char *text)
{
    dohle_error_info *error = error_of(lookup->command);
    set_error(error, code, text);
    error->broker_code = broker_code;
    if (topic != NULL) {
        error->partition = partition;
        snprintf(error->topic, sizeof(error->topic), "%s", topic);
        if (text == NULL && broker_code != 0) {
            snprintf(error->text, sizeof(error->text), "%s of %s: %s", lookup->cls->what,
                     error->topic, dohle_broker_error_name(broker_code));
        }
    }
    dh_lookup_finish(lookup);
}

void dh_lookup_note(struct dh_lookup *lookup, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(lookup->why, sizeof(lookup->why), format, arguments);
    va_end(arguments);
}

static void on_deadline(struct dh_alarm *alarm, int64_t now_ns)
{
    (void)now_ns;
    struct dh_lookup *lookup = DH_CONTAINER_OF(alarm, struct dh_lookup, deadline_alarm);
    const char *trouble = dh_requests_why_waiting(lookup->lookups->context.requests);
    const char *why = "nobody has answered";
    if (trouble[0] != 0) {
        why = trouble;
    }
    if (lookup->why[0] != 0) {
        why = lookup->why;
    }
    char text[512];
    snprintf(text, sizeof(text), "%s did not come in the time allowed: %s",
             lookup->cls->what, why);
    dh_lookup_fail(lookup, DOHLE_ERR_TIMEOUT, 0, NULL, -1, text);
}

struct dh_lookup_ask *dh_lookup_ask_of(struct dh_lookup *lookup,
                                       const struct dh_op_class *cls, int32_t node_id)
{
    DH_LIST_EACH(link, &lookup->asks)
    {
        struct dh_lookup_ask *ask = DH_CONTAINER_OF(link, struct dh_lookup_ask, link);
        if (ask->node_id == node_id) {
            return ask;
        }
    }
    const struct dh_back_context *context = &lookup->lookups->context;
    struct dh_lookup_ask *ask = dh_mem_calloc(context->mem, 1, sizeof(*ask));
    if (ask == NULL) {
        return NULL;
    }
    if (dh_op_init(&ask->op, cls, context->requests) != 0) {
        dh_mem_free(context->mem, ask, sizeof(*ask));
        return NULL;
    }
    ask->lookup = lookup;
    ask->node_id = node_id;
    dh_list_push_back(&lookup->asks, &ask->link);
    return ask;
}

void dh_lookup_start(struct dh_lookup_ask *ask, int64_t now_ns)
{
    const struct dh_back_context *context = &ask->lookup->lookups->context;
    int64_t deadline_ns =
        dh_deadline_after_ms(now_ns, context->settings->request_timeout_ms);
    dh_op_start(&ask->op, context->requests, ask->node_id,
                dh_earlier(deadline_ns, ask->lookup->deadline_ns), now_ns);
}

// ---- All of them ----

void dh_lookups_init(struct dh_lookups *lookups, const struct dh_back_context *context,
                     struct dh_coordinator_link *link)
{
    *lookups = (struct dh_lookups){.context = *context, .link = link};
    dh_list_init(&lookups->running);
}

void dh_lookups_deinit(struct dh_lookups *lookups)
{
    while (!dh_list_is_empty(&lookups->running)) {
        struct dh_lookup *lookup =
            DH_CONTAINER_OF(dh_list_first(&lookups->running), struct dh_lookup, link);
        dh_lookup_fail(lookup, DOHLE_ERR_CLOSED, 0, NULL, -1, NULL);
    }
}

void dh_lookups_submit(struct dh_lookups *lookups, struct dh_message *command,
                       int64_t now_ns)
{
    const struct dh_back_context *context = &lookups->context;
    set_error(error_of(command), 0, NULL);
    struct dh_lookup *lookup = dh_mem_calloc(context->mem, 1, sizeof(*lookup));
    if (lookup == NULL) {
        goto no_memory;
    }
    if (dh_alarm_init(&lookup->deadline_alarm, context->alarms, on_deadline) != 0) {
        dh_mem_free(context->mem, lookup, sizeof(*lookup));
        goto no_memory;
    }
    lookup->lookups = lookups;
    lookup->cls = class_of(command);
    lookup->command = command;
    lookup->deadline_ns = deadline_of(command);
    lookup->updates = dh_cluster_updates(context->cluster);
    dh_list_init(&lookup->asks);
    dh_list_push_back(&lookups->running, &lookup->link);
    if (lookup->cls->begin(lookup, now_ns) != 0) {
        dh_lookup_fail(lookup, DOHLE_ERR_NO_MEMORY, 0, NULL, -1, NULL);
        return;
    }
    dh_alarm_set(&lookup->deadline_alarm, context->alarms, lookup->deadline_ns);
    lookup->cls->step(lookup, now_ns);
    return;

no_memory:
    set_error(error_of(command), DOHLE_ERR_NO_MEMORY, NULL);
    dh_outbox_post(context->outbox, command);
}

static void step_all(struct dh_lookups *lookups, int64_t now_ns)
{
    DH_LIST_EACH_SAFE(link, next_link, &lookups->running)
    {
        struct dh_lookup *lookup = DH_CONTAINER_OF(link, struct dh_lookup, link);
        lookup->cls->step(lookup, now_ns);
    }
}

void dh_lookups_on_metadata(struct dh_lookups *lookups, int64_t now_ns)
{
    step_all(lookups, now_ns);
}

void dh_lookups_on_coordinator(struct dh_lookups *lookups, int32_t node_id,
                               int64_t now_ns)
{
    if (node_id != DH_NODE_NONE) {
        step_all(lookups, now_ns);
        return;
    }
    DH_LIST_EACH_SAFE(link, next_link, &lookups->running)
    {
        struct dh_lookup *lookup = DH_CONTAINER_OF(link, struct dh_lookup, link);
        if (lookup->cls->on_no_coordinator != NULL) {
            lookup->cls->on_no_coordinator(lookup);
        }
    }
}
