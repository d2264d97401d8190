// SPDX-License-Identifier: MIT
#include "assign/balance.h"

#include <stdlib.h>

#include <dohle/error.h>

#include "assign/racks.h"
#include "base/bytes.h"

#define NONE UINT32_MAX

// Searches end after so many steps, and so many more for each pair of a partition and
// a member: what is found then is balanced, though perhaps not the best.
#define STEPS_MIN      5000000
#define STEPS_PER_PAIR 64

// A partition, with what makes it alike to others.
struct item {
    uint32_t audience;   // number; equal for equal subscribers
    uint32_t partition;  // among those of all topics
    uint32_t topic;      // place of its name
    uint32_t number;     // in its topic
    const uint64_t *set; // racks; NULL: they do not matter
    size_t word_count;
};

// What a member gets of a class.
struct entry {
    uint32_t place;
    uint32_t owned; // before, by the member
    uint32_t given;
    bool is_far; // no replica is on the member's rack
};

struct class
{
    struct item *items; // by number, then topic
    size_t item_count;
    struct entry *entries; // one for each subscriber, by place
    size_t entry_count;
};

// Nodes of the search: members by place, then classes, then one for the loads.
struct node {
    int64_t distance;
    uint32_t from;  // the node before; NONE
    uint32_t entry; // of the class, if the edge is between a class and a member
    uint32_t seen;  // number of the last walk that came here
};

struct work {
    const struct dh_audiences *audiences;
    const uint32_t *previous;
    struct dh_racks racks;
    bool with_racks;
    size_t member_count;
    uint32_t *loads;    // by place
    uint32_t *position; // by place: its entry in the class at hand
    uint32_t *heaps[2]; // room for two heaps of places
    struct item *items;
    struct class *classes;
    size_t class_count;
    struct node *nodes;
    int64_t load_cost;
    int64_t rack_cost;
};

// ---- Classes ----

static const struct dh_audience *sorted_audience(const void *topic)
{
    const struct dh_audience *const *audience = topic;
    return *audience;
}

static int compare_audiences(const void *a, const void *b)
{
    const struct dh_audience *left = sorted_audience(a);
    const struct dh_audience *right = sorted_audience(b);
    if (left->count != right->count) {
        return left->count < right->count ? -1 : 1;
    }
    return left->count == 0
               ? 0
               : memcmp(left->places, right->places, left->count * sizeof(*left->places));
}

static int compare_likeness(const struct item *a, const struct item *b)
{
    if (a->audience != b->audience) {
        return a->audience < b->audience ? -1 : 1;
    }
    return a->set == NULL ? 0 : memcmp(a->set, b->set, a->word_count * sizeof(*a->set));
}

static int compare_items(const void *a, const void *b)
{
    const struct item *left = a;
    const struct item *right = b;
    int order = compare_likeness(left, right);
    if (order != 0) {
        return order;
    }
    if (left->number != right->number) {
        return left->number < right->number ? -1 : 1;
    }
    return (left->topic > right->topic) - (left->topic < right->topic);
}

// By index of the topic: a number that is equal for equal audiences. NULL: no memory.
static uint32_t *audiences_number(const struct work *work, struct dh_arena *arena)
{
    size_t count = work->audiences->input->topic_count;
    const struct dh_audience **sorted = dh_arena_calloc(arena, count, sizeof(*sorted));
    uint32_t *numbers = dh_arena_calloc(arena, count, sizeof(*numbers));
    if (sorted == NULL || numbers == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &work->audiences->of[i];
    }
    qsort(sorted, count, sizeof(*sorted), compare_audiences);
    uint32_t number = 0;
    for (size_t i = 0; i < count; i++) {
        number += i > 0 && compare_audiences(&sorted[i - 1], &sorted[i]) != 0;
        numbers[sorted[i] - work->audiences->of] = number;
    }
    return numbers;
}

static int items_make(struct work *work, struct dh_arena *arena)
{
    const struct dh_audiences *audiences = work->audiences;
    uint32_t *numbers = audiences_number(work, arena);
    work->items =
        dh_arena_calloc(arena, audiences->partition_count, sizeof(*work->items));
    if (numbers == NULL || work->items == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    struct item *item = work->items;
    for (uint32_t i = 0; i < audiences->input->topic_count; i++) {
        size_t topic = (size_t)(audiences->topics[i] - audiences->input->topics);
        if (audiences->of[topic].count == 0) {
            continue;
        }
        for (int32_t p = 0; p < audiences->input->topics[topic].partition_count; p++) {
            size_t partition = audiences->first[topic] + (size_t)p;
            size_t words = work->racks.word_count;
            *item++ = (struct item){
                .audience = numbers[topic],
                .partition = (uint32_t)partition,
                .topic = i,
                .number = (uint32_t)p,
                .set =
                    work->with_racks ? &work->racks.of_replicas[partition * words] : NULL,
                .word_count = words};
        }
    }
    qsort(work->items, audiences->partition_count, sizeof(*work->items), compare_items);
    return 0;
}

// The subscribers of a class, and what they own of it.
static int class_make(struct work *work, struct dh_arena *arena, struct class *class)
{
    const struct dh_audiences *audiences = work->audiences;
    const struct item *one = &class->items[0];
    size_t topic = (size_t)(audiences->topics[one->topic] - audiences->input->topics);
    const struct dh_audience *audience = &audiences->of[topic];
    class->entry_count = audience->count;
    class->entries = dh_arena_calloc(arena, audience->count, sizeof(*class->entries));
    if (class->entries == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < audience->count; i++) {
        uint32_t place = audience->places[i];
        class->entries[i].place = place;
        class->entries[i].is_far =
            work->with_racks && !dh_racks_match(&work->racks, place, one->partition);
    }
    for (size_t i = 0; i < class->item_count; i++) {
        uint32_t owner = work->previous[class->items[i].partition];
        size_t at = owner == NONE ? audience->count : dh_audience_seek(audience, owner);
        if (at < audience->count && audience->places[at] == owner) {
            class->entries[at].owned++;
        }
    }
    return 0;
}

// Few subscribers first, as Java's general algorithm: they have the least choice.
static int compare_classes(const void *a, const void *b)
{
    const struct class *left = a;
    const struct class *right = b;
    if (left->entry_count != right->entry_count) {
        return left->entry_count < right->entry_count ? -1 : 1;
    }
    return (left->items > right->items) - (left->items < right->items);
}

static int classes_make(struct work *work, struct dh_arena *arena)
{
    size_t count = work->audiences->partition_count;
    for (size_t i = 0; i < count; i++) {
        work->class_count +=
            i == 0 || compare_likeness(&work->items[i - 1], &work->items[i]) != 0;
    }
    work->classes = dh_arena_calloc(arena, work->class_count, sizeof(*work->classes));
    if (work->classes == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    size_t filled = 0;
    for (size_t i = 0, end; i < count; i = end) {
        for (end = i + 1;
             end < count && compare_likeness(&work->items[i], &work->items[end]) == 0;) {
            end++;
        }
        struct class *class = &work->classes[filled++];
        class->items = &work->items[i];
        class->item_count = end - i;
        if (class_make(work, arena, class) != 0) {
            return DOHLE_ERR_NO_MEMORY;
        }
    }
    qsort(work->classes, work->class_count, sizeof(*work->classes), compare_classes);
    return 0;
}

// ---- A start that is nearly right ----

// Places by load; the least or the most on top.
struct heap {
    uint32_t *places;
    size_t count;
    const uint32_t *loads;
    bool is_most_first;
};

static bool is_above(const struct heap *heap, uint32_t a, uint32_t b)
{
    if (heap->loads[a] != heap->loads[b]) {
        return (heap->loads[a] > heap->loads[b]) == heap->is_most_first;
    }
    return a < b;
}

static void heap_sink(struct heap *heap, size_t at)
{
    for (size_t child; (child = 2 * at + 1) < heap->count; at = child) {
        if (child + 1 < heap->count &&
            is_above(heap, heap->places[child + 1], heap->places[child])) {
            child++;
        }
        if (!is_above(heap, heap->places[child], heap->places[at])) {
            return;
        }
        uint32_t place = heap->places[child];
        heap->places[child] = heap->places[at];
        heap->places[at] = place;
    }
}

static void heap_sort(struct heap *heap)
{
    for (size_t i = heap->count / 2; i-- > 0;) {
        heap_sink(heap, i);
    }
}

static void heap_drop(struct heap *heap)
{
    heap->places[0] = heap->places[--heap->count];
    heap_sink(heap, 0);
}

static struct heap heap_of(struct work *work, const struct class *class, bool most_first,
                           bool near_only)
{
    struct heap heap = {work->heaps[most_first], 0, work->loads, most_first};
    for (uint32_t i = 0; i < class->entry_count; i++) {
        work->position[class->entries[i].place] = i;
        if (!near_only || !class->entries[i].is_far) {
            heap.places[heap.count++] = class->entries[i].place;
        }
    }
    heap_sort(&heap);
    return heap;
}

static void keep(struct work *work)
{
    for (size_t i = 0; i < work->class_count; i++) {
        struct class *class = &work->classes[i];
        for (size_t j = 0; j < class->entry_count; j++) {
            struct entry *entry = &class->entries[j];
            entry->given = entry->owned;
            work->loads[entry->place] += entry->owned;
        }
    }
}

// Gives up to `count` of a class to the emptiest, as long as they hold less than load_max.
static size_t pour(struct work *work, struct class *class, size_t count, size_t load_max,
                   bool near_only)
{
    struct heap heap = heap_of(work, class, false, near_only);
    while (count > 0 && heap.count > 0 && work->loads[heap.places[0]] < load_max) {
        class->entries[work->position[heap.places[0]]].given++;
        work->loads[heap.places[0]]++;
        heap_sink(&heap, 0);
        count--;
    }
    return count;
}

static void fill(struct work *work)
{
    size_t average = work->audiences->partition_count / work->member_count;
    for (size_t i = 0; i < work->class_count; i++) {
        struct class *class = &work->classes[i];
        size_t free_count = class->item_count;
        for (size_t j = 0; j < class->entry_count; j++) {
            free_count -= class->entries[j].given;
        }
        if (work->with_racks) {
            free_count = pour(work, class, free_count, average, true);
        }
        free_count = pour(work, class, free_count, SIZE_MAX, false);
        DH_ASSERT(free_count == 0);
    }
}

/* Moves from the fullest to the emptiest of each class. A place that moved sinks in
 * its own heap only; in the other one it would not come up before the loads are even. */
static void level(struct work *work)
{
    for (size_t i = 0; i < work->class_count; i++) {
        struct class *class = &work->classes[i];
        struct heap least = heap_of(work, class, false, false);
        struct heap most = heap_of(work, class, true, false);
        while (most.count > 0) {
            struct entry *from = &class->entries[work->position[most.places[0]]];
            struct entry *to = &class->entries[work->position[least.places[0]]];
            if (from->given == 0) {
                heap_drop(&most);
                continue;
            }
            if (work->loads[from->place] < work->loads[to->place] + 2) {
                break;
            }
            from->given--;
            to->given++;
            work->loads[from->place]--;
            work->loads[to->place]++;
            heap_sink(&most, 0);
            heap_sink(&least, 0);
        }
    }
}

// ---- The best ----

// Costs of one less, and of one more.
static int64_t cost_of_less(const struct work *work, const struct entry *entry)
{
    return -(entry->is_far ? work->rack_cost : 0) - (entry->given > entry->owned);
}

static int64_t cost_of_more(const struct work *work, const struct entry *entry)
{
    return (entry->is_far ? work->rack_cost : 0) + (entry->given >= entry->owned);
}

static bool relax(struct work *work, uint32_t from, uint32_t to, uint32_t entry,
                  int64_t cost)
{
    int64_t distance = work->nodes[from].distance + cost;
    if (distance >= work->nodes[to].distance) {
        return false;
    }
    work->nodes[to].distance = distance;
    work->nodes[to].from = from;
    work->nodes[to].entry = entry;
    return true;
}

// One round over all edges, first from members to classes and back, then by the loads.
static bool relax_all(struct work *work)
{
    uint32_t members = (uint32_t)work->member_count;
    uint32_t all_loads = members + (uint32_t)work->class_count;
    bool is_shorter = false;
    for (uint32_t i = 0; i < work->class_count; i++) {
        const struct class *class = &work->classes[i];
        for (uint32_t j = 0; j < class->entry_count; j++) {
            const struct entry *entry = &class->entries[j];
            if (entry->given > 0) {
                is_shorter |=
                    relax(work, entry->place, members + i, j, cost_of_less(work, entry));
            }
        }
        for (uint32_t j = 0; j < class->entry_count; j++) {
            const struct entry *entry = &class->entries[j];
            is_shorter |=
                relax(work, members + i, entry->place, j, cost_of_more(work, entry));
        }
    }
    for (uint32_t i = 0; i < members; i++) {
        is_shorter |= relax(work, i, all_loads, NONE,
                            work->load_cost * (2 * (int64_t)work->loads[i] + 1));
    }
    for (uint32_t i = 0; i < members; i++) {
        if (work->loads[i] > 0) {
            is_shorter |= relax(work, all_loads, i, NONE,
                                -work->load_cost * (2 * (int64_t)work->loads[i] - 1));
        }
    }
    return is_shorter;
}

// Moves one partition along each edge of the cycle that this node is on.
static void turn(struct work *work, uint32_t start)
{
    size_t members = work->member_count;
    size_t all_loads = members + work->class_count;
    uint32_t at = start;
    do {
        const struct node *node = &work->nodes[at];
        if (at == all_loads) {
            work->loads[node->from]++;
        } else if (node->from == all_loads) {
            work->loads[at]--;
        } else if (at >= members) {
            work->classes[at - members].entries[node->entry].given--;
        } else {
            work->classes[node->from - members].entries[node->entry].given++;
        }
        at = node->from;
    } while (at != start);
}

/* Turns every cycle among the nodes' origins; its cost is negative, for each node on it
 * was reached at less cost than before. Cycles have no node in common. */
static bool turn_all(struct work *work, size_t node_count)
{
    bool is_turned = false;
    for (size_t i = 0; i < node_count; i++) {
        work->nodes[i].seen = NONE;
    }
    for (uint32_t i = 0; i < node_count; i++) {
        uint32_t at = i;
        while (at != NONE && work->nodes[at].seen == NONE) {
            work->nodes[at].seen = i;
            at = work->nodes[at].from;
        }
        if (at != NONE && work->nodes[at].seen == i) {
            turn(work, at);
            is_turned = true;
        }
    }
    return is_turned;
}

static void better(struct work *work)
{
    size_t node_count = work->member_count + work->class_count + 1;
    size_t step_count = 2 * work->member_count;
    for (size_t i = 0; i < work->class_count; i++) {
        step_count += 2 * work->classes[i].entry_count;
    }
    size_t steps_max = STEPS_MIN + STEPS_PER_PAIR * work->audiences->partition_count *
                                       work->member_count;
    bool is_new = true;
    for (size_t steps = 0; steps < steps_max; steps += step_count) {
        for (size_t i = 0; is_new && i < node_count; i++) {
            work->nodes[i] = (struct node){.from = NONE};
        }
        if (!relax_all(work)) {
            return;
        }
        is_new = turn_all(work, node_count);
    }
}

// ---- Who gets which ----

// Owners keep their first ones; the rest is dealt in a circle, in the order of the names.
static void deal(struct work *work, uint32_t *owners)
{
    memset(work->position, 0xff, work->member_count * sizeof(*work->position));
    for (size_t i = 0; i < work->class_count; i++) {
        struct class *class = &work->classes[i];
        for (uint32_t j = 0; j < class->entry_count; j++) {
            work->position[class->entries[j].place] = j;
        }
        for (size_t j = 0; j < class->item_count; j++) {
            uint32_t owner = work->previous[class->items[j].partition];
            uint32_t at = owner == NONE ? NONE : work->position[owner];
            bool is_kept = at != NONE && class->entries[at].given > 0;
            owners[class->items[j].partition] = is_kept ? owner : NONE;
            if (is_kept) {
                class->entries[at].given--;
            }
        }
        for (size_t j = 0; j < class->entry_count; j++) {
            work->position[class->entries[j].place] = NONE;
        }
    }
}

static int compare_names(const void *a, const void *b)
{
    const struct item *left = a;
    const struct item *right = b;
    if (left->topic != right->topic) {
        return left->topic < right->topic ? -1 : 1;
    }
    return (left->number > right->number) - (left->number < right->number);
}

static void deal_rest(struct work *work, uint32_t *owners)
{
    for (size_t i = 0; i < work->class_count; i++) {
        struct class *class = &work->classes[i];
        qsort(class->items, class->item_count, sizeof(*class->items), compare_names);
        // Who has got all of theirs leaves the circle, so that it is walked without gaps.
        size_t waiting = 0;
        for (size_t j = 0; j < class->entry_count; j++) {
            if (class->entries[j].given > 0) {
                class->entries[waiting++] = class->entries[j];
            }
        }
        size_t at = 0;
        size_t left = 0; // of the waiting, those that the walk has kept
        for (size_t j = 0; j < class->item_count; j++) {
            uint32_t *owner = &owners[class->items[j].partition];
            if (*owner != NONE) {
                continue;
            }
            if (at == waiting) {
                waiting = left;
                at = 0;
                left = 0;
            }
            DH_ASSERT(at < waiting);
            struct entry *entry = &class->entries[at++];
            *owner = entry->place;
            if (--entry->given > 0) {
                class->entries[left++] = *entry;
            }
        }
    }
}

static int work_reserve(struct work *work, struct dh_arena *arena)
{
    size_t members = work->member_count;
    int64_t nodes = (int64_t)(members + work->class_count + 1);
    work->nodes = dh_arena_calloc(arena, (size_t)nodes, sizeof(*work->nodes));
    work->loads = dh_arena_calloc(arena, members, sizeof(*work->loads));
    work->position = dh_arena_calloc(arena, members, sizeof(*work->position));
    work->heaps[0] = dh_arena_calloc(arena, members, sizeof(*work->heaps[0]));
    work->heaps[1] = dh_arena_calloc(arena, members, sizeof(*work->heaps[1]));
    if (work->nodes == NULL || work->loads == NULL || work->position == NULL ||
        work->heaps[0] == NULL || work->heaps[1] == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    // A cycle visits no node twice, so whatever it saves in moves is less than a rack.
    work->rack_cost = nodes + 1;
    work->load_cost = work->rack_cost * (nodes + 1);
    return 0;
}

int dh_balance(const struct dh_audiences *audiences, const uint32_t *previous,
               bool with_racks, struct dh_arena *arena, uint32_t *owners)
{
    struct work work = {.audiences = audiences,
                        .previous = previous,
                        .member_count = audiences->input->member_count};
    if (audiences->partition_count == 0) {
        return 0;
    }
    if (with_racks) {
        int err = dh_racks_gather(&work.racks, audiences, arena);
        if (err != 0) {
            return err;
        }
        uint64_t *scratch =
            dh_arena_calloc(arena, work.racks.word_count, sizeof(*scratch));
        if (scratch == NULL) {
            return DOHLE_ERR_NO_MEMORY;
        }
        work.with_racks = dh_racks_matter(&work.racks, NULL, work.member_count, 0,
                                          audiences->partition_count, scratch);
    }
    if (items_make(&work, arena) != 0 || classes_make(&work, arena) != 0 ||
        work_reserve(&work, arena) != 0) {
        return DOHLE_ERR_NO_MEMORY;
    }
    keep(&work);
    fill(&work);
    level(&work);
    better(&work);
    deal(&work, owners);
    deal_rest(&work, owners);
    return 0;
}
