// SPDX-License-Identifier: MIT
#include "assign/assignor.h"

#include <stdbool.h>

#include "assign/range.h"
#include "assign/roundrobin.h"
#include "assign/sticky.h"
#include "base/bytes.h"

#define PACKAGE        "org.apache.kafka.clients.consumer."
#define SERVER_PACKAGE "org.apache.kafka.coordinator.group.assignor."

static const struct dh_assignor assignors[] = {
    {"range", PACKAGE "RangeAssignor", DH_ASSIGN_EAGER, dh_range_assign},
    {"roundrobin", PACKAGE "RoundRobinAssignor", DH_ASSIGN_EAGER, dh_roundrobin_assign},
    {"sticky", PACKAGE "StickyAssignor", DH_ASSIGN_EAGER, dh_sticky_assign},
    {"cooperative-sticky", PACKAGE "CooperativeStickyAssignor",
     DH_ASSIGN_EAGER | DH_ASSIGN_COOPERATIVE, dh_cooperative_sticky_assign},
};

static const struct dh_assignor server_assignors[] = {
    {"uniform", SERVER_PACKAGE "UniformAssignor", DH_ASSIGN_COOPERATIVE,
     dh_uniform_assign},
    {"range", SERVER_PACKAGE "RangeAssignor", DH_ASSIGN_COOPERATIVE,
     dh_server_range_assign},
};

static const struct dh_assignor *find(const struct dh_assignor *among, size_t count,
                                      dohle_bytes name)
{
    for (size_t i = 0; i < count; i++) {
        if (dh_bytes_equal(name, dh_bytes_of(among[i].name)) ||
            dh_bytes_equal(name, dh_bytes_of(among[i].class_name))) {
            return &among[i];
        }
    }
    return NULL;
}

const struct dh_assignor *dh_assignor_find(dohle_bytes name)
{
    return find(assignors, DH_COUNT_OF(assignors), name);
}

const struct dh_assignor *dh_assignor_find_of_server(dohle_bytes name)
{
    return find(server_assignors, DH_COUNT_OF(server_assignors), name);
}

/* Where a byte of UTF-8 stands in the order of UTF-16, by which Java compares:
 * what begins with 0xF0 and above (beyond U+FFFF) is made of surrogates there,
 * which come before U+E000, that is before 0xEE. */
static int utf16_rank(uint8_t byte)
{
    if (byte >= 0xF0) {
        return byte - 2;
    }
    return byte >= 0xEE ? byte + 0x10 : byte;
}

static int compare_as_java(dohle_bytes a, dohle_bytes b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    for (size_t i = 0; i < shorter; i++) {
        if (a.data[i] != b.data[i]) {
            return utf16_rank(a.data[i]) - utf16_rank(b.data[i]);
        }
    }
    return (a.size > b.size) - (a.size < b.size);
}

int dh_assign_member_compare(const struct dh_assign_member *a,
                             const struct dh_assign_member *b)
{
    bool a_is_static = !dh_bytes_is_null(a->instance_id);
    bool b_is_static = !dh_bytes_is_null(b->instance_id);
    if (a_is_static != b_is_static) {
        return a_is_static ? -1 : 1;
    }
    return a_is_static ? compare_as_java(a->instance_id, b->instance_id)
                       : compare_as_java(a->id, b->id);
}
