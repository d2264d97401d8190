// SPDX-License-Identifier: MIT
/*
 * What the tests of public clients share: an address that refuses, memory that both
 * threads of a client use, and what opening one does that cannot be opened.
 */
#ifndef DH_TESTS_UNIT_API_CLIENT_RIG_H
#define DH_TESTS_UNIT_API_CLIENT_RIG_H

#include "../test.h"

#include <poll.h>
#include <stdatomic.h>

#include <dohle/dohle.h>

#include "base/assert.h"
#include "base/time.h"
#include "host/clock.h"

// Nobody listens on port 1.
#define REFUSING "127.0.0.1:1"

// What a call may take longer than its timeout; generous, for sanitizers.
#define LATE_NS (2 * DH_SEC)

// ---- Memory of several threads ----

struct shared_memory {
    dohle_allocator allocator;
    atomic_size_t bytes;
    atomic_size_t calls;
    size_t fail_at; // this allocation and all later ones fail; 0: none
};

static inline void *shared_reallocate(void *ctx, void *pointer, size_t old_size,
                                      size_t new_size)
{
    struct shared_memory *memory = ctx;
    if (new_size == 0) {
        atomic_fetch_sub(&memory->bytes, old_size);
        free(pointer);
        return NULL;
    }
    size_t call = atomic_fetch_add(&memory->calls, 1) + 1;
    if (memory->fail_at != 0 && call >= memory->fail_at) {
        return NULL;
    }
    void *grown = realloc(pointer, new_size);
    if (grown != NULL) {
        atomic_fetch_add(&memory->bytes, new_size - old_size);
    }
    return grown;
}

static inline void shared_memory_init(struct shared_memory *memory, size_t fail_at)
{
    atomic_init(&memory->bytes, 0);
    atomic_init(&memory->calls, 0);
    memory->fail_at = fail_at;
    memory->allocator = (dohle_allocator){memory, shared_reallocate};
}

// The thread of a client is not awaited by free, nor ever joined: its end is that
// everything is given back.
static inline void shared_memory_await_empty(const struct shared_memory *memory)
{
    int64_t deadline_ns = dh_clock_now_ns() + 10 * DH_SEC;
    while (atomic_load(&memory->bytes) != 0 && dh_clock_now_ns() < deadline_ns) {
        (void)poll(NULL, 0, 1);
    }
    assert_int_equal(0, atomic_load(&memory->bytes));
}

// ---- Opening ----

// One kind of client. allocator NULL: the default.
struct client_kind {
    int (*open)(dohle_config *config, const dohle_allocator *allocator, void **client);
    void (*free)(void *client);
};

// Opening with that setting, with bootstrap.servers or without, fails and names it.
static inline void assert_open_fails(const struct client_kind *kind, int expected,
                                     const char *named, bool has_bootstrap,
                                     const char *key, const char *value)
{
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, key, value));
    if (has_bootstrap) {
        assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", REFUSING));
    }
    void *client = config; // to be set to NULL
    assert_int_equal(expected, kind->open(config, NULL, &client));
    assert_null(client);
    assert_non_null(strstr(dohle_config_error(config), named));
    dohle_config_free(config);
}

// Opens and frees with the n-th allocation failing. True: it opened.
static inline bool can_open_with(const struct client_kind *kind, size_t fail_at)
{
    struct shared_memory memory;
    shared_memory_init(&memory, fail_at);
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", REFUSING));
    void *client = config; // to be set to NULL
    int err = kind->open(config, &memory.allocator, &client);
    assert_true(err == 0 || err == DOHLE_ERR_NO_MEMORY);
    if (err != 0) {
        assert_null(client);
        assert_true(dohle_config_error(config)[0] != '\0');
    }
    kind->free(client);
    dohle_config_free(config);
    shared_memory_await_empty(&memory);
    return err == 0;
}

// Each allocation of an opening fails once; there must be so many at least.
static inline void assert_open_needs_memory(const struct client_kind *kind,
                                            size_t allocations_min)
{
    size_t fail_at = 1;
    while (!can_open_with(kind, fail_at)) {
        fail_at++;
        assert_true(fail_at < 2000);
    }
    assert_true(fail_at > allocations_min);
}

#endif
