// SPDX-License-Identifier: MIT
#include "base/properties.h"

#include <stdbool.h>

#include <dohle/error.h>

#define END_OF_LINE (-1)
#define MALFORMED   (-2)

// One character of a logical line.
struct piece {
    int32_t value;      // a byte or a code point; END_OF_LINE; MALFORMED
    bool is_escaped;    // it separates nothing
    bool is_code_point; // came as \uXXXX
};

void dh_properties_init(struct dh_properties *properties, dohle_bytes text)
{
    *properties = (struct dh_properties){text, 1, 1};
}

static uint8_t take(struct dh_properties *properties)
{
    uint8_t byte = properties->rest.data[0];
    properties->rest.data++;
    properties->rest.size--;
    return byte;
}

static bool is_space(int32_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\f';
}

static bool is_newline(int32_t byte)
{
    return byte == '\n' || byte == '\r';
}

static void skip_space(struct dh_properties *properties)
{
    while (properties->rest.size > 0 && is_space(properties->rest.data[0])) {
        take(properties);
    }
}

// Behind a newline byte: takes the second half of "\r\n".
static void end_line(struct dh_properties *properties, uint8_t newline)
{
    if (newline == '\r' && properties->rest.size > 0 &&
        properties->rest.data[0] == '\n') {
        take(properties);
    }
    properties->next_line++;
}

// Four hexadecimal digits, or MALFORMED.
static int32_t take_hex(struct dh_properties *properties)
{
    if (properties->rest.size < 4) {
        return MALFORMED;
    }
    int32_t value = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t byte = take(properties);
        int32_t digit;
        if (byte >= '0' && byte <= '9') {
            digit = byte - '0';
        } else if (byte >= 'a' && byte <= 'f') {
            digit = byte - 'a' + 10;
        } else if (byte >= 'A' && byte <= 'F') {
            digit = byte - 'A' + 10;
        } else {
            return MALFORMED;
        }
        value = value * 16 + digit;
    }
    return value;
}

// Behind "\u". Two escapes make one character beyond U+FFFF.
static int32_t take_code_point(struct dh_properties *properties)
{
    int32_t high = take_hex(properties);
    if (high < 0xD800 || high > 0xDFFF) {
        return high;
    }
    if (high > 0xDBFF || properties->rest.size < 6 || take(properties) != '\\' ||
        take(properties) != 'u') {
        return MALFORMED;
    }
    int32_t low = take_hex(properties);
    if (low < 0xDC00 || low > 0xDFFF) {
        return MALFORMED;
    }
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

static struct piece take_piece(struct dh_properties *properties)
{
    for (;;) {
        if (properties->rest.size == 0) {
            return (struct piece){END_OF_LINE, false, false};
        }
        uint8_t byte = take(properties);
        if (is_newline(byte)) {
            end_line(properties, byte);
            return (struct piece){END_OF_LINE, false, false};
        }
        if (byte != '\\') {
            return (struct piece){byte, false, false};
        }
        if (properties->rest.size == 0) {
            return (struct piece){END_OF_LINE, false, false};
        }
        byte = take(properties);
        if (is_newline(byte)) {
            end_line(properties, byte); // continued on the next line
            skip_space(properties);
            continue;
        }
        switch (byte) {
        case 't': return (struct piece){'\t', true, false};
        case 'n': return (struct piece){'\n', true, false};
        case 'r': return (struct piece){'\r', true, false};
        case 'f': return (struct piece){'\f', true, false};
        case 'u': return (struct piece){take_code_point(properties), true, true};
        default: return (struct piece){byte, true, false};
        }
    }
}

static void append(struct dh_buf *buf, struct piece piece)
{
    uint32_t c = (uint32_t)piece.value;
    if (!piece.is_code_point || c < 0x80) {
        dh_buf_append_byte(buf, (uint8_t)c);
    } else if (c < 0x800) {
        dh_buf_append_byte(buf, (uint8_t)(0xC0 | c >> 6));
        dh_buf_append_byte(buf, (uint8_t)(0x80 | (c & 0x3F)));
    } else if (c < 0x10000) {
        dh_buf_append_byte(buf, (uint8_t)(0xE0 | c >> 12));
        dh_buf_append_byte(buf, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
        dh_buf_append_byte(buf, (uint8_t)(0x80 | (c & 0x3F)));
    } else {
        dh_buf_append_byte(buf, (uint8_t)(0xF0 | c >> 18));
        dh_buf_append_byte(buf, (uint8_t)(0x80 | (c >> 12 & 0x3F)));
        dh_buf_append_byte(buf, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
        dh_buf_append_byte(buf, (uint8_t)(0x80 | (c & 0x3F)));
    }
}

// Skips blank lines and comments. False: nothing is left.
static bool find_line(struct dh_properties *properties)
{
    for (;;) {
        skip_space(properties);
        if (properties->rest.size == 0) {
            return false;
        }
        uint8_t first = properties->rest.data[0];
        if (!is_newline(first) && first != '#' && first != '!') {
            return true;
        }
        // A comment cannot be continued.
        while (properties->rest.size > 0) {
            uint8_t byte = take(properties);
            if (is_newline(byte)) {
                end_line(properties, byte);
                break;
            }
        }
    }
}

// Up to and including what separates it from the value. Returns the first piece
// of the value.
static struct piece take_key(struct dh_properties *properties, struct dh_buf *key)
{
    struct piece piece = take_piece(properties);
    while (piece.value >= 0 &&
           (piece.is_escaped ||
            (piece.value != '=' && piece.value != ':' && !is_space(piece.value)))) {
        append(key, piece);
        piece = take_piece(properties);
    }
    bool has_separator = false;
    while (piece.value >= 0 && !piece.is_escaped &&
           (is_space(piece.value) ||
            (!has_separator && (piece.value == '=' || piece.value == ':')))) {
        has_separator = has_separator || !is_space(piece.value);
        piece = take_piece(properties);
    }
    return piece;
}

int dh_properties_next(struct dh_properties *properties, struct dh_buf *key,
                       struct dh_buf *value)
{
    dh_buf_reset(key);
    dh_buf_reset(value);
    bool is_found = find_line(properties);
    properties->line = properties->next_line;
    if (!is_found) {
        return 0;
    }
    struct piece piece = take_key(properties, key);
    while (piece.value >= 0) {
        append(value, piece);
        piece = take_piece(properties);
    }
    if (piece.value == MALFORMED) {
        return DOHLE_ERR_INVALID_CONFIG;
    }
    if (key->err != 0) {
        return key->err;
    }
    return value->err != 0 ? value->err : 1;
}
