// SPDX-License-Identifier: MIT
#include "broker/skeleton.h"

#include <string.h>

#include "base/bytes.h"
#include "broker/handlers.h"
#include "wire/uuid.h"

// As in every generated struct.
struct array {
    char *items;
    int32_t count;
};

static const struct dh_field *find_field(const struct dh_struct *type, const char *name)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (strcmp(type->fields[i].name, name) == 0) {
            return &type->fields[i];
        }
    }
    return NULL;
}

static const struct dh_field *first_entries(const struct dh_struct *type)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (type->fields[i].is_array && type->fields[i].kind == DH_KIND_STRUCT) {
            return &type->fields[i];
        }
    }
    DH_ASSERT(false);
    return NULL;
}

// What an entry is about. Other names may stand in both and mean different things
// (leader_epoch of OffsetForLeaderEpoch).
static const struct {
    const char *name;
    size_t size; // in the structs
} identity[] = {
    {"name", sizeof(dohle_bytes)},          {"topic", sizeof(dohle_bytes)},
    {"topic_id", sizeof(struct dh_uuid)},   {"partition", sizeof(int32_t)},
    {"partition_index", sizeof(int32_t)},   {"resource_type", sizeof(int8_t)},
    {"resource_name", sizeof(dohle_bytes)},
};

static void copy_identity(const struct dh_struct *from_type, const char *from,
                          const struct dh_struct *to_type, char *to)
{
    for (size_t i = 0; i < DH_COUNT_OF(identity); i++) {
        const struct dh_field *source = find_field(from_type, identity[i].name);
        const struct dh_field *target = find_field(to_type, identity[i].name);
        if (source != NULL && target != NULL) {
            DH_ASSERT(source->kind == target->kind);
            memcpy(to + target->offset, from + source->offset, identity[i].size);
        }
    }
}

// error_message is null beside it: there is none.
static void set_code(const struct dh_struct *type, char *entry, int16_t broker_code)
{
    const struct dh_field *code = find_field(type, "error_code");
    const struct dh_field *text = find_field(type, "error_message");
    DH_ASSERT(code != NULL && code->kind == DH_KIND_INT16);
    memcpy(entry + code->offset, &broker_code, sizeof(broker_code));
    if (text != NULL) {
        dohle_bytes none = DH_BYTES_NULL;
        memcpy(entry + text->offset, &none, sizeof(none));
    }
}

// Fills the first array of `to` from that of `from`. False: no memory.
static bool fill(struct dh_broker_request *request, const struct dh_struct *from_type,
                 const char *from, const struct dh_struct *to_type, char *to, int levels,
                 int16_t broker_code)
{
    const struct dh_field *source = first_entries(from_type);
    const struct dh_field *target = first_entries(to_type);
    struct array asked;
    memcpy(&asked, from + source->offset, sizeof(asked));
    asked.count = asked.count < 0 ? 0 : asked.count;
    struct array made = {
        .items = dh_arena_calloc(&request->arena, (size_t)asked.count, target->of->size),
        .count = asked.count,
    };
    if (made.items == NULL) {
        return false;
    }
    for (int32_t i = 0; i < made.count; i++) {
        const char *entry = asked.items + (size_t)i * source->of->size;
        char *answer = made.items + (size_t)i * target->of->size;
        dh_struct_init(target->of, answer);
        copy_identity(source->of, entry, target->of, answer);
        if (levels > 1) {
            if (!fill(request, source->of, entry, target->of, answer, levels - 1,
                      broker_code)) {
                return false;
            }
        } else {
            set_code(target->of, answer, broker_code);
        }
    }
    memcpy(to + target->offset, &made, sizeof(made));
    return true;
}

void *dh_broker_new_skeleton(struct dh_broker_request *request, int levels,
                             int16_t broker_code)
{
    char *response = dh_broker_new_response(request);
    bool is_filled = response != NULL &&
                     fill(request, &request->api->request->body, request->body,
                          &request->api->response->body, response, levels, broker_code);
    return is_filled ? response : NULL;
}
