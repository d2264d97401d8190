// SPDX-License-Identifier: MIT
/*
 * Requests, cluster and what they need, against a scripted peer: for the tests of
 * the modules that ask brokers.
 */
#ifndef DH_TESTS_UNIT_CLIENT_BACK_NET_RIG_H
#define DH_TESTS_UNIT_CLIENT_BACK_NET_RIG_H

#include "../scripted_peer.h"

#include <dohle/config.h>

#include "base/settings.h"
#include "client/back/alarms.h"
#include "client/back/cluster.h"
#include "client/back/context.h"
#include "client/back/outbox.h"
#include "client/back/requests.h"

struct net_rig {
    struct test_memory memory;
    struct dh_settings settings;
    struct dh_random random;
    struct dh_frame_pool frames;
    struct dh_alarms alarms;
    struct dh_outbox outbox;
    struct dh_poll_mark poll_mark;
    struct dh_back_context context;
    struct dh_requests *requests;
    struct dh_cluster *cluster;
    struct scripted_peer peer;
};

static inline bool rig_next_action(void *engine, struct dh_action *action, int64_t now_ns)
{
    struct net_rig *rig = engine;
    dh_requests_check(rig->requests);
    return dh_requests_next_action(rig->requests, action, now_ns);
}

static inline void rig_on_resolved(void *engine, uint32_t connection_id,
                                   const struct dh_address *addresses, size_t count,
                                   int err, const char *text, int64_t now_ns)
{
    dh_requests_on_resolved(((struct net_rig *)engine)->requests, connection_id,
                            addresses, count, err, text, now_ns);
}

static inline void rig_on_connected(void *engine, uint32_t connection_id, int64_t now_ns)
{
    dh_requests_on_connected(((struct net_rig *)engine)->requests, connection_id, now_ns);
}

static inline void rig_on_closed(void *engine, uint32_t connection_id, int err,
                                 const char *text, int64_t now_ns)
{
    dh_requests_on_closed(((struct net_rig *)engine)->requests, connection_id, err, text,
                          now_ns);
}

static inline bool rig_receive_buffer(void *engine, uint32_t connection_id,
                                      uint8_t **pointer, size_t *capacity)
{
    return dh_requests_receive_buffer(((struct net_rig *)engine)->requests, connection_id,
                                      pointer, capacity);
}

static inline void rig_on_received(void *engine, uint32_t connection_id, size_t size,
                                   int64_t now_ns)
{
    dh_requests_on_received(((struct net_rig *)engine)->requests, connection_id, size,
                            now_ns);
}

static inline void rig_on_sent(void *engine, uint32_t connection_id, int64_t now_ns)
{
    dh_requests_on_sent(((struct net_rig *)engine)->requests, connection_id, now_ns);
}

static inline int64_t rig_deadline(void *engine)
{
    return dh_alarms_deadline(&((struct net_rig *)engine)->alarms);
}

static inline void rig_tick(void *engine, int64_t now_ns)
{
    dh_alarms_run(&((struct net_rig *)engine)->alarms, now_ns);
}

// options: pairs of key and value, ended by NULL. group.id is "g" unless named.
static inline void rig_settings(struct net_rig *rig, const char *bootstrap,
                                const char *const *options)
{
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", bootstrap));
    assert_int_equal(0, dohle_config_set(config, "group.id", "g"));
    for (; options != NULL && options[0] != NULL; options += 2) {
        assert_int_equal(0, dohle_config_set(config, options[0], options[1]));
    }
    assert_int_equal(0, dh_settings_resolve(&rig->settings, dh_mem_default(), config,
                                            DH_ROLE_CONSUMER, 1, NULL));
    dohle_config_free(config);
}

/*
 * Returns 0 or DOHLE_ERR_NO_MEMORY (memory.fail_at may be set before); rig_deinit
 * either way. The peer has no nodes yet.
 */
static inline int rig_init_failing_at(struct net_rig *rig, const char *bootstrap,
                                      const char *const *options, size_t fail_at)
{
    memset(rig, 0, sizeof(*rig));
    test_memory_init(&rig->memory);
    rig->memory.fail_at = fail_at;
    rig_settings(rig, bootstrap, options);
    const struct peer_engine engine = {
        .engine = rig,
        .next_action = rig_next_action,
        .on_resolved = rig_on_resolved,
        .on_connected = rig_on_connected,
        .on_closed = rig_on_closed,
        .receive_buffer = rig_receive_buffer,
        .on_received = rig_on_received,
        .on_sent = rig_on_sent,
        .deadline = rig_deadline,
        .tick = rig_tick,
    };
    peer_init(&rig->peer, &engine);
    const dohle_allocator *mem = &rig->memory.allocator;
    rig->random.state = 7;
    dh_frame_pool_init(&rig->frames, mem, 1024 * 1024);
    dh_alarms_init(&rig->alarms, mem);
    dh_outbox_init(&rig->outbox);
    rig->context = (struct dh_back_context){
        .mem = mem,
        .settings = &rig->settings,
        .random = &rig->random,
        .frames = &rig->frames,
        .alarms = &rig->alarms,
        .poll_mark = &rig->poll_mark,
        .outbox = &rig->outbox,
    };
    rig->requests = dh_requests_new(&rig->context, rig->peer.now_ns);
    rig->context.requests = rig->requests;
    if (rig->requests == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    rig->cluster = dh_cluster_new(&rig->context, rig->peer.now_ns);
    rig->context.cluster = rig->cluster;
    return rig->cluster == NULL ? DOHLE_ERR_NO_MEMORY : 0;
}

static inline void rig_init(struct net_rig *rig, const char *bootstrap,
                            const char *const *options)
{
    assert_int_equal(0, rig_init_failing_at(rig, bootstrap, options, 0));
}

static inline void rig_deinit(struct net_rig *rig)
{
    dh_cluster_free(rig->cluster);
    dh_requests_free(rig->requests);
    for (struct dh_link *link;
         (link = dh_list_pop_front(&rig->outbox.messages)) != NULL;) {
        struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
        dh_mem_free(&rig->memory.allocator, message, message->size);
    }
    dh_alarms_deinit(&rig->alarms);
    dh_frame_pool_deinit(&rig->frames);
    dh_settings_deinit(&rig->settings);
    peer_deinit(&rig->peer);
    assert_int_equal(0, rig->memory.bytes);
}

// An operation that counts its replies and keeps the last one.
struct rig_op {
    struct dh_op op;
    struct net_rig *rig;
    enum dh_settled settle_as; // of an error; an answer is DONE
    size_t fills;
    size_t replies;
    size_t dues;
    int err;
    int32_t node_id;
    int16_t version;
    int64_t replied_ns;
    char text[512];
};

static inline int rig_op_fill(struct dh_op *op, int16_t version, void *request,
                              struct dh_arena *arena, int64_t now_ns)
{
    (void)version;
    (void)request;
    (void)arena;
    (void)now_ns;
    DH_CONTAINER_OF(op, struct rig_op, op)->fills++;
    return 0;
}

static inline enum dh_settled
rig_op_on_reply(struct dh_op *op, const struct dh_reply *reply, int64_t now_ns)
{
    struct rig_op *self = DH_CONTAINER_OF(op, struct rig_op, op);
    self->replies++;
    self->err = reply->err;
    self->node_id = reply->node_id;
    self->version = reply->version;
    self->replied_ns = now_ns;
    assert_non_null(reply->text);
    assert_int_equal(reply->err == 0, reply->response != NULL);
    snprintf(self->text, sizeof(self->text), "%s", reply->text);
    return reply->err == 0 ? DH_SETTLED_DONE : self->settle_as;
}

static inline void rig_op_on_due(struct dh_op *op, int64_t now_ns)
{
    struct rig_op *self = DH_CONTAINER_OF(op, struct rig_op, op);
    self->dues++;
    dh_op_start(op, self->rig->requests, DH_NODE_ANY,
                dh_deadline_after_ms(now_ns, self->rig->settings.request_timeout_ms),
                now_ns);
}

// Heartbeats, whose response has nothing but an error and a throttle time.
static const struct dh_op_class rig_heartbeat_class = {
    .name = "Heartbeat",
    .api_key = DH_API_HEARTBEAT,
    .channel = DH_CHANNEL_GENERAL,
    .fill = rig_op_fill,
    .on_reply = rig_op_on_reply,
    .on_due = rig_op_on_due,
};

static inline void rig_op_init(struct rig_op *self, struct net_rig *rig,
                               const struct dh_op_class *cls)
{
    memset(self, 0, sizeof(*self));
    self->rig = rig;
    self->settle_as = DH_SETTLED_FAILED;
    assert_int_equal(0, dh_op_init(&self->op, cls, rig->requests));
}

static inline void rig_op_start(struct rig_op *self, int32_t node_id, int64_t allowed_ms)
{
    dh_op_start(&self->op, self->rig->requests, node_id,
                dh_deadline_after_ms(self->rig->peer.now_ns, allowed_ms),
                self->rig->peer.now_ns);
}

static inline void rig_op_deinit(struct rig_op *self)
{
    dh_op_deinit(&self->op, self->rig->requests);
}

#endif
