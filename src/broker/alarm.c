// SPDX-License-Identifier: MIT
#include "broker/alarm.h"

#include <stddef.h>

static int init_in(struct dh_broker_alarm *alarm, struct dh_broker *broker,
                   struct dh_timers *timers, void (*due)(struct dh_broker_alarm *alarm))
{
    *alarm = (struct dh_broker_alarm){.broker = broker, .due = due};
    int err = dh_timers_add(timers, &alarm->timer);
    if (err == 0) {
        alarm->timers = timers;
    }
    return err;
}

int dh_broker_alarm_init(struct dh_broker_alarm *alarm, struct dh_broker *broker,
                         void (*due)(struct dh_broker_alarm *alarm))
{
    return init_in(alarm, broker, &broker->timers, due);
}

int dh_broker_alarm_init_host(struct dh_broker_alarm *alarm, struct dh_broker *broker,
                              void (*due)(struct dh_broker_alarm *alarm))
{
    return init_in(alarm, broker, &broker->host_timers, due);
}

void dh_broker_alarm_deinit(struct dh_broker_alarm *alarm)
{
    if (alarm->timers != NULL) {
        dh_timers_remove(alarm->timers, &alarm->timer);
        alarm->timers = NULL;
    }
}

void dh_broker_alarm_set(struct dh_broker_alarm *alarm, int64_t deadline_ns)
{
    dh_timers_set(alarm->timers, &alarm->timer, deadline_ns);
}

bool dh_broker_alarms_run_one(struct dh_timers *timers, int64_t now_ns)
{
    struct dh_timer *timer = dh_timers_pop_due(timers, now_ns);
    if (timer == NULL) {
        return false;
    }
    struct dh_broker_alarm *alarm = DH_CONTAINER_OF(timer, struct dh_broker_alarm, timer);
    alarm->due(alarm);
    return true;
}
