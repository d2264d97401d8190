// SPDX-License-Identifier: MIT
/*
 * A producer: the real engine (client/producer) on the simulated network, and a program that
 * sends it records whose content says who they are (topics.h). Each record is told to the
 * history when it is sent, and when it is acknowledged with its offset.
 *
 * Lives: OPEN -> CLOSING (no more records; what is there is sent or given up by a deadline)
 * -> ENDED. A killed one goes to ENDED at once.
 */
#ifndef DH_TESTS_SIM_PRODUCER_H
#define DH_TESTS_SIM_PRODUCER_H

#include "base/settings.h"
#include "client/producer/producer.h"
#include "memory.h"
#include "network.h"
#include "topics.h"

// Closing takes no longer.
#define SIM_PRODUCER_CLOSE_NS (30 * DH_SEC)

struct sim_world;

enum sim_producer_state {
    SIM_PRODUCER_OPEN,
    SIM_PRODUCER_CLOSING,
    SIM_PRODUCER_ENDED,
};

struct sim_producer {
    struct sim_world *world;
    int index;
    enum sim_producer_state state;
    bool is_idempotent;
    struct sim_memory memory;
    dohle_log_sink log;
    struct dh_settings settings;
    struct sim_client client;
    struct dh_producer *engine; // NULL: ended
    uint64_t timer_number;
    int64_t timer_ns; // armed; DH_NEVER
    size_t unsettled; // records
    bool is_close_answered;
    int64_t close_deadline_ns;
};

struct sim_producer *sim_producer_new(struct sim_world *world, int index);
void sim_producer_free(struct sim_producer *producer);

void sim_producer_kill(struct sim_producer *producer);
// Nothing happens when it is closing already.
void sim_producer_close(struct sim_producer *producer);

#endif
