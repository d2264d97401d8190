// SPDX-License-Identifier: MIT
// A consumer inside somebody else's event loop: poll(2) waits on the consumer's
// descriptor beside standard input; "quit" or end of input ends the program.
// Usage: event_loop BOOTSTRAP GROUP TOPIC
#include <dohle/dohle.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// What there is now, without waiting. 0, or an error.
static int drain(dohle_consumer *consumer)
{
    dohle_records *records;
    int err = dohle_consumer_poll(consumer, 0, &records);
    for (const dohle_record *record;
         err == 0 && (record = dohle_records_next(records)) != NULL;) {
        printf("%s/%d@%lld\n", record->topic, record->partition,
               (long long)record->offset);
    }
    fflush(stdout);
    return err;
}

static int wants_to_quit(void)
{
    char line[64];
    ssize_t size = read(STDIN_FILENO, line, sizeof(line));
    return size <= 0 || strncmp(line, "quit", 4) == 0;
}

static int run(dohle_consumer *consumer)
{
    struct pollfd fds[2] = {
        {.fd = dohle_consumer_fd(consumer), .events = POLLIN},
        {.fd = STDIN_FILENO, .events = POLLIN},
    };
    int err = drain(consumer); // the first poll joins the group
    while (err == 0) {
        if (poll(fds, 2, -1) < 0) {
            return 0;
        }
        if (fds[0].revents != 0) {
            err = drain(consumer);
        }
        if (fds[1].revents != 0 && wants_to_quit()) {
            return 0;
        }
    }
    fprintf(stderr, "%s\n", dohle_consumer_last_error(consumer)->text);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: %s BOOTSTRAP GROUP TOPIC\n", argv[0]);
        return 2;
    }
    dohle_config *config = dohle_config_new();
    dohle_config_set(config, "bootstrap.servers", argv[1]);
    dohle_config_set(config, "group.id", argv[2]);
    dohle_config_set(config, "auto.offset.reset", "earliest");
    dohle_consumer *consumer;
    if (dohle_consumer_open(config, NULL, &consumer) != 0) {
        fprintf(stderr, "%s\n", dohle_config_error(config));
        return 1;
    }
    const char *topic = argv[3];
    int failed = dohle_consumer_subscribe(consumer, &topic, 1, NULL) != 0;
    failed = failed || run(consumer);
    dohle_consumer_close(consumer, DOHLE_DEFAULT_TIMEOUT);
    dohle_consumer_free(consumer);
    dohle_config_free(config);
    return failed;
}
