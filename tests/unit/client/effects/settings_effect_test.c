// SPDX-License-Identifier: MIT
/*
 * Every setting of a consumer that counts as built does what it says: the effects are
 * the rows of fetching.h, group.h and network.h, two values for each key, and each row
 * is a test of its own. The table of settings is walked as well: a key that becomes
 * built without a row here fails, and so does one that is not built and is not refused
 * by name.
 */
#include "fetching.h"
#include "group.h"
#include "network.h"

static const struct {
    const struct effect *effects;
    size_t count;
} groups[] = {
    {fetching_effects, DH_COUNT_OF(fetching_effects)},
    {group_effects, DH_COUNT_OF(group_effects)},
    {network_effects, DH_COUNT_OF(network_effects)},
};

#define EFFECT_COUNT                                                                     \
    (DH_COUNT_OF(fetching_effects) + DH_COUNT_OF(group_effects) +                        \
     DH_COUNT_OF(network_effects))

// How many different values of that key are tried.
static size_t tried_values(const char *key)
{
    size_t count = 0;
    const char *last = "\n";
    for (size_t i = 0; i < DH_COUNT_OF(groups); i++) {
        for (size_t j = 0; j < groups[i].count; j++) {
            const struct effect *effect = &groups[i].effects[j];
            if (strcmp(key, effect->key) == 0 && strcmp(last, effect->value) != 0) {
                last = effect->value;
                count++;
            }
        }
    }
    return count;
}

static void every_built_key_has_an_effect_test(void **state)
{
    (void)state;
    for (size_t i = 0; i < dohle_config_key_count(); i++) {
        dohle_config_key key;
        assert_int_equal(0, dohle_config_key_info(i, &key));
        bool is_ours = key.status == DOHLE_CONFIG_BUILT &&
                       (key.objects & DOHLE_CONFIG_CONSUMER) != 0;
        size_t tried = tried_values(key.name);
        if (is_ours && tried < 2) {
            fail_msg("%s is built, but %zu values of it are tried", key.name, tried);
        }
        if (!is_ours && tried > 0) {
            fail_msg("%s is tried, but is no built key of a consumer", key.name);
        }
    }
}

// Resolves a config with one key set, for an object that has the key.
static int resolve_one(const dohle_config_key *key, const char *value,
                       dohle_error_info *info)
{
    static const struct {
        unsigned object;
        enum dh_settings_role role;
    } roles[] = {{DOHLE_CONFIG_CONSUMER, DH_ROLE_CONSUMER},
                 {DOHLE_CONFIG_PRODUCER, DH_ROLE_PRODUCER},
                 {DOHLE_CONFIG_ADMIN, DH_ROLE_ADMIN}};

    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_set(config, "bootstrap.servers", "one:9092"));
    assert_int_equal(0, dohle_config_set(config, key->name, value));
    enum dh_settings_role role = DH_ROLE_CONSUMER;
    for (size_t i = 0; i < DH_COUNT_OF(roles); i++) {
        if ((key->objects & roles[i].object) != 0) {
            role = roles[i].role;
            break;
        }
    }
    struct dh_settings settings;
    memset(info, 0, sizeof(*info));
    int err = dh_settings_resolve(&settings, dh_mem_default(), config, role, 1, info);
    if (err == 0) {
        dh_settings_deinit(&settings);
    }
    dohle_config_free(config);
    return err;
}

// A value that is allowed and not the default.
static void other_value(const dohle_config_key *key, char *value, size_t room)
{
    char words[512];
    snprintf(words, sizeof(words), "%s, 1, 2, 7, 5001, 0.1, true, false, x",
             key->allowed);
    dohle_config *config = dohle_config_new();
    char *rest = words;
    for (char *word; (word = strtok_r(rest, ", ", &rest)) != NULL;) {
        if ((key->default_value == NULL || strcmp(word, key->default_value) != 0) &&
            dohle_config_set(config, key->name, word) == 0) {
            snprintf(value, room, "%s", word);
            dohle_config_free(config);
            return;
        }
    }
    dohle_config_free(config);
    fail_msg("no other value of %s is known", key->name);
}

static void what_is_not_built_is_refused_by_name(void **state)
{
    (void)state;
    size_t refused = 0;
    for (size_t i = 0; i < dohle_config_key_count(); i++) {
        dohle_config_key key;
        assert_int_equal(0, dohle_config_key_info(i, &key));
        if (key.status == DOHLE_CONFIG_BUILT) {
            continue;
        }
        char value[64];
        other_value(&key, value, sizeof(value));
        // A key of another group protocol is refused for that, as Java does (2.7).
        bool is_of_consumer = (key.objects & DOHLE_CONFIG_CONSUMER) != 0;
        bool is_of_protocol = (key.protocols & DOHLE_CONFIG_CLASSIC) != 0;
        int expected = !is_of_consumer || is_of_protocol ? DOHLE_ERR_UNSUPPORTED_CONFIG
                                                         : DOHLE_ERR_INVALID_CONFIG;
        dohle_error_info info;
        int err = resolve_one(&key, value, &info);
        if (err != expected) {
            fail_msg("%s=%s: %s (%s)", key.name, value, dohle_error_name(err), info.text);
        }
        char begin[128];
        snprintf(begin, sizeof(begin), "%s: ", key.name);
        assert_int_equal(0, strncmp(begin, info.text, strlen(begin)));
        refused++;
        if (key.default_value != NULL && is_of_protocol) {
            assert_int_equal(0, resolve_one(&key, key.default_value, &info));
        }
    }
    assert_in_range(refused, 1, dohle_config_key_count());
}

// Of the keys that are built, the values that are not.
static void values_that_are_not_built_are_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < dohle_config_key_count(); i++) {
        dohle_config_key key;
        assert_int_equal(0, dohle_config_key_info(i, &key));
        if (key.status != DOHLE_CONFIG_BUILT ||
            (key.objects & DOHLE_CONFIG_CONSUMER) == 0) {
            continue;
        }
        char words[256];
        snprintf(words, sizeof(words), "%s", key.not_built);
        char *rest = words;
        for (char *word; (word = strtok_r(rest, ", ", &rest)) != NULL;) {
            if (strchr(word, '<') != NULL || strchr(word, '>') != NULL) {
                continue; // "by_duration:<...>": a row of its own
            }
            dohle_error_info info;
            assert_int_equal(DOHLE_ERR_UNSUPPORTED_CONFIG,
                             resolve_one(&key, word, &info));
            assert_int_equal(0, strncmp(key.name, info.text, strlen(key.name)));
        }
    }
}

// ---- Extreme values ----

// With these not all can be read: the application is away for longer, no answer can
// come in time, the first batch is larger, the scripted broker does not end long polls.
static bool prevents_reading(const char *key, int64_t value)
{
    return (strcmp(key, "max.poll.interval.ms") == 0 && value == 1) ||
           (strcmp(key, "request.timeout.ms") == 0 && value == 0) ||
           (strcmp(key, "fetch.max.wait.ms") == 0 && value == INT32_MAX) ||
           (strcmp(key, "response.max.bytes") == 0 && value == 1024);
}

// Nothing is asked in circles (L7), nothing is asserted, and the records come.
static void try_extreme(const char *key, int64_t value)
{
    char text[32];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    const char *partner = "client.id";
    const char *partner_value = "x";
    if (strcmp(key, "session.timeout.ms") == 0) {
        partner = "heartbeat.interval.ms";
        partner_value = "1";
    } else if (strcmp(key, "heartbeat.interval.ms") == 0) {
        partner = "session.timeout.ms";
        partner_value = "2147483647";
    }
    for (int is_by_hand = 0; is_by_hand < 2; is_by_hand++) {
        struct consumer_rig rig;
        rig_open(&rig, OPTIONS("auto.offset.reset", "earliest", partner, partner_value,
                               key, text));
        if (is_by_hand == 1) {
            rig_assign(&rig);
        } else {
            rig_subscribe(&rig);
        }
        rig_run_ms(&rig, 3000);
        rig.log_end += RIG_BATCH_RECORDS;
        rig_run_ms(&rig, 1000);
        bool is_read = rig.records == (size_t)rig.log_end && rig.poll_err == 0;
        if (!is_read && !prevents_reading(key, value)) {
            fail_msg("%s=%s: %zu records, %s", key, text, rig.records,
                     rig.poll_error.text);
        }
        rig_close(&rig);
    }
}

static void extreme_values_do_no_harm(void **state)
{
    (void)state;
    for (size_t i = 0; i < dohle_config_key_count(); i++) {
        dohle_config_key key;
        assert_int_equal(0, dohle_config_key_info(i, &key));
        if (key.status != DOHLE_CONFIG_BUILT ||
            (key.objects & DOHLE_CONFIG_CONSUMER) == 0 ||
            (key.type != DOHLE_CONFIG_INT && key.type != DOHLE_CONFIG_LONG)) {
            continue;
        }
        int64_t most = key.type == DOHLE_CONFIG_INT ? INT32_MAX : INT64_MAX;
        // "1024 or more", "any whole number"
        char *end;
        int64_t least = strtoll(key.allowed, &end, 10);
        least = end == key.allowed ? INT64_MIN : least;
        if (strcmp(key.name, "session.timeout.ms") == 0) {
            least = 2; // above heartbeat.interval.ms
        } else if (strcmp(key.name, "heartbeat.interval.ms") == 0) {
            most--;
        }
        try_extreme(key.name, least);
        try_extreme(key.name, most);
        if (least < 0) {
            try_extreme(key.name, 0);
        }
    }
}

int main(void)
{
    enum { TABLE_TESTS = 4 };

    static char names[EFFECT_COUNT][160];
    static struct CMUnitTest tests[EFFECT_COUNT + TABLE_TESTS] = {
        cmocka_unit_test(every_built_key_has_an_effect_test),
        cmocka_unit_test(what_is_not_built_is_refused_by_name),
        cmocka_unit_test(values_that_are_not_built_are_refused_by_name),
        cmocka_unit_test(extreme_values_do_no_harm),
    };
    size_t count = 0;
    for (size_t i = 0; i < DH_COUNT_OF(groups); i++) {
        for (size_t j = 0; j < groups[i].count; j++) {
            const struct effect *effect = &groups[i].effects[j];
            snprintf(names[count], sizeof(names[0]), "%s=%s", effect->key, effect->value);
            tests[TABLE_TESTS + count] =
                (struct CMUnitTest){.name = names[count],
                                    .test_func = effect->test,
                                    .initial_state = (void *)(uintptr_t)effect};
            count++;
        }
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
