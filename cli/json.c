// SPDX-License-Identifier: MIT
#include "json.h"

#include <stdlib.h>

#include "options.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// Writes the four digits of one to three bytes.
static void base64_group(const uint8_t *bytes, size_t size, char digits[4])
{
    uint32_t group = (uint32_t)bytes[0] << 16;
    group |= size > 1 ? (uint32_t)bytes[1] << 8 : 0;
    group |= size > 2 ? bytes[2] : 0;
    digits[0] = base64_digits[group >> 18];
    digits[1] = base64_digits[group >> 12 & 63];
    digits[2] = size > 1 ? base64_digits[group >> 6 & 63] : '=';
    digits[3] = size > 2 ? base64_digits[group & 63] : '=';
}

void output_base64(struct output *output, dohle_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i += 3) {
        char digits[4];
        base64_group(bytes.data + i, bytes.size - i, digits);
        output_write(output, digits, sizeof(digits));
    }
}

static json_t *must(json_t *value)
{
    if (value == NULL) {
        complain("json", "out of memory");
        exit(EXIT_FAILED);
    }
    return value;
}

static json_t *json_of_base64(dohle_bytes bytes)
{
    size_t size = (bytes.size + 2) / 3 * 4;
    char *text = must_alloc(size);
    for (size_t i = 0; i < bytes.size; i += 3) {
        base64_group(bytes.data + i, bytes.size - i, text + i / 3 * 4);
    }
    json_t *object = must(json_object());
    json_object_set_new(object, "b64", must(json_stringn(text, size)));
    free(text);
    return object;
}

json_t *json_of_bytes(dohle_bytes bytes)
{
    if (bytes.data == NULL) {
        return json_null();
    }
    /* jansson refuses what is not UTF-8: that is the test. */
    json_t *string = json_stringn((const char *)bytes.data, bytes.size);
    return string != NULL ? string : json_of_base64(bytes);
}

static json_t *json_of_headers(dohle_bytes headers)
{
    json_t *array = must(json_array());
    dohle_header header;
    while (dohle_header_next(&headers, &header)) {
        json_t *object = must(json_object());
        json_object_set_new(object, "name", json_of_bytes(header.name));
        json_object_set_new(object, "value", json_of_bytes(header.value));
        json_array_append_new(array, object);
    }
    return array;
}

static const char *timestamp_type_name(int8_t type)
{
    switch (type) {
    case DOHLE_TIMESTAMP_CREATE: return "create";
    case DOHLE_TIMESTAMP_LOG_APPEND: return "log-append";
    default: return "none";
    }
}

json_t *json_of_record(const dohle_record *record)
{
    json_t *object = must(json_object());
    json_object_set_new(object, "topic", must(json_string(record->topic)));
    json_object_set_new(object, "partition", json_integer(record->partition));
    json_object_set_new(object, "offset", json_integer(record->offset));
    json_object_set_new(object, "timestamp", json_integer(record->timestamp_ms));
    json_object_set_new(object, "timestamp_type",
                        json_string(timestamp_type_name(record->timestamp_type)));
    json_object_set_new(object, "key", json_of_bytes(record->key));
    json_object_set_new(object, "value", json_of_bytes(record->value));
    json_object_set_new(object, "headers", json_of_headers(record->headers));
    return object;
}

static int append_text(const char *text, size_t size, void *ctx)
{
    output_write(ctx, text, size);
    return 0;
}

void json_write_line(struct output *output, json_t *value)
{
    json_dump_callback(value, append_text, output, JSON_COMPACT | JSON_ENCODE_ANY);
    output_byte(output, '\n');
    json_decref(value);
}
