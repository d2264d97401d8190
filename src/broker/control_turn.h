// SPDX-License-Identifier: MIT
// What the files of control.h share, and nobody else includes: one command being done.
#ifndef DH_BROKER_CONTROL_TURN_H
#define DH_BROKER_CONTROL_TURN_H

#include <stdbool.h>

#include "broker/control.h"
#include "broker/line.h"
#include "broker/topics.h"

struct dh_broker_turn {
    struct dh_broker *broker;
    struct dh_broker_command *command;
    struct dh_broker_line line;
    struct dh_buf *out; // the answer
    int err;
    bool is_kept; // it will be answered later
};

struct dh_broker_verb {
    const char *name;
    const char *part;  // the second word; NULL: it has none
    const char *usage; // behind those
    void (*run)(struct dh_broker_turn *turn);
};

// By file.
extern const struct dh_broker_verb dh_broker_topic_verbs[];
extern const size_t dh_broker_topic_verb_count;
extern const struct dh_broker_verb dh_broker_record_verbs[];
extern const size_t dh_broker_record_verb_count;
extern const struct dh_broker_verb dh_broker_cluster_verbs[];
extern const size_t dh_broker_cluster_verb_count;

// Looks once: nothing was wrong with the line, and no word is left over.
bool dh_broker_turn_is_good(struct dh_broker_turn *turn, const char *allowed);
// The line was good, but it cannot be done.
void dh_broker_turn_fail(struct dh_broker_turn *turn, int err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Kafka's rules forbid it. Code 0 is no failure.
void dh_broker_turn_refuse(struct dh_broker_turn *turn, int16_t broker_code,
                           const char *text);

// The topic that the nth word without name says; NULL and wrong: there is none.
struct dh_broker_topic *dh_broker_turn_topic(struct dh_broker_turn *turn, size_t index);
// The partition that this word and the next say; NULL and wrong: there is none.
struct dh_broker_partition *dh_broker_turn_partition(struct dh_broker_turn *turn,
                                                     size_t index);
// The node of the nth word.
struct dh_broker_node *dh_broker_turn_node(struct dh_broker_turn *turn, size_t index);

// Lines about all of them, each ended.
void dh_broker_turn_print_nodes(struct dh_broker_turn *turn);
void dh_broker_turn_print_topics(struct dh_broker_turn *turn);
void dh_broker_turn_print_groups(struct dh_broker_turn *turn);
void dh_broker_turn_print_clock(struct dh_broker_turn *turn);

#endif
