// SPDX-License-Identifier: MIT
/*
 * Groups for tests of assignors, and targets as text.
 */
#ifndef DH_TESTS_UNIT_ASSIGN_GROUP_H
#define DH_TESTS_UNIT_ASSIGN_GROUP_H

#include "../test.h"
#include "assign/assignor.h"
#include "base/buf.h"
#include "base/bytes.h"

#define MEMBERS_MAX 5
#define TOPICS_MAX  4
#define OWNED_MAX   16

// A group in words: members "id: topics", topics "name: count".
struct group {
    struct dh_assign_member members[MEMBERS_MAX];
    dohle_bytes subscriptions[MEMBERS_MAX][TOPICS_MAX];
    struct dh_assign_owned owned[MEMBERS_MAX][OWNED_MAX];
    size_t member_count;
    struct dh_assign_topic topics[TOPICS_MAX];
    size_t topic_count;
};

static inline struct dh_assign_input input_of(const struct group *group)
{
    return (struct dh_assign_input){group->members, group->member_count, group->topics,
                                    group->topic_count};
}

static inline void add_topic(struct group *group, const char *name,
                             int32_t partition_count)
{
    group->topics[group->topic_count++] =
        (struct dh_assign_topic){dh_bytes_of(name), partition_count, NULL};
}

// instance_id NULL: dynamic. topics: separated by blanks.
static inline void add_member(struct group *group, const char *id,
                              const char *instance_id, const char *topics)
{
    size_t at = group->member_count++;
    size_t count = 0;
    for (const char *end = topics; *topics != '\0'; topics = end) {
        end = topics + strcspn(topics, " ");
        group->subscriptions[at][count++] =
            (dohle_bytes){(const uint8_t *)topics, (size_t)(end - topics)};
        end += strspn(end, " ");
    }
    group->members[at] =
        (struct dh_assign_member){.id = dh_bytes_of(id),
                                  .instance_id = dh_bytes_of(instance_id),
                                  .topics = group->subscriptions[at],
                                  .topic_count = count,
                                  .generation = -1};
}

// The member owned a partition; its name is the first byte of the text, as in "a3".
static inline void add_owned(struct group *group, size_t member, const char *partition)
{
    struct dh_assign_member *who = &group->members[member];
    group->owned[member][who->owned_count++] = (struct dh_assign_owned){
        {(const uint8_t *)partition, 1}, (int32_t)strtol(partition + 1, NULL, 10)};
    who->owned = group->owned[member];
}

// The target as text: "C0: t0-0 t0-1; C1: t0-2; "
static inline void assign(const struct dh_assignor *assignor, const struct group *group,
                          struct dh_buf *text)
{
    struct dh_arena arena;
    struct dh_assign_list lists[MEMBERS_MAX];
    const struct dh_assign_input input = input_of(group);
    dh_arena_init(&arena, text->mem, 0);
    assert_int_equal(0, assignor->assign(&input, &arena, lists));
    dh_buf_reset(text);
    for (size_t i = 0; i < group->member_count; i++) {
        dh_buf_printf(text, "%.*s:", (int)group->members[i].id.size,
                      (const char *)group->members[i].id.data);
        for (size_t j = 0; j < lists[i].count; j++) {
            const struct dh_assign_partition *partition = &lists[i].partitions[j];
            dohle_bytes name = group->topics[partition->topic].name;
            dh_buf_printf(text, " %.*s-%d", (int)name.size, (const char *)name.data,
                          partition->partition);
        }
        dh_buf_append(text, "; ", 2);
    }
    dh_buf_append_byte(text, '\0');
    dh_arena_deinit(&arena);
}

static inline bool is_subscribed(const struct dh_assign_member *member, dohle_bytes topic)
{
    for (size_t i = 0; i < member->topic_count; i++) {
        if (dh_bytes_equal(member->topics[i], topic)) {
            return true;
        }
    }
    return false;
}

#endif
