// SPDX-License-Identifier: MIT
#include "offset_spec.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)

// Seconds count up to the year 5138, milliseconds from 1973 on.
#define SECONDS_MAX INT64_C(100000000000)

static bool parse_number(const char *text, int64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoll(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
}

// Days from 1970-01-01 to a date of the Gregorian calendar.
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

// "Z", "", "+02:00"
static bool parse_zone(const char *text, int64_t *offset_ms)
{
    *offset_ms = 0;
    if (*text == '\0' || strcmp(text, "Z") == 0 || strcmp(text, "z") == 0) {
        return true;
    }
    int hours, minutes, read = 0;
    if ((text[0] != '+' && text[0] != '-') ||
        sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &read) != 2 ||
        text[1 + read] != '\0' || hours > 23 || minutes > 59) {
        return false;
    }
    *offset_ms = (hours * INT64_C(60) + minutes) * 60000 * (text[0] == '-' ? -1 : 1);
    return true;
}

static bool parse_date(const char *text, int64_t *time_ms)
{
    int year, month, day, read = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &read) != 3 || month < 1 ||
        month > 12 || day < 1 || day > 31) {
        return false;
    }
    *time_ms = days_from_civil(year, month, day) * DAY_MS;
    text += read;
    if (*text == '\0') {
        return true;
    }
    int hours, minutes, seconds;
    if ((*text != 'T' && *text != 't' && *text != ' ') ||
        sscanf(text + 1, "%2d:%2d:%2d%n", &hours, &minutes, &seconds, &read) != 3 ||
        hours > 23 || minutes > 59 || seconds > 60) {
        return false;
    }
    text += 1 + read;
    *time_ms += ((hours * INT64_C(60) + minutes) * 60 + seconds) * 1000;
    if (*text == '.') {
        int64_t scale = 100;
        for (text++; *text >= '0' && *text <= '9'; text++, scale /= 10) {
            *time_ms += (*text - '0') * scale;
        }
    }
    int64_t zone_ms;
    if (!parse_zone(text, &zone_ms)) {
        return false;
    }
    *time_ms -= zone_ms;
    return true;
}

// "1h30m": a sum of numbers with units.
static bool parse_duration(const char *text, int64_t *duration_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", DAY_MS}};

    *duration_ms = 0;
    if (*text == '\0') {
        return false;
    }
    while (*text != '\0') {
        char *end;
        errno = 0;
        long long count = strtoll(text, &end, 10);
        if (end == text || *text == '-' || *text == '+' || errno != 0 ||
            count > INT64_C(1000000000000)) {
            return false;
        }
        size_t i = 0;
        while (i < sizeof(units) / sizeof(units[0]) &&
               (strncmp(end, units[i].unit, strlen(units[i].unit)) != 0)) {
            i++;
        }
        if (i == sizeof(units) / sizeof(units[0]) || count > INT64_MAX / DAY_MS / 1000) {
            return false;
        }
        *duration_ms += count * units[i].ms;
        text = end + strlen(units[i].unit);
    }
    return true;
}

static bool parse_time(const char *text, int64_t now_ms, int64_t *time_ms)
{
    if (strcmp(text, "now") == 0) {
        *time_ms = now_ms;
        return true;
    }
    if (*text == '-') {
        int64_t duration_ms;
        if (!parse_duration(text + 1, &duration_ms)) {
            return false;
        }
        *time_ms = now_ms > duration_ms ? now_ms - duration_ms : 0;
        return true;
    }
    if (parse_number(text, time_ms)) {
        if (*time_ms < SECONDS_MAX) {
            *time_ms *= 1000;
        }
        return true;
    }
    return parse_date(text, time_ms) && *time_ms >= 0;
}

bool offset_spec_parse(const char *text, int64_t now_ms, struct offset_spec *spec)
{
    static const struct {
        const char *word;
        enum offset_kind kind;
    } words[] = {
        {"start", OFFSET_START},  {"beginning", OFFSET_START}, {"earliest", OFFSET_START},
        {"oldest", OFFSET_START}, {"end", OFFSET_END},         {"latest", OFFSET_END},
        {"newest", OFFSET_END},
    };

    spec->value = 0;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i].word) == 0) {
            spec->kind = words[i].kind;
            return true;
        }
    }
    if (*text == '@') {
        spec->kind = OFFSET_TIME;
        return parse_time(text + 1, now_ms, &spec->value);
    }
    if (*text == '-') {
        spec->kind = OFFSET_BEFORE_END;
        return parse_number(text + 1, &spec->value);
    }
    spec->kind = OFFSET_ABSOLUTE;
    return parse_number(text, &spec->value);
}
