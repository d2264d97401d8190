// SPDX-License-Identifier: MIT
#include "hostile_rig.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "host/clock.h"
#include "host/host.h"

/*
 * libuv closes descriptors by the bare system call, which ThreadSanitizer does not see:
 * it takes whoever gets the same number next for a race with the one before. So the
 * functions that hand out descriptors are not looked at. Without the sanitizer nobody
 * calls this.
 */
const char *__tsan_default_suppressions(void);

const char *__tsan_default_suppressions(void)
{
    return "race:epoll_create1\nrace:eventfd\nrace:pipe2\nrace:_socket\nrace:^socket$\nrace:accept";
}

// ---- Names ----

static const char *name_servers;

int __real_dh_host_new(const struct dh_host_options *options, struct dh_host **host);
int __wrap_dh_host_new(const struct dh_host_options *options, struct dh_host **host);

int __wrap_dh_host_new(const struct dh_host_options *options, struct dh_host **host)
{
    struct dh_host_options changed = *options;
    if (name_servers != NULL) {
        changed.name_servers = name_servers;
    }
    return __real_dh_host_new(&changed, host);
}

void hostile_use_name_server(const char *address)
{
    name_servers = address;
}

int hostile_name_server_open(char text[32])
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(name);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(0, bind(fd, (struct sockaddr *)&name, size));
    assert_int_equal(0, getsockname(fd, (struct sockaddr *)&name, &size));
    (void)snprintf(text, 32, "127.0.0.1:%d", ntohs(name.sin_port));
    return fd;
}

// ---- Consumers ----

dohle_consumer *hostile_consumer(const char *bootstrap, hostile_setting *settings,
                                 const dohle_allocator *allocator)
{
    dohle_config *config = dohle_config_new();
    assert_non_null(config);
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", bootstrap));
    assert_int_equal(0, dohle_config_set(config, "group.id", "g"));
    for (; settings != NULL && (*settings)[0] != NULL; settings++) {
        assert_int_equal(0, dohle_config_set(config, (*settings)[0], (*settings)[1]));
    }
    const dohle_consumer_options options = {.size = sizeof(options),
                                            .allocator = allocator};
    dohle_consumer *consumer;
    int err = dohle_consumer_open(config, &options, &consumer);
    if (err != 0) {
        print_error("%s\n", dohle_config_error(config));
    }
    assert_int_equal(0, err);
    dohle_config_free(config);
    return consumer;
}

void hostile_subscribe(dohle_consumer *consumer)
{
    const char *const topics[] = {"t"};
    assert_int_equal(0, dohle_consumer_subscribe(consumer, topics, 1, NULL));
}

void hostile_assign(dohle_consumer *consumer)
{
    const dohle_topic_partition partition = {.topic = "t", .partition = 0};
    assert_int_equal(0, dohle_consumer_assign(consumer, &partition, 1));
}

// ---- What is left ----

// More descriptors are not looked at.
#define FDS_MAX 4096

int hostile_raise_descriptor_limit(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(0, getrlimit(RLIMIT_NOFILE, &limit));
    if (limit.rlim_cur < FDS_MAX) {
        limit.rlim_cur = limit.rlim_max < FDS_MAX ? limit.rlim_max : FDS_MAX;
        assert_int_equal(0, setrlimit(RLIMIT_NOFILE, &limit));
    }
    return 0;
}

/*
 * Without opening anything: libuv closes descriptors behind ThreadSanitizer's back,
 * which takes a new one of the same number for a race.
 */
struct hostile_remains hostile_count(void)
{
    struct hostile_remains remains = {0, 0};
    for (int fd = 0; fd < FDS_MAX; fd++) {
        remains.fds += fcntl(fd, F_GETFD) >= 0 ? 1 : 0;
    }
    // A folder has a link for itself, its name, and each folder in it.
    struct stat tasks;
    assert_int_equal(0, stat("/proc/self/task", &tasks));
    remains.threads = (int)tasks.st_nlink - 2;
    return remains;
}

bool hostile_is_all_gone(struct hostile_remains before)
{
    int64_t deadline_ns = dh_clock_now_ns() + HOSTILE_PATIENCE_NS;
    for (;;) {
        struct hostile_remains now = hostile_count();
        if (now.fds <= before.fds && now.threads <= before.threads) {
            return true;
        }
        if (dh_clock_now_ns() > deadline_ns) {
            print_error("descriptors: %d, before: %d; threads: %d, before: %d\n", now.fds,
                        before.fds, now.threads, before.threads);
            return false;
        }
        (void)poll(NULL, 0, 2);
    }
}

// ---- Memory ----

static void *reallocate(void *ctx, void *pointer, size_t old_size, size_t new_size)
{
    struct hostile_memory *memory = ctx;
    if (new_size == 0) {
        atomic_fetch_sub(&memory->bytes, old_size);
        free(pointer);
        return NULL;
    }
    size_t call = atomic_fetch_add(&memory->calls, 1) + 1;
    if (memory->fail_from != 0 && call >= memory->fail_from &&
        (memory->fail_until == 0 || call < memory->fail_until)) {
        atomic_fetch_add(&memory->failures, 1);
        return NULL;
    }
    void *grown = realloc(pointer, new_size);
    if (grown == NULL) {
        abort(); // no test needs so much
    }
    size_t bytes = atomic_fetch_add(&memory->bytes, new_size - old_size);
    bytes += new_size - old_size;
    size_t peak = atomic_load(&memory->bytes_peak);
    while (bytes > peak &&
           !atomic_compare_exchange_weak(&memory->bytes_peak, &peak, bytes)) {
    }
    return grown;
}

void hostile_memory_init(struct hostile_memory *memory)
{
    memset(memory, 0, sizeof(*memory));
    memory->allocator.ctx = memory;
    memory->allocator.reallocate = reallocate;
}

bool hostile_memory_is_empty(const struct hostile_memory *memory)
{
    int64_t deadline_ns = dh_clock_now_ns() + HOSTILE_PATIENCE_NS;
    while (atomic_load(&memory->bytes) != 0) {
        if (dh_clock_now_ns() > deadline_ns) {
            print_error("%zu bytes are left\n", atomic_load(&memory->bytes));
            return false;
        }
        (void)poll(NULL, 0, 1);
    }
    return true;
}
