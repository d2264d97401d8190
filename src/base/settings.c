// SPDX-License-Identifier: MIT
#include "base/settings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/config.h"
#include "base/mem.h"
#include "base/setting.h"
#include "base/strings.h"

#define IDEMPOTENT_IN_FLIGHT_MAX 5
#define SHOWN_SIZE_MAX           120

// What resolving needs at hand.
struct resolution {
    struct dh_settings *settings;
    const dohle_config *config;
    dohle_error_info *info;
};

static int refuse(struct resolution *resolution, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int refuse(struct resolution *resolution, int code, const char *format, ...)
{
    dohle_error_info *info = resolution->info;
    if (info != NULL) {
        *info = (dohle_error_info){
            .code = code, .node_id = -1, .partition = -1, .offset = -1};
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(info->text, sizeof(info->text), format, arguments);
        va_end(arguments);
    }
    return code;
}

static int refuse_no_memory(struct resolution *resolution)
{
    return refuse(resolution, DOHLE_ERR_NO_MEMORY, "out of memory");
}

static const struct dh_setting *setting_named(const char *name)
{
    const struct dh_setting *setting = dh_setting_find(dh_bytes_of(name));
    DH_ASSERT(setting != NULL);
    return setting;
}

// What the user set; NULL: nothing.
static const char *explicit_value(const struct resolution *resolution, const char *name)
{
    return dh_config_explicit(resolution->config, setting_named(name));
}

static bool is_explicit(const struct resolution *resolution, const char *name)
{
    return explicit_value(resolution, name) != NULL;
}

static unsigned object_of(enum dh_settings_role role)
{
    switch (role) {
    case DH_ROLE_CONSUMER: return DOHLE_CONFIG_CONSUMER;
    case DH_ROLE_PRODUCER: return DOHLE_CONFIG_PRODUCER;
    case DH_ROLE_ADMIN: return DOHLE_CONFIG_ADMIN;
    }
    return 0;
}

static bool is_default(const struct dh_setting *setting, const char *value)
{
    return setting->standard != NULL &&
           dh_setting_values_equal(setting, dh_bytes_of(value),
                                   dh_bytes_of(setting->standard));
}

// Whether what was set for one key may be used: by this group, and at all.
static int check_use(struct resolution *resolution, const struct dh_setting *setting,
                     const char *value)
{
    unsigned protocols = setting->protocols;
    if (protocols != 0 && (protocols & DOHLE_CONFIG_CLASSIC) == 0 && value[0] != '\0') {
        return refuse(resolution, DOHLE_ERR_INVALID_CONFIG,
                      "%s: cannot be set with group.protocol=classic", setting->name);
    }
    if (setting->type == DOHLE_CONFIG_ENUM &&
        dh_setting_is_later(setting, dh_trim(dh_bytes_of(value)))) {
        return refuse(resolution, DOHLE_ERR_UNSUPPORTED_CONFIG,
                      "%s: \"%.*s\" is not built yet; built: %s", setting->name,
                      SHOWN_SIZE_MAX, value, setting->values);
    }
    if (setting->status == DOHLE_CONFIG_BUILT || is_default(setting, value)) {
        return 0;
    }
    if (setting->status == DOHLE_CONFIG_NOT_APPLICABLE) {
        return refuse(resolution, DOHLE_ERR_UNSUPPORTED_CONFIG,
                      "%s: has no meaning in Dohle; leave it unset. %s", setting->name,
                      setting->doc);
    }
    if (setting->standard == NULL) {
        return refuse(resolution, DOHLE_ERR_UNSUPPORTED_CONFIG,
                      "%s: is not built yet; leave it unset", setting->name);
    }
    return refuse(resolution, DOHLE_ERR_UNSUPPORTED_CONFIG,
                  "%s: is not built yet; only the default, \"%s\", is accepted",
                  setting->name, setting->standard);
}

// Writes a value, which is valid, to where dh_settings has it.
static int store(struct dh_settings *settings, const struct dh_setting *setting,
                 const char *text)
{
    char *field = (char *)settings + setting->field;
    dohle_bytes value = dh_trim(dh_bytes_of(text));
    int64_t whole = 0;
    switch ((enum dohle_config_type)setting->type) {
    case DOHLE_CONFIG_INT:
    case DOHLE_CONFIG_LONG: {
        int err = dh_parse_int64(value, setting->min, setting->max, &whole);
        DH_ASSERT(err == 0);
        if (setting->type == DOHLE_CONFIG_LONG) {
            memcpy(field, &whole, sizeof(whole));
        } else {
            int32_t narrow = (int32_t)whole;
            memcpy(field, &narrow, sizeof(narrow));
        }
        return 0;
    }
    case DOHLE_CONFIG_BOOL: {
        bool is_true = dh_equal_ignoring_case(value, DH_BYTES("true"));
        memcpy(field, &is_true, sizeof(is_true));
        return 0;
    }
    case DOHLE_CONFIG_ENUM: {
        int word = dh_setting_word(setting, value);
        DH_ASSERT(word >= 0);
        memcpy(field, &word, sizeof(word));
        return 0;
    }
    case DOHLE_CONFIG_STRING: {
        // Strings are taken as they are, spaces included, as in Java.
        char *copy = NULL;
        if (text != NULL) {
            copy = dh_mem_copy_string(settings->mem, text, strlen(text));
            if (copy == NULL) {
                return DOHLE_ERR_NO_MEMORY;
            }
        }
        memcpy(field, &copy, sizeof(copy));
        return 0;
    }
    case DOHLE_CONFIG_DOUBLE:
    case DOHLE_CONFIG_LIST:
    case DOHLE_CONFIG_PASSWORD:
    case DOHLE_CONFIG_CLASS: break;
    }
    DH_ASSERT(setting->field == 0); // keys of these types have no plain field
    return 0;
}

static int resolve_row(struct resolution *resolution, const struct dh_setting *setting)
{
    const char *value = NULL;
    if ((setting->objects & object_of(resolution->settings->role)) != 0) {
        value = dh_config_explicit(resolution->config, setting);
    }
    if (value != NULL) {
        int err = check_use(resolution, setting, value);
        if (err != 0) {
            return err;
        }
    }
    if (setting->field == 0) {
        return 0;
    }
    int err =
        store(resolution->settings, setting, value != NULL ? value : setting->standard);
    return err == DOHLE_ERR_NO_MEMORY ? refuse_no_memory(resolution) : err;
}

static bool is_host(dohle_bytes host, bool has_brackets)
{
    for (size_t i = 0; i < host.size; i++) {
        uint8_t c = host.data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        bool is_digit = c >= '0' && c <= '9';
        bool is_mark = c == '.' || c == '-' || c == '_' || c == '%';
        if (!is_letter && !is_digit && !is_mark && !(has_brackets && c == ':')) {
            return false;
        }
    }
    return host.size > 0;
}

// "host:port" or "[address]:port". The host is a view of text.
static bool split_endpoint(dohle_bytes text, dohle_bytes *host, dohle_bytes *port)
{
    size_t colon = text.size;
    while (colon > 0 && text.data[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0) {
        return false;
    }
    *host = (dohle_bytes){text.data, colon - 1};
    *port = (dohle_bytes){text.data + colon, text.size - colon};
    bool has_brackets =
        host->size >= 2 && host->data[0] == '[' && host->data[host->size - 1] == ']';
    if (has_brackets) {
        host->data++;
        host->size -= 2;
    }
    return is_host(*host, has_brackets);
}

static int resolve_endpoint(struct resolution *resolution, dohle_bytes text,
                            struct dh_endpoint *endpoint)
{
    int shown = text.size > SHOWN_SIZE_MAX ? SHOWN_SIZE_MAX : (int)text.size;
    dohle_bytes host;
    dohle_bytes port;
    int64_t number = 0;
    if (!split_endpoint(text, &host, &port) ||
        dh_parse_int64(port, 1, UINT16_MAX, &number) != 0) {
        return refuse(
            resolution, DOHLE_ERR_INVALID_CONFIG,
            "bootstrap.servers: \"%.*s\" is not allowed; allowed: host:port, port "
            "1 to 65535, IPv6 addresses in brackets as [::1]:9092; or embedded: alone",
            shown, (const char *)text.data);
    }
    endpoint->host = dh_mem_copy_string(resolution->settings->mem, host.data, host.size);
    endpoint->port = (uint16_t)number;
    return endpoint->host == NULL ? refuse_no_memory(resolution) : 0;
}

static int resolve_bootstrap_servers(struct resolution *resolution)
{
    struct dh_settings *settings = resolution->settings;
    const char *text = explicit_value(resolution, "bootstrap.servers");
    if (text == NULL) {
        return refuse(resolution, DOHLE_ERR_INVALID_CONFIG,
                      "bootstrap.servers: is not set; allowed: a list of host:port");
    }
    size_t count = 0;
    dohle_bytes rest = dh_bytes_of(text);
    dohle_bytes part;
    while (dh_list_next(&rest, &part)) {
        count++;
    }
    DH_ASSERT(count > 0);
    settings->bootstrap_servers =
        dh_mem_calloc(settings->mem, count, sizeof(*settings->bootstrap_servers));
    if (settings->bootstrap_servers == NULL) {
        return refuse_no_memory(resolution);
    }
    settings->bootstrap_server_count = count;
    rest = dh_bytes_of(text);
    for (size_t i = 0; dh_list_next(&rest, &part); i++) {
        int err = resolve_endpoint(resolution, part, &settings->bootstrap_servers[i]);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

struct assignor_name {
    const char *name;
    const char *class_name; // AS-040
    bool is_built;
};

static const struct assignor_name assignor_names[] = {
    {"range", "org.apache.kafka.clients.consumer.RangeAssignor", true},
    {"roundrobin", "org.apache.kafka.clients.consumer.RoundRobinAssignor", true},
    {"sticky", "org.apache.kafka.clients.consumer.StickyAssignor", false},
    {"cooperative-sticky", "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
     false},
};

static const struct assignor_name *find_assignor(dohle_bytes name)
{
    for (size_t i = 0; i < DH_COUNT_OF(assignor_names); i++) {
        if (dh_bytes_equal(name, dh_bytes_of(assignor_names[i].name)) ||
            dh_bytes_equal(name, dh_bytes_of(assignor_names[i].class_name))) {
            return &assignor_names[i];
        }
    }
    return NULL;
}

// Whether the list is Java's default, by short names, class names or both mixed.
static bool is_default_strategy(const char *text)
{
    static const char *const names[] = {"range", "cooperative-sticky"};
    dohle_bytes rest = dh_bytes_of(text);
    dohle_bytes part;
    size_t count = 0;
    while (dh_list_next(&rest, &part)) {
        const struct assignor_name *assignor = find_assignor(part);
        if (count == DH_COUNT_OF(names) || assignor == NULL ||
            strcmp(assignor->name, names[count]) != 0) {
            return false;
        }
        count++;
    }
    return count == DH_COUNT_OF(names);
}

/* The default lists range and cooperative-sticky, which makes a group rebalance
 * eagerly by range for as long as all members keep to it (AS-041). Of the two
 * only range is built, so the default offers range alone. */
static int resolve_strategy(struct resolution *resolution)
{
    struct dh_settings *settings = resolution->settings;
    const char *text = explicit_value(resolution, "partition.assignment.strategy");
    if (text == NULL || is_default_strategy(text)) {
        settings->partition_assignment_strategy[0] = assignor_names[0].name;
        settings->partition_assignment_strategy_count = 1;
        return 0;
    }
    dohle_bytes rest = dh_bytes_of(text);
    dohle_bytes part;
    while (dh_list_next(&rest, &part)) {
        const struct assignor_name *assignor = find_assignor(part);
        DH_ASSERT(assignor != NULL);
        if (!assignor->is_built) {
            return refuse(
                resolution, DOHLE_ERR_UNSUPPORTED_CONFIG,
                "partition.assignment.strategy: \"%s\" is not built yet; built: "
                "range, roundrobin",
                assignor->name);
        }
        for (size_t i = 0; i < settings->partition_assignment_strategy_count; i++) {
            // The same assignor by both of its names (CFG-009).
            if (settings->partition_assignment_strategy[i] == assignor->name) {
                return refuse(resolution, DOHLE_ERR_INVALID_CONFIG,
                              "partition.assignment.strategy: \"%s\" stands twice",
                              assignor->name);
            }
        }
        DH_ASSERT(settings->partition_assignment_strategy_count < DH_ASSIGNORS_MAX);
        settings->partition_assignment_strategy
            [settings->partition_assignment_strategy_count++] = assignor->name;
    }
    return 0;
}

// API-008, CFG-001, CFG-006.
static int check_consumer(struct resolution *resolution)
{
    struct dh_settings *settings = resolution->settings;
    if (settings->group_id != NULL &&
        dh_trim(dh_bytes_of(settings->group_id)).size == 0) {
        return refuse(resolution, DOHLE_ERR_INVALID_GROUP,
                      "group.id: \"%.*s\" is not allowed; allowed: any text that is not "
                      "empty, or leave it unset",
                      SHOWN_SIZE_MAX, settings->group_id);
    }
    if (settings->heartbeat_interval_ms >= settings->session_timeout_ms) {
        return refuse(resolution, DOHLE_ERR_INVALID_CONFIG,
                      "heartbeat.interval.ms: %d is not allowed; allowed: less than "
                      "session.timeout.ms, which is %d",
                      settings->heartbeat_interval_ms, settings->session_timeout_ms);
    }
    if (settings->group_id == NULL) {
        if (is_explicit(resolution, "enable.auto.commit") &&
            settings->enable_auto_commit) {
            return refuse(resolution, DOHLE_ERR_INVALID_CONFIG,
                          "enable.auto.commit: \"true\" is not allowed without group.id");
        }
        settings->enable_auto_commit = false;
    }
    return resolve_strategy(resolution);
}

// ProducerConfig.postProcessAndValidateIdempotenceConfigs: explicit wishes are held
// against each other; the default of enable.idempotence gives way.
static int check_idempotence(struct resolution *resolution)
{
    struct dh_settings *settings = resolution->settings;
    bool is_possible =
        settings->acks == -1 && settings->retries > 0 &&
        settings->max_in_flight_requests_per_connection <= IDEMPOTENT_IN_FLIGHT_MAX;
    if (!settings->enable_idempotence || is_possible) {
        return 0;
    }
    if (is_explicit(resolution, "enable.idempotence")) {
        return refuse(
            resolution, DOHLE_ERR_INVALID_CONFIG,
            "enable.idempotence: \"true\" is allowed only with acks=all, retries "
            "above 0 and max.in.flight.requests.per.connection at most %d",
            IDEMPOTENT_IN_FLIGHT_MAX);
    }
    settings->enable_idempotence = false;
    return 0;
}

static int check_producer(struct resolution *resolution)
{
    struct dh_settings *settings = resolution->settings;
    int64_t linger_ms = settings->linger_ms > INT32_MAX ? INT32_MAX : settings->linger_ms;
    int64_t least_ms = linger_ms + settings->request_timeout_ms;
    if (settings->delivery_timeout_ms < least_ms) {
        if (is_explicit(resolution, "delivery.timeout.ms")) {
            return refuse(resolution, DOHLE_ERR_INVALID_CONFIG,
                          "delivery.timeout.ms: %d is not allowed; allowed: at least "
                          "linger.ms + request.timeout.ms, which is %lld",
                          settings->delivery_timeout_ms, (long long)least_ms);
        }
        settings->delivery_timeout_ms =
            least_ms > INT32_MAX ? INT32_MAX : (int32_t)least_ms;
    }
    return check_idempotence(resolution);
}

static int name_client(struct resolution *resolution, uint32_t serial)
{
    struct dh_settings *settings = resolution->settings;
    if (settings->client_id[0] != '\0') {
        return 0;
    }
    char name[512] = "";
    switch (settings->role) {
    case DH_ROLE_CONSUMER:
        // Java prints "null" where there is no group.
        snprintf(name, sizeof(name), "consumer-%.255s-%u",
                 settings->group_id == NULL ? "null" : settings->group_id, serial);
        break;
    case DH_ROLE_PRODUCER: snprintf(name, sizeof(name), "producer-%u", serial); break;
    case DH_ROLE_ADMIN: snprintf(name, sizeof(name), "adminclient-%u", serial); break;
    }
    char *copy = dh_mem_copy_string(settings->mem, name, strlen(name));
    if (copy == NULL) {
        return refuse_no_memory(resolution);
    }
    dh_mem_free_string(settings->mem, settings->client_id);
    settings->client_id = copy;
    return 0;
}

static int resolve_all(struct resolution *resolution, uint32_t serial)
{
    struct dh_settings *settings = resolution->settings;
    for (size_t i = 0; i < dh_setting_count; i++) {
        int err = resolve_row(resolution, &dh_setting_table[i]);
        if (err != 0) {
            return err;
        }
    }
    // The words of the table, in its order: all, -1, 0, 1.
    static const int acks[] = {-1, -1, 0, 1};
    settings->acks = acks[settings->acks];

    // CFG-050.
    if (is_explicit(resolution, "reconnect.backoff.ms") &&
        !is_explicit(resolution, "reconnect.backoff.max.ms")) {
        settings->reconnect_backoff_max_ms = settings->reconnect_backoff_ms;
    }
    int err = resolve_bootstrap_servers(resolution);
    if (err == 0 && settings->role == DH_ROLE_CONSUMER) {
        err = check_consumer(resolution);
    }
    if (err == 0 && settings->role == DH_ROLE_PRODUCER) {
        err = check_producer(resolution);
    }
    return err != 0 ? err : name_client(resolution, serial);
}

int dh_settings_resolve(struct dh_settings *settings, const dohle_allocator *mem,
                        const dohle_config *config, enum dh_settings_role role,
                        uint32_t serial, dohle_error_info *info)
{
    struct resolution resolution = {settings, config, info};
    *settings = (struct dh_settings){.mem = mem, .role = role};
    int err = resolve_all(&resolution, serial);
    if (err != 0) {
        dh_settings_deinit(settings);
    }
    return err;
}

void dh_settings_deinit(struct dh_settings *settings)
{
    for (size_t i = 0; i < settings->bootstrap_server_count; i++) {
        dh_mem_free_string(settings->mem, settings->bootstrap_servers[i].host);
    }
    dh_mem_free(settings->mem, settings->bootstrap_servers,
                settings->bootstrap_server_count * sizeof(*settings->bootstrap_servers));
    dh_mem_free_string(settings->mem, settings->client_id);
    dh_mem_free_string(settings->mem, settings->group_id);
    *settings = (struct dh_settings){.mem = settings->mem};
}
