// SPDX-License-Identifier: MIT
#include "assign/assignor.h"

#include <stdbool.h>

#include "assign/range.h"
#include "base/bytes.h"

static const struct dh_assignor assignors[] = {
    {"range", "org.apache.kafka.clients.consumer.RangeAssignor", DH_ASSIGN_EAGER,
     dh_range_assign},
};

const struct dh_assignor *dh_assignor_find(dohle_bytes name)
{
    for (size_t i = 0; i < DH_COUNT_OF(assignors); i++) {
        if (dh_bytes_equal(name, dh_bytes_of(assignors[i].name)) ||
            dh_bytes_equal(name, dh_bytes_of(assignors[i].class_name))) {
            return &assignors[i];
        }
    }
    return NULL;
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
