// SPDX-License-Identifier: MIT
// The durable state as text: what a replay of the log gives.
#include <inttypes.h>
#include <stdlib.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "coordinator/group.h"
#include "coordinator/records.h"

// A text in quotes; bytes that are no plain characters as \xx.
static void print_text(struct dh_buf *out, dohle_bytes text)
{
    dh_buf_append_byte(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte < ' ' || byte > '~' || byte == '"' || byte == '\\') {
            dh_buf_printf(out, "\\%02x", (unsigned)byte);
        } else {
            dh_buf_append_byte(out, byte);
        }
    }
    dh_buf_append_byte(out, '"');
}

static int print_record(struct dh_buf *out, const struct dh_group *group)
{
    struct dh_arena arena;
    struct dh_group_metadata_value value;
    dh_arena_init(&arena, group->coordinator->mem, 0);
    dohle_bytes record = {group->record, group->record_size};
    int err = dh_group_record_read_group(record, &arena, &value);
    if (err == 0) {
        dh_buf_printf(out, "group ");
        print_text(out, group->id);
        dh_buf_append_byte(out, ' ');
        dh_message_print(&dh_group_metadata_value_type,
                         dh_group_metadata_value_type.versions.max, &value, out);
        dh_buf_append_byte(out, '\n');
    }
    dh_arena_deinit(&arena);
    return err;
}

static void print_offset(struct dh_buf *out, const struct dh_group *group,
                         const struct dh_group_offset *offset)
{
    dh_buf_printf(out, "offset ");
    print_text(out, group->id);
    dh_buf_append_byte(out, ' ');
    print_text(out, (dohle_bytes){(const uint8_t *)offset->topic, offset->topic_size});
    dh_buf_printf(out,
                  " %" PRId32 ": %" PRId64 ", leader epoch %" PRId32 ", at %" PRId64
                  ", expires %" PRId64 ", topic %s, metadata ",
                  offset->partition, offset->offset, offset->leader_epoch,
                  offset->commit_timestamp_ms, offset->expire_timestamp_ms,
                  dh_uuid_text(&offset->topic_id).text);
    print_text(out, offset->metadata);
    dh_buf_append_byte(out, '\n');
}

static int print_group(struct dh_buf *out, const struct dh_group *group)
{
    struct dh_arena arena;
    struct dh_group_offset **offsets;
    size_t count;
    dh_arena_init(&arena, group->coordinator->mem, 0);
    int err = group->record == NULL ? 0 : print_record(out, group);
    if (err == 0) {
        err = dh_group_offsets_sorted(group, &arena, &offsets, &count);
        for (size_t i = 0; err == 0 && i < count; i++) {
            print_offset(out, group, offsets[i]);
        }
    }
    dh_arena_deinit(&arena);
    return err == 0 ? out->err : err;
}

int dh_coordinator_dump(const struct dh_coordinator *coordinator, struct dh_buf *out)
{
    struct dh_arena arena;
    struct dh_group **groups;
    size_t count;
    dh_arena_init(&arena, coordinator->mem, 0);
    int err = dh_groups_sorted(coordinator, &arena, &groups, &count);
    for (size_t i = 0; err == 0 && i < count; i++) {
        err = print_group(out, groups[i]);
    }
    dh_arena_deinit(&arena);
    return err;
}
