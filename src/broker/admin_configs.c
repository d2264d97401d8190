// SPDX-License-Identifier: MIT
#include "broker/admin_configs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/strings.h"
#include "broker/handlers.h"
#include "broker/nodes.h"
#include "broker/settings.h"
#include "broker/topic_name.h"
#include "broker/topics.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/describe_configs.h"

// Types of resources (ConfigResource.Type).
#define RESOURCE_TOPIC          2
#define RESOURCE_BROKER         4
#define RESOURCE_LOGGER         8
#define RESOURCE_CLIENT_METRICS 16
#define RESOURCE_GROUP          32

typedef struct dh_describe_configs_response_result_config config_row;
typedef struct dh_describe_configs_response_result_config_synonym synonym_row;

// ---- Shared ----

// A text that may be null, in the arena. False: no memory.
static bool copy(struct dh_broker_request *request, const char *text, dohle_bytes *out)
{
    *out = DH_BYTES_NULL;
    if (text != NULL) {
        *out = dh_broker_copy_text(request, text);
    }
    return text == NULL || !dh_bytes_is_null(*out);
}

bool dh_broker_list_created_configs(struct dh_broker_request *request,
                                    const struct dh_broker_topic_config *config,
                                    struct dh_create_topics_response_topic *out)
{
    out->configs.items = dh_arena_calloc(&request->arena, dh_broker_topic_setting_count,
                                         sizeof(out->configs.items[0]));
    for (size_t i = 0; out->configs.items != NULL && i < dh_broker_topic_setting_count;
         i++) {
        const struct dh_broker_topic_setting *setting = &dh_broker_topic_setting_table[i];
        if (setting->is_internal) {
            continue;
        }
        enum dh_broker_config_source source;
        struct dh_broker_setting_made made;
        const char *text =
            dh_broker_topic_config_text(request->broker, config, setting, &source, &made);
        struct dh_create_topics_response_topic_config *row =
            &out->configs.items[out->configs.count++];
        row->name = dh_bytes_of(setting->name);
        row->config_source = (int8_t)source;
        if (!copy(request, text, &row->value)) {
            return false;
        }
    }
    return out->configs.items != NULL;
}

// Whether a setting is among those asked for; null and none: all.
static bool is_wanted(const struct dh_describe_configs_request_resource *asked,
                      const char *name)
{
    for (int32_t i = 0; i < asked->configuration_keys.count; i++) {
        if (dh_bytes_equal(asked->configuration_keys.items[i], dh_bytes_of(name))) {
            return true;
        }
    }
    return asked->configuration_keys.count <= 0;
}

// ---- A topic's ----

static void add_synonym(config_row *row, const char *name, dohle_bytes value,
                        int8_t source)
{
    row->synonyms.items[row->synonyms.count++] =
        (synonym_row){.name = dh_bytes_of(name), .value = value, .source = source};
}

// The values behind the one in force, the strongest first. Texts are static, or the topic's.
static bool fill_topic_synonyms(struct dh_broker_request *request,
                                const struct dh_broker_topic_setting *setting,
                                config_row *row)
{
    const struct dh_broker *broker = request->broker;
    const struct dh_broker_setting *below =
        dh_broker_topic_setting_broker(broker, setting);
    row->synonyms.items =
        dh_arena_calloc(&request->arena, 3, sizeof(row->synonyms.items[0]));
    if (row->synonyms.items == NULL) {
        return false;
    }
    if (row->config_source == DH_BROKER_SOURCE_DYNAMIC_TOPIC) {
        add_synonym(row, setting->name, row->value, DH_BROKER_SOURCE_DYNAMIC_TOPIC);
    }
    if (below == NULL) {
        return true;
    }
    if (dh_broker_setting_is_set(broker, below)) {
        dohle_bytes value;
        if (!copy(request, dh_broker_setting_text(broker, below), &value)) {
            return false;
        }
        add_synonym(row, below->name, value, DH_BROKER_SOURCE_STATIC_BROKER);
    }
    if (below->standard != NULL) {
        add_synonym(row, below->name, dh_bytes_of(below->standard),
                    DH_BROKER_SOURCE_DEFAULT);
    }
    return true;
}

static bool fill_topic_row(struct dh_broker_request *request,
                           const struct dh_broker_topic *topic,
                           const struct dh_broker_topic_setting *setting, config_row *row)
{
    const struct dh_describe_configs_request *asked = request->body;
    enum dh_broker_config_source source;
    struct dh_broker_setting_made made;
    const char *text = dh_broker_topic_config_text(request->broker, topic->config,
                                                   setting, &source, &made);
    row->name = dh_bytes_of(setting->name);
    row->config_source = (int8_t)source;
    row->config_type = (int8_t)setting->type;
    return copy(request, text, &row->value) &&
           (!asked->include_synonyms || fill_topic_synonyms(request, setting, row));
}

static bool new_rows(struct dh_broker_request *request,
                     struct dh_describe_configs_response_result *out, size_t count)
{
    out->configs.items =
        dh_arena_calloc(&request->arena, count, sizeof(out->configs.items[0]));
    for (size_t i = 0; out->configs.items != NULL && i < count; i++) {
        dh_struct_init(&dh_describe_configs_response_result_config_struct,
                       &out->configs.items[i]);
        out->configs.items[i].documentation = DH_BYTES_NULL;
    }
    return out->configs.items != NULL;
}

static int16_t describe_topic(struct dh_broker_request *request,
                              const struct dh_describe_configs_request_resource *asked,
                              struct dh_describe_configs_response_result *out, char *text,
                              size_t size)
{
    if (!dh_broker_topic_name_check(asked->resource_name, text, size)) {
        return DH_BROKER_INVALID_TOPIC_EXCEPTION;
    }
    const struct dh_broker_topic *topic =
        dh_broker_topics_find(request->broker, asked->resource_name);
    text[0] = '\0';
    if (topic == NULL) {
        return DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (!new_rows(request, out, dh_broker_topic_setting_count)) {
        return DH_BROKER_UNKNOWN_SERVER_ERROR;
    }
    for (size_t i = 0; i < dh_broker_topic_setting_count; i++) {
        const struct dh_broker_topic_setting *setting = &dh_broker_topic_setting_table[i];
        if (!setting->is_internal && is_wanted(asked, setting->name) &&
            !fill_topic_row(request, topic, setting,
                            &out->configs.items[out->configs.count++])) {
            return DH_BROKER_UNKNOWN_SERVER_ERROR;
        }
    }
    return 0;
}

// ---- A node's ----

// What each node has for itself. False: no memory; *text stays when it is not such a setting.
static bool node_text(struct dh_broker_request *request,
                      const struct dh_broker_setting *setting,
                      const struct dh_broker_node *node, dohle_bytes *text, bool *is_own)
{
    char own[128];
    *is_own = true;
    if (strcmp(setting->name, "node.id") == 0 ||
        strcmp(setting->name, "broker.id") == 0) {
        snprintf(own, sizeof(own), "%" PRId32, node->id);
    } else if (strcmp(setting->name, "listeners") == 0 ||
               strcmp(setting->name, "advertised.listeners") == 0) {
        snprintf(own, sizeof(own), "PLAINTEXT://%s:%" PRId32, node->host, node->port);
    } else if (strcmp(setting->name, "broker.rack") == 0 && node->rack != NULL) {
        return copy(request, node->rack, text);
    } else {
        *is_own = false;
        return true;
    }
    return copy(request, own, text);
}

static bool fill_broker_row(struct dh_broker_request *request,
                            const struct dh_broker_node *node,
                            const struct dh_broker_setting *setting, config_row *row)
{
    const struct dh_broker *broker = request->broker;
    const struct dh_describe_configs_request *asked = request->body;
    bool is_own;
    row->name = dh_bytes_of(setting->name);
    row->read_only = !setting->is_dynamic;
    row->config_type = (int8_t)setting->type;
    row->is_sensitive = setting->type == DH_BROKER_SETTING_PASSWORD;
    if (!copy(request, dh_broker_setting_text(broker, setting), &row->value) ||
        !node_text(request, setting, node, &row->value, &is_own)) {
        return false;
    }
    bool is_set = is_own || dh_broker_setting_is_set(broker, setting);
    row->config_source =
        is_set ? DH_BROKER_SOURCE_STATIC_BROKER : DH_BROKER_SOURCE_DEFAULT;
    if (!asked->include_synonyms) {
        return true;
    }
    row->synonyms.items =
        dh_arena_calloc(&request->arena, 2, sizeof(row->synonyms.items[0]));
    if (row->synonyms.items == NULL) {
        return false;
    }
    if (is_set) {
        add_synonym(row, setting->name, row->value, DH_BROKER_SOURCE_STATIC_BROKER);
    }
    if (setting->standard != NULL) {
        add_synonym(row, setting->name, dh_bytes_of(setting->standard),
                    DH_BROKER_SOURCE_DEFAULT);
    }
    return true;
}

// Checks that a resource names this node. Returns 0, or INVALID_REQUEST with Kafka's text.
static int16_t check_node(const struct dh_broker_request *request, dohle_bytes name,
                          char *text, size_t size)
{
    int64_t id = 0;
    if (dh_parse_int64(name, INT32_MIN, INT32_MAX, &id) != 0) {
        snprintf(text, size, "Broker id must be an integer, but it is: %.*s",
                 name.size > 100 ? 100 : (int)name.size, (const char *)name.data);
        return DH_BROKER_INVALID_REQUEST;
    }
    if (id != request->node->id) {
        snprintf(text, size,
                 "Unexpected broker id, expected %" PRId32
                 " or empty string, but received %" PRId64,
                 request->node->id, id);
        return DH_BROKER_INVALID_REQUEST;
    }
    return 0;
}

static int16_t describe_node(struct dh_broker_request *request,
                             const struct dh_describe_configs_request_resource *asked,
                             struct dh_describe_configs_response_result *out, char *text,
                             size_t size)
{
    if (asked->resource_name.size == 0) {
        return 0; // the defaults of the cluster: none was ever changed
    }
    int16_t code = check_node(request, asked->resource_name, text, size);
    if (code != 0) {
        return code;
    }
    if (!new_rows(request, out, dh_broker_setting_count)) {
        return DH_BROKER_UNKNOWN_SERVER_ERROR;
    }
    for (size_t i = 0; i < dh_broker_setting_count; i++) {
        const struct dh_broker_setting *setting = &dh_broker_setting_table[i];
        if (is_wanted(asked, setting->name) &&
            !fill_broker_row(request, request->node, setting,
                             &out->configs.items[out->configs.count++])) {
            return DH_BROKER_UNKNOWN_SERVER_ERROR;
        }
    }
    return 0;
}

// ---- DescribeConfigs ----

static int16_t describe_one(struct dh_broker_request *request,
                            const struct dh_describe_configs_request_resource *asked,
                            struct dh_describe_configs_response_result *out, char *text,
                            size_t size)
{
    text[0] = '\0';
    switch (asked->resource_type) {
    case RESOURCE_TOPIC: return describe_topic(request, asked, out, text, size);
    case RESOURCE_BROKER: return describe_node(request, asked, out, text, size);
    case RESOURCE_LOGGER:
    case RESOURCE_CLIENT_METRICS:
    case RESOURCE_GROUP: return 0; // nothing can be set for them here
    }
    snprintf(text, size, "Unexpected resource type %d", asked->resource_type);
    return DH_BROKER_INVALID_REQUEST;
}

static struct dh_describe_configs_response *
new_described(struct dh_broker_request *request)
{
    const struct dh_describe_configs_request *asked = request->body;
    struct dh_describe_configs_response *response = dh_broker_new_response(request);
    size_t count = (size_t)asked->resources.count;
    if (response != NULL) {
        response->results.items =
            dh_arena_calloc(&request->arena, count, sizeof(response->results.items[0]));
    }
    if (response == NULL || response->results.items == NULL) {
        return NULL;
    }
    response->results.count = asked->resources.count;
    for (size_t i = 0; i < count; i++) {
        struct dh_describe_configs_response_result *out = &response->results.items[i];
        dh_struct_init(&dh_describe_configs_response_result_struct, out);
        out->resource_type = asked->resources.items[i].resource_type;
        out->resource_name = asked->resources.items[i].resource_name;
    }
    return response;
}

void dh_broker_handle_describe_configs(struct dh_broker *broker,
                                       struct dh_broker_request *request)
{
    (void)broker;
    const struct dh_describe_configs_request *asked = request->body;
    struct dh_describe_configs_response *response = new_described(request);
    if (response == NULL) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    for (int32_t i = 0; i < asked->resources.count; i++) {
        struct dh_describe_configs_response_result *out = &response->results.items[i];
        char text[DH_BROKER_TOPICS_TEXT_MAX];
        out->error_code =
            describe_one(request, &asked->resources.items[i], out, text, sizeof(text));
        if (out->error_code != 0) {
            out->configs.count = 0;
            out->error_message = dh_broker_copy_text(request, text);
        }
    }
    dh_broker_answer(request, response);
}

void *dh_broker_refuse_describe_configs(struct dh_broker_request *request,
                                        int16_t broker_code)
{
    struct dh_describe_configs_response *response = new_described(request);
    for (int32_t i = 0; response != NULL && i < response->results.count; i++) {
        response->results.items[i].error_code = broker_code;
    }
    return response;
}
