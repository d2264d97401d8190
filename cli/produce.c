// SPDX-License-Identifier: MIT
/*
 * dohle produce: records in.
 *
 * One record a line of standard input, or a piece up to any other delimiter;
 * or, with --json, what `dohle consume --json` writes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dohle/consumer.h>
#include <dohle/producer.h>
#include <jansson.h>

#include "cluster.h"
#include "command.h"
#include "format.h"
#include "input.h"
#include "options.h"

#define COMMAND         "produce"
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define CLOSE_MS        130000 // beyond delivery.timeout.ms: every record is settled by then
#define COMPLAINTS_MAX  5

struct produce_options {
    struct cluster_options cluster;
    struct string_list arguments;
    const char *key_delimiter;
    const char *delimiter;
    const char *key;
    const char *codec;
    struct string_list headers;
    long long partition; // -1: by the key
    bool is_json;
    bool empty_is_null;
    bool is_quiet;
};

struct produce {
    const struct produce_options *options;
    const char *topic;
    dohle_producer *producer;
    char *key_delimiter; // owned, escapes read
    size_t key_delimiter_size;
    dohle_header *headers; // owned array
    size_t header_count;
    unsigned long long delivered;
    unsigned long long failed;
    unsigned long long line; // of the input, for messages
    bool is_failed;
};

static void no_wake(void)
{
    /* The interrupted read is wake-up enough. */
}

static void on_delivery(dohle_producer *producer, int error, const char *topic,
                        int32_t partition, int64_t offset, int64_t timestamp_ms,
                        void *ctx)
{
    (void)producer;
    (void)offset;
    (void)timestamp_ms;
    struct produce *produce = ctx;
    if (error == 0) {
        produce->delivered++;
        return;
    }
    if (++produce->failed <= COMPLAINTS_MAX) {
        complain(COMMAND, "%s/%d: not delivered: %s", topic, (int)partition,
                 dohle_error_text(error));
    }
}

static bool send_record(struct produce *produce, dohle_send *send)
{
    send->topic = produce->topic;
    send->callback = on_delivery;
    send->ctx = produce;
    if (dohle_producer_send(produce->producer, send) != 0) {
        complain_error(COMMAND, dohle_producer_last_error(produce->producer));
        produce->is_failed = true;
        return false;
    }
    return true;
}

// ---- Lines ----

static dohle_bytes null_if_empty(const struct produce *produce, dohle_bytes bytes)
{
    if (produce->options->empty_is_null && bytes.size == 0) {
        bytes.data = NULL;
    }
    return bytes;
}

static const uint8_t *find_bytes(dohle_bytes bytes, const char *wanted, size_t size)
{
    for (size_t i = 0; i + size <= bytes.size; i++) {
        if (memcmp(bytes.data + i, wanted, size) == 0) {
            return bytes.data + i;
        }
    }
    return NULL;
}

static bool send_line(struct produce *produce, dohle_bytes line)
{
    const struct produce_options *options = produce->options;
    dohle_send send = {
        .partition = (int32_t)options->partition,
        .timestamp_ms = -1,
        .value = line,
        .headers = produce->headers,
        .header_count = produce->header_count,
    };
    if (options->key != NULL) {
        send.key = (dohle_bytes){(const uint8_t *)options->key, strlen(options->key)};
    } else if (produce->key_delimiter != NULL) {
        const uint8_t *at =
            find_bytes(line, produce->key_delimiter, produce->key_delimiter_size);
        if (at != NULL) {
            send.key = (dohle_bytes){line.data, (size_t)(at - line.data)};
            send.value.data = at + produce->key_delimiter_size;
            send.value.size = line.size - send.key.size - produce->key_delimiter_size;
        }
    }
    if (send.key.data != NULL) {
        send.key = null_if_empty(produce, send.key);
    }
    send.value = null_if_empty(produce, send.value);
    return send_record(produce, &send);
}

// ---- JSON ----

static int base64_value(char digit)
{
    if (digit >= 'A' && digit <= 'Z') {
        return digit - 'A';
    }
    if (digit >= 'a' && digit <= 'z') {
        return digit - 'a' + 26;
    }
    if (digit >= '0' && digit <= '9') {
        return digit - '0' + 52;
    }
    return digit == '+' ? 62 : digit == '/' ? 63 : -1;
}

// A new block in *owned. False: not base64.
static bool decode_base64(const char *text, size_t size, uint8_t **owned,
                          dohle_bytes *bytes)
{
    uint8_t *data = must_alloc(size / 4 * 3);
    *owned = data;
    size_t used = 0;
    uint32_t group = 0;
    size_t digits = 0;
    for (; digits < size && text[digits] != '='; digits++) {
        int value = base64_value(text[digits]);
        if (value < 0) {
            return false;
        }
        group = group << 6 | (uint32_t)value;
        if (digits % 4 != 0) {
            data[used++] = (uint8_t)(group >> (6 - digits % 4 * 2));
        }
    }
    *bytes = (dohle_bytes){data, used};
    return size % 4 == 0 && digits % 4 != 1 && size - digits <= 2;
}

/*
 * A string, {"b64": ...}, null or nothing. Blocks that had to be made are noted
 * in `blocks`, to be freed after the record was sent.
 */
static bool bytes_of_json(const json_t *value, dohle_bytes *bytes,
                          struct string_list *blocks)
{
    *bytes = (dohle_bytes){NULL, 0};
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (json_is_string(value)) {
        *bytes = (dohle_bytes){(const uint8_t *)json_string_value(value),
                               json_string_length(value)};
        return true;
    }
    const json_t *encoded = json_object_get(value, "b64");
    if (!json_is_string(encoded)) {
        return false;
    }
    uint8_t *owned;
    bool is_valid = decode_base64(json_string_value(encoded), json_string_length(encoded),
                                  &owned, bytes);
    string_list_add(blocks, (const char *)owned);
    return is_valid;
}

static bool headers_of_json(const json_t *array, dohle_send *send, dohle_header **headers,
                            struct string_list *blocks)
{
    size_t count = json_array_size(array);
    *headers = must_alloc(count * sizeof(**headers));
    for (size_t i = 0; i < count; i++) {
        const json_t *header = json_array_get(array, i);
        if (!bytes_of_json(json_object_get(header, "name"), &(*headers)[i].name,
                           blocks) ||
            !bytes_of_json(json_object_get(header, "value"), &(*headers)[i].value,
                           blocks) ||
            (*headers)[i].name.data == NULL) {
            return false;
        }
    }
    send->headers = *headers;
    send->header_count = count;
    return true;
}

static int64_t integer_or(const json_t *object, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(object, name);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static bool refuse_line(struct produce *produce, const char *why)
{
    complain(COMMAND, "line %llu: %s", produce->line, why);
    produce->is_failed = true;
    return false;
}

static bool send_json_object(struct produce *produce, const json_t *object)
{
    struct string_list blocks = {0};
    dohle_header *headers = NULL;
    dohle_send send = {
        .partition = (int32_t)produce->options->partition,
        .timestamp_ms = integer_or(object, "timestamp", -1),
    };
    bool is_valid =
        bytes_of_json(json_object_get(object, "key"), &send.key, &blocks) &&
        bytes_of_json(json_object_get(object, "value"), &send.value, &blocks) &&
        headers_of_json(json_object_get(object, "headers"), &send, &headers, &blocks);
    bool is_sent = is_valid ? send_record(produce, &send)
                            : refuse_line(produce, "key, value and headers are strings, "
                                                   "{\"b64\": ...} or null");
    free(headers);
    for (size_t i = 0; i < blocks.count; i++) {
        free((void *)(uintptr_t)blocks.items[i]);
    }
    free(blocks.items);
    return is_sent;
}

static bool send_json(struct produce *produce, dohle_bytes line)
{
    json_error_t error;
    json_t *object =
        json_loadb((const char *)line.data, line.size, JSON_ALLOW_NUL, &error);
    if (!json_is_object(object)) {
        json_decref(object);
        return refuse_line(produce, object == NULL ? error.text : "not a JSON object");
    }
    bool is_sent = send_json_object(produce, object);
    json_decref(object);
    return is_sent;
}

// ---- Running ----

static void send_all(struct produce *produce, struct input *input)
{
    dohle_bytes piece;
    while (!is_interrupted() && input_next(input, &piece)) {
        produce->line++;
        bool is_sent = produce->options->is_json ? send_json(produce, piece)
                                                 : send_line(produce, piece);
        if (!is_sent) {
            return;
        }
    }
    if (input->error != 0) {
        complain(COMMAND, "standard input: %s", strerror(input->error));
        produce->is_failed = true;
    }
}

static int run(struct produce *produce, struct input *input)
{
    catch_interrupts(no_wake);
    send_all(produce, input);
    if (dohle_producer_close(produce->producer, CLOSE_MS) != 0) {
        complain_error(COMMAND, dohle_producer_last_error(produce->producer));
        produce->is_failed = true;
    }
    if (produce->failed > COMPLAINTS_MAX) {
        complain(COMMAND, "%llu records were not delivered", produce->failed);
    }
    if (!produce->options->is_quiet && isatty(STDERR_FILENO)) {
        fprintf(stderr, "%llu records\n", produce->delivered);
    }
    return produce->is_failed || produce->failed > 0 ? EXIT_FAILED : EXIT_DONE;
}

// ---- Setting up ----

static int open_producer(struct produce *produce)
{
    const struct produce_options *options = produce->options;
    dohle_config *config = cluster_config(COMMAND, &options->cluster);
    if (config == NULL) {
        return EXIT_USAGE;
    }
    dohle_log_sink log = cluster_log(&options->cluster);
    dohle_producer_options open = {.size = sizeof(open), .log = &log};
    int code = -1;
    if (options->codec != NULL &&
        !cluster_set(COMMAND, config, "compression.type", options->codec)) {
        code = EXIT_USAGE;
    } else if (dohle_producer_open(config, &open, &produce->producer) != 0) {
        complain(COMMAND, "%s", dohle_config_error(config));
        code = EXIT_USAGE;
    }
    dohle_config_free(config);
    return code;
}

// Splits NAME=VALUE headers. -1, or an exit code.
static int read_headers(struct produce *produce)
{
    const struct string_list *list = &produce->options->headers;
    produce->headers = must_alloc(list->count * sizeof(*produce->headers));
    for (size_t i = 0; i < list->count; i++) {
        const char *text = list->items[i];
        const char *equals = strchr(text, '=');
        if (equals == NULL) {
            return complain_usage(COMMAND, "-H wants NAME=VALUE, not '%s'", text);
        }
        produce->headers[produce->header_count++] = (dohle_header){
            {(const uint8_t *)text, (size_t)(equals - text)},
            {(const uint8_t *)equals + 1, strlen(equals + 1)},
        };
    }
    return -1;
}

// A copy with escapes read; NULL after a message.
static char *read_delimiter(const char *text, const char *option, size_t *size)
{
    char *copy = must_alloc(strlen(text) + 1);
    memcpy(copy, text, strlen(text) + 1);
    long length = format_unescape(copy);
    if (length <= 0) {
        free(copy);
        complain_usage(COMMAND, "%s wants a delimiter; escapes are \\n \\t \\0 \\xNN",
                       option);
        return NULL;
    }
    *size = (size_t)length;
    return copy;
}

static int set_up_and_run(struct produce *produce)
{
    const struct produce_options *options = produce->options;
    int code = read_headers(produce);
    if (code >= 0) {
        return code;
    }
    if (options->key_delimiter != NULL) {
        produce->key_delimiter =
            read_delimiter(options->key_delimiter, "-K", &produce->key_delimiter_size);
        if (produce->key_delimiter == NULL) {
            return EXIT_USAGE;
        }
    }
    size_t delimiter_size = 0;
    char *delimiter = read_delimiter(options->is_json ? "\\n" : options->delimiter, "-D",
                                     &delimiter_size);
    if (delimiter == NULL) {
        return EXIT_USAGE;
    }
    code = open_producer(produce);
    if (code < 0) {
        struct input input;
        input_init(&input, STDIN_FILENO, delimiter, delimiter_size);
        code = run(produce, &input);
        input_deinit(&input);
        dohle_producer_free(produce->producer);
    }
    free(delimiter);
    return code;
}

static int check_and_run(const struct produce_options *options)
{
    if (options->arguments.count != 1) {
        return complain_usage(COMMAND, options->arguments.count == 0
                                           ? "which topic?"
                                           : "one topic at a time");
    }
    if (options->partition > INT32_MAX) {
        return complain_usage(COMMAND, "there is no such partition");
    }
    if (options->key != NULL && options->key_delimiter != NULL) {
        return complain_usage(COMMAND, "-k and -K exclude each other");
    }
    struct produce produce = {.options = options, .topic = options->arguments.items[0]};
    int code = set_up_and_run(&produce);
    free(produce.key_delimiter);
    free(produce.headers);
    return code;
}

int command_produce(int argc, char **argv)
{
    struct produce_options options = {.delimiter = "\\n", .partition = -1};
    cluster_options_init(&options.cluster);
    const struct option_row rows[] = {
        {"key-delimiter", 'K', "TEXT", OPTION_STRING, &options.key_delimiter,
         "what ends the key in each record (\\t, \\x1f, ...)"},
        {"delimiter", 'D', "TEXT", OPTION_STRING, &options.delimiter,
         "what ends each record (default \\n)"},
        {"key", 'k', "KEY", OPTION_STRING, &options.key, "the same key for all"},
        {"header", 'H', "NAME=VALUE", OPTION_STRINGS, &options.headers,
         "a header for all; may be repeated"},
        {"partition", 'p', "N", OPTION_NUMBER, &options.partition,
         "this partition (default: by the key)"},
        {"compression", 'z', "CODEC", OPTION_STRING, &options.codec,
         "none, gzip, snappy, lz4, zstd"},
        {"json", 'J', NULL, OPTION_FLAG, &options.is_json,
         "lines of JSON as dohle consume --json writes them:\n"
         "key, value, headers, timestamp"},
        {"null", 'Z', NULL, OPTION_FLAG, &options.empty_is_null,
         "an empty key or value is null"},
        {"quiet", 'q', NULL, OPTION_FLAG, &options.is_quiet, "no count on the terminal"},
    };
    const struct command_line line = {
        .command = COMMAND,
        .synopsis = "TOPIC [options] < RECORDS",
        .description = "Reads records from standard input, one a line.\n\n"
                       "  seq 1000 | dohle produce numbers\n"
                       "  printf 'k1\\tv1\\nk2\\tv2\\n' | dohle produce pairs -K '\\t'",
        .rows = rows,
        .row_count = COUNT_OF(rows),
        .common = options.cluster.rows,
        .common_count = COUNT_OF(options.cluster.rows),
    };
    int code = options_parse(&line, argc, argv, &options.arguments);
    if (code < 0) {
        code = check_and_run(&options);
    }
    free(options.arguments.items);
    free(options.headers.items);
    free(options.cluster.settings.items);
    return code;
}
