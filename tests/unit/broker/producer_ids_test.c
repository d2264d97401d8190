// SPDX-License-Identifier: MIT
// Ids of producers: never given twice, whatever happens to the process and the disk.
#include "data_rig.h"

#include "broker/producer_ids.h"
#include "wire/gen/init_producer_id.h"

static struct dh_init_producer_id_response
init(struct rig *rig, struct rig_client *client, int16_t version,
     dohle_bytes transactional, int64_t id, int16_t epoch)
{
    struct dh_init_producer_id_request request = {
        .transactional_id = transactional,
        .transaction_timeout_ms = 1000,
        .producer_id = version >= 3 ? id : -1,
        .producer_epoch = version >= 3 ? epoch : -1,
    };
    const struct dh_init_producer_id_response *response =
        rig_ask(rig, client, DH_API_INIT_PRODUCER_ID, version, &request);
    return *response;
}

static int64_t new_id(struct rig *rig, struct rig_client *client)
{
    struct dh_init_producer_id_response response =
        init(rig, client, 5, DH_BYTES_NULL, -1, -1);
    assert_int_equal(0, response.error_code);
    assert_int_equal(0, response.producer_epoch);
    return response.producer_id;
}

static void test_ids_differ(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, &(struct rig_options){.node_count = 2});
    struct rig_client *clients[] = {rig_connect(&rig, 1), rig_connect(&rig, 2)};
    int64_t last = -1;
    for (int i = 0; i < 2 * DH_BROKER_PRODUCER_ID_BLOCK + 10; i++) {
        int64_t id = new_id(&rig, clients[i % 2]);
        assert_true(id > last);
        last = id;
    }
    rig_stop(&rig);
}

static void test_ids_after_restart(void **state)
{
    (void)state;
    for (int is_clean = 0; is_clean <= 1; is_clean++) {
        struct rig rig;
        rig_start(&rig, NULL);
        int64_t last = -1;
        for (int round = 0; round < 3; round++) {
            struct rig_client *client = rig_connect(&rig, 1);
            for (int i = 0; i < 3; i++) {
                int64_t id = new_id(&rig, client);
                assert_true(id > last);
                last = id;
            }
            rig_restart(&rig, is_clean == 1);
        }
        assert_true(last < 10 * DH_BROKER_PRODUCER_ID_BLOCK);
        rig_stop(&rig);
    }
}

static void test_answers(void **state)
{
    (void)state;

    static const struct {
        int16_t expected;
        int16_t version;
        const char *transactional_id;
        int64_t id;
        int16_t epoch;
    } rows[] = {
        {0, 0, NULL, -1, -1},
        {0, 5, NULL, -1, -1},
        {0, 5, NULL, 7, 3}, // as Kafka: another id
        {DH_BROKER_INVALID_REQUEST, 5, NULL, 7, -1},
        {DH_BROKER_INVALID_REQUEST, 5, NULL, -1, 3},
        {DH_BROKER_INVALID_REQUEST, 5, "", -1, -1},
        {DH_BROKER_UNSUPPORTED_VERSION, 5, "t", -1, -1},
    };
    struct rig rig;
    rig_start(&rig, NULL);
    struct rig_client *client = rig_connect(&rig, 1);
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct dh_init_producer_id_response response =
            init(&rig, client, rows[i].version, dh_bytes_of(rows[i].transactional_id),
                 rows[i].id, rows[i].epoch);
        assert_int_equal(rows[i].expected, response.error_code);
        assert_int_equal(rows[i].expected == 0 ? 0 : -1, response.producer_epoch);
        assert_int_equal(rows[i].expected == 0, response.producer_id >= 0);
    }
    rig_stop(&rig);
}

// A log that came from elsewhere knows producers whose ids must not be given again.
static void test_ids_in_logs(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    make_topic(&rig, "orders", 2);
    struct rig_client *client = rig_connect(&rig, 1);
    static const int64_t ids[] = {70000, 12345, INT64_MAX};
    for (int32_t i = 0; i < 3; i++) {
        assert_int_equal(0, produce(&rig, client, "orders", i % 2,
                                    (struct batch_wish){.producer_id = ids[i]})
                                ->error_code);
    }
    rig_restart(&rig, false);
    assert_int_equal(70001, new_id(&rig, rig_connect(&rig, 1)));
    rig_stop(&rig);
}

// Without room for the file there is no id; with room there is again.
static void test_full_disk(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, NULL);
    struct rig_client *client = rig_connect(&rig, 1);
    dh_memory_files_set_room(rig.files, dh_memory_files_size(rig.files));
    assert_int_equal(DH_BROKER_COORDINATOR_LOAD_IN_PROGRESS,
                     init(&rig, client, 5, DH_BYTES_NULL, -1, -1).error_code);
    dh_memory_files_set_room(rig.files, -1);
    assert_int_equal(0, new_id(&rig, client));
    rig_stop(&rig);
}

static void write_file(struct rig *rig, const char *text)
{
    struct dh_vfs *vfs = dh_memory_files_vfs(rig->files);
    struct dh_file *file;
    assert_int_equal(
        0, vfs->calls->open(vfs, "producer-ids", DH_VFS_WRITE | DH_VFS_CREATE, &file));
    assert_int_equal(0, vfs->calls->truncate(vfs, file, 0));
    dohle_bytes bytes = dh_bytes_of(text);
    assert_int_equal(0, vfs->calls->write(vfs, file, 0, &bytes, 1));
    vfs->calls->close(vfs, file);
}

// A file that makes no sense is not guessed at.
static void test_damaged_file(void **state)
{
    (void)state;

    static const struct {
        int expected;
        const char *text;
    } rows[] = {
        {0, "0\n1\n5000\n"},
        {DOHLE_ERR_CORRUPT, ""},
        {DOHLE_ERR_CORRUPT, "0\n1\n"},
        {DOHLE_ERR_CORRUPT, "1\n1\n5000\n"},
        {DOHLE_ERR_CORRUPT, "0\n1\n-5\n"},
        {DOHLE_ERR_CORRUPT, "0\n1\n9223372036854775807\n"},
        {DOHLE_ERR_CORRUPT, "0\n1\nx\n"},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        struct rig rig;
        rig_start(&rig, NULL);
        write_file(&rig, rows[i].text);
        assert_int_equal(rows[i].expected, rig_try_restart(&rig, true));
        if (rows[i].expected == 0) {
            assert_int_equal(5000, new_id(&rig, rig_connect(&rig, 1)));
        }
        rig_stop(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids_differ), cmocka_unit_test(test_ids_after_restart),
        cmocka_unit_test(test_answers),    cmocka_unit_test(test_ids_in_logs),
        cmocka_unit_test(test_full_disk),  cmocka_unit_test(test_damaged_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
