// SPDX-License-Identifier: MIT
#include "broker/inspect.h"

#include <string.h>

#include "base/bytes.h"
#include "base/strings.h"
#include "broker/line.h"
#include "broker/topics.h"
#include "wire/gen/apis.h"

// What every array member of a generated struct looks like (wire/message.c).
struct array {
    const char *items;
    int32_t count;
};

static struct array array_at(const void *member)
{
    struct array array;
    memcpy(&array, member, sizeof(array));
    return array;
}

static bool is_named(const struct dh_field *field, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (strcmp(field->name, *names) == 0) {
            return true;
        }
    }
    return false;
}

/*
 * What fields of requests mean, by their names. `name` is a topic's only inside of these lists of
 * topics: settings and protocols have names, too.
 */
static const char *const group_names[] = {"group_id", "key", NULL};
static const char *const member_names[] = {"member_id", NULL};
static const char *const topic_id_names[] = {"topic_id", NULL};
static const char *const topic_names[] = {"topic", "name", NULL};
static const char *const partition_names[] = {"partition", "partition_index", "index",
                                              NULL};
static const char *const group_lists[] = {"groups", "groups_names", "coordinator_keys",
                                          NULL};
static const char *const topic_name_lists[] = {"topic_names", NULL};
static const char *const partition_lists[] = {"partition_indexes", NULL};
static const char *const struct_lists[] = {
    "topics", "topic_data", "partitions", "partition_data", "groups", "members", NULL};
static const char *const topic_struct_lists[] = {"topics", "topic_data", NULL};

// What a field says about its struct, as a bit of DH_BROKER_ABOUT_*; 0: nothing.
static unsigned field_about(const struct dh_field *field, bool is_topic)
{
    if (field->is_array) {
        if (field->kind == DH_KIND_STRING) {
            return is_named(field, group_lists)        ? DH_BROKER_ABOUT_GROUP
                   : is_named(field, topic_name_lists) ? DH_BROKER_ABOUT_TOPIC
                                                       : 0;
        }
        bool is_list = field->kind == DH_KIND_INT32 && is_named(field, partition_lists);
        return is_list ? DH_BROKER_ABOUT_PARTITION : 0;
    }
    switch (field->kind) {
    case DH_KIND_STRING:
        if (is_named(field, group_names)) {
            return DH_BROKER_ABOUT_GROUP;
        }
        if (is_named(field, member_names)) {
            return DH_BROKER_ABOUT_MEMBER;
        }
        return is_topic && is_named(field, topic_names) ? DH_BROKER_ABOUT_TOPIC : 0;
    case DH_KIND_UUID: return is_named(field, topic_id_names) ? DH_BROKER_ABOUT_TOPIC : 0;
    case DH_KIND_INT32:
        return is_named(field, partition_names) ? DH_BROKER_ABOUT_PARTITION : 0;
    case DH_KIND_BOOL:
    case DH_KIND_INT8:
    case DH_KIND_INT16:
    case DH_KIND_UINT16:
    case DH_KIND_UINT32:
    case DH_KIND_INT64:
    case DH_KIND_FLOAT64:
    case DH_KIND_BYTES:
    case DH_KIND_RECORDS:
    case DH_KIND_STRUCT: return 0;
    }
    DH_ASSERT(false);
    return 0;
}

static bool is_struct_list(const struct dh_field *field)
{
    return field->is_array && field->kind == DH_KIND_STRUCT &&
           is_named(field, struct_lists);
}

// ---- Requests ----

struct walk {
    const struct dh_broker *broker;
    int16_t version;
    bool (*tell)(void *ctx, const struct dh_broker_subject *subject);
    void *ctx;
    bool is_over;
};

static void tell_one(struct walk *walk, const struct dh_broker_subject *subject)
{
    if (!walk->is_over) {
        walk->is_over = !walk->tell(walk->ctx, subject);
    }
}

static void set_topic_by_id(const struct walk *walk, const void *member,
                            struct dh_broker_subject *subject)
{
    struct dh_uuid id;
    memcpy(&id, member, sizeof(id));
    if (dh_uuid_is_zero(&id)) {
        return;
    }
    const struct dh_broker_topic *topic = dh_broker_topics_find_id(walk->broker, &id);
    subject->topic = topic == NULL ? DH_BYTES("") : dh_bytes_of(topic->name);
}

static void set_text(const void *member, dohle_bytes *text)
{
    dohle_bytes value;
    memcpy(&value, member, sizeof(value));
    if (value.data != NULL) {
        *text = value;
    }
}

// Takes over what one field that is no array says.
static void set_field(const struct walk *walk, const struct dh_field *field,
                      unsigned about, const void *member,
                      struct dh_broker_subject *subject)
{
    if (field->kind == DH_KIND_UUID) {
        set_topic_by_id(walk, member, subject);
    } else if (about == DH_BROKER_ABOUT_GROUP) {
        set_text(member, &subject->group);
    } else if (about == DH_BROKER_ABOUT_MEMBER) {
        set_text(member, &subject->member);
    } else if (about == DH_BROKER_ABOUT_TOPIC) {
        set_text(member, &subject->topic);
    } else if (about == DH_BROKER_ABOUT_PARTITION) {
        memcpy(&subject->partition, member, sizeof(subject->partition));
    }
}

// Tells one for each text or number of an array.
static void tell_each(struct walk *walk, unsigned about, struct array array,
                      struct dh_broker_subject subject)
{
    for (int32_t i = 0; i < array.count; i++) {
        if (about == DH_BROKER_ABOUT_PARTITION) {
            memcpy(&subject.partition, array.items + (size_t)i * sizeof(int32_t),
                   sizeof(int32_t));
        } else {
            dohle_bytes *text =
                about == DH_BROKER_ABOUT_GROUP ? &subject.group : &subject.topic;
            memcpy(text, array.items + (size_t)i * sizeof(dohle_bytes),
                   sizeof(dohle_bytes));
        }
        tell_one(walk, &subject);
    }
}

static void walk_struct(struct walk *walk, const struct dh_struct *type, const void *item,
                        struct dh_broker_subject subject, bool is_topic)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct dh_field *field = &type->fields[i];
        unsigned about = field_about(field, is_topic);
        if (about != 0 && !field->is_array &&
            dh_versions_has(field->versions, walk->version)) {
            set_field(walk, field, about, (const char *)item + field->offset, &subject);
        }
    }
    bool has_parts = false;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct dh_field *field = &type->fields[i];
        unsigned about = field_about(field, is_topic);
        bool is_list = is_struct_list(field);
        if (!field->is_array || (about == 0 && !is_list) ||
            !dh_versions_has(field->versions, walk->version)) {
            continue;
        }
        struct array array = array_at((const char *)item + field->offset);
        has_parts = has_parts || array.count > 0;
        if (!is_list) {
            tell_each(walk, about, array, subject);
            continue;
        }
        for (int32_t j = 0; j < array.count && !walk->is_over; j++) {
            walk_struct(walk, field->of, array.items + (size_t)j * field->of->size,
                        subject, is_named(field, topic_struct_lists));
        }
    }
    if (!has_parts) {
        tell_one(walk, &subject);
    }
}

void dh_broker_inspect_request(const struct dh_broker *broker, const struct dh_api *api,
                               int16_t version, const void *body,
                               bool (*tell)(void *ctx,
                                            const struct dh_broker_subject *subject),
                               void *ctx)
{
    struct walk walk = {.broker = broker, .version = version, .tell = tell, .ctx = ctx};
    struct dh_broker_subject nothing = {.partition = -1};
    walk_struct(&walk, &api->request->body, body, nothing, false);
}

static unsigned struct_about(const struct dh_struct *type, bool is_topic)
{
    unsigned about = 0;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct dh_field *field = &type->fields[i];
        about |= field_about(field, is_topic);
        if (is_struct_list(field)) {
            about |= struct_about(field->of, is_named(field, topic_struct_lists));
        }
    }
    return about;
}

unsigned dh_broker_inspect_about(const struct dh_api *api)
{
    return struct_about(&api->request->body, false);
}

// ---- Answers ----

// Visits every field of an answer, those of nested structs too.
struct visit {
    int16_t version;
    void (*see)(struct visit *visit, const struct dh_field *field, const void *member);
    int16_t *codes;
    size_t count;
    size_t max;
    size_t index;
    dohle_bytes records;
};

static void visit_struct(struct visit *visit, const struct dh_struct *type,
                         const void *item)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct dh_field *field = &type->fields[i];
        const char *member = (const char *)item + field->offset;
        if (!dh_versions_has(field->versions, visit->version)) {
            continue;
        }
        if (field->kind != DH_KIND_STRUCT) {
            visit->see(visit, field, member);
        } else if (field->is_array) {
            struct array array = array_at(member);
            for (int32_t j = 0; j < array.count; j++) {
                visit_struct(visit, field->of, array.items + (size_t)j * field->of->size);
            }
        } else if (!field->is_nullable) {
            visit_struct(visit, field->of, member);
        } else {
            const void *pointer;
            memcpy(&pointer, member, sizeof(pointer));
            if (pointer != NULL) {
                visit_struct(visit, field->of, pointer);
            }
        }
    }
}

static void see_code(struct visit *visit, const struct dh_field *field,
                     const void *member)
{
    int16_t code;
    if (field->kind != DH_KIND_INT16 || field->is_array ||
        strcmp(field->name, "error_code") != 0) {
        return;
    }
    memcpy(&code, member, sizeof(code));
    for (size_t i = 0; i < visit->count; i++) {
        if (visit->codes[i] == code) {
            return;
        }
    }
    if (code != 0 && visit->count < visit->max) {
        visit->codes[visit->count++] = code;
    }
}

size_t dh_broker_inspect_codes(const struct dh_api *api, int16_t version,
                               const void *response, int16_t *codes, size_t max)
{
    struct visit visit = {
        .version = version, .see = see_code, .codes = codes, .max = max};
    visit_struct(&visit, &api->response->body, response);
    return visit.count;
}

static void see_records(struct visit *visit, const struct dh_field *field,
                        const void *member)
{
    dohle_bytes records;
    if (field->kind != DH_KIND_RECORDS || field->is_array) {
        return;
    }
    memcpy(&records, member, sizeof(records));
    if (records.size > 0 && visit->index-- == 0) {
        visit->records = records;
    }
}

dohle_bytes dh_broker_inspect_records(const struct dh_api *api, int16_t version,
                                      const void *response, size_t index)
{
    struct visit visit = {.version = version, .see = see_records, .index = index};
    visit_struct(&visit, &api->response->body, response);
    return visit.records;
}

// ---- Names ----

// Without '_' and '-', cut at what fits.
static dohle_bytes squeezed(dohle_bytes name, uint8_t *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < name.size && used < size; i++) {
        if (name.data[i] != '_' && name.data[i] != '-') {
            out[used++] = name.data[i];
        }
    }
    return (dohle_bytes){out, used};
}

const struct dh_api *dh_broker_inspect_api(dohle_bytes name, const char **similar)
{
    const char *names[DH_API_KEY_END];
    size_t count = 0;
    uint8_t place[64];
    dohle_bytes plain = squeezed(name, place, sizeof(place));
    int64_t key;
    if (dh_parse_int64(name, 0, INT16_MAX, &key) == 0) {
        *similar = NULL;
        return dh_api_find((int16_t)key);
    }
    for (size_t i = 0; i < dh_api_count; i++) {
        if (dh_equal_ignoring_case(plain, dh_bytes_of(dh_apis[i].name))) {
            return &dh_apis[i];
        }
        names[count++] = dh_apis[i].name;
    }
    *similar = dh_broker_line_similar(plain, names, count);
    return NULL;
}
