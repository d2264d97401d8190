// SPDX-License-Identifier: MIT
#include "host/address.h"

#include "../test.h"

static void test_figures_are_read_and_printed(void **state)
{
    (void)state;

    static const struct {
        const char *name;
        const char *expected; // NULL: not an address in figures
    } rows[] = {
        {"127.0.0.1", "127.0.0.1:9092"},
        {"0.0.0.0", "0.0.0.0:9092"},
        {"::1", "[::1]:9092"},
        {"2001:db8::17", "[2001:db8::17]:9092"},
        {"::ffff:10.0.0.1", "[::ffff:10.0.0.1]:9092"},
        {"", NULL},
        {"1", NULL},
        {"localhost", NULL},
        {"broker-1.example.org", NULL},
        {"127.0.0.256", NULL},
        {"[::1]", NULL},
        {"::1::", NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dh_address address;
        bool is_figures = dh_address_parse(&address, rows[i].name, 9092);
        assert_int_equal(rows[i].expected != NULL, is_figures);
        if (is_figures) {
            char text[DH_ADDRESS_TEXT_SIZE];
            assert_string_equal(rows[i].expected, dh_address_format(&address, text));
            assert_string_equal(rows[i].name, dh_address_host(&address, text));
            assert_int_equal(9092, dh_address_port(&address));
        }
    }
}

static void test_a_family_without_ports_has_port_0(void **state)
{
    (void)state;
    const struct sockaddr local = {.sa_family = AF_UNIX};
    struct dh_address address;
    dh_address_init(&address, &local, sizeof(local));
    dh_address_set_port(&address, 1);
    assert_int_equal(0, dh_address_port(&address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_figures_are_read_and_printed),
        cmocka_unit_test(test_a_family_without_ports_has_port_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
