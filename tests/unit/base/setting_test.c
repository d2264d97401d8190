// SPDX-License-Identifier: MIT
#include "base/setting.h"

#include <dohle/error.h>

#include "../test.h"
#include "base/bytes.h"

// The 120 keys of ConsumerConfig in Apache Kafka 4.4.0, dumped from the class.
static void table_has_every_key_of_the_java_consumer(void **state)
{
    (void)state;

    static const struct {
        const char *name;
        int type;
        const char *standard;
        int importance;
    } rows[] = {
        {"allow.auto.create.topics", DOHLE_CONFIG_BOOL, "true", DOHLE_CONFIG_MEDIUM},
        {"auto.commit.interval.ms", DOHLE_CONFIG_INT, "5000", DOHLE_CONFIG_LOW},
        {"auto.offset.reset", DOHLE_CONFIG_ENUM, "latest", DOHLE_CONFIG_MEDIUM},
        {"bootstrap.resolve.timeout.ms", DOHLE_CONFIG_LONG, "0", DOHLE_CONFIG_HIGH},
        {"bootstrap.servers", DOHLE_CONFIG_LIST, NULL, DOHLE_CONFIG_HIGH},
        {"check.crcs", DOHLE_CONFIG_BOOL, "true", DOHLE_CONFIG_LOW},
        {"client.dns.lookup", DOHLE_CONFIG_ENUM, "use_all_dns_ips", DOHLE_CONFIG_MEDIUM},
        {"client.id", DOHLE_CONFIG_STRING, "", DOHLE_CONFIG_LOW},
        {"client.rack", DOHLE_CONFIG_STRING, "", DOHLE_CONFIG_LOW},
        {"config.providers", DOHLE_CONFIG_LIST, "", DOHLE_CONFIG_LOW},
        {"connections.max.idle.ms", DOHLE_CONFIG_LONG, "540000", DOHLE_CONFIG_MEDIUM},
        {"default.api.timeout.ms", DOHLE_CONFIG_INT, "60000", DOHLE_CONFIG_MEDIUM},
        {"enable.auto.commit", DOHLE_CONFIG_BOOL, "true", DOHLE_CONFIG_MEDIUM},
        {"enable.metrics.push", DOHLE_CONFIG_BOOL, "true", DOHLE_CONFIG_LOW},
        {"exclude.internal.topics", DOHLE_CONFIG_BOOL, "true", DOHLE_CONFIG_MEDIUM},
        {"fetch.max.bytes", DOHLE_CONFIG_INT, "52428800", DOHLE_CONFIG_MEDIUM},
        {"fetch.max.wait.ms", DOHLE_CONFIG_INT, "500", DOHLE_CONFIG_LOW},
        {"fetch.min.bytes", DOHLE_CONFIG_INT, "1", DOHLE_CONFIG_HIGH},
        {"group.id", DOHLE_CONFIG_STRING, NULL, DOHLE_CONFIG_HIGH},
        {"group.instance.id", DOHLE_CONFIG_STRING, NULL, DOHLE_CONFIG_MEDIUM},
        {"group.protocol", DOHLE_CONFIG_ENUM, "classic", DOHLE_CONFIG_HIGH},
        {"group.remote.assignor", DOHLE_CONFIG_STRING, NULL, DOHLE_CONFIG_MEDIUM},
        {"heartbeat.interval.ms", DOHLE_CONFIG_INT, "3000", DOHLE_CONFIG_HIGH},
        {"interceptor.classes", DOHLE_CONFIG_LIST, "", DOHLE_CONFIG_LOW},
        {"internal.throw.on.fetch.stable.offset.unsupported", DOHLE_CONFIG_BOOL, "false",
         DOHLE_CONFIG_LOW},
        {"isolation.level", DOHLE_CONFIG_ENUM, "read_uncommitted", DOHLE_CONFIG_MEDIUM},
        {"key.deserializer", DOHLE_CONFIG_CLASS, NULL, DOHLE_CONFIG_HIGH},
        {"max.partition.fetch.bytes", DOHLE_CONFIG_INT, "1048576", DOHLE_CONFIG_HIGH},
        {"max.poll.interval.ms", DOHLE_CONFIG_INT, "300000", DOHLE_CONFIG_MEDIUM},
        {"max.poll.records", DOHLE_CONFIG_INT, "500", DOHLE_CONFIG_MEDIUM},
        {"metadata.cluster.check.enable", DOHLE_CONFIG_BOOL, "true", DOHLE_CONFIG_LOW},
        {"metadata.max.age.ms", DOHLE_CONFIG_LONG, "300000", DOHLE_CONFIG_LOW},
        {"metadata.recovery.rebootstrap.trigger.ms", DOHLE_CONFIG_LONG, "300000",
         DOHLE_CONFIG_LOW},
        {"metadata.recovery.strategy", DOHLE_CONFIG_ENUM, "rebootstrap",
         DOHLE_CONFIG_LOW},
        {"metric.reporters", DOHLE_CONFIG_LIST,
         "org.apache.kafka.common.metrics.JmxReporter", DOHLE_CONFIG_LOW},
        {"metrics.num.samples", DOHLE_CONFIG_INT, "2", DOHLE_CONFIG_LOW},
        {"metrics.recording.level", DOHLE_CONFIG_ENUM, "INFO", DOHLE_CONFIG_LOW},
        {"metrics.sample.window.ms", DOHLE_CONFIG_LONG, "30000", DOHLE_CONFIG_LOW},
        {"partition.assignment.strategy", DOHLE_CONFIG_LIST,
         "org.apache.kafka.clients.consumer.RangeAssignor,org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
         DOHLE_CONFIG_MEDIUM},
        {"receive.buffer.bytes", DOHLE_CONFIG_INT, "65536", DOHLE_CONFIG_MEDIUM},
        {"reconnect.backoff.max.ms", DOHLE_CONFIG_LONG, "1000", DOHLE_CONFIG_LOW},
        {"reconnect.backoff.ms", DOHLE_CONFIG_LONG, "50", DOHLE_CONFIG_LOW},
        {"request.timeout.ms", DOHLE_CONFIG_INT, "30000", DOHLE_CONFIG_MEDIUM},
        {"retry.backoff.max.ms", DOHLE_CONFIG_LONG, "1000", DOHLE_CONFIG_LOW},
        {"retry.backoff.ms", DOHLE_CONFIG_LONG, "100", DOHLE_CONFIG_LOW},
        {"sasl.client.callback.handler.class", DOHLE_CONFIG_CLASS, NULL,
         DOHLE_CONFIG_MEDIUM},
        {"sasl.jaas.config", DOHLE_CONFIG_PASSWORD, NULL, DOHLE_CONFIG_MEDIUM},
        {"sasl.kerberos.kinit.cmd", DOHLE_CONFIG_STRING, "/usr/bin/kinit",
         DOHLE_CONFIG_LOW},
        {"sasl.kerberos.min.time.before.relogin", DOHLE_CONFIG_LONG, "60000",
         DOHLE_CONFIG_LOW},
        {"sasl.kerberos.service.name", DOHLE_CONFIG_STRING, NULL, DOHLE_CONFIG_MEDIUM},
        {"sasl.kerberos.ticket.renew.jitter", DOHLE_CONFIG_DOUBLE, "0.05",
         DOHLE_CONFIG_LOW},
        {"sasl.kerberos.ticket.renew.window.factor", DOHLE_CONFIG_DOUBLE, "0.8",
         DOHLE_CONFIG_LOW},
        {"sasl.login.callback.handler.class", DOHLE_CONFIG_CLASS, NULL,
         DOHLE_CONFIG_MEDIUM},
        {"sasl.login.class", DOHLE_CONFIG_CLASS, NULL, DOHLE_CONFIG_MEDIUM},
        {"sasl.login.connect.timeout.ms", DOHLE_CONFIG_INT, NULL, DOHLE_CONFIG_LOW},
        {"sasl.login.read.timeout.ms", DOHLE_CONFIG_INT, NULL, DOHLE_CONFIG_LOW},
        {"sasl.login.refresh.buffer.seconds", DOHLE_CONFIG_INT, "300", DOHLE_CONFIG_LOW},
        {"sasl.login.refresh.min.period.seconds", DOHLE_CONFIG_INT, "60",
         DOHLE_CONFIG_LOW},
        {"sasl.login.refresh.window.factor", DOHLE_CONFIG_DOUBLE, "0.8",
         DOHLE_CONFIG_LOW},
        {"sasl.login.refresh.window.jitter", DOHLE_CONFIG_DOUBLE, "0.05",
         DOHLE_CONFIG_LOW},
        {"sasl.login.retry.backoff.max.ms", DOHLE_CONFIG_LONG, "10000", DOHLE_CONFIG_LOW},
        {"sasl.login.retry.backoff.ms", DOHLE_CONFIG_LONG, "100", DOHLE_CONFIG_LOW},
        {"sasl.mechanism", DOHLE_CONFIG_STRING, "GSSAPI", DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.allow.unverified.audience", DOHLE_CONFIG_BOOL, "false",
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.allow.unverified.issuer", DOHLE_CONFIG_BOOL, "false",
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.assertion.algorithm", DOHLE_CONFIG_ENUM, "RS256",
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.assertion.claim.aud", DOHLE_CONFIG_STRING, NULL,
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.assertion.claim.exp.seconds", DOHLE_CONFIG_INT, "300",
         DOHLE_CONFIG_LOW},
        {"sasl.oauthbearer.assertion.claim.iss", DOHLE_CONFIG_STRING, NULL,
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.assertion.claim.jti.include", DOHLE_CONFIG_BOOL, "false",
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.assertion.claim.nbf.seconds", DOHLE_CONFIG_INT, "60",
         DOHLE_CONFIG_LOW},
        {"sasl.oauthbearer.assertion.claim.sub", DOHLE_CONFIG_STRING, NULL,
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.assertion.file", DOHLE_CONFIG_STRING, NULL,
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.assertion.private.key.file", DOHLE_CONFIG_STRING, NULL,
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.assertion.private.key.passphrase", DOHLE_CONFIG_PASSWORD, NULL,
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.assertion.template.file", DOHLE_CONFIG_STRING, NULL,
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.client.credentials.client.id", DOHLE_CONFIG_STRING, NULL,
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.client.credentials.client.secret", DOHLE_CONFIG_PASSWORD, NULL,
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.clock.skew.seconds", DOHLE_CONFIG_INT, "30", DOHLE_CONFIG_LOW},
        {"sasl.oauthbearer.expected.audience", DOHLE_CONFIG_LIST, "", DOHLE_CONFIG_HIGH},
        {"sasl.oauthbearer.expected.issuer", DOHLE_CONFIG_STRING, NULL,
         DOHLE_CONFIG_HIGH},
        {"sasl.oauthbearer.header.urlencode", DOHLE_CONFIG_BOOL, "false",
         DOHLE_CONFIG_LOW},
        {"sasl.oauthbearer.jwks.endpoint.refresh.ms", DOHLE_CONFIG_LONG, "3600000",
         DOHLE_CONFIG_LOW},
        {"sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", DOHLE_CONFIG_LONG,
         "10000", DOHLE_CONFIG_LOW},
        {"sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", DOHLE_CONFIG_LONG, "100",
         DOHLE_CONFIG_LOW},
        {"sasl.oauthbearer.jwks.endpoint.url", DOHLE_CONFIG_STRING, NULL,
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.jwt.retriever.class", DOHLE_CONFIG_CLASS,
         "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever",
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.jwt.validator.class", DOHLE_CONFIG_CLASS,
         "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator",
         DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.scope", DOHLE_CONFIG_STRING, NULL, DOHLE_CONFIG_MEDIUM},
        {"sasl.oauthbearer.scope.claim.name", DOHLE_CONFIG_STRING, "scope",
         DOHLE_CONFIG_LOW},
        {"sasl.oauthbearer.sub.claim.name", DOHLE_CONFIG_STRING, "sub", DOHLE_CONFIG_LOW},
        {"sasl.oauthbearer.token.endpoint.url", DOHLE_CONFIG_STRING, NULL,
         DOHLE_CONFIG_MEDIUM},
        {"security.protocol", DOHLE_CONFIG_ENUM, "PLAINTEXT", DOHLE_CONFIG_MEDIUM},
        {"security.providers", DOHLE_CONFIG_STRING, NULL, DOHLE_CONFIG_LOW},
        {"send.buffer.bytes", DOHLE_CONFIG_INT, "131072", DOHLE_CONFIG_MEDIUM},
        {"session.timeout.ms", DOHLE_CONFIG_INT, "45000", DOHLE_CONFIG_HIGH},
        {"share.acknowledgement.mode", DOHLE_CONFIG_ENUM, "implicit",
         DOHLE_CONFIG_MEDIUM},
        {"share.acquire.mode", DOHLE_CONFIG_ENUM, "batch_optimized", DOHLE_CONFIG_MEDIUM},
        {"socket.connection.setup.timeout.max.ms", DOHLE_CONFIG_LONG, "30000",
         DOHLE_CONFIG_MEDIUM},
        {"socket.connection.setup.timeout.ms", DOHLE_CONFIG_LONG, "10000",
         DOHLE_CONFIG_MEDIUM},
        {"ssl.cipher.suites", DOHLE_CONFIG_LIST, "", DOHLE_CONFIG_LOW},
        {"ssl.enabled.protocols", DOHLE_CONFIG_LIST, "TLSv1.2,TLSv1.3",
         DOHLE_CONFIG_MEDIUM},
        {"ssl.endpoint.identification.algorithm", DOHLE_CONFIG_STRING, "https",
         DOHLE_CONFIG_LOW},
        {"ssl.engine.factory.class", DOHLE_CONFIG_CLASS, NULL, DOHLE_CONFIG_LOW},
        {"ssl.key.password", DOHLE_CONFIG_PASSWORD, NULL, DOHLE_CONFIG_HIGH},
        {"ssl.keymanager.algorithm", DOHLE_CONFIG_STRING, "SunX509", DOHLE_CONFIG_LOW},
        {"ssl.keystore.certificate.chain", DOHLE_CONFIG_PASSWORD, NULL,
         DOHLE_CONFIG_HIGH},
        {"ssl.keystore.key", DOHLE_CONFIG_PASSWORD, NULL, DOHLE_CONFIG_HIGH},
        {"ssl.keystore.location", DOHLE_CONFIG_STRING, NULL, DOHLE_CONFIG_HIGH},
        {"ssl.keystore.password", DOHLE_CONFIG_PASSWORD, NULL, DOHLE_CONFIG_HIGH},
        {"ssl.keystore.type", DOHLE_CONFIG_STRING, "JKS", DOHLE_CONFIG_MEDIUM},
        {"ssl.protocol", DOHLE_CONFIG_STRING, "TLSv1.3", DOHLE_CONFIG_MEDIUM},
        {"ssl.provider", DOHLE_CONFIG_STRING, NULL, DOHLE_CONFIG_MEDIUM},
        {"ssl.secure.random.implementation", DOHLE_CONFIG_STRING, NULL, DOHLE_CONFIG_LOW},
        {"ssl.trustmanager.algorithm", DOHLE_CONFIG_STRING, "PKIX", DOHLE_CONFIG_LOW},
        {"ssl.truststore.certificates", DOHLE_CONFIG_PASSWORD, NULL, DOHLE_CONFIG_HIGH},
        {"ssl.truststore.location", DOHLE_CONFIG_STRING, NULL, DOHLE_CONFIG_HIGH},
        {"ssl.truststore.password", DOHLE_CONFIG_PASSWORD, NULL, DOHLE_CONFIG_HIGH},
        {"ssl.truststore.type", DOHLE_CONFIG_STRING, "JKS", DOHLE_CONFIG_MEDIUM},
        {"value.deserializer", DOHLE_CONFIG_CLASS, NULL, DOHLE_CONFIG_HIGH},
    };

    assert_int_equal(120, DH_COUNT_OF(rows));
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        const struct dh_setting *setting = dh_setting_find(dh_bytes_of(rows[i].name));
        assert_non_null(setting);
        assert_string_equal(rows[i].name, setting->name);
        assert_int_equal(rows[i].type, setting->type);
        assert_int_equal(rows[i].importance, setting->importance);
        assert_int_equal(rows[i].standard == NULL, setting->standard == NULL);
        if (rows[i].standard != NULL) {
            assert_string_equal(rows[i].standard, setting->standard);
        }
        assert_true((setting->objects & DOHLE_CONFIG_CONSUMER) != 0);
    }
    size_t own_count = 0;
    for (size_t i = 0; i < dh_setting_count; i++) {
        own_count += (dh_setting_table[i].objects & DOHLE_CONFIG_CONSUMER) != 0;
    }
    assert_int_equal(120 + 3, own_count); // and three of Dohle's own
}

static void rows_are_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < dh_setting_count; i++) {
        const struct dh_setting *setting = &dh_setting_table[i];
        char text[512];
        if (i > 0) {
            assert_true(strcmp(dh_setting_table[i - 1].name, setting->name) < 0);
        }
        if (setting->standard != NULL) {
            assert_int_equal(0, dh_setting_check(setting, dh_bytes_of(setting->standard),
                                                 text, sizeof(text)));
            assert_true(dh_setting_values_equal(setting, dh_bytes_of(setting->standard),
                                                dh_bytes_of(setting->standard)));
        }
        // A default that is not built would be refused when set.
        if (setting->type == DOHLE_CONFIG_ENUM) {
            assert_true(dh_setting_word(setting, dh_bytes_of(setting->standard)) >= 0);
        }
        assert_true(setting->objects != 0);
        assert_int_equal('.', setting->doc[strlen(setting->doc) - 1]);
        dohle_config_key key;
        assert_int_equal(0, dohle_config_key_info(i, &key));
        assert_true(strlen(key.allowed) < sizeof(key.allowed) - 1);
    }
    assert_int_equal(dh_setting_count, dohle_config_key_count());
}

// Without a field a built key would be accepted and do nothing.
static void built_keys_have_a_field(void **state)
{
    (void)state;
    static const char *const others[] = {
        "bootstrap.servers",             // a list of endpoints
        "client.dns.lookup",             // one built word
        "group.protocol",                // one built word
        "isolation.level",               // one built word
        "partition.assignment.strategy", // a list of assignors
        "security.protocol",             // one built word
    };
    for (size_t i = 0; i < dh_setting_count; i++) {
        const struct dh_setting *setting = &dh_setting_table[i];
        bool is_other = false;
        for (size_t j = 0; j < DH_COUNT_OF(others); j++) {
            is_other = is_other || strcmp(others[j], setting->name) == 0;
        }
        bool is_built = setting->status == DOHLE_CONFIG_BUILT;
        assert_int_equal(is_built && !is_other, setting->field != 0);
        if (setting->type == DOHLE_CONFIG_ENUM && is_other) {
            assert_null(strchr(setting->values, ','));
        }
    }
}

static void aliases_lead_to_their_key(void **state)
{
    (void)state;

    static const struct {
        const char *alias, *name;
    } rows[] = {
        {"metadata.broker.list", "bootstrap.servers"},
        {"fetch.wait.max.ms", "fetch.max.wait.ms"},
        {"fetch.message.max.bytes", "max.partition.fetch.bytes"},
        {"socket.send.buffer.bytes", "send.buffer.bytes"},
        {"socket.receive.buffer.bytes", "receive.buffer.bytes"},
        {"topic.metadata.refresh.interval.ms", "metadata.max.age.ms"},
        {"receive.message.max.bytes", "response.max.bytes"},
        {"queue.buffering.max.ms", "linger.ms"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        const struct dh_setting *setting = dh_setting_find(dh_bytes_of(rows[i].alias));
        assert_non_null(setting);
        assert_string_equal(rows[i].name, setting->name);
    }
}

static void similar_name_is_found(void **state)
{
    (void)state;

    static const struct {
        const char *wrong, *right; // NULL: nothing is near
    } rows[] = {
        {"fetch.max.await.ms", "fetch.max.wait.ms"},
        {"bootstrap.server", "bootstrap.servers"},
        {"group_id", "group.id"},
        {"sesison.timeout.ms", "session.timeout.ms"},
        {"Auto.Offset.Reset", "auto.offset.reset"},
        {"fetch.message.max.byte", "fetch.message.max.bytes"},
        {"completely.different.and.long", NULL},
        {"", NULL},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_bytes_equal(dh_bytes_of(rows[i].right),
                           dh_setting_find_similar(dh_bytes_of(rows[i].wrong)));
    }
}

static void bad_value_is_explained(void **state)
{
    (void)state;

    static const struct {
        const char *name, *value, *text; // text NULL: allowed
    } rows[] = {
        {"fetch.min.bytes", "0", NULL},
        {"fetch.min.bytes", " 12 ", NULL},
        {"fetch.min.bytes", "-1",
         "fetch.min.bytes: \"-1\" is not allowed; allowed: 0 or more"},
        {"fetch.min.bytes", "1e3",
         "fetch.min.bytes: \"1e3\" is not allowed; allowed: 0 or more"},
        {"fetch.min.bytes", "2147483648",
         "fetch.min.bytes: \"2147483648\" is not allowed; allowed: 0 or more"},
        {"metadata.max.age.ms", "2147483648", NULL},
        {"compression.gzip.level", "10",
         "compression.gzip.level: \"10\" is not allowed; allowed: -1 to 9"},
        {"connections.max.idle.ms", "",
         "connections.max.idle.ms: \"\" is not allowed; allowed: any whole number"},
        {"check.crcs", "FALSE", NULL},
        {"check.crcs", "yes", "check.crcs: \"yes\" is not allowed; allowed: true, false"},
        {"auto.offset.reset", "earliest", NULL},
        {"auto.offset.reset", "by_duration:PT1H", NULL}, // known, refused at open
        {"auto.offset.reset", "Earliest",
         "auto.offset.reset: \"Earliest\" is not allowed; allowed: latest, earliest, "
         "none, by_duration:<ISO-8601 duration>"},
        {"security.protocol", "plaintext", NULL},
        {"security.protocol", "sasl_ssl", NULL}, // known, refused at open
        {"group.protocol", "new",
         "group.protocol: \"new\" is not allowed; allowed: classic, consumer"},
        {"bootstrap.servers", "a:1, b:2", NULL},
        {"bootstrap.servers", "",
         "bootstrap.servers: \"\" is not allowed; allowed: a list of host:port, none "
         "twice"},
        {"bootstrap.servers", "a:1,a:1",
         "bootstrap.servers: \"a:1,a:1\" is not allowed; allowed: a list of host:port, "
         "none twice"},
        {"bootstrap.servers", "a:1,,b:1",
         "bootstrap.servers: \"a:1,,b:1\" is not allowed; allowed: a list of host:port, "
         "none twice"},
        {"bootstrap.servers", "a:1,",
         "bootstrap.servers: \"a:1,\" is not allowed; allowed: a list of host:port, none "
         "twice"},
        {"partition.assignment.strategy", "range,sticky", NULL},
        {"partition.assignment.strategy", "com.example.Mine",
         "partition.assignment.strategy: \"com.example.Mine\" is not allowed; allowed: a "
         "list of range, roundrobin, sticky, cooperative-sticky, or Java's classes of "
         "them"},
        {"interceptor.classes", "", NULL},
        {"sasl.login.refresh.window.factor", "0.80", NULL},
        {"sasl.login.refresh.window.factor", "x",
         "sasl.login.refresh.window.factor: \"x\" is not allowed; allowed: 0.5 to 1.0"},
        {"group.id", "any thing", NULL},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        const struct dh_setting *setting = dh_setting_find(dh_bytes_of(rows[i].name));
        char text[512] = "";
        int err =
            dh_setting_check(setting, dh_bytes_of(rows[i].value), text, sizeof(text));
        assert_int_equal(rows[i].text == NULL ? 0 : DOHLE_ERR_INVALID_CONFIG, err);
        assert_string_equal(rows[i].text == NULL ? "" : rows[i].text, text);
    }
}

static void values_are_compared_by_meaning(void **state)
{
    (void)state;

    static const struct {
        const char *name, *a, *b;
        bool is_equal;
    } rows[] = {
        {"fetch.min.bytes", "060", " 60", true},
        {"fetch.min.bytes", "60", "61", false},
        {"enable.metrics.push", "True", "true", true},
        {"sasl.kerberos.ticket.renew.jitter", "0.050", "0.05", true},
        {"sasl.kerberos.ticket.renew.jitter", "0.051", "0.05", false},
        {"security.protocol", "plaintext", "PLAINTEXT", true},
        {"ssl.enabled.protocols", "TLSv1.2, TLSv1.3", "TLSv1.2,TLSv1.3", true},
        {"ssl.enabled.protocols", "TLSv1.2", "TLSv1.2,TLSv1.3", false},
        {"client.id", "a", "a ", false},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        const struct dh_setting *setting = dh_setting_find(dh_bytes_of(rows[i].name));
        assert_int_equal(rows[i].is_equal,
                         dh_setting_values_equal(setting, dh_bytes_of(rows[i].a),
                                                 dh_bytes_of(rows[i].b)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_has_every_key_of_the_java_consumer),
        cmocka_unit_test(rows_are_sound),
        cmocka_unit_test(built_keys_have_a_field),
        cmocka_unit_test(aliases_lead_to_their_key),
        cmocka_unit_test(similar_name_is_found),
        cmocka_unit_test(bad_value_is_explained),
        cmocka_unit_test(values_are_compared_by_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
