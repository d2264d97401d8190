// SPDX-License-Identifier: MIT
// Faults from lines of text, and to them.
#include <inttypes.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/strings.h"
#include "broker/faults_inside.h"
#include "broker/inspect.h"
#include "broker/line.h"
#include "broker/nodes.h"
#include "wire/broker_error.h"

#define ACTION_COUNT (DH_BROKER_FAULT_GARBLE + 1)

const struct dh_broker_fault_word dh_broker_fault_actions[ACTION_COUNT] = {
    [DH_BROKER_FAULT_ERROR] = {"error", false, false},
    [DH_BROKER_FAULT_DELAY] = {"delay", true, true},
    [DH_BROKER_FAULT_THROTTLE] = {"throttle", true, true},
    [DH_BROKER_FAULT_DROP] = {"drop", false, false},
    [DH_BROKER_FAULT_DROP_AFTER] = {"drop-after", false, false},
    [DH_BROKER_FAULT_RESET] = {"reset", false, false},
    [DH_BROKER_FAULT_STALL] = {"stall", false, false},
    [DH_BROKER_FAULT_HOLD] = {"hold", false, false},
    [DH_BROKER_FAULT_TRUNCATE] = {"truncate-answer", true, false},
    [DH_BROKER_FAULT_CORRUPT] = {"corrupt", false, false},
    [DH_BROKER_FAULT_GARBLE] = {"garble", false, false},
};

static const char allowed_words[] =
    "api, node, client, version, topic, partition, group, member, skip, count, "
    "probability, and one of error=NAME, delay=MS, throttle=MS, drop, drop-after, reset, "
    "stall, hold, truncate-answer=BYTES, corrupt, garble";

static void read_api(struct dh_broker_fault *fault, struct dh_broker_line *line)
{
    dohle_bytes name = dh_broker_line_text(line, "api");
    if (name.data == NULL || dh_bytes_equal(name, DH_BYTES("*"))) {
        return;
    }
    const char *similar;
    fault->api = dh_broker_inspect_api(name, &similar);
    if (fault->api == NULL) {
        dh_broker_line_set_wrong(
            line, "there is no API \"%.*s\"%s%s%s", (int)name.size,
            (const char *)name.data, similar == NULL ? "" : "; did you mean ",
            similar == NULL ? "" : similar, similar == NULL ? "" : "?");
    } else if (dh_broker_handler_find(fault->api->key) == NULL) {
        dh_broker_line_set_wrong(line, "%s is not offered by this broker",
                                 fault->api->name);
    }
}

// A copy of the text of that name; NULL: any, or no memory, which the line says then.
static char *read_text(struct dh_broker *broker, struct dh_broker_line *line,
                       const char *name)
{
    dohle_bytes text = dh_broker_line_text(line, name);
    if (text.data == NULL || dh_bytes_equal(text, DH_BYTES("*"))) {
        return NULL;
    }
    if (memchr(text.data, 0, text.size) != NULL) {
        dh_broker_line_set_wrong(line, "%s must not hold a byte 0", name);
        return NULL;
    }
    char *copy = dh_mem_copy_string(broker->mem, text.data, text.size);
    if (copy == NULL) {
        dh_broker_line_set_no_memory(line);
    }
    return copy;
}

// "0.25" in millionths.
static int64_t read_chance(struct dh_broker_line *line)
{
    dohle_bytes text = dh_broker_line_text(line, "probability");
    if (text.data == NULL) {
        return DH_BROKER_CHANCE_WHOLE;
    }
    int64_t chance = 0;
    int64_t unit = DH_BROKER_CHANCE_WHOLE;
    bool has_point = false;
    bool is_number = text.size > 0;
    for (size_t i = 0; i < text.size && is_number; i++) {
        uint8_t byte = text.data[i];
        if (byte == '.' && !has_point) {
            has_point = true;
        } else if (byte >= '0' && byte <= '9') {
            unit = has_point ? unit / 10 : unit;
            chance = has_point ? chance + (byte - '0') * unit
                               : chance * 10 + (byte - '0') * unit;
            is_number = chance <= DH_BROKER_CHANCE_WHOLE;
        } else {
            is_number = false;
        }
    }
    if (!is_number) {
        dh_broker_line_set_wrong(line,
                                 "probability is a number from 0 to 1, not \"%.*s\"",
                                 (int)text.size, (const char *)text.data);
    }
    return chance;
}

static void read_code(struct dh_broker_fault *fault, struct dh_broker_line *line,
                      dohle_bytes text)
{
    int64_t number;
    const char *names[256];
    size_t count = 0;
    if (dh_parse_int64(text, -1, INT16_MAX, &number) == 0 && number != 0) {
        fault->code = (int16_t)number;
        return;
    }
    for (size_t i = 0; i < dh_broker_error_count; i++) {
        if (dh_equal_ignoring_case(text, dh_bytes_of(dh_broker_errors[i].name)) &&
            dh_broker_errors[i].code != 0) {
            fault->code = dh_broker_errors[i].code;
            return;
        }
        if (count < DH_COUNT_OF(names)) {
            names[count++] = dh_broker_errors[i].name;
        }
    }
    const char *similar = dh_broker_line_similar(text, names, count);
    dh_broker_line_set_wrong(
        line, "error is a name or number of Kafka's, not \"%.*s\"%s%s%s", (int)text.size,
        (const char *)text.data, similar == NULL ? "" : "; did you mean ",
        similar == NULL ? "" : similar, similar == NULL ? "" : "?");
}

// The word without a name behind "fault add"; -1: none is an action.
static int find_action(dohle_bytes word)
{
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        if (dh_bytes_equal(word, dh_bytes_of(dh_broker_fault_actions[i].word))) {
            return (int)i;
        }
    }
    return -1;
}

static void set_action(struct dh_broker_fault *fault, struct dh_broker_line *line,
                       size_t *found, enum dh_broker_fault_action action)
{
    if (*found > 0) {
        dh_broker_line_set_wrong(line, "a fault has one action; this has %s and %s",
                                 dh_broker_fault_actions[fault->action].word,
                                 dh_broker_fault_actions[action].word);
    }
    (*found)++;
    fault->action = action;
}

static void read_action(struct dh_broker_fault *fault, struct dh_broker_line *line,
                        size_t first)
{
    size_t found = 0;
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        bool has_value =
            dh_broker_fault_actions[i].has_number || i == DH_BROKER_FAULT_ERROR;
        if (!has_value ||
            dh_broker_line_find(line, dh_broker_fault_actions[i].word) == NULL) {
            continue;
        }
        set_action(fault, line, &found, (enum dh_broker_fault_action)i);
        if (i == DH_BROKER_FAULT_ERROR) {
            read_code(fault, line, dh_broker_line_text(line, "error"));
        } else {
            fault->number = dh_broker_line_number(line, dh_broker_fault_actions[i].word,
                                                  0, INT32_MAX, 0);
        }
    }
    dohle_bytes word;
    for (size_t i = first; (word = dh_broker_line_word(line, i)).data != NULL; i++) {
        int action = find_action(word);
        if (action < 0) {
            dh_broker_line_set_wrong(line, "\"%.*s\" is no action; allowed: %s",
                                     (int)word.size, (const char *)word.data,
                                     allowed_words);
        } else if (dh_broker_fault_actions[action].has_number ||
                   action == DH_BROKER_FAULT_ERROR) {
            dh_broker_line_set_wrong(line, "%s needs a value: %s=...",
                                     dh_broker_fault_actions[action].word,
                                     dh_broker_fault_actions[action].word);
        } else {
            set_action(fault, line, &found, (enum dh_broker_fault_action)action);
        }
    }
    if (found == 0) {
        dh_broker_line_set_wrong(line, "a fault needs an action; allowed: %s",
                                 allowed_words);
    }
}

// What is asked of an API that does not name such a thing would never match.
static void check_about(const struct dh_broker_fault *fault, struct dh_broker_line *line)
{
    if (fault->api == NULL) {
        return;
    }
    unsigned about = dh_broker_inspect_about(fault->api);

    const struct {
        const char *name;
        bool is_asked;
        unsigned bit;
    } rows[] = {
        {"topic", fault->topic != NULL, DH_BROKER_ABOUT_TOPIC},
        {"partition", fault->partition >= 0, DH_BROKER_ABOUT_PARTITION},
        {"group", fault->group != NULL, DH_BROKER_ABOUT_GROUP},
        {"member", fault->member != NULL, DH_BROKER_ABOUT_MEMBER},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        if (rows[i].is_asked && (about & rows[i].bit) == 0) {
            dh_broker_line_set_wrong(line, "a request of %s names no %s",
                                     fault->api->name, rows[i].name);
        }
    }
}

static void read_fault(struct dh_broker *broker, struct dh_broker_fault *fault,
                       struct dh_broker_line *line, size_t first)
{
    read_api(fault, line);
    fault->node = (int32_t)dh_broker_line_number(
        line, "node", 1, (int64_t)dh_broker_nodes_count(broker), 0);
    fault->version = (int16_t)dh_broker_line_number(line, "version", 0, INT16_MAX, -1);
    fault->partition =
        (int32_t)dh_broker_line_number(line, "partition", 0, INT32_MAX, -1);
    fault->client = read_text(broker, line, "client");
    fault->topic = read_text(broker, line, "topic");
    fault->group = read_text(broker, line, "group");
    fault->member = read_text(broker, line, "member");
    fault->skip = dh_broker_line_number(line, "skip", 0, INT64_MAX, 0);
    fault->count = dh_broker_line_number(line, "count", 1, INT64_MAX, INT64_MAX);
    fault->chance = read_chance(line);
    read_action(fault, line, first);
    check_about(fault, line);
    dh_broker_line_finish(line, allowed_words);
}

int dh_broker_faults_add(struct dh_broker *broker, struct dh_broker_line *line,
                         size_t first, uint32_t *id, struct dh_buf *text)
{
    struct dh_broker_faults *faults = broker->faults;
    struct dh_broker_fault *fault = dh_mem_calloc(broker->mem, 1, sizeof(*fault));
    if (fault == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    if (faults->count == DH_BROKER_FAULTS_MAX) {
        dh_broker_line_set_wrong(line, "there are %d faults already; remove some",
                                 DH_BROKER_FAULTS_MAX);
    }
    // The words before are the caller's.
    for (size_t i = 0; i < first; i++) {
        (void)dh_broker_line_word(line, i);
    }
    read_fault(broker, fault, line, first);
    if (dh_broker_line_is_wrong(line)) {
        dh_buf_append(text, line->wrong.data, line->wrong.size);
        dh_broker_fault_free(broker, fault);
        return dh_broker_line_err(line);
    }
    fault->id = ++faults->id_last;
    dh_list_push_back(&faults->all, &fault->link);
    faults->count++;
    *id = fault->id;
    return 0;
}

void dh_broker_faults_help(struct dh_buf *out)
{
    dh_buf_printf(out, "allowed: %s\n", allowed_words);
}

static void print_text(struct dh_buf *out, const char *name, const char *text)
{
    if (text != NULL) {
        dh_buf_printf(out, " %s=", name);
        dh_broker_print_text(out, dh_bytes_of(text));
    }
}

static void print_action(const struct dh_broker_fault *fault, struct dh_buf *out)
{
    const char *word = dh_broker_fault_actions[fault->action].word;
    if (fault->action == DH_BROKER_FAULT_ERROR) {
        bool is_known = false;
        for (size_t i = 0; i < dh_broker_error_count; i++) {
            is_known = is_known || dh_broker_errors[i].code == fault->code;
        }
        if (is_known) {
            dh_buf_printf(out, " error=%s", dohle_broker_error_name(fault->code));
        } else {
            dh_buf_printf(out, " error=%d", fault->code);
        }
    } else if (dh_broker_fault_actions[fault->action].has_number) {
        dh_buf_printf(out, " %s=%" PRId64, word, fault->number);
    } else {
        dh_buf_printf(out, " %s", word);
    }
}

static void print_fault(const struct dh_broker_fault *fault, struct dh_buf *out)
{
    dh_buf_printf(out, "id=%" PRIu32 " hits=%" PRId64 " seen=%" PRId64, fault->id,
                  fault->hits, fault->seen);
    print_text(out, "api", fault->api == NULL ? NULL : fault->api->name);
    if (fault->node != 0) {
        dh_buf_printf(out, " node=%" PRId32, fault->node);
    }
    if (fault->version >= 0) {
        dh_buf_printf(out, " version=%d", fault->version);
    }
    print_text(out, "client", fault->client);
    print_text(out, "topic", fault->topic);
    if (fault->partition >= 0) {
        dh_buf_printf(out, " partition=%" PRId32, fault->partition);
    }
    print_text(out, "group", fault->group);
    print_text(out, "member", fault->member);
    if (fault->skip > 0) {
        dh_buf_printf(out, " skip=%" PRId64, fault->skip);
    }
    if (fault->count != INT64_MAX) {
        dh_buf_printf(out, " count=%" PRId64, fault->count);
    }
    if (fault->chance < DH_BROKER_CHANCE_WHOLE) {
        dh_buf_printf(out, " probability=%" PRId64 ".%06" PRId64,
                      fault->chance / DH_BROKER_CHANCE_WHOLE,
                      fault->chance % DH_BROKER_CHANCE_WHOLE);
    }
    print_action(fault, out);
    dh_buf_append_byte(out, '\n');
}

void dh_broker_faults_print(const struct dh_broker *broker, struct dh_buf *out)
{
    DH_LIST_EACH(link, &broker->faults->all)
    {
        print_fault(DH_CONTAINER_OF(link, struct dh_broker_fault, link), out);
    }
}
