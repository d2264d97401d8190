// SPDX-License-Identifier: MIT
#include "broker/saves.h"

#include "broker/topics_inside.h"
#include "wire/gen/broker_errors.h"

// In the request's arena.
struct save {
    int64_t end; // the high watermark that it waits for
    const void *response;
};

static void abandon(struct dh_broker_request *request)
{
    dh_list_remove(&request->link);
}

int64_t dh_broker_saves_end(const struct dh_broker *broker)
{
    return dh_store_log_end(broker->topics->metadata.log);
}

void dh_broker_answer_when_saved(struct dh_broker_request *request, const void *response)
{
    struct dh_broker_topics *topics = request->broker->topics;
    const struct dh_store_log *log = topics->metadata.log;
    int64_t end = dh_store_log_end(log);
    if (dh_store_log_high_watermark(log) >= end || dh_store_log_is_offline(log)) {
        dh_broker_answer(request, response);
        return;
    }
    struct save *save = dh_arena_alloc(&request->arena, sizeof(*save));
    if (save == NULL) {
        dh_broker_give_up(request, "no memory to wait for the disk");
        return;
    }
    *save = (struct save){.end = end, .response = response};
    request->parked = save;
    request->abandon = abandon;
    dh_list_push_back(&topics->saves, &request->link);
}

void dh_broker_saves_on_log(struct dh_broker *broker)
{
    struct dh_broker_topics *topics = broker->topics;
    if (topics == NULL || topics->metadata.log == NULL) {
        return; // it is just being opened
    }
    bool is_offline = dh_store_log_is_offline(topics->metadata.log);
    int64_t saved = dh_store_log_high_watermark(topics->metadata.log);
    DH_LIST_EACH_SAFE(link, next, &topics->saves)
    {
        struct dh_broker_request *request =
            DH_CONTAINER_OF(link, struct dh_broker_request, link);
        const struct save *save = request->parked;
        if (save->end > saved && !is_offline) {
            continue;
        }
        dh_list_remove(link);
        if (save->end <= saved) {
            dh_broker_answer(request, save->response);
        } else {
            dh_broker_answer_refused(request, DH_BROKER_KAFKA_STORAGE_ERROR);
        }
    }
}
