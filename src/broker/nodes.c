// SPDX-License-Identifier: MIT
#include "broker/nodes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "broker/conditions.h"
#include "broker/connections.h"
#include "broker/fetches.h"
#include "broker/topics.h"

static const char subsystem[] = "nodes";

int dh_broker_nodes_new(struct dh_broker *broker, const struct dh_broker_options *options)
{
    struct dh_broker_nodes *nodes = dh_mem_calloc(broker->mem, 1, sizeof(*nodes));
    if (nodes == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    broker->nodes = nodes;
    nodes->items =
        dh_mem_calloc(broker->mem, options->node_count, sizeof(nodes->items[0]));
    if (nodes->items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    nodes->count = options->node_count;
    for (size_t i = 0; i < nodes->count; i++) {
        const struct dh_broker_node_options *from = &options->nodes[i];
        struct dh_broker_node *node = &nodes->items[i];
        node->id = (int32_t)i + 1;
        node->address = from->address;
        node->is_up = true;
        node->listen_wish = DH_BROKER_WISH_LISTEN;
        if (from->rack != NULL) {
            node->rack = dh_mem_copy_string(broker->mem, from->rack, strlen(from->rack));
            if (node->rack == NULL) {
                return DOHLE_ERR_NO_MEMORY;
            }
        }
    }
    return 0;
}

void dh_broker_nodes_free(struct dh_broker *broker)
{
    struct dh_broker_nodes *nodes = broker->nodes;
    if (nodes == NULL) {
        return;
    }
    for (size_t i = 0; i < nodes->count; i++) {
        dh_mem_free_string(broker->mem, nodes->items[i].rack);
    }
    dh_mem_free(broker->mem, nodes->items, nodes->count * sizeof(nodes->items[0]));
    dh_mem_free(broker->mem, nodes, sizeof(*nodes));
    broker->nodes = NULL;
}

size_t dh_broker_nodes_count(const struct dh_broker *broker)
{
    return broker->nodes->count;
}

struct dh_broker_node *dh_broker_nodes_at(const struct dh_broker *broker, size_t index)
{
    DH_ASSERT(index < broker->nodes->count);
    return &broker->nodes->items[index];
}

struct dh_broker_node *dh_broker_nodes_find(const struct dh_broker *broker, int32_t id)
{
    if (id < 1 || (size_t)id > broker->nodes->count) {
        return NULL;
    }
    return &broker->nodes->items[id - 1];
}

bool dh_broker_nodes_is_up(const struct dh_broker *broker, int32_t id)
{
    const struct dh_broker_node *node = dh_broker_nodes_find(broker, id);
    return node != NULL && node->is_up;
}

int32_t dh_broker_nodes_controller(const struct dh_broker *broker)
{
    for (size_t i = 0; i < broker->nodes->count; i++) {
        if (broker->nodes->items[i].is_up) {
            return broker->nodes->items[i].id;
        }
    }
    return -1;
}

void dh_broker_nodes_take_down(struct dh_broker *broker, struct dh_broker_node *node,
                               bool is_killed)
{
    if (!node->is_up) {
        return;
    }
    dh_log(broker->log, DOHLE_LOG_INFO, subsystem, "node %" PRId32 " goes down%s",
           node->id, is_killed ? ": killed" : "");
    node->is_up = false;
    node->is_paused = false;
    // A LISTEN that was not told yet is simply taken back.
    node->listen_wish = node->listen_wish == DH_BROKER_WISH_LISTEN
                            ? DH_BROKER_WISH_NOTHING
                            : DH_BROKER_WISH_UNLISTEN;
    node->is_listening = false;
    dh_broker_connections_end_all(broker, node,
                                  is_killed ? DH_BROKER_END_RESET : DH_BROKER_END_CLOSE);
    dh_broker_fetches_on_node_down(broker, node->id);
    dh_broker_topics_on_node(broker, node->id, false);
    dh_broker_changed(broker, DH_BROKER_CHANGE_NODE);
}

void dh_broker_nodes_bring_up(struct dh_broker *broker, struct dh_broker_node *node)
{
    if (node->is_up) {
        return;
    }
    dh_log(broker->log, DOHLE_LOG_INFO, subsystem, "node %" PRId32 " comes up", node->id);
    node->is_up = true;
    node->has_failed = false;
    // An UNLISTEN that was not told yet is followed by the LISTEN.
    node->listen_wish = node->listen_wish == DH_BROKER_WISH_UNLISTEN
                            ? DH_BROKER_WISH_RELISTEN
                            : DH_BROKER_WISH_LISTEN;
    dh_broker_topics_on_node(broker, node->id, true);
    dh_broker_changed(broker, DH_BROKER_CHANGE_NODE);
}

void dh_broker_nodes_set_paused(struct dh_broker *broker, struct dh_broker_node *node,
                                bool is_paused)
{
    if (node->is_up && node->is_paused != is_paused) {
        node->is_paused = is_paused;
        dh_broker_connections_on_pause(broker, node);
        dh_broker_changed(broker, DH_BROKER_CHANGE_NODE);
    }
}

void dh_broker_nodes_on_listening(struct dh_broker *broker, struct dh_broker_node *node,
                                  const struct dh_broker_listening *listening)
{
    if (!node->is_up) {
        return; // it went down meanwhile; the host is told so
    }
    if (listening->err != 0) {
        node->has_failed = true;
        snprintf(node->trouble, sizeof(node->trouble), "%s", listening->text);
        dh_log(broker->log, DOHLE_LOG_ERROR, subsystem,
               "node %" PRId32 " cannot listen: %s", node->id, node->trouble);
        return;
    }
    node->is_listening = true;
    node->address = *listening->address;
    snprintf(node->host, sizeof(node->host), "%s", listening->host);
    node->port = listening->port;
    dh_log(broker->log, DOHLE_LOG_INFO, subsystem,
           "node %" PRId32 " listens at %s:%" PRId32, node->id, node->host, node->port);
}

bool dh_broker_nodes_next_action(struct dh_broker *broker,
                                 struct dh_broker_action *action)
{
    for (size_t i = 0; i < broker->nodes->count; i++) {
        struct dh_broker_node *node = &broker->nodes->items[i];
        *action =
            (struct dh_broker_action){.node_id = node->id, .address = node->address};
        switch (node->listen_wish) {
        case DH_BROKER_WISH_NOTHING: break;
        case DH_BROKER_WISH_LISTEN:
            node->listen_wish = DH_BROKER_WISH_NOTHING;
            action->kind = DH_BROKER_LISTEN;
            return true;
        case DH_BROKER_WISH_UNLISTEN:
            node->listen_wish = DH_BROKER_WISH_NOTHING;
            action->kind = DH_BROKER_UNLISTEN;
            return true;
        case DH_BROKER_WISH_RELISTEN:
            node->listen_wish = DH_BROKER_WISH_LISTEN;
            action->kind = DH_BROKER_UNLISTEN;
            return true;
        }
    }
    return false;
}
