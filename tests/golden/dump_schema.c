// SPDX-License-Identifier: MIT
/*
 * Prints the tables of wire/gen/ as JSON, one message a line, so that
 * check_schema.py can compare them with Kafka's definitions; with the argument
 * `list` only name, lowest and highest version, for MakeGolden.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "wire/gen/apis.h"
#include "wire/message.h"

static const char *kind_name(enum dh_field_kind kind)
{
    switch (kind) {
    case DH_KIND_BOOL: return "bool";
    case DH_KIND_INT8: return "int8";
    case DH_KIND_INT16: return "int16";
    case DH_KIND_UINT16: return "uint16";
    case DH_KIND_INT32: return "int32";
    case DH_KIND_UINT32: return "uint32";
    case DH_KIND_INT64: return "int64";
    case DH_KIND_FLOAT64: return "float64";
    case DH_KIND_UUID: return "uuid";
    case DH_KIND_STRING: return "string";
    case DH_KIND_BYTES: return "bytes";
    case DH_KIND_RECORDS: return "records";
    case DH_KIND_STRUCT: return "struct";
    }
    return "?";
}

static const char *role_name(enum dh_message_role role)
{
    switch (role) {
    case DH_MESSAGE_DATA: return "data";
    case DH_MESSAGE_REQUEST: return "request";
    case DH_MESSAGE_RESPONSE: return "response";
    case DH_MESSAGE_RECORD_KEY: return "coordinator-key";
    case DH_MESSAGE_RECORD_VALUE: return "coordinator-value";
    }
    return "?";
}

static void print_default(const struct dh_field *field)
{
    printf(", \"default\": ");
    switch (field->initial) {
    case DH_INITIALLY_NULL: printf("null"); break;
    case DH_INITIALLY_STRUCT: printf("\"empty\""); break;
    case DH_INITIALLY_ZERO: printf("%" PRId64, field->initial_number); break;
    }
}

static void print_fields(const struct dh_struct *type)
{
    printf("\"fields\": [");
    for (size_t i = 0; i < type->field_count; i++) {
        const struct dh_field *field = &type->fields[i];
        printf("%s{\"name\": \"%s\", \"type\": \"%s%s\", \"versions\": [%d, %d]",
               i == 0 ? "" : ", ", field->name, field->is_array ? "[]" : "",
               kind_name(field->kind), field->versions.min, field->versions.max);
        if (field->is_nullable) {
            printf(", \"nullable\": [%d, %d]", field->nullable.min, field->nullable.max);
        }
        if (field->is_tagged) {
            printf(", \"tag\": %d", field->tag);
        }
        print_default(field);
        printf(", \"ignorable\": %s, \"compact\": %s",
               field->is_ignorable ? "true" : "false",
               field->is_not_compact ? "false" : "true");
        if (field->of != NULL) {
            printf(", ");
            print_fields(field->of);
        }
        printf("}");
    }
    printf("]");
}

static void print_message(const struct dh_message_type *type)
{
    printf("{\"name\": \"%s\", \"role\": \"%s\", \"key\": %d, ", type->name,
           role_name(type->role), type->key);
    printf("\"versions\": [%d, %d], ", type->versions.min, type->versions.max);
    if (type->flexible_from != DH_FLEXIBLE_NEVER) {
        printf("\"flexible\": %d, ", type->flexible_from);
    }
    print_fields(&type->body);
    printf("}\n");
}

int main(int argc, char **argv)
{
    bool is_list = argc > 1 && strcmp(argv[1], "list") == 0;
    for (size_t i = 0; i < dh_message_count; i++) {
        const struct dh_message_type *type = dh_messages[i];
        if (is_list) {
            printf("%s %d %d\n", type->name, type->versions.min, type->versions.max);
        } else {
            print_message(type);
        }
    }
    return 0;
}
