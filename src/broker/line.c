// SPDX-License-Identifier: MIT
#include "broker/line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/strings.h"

// How far a word may be from a name to be taken for a slip.
#define SIMILAR_DISTANCE_MAX 3

#define SENTENCE_SIZE_MAX 1024

void dh_broker_line_init(struct dh_broker_line *line, const dohle_allocator *mem)
{
    line->count = 0;
    dh_buf_init(&line->text, mem, DH_BROKER_LINE_SIZE_MAX);
    dh_buf_init(&line->wrong, mem, SENTENCE_SIZE_MAX);
}

void dh_broker_line_deinit(struct dh_broker_line *line)
{
    dh_buf_deinit(&line->text);
    dh_buf_deinit(&line->wrong);
}

bool dh_broker_line_is_wrong(const struct dh_broker_line *line)
{
    return line->wrong.size > 0 || line->wrong.err != 0;
}

int dh_broker_line_err(const struct dh_broker_line *line)
{
    if (line->wrong.err != 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    return line->wrong.size > 0 ? DOHLE_ERR_INVALID_ARGUMENT : 0;
}

void dh_broker_line_set_no_memory(struct dh_broker_line *line)
{
    line->wrong.err = DOHLE_ERR_NO_MEMORY;
}

void dh_broker_line_set_wrong(struct dh_broker_line *line, const char *format, ...)
{
    if (dh_broker_line_is_wrong(line)) {
        return;
    }
    char sentence[SENTENCE_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    if (size > 0) {
        size_t used =
            (size_t)size < sizeof(sentence) ? (size_t)size : sizeof(sentence) - 1;
        dh_buf_append(&line->wrong, sentence, used);
    }
}

// ---- Taking apart ----

struct scanner {
    const uint8_t *at;
    const uint8_t *end;
};

static bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static bool is_name(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '.' || byte == '-';
}

static int digit_of(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        return byte - '0';
    }
    if (byte >= 'a' && byte <= 'f') {
        return byte - 'a' + 10;
    }
    if (byte >= 'A' && byte <= 'F') {
        return byte - 'A' + 10;
    }
    return -1;
}

// What follows a backslash. False: not an escape.
static bool unescape(struct scanner *scanner, struct dh_buf *out)
{
    if (scanner->at == scanner->end) {
        return false;
    }
    uint8_t byte = *scanner->at++;
    switch (byte) {
    case '"':
    case '\\': dh_buf_append_byte(out, byte); return true;
    case 'n': dh_buf_append_byte(out, '\n'); return true;
    case 'r': dh_buf_append_byte(out, '\r'); return true;
    case 't': dh_buf_append_byte(out, '\t'); return true;
    case '0': dh_buf_append_byte(out, 0); return true;
    case 'x': break;
    default: return false;
    }
    if (scanner->end - scanner->at < 2) {
        return false;
    }
    int high = digit_of(scanner->at[0]);
    int low = digit_of(scanner->at[1]);
    scanner->at += 2;
    if (high < 0 || low < 0) {
        return false;
    }
    dh_buf_append_byte(out, (uint8_t)(high << 4 | low));
    return true;
}

static void take_quoted(struct dh_broker_line *line, struct scanner *scanner)
{
    scanner->at++;
    while (scanner->at < scanner->end && *scanner->at != '"') {
        uint8_t byte = *scanner->at++;
        if (byte != '\\') {
            dh_buf_append_byte(&line->text, byte);
        } else if (!unescape(scanner, &line->text)) {
            dh_broker_line_set_wrong(line, "after a backslash in quotes comes one of "
                                           "\" \\ n r t 0 or xHH");
            return;
        }
    }
    if (scanner->at == scanner->end) {
        dh_broker_line_set_wrong(line, "a quote is not closed");
        return;
    }
    scanner->at++;
    if (scanner->at < scanner->end && !is_space(*scanner->at)) {
        dh_broker_line_set_wrong(line, "a space must follow a closing quote");
    }
}

/*
 * One text into line->text. Reserved before, so that views of earlier words stay where
 * they are: no text is longer than the line that it comes from.
 */
static dohle_bytes take_text(struct dh_broker_line *line, struct scanner *scanner)
{
    size_t begin = line->text.size;
    if (scanner->at < scanner->end && *scanner->at == '"') {
        take_quoted(line, scanner);
    } else {
        const uint8_t *from = scanner->at;
        while (scanner->at < scanner->end && !is_space(*scanner->at)) {
            scanner->at++;
        }
        dh_buf_append(&line->text, from, (size_t)(scanner->at - from));
    }
    return (dohle_bytes){line->text.data + begin, line->text.size - begin};
}

// Steps over "=", ">=", "<=", ">" or "<"; false: there is none.
static bool take_relation(struct scanner *scanner, enum dh_broker_relation *relation)
{
    if (scanner->at == scanner->end) {
        return false;
    }
    bool has_equal = scanner->end - scanner->at > 1 && scanner->at[1] == '=';
    switch (*scanner->at) {
    case '=':
        *relation = DH_BROKER_EQUAL;
        has_equal = false;
        break;
    case '>': *relation = has_equal ? DH_BROKER_AT_LEAST : DH_BROKER_ABOVE; break;
    case '<': *relation = has_equal ? DH_BROKER_AT_MOST : DH_BROKER_BELOW; break;
    default: return false;
    }
    scanner->at += has_equal ? 2 : 1;
    return true;
}

static void take_word(struct dh_broker_line *line, struct scanner *scanner)
{
    struct dh_broker_word *word = &line->words[line->count++];
    *word = (struct dh_broker_word){.relation = DH_BROKER_EQUAL};
    const uint8_t *begin = scanner->at;
    while (scanner->at < scanner->end && is_name(*scanner->at)) {
        scanner->at++;
    }
    size_t name_size = (size_t)(scanner->at - begin);
    enum dh_broker_relation relation;
    if (name_size > 0 && take_relation(scanner, &relation)) {
        size_t at = line->text.size;
        dh_buf_append(&line->text, begin, name_size);
        word->name = (dohle_bytes){line->text.data + at, name_size};
        word->relation = relation;
    } else {
        scanner->at = begin;
    }
    word->value = take_text(line, scanner);
}

int dh_broker_line_parse(struct dh_broker_line *line, dohle_bytes text)
{
    line->count = 0;
    dh_buf_reset(&line->text);
    dh_buf_reset(&line->wrong);
    if (text.size >= DH_BROKER_LINE_SIZE_MAX) {
        dh_broker_line_set_wrong(line, "a line has at most %zu bytes",
                                 DH_BROKER_LINE_SIZE_MAX - 1);
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    // One byte more, so that views of empty words are not null.
    if (dh_buf_reserve(&line->text, text.size + 1) != 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    struct scanner scanner = {text.data, text.data + text.size};
    while (!dh_broker_line_is_wrong(line)) {
        while (scanner.at < scanner.end && is_space(*scanner.at)) {
            scanner.at++;
        }
        if (scanner.at == scanner.end) {
            return 0;
        }
        if (line->count == DH_BROKER_LINE_WORDS_MAX) {
            dh_broker_line_set_wrong(line, "a line has at most %d words",
                                     DH_BROKER_LINE_WORDS_MAX);
            break;
        }
        take_word(line, &scanner);
    }
    return DOHLE_ERR_INVALID_ARGUMENT;
}

// ---- Reading ----

dohle_bytes dh_broker_line_word(struct dh_broker_line *line, size_t index)
{
    for (size_t i = 0; i < line->count; i++) {
        struct dh_broker_word *word = &line->words[i];
        if (word->name.data != NULL) {
            continue;
        }
        if (index == 0) {
            word->is_used = true;
            return word->value;
        }
        index--;
    }
    return DH_BYTES_NULL;
}

struct dh_broker_word *dh_broker_line_find(struct dh_broker_line *line, const char *name)
{
    for (size_t i = 0; i < line->count; i++) {
        struct dh_broker_word *word = &line->words[i];
        if (word->name.data != NULL && dh_bytes_equal(word->name, dh_bytes_of(name))) {
            word->is_used = true;
            return word;
        }
    }
    return NULL;
}

static int64_t number_of(struct dh_broker_line *line, const char *what, dohle_bytes value,
                         int64_t min, int64_t max, int64_t fallback)
{
    int64_t number = fallback;
    if (dh_parse_int64(value, min, max, &number) != 0) {
        dh_broker_line_set_wrong(
            line, "%s is a number from %" PRId64 " to %" PRId64 ", not \"%.*s\"", what,
            min, max, (int)value.size, (const char *)value.data);
    }
    return number;
}

int64_t dh_broker_line_number(struct dh_broker_line *line, const char *name, int64_t min,
                              int64_t max, int64_t fallback)
{
    struct dh_broker_word *word = dh_broker_line_find(line, name);
    if (word == NULL) {
        return fallback;
    }
    if (word->relation != DH_BROKER_EQUAL) {
        dh_broker_line_set_wrong(line, "%s is compared with = only", name);
    }
    return number_of(line, name, word->value, min, max, fallback);
}

int64_t dh_broker_line_number_at(struct dh_broker_line *line, size_t index,
                                 const char *what, int64_t min, int64_t max)
{
    dohle_bytes value = dh_broker_line_text_at(line, index, what);
    return value.data == NULL ? min : number_of(line, what, value, min, max, min);
}

dohle_bytes dh_broker_line_text_at(struct dh_broker_line *line, size_t index,
                                   const char *what)
{
    dohle_bytes value = dh_broker_line_word(line, index);
    if (value.data == NULL) {
        dh_broker_line_set_wrong(line, "%s is missing", what);
    }
    return value;
}

dohle_bytes dh_broker_line_text(struct dh_broker_line *line, const char *name)
{
    struct dh_broker_word *word = dh_broker_line_find(line, name);
    if (word == NULL) {
        return DH_BYTES_NULL;
    }
    if (word->relation != DH_BROKER_EQUAL) {
        dh_broker_line_set_wrong(line, "%s is compared with = only", name);
    }
    return word->value;
}

void dh_broker_line_finish(struct dh_broker_line *line, const char *allowed)
{
    for (size_t i = 0; i < line->count; i++) {
        const struct dh_broker_word *word = &line->words[i];
        if (word->is_used) {
            continue;
        }
        dohle_bytes text = word->name.data == NULL ? word->value : word->name;
        dh_broker_line_set_wrong(line, "\"%.*s\" makes no sense here; allowed: %s",
                                 (int)text.size, (const char *)text.data, allowed);
    }
}

// ---- Words ----

struct dh_broker_bound dh_broker_line_bound(struct dh_broker_line *line, const char *name)
{
    struct dh_broker_word *word = dh_broker_line_find(line, name);
    if (word == NULL) {
        return (struct dh_broker_bound){.is_given = false};
    }
    return (struct dh_broker_bound){
        .is_given = true,
        .relation = word->relation,
        .number = number_of(line, name, word->value, INT64_MIN, INT64_MAX, 0)};
}

bool dh_broker_bound_holds(const struct dh_broker_bound *bound, int64_t number)
{
    if (!bound->is_given) {
        return true;
    }
    switch (bound->relation) {
    case DH_BROKER_EQUAL: return number == bound->number;
    case DH_BROKER_AT_LEAST: return number >= bound->number;
    case DH_BROKER_AT_MOST: return number <= bound->number;
    case DH_BROKER_ABOVE: return number > bound->number;
    case DH_BROKER_BELOW: return number < bound->number;
    }
    DH_ASSERT(false);
    return false;
}

const char *dh_broker_line_similar(dohle_bytes name, const char *const *names,
                                   size_t count)
{
    const char *nearest = NULL;
    size_t nearest_distance = SIMILAR_DISTANCE_MAX + 1;
    for (size_t i = 0; i < count; i++) {
        size_t distance = dh_edit_distance(name, dh_bytes_of(names[i]));
        // What has to be changed for the most part is another word.
        if (distance < nearest_distance && distance < strlen(names[i]) &&
            distance < name.size) {
            nearest = names[i];
            nearest_distance = distance;
        }
    }
    return nearest;
}

static bool is_plain(dohle_bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte <= ' ' || byte == '"' || byte == '\\' || byte == 0x7f) {
            return false;
        }
    }
    return text.size > 0;
}

void dh_broker_print_text(struct dh_buf *out, dohle_bytes text)
{
    if (is_plain(text)) {
        dh_buf_append(out, text.data, text.size);
        return;
    }
    dh_buf_append_byte(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte == '"' || byte == '\\') {
            dh_buf_append_byte(out, '\\');
            dh_buf_append_byte(out, byte);
        } else if (byte < ' ' || byte == 0x7f) {
            dh_buf_printf(out, "\\x%02x", byte);
        } else {
            dh_buf_append_byte(out, byte);
        }
    }
    dh_buf_append_byte(out, '"');
}
