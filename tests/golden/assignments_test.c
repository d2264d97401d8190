// SPDX-License-Identifier: MIT
/*
 * Our assignors against those of Apache Kafka: reads what Assignments.java wrote.
 *
 *     assignments_test < FILE
 *
 * range, roundrobin and the coordinator's range make the same targets. sticky,
 * cooperative-sticky and uniform are no less balanced; and where the balance is the
 * same, no more is far from its member (where racks matter), and where that is the
 * same too, no more is moved.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "assign/assignor.h"
#include "base/bytes.h"
#include "base/mem.h"

#define TOPICS_MAX     8
#define PARTITIONS_MAX 64
#define MEMBERS_MAX    32
#define OWNED_MAX      (TOPICS_MAX * PARTITIONS_MAX)
#define RACKS_MAX      4
#define NOBODY         (-1)

struct owners {
    int of[TOPICS_MAX][PARTITIONS_MAX];
};

struct group {
    struct dh_assign_member members[MEMBERS_MAX];
    dohle_bytes subscriptions[MEMBERS_MAX][TOPICS_MAX];
    struct dh_assign_owned owned[MEMBERS_MAX][OWNED_MAX];
    size_t member_count;
    struct dh_assign_topic topics[TOPICS_MAX];
    struct dh_assign_replicas replicas[TOPICS_MAX][PARTITIONS_MAX];
    dohle_bytes racks[TOPICS_MAX][PARTITIONS_MAX][RACKS_MAX];
    size_t topic_count;
    bool has_sticky;
    struct owners sticky; // Java's target of the sticky assignor, and ours
    struct owners our_sticky;
};

static struct {
    size_t cases, compared, better, better_moving_more, fewer_far, fewer_moves;
    size_t failed, thrown;
    size_t our_moves, java_moves;
} totals;

static char *text; // the case at hand, cut into words

static char *cut(char **rest, char at)
{
    char *word = *rest;
    char *end = word == NULL ? NULL : strchr(word, at);
    if (end != NULL) {
        *end++ = '\0';
    }
    *rest = end;
    return word;
}

static dohle_bytes name_of(const char *word)
{
    return strcmp(word, "-") == 0 ? DH_BYTES_NULL : dh_bytes_of(word);
}

static void read_topic(struct group *group, char *rest)
{
    size_t at = group->topic_count++;
    struct dh_assign_topic *topic = &group->topics[at];
    topic->name = dh_bytes_of(cut(&rest, ' '));
    topic->partition_count = (int32_t)strtol(cut(&rest, ' '), NULL, 10);
    topic->replicas = group->replicas[at];
    for (int32_t p = 0; p < topic->partition_count; p++) {
        char *racks = cut(&rest, ' ');
        struct dh_assign_replicas *replicas = &group->replicas[at][p];
        *replicas = (struct dh_assign_replicas){group->racks[at][p], 0};
        while (racks != NULL && *racks != '-') {
            group->racks[at][p][replicas->count++] = dh_bytes_of(cut(&racks, ','));
        }
    }
}

static void read_member(struct group *group, char *rest)
{
    size_t at = group->member_count++;
    struct dh_assign_member *member = &group->members[at];
    *member = (struct dh_assign_member){.id = dh_bytes_of(cut(&rest, ' '))};
    member->instance_id = name_of(cut(&rest, ' '));
    member->rack = name_of(cut(&rest, ' '));
    member->generation = (int32_t)strtol(cut(&rest, ' '), NULL, 10);
    member->topics = group->subscriptions[at];
    member->owned = group->owned[at];
    char *topics = cut(&rest, ' ');
    while (topics != NULL && *topics != '-') {
        group->subscriptions[at][member->topic_count++] = dh_bytes_of(cut(&topics, ','));
    }
    char *owned = cut(&rest, ' ');
    while (owned != NULL && *owned != '-') {
        char *partition = cut(&owned, ',');
        dohle_bytes topic = dh_bytes_of(cut(&partition, ':'));
        group->owned[at][member->owned_count++] =
            (struct dh_assign_owned){topic, (int32_t)strtol(partition, NULL, 10)};
    }
}

static void read_target(const struct group *group, char *rest, struct owners *owners)
{
    for (size_t t = 0; t < group->topic_count; t++) {
        char *word = cut(&rest, ' ');
        for (int32_t p = 0; p < group->topics[t].partition_count; p++) {
            char *owner = cut(&word, ',');
            owners->of[t][p] =
                owner[0] == '-' ? NOBODY : (int)strtol(owner + 1, NULL, 10);
        }
    }
}

static bool is_subscribed(const struct dh_assign_member *member, dohle_bytes topic)
{
    for (size_t i = 0; i < member->topic_count; i++) {
        if (dh_bytes_equal(member->topics[i], topic)) {
            return true;
        }
    }
    return false;
}

static const struct dh_assignor *assignor_of(const char *name)
{
    const bool is_server_range = strcmp(name, "server-range") == 0;
    return is_server_range || strcmp(name, "uniform") == 0
               ? dh_assignor_find_of_server(dh_bytes_of(is_server_range ? "range" : name))
               : dh_assignor_find(dh_bytes_of(name));
}

// S11: the members in the other order get the same.
static bool is_same_reversed(const struct group *group,
                             const struct dh_assignor *assignor,
                             const struct dh_assign_list *lists)
{
    struct dh_arena arena;
    struct dh_assign_member members[MEMBERS_MAX];
    struct dh_assign_list others[MEMBERS_MAX];
    size_t count = group->member_count;
    bool is_same = true;
    for (size_t i = 0; i < count; i++) {
        members[i] = group->members[count - 1 - i];
    }
    const struct dh_assign_input input = {members, count, group->topics,
                                          group->topic_count};
    dh_arena_init(&arena, dh_mem_default(), 0);
    if (assignor->assign(&input, &arena, others) != 0) {
        fputs("no memory\n", stderr);
        exit(1);
    }
    for (size_t i = 0; i < count; i++) {
        const struct dh_assign_list *other = &others[count - 1 - i];
        is_same =
            is_same && lists[i].count == other->count &&
            (other->count == 0 || memcmp(lists[i].partitions, other->partitions,
                                         other->count * sizeof(*other->partitions)) == 0);
    }
    dh_arena_deinit(&arena);
    return is_same;
}

/* Whether all of a topic is given to subscribers (cooperative-sticky: or to nobody),
 * in whatever order the members come. */
static bool run(const struct group *group, const char *name, struct owners *owners)
{
    const struct dh_assignor *assignor = assignor_of(name);
    const bool may_withhold = (assignor->protocols & DH_ASSIGN_EAGER) != 0 &&
                              (assignor->protocols & DH_ASSIGN_COOPERATIVE) != 0;
    struct dh_arena arena;
    struct dh_assign_list lists[MEMBERS_MAX];
    const struct dh_assign_input input = {group->members, group->member_count,
                                          group->topics, group->topic_count};
    dh_arena_init(&arena, dh_mem_default(), 0);
    memset(owners, 0xff, sizeof(*owners));
    if (assignor->assign(&input, &arena, lists) != 0) {
        fputs("no memory\n", stderr);
        exit(1);
    }
    bool is_legal = is_same_reversed(group, assignor, lists);
    for (size_t i = 0; i < group->member_count; i++) {
        for (size_t j = 0; j < lists[i].count; j++) {
            const struct dh_assign_partition *given = &lists[i].partitions[j];
            int *owner = &owners->of[given->topic][given->partition];
            is_legal =
                is_legal && *owner == NOBODY &&
                is_subscribed(&group->members[i], group->topics[given->topic].name);
            *owner = (int)strtol((const char *)group->members[i].id.data + 1, NULL, 10);
        }
    }
    for (size_t t = 0; t < group->topic_count; t++) {
        bool is_wanted = false;
        for (size_t i = 0; i < group->member_count; i++) {
            is_wanted =
                is_wanted || is_subscribed(&group->members[i], group->topics[t].name);
        }
        for (int32_t p = 0; p < group->topics[t].partition_count; p++) {
            is_legal =
                is_legal && (may_withhold || (owners->of[t][p] != NOBODY) == is_wanted);
        }
    }
    dh_arena_deinit(&arena);
    return is_legal;
}

static bool is_claimed(const struct dh_assign_member *member, dohle_bytes topic,
                       int32_t partition)
{
    for (size_t i = 0; i < member->owned_count; i++) {
        if (member->owned[i].partition == partition &&
            dh_bytes_equal(member->owned[i].topic, topic)) {
            return true;
        }
    }
    return false;
}

// AS-026; NOBODY also when the owner does not want it any more.
static int owner_before(const struct group *group, size_t topic, int32_t partition)
{
    int owner = NOBODY;
    int32_t generation = INT32_MIN;
    for (size_t i = 0; i < group->member_count; i++) {
        const struct dh_assign_member *member = &group->members[i];
        if (is_claimed(member, group->topics[topic].name, partition)) {
            if (member->generation > generation) {
                generation = member->generation;
                owner = (int)i;
            } else if (member->generation == generation) {
                owner = NOBODY;
            }
        }
    }
    return owner != NOBODY &&
                   is_subscribed(&group->members[owner], group->topics[topic].name)
               ? owner
               : NOBODY;
}

static bool has_replica(const struct group *group, size_t topic, int32_t partition,
                        dohle_bytes rack)
{
    const struct dh_assign_replicas *replicas = &group->replicas[topic][partition];
    for (size_t i = 0; i < replicas->count; i++) {
        if (dh_bytes_equal(replicas->racks[i], rack)) {
            return true;
        }
    }
    return false;
}

// AS-013, with the names that Assignments.java gives to racks.
static bool do_racks_matter(const struct group *group)
{
    static const char *const names[] = {"r0", "r1", "r2"};
    bool is_shared = false;
    bool is_uneven = false;
    for (size_t r = 0; r < DH_COUNT_OF(names); r++) {
        size_t with = 0;
        size_t all = 0;
        bool is_of_member = false;
        for (size_t i = 0; i < group->member_count; i++) {
            is_of_member = is_of_member ||
                           dh_bytes_equal(group->members[i].rack, dh_bytes_of(names[r]));
        }
        for (size_t t = 0; t < group->topic_count; t++) {
            bool is_wanted = false;
            for (size_t i = 0; i < group->member_count; i++) {
                is_wanted =
                    is_wanted || is_subscribed(&group->members[i], group->topics[t].name);
            }
            for (int32_t p = 0; is_wanted && p < group->topics[t].partition_count; p++) {
                all++;
                with += has_replica(group, t, p, dh_bytes_of(names[r]));
            }
        }
        is_shared = is_shared || (is_of_member && with > 0);
        is_uneven = is_uneven || (with > 0 && with < all);
    }
    return is_shared && is_uneven;
}

struct cost {
    size_t imbalance, far, moves;
};

static struct cost cost_of(const struct group *group, const struct owners *owners,
                           bool with_racks)
{
    struct cost cost = {0};
    size_t loads[MEMBERS_MAX] = {0};
    for (size_t t = 0; t < group->topic_count; t++) {
        for (int32_t p = 0; p < group->topics[t].partition_count; p++) {
            int owner = owners->of[t][p];
            int before = owner_before(group, t, p);
            cost.moves += before != NOBODY && owner != before;
            if (owner == NOBODY) {
                continue;
            }
            loads[owner]++;
            cost.far += with_racks && !dh_bytes_is_null(group->members[owner].rack) &&
                        !has_replica(group, t, p, group->members[owner].rack);
        }
    }
    for (size_t i = 0; i < group->member_count; i++) {
        cost.imbalance += loads[i] * loads[i];
    }
    return cost;
}

static bool is_no_worse(const struct group *group, const char *name,
                        const struct owners *ours, const struct owners *java)
{
    bool with_racks = strcmp(name, "sticky") == 0 && do_racks_matter(group);
    struct cost our = cost_of(group, ours, with_racks);
    struct cost their = cost_of(group, java, with_racks);
    totals.our_moves += our.moves;
    totals.java_moves += their.moves;
    totals.compared++;
    if (our.imbalance != their.imbalance) {
        totals.better++;
        totals.better_moving_more += our.moves > their.moves;
        return our.imbalance < their.imbalance;
    }
    if (our.far != their.far) {
        totals.fewer_far++;
        return our.far < their.far;
    }
    totals.fewer_moves += our.moves < their.moves;
    return our.moves <= their.moves;
}

/* AS-032: what its target is without it, except that nobody gets what another claims.
 * Its balance is thus that of the sticky assignor, which was compared. */
static bool is_cooperative(const struct group *group, const struct owners *ours)
{
    for (size_t t = 0; t < group->topic_count; t++) {
        for (int32_t p = 0; p < group->topics[t].partition_count; p++) {
            int owner = group->our_sticky.of[t][p];
            bool is_withheld = false;
            for (size_t i = 0; i < group->member_count; i++) {
                is_withheld = is_withheld ||
                              (owner != owner_before(group, t, p) && (int)i != owner &&
                               is_claimed(&group->members[i], group->topics[t].name, p));
            }
            if (owner != NOBODY && ours->of[t][p] != (is_withheld ? NOBODY : owner)) {
                return false;
            }
        }
    }
    return true;
}

// Kafka's sticky assignors give to all if the first they look at subscribed to nothing.
static bool is_sound(const struct group *group, const struct owners *owners)
{
    for (size_t t = 0; t < group->topic_count; t++) {
        for (int32_t p = 0; p < group->topics[t].partition_count; p++) {
            int owner = owners->of[t][p];
            if (owner != NOBODY &&
                !is_subscribed(&group->members[owner], group->topics[t].name)) {
                return false;
            }
        }
    }
    return true;
}

static bool check_target(struct group *group, const char *name, char *rest)
{
    struct owners java;
    struct owners ours;
    read_target(group, rest, &java);
    memset(&ours, 0xff, sizeof(ours));
    if (!run(group, name, &ours)) {
        return false;
    }
    if (!is_sound(group, &java)) {
        totals.thrown++;
        return true;
    }
    if (strcmp(name, "cooperative-sticky") == 0) {
        if (!group->has_sticky) {
            return true;
        }
        struct cost our = cost_of(group, &group->our_sticky, do_racks_matter(group));
        struct cost their = cost_of(group, &group->sticky, do_racks_matter(group));
        bool is_same = our.imbalance == their.imbalance && our.far == their.far;
        totals.compared++;
        return is_cooperative(group, &ours) &&
               (!is_same ||
                cost_of(group, &ours, false).moves <= cost_of(group, &java, false).moves);
    }
    if (strcmp(name, "sticky") == 0) {
        group->has_sticky = true;
        group->sticky = java;
        group->our_sticky = ours;
    }
    if (strcmp(name, "sticky") == 0 || strcmp(name, "uniform") == 0) {
        return is_no_worse(group, name, &ours, &java);
    }
    totals.compared++;
    for (size_t t = 0; t < group->topic_count; t++) {
        for (int32_t p = 0; p < group->topics[t].partition_count; p++) {
            if (ours.of[t][p] != java.of[t][p]) {
                return false;
            }
        }
    }
    return true;
}

static void check_case(struct group *group, const char *whole)
{
    memset(group, 0, sizeof(*group));
    char *rest = text;
    totals.cases++;
    for (char *line; (line = cut(&rest, '\n')) != NULL;) {
        char *words = line;
        const char *kind = cut(&words, ' ');
        if (strcmp(kind, "topic") == 0) {
            read_topic(group, words);
        } else if (strcmp(kind, "member") == 0) {
            read_member(group, words);
        } else if (strcmp(kind, "thrown") == 0) {
            totals.thrown++;
        } else if (strcmp(kind, "target") == 0) {
            const char *name = cut(&words, ' ');
            if (!check_target(group, name, words)) {
                totals.failed++;
                if (totals.failed <= 3) {
                    printf("%s is not as in Kafka, or worse:\n%s", name, whole);
                }
            }
        }
    }
}

int main(void)
{
    static char whole[1 << 16];
    static char words[sizeof(whole)];
    struct group *group = calloc(1, sizeof(*group));
    size_t size = 0;
    text = words;
    while (group != NULL &&
           fgets(whole + size, (int)(sizeof(whole) - size), stdin) != NULL) {
        if (strcmp(whole + size, "end\n") == 0) {
            memcpy(words, whole, sizeof(whole));
            check_case(group, whole);
            size = 0;
        } else {
            size += strlen(whole + size);
        }
    }
    free(group);
    printf("%zu cases, %zu targets, %zu worse than Kafka's or not the same\n",
           totals.cases, totals.compared, totals.failed);
    printf(
        "Kafka's failed on %zu; ours are better balanced: %zu (%zu of them moving more)\n",
        totals.thrown, totals.better, totals.better_moving_more);
    printf("as balanced: %zu with fewer far, %zu with fewer moves\n", totals.fewer_far,
           totals.fewer_moves);
    printf("moves of sticky and uniform: ours %zu, Kafka's %zu\n", totals.our_moves,
           totals.java_moves);
    return totals.failed == 0 && totals.cases > 0 ? 0 : 1;
}
