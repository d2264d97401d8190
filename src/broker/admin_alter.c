// SPDX-License-Identifier: MIT
/*
 * AlterConfigs, which replaces all that was set for a topic, and IncrementalAlterConfigs.
 * Source: ControllerApis, ConfigurationControlManager, ConfigAdminManager in Apache
 * Kafka 4.4.
 */
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/strings.h"
#include "broker/faults.h"
#include "broker/handlers.h"
#include "broker/saves.h"
#include "broker/skeleton.h"
#include "broker/topic_config.h"
#include "broker/topics.h"
#include "wire/gen/alter_configs.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/incremental_alter_configs.h"

// Levels of the answers' skeletons.
#define RESOURCES 1

#define RESOURCE_TOPIC  2
#define RESOURCE_BROKER 4
#define SHOWN_SIZE_MAX  200

// What both APIs have in common of one setting.
struct change {
    dohle_bytes name;
    dohle_bytes value;
    int8_t operation;
};

enum operation {
    OPERATION_SET = 0,
    OPERATION_DELETE = 1,
    OPERATION_APPEND = 2,
    OPERATION_SUBTRACT = 3,
};

// One resource of a request.
struct alteration {
    struct dh_broker_request *request;
    int8_t type;
    dohle_bytes name;
    const struct change *changes; // in the arena
    size_t count;
    bool is_whole; // AlterConfigs: what is not named goes back to the default
    bool validate_only;
    char text[DH_BROKER_TOPICS_TEXT_MAX];
};

static int shown(dohle_bytes text)
{
    return text.size > SHOWN_SIZE_MAX ? SHOWN_SIZE_MAX : (int)text.size;
}

static bool list_has(dohle_bytes list, dohle_bytes word)
{
    dohle_bytes part;
    while (dh_list_next(&list, &part)) {
        if (dh_bytes_equal(part, word)) {
            return true;
        }
    }
    return false;
}

static void add_word(dohle_bytes word, char *at, size_t *used)
{
    if (*used > 0) {
        at[(*used)++] = ',';
    }
    memcpy(at + *used, word.data, word.size);
    *used += word.size;
}

/*
 * The list with the words added that it does not have, or without the words. Null: no
 * memory.
 */
static dohle_bytes change_list(struct dh_broker_request *request, dohle_bytes list,
                               dohle_bytes words, bool is_append)
{
    char *made = dh_arena_alloc(&request->arena, list.size + words.size + 2);
    size_t used = 0;
    dohle_bytes rest = list;
    dohle_bytes part;
    if (made == NULL) {
        return DH_BYTES_NULL;
    }
    while (dh_list_next(&rest, &part)) {
        if (is_append || !list_has(words, part)) {
            add_word(part, made, &used);
        }
    }
    rest = words;
    while (is_append && dh_list_next(&rest, &part)) {
        if (!list_has(list, part)) {
            add_word(part, made, &used);
        }
    }
    return (dohle_bytes){(const uint8_t *)made, used};
}

static int16_t change_words(struct alteration *alteration, const struct change *change,
                            struct dh_broker_topic_config *config)
{
    const struct dh_broker *broker = alteration->request->broker;
    const struct dh_broker_topic_setting *setting =
        dh_broker_topic_setting_find(change->name);
    bool is_append = change->operation == OPERATION_APPEND;
    if (setting != NULL && setting->type != DH_BROKER_SETTING_LIST) {
        snprintf(alteration->text, sizeof(alteration->text),
                 "Can't %s key %s because its type is not LIST.",
                 is_append ? "APPEND to" : "SUBTRACT from", setting->name);
        return DH_BROKER_INVALID_CONFIG;
    }
    dohle_bytes value = change->value;
    if (setting != NULL) {
        enum dh_broker_config_source source;
        struct dh_broker_setting_made made;
        const char *before =
            dh_broker_topic_config_text(broker, config, setting, &source, &made);
        value =
            change_list(alteration->request, dh_bytes_of(before == NULL ? "" : before),
                        change->value, is_append);
        if (dh_bytes_is_null(value)) {
            return DH_BROKER_UNKNOWN_SERVER_ERROR;
        }
    }
    return dh_broker_topic_config_set(broker, config, change->name, value,
                                      alteration->text, sizeof(alteration->text));
}

static int16_t apply(struct alteration *alteration, const struct change *change,
                     struct dh_broker_topic_config *config)
{
    const struct dh_broker *broker = alteration->request->broker;
    if (change->operation != OPERATION_DELETE && dh_bytes_is_null(change->value)) {
        snprintf(alteration->text, sizeof(alteration->text),
                 "Null value not supported for : %.*s", shown(change->name),
                 (const char *)change->name.data);
        return DH_BROKER_INVALID_REQUEST;
    }
    switch (change->operation) {
    case OPERATION_SET:
        return dh_broker_topic_config_set(broker, config, change->name, change->value,
                                          alteration->text, sizeof(alteration->text));
    case OPERATION_DELETE:
        // Kafka does not mind when there is no such setting.
        if (dh_broker_topic_setting_find(change->name) == NULL) {
            return 0;
        }
        return dh_broker_topic_config_set(broker, config, change->name, DH_BYTES_NULL,
                                          alteration->text, sizeof(alteration->text));
    case OPERATION_APPEND:
    case OPERATION_SUBTRACT: return change_words(alteration, change, config);
    }
    snprintf(alteration->text, sizeof(alteration->text), "Unknown config operation %d",
             change->operation);
    return DH_BROKER_INVALID_REQUEST;
}

static bool has_duplicates(const struct alteration *alteration)
{
    for (size_t i = 0; i < alteration->count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (dh_bytes_equal(alteration->changes[i].name,
                               alteration->changes[j].name)) {
                return true;
            }
        }
    }
    return false;
}

static int16_t alter_config(struct alteration *alteration, struct dh_broker_topic *topic,
                            struct dh_broker_topic_config *config)
{
    int16_t code = 0;
    for (size_t i = 0; i < alteration->count && code == 0; i++) {
        code = apply(alteration, &alteration->changes[i], config);
    }
    if (code == 0) {
        code = dh_broker_topic_config_check(config, alteration->text,
                                            sizeof(alteration->text));
    }
    if (code == 0 && !alteration->validate_only) {
        code = dh_broker_topics_set_config(alteration->request->broker, topic, config);
    }
    return code;
}

static int16_t alter_topic(struct alteration *alteration)
{
    struct dh_broker *broker = alteration->request->broker;
    struct dh_broker_topic *topic = dh_broker_topics_find(broker, alteration->name);
    if (topic == NULL) {
        snprintf(alteration->text, sizeof(alteration->text),
                 "The topic '%.*s' does not exist.", shown(alteration->name),
                 (const char *)alteration->name.data);
        return DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
    }
    int16_t fault = dh_broker_faults_partition(alteration->request, alteration->name, -1);
    if (fault != 0) {
        return fault;
    }
    struct dh_broker_topic_config config;
    if (alteration->is_whole) {
        dh_broker_topic_config_init(&config, broker);
    } else if (dh_broker_topic_config_copy(broker, &config, topic->config) != 0) {
        return DH_BROKER_UNKNOWN_SERVER_ERROR;
    }
    int16_t code = alter_config(alteration, topic, &config);
    dh_broker_topic_config_deinit(&config, broker);
    return code;
}

// More changes of one resource than there are settings make no sense.
#define CHANGES_MAX 400

static int16_t alter_one(struct alteration *alteration)
{
    alteration->text[0] = '\0';
    if (alteration->count > CHANGES_MAX) {
        snprintf(alteration->text, sizeof(alteration->text),
                 "More than %d changes of one resource", CHANGES_MAX);
        return DH_BROKER_INVALID_REQUEST;
    }
    if (has_duplicates(alteration)) {
        snprintf(alteration->text, sizeof(alteration->text),
                 "Error due to duplicate config keys");
        return DH_BROKER_INVALID_REQUEST;
    }
    if (alteration->type == RESOURCE_TOPIC) {
        return alter_topic(alteration);
    }
    if (alteration->type == RESOURCE_BROKER && alteration->count > 0) {
        // Those of a node are read once at start.
        snprintf(alteration->text, sizeof(alteration->text),
                 "Cannot update these configs dynamically: [%.*s]",
                 shown(alteration->changes[0].name),
                 (const char *)alteration->changes[0].name.data);
        return DH_BROKER_INVALID_REQUEST;
    }
    if (alteration->type == RESOURCE_BROKER) {
        return 0;
    }
    snprintf(alteration->text, sizeof(alteration->text), "Unexpected resource type %d",
             alteration->type);
    return DH_BROKER_INVALID_REQUEST;
}

// Room for the changes of one resource. NULL: no memory.
static struct change *new_changes(struct dh_broker_request *request, int32_t count)
{
    return dh_arena_calloc(&request->arena, (size_t)count, sizeof(struct change));
}

// ---- IncrementalAlterConfigs ----

void dh_broker_handle_incremental_alter_configs(struct dh_broker *broker,
                                                struct dh_broker_request *request)
{
    (void)broker;
    const struct dh_incremental_alter_configs_request *asked = request->body;
    struct dh_incremental_alter_configs_response *response =
        dh_broker_new_skeleton(request, RESOURCES, 0);
    for (int32_t i = 0; response != NULL && i < asked->resources.count; i++) {
        const struct dh_incremental_alter_configs_request_resource *resource =
            &asked->resources.items[i];
        struct change *changes = new_changes(request, resource->configs.count);
        if (changes == NULL) {
            response = NULL;
            break;
        }
        for (int32_t c = 0; c < resource->configs.count; c++) {
            changes[c] = (struct change){
                .name = resource->configs.items[c].name,
                .value = resource->configs.items[c].value,
                .operation = resource->configs.items[c].config_operation,
            };
        }
        struct alteration alteration = {
            .request = request,
            .type = resource->resource_type,
            .name = resource->resource_name,
            .changes = changes,
            .count = (size_t)resource->configs.count,
            .validate_only = asked->validate_only,
        };
        struct dh_incremental_alter_configs_response_response *out =
            &response->responses.items[i];
        out->error_code = alter_one(&alteration);
        if (out->error_code != 0) {
            out->error_message = dh_broker_copy_text(request, alteration.text);
        }
    }
    if (response == NULL) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    dh_broker_answer_when_saved(request, response);
}

void *dh_broker_refuse_incremental_alter_configs(struct dh_broker_request *request,
                                                 int16_t broker_code)
{
    return dh_broker_new_skeleton(request, RESOURCES, broker_code);
}

// ---- AlterConfigs ----

void dh_broker_handle_alter_configs(struct dh_broker *broker,
                                    struct dh_broker_request *request)
{
    (void)broker;
    const struct dh_alter_configs_request *asked = request->body;
    struct dh_alter_configs_response *response =
        dh_broker_new_skeleton(request, RESOURCES, 0);
    for (int32_t i = 0; response != NULL && i < asked->resources.count; i++) {
        const struct dh_alter_configs_request_resource *resource =
            &asked->resources.items[i];
        struct change *changes = new_changes(request, resource->configs.count);
        if (changes == NULL) {
            response = NULL;
            break;
        }
        for (int32_t c = 0; c < resource->configs.count; c++) {
            changes[c] = (struct change){
                .name = resource->configs.items[c].name,
                .value = resource->configs.items[c].value,
            };
        }
        struct alteration alteration = {
            .request = request,
            .type = resource->resource_type,
            .name = resource->resource_name,
            .changes = changes,
            .count = (size_t)resource->configs.count,
            .is_whole = true,
            .validate_only = asked->validate_only,
        };
        struct dh_alter_configs_response_response *out = &response->responses.items[i];
        out->error_code = alter_one(&alteration);
        if (out->error_code != 0) {
            out->error_message = dh_broker_copy_text(request, alteration.text);
        }
    }
    if (response == NULL) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    dh_broker_answer_when_saved(request, response);
}

void *dh_broker_refuse_alter_configs(struct dh_broker_request *request,
                                     int16_t broker_code)
{
    return dh_broker_new_skeleton(request, RESOURCES, broker_code);
}
