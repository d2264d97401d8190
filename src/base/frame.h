// SPDX-License-Identifier: MIT
/*
 * Frames: the buffers that records point into.
 *
 * A response is read from the socket straight into a frame, or decompressed
 * into one; everything later is a view. A frame lives as long as somebody
 * holds it, on any thread and past the end of the consumer: one atomic count,
 * the only one in the client.
 *
 *     new              count 1, held by the maker
 *     hold, drop       count +1, -1; at 0 the memory is freed
 *
 * The pool belongs to one owner thread and keeps frames that come back, since
 * fresh pages cost more than records do. dh_frame_pool_put takes a frame whose
 * only holder is the caller; any other frame is merely dropped.
 *
 * An account counts the bytes of live frames, whoever holds them: a pool charges
 * it for each frame it hands out, until the frame is back in the pool or freed.
 * Like a frame it outlives its consumer.
 *
 * Bounds: a pool keeps at most bytes_max bytes and 64 frames.
 */
#ifndef DH_BASE_FRAME_H
#define DH_BASE_FRAME_H

#include <stdatomic.h>
#include <stdbool.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/list.h"

struct dh_frame_account {
    dohle_allocator allocator;
    atomic_size_t holders; // who made it, and each live frame
    atomic_size_t bytes;   // sum of the capacities of live frames
    atomic_bool is_awaited;
};

// NULL: no memory. One holder.
DH_MUST_CHECK struct dh_frame_account *dh_frame_account_new(const dohle_allocator *mem);

// For who looks at the account after it has dropped its frames.
void dh_frame_account_hold(struct dh_frame_account *account);

// Gives up a hold. NULL is allowed.
void dh_frame_account_drop(struct dh_frame_account *account);

// Bytes of live frames. Any thread.
size_t dh_frame_account_bytes(const struct dh_frame_account *account);

// The owner waits until bytes are given back. Look at the bytes once more after this.
void dh_frame_account_await(struct dh_frame_account *account);

// For who drops frames outside the owner's thread: true (once) when the owner waits for
// it and must be woken.
bool dh_frame_account_end_wait(struct dh_frame_account *account);

// A look that may be out of date at once.
bool dh_frame_account_is_awaited(const struct dh_frame_account *account);

struct dh_frame {
    struct dh_link link;              // the owner's, while only one part holds the frame
    dohle_allocator allocator;        // by value: it must outlive its consumer
    struct dh_frame_account *account; // charged with the capacity; NULL: nobody
    atomic_uint holders;
    size_t capacity; // of data
    size_t size;     // bytes of data in use
    uint8_t data[];
};

// NULL: no memory. Uninitialised data, size 0, one holder.
DH_MUST_CHECK struct dh_frame *dh_frame_new(const dohle_allocator *mem, size_t capacity);

// Any thread that already has the right to look at the frame.
void dh_frame_hold(struct dh_frame *frame);

// Any thread. NULL is allowed.
void dh_frame_drop(struct dh_frame *frame);

struct dh_frame_pool {
    const dohle_allocator *mem;
    struct dh_list free; // dh_frame.link, smallest capacity first
    size_t count;
    size_t bytes;                     // sum of capacities kept
    size_t bytes_max;                 // bound of `bytes`
    struct dh_frame_account *account; // charged for what is handed out; NULL: nobody
};

void dh_frame_pool_init(struct dh_frame_pool *pool, const dohle_allocator *mem,
                        size_t bytes_max);
void dh_frame_pool_deinit(struct dh_frame_pool *pool);

// A kept frame of at least that capacity and at most four times it, or a new one.
// NULL: no memory. Owner thread.
DH_MUST_CHECK struct dh_frame *dh_frame_pool_get(struct dh_frame_pool *pool,
                                                 size_t capacity);

// Takes one hold. Owner thread. NULL is allowed.
void dh_frame_pool_put(struct dh_frame_pool *pool, struct dh_frame *frame);

#endif
