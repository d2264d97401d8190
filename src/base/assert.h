// SPDX-License-Identifier: MIT
/*
 * Assertions. They state contracts between parts of Dohle and are on in every
 * build. They are never put on bytes from the network, a disk or the user.
 */
#ifndef DH_BASE_ASSERT_H
#define DH_BASE_ASSERT_H

// Ends the process with file, line and condition when the condition is false.
#define DH_ASSERT(condition)                                                             \
    ((condition) ? (void)0 : dh_assert_failed(__FILE__, __LINE__, #condition))

// For walks over whole structures: on in debug builds and in the simulator.
#ifdef DOHLE_CHECK_DEBUG
#    define DH_CHECK_DEBUG(condition) DH_ASSERT(condition)
#else
#    define DH_CHECK_DEBUG(condition) ((void)sizeof(condition))
#endif

#define DH_MUST_CHECK __attribute__((warn_unused_result))

#define DH_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

// The struct of type `type` whose `member` is at `pointer`.
#define DH_CONTAINER_OF(pointer, type, member)                                           \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

_Noreturn void dh_assert_failed(const char *file, int line, const char *condition);

#endif
