// SPDX-License-Identifier: MIT
#include "../../test.h"

#include "base/assert.h"
#include "client/back/reactions.h"

#define CODE_FIRST (-1)
#define CODE_LAST  136
#define CODES_MAX  24
#define END        (-2)

// What one API does with the codes that it does not treat as their class says.
struct api_row {
    const char *name;
    int16_t api_key;
    enum dh_reaction unknown; // codes that no table has

    struct {
        enum dh_reaction reaction;
        int16_t codes[CODES_MAX]; // END
    } lists[8];
};

#define R(x) DH_REACTION_##x

// consumer-semantics 5.10: what every API does unless its own row says otherwise.
static const int16_t refresh_codes[] = {3, 5, 6, 8, 9, 13, 41, 56, 72, 74, 100, 103, END};
static const int16_t retry_codes[] = {2,  7,  14, 19,  20,  51,  70,  71, 75,
                                      78, 88, 89, 106, 122, 123, 133, END};
static const int16_t rediscover_codes[] = {15, 16, END};
static const int16_t report_codes[] = {1,  10, 12, 17, 18,  22,  23,  24,
                                       25, 26, 27, 28, 29,  30,  31,  35,
                                       53, 58, 81, 82, 110, 113, 129, END};

static const struct api_row rows[] = {
    {"Produce", 0, R(REPORT), {{R(NONE), {46, END}}}},
    {"Fetch",
     1,
     R(REPORT),
     {{R(RETRY), {-1, 75, END}},
      {R(REFRESH), {3, 6, 9, 56, 74, 78, 100, 103, END}},
      {R(RESET_POSITION), {1, END}},
      {R(RESET_SESSION), {70, 71, 106, END}},
      {R(REPORT), {2, 29, END}}}},
    {"ListOffsets",
     2,
     R(REFRESH),
     {{R(REFRESH), {-1, 3, 5, 6, 56, 74, 75, 78, END}},
      {R(LEAVE_OUT), {43, END}},
      {R(REPORT), {29, END}}}},
    {"Metadata",
     3,
     R(RETRY),
     {{R(REFRESH), {3, 5, 100, END}},
      {R(REPORT), {17, 29, END}},
      {R(REBOOTSTRAP), {129, END}}}},
    {"OffsetCommit",
     8,
     R(REPORT),
     {{R(RETRY), {3, 14, END}},
      {R(REFRESH), {100, END}},
      {R(REDISCOVER), {7, 15, 16, END}},
      {R(FENCED), {82, END}},
      {R(REJOIN), {27, END}},
      {R(DROP_GENERATION), {22, END}},
      {R(DROP_MEMBER), {25, END}},
      {R(REPORT), {12, 28, 29, 30, END}}}},
    {"OffsetFetch",
     9,
     R(REPORT),
     {{R(RETRY), {14, 88, END}},
      {R(REDISCOVER), {15, 16, END}},
      {R(REPORT), {3, 29, 30, END}},
      {R(REFRESH), {100, END}}}},
    {"FindCoordinator",
     10,
     R(RETRY),
     {{R(RETRY), {-1, 14, END}},
      {R(REDISCOVER), {15, END}},
      {R(REPORT), {24, 30, 53, END}}}},
    {"JoinGroup",
     11,
     R(REPORT),
     {{R(RETRY), {14, END}},
      {R(DROP_MEMBER), {25, END}},
      {R(DROP_GENERATION), {22, END}},
      {R(REDISCOVER), {15, 16, END}},
      {R(TAKE_MEMBER_ID), {79, END}},
      {R(REJOIN), {27, END}},
      {R(FENCED), {82, END}},
      {R(REPORT), {23, 24, 26, 30, 35, 81, END}}}},
    {"Heartbeat",
     12,
     R(REPORT),
     {{R(REJOIN), {27, END}},
      {R(DROP_GENERATION), {22, END}},
      {R(DROP_MEMBER), {25, END}},
      {R(FENCED), {82, END}},
      {R(REDISCOVER), {15, 16, END}}}},
    {"SyncGroup",
     14,
     R(REPORT),
     {{R(REJOIN), {27, END}},
      {R(DROP_GENERATION), {22, END}},
      {R(DROP_MEMBER), {25, END}},
      {R(FENCED), {82, END}},
      {R(REPORT), {30, END}},
      {R(REDISCOVER), {15, 16, END}}}},
    {"InitProducerId",
     22,
     R(REPORT),
     {{R(RETRY), {14, 51, END}}, {R(REDISCOVER), {15, 16, END}}}},
    {"OffsetForLeaderEpoch",
     23,
     R(REFRESH),
     {{R(REFRESH), {-1, 3, 5, 6, 43, 56, 74, 75, 78, END}}, {R(REPORT), {29, END}}}},
};

static bool has_code(const int16_t *codes, int code)
{
    for (; *codes != END; codes++) {
        if (*codes == code) {
            return true;
        }
    }
    return false;
}

static enum dh_reaction expected_reaction(const struct api_row *row, int code)
{
    if (code == 0) {
        return DH_REACTION_NONE;
    }
    for (size_t i = 0; i < DH_COUNT_OF(row->lists) && row->lists[i].codes[0] != 0; i++) {
        if (has_code(row->lists[i].codes, code)) {
            return row->lists[i].reaction;
        }
    }
    if (has_code(refresh_codes, code)) {
        return DH_REACTION_REFRESH;
    }
    if (has_code(retry_codes, code)) {
        return DH_REACTION_RETRY;
    }
    if (has_code(rediscover_codes, code)) {
        return DH_REACTION_REDISCOVER;
    }
    return has_code(report_codes, code) ? DH_REACTION_REPORT : row->unknown;
}

static void every_code_of_every_api(void **state)
{
    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        for (int code = CODE_FIRST; code <= CODE_LAST; code++) {
            enum dh_reaction expected = expected_reaction(&rows[i], code);
            enum dh_reaction actual = dh_reaction_of(rows[i].api_key, (int16_t)code);
            if (expected != actual) {
                print_error("%s, code %d: %s instead of %s\n", rows[i].name, code,
                            dh_reaction_name(actual), dh_reaction_name(expected));
            }
            assert_int_equal(expected, actual);
        }
    }
}

static void codes_from_the_future(void **state)
{
    (void)state;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(rows[i].unknown, dh_reaction_of(rows[i].api_key, INT16_MAX));
        assert_int_equal(rows[i].unknown, dh_reaction_of(rows[i].api_key, INT16_MIN));
    }
}

static void leaving_is_final(void **state)
{
    (void)state;
    for (int code = CODE_FIRST; code <= CODE_LAST; code++) {
        assert_int_equal(DH_REACTION_NONE, dh_reaction_of(13, (int16_t)code));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_of_every_api),
        cmocka_unit_test(codes_from_the_future),
        cmocka_unit_test(leaving_is_final),
    };
    return cmocka_run_group_tests_name("reactions", tests, NULL, NULL);
}
