// SPDX-License-Identifier: MIT
#include "broker/partition_view.h"

#include "broker/nodes.h"

struct dh_broker_id_list
dh_broker_list_replicas(struct dh_broker_request *request,
                        const struct dh_broker_partition *partition,
                        enum dh_broker_replica_kind kind)
{
    struct dh_broker_id_list list = {.items = dh_arena_calloc(&request->arena,
                                                              partition->replica_count,
                                                              sizeof(list.items[0]))};
    for (size_t i = 0; list.items != NULL && i < partition->replica_count; i++) {
        int32_t id = partition->replicas[i];
        bool is_up = dh_broker_nodes_is_up(request->broker, id);
        if (kind == DH_BROKER_ALL_REPLICAS ||
            is_up == (kind == DH_BROKER_IN_SYNC_REPLICAS)) {
            list.items[list.count++] = id;
        }
    }
    if (list.items != NULL && kind == DH_BROKER_IN_SYNC_REPLICAS && list.count == 0) {
        list.items[list.count++] = partition->replicas[0];
    }
    return list;
}
