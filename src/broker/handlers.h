// SPDX-License-Identifier: MIT
/*
 * What serves each API, and what all handlers share. The table is in handlers.c.
 */
#ifndef DH_BROKER_HANDLERS_H
#define DH_BROKER_HANDLERS_H

#include <stdint.h>

#include "broker/request.h"

// handle and refuse of one API.
#define DH_BROKER_HANDLER(name)                                                          \
    void dh_broker_handle_##name(struct dh_broker *broker,                               \
                                 struct dh_broker_request *request);                     \
    void *dh_broker_refuse_##name(struct dh_broker_request *request, int16_t broker_code)

DH_BROKER_HANDLER(produce);                   // produce.c
DH_BROKER_HANDLER(fetch);                     // fetches.c
DH_BROKER_HANDLER(list_offsets);              // offsets.c
DH_BROKER_HANDLER(metadata);                  // metadata_handlers.c
DH_BROKER_HANDLER(offset_commit);             // offset_handlers.c
DH_BROKER_HANDLER(offset_fetch);              // offset_handlers.c
DH_BROKER_HANDLER(find_coordinator);          // group_handlers.c
DH_BROKER_HANDLER(join_group);                // group_handlers.c
DH_BROKER_HANDLER(heartbeat);                 // group_handlers.c
DH_BROKER_HANDLER(leave_group);               // group_handlers.c
DH_BROKER_HANDLER(sync_group);                // group_handlers.c
DH_BROKER_HANDLER(describe_groups);           // group_admin_handlers.c
DH_BROKER_HANDLER(list_groups);               // group_admin_handlers.c
DH_BROKER_HANDLER(api_versions);              // api_versions.c
DH_BROKER_HANDLER(delete_records);            // offsets.c
DH_BROKER_HANDLER(init_producer_id);          // producer_ids.c
DH_BROKER_HANDLER(offset_for_leader_epoch);   // offsets.c
DH_BROKER_HANDLER(delete_groups);             // group_admin_handlers.c
DH_BROKER_HANDLER(offset_delete);             // offset_handlers.c
DH_BROKER_HANDLER(create_topics);             // admin_topics.c
DH_BROKER_HANDLER(delete_topics);             // admin_topics.c
DH_BROKER_HANDLER(create_partitions);         // admin_topics.c
DH_BROKER_HANDLER(describe_configs);          // admin_configs.c
DH_BROKER_HANDLER(alter_configs);             // admin_alter.c
DH_BROKER_HANDLER(incremental_alter_configs); // admin_alter.c
DH_BROKER_HANDLER(describe_cluster);          // metadata_handlers.c
// describe_topics_handlers.c
DH_BROKER_HANDLER(describe_topic_partitions);

/*
 * Refuses an API whose answer has one code for all of it, in a field error_code of the
 * outermost struct. NULL: no memory.
 */
void *dh_broker_refuse_whole(struct dh_broker_request *request, int16_t broker_code);

// An answer of the request's API in the arena, with every field at its default. NULL: no memory.
void *dh_broker_new_response(struct dh_broker_request *request);

// A copy of a terminated text in the arena. data NULL: no memory.
dohle_bytes dh_broker_copy_text(struct dh_broker_request *request, const char *text);

#endif
