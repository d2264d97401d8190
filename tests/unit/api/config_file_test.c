// SPDX-License-Identifier: MIT
#include <dohle/config.h>

#include <stdio.h>
#include <unistd.h>

#include "../test.h"

// Writes `size` bytes to a new file and returns its name, which the caller removes.
static const char *write_file(const void *data, size_t size)
{
    static char path[64];
    snprintf(path, sizeof(path), "config_file_test.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal((ssize_t)size, write(fd, data, size));
    close(fd);
    return path;
}

static void file_is_loaded(void **state)
{
    (void)state;
    static const char text[] = "group.id = billing\nfetch.wait.max.ms: 9\n";
    const char *path = write_file(text, strlen(text));
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_load(config, path));
    assert_string_equal("billing", dohle_config_get(config, "group.id"));
    assert_string_equal("9", dohle_config_get(config, "fetch.max.wait.ms"));
    dohle_config_free(config);
    remove(path);
}

static void failure_names_the_file(void **state)
{
    (void)state;
    dohle_config *config = dohle_config_new();
    assert_int_equal(DOHLE_ERR_IO, dohle_config_load(config, "no/such.properties"));
    assert_string_equal("no/such.properties: No such file or directory",
                        dohle_config_error(config));
    assert_int_equal(DOHLE_ERR_IO, dohle_config_load(config, ".")); // a directory

    static const char text[] = "group.id=g\nacks=7";
    const char *path = write_file(text, strlen(text));
    assert_int_equal(DOHLE_ERR_INVALID_CONFIG, dohle_config_load(config, path));
    char expected[256];
    snprintf(expected, sizeof(expected),
             "%s: line 2: acks: \"7\" is not allowed; allowed: all, -1, 0, 1", path);
    assert_string_equal(expected, dohle_config_error(config));
    assert_null(dohle_config_get(config, "group.id"));
    remove(path);
    dohle_config_free(config);
}

static void endless_file_is_given_up(void **state)
{
    (void)state;
    dohle_config *config = dohle_config_new();
    assert_int_equal(DOHLE_ERR_TOO_LARGE, dohle_config_load(config, "/dev/zero"));
    assert_non_null(strstr(dohle_config_error(config), "/dev/zero: larger than"));
    dohle_config_free(config);
}

static void empty_file_sets_nothing(void **state)
{
    (void)state;
    dohle_config *config = dohle_config_new();
    assert_int_equal(0, dohle_config_load(config, "/dev/null"));
    dohle_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(file_is_loaded),
        cmocka_unit_test(failure_names_the_file),
        cmocka_unit_test(endless_file_is_given_up),
        cmocka_unit_test(empty_file_sets_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
