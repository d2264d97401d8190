// SPDX-License-Identifier: MIT
#include "wire/api.h"

#include "../test.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/apis.h"

static void headers_follow_the_message(void **state)
{
    (void)state;

    static const struct {
        int16_t key, version, request_header, response_header;
    } rows[] = {
        {DH_API_HEARTBEAT, 0, 1, 0},
        {DH_API_HEARTBEAT, 3, 1, 0},
        {DH_API_HEARTBEAT, 4, 2, 1},
        {DH_API_HEARTBEAT, 99, 2, 1}, // to be answered with an error
        {DH_API_OFFSET_DELETE, 0, 1, 0},
        {DH_API_CONSUMER_GROUP_HEARTBEAT, 0, 2, 1},
        {DH_API_API_VERSIONS, 2, 1, 0},
        {DH_API_API_VERSIONS, 3, 2, 0}, // broker-field-notes 4c, trap 1
        {DH_API_API_VERSIONS, 5, 2, 0},
        {DH_API_API_VERSIONS, 99, 2, 0},
        {-1, 0, DH_VERSION_NONE, DH_VERSION_NONE},
        {999, 0, DH_VERSION_NONE, DH_VERSION_NONE},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(rows[i].request_header,
                         dh_request_header_version(rows[i].key, rows[i].version));
        assert_int_equal(rows[i].response_header,
                         dh_response_header_version(rows[i].key, rows[i].version));
    }
}

// consumer-semantics 8.1, column 4.4; InitProducerId without its unstable version.
static void versions_are_those_of_kafka_4_4(void **state)
{
    (void)state;

    static const struct {
        int16_t key, min, max, flexible_from;
    } rows[] = {
        {0, 3, 13, 9},
        {1, 4, 18, 12},
        {2, 1, 11, 6},
        {3, 0, 13, 9},
        {8, 2, 10, 8},
        {9, 1, 10, 6},
        {10, 0, 6, 3},
        {11, 0, 9, 6},
        {12, 0, 4, 4},
        {13, 0, 5, 4},
        {14, 0, 5, 4},
        {15, 0, 6, 5},
        {16, 0, 5, 3},
        {18, 0, 5, 3},
        {19, 2, 7, 5},
        {20, 1, 6, 4},
        {21, 0, 2, 2},
        {22, 0, 5, 2},
        {23, 2, 4, 4},
        {32, 1, 4, 4},
        {33, 0, 2, 2},
        {37, 0, 3, 2},
        {42, 0, 3, 2},
        {44, 0, 1, 1},
        {60, 0, 2, 0},
        {68, 0, 1, 0},
        {69, 0, 1, 0},
        {71, 0, 0, 0},
        {72, 0, 0, 0},
        {75, 0, 0, 0},
        {47, 0, 0, DH_FLEXIBLE_NEVER},
    };

    assert_int_equal(DH_COUNT_OF(rows), dh_api_count);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        const struct dh_api *api = dh_api_find(rows[i].key);
        assert_non_null(api);
        assert_int_equal(rows[i].key, api->request->key);
        assert_int_equal(rows[i].key, api->response->key);
        assert_int_equal(rows[i].min, api->request->versions.min);
        assert_int_equal(rows[i].max, api->request->versions.max);
        assert_int_equal(rows[i].flexible_from, api->request->flexible_from);
    }
    assert_string_equal("Fetch", dh_api_name(DH_API_FETCH));
    assert_string_equal("unknown", dh_api_name(7));
}

static void the_best_version_is_the_highest_common_one(void **state)
{
    (void)state;
    struct dh_api_versions_response_api_key keys[] = {
        {.api_key = DH_API_FETCH, .min_version = 4, .max_version = 17},
        {.api_key = DH_API_METADATA, .min_version = 0, .max_version = 99},
        {.api_key = DH_API_HEARTBEAT, .min_version = 5, .max_version = 6},
        {.api_key = 999, .min_version = 0, .max_version = 1},
        {.api_key = -5, .min_version = 0, .max_version = 1},
    };
    struct dh_api_versions_response response;
    dh_message_init(&dh_api_versions_response_type, &response);
    response.api_keys.items = keys;
    response.api_keys.count = DH_COUNT_OF(keys);
    struct dh_api_ranges ranges;
    dh_api_ranges_set(&ranges, &response);

    static const struct {
        int16_t key, version_max, best;
    } rows[] = {
        {DH_API_FETCH, INT16_MAX, 17},
        {DH_API_FETCH, 12, 12}, // without topic ids
        {DH_API_FETCH, 3, DH_VERSION_NONE},
        {DH_API_METADATA, INT16_MAX, 13},
        {DH_API_HEARTBEAT, INT16_MAX, DH_VERSION_NONE},  // nothing in common
        {DH_API_JOIN_GROUP, INT16_MAX, DH_VERSION_NONE}, // not offered
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(rows[i].best,
                         dh_api_ranges_best(&ranges, rows[i].key, rows[i].version_max));
    }
}

static void before_the_answer_only_api_versions_is_spoken(void **state)
{
    (void)state;
    struct dh_api_ranges ranges;
    dh_api_ranges_init(&ranges);
    assert_int_equal(5, dh_api_ranges_best(&ranges, DH_API_API_VERSIONS, INT16_MAX));
    assert_int_equal(DH_VERSION_NONE,
                     dh_api_ranges_best(&ranges, DH_API_METADATA, INT16_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_follow_the_message),
        cmocka_unit_test(versions_are_those_of_kafka_4_4),
        cmocka_unit_test(the_best_version_is_the_highest_common_one),
        cmocka_unit_test(before_the_answer_only_api_versions_is_spoken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
