// SPDX-License-Identifier: MIT
#include "../../test.h"

#include "base/bytes.h"
#include "client/back/requests.h"
#include "client/producer/partitioner.h"

// From UtilsTest of Apache Kafka.
static void test_the_hash_is_kafkas(void **state)
{
    (void)state;

    static const struct {
        const char *data;
        int32_t expected;
    } rows[] = {
        {"21", -973932308},
        {"foobar", -790332482},
        {"a-little-bit-long-string", -985981536},
        {"a-little-bit-longer-string", -1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
        {"abc", 479470107},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        assert_int_equal(rows[i].expected,
                         (int32_t)dh_murmur2(dh_bytes_of(rows[i].data)));
    }
    assert_int_equal(275646681, dh_murmur2(DH_BYTES("")));
}

static void test_a_key_has_its_partition(void **state)
{
    (void)state;
    // -973932308 with its sign bit off is 1173551340.
    assert_int_equal(1173551340 % 7, dh_partition_for_key(DH_BYTES("21"), 7));
    assert_int_equal(0, dh_partition_for_key(DH_BYTES("21"), 1));
    assert_int_equal(275646681 % 5, dh_partition_for_key(DH_BYTES(""), 5));
}

static void test_without_a_key_partitions_change_with_batches(void **state)
{
    (void)state;
    struct dh_cluster_partition rows[4] = {
        {.leader = 1}, {.leader = DH_NODE_NONE}, {.leader = 2}, {.leader = 1}};
    struct dh_cluster_topic topic = {.partition_count = 4, .partitions = rows};
    struct dh_random random = {3};
    struct dh_sticky sticky = {0};
    size_t counts[4] = {0};
    int32_t last = -1;
    size_t changes = 0;
    for (int i = 0; i < 10000; i++) {
        int32_t partition = dh_sticky_next(&sticky, &topic, 100, 1000, &random);
        assert_in_range(partition, 0, 3);
        counts[partition]++;
        // Only when a batch is full.
        assert_true(partition == last || i % 10 == 0);
        changes += partition != last;
        last = partition;
    }
    assert_int_equal(0, counts[1]); // nobody leads it
    assert_in_range(counts[0], 2500, 4200);
    assert_in_range(counts[2], 2500, 4200);
    assert_in_range(counts[3], 2500, 4200);
    assert_in_range(changes, 500, 1000);

    for (int i = 0; i < 4; i++) {
        rows[i].leader = DH_NODE_NONE;
    }
    for (int i = 0; i < 100; i++) {
        assert_in_range(dh_sticky_next(&sticky, &topic, 1000, 1000, &random), 0, 3);
    }
    topic.partition_count = 1; // the topic was made anew
    assert_int_equal(0, dh_sticky_next(&sticky, &topic, 1, 1000, &random));
    assert_int_equal(0, dh_sticky_next(&sticky, &topic, 1, 0, &random)); // batch.size=0
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_hash_is_kafkas),
        cmocka_unit_test(test_a_key_has_its_partition),
        cmocka_unit_test(test_without_a_key_partitions_change_with_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
