// SPDX-License-Identifier: MIT
#include "../test.h"

#include "api/records.h"
#include "base/mem.h"

// Three runs: t-0 with 3 records, t-1 with 1, u-0 with 2; each in a frame of its own.
struct sample {
    struct test_memory memory;
    struct dh_frame *frames[3];
    dohle_record records[6];
    struct dh_run runs[3];
    struct dohle_records set;
};

static void sample_init(struct sample *s)
{
    static const struct {
        const char *topic;
        int32_t partition;
        size_t count;
    } rows[] = {{"t", 0, 3}, {"t", 1, 1}, {"u", 0, 2}};

    memset(s, 0, sizeof(*s));
    test_memory_init(&s->memory);
    size_t next = 0;
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        s->frames[i] = dh_frame_new(&s->memory.allocator, 16);
        s->runs[i] = (struct dh_run){.frame = s->frames[i],
                                     .topic = rows[i].topic,
                                     .partition = rows[i].partition,
                                     .first = next,
                                     .count = rows[i].count};
        for (size_t k = 0; k < rows[i].count; k++) {
            s->frames[i]->data[k] = (uint8_t)('a' + next);
            s->records[next] = (dohle_record){.topic = rows[i].topic,
                                              .partition = rows[i].partition,
                                              .offset = (int64_t)next,
                                              .value = {s->frames[i]->data + k, 1}};
            next++;
        }
    }
    const struct dh_record_set set = {
        .records = s->records, .count = next, .runs = s->runs, .run_count = 3};
    dh_records_show(&s->set, &s->memory.allocator, NULL, &set);
}

static void drop_frames(struct sample *s)
{
    for (size_t i = 0; i < DH_COUNT_OF(s->frames); i++) {
        dh_frame_drop(s->frames[i]);
    }
}

// Walks by record (r) and by batch (b), as the text says; writes what came.
static void walk(dohle_records *records, const char *steps, char *out)
{
    for (; *steps != '\0'; steps++) {
        if (*steps == 'r') {
            const dohle_record *record = dohle_records_next(records);
            *out++ = record == NULL ? '-' : (char)record->value.data[0];
            continue;
        }
        dohle_record_batch batch;
        *out++ = '[';
        size_t count = dohle_records_next_batch(records, &batch) == 1 ? batch.count : 0;
        for (size_t k = 0; k < count; k++) {
            assert_string_equal(batch.records[k].topic, batch.topic);
            assert_int_equal(batch.records[k].partition, batch.partition);
            *out++ = (char)batch.records[k].value.data[0];
        }
        *out++ = ']';
    }
    *out = '\0';
}

static void test_walks(void **state)
{
    (void)state;

    static const struct {
        const char *steps, *expected;
    } rows[] = {
        {"rrrrrrrr", "abcdef--"}, {"bbbb", "[abc][d][ef][]"}, {"rbrb", "a[bc]d[ef]"},
        {"rrrbrrr", "abc[d]ef-"}, {"bbrb", "[abc][d]e[f]"},
    };
    struct sample s;
    sample_init(&s);
    assert_int_equal(6, dohle_records_count(&s.set));
    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        char out[64];
        dohle_records_rewind(&s.set);
        walk(&s.set, rows[i].steps, out);
        assert_string_equal(rows[i].expected, out);
    }
    drop_frames(&s);
    assert_int_equal(0, s.memory.bytes);
}

static void test_retained_sets_live_on(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    char out[64];
    walk(&s.set, "rr", out);
    dohle_records *first = dohle_records_retain(&s.set);
    dohle_records *second = dohle_records_retain(first);
    // The next poll: the set, its topics and its frames are the consumer's no more.
    drop_frames(&s);
    memset(s.records, 0x55, sizeof(s.records));
    memset(s.runs, 0x55, sizeof(s.runs));
    dh_records_clear(&s.set);
    walk(first, "rrrrrrr", out);
    assert_string_equal("abcdef-", out);
    dohle_records_release(first);
    walk(second, "bbbb", out);
    assert_string_equal("[abc][d][ef][]", out);
    dohle_records_release(second);
    assert_int_equal(0, s.memory.bytes);
    dohle_records_release(NULL);
    dohle_records_release(&s.set); // the consumer's own: nothing happens
}

static void test_retain_without_memory(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    s.memory.fail_at = s.memory.calls + 1;
    assert_null(dohle_records_retain(&s.set));
    drop_frames(&s);
    assert_int_equal(0, s.memory.bytes);
}

static void test_empty_set(void **state)
{
    (void)state;
    struct sample s;
    sample_init(&s);
    const struct dh_record_set nothing = {0};
    dh_records_show(&s.set, &s.memory.allocator, NULL, &nothing);
    char out[64];
    walk(&s.set, "rb", out);
    assert_string_equal("-[]", out);
    dohle_records *retained = dohle_records_retain(&s.set);
    assert_non_null(retained);
    assert_int_equal(0, dohle_records_count(retained));
    dohle_records_release(retained);
    drop_frames(&s);
    assert_int_equal(0, s.memory.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walks),
        cmocka_unit_test(test_retained_sets_live_on),
        cmocka_unit_test(test_retain_without_memory),
        cmocka_unit_test(test_empty_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
