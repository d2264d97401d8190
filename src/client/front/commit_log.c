// SPDX-License-Identifier: MIT
#include "client/front/commit_log.h"

#include <string.h>

#include "base/mem.h"

void dh_commit_log_init(struct dh_commit_log *log)
{
    dh_list_init(&log->entries);
    log->count = 0;
}

void dh_commit_log_deinit(struct dh_commit_log *log, const dohle_allocator *mem)
{
    for (struct dh_link *link; (link = dh_list_pop_front(&log->entries)) != NULL;) {
        struct dh_commit *commit = DH_CONTAINER_OF(link, struct dh_commit, link);
        if (!commit->is_out) {
            dh_message_free(mem, &commit->command.message);
        }
    }
    log->count = 0;
}

struct dh_commit *dh_commit_new(const dohle_allocator *mem, const dohle_offset *offsets,
                                size_t count)
{
    size_t size = sizeof(struct dh_commit) + count * sizeof(dohle_offset);
    for (size_t i = 0; i < count; i++) {
        size += strlen(offsets[i].topic) + 1 + offsets[i].metadata.size;
    }
    if (size > UINT32_MAX) {
        return NULL;
    }
    struct dh_commit *commit = dh_mem_calloc(mem, 1, size);
    if (commit == NULL) {
        return NULL;
    }
    commit->command.message.kind = DH_COMMAND_COMMIT;
    commit->command.message.size = (uint32_t)size;
    commit->command.count = (uint32_t)count;
    commit->command.offsets = commit->offsets;
    char *text = (char *)&commit->offsets[count];
    for (size_t i = 0; i < count; i++) {
        dohle_offset *copy = &commit->offsets[i];
        *copy = offsets[i];
        size_t topic_size = strlen(offsets[i].topic) + 1;
        memcpy(text, offsets[i].topic, topic_size);
        copy->topic = text;
        text += topic_size;
        if (offsets[i].metadata.size > 0) {
            memcpy(text, offsets[i].metadata.data, offsets[i].metadata.size);
            copy->metadata.data = (const uint8_t *)text;
            text += offsets[i].metadata.size;
        }
    }
    return commit;
}

void dh_commit_log_add(struct dh_commit_log *log, struct dh_commit *commit)
{
    dh_list_push_back(&log->entries, &commit->link);
    log->count++;
}

bool dh_commit_log_is_settled(const struct dh_commit_log *log)
{
    for (struct dh_link *link = log->entries.head.next; link != &log->entries.head;
         link = link->next) {
        if (DH_CONTAINER_OF(link, struct dh_commit, link)->is_out) {
            return false;
        }
    }
    return true;
}

struct dh_commit *dh_commit_log_next(struct dh_commit_log *log)
{
    struct dh_link *link = dh_list_first(&log->entries);
    if (link == NULL) {
        return NULL;
    }
    struct dh_commit *commit = DH_CONTAINER_OF(link, struct dh_commit, link);
    if (!commit->is_done) {
        return NULL;
    }
    dh_list_remove(link);
    log->count--;
    return commit;
}
