// SPDX-License-Identifier: MIT
#include "format.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json.h"
#include "options.h"

enum piece_kind {
    PIECE_TEXT,
    PIECE_TOPIC,
    PIECE_PARTITION,
    PIECE_OFFSET,
    PIECE_EPOCH,
    PIECE_KEY,
    PIECE_KEY_SIZE,
    PIECE_VALUE,
    PIECE_VALUE_SIZE,
    PIECE_HEADERS,
    PIECE_HEADER_COUNT,
    PIECE_TIME_MS,
    PIECE_TIME_RFC3339,
    PIECE_JSON,
};

enum encoding { ENCODING_RAW, ENCODING_HEX, ENCODING_BASE64, ENCODING_JSON };

struct piece {
    enum piece_kind kind;
    enum encoding encoding; // PIECE_KEY and PIECE_VALUE
    char *text;             // PIECE_TEXT, owned
    size_t size;            // of text
    struct format *inner;   // PIECE_HEADERS: what is written for each, owned
};

struct format {
    struct piece *pieces;
    size_t count;
};

struct parser {
    const char *text;
    size_t at;
    const char *error; // NULL: none yet
    bool is_inside;    // within %h{...}: ends at the closing brace
};

static struct piece *add_piece(struct format *format, enum piece_kind kind)
{
    format->pieces =
        must_realloc(format->pieces, (format->count + 1) * sizeof(*format->pieces));
    struct piece *piece = &format->pieces[format->count++];
    *piece = (struct piece){.kind = kind};
    return piece;
}

static void add_byte(struct format *format, char byte)
{
    struct piece *piece = NULL;
    if (format->count > 0 && format->pieces[format->count - 1].kind == PIECE_TEXT) {
        piece = &format->pieces[format->count - 1];
    } else {
        piece = add_piece(format, PIECE_TEXT);
    }
    piece->text = must_realloc(piece->text, piece->size + 1);
    piece->text[piece->size++] = byte;
}

static int hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    int lower = tolower((unsigned char)digit);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// Reads one escape at text (behind the backslash). Returns bytes read, 0: unknown.
static size_t unescape(const char *text, char *byte)
{
    switch (*text) {
    case 'n': *byte = '\n'; return 1;
    case 't': *byte = '\t'; return 1;
    case 'r': *byte = '\r'; return 1;
    case '0': *byte = '\0'; return 1;
    case '\\': *byte = '\\'; return 1;
    case 'x': {
        int high = hex_digit(text[1]);
        int low = high < 0 ? -1 : hex_digit(text[2]);
        if (low < 0) {
            return 0;
        }
        *byte = (char)(high * 16 + low);
        return 3;
    }
    default: return 0;
    }
}

long format_unescape(char *text)
{
    size_t size = 0;
    for (const char *at = text; *at != '\0';) {
        char byte = *at++;
        if (byte == '\\') {
            size_t read = unescape(at, &byte);
            if (read == 0) {
                return -1;
            }
            at += read;
        }
        text[size++] = byte;
    }
    return (long)size;
}

static bool take(struct parser *parser, const char *word)
{
    size_t size = strlen(word);
    if (strncmp(parser->text + parser->at, word, size) != 0) {
        return false;
    }
    parser->at += size;
    return true;
}

static enum encoding parse_encoding(struct parser *parser)
{
    if (parser->text[parser->at] != '{') {
        return ENCODING_RAW;
    }
    if (take(parser, "{hex}")) {
        return ENCODING_HEX;
    }
    if (take(parser, "{base64}")) {
        return ENCODING_BASE64;
    }
    if (take(parser, "{json}")) {
        return ENCODING_JSON;
    }
    parser->error = "only {hex}, {base64} and {json} may follow here";
    return ENCODING_RAW;
}

static struct format *parse_pieces(struct parser *parser);

static void parse_headers(struct parser *parser, struct format *format)
{
    if (parser->is_inside || !take(parser, "{")) {
        parser->error = "%h wants braces, as in %h{%k=%v }, and none inside them";
        return;
    }
    parser->is_inside = true;
    struct format *inner = parse_pieces(parser);
    parser->is_inside = false;
    if (parser->error == NULL && !take(parser, "}")) {
        parser->error = "the brace of %h{ is not closed";
    }
    add_piece(format, PIECE_HEADERS)->inner = inner;
}

static void parse_verb(struct parser *parser, struct format *format)
{
    char verb = parser->text[parser->at];
    if (verb == '\0') {
        parser->error = "% at the end; %% writes one";
        return;
    }
    parser->at++;
    if (parser->is_inside && strchr("kvKV%", verb) == NULL) {
        parser->at--;
        parser->error = "only %k, %K, %v and %V inside %h{}";
        return;
    }
    switch (verb) {
    case '%': add_byte(format, '%'); break;
    case 't': add_piece(format, PIECE_TOPIC); break;
    case 'p': add_piece(format, PIECE_PARTITION); break;
    case 'o': add_piece(format, PIECE_OFFSET); break;
    case 'e': add_piece(format, PIECE_EPOCH); break;
    case 'k': add_piece(format, PIECE_KEY)->encoding = parse_encoding(parser); break;
    case 'K': add_piece(format, PIECE_KEY_SIZE); break;
    case 'v': add_piece(format, PIECE_VALUE)->encoding = parse_encoding(parser); break;
    case 'V': add_piece(format, PIECE_VALUE_SIZE); break;
    case 'h': parse_headers(parser, format); break;
    case 'H': add_piece(format, PIECE_HEADER_COUNT); break;
    case 'j': add_piece(format, PIECE_JSON); break;
    case 'd':
        add_piece(format, take(parser, "{RFC3339}") ? PIECE_TIME_RFC3339 : PIECE_TIME_MS);
        break;
    default:
        parser->at--;
        parser->error = "there is no such verb";
        break;
    }
}

static struct format *parse_pieces(struct parser *parser)
{
    struct format *format = must_alloc(sizeof(*format));
    *format = (struct format){0};
    while (parser->error == NULL && parser->text[parser->at] != '\0') {
        char byte = parser->text[parser->at];
        if (parser->is_inside && byte == '}') {
            break;
        }
        parser->at++;
        if (byte == '%') {
            parse_verb(parser, format);
        } else if (byte == '\\') {
            size_t read = unescape(parser->text + parser->at, &byte);
            if (read == 0) {
                parser->error = "only \\n \\t \\r \\\\ \\0 and \\xNN are escapes";
                break;
            }
            parser->at += read;
            add_byte(format, byte);
        } else {
            add_byte(format, byte);
        }
    }
    return format;
}

struct format *format_parse(const char *text, const char **error, size_t *position)
{
    struct parser parser = {.text = text};
    struct format *format = parse_pieces(&parser);
    if (parser.error != NULL) {
        *error = parser.error;
        *position = parser.at;
        format_free(format);
        return NULL;
    }
    return format;
}

void format_free(struct format *format)
{
    if (format == NULL) {
        return;
    }
    for (size_t i = 0; i < format->count; i++) {
        free(format->pieces[i].text);
        format_free(format->pieces[i].inner);
    }
    free(format->pieces);
    free(format);
}

static void write_hex(struct output *output, dohle_bytes bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.size; i++) {
        output_byte(output, digits[bytes.data[i] >> 4]);
        output_byte(output, digits[bytes.data[i] & 15]);
    }
}

static void write_json_bytes(struct output *output, dohle_bytes bytes)
{
    json_t *value = json_of_bytes(bytes);
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    if (text != NULL) {
        output_text(output, text);
    }
    free(text);
    json_decref(value);
}

static void write_bytes(struct output *output, dohle_bytes bytes, enum encoding encoding)
{
    switch (encoding) {
    case ENCODING_RAW: output_write(output, bytes.data, bytes.size); break;
    case ENCODING_HEX: write_hex(output, bytes); break;
    case ENCODING_BASE64: output_base64(output, bytes); break;
    case ENCODING_JSON: write_json_bytes(output, bytes); break;
    }
}

static void write_size(struct output *output, dohle_bytes bytes)
{
    if (bytes.data == NULL) {
        output_text(output, "-1");
    } else {
        output_printf(output, "%zu", bytes.size);
    }
}

static void write_time(struct output *output, int64_t timestamp_ms)
{
    if (timestamp_ms < 0) {
        output_text(output, "-");
        return;
    }
    time_t seconds = (time_t)(timestamp_ms / 1000);
    struct tm utc;
    char text[32];
    if (gmtime_r(&seconds, &utc) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc) == 0) {
        output_text(output, "-");
        return;
    }
    output_printf(output, "%s.%03dZ", text, (int)(timestamp_ms % 1000));
}

static void write_headers(const struct format *inner, dohle_bytes headers,
                          struct output *output)
{
    dohle_header header;
    while (dohle_header_next(&headers, &header)) {
        dohle_record pair = {.key = header.name, .value = header.value};
        format_write(inner, &pair, output);
    }
}

static void write_record_json(const dohle_record *record, struct output *output)
{
    json_t *value = json_of_record(record);
    char *text = json_dumps(value, JSON_COMPACT);
    if (text != NULL) {
        output_text(output, text);
    }
    free(text);
    json_decref(value);
}

static void write_piece(const struct piece *piece, const dohle_record *record,
                        struct output *output)
{
    switch (piece->kind) {
    case PIECE_TEXT: output_write(output, piece->text, piece->size); break;
    case PIECE_TOPIC: output_text(output, record->topic); break;
    case PIECE_PARTITION: output_printf(output, "%d", record->partition); break;
    case PIECE_OFFSET: output_printf(output, "%lld", (long long)record->offset); break;
    case PIECE_EPOCH: output_printf(output, "%d", record->leader_epoch); break;
    case PIECE_KEY: write_bytes(output, record->key, piece->encoding); break;
    case PIECE_KEY_SIZE: write_size(output, record->key); break;
    case PIECE_VALUE: write_bytes(output, record->value, piece->encoding); break;
    case PIECE_VALUE_SIZE: write_size(output, record->value); break;
    case PIECE_HEADERS: write_headers(piece->inner, record->headers, output); break;
    case PIECE_HEADER_COUNT: output_printf(output, "%d", record->header_count); break;
    case PIECE_TIME_MS:
        output_printf(output, "%lld", (long long)record->timestamp_ms);
        break;
    case PIECE_TIME_RFC3339: write_time(output, record->timestamp_ms); break;
    case PIECE_JSON: write_record_json(record, output); break;
    }
}

void format_write(const struct format *format, const dohle_record *record,
                  struct output *output)
{
    for (size_t i = 0; i < format->count; i++) {
        write_piece(&format->pieces[i], record, output);
    }
}
