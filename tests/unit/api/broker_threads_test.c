// SPDX-License-Identifier: MIT
/*
 * The embedded broker through its public functions: life, directories, restarts, commands from
 * several threads, the control port, embedded:.
 */
#define _DEFAULT_SOURCE // mkdtemp

#include <dohle/broker.h>

#include <dirent.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <dohle/admin.h>
#include <dohle/embedded.h>
#include <dohle/producer.h>

#include "../test.h"
#include "api/broker_server.h"
#include "base/time.h"
#include "host/clock.h"

#define PATIENCE_MS 20000
#define NO_PAYLOAD  ((dohle_bytes){NULL, 0})

static void remove_tree(const char *path)
{
    pid_t child = fork();
    if (child == 0) {
        execlp("rm", "rm", "-rf", path, NULL);
        _exit(1);
    }
    int status;
    assert_int_equal(child, waitpid(child, &status, 0));
    assert_int_equal(0, status);
}

static int make_directory(void **state)
{
    char *path = malloc(64);
    (void)snprintf(path, 64, "%s", P_tmpdir "/dohle-broker-XXXXXX");
    assert_non_null(mkdtemp(path));
    *state = path;
    return 0;
}

static int remove_directory(void **state)
{
    remove_tree(*state);
    free(*state);
    return 0;
}

static dohle_broker *start(const dohle_broker_options *options)
{
    dohle_broker *broker;
    if (dohle_broker_start(options, &broker) != 0) {
        fail_msg("%s", dohle_broker_last_error()->text);
    }
    return broker;
}

static void stop(dohle_broker *broker)
{
    assert_int_equal(0, dohle_broker_stop(broker, PATIENCE_MS));
}

// Fails with the broker's own words.
#define succeeds(call)                                                                   \
    do {                                                                                 \
        if ((call) != 0) {                                                               \
            fail_msg("%s: %s", #call, dohle_broker_last_error()->text);                  \
        }                                                                                \
    } while (0)

// The offset behind the last record, as an admin client is told it.
static int64_t end_of(const char *servers, const char *topic, int32_t partition)
{
    dohle_config *config = dohle_config_new();
    dohle_admin *admin;
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", servers));
    assert_int_equal(0, dohle_admin_open(config, NULL, &admin));
    dohle_offset offset = {.topic = topic, .partition = partition};
    const int64_t at = DOHLE_OFFSETS_END;
    int err = 0;
    assert_int_equal(0,
                     dohle_admin_list_offsets(admin, &offset, &at, &err, 1, PATIENCE_MS));
    assert_int_equal(0, err);
    dohle_admin_free(admin);
    dohle_config_free(config);
    return offset.offset;
}

// ---- Life ----

static void test_serves_when_start_returns(void **state)
{
    (void)state;
    dohle_broker *broker = start(NULL);
    assert_string_equal("memory", dohle_broker_durability(broker));
    assert_string_equal("", dohle_broker_control_address(broker));
    assert_int_equal(0, strncmp("127.0.0.1:", dohle_broker_bootstrap(broker), 10));
    assert_null(strchr(dohle_broker_bootstrap(broker), ','));
    succeeds(dohle_broker_create_topic(broker, "orders", 3));
    succeeds(dohle_broker_fill(broker, "orders", 2, 50, 100));
    assert_int_equal(50, end_of(dohle_broker_bootstrap(broker), "orders", 2));
    assert_int_equal(0, end_of(dohle_broker_bootstrap(broker), "orders", 0));
    stop(broker);
}

static void test_all_memory_comes_back(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    const char *const racks[] = {"a", NULL, "c"};
    const char *const settings[] = {"num.partitions=4"};
    const dohle_broker_options options = {
        .size = sizeof(options),
        .allocator = &memory.allocator,
        .node_count = 3,
        .racks = racks,
        .settings = settings,
        .setting_count = 1,
        .control = "127.0.0.1:0",
        .seed = 7,
    };
    dohle_broker *broker = start(&options);
    succeeds(dohle_broker_create_topic(broker, "orders", -1));
    succeeds(dohle_broker_put(broker, "orders", 3,
                              (dohle_bytes){(const uint8_t *)"k\n\"", 3}, NO_PAYLOAD));
    char *text;
    succeeds(dohle_broker_control(broker, "topic describe orders", NO_PAYLOAD, &text));
    assert_true(strlen(text) > 0);
    stop(broker);
    dohle_broker_free_text(text); // also after its broker
    assert_int_equal(0, memory.bytes);

    broker = start(&options);
    dohle_broker_kill(broker);
    assert_int_equal(0, memory.bytes);
}

static void test_every_allocation_of_a_start_may_fail(void **state)
{
    (void)state;
    struct test_memory memory;
    test_memory_init(&memory);
    const dohle_broker_options options = {
        .size = sizeof(options), .allocator = &memory.allocator, .seed = 7};
    size_t fail_at = 1;
    for (;; fail_at++) {
        memory.calls = 0;
        memory.fail_at = fail_at;
        dohle_broker *broker;
        int err = dohle_broker_start(&options, &broker);
        if (err == 0) {
            memory.fail_at = 0;
            stop(broker);
            break;
        }
        assert_null(broker);
        assert_int_equal(DOHLE_ERR_NO_MEMORY, err);
        assert_int_equal(DOHLE_ERR_NO_MEMORY, dohle_broker_last_error()->code);
        assert_int_equal(0, memory.bytes);
    }
    assert_true(fail_at > 10);
    assert_int_equal(0, memory.bytes);
}

static void test_options_that_make_no_sense(void **state)
{
    (void)state;
    const char *const unknown[] = {"num.partition=3"};
    const char *const malformed[] = {"num.partitions=few"};

    const struct {
        dohle_broker_options options;
        int err;
        const char *text; // part of it
    } rows[] = {
        {{.size = 1}, DOHLE_ERR_INVALID_ARGUMENT, "size is 0"}, // forgotten
        {{.node_count = 17}, DOHLE_ERR_INVALID_ARGUMENT, "1 to 16 nodes"},
        {{.node_count = -1}, DOHLE_ERR_INVALID_ARGUMENT, "1 to 16 nodes"},
        {{.host = "here"}, DOHLE_ERR_INVALID_ARGUMENT, "in figures"},
        {{.host = "0.0.0.0"}, DOHLE_ERR_INVALID_ARGUMENT, "advertised host"},
        {{.host = "192.0.2.1"}, DOHLE_ERR_IO, "cannot listen at 192.0.2.1:0"},
        {{.is_synced = 1}, DOHLE_ERR_INVALID_ARGUMENT, "without a directory"},
        {{.control = "9000"}, DOHLE_ERR_INVALID_ARGUMENT, "\"9000\" is not allowed"},
        {{.control = "192.0.2.1:9000"}, DOHLE_ERR_IO, "cannot listen at 192.0.2.1:9000"},
        {{.directory = "/dev/null/x"}, DOHLE_ERR_IO, "/dev/null/x: Not a directory"},
        {{.settings = unknown, .setting_count = 1},
         DOHLE_ERR_UNKNOWN_CONFIG,
         "num.partition"},
        {{.settings = malformed, .setting_count = 1},
         DOHLE_ERR_INVALID_CONFIG,
         "num.partitions"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        dohle_broker_options options = rows[i].options;
        options.size = options.size == 1 ? 0 : sizeof(options);
        dohle_broker *broker;
        assert_int_equal(rows[i].err, dohle_broker_start(&options, &broker));
        assert_null(broker);
        assert_int_equal(rows[i].err, dohle_broker_last_error()->code);
        if (strstr(dohle_broker_last_error()->text, rows[i].text) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", dohle_broker_last_error()->text,
                     rows[i].text);
        }
    }
}

static void test_a_port_in_use(void **state)
{
    (void)state;
    dohle_broker *broker = start(NULL);
    long port = strtol(dohle_broker_bootstrap(broker) + 10, NULL, 10);
    const uint16_t ports[] = {(uint16_t)port};
    const dohle_broker_options options = {.size = sizeof(options), .ports = ports};
    dohle_broker *second;
    assert_int_equal(DOHLE_ERR_IN_USE, dohle_broker_start(&options, &second));
    assert_non_null(strstr(dohle_broker_last_error()->text, "Address already in use"));
    stop(broker);
    // Its port can be had at once.
    stop(start(&options));
}

static void test_stop_and_kill_of_nothing(void **state)
{
    (void)state;
    assert_int_equal(0, dohle_broker_stop(NULL, 0));
    dohle_broker_kill(NULL);
    dohle_broker_free_text(NULL);
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT, dohle_broker_stop(NULL, -3));
}

static void test_many_in_one_process(void **state)
{
    (void)state;
    dohle_broker *brokers[20];
    for (size_t i = 0; i < 20; i++) {
        brokers[i] = start(NULL);
        succeeds(dohle_broker_create_topic(brokers[i], "mine", (int32_t)i + 1));
    }
    for (size_t i = 0; i < 20; i++) {
        assert_int_equal(0,
                         end_of(dohle_broker_bootstrap(brokers[i]), "mine", (int32_t)i));
        stop(brokers[i]);
    }
}

// ---- Directories ----

static void test_a_directory_keeps_its_records(void **state)
{
    for (int is_synced = 0; is_synced <= 1; is_synced++) {
        const dohle_broker_options options = {.size = sizeof(options),
                                              .directory = *state,
                                              .is_synced = is_synced,
                                              .node_count = 3};
        dohle_broker *broker = start(&options);
        assert_string_equal(is_synced ? "synced" : "directory",
                            dohle_broker_durability(broker));
        if (is_synced == 0) {
            succeeds(dohle_broker_create_topic(broker, "orders", 2));
        }
        succeeds(dohle_broker_fill(broker, "orders", 1, 100, 50));
        stop(broker);

        broker = start(&options);
        assert_non_null(strstr(dohle_broker_recovery(broker), "cleanly stopped before"));
        assert_null(strstr(dohle_broker_recovery(broker), "not cleanly"));
        assert_int_equal(100 + 200 * is_synced,
                         end_of(dohle_broker_bootstrap(broker), "orders", 1));
        succeeds(dohle_broker_fill(broker, "orders", 1, 100, 50));
        dohle_broker_kill(broker);

        broker = start(&options);
        assert_non_null(strstr(dohle_broker_recovery(broker), "not cleanly stopped"));
        assert_int_equal(200 + 200 * is_synced,
                         end_of(dohle_broker_bootstrap(broker), "orders", 1));
        stop(broker);
    }
}

static void test_a_directory_in_use(void **state)
{
    const dohle_broker_options options = {.size = sizeof(options), .directory = *state};
    dohle_broker *broker = start(&options);
    dohle_broker *second;
    assert_int_equal(DOHLE_ERR_IN_USE, dohle_broker_start(&options, &second));
    char holder[32];
    (void)snprintf(holder, sizeof(holder), "%d", (int)getpid());
    assert_non_null(strstr(dohle_broker_last_error()->text, holder));
    stop(broker);
    stop(start(&options));
}

static void test_restart(void **state)
{
    for (int i = 0; i < 4; i++) {
        const dohle_broker_options options = {
            .size = sizeof(options), .directory = i < 2 ? *state : NULL, .node_count = 2};
        dohle_broker *broker = start(&options);
        char topic[16];
        (void)snprintf(topic, sizeof(topic), "topic-%d", i);
        succeeds(dohle_broker_create_topic(broker, topic, 1));
        succeeds(dohle_broker_fill(broker, topic, 0, 10, 50));
        char servers[64];
        (void)snprintf(servers, sizeof(servers), "%s", dohle_broker_bootstrap(broker));
        succeeds(dohle_broker_restart(broker, i % 2));
        assert_string_equal(servers, dohle_broker_bootstrap(broker));
        assert_int_equal(10, end_of(servers, topic, 0));
        stop(broker);
    }
}

static void test_a_restart_that_fails(void **state)
{
    const dohle_broker_options options = {
        .size = sizeof(options), .directory = *state, .control = "127.0.0.1:0"};
    dohle_broker *broker = start(&options);
    succeeds(dohle_broker_create_topic(broker, "t", 1));
    // What is to be the lock is a directory meanwhile.
    char lock[128];
    (void)snprintf(lock, sizeof(lock), "%s/.lock", (const char *)*state);
    assert_int_equal(0, unlink(lock));
    assert_int_equal(0, mkdir(lock, 0755));
    assert_int_equal(DOHLE_ERR_IO, dohle_broker_restart(broker, 1));
    assert_non_null(strstr(dohle_broker_last_error()->text, ".lock"));
    assert_int_equal(DOHLE_ERR_CLOSED, dohle_broker_create_topic(broker, "u", 1));
    assert_int_equal(DOHLE_ERR_CLOSED, dohle_broker_restart(broker, 0));
    assert_int_equal(0, rmdir(lock));
    stop(broker);
    broker = start(&options);
    succeeds(dohle_broker_wait(broker, "topic=t", 0));
    stop(broker);
}

// ---- Commands ----

static void test_verbs(void **state)
{
    (void)state;
    const dohle_broker_options options = {.size = sizeof(options), .node_count = 3};
    dohle_broker *broker = start(&options);
    const char *servers = dohle_broker_bootstrap(broker);
    succeeds(dohle_broker_create_topic(broker, "t", 2));
    succeeds(dohle_broker_fill(broker, "t", 0, 40, 10));
    succeeds(dohle_broker_fill(broker, "t", 0, 60, 10));
    succeeds(dohle_broker_wait(broker, "topic=t partition=0 end>=100", PATIENCE_MS));
    succeeds(dohle_broker_truncate(broker, "t", 0, 40));
    assert_int_equal(40, end_of(servers, "t", 0));
    succeeds(dohle_broker_delete_records(broker, "t", 0, 10));
    succeeds(dohle_broker_wait(broker, "topic=t partition=0 start=10", 0));
    succeeds(dohle_broker_move_leader(broker, "t", 0, 2));
    succeeds(dohle_broker_wait(broker, "topic=t partition=0 leader=2", 0));
    succeeds(dohle_broker_kill_node(broker, 2));
    succeeds(dohle_broker_wait(broker, "node=2 state=down", 0));
    succeeds(dohle_broker_start_node(broker, 2));
    succeeds(dohle_broker_stop_node(broker, 1));
    succeeds(dohle_broker_start_node(broker, 1));
    succeeds(dohle_broker_pause_node(broker, 3));
    succeeds(dohle_broker_wait(broker, "node=3 state=paused", 0));
    succeeds(dohle_broker_resume_node(broker, 3));
    succeeds(dohle_broker_move_coordinator(broker, "g", 0));
    succeeds(dohle_broker_set_topic(broker, "t", "retention.bytes", "0"));
    succeeds(dohle_broker_apply_retention(broker));
    succeeds(dohle_broker_advance(broker, 1000));

    int64_t id = 0;
    succeeds(dohle_broker_add_fault(broker, "api=list_offsets delay=1", &id));
    assert_true(id > 0);
    assert_int_equal(40, end_of(servers, "t", 0));
    int64_t hits = 0;
    succeeds(dohle_broker_fault_hits(broker, id, &hits));
    assert_int_equal(1, hits);
    succeeds(dohle_broker_remove_fault(broker, id));
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dohle_broker_fault_hits(broker, id, &hits));
    succeeds(dohle_broker_remove_fault(broker, 0));

    char *text;
    succeeds(dohle_broker_journal(broker, 100, &text));
    assert_non_null(strstr(text, "api=ListOffsets"));
    dohle_broker_free_text(text);
    succeeds(dohle_broker_delete_topic(broker, "t"));
    stop(broker);
}

static void test_what_is_wrong_is_told(void **state)
{
    (void)state;
    dohle_broker *broker = start(NULL);
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dohle_broker_fill(broker, "none", 0, 1, 1));
    assert_non_null(strstr(dohle_broker_last_error()->text, "none"));
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dohle_broker_control(broker, "dance", NO_PAYLOAD, NULL));
    assert_non_null(strstr(dohle_broker_last_error()->text, "dance"));
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dohle_broker_control(broker, "restart soon", NO_PAYLOAD, NULL));
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT,
                     dohle_broker_create_topic(broker, NULL, 1));
    assert_int_equal(DOHLE_ERR_INVALID_ARGUMENT, dohle_broker_wait(broker, "x=1", -7));
    succeeds(dohle_broker_create_topic(broker, "t", 1));
    assert_string_equal("", dohle_broker_last_error()->text);
    assert_int_equal(DOHLE_ERR_BROKER, dohle_broker_create_topic(broker, "t", 1));
    assert_non_null(strstr(dohle_broker_last_error()->text, "TOPIC_ALREADY_EXISTS"));
    stop(broker);
}

static void test_a_wait_ends_at_its_time(void **state)
{
    (void)state;
    dohle_broker *broker = start(NULL);
    int64_t begin_ns = dh_clock_now_ns();
    assert_int_equal(DOHLE_ERR_TIMEOUT, dohle_broker_wait(broker, "topic=none", 30));
    assert_true(dh_clock_now_ns() - begin_ns >= 30 * DH_MS);
    assert_int_equal(DOHLE_ERR_TIMEOUT, dohle_broker_wait(broker, "topic=none", 0));
    assert_true(strlen(dohle_broker_last_error()->text) > 0);
    stop(broker);
}

struct waiter {
    dohle_broker *broker;
    pthread_t thread;
    int index;
    int err;
};

static void *wait_for_topic(void *ctx)
{
    struct waiter *waiter = ctx;
    char condition[64];
    (void)snprintf(condition, sizeof(condition), "topic=topic-%d", waiter->index);
    waiter->err = dohle_broker_wait(waiter->broker, condition, PATIENCE_MS);
    return NULL;
}

static void start_waiters(dohle_broker *broker, struct waiter *waiters, int count)
{
    for (int i = 0; i < count; i++) {
        waiters[i] = (struct waiter){.broker = broker, .index = i, .err = 1};
        assert_int_equal(
            0, pthread_create(&waiters[i].thread, NULL, wait_for_topic, &waiters[i]));
    }
}

static void join_waiters(struct waiter *waiters, int count, int err)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(0, pthread_join(waiters[i].thread, NULL));
        assert_int_equal(err, waiters[i].err);
    }
}

static void test_commands_of_many_threads(void **state)
{
    (void)state;
    dohle_broker *broker = start(NULL);
    struct waiter waiters[8];
    start_waiters(broker, waiters, 8);
    for (int i = 7; i >= 0; i--) {
        char name[16];
        (void)snprintf(name, sizeof(name), "topic-%d", i);
        succeeds(dohle_broker_create_topic(broker, name, 1));
    }
    join_waiters(waiters, 8, 0);
    stop(broker);
}

static size_t caller_count(dohle_broker *broker)
{
    struct dh_broker_server *server = (struct dh_broker_server *)(void *)broker;
    assert_int_equal(0, pthread_mutex_lock(&server->mutex));
    size_t count = server->caller_count;
    assert_int_equal(0, pthread_mutex_unlock(&server->mutex));
    return count;
}

static void test_waits_end_with_the_broker(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        dohle_broker *broker = start(NULL);
        struct waiter waiters[4];
        start_waiters(broker, waiters, 4);
        while (caller_count(broker) < 4) {
            succeeds(dohle_broker_advance(broker, 0));
        }
        if (i == 0) {
            stop(broker);
            join_waiters(waiters, 4, DOHLE_ERR_CLOSED);
        } else if (i == 1) {
            dohle_broker_kill(broker);
            join_waiters(waiters, 4, DOHLE_ERR_CLOSED);
        } else {
            succeeds(dohle_broker_restart(broker, 0));
            join_waiters(waiters, 4, DOHLE_ERR_CLOSED);
            stop(broker);
        }
    }
}

static void *create_topic(void *ctx)
{
    dohle_broker *broker = ctx;
    assert_int_equal(0, dohle_broker_create_topic(broker, "topic-0", 1));
    return NULL;
}

static void test_a_wait_without_an_end(void **state)
{
    (void)state;
    dohle_broker *broker = start(NULL);
    pthread_t thread;
    assert_int_equal(0, pthread_create(&thread, NULL, create_topic, broker));
    succeeds(dohle_broker_wait(broker, "topic=topic-0", DOHLE_NO_TIMEOUT));
    assert_int_equal(0, pthread_join(thread, NULL));
    stop(broker);
}

static void test_a_stop_that_does_not_wait(void **state)
{
    const dohle_broker_options options = {.size = sizeof(options), .directory = *state};
    for (int i = 0; i < 20; i++) {
        int err = dohle_broker_stop(start(&options), 0);
        assert_true(err == 0 || err == DOHLE_ERR_TIMEOUT);
        // It ends all the same, and lets go of the directory.
        dohle_broker *next = NULL;
        int64_t patience_ns = dh_clock_now_ns() + PATIENCE_MS * DH_MS;
        while (dohle_broker_start(&options, &next) != 0) {
            assert_int_equal(DOHLE_ERR_IN_USE, dohle_broker_last_error()->code);
            assert_true(dh_clock_now_ns() < patience_ns);
        }
        assert_null(strstr(dohle_broker_recovery(next), "not cleanly"));
        stop(next);
    }
}

// Signals are the application's: no thread of ours takes one.
static void test_signals_are_blocked(void **state)
{
    (void)state;
    dohle_broker *broker = start(NULL);
    DIR *threads = opendir("/proc/self/task");
    assert_non_null(threads);
    int others = 0;
    for (struct dirent *entry; (entry = readdir(threads)) != NULL;) {
        if (entry->d_name[0] == '.') {
            continue;
        }
        char path[300];
        (void)snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
        FILE *file = fopen(path, "r");
        if (strtol(entry->d_name, NULL, 10) != getpid() && file != NULL) {
            char line[256];
            while (fgets(line, sizeof(line), file) != NULL) {
                if (strncmp(line, "SigBlk:", 7) == 0) {
                    unsigned long long blocked = strtoull(line + 7, NULL, 16);
                    assert_true((blocked & (1ull << (SIGTERM - 1))) != 0);
                    assert_true((blocked & (1ull << (SIGUSR1 - 1))) != 0);
                    others++;
                }
            }
        }
        if (file != NULL) {
            assert_int_equal(0, fclose(file));
        }
    }
    assert_int_equal(0, closedir(threads));
    assert_true(others >= 1);
    stop(broker);
}

static int64_t processor_time_ns(void)
{
    struct timespec now;
    assert_int_equal(0, clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now));
    return (int64_t)now.tv_sec * DH_SEC + now.tv_nsec;
}

static void test_an_idle_broker_does_nothing(void **state)
{
    (void)state;
    const dohle_broker_options options = {.size = sizeof(options), .node_count = 3};
    dohle_broker *broker = start(&options);
    succeeds(dohle_broker_create_topic(broker, "t", 100));
    int64_t used_ns = processor_time_ns();
    assert_int_equal(DOHLE_ERR_TIMEOUT, dohle_broker_wait(broker, "topic=none", 300));
    assert_true(processor_time_ns() - used_ns < 30 * DH_MS);
    stop(broker);
}

// ---- The control port ----

static FILE *connect_control(const dohle_broker *broker)
{
    const char *address = dohle_broker_control_address(broker);
    long port = strtol(strrchr(address, ':') + 1, NULL, 10);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(0, connect(fd, (struct sockaddr *)&name, sizeof(name)));
    FILE *file = fdopen(fd, "r+");
    assert_non_null(file);
    return file;
}

static void send_text(FILE *file, const char *text)
{
    assert_int_equal(strlen(text), send(fileno(file), text, strlen(text), MSG_NOSIGNAL));
}

// Reads an answer up to its last line, which is returned.
static const char *last_line(FILE *file, char line[1024])
{
    do {
        assert_non_null(fgets(line, 1024, file));
    } while (strcmp(line, "ok\n") != 0 && strncmp(line, "error ", 6) != 0);
    return line;
}

static void test_control_port(void **state)
{
    (void)state;
    const dohle_broker_options options = {
        .size = sizeof(options), .control = "127.0.0.1:0", .node_count = 2};
    dohle_broker *broker = start(&options);
    FILE *file = connect_control(broker);
    char line[1024];
    send_text(file, "topic create orders partitions=2\n");
    assert_string_equal("ok\n", last_line(file, line));
    // Several at once, in pieces, with the line ends of Windows and empty lines between.
    send_text(file, "fill orders 0 count=5\r\n\n\ntopic li");
    send_text(file, "st\ndance\nwait topic=orders partition=0 end=5\nnode kill 2\n");
    assert_string_equal("ok\n", last_line(file, line));
    assert_non_null(fgets(line, sizeof(line), file));
    assert_non_null(strstr(line, "orders"));
    assert_string_equal("ok\n", last_line(file, line));
    assert_int_equal(0, strncmp("error INVALID_ARGUMENT: ", last_line(file, line), 24));
    assert_string_equal("ok\n", last_line(file, line));
    assert_string_equal("ok\n", last_line(file, line));
    // A command of one connection ends the wait of another.
    FILE *second = connect_control(broker);
    send_text(second, "wait topic=late\ntopic list\n");
    send_text(file, "topic create late\n");
    assert_string_equal("ok\n", last_line(file, line));
    assert_string_equal("ok\n", last_line(second, line));
    assert_string_equal("ok\n", last_line(second, line));
    send_text(second, "restart crash\n");
    assert_string_equal("ok\n", last_line(second, line));
    send_text(second, "wait topic=late\n");
    assert_string_equal("ok\n", last_line(second, line));
    // One that waits goes away, one is there when the broker ends.
    send_text(second, "wait topic=never\n");
    assert_int_equal(0, fclose(second));
    send_text(file, "wait topic=never\n");
    succeeds(dohle_broker_wait(broker, "topic=orders", PATIENCE_MS));
    stop(broker);
    assert_int_equal(0, fclose(file));
}

static void test_a_line_too_long(void **state)
{
    (void)state;
    const dohle_broker_options options = {.size = sizeof(options),
                                          .control = "127.0.0.1:0"};
    dohle_broker *broker = start(&options);
    FILE *file = connect_control(broker);
    char piece[4096];
    memset(piece, 'x', sizeof(piece));
    for (int i = 0; i < 1024; i++) {
        if (send(fileno(file), piece, sizeof(piece), MSG_NOSIGNAL) < 0) {
            break;
        }
    }
    assert_true(recv(fileno(file), piece, 1, 0) <= 0);
    assert_int_equal(0, fclose(file));
    file = connect_control(broker);
    send_text(file, "topic list\n");
    char line[1024];
    assert_string_equal("ok\n", last_line(file, line));
    assert_int_equal(0, fclose(file));
    stop(broker);
}

// ---- embedded: ----

static dohle_config *config_with(const char *servers)
{
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", servers));
    return config;
}

// To a topic that is made by its first record.
static void send_one(const char *servers)
{
    dohle_config *config = config_with(servers);
    dohle_producer *producer;
    assert_int_equal(0, dohle_producer_open(config, NULL, &producer));
    const dohle_send send = {.topic = "t", .timestamp_ms = -1};
    assert_int_equal(0, dohle_producer_send(producer, &send));
    assert_int_equal(0, dohle_producer_close(producer, PATIENCE_MS));
    dohle_producer_free(producer);
    dohle_config_free(config);
}

static void test_embedded(void **state)
{
    char directory[80];
    (void)snprintf(directory, sizeof(directory), "%s/data", (const char *)*state);
    char durable[96];
    (void)snprintf(durable, sizeof(durable), "embedded:%s", directory);
    assert_int_equal(0, dohle_broker_enable_embedded());
    assert_int_equal(0, dohle_broker_enable_embedded());
    assert_null(dohle_broker_find_embedded(""));
    const char *const values[] = {"embedded:", durable, "embedded:"};
    for (size_t i = 0; i < 3; i++) {
        send_one(values[i]);
    }
    dohle_broker *memory = dohle_broker_find_embedded("");
    assert_string_equal("memory", dohle_broker_durability(memory));
    // The third has found what the first has started.
    assert_int_equal(2, end_of(dohle_broker_bootstrap(memory), "t", 0));
    dohle_broker *kept = dohle_broker_find_embedded(directory);
    assert_string_equal("directory", dohle_broker_durability(kept));
    assert_int_equal(1, end_of(dohle_broker_bootstrap(kept), "t", 0));
    stop(memory);
    assert_null(dohle_broker_find_embedded(""));

    // What is in use elsewhere cannot be opened, and the config says why.
    dohle_broker_kill(kept);
    const dohle_broker_options options = {.size = sizeof(options),
                                          .directory = directory};
    dohle_broker *other = start(&options);
    dohle_config *config = config_with(durable);
    dohle_producer *producer;
    assert_int_equal(DOHLE_ERR_IN_USE, dohle_producer_open(config, NULL, &producer));
    char holder[32];
    (void)snprintf(holder, sizeof(holder), "%d", (int)getpid());
    assert_non_null(strstr(dohle_config_error(config), holder));
    stop(other);
    assert_int_equal(0, dohle_producer_open(config, NULL, &producer));
    dohle_producer_free(producer);
    dohle_config_free(config);
    stop(dohle_broker_find_embedded(directory));
    dohle_embedded_register(NULL);
}

#define IN_DIRECTORY(test)                                                               \
    cmocka_unit_test_setup_teardown(test, make_directory, remove_directory)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serves_when_start_returns),
        cmocka_unit_test(test_all_memory_comes_back),
        cmocka_unit_test(test_every_allocation_of_a_start_may_fail),
        cmocka_unit_test(test_options_that_make_no_sense),
        cmocka_unit_test(test_a_port_in_use),
        cmocka_unit_test(test_stop_and_kill_of_nothing),
        cmocka_unit_test(test_many_in_one_process),
        IN_DIRECTORY(test_a_directory_keeps_its_records),
        IN_DIRECTORY(test_a_directory_in_use),
        IN_DIRECTORY(test_restart),
        IN_DIRECTORY(test_a_restart_that_fails),
        cmocka_unit_test(test_signals_are_blocked),
        cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_what_is_wrong_is_told),
        cmocka_unit_test(test_a_wait_ends_at_its_time),
        cmocka_unit_test(test_commands_of_many_threads),
        cmocka_unit_test(test_waits_end_with_the_broker),
        cmocka_unit_test(test_a_wait_without_an_end),
        IN_DIRECTORY(test_a_stop_that_does_not_wait),
        cmocka_unit_test(test_an_idle_broker_does_nothing),
        cmocka_unit_test(test_control_port),
        cmocka_unit_test(test_a_line_too_long),
        IN_DIRECTORY(test_embedded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
