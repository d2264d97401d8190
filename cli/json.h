// SPDX-License-Identifier: MIT
/*
 * JSON that is always valid, whatever bytes a record holds. Bytes that are not
 * UTF-8 become {"b64": "..."}; null stays null.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <dohle/record.h>
#include <jansson.h>

#include "output.h"

// A string, an object {"b64": ...}, or null. Ends the program without memory.
json_t *json_of_bytes(dohle_bytes bytes);

// One record as an object: topic, partition, offset, timestamp, ..., headers.
json_t *json_of_record(const dohle_record *record);

// Writes the value on one line and frees it.
void json_write_line(struct output *output, json_t *value);

// Standard base64 with padding.
void output_base64(struct output *output, dohle_bytes bytes);

#endif
