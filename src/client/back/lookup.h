// SPDX-License-Identifier: MIT
/*
 * One look-up under way; what the three kinds of client/back/lookups.h share. For
 * lookups.c and lookup_*.c only.
 *
 * A look-up asks one node or several, each with an operation of its own (an "ask").
 * It ends in dh_lookup_finish or dh_lookup_fail, once, from anywhere: from then on it
 * does not exist. A handler of an ask then answers DH_SETTLED_GONE.
 */
#ifndef DH_CLIENT_BACK_LOOKUP_H
#define DH_CLIENT_BACK_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "client/back/alarms.h"
#include "client/back/lookups.h"
#include "client/back/requests.h"

struct dh_lookup;

struct dh_lookup_class {
    // What is asked for, for the texts of errors: "the committed offsets".
    const char *what;
    // Allocates what the kind needs. Returns 0 or DOHLE_ERR_NO_MEMORY.
    int (*begin)(struct dh_lookup *lookup, int64_t now_ns);
    // Asks whatever can be asked now. May finish the look-up.
    void (*step)(struct dh_lookup *lookup, int64_t now_ns);
    // The look-up for the coordinator has failed for good; NULL: does not concern us.
    void (*on_no_coordinator)(struct dh_lookup *lookup);
    // Gives back what `begin` took, also when it has failed; NULL: nothing.
    void (*release)(struct dh_lookup *lookup);
};

struct dh_lookup_ask {
    struct dh_link link; // of the look-up's asks
    struct dh_lookup *lookup;
    struct dh_op op;
    int32_t node_id;
};

// LIST_OFFSETS: one partition of the command.
struct dh_lookup_item {
    const struct dh_lookup_ask *ask; // who is asking; NULL: nobody
    bool is_done;
};

struct dh_lookup {
    struct dh_link link; // of dh_lookups.running
    struct dh_lookups *lookups;
    const struct dh_lookup_class *cls;
    struct dh_message *command;
    int64_t deadline_ns;
    struct dh_alarm deadline_alarm;
    struct dh_list asks;          // struct dh_lookup_ask
    struct dh_lookup_item *items; // LIST_OFFSETS: one for each partition; owned
    uint32_t item_count;
    uint32_t left_count;   // items that are not done
    uint32_t wanted_count; // items whose topics' metadata is wanted
    uint64_t updates;      // dh_cluster_updates when the look-up began
    char why[192];         // why it is not done yet; "": nobody has answered
};

extern const struct dh_lookup_class dh_lookup_committed;
extern const struct dh_lookup_class dh_lookup_list_offsets;
extern const struct dh_lookup_class dh_lookup_topics;

static inline struct dh_command_offsets *dh_lookup_offsets(const struct dh_lookup *lookup)
{
    return DH_CONTAINER_OF(lookup->command, struct dh_command_offsets, message);
}

// The ask at that node, made if need be. NULL: no memory.
DH_MUST_CHECK struct dh_lookup_ask *dh_lookup_ask_of(struct dh_lookup *lookup,
                                                     const struct dh_op_class *cls,
                                                     int32_t node_id);

// Starts the ask's operation, which is idle.
void dh_lookup_start(struct dh_lookup_ask *ask, int64_t now_ns);

// Answers the command as it is and frees the look-up.
void dh_lookup_finish(struct dh_lookup *lookup);

// Answers with an error about a partition (topic NULL: none) and frees the look-up.
// text NULL: the error's own.
void dh_lookup_fail(struct dh_lookup *lookup, int code, int16_t broker_code,
                    const char *topic, int32_t partition, const char *text);

// Notes why the look-up has to go on; told when its time is over.
void dh_lookup_note(struct dh_lookup *lookup, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
