// SPDX-License-Identifier: MIT
#include "api/records.h"

#include <string.h>

#include "api/release_bell.h"
#include "base/mem.h"

void dh_records_show(struct dohle_records *records, const dohle_allocator *mem,
                     struct dh_release_bell *bell, const struct dh_record_set *set)
{
    *records = (struct dohle_records){
        .records = set->records,
        .count = set->count,
        .runs = set->runs,
        .run_count = set->run_count,
        .allocator = *mem,
        .bell = bell,
    };
}

void dh_records_clear(struct dohle_records *records)
{
    records->count = 0;
    records->run_count = 0;
    records->next = 0;
    records->next_run = 0;
}

size_t dohle_records_count(const dohle_records *records)
{
    return records->count;
}

const dohle_record *dohle_records_next(dohle_records *records)
{
    return records->next == records->count ? NULL : &records->records[records->next++];
}

int dohle_records_next_batch(dohle_records *records, dohle_record_batch *batch)
{
    if (records->next == records->count) {
        return 0;
    }
    const struct dh_run *run = &records->runs[records->next_run];
    while (records->next >= run->first + run->count) {
        run = &records->runs[++records->next_run];
    }
    // What _next has already handed out of this run is left out.
    *batch = (dohle_record_batch){
        .topic = run->topic,
        .partition = run->partition,
        .records = &records->records[records->next],
        .count = run->first + run->count - records->next,
    };
    records->next = run->first + run->count;
    return 1;
}

void dohle_records_rewind(dohle_records *records)
{
    records->next = 0;
    records->next_run = 0;
}

dohle_records *dohle_records_retain(const dohle_records *records)
{
    size_t size = sizeof(dohle_records) + records->count * sizeof(dohle_record) +
                  records->run_count * sizeof(struct dh_run);
    for (size_t i = 0; i < records->run_count; i++) {
        size += strlen(records->runs[i].topic) + 1;
    }
    const dohle_allocator mem =
        records->allocator.reallocate == NULL ? *dh_mem_default() : records->allocator;
    dohle_records *copy = dh_mem_alloc(&mem, size);
    if (copy == NULL) {
        return NULL;
    }
    dohle_record *views = (dohle_record *)(void *)(copy + 1);
    struct dh_run *runs = (struct dh_run *)(void *)(views + records->count);
    char *text = (char *)(runs + records->run_count);
    *copy = (dohle_records){
        .records = views,
        .count = records->count,
        .runs = runs,
        .run_count = records->run_count,
        .is_retained = true,
        .block_size = size,
        .allocator = mem,
        .bell = records->bell,
    };
    if (copy->bell != NULL) {
        dh_release_bell_hold(copy->bell);
    }
    if (records->count > 0) {
        memcpy(views, records->records, records->count * sizeof(*views));
    }
    for (size_t i = 0; i < records->run_count; i++) {
        const struct dh_run *run = &records->runs[i];
        size_t text_size = strlen(run->topic) + 1;
        memcpy(text, run->topic, text_size);
        runs[i] = *run;
        runs[i].topic = text;
        for (size_t k = run->first; k < run->first + run->count; k++) {
            views[k].topic = text;
        }
        text += text_size;
        dh_frame_hold(run->frame);
    }
    return copy;
}

// What the frames of the set are charged to, held; NULL: nobody waits for them.
static struct dh_frame_account *account_of(const dohle_records *records)
{
    if (records->bell == NULL || records->run_count == 0) {
        return NULL;
    }
    // All are of one consumer. It stays with a frame as long as that is held.
    struct dh_frame_account *account = records->runs[0].frame->account;
    if (account != NULL) {
        dh_frame_account_hold(account);
    }
    return account;
}

void dohle_records_release(dohle_records *records)
{
    // The consumer's own set is not the caller's to give back.
    if (records == NULL || !records->is_retained) {
        return;
    }
    struct dh_frame_account *account = account_of(records);
    for (size_t i = 0; i < records->run_count; i++) {
        dh_frame_drop(records->runs[i].frame);
    }
    // Only behind that: who waits looks at the bytes.
    if (account != NULL && dh_frame_account_end_wait(account)) {
        dh_release_bell_ring(records->bell);
    }
    dh_frame_account_drop(account);
    if (records->bell != NULL) {
        dh_release_bell_drop(records->bell);
    }
    const dohle_allocator mem = records->allocator;
    dh_mem_free(&mem, records, records->block_size);
}
