// SPDX-License-Identifier: MIT
#include "coordinator/coordinator.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/heartbeat.h"
#include "wire/gen/join_group.h"
#include "wire/gen/leave_group.h"
#include "wire/gen/list_groups.h"
#include "wire/gen/offset_commit.h"
#include "wire/gen/offset_delete.h"
#include "wire/gen/sync_group.h"

struct dh_coordinator {
    const dohle_allocator *mem;
    struct dh_coordinator_host owner;
};

struct dh_coordinator *dh_coordinator_new(const struct dh_coordinator_options *options)
{
    struct dh_coordinator *coordinator =
        dh_mem_calloc(options->mem, 1, sizeof(*coordinator));
    if (coordinator == NULL) {
        return NULL;
    }
    coordinator->mem = options->mem;
    coordinator->owner = options->owner;
    return coordinator;
}

void dh_coordinator_free(struct dh_coordinator *coordinator)
{
    if (coordinator != NULL) {
        dh_mem_free(coordinator->mem, coordinator, sizeof(*coordinator));
    }
}

int dh_coordinator_replay(struct dh_coordinator *coordinator,
                          const struct dh_coordinator_record *record)
{
    (void)coordinator;
    (void)record;
    return 0;
}

int dh_coordinator_loaded(struct dh_coordinator *coordinator, int64_t now_ns)
{
    (void)coordinator;
    (void)now_ns;
    return 0;
}

void dh_coordinator_unload(struct dh_coordinator *coordinator)
{
    (void)coordinator;
}

int64_t dh_coordinator_deadline(const struct dh_coordinator *coordinator)
{
    (void)coordinator;
    return INT64_MAX;
}

void dh_coordinator_tick(struct dh_coordinator *coordinator, int64_t now_ns,
                         int64_t wall_ms)
{
    (void)coordinator;
    (void)now_ns;
    (void)wall_ms;
}

void dh_coordinator_join(struct dh_coordinator *coordinator,
                         struct dh_coordinator_caller *caller,
                         const struct dh_join_group_request *request, int64_t now_ns,
                         int64_t wall_ms)
{
    (void)request;
    (void)now_ns;
    (void)wall_ms;
    struct dh_join_group_response response;
    dh_message_init(&dh_join_group_response_type, &response);
    response.error_code = DH_BROKER_COORDINATOR_NOT_AVAILABLE;
    coordinator->owner.answer(coordinator->owner.ctx, caller, &response);
}

void dh_coordinator_sync(struct dh_coordinator *coordinator,
                         struct dh_coordinator_caller *caller,
                         const struct dh_sync_group_request *request, int64_t now_ns,
                         int64_t wall_ms)
{
    (void)request;
    (void)now_ns;
    (void)wall_ms;
    struct dh_sync_group_response response;
    dh_message_init(&dh_sync_group_response_type, &response);
    response.error_code = DH_BROKER_COORDINATOR_NOT_AVAILABLE;
    coordinator->owner.answer(coordinator->owner.ctx, caller, &response);
}

void dh_coordinator_forget(struct dh_coordinator *coordinator,
                           struct dh_coordinator_caller *caller)
{
    (void)coordinator;
    caller->parked = NULL;
}

int dh_coordinator_heartbeat(struct dh_coordinator *coordinator,
                             const struct dh_heartbeat_request *request,
                             struct dh_heartbeat_response *response, int64_t now_ns)
{
    (void)coordinator;
    (void)request;
    (void)now_ns;
    dh_message_init(&dh_heartbeat_response_type, response);
    response->error_code = DH_BROKER_COORDINATOR_NOT_AVAILABLE;
    return 0;
}

int dh_coordinator_leave(struct dh_coordinator *coordinator, int16_t version,
                         const struct dh_leave_group_request *request,
                         struct dh_arena *arena, struct dh_leave_group_response *response,
                         int64_t now_ns, int64_t wall_ms)
{
    (void)coordinator;
    (void)version;
    (void)request;
    (void)arena;
    (void)now_ns;
    (void)wall_ms;
    dh_message_init(&dh_leave_group_response_type, response);
    response->error_code = DH_BROKER_COORDINATOR_NOT_AVAILABLE;
    return 0;
}

int dh_coordinator_commit(struct dh_coordinator *coordinator, int16_t version,
                          const struct dh_offset_commit_request *request,
                          struct dh_arena *arena,
                          struct dh_offset_commit_response *response, int64_t now_ns,
                          int64_t wall_ms)
{
    (void)coordinator;
    (void)version;
    (void)request;
    (void)arena;
    (void)now_ns;
    (void)wall_ms;
    dh_message_init(&dh_offset_commit_response_type, response);
    return 0;
}

int16_t dh_coordinator_may_fetch_offsets(const struct dh_coordinator *coordinator,
                                         dohle_bytes group_id, dohle_bytes member_id,
                                         int32_t member_epoch)
{
    (void)coordinator;
    (void)group_id;
    (void)member_id;
    (void)member_epoch;
    return 0;
}

struct dh_committed dh_coordinator_committed(const struct dh_coordinator *coordinator,
                                             dohle_bytes group_id, dohle_bytes topic,
                                             int32_t partition)
{
    (void)coordinator;
    (void)group_id;
    (void)topic;
    struct dh_committed committed = {.partition = partition,
                                     .offset = -1,
                                     .leader_epoch = -1,
                                     .metadata = DH_BYTES(""),
                                     .commit_timestamp_ms = -1};
    return committed;
}

int dh_coordinator_all_committed(const struct dh_coordinator *coordinator,
                                 dohle_bytes group_id, struct dh_arena *arena,
                                 struct dh_committed **committed, size_t *count)
{
    (void)coordinator;
    (void)group_id;
    (void)arena;
    *committed = NULL;
    *count = 0;
    return 0;
}

int dh_coordinator_describe(const struct dh_coordinator *coordinator, int16_t version,
                            dohle_bytes group_id, struct dh_arena *arena,
                            struct dh_describe_groups_response_group *group)
{
    (void)coordinator;
    (void)version;
    (void)arena;
    dh_struct_init(&dh_describe_groups_response_group_struct, group);
    group->group_id = group_id;
    group->group_state = DH_BYTES("Dead");
    return 0;
}

int dh_coordinator_list(const struct dh_coordinator *coordinator, struct dh_arena *arena,
                        struct dh_list_groups_response_group **groups, size_t *count)
{
    (void)coordinator;
    (void)arena;
    *groups = NULL;
    *count = 0;
    return 0;
}

int16_t dh_coordinator_delete_group(struct dh_coordinator *coordinator,
                                    dohle_bytes group_id, int64_t wall_ms)
{
    (void)coordinator;
    (void)group_id;
    (void)wall_ms;
    return DH_BROKER_GROUP_ID_NOT_FOUND;
}

int dh_coordinator_delete_offsets(struct dh_coordinator *coordinator,
                                  const struct dh_offset_delete_request *request,
                                  struct dh_arena *arena,
                                  struct dh_offset_delete_response *response)
{
    (void)coordinator;
    (void)request;
    (void)arena;
    dh_message_init(&dh_offset_delete_response_type, response);
    response->error_code = DH_BROKER_GROUP_ID_NOT_FOUND;
    return 0;
}

int16_t dh_coordinator_on_topic_deleted(struct dh_coordinator *coordinator,
                                        dohle_bytes topic)
{
    (void)coordinator;
    (void)topic;
    return 0;
}

void dh_coordinator_summary(const struct dh_coordinator *coordinator,
                            dohle_bytes group_id, struct dh_group_summary *summary)
{
    (void)coordinator;
    (void)group_id;
    *summary = (struct dh_group_summary){.state = "Dead"};
}

int dh_coordinator_dump(const struct dh_coordinator *coordinator, struct dh_buf *out)
{
    (void)coordinator;
    return out->err;
}
