// SPDX-License-Identifier: MIT
/*
 * What the tests against hostile brokers share: consumers, the clock, a name server
 * that keeps still, and counting what is left of a consumer that was freed.
 */
#ifndef DH_TESTS_HOSTILE_HOSTILE_RIG_H
#define DH_TESTS_HOSTILE_HOSTILE_RIG_H

#include <stdatomic.h>

#include "../unit/test.h"

#include <dohle/dohle.h>

#include "base/time.h"

// How much later than its deadline a call may return: room for sanitizers and for
// machines that do much else.
#define HOSTILE_LATE_NS (2 * DH_SEC)
// How long something may take that a broken program would never do.
#define HOSTILE_PATIENCE_NS (20 * DH_SEC)

// ---- Names ----

/*
 * From now on every host asks this name server ("ADDRESS:PORT"); NULL: the system's.
 * The text is borrowed.
 */
void hostile_use_name_server(const char *address);

// A name server that answers nothing: its socket, and the address in text.
int hostile_name_server_open(char text[32]);

// ---- Consumers ----

// Settings as {key, value} pairs up to a NULL key; NULL: none.
typedef const char *const hostile_setting[2];

// With group.id "g"; allocator NULL: malloc.
dohle_consumer *hostile_consumer(const char *bootstrap, hostile_setting *settings,
                                 const dohle_allocator *allocator);

// "t" by subscription, or its partition 0 by hand.
void hostile_subscribe(dohle_consumer *consumer);
void hostile_assign(dohle_consumer *consumer);

// ---- What is left ----

/*
 * For a hundred clients and their brokers in one process: a login has 1024 descriptors
 * unless it asks for more, and they need nearly twice as many. A group set-up of cmocka.
 */
int hostile_raise_descriptor_limit(void **state);

struct hostile_remains {
    int fds;
    int threads;
};

// Counts the process's descriptors and threads.
struct hostile_remains hostile_count(void);

// Waits until there are no more than before. False: there still are.
bool hostile_is_all_gone(struct hostile_remains before);

// ---- An allocator that two threads use ----

struct hostile_memory {
    dohle_allocator allocator;
    atomic_size_t bytes;
    atomic_size_t bytes_peak; // the most so far
    atomic_size_t calls;
    atomic_size_t failures;
    size_t fail_from;  // this allocation and all up to the next bound fail; 0: none
    size_t fail_until; // not this one and not the later ones; 0: no end
};

void hostile_memory_init(struct hostile_memory *memory);

// Waits until all is given back. False: it is not.
bool hostile_memory_is_empty(const struct hostile_memory *memory);

#endif
