// SPDX-License-Identifier: MIT
#include "client/back/coordinator_link.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/alarms.h"
#include "client/back/context.h"
#include "client/back/outbox.h"
#include "client/back/reactions.h"
#include "client/back/requests.h"
#include "wire/gen/api_keys.h"
#include "wire/gen/find_coordinator.h"

static const char subsystem[] = "coordinator";

enum { KEY_TYPE_GROUP = 0 };

struct dh_coordinator_link {
    struct dh_back_context context;
    struct dh_coordinator_owner owner;
    const char *group_id;
    int32_t node_id; // DH_NODE_NONE: not known
    bool is_wanted;
    bool is_closed;
    bool is_settling; // inside of on_refused: the operation is about to wait
    struct dh_op op;
    struct dh_alarm alarm; // when the next look-up may go out
    struct dh_backoff gap;
    int64_t found_ns;
    int64_t next_allowed_ns;
    dohle_error_info error; // code 0: none
};

// What one response says, whichever its version.
struct answer {
    int16_t broker_code;
    int32_t node_id;
    dohle_bytes host;
    int32_t port;
};

static void look_up(struct dh_coordinator_link *link, int64_t now_ns)
{
    if (!link->is_wanted || link->is_closed || link->is_settling ||
        link->op.state != DH_OP_IDLE) {
        return;
    }
    if (link->next_allowed_ns > now_ns) {
        dh_alarm_set(&link->alarm, link->context.alarms, link->next_allowed_ns);
        return;
    }
    dh_op_start(&link->op, link->context.requests, DH_NODE_ANY,
                dh_deadline_after_ms(now_ns, link->context.settings->request_timeout_ms),
                now_ns);
}

static void on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    look_up(DH_CONTAINER_OF(alarm, struct dh_coordinator_link, alarm), now_ns);
}

static int fill(struct dh_op *op, int16_t version, void *message, struct dh_arena *arena,
                int64_t now_ns)
{
    (void)now_ns;
    struct dh_coordinator_link *link =
        DH_CONTAINER_OF(op, struct dh_coordinator_link, op);
    struct dh_find_coordinator_request *request = message;
    dohle_bytes group_id = dh_bytes_of(link->group_id);
    if (version >= 1) {
        request->key_type = KEY_TYPE_GROUP;
    }
    if (version < 4) {
        request->key = group_id;
        return 0;
    }
    request->coordinator_keys.items =
        dh_arena_calloc(arena, 1, sizeof(*request->coordinator_keys.items));
    if (request->coordinator_keys.items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    request->coordinator_keys.items[0] = group_id;
    request->coordinator_keys.count = 1;
    return 0;
}

static struct answer answer_of(const struct dh_find_coordinator_response *response,
                               int16_t version)
{
    if (version < 4) {
        return (struct answer){response->error_code, response->node_id, response->host,
                               response->port};
    }
    if (response->coordinators.count == 0) {
        return (struct answer){.broker_code = DH_BROKER_COORDINATOR_NOT_AVAILABLE};
    }
    const struct dh_find_coordinator_response_coordinator *first =
        &response->coordinators.items[0];
    return (struct answer){first->error_code, first->node_id, first->host, first->port};
}

static enum dh_settled on_found(struct dh_coordinator_link *link,
                                const struct answer *answer, int64_t now_ns)
{
    if (answer->node_id < 0 || answer->host.size == 0 ||
        dh_requests_put_broker(link->context.requests, answer->node_id, answer->host,
                               answer->port) != 0) {
        return DH_SETTLED_RETRY;
    }
    dh_log(link->context.log, DOHLE_LOG_INFO, subsystem,
           "node %" PRId32 " coordinates group %s", answer->node_id, link->group_id);
    link->node_id = answer->node_id;
    link->is_wanted = false;
    link->error.code = 0;
    link->found_ns = now_ns;
    link->next_allowed_ns = dh_deadline_after_ms(
        now_ns, dh_backoff_next_ms(&link->gap, link->context.random));
    link->owner.on_coordinator(link->owner.ctx, answer->node_id, now_ns);
    return DH_SETTLED_DONE;
}

// Retrying will hardly help; the application and whoever waits must know.
static void on_refused(struct dh_coordinator_link *link, int16_t broker_code,
                       int64_t now_ns)
{
    link->error = (dohle_error_info){
        .code = dh_reaction_error(broker_code),
        .broker_code = broker_code,
        .node_id = -1,
        .partition = -1,
        .offset = -1,
    };
    snprintf(link->error.text, sizeof(link->error.text),
             "the coordinator of group %.250s cannot be looked up: %s (%s)",
             link->group_id, dohle_error_text(link->error.code),
             dohle_broker_error_name(broker_code));
    if (dh_outbox_report(link->context.outbox, link->context.mem, &link->error)) {
        dh_log(link->context.log, DOHLE_LOG_ERROR, subsystem, "%s", link->error.text);
    }
    link->is_settling = true;
    link->owner.on_coordinator(link->owner.ctx, DH_NODE_NONE, now_ns);
    link->is_settling = false;
}

static enum dh_settled on_reply(struct dh_op *op, const struct dh_reply *reply,
                                int64_t now_ns)
{
    struct dh_coordinator_link *link =
        DH_CONTAINER_OF(op, struct dh_coordinator_link, op);
    if (reply->err != 0) {
        dh_log(link->context.log, DOHLE_LOG_INFO, subsystem, "not found: %s",
               reply->text);
        return link->is_closed ? DH_SETTLED_FAILED : DH_SETTLED_RETRY;
    }
    struct answer answer = answer_of(reply->response, reply->version);
    if (answer.broker_code == 0) {
        return on_found(link, &answer, now_ns);
    }
    enum dh_reaction reaction =
        dh_reaction_of(DH_API_FIND_COORDINATOR, answer.broker_code);
    dh_log(link->context.log, DOHLE_LOG_INFO, subsystem, "not found: %s",
           dohle_broker_error_name(answer.broker_code));
    if (!dh_reaction_is_retry(reaction)) {
        on_refused(link, answer.broker_code, now_ns);
    }
    return DH_SETTLED_RETRY;
}

static void on_due(struct dh_op *op, int64_t now_ns)
{
    look_up(DH_CONTAINER_OF(op, struct dh_coordinator_link, op), now_ns);
}

static const struct dh_op_class find_coordinator_class = {
    .name = "FindCoordinator",
    .api_key = DH_API_FIND_COORDINATOR,
    .channel = DH_CHANNEL_GENERAL,
    .fill = fill,
    .on_reply = on_reply,
    .on_due = on_due,
};

struct dh_coordinator_link *dh_coordinator_link_new(const struct dh_back_context *context,
                                                    const char *group_id,
                                                    struct dh_coordinator_owner owner)
{
    struct dh_coordinator_link *link = dh_mem_calloc(context->mem, 1, sizeof(*link));
    if (link == NULL) {
        return NULL;
    }
    link->context = *context;
    link->owner = owner;
    link->group_id = group_id;
    link->node_id = DH_NODE_NONE;
    link->next_allowed_ns = INT64_MIN;
    link->gap = (struct dh_backoff){.initial_ms = context->settings->retry_backoff_ms,
                                    .max_ms = context->settings->retry_backoff_max_ms};
    if (dh_op_init(&link->op, &find_coordinator_class, context->requests) != 0) {
        dh_mem_free(context->mem, link, sizeof(*link));
        return NULL;
    }
    if (dh_alarm_init(&link->alarm, context->alarms, on_alarm) != 0) {
        dh_op_deinit(&link->op, context->requests);
        dh_mem_free(context->mem, link, sizeof(*link));
        return NULL;
    }
    return link;
}

void dh_coordinator_link_free(struct dh_coordinator_link *link)
{
    if (link == NULL) {
        return;
    }
    dh_op_deinit(&link->op, link->context.requests);
    dh_alarm_deinit(&link->alarm, link->context.alarms);
    dh_mem_free(link->context.mem, link, sizeof(*link));
}

void dh_coordinator_link_close(struct dh_coordinator_link *link)
{
    link->is_closed = true;
    dh_op_cancel(&link->op, link->context.requests);
    dh_alarm_cancel(&link->alarm, link->context.alarms);
}

int32_t dh_coordinator_want(struct dh_coordinator_link *link, int64_t now_ns)
{
    if (link->node_id == DH_NODE_NONE && link->group_id != NULL) {
        link->is_wanted = true;
        look_up(link, now_ns);
    }
    return link->node_id;
}

int32_t dh_coordinator_node(const struct dh_coordinator_link *link)
{
    return link->node_id;
}

void dh_coordinator_lost(struct dh_coordinator_link *link, int32_t node_id,
                         const char *why, int64_t now_ns)
{
    if (node_id == DH_NODE_NONE || node_id != link->node_id) {
        return;
    }
    dh_log(link->context.log, DOHLE_LOG_INFO, subsystem,
           "node %" PRId32 " is lost as coordinator of group %s: %s", node_id,
           link->group_id, why);
    link->node_id = DH_NODE_NONE;
    // One that was held for long is looked up at once, the first time.
    if (now_ns > dh_deadline_after_ms(link->found_ns,
                                      link->context.settings->retry_backoff_max_ms)) {
        dh_backoff_reset(&link->gap);
        link->next_allowed_ns = now_ns;
    }
}

const dohle_error_info *dh_coordinator_error(const struct dh_coordinator_link *link)
{
    return link->error.code == 0 ? NULL : &link->error;
}
