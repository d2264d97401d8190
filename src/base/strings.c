// SPDX-License-Identifier: MIT
#include "base/strings.h"

#include <dohle/error.h>

#include "base/bytes.h"

dohle_bytes dh_trim(dohle_bytes text)
{
    while (text.size > 0 && text.data[0] <= ' ') {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && text.data[text.size - 1] <= ' ') {
        text.size--;
    }
    return text;
}

static uint8_t lower(uint8_t byte)
{
    return byte >= 'A' && byte <= 'Z' ? (uint8_t)(byte - 'A' + 'a') : byte;
}

bool dh_equal_ignoring_case(dohle_bytes a, dohle_bytes b)
{
    if (a.size != b.size) {
        return false;
    }
    for (size_t i = 0; i < a.size; i++) {
        if (lower(a.data[i]) != lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

int dh_parse_int64(dohle_bytes text, int64_t min, int64_t max, int64_t *number)
{
    size_t at = 0;
    bool is_negative = text.size > 0 && text.data[0] == '-';
    if (is_negative || (text.size > 0 && text.data[0] == '+')) {
        at = 1;
    }
    if (at == text.size) {
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    // Counts downwards, since INT64_MIN has no positive twin.
    int64_t negative = 0;
    for (; at < text.size; at++) {
        if (text.data[at] < '0' || text.data[at] > '9') {
            return DOHLE_ERR_INVALID_ARGUMENT;
        }
        int digit = text.data[at] - '0';
        if (negative < (INT64_MIN + digit) / 10) {
            return DOHLE_ERR_INVALID_ARGUMENT;
        }
        negative = negative * 10 - digit;
    }
    if (!is_negative && negative == INT64_MIN) {
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    int64_t value = is_negative ? negative : -negative;
    if (value < min || value > max) {
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    *number = value;
    return 0;
}

bool dh_split_next(dohle_bytes *rest, char separator, dohle_bytes *part)
{
    if (rest->data == NULL) {
        return false;
    }
    const uint8_t *end =
        rest->size == 0 ? NULL : memchr(rest->data, (uint8_t)separator, rest->size);
    if (end == NULL) {
        *part = *rest;
        *rest = DH_BYTES_NULL;
        return true;
    }
    *part = (dohle_bytes){rest->data, (size_t)(end - rest->data)};
    *rest = (dohle_bytes){end + 1, rest->size - part->size - 1};
    return true;
}

bool dh_list_next(dohle_bytes *rest, dohle_bytes *part)
{
    if (rest->data == NULL || dh_trim(*rest).size == 0) {
        return false;
    }
    if (!dh_split_next(rest, ',', part)) {
        return false;
    }
    *part = dh_trim(*part);
    return true;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t dh_edit_distance(dohle_bytes a, dohle_bytes b)
{
    if (a.size > DH_EDIT_DISTANCE_SIZE_MAX || b.size > DH_EDIT_DISTANCE_SIZE_MAX) {
        return SIZE_MAX;
    }
    /* Optimal string alignment, with the last three rows of the table only:
     * row i, column j is the distance of the first i bytes of a to j of b. */
    size_t rows[3][DH_EDIT_DISTANCE_SIZE_MAX + 1];
    for (size_t j = 0; j <= b.size; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a.size; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *two_above = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b.size; j++) {
            size_t replaced = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);
            row[j] = smaller(replaced, smaller(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] &&
                a.data[i - 2] == b.data[j - 1]) {
                row[j] = smaller(row[j], two_above[j - 2] + 1);
            }
        }
    }
    return rows[a.size % 3][b.size];
}
