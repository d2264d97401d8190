// SPDX-License-Identifier: MIT
#include "wire/message.h"

#include <inttypes.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"

/*
 * What every array member of a generated struct looks like to the interpreter.
 * It is copied in and out with memcpy, for in its own struct the pointer has
 * the element's type.
 */
struct array {
    void *items;
    int32_t count; // -1: null
};

_Static_assert(sizeof(struct array) == sizeof(struct {
                   dohle_bytes *items;
                   int32_t count;
               }),
               "all arrays in generated structs have one layout");

// The longest string, in compact form too (Kafka's MessageDataGenerator).
#define STRING_SIZE_MAX INT16_MAX

// The random generator's bounds.
#define RANDOM_BYTES_MAX 12
#define RANDOM_ITEMS_MAX 3

bool dh_versions_has(struct dh_versions versions, int16_t version)
{
    return version >= versions.min && version <= versions.max;
}

// Access to members.

static void *member_of(const struct dh_field *field, void *base)
{
    return (char *)base + field->offset;
}

static const void *member_of_const(const struct dh_field *field, const void *base)
{
    return (const char *)base + field->offset;
}

static struct array array_at(const void *member)
{
    struct array array;
    memcpy(&array, member, sizeof(array));
    return array;
}

static void set_array(void *member, struct array array)
{
    memcpy(member, &array, sizeof(array));
}

// A nullable struct's member is a pointer, whose type is the generated struct's.
static void *pointer_at(const void *member)
{
    void *pointer;
    memcpy(&pointer, member, sizeof(pointer));
    return pointer;
}

static void set_pointer(void *member, void *pointer)
{
    memcpy(member, &pointer, sizeof(pointer));
}

static bool is_pointer(const struct dh_field *field)
{
    return field->kind == DH_KIND_STRUCT && field->is_nullable && !field->is_array;
}

static bool can_be_null(const struct dh_field *field, int16_t version)
{
    return field->is_nullable && dh_versions_has(field->nullable, version);
}

// The size of one value in memory; of an element for arrays.
static size_t value_size(const struct dh_field *field)
{
    switch (field->kind) {
    case DH_KIND_BOOL: return sizeof(bool);
    case DH_KIND_INT8: return sizeof(int8_t);
    case DH_KIND_INT16:
    case DH_KIND_UINT16: return sizeof(int16_t);
    case DH_KIND_INT32:
    case DH_KIND_UINT32: return sizeof(int32_t);
    case DH_KIND_INT64: return sizeof(int64_t);
    case DH_KIND_FLOAT64: return sizeof(double);
    case DH_KIND_UUID: return sizeof(struct dh_uuid);
    case DH_KIND_STRING:
    case DH_KIND_BYTES:
    case DH_KIND_RECORDS: return sizeof(dohle_bytes);
    case DH_KIND_STRUCT: return field->of->size;
    }
    return 0;
}

// Defaults.

static void set_default(const struct dh_field *field, void *base)
{
    void *member = member_of(field, base);
    bool is_null = field->initial == DH_INITIALLY_NULL;
    if (field->is_array) {
        set_array(member, (struct array){NULL, is_null ? -1 : 0});
        return;
    }
    int64_t number = field->initial_number;
    switch (field->kind) {
    case DH_KIND_BOOL: *(bool *)member = number != 0; break;
    case DH_KIND_INT8: *(int8_t *)member = (int8_t)number; break;
    case DH_KIND_INT16: *(int16_t *)member = (int16_t)number; break;
    case DH_KIND_UINT16: *(uint16_t *)member = (uint16_t)number; break;
    case DH_KIND_INT32: *(int32_t *)member = (int32_t)number; break;
    case DH_KIND_UINT32: *(uint32_t *)member = (uint32_t)number; break;
    case DH_KIND_INT64: *(int64_t *)member = number; break;
    case DH_KIND_FLOAT64: *(double *)member = (double)number; break;
    case DH_KIND_UUID: memset(member, 0, sizeof(struct dh_uuid)); break;
    case DH_KIND_STRING:
    case DH_KIND_BYTES:
    case DH_KIND_RECORDS:
        *(dohle_bytes *)member = is_null ? DH_BYTES_NULL : DH_BYTES("");
        break;
    case DH_KIND_STRUCT:
        if (is_pointer(field)) {
            set_pointer(member, NULL);
        } else {
            dh_struct_init(field->of, member);
        }
        break;
    }
}

void dh_struct_init(const struct dh_struct *type, void *item)
{
    memset(item, 0, type->size);
    for (size_t i = 0; i < type->field_count; i++) {
        set_default(&type->fields[i], item);
    }
}

void dh_message_init(const struct dh_message_type *type, void *message)
{
    dh_struct_init(&type->body, message);
}

static bool struct_is_default(const struct dh_struct *type, const void *item);

static bool is_default(const struct dh_field *field, const void *base)
{
    const void *member = member_of_const(field, base);
    bool null = field->initial == DH_INITIALLY_NULL;
    if (field->is_array) {
        return array_at(member).count == (null ? -1 : 0);
    }
    int64_t number = field->initial_number;
    switch (field->kind) {
    case DH_KIND_BOOL: return *(const bool *)member == (number != 0);
    case DH_KIND_INT8: return *(const int8_t *)member == number;
    case DH_KIND_INT16: return *(const int16_t *)member == number;
    case DH_KIND_UINT16: return *(const uint16_t *)member == number;
    case DH_KIND_INT32: return *(const int32_t *)member == number;
    case DH_KIND_UINT32: return *(const uint32_t *)member == number;
    case DH_KIND_INT64: return *(const int64_t *)member == number;
    case DH_KIND_FLOAT64: {
        double initial = (double)number;
        return memcmp(member, &initial, sizeof(initial)) == 0;
    }
    case DH_KIND_UUID: return dh_uuid_is_zero(member);
    case DH_KIND_STRING:
    case DH_KIND_BYTES:
    case DH_KIND_RECORDS: {
        const dohle_bytes *bytes = member;
        return bytes->size == 0 && (bytes->data == NULL) == null;
    }
    case DH_KIND_STRUCT:
        if (!is_pointer(field)) {
            return struct_is_default(field->of, member);
        }
        if (pointer_at(member) == NULL) {
            return null;
        }
        return !null && struct_is_default(field->of, pointer_at(member));
    }
    return false;
}

static bool struct_is_default(const struct dh_struct *type, const void *item)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (!is_default(&type->fields[i], item)) {
            return false;
        }
    }
    return true;
}

// Decoding.

struct decoder {
    struct dh_reader *reader;
    struct dh_arena *arena;
    int16_t version;
    bool is_flexible;
    int err; // of the arena; what is wrong with the bytes is in the reader
};

static void decode_struct(struct decoder *decoder, const struct dh_struct *type,
                          void *out);

// NULL with the error set. What exceeds the arena's bound is no honest message.
static void *decoder_alloc(struct decoder *decoder, size_t count, size_t size)
{
    const struct dh_arena *arena = decoder->arena;
    void *items = dh_arena_calloc(decoder->arena, count, size);
    if (items == NULL) {
        size_t left = arena->used_max - arena->used;
        bool is_over = count > left / size || left - count * size < _Alignof(max_align_t);
        decoder->err = is_over ? DOHLE_ERR_PROTOCOL : DOHLE_ERR_NO_MEMORY;
        dh_reader_fail(decoder->reader);
    }
    return items;
}

static bool is_compact(const struct dh_field *field, bool is_flexible)
{
    return is_flexible && !field->is_not_compact;
}

/*
 * The fewest bytes a value of a field takes. The sum over a struct cannot
 * overflow: it is bounded by the number of fields in the schema.
 */
static size_t struct_size_min(const struct decoder *decoder,
                              const struct dh_struct *type);

static size_t value_size_min(const struct decoder *decoder, const struct dh_field *field)
{
    switch (field->kind) {
    case DH_KIND_BOOL:
    case DH_KIND_INT8:
    case DH_KIND_INT16:
    case DH_KIND_UINT16:
    case DH_KIND_INT32:
    case DH_KIND_UINT32:
    case DH_KIND_INT64:
    case DH_KIND_FLOAT64:
    case DH_KIND_UUID: return value_size(field);
    case DH_KIND_STRING: return is_compact(field, decoder->is_flexible) ? 1 : 2;
    case DH_KIND_BYTES:
    case DH_KIND_RECORDS: return is_compact(field, decoder->is_flexible) ? 1 : 4;
    case DH_KIND_STRUCT:
        return is_pointer(field) ? 1 : struct_size_min(decoder, field->of);
    }
    return 0;
}

static size_t struct_size_min(const struct decoder *decoder, const struct dh_struct *type)
{
    size_t size = decoder->is_flexible ? 1 : 0; // the number of tagged fields
    for (size_t i = 0; i < type->field_count; i++) {
        const struct dh_field *field = &type->fields[i];
        if (field->is_tagged || !dh_versions_has(field->versions, decoder->version)) {
            continue;
        }
        if (field->is_array) {
            size += is_compact(field, decoder->is_flexible) ? 1 : 4;
        } else {
            size += value_size_min(decoder, field);
        }
    }
    return size;
}

// A length as the version writes it; -1 is null.
static int64_t decode_length(struct decoder *decoder, const struct dh_field *field)
{
    int64_t length;
    if (is_compact(field, decoder->is_flexible)) {
        length = (int64_t)dh_read_unsigned_varint(decoder->reader) - 1;
    } else if (field->kind == DH_KIND_STRING && !field->is_array) {
        length = dh_read_int16(decoder->reader);
    } else {
        length = dh_read_int32(decoder->reader);
    }
    if (length >= 0) {
        return length;
    }
    if (!can_be_null(field, decoder->version)) {
        dh_reader_fail(decoder->reader);
    }
    return -1;
}

static dohle_bytes decode_bytes(struct decoder *decoder, const struct dh_field *field)
{
    int64_t length = decode_length(decoder, field);
    if (field->kind == DH_KIND_STRING && length > STRING_SIZE_MAX) {
        dh_reader_fail(decoder->reader);
    }
    if (length < 0) {
        return DH_BYTES_NULL;
    }
    return dh_read_bytes(decoder->reader, (size_t)length);
}

// The elements of arrays of strings are never null, whatever the array may be.
static dohle_bytes decode_element_bytes(struct decoder *decoder,
                                        const struct dh_field *field)
{
    struct dh_field element = *field;
    element.is_array = false;
    element.is_nullable = false;
    return decode_bytes(decoder, &element);
}

static void decode_value(struct decoder *decoder, const struct dh_field *field, void *out)
{
    struct dh_reader *reader = decoder->reader;
    switch (field->kind) {
    case DH_KIND_BOOL: *(bool *)out = dh_read_bool(reader); break;
    case DH_KIND_INT8: *(int8_t *)out = dh_read_int8(reader); break;
    case DH_KIND_INT16: *(int16_t *)out = dh_read_int16(reader); break;
    case DH_KIND_UINT16: *(uint16_t *)out = dh_read_uint16(reader); break;
    case DH_KIND_INT32: *(int32_t *)out = dh_read_int32(reader); break;
    case DH_KIND_UINT32: *(uint32_t *)out = dh_read_uint32(reader); break;
    case DH_KIND_INT64: *(int64_t *)out = dh_read_int64(reader); break;
    case DH_KIND_FLOAT64: *(double *)out = dh_read_float64(reader); break;
    case DH_KIND_UUID: {
        dohle_bytes bytes = dh_read_bytes(reader, DH_UUID_SIZE);
        memset(out, 0, DH_UUID_SIZE);
        if (bytes.size == DH_UUID_SIZE) {
            memcpy(out, bytes.data, DH_UUID_SIZE);
        }
        break;
    }
    case DH_KIND_STRING:
    case DH_KIND_BYTES:
    case DH_KIND_RECORDS:
        *(dohle_bytes *)out = field->is_array ? decode_element_bytes(decoder, field)
                                              : decode_bytes(decoder, field);
        break;
    case DH_KIND_STRUCT: decode_struct(decoder, field->of, out); break;
    }
}

static void decode_array(struct decoder *decoder, const struct dh_field *field,
                         void *member)
{
    struct array array = {NULL, 0};
    int64_t count = decode_length(decoder, field);
    if (count <= 0) {
        array.count = (int32_t)count;
    }
    set_array(member, array);
    if (count <= 0) {
        return;
    }
    size_t size_min = value_size_min(decoder, field);
    size_t count_max = dh_reader_left(decoder->reader) / (size_min == 0 ? 1 : size_min);
    if ((uint64_t)count > count_max || count > INT32_MAX) {
        dh_reader_fail(decoder->reader);
        return;
    }
    size_t size = value_size(field);
    array.items = decoder_alloc(decoder, (size_t)count, size);
    if (array.items == NULL) {
        return;
    }
    array.count = (int32_t)count;
    for (int32_t i = 0; i < array.count && decoder->reader->err == 0; i++) {
        decode_value(decoder, field, (char *)array.items + (size_t)i * size);
    }
    set_array(member, array);
}

static void decode_pointer(struct decoder *decoder, const struct dh_field *field,
                           void *member)
{
    // One byte says whether it is there; in a tagged field it is a varint, and 0 is null.
    bool is_null;
    if (field->is_tagged) {
        is_null = dh_read_unsigned_varint(decoder->reader) == 0;
    } else {
        is_null = dh_read_int8(decoder->reader) < 0;
    }
    set_pointer(member, NULL);
    if (is_null || decoder->reader->err != 0) {
        if (!can_be_null(field, decoder->version)) {
            dh_reader_fail(decoder->reader);
        }
        return;
    }
    void *item = decoder_alloc(decoder, 1, field->of->size);
    if (item != NULL) {
        decode_struct(decoder, field->of, item);
        set_pointer(member, item);
    }
}

static void decode_field(struct decoder *decoder, const struct dh_field *field,
                         void *base)
{
    void *member = member_of(field, base);
    if (field->is_array) {
        decode_array(decoder, field, member);
    } else if (is_pointer(field)) {
        decode_pointer(decoder, field, member);
    } else {
        decode_value(decoder, field, member);
    }
}

static void decode_default(struct decoder *decoder, const struct dh_field *field,
                           void *base)
{
    set_default(field, base);
    if (field->initial == DH_INITIALLY_STRUCT) {
        void *item = decoder_alloc(decoder, 1, field->of->size);
        if (item != NULL) {
            dh_struct_init(field->of, item);
            set_pointer(member_of(field, base), item);
        }
    }
}

static const struct dh_field *field_of_tag(const struct decoder *decoder,
                                           const struct dh_struct *type, uint32_t tag)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct dh_field *field = &type->fields[i];
        if (field->is_tagged && (uint32_t)field->tag == tag &&
            dh_versions_has(field->versions, decoder->version)) {
            return field;
        }
    }
    return NULL;
}

// Each tagged field is {tag, size, content}; it must fill its size.
static void decode_tagged_fields(struct decoder *decoder, const struct dh_struct *type,
                                 void *out)
{
    struct dh_reader *reader = decoder->reader;
    uint32_t count = dh_read_unsigned_varint(reader);
    for (uint32_t i = 0; i < count && reader->err == 0; i++) {
        uint32_t tag = dh_read_unsigned_varint(reader);
        size_t size = dh_read_unsigned_varint(reader);
        dohle_bytes content = dh_read_bytes(reader, size);
        const struct dh_field *field = field_of_tag(decoder, type, tag);
        if (field == NULL || reader->err != 0) {
            continue;
        }
        struct dh_reader inner;
        dh_reader_init(&inner, content);
        decoder->reader = &inner;
        decode_field(decoder, field, out);
        decoder->reader = reader;
        if (inner.err != 0 || dh_reader_left(&inner) != 0) {
            dh_reader_fail(reader);
        }
    }
}

static void decode_struct(struct decoder *decoder, const struct dh_struct *type,
                          void *out)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct dh_field *field = &type->fields[i];
        if (field->is_tagged || !dh_versions_has(field->versions, decoder->version) ||
            decoder->reader->err != 0) {
            decode_default(decoder, field, out);
        } else {
            decode_field(decoder, field, out);
        }
    }
    if (decoder->is_flexible) {
        decode_tagged_fields(decoder, type, out);
    }
}

int dh_message_decode(const struct dh_message_type *type, int16_t version,
                      struct dh_reader *reader, struct dh_arena *arena, void *out)
{
    if (!dh_versions_has(type->versions, version)) {
        return DOHLE_ERR_UNSUPPORTED_VERSION;
    }
    struct decoder decoder = {
        .reader = reader,
        .arena = arena,
        .version = version,
        .is_flexible = version >= type->flexible_from,
    };
    decode_struct(&decoder, &type->body, out);
    return decoder.err != 0 ? decoder.err : reader->err;
}

// Encoding.

struct encoder {
    struct dh_writer *writer;
    int16_t version;
    bool is_flexible;
    int err; // of the message; the buffer keeps its own
};

static void encode_struct(struct encoder *encoder, const struct dh_struct *type,
                          const void *item);

static void encoder_fail(struct encoder *encoder, int err)
{
    if (encoder->err == 0) {
        encoder->err = err;
    }
}

// Writes a length as the version does; is_null writes the length of null.
static void encode_length(struct encoder *encoder, const struct dh_field *field,
                          bool is_null, size_t length)
{
    if (is_null && !can_be_null(field, encoder->version)) {
        encoder_fail(encoder, DOHLE_ERR_INVALID_ARGUMENT);
        return;
    }
    bool is_short = field->kind == DH_KIND_STRING && !field->is_array;
    if (length > (is_short ? STRING_SIZE_MAX : INT32_MAX - 1)) {
        encoder_fail(encoder, DOHLE_ERR_INVALID_ARGUMENT);
    } else if (is_compact(field, encoder->is_flexible)) {
        dh_write_unsigned_varint(encoder->writer, is_null ? 0 : (uint32_t)length + 1);
    } else if (is_short) {
        dh_write_int16(encoder->writer, is_null ? -1 : (int16_t)length);
    } else {
        dh_write_int32(encoder->writer, is_null ? -1 : (int32_t)length);
    }
}

static void encode_bytes(struct encoder *encoder, const struct dh_field *field,
                         dohle_bytes bytes)
{
    encode_length(encoder, field, bytes.data == NULL, bytes.size);
    dh_write_bytes(encoder->writer, bytes.data, bytes.data == NULL ? 0 : bytes.size);
}

static void encode_element_bytes(struct encoder *encoder, const struct dh_field *field,
                                 dohle_bytes bytes)
{
    struct dh_field element = *field;
    element.is_array = false;
    element.is_nullable = false;
    encode_bytes(encoder, &element, bytes);
}

static void encode_value(struct encoder *encoder, const struct dh_field *field,
                         const void *value)
{
    struct dh_writer *writer = encoder->writer;
    switch (field->kind) {
    case DH_KIND_BOOL: dh_write_bool(writer, *(const bool *)value); break;
    case DH_KIND_INT8: dh_write_int8(writer, *(const int8_t *)value); break;
    case DH_KIND_INT16: dh_write_int16(writer, *(const int16_t *)value); break;
    case DH_KIND_UINT16: dh_write_uint16(writer, *(const uint16_t *)value); break;
    case DH_KIND_INT32: dh_write_int32(writer, *(const int32_t *)value); break;
    case DH_KIND_UINT32: dh_write_uint32(writer, *(const uint32_t *)value); break;
    case DH_KIND_INT64: dh_write_int64(writer, *(const int64_t *)value); break;
    case DH_KIND_FLOAT64: dh_write_float64(writer, *(const double *)value); break;
    case DH_KIND_UUID: dh_write_bytes(writer, value, DH_UUID_SIZE); break;
    case DH_KIND_STRING:
    case DH_KIND_BYTES:
    case DH_KIND_RECORDS:
        if (field->is_array) {
            encode_element_bytes(encoder, field, *(const dohle_bytes *)value);
        } else {
            encode_bytes(encoder, field, *(const dohle_bytes *)value);
        }
        break;
    case DH_KIND_STRUCT: encode_struct(encoder, field->of, value); break;
    }
}

static void encode_pointer(struct encoder *encoder, const struct dh_field *field,
                           const void *item)
{
    if (item == NULL && !can_be_null(field, encoder->version)) {
        encoder_fail(encoder, DOHLE_ERR_INVALID_ARGUMENT);
        return;
    }
    if (field->is_tagged) {
        dh_write_unsigned_varint(encoder->writer, item == NULL ? 0 : 1);
    } else {
        dh_write_int8(encoder->writer, item == NULL ? -1 : 1);
    }
    if (item != NULL) {
        encode_struct(encoder, field->of, item);
    }
}

static void encode_field(struct encoder *encoder, const struct dh_field *field,
                         const void *base)
{
    const void *member = member_of_const(field, base);
    if (is_pointer(field)) {
        encode_pointer(encoder, field, pointer_at(member));
        return;
    }
    if (!field->is_array) {
        encode_value(encoder, field, member);
        return;
    }
    struct array array = array_at(member);
    encode_length(encoder, field, array.count < 0,
                  array.count < 0 ? 0 : (size_t)array.count);
    size_t size = value_size(field);
    for (int32_t i = 0; i < array.count; i++) {
        encode_value(encoder, field, (const char *)array.items + (size_t)i * size);
    }
}

// Appends a tagged field: the content first, then its size is put before it.
static void encode_tagged_field(struct encoder *encoder, const struct dh_field *field,
                                const void *base)
{
    struct dh_buf *buf = encoder->writer->buf;
    dh_write_unsigned_varint(encoder->writer, (uint32_t)field->tag);
    size_t start = buf->size;
    encode_field(encoder, field, base);
    size_t size = buf->size - start;
    dh_write_unsigned_varint(encoder->writer, (uint32_t)size);
    if (buf->err != 0) {
        return;
    }
    uint8_t prefix[DH_VARINT_SIZE_MAX];
    size_t prefix_size = buf->size - start - size;
    memcpy(prefix, buf->data + start + size, prefix_size);
    memmove(buf->data + start + prefix_size, buf->data + start, size);
    memcpy(buf->data + start, prefix, prefix_size);
}

static bool is_tag_written(const struct encoder *encoder, const struct dh_field *field,
                           const void *base)
{
    return field->is_tagged && dh_versions_has(field->versions, encoder->version) &&
           !is_default(field, base);
}

// The field whose tag is the smallest above `above`; NULL: none.
static const struct dh_field *next_tag(const struct encoder *encoder,
                                       const struct dh_struct *type, const void *item,
                                       int above)
{
    const struct dh_field *next = NULL;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct dh_field *field = &type->fields[i];
        if (is_tag_written(encoder, field, item) && field->tag > above &&
            (next == NULL || field->tag < next->tag)) {
            next = field;
        }
    }
    return next;
}

static void encode_tagged_fields(struct encoder *encoder, const struct dh_struct *type,
                                 const void *item)
{
    uint32_t count = 0;
    for (size_t i = 0; i < type->field_count; i++) {
        count += is_tag_written(encoder, &type->fields[i], item) ? 1 : 0;
    }
    dh_write_unsigned_varint(encoder->writer, count);
    const struct dh_field *field = next_tag(encoder, type, item, -1);
    for (uint32_t i = 0; i < count && field != NULL; i++) {
        encode_tagged_field(encoder, field, item);
        field = next_tag(encoder, type, item, field->tag);
    }
}

static void encode_struct(struct encoder *encoder, const struct dh_struct *type,
                          const void *item)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct dh_field *field = &type->fields[i];
        if (!dh_versions_has(field->versions, encoder->version)) {
            if (!field->is_ignorable && !is_default(field, item)) {
                encoder_fail(encoder, DOHLE_ERR_UNSUPPORTED_VERSION);
            }
        } else if (!field->is_tagged) {
            encode_field(encoder, field, item);
        }
    }
    if (encoder->is_flexible) {
        encode_tagged_fields(encoder, type, item);
    }
}

int dh_message_encode(const struct dh_message_type *type, int16_t version,
                      const void *message, struct dh_writer *writer)
{
    if (!dh_versions_has(type->versions, version)) {
        return DOHLE_ERR_UNSUPPORTED_VERSION;
    }
    struct encoder encoder = {
        .writer = writer,
        .version = version,
        .is_flexible = version >= type->flexible_from,
    };
    size_t start = writer->buf->size;
    encode_struct(&encoder, &type->body, message);
    int err = writer->buf->err != 0 ? writer->buf->err : encoder.err;
    if (err != 0) {
        writer->buf->size = start;
    }
    return err;
}

// Printing.

static void print_struct(const struct dh_struct *type, int16_t version, const void *item,
                         struct dh_buf *out);

// A byte beyond ASCII is escaped by itself: what came may not be UTF-8.
static void print_text(dohle_bytes text, struct dh_buf *out)
{
    dh_buf_append_byte(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        uint8_t byte = text.data[i];
        if (byte == '"' || byte == '\\') {
            dh_buf_printf(out, "\\%c", byte);
        } else if (byte < 0x20 || byte >= 0x7f) {
            dh_buf_printf(out, "\\u%04x", byte);
        } else {
            dh_buf_append_byte(out, byte);
        }
    }
    dh_buf_append_byte(out, '"');
}

static void print_hex(dohle_bytes bytes, struct dh_buf *out)
{
    dh_buf_append_byte(out, '"');
    for (size_t i = 0; i < bytes.size; i++) {
        dh_buf_printf(out, "%02x", bytes.data[i]);
    }
    dh_buf_append_byte(out, '"');
}

static void print_bytes(enum dh_field_kind kind, dohle_bytes bytes, struct dh_buf *out)
{
    if (bytes.data == NULL) {
        dh_buf_printf(out, "null");
    } else if (kind == DH_KIND_STRING) {
        print_text(bytes, out);
    } else if (kind == DH_KIND_BYTES) {
        print_hex(bytes, out);
    } else {
        dh_buf_printf(out, "\"%zu bytes\"", bytes.size);
    }
}

static void print_value(const struct dh_field *field, int16_t version, const void *value,
                        struct dh_buf *out)
{
    switch (field->kind) {
    case DH_KIND_BOOL:
        dh_buf_printf(out, "%s", *(const bool *)value ? "true" : "false");
        break;
    case DH_KIND_INT8: dh_buf_printf(out, "%" PRId8, *(const int8_t *)value); break;
    case DH_KIND_INT16: dh_buf_printf(out, "%" PRId16, *(const int16_t *)value); break;
    case DH_KIND_UINT16: dh_buf_printf(out, "%" PRIu16, *(const uint16_t *)value); break;
    case DH_KIND_INT32: dh_buf_printf(out, "%" PRId32, *(const int32_t *)value); break;
    case DH_KIND_UINT32: dh_buf_printf(out, "%" PRIu32, *(const uint32_t *)value); break;
    case DH_KIND_INT64: dh_buf_printf(out, "%" PRId64, *(const int64_t *)value); break;
    case DH_KIND_FLOAT64: dh_buf_printf(out, "%.17g", *(const double *)value); break;
    case DH_KIND_UUID: dh_buf_printf(out, "\"%s\"", dh_uuid_text(value).text); break;
    case DH_KIND_STRING:
    case DH_KIND_BYTES:
    case DH_KIND_RECORDS:
        print_bytes(field->kind, *(const dohle_bytes *)value, out);
        break;
    case DH_KIND_STRUCT: print_struct(field->of, version, value, out); break;
    }
}

static void print_array(const struct dh_field *field, int16_t version, struct array array,
                        struct dh_buf *out)
{
    if (array.count < 0) {
        dh_buf_printf(out, "null");
        return;
    }
    size_t size = value_size(field);
    dh_buf_append_byte(out, '[');
    for (int32_t i = 0; i < array.count; i++) {
        dh_buf_printf(out, "%s", i == 0 ? "" : ", ");
        print_value(field, version, (const char *)array.items + (size_t)i * size, out);
    }
    dh_buf_append_byte(out, ']');
}

static void print_struct(const struct dh_struct *type, int16_t version, const void *item,
                         struct dh_buf *out)
{
    const char *between = "";
    dh_buf_append_byte(out, '{');
    for (size_t i = 0; i < type->field_count; i++) {
        const struct dh_field *field = &type->fields[i];
        const void *member = member_of_const(field, item);
        if (!dh_versions_has(field->versions, version)) {
            continue;
        }
        dh_buf_printf(out, "%s\"%s\": ", between, field->name);
        between = ", ";
        if (field->is_array) {
            print_array(field, version, array_at(member), out);
        } else if (!is_pointer(field)) {
            print_value(field, version, member, out);
        } else if (pointer_at(member) == NULL) {
            dh_buf_printf(out, "null");
        } else {
            print_value(field, version, pointer_at(member), out);
        }
    }
    dh_buf_append_byte(out, '}');
}

void dh_message_print(const struct dh_message_type *type, int16_t version,
                      const void *message, struct dh_buf *out)
{
    print_struct(&type->body, version, message, out);
}

// Comparing.

static bool struct_equal(const struct dh_struct *type, int16_t version, const void *a,
                         const void *b);

static bool value_equal(const struct dh_field *field, int16_t version, const void *a,
                        const void *b)
{
    switch (field->kind) {
    case DH_KIND_BOOL:
    case DH_KIND_INT8:
    case DH_KIND_INT16:
    case DH_KIND_UINT16:
    case DH_KIND_INT32:
    case DH_KIND_UINT32:
    case DH_KIND_INT64:
    case DH_KIND_FLOAT64:
    case DH_KIND_UUID: return memcmp(a, b, value_size(field)) == 0;
    case DH_KIND_STRING:
    case DH_KIND_BYTES:
    case DH_KIND_RECORDS:
        return dh_bytes_equal(*(const dohle_bytes *)a, *(const dohle_bytes *)b);
    case DH_KIND_STRUCT: return struct_equal(field->of, version, a, b);
    }
    return false;
}

static bool array_equal(const struct dh_field *field, int16_t version, struct array a,
                        struct array b)
{
    if (a.count != b.count) {
        return false;
    }
    size_t size = value_size(field);
    for (int32_t i = 0; i < a.count; i++) {
        size_t offset = (size_t)i * size;
        if (!value_equal(field, version, (const char *)a.items + offset,
                         (const char *)b.items + offset)) {
            return false;
        }
    }
    return true;
}

static bool field_equal(const struct dh_field *field, int16_t version, const void *a,
                        const void *b)
{
    if (field->is_array) {
        return array_equal(field, version, array_at(a), array_at(b));
    }
    if (!is_pointer(field)) {
        return value_equal(field, version, a, b);
    }
    const void *first = pointer_at(a);
    const void *second = pointer_at(b);
    if (first == NULL || second == NULL) {
        return first == second;
    }
    return struct_equal(field->of, version, first, second);
}

static bool struct_equal(const struct dh_struct *type, int16_t version, const void *a,
                         const void *b)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct dh_field *field = &type->fields[i];
        if (dh_versions_has(field->versions, version) &&
            !field_equal(field, version, member_of_const(field, a),
                         member_of_const(field, b))) {
            return false;
        }
    }
    return true;
}

bool dh_message_equal(const struct dh_message_type *type, int16_t version, const void *a,
                      const void *b)
{
    return struct_equal(&type->body, version, a, b);
}

// Random messages.

struct randomiser {
    struct dh_random *random;
    struct dh_arena *arena;
    int16_t version;
    int err;
};

static void randomise_struct(struct randomiser *randomiser, const struct dh_struct *type,
                             void *out);

static void *randomiser_alloc(struct randomiser *randomiser, size_t count, size_t size)
{
    void *items = dh_arena_calloc(randomiser->arena, count, size);
    if (items == NULL) {
        randomiser->err = DOHLE_ERR_NO_MEMORY;
    }
    return items;
}

// Small numbers, large ones and the ends of ranges, each about as often.
static uint64_t random_number(struct dh_random *random)
{
    uint64_t number = dh_random_next(random);
    switch (dh_random_below(random, 4)) {
    case 0: return number % 8;
    case 1: return UINT64_MAX - number % 2;
    case 2: return number % 2 == 0 ? INT32_MAX : INT64_MAX;
    default: return number;
    }
}

static dohle_bytes random_bytes(struct randomiser *randomiser, bool can_be_null_here)
{
    struct dh_random *random = randomiser->random;
    if (can_be_null_here && dh_random_below(random, 4) == 0) {
        return DH_BYTES_NULL;
    }
    size_t size = dh_random_below(random, RANDOM_BYTES_MAX + 1);
    uint8_t *data = randomiser_alloc(randomiser, size, 1);
    for (size_t i = 0; i < size && data != NULL; i++) {
        data[i] = (uint8_t)('!' + dh_random_below(random, 90));
    }
    return (dohle_bytes){data, data == NULL ? 0 : size};
}

static void randomise_value(struct randomiser *randomiser, const struct dh_field *field,
                            void *out)
{
    uint64_t number = random_number(randomiser->random);
    switch (field->kind) {
    case DH_KIND_BOOL: *(bool *)out = number % 2 != 0; break;
    case DH_KIND_INT8:
    case DH_KIND_INT16:
    case DH_KIND_UINT16:
    case DH_KIND_INT32:
    case DH_KIND_UINT32:
    case DH_KIND_INT64: {
        // The low bytes are wanted, whatever the order of bytes in memory.
        uint8_t u8 = (uint8_t)number;
        uint16_t u16 = (uint16_t)number;
        uint32_t u32 = (uint32_t)number;
        size_t size = value_size(field);
        const void *source = size == 1   ? (const void *)&u8
                             : size == 2 ? (const void *)&u16
                             : size == 4 ? (const void *)&u32
                                         : (const void *)&number;
        memcpy(out, source, size);
        break;
    }
    case DH_KIND_FLOAT64: *(double *)out = (double)(int64_t)number / 3; break;
    case DH_KIND_UUID:
        memcpy(out, &number, sizeof(number));
        memcpy((char *)out + sizeof(number), &number, sizeof(number));
        break;
    case DH_KIND_STRING:
    case DH_KIND_BYTES:
    case DH_KIND_RECORDS:
        *(dohle_bytes *)out = random_bytes(
            randomiser, !field->is_array && can_be_null(field, randomiser->version));
        break;
    case DH_KIND_STRUCT: randomise_struct(randomiser, field->of, out); break;
    }
}

static void randomise_array(struct randomiser *randomiser, const struct dh_field *field,
                            void *member)
{
    struct dh_random *random = randomiser->random;
    struct array array = {NULL, 0};
    if (can_be_null(field, randomiser->version) && dh_random_below(random, 4) == 0) {
        array.count = -1;
        set_array(member, array);
        return;
    }
    size_t size = value_size(field);
    size_t count = dh_random_below(random, RANDOM_ITEMS_MAX + 1);
    array.items = randomiser_alloc(randomiser, count, size);
    if (array.items == NULL) {
        return;
    }
    array.count = (int32_t)count;
    for (size_t i = 0; i < count; i++) {
        randomise_value(randomiser, field, (char *)array.items + i * size);
    }
    set_array(member, array);
}

static void randomise_pointer(struct randomiser *randomiser, const struct dh_field *field,
                              void *member)
{
    if (can_be_null(field, randomiser->version) &&
        dh_random_below(randomiser->random, 2) == 0) {
        return;
    }
    void *item = randomiser_alloc(randomiser, 1, field->of->size);
    if (item != NULL) {
        randomise_struct(randomiser, field->of, item);
        set_pointer(member, item);
    }
}

static void randomise_struct(struct randomiser *randomiser, const struct dh_struct *type,
                             void *out)
{
    dh_struct_init(type, out);
    for (size_t i = 0; i < type->field_count && randomiser->err == 0; i++) {
        const struct dh_field *field = &type->fields[i];
        void *member = member_of(field, out);
        if (!dh_versions_has(field->versions, randomiser->version)) {
            continue;
        }
        if (field->is_array) {
            randomise_array(randomiser, field, member);
        } else if (is_pointer(field)) {
            randomise_pointer(randomiser, field, member);
        } else {
            randomise_value(randomiser, field, member);
        }
    }
}

int dh_message_randomise(const struct dh_message_type *type, int16_t version,
                         struct dh_random *random, struct dh_arena *arena, void *out)
{
    struct randomiser randomiser = {
        .random = random,
        .arena = arena,
        .version = version,
    };
    randomise_struct(&randomiser, &type->body, out);
    return randomiser.err;
}
