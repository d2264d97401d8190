// SPDX-License-Identifier: MIT
#include "api/release_bell.h"

#include <pthread.h>
#include <stdatomic.h>

#include "api/io_thread.h"
#include "base/mem.h"

struct dh_release_bell {
    dohle_allocator allocator;
    atomic_size_t holders;
    pthread_mutex_t mutex;
    struct dh_io_client *client; // NULL: silenced
};

// These fail only for a mutex that is not one.
static void lock(struct dh_release_bell *bell)
{
    int result = pthread_mutex_lock(&bell->mutex);
    DH_ASSERT(result == 0);
}

static void unlock(struct dh_release_bell *bell)
{
    int result = pthread_mutex_unlock(&bell->mutex);
    DH_ASSERT(result == 0);
}

struct dh_release_bell *dh_release_bell_new(const dohle_allocator *mem,
                                            struct dh_io_client *client)
{
    struct dh_release_bell *bell = dh_mem_alloc(mem, sizeof(*bell));
    if (bell == NULL) {
        return NULL;
    }
    bell->allocator = *mem;
    atomic_init(&bell->holders, 1);
    int result = pthread_mutex_init(&bell->mutex, NULL);
    DH_ASSERT(result == 0);
    bell->client = client;
    return bell;
}

void dh_release_bell_silence(struct dh_release_bell *bell)
{
    if (bell == NULL) {
        return;
    }
    lock(bell);
    bell->client = NULL;
    unlock(bell);
    dh_release_bell_drop(bell);
}

void dh_release_bell_hold(struct dh_release_bell *bell)
{
    size_t before = atomic_fetch_add_explicit(&bell->holders, 1, memory_order_relaxed);
    DH_ASSERT(before > 0);
}

void dh_release_bell_drop(struct dh_release_bell *bell)
{
    size_t before = atomic_fetch_sub_explicit(&bell->holders, 1, memory_order_acq_rel);
    DH_ASSERT(before > 0);
    if (before == 1) {
        (void)pthread_mutex_destroy(&bell->mutex);
        const dohle_allocator mem = bell->allocator;
        dh_mem_free(&mem, bell, sizeof(*bell));
    }
}

void dh_release_bell_ring(struct dh_release_bell *bell)
{
    lock(bell);
    if (bell->client != NULL) {
        dh_io_client_tell_released(bell->client);
    }
    unlock(bell);
}
