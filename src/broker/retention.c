// SPDX-License-Identifier: MIT
#include "broker/retention.h"

#include <dohle/error.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "broker/alarm.h"
#include "broker/settings.h"
#include "broker/topics.h"
#include "broker/waits.h"

static const char subsystem[] = "retention";

struct dh_broker_retention {
    struct dh_broker_alarm check;
    struct dh_broker_alarm checkpoint;
};

static void arm(struct dh_broker_alarm *alarm, int64_t interval_ms)
{
    dh_broker_alarm_set(alarm,
                        dh_deadline_after_ms(alarm->broker->clock.now_ns, interval_ms));
}

static void on_check(struct dh_broker_alarm *alarm)
{
    struct dh_broker *broker = alarm->broker;
    dh_broker_retention_apply(broker);
    arm(alarm, broker->settings->log_retention_check_interval_ms);
}

static void on_checkpoint(struct dh_broker_alarm *alarm)
{
    struct dh_broker *broker = alarm->broker;
    int err = dh_store_checkpoint(broker->store);
    if (err != 0) {
        // The old checkpoints are as good, but for the time that a recovery takes.
        dh_log(broker->log, DOHLE_LOG_WARNING, subsystem,
               "checkpoints could not be written: %s", broker->vfs->error_text);
    }
    arm(alarm, broker->settings->log_flush_offset_checkpoint_interval_ms);
}

int dh_broker_retention_new(struct dh_broker *broker)
{
    struct dh_broker_retention *retention =
        dh_mem_calloc(broker->mem, 1, sizeof(*retention));
    if (retention == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    broker->retention = retention;
    int err = dh_broker_alarm_init(&retention->check, broker, on_check);
    if (err == 0) {
        err = dh_broker_alarm_init(&retention->checkpoint, broker, on_checkpoint);
    }
    if (err != 0) {
        dh_broker_retention_free(broker);
        return err;
    }
    arm(&retention->check, broker->settings->log_retention_check_interval_ms);
    arm(&retention->checkpoint,
        broker->settings->log_flush_offset_checkpoint_interval_ms);
    return 0;
}

void dh_broker_retention_free(struct dh_broker *broker)
{
    struct dh_broker_retention *retention = broker->retention;
    if (retention != NULL) {
        dh_broker_alarm_deinit(&retention->check);
        dh_broker_alarm_deinit(&retention->checkpoint);
        dh_mem_free(broker->mem, retention, sizeof(*retention));
        broker->retention = NULL;
    }
}

static void apply(struct dh_broker *broker, struct dh_store_log *log)
{
    int64_t start = dh_store_log_start(log);
    bool was_offline = dh_store_log_is_offline(log);
    int err = dh_store_log_apply_retention(log, broker->clock.wall_ms);
    if (err != 0) {
        dh_log(broker->log, DOHLE_LOG_ERROR, subsystem, "%s-%d: %s",
               dh_store_log_topic(log), dh_store_log_partition(log),
               broker->vfs->error_text);
    }
    struct dh_broker_partition *partition = dh_store_log_ctx(log);
    bool is_news =
        dh_store_log_start(log) != start || dh_store_log_is_offline(log) != was_offline;
    // The log of topics itself has no partition.
    if (is_news && partition != NULL) {
        dh_broker_waits_wake(broker, partition);
    }
}

void dh_broker_retention_apply(struct dh_broker *broker)
{
    for (struct dh_store_log *log = dh_store_next_log(broker->store, NULL); log != NULL;
         log = dh_store_next_log(broker->store, log)) {
        if (!dh_store_log_is_offline(log)) {
            apply(broker, log);
        }
    }
}
