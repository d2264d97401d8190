// SPDX-License-Identifier: MIT
#include "host/host.h"

#include <pthread.h>
#include <stdatomic.h>

#include "../test.h"
#include "base/time.h"

#define WAKERS 3
#define ROUNDS 2000

struct shared {
    struct dh_host *host;
    atomic_int rounds_asked;
};

static void *wake_repeatedly(void *ctx)
{
    struct shared *shared = ctx;
    for (int i = 0; i < ROUNDS; i++) {
        atomic_fetch_add(&shared->rounds_asked, 1);
        dh_host_wake(shared->host);
    }
    return NULL;
}

// Whatever was written before a wake-up is seen by the wait that it ends: none is lost.
static void test_every_wake_up_is_seen(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    struct shared shared;
    atomic_init(&shared.rounds_asked, 0);
    const struct dh_host_options options = {.mem = &memory.allocator};
    assert_int_equal(0, dh_host_new(&options, &shared.host));
    pthread_t threads[WAKERS];
    for (int i = 0; i < WAKERS; i++) {
        assert_int_equal(0, pthread_create(&threads[i], NULL, wake_repeatedly, &shared));
    }
    while (atomic_load(&shared.rounds_asked) < WAKERS * ROUNDS) {
        dh_host_run_once(shared.host, DH_NEVER);
    }
    for (int i = 0; i < WAKERS; i++) {
        assert_int_equal(0, pthread_join(threads[i], NULL));
    }
    dh_host_free(shared.host);
    assert_int_equal(0, memory.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_wake_up_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
