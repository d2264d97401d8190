// SPDX-License-Identifier: MIT
#include "coordinator/records.h"

#include <stdbool.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "wire/reader.h"
#include "wire/writer.h"

#define OFFSET_KEY_NUMBER    1
#define GROUP_KEY_NUMBER     2
#define KEY_VERSION          0
#define GROUP_VALUE_VERSION  3
#define OFFSET_VALUE_VERSION 4
// The only version with a time of expiry; it has no leader epoch.
#define OFFSET_VALUE_VERSION_EXPIRING 1

// Where a key and its value are in the buffer, which moves while it grows.
struct dh_group_record_place {
    size_t key_at;
    size_t key_size;
    size_t value_at;
    size_t value_size;
    bool is_tombstone;
};

int dh_group_record_read_key(dohle_bytes bytes, struct dh_arena *arena,
                             struct dh_group_record_key *key)
{
    *key = (struct dh_group_record_key){.kind = DH_GROUP_RECORD_OTHER, .partition = -1};
    struct dh_reader reader;
    dh_reader_init(&reader, bytes);
    key->number = dh_read_int16(&reader);
    if (reader.err != 0) {
        return reader.err;
    }
    if (key->number == GROUP_KEY_NUMBER) {
        struct dh_group_metadata_key group;
        int err = dh_message_decode(&dh_group_metadata_key_type, KEY_VERSION, &reader,
                                    arena, &group);
        key->kind = DH_GROUP_RECORD_GROUP;
        key->group = group.group;
        return err;
    }
    if (key->number == OFFSET_KEY_NUMBER || key->number == 0) {
        // The keys of kinds 0 and 1 have the same fields.
        struct dh_offset_commit_key offset;
        int err = dh_message_decode(&dh_offset_commit_key_type, KEY_VERSION, &reader,
                                    arena, &offset);
        key->kind =
            key->number == 0 ? DH_GROUP_RECORD_LEGACY_OFFSET : DH_GROUP_RECORD_OFFSET;
        key->group = offset.group;
        key->topic = offset.topic;
        key->partition = offset.partition;
        return err;
    }
    return 0;
}

static int read_value(const struct dh_message_type *type, dohle_bytes bytes,
                      struct dh_arena *arena, void *value)
{
    struct dh_reader reader;
    dh_reader_init(&reader, bytes);
    int16_t version = dh_read_int16(&reader);
    if (reader.err != 0) {
        return reader.err;
    }
    return dh_message_decode(type, version, &reader, arena, value);
}

int dh_group_record_read_group(dohle_bytes bytes, struct dh_arena *arena,
                               struct dh_group_metadata_value *value)
{
    return read_value(&dh_group_metadata_value_type, bytes, arena, value);
}

int dh_group_record_read_offset(dohle_bytes bytes, enum dh_group_record_kind kind,
                                struct dh_arena *arena,
                                struct dh_offset_commit_value *value)
{
    if (kind != DH_GROUP_RECORD_LEGACY_OFFSET) {
        return read_value(&dh_offset_commit_value_type, bytes, arena, value);
    }
    struct dh_legacy_offset_commit_value legacy;
    int err = read_value(&dh_legacy_offset_commit_value_type, bytes, arena, &legacy);
    if (err != 0) {
        return err;
    }
    dh_message_init(&dh_offset_commit_value_type, value);
    value->offset = legacy.offset;
    value->metadata = legacy.metadata;
    value->commit_timestamp = legacy.commit_timestamp;
    return 0;
}

void dh_group_records_init(struct dh_group_records *records, const dohle_allocator *mem)
{
    *records = (struct dh_group_records){.mem = mem};
    dh_buf_init(&records->bytes, mem, 0);
}

void dh_group_records_deinit(struct dh_group_records *records)
{
    if (records->views != NULL) {
        dh_mem_free(records->mem, records->views,
                    records->count * sizeof(*records->views));
    }
    dh_mem_free(records->mem, records->places,
                records->capacity * sizeof(*records->places));
    dh_buf_deinit(&records->bytes);
}

// The version, or the kind of a key, and the message behind it.
static void append(struct dh_group_records *records, int16_t number,
                   const struct dh_message_type *type, int16_t version,
                   const void *message)
{
    struct dh_writer writer;
    dh_writer_init(&writer, &records->bytes);
    dh_write_int16(&writer, number);
    int err = dh_message_encode(type, version, message, &writer);
    if (records->err == 0) {
        records->err = err;
    }
}

// value_type NULL: a tombstone.
static void add(struct dh_group_records *records, int16_t key_number,
                const struct dh_message_type *key_type, const void *key,
                const struct dh_message_type *value_type, int16_t value_version,
                const void *value)
{
    DH_ASSERT(records->views == NULL);
    if (records->err == 0) {
        records->err = dh_mem_grow(records->mem, &records->places, &records->capacity,
                                   records->count + 1, sizeof(*records->places));
    }
    if (records->err != 0) {
        return;
    }
    struct dh_group_record_place *place = &records->places[records->count];
    *place = (struct dh_group_record_place){.key_at = records->bytes.size,
                                            .is_tombstone = value_type == NULL};
    append(records, key_number, key_type, KEY_VERSION, key);
    place->key_size = records->bytes.size - place->key_at;
    place->value_at = records->bytes.size;
    if (value_type != NULL) {
        append(records, value_version, value_type, value_version, value);
        place->value_size = records->bytes.size - place->value_at;
    }
    records->count++;
}

void dh_group_records_add_group(struct dh_group_records *records, dohle_bytes group,
                                const struct dh_group_metadata_value *value)
{
    struct dh_group_metadata_key key = {.group = group};
    add(records, GROUP_KEY_NUMBER, &dh_group_metadata_key_type, &key,
        &dh_group_metadata_value_type, GROUP_VALUE_VERSION, value);
}

void dh_group_records_add_group_tombstone(struct dh_group_records *records,
                                          dohle_bytes group)
{
    struct dh_group_metadata_key key = {.group = group};
    add(records, GROUP_KEY_NUMBER, &dh_group_metadata_key_type, &key, NULL, 0, NULL);
}

void dh_group_records_add_offset(struct dh_group_records *records, dohle_bytes group,
                                 dohle_bytes topic, int32_t partition,
                                 const struct dh_offset_commit_value *value)
{
    struct dh_offset_commit_key key = {
        .group = group, .topic = topic, .partition = partition};
    int16_t version = value->expire_timestamp == -1 ? OFFSET_VALUE_VERSION
                                                    : OFFSET_VALUE_VERSION_EXPIRING;
    add(records, OFFSET_KEY_NUMBER, &dh_offset_commit_key_type, &key,
        &dh_offset_commit_value_type, version, value);
}

void dh_group_records_add_offset_tombstone(struct dh_group_records *records,
                                           dohle_bytes group, dohle_bytes topic,
                                           int32_t partition)
{
    struct dh_offset_commit_key key = {
        .group = group, .topic = topic, .partition = partition};
    add(records, OFFSET_KEY_NUMBER, &dh_offset_commit_key_type, &key, NULL, 0, NULL);
}

const struct dh_coordinator_record *
dh_group_records_views(struct dh_group_records *records)
{
    DH_ASSERT(records->count > 0 || records->err != 0);
    if (records->err != 0) {
        return NULL;
    }
    if (records->views == NULL) {
        records->views =
            dh_mem_calloc(records->mem, records->count, sizeof(*records->views));
        if (records->views == NULL) {
            records->err = DOHLE_ERR_NO_MEMORY;
            return NULL;
        }
    }
    const uint8_t *base = records->bytes.data;
    for (size_t i = 0; i < records->count; i++) {
        const struct dh_group_record_place *place = &records->places[i];
        records->views[i].key = (dohle_bytes){base + place->key_at, place->key_size};
        records->views[i].value =
            place->is_tombstone
                ? DH_BYTES_NULL
                : (dohle_bytes){base + place->value_at, place->value_size};
    }
    return records->views;
}
