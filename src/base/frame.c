// SPDX-License-Identifier: MIT
#include "base/frame.h"

#include "base/mem.h"

#define POOL_COUNT_MAX ((size_t)64)

struct dh_frame_account *dh_frame_account_new(const dohle_allocator *mem)
{
    struct dh_frame_account *account = dh_mem_alloc(mem, sizeof(*account));
    if (account == NULL) {
        return NULL;
    }
    account->allocator = *mem;
    atomic_init(&account->holders, 1);
    atomic_init(&account->bytes, 0);
    atomic_init(&account->is_awaited, false);
    return account;
}

void dh_frame_account_hold(struct dh_frame_account *account)
{
    size_t before = atomic_fetch_add_explicit(&account->holders, 1, memory_order_relaxed);
    DH_ASSERT(before > 0);
}

void dh_frame_account_drop(struct dh_frame_account *account)
{
    if (account == NULL) {
        return;
    }
    size_t before = atomic_fetch_sub_explicit(&account->holders, 1, memory_order_acq_rel);
    DH_ASSERT(before > 0);
    if (before == 1) {
        dohle_allocator allocator = account->allocator;
        dh_mem_free(&allocator, account, sizeof(*account));
    }
}

size_t dh_frame_account_bytes(const struct dh_frame_account *account)
{
    return atomic_load(&account->bytes);
}

void dh_frame_account_await(struct dh_frame_account *account)
{
    atomic_store(&account->is_awaited, true);
}

bool dh_frame_account_end_wait(struct dh_frame_account *account)
{
    return atomic_load(&account->is_awaited) &&
           atomic_exchange(&account->is_awaited, false);
}

bool dh_frame_account_is_awaited(const struct dh_frame_account *account)
{
    return atomic_load(&account->is_awaited);
}

static void charge(struct dh_frame *frame, struct dh_frame_account *account)
{
    frame->account = account;
    if (account != NULL) {
        dh_frame_account_hold(account);
        atomic_fetch_add(&account->bytes, frame->capacity);
    }
}

static void discharge(struct dh_frame *frame)
{
    struct dh_frame_account *account = frame->account;
    if (account != NULL) {
        frame->account = NULL;
        size_t before = atomic_fetch_sub(&account->bytes, frame->capacity);
        DH_ASSERT(before >= frame->capacity);
        dh_frame_account_drop(account);
    }
}

struct dh_frame *dh_frame_new(const dohle_allocator *mem, size_t capacity)
{
    if (capacity > SIZE_MAX - sizeof(struct dh_frame)) {
        return NULL;
    }
    struct dh_frame *frame = dh_mem_alloc(mem, sizeof(struct dh_frame) + capacity);
    if (frame == NULL) {
        return NULL;
    }
    frame->link = (struct dh_link){NULL, NULL};
    frame->allocator = *mem;
    frame->account = NULL;
    atomic_init(&frame->holders, 1);
    frame->capacity = capacity;
    frame->size = 0;
    return frame;
}

void dh_frame_hold(struct dh_frame *frame)
{
    unsigned before = atomic_fetch_add_explicit(&frame->holders, 1, memory_order_relaxed);
    DH_ASSERT(before > 0);
}

static void free_frame(struct dh_frame *frame)
{
    discharge(frame);
    dohle_allocator allocator = frame->allocator;
    dh_mem_free(&allocator, frame, sizeof(*frame) + frame->capacity);
}

void dh_frame_drop(struct dh_frame *frame)
{
    if (frame == NULL) {
        return;
    }
    unsigned before = atomic_fetch_sub_explicit(&frame->holders, 1, memory_order_acq_rel);
    DH_ASSERT(before > 0);
    if (before == 1) {
        free_frame(frame);
    }
}

void dh_frame_pool_init(struct dh_frame_pool *pool, const dohle_allocator *mem,
                        size_t bytes_max)
{
    *pool = (struct dh_frame_pool){.mem = mem, .bytes_max = bytes_max};
    dh_list_init(&pool->free);
}

static struct dh_frame *frame_of(struct dh_link *link)
{
    return DH_CONTAINER_OF(link, struct dh_frame, link);
}

static void pool_remove(struct dh_frame_pool *pool, struct dh_frame *frame)
{
    dh_list_remove(&frame->link);
    pool->count--;
    pool->bytes -= frame->capacity;
}

void dh_frame_pool_deinit(struct dh_frame_pool *pool)
{
    while (!dh_list_is_empty(&pool->free)) {
        struct dh_frame *frame = frame_of(dh_list_first(&pool->free));
        pool_remove(pool, frame);
        free_frame(frame);
    }
}

struct dh_frame *dh_frame_pool_get(struct dh_frame_pool *pool, size_t capacity)
{
    DH_LIST_EACH(link, &pool->free)
    {
        struct dh_frame *frame = frame_of(link);
        if (frame->capacity < capacity) {
            continue;
        }
        if (frame->capacity / 4 > capacity) {
            break;
        }
        pool_remove(pool, frame);
        frame->size = 0;
        charge(frame, pool->account);
        return frame;
    }
    struct dh_frame *frame = dh_frame_new(pool->mem, capacity);
    if (frame != NULL) {
        charge(frame, pool->account);
    }
    return frame;
}

void dh_frame_pool_put(struct dh_frame_pool *pool, struct dh_frame *frame)
{
    if (frame == NULL) {
        return;
    }
    if (atomic_load_explicit(&frame->holders, memory_order_acquire) != 1 ||
        pool->count >= POOL_COUNT_MAX ||
        frame->capacity > pool->bytes_max - pool->bytes) {
        dh_frame_drop(frame);
        return;
    }
    discharge(frame);
    struct dh_link *position = pool->free.head.next;
    while (position != &pool->free.head &&
           frame_of(position)->capacity < frame->capacity) {
        position = position->next;
    }
    dh_list_insert_before(position, &frame->link);
    pool->count++;
    pool->bytes += frame->capacity;
}
