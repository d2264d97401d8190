// SPDX-License-Identifier: MIT
#include "client/back/subscription.h"

#include <stdlib.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pattern.h"

// ---- Names ----

void dh_names_free(struct dh_names *names, const dohle_allocator *mem)
{
    for (size_t i = 0; i < names->count; i++) {
        dh_mem_free_string(mem, names->items[i]);
    }
    dh_mem_free(mem, names->items, names->count * sizeof(*names->items));
    names->items = NULL;
    names->count = 0;
}

int dh_names_copy(struct dh_names *names, const dohle_allocator *mem,
                  const dohle_bytes *views, size_t count)
{
    names->items = NULL;
    names->count = 0;
    if (count == 0) {
        return 0;
    }
    char **items = dh_mem_calloc(mem, count, sizeof(*items));
    if (items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    names->items = items;
    names->count = count;
    for (size_t i = 0; i < count; i++) {
        items[i] = dh_mem_copy_text(mem, views[i].data, views[i].size);
        if (items[i] == NULL) {
            dh_names_free(names, mem);
            return DOHLE_ERR_NO_MEMORY;
        }
    }
    return 0;
}

static bool names_equal(const struct dh_names *a, const struct dh_names *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i], b->items[i]) != 0) {
            return false;
        }
    }
    return true;
}

static int name_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int name_find(const void *key, const void *item)
{
    return dh_bytes_compare(*(const dohle_bytes *)key, dh_bytes_of(*(char *const *)item));
}

// ---- Life cycle ----

void dh_subscription_init(struct dh_subscription *subscription,
                          const dohle_allocator *mem, const dohle_log_sink *log,
                          struct dh_cluster *cluster, bool is_internal_excluded)
{
    *subscription = (struct dh_subscription){
        .mem = mem,
        .log = log,
        .cluster = cluster,
        .is_internal_excluded = is_internal_excluded,
    };
}

static void content_free(struct dh_subscription *subscription)
{
    dh_names_free(&subscription->names, subscription->mem);
    dh_pattern_free(subscription->pattern);
    dh_mem_free_string(subscription->mem, subscription->pattern_text);
    subscription->pattern = NULL;
    subscription->pattern_text = NULL;
    subscription->is_set = false;
}

void dh_subscription_deinit(struct dh_subscription *subscription)
{
    content_free(subscription);
}

static void interest_drop(struct dh_subscription *subscription, int64_t now_ns)
{
    if (!subscription->is_set) {
        return;
    }
    if (subscription->pattern != NULL) {
        dh_cluster_want_all(subscription->cluster, false, now_ns);
        return;
    }
    for (size_t i = 0; i < subscription->names.count; i++) {
        dh_cluster_unwant(subscription->cluster, subscription->names.items[i]);
    }
}

void dh_subscription_clear(struct dh_subscription *subscription, int64_t now_ns)
{
    interest_drop(subscription, now_ns);
    content_free(subscription);
}

// ---- Setting ----

static int names_want(struct dh_subscription *subscription, int64_t now_ns)
{
    for (size_t i = 0; i < subscription->names.count; i++) {
        int err =
            dh_cluster_want(subscription->cluster, subscription->names.items[i], now_ns);
        if (err != 0) {
            while (i-- > 0) {
                dh_cluster_unwant(subscription->cluster, subscription->names.items[i]);
            }
            return err;
        }
    }
    return 0;
}

static int names_fill(struct dh_subscription *fresh,
                      const struct dh_command_subscribe *command)
{
    dohle_bytes *views = dh_mem_calloc(fresh->mem, command->topic_count, sizeof(*views));
    if (views == NULL) {
        return command->topic_count == 0 ? 0 : DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < command->topic_count; i++) {
        views[i] = dh_bytes_of(command->topics[i]);
    }
    int err = dh_names_copy(&fresh->names, fresh->mem, views, command->topic_count);
    dh_mem_free(fresh->mem, views, command->topic_count * sizeof(*views));
    return err;
}

static int pattern_fill(struct dh_subscription *fresh, const char *text)
{
    char error_text[DH_PATTERN_ERROR_SIZE];
    int err = dh_pattern_new(fresh->mem, dh_bytes_of(text), &fresh->pattern, error_text);
    if (err != 0) {
        dh_log(fresh->log, DOHLE_LOG_ERROR, "subscription", "pattern '%s': %s", text,
               err == DOHLE_ERR_INVALID_ARGUMENT ? error_text : dohle_error_text(err));
        return err;
    }
    fresh->pattern_text = dh_mem_copy_string(fresh->mem, text, strlen(text));
    return fresh->pattern_text == NULL ? DOHLE_ERR_NO_MEMORY : 0;
}

static bool is_same(const struct dh_subscription *a, const struct dh_subscription *b)
{
    if (a->pattern_text != NULL && b->pattern_text != NULL) {
        return strcmp(a->pattern_text, b->pattern_text) == 0;
    }
    return a->pattern_text == NULL && b->pattern_text == NULL &&
           names_equal(&a->names, &b->names);
}

int dh_subscription_set(struct dh_subscription *subscription,
                        const struct dh_command_subscribe *command, bool *is_changed,
                        int64_t now_ns)
{
    struct dh_subscription fresh;
    dh_subscription_init(&fresh, subscription->mem, subscription->log,
                         subscription->cluster, subscription->is_internal_excluded);
    fresh.is_set = true;
    int err = command->pattern != NULL ? pattern_fill(&fresh, command->pattern)
                                       : names_fill(&fresh, command);
    if (err == 0 && subscription->is_set && is_same(subscription, &fresh)) {
        *is_changed = false;
        content_free(&fresh);
        return 0;
    }
    if (err == 0) {
        err = names_want(&fresh, now_ns);
    }
    if (err != 0) {
        content_free(&fresh);
        return err;
    }
    if (fresh.pattern != NULL) {
        dh_cluster_want_all(fresh.cluster, true, now_ns);
    }
    // After the new interest, so that what stays is not forgotten in between.
    interest_drop(subscription, now_ns);
    content_free(subscription);
    *subscription = fresh;
    *is_changed = true;
    return 0;
}

// ---- Patterns ----

// A pattern that gives up does not match. Returns 0 or DOHLE_ERR_NO_MEMORY.
static int pattern_matches(const struct dh_subscription *subscription, dohle_bytes topic,
                           bool *matches)
{
    *matches = false;
    int err = dh_pattern_match(subscription->pattern, topic, matches);
    if (err != 0) {
        dh_log(subscription->log, DOHLE_LOG_WARNING, "subscription",
               "matching '%s' with topic %.*s: %s", subscription->pattern_text,
               (int)topic.size, (const char *)topic.data, dohle_error_text(err));
    }
    return err == DOHLE_ERR_NO_MEMORY ? err : 0;
}

static int is_matched(const struct dh_subscription *subscription,
                      const struct dh_cluster_topic *topic, bool *matches)
{
    *matches = false;
    if (topic->broker_code != 0 ||
        (topic->is_internal && subscription->is_internal_excluded)) {
        return 0;
    }
    return pattern_matches(subscription, dh_bytes_of(topic->name), matches);
}

int dh_subscription_refresh(struct dh_subscription *subscription, bool *is_changed)
{
    *is_changed = false;
    if (subscription->pattern == NULL) {
        return 0;
    }
    dohle_bytes *views = NULL;
    size_t capacity = 0;
    size_t count = 0;
    int err = 0;
    uintptr_t cursor = 0;
    const struct dh_cluster_topic *topic = NULL;
    while (err == 0 &&
           (topic = dh_cluster_next_topic(subscription->cluster, &cursor)) != NULL) {
        bool matches;
        err = is_matched(subscription, topic, &matches);
        if (err == 0 && matches) {
            err = dh_mem_grow(subscription->mem, &views, &capacity, count + 1,
                              sizeof(*views));
            if (err == 0) {
                views[count++] = dh_bytes_of(topic->name);
            }
        }
    }
    struct dh_names names = {NULL, 0};
    if (err == 0) {
        err = dh_names_copy(&names, subscription->mem, views, count);
    }
    dh_mem_free(subscription->mem, views, capacity * sizeof(*views));
    if (err != 0) {
        return err;
    }
    if (names.count > 0) {
        qsort(names.items, names.count, sizeof(*names.items), name_compare);
    }
    *is_changed = !names_equal(&names, &subscription->names);
    dh_names_free(&subscription->names, subscription->mem);
    subscription->names = names;
    return 0;
}

bool dh_subscription_has(const struct dh_subscription *subscription, dohle_bytes topic)
{
    if (subscription->pattern != NULL) {
        bool matches;
        return pattern_matches(subscription, topic, &matches) != 0 || matches;
    }
    return subscription->names.count > 0 &&
           bsearch(&topic, subscription->names.items, subscription->names.count,
                   sizeof(*subscription->names.items), name_find) != NULL;
}
