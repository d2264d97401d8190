// SPDX-License-Identifier: MIT
/*
 * dohle broker: the embedded broker as a process of its own, and a word with one.
 */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <dohle/broker.h>

#include "cluster.h"
#include "command.h"
#include "options.h"

// How long a clean end may take; a second signal ends it at once.
#define STOP_TIMEOUT_MS 30000

struct broker_flags {
    const char *directory;
    bool is_synced;
    long long node_count;
    const char *racks;
    const char *host;
    const char *advertised_host;
    const char *ports;
    struct string_list topics;
    struct string_list settings;
    const char *control;
    const char *clock;
    bool ends_with_stdin;
    int verbosity;
};

static const char description[] =
    "A small Kafka cluster in one process, for development, tests and single machines.\n"
    "Once it serves it says so on standard output, in lines of name=value:\n"
    "\n"
    "  bootstrap=127.0.0.1:41231   where clients connect to\n"
    "  durability=directory        memory: gone with the process (without --dir)\n"
    "                              directory: survives a killed process\n"
    "                              synced: survives a power failure (--sync)\n"
    "  recovery=...                what was found in the directory\n"
    "  control=127.0.0.1:41232     with --control\n"
    "\n"
    "SIGTERM and SIGINT end it cleanly, a second one at once.\n"
    "\n"
    "  dohle broker --dir data --port 9092 --topic orders:6\n"
    "  dohle broker --nodes 3 --racks a,b,c --control 127.0.0.1:0\n"
    "  dohle broker control 127.0.0.1:41232 node kill 2\n"
    "  dohle broker control 127.0.0.1:41232 help";

// ---- dohle broker control ADDRESS VERB... ----

// Splits "HOST:PORT" in place. False: it is something else.
static bool split_address(char *address, char **host, char **port)
{
    char *colon = strrchr(address, ':');
    if (colon == NULL) {
        return false;
    }
    *colon = '\0';
    *port = colon + 1;
    *host = address;
    size_t size = strlen(address);
    if (size >= 2 && address[0] == '[' && address[size - 1] == ']') {
        address[size - 1] = '\0';
        *host = address + 1;
    }
    return true;
}

// A connection to it; -1 after a message.
static int connect_to(const char *host, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int result = getaddrinfo(host, port, &hints, &found);
    if (result != 0) {
        complain("broker control", "%s:%s: %s", host, port, gai_strerror(result));
        return -1;
    }
    int fd = -1;
    int number = 0;
    for (const struct addrinfo *one = found; fd < 0 && one != NULL; one = one->ai_next) {
        fd = socket(one->ai_family, one->ai_socktype, one->ai_protocol);
        if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen) != 0) {
            number = errno;
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    if (fd < 0) {
        complain("broker control", "%s:%s: %s", host, port, strerror(number));
    }
    return fd;
}

// The words as one line; those of the shell that hold a space are in quotes again.
static bool send_line(FILE *file, char **words, int count)
{
    for (int i = 0; i < count; i++) {
        const char *equals = strchr(words[i], '=');
        bool needs_quotes = strpbrk(words[i], " \"\\\n") != NULL && count > 1;
        const char *quoted = equals == NULL ? words[i] : equals + 1;
        fprintf(file, "%s%.*s%s", i == 0 ? "" : " ", (int)(quoted - words[i]), words[i],
                needs_quotes ? "\"" : "");
        for (const char *letter = quoted; *letter != '\0'; letter++) {
            if (needs_quotes && (*letter == '"' || *letter == '\\')) {
                fputc('\\', file);
            }
            fprintf(file, needs_quotes && *letter == '\n' ? "\\n" : "%c", *letter);
        }
        fputs(needs_quotes ? "\"" : "", file);
    }
    fputc('\n', file);
    return fflush(file) == 0;
}

// Prints the answer. Returns the exit code.
static int print_answer(FILE *file)
{
    char *line = NULL;
    size_t capacity = 0;
    int code = EXIT_FAILED;
    bool has_end = false;
    for (ssize_t size; !has_end && (size = getline(&line, &capacity, file)) > 0;) {
        if (strcmp(line, "ok\n") == 0) {
            code = EXIT_DONE;
            has_end = true;
        } else if (strncmp(line, "error ", 6) == 0) {
            line[size - 1] = '\0';
            complain("broker control", "%s", line + 6);
            has_end = true;
        } else {
            fputs(line, stdout);
        }
    }
    if (!has_end) {
        complain("broker control", "the connection was lost");
    }
    free(line);
    return code;
}

static int control(int argc, char **argv)
{
    char *host;
    char *port;
    if (argc < 2 || !split_address(argv[0], &host, &port)) {
        return complain_usage("broker",
                              "control wants HOST:PORT and a command; HOST:PORT "
                              "help lists them");
    }
    int fd = connect_to(host, port);
    if (fd < 0) {
        return EXIT_FAILED;
    }
    FILE *in = fdopen(fd, "r");
    FILE *out = fdopen(dup(fd), "w");
    int code = EXIT_FAILED;
    if (in == NULL || out == NULL || !send_line(out, argv + 1, argc - 1)) {
        complain("broker control", "%s", strerror(errno));
    } else {
        code = print_answer(in);
    }
    if (out != NULL) {
        fclose(out);
    }
    if (in != NULL) {
        fclose(in);
    }
    return code;
}

// ---- What the options become ----

// The index-th of parts separated by commas, copied; NULL: there are not so many.
static char *part_of(const char *list, long long index)
{
    for (; index > 0 && list != NULL; index--) {
        list = strchr(list, ',');
        list = list == NULL ? NULL : list + 1;
    }
    if (list == NULL) {
        return NULL;
    }
    size_t size = strcspn(list, ",");
    char *part = must_alloc(size + 1);
    memcpy(part, list, size);
    part[size] = '\0';
    return part;
}

// -1: it makes no sense.
static long read_number(const char *text, long max)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    bool is_whole = end != text && *end == '\0' && errno == 0;
    return is_whole && number >= 0 && number <= max ? number : -1;
}

// One port stands for itself and the ones behind it; several are one a node.
static bool read_ports(const struct broker_flags *flags,
                       uint16_t ports[DOHLE_BROKER_NODES_MAX])
{
    if (flags->ports == NULL) {
        return true;
    }
    bool is_list = strchr(flags->ports, ',') != NULL;
    for (long long i = 0; i < flags->node_count; i++) {
        char *part = part_of(flags->ports, is_list ? i : 0);
        long port = part == NULL ? -1 : read_number(part, UINT16_MAX);
        free(part);
        port = port > 0 && !is_list ? port + (long)i : port;
        if (port < 0 || port > UINT16_MAX) {
            return false;
        }
        ports[i] = (uint16_t)port;
    }
    return true;
}

static bool read_racks(const struct broker_flags *flags,
                       char *racks[DOHLE_BROKER_NODES_MAX])
{
    for (long long i = 0; flags->racks != NULL && i < flags->node_count; i++) {
        racks[i] = part_of(flags->racks, i);
        if (racks[i] == NULL) {
            return false;
        }
    }
    return true;
}

static int complain_last(void)
{
    return complain_error("broker", dohle_broker_last_error());
}

// NAME[:PARTITIONS]. One that is there already is left as it is.
static int create_topic(dohle_broker *broker, const char *topic)
{
    const char *colon = strrchr(topic, ':');
    long count = colon == NULL ? -1 : read_number(colon + 1, INT32_MAX);
    if (colon != NULL && count < 1) {
        return complain_usage("broker", "--topic wants NAME:PARTITIONS, not '%s'", topic);
    }
    size_t size = colon == NULL ? strlen(topic) : (size_t)(colon - topic);
    char *name = must_alloc(size + 1);
    memcpy(name, topic, size);
    name[size] = '\0';
    int err = dohle_broker_create_topic(broker, name, (int32_t)count);
    free(name);
    if (err != 0 &&
        strstr(dohle_broker_last_error()->text, "TOPIC_ALREADY_EXISTS") == NULL) {
        return complain_last();
    }
    return EXIT_DONE;
}

// ---- While it serves ----

static int wake_pipe[2] = {-1, -1};

static void wake_up(void)
{
    // Nothing more can be done in a signal handler, and the pipe is never full.
    if (write(wake_pipe[1], "x", 1) != 1) {
        return;
    }
}

// Returns on a signal, or when standard input ends and that matters.
static void wait_for_end(bool ends_with_stdin)
{
    struct pollfd waits[] = {
        {.fd = wake_pipe[0], .events = POLLIN},
        {.fd = ends_with_stdin ? STDIN_FILENO : -1, .events = POLLIN},
    };
    while (!is_interrupted()) {
        if (poll(waits, 2, -1) <= 0 || waits[1].revents == 0) {
            continue;
        }
        char skipped[4096];
        ssize_t size = read(STDIN_FILENO, skipped, sizeof(skipped));
        if (size == 0 || (size < 0 && errno != EINTR && errno != EAGAIN)) {
            return;
        }
    }
}

// All in one write, so that whoever has read the first line has the others, too.
static void say_that_it_serves(const dohle_broker *broker, const char *directory)
{
    printf("bootstrap=%s\ndurability=%s\n", dohle_broker_bootstrap(broker),
           dohle_broker_durability(broker));
    if (directory != NULL) {
        printf("recovery=%s\n", dohle_broker_recovery(broker));
    }
    if (*dohle_broker_control_address(broker) != '\0') {
        printf("control=%s\n", dohle_broker_control_address(broker));
    }
    fflush(stdout);
}

static int serve(dohle_broker *broker, const struct broker_flags *flags)
{
    int code = EXIT_DONE;
    for (size_t i = 0; code == EXIT_DONE && i < flags->topics.count; i++) {
        code = create_topic(broker, flags->topics.items[i]);
    }
    if (code == EXIT_DONE) {
        say_that_it_serves(broker, flags->directory);
        wait_for_end(flags->ends_with_stdin);
    }
    if (dohle_broker_stop(broker, STOP_TIMEOUT_MS) != 0) {
        return complain_last();
    }
    return code;
}

// Starts it and stays until it has ended. Returns the exit code.
static int launch(const struct broker_flags *flags, const uint16_t *ports,
                  char *const *racks)
{
    const char *shown_racks[DOHLE_BROKER_NODES_MAX];
    for (int i = 0; i < DOHLE_BROKER_NODES_MAX; i++) {
        shown_racks[i] = racks[i];
    }
    const struct cluster_options verbosity = {.verbosity = flags->verbosity};
    const dohle_log_sink log = cluster_log(&verbosity);
    const dohle_broker_options options = {
        .size = sizeof(options),
        .log = &log,
        .node_count = (int32_t)flags->node_count,
        .racks = shown_racks,
        .ports = ports,
        .host = flags->host,
        .advertised_host = flags->advertised_host,
        .directory = flags->directory,
        .is_synced = flags->is_synced,
        .settings = flags->settings.items,
        .setting_count = flags->settings.count,
        .control = flags->control,
        .has_manual_clock = flags->clock != NULL,
    };
    // Before the start: a signal during it ends it cleanly right after.
    if (pipe(wake_pipe) != 0) {
        complain("broker", "%s", strerror(errno));
        return EXIT_FAILED;
    }
    catch_interrupts(wake_up);
    // A limit on the size of files is a full disk, and no reason to end.
    signal(SIGXFSZ, SIG_IGN);
    dohle_broker *broker;
    return dohle_broker_start(&options, &broker) == 0 ? serve(broker, flags)
                                                      : complain_last();
}

static int run(const struct broker_flags *flags)
{
    uint16_t ports[DOHLE_BROKER_NODES_MAX] = {0};
    char *racks[DOHLE_BROKER_NODES_MAX] = {NULL};
    int code;
    if (flags->node_count < 1 || flags->node_count > DOHLE_BROKER_NODES_MAX) {
        code = complain_usage("broker", "--nodes wants 1 to %d", DOHLE_BROKER_NODES_MAX);
    } else if (!read_ports(flags, ports)) {
        code = complain_usage("broker",
                              "--port wants a port, or one for each node, not '%s'",
                              flags->ports);
    } else if (!read_racks(flags, racks)) {
        code = complain_usage("broker", "--racks wants one for each node, not '%s'",
                              flags->racks);
    } else if (flags->clock != NULL && strcmp(flags->clock, "manual") != 0) {
        code = complain_usage("broker", "--clock wants manual, not '%s'", flags->clock);
    } else {
        code = launch(flags, ports, racks);
    }
    for (int i = 0; i < DOHLE_BROKER_NODES_MAX; i++) {
        free(racks[i]);
    }
    return code;
}

int command_broker(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "control") == 0) {
        return control(argc - 1, argv + 1);
    }
    struct broker_flags flags = {.node_count = 1};
    const struct option_row rows[] = {
        {"dir", 'd', "DIR", OPTION_STRING, &flags.directory,
         "where the data is kept (default: in memory)"},
        {"sync", 's', NULL, OPTION_FLAG, &flags.is_synced,
         "answer when it is on disk, not in the page cache"},
        {"nodes", 'n', "N", OPTION_NUMBER, &flags.node_count, "how many (default: 1)"},
        {"racks", 0, "RACK,...", OPTION_STRING, &flags.racks, "the rack of each node"},
        {"host", 0, "ADDRESS", OPTION_STRING, &flags.host,
         "to listen at, in figures (default: 127.0.0.1)"},
        {"advertised-host", 0, "HOST", OPTION_STRING, &flags.advertised_host,
         "what clients are told (default: where it listens)"},
        {"port", 'p', "PORT,...", OPTION_STRING, &flags.ports,
         "of the nodes, or of the first (default: any that are free)"},
        {"topic", 't', "NAME:PARTITIONS", OPTION_STRINGS, &flags.topics,
         "create it unless it is there; may be repeated"},
        {"set", 'X', "NAME=VALUE", OPTION_STRINGS, &flags.settings,
         "a broker setting of Kafka; may be repeated"},
        {"control", 'c', "ADDRESS:PORT", OPTION_STRING, &flags.control,
         "take commands there, line by line; port 0: any"},
        {"clock", 0, "manual", OPTION_STRING, &flags.clock,
         "time moves by the command `advance` alone"},
        {"exit-on-stdin-eof", 0, NULL, OPTION_FLAG, &flags.ends_with_stdin,
         "end when standard input does"},
        {"verbose", 'v', NULL, OPTION_COUNT, &flags.verbosity,
         "log to stderr; twice: everything"},
    };
    const struct command_line line = {
        .command = "broker",
        .synopsis = "[options]\n       dohle broker control HOST:PORT COMMAND...",
        .description = description,
        .rows = rows,
        .row_count = sizeof(rows) / sizeof(rows[0]),
    };
    struct string_list positional = {0};
    int code = options_parse(&line, argc, argv, &positional);
    if (code < 0 && positional.count > 0) {
        code = complain_usage("broker", "'%s' makes no sense here", positional.items[0]);
    }
    if (code < 0) {
        code = run(&flags);
    }
    free(positional.items);
    free(flags.topics.items);
    free(flags.settings.items);
    return code;
}
