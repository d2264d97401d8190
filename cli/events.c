// SPDX-License-Identifier: MIT
#include "events.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "command.h"
#include "json.h"
#include "options.h"

bool events_open(struct events *events, const char *path)
{
    int fd = -1;
    if (path != NULL && strcmp(path, "-") == 0) {
        fd = STDERR_FILENO;
    } else if (path != NULL) {
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
        if (fd < 0) {
            complain("consume", "%s: %s", path, strerror(errno));
            return false;
        }
    }
    output_init(&events->output, fd);
    return true;
}

void events_close(struct events *events)
{
    if (events->output.fd > STDERR_FILENO) {
        close(events->output.fd);
    }
    output_deinit(&events->output);
}

static json_t *json_of_partitions(const dohle_topic_partition *partitions, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(array,
                              json_pack("{s:s, s:i}", "topic", partitions[i].topic,
                                        "partition", (int)partitions[i].partition));
    }
    return array;
}

void events_write(struct events *events, dohle_consumer *consumer, const char *event,
                  const char *reason, const dohle_topic_partition *partitions,
                  size_t count)
{
    if (events->output.fd < 0) {
        return;
    }
    dohle_rebalance rebalance = {.trigger = "", .member_id = "", .assignor = ""};
    dohle_consumer_last_rebalance(consumer, &rebalance);
    json_t *line = json_object();
    json_object_set_new(line, "time_ms", json_integer(wall_clock_ms()));
    json_object_set_new(line, "event", json_string(event));
    json_object_set_new(line, "member_id", json_string(rebalance.member_id));
    json_object_set_new(line, "generation", json_integer(rebalance.generation_after));
    json_object_set_new(line, "is_leader", json_boolean(rebalance.is_leader));
    json_object_set_new(line, "duration_ms", json_integer(rebalance.total_ms));
    json_object_set_new(line, "reason",
                        json_string(reason == NULL ? rebalance.trigger : reason));
    json_object_set_new(line, "partitions", json_of_partitions(partitions, count));
    json_write_line(&events->output, line);
    output_flush(&events->output);
}
