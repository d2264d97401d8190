// SPDX-License-Identifier: MIT
#include "client/front/assignment.h"

#include <string.h>

#include "base/mem.h"

void dh_assignment_init(struct dh_assignment *assignment, const dohle_allocator *mem,
                        struct dh_list *returns)
{
    memset(assignment, 0, sizeof(*assignment));
    assignment->mem = mem;
    assignment->returns = returns;
    assignment->set_number = 1; // 0: a row in no set
    dh_list_init(&assignment->ready);
    dh_list_init(&assignment->spent);
    dh_list_init(&assignment->retired);
}

static void free_messages(const dohle_allocator *mem, struct dh_list *list)
{
    for (struct dh_link *link; (link = dh_list_pop_front(list)) != NULL;) {
        dh_message_free(mem, DH_CONTAINER_OF(link, struct dh_message, link));
    }
}

static void free_row(struct dh_assignment *assignment, struct dh_owned *row)
{
    free_messages(assignment->mem, &row->waiting);
    DH_ASSERT(dh_list_is_empty(&row->chunks));
    DH_ASSERT(row->error == NULL);
    dh_mem_free_string(assignment->mem, row->topic);
    dh_mem_free(assignment->mem, row, sizeof(*row));
}

static void free_retired(struct dh_assignment *assignment)
{
    for (struct dh_link *link;
         (link = dh_list_pop_front(&assignment->retired)) != NULL;) {
        free_row(assignment, DH_CONTAINER_OF(link, struct dh_owned, retired));
    }
}

void dh_assignment_deinit(struct dh_assignment *assignment)
{
    for (size_t i = 0; i < assignment->count; i++) {
        struct dh_owned *row = assignment->sorted[i];
        free_messages(assignment->mem, &row->chunks);
        if (row->error != NULL) {
            dh_message_free(assignment->mem, &row->error->message);
            row->error = NULL;
        }
        free_row(assignment, row);
    }
    free_messages(assignment->mem, &assignment->spent);
    free_retired(assignment);
    dh_mem_free(assignment->mem, assignment->sorted,
                assignment->sorted_capacity * sizeof(*assignment->sorted));
    dh_mem_free(assignment->mem, assignment->by_slot,
                assignment->slot_capacity * sizeof(*assignment->by_slot));
}

int dh_assignment_reserve(struct dh_assignment *assignment, size_t more,
                          size_t slot_count)
{
    int err =
        dh_mem_grow(assignment->mem, &assignment->sorted, &assignment->sorted_capacity,
                    assignment->count + more, sizeof(*assignment->sorted));
    if (err != 0) {
        return err;
    }
    size_t before = assignment->slot_capacity;
    err = dh_mem_grow(assignment->mem, &assignment->by_slot, &assignment->slot_capacity,
                      slot_count, sizeof(*assignment->by_slot));
    if (err == 0 && assignment->slot_capacity > before) {
        memset(assignment->by_slot + before, 0,
               (assignment->slot_capacity - before) * sizeof(*assignment->by_slot));
    }
    return err;
}

static int compare(const struct dh_owned *row, const char *topic, int32_t partition)
{
    int order = strcmp(row->topic, topic);
    return order != 0 ? order
                      : (row->partition > partition) - (row->partition < partition);
}

// The index of the first row that is not before the name.
static size_t lower_bound(const struct dh_assignment *assignment, const char *topic,
                          int32_t partition)
{
    size_t low = 0;
    size_t high = assignment->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(assignment->sorted[middle], topic, partition) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct dh_owned *dh_assignment_add(struct dh_assignment *assignment, const char *topic,
                                   int32_t partition)
{
    if (dh_assignment_reserve(assignment, 1, 0) != 0) {
        return NULL;
    }
    struct dh_owned *row = dh_mem_calloc(assignment->mem, 1, sizeof(*row));
    if (row == NULL) {
        return NULL;
    }
    row->topic = dh_mem_copy_string(assignment->mem, topic, strlen(topic));
    if (row->topic == NULL) {
        dh_mem_free(assignment->mem, row, sizeof(*row));
        return NULL;
    }
    row->partition = partition;
    row->position = -1;
    row->position_epoch = -1;
    row->high_watermark = -1;
    dh_list_init(&row->chunks);
    dh_list_init(&row->waiting);
    size_t index = lower_bound(assignment, topic, partition);
    DH_ASSERT(index == assignment->count ||
              compare(assignment->sorted[index], topic, partition) != 0);
    memmove(assignment->sorted + index + 1, assignment->sorted + index,
            (assignment->count - index) * sizeof(*assignment->sorted));
    assignment->sorted[index] = row;
    assignment->count++;
    assignment->changes++;
    return row;
}

static void fill_and_post(struct dh_assignment *assignment, struct dh_owned *row,
                          struct dh_message *message)
{
    if (message->kind == DH_COMMAND_SEEK) {
        struct dh_command_seek *seek =
            DH_CONTAINER_OF(message, struct dh_command_seek, message);
        seek->slot = row->slot;
        seek->term.assignment = row->term.assignment;
    } else {
        DH_ASSERT(message->kind == DH_COMMAND_PAUSE);
        struct dh_command_pause *pause =
            DH_CONTAINER_OF(message, struct dh_command_pause, message);
        pause->slot = row->slot;
        pause->assignment = row->term.assignment;
    }
    dh_list_push_back(assignment->returns, &message->link);
}

static void release_slot(struct dh_assignment *assignment, struct dh_owned *row)
{
    if (row->is_bound && row->slot < assignment->slot_capacity &&
        assignment->by_slot[row->slot] == row) {
        assignment->by_slot[row->slot] = NULL;
    }
}

void dh_assignment_bind(struct dh_assignment *assignment, struct dh_owned *row,
                        uint32_t slot, uint64_t number)
{
    DH_ASSERT(number != 0);
    release_slot(assignment, row);
    row->is_bound = true;
    row->slot = slot;
    row->term.assignment = number;
    if (slot < assignment->slot_capacity) {
        assignment->by_slot[slot] = row;
    } else {
        assignment->must_walk = true;
    }
    for (struct dh_link *link; (link = dh_list_pop_front(&row->waiting)) != NULL;) {
        fill_and_post(assignment, row, DH_CONTAINER_OF(link, struct dh_message, link));
    }
}

void dh_assignment_remove(struct dh_assignment *assignment, struct dh_owned *row)
{
    dh_assignment_discard(assignment, row);
    dh_list_remove(&row->ready);
    size_t index = lower_bound(assignment, row->topic, row->partition);
    DH_ASSERT(index < assignment->count && assignment->sorted[index] == row);
    assignment->count--;
    memmove(assignment->sorted + index, assignment->sorted + index + 1,
            (assignment->count - index) * sizeof(*assignment->sorted));
    release_slot(assignment, row);
    assignment->changes++;
    // The current set may name its topic.
    dh_list_push_back(&assignment->retired, &row->retired);
}

void dh_assignment_clear(struct dh_assignment *assignment)
{
    while (assignment->count > 0) {
        dh_assignment_remove(assignment, assignment->sorted[assignment->count - 1]);
    }
}

void dh_assignment_end_set(struct dh_assignment *assignment)
{
    dh_list_append_all(assignment->returns, &assignment->spent);
    free_retired(assignment);
    assignment->set_number++;
}

struct dh_owned *dh_assignment_find(const struct dh_assignment *assignment,
                                    const char *topic, int32_t partition)
{
    size_t index = lower_bound(assignment, topic, partition);
    if (index == assignment->count) {
        return NULL;
    }
    struct dh_owned *row = assignment->sorted[index];
    return compare(row, topic, partition) == 0 ? row : NULL;
}

struct dh_owned *dh_assignment_at(const struct dh_assignment *assignment, uint32_t slot,
                                  uint64_t number)
{
    struct dh_owned *row =
        slot < assignment->slot_capacity ? assignment->by_slot[slot] : NULL;
    if (row != NULL && row->term.assignment == number) {
        return row;
    }
    // Only when memory was short as the row was bound.
    for (size_t i = 0; assignment->must_walk && i < assignment->count; i++) {
        row = assignment->sorted[i];
        if (row->is_bound && row->slot == slot && row->term.assignment == number) {
            return row;
        }
    }
    return NULL;
}

struct dh_owned *dh_assignment_current(struct dh_assignment *assignment, uint32_t slot,
                                       struct dh_term term)
{
    struct dh_owned *row = dh_assignment_at(assignment, slot, term.assignment);
    if (row == NULL || row->term.position != term.position) {
        assignment->stale_count++;
        return NULL;
    }
    return row;
}

static bool is_ready(const struct dh_owned *row)
{
    if (row->is_paused || row->is_held || row->is_revoking || row->is_unsubscribed) {
        return false;
    }
    return row->error != NULL || !dh_list_is_empty(&row->chunks);
}

void dh_assignment_update(struct dh_assignment *assignment, struct dh_owned *row)
{
    bool is_listed = dh_link_is_linked(&row->ready);
    bool is_wanted = is_ready(row);
    if (is_wanted && !is_listed) {
        dh_list_push_back(&assignment->ready, &row->ready);
    } else if (!is_wanted && is_listed) {
        dh_list_remove(&row->ready);
    }
}

void dh_assignment_rotate(struct dh_assignment *assignment, struct dh_owned *row)
{
    dh_list_remove(&row->ready);
    dh_assignment_update(assignment, row);
}

void dh_assignment_push(struct dh_assignment *assignment, struct dh_owned *row,
                        struct dh_chunk *chunk)
{
    if (chunk->high_watermark >= 0) {
        row->high_watermark = chunk->high_watermark;
    }
    dh_list_push_back(&row->chunks, &chunk->message.link);
    dh_assignment_update(assignment, row);
}

void dh_assignment_pop(struct dh_assignment *assignment, struct dh_owned *row)
{
    struct dh_link *link = dh_list_pop_front(&row->chunks);
    DH_ASSERT(link != NULL);
    bool is_in_set = row->set_number == assignment->set_number;
    dh_list_push_back(is_in_set ? &assignment->spent : assignment->returns, link);
    row->batch_index = 0;
    row->is_walking = false;
    row->set_number = 0;
}

static void discard_error(struct dh_assignment *assignment, struct dh_owned *row)
{
    if (row->error == NULL) {
        return;
    }
    if (row->is_error_ours) {
        dh_message_free(assignment->mem, &row->error->message);
    } else {
        dh_list_push_back(assignment->returns, &row->error->message.link);
    }
    row->error = NULL;
    row->is_error_first = false;
    row->is_error_ours = false;
}

void dh_assignment_set_error(struct dh_assignment *assignment, struct dh_owned *row,
                             struct dh_notice_partition_error *error, bool is_first,
                             bool is_ours)
{
    discard_error(assignment, row);
    row->error = error;
    row->is_error_first = is_first;
    row->is_error_ours = is_ours;
    dh_assignment_update(assignment, row);
}

void dh_assignment_discard(struct dh_assignment *assignment, struct dh_owned *row)
{
    while (!dh_list_is_empty(&row->chunks)) {
        dh_assignment_pop(assignment, row);
    }
    discard_error(assignment, row);
    dh_assignment_update(assignment, row);
}

static void send(struct dh_assignment *assignment, struct dh_owned *row,
                 struct dh_message *message)
{
    if (row->is_bound) {
        fill_and_post(assignment, row, message);
        return;
    }
    // Only the last of each kind counts, so at most two wait.
    DH_LIST_EACH_SAFE(link, next, &row->waiting)
    {
        struct dh_message *older = DH_CONTAINER_OF(link, struct dh_message, link);
        if (older->kind == message->kind) {
            dh_list_remove(link);
            dh_message_free(assignment->mem, older);
        }
    }
    dh_list_push_back(&row->waiting, &message->link);
}

void dh_assignment_send_seek(struct dh_assignment *assignment, struct dh_owned *row,
                             struct dh_command_seek *command)
{
    send(assignment, row, &command->message);
}

void dh_assignment_send_pause(struct dh_assignment *assignment, struct dh_owned *row,
                              struct dh_command_pause *command)
{
    send(assignment, row, &command->message);
}

void dh_assignment_check(const struct dh_assignment *assignment)
{
    size_t ready_count = 0;
    for (size_t i = 0; i < assignment->count; i++) {
        const struct dh_owned *row = assignment->sorted[i];
        DH_ASSERT(i == 0 ||
                  compare(assignment->sorted[i - 1], row->topic, row->partition) < 0);
        DH_ASSERT(row->is_bound == (row->term.assignment != 0));
        DH_ASSERT(!row->is_bound || assignment->must_walk ||
                  assignment->by_slot[row->slot] == row);
        DH_ASSERT(row->term.position <= assignment->position_last);
        DH_ASSERT(is_ready(row) == dh_link_is_linked(&row->ready));
        DH_ASSERT(!row->is_position_valid || row->position >= 0);
        ready_count += dh_link_is_linked(&row->ready) ? 1 : 0;
        int64_t next_offset = -1;
        DH_LIST_EACH(link, &row->chunks)
        {
            const struct dh_chunk *chunk =
                DH_CONTAINER_OF(link, struct dh_chunk, message.link);
            DH_ASSERT(dh_term_equal(chunk->term, row->term));
            DH_ASSERT(next_offset == -1 || chunk->fetch_offset == next_offset);
            next_offset = chunk->next_offset;
        }
    }
    DH_LIST_EACH(link, &assignment->ready)
    {
        DH_ASSERT(ready_count-- > 0);
    }
    DH_ASSERT(ready_count == 0);
}
