// SPDX-License-Identifier: MIT
#include "client/back/positions.h"

#include "base/mem.h"
#include "base/settings.h"
#include "client/back/cluster.h"
#include "client/back/coordinator_link.h"
#include "client/back/position_requests.h"
#include "client/back/position_rows.h"

static int64_t request_deadline(const struct dh_positions *p, int64_t now_ns)
{
    return dh_deadline_after_ms(now_ns, p->context.settings->request_timeout_ms);
}

static const struct dh_cluster_partition *
cluster_partition(const struct dh_positions *p, const struct dh_partition *row)
{
    return dh_cluster_partition(p->context.cluster, row->topic, row->partition);
}

// ---- Leaders ----

static struct dh_position_leader *leader_new(struct dh_positions *p, int32_t node_id)
{
    struct dh_position_leader *leader = dh_mem_calloc(p->context.mem, 1, sizeof(*leader));
    if (leader == NULL) {
        return NULL;
    }
    leader->positions = p;
    leader->node_id = node_id;
    dh_list_init(&leader->list_rows);
    dh_list_init(&leader->epoch_rows);
    if (dh_op_init(&leader->list_op, &dh_position_list_class, p->context.requests) != 0) {
        dh_mem_free(p->context.mem, leader, sizeof(*leader));
        return NULL;
    }
    if (dh_op_init(&leader->epoch_op, &dh_position_epoch_class, p->context.requests) !=
        0) {
        dh_op_deinit(&leader->list_op, p->context.requests);
        dh_mem_free(p->context.mem, leader, sizeof(*leader));
        return NULL;
    }
    dh_list_push_back(&p->leaders, &leader->link);
    return leader;
}

// One for each node ever asked; as many as the cluster has nodes. NULL: no memory.
static struct dh_position_leader *leader_get(struct dh_positions *p, int32_t node_id)
{
    DH_LIST_EACH(link, &p->leaders)
    {
        struct dh_position_leader *leader =
            DH_CONTAINER_OF(link, struct dh_position_leader, link);
        if (leader->node_id == node_id) {
            return leader;
        }
    }
    return leader_new(p, node_id);
}

// Finds the leader of a pending row; false: the row waits for metadata.
static bool row_direct(struct dh_positions *p, struct dh_partition *row, int64_t now_ns)
{
    const struct dh_cluster_partition *known = cluster_partition(p, row);
    if (known == NULL || known->leader == DH_NODE_NONE) {
        dh_cluster_request_update(p->context.cluster, now_ns);
        dh_position_row_delay(p, row, now_ns);
        return false;
    }
    row->leader = known->leader;
    row->leader_epoch = known->leader_epoch;
    return true;
}

// Starts what can be started for the rows of a pending list.
static void pending_send(struct dh_positions *p, struct dh_list *pending,
                         enum dh_partition_state state, size_t op_offset, int64_t now_ns)
{
    DH_LIST_EACH_SAFE(link, next, pending)
    {
        struct dh_partition *row = dh_position_row_of(link);
        if (!dh_position_row_is_pending(row, state, DH_NODE_NONE) ||
            !row_direct(p, row, now_ns)) {
            continue;
        }
        struct dh_position_leader *leader = leader_get(p, row->leader);
        if (leader == NULL) {
            dh_position_row_delay(p, row, now_ns);
            continue;
        }
        struct dh_op *op = (struct dh_op *)(void *)((char *)leader + op_offset);
        if (op->state == DH_OP_IDLE) {
            dh_op_start(op, p->context.requests, leader->node_id,
                        request_deadline(p, now_ns), now_ns);
        }
    }
}

static void starting_send(struct dh_positions *p, int64_t now_ns)
{
    if (!p->has_group) {
        DH_LIST_EACH_SAFE(link, next, &p->starting)
        {
            if (dh_position_row_is_pending(dh_position_row_of(link),
                                           DH_PARTITION_STARTING, DH_NODE_NONE)) {
                dh_position_row_reset(p, dh_position_row_of(link), now_ns);
            }
        }
        return;
    }
    if (dh_list_is_empty(&p->starting) || p->committed_op.state != DH_OP_IDLE) {
        return;
    }
    int32_t node_id = dh_coordinator_want(p->link, now_ns);
    if (node_id != DH_NODE_NONE) {
        p->committed_op.version_max = DH_OFFSET_FETCH_VERSION_MAX;
        dh_op_start(&p->committed_op, p->context.requests, node_id,
                    request_deadline(p, now_ns), now_ns);
    }
}

static void step(struct dh_positions *p, int64_t now_ns)
{
    starting_send(p, now_ns);
    // Without a policy such a row cannot be reset; a seek by the policy brings it here.
    if (p->context.settings->auto_offset_reset == DH_OFFSET_RESET_NONE) {
        DH_LIST_EACH_SAFE(link, next, &p->resetting)
        {
            if (dh_position_row_is_pending(dh_position_row_of(link),
                                           DH_PARTITION_RESETTING, DH_NODE_NONE) &&
                dh_position_row_of(link)->reset_target == DH_SEEK_POLICY) {
                dh_position_row_fail(p, dh_position_row_of(link), DOHLE_ERR_NO_OFFSET, -1,
                                     -1, now_ns);
            }
        }
    }
    pending_send(p, &p->resetting, DH_PARTITION_RESETTING,
                 offsetof(struct dh_position_leader, list_op), now_ns);
    pending_send(p, &p->validating, DH_PARTITION_VALIDATING,
                 offsetof(struct dh_position_leader, epoch_op), now_ns);
}

static void step_on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    step(DH_CONTAINER_OF(alarm, struct dh_positions, step_alarm), now_ns);
}

// ---- Leader changes ----

/*
 * A position under an older leader epoch is validated before more is fetched (CL-125);
 * without an epoch of its own it just moves along.
 */
static void leader_check(struct dh_positions *p, struct dh_partition *row, int64_t now_ns)
{
    const struct dh_cluster_partition *known = cluster_partition(p, row);
    if (known == NULL) {
        return;
    }
    // Without a leader the epoch counts when there is one again.
    if (known->leader == row->leader &&
        (known->leader == DH_NODE_NONE || known->leader_epoch == row->leader_epoch)) {
        return;
    }
    if (known->leader_epoch < row->leader_epoch) {
        // The cluster drops stale metadata: this is another topic (CL-182).
        row->fetch_offset_epoch = -1;
    }
    bool is_newer = known->leader_epoch > row->leader_epoch;
    if (is_newer && row->fetch_offset_epoch >= 0 && known->leader != DH_NODE_NONE) {
        if (dh_position_post(p, row, true, -1, -1) != 0) {
            p->is_walk_due = true;
            dh_position_step_soon(p, now_ns);
            return;
        }
        row->is_held = true;
        dh_position_row_change(p, row, DH_PARTITION_VALIDATING, now_ns);
        return;
    }
    row->leader = known->leader;
    if (known->leader != DH_NODE_NONE) {
        row->leader_epoch = known->leader_epoch;
    }
    dh_partitions_touch(p->partitions, row);
}

static void leaders_check(struct dh_positions *p, int64_t now_ns)
{
    uint64_t version = dh_cluster_version(p->context.cluster);
    if (version == p->cluster_version && !p->is_walk_due) {
        return;
    }
    p->cluster_version = version;
    p->is_walk_due = false;
    size_t cursor = 0;
    struct dh_partition *row = NULL;
    while ((row = dh_partitions_next(p->partitions, &cursor)) != NULL) {
        if (row->state == DH_PARTITION_FETCHING && !row->is_revoking) {
            leader_check(p, row, now_ns);
        }
    }
}

static void delayed_pend(struct dh_positions *p, int64_t now_ns)
{
    dh_alarm_cancel(&p->retry_alarm, p->context.alarms);
    struct dh_link *link = NULL;
    while ((link = dh_list_first(&p->delayed)) != NULL) {
        struct dh_partition *row = dh_position_row_of(link);
        if (dh_position_row_is_waiting(row)) {
            dh_position_row_pend(p, row, now_ns);
        } else {
            dh_position_row_let_go(row); // changed, and not shown to us yet
        }
    }
}

static void retry_on_alarm(struct dh_alarm *alarm, int64_t now_ns)
{
    struct dh_positions *p = DH_CONTAINER_OF(alarm, struct dh_positions, retry_alarm);
    leaders_check(p, now_ns);
    delayed_pend(p, now_ns);
}

// ---- News ----

void dh_positions_on_changed(struct dh_positions *p, struct dh_partition *row,
                             int64_t now_ns)
{
    if (!dh_term_equal(row->position_term, row->term)) {
        dh_position_row_let_go(row);
        row->position_term = row->term;
        row->is_held = false;
    }
    if (!dh_position_row_is_waiting(row)) {
        dh_position_row_let_go(row);
        if (row->state == DH_PARTITION_FETCHING && !row->is_revoking) {
            leader_check(p, row, now_ns);
        }
        return;
    }
    if (!dh_link_is_linked(&row->position_link)) {
        dh_position_row_pend(p, row, now_ns);
    }
}

void dh_positions_on_metadata(struct dh_positions *p, int64_t now_ns)
{
    leaders_check(p, now_ns);
    delayed_pend(p, now_ns);
}

void dh_positions_on_coordinator(struct dh_positions *p, int32_t node_id, int64_t now_ns)
{
    if (node_id != DH_NODE_NONE) {
        starting_send(p, now_ns);
    }
}

// ---- Life cycle ----

int dh_positions_init(struct dh_positions *p, const struct dh_back_context *context,
                      struct dh_partitions *partitions, struct dh_coordinator_link *link,
                      bool has_group)
{
    *p = (struct dh_positions){
        .context = *context,
        .partitions = partitions,
        .link = link,
        .has_group = has_group,
        .backoff = {.initial_ms = context->settings->retry_backoff_ms,
                    .max_ms = context->settings->retry_backoff_max_ms},
    };
    dh_list_init(&p->starting);
    dh_list_init(&p->resetting);
    dh_list_init(&p->validating);
    dh_list_init(&p->delayed);
    dh_list_init(&p->in_flight);
    dh_list_init(&p->leaders);
    int err =
        dh_op_init(&p->committed_op, &dh_position_committed_class, context->requests);
    if (err != 0) {
        return err;
    }
    err = dh_alarm_init(&p->step_alarm, context->alarms, step_on_alarm);
    if (err == 0) {
        err = dh_alarm_init(&p->retry_alarm, context->alarms, retry_on_alarm);
        if (err != 0) {
            dh_alarm_deinit(&p->step_alarm, context->alarms);
        }
    }
    if (err != 0) {
        dh_op_deinit(&p->committed_op, context->requests);
    }
    return err;
}

static void rows_let_go(struct dh_list *list)
{
    struct dh_link *link = NULL;
    while ((link = dh_list_first(list)) != NULL) {
        dh_position_row_let_go(dh_position_row_of(link));
    }
}

void dh_positions_deinit(struct dh_positions *p)
{
    rows_let_go(&p->starting);
    rows_let_go(&p->resetting);
    rows_let_go(&p->validating);
    rows_let_go(&p->delayed);
    rows_let_go(&p->in_flight);
    struct dh_link *link = NULL;
    while ((link = dh_list_pop_front(&p->leaders)) != NULL) {
        struct dh_position_leader *leader =
            DH_CONTAINER_OF(link, struct dh_position_leader, link);
        rows_let_go(&leader->list_rows);
        rows_let_go(&leader->epoch_rows);
        dh_op_deinit(&leader->list_op, p->context.requests);
        dh_op_deinit(&leader->epoch_op, p->context.requests);
        dh_mem_free(p->context.mem, leader, sizeof(*leader));
    }
    dh_op_deinit(&p->committed_op, p->context.requests);
    dh_alarm_deinit(&p->step_alarm, p->context.alarms);
    dh_alarm_deinit(&p->retry_alarm, p->context.alarms);
}
