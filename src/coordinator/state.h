// SPDX-License-Identifier: MIT
/*
 * What the coordinator's modules share. Included by src/coordinator only.
 *
 * Each public function that changes something stands between dh_coordinator_enter and
 * dh_coordinator_exit: time is set at the first, and whoever watches groups is told at the
 * second, when all is consistent again. The owner's callbacks must not call back in.
 */
#ifndef DH_COORDINATOR_STATE_H
#define DH_COORDINATOR_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/log.h>

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/random.h"
#include "coordinator/coordinator.h"

struct dh_coordinator {
    const dohle_allocator *mem;
    const dohle_log_sink *log;
    const struct dh_coordinator_settings *settings;
    struct dh_coordinator_host owner;
    struct dh_map groups; // struct dh_group by id
    struct dh_timers timers;
    struct dh_list touched; // struct dh_group.touched: to be told to `changed`
    struct dh_random random;
    int64_t now_ns;  // of the call we are in
    int64_t wall_ms; // the last one we were told
    int32_t partition;
    int16_t write_code; // of the last write in this call; 0: none failed
    bool is_loaded;
    bool is_inside; // a public function is running
};

void dh_coordinator_enter(struct dh_coordinator *coordinator, int64_t now_ns);
void dh_coordinator_exit(struct dh_coordinator *coordinator);

#endif
