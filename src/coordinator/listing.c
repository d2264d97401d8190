// SPDX-License-Identifier: MIT
// DescribeGroups and ListGroups.
#include <dohle/error.h>

#include "base/bytes.h"
#include "coordinator/group.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/describe_groups.h"
#include "wire/gen/list_groups.h"

// Since then an unknown group is an error.
#define DESCRIBE_VERSION_GROUP_NOT_FOUND 6

static dohle_bytes or_empty(dohle_bytes text)
{
    return text.data == NULL ? DH_BYTES("") : text;
}

// O-03.
static int describe_unknown(int16_t version, struct dh_arena *arena,
                            struct dh_describe_groups_response_group *to)
{
    to->group_state = DH_BYTES("Dead");
    if (version < DESCRIBE_VERSION_GROUP_NOT_FOUND) {
        return 0;
    }
    static const char before[] = "Group ";
    static const char behind[] = " not found.";
    size_t size = sizeof(before) - 1 + to->group_id.size + sizeof(behind) - 1;
    uint8_t *text = dh_arena_alloc(arena, size);
    if (text == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    memcpy(text, before, sizeof(before) - 1);
    if (to->group_id.size > 0) {
        memcpy(text + sizeof(before) - 1, to->group_id.data, to->group_id.size);
    }
    memcpy(text + size - (sizeof(behind) - 1), behind, sizeof(behind) - 1);
    to->error_code = DH_BROKER_GROUP_ID_NOT_FOUND;
    to->error_message = (dohle_bytes){text, size};
    return 0;
}

int dh_coordinator_describe(const struct dh_coordinator *coordinator, int16_t version,
                            dohle_bytes group_id, struct dh_arena *arena,
                            struct dh_describe_groups_response_group *to)
{
    dh_struct_init(&dh_describe_groups_response_group_struct, to);
    to->group_id = or_empty(group_id);
    const struct dh_group *group = dh_group_find(coordinator, group_id);
    if (group == NULL) {
        return describe_unknown(version, arena, to);
    }
    const struct dh_classic_group *classic = &group->classic;
    // Outside Stable there is nothing all members agree on (O-04).
    bool is_stable = classic->state == DH_GROUP_STABLE;
    to->group_state = dh_bytes_of(dh_classic_group_state_name(classic->state));
    to->protocol_type = or_empty(classic->protocol_type);
    to->protocol_data = is_stable ? or_empty(classic->protocol_name) : DH_BYTES("");
    to->members.items =
        dh_arena_calloc(arena, classic->members.count, sizeof(*to->members.items));
    if (to->members.items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    DH_LIST_EACH(link, &classic->members_in_order)
    {
        const struct dh_group_member *member =
            DH_CONTAINER_OF(link, struct dh_group_member, link);
        struct dh_describe_groups_response_group_member *row =
            &to->members.items[to->members.count++];
        const dohle_bytes *metadata =
            is_stable
                ? dh_group_protocols_find(&member->protocols, classic->protocol_name)
                : NULL;
        row->member_id = member->id;
        row->group_instance_id = member->instance_id;
        row->client_id = member->client_id;
        row->client_host = member->client_host;
        row->member_metadata = metadata == NULL ? DH_BYTES("") : *metadata;
        row->member_assignment = member->assignment;
    }
    return 0;
}

int dh_coordinator_list(const struct dh_coordinator *coordinator, struct dh_arena *arena,
                        struct dh_list_groups_response_group **groups, size_t *count)
{
    struct dh_group **sorted;
    size_t sorted_count;
    *groups = NULL;
    *count = 0;
    int err = dh_groups_sorted(coordinator, arena, &sorted, &sorted_count);
    if (err != 0) {
        return err;
    }
    *groups = dh_arena_calloc(arena, sorted_count, sizeof(**groups));
    if (*groups == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < sorted_count; i++) {
        const struct dh_classic_group *classic = &sorted[i]->classic;
        if (sorted[i]->kind == DH_GROUP_NONE) {
            continue;
        }
        struct dh_list_groups_response_group *to = &(*groups)[(*count)++];
        to->group_id = sorted[i]->id;
        to->protocol_type = or_empty(classic->protocol_type);
        to->group_state = dh_bytes_of(dh_classic_group_state_name(classic->state));
        to->group_type = DH_BYTES("classic");
    }
    return 0;
}
