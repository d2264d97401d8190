// SPDX-License-Identifier: MIT
#include "wire/broker_error.h"

#include "../test.h"
#include "base/assert.h"
#include "wire/gen/broker_errors.h"

#include <dohle/error.h>

static void rows_stand_in_the_order_of_their_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < dh_broker_error_count; i++) {
        assert_int_equal((int)i - 1, dh_broker_errors[i].code);
        assert_string_not_equal("UNKNOWN", dohle_error_name(dh_broker_errors[i].error));
    }
    // consumer-semantics BR-012: -1 to 136 in Kafka 4.4.
    assert_int_equal(138, dh_broker_error_count);
}

static void codes_have_name_error_and_kind(void **state)
{
    (void)state;

    static const struct {
        int16_t code;
        const char *name;
        int error;
        bool is_retriable;
    } rows[] = {
        {0, "NONE", 0, false},
        {-1, "UNKNOWN_SERVER_ERROR", DOHLE_ERR_BROKER, false},
        {1, "OFFSET_OUT_OF_RANGE", DOHLE_ERR_OFFSET_OUT_OF_RANGE, false},
        {3, "UNKNOWN_TOPIC_OR_PARTITION", DOHLE_ERR_UNKNOWN_TOPIC, true},
        {14, "COORDINATOR_LOAD_IN_PROGRESS", DOHLE_ERR_BROKER_RETRIABLE, true},
        {27, "REBALANCE_IN_PROGRESS", DOHLE_ERR_REBALANCE_IN_PROGRESS, false},
        {82, "FENCED_INSTANCE_ID", DOHLE_ERR_FENCED_INSTANCE, false},
        {136, "CONTROLLER_ID_NOT_REGISTERED", DOHLE_ERR_BROKER, false},
        {137, "UNKNOWN_SERVER_ERROR", DOHLE_ERR_BROKER, false},
        {-2, "UNKNOWN_SERVER_ERROR", DOHLE_ERR_BROKER, false},
        {INT16_MAX, "UNKNOWN_SERVER_ERROR", DOHLE_ERR_BROKER, false},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_string_equal(rows[i].name, dohle_broker_error_name(rows[i].code));
        assert_int_equal(rows[i].error, dh_error_from_broker(rows[i].code));
        assert_int_equal(rows[i].is_retriable,
                         dh_broker_error_is_retriable(rows[i].code));
        assert_true(strlen(dh_broker_error_text(rows[i].code)) > 0);
    }
}

// What is retriable for Java is of a class that the application may try again.
static void retriable_codes_become_errors_to_retry(void **state)
{
    (void)state;
    for (size_t i = 0; i < dh_broker_error_count; i++) {
        if (dh_broker_errors[i].error != DOHLE_ERR_BROKER_RETRIABLE) {
            continue;
        }
        assert_true(dh_broker_errors[i].is_retriable);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_stand_in_the_order_of_their_codes),
        cmocka_unit_test(codes_have_name_error_and_kind),
        cmocka_unit_test(retriable_codes_become_errors_to_retry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
