// SPDX-License-Identifier: MIT
/*
 * Auto-commit: what earlier polls returned, every auto.commit.interval.ms, before
 * partitions are given up, and on close (CL-060 to 066).
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "client/front/front_state.h"

int dh_front_commit_positions(struct dh_front *front, struct dh_commit **commit)
{
    *commit = NULL;
    const struct dh_assignment *assignment = &front->assignment;
    if (assignment->count == 0) {
        return 0;
    }
    size_t size = assignment->count * sizeof(dohle_offset);
    dohle_offset *offsets = dh_mem_alloc(front->mem, size);
    if (offsets == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    size_t count = 0;
    for (size_t i = 0; i < assignment->count; i++) {
        const struct dh_owned *row = assignment->sorted[i];
        // Unknown or unchecked positions are not committed (CL-066, X-044).
        if (row->is_position_valid && !row->is_held) {
            offsets[count++] = (dohle_offset){.topic = row->topic,
                                              .partition = row->partition,
                                              .offset = row->position,
                                              .leader_epoch = row->position_epoch};
        }
    }
    int err = 0;
    if (count > 0) {
        *commit = dh_commit_new(front->mem, offsets, count);
        err = *commit == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    }
    dh_mem_free(front->mem, offsets, size);
    return err;
}

bool dh_auto_commit_start(struct dh_front *front, int64_t deadline_ns)
{
    struct dh_auto_commit *automatic = &front->auto_commit;
    DH_ASSERT(automatic->in_flight == NULL);
    struct dh_commit *commit;
    if (dh_front_commit_positions(front, &commit) != 0) {
        dh_log(front->log, DOHLE_LOG_WARNING, "auto_commit",
               "no memory for an automatic commit: left out");
        return false;
    }
    if (commit == NULL) {
        return false;
    }
    commit->command.mode = DH_COMMIT_AUTO;
    commit->command.deadline_ns = deadline_ns;
    commit->is_out = true;
    automatic->in_flight = commit;
    automatic->has_failed = false;
    dh_front_post(front, &commit->command.message);
    return true;
}

void dh_auto_commit_tick(struct dh_front *front, int64_t now_ns)
{
    struct dh_auto_commit *automatic = &front->auto_commit;
    if (!automatic->is_enabled || automatic->in_flight != NULL ||
        now_ns < automatic->next_ns) {
        return;
    }
    automatic->next_ns =
        dh_deadline_after_ms(now_ns, front->settings->auto_commit_interval_ms);
    dh_auto_commit_start(front, DH_NEVER);
}

void dh_auto_commit_on_answer(struct dh_front *front, int64_t now_ns)
{
    struct dh_auto_commit *automatic = &front->auto_commit;
    struct dh_commit *commit = automatic->in_flight;
    automatic->in_flight = NULL;
    const dohle_error_info *error = &commit->command.error;
    if (error->code != 0) {
        automatic->has_failed = true;
        automatic->error = *error;
        dh_log(front->log, DOHLE_LOG_WARNING, "auto_commit", "not committed: %s",
               error->text);
        // CL-061: what may pass is tried again soon, the rest with the next interval.
        if (dohle_error_class(error->code) == DOHLE_CLASS_RETRIABLE) {
            automatic->next_ns = dh_earlier(
                automatic->next_ns,
                dh_deadline_after_ms(now_ns, front->settings->retry_backoff_ms));
        }
    }
    dh_message_free(front->mem, &commit->command.message);
}
