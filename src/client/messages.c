// SPDX-License-Identifier: MIT
#include "client/messages.h"

#include "base/mem.h"

void dh_message_free(const dohle_allocator *mem, struct dh_message *message)
{
    if (message == NULL) {
        return;
    }
    DH_ASSERT(!dh_link_is_linked(&message->link));
    switch (message->kind) {
    case DH_NOTICE_CHUNK: {
        struct dh_chunk *chunk = DH_CONTAINER_OF(message, struct dh_chunk, message);
        for (uint32_t i = 0; i < chunk->batch_count; i++) {
            dh_frame_drop(chunk->batches[i].frame);
        }
        break;
    }
    case DH_COMMAND_COMMITTED: {
        struct dh_command_offsets *command =
            DH_CONTAINER_OF(message, struct dh_command_offsets, message);
        dh_mem_free(mem, command->metadata, command->metadata_size);
        break;
    }
    case DH_COMMAND_TOPICS: {
        struct dh_command_topics *command =
            DH_CONTAINER_OF(message, struct dh_command_topics, message);
        if (command->rows != NULL) {
            dh_mem_free(mem, command->rows, command->rows->size);
        }
        break;
    }
    case DH_COMMAND_SUBSCRIBE:
    case DH_COMMAND_UNSUBSCRIBE:
    case DH_COMMAND_ASSIGN:
    case DH_COMMAND_SEEK:
    case DH_COMMAND_PAUSE:
    case DH_COMMAND_FIND:
    case DH_COMMAND_COMMIT:
    case DH_COMMAND_LIST_OFFSETS:
    case DH_COMMAND_REBALANCE:
    case DH_COMMAND_IDLE_REASON:
    case DH_COMMAND_CLOSE:
    case DH_NOTICE_POSITION:
    case DH_NOTICE_PARTITION_ERROR:
    case DH_NOTICE_ERROR:
    case DH_NOTICE_REVOKE:
    case DH_NOTICE_LOSE:
    case DH_NOTICE_ASSIGN:
    case DH_NOTICE_TOPICS:
    case DH_NOTICE_TROUBLE: break;
    }
    dh_mem_free(mem, message, message->size);
}
