// SPDX-License-Identifier: MIT
#include "api/admin_call.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "api/embedded.h"
#include "base/bytes.h"
#include "base/config.h"
#include "base/mem.h"
#include "base/time.h"
#include "client/back/reactions.h"
#include "host/clock.h"
#include "wire/gen/metadata.h"

// With less time left than this nothing is tried again.
#define LAST_TRY_NS (20 * DH_MS)

// ---- The engine behind its table ----

static void engine_input(void *engine, struct dh_message *message, int64_t now_ns)
{
    dh_admin_engine_input(engine, message, now_ns);
}

static void engine_on_resolved(void *engine, uint32_t connection_id,
                               const struct dh_address *addresses, size_t count, int err,
                               const char *text, int64_t now_ns)
{
    dh_admin_engine_on_resolved(engine, connection_id, addresses, count, err, text,
                                now_ns);
}

static void engine_on_connected(void *engine, uint32_t connection_id, int64_t now_ns)
{
    dh_admin_engine_on_connected(engine, connection_id, now_ns);
}

static void engine_on_closed(void *engine, uint32_t connection_id, int err,
                             const char *text, int64_t now_ns)
{
    dh_admin_engine_on_closed(engine, connection_id, err, text, now_ns);
}

static bool engine_receive_buffer(void *engine, uint32_t connection_id, uint8_t **pointer,
                                  size_t *capacity)
{
    return dh_admin_engine_receive_buffer(engine, connection_id, pointer, capacity);
}

static void engine_on_received(void *engine, uint32_t connection_id, size_t size,
                               int64_t now_ns)
{
    dh_admin_engine_on_received(engine, connection_id, size, now_ns);
}

static void engine_on_sent(void *engine, uint32_t connection_id, int64_t now_ns)
{
    dh_admin_engine_on_sent(engine, connection_id, now_ns);
}

static bool engine_next_action(void *engine, struct dh_action *action)
{
    return dh_admin_engine_next_action(engine, action);
}

static struct dh_message *engine_next_event(void *engine)
{
    return dh_admin_engine_next_event(engine);
}

static int64_t engine_deadline(const void *engine)
{
    return dh_admin_engine_deadline(engine);
}

static void engine_tick(void *engine, struct dh_poll_mark mark, int64_t now_ns)
{
    (void)mark;
    dh_admin_engine_tick(engine, now_ns);
}

static bool engine_is_finished(const void *engine)
{
    (void)engine; // nothing is worth waiting for once the admin is freed
    return true;
}

static void engine_free(void *engine)
{
    dh_admin_engine_free(engine);
}

static const struct dh_engine_calls engine_calls = {
    .input = engine_input,
    .on_resolved = engine_on_resolved,
    .on_connected = engine_on_connected,
    .on_closed = engine_on_closed,
    .receive_buffer = engine_receive_buffer,
    .on_received = engine_on_received,
    .on_sent = engine_on_sent,
    .next_action = engine_next_action,
    .next_event = engine_next_event,
    .deadline = engine_deadline,
    .tick = engine_tick,
    .is_finished = engine_is_finished,
    .free = engine_free,
    .free_message = dh_admin_call_free,
};

// ---- Life cycle ----

static void free_settings(const dohle_allocator *mem, void *kept)
{
    dh_settings_deinit(kept);
    dh_mem_free(mem, kept, sizeof(struct dh_settings));
}

static int resolve_settings(dohle_admin *admin, dohle_config *config)
{
    static atomic_uint serial_last;
    const dohle_allocator *mem = dh_io_client_mem(admin->client);
    struct dh_settings *settings = dh_mem_calloc(mem, 1, sizeof(*settings));
    if (settings == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dohle_error_info info;
    memset(&info, 0, sizeof(info));
    int err = dh_embedded_resolve(settings, mem, config, DH_ROLE_ADMIN,
                                  atomic_fetch_add(&serial_last, 1) + 1, &info);
    if (err != 0) {
        dh_mem_free(mem, settings, sizeof(*settings));
        dh_config_set_error(config, "%s", info.text);
        return err;
    }
    dh_io_client_keep(admin->client, settings, free_settings);
    admin->settings = settings;
    return 0;
}

static int start_engine(dohle_admin *admin)
{
    struct dh_admin_engine_options options = {
        .mem = dh_io_client_mem(admin->client),
        .log = dh_io_client_log(admin->client),
        .settings = admin->settings,
        .now_ns = dh_clock_now_ns(),
    };
    int err = dh_entropy(&options.seed, sizeof(options.seed));
    if (err != 0) {
        return err;
    }
    admin->random.state = ~options.seed;
    struct dh_admin_engine *engine = dh_admin_engine_new(&options);
    if (engine == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_io_client_start(admin->client, &engine_calls, engine);
    return 0;
}

static int open_all(dohle_admin *admin, dohle_config *config,
                    const dohle_admin_options *options)
{
    struct dh_io *io;
    const struct dh_io_options io_options = {.mem = &admin->allocator};
    int err = dh_io_new(&io_options, &io);
    if (err != 0) {
        return err;
    }
    err = dh_io_client_new(io, &admin->allocator, options->log, &admin->client);
    if (err != 0) {
        admin->client = NULL;
    } else {
        err = resolve_settings(admin, config);
    }
    if (err == 0) {
        err = start_engine(admin);
    }
    dh_io_release(io); // not before the client is started, or the thread may have ended
    return err;
}

int dohle_admin_open(dohle_config *config, const dohle_admin_options *options,
                     dohle_admin **admin)
{
    if (admin == NULL) {
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    *admin = NULL;
    if (config == NULL) {
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    dohle_admin_options all;
    memset(&all, 0, sizeof(all));
    if (options != NULL) {
        size_t size = options->size < sizeof(all) ? options->size : sizeof(all);
        memcpy(&all, options, size);
    }
    const dohle_allocator *mem = all.allocator == NULL ? dh_mem_default() : all.allocator;
    dohle_admin *made = dh_mem_calloc(mem, 1, sizeof(*made));
    if (made == NULL) {
        dh_config_set_error(config, "%s", dohle_error_text(DOHLE_ERR_NO_MEMORY));
        return DOHLE_ERR_NO_MEMORY;
    }
    made->allocator = *mem;
    dh_config_set_error(config, "%s", "");
    int err = open_all(made, config, &all);
    if (err != 0) {
        if (dohle_config_error(config)[0] == '\0') {
            dh_config_set_error(config, "%s", dohle_error_text(err));
        }
        dohle_admin_free(made);
        return err;
    }
    *admin = made;
    return 0;
}

void dohle_admin_free(dohle_admin *admin)
{
    if (admin != NULL) {
        dh_io_client_release(admin->client, 0);
        const dohle_allocator mem = admin->allocator;
        dh_mem_free(&mem, admin, sizeof(*admin));
    }
}

const dohle_error_info *dohle_admin_last_error(const dohle_admin *admin)
{
    return &admin->error;
}

// ---- Errors ----

static void clear_error(dohle_admin *admin)
{
    memset(&admin->error, 0, sizeof(admin->error));
    admin->error.node_id = -1;
    admin->error.partition = -1;
    admin->error.offset = -1;
}

int dh_admin_fail(dohle_admin *admin, int code, int16_t broker_code, const char *format,
                  ...)
{
    clear_error(admin);
    admin->error.code = code;
    admin->error.broker_code = broker_code;
    if (format == NULL) {
        snprintf(admin->error.text, sizeof(admin->error.text), "%s",
                 dohle_error_text(code));
        return code;
    }
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(admin->error.text, sizeof(admin->error.text), format, arguments);
    va_end(arguments);
    return code;
}

int dh_admin_fail_broker(dohle_admin *admin, int16_t broker_code, const char *about,
                         dohle_bytes message)
{
    int code = dh_reaction_error(broker_code);
    if (message.size > 0) {
        return dh_admin_fail(admin, code, broker_code, "%s: %s: %.*s", about,
                             dohle_broker_error_name(broker_code), (int)message.size,
                             (const char *)message.data);
    }
    return dh_admin_fail(admin, code, broker_code, "%s: %s", about,
                         dohle_broker_error_name(broker_code));
}

bool dh_admin_is_passing(int err)
{
    return err == DOHLE_ERR_CONNECT || err == DOHLE_ERR_RESOLVE ||
           err == DOHLE_ERR_DISCONNECTED || err == DOHLE_ERR_TIMEOUT;
}

bool dh_admin_is_passing_code(int16_t api_key, int16_t broker_code)
{
    return broker_code == DH_BROKER_NOT_CONTROLLER ||
           dh_reaction_is_retry(dh_reaction_of(api_key, broker_code));
}

// ---- Calls ----

int dh_admin_begin(dohle_admin *admin, int64_t timeout_ms)
{
    clear_error(admin);
    int64_t now_ns = dh_clock_now_ns();
    admin->backoff = (struct dh_backoff){
        .initial_ms = admin->settings->retry_backoff_ms,
        .max_ms = admin->settings->retry_backoff_max_ms,
    };
    if (timeout_ms == DOHLE_DEFAULT_TIMEOUT) {
        timeout_ms = admin->settings->default_api_timeout_ms;
    } else if (timeout_ms == DOHLE_NO_TIMEOUT) {
        admin->deadline_ns = DH_NEVER;
        return 0;
    } else if (timeout_ms < 0) {
        return dh_admin_fail(admin, DOHLE_ERR_INVALID_ARGUMENT, 0, "timeout_ms is %lld",
                             (long long)timeout_ms);
    }
    admin->deadline_ns = dh_deadline_after_ms(now_ns, timeout_ms);
    return 0;
}

struct dh_admin_call *dh_admin_call(dohle_admin *admin, int32_t node_id, int16_t api_key)
{
    struct dh_admin_call *call = dh_admin_call_new(dh_io_client_mem(admin->client));
    if (call == NULL) {
        dh_admin_fail(admin, DOHLE_ERR_NO_MEMORY, 0, NULL);
        return NULL;
    }
    call->node_id = node_id;
    call->api_key = api_key;
    return call;
}

void *dh_admin_request(dohle_admin *admin, struct dh_admin_call *call)
{
    const struct dh_message_type *type = dh_api_find(call->api_key)->request;
    void *request = dh_arena_alloc(&call->arena, type->body.size);
    if (request == NULL) {
        dh_admin_fail(admin, DOHLE_ERR_NO_MEMORY, 0, NULL);
        return NULL;
    }
    dh_message_init(type, request);
    call->request = request;
    return request;
}

// Takes what has come; frees answers that nobody waits for any more.
static bool take(dohle_admin *admin, const struct dh_admin_call *awaited)
{
    struct dh_list messages;
    dh_list_init(&messages);
    (void)dh_io_client_take(admin->client, &messages);
    bool has_come = false;
    for (struct dh_link *link; (link = dh_list_pop_front(&messages)) != NULL;) {
        struct dh_message *message = DH_CONTAINER_OF(link, struct dh_message, link);
        if (message == &awaited->message) {
            has_come = true;
        } else {
            dh_admin_call_free(dh_io_client_mem(admin->client), message);
        }
    }
    return has_come;
}

int dh_admin_ask(dohle_admin *admin, struct dh_admin_call *call)
{
    int64_t now_ns = dh_clock_now_ns();
    int64_t request_deadline_ns =
        dh_deadline_after_ms(now_ns, admin->settings->request_timeout_ms);
    call->deadline_ns = dh_earlier(request_deadline_ns, admin->deadline_ns);
    dh_io_client_send(admin->client, &call->message);
    // The engine answers by the deadline.
    for (dh_io_client_clear(admin->client); !take(admin, call);
         dh_io_client_clear(admin->client)) {
        (void)dh_io_client_wait(admin->client, DH_NEVER);
    }
    if (call->err != 0) {
        dh_admin_fail(admin, call->err, 0, "%s: %s", dh_api_name(call->api_key),
                      call->text);
        admin->error.node_id = call->answered_by;
    }
    return call->err;
}

void dh_admin_drop(const dohle_admin *admin, struct dh_admin_call *call)
{
    if (call != NULL) {
        dh_admin_call_free(dh_io_client_mem(admin->client), &call->message);
    }
}

bool dh_admin_retry(dohle_admin *admin)
{
    int64_t now_ns = dh_clock_now_ns();
    int64_t wait_ms = dh_backoff_next_ms(&admin->backoff, &admin->random);
    int64_t until_ns = dh_deadline_after_ms(now_ns, wait_ms);
    if (until_ns >= admin->deadline_ns && admin->deadline_ns - now_ns > LAST_TRY_NS) {
        // Uses what time is left.
        until_ns = admin->deadline_ns - (admin->deadline_ns - now_ns) / 4;
    }
    if (until_ns >= admin->deadline_ns) {
        if (admin->error.code != DOHLE_ERR_TIMEOUT) {
            const dohle_error_info cause = admin->error;
            dh_admin_fail(admin, DOHLE_ERR_TIMEOUT, cause.broker_code,
                          "the time allowed is over: %s", cause.text);
        }
        return false;
    }
    // Nothing is on its way, so nothing but the time ends this.
    dh_io_client_clear(admin->client);
    while (dh_clock_now_ns() < until_ns) {
        if (dh_io_client_wait(admin->client, until_ns)) {
            dh_io_client_clear(admin->client);
        }
    }
    return true;
}

static struct dh_admin_call *ask_metadata(dohle_admin *admin, const char *topic, int *err)
{
    *err = DOHLE_ERR_NO_MEMORY;
    struct dh_admin_call *call = dh_admin_call(admin, DH_NODE_ANY, DH_API_METADATA);
    if (call == NULL) {
        return NULL;
    }
    struct dh_metadata_request *request = dh_admin_request(admin, call);
    struct dh_metadata_request_topic *item = dh_arena_alloc(&call->arena, sizeof(*item));
    if (request == NULL || item == NULL) {
        dh_admin_drop(admin, call);
        return NULL;
    }
    request->allow_auto_topic_creation = false;
    request->topics.count = -1;
    if (topic != NULL) {
        dh_struct_init(&dh_metadata_request_topic_struct, item);
        item->name = dh_bytes_of(topic);
        request->topics.items = item;
        request->topics.count = 1;
    }
    *err = dh_admin_ask(admin, call);
    if (*err != 0) {
        dh_admin_drop(admin, call);
        return NULL;
    }
    return call;
}

struct dh_admin_call *dh_admin_metadata(dohle_admin *admin, const char *topic)
{
    for (;;) {
        int err;
        struct dh_admin_call *call = ask_metadata(admin, topic, &err);
        if (call != NULL || !dh_admin_is_passing(err) || !dh_admin_retry(admin)) {
            return call;
        }
    }
}

// ---- Results ----

// What is in front of each result.
struct result_head {
    dohle_allocator allocator;
    struct dh_arena arena;
    size_t size; // of the block
    alignas(max_align_t) unsigned char result[];
};

static struct result_head *head_of(void *result)
{
    return DH_CONTAINER_OF(result, struct result_head, result);
}

void *dh_admin_result_new(dohle_admin *admin, size_t size)
{
    struct result_head *head = dh_mem_calloc(&admin->allocator, 1, sizeof(*head) + size);
    if (head == NULL) {
        dh_admin_fail(admin, DOHLE_ERR_NO_MEMORY, 0, NULL);
        return NULL;
    }
    head->allocator = admin->allocator;
    head->size = sizeof(*head) + size;
    dh_arena_init(&head->arena, &head->allocator, 0);
    return head->result;
}

struct dh_arena *dh_admin_result_arena(void *result)
{
    return &head_of(result)->arena;
}

void dohle_admin_result_free(void *result)
{
    if (result != NULL) {
        struct result_head *head = head_of(result);
        dh_arena_deinit(&head->arena);
        const dohle_allocator mem = head->allocator;
        dh_mem_free(&mem, head, head->size);
    }
}

const char *dh_admin_copy(void *result, dohle_bytes text, int *err)
{
    if (text.data == NULL) {
        return NULL;
    }
    char *copy = dh_arena_alloc(dh_admin_result_arena(result), text.size + 1);
    if (copy == NULL) {
        *err = DOHLE_ERR_NO_MEMORY;
        return NULL;
    }
    memcpy(copy, text.data, text.size);
    return copy;
}
