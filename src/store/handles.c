// SPDX-License-Identifier: MIT
#include "store/handles.h"

#include "store/log.h"
#include "store/segment.h"
#include "store/state.h"

void dh_store_handles_init(struct dh_store_handles *handles)
{
    dh_list_init(&handles->segments);
    handles->count = 0;
}

void dh_store_handles_touch(struct dh_store_handles *handles,
                            struct dh_store_segment *segment)
{
    if (dh_link_is_linked(&segment->handles_link)) {
        dh_list_remove(&segment->handles_link);
    } else {
        handles->count++;
    }
    dh_list_push_back(&handles->segments, &segment->handles_link);
}

static bool is_pinned(const struct dh_store_segment *segment)
{
    const struct dh_store_log *log = segment->log;
    if (log->syncing == segment) {
        return true;
    }
    // Behind the recovery point there is something only in segments that reach beyond it.
    return log->store->is_synced && !segment->is_removed &&
           dh_store_segment_end(segment) > log->recovery_point;
}

void dh_store_handles_make_room(struct dh_store_handles *handles)
{
    DH_LIST_EACH_SAFE(link, next, &handles->segments)
    {
        if (handles->count < DH_STORE_OPEN_SEGMENTS_MAX) {
            return;
        }
        struct dh_store_segment *segment =
            DH_CONTAINER_OF(link, struct dh_store_segment, handles_link);
        if (!is_pinned(segment)) {
            dh_store_handles_close(handles, segment);
        }
    }
}

void dh_store_handles_close(struct dh_store_handles *handles,
                            struct dh_store_segment *segment)
{
    struct dh_vfs *vfs = segment->log->store->vfs;
    for (int i = 0; i < DH_STORE_FILE_COUNT; i++) {
        if (segment->files[i] != NULL) {
            vfs->calls->close(vfs, segment->files[i]);
            segment->files[i] = NULL;
        }
    }
    if (dh_link_is_linked(&segment->handles_link)) {
        dh_list_remove(&segment->handles_link);
        handles->count--;
    }
}
