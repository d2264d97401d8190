// SPDX-License-Identifier: MIT
#include "client/front/record_set.h"

#include <string.h>

#include "base/mem.h"

void dh_record_set_init(struct dh_record_set *set, const dohle_allocator *mem,
                        size_t count_max)
{
    memset(set, 0, sizeof(*set));
    set->mem = mem;
    set->count_max = count_max;
}

void dh_record_set_deinit(struct dh_record_set *set)
{
    dh_mem_free(set->mem, set->records, set->capacity * sizeof(*set->records));
    dh_mem_free(set->mem, set->runs, set->run_capacity * sizeof(*set->runs));
}

void dh_record_set_reset(struct dh_record_set *set)
{
    set->count = 0;
    set->run_count = 0;
    set->has_moved = false;
}

static void move_position(struct dh_record_set *set, struct dh_owned *row, int64_t offset,
                          int32_t epoch)
{
    if (offset > row->position) {
        row->position = offset;
        set->has_moved = true;
    }
    if (epoch >= 0) {
        row->position_epoch = epoch;
    }
    row->is_position_valid = true;
}

// One more place in the array, and one more run; false: no memory.
static bool make_room(struct dh_record_set *set)
{
    return dh_mem_grow(set->mem, &set->records, &set->capacity, set->count + 1,
                       sizeof(*set->records)) == 0 &&
           dh_mem_grow(set->mem, &set->runs, &set->run_capacity, set->run_count + 1,
                       sizeof(*set->runs)) == 0;
}

// The records [first, set->count) are from this batch.
static void end_run(struct dh_record_set *set, const struct dh_owned *row,
                    struct dh_frame *frame, size_t first)
{
    if (set->count == first) {
        return;
    }
    set->runs[set->run_count++] = (struct dh_run){.frame = frame,
                                                  .topic = row->topic,
                                                  .partition = row->partition,
                                                  .first = first,
                                                  .count = set->count - first};
}

/*
 * Walks one batch. Records below the delivered position are passed over: a batch may
 * begin before the offset that was asked for (CL-085).
 */
static enum dh_take_result take_batch(struct dh_record_set *set, struct dh_owned *row,
                                      const struct dh_chunk_batch *batch)
{
    struct dh_record_iterator *iterator = &row->iterator;
    if (!row->is_walking) {
        if (dh_record_iterator_init(iterator, &batch->batch, batch->batch.payload) != 0) {
            return DH_TAKE_CORRUPT;
        }
        row->is_walking = true;
    }
    size_t first = set->count;
    enum dh_take_result result = DH_TAKE_DRAINED;
    for (;;) {
        // Behind its last record the batch's end is looked at, even with a full set.
        if (set->count == set->count_max && iterator->left != 0) {
            result = DH_TAKE_FULL;
            break;
        }
        if (set->count == set->capacity && !make_room(set)) {
            result = DH_TAKE_NO_MEMORY;
            break;
        }
        dohle_record *record = &set->records[set->count];
        int found = dh_record_iterator_next(iterator, record);
        if (found != 1) {
            result = found == 0 ? DH_TAKE_DRAINED : DH_TAKE_CORRUPT;
            break;
        }
        if (record->offset < row->position) {
            continue;
        }
        record->topic = row->topic;
        record->partition = row->partition;
        record->leader_epoch = iterator->leader_epoch;
        record->timestamp_type = iterator->timestamp_type;
        set->count++;
        move_position(set, row, record->offset + 1, batch->batch.leader_epoch);
    }
    end_run(set, row, batch->frame, first);
    return result;
}

enum dh_take_result dh_record_set_take(struct dh_record_set *set,
                                       struct dh_assignment *assignment,
                                       struct dh_owned *row)
{
    struct dh_chunk *chunk = dh_owned_chunk(row);
    if (row->position < 0) {
        row->position = chunk->fetch_offset;
    }
    if (!make_room(set)) {
        return DH_TAKE_NO_MEMORY;
    }
    size_t before = set->count;
    enum dh_take_result result = DH_TAKE_DRAINED;
    while (row->batch_index < chunk->batch_count) {
        const struct dh_chunk_batch *batch = &chunk->batches[row->batch_index];
        if (set->run_count == set->run_capacity && !make_room(set)) {
            result = DH_TAKE_NO_MEMORY;
            break;
        }
        result = take_batch(set, row, batch);
        if (result != DH_TAKE_DRAINED) {
            break;
        }
        row->is_walking = false;
        row->batch_index++;
        move_position(set, row, batch->batch.last_offset + 1, batch->batch.leader_epoch);
    }
    if (set->count > before) {
        row->set_number = assignment->set_number;
    }
    if (result == DH_TAKE_DRAINED) {
        move_position(set, row, chunk->next_offset, chunk->next_epoch);
    }
    return result;
}
