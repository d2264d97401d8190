// SPDX-License-Identifier: MIT
// What the files of faults.h share, and nobody else includes.
#ifndef DH_BROKER_FAULTS_INSIDE_H
#define DH_BROKER_FAULTS_INSIDE_H

#include "broker/faults.h"

// Chances are counted in millionths.
#define DH_BROKER_CHANCE_WHOLE 1000000

enum dh_broker_fault_action {
    DH_BROKER_FAULT_ERROR,
    DH_BROKER_FAULT_DELAY,
    DH_BROKER_FAULT_THROTTLE,
    DH_BROKER_FAULT_DROP,
    DH_BROKER_FAULT_DROP_AFTER,
    DH_BROKER_FAULT_RESET,
    DH_BROKER_FAULT_STALL,
    DH_BROKER_FAULT_HOLD,
    DH_BROKER_FAULT_TRUNCATE,
    DH_BROKER_FAULT_CORRUPT,
    DH_BROKER_FAULT_GARBLE,
};

struct dh_broker_fault_word {
    const char *word;
    bool has_number;
    bool adds_up; // with others, instead of the oldest alone
};

// By enum dh_broker_fault_action.
extern const struct dh_broker_fault_word dh_broker_fault_actions[];

struct dh_broker_fault {
    struct dh_link link;
    uint32_t id;
    // What it matches.
    const struct dh_api *api; // NULL: any
    char *client;             // owned, as those below; NULL: any
    char *topic;
    char *group;
    char *member;
    int32_t node;      // 0: any
    int32_t partition; // -1: any
    int16_t version;   // -1: any
    // When.
    int64_t skip;
    int64_t count;  // INT64_MAX: for ever
    int64_t chance; // in millionths
    // What then.
    enum dh_broker_fault_action action;
    int16_t code;   // ERROR
    int64_t number; // DELAY, THROTTLE: ms; TRUNCATE: bytes
    // What was.
    int64_t seen;
    int64_t hits;
};

struct dh_broker_faults {
    struct dh_list all; // oldest first
    size_t count;
    uint32_t id_last;
    struct dh_list held; // dh_broker_request.link: until the fault is removed
};

void dh_broker_fault_free(struct dh_broker *broker, struct dh_broker_fault *fault);

#endif
