// SPDX-License-Identifier: MIT
#include "wire/broker_error.h"

#include <dohle/error.h>

#include "wire/gen/broker_errors.h"

// The row of UNKNOWN_SERVER_ERROR, which is the first, for codes not in the table.
static const struct dh_broker_error_row *row_of(int16_t code)
{
    int index = code - DH_BROKER_UNKNOWN_SERVER_ERROR;
    if (index < 0 || (size_t)index >= dh_broker_error_count) {
        index = 0;
    }
    return &dh_broker_errors[index];
}

int dh_error_from_broker(int16_t code)
{
    return row_of(code)->error;
}

bool dh_broker_error_is_retriable(int16_t code)
{
    return row_of(code)->is_retriable;
}

const char *dh_broker_error_text(int16_t code)
{
    return row_of(code)->text;
}

const char *dohle_broker_error_name(int16_t broker_code)
{
    return row_of(broker_code)->name;
}
