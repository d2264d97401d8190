// SPDX-License-Identifier: MIT
/*
 * Every version of every API that is offered gets an answer: to requests whose fields hold
 * anything at all, and to those about things that exist. A field that a version does not
 * have, set by a handler, would close the connection instead.
 */
#include "commands.h"
#include "rig.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/random.h"
#include "broker/request.h"
#include "wire/api.h"
#include "wire/gen/produce.h"

#define ROUNDS 40

static const char *const known_names[] = {"t", "t", "group", "__consumer_offsets"};

// Lets some of the strings of a random request name what exists.
static void name_known(struct dh_random *random, const struct dh_struct *type,
                       int16_t version, void *item)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct dh_field *field = &type->fields[i];
        if (!dh_versions_has(field->versions, version)) {
            continue;
        }
        char *at = (char *)item + field->offset;
        if (field->kind == DH_KIND_STRING && !field->is_array &&
            dh_random_below(random, 2) == 0) {
            dohle_bytes *name = (dohle_bytes *)(void *)at;
            *name = dh_bytes_of(
                known_names[dh_random_below(random, DH_COUNT_OF(known_names))]);
        } else if (field->kind == DH_KIND_INT32 && !field->is_array &&
                   strstr(field->name, "partition") != NULL) {
            *(int32_t *)(void *)at = (int32_t)dh_random_below(random, 3);
        } else if (field->kind == DH_KIND_STRUCT && field->is_array) {
            struct {
                char *items;
                int32_t count;
            } array;

            memcpy(&array, at, sizeof(array));
            for (int32_t j = 0; j < array.count; j++) {
                name_known(random, field->of, version,
                           array.items + (size_t)j * field->of->size);
            }
        }
    }
}

// acks=0 is not answered, and wrong acks close no connection either.
static bool is_answered(int16_t key, void *request)
{
    return key != DH_API_PRODUCE || ((struct dh_produce_request *)request)->acks != 0;
}

static void ask(struct rig *rig, struct dh_random *random, int16_t key, int16_t version)
{
    const struct dh_api *api = dh_api_find(key);
    struct dh_arena arena;
    dh_arena_init(&arena, &rig->memory.allocator, 0);
    void *request = dh_arena_alloc(&arena, api->request->body.size);
    assert_non_null(request);
    dh_message_init(api->request, request);
    if (dh_random_below(random, 8) != 0) {
        assert_int_equal(
            0, dh_message_randomise(api->request, version, random, &arena, request));
        name_known(random, &api->request->body, version, request);
    }
    struct rig_client *client = rig_connect(rig, 1);
    if (is_answered(key, request)) {
        rig_send(rig, client, key, version, request);
        for (int i = 0; i < 40 && rig_receive(rig, client) == NULL; i++) {
            if (client->is_closed) {
                fail_msg("%s v%d is not answered", api->name, version);
            }
            rig_advance(rig, 100000); // what waits is over
            if (client->correlation_received > 0) {
                break;
            }
        }
        assert_true(client->correlation_received > 0);
    }
    rig_disconnect(rig, client);
    dh_arena_deinit(&arena);
}

static void ask_all_versions(struct dh_random *random, bool is_refused)
{
    for (size_t i = 0; i < dh_broker_handler_count(); i++) {
        const struct dh_broker_handler *handler = dh_broker_handler_at(i);
        for (int16_t version = handler->versions.min; version <= handler->versions.max;
             version++) {
            struct rig rig;
            rig_start(&rig, &(struct rig_options){.node_count = 1});
            rig_create_topic(&rig, "t", 3, 1);
            if (is_refused) {
                char line[64];
                snprintf(line, sizeof(line), "fault add api=%d error=NOT_COORDINATOR",
                         handler->key);
                (void)command_does(&rig, line);
            }
            for (int round = 0; round < ROUNDS; round++) {
                ask(&rig, random, handler->key, version);
            }
            rig_stop(&rig);
        }
    }
}

static void every_version_is_answered(void **state)
{
    (void)state;
    struct dh_random random = {.state = 7};
    ask_all_versions(&random, false);
}

static void every_version_is_refused(void **state)
{
    (void)state;
    struct dh_random random = {.state = 8};
    ask_all_versions(&random, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_is_answered),
        cmocka_unit_test(every_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
