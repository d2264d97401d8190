// SPDX-License-Identifier: MIT
/*
 * What the application owns: the front half's mirror of the assigned partitions.
 *
 * A row holds what the application sees of one partition (delivered position,
 * paused) and what came for it and was not delivered yet (chunks in order, then
 * perhaps an error). Rows are found by name, in a sorted array, and by slot, in
 * the back half's numbering.
 *
 * A row is *bound* once its slot and assignment number are known: at once when the
 * group assigned it, with the answer when it was assigned by hand. Commands for a
 * row that is not bound wait in it.
 *
 * The ready list holds exactly the rows that a poll has something to take from:
 *
 *     ready = (chunks or error) and not (paused, held, revoking, unsubscribed)
 *
 * in the order in which they became ready. A row whose chunk was drained goes to
 * its end, so that no partition starves.
 *
 * Chunks and rows that the current set of records points into are kept until the
 * next poll: *spent* and *retired*. Chunks that nobody needs go out to `returns`.
 *
 * Not here: how records are taken (record_set.h), who may change what is owned
 * (front.h).
 */
#ifndef DH_CLIENT_FRONT_ASSIGNMENT_H
#define DH_CLIENT_FRONT_ASSIGNMENT_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/list.h"
#include "client/messages.h"
#include "record/iterator.h"

struct dh_owned {
    char *topic; // owned
    int32_t partition;
    bool is_bound;
    uint32_t slot;       // valid when bound
    struct dh_term term; // assignment 0: not bound
    uint64_t serial;     // of the assignment by hand that brought it; 0: the group's
    uint64_t mark;       // assign: the row is in the new assignment of that serial

    bool is_paused;
    bool is_held;         // a new leader: nothing is delivered until it is validated
    bool is_revoking;     // a REVOKE or LOSE notice was taken
    bool is_unsubscribed; // its topic is not subscribed any more

    // The delivered position.
    int64_t position;       // the next record poll returns; -1: not known
    int32_t position_epoch; // of the record before it; -1: unknown
    bool is_position_valid; // false: unknown or being validated (CL-066)
    int64_t high_watermark; // -1: not told

    struct dh_list chunks; // dh_chunk.message.link, in order
    // The walk through the first chunk.
    uint32_t batch_index;
    bool is_walking; // iterator is inside batch_index
    struct dh_record_iterator iterator;
    uint64_t set_number; // the last set that has records of the first chunk

    // Behind the chunks, or (is_error_first) instead of them. NULL: none.
    struct dh_notice_partition_error *error;
    bool is_error_first;
    bool is_error_ours; // made here, so freed here

    struct dh_list waiting; // commands that need the slot: at most one SEEK, one PAUSE
    struct dh_link ready;
    struct dh_link retired;
};

struct dh_assignment {
    const dohle_allocator *mem;
    struct dh_list *returns;  // borrowed: messages on their way to the back half
    struct dh_owned **sorted; // by topic, then number
    size_t count;
    size_t sorted_capacity;
    struct dh_owned **by_slot;
    size_t slot_capacity;
    bool must_walk;         // some row is not in by_slot: memory was short
    struct dh_list ready;   // dh_owned.ready
    struct dh_list spent;   // dh_chunk.message.link
    struct dh_list retired; // dh_owned.retired
    uint64_t set_number;    // of the current set of records
    uint64_t position_last; // the counter of position numbers
    uint64_t changes;       // counts changes of what is owned
    uint64_t stale_count;   // messages dropped because of their term
};

void dh_assignment_init(struct dh_assignment *assignment, const dohle_allocator *mem,
                        struct dh_list *returns);
// Frees all rows and chunks; nothing goes to `returns`.
void dh_assignment_deinit(struct dh_assignment *assignment);

// Room for `more` rows and for slots below slot_count. Returns 0 or NO_MEMORY.
DH_MUST_CHECK int dh_assignment_reserve(struct dh_assignment *assignment, size_t more,
                                        size_t slot_count);

// A new row that is not bound. Copies the name. NULL: no memory. The name is new.
DH_MUST_CHECK struct dh_owned *dh_assignment_add(struct dh_assignment *assignment,
                                                 const char *topic, int32_t partition);

// Tells the row its place; sends the commands that waited. Without room for the slot the
// row is found by a walk: slower, but this cannot fail.
void dh_assignment_bind(struct dh_assignment *assignment, struct dh_owned *row,
                        uint32_t slot, uint64_t number);

// Removes the row; its chunks go back, or are spent when the current set needs them.
void dh_assignment_remove(struct dh_assignment *assignment, struct dh_owned *row);
void dh_assignment_clear(struct dh_assignment *assignment);

// The current set is over: spent chunks go back, retired rows are freed.
void dh_assignment_end_set(struct dh_assignment *assignment);

// NULL: not owned.
struct dh_owned *dh_assignment_find(const struct dh_assignment *assignment,
                                    const char *topic, int32_t partition);
// NULL: the slot holds another assignment.
struct dh_owned *dh_assignment_at(const struct dh_assignment *assignment, uint32_t slot,
                                  uint64_t number);
// NULL unless both numbers are current; then the message is stale, which is counted.
struct dh_owned *dh_assignment_current(struct dh_assignment *assignment, uint32_t slot,
                                       struct dh_term term);

// After any change of what `ready` depends on.
void dh_assignment_update(struct dh_assignment *assignment, struct dh_owned *row);
// Behind all other ready rows, if it is still ready.
void dh_assignment_rotate(struct dh_assignment *assignment, struct dh_owned *row);

// Takes a chunk of the row's current term.
void dh_assignment_push(struct dh_assignment *assignment, struct dh_owned *row,
                        struct dh_chunk *chunk);
// The first chunk is through: it goes back, or is spent.
void dh_assignment_pop(struct dh_assignment *assignment, struct dh_owned *row);
/*
 * Takes an error of the row's current term. is_first: at once, before the chunks. An
 * older error is dropped. is_ours: the front half made it.
 */
void dh_assignment_set_error(struct dh_assignment *assignment, struct dh_owned *row,
                             struct dh_notice_partition_error *error, bool is_first,
                             bool is_ours);
// Drops all chunks and the error.
void dh_assignment_discard(struct dh_assignment *assignment, struct dh_owned *row);

/*
 * A command for the row: posted, or kept until the row is bound. The command's
 * slot and assignment are filled in.
 */
void dh_assignment_send_seek(struct dh_assignment *assignment, struct dh_owned *row,
                             struct dh_command_seek *command);
void dh_assignment_send_pause(struct dh_assignment *assignment, struct dh_owned *row,
                              struct dh_command_pause *command);

static inline struct dh_chunk *dh_owned_chunk(const struct dh_owned *row)
{
    struct dh_link *link = dh_list_first(&row->chunks);
    return link == NULL ? NULL : DH_CONTAINER_OF(link, struct dh_chunk, message.link);
}

// The invariants; for tests and the simulator.
void dh_assignment_check(const struct dh_assignment *assignment);

#endif
