// SPDX-License-Identifier: MIT
#include "client/producer/identity.h"

#include <inttypes.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/reactions.h"
#include "wire/gen/api_keys.h"
#include "wire/gen/init_producer_id.h"

static const char subsystem[] = "identity";

static void ask(struct dh_identity *identity, int64_t now_ns)
{
    dh_op_start(
        &identity->op, identity->context.requests, DH_NODE_ANY,
        dh_deadline_after_ms(now_ns, identity->context.settings->request_timeout_ms),
        now_ns);
}

static int fill(struct dh_op *op, int16_t version, void *message, struct dh_arena *arena,
                int64_t now_ns)
{
    (void)op;
    (void)version;
    (void)arena;
    (void)now_ns;
    struct dh_init_producer_id_request *request = message;
    request->transactional_id = DH_BYTES_NULL;
    // Not looked at without a transactional id, but it must be positive.
    request->transaction_timeout_ms = INT32_MAX;
    return 0;
}

static void refuse(struct dh_identity *identity, int err, int16_t broker_code,
                   const char *why, int64_t now_ns)
{
    dh_log(identity->context.log, DOHLE_LOG_ERROR, subsystem, "no producer id: %s", why);
    identity->state = DH_IDENTITY_REFUSED;
    identity->err = err;
    identity->broker_code = broker_code;
    identity->on_settled(identity->ctx, now_ns);
}

static enum dh_settled on_reply(struct dh_op *op, const struct dh_reply *reply,
                                int64_t now_ns)
{
    struct dh_identity *identity = DH_CONTAINER_OF(op, struct dh_identity, op);
    if (reply->err == DOHLE_ERR_CLOSED) {
        return DH_SETTLED_FAILED;
    }
    if (reply->err == DOHLE_ERR_UNSUPPORTED_VERSION) {
        refuse(identity, reply->err, 0, reply->text, now_ns);
        return DH_SETTLED_FAILED;
    }
    if (reply->err != 0) {
        return DH_SETTLED_RETRY;
    }
    const struct dh_init_producer_id_response *response = reply->response;
    int16_t code = response->error_code;
    if (code != 0) {
        if (dh_reaction_is_retry(dh_reaction_of(DH_API_INIT_PRODUCER_ID, code))) {
            dh_requests_note_failure(identity->context.requests, op, reply,
                                     dohle_broker_error_name(code));
            return DH_SETTLED_RETRY;
        }
        refuse(identity, dh_reaction_error(code), code, dohle_broker_error_name(code),
               now_ns);
        return DH_SETTLED_FAILED;
    }
    if (response->producer_id < 0 || response->producer_epoch < 0) {
        return DH_SETTLED_RETRY;
    }
    identity->producer_id = response->producer_id;
    identity->producer_epoch = response->producer_epoch;
    identity->state = DH_IDENTITY_KNOWN;
    dh_log(identity->context.log, DOHLE_LOG_INFO, subsystem,
           "producer id %" PRId64 ", epoch %d", identity->producer_id,
           identity->producer_epoch);
    identity->on_settled(identity->ctx, now_ns);
    return DH_SETTLED_DONE;
}

static void on_due(struct dh_op *op, int64_t now_ns)
{
    ask(DH_CONTAINER_OF(op, struct dh_identity, op), now_ns);
}

static const struct dh_op_class init_producer_id_class = {
    .name = "InitProducerId",
    .api_key = DH_API_INIT_PRODUCER_ID,
    .channel = DH_CHANNEL_GENERAL,
    .fill = fill,
    .on_reply = on_reply,
    .on_due = on_due,
};

int dh_identity_init(struct dh_identity *identity, const struct dh_back_context *context,
                     void (*on_settled)(void *ctx, int64_t now_ns), void *ctx)
{
    *identity = (struct dh_identity){
        .context = *context,
        .state =
            context->settings->enable_idempotence ? DH_IDENTITY_NONE : DH_IDENTITY_KNOWN,
        .producer_id = -1,
        .producer_epoch = -1,
        .on_settled = on_settled,
        .ctx = ctx,
    };
    return dh_op_init(&identity->op, &init_producer_id_class, context->requests);
}

void dh_identity_deinit(struct dh_identity *identity)
{
    dh_op_deinit(&identity->op, identity->context.requests);
}

bool dh_identity_want(struct dh_identity *identity, int64_t now_ns)
{
    if (identity->state == DH_IDENTITY_NONE) {
        identity->state = DH_IDENTITY_ASKING;
        ask(identity, now_ns);
    }
    return identity->state == DH_IDENTITY_KNOWN;
}

void dh_identity_bump(struct dh_identity *identity, int64_t producer_id,
                      int16_t producer_epoch, int64_t now_ns)
{
    if (identity->state != DH_IDENTITY_KNOWN || identity->producer_id < 0 ||
        identity->producer_id != producer_id ||
        identity->producer_epoch != producer_epoch) {
        return;
    }
    if (identity->producer_epoch == INT16_MAX) {
        identity->state = DH_IDENTITY_ASKING;
        ask(identity, now_ns);
        return;
    }
    identity->producer_epoch++;
    dh_log(identity->context.log, DOHLE_LOG_INFO, subsystem,
           "producer id %" PRId64 " goes on with epoch %d", identity->producer_id,
           identity->producer_epoch);
}

void dh_identity_close(struct dh_identity *identity)
{
    dh_op_cancel(&identity->op, identity->context.requests);
}
