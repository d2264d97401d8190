// SPDX-License-Identifier: MIT
#include "client/front/interest.h"

#include <string.h>

#include "base/bytes.h"
#include "base/mem.h"

void dh_interest_init(struct dh_interest *interest, const dohle_allocator *mem)
{
    memset(interest, 0, sizeof(*interest));
    interest->mem = mem;
}

static void free_topics(struct dh_interest *interest)
{
    if (interest->topics != NULL) {
        dh_mem_free(interest->mem, interest->topics, interest->topics->size);
        interest->topics = NULL;
    }
}

static void free_wish(struct dh_interest *interest)
{
    if (interest->wish != NULL) {
        dh_message_free(interest->mem, &interest->wish->message);
        interest->wish = NULL;
    }
}

static void free_wishes(struct dh_interest *interest)
{
    free_wish(interest);
    if (interest->rebalance_wish != NULL) {
        dh_message_free(interest->mem, &interest->rebalance_wish->message);
        interest->rebalance_wish = NULL;
    }
}

void dh_interest_deinit(struct dh_interest *interest)
{
    if (interest->matched != NULL) {
        dh_message_free(interest->mem, &interest->matched->message);
        interest->matched = NULL;
    }
    free_topics(interest);
    dh_pattern_free(interest->pattern);
    free_wishes(interest);
}

// A command with its own copy of the names. NULL: no memory.
static struct dh_command_subscribe *topics_command(const dohle_allocator *mem,
                                                   const struct dh_names *topics)
{
    // The names' block is copied behind the command; its pointers are shifted.
    size_t texts_size = 0;
    for (uint32_t i = 0; i < topics->count; i++) {
        texts_size += strlen(topics->items[i]) + 1;
    }
    size_t size = sizeof(struct dh_command_subscribe) +
                  topics->count * sizeof(const char *) + texts_size;
    if (size > UINT32_MAX) {
        return NULL;
    }
    struct dh_command_subscribe *command = dh_mem_calloc(mem, 1, size);
    if (command == NULL) {
        return NULL;
    }
    command->message.kind = DH_COMMAND_SUBSCRIBE;
    command->message.size = (uint32_t)size;
    command->topic_count = topics->count;
    const char **names = (const char **)(command + 1);
    char *text = (char *)(names + topics->count);
    for (uint32_t i = 0; i < topics->count; i++) {
        size_t text_size = strlen(topics->items[i]) + 1;
        memcpy(text, topics->items[i], text_size);
        names[i] = text;
        text += text_size;
    }
    command->topics = names;
    return command;
}

int dh_interest_set_topics(struct dh_interest *interest, const char *const *topics,
                           size_t count, bool has_listener)
{
    struct dh_names *names = dh_names_new(interest->mem, topics, count);
    if (names == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    struct dh_command_subscribe *command = topics_command(interest->mem, names);
    if (command == NULL) {
        dh_mem_free(interest->mem, names, names->size);
        return DOHLE_ERR_NO_MEMORY;
    }
    free_wish(interest);
    free_topics(interest);
    interest->wish = command;
    interest->topics = names;
    interest->mode = DH_INTEREST_TOPICS;
    interest->has_listener = has_listener;
    return 0;
}

int dh_interest_set_pattern(struct dh_interest *interest, const char *pattern,
                            bool has_listener, char *error_text)
{
    struct dh_pattern *compiled;
    int err = dh_pattern_new(interest->mem, dh_bytes_of(pattern), &compiled, error_text);
    if (err != 0) {
        return err;
    }
    size_t text_size = strlen(pattern) + 1;
    size_t size = sizeof(struct dh_command_subscribe) + text_size;
    struct dh_command_subscribe *command = dh_mem_calloc(interest->mem, 1, size);
    if (command == NULL) {
        dh_pattern_free(compiled);
        return DOHLE_ERR_NO_MEMORY;
    }
    command->message.kind = DH_COMMAND_SUBSCRIBE;
    command->message.size = (uint32_t)size;
    char *text = (char *)(command + 1);
    memcpy(text, pattern, text_size);
    command->pattern = text;
    free_wish(interest);
    dh_pattern_free(interest->pattern);
    interest->wish = command;
    interest->pattern = compiled;
    interest->mode = DH_INTEREST_PATTERN;
    interest->has_listener = has_listener;
    return 0;
}

struct dh_command_subscribe *dh_interest_send(struct dh_interest *interest)
{
    struct dh_command_subscribe *command = interest->wish;
    if (command != NULL) {
        interest->wish = NULL;
        interest->sent = command;
        interest->is_sent = true;
    }
    return command;
}

void dh_interest_on_answer(struct dh_interest *interest,
                           struct dh_command_subscribe *command)
{
    bool is_current = command == interest->sent && interest->wish == NULL;
    if (command == interest->sent) {
        interest->sent = NULL;
    }
    if (is_current && command->err == DOHLE_ERR_NO_MEMORY) {
        command->err = 0;
        interest->wish = command;
        return;
    }
    dh_message_free(interest->mem, &command->message);
}

void dh_interest_clear(struct dh_interest *interest, struct dh_list *returns)
{
    free_topics(interest);
    dh_pattern_free(interest->pattern);
    interest->pattern = NULL;
    free_wishes(interest);
    if (interest->matched != NULL) {
        dh_list_push_back(returns, &interest->matched->message.link);
        interest->matched = NULL;
    }
    interest->mode = DH_INTEREST_NONE;
    interest->has_listener = false;
    interest->is_sent = false;
    interest->sent = NULL;
}

bool dh_interest_wants(struct dh_interest *interest, const char *topic)
{
    switch (interest->mode) {
    case DH_INTEREST_NONE: return false;
    case DH_INTEREST_TOPICS: return dh_names_has(interest->topics, topic);
    case DH_INTEREST_PATTERN: {
        bool matches = false;
        int err = dh_pattern_match(interest->pattern, dh_bytes_of(topic), &matches);
        return err == DOHLE_ERR_NO_MEMORY || (err == 0 && matches);
    }
    case DH_INTEREST_ASSIGNED: return true;
    }
    return false;
}
