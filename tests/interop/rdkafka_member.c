// SPDX-License-Identifier: MIT
/*
 * A member of a group on librdkafka, led by commands on its standard input:
 *
 *     interop-rdkafka-member BOOTSTRAP GROUP TOPIC [KEY=VALUE]...
 *
 *     seek PARTITION OFFSET              reads on from there
 *     commit PARTITION OFFSET METADATA   commits, and waits for the answer
 *     committed PARTITION                asks the broker what is committed
 *
 * It prints what happens, one event a line: "owned 0,1" after each change,
 * "record PARTITION OFFSET", "committed PARTITION OFFSET METADATA", "error TEXT". What it
 * has printed is committed four times a second, before partitions go, and at the end,
 * which is the end of its input. KEY=VALUE are librdkafka's own settings; with
 * enable.auto.offset.store=false only the commands commit.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <librdkafka/rdkafka.h>

#define POLL_MS           50
#define COMMIT_MS         250
#define COMMAND_MS        10000
#define INPUT_BYTES_MAX   512
#define PARTITIONS_MAX    64
#define ERROR_TEXT_LENGTH 512

struct input {
    char data[INPUT_BYTES_MAX];
    size_t size;
    int is_closed;
};

struct member {
    rd_kafka_t *handle;
    const char *topic;
    int unsaid; // records printed since the last commit
};

static void say_error(const char *what, rd_kafka_resp_err_t err)
{
    printf("error %s: %s\n", what, rd_kafka_err2name(err));
}

static int compare_numbers(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void say_owned(rd_kafka_t *handle)
{
    rd_kafka_topic_partition_list_t *owned = NULL;
    int32_t numbers[PARTITIONS_MAX];
    size_t count = 0;
    if (rd_kafka_assignment(handle, &owned) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        for (int i = 0; i < owned->cnt && count < PARTITIONS_MAX; i++) {
            numbers[count++] = owned->elems[i].partition;
        }
        rd_kafka_topic_partition_list_destroy(owned);
    }
    qsort(numbers, count, sizeof(numbers[0]), compare_numbers);
    printf("owned ");
    for (size_t i = 0; i < count; i++) {
        printf("%s%d", i == 0 ? "" : ",", (int)numbers[i]);
    }
    printf("\n");
    fflush(stdout);
}

// Commits what was printed: never what nobody has seen.
static void commit_printed(struct member *member)
{
    fflush(stdout);
    if (member->unsaid == 0) {
        return;
    }
    member->unsaid = 0;
    rd_kafka_resp_err_t err = rd_kafka_commit(member->handle, NULL, 0);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR && err != RD_KAFKA_RESP_ERR__NO_OFFSET) {
        say_error("commit", err);
    }
}

static void assign(rd_kafka_t *handle, rd_kafka_topic_partition_list_t *partitions)
{
    if (strcmp(rd_kafka_rebalance_protocol(handle), "COOPERATIVE") == 0) {
        rd_kafka_error_t *error = rd_kafka_incremental_assign(handle, partitions);
        if (error != NULL) {
            say_error("assign", rd_kafka_error_code(error));
            rd_kafka_error_destroy(error);
        }
    } else {
        rd_kafka_assign(handle, partitions);
    }
}

static void unassign(rd_kafka_t *handle, rd_kafka_topic_partition_list_t *partitions)
{
    if (strcmp(rd_kafka_rebalance_protocol(handle), "COOPERATIVE") == 0) {
        rd_kafka_error_t *error = rd_kafka_incremental_unassign(handle, partitions);
        if (error != NULL) {
            say_error("unassign", rd_kafka_error_code(error));
            rd_kafka_error_destroy(error);
        }
    } else {
        rd_kafka_assign(handle, NULL);
    }
}

static void on_rebalance(rd_kafka_t *handle, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque)
{
    struct member *member = opaque;
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        assign(handle, partitions);
    } else {
        commit_printed(member);
        unassign(handle, partitions);
    }
    say_owned(handle);
}

static rd_kafka_t *open_consumer(int argc, char **argv, struct member *member)
{
    char text[ERROR_TEXT_LENGTH] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *settings[][2] = {
        {"bootstrap.servers", argv[1]},  {"group.id", argv[2]},
        {"session.timeout.ms", "6000"},  {"heartbeat.interval.ms", "500"},
        {"enable.auto.commit", "false"}, {"auto.offset.reset", "earliest"},
        {"fetch.wait.max.ms", "100"},    {"partition.assignment.strategy", "range"},
    };
    rd_kafka_conf_set_opaque(conf, member);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof(text)) !=
            RD_KAFKA_CONF_OK) {
            fprintf(stderr, "%s\n", text);
            return NULL;
        }
    }
    for (int i = 4; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals == NULL) {
            fprintf(stderr, "%s is not KEY=VALUE\n", argv[i]);
            return NULL;
        }
        *equals = '\0';
        if (rd_kafka_conf_set(conf, argv[i], equals + 1, text, sizeof(text)) !=
            RD_KAFKA_CONF_OK) {
            fprintf(stderr, "%s\n", text);
            return NULL;
        }
    }
    rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
    if (handle == NULL) {
        fprintf(stderr, "%s\n", text);
        rd_kafka_conf_destroy(conf);
        return NULL;
    }
    rd_kafka_poll_set_consumer(handle);
    return handle;
}

static void command_seek(struct member *member, int32_t partition, int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, member->topic, partition)->offset = offset;
    rd_kafka_error_t *error = rd_kafka_seek_partitions(member->handle, list, COMMAND_MS);
    rd_kafka_resp_err_t err =
        error != NULL ? rd_kafka_error_code(error) : list->elems[0].err;
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        say_error("seek", err);
    } else {
        printf("sought %d %lld\n", (int)partition, (long long)offset);
    }
    if (error != NULL) {
        rd_kafka_error_destroy(error);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void command_commit(struct member *member, int32_t partition, int64_t offset,
                           const char *metadata)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *one =
        rd_kafka_topic_partition_list_add(list, member->topic, partition);
    one->offset = offset;
    one->metadata_size = strlen(metadata);
    one->metadata = strdup(metadata); // the list frees it
    rd_kafka_resp_err_t err = rd_kafka_commit(member->handle, list, 0);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        say_error("commit", err);
    } else {
        printf("done %d %lld\n", (int)partition, (long long)offset);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void command_committed(struct member *member, int32_t partition)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, member->topic, partition);
    rd_kafka_resp_err_t err = rd_kafka_committed(member->handle, list, COMMAND_MS);
    const rd_kafka_topic_partition_t *one = &list->elems[0];
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR || one->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        say_error("committed", err != RD_KAFKA_RESP_ERR_NO_ERROR ? err : one->err);
    } else {
        printf("committed %d %lld %.*s\n", (int)partition, (long long)one->offset,
               (int)one->metadata_size,
               one->metadata_size > 0 ? (char *)one->metadata : "");
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void obey(struct member *member, const char *line)
{
    char *rest = NULL;
    const char *space = strchr(line, ' ');
    if (space == NULL) {
        printf("error unknown command: %s\n", line);
        return;
    }
    size_t word_size = (size_t)(space - line);
    int32_t partition = (int32_t)strtol(space, &rest, 10);
    int64_t offset = strtoll(rest, &rest, 10);
    if (word_size == 4 && memcmp(line, "seek", 4) == 0) {
        command_seek(member, partition, offset);
    } else if (word_size == 6 && memcmp(line, "commit", 6) == 0) {
        command_commit(member, partition, offset, *rest == ' ' ? rest + 1 : rest);
    } else if (word_size == 9 && memcmp(line, "committed", 9) == 0) {
        command_committed(member, partition);
    } else {
        printf("error unknown command: %s\n", line);
    }
}

// Obeys the whole lines that have come; does not wait for any.
static void read_input(struct member *member, struct input *input)
{
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
    while (!input->is_closed && poll(&ready, 1, 0) > 0) {
        ssize_t size = read(STDIN_FILENO, input->data + input->size,
                            sizeof(input->data) - input->size);
        input->is_closed = size <= 0;
        input->size += size > 0 ? (size_t)size : 0;
        char *end = NULL;
        while ((end = memchr(input->data, '\n', input->size)) != NULL) {
            *end = '\0';
            obey(member, input->data);
            fflush(stdout);
            size_t taken = (size_t)(end - input->data) + 1;
            input->size -= taken;
            memmove(input->data, end + 1, input->size);
        }
    }
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: %s BOOTSTRAP GROUP TOPIC [KEY=VALUE]...\n", argv[0]);
        return 2;
    }
    struct member member = {.topic = argv[3]};
    struct input input = {.size = 0};
    member.handle = open_consumer(argc, argv, &member);
    if (member.handle == NULL) {
        return 2;
    }
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, member.topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(member.handle, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        say_error("subscribe", err);
        return 1;
    }
    int64_t commit_at_ms = now_ms() + COMMIT_MS;
    while (!input.is_closed) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(member.handle, POLL_MS);
        if (message != NULL) {
            if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
                printf("record %d %lld\n", (int)message->partition,
                       (long long)message->offset);
                member.unsaid++;
            } else {
                printf("error poll: %s\n", rd_kafka_message_errstr(message));
            }
            rd_kafka_message_destroy(message);
        }
        if (now_ms() >= commit_at_ms) {
            commit_printed(&member);
            commit_at_ms = now_ms() + COMMIT_MS;
        }
        read_input(&member, &input);
    }
    commit_printed(&member);
    err = rd_kafka_consumer_close(member.handle);
    rd_kafka_destroy(member.handle);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : 1;
}
