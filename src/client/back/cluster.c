// SPDX-License-Identifier: MIT
#include "client/back/cluster.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/settings.h"
#include "base/time.h"
#include "client/back/alarms.h"
#include "client/back/context.h"
#include "client/back/outbox.h"
#include "client/back/reactions.h"
#include "client/back/requests.h"
#include "wire/gen/api_keys.h"
#include "wire/gen/metadata.h"

static const char subsystem[] = "cluster";

// The interest in one topic.
struct want {
    uint32_t count; // who is told of errors by the application's poll
    uint32_t quiet_count;
    bool is_reported; // the present error of the topic has been told
    char name[];
};

struct topic {
    struct dh_cluster_topic view; // partitions: `rows`, or none while there is an error
    char *name;                   // owned
    struct dh_cluster_partition *rows; // owned; kept during errors, for their epochs
    size_t row_count;
    uint64_t seen; // the update that named it last
};

struct dh_cluster {
    struct dh_back_context context;
    struct dh_map wants;  // name -> struct want
    struct dh_map topics; // name -> struct topic
    struct dh_map by_id;  // topic id -> struct topic
    uint32_t want_all_count;
    uint64_t version;
    uint64_t updates;
    bool is_closed;
    // The one Metadata operation.
    struct dh_op op;
    struct dh_alarm alarm; // when to ask next
    struct dh_backoff gap; // between updates that change nothing
    bool is_update_wanted; // as soon as the gap allows
    bool has_news_wanted;  // at once: a topic nobody asked about yet
    int64_t next_allowed_ns;
    int64_t updated_ns;       // the last good response
    int64_t failing_since_ns; // the first failure since then; DH_NEVER: none
};

// ---- When to ask ----

static bool is_listing_all(const struct dh_cluster *cluster)
{
    return cluster->want_all_count > 0;
}

static bool has_wants(const struct dh_cluster *cluster)
{
    return is_listing_all(cluster) || cluster->wants.count > 0;
}

static int64_t next_due(const struct dh_cluster *cluster)
{
    if (cluster->has_news_wanted) {
        return INT64_MIN;
    }
    if (cluster->is_update_wanted) {
        return cluster->next_allowed_ns;
    }
    if (cluster->updates == 0) {
        return has_wants(cluster) ? INT64_MIN : DH_NEVER;
    }
    int64_t old_ns = dh_deadline_after_ms(cluster->updated_ns,
                                          cluster->context.settings->metadata_max_age_ms);
    return old_ns > cluster->next_allowed_ns ? old_ns : cluster->next_allowed_ns;
}

static bool wants_rebootstrap(const struct dh_cluster *cluster, int64_t now_ns)
{
    const struct dh_settings *settings = cluster->context.settings;
    if (settings->metadata_recovery_strategy != DH_METADATA_RECOVERY_REBOOTSTRAP) {
        return false;
    }
    if (!dh_requests_has_usable_node(cluster->context.requests)) {
        return true;
    }
    return cluster->failing_since_ns != DH_NEVER &&
           now_ns >=
               dh_deadline_after_ms(cluster->failing_since_ns,
                                    settings->metadata_recovery_rebootstrap_trigger_ms);
}

static void rebootstrap(struct dh_cluster *cluster, const char *why, int64_t now_ns)
{
    cluster->failing_since_ns = now_ns;
    if (dh_requests_rebootstrap(cluster->context.requests)) {
        dh_log(cluster->context.log, DOHLE_LOG_WARNING, subsystem,
               "%s: starting again from bootstrap.servers", why);
    }
}

static void ask(struct dh_cluster *cluster, int64_t now_ns)
{
    if (wants_rebootstrap(cluster, now_ns)) {
        rebootstrap(cluster, "no known broker answers", now_ns);
    }
    dh_op_start(
        &cluster->op, cluster->context.requests, DH_NODE_ANY,
        dh_deadline_after_ms(now_ns, cluster->context.settings->request_timeout_ms),
        now_ns);
}

// Looks whether it is time; called whenever something about that has changed.
static void schedule(struct dh_cluster *cluster, int64_t now_ns)
{
    if (cluster->is_closed || cluster->op.state != DH_OP_IDLE) {
        return;
    }
    int64_t due_ns = next_due(cluster);
    if (due_ns > now_ns) {
        dh_alarm_set(&cluster->alarm, cluster->context.alarms, due_ns);
        return;
    }
    dh_alarm_cancel(&cluster->alarm, cluster->context.alarms);
    ask(cluster, now_ns);
}

static void on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    schedule(DH_CONTAINER_OF(alarm, struct dh_cluster, alarm), now_ns);
}

void dh_cluster_request_update(struct dh_cluster *cluster, int64_t now_ns)
{
    cluster->is_update_wanted = true;
    schedule(cluster, now_ns);
}

// ---- Interest ----

static struct want *find_want(const struct dh_cluster *cluster, const char *topic)
{
    return dh_map_get(&cluster->wants, dh_bytes_of(topic));
}

// Returns the want, perhaps a new one; NULL: no memory.
static struct want *add_want(struct dh_cluster *cluster, const char *topic)
{
    struct want *want = find_want(cluster, topic);
    if (want != NULL) {
        return want;
    }
    size_t size = strlen(topic) + 1;
    want = dh_mem_calloc(cluster->context.mem, 1, sizeof(*want) + size);
    if (want == NULL) {
        return NULL;
    }
    memcpy(want->name, topic, size);
    if (dh_map_put(&cluster->wants, dh_bytes_of(topic), want) != 0) {
        dh_mem_free(cluster->context.mem, want, sizeof(*want) + size);
        return NULL;
    }
    if (dh_cluster_topic(cluster, topic) == NULL) {
        cluster->has_news_wanted = true;
    }
    return want;
}

static void drop_want(struct dh_cluster *cluster, struct want *want)
{
    if (want->count == 0 && want->quiet_count == 0) {
        (void)dh_map_remove(&cluster->wants, dh_bytes_of(want->name));
        dh_mem_free(cluster->context.mem, want, sizeof(*want) + strlen(want->name) + 1);
    }
}

static void report_topic(struct dh_cluster *cluster, struct want *want);

int dh_cluster_want(struct dh_cluster *cluster, const char *topic, int64_t now_ns)
{
    struct want *want = add_want(cluster, topic);
    if (want == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    want->count++;
    report_topic(cluster, want);
    schedule(cluster, now_ns);
    return 0;
}

int dh_cluster_want_quietly(struct dh_cluster *cluster, const char *topic, int64_t now_ns)
{
    struct want *want = add_want(cluster, topic);
    if (want == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    want->quiet_count++;
    schedule(cluster, now_ns);
    return 0;
}

void dh_cluster_unwant(struct dh_cluster *cluster, const char *topic)
{
    struct want *want = find_want(cluster, topic);
    DH_ASSERT(want != NULL && want->count > 0);
    want->count--;
    drop_want(cluster, want);
}

void dh_cluster_unwant_quietly(struct dh_cluster *cluster, const char *topic)
{
    struct want *want = find_want(cluster, topic);
    DH_ASSERT(want != NULL && want->quiet_count > 0);
    want->quiet_count--;
    drop_want(cluster, want);
}

void dh_cluster_want_all(struct dh_cluster *cluster, bool wanted, int64_t now_ns)
{
    if (!wanted) {
        DH_ASSERT(cluster->want_all_count > 0);
        cluster->want_all_count--;
        return;
    }
    // What is known now may not be all.
    cluster->has_news_wanted = cluster->has_news_wanted || cluster->want_all_count == 0;
    cluster->want_all_count++;
    schedule(cluster, now_ns);
}

// ---- Errors of topics ----

// Tells the application, once, what it alone can mend.
static void report_topic(struct dh_cluster *cluster, struct want *want)
{
    const struct dh_cluster_topic *topic = dh_cluster_topic(cluster, want->name);
    if (topic == NULL || topic->broker_code == 0) {
        want->is_reported = false;
        return;
    }
    if (want->is_reported || want->count == 0 ||
        dh_reaction_of(DH_API_METADATA, topic->broker_code) != DH_REACTION_REPORT) {
        return;
    }
    dohle_error_info error = {
        .code = dh_reaction_error(topic->broker_code),
        .broker_code = topic->broker_code,
        .node_id = -1,
        .partition = -1,
        .offset = -1,
    };
    snprintf(error.topic, sizeof(error.topic), "%s", want->name);
    snprintf(error.text, sizeof(error.text), "topic %.250s: %s (%s)", want->name,
             dohle_error_text(error.code), dohle_broker_error_name(topic->broker_code));
    dh_log(cluster->context.log, DOHLE_LOG_ERROR, subsystem, "%s", error.text);
    want->is_reported =
        dh_outbox_report(cluster->context.outbox, cluster->context.mem, &error);
}

// Whether an update may tell more of a topic that somebody wants.
static bool is_worth_asking_again(const struct topic *topic)
{
    if (topic->view.broker_code != 0) {
        return dh_reaction_is_retry(
            dh_reaction_of(DH_API_METADATA, topic->view.broker_code));
    }
    for (size_t i = 0; i < topic->row_count; i++) {
        if (topic->rows[i].leader == DH_NODE_NONE) {
            return true;
        }
    }
    return topic->row_count == 0;
}

static void look_at_wants(struct dh_cluster *cluster)
{
    for (struct dh_map_item *item = dh_map_first(&cluster->wants); item != NULL;
         item = dh_map_next(item)) {
        struct want *want = item->value;
        report_topic(cluster, want);
        const struct topic *topic = dh_map_get(&cluster->topics, item->key);
        // One that was asked for and not named may not be there yet.
        if (topic == NULL || is_worth_asking_again(topic)) {
            cluster->is_update_wanted = true;
        }
    }
}

// ---- Taking a response ----

static dohle_bytes id_key(const struct dh_uuid *id)
{
    return (dohle_bytes){id->bytes, sizeof(id->bytes)};
}

static void topic_free(struct dh_cluster *cluster, struct topic *topic)
{
    const dohle_allocator *mem = cluster->context.mem;
    dh_mem_free_string(mem, topic->name);
    dh_mem_free(mem, topic->rows, topic->row_count * sizeof(*topic->rows));
    dh_mem_free(mem, topic, sizeof(*topic));
}

static void forget_topic(struct dh_cluster *cluster, struct topic *topic)
{
    (void)dh_map_remove(&cluster->topics, dh_bytes_of(topic->name));
    if (!dh_uuid_is_zero(&topic->view.id)) {
        (void)dh_map_remove(&cluster->by_id, id_key(&topic->view.id));
    }
    topic_free(cluster, topic);
}

static struct topic *add_topic(struct dh_cluster *cluster, dohle_bytes name)
{
    const dohle_allocator *mem = cluster->context.mem;
    struct topic *topic = dh_mem_calloc(mem, 1, sizeof(*topic));
    if (topic == NULL) {
        return NULL;
    }
    topic->name = dh_mem_copy_string(mem, name.data, name.size);
    if (topic->name == NULL || dh_map_put(&cluster->topics, name, topic) != 0) {
        topic_free(cluster, topic);
        return NULL;
    }
    topic->view.name = topic->name;
    return topic;
}

// Another id: another topic, whose epochs are not those of the old one (CL-182).
static int set_id(struct dh_cluster *cluster, struct topic *topic,
                  const struct dh_uuid *id)
{
    if (dh_uuid_equal(&topic->view.id, id)) {
        return 0;
    }
    if (!dh_uuid_is_zero(id) && dh_map_put(&cluster->by_id, id_key(id), topic) != 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    if (!dh_uuid_is_zero(&topic->view.id)) {
        (void)dh_map_remove(&cluster->by_id, id_key(&topic->view.id));
        dh_log(cluster->context.log, DOHLE_LOG_WARNING, subsystem,
               "topic %s was created anew", topic->name);
    }
    dh_mem_free(cluster->context.mem, topic->rows,
                topic->row_count * sizeof(*topic->rows));
    topic->rows = NULL;
    topic->row_count = 0;
    topic->view.id = *id;
    cluster->version++;
    return 0;
}

static bool is_same_row(const struct dh_cluster_partition *a,
                        const struct dh_cluster_partition *b)
{
    return a->leader == b->leader && a->leader_epoch == b->leader_epoch &&
           a->replica_count == b->replica_count && a->in_sync_count == b->in_sync_count;
}

// Merges what the response says about one partition into its row. True: it changed.
static bool take_row(struct dh_cluster_partition *row,
                     const struct dh_metadata_response_topic_partition *from)
{
    struct dh_cluster_partition now = {
        // REPLICA_NOT_AVAILABLE does not concern the leader.
        .leader =
            from->error_code == 0 || from->error_code == DH_BROKER_REPLICA_NOT_AVAILABLE
                ? from->leader_id
                : DH_NODE_NONE,
        .leader_epoch = from->leader_epoch,
        .replica_count = from->replica_nodes.count,
        .in_sync_count = from->isr_nodes.count,
    };
    if (now.leader < 0) {
        now.leader = DH_NODE_NONE;
    }
    // Stale news do not bring the old leader back (CL-129, X-116).
    if (now.leader_epoch >= 0 && now.leader_epoch < row->leader_epoch) {
        return false;
    }
    bool is_changed = !is_same_row(row, &now);
    *row = now;
    return is_changed;
}

// Rows 0 to count - 1: those there were, and new ones without a leader.
static int resize_rows(struct dh_cluster *cluster, struct topic *topic, size_t count)
{
    if (count == topic->row_count) {
        return 0;
    }
    struct dh_cluster_partition *rows = NULL;
    if (count > 0) {
        rows = dh_mem_calloc(cluster->context.mem, count, sizeof(*rows));
        if (rows == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
    }
    for (size_t i = 0; i < count; i++) {
        rows[i] = i < topic->row_count ? topic->rows[i]
                                       : (struct dh_cluster_partition){
                                             .leader = DH_NODE_NONE, .leader_epoch = -1};
    }
    dh_mem_free(cluster->context.mem, topic->rows,
                topic->row_count * sizeof(*topic->rows));
    topic->rows = rows;
    topic->row_count = count;
    cluster->version++;
    return 0;
}

// What others see of the topic. Counts a change of the error.
static void set_view(struct dh_cluster *cluster, struct topic *topic, int16_t broker_code)
{
    if (topic->view.broker_code != broker_code) {
        topic->view.broker_code = broker_code;
        cluster->version++;
    }
    topic->view.partition_count = broker_code == 0 ? (int32_t)topic->row_count : 0;
    topic->view.partitions = broker_code == 0 ? topic->rows : NULL;
}

static int take_topic(struct dh_cluster *cluster,
                      const struct dh_metadata_response_topic *from)
{
    // Asked for by name, so only a broker out of its mind leaves the name out, or sends
    // one that no string can hold.
    if (from->name.size == 0 || memchr(from->name.data, 0, from->name.size) != NULL) {
        return 0;
    }
    struct topic *topic = dh_map_get(&cluster->topics, from->name);
    if (topic == NULL) {
        topic = add_topic(cluster, from->name);
        if (topic == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        cluster->version++;
    }
    topic->seen = cluster->updates + 1;
    if (from->error_code != 0) {
        set_view(cluster, topic, from->error_code);
        return 0;
    }
    topic->view.is_internal = from->is_internal;
    int err = set_id(cluster, topic, &from->topic_id);
    if (err == 0) {
        err = resize_rows(cluster, topic, (size_t)from->partitions.count);
    }
    // Also after an error: the view must not point at rows that are gone.
    for (int32_t i = 0; err == 0 && i < from->partitions.count; i++) {
        const struct dh_metadata_response_topic_partition *partition =
            &from->partitions.items[i];
        if (partition->partition_index >= 0 &&
            (size_t)partition->partition_index < topic->row_count &&
            take_row(&topic->rows[partition->partition_index], partition)) {
            cluster->version++;
        }
    }
    set_view(cluster, topic, 0);
    return err;
}

// Topics that the update did not name: gone from the cluster, or of no interest.
static void forget_unseen(struct dh_cluster *cluster)
{
    struct dh_map_item *item = dh_map_first(&cluster->topics);
    while (item != NULL) {
        struct topic *topic = item->value;
        item = dh_map_next(item);
        if (topic->seen == cluster->updates + 1) {
            continue;
        }
        if (find_want(cluster, topic->name) == NULL) {
            cluster->version++;
            forget_topic(cluster, topic);
        } else if (is_listing_all(cluster)) {
            set_view(cluster, topic, DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION);
        }
    }
}

static int take_brokers(struct dh_cluster *cluster,
                        const struct dh_metadata_response *response)
{
    struct dh_requests *requests = cluster->context.requests;
    dh_requests_begin_brokers(requests);
    for (int32_t i = 0; i < response->brokers.count; i++) {
        const struct dh_metadata_response_broker *broker = &response->brokers.items[i];
        if (broker->node_id < 0 || broker->host.size == 0) {
            continue;
        }
        int err =
            dh_requests_put_broker(requests, broker->node_id, broker->host, broker->port);
        if (err != 0) {
            return err; // without the end, nobody is forgotten
        }
    }
    dh_requests_end_brokers(requests);
    return 0;
}

// Returns 0 or DOHLE_ERR_NO_MEMORY, with part of it taken.
static int take_response(struct dh_cluster *cluster,
                         const struct dh_metadata_response *response)
{
    int err = take_brokers(cluster, response);
    for (int32_t i = 0; err == 0 && i < response->topics.count; i++) {
        err = take_topic(cluster, &response->topics.items[i]);
    }
    if (err == 0) {
        forget_unseen(cluster);
    }
    return err;
}

// ---- The operation ----

static int fill(struct dh_op *op, int16_t version, void *message, struct dh_arena *arena,
                int64_t now_ns)
{
    (void)now_ns;
    struct dh_cluster *cluster = DH_CONTAINER_OF(op, struct dh_cluster, op);
    struct dh_metadata_request *request = message;
    if (version >= 4) {
        request->allow_auto_topic_creation =
            cluster->context.settings->allow_auto_create_topics;
    }
    cluster->has_news_wanted = false;
    cluster->is_update_wanted = false;
    if (is_listing_all(cluster)) {
        // Null is all; version 0 has no null and takes none for all.
        request->topics.count = version == 0 ? 0 : -1;
        return 0;
    }
    request->topics.items =
        dh_arena_calloc(arena, cluster->wants.count, sizeof(*request->topics.items));
    if (request->topics.items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (struct dh_map_item *item = dh_map_first(&cluster->wants); item != NULL;
         item = dh_map_next(item)) {
        struct dh_metadata_request_topic *topic =
            &request->topics.items[request->topics.count++];
        dh_struct_init(&dh_metadata_request_topic_struct, topic);
        topic->name = item->key;
    }
    return 0;
}

// Nothing was learned: the old data stay (CL-181).
static enum dh_settled on_failure(struct dh_cluster *cluster, const char *why,
                                  int64_t now_ns)
{
    dh_log(cluster->context.log, DOHLE_LOG_INFO, subsystem, "no metadata: %s", why);
    cluster->is_update_wanted = true;
    if (cluster->failing_since_ns == DH_NEVER) {
        cluster->failing_since_ns = now_ns;
    }
    // Looked at now, for by the next attempt a node that refuses may be tried again.
    if (wants_rebootstrap(cluster, now_ns)) {
        rebootstrap(cluster, "no known broker answers", now_ns);
    }
    return cluster->is_closed ? DH_SETTLED_FAILED : DH_SETTLED_RETRY;
}

// An answer came, but it is of no use.
static enum dh_settled on_refusal(struct dh_cluster *cluster,
                                  const struct dh_reply *reply, const char *why,
                                  int64_t now_ns)
{
    dh_requests_note_failure(cluster->context.requests, &cluster->op, reply, why);
    return on_failure(cluster, why, now_ns);
}

static enum dh_settled on_reply(struct dh_op *op, const struct dh_reply *reply,
                                int64_t now_ns)
{
    struct dh_cluster *cluster = DH_CONTAINER_OF(op, struct dh_cluster, op);
    if (reply->err != 0) {
        return on_failure(cluster, reply->text, now_ns);
    }
    const struct dh_metadata_response *response = reply->response;
    if (response->error_code == DH_BROKER_REBOOTSTRAP_REQUIRED) {
        rebootstrap(cluster, "a broker says REBOOTSTRAP_REQUIRED", now_ns);
        return on_refusal(cluster, reply, "the broker is not of this cluster any more",
                          now_ns);
    }
    if (response->error_code != 0 || response->brokers.count == 0) {
        return on_refusal(cluster, reply,
                          response->error_code != 0
                              ? dohle_broker_error_name(response->error_code)
                              : "the response names no broker",
                          now_ns);
    }
    uint64_t version_before = cluster->version;
    if (take_response(cluster, response) != 0) {
        return on_refusal(cluster, reply, dohle_error_text(DOHLE_ERR_NO_MEMORY), now_ns);
    }
    cluster->updates++;
    cluster->updated_ns = now_ns;
    cluster->failing_since_ns = DH_NEVER;
    look_at_wants(cluster);
    // Updates that change nothing are asked for less and less often (L7).
    if (cluster->version != version_before) {
        dh_backoff_reset(&cluster->gap);
    }
    cluster->next_allowed_ns = dh_deadline_after_ms(
        now_ns, dh_backoff_next_ms(&cluster->gap, cluster->context.random));
    schedule(cluster, now_ns);
    return DH_SETTLED_DONE;
}

static void on_due(struct dh_op *op, int64_t now_ns)
{
    struct dh_cluster *cluster = DH_CONTAINER_OF(op, struct dh_cluster, op);
    if (!cluster->is_closed) {
        ask(cluster, now_ns);
    }
}

static const struct dh_op_class metadata_class = {
    .name = "Metadata",
    .api_key = DH_API_METADATA,
    .channel = DH_CHANNEL_GENERAL,
    .fill = fill,
    .on_reply = on_reply,
    .on_due = on_due,
};

// ---- Life cycle ----

struct dh_cluster *dh_cluster_new(const struct dh_back_context *context, int64_t now_ns)
{
    struct dh_cluster *cluster = dh_mem_calloc(context->mem, 1, sizeof(*cluster));
    if (cluster == NULL) {
        return NULL;
    }
    cluster->context = *context;
    cluster->next_allowed_ns = now_ns;
    cluster->updated_ns = now_ns;
    cluster->failing_since_ns = DH_NEVER;
    cluster->gap = (struct dh_backoff){.initial_ms = context->settings->retry_backoff_ms,
                                       .max_ms = context->settings->retry_backoff_max_ms};
    dh_map_init(&cluster->wants, context->mem, dh_random_next(context->random));
    dh_map_init(&cluster->topics, context->mem, dh_random_next(context->random));
    dh_map_init(&cluster->by_id, context->mem, dh_random_next(context->random));
    if (dh_op_init(&cluster->op, &metadata_class, context->requests) != 0) {
        dh_mem_free(context->mem, cluster, sizeof(*cluster));
        return NULL;
    }
    if (dh_alarm_init(&cluster->alarm, context->alarms, on_alarm) != 0) {
        dh_op_deinit(&cluster->op, context->requests);
        dh_mem_free(context->mem, cluster, sizeof(*cluster));
        return NULL;
    }
    return cluster;
}

void dh_cluster_free(struct dh_cluster *cluster)
{
    if (cluster == NULL) {
        return;
    }
    const dohle_allocator *mem = cluster->context.mem;
    dh_op_deinit(&cluster->op, cluster->context.requests);
    dh_alarm_deinit(&cluster->alarm, cluster->context.alarms);
    for (struct dh_map_item *item = dh_map_first(&cluster->topics); item != NULL;
         item = dh_map_next(item)) {
        topic_free(cluster, item->value);
    }
    for (struct dh_map_item *item = dh_map_first(&cluster->wants); item != NULL;
         item = dh_map_next(item)) {
        struct want *want = item->value;
        dh_mem_free(mem, want, sizeof(*want) + strlen(want->name) + 1);
    }
    dh_map_deinit(&cluster->by_id);
    dh_map_deinit(&cluster->topics);
    dh_map_deinit(&cluster->wants);
    dh_mem_free(mem, cluster, sizeof(*cluster));
}

void dh_cluster_close(struct dh_cluster *cluster)
{
    cluster->is_closed = true;
    dh_op_cancel(&cluster->op, cluster->context.requests);
    dh_alarm_cancel(&cluster->alarm, cluster->context.alarms);
}

// ---- Queries ----

const struct dh_cluster_topic *dh_cluster_topic(const struct dh_cluster *cluster,
                                                const char *name)
{
    const struct topic *topic = dh_map_get(&cluster->topics, dh_bytes_of(name));
    return topic == NULL ? NULL : &topic->view;
}

const struct dh_cluster_topic *dh_cluster_topic_by_id(const struct dh_cluster *cluster,
                                                      const struct dh_uuid *id)
{
    const struct topic *topic = dh_map_get(&cluster->by_id, id_key(id));
    return topic == NULL ? NULL : &topic->view;
}

const struct dh_cluster_partition *dh_cluster_partition(const struct dh_cluster *cluster,
                                                        const char *topic,
                                                        int32_t partition)
{
    const struct dh_cluster_topic *found = dh_cluster_topic(cluster, topic);
    if (found == NULL || partition < 0 || partition >= found->partition_count) {
        return NULL;
    }
    return &found->partitions[partition];
}

void dh_cluster_learn_leader(struct dh_cluster *cluster, const struct dh_uuid *topic_id,
                             const char *topic, int32_t partition, int32_t leader,
                             int32_t leader_epoch, int64_t now_ns)
{
    struct topic *found = topic != NULL ? dh_map_get(&cluster->topics, dh_bytes_of(topic))
                                        : dh_map_get(&cluster->by_id, id_key(topic_id));
    if (found == NULL || partition < 0 || (size_t)partition >= found->row_count ||
        leader_epoch <= found->rows[partition].leader_epoch || leader < 0) {
        return;
    }
    found->rows[partition].leader = leader;
    found->rows[partition].leader_epoch = leader_epoch;
    cluster->version++;
    (void)now_ns;
}

uint64_t dh_cluster_version(const struct dh_cluster *cluster)
{
    return cluster->version;
}

uint64_t dh_cluster_updates(const struct dh_cluster *cluster)
{
    return cluster->updates;
}

const struct dh_cluster_topic *dh_cluster_next_topic(const struct dh_cluster *cluster,
                                                     uintptr_t *cursor)
{
    // The cursor is the item shown last, so that each step costs the same.
    const struct dh_map_item *shown = (const struct dh_map_item *)*cursor;
    const struct dh_map_item *item =
        shown == NULL ? dh_map_first(&cluster->topics) : dh_map_next(shown);
    *cursor = (uintptr_t)item;
    return item == NULL ? NULL : &((const struct topic *)item->value)->view;
}
