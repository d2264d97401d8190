// SPDX-License-Identifier: MIT
/*
 * What is known about the error codes of brokers, beside their numbers in
 * wire/gen/broker_errors.h. The names are public: dohle_broker_error_name.
 *
 * Source: schema/errors; Errors in Apache Kafka 4.4.
 */
#ifndef DH_WIRE_BROKER_ERROR_H
#define DH_WIRE_BROKER_ERROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dh_broker_error_row {
    int16_t code;
    const char *name;  // Kafka's
    bool is_retriable; // a RetriableException in Java
    int error;         // enum dohle_error; what it becomes in general
    const char *text;  // one sentence without full stop
};

// In the order of their codes, without gaps from the first on.
extern const struct dh_broker_error_row dh_broker_errors[];
extern const size_t dh_broker_error_count;

/*
 * The error of Dohle that a broker's code becomes, where nobody closer to the
 * request knows better; 0 for code 0. A code not in the table becomes
 * DOHLE_ERR_BROKER, as Java makes it UNKNOWN_SERVER_ERROR.
 */
int dh_error_from_broker(int16_t code);

// False for codes not in the table.
bool dh_broker_error_is_retriable(int16_t code);

// One sentence without full stop. Static.
const char *dh_broker_error_text(int16_t code);

#endif
