// SPDX-License-Identifier: MIT
/*
 * Messages: tables that describe them, and one interpreter for all.
 *
 * schema/ holds Kafka's messages in our own language; tools/generate makes of
 * each a plain struct and a table of its fields (wire/gen/). The functions
 * here walk the table. A member of a message's struct is, by type:
 *
 *     bool, intN, uintN, float64    bool, intN_t, uintN_t, double
 *     uuid                          struct dh_uuid
 *     string, bytes, records        dohle_bytes; data NULL is null
 *     [x]                           struct { X *items; int32_t count; }, count -1 is null
 *     struct                        the struct itself; a pointer if it can be null
 *
 * Tagged fields are members like the others. A field that a version does not
 * have keeps its default when decoded; when encoded it must have its default,
 * unless Kafka marks it ignorable.
 *
 * Decoding copies no bytes: strings, bytes and records are views into the
 * input. Arrays live in the arena. No count is believed: an array is allocated
 * once its count, times the least size of an element, fits into the bytes
 * left, and the arena's own bound limits the whole. Recursion goes as deep as
 * the schema does, never as deep as the input asks.
 *
 * Not here: request and response headers (wire/envelope.h), which versions to
 * use (wire/api.h).
 * Source: the message generator of Apache Kafka 4.4; KIP-482 for tagged fields.
 */
#ifndef DH_WIRE_MESSAGE_H
#define DH_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/random.h"
#include "wire/reader.h"
#include "wire/uuid.h"
#include "wire/writer.h"

// A flexible_from that no version reaches.
#define DH_FLEXIBLE_NEVER INT16_MAX

enum dh_field_kind {
    DH_KIND_BOOL,
    DH_KIND_INT8,
    DH_KIND_INT16,
    DH_KIND_UINT16,
    DH_KIND_INT32,
    DH_KIND_UINT32,
    DH_KIND_INT64,
    DH_KIND_FLOAT64,
    DH_KIND_UUID,
    DH_KIND_STRING,
    DH_KIND_BYTES,
    DH_KIND_RECORDS,
    DH_KIND_STRUCT,
};

// What a field is before anybody sets it, beside its number.
enum dh_field_initial {
    DH_INITIALLY_ZERO,   // or the number; empty strings, bytes and arrays
    DH_INITIALLY_NULL,   // null
    DH_INITIALLY_STRUCT, // a nullable struct that is not null but empty
};

// A range of versions with both ends.
struct dh_versions {
    int16_t min, max;
};

struct dh_struct;

struct dh_field {
    const char *name;
    const struct dh_struct *of; // fields of a STRUCT, else NULL
    int64_t initial_number;
    size_t offset; // in the struct
    enum dh_field_kind kind;
    enum dh_field_initial initial;
    struct dh_versions versions; // those that have the field
    struct dh_versions nullable; // meaningful if is_nullable
    int16_t tag;                 // meaningful if is_tagged
    bool is_array;               // of kind
    bool is_nullable;            // in the versions of nullable
    bool is_tagged;
    bool is_ignorable;   // may be left out though it was set
    bool is_not_compact; // stays in the old form in flexible versions
};

struct dh_struct {
    const char *name; // of the C struct, without "dh_"
    const struct dh_field *fields;
    size_t field_count;
    size_t size; // of the C struct
};

enum dh_message_role {
    DH_MESSAGE_DATA,
    DH_MESSAGE_REQUEST,
    DH_MESSAGE_RESPONSE,
    DH_MESSAGE_RECORD_KEY,   // of __consumer_offsets
    DH_MESSAGE_RECORD_VALUE, // of __consumer_offsets
};

struct dh_message_type {
    const char *name; // Kafka's
    struct dh_struct body;
    enum dh_message_role role;
    int16_t key;                 // of the API or kind of record; -1: none
    struct dh_versions versions; // those we speak
    int16_t flexible_from;       // or DH_FLEXIBLE_NEVER
};

// Parts of a row of a table; used by wire/gen/ only.
#define DH_FIELD(parent, member, field_kind, min_, max_)                                 \
    .name = #member, .offset = offsetof(struct dh_##parent, member),                     \
    .kind = DH_KIND_##field_kind, .versions = {min_, max_}
#define DH_ARRAY(parent, member, field_kind, min_, max_)                                 \
    DH_FIELD(parent, member, field_kind, min_, max_), .is_array = true
#define DH_OF(struct_name)      .of = &dh_##struct_name##_struct
#define DH_NULLABLE(min_, max_) .is_nullable = true, .nullable = {min_, max_}
#define DH_TAG(number)          .is_tagged = true, .tag = (number)
#define DH_INITIAL(number)      .initial_number = (number)
#define DH_INITIAL_NULL         .initial = DH_INITIALLY_NULL
#define DH_INITIAL_STRUCT       .initial = DH_INITIALLY_STRUCT
#define DH_IGNORABLE            .is_ignorable = true
#define DH_NOT_COMPACT          .is_not_compact = true
#define DH_STRUCT(table)                                                                 \
    {                                                                                    \
        .name = #table, .fields = (table), .field_count = DH_COUNT_OF(table),            \
        .size = sizeof(struct dh_##table)                                                \
    }

bool dh_versions_has(struct dh_versions versions, int16_t version);

// Gives every field its default. A nullable struct starts as NULL.
void dh_message_init(const struct dh_message_type *type, void *message);

// As above for a nested struct, named by its table in wire/gen/.
void dh_struct_init(const struct dh_struct *type, void *item);

/*
 * Reads one message and sets every field of *out. Views in *out are valid as
 * long as the bytes under the reader and the arena's content are. Bytes behind
 * the message are left to the caller. Unknown tagged fields are skipped.
 *
 * Returns 0, DOHLE_ERR_UNSUPPORTED_VERSION (nothing was read),
 * DOHLE_ERR_PROTOCOL (malformed, or larger than the arena's bound) or
 * DOHLE_ERR_NO_MEMORY. After an error *out holds what was read so far.
 */
DH_MUST_CHECK int dh_message_decode(const struct dh_message_type *type, int16_t version,
                                    struct dh_reader *reader, struct dh_arena *arena,
                                    void *out);

/*
 * Appends one message. Returns 0 or, with the buffer cut back to what it held:
 * DOHLE_ERR_UNSUPPORTED_VERSION when there is no such version or a field was
 * set that the version does not have; DOHLE_ERR_INVALID_ARGUMENT when a field
 * is null that must not be, or longer than the version can say;
 * DOHLE_ERR_NO_MEMORY or DOHLE_ERR_TOO_LARGE from the buffer, where it stays.
 */
DH_MUST_CHECK int dh_message_encode(const struct dh_message_type *type, int16_t version,
                                    const void *message, struct dh_writer *writer);

// Appends the message as one line of JSON: bytes in hex, records by their size.
void dh_message_print(const struct dh_message_type *type, int16_t version,
                      const void *message, struct dh_buf *out);

// True if all fields of that version are equal.
bool dh_message_equal(const struct dh_message_type *type, int16_t version, const void *a,
                      const void *b);

/*
 * Fills a message with random values that its version can carry; what it
 * points at comes from the arena. Returns 0 or DOHLE_ERR_NO_MEMORY.
 */
DH_MUST_CHECK int dh_message_randomise(const struct dh_message_type *type,
                                       int16_t version, struct dh_random *random,
                                       struct dh_arena *arena, void *out);

#endif
