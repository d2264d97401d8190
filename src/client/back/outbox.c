// SPDX-License-Identifier: MIT
#include "client/back/outbox.h"

#include <string.h>

#include "base/mem.h"

static struct dh_notice_error *new_notice(const dohle_allocator *mem)
{
    struct dh_notice_error *notice = dh_mem_calloc(mem, 1, sizeof(*notice));
    if (notice != NULL) {
        notice->message.kind = DH_NOTICE_ERROR;
        notice->message.size = sizeof(*notice);
    }
    return notice;
}

int dh_outbox_reserve(struct dh_outbox *outbox, const dohle_allocator *mem)
{
    outbox->spare = new_notice(mem);
    return outbox->spare == NULL ? DOHLE_ERR_NO_MEMORY : 0;
}

void dh_outbox_release(struct dh_outbox *outbox, const dohle_allocator *mem)
{
    dh_mem_free(mem, outbox->spare, sizeof(*outbox->spare));
    outbox->spare = NULL;
}

static bool is_same(const dohle_error_info *a, const dohle_error_info *b)
{
    return a->code == b->code && a->broker_code == b->broker_code &&
           a->partition == b->partition && strcmp(a->topic, b->topic) == 0;
}

bool dh_outbox_report(struct dh_outbox *outbox, const dohle_allocator *mem,
                      const dohle_error_info *error)
{
    DH_LIST_EACH(link, &outbox->errors)
    {
        if (is_same(&DH_CONTAINER_OF(link, struct dh_notice_error, reported)->error,
                    error)) {
            return false;
        }
    }
    if (outbox->error_count >= DH_OUTBOX_ERRORS_MAX) {
        return false;
    }
    struct dh_notice_error *notice = new_notice(mem);
    if (notice == NULL) {
        notice = outbox->spare;
        outbox->spare = NULL;
    }
    if (notice == NULL) {
        return false;
    }
    notice->error = *error;
    dh_list_push_back(&outbox->errors, &notice->reported);
    outbox->error_count++;
    dh_outbox_post(outbox, &notice->message);
    return true;
}

void dh_outbox_on_error_returned(struct dh_outbox *outbox, const dohle_allocator *mem,
                                 struct dh_notice_error *notice)
{
    dh_list_remove(&notice->reported);
    outbox->error_count--;
    if (outbox->spare == NULL) {
        outbox->spare = notice;
        return;
    }
    dh_mem_free(mem, notice, sizeof(*notice));
}
