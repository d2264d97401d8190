// SPDX-License-Identifier: MIT
/*
 * An alarm: a timer of the broker with what happens when it is due. It lives inside the
 * object that it belongs to. broker.c sets them off, each at its own time of our clock,
 * and of equal times in any order that is the same in every run.
 *
 *     init, then set as often as wanted (DH_NEVER: not at all), deinit
 *
 * `due` may set any alarm, its own included, and free what the alarm is in.
 */
#ifndef DH_BROKER_ALARM_H
#define DH_BROKER_ALARM_H

#include "base/assert.h"
#include "base/heap.h"
#include "broker/state.h"

struct dh_broker_alarm {
    struct dh_timer timer;
    struct dh_timers *timers; // it is in those; NULL: not initialised
    struct dh_broker *broker;
    void (*due)(struct dh_broker_alarm *alarm);
};

// By our clock. Returns 0 or DOHLE_ERR_NO_MEMORY; after that it never fails.
DH_MUST_CHECK int dh_broker_alarm_init(struct dh_broker_alarm *alarm,
                                       struct dh_broker *broker,
                                       void (*due)(struct dh_broker_alarm *alarm));

// The same by the host's clock, which no command moves.
DH_MUST_CHECK int dh_broker_alarm_init_host(struct dh_broker_alarm *alarm,
                                            struct dh_broker *broker,
                                            void (*due)(struct dh_broker_alarm *alarm));

// Nothing happens to one that is zeroed.
void dh_broker_alarm_deinit(struct dh_broker_alarm *alarm);

// deadline_ns: DH_NEVER disarms it.
void dh_broker_alarm_set(struct dh_broker_alarm *alarm, int64_t deadline_ns);

// Sets off what is due until now_ns of these timers' clock. True: there was one.
bool dh_broker_alarms_run_one(struct dh_timers *timers, int64_t now_ns);

#endif
