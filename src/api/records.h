// SPDX-License-Identifier: MIT
/*
 * Sets of records as the application walks them.
 *
 * The consumer's own set is a cursor over what the front half took in the last poll.
 * A retained set is one block with copies of the views and of the topics' names, and
 * a hold on every frame they point into. Its release tells a consumer that waits for
 * the room.
 */
#ifndef DH_API_RECORDS_H
#define DH_API_RECORDS_H

#include <dohle/consumer.h>

#include "client/front/record_set.h"

struct dh_release_bell;

struct dohle_records {
    const dohle_record *records; // borrowed from the front half; or in our own block
    size_t count;
    const struct dh_run *runs; // cover all records, in order
    size_t run_count;
    size_t next;     // index of the next record
    size_t next_run; // the run that holds it
    bool is_retained;
    size_t block_size; // retained: bytes of the whole block
    dohle_allocator allocator;
    struct dh_release_bell *bell; // held by a retained set; NULL: nobody waits
};

// Points the consumer's set at what was taken; at the first record. Borrows the bell.
void dh_records_show(struct dohle_records *records, const dohle_allocator *mem,
                     struct dh_release_bell *bell, const struct dh_record_set *set);
void dh_records_clear(struct dohle_records *records);

#endif
