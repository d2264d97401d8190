// SPDX-License-Identifier: MIT
/*
 * The broker's public functions: each writes a line of the control language and waits for
 * its answer.
 */
#include <dohle/broker.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/broker_embedded.h"
#include "api/broker_server.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/strings.h"
#include "base/time.h"
#include "host/clock.h"

#define STOP_TIMEOUT_MS 30000
#define WAIT_TIMEOUT_MS 10000

// Replicas of a topic made here.
#define REPLICAS_MAX 3

// The public name of a broker's thread.
static struct dh_broker_server *server_of(dohle_broker *broker)
{
    return (struct dh_broker_server *)(void *)broker;
}

static const struct dh_broker_server *const_server_of(const dohle_broker *broker)
{
    return (const struct dh_broker_server *)(const void *)broker;
}

// ---- Errors ----

static _Thread_local dohle_error_info last_error;

// Sets this thread's last error; code 0: there is none. Returns code.
static int tell(int code, const char *text, size_t size)
{
    memset(&last_error, 0, sizeof(last_error));
    last_error.code = code;
    last_error.node_id = -1;
    last_error.partition = -1;
    last_error.offset = -1;
    if (code != 0) {
        size_t room = sizeof(last_error.text) - 1;
        memcpy(last_error.text, text, size < room ? size : room);
    }
    return code;
}

static int tell_text(int code, const char *text)
{
    return tell(code, text, strlen(text));
}

const dohle_error_info *dohle_broker_last_error(void)
{
    return &last_error;
}

static int missing_argument(void)
{
    return tell_text(DOHLE_ERR_INVALID_ARGUMENT, "an argument is missing");
}

// Turns timeout_ms into a deadline. False: it is not allowed.
static bool read_timeout(int64_t timeout_ms, int64_t default_ms, int64_t *deadline_ns)
{
    if (timeout_ms == DOHLE_NO_TIMEOUT) {
        *deadline_ns = DH_NEVER;
        return true;
    }
    timeout_ms = timeout_ms == DOHLE_DEFAULT_TIMEOUT ? default_ms : timeout_ms;
    *deadline_ns = dh_deadline_after_ms(dh_clock_now_ns(), timeout_ms);
    return timeout_ms >= 0;
}

// ---- Texts for the caller ----

// In front of a text, so that it can be freed without its broker.
struct text_head {
    dohle_allocator allocator;
    size_t size; // of the whole block
    char text[];
};

static char *new_text(const dohle_allocator *mem, dohle_bytes content)
{
    size_t size = sizeof(struct text_head) + content.size + 1;
    struct text_head *head = dh_mem_calloc(mem, 1, size);
    if (head == NULL) {
        return NULL;
    }
    head->allocator = *mem;
    head->size = size;
    if (content.size > 0) {
        memcpy(head->text, content.data, content.size);
    }
    return head->text;
}

void dohle_broker_free_text(char *text)
{
    if (text != NULL) {
        struct text_head *head = DH_CONTAINER_OF(text, struct text_head, text);
        const dohle_allocator mem = head->allocator;
        dh_mem_free(&mem, head, head->size);
    }
}

// ---- Life cycle ----

static void read_options(const dohle_broker_options *options, dohle_broker_options *all)
{
    memset(all, 0, sizeof(*all));
    if (options != NULL) {
        size_t size = options->size < sizeof(*all) ? options->size : sizeof(*all);
        memcpy(all, options, size);
    }
}

int dohle_broker_start(const dohle_broker_options *options, dohle_broker **broker)
{
    if (broker == NULL) {
        return missing_argument();
    }
    *broker = NULL;
    if (options != NULL && options->size == 0) {
        return tell_text(DOHLE_ERR_INVALID_ARGUMENT,
                         "size is 0: set it to sizeof(dohle_broker_options)");
    }
    dohle_broker_options all;
    read_options(options, &all);
    struct dh_broker_server *server = NULL;
    char text[DH_BROKER_SERVER_TEXT_SIZE] = "";
    int err = dh_broker_server_start(&all, &server, text);
    if (err != 0) {
        return tell_text(err, text);
    }
    *broker = (dohle_broker *)(void *)server;
    return tell(0, NULL, 0);
}

int dohle_broker_stop(dohle_broker *broker, int64_t timeout_ms)
{
    int64_t deadline_ns;
    if (!read_timeout(timeout_ms, STOP_TIMEOUT_MS, &deadline_ns)) {
        return tell_text(DOHLE_ERR_INVALID_ARGUMENT, "the time-out is negative");
    }
    if (broker == NULL) {
        return tell(0, NULL, 0);
    }
    dh_broker_embedded_forget(broker);
    int err = dh_broker_server_end(server_of(broker), DH_BROKER_ENDING_STOP, deadline_ns);
    return tell_text(err, "the broker goes on alone until the disk has answered");
}

void dohle_broker_kill(dohle_broker *broker)
{
    if (broker != NULL) {
        dh_broker_embedded_forget(broker);
        int err =
            dh_broker_server_end(server_of(broker), DH_BROKER_ENDING_KILL, DH_NEVER);
        DH_ASSERT(err == 0);
    }
    (void)tell(0, NULL, 0);
}

// ---- What it is ----

const char *dohle_broker_bootstrap(const dohle_broker *broker)
{
    return (const char *)const_server_of(broker)->bootstrap.data;
}

const char *dohle_broker_durability(const dohle_broker *broker)
{
    const struct dh_broker_server *server = const_server_of(broker);
    return server->directory == NULL                 ? "memory"
           : server->options.mode == DH_STORE_SYNCED ? "synced"
                                                     : "directory";
}

const char *dohle_broker_recovery(const dohle_broker *broker)
{
    return (const char *)const_server_of(broker)->recovery.data;
}

const char *dohle_broker_control_address(const dohle_broker *broker)
{
    const struct dh_broker_control_port *port = const_server_of(broker)->control_port;
    return port == NULL ? "" : dh_broker_control_port_address(port);
}

// ---- Lines ----

// A line being written. `run` ends it, until when the broker is not freed.
struct line {
    dohle_broker *broker;
    struct dh_buf text;
    dohle_bytes payload;
    int64_t deadline_ns; // of a wait
};

static struct line begin_line(dohle_broker *broker, const char *verb)
{
    struct line line = {.broker = broker, .deadline_ns = DH_NEVER};
    dh_broker_server_enter(server_of(broker));
    dh_buf_init(&line.text, &server_of(broker)->allocator, 0);
    dh_buf_append(&line.text, verb, strlen(verb));
    return line;
}

static void append_quoted(struct line *line, dohle_bytes bytes)
{
    dh_buf_append_byte(&line->text, '"');
    for (size_t i = 0; i < bytes.size; i++) {
        uint8_t byte = bytes.data[i];
        if (byte == '"' || byte == '\\') {
            dh_buf_append_byte(&line->text, '\\');
            dh_buf_append_byte(&line->text, byte);
        } else if (byte < ' ' || byte > '~') {
            dh_buf_printf(&line->text, "\\x%02X", (unsigned)byte);
        } else {
            dh_buf_append_byte(&line->text, byte);
        }
    }
    dh_buf_append_byte(&line->text, '"');
}

static void add_text(struct line *line, const char *text)
{
    dh_buf_append_byte(&line->text, ' ');
    append_quoted(line, dh_bytes_of(text));
}

static void add_number(struct line *line, int64_t number)
{
    dh_buf_printf(&line->text, " %lld", (long long)number);
}

static void add_named(struct line *line, const char *name, int64_t number)
{
    dh_buf_printf(&line->text, " %s=%lld", name, (long long)number);
}

// Asks and sets the last error. *text, when wanted, is the answer.
static int ask(const struct line *line, char **text)
{
    struct dh_broker_server *server = server_of(line->broker);
    struct dh_broker_command command = {
        .line = (const char *)line->text.data,
        .payload = line->payload,
        .deadline_ns = line->deadline_ns,
    };
    dh_broker_server_call(server, &command);
    int err = command.err;
    dohle_bytes answer = dh_buf_view(&command.text);
    if (err == 0 && text != NULL) {
        *text = command.text.err == 0 ? new_text(&server->allocator, answer) : NULL;
        err = *text == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    }
    (void)tell(err, (const char *)answer.data, answer.size);
    if (err != 0 && last_error.text[0] == '\0') {
        (void)tell_text(err, dohle_error_text(err));
    }
    dh_buf_deinit(&command.text);
    return err;
}

// Runs the line and frees it.
static int run(struct line *line, char **text)
{
    if (text != NULL) {
        *text = NULL;
    }
    dh_buf_append_byte(&line->text, 0);
    int err = line->text.err != 0 ? tell_text(DOHLE_ERR_NO_MEMORY, "out of memory")
                                  : ask(line, text);
    dh_buf_deinit(&line->text);
    dh_broker_server_leave(server_of(line->broker));
    return err;
}

// VERB TOPIC [PARTITION]
static struct line begin_topic(dohle_broker *broker, const char *verb, const char *topic,
                               int32_t partition)
{
    struct line line = begin_line(broker, verb);
    add_text(&line, topic);
    if (partition >= 0) {
        add_number(&line, partition);
    }
    return line;
}

int dohle_broker_restart(dohle_broker *broker, int is_crash)
{
    struct line line = begin_line(broker, is_crash != 0 ? "restart crash" : "restart");
    return run(&line, NULL);
}

// ---- Topics and records ----

int dohle_broker_create_topic(dohle_broker *broker, const char *name,
                              int32_t partition_count)
{
    if (name == NULL) {
        return missing_argument();
    }
    struct line line = begin_topic(broker, "topic create", name, -1);
    if (partition_count != -1) {
        add_named(&line, "partitions", partition_count);
    }
    size_t node_count = server_of(broker)->options.node_count;
    add_named(&line, "replication",
              (int64_t)(node_count < REPLICAS_MAX ? node_count : REPLICAS_MAX));
    return run(&line, NULL);
}

int dohle_broker_delete_topic(dohle_broker *broker, const char *name)
{
    if (name == NULL) {
        return missing_argument();
    }
    struct line line = begin_topic(broker, "topic delete", name, -1);
    return run(&line, NULL);
}

int dohle_broker_set_topic(dohle_broker *broker, const char *name, const char *setting,
                           const char *value)
{
    if (name == NULL || setting == NULL || value == NULL) {
        return missing_argument();
    }
    struct line line = begin_topic(broker, "topic set", name, -1);
    dh_buf_printf(&line.text, " %s=", setting);
    append_quoted(&line, dh_bytes_of(value));
    return run(&line, NULL);
}

int dohle_broker_put(dohle_broker *broker, const char *topic, int32_t partition,
                     dohle_bytes key, dohle_bytes value)
{
    if (topic == NULL) {
        return missing_argument();
    }
    struct line line = begin_topic(broker, "put", topic, partition);
    if (key.data != NULL) {
        dh_buf_printf(&line.text, " key=");
        append_quoted(&line, key);
    }
    line.payload = value;
    return run(&line, NULL);
}

int dohle_broker_fill(dohle_broker *broker, const char *topic, int32_t partition,
                      int64_t count, int32_t size)
{
    if (topic == NULL) {
        return missing_argument();
    }
    struct line line = begin_topic(broker, "fill", topic, partition);
    add_named(&line, "count", count);
    add_named(&line, "size", size);
    return run(&line, NULL);
}

int dohle_broker_append(dohle_broker *broker, const char *topic, int32_t partition,
                        dohle_bytes batches, int is_checked)
{
    if (topic == NULL) {
        return missing_argument();
    }
    struct line line = begin_topic(broker, "append", topic, partition);
    if (is_checked == 0) {
        dh_buf_printf(&line.text, " checked=no");
    }
    line.payload = batches;
    return run(&line, NULL);
}

int dohle_broker_delete_records(dohle_broker *broker, const char *topic,
                                int32_t partition, int64_t offset)
{
    if (topic == NULL) {
        return missing_argument();
    }
    struct line line = begin_topic(broker, "delete-records", topic, partition);
    add_number(&line, offset);
    return run(&line, NULL);
}

int dohle_broker_truncate(dohle_broker *broker, const char *topic, int32_t partition,
                          int64_t offset)
{
    if (topic == NULL) {
        return missing_argument();
    }
    struct line line = begin_topic(broker, "truncate", topic, partition);
    add_number(&line, offset);
    return run(&line, NULL);
}

int dohle_broker_apply_retention(dohle_broker *broker)
{
    struct line line = begin_line(broker, "retention");
    return run(&line, NULL);
}

// ---- Nodes, leaders, coordinators ----

int dohle_broker_move_leader(dohle_broker *broker, const char *topic, int32_t partition,
                             int32_t node_id)
{
    if (topic == NULL) {
        return missing_argument();
    }
    struct line line = begin_topic(broker, "leader", topic, partition);
    add_number(&line, node_id);
    return run(&line, NULL);
}

int dohle_broker_move_coordinator(dohle_broker *broker, const char *group_id,
                                  int32_t node_id)
{
    if (group_id == NULL) {
        return missing_argument();
    }
    struct line line = begin_line(broker, "coordinator");
    add_text(&line, group_id);
    if (node_id != 0) {
        add_number(&line, node_id);
    }
    return run(&line, NULL);
}

static int run_node(dohle_broker *broker, const char *verb, int32_t node_id)
{
    struct line line = begin_line(broker, verb);
    add_number(&line, node_id);
    return run(&line, NULL);
}

int dohle_broker_stop_node(dohle_broker *broker, int32_t node_id)
{
    return run_node(broker, "node stop", node_id);
}

int dohle_broker_kill_node(dohle_broker *broker, int32_t node_id)
{
    return run_node(broker, "node kill", node_id);
}

int dohle_broker_start_node(dohle_broker *broker, int32_t node_id)
{
    return run_node(broker, "node start", node_id);
}

int dohle_broker_pause_node(dohle_broker *broker, int32_t node_id)
{
    return run_node(broker, "node pause", node_id);
}

int dohle_broker_resume_node(dohle_broker *broker, int32_t node_id)
{
    return run_node(broker, "node resume", node_id);
}

// ---- Faults ----

// The number behind the first "name=" of a line of the answer.
static int64_t number_of(const char *text, const char *name)
{
    const char *found = strstr(text, name);
    if (found == NULL) {
        return 0;
    }
    found += strlen(name);
    int64_t number = 0;
    const dohle_bytes figures = {(const uint8_t *)found, strspn(found, "0123456789")};
    return dh_parse_int64(figures, 0, INT64_MAX, &number) == 0 ? number : 0;
}

int dohle_broker_add_fault(dohle_broker *broker, const char *fault, int64_t *fault_id)
{
    if (fault == NULL) {
        return missing_argument();
    }
    struct line line = begin_line(broker, "fault add ");
    dh_buf_append(&line.text, fault, strlen(fault));
    char *text;
    int err = run(&line, &text);
    if (err == 0 && fault_id != NULL) {
        *fault_id = number_of(text, "id=");
    }
    dohle_broker_free_text(text);
    return err;
}

int dohle_broker_remove_fault(dohle_broker *broker, int64_t fault_id)
{
    struct line line = begin_line(broker, "fault remove");
    if (fault_id == 0) {
        dh_buf_printf(&line.text, " all");
    } else {
        add_number(&line, fault_id);
    }
    return run(&line, NULL);
}

int dohle_broker_fault_hits(dohle_broker *broker, int64_t fault_id, int64_t *hits)
{
    if (hits == NULL) {
        return missing_argument();
    }
    struct line line = begin_line(broker, "fault list");
    char *text;
    int err = run(&line, &text);
    if (err != 0) {
        return err;
    }
    char start[32];
    (void)snprintf(start, sizeof(start), "id=%lld ", (long long)fault_id);
    err = DOHLE_ERR_INVALID_ARGUMENT;
    for (const char *row = text; row != NULL && err != 0;) {
        if (strncmp(row, start, strlen(start)) == 0) {
            *hits = number_of(row, " hits=");
            err = 0;
        }
        row = strchr(row, '\n');
        row = row == NULL ? NULL : row + 1;
    }
    dohle_broker_free_text(text);
    return tell_text(err, "there is no fault of that id");
}

// ---- Time and waiting ----

int dohle_broker_wait(dohle_broker *broker, const char *condition, int64_t timeout_ms)
{
    int64_t deadline_ns;
    if (condition == NULL) {
        return missing_argument();
    }
    if (!read_timeout(timeout_ms, WAIT_TIMEOUT_MS, &deadline_ns)) {
        return tell_text(DOHLE_ERR_INVALID_ARGUMENT, "the time-out is negative");
    }
    struct line line = begin_line(broker, "wait ");
    dh_buf_append(&line.text, condition, strlen(condition));
    // A wait without any deadline would be given the engine's own.
    line.deadline_ns = dh_earlier(deadline_ns, DH_NEVER - 1);
    return run(&line, NULL);
}

int dohle_broker_advance(dohle_broker *broker, int64_t ms)
{
    struct line line = begin_line(broker, "advance");
    add_number(&line, ms);
    return run(&line, NULL);
}

// ---- All else ----

int dohle_broker_journal(dohle_broker *broker, int32_t count, char **text)
{
    if (text == NULL) {
        return missing_argument();
    }
    struct line line = begin_line(broker, "journal");
    add_number(&line, count);
    return run(&line, text);
}

int dohle_broker_control(dohle_broker *broker, const char *command, dohle_bytes payload,
                         char **text)
{
    if (command == NULL) {
        return missing_argument();
    }
    struct line line = begin_line(broker, command);
    line.payload = payload;
    // Waits without a time of their own end as dohle_broker_wait does.
    line.deadline_ns = DH_NEVER;
    return run(&line, text);
}
