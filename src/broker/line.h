// SPDX-License-Identifier: MIT
/*
 * A line of the control language, taken apart: words, some of them with a name. control.h has
 * the grammar.
 *
 *     wait topic=t partition=0 end>=100    ->  wait | topic = t | partition = 0 | end >= 100
 */
#ifndef DH_BROKER_LINE_H
#define DH_BROKER_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/buf.h"

#define DH_BROKER_LINE_SIZE_MAX  ((size_t)64 * 1024)
#define DH_BROKER_LINE_WORDS_MAX 64

enum dh_broker_relation {
    DH_BROKER_EQUAL,
    DH_BROKER_AT_LEAST,
    DH_BROKER_AT_MOST,
    DH_BROKER_ABOVE,
    DH_BROKER_BELOW,
};

struct dh_broker_word {
    dohle_bytes name; // null: a word without one
    enum dh_broker_relation relation;
    dohle_bytes value;
    bool is_used; // somebody has asked for it
};

struct dh_broker_line {
    struct dh_broker_word words[DH_BROKER_LINE_WORDS_MAX];
    size_t count;
    struct dh_buf text;  // what the words point into
    struct dh_buf wrong; // the first thing that was wrong, as a sentence; empty: nothing
};

void dh_broker_line_init(struct dh_broker_line *line, const dohle_allocator *mem);
void dh_broker_line_deinit(struct dh_broker_line *line);

// Returns 0, or DOHLE_ERR_INVALID_ARGUMENT or DOHLE_ERR_NO_MEMORY with `wrong` set.
DH_MUST_CHECK int dh_broker_line_parse(struct dh_broker_line *line, dohle_bytes text);

// The nth word without a name; null: there are not so many.
dohle_bytes dh_broker_line_word(struct dh_broker_line *line, size_t index);

// The word of that name, or NULL.
struct dh_broker_word *dh_broker_line_find(struct dh_broker_line *line, const char *name);

/*
 * Readers of what a verb needs. They set `wrong` (the first time) and return the fallback when
 * the word is not "=" and a number in min..max, so that a verb reads all and looks once.
 */
int64_t dh_broker_line_number(struct dh_broker_line *line, const char *name, int64_t min,
                              int64_t max, int64_t fallback);

// What a number is compared with.
struct dh_broker_bound {
    bool is_given;
    enum dh_broker_relation relation;
    int64_t number;
};

// A number with any relation; not given: is_given false.
struct dh_broker_bound dh_broker_line_bound(struct dh_broker_line *line,
                                            const char *name);

// True also when none is given.
bool dh_broker_bound_holds(const struct dh_broker_bound *bound, int64_t number);

// The nth word without name; `what` names it in the sentence.
int64_t dh_broker_line_number_at(struct dh_broker_line *line, size_t index,
                                 const char *what, int64_t min, int64_t max);
// As above; a missing word is wrong.
dohle_bytes dh_broker_line_text_at(struct dh_broker_line *line, size_t index,
                                   const char *what);
// A value of that name; null: not given.
dohle_bytes dh_broker_line_text(struct dh_broker_line *line, const char *name);

// `wrong` if a word was not asked for, or nothing; `allowed` is for the sentence.
void dh_broker_line_finish(struct dh_broker_line *line, const char *allowed);

bool dh_broker_line_is_wrong(const struct dh_broker_line *line);
// 0, DOHLE_ERR_INVALID_ARGUMENT with `wrong`, or DOHLE_ERR_NO_MEMORY without.
int dh_broker_line_err(const struct dh_broker_line *line);
void dh_broker_line_set_no_memory(struct dh_broker_line *line);
void dh_broker_line_set_wrong(struct dh_broker_line *line, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * The name among `names` (count of them) that is most like `name`; NULL: none is near. For
 * sentences that end in "did you mean ...?".
 */
const char *dh_broker_line_similar(dohle_bytes name, const char *const *names,
                                   size_t count);

// Appends text as a value: bare, or in quotes with escapes.
void dh_broker_print_text(struct dh_buf *out, dohle_bytes text);

#endif
