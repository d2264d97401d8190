// SPDX-License-Identifier: MIT
#include "store/names.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/strings.h"

#define DIGITS ((size_t)20)

struct dh_store_path dh_store_path(const char *directory, const char *name)
{
    struct dh_store_path path;
    snprintf(path.text, sizeof(path.text), "%s%s%s", directory,
             directory[0] == '\0' ? "" : "/", name);
    return path;
}

struct dh_store_path dh_store_segment_path(const char *directory, int64_t base_offset,
                                           const char *suffix)
{
    struct dh_store_path path;
    snprintf(path.text, sizeof(path.text), "%s/%020" PRId64 "%s", directory, base_offset,
             suffix);
    return path;
}

bool dh_store_parse_segment_name(const char *name, int64_t *base_offset,
                                 const char **suffix)
{
    if (strspn(name, "0123456789") != DIGITS || name[DIGITS] != '.') {
        return false;
    }
    *suffix = name + DIGITS;
    dohle_bytes digits = {(const uint8_t *)name, DIGITS};
    return dh_parse_int64(digits, 0, INT64_MAX, base_offset) == 0;
}

bool dh_store_parse_log_name(const char *name, size_t *topic_size, int32_t *partition)
{
    const char *dash = strrchr(name, '-');
    if (dash == NULL || dash == name || (size_t)(dash - name) > DH_STORE_TOPIC_SIZE_MAX) {
        return false;
    }
    const char *digits = dash + 1;
    size_t size = strlen(digits);
    int64_t number;
    if (size == 0 || strspn(digits, "0123456789") != size ||
        (digits[0] == '0' && size > 1) ||
        dh_parse_int64((dohle_bytes){(const uint8_t *)digits, size}, 0, INT32_MAX,
                       &number) != 0) {
        return false;
    }
    *topic_size = (size_t)(dash - name);
    *partition = (int32_t)number;
    return true;
}
