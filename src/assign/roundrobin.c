// SPDX-License-Identifier: MIT
#include "assign/roundrobin.h"

#include <dohle/error.h>

#include "assign/audience.h"

int dh_roundrobin_assign(const struct dh_assign_input *input, struct dh_arena *arena,
                         struct dh_assign_list *lists)
{
    struct dh_audiences audiences;
    int err = dh_audiences_gather(&audiences, input, arena);
    if (err != 0) {
        return err;
    }
    uint32_t *owners = dh_arena_calloc(arena, audiences.partition_count, sizeof(*owners));
    if (owners == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    uint32_t next = 0; // the place that the circle stands at
    for (size_t i = 0; i < input->topic_count; i++) {
        size_t topic = (size_t)(audiences.topics[i] - input->topics);
        const struct dh_audience *audience = &audiences.of[topic];
        if (audience->count == 0) {
            continue;
        }
        size_t at = dh_audience_seek(audience, next);
        for (int32_t p = 0; p < input->topics[topic].partition_count; p++) {
            at = at < audience->count ? at : 0;
            next = audience->places[at] + 1;
            owners[audiences.first[topic] + (size_t)p] = audience->places[at++];
        }
    }
    return dh_audiences_list(&audiences, owners, arena, lists);
}
