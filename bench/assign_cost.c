// SPDX-License-Identifier: MIT
/*
 * What assignors cost: 5,000 partitions of 50 topics and 200 members, with equal
 * subscriptions and with random ones; new groups, and groups in which half of the
 * members own everything. Kafka's on the same groups: tests/golden/Assignments.java cost.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "assign/assignor.h"
#include "base/bytes.h"
#include "base/mem.h"
#include "base/random.h"

#define TOPICS     50
#define PARTITIONS 100 // of each
#define MEMBERS    200
#define OWNERS     100
#define RACKS      3
#define TRIES      5
#define NAME_MAX   8

struct group {
    struct dh_assign_member members[MEMBERS];
    dohle_bytes subscriptions[MEMBERS][TOPICS];
    struct dh_assign_owned owned[MEMBERS][TOPICS * PARTITIONS / OWNERS];
    struct dh_assign_topic topics[TOPICS];
    struct dh_assign_replicas replicas[TOPICS][PARTITIONS];
    char member_names[MEMBERS][NAME_MAX];
    char topic_names[TOPICS][NAME_MAX];
};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void make(struct group *group, bool is_equal, bool is_owned, bool has_racks)
{
    static const dohle_bytes racks[] = {{(const uint8_t *)"r0", 2},
                                        {(const uint8_t *)"r1", 2},
                                        {(const uint8_t *)"r2", 2}};
    struct dh_random random = {1};
    for (int i = 0; i < TOPICS; i++) {
        snprintf(group->topic_names[i], NAME_MAX, "t%d", i);
        group->topics[i] =
            (struct dh_assign_topic){dh_bytes_of(group->topic_names[i]), PARTITIONS,
                                     has_racks ? group->replicas[i] : NULL};
        for (int p = 0; p < PARTITIONS; p++) {
            group->replicas[i][p] =
                (struct dh_assign_replicas){&racks[dh_random_below(&random, RACKS)], 1};
        }
    }
    for (int i = 0; i < MEMBERS; i++) {
        struct dh_assign_member *member = &group->members[i];
        snprintf(group->member_names[i], NAME_MAX, "m%d", i);
        *member = (struct dh_assign_member){.id = dh_bytes_of(group->member_names[i]),
                                            .topics = group->subscriptions[i],
                                            .owned = group->owned[i],
                                            .generation = 5};
        member->rack = has_racks ? racks[i % RACKS] : DH_BYTES_NULL;
        for (int t = 0; t < TOPICS; t++) {
            if (is_equal || dh_random_below(&random, 2) == 0) {
                group->subscriptions[i][member->topic_count++] = group->topics[t].name;
            }
        }
    }
    for (int i = 0; is_owned && i < TOPICS * PARTITIONS; i++) {
        struct dh_assign_member *member = &group->members[i % OWNERS];
        group->owned[i % OWNERS][member->owned_count++] =
            (struct dh_assign_owned){group->topics[i / PARTITIONS].name, i % PARTITIONS};
    }
}

static void show(const struct dh_assignor *assignor, const char *name,
                 struct group *group)
{
    static const char *const kinds[] = {"equal, new",          "equal, owned",
                                        "unequal, new",        "unequal, owned",
                                        "equal, new, racks",   "equal, owned, racks",
                                        "unequal, new, racks", "unequal, owned, racks"};
    for (unsigned kind = 0; kind < DH_COUNT_OF(kinds); kind++) {
        double best = 1e9;
        make(group, (kind & 2) == 0, (kind & 1) != 0, (kind & 4) != 0);
        for (int i = 0; i < TRIES; i++) {
            const struct dh_assign_input input = {group->members, MEMBERS, group->topics,
                                                  TOPICS};
            struct dh_arena arena;
            struct dh_assign_list lists[MEMBERS];
            dh_arena_init(&arena, dh_mem_default(), 0);
            double begin = now_ms();
            if (assignor->assign(&input, &arena, lists) != 0) {
                fputs("no memory\n", stderr);
                exit(1);
            }
            double taken = now_ms() - begin;
            best = taken < best ? taken : best;
            dh_arena_deinit(&arena);
        }
        printf("%-18s %-21s %8.1f ms\n", name, kinds[kind], best);
    }
}

int main(void)
{
    static const char *const clients[] = {"range", "roundrobin", "sticky",
                                          "cooperative-sticky"};
    static const char *const servers[] = {"range", "uniform"};
    struct group *group = calloc(1, sizeof(*group));
    if (group == NULL) {
        return 1;
    }
    for (size_t i = 0; i < DH_COUNT_OF(clients); i++) {
        show(dh_assignor_find(dh_bytes_of(clients[i])), clients[i], group);
    }
    for (size_t i = 0; i < DH_COUNT_OF(servers); i++) {
        show(dh_assignor_find_of_server(dh_bytes_of(servers[i])),
             i == 0 ? "server range" : servers[i], group);
    }
    free(group);
    return 0;
}
