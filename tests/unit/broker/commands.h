// SPDX-License-Identifier: MIT
// Commands of broker/control.h, given to the broker of a rig.
#ifndef DH_TESTS_UNIT_BROKER_COMMANDS_H
#define DH_TESTS_UNIT_BROKER_COMMANDS_H

#include <stdio.h>

#include "rig.h"

#include "base/bytes.h"
#include "base/time.h"

// Hands it in. It may be answered later: command_take.
static inline void command_give(struct rig *rig, struct dh_broker_command *command,
                                const char *line)
{
    memset(command, 0, sizeof(*command));
    command->line = line;
    command->deadline_ns = DH_NEVER;
    dh_broker_input(rig->broker, command, rig->now_ns);
    rig_run(rig);
}

// The text of an answered command, valid until the next; NULL: none is answered.
static inline const char *command_take(struct rig *rig, struct dh_broker_command *command)
{
    static char text[16384];
    struct dh_broker_command *answered = dh_broker_next_event(rig->broker);
    if (answered == NULL) {
        return NULL;
    }
    assert_ptr_equal(command, answered);
    snprintf(text, sizeof(text), "%.*s", (int)command->text.size,
             command->text.size == 0 ? "" : (const char *)command->text.data);
    dh_buf_deinit(&command->text);
    return text;
}

// Expects that error at once; returns the text.
static inline const char *command_fails(struct rig *rig, int err, const char *line)
{
    struct dh_broker_command command;
    command_give(rig, &command, line);
    const char *text = command_take(rig, &command);
    if (text == NULL) {
        fail_msg("\"%s\" is not answered", line);
    }
    if (command.err != err) {
        fail_msg("\"%s\" gives %d: %s", line, command.err, text);
    }
    return text;
}

static inline const char *command_does(struct rig *rig, const char *line)
{
    return command_fails(rig, 0, line);
}

#endif
