// SPDX-License-Identifier: MIT
/*
 * Random requests of the data APIs, in every version, some half sensible, some while memory
 * runs out: each is answered or ends its connection, and the broker goes on.
 */
#include "data_rig.h"

#include "wire/api.h"
#include "wire/gen/delete_records.h"
#include "wire/gen/list_offsets.h"
#include "wire/gen/offset_for_leader_epoch.h"

#define ROUNDS 4000

struct nonsense {
    struct rig rig;
    struct dh_random random;
    struct dh_arena arena;
    struct batch batch;
    struct rig_client *client;
    int16_t version; // of the request that is made
};

static uint64_t below(struct nonsense *n, uint64_t bound)
{
    return dh_random_below(&n->random, bound);
}

static void make_name_sensible(struct nonsense *n, dohle_bytes *name, struct dh_uuid *id)
{
    if (below(n, 4) != 0) {
        *name = DH_BYTES("orders");
        if (id != NULL) {
            *id = topic_of(&n->rig, "orders")->id;
        }
    }
}

static int32_t number(struct nonsense *n)
{
    return below(n, 5) == 0 ? (int32_t)dh_random_next(&n->random) : (int32_t)below(n, 4);
}

static int64_t offset(struct nonsense *n)
{
    return below(n, 5) == 0 ? (int64_t)dh_random_next(&n->random)
                            : (int64_t)below(n, 40) - 8;
}

static void make_produce_sensible(struct nonsense *n, struct dh_produce_request *request)
{
    n->batch = make_batch((struct batch_wish){.count = 1 + (int)below(n, 5),
                                              .codec = (int)below(n, DH_CODEC_COUNT)});
    if (below(n, 3) == 0) { // one bit is wrong, in what the checksum covers or not
        size_t bit = (size_t)below(n, n->batch.size * 8);
        n->batch.bytes[bit / 8] ^= (uint8_t)(1 << (bit % 8));
    }
    request->acks = (int16_t)((int)below(n, 4) - 1);
    if (below(n, 4) != 0) {
        request->transactional_id = DH_BYTES_NULL;
    }
    for (int32_t i = 0; i < request->topic_data.count; i++) {
        struct dh_produce_request_topic_data *topic = &request->topic_data.items[i];
        make_name_sensible(n, &topic->name, &topic->topic_id);
        for (int32_t k = 0; k < topic->partition_data.count; k++) {
            topic->partition_data.items[k].index = number(n);
            topic->partition_data.items[k].records =
                (dohle_bytes){n->batch.bytes, (size_t)below(n, n->batch.size + 1)};
            if (below(n, 2) == 0) {
                topic->partition_data.items[k].records.size = n->batch.size;
            }
        }
    }
}

static void make_fetch_sensible(struct nonsense *n, struct dh_fetch_request *request)
{
    request->max_wait_ms = (int32_t)below(n, 2) * 100;
    request->session_epoch = (int32_t)below(n, 4) - 1;
    for (int32_t i = 0; i < request->topics.count; i++) {
        struct dh_fetch_request_topic *topic = &request->topics.items[i];
        make_name_sensible(n, &topic->topic, &topic->topic_id);
        for (int32_t k = 0; k < topic->partitions.count; k++) {
            topic->partitions.items[k].partition = number(n);
            topic->partitions.items[k].fetch_offset = offset(n);
            if (below(n, 2) == 0) {
                topic->partitions.items[k].current_leader_epoch = -1;
                topic->partitions.items[k].last_fetched_epoch =
                    n->version < 12 ? -1 : (int32_t)below(n, 3) - 1;
            }
        }
    }
}

static void make_sensible(struct nonsense *n, int16_t key, void *request)
{
    if (key == DH_API_PRODUCE) {
        make_produce_sensible(n, request);
    } else if (key == DH_API_FETCH) {
        make_fetch_sensible(n, request);
    } else if (key == DH_API_LIST_OFFSETS) {
        struct dh_list_offsets_request *list = request;
        for (int32_t i = 0; i < list->topics.count; i++) {
            make_name_sensible(n, &list->topics.items[i].name, NULL);
            for (int32_t k = 0; k < list->topics.items[i].partitions.count; k++) {
                list->topics.items[i].partitions.items[k].partition_index = number(n);
                list->topics.items[i].partitions.items[k].timestamp = offset(n);
            }
        }
    } else if (key == DH_API_DELETE_RECORDS) {
        struct dh_delete_records_request *records = request;
        for (int32_t i = 0; i < records->topics.count; i++) {
            make_name_sensible(n, &records->topics.items[i].name, NULL);
            for (int32_t k = 0; k < records->topics.items[i].partitions.count; k++) {
                records->topics.items[i].partitions.items[k].partition_index = number(n);
                records->topics.items[i].partitions.items[k].offset = offset(n);
            }
        }
    } else if (key == DH_API_OFFSET_FOR_LEADER_EPOCH) {
        struct dh_offset_for_leader_epoch_request *epochs = request;
        for (int32_t i = 0; i < epochs->topics.count; i++) {
            make_name_sensible(n, &epochs->topics.items[i].topic, NULL);
            for (int32_t k = 0; k < epochs->topics.items[i].partitions.count; k++) {
                epochs->topics.items[i].partitions.items[k].partition = number(n);
            }
        }
    }
}

static void ask_nonsense(struct nonsense *n)
{
    static const int16_t keys[] = {
        DH_API_PRODUCE,          DH_API_FETCH,
        DH_API_LIST_OFFSETS,     DH_API_DELETE_RECORDS,
        DH_API_INIT_PRODUCER_ID, DH_API_OFFSET_FOR_LEADER_EPOCH};
    int16_t key = keys[below(n, DH_COUNT_OF(keys))];
    const struct dh_message_type *type = dh_api_find(key)->request;
    int16_t version = (int16_t)(type->versions.min +
                                (int16_t)below(n, (uint64_t)(type->versions.max -
                                                             type->versions.min + 1)));
    n->version = version;
    dh_arena_reset(&n->arena);
    void *request = dh_arena_alloc(&n->arena, type->body.size);
    assert_non_null(request);
    assert_int_equal(0,
                     dh_message_randomise(type, version, &n->random, &n->arena, request));
    if (below(n, 8) != 0) {
        make_sensible(n, key, request);
    }
    // The client's own memory does not run out.
    assert_int_equal(0, dh_buf_reserve(&n->client->out, 64 * 1024));
    assert_int_equal(0, dh_buf_reserve(&n->client->in, 256 * 1024));
    bool is_short_of_memory = below(n, 4) == 0;
    n->rig.memory.fail_at =
        is_short_of_memory ? n->rig.memory.calls + 1 + (size_t)below(n, 20) : 0;
    rig_send(&n->rig, n->client, key, version, request);
    n->rig.memory.fail_at = 0;
    rig_advance(&n->rig, 100); // the longest wait
    bool is_answered = rig_receive(&n->rig, n->client) != NULL;
    bool is_silent =
        key == DH_API_PRODUCE && ((struct dh_produce_request *)request)->acks == 0;
    if (!is_answered && !is_silent && !is_short_of_memory) {
        assert_true(n->client->is_closed);
    }
    if (!is_answered) {
        rig_disconnect(&n->rig, n->client);
        n->rig.client_count--;
        n->client = rig_connect(&n->rig, 1);
    }
}

static void test_nonsense(void **state)
{
    (void)state;
    static struct nonsense n;
    memset(&n, 0, sizeof(n));
    n.random.state = 7;
    dh_arena_init(&n.arena, dh_mem_default(), 0);
    rig_start(&n.rig, &(struct rig_options){.node_count = 2});
    make_topic(&n.rig, "orders", 4);
    n.client = rig_connect(&n.rig, 1);
    for (int i = 0; i < ROUNDS; i++) {
        ask_nonsense(&n);
    }
    // It goes on.
    int32_t partition = partition_of(&n.rig, "orders", 0)->leader == 1 ? 0 : 1;
    int64_t end = dh_store_log_end(log_of(&n.rig, "orders", partition));
    assert_int_equal(
        end, produce(&n.rig, n.client, "orders", partition, (struct batch_wish){0})
                 ->base_offset);
    assert_true(end > 20);
    dh_arena_deinit(&n.arena);
    rig_stop(&n.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
