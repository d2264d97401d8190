// SPDX-License-Identifier: MIT
#include "broker/control.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/time.h"
#include "broker/conditions.h"
#include "broker/control_turn.h"
#include "broker/faults.h"
#include "broker/journal.h"
#include "broker/nodes.h"

#define SENTENCE_SIZE_MAX 1024
#define JOURNAL_SHOWN     50

struct dh_broker_control {
    struct dh_list done; // dh_broker_command.link
};

int dh_broker_control_new(struct dh_broker *broker)
{
    struct dh_broker_control *control = dh_mem_calloc(broker->mem, 1, sizeof(*control));
    if (control == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_list_init(&control->done);
    broker->control = control;
    return 0;
}

void dh_broker_control_free(struct dh_broker *broker)
{
    if (broker->control == NULL) {
        return;
    }
    DH_ASSERT(dh_list_is_empty(&broker->control->done));
    dh_mem_free(broker->mem, broker->control, sizeof(*broker->control));
    broker->control = NULL;
}

// ---- Turns ----

bool dh_broker_turn_is_good(struct dh_broker_turn *turn, const char *allowed)
{
    dh_broker_line_finish(&turn->line, allowed[0] == '\0' ? "nothing more" : allowed);
    return !dh_broker_line_is_wrong(&turn->line);
}

void dh_broker_turn_fail(struct dh_broker_turn *turn, int err, const char *format, ...)
{
    char sentence[SENTENCE_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    dh_buf_reset(turn->out);
    dh_buf_append(turn->out, sentence, strlen(sentence));
    turn->err = err;
}

void dh_broker_turn_refuse(struct dh_broker_turn *turn, int16_t broker_code,
                           const char *text)
{
    if (broker_code == 0) {
        return;
    }
    const char *name = dohle_broker_error_name(broker_code);
    dh_broker_turn_fail(turn, DOHLE_ERR_BROKER, "%s%s%s", name,
                        text[0] == '\0' ? "" : ": ", text);
}

struct dh_broker_topic *dh_broker_turn_topic(struct dh_broker_turn *turn, size_t index)
{
    dohle_bytes name = dh_broker_line_text_at(&turn->line, index, "TOPIC");
    if (name.data == NULL) {
        return NULL;
    }
    struct dh_broker_topic *topic = dh_broker_topics_find(turn->broker, name);
    if (topic != NULL) {
        return topic;
    }
    const char *names[DH_BROKER_LINE_WORDS_MAX];
    size_t count = 0;
    while ((topic = dh_broker_topics_next(turn->broker, topic)) != NULL &&
           count < DH_COUNT_OF(names)) {
        names[count++] = topic->name;
    }
    const char *similar = dh_broker_line_similar(name, names, count);
    dh_broker_line_set_wrong(&turn->line, "there is no topic \"%.*s\"%s%s%s",
                             (int)name.size, (const char *)name.data,
                             similar == NULL ? "" : "; did you mean ",
                             similar == NULL ? "" : similar, similar == NULL ? "" : "?");
    return NULL;
}

struct dh_broker_partition *dh_broker_turn_partition(struct dh_broker_turn *turn,
                                                     size_t index)
{
    struct dh_broker_topic *topic = dh_broker_turn_topic(turn, index);
    int64_t number =
        dh_broker_line_number_at(&turn->line, index + 1, "PARTITION", 0, INT32_MAX);
    if (topic == NULL || dh_broker_line_is_wrong(&turn->line)) {
        return NULL;
    }
    if (number >= topic->partition_count) {
        dh_broker_line_set_wrong(
            &turn->line, "%s has %" PRId32 " partitions, from 0: there is no %" PRId64,
            topic->name, topic->partition_count, number);
        return NULL;
    }
    return &topic->partitions[number];
}

struct dh_broker_node *dh_broker_turn_node(struct dh_broker_turn *turn, size_t index)
{
    int64_t id = dh_broker_line_number_at(&turn->line, index, "NODE", 1,
                                          (int64_t)dh_broker_nodes_count(turn->broker));
    return dh_broker_line_is_wrong(&turn->line)
               ? NULL
               : dh_broker_nodes_find(turn->broker, (int32_t)id);
}

// ---- Verbs of faults, waits, time and looking ----

static void run_help(struct dh_broker_turn *turn);

static void run_fault_add(struct dh_broker_turn *turn)
{
    uint32_t id;
    turn->err = dh_broker_faults_add(turn->broker, &turn->line, 2, &id, turn->out);
    if (turn->err == 0) {
        dh_buf_printf(turn->out, "id=%" PRIu32 "\n", id);
    }
}

static void run_fault_remove(struct dh_broker_turn *turn)
{
    dohle_bytes word = dh_broker_line_text_at(&turn->line, 2, "ID or all");
    if (word.data != NULL && dh_bytes_equal(word, DH_BYTES("all"))) {
        if (dh_broker_turn_is_good(turn, "")) {
            dh_broker_faults_remove_all(turn->broker);
        }
        return;
    }
    int64_t id = dh_broker_line_number_at(&turn->line, 2, "ID", 1, UINT32_MAX);
    if (dh_broker_turn_is_good(turn, "") &&
        !dh_broker_faults_remove(turn->broker, (uint32_t)id)) {
        dh_broker_turn_fail(turn, DOHLE_ERR_INVALID_ARGUMENT,
                            "there is no fault %" PRId64, id);
    }
}

static void run_fault_list(struct dh_broker_turn *turn)
{
    if (dh_broker_turn_is_good(turn, "")) {
        dh_broker_faults_print(turn->broker, turn->out);
    }
}

static void run_wait(struct dh_broker_turn *turn)
{
    turn->is_kept = true;
    dh_broker_conditions_wait(turn->broker, turn->command);
}

void dh_broker_turn_print_clock(struct dh_broker_turn *turn)
{
    const struct dh_broker_clock *clock = &turn->broker->clock;
    dh_buf_printf(turn->out,
                  "clock=%s now_ms=%" PRId64 " wall_ms=%" PRId64 " ahead_ms=%" PRId64
                  "\n",
                  clock->is_manual ? "manual" : "running", clock->now_ns / DH_MS,
                  clock->wall_ms, clock->ahead_ns / DH_MS);
}

static void run_advance(struct dh_broker_turn *turn)
{
    int64_t by_ms =
        dh_broker_line_number_at(&turn->line, 1, "MS", 0, DH_NEVER / DH_MS / 2);
    if (dh_broker_turn_is_good(turn, "")) {
        dh_broker_advance(turn->broker, by_ms * DH_MS);
        dh_broker_turn_print_clock(turn);
    }
}

static void run_clock(struct dh_broker_turn *turn)
{
    if (dh_broker_turn_is_good(turn, "")) {
        dh_broker_turn_print_clock(turn);
    }
}

static void run_journal(struct dh_broker_turn *turn)
{
    int64_t count = JOURNAL_SHOWN;
    if (dh_broker_line_word(&turn->line, 1).data != NULL) {
        count = dh_broker_line_number_at(&turn->line, 1, "N", 1, DH_BROKER_JOURNAL_MAX);
    }
    if (dh_broker_turn_is_good(turn, "")) {
        dh_broker_journal_print(turn->broker, (size_t)count, turn->out);
    }
}

static void run_describe(struct dh_broker_turn *turn)
{
    if (dh_broker_turn_is_good(turn, "")) {
        dh_broker_turn_print_clock(turn);
        dh_broker_turn_print_nodes(turn);
        dh_broker_turn_print_topics(turn);
        dh_broker_turn_print_groups(turn);
        dh_broker_faults_print(turn->broker, turn->out);
    }
}

// Whoever made the broker does this, and hands the command on only by mistake.
static void run_restart(struct dh_broker_turn *turn)
{
    dohle_bytes word = dh_broker_line_word(&turn->line, 1);
    if (word.data != NULL && !dh_bytes_equal(word, DH_BYTES("crash"))) {
        dh_broker_line_set_wrong(&turn->line, "restart is followed by crash or nothing");
    }
    if (dh_broker_turn_is_good(turn, "crash")) {
        dh_broker_turn_fail(turn, DOHLE_ERR_INVALID_STATE,
                            "this broker cannot be restarted from within");
    }
}

static const struct dh_broker_verb own_verbs[] = {
    {"help", NULL, "[VERB]", run_help},
    {"fault", "add", "[MATCH=...] ACTION", run_fault_add},
    {"fault", "remove", "ID|all", run_fault_remove},
    {"fault", "list", "", run_fault_list},
    {"wait", NULL, "CONDITION [timeout=MS]", run_wait},
    {"advance", NULL, "MS", run_advance},
    {"clock", NULL, "", run_clock},
    {"journal", NULL, "[N]", run_journal},
    {"restart", NULL, "[crash]", run_restart},
    {"describe", NULL, "", run_describe},
};

// ---- The table of all verbs ----

// The nth verb of all files; NULL: the end.
static const struct dh_broker_verb *verb_at(size_t index)
{
    const struct {
        const struct dh_broker_verb *verbs;
        size_t count;
    } files[] = {
        {own_verbs, DH_COUNT_OF(own_verbs)},
        {dh_broker_topic_verbs, dh_broker_topic_verb_count},
        {dh_broker_record_verbs, dh_broker_record_verb_count},
        {dh_broker_cluster_verbs, dh_broker_cluster_verb_count},
    };

    for (size_t i = 0; i < DH_COUNT_OF(files); i++) {
        if (index < files[i].count) {
            return &files[i].verbs[index];
        }
        index -= files[i].count;
    }
    return NULL;
}

static void set_unknown(struct dh_broker_turn *turn, const char *of, dohle_bytes word);

static void run_help(struct dh_broker_turn *turn)
{
    dohle_bytes name = dh_broker_line_word(&turn->line, 1);
    if (!dh_broker_turn_is_good(turn, "")) {
        return;
    }
    const struct dh_broker_verb *verb;
    for (size_t i = 0; (verb = verb_at(i)) != NULL; i++) {
        if (name.data == NULL || dh_bytes_equal(name, dh_bytes_of(verb->name))) {
            dh_buf_printf(turn->out, "%s%s%s%s%s\n", verb->name,
                          verb->part == NULL ? "" : " ",
                          verb->part == NULL ? "" : verb->part,
                          verb->usage[0] == '\0' ? "" : " ", verb->usage);
        }
    }
    if (name.data != NULL && dh_bytes_equal(name, DH_BYTES("fault"))) {
        dh_broker_faults_help(turn->out);
    } else if (name.data != NULL && dh_bytes_equal(name, DH_BYTES("wait"))) {
        dh_broker_conditions_help(turn->out);
    } else if (name.data != NULL && turn->out->size == 0) {
        set_unknown(turn, NULL, name);
    }
}

// Adds a name once. There are fewer verbs than words of a line.
static void add_name(const char **names, size_t *count, const char *name)
{
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(names[i], name) == 0) {
            return;
        }
    }
    DH_ASSERT(*count < DH_BROKER_LINE_WORDS_MAX);
    names[(*count)++] = name;
}

// Says which verbs, or which second words of a verb, there are.
static void set_unknown(struct dh_broker_turn *turn, const char *of, dohle_bytes word)
{
    const char *names[DH_BROKER_LINE_WORDS_MAX];
    size_t count = 0;
    const struct dh_broker_verb *verb;
    for (size_t i = 0; (verb = verb_at(i)) != NULL; i++) {
        if (of == NULL) {
            add_name(names, &count, verb->name);
        } else if (strcmp(verb->name, of) == 0) {
            add_name(names, &count, verb->part);
        }
    }
    struct dh_buf list;
    dh_buf_init(&list, turn->broker->mem, SENTENCE_SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        dh_buf_printf(&list, "%s%s", i == 0 ? "" : ", ", names[i]);
    }
    const char *similar = dh_broker_line_similar(word, names, count);
    dh_broker_line_set_wrong(&turn->line, "there is no %s%s\"%.*s\"%s%s%s; allowed: %.*s",
                             of == NULL ? "" : of, of == NULL ? "verb " : " ",
                             (int)word.size, (const char *)word.data,
                             similar == NULL ? "" : "; did you mean ",
                             similar == NULL ? "" : similar, similar == NULL ? "" : "?",
                             (int)list.size, (const char *)list.data);
    dh_buf_deinit(&list);
}

// NULL: wrong.
static const struct dh_broker_verb *find_verb(struct dh_broker_turn *turn)
{
    dohle_bytes name = dh_broker_line_text_at(&turn->line, 0, "a verb (try help)");
    const struct dh_broker_verb *verb;
    const char *with_parts = NULL;
    if (name.data == NULL) {
        return NULL;
    }
    for (size_t i = 0; (verb = verb_at(i)) != NULL; i++) {
        if (!dh_bytes_equal(name, dh_bytes_of(verb->name))) {
            continue;
        }
        if (verb->part == NULL) {
            return verb;
        }
        with_parts = verb->name;
        dohle_bytes part = dh_broker_line_word(&turn->line, 1);
        if (part.data != NULL && dh_bytes_equal(part, dh_bytes_of(verb->part))) {
            return verb;
        }
    }
    if (with_parts == NULL) {
        set_unknown(turn, NULL, name);
        return NULL;
    }
    dohle_bytes part = dh_broker_line_word(&turn->line, 1);
    set_unknown(turn, with_parts, part.data == NULL ? DH_BYTES("") : part);
    return NULL;
}

static void run(struct dh_broker_turn *turn)
{
    turn->err = dh_broker_line_parse(&turn->line, dh_bytes_of(turn->command->line));
    if (turn->err == 0) {
        const struct dh_broker_verb *verb = find_verb(turn);
        if (verb != NULL) {
            verb->run(turn);
        }
    }
    if (!turn->is_kept && turn->err != DOHLE_ERR_NO_MEMORY &&
        dh_broker_line_is_wrong(&turn->line)) {
        turn->err = dh_broker_line_err(&turn->line);
        dh_buf_reset(turn->out);
        dh_buf_append(turn->out, turn->line.wrong.data, turn->line.wrong.size);
    }
}

void dh_broker_control_input(struct dh_broker *broker, struct dh_broker_command *command)
{
    if (command->text.mem == NULL) {
        dh_buf_init(&command->text, broker->mem, 0);
    }
    struct dh_broker_turn *turn = dh_mem_calloc(broker->mem, 1, sizeof(*turn));
    if (turn == NULL) {
        dh_broker_control_done(broker, command, DOHLE_ERR_NO_MEMORY);
        return;
    }
    turn->broker = broker;
    turn->command = command;
    turn->out = &command->text;
    dh_buf_reset(turn->out);
    dh_broker_line_init(&turn->line, broker->mem);
    run(turn);
    if (!turn->is_kept) {
        dh_broker_control_done(broker, command, turn->err);
    }
    dh_broker_line_deinit(&turn->line);
    dh_mem_free(broker->mem, turn, sizeof(*turn));
}

void dh_broker_control_done(struct dh_broker *broker, struct dh_broker_command *command,
                            int err)
{
    command->err = err == 0 ? command->text.err : err;
    dh_list_push_back(&broker->control->done, &command->link);
}

struct dh_broker_command *dh_broker_control_next(struct dh_broker *broker)
{
    struct dh_link *link = dh_list_pop_front(&broker->control->done);
    return link == NULL ? NULL : DH_CONTAINER_OF(link, struct dh_broker_command, link);
}

void dh_broker_control_close(struct dh_broker *broker)
{
    dh_broker_conditions_close(broker);
}
