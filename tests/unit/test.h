// SPDX-License-Identifier: MIT
/*
 * What every unit test includes: cmocka with the headers it wants first, and
 * an allocator that counts and can be told to fail.
 */
#ifndef DH_TESTS_UNIT_TEST_H
#define DH_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dohle/types.h>

// An allocator for tests: counts bytes and blocks, fails the n-th allocation.
struct test_memory {
    dohle_allocator allocator;
    size_t bytes;      // allocated now
    size_t bytes_peak; // the most ever
    size_t calls;      // allocations and growths so far
    size_t fail_at;    // fails call number fail_at (1 = the first) and later; 0: never
};

static inline void *test_memory_reallocate(void *ctx, void *pointer, size_t old_size,
                                           size_t new_size)
{
    struct test_memory *memory = ctx;
    if (new_size == 0) {
        memory->bytes -= old_size;
        free(pointer);
        return NULL;
    }
    memory->calls++;
    if (memory->fail_at != 0 && memory->calls >= memory->fail_at) {
        return NULL;
    }
    void *grown = realloc(pointer, new_size);
    if (grown != NULL) {
        memory->bytes += new_size - old_size;
        if (memory->bytes > memory->bytes_peak) {
            memory->bytes_peak = memory->bytes;
        }
    }
    return grown;
}

static inline void test_memory_init(struct test_memory *memory)
{
    memset(memory, 0, sizeof(*memory));
    memory->allocator.ctx = memory;
    memory->allocator.reallocate = test_memory_reallocate;
}

#define assert_bytes_equal(expected, actual)                                             \
    do {                                                                                 \
        dohle_bytes expected_ = (expected);                                              \
        dohle_bytes actual_ = (actual);                                                  \
        assert_int_equal(expected_.size, actual_.size);                                  \
        assert_int_equal(expected_.data == NULL, actual_.data == NULL);                  \
        if (expected_.size > 0) {                                                        \
            assert_memory_equal(expected_.data, actual_.data, expected_.size);           \
        }                                                                                \
    } while (0)

#endif
