// SPDX-License-Identifier: MIT
#include "broker/faults.h"

#include <inttypes.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/strings.h"
#include "base/time.h"
#include "broker/conditions.h"
#include "broker/connections.h"
#include "broker/inspect.h"
#include "broker/journal.h"
#include "broker/line.h"
#include "broker/nodes.h"
#include "broker/requests.h"
#include "record/batch.h"
#include "wire/broker_error.h"
#include "wire/envelope.h"

// Chances are counted in millionths.
#define CHANCE_WHOLE 1000000

enum action {
    ACTION_ERROR,
    ACTION_DELAY,
    ACTION_THROTTLE,
    ACTION_DROP,
    ACTION_DROP_AFTER,
    ACTION_RESET,
    ACTION_STALL,
    ACTION_HOLD,
    ACTION_TRUNCATE,
    ACTION_CORRUPT,
    ACTION_GARBLE,
};

static const struct {
    const char *word;
    bool has_number;
    bool adds_up; // with others, instead of the oldest alone
} actions[] = {
    [ACTION_ERROR] = {"error", false, false},
    [ACTION_DELAY] = {"delay", true, true},
    [ACTION_THROTTLE] = {"throttle", true, true},
    [ACTION_DROP] = {"drop", false, false},
    [ACTION_DROP_AFTER] = {"drop-after", false, false},
    [ACTION_RESET] = {"reset", false, false},
    [ACTION_STALL] = {"stall", false, false},
    [ACTION_HOLD] = {"hold", false, false},
    [ACTION_TRUNCATE] = {"truncate-answer", true, false},
    [ACTION_CORRUPT] = {"corrupt", false, false},
    [ACTION_GARBLE] = {"garble", false, false},
};

static const char allowed_words[] =
    "api, node, client, version, topic, partition, group, member, skip, count, "
    "probability, and one of error=NAME, delay=MS, throttle=MS, drop, drop-after, reset, "
    "stall, hold, truncate-answer=BYTES, corrupt, garble";

struct fault {
    struct dh_link link;
    uint32_t id;
    // What it matches.
    const struct dh_api *api; // NULL: any
    char *client;             // owned, as those below; NULL: any
    char *topic;
    char *group;
    char *member;
    int32_t node;      // 0: any
    int32_t partition; // -1: any
    int16_t version;   // -1: any
    // When.
    int64_t skip;
    int64_t count;  // INT64_MAX: for ever
    int64_t chance; // in millionths
    // What then.
    enum action action;
    int16_t code;   // ERROR
    int64_t number; // DELAY, THROTTLE: ms; TRUNCATE: bytes
    // What was.
    int64_t seen;
    int64_t hits;
};

// What was decided about one request for one fault; lives in the request's arena.
struct dh_broker_fault_hit {
    struct dh_broker_fault_hit *next; // newest first
    uint32_t fault_id;
    bool is_hit;
    enum action action;
    int16_t code;
    int64_t number;
};

struct dh_broker_faults {
    struct dh_list all; // oldest first
    size_t count;
    uint32_t id_last;
    struct dh_list held; // dh_broker_request.link: until the fault is removed
};

int dh_broker_faults_new(struct dh_broker *broker)
{
    struct dh_broker_faults *faults = dh_mem_calloc(broker->mem, 1, sizeof(*faults));
    if (faults == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    dh_list_init(&faults->all);
    dh_list_init(&faults->held);
    broker->faults = faults;
    return 0;
}

static void destroy(struct dh_broker *broker, struct fault *fault)
{
    dh_mem_free_string(broker->mem, fault->client);
    dh_mem_free_string(broker->mem, fault->topic);
    dh_mem_free_string(broker->mem, fault->group);
    dh_mem_free_string(broker->mem, fault->member);
    dh_mem_free(broker->mem, fault, sizeof(*fault));
}

void dh_broker_faults_free(struct dh_broker *broker)
{
    struct dh_broker_faults *faults = broker->faults;
    if (faults == NULL) {
        return;
    }
    DH_ASSERT(dh_list_is_empty(&faults->held));
    DH_LIST_EACH_SAFE(link, next, &faults->all)
    {
        destroy(broker, DH_CONTAINER_OF(link, struct fault, link));
    }
    dh_mem_free(broker->mem, faults, sizeof(*faults));
    broker->faults = NULL;
}

// ---- Does it match? ----

static bool is_text(const char *wanted, dohle_bytes text)
{
    return wanted == NULL || dh_bytes_equal(dh_bytes_of(wanted), text);
}

static bool matches_request(const struct fault *fault,
                            const struct dh_broker_request *request)
{
    dohle_bytes client = request->client_id;
    if (client.data == NULL) {
        client = DH_BYTES("");
    }
    return (fault->api == NULL || fault->api == request->api) &&
           (fault->node == 0 || fault->node == request->node->id) &&
           (fault->version < 0 || fault->version == request->version) &&
           is_text(fault->client, client);
}

static bool has_place(const struct fault *fault)
{
    return fault->topic != NULL || fault->partition >= 0;
}

static bool has_subject(const struct fault *fault)
{
    return has_place(fault) || fault->group != NULL || fault->member != NULL;
}

struct match {
    const struct fault *fault;
    size_t matching;
    size_t others;
};

static bool count_match(void *ctx, const struct dh_broker_subject *subject)
{
    struct match *match = ctx;
    const struct fault *fault = match->fault;
    bool is_match = is_text(fault->group, subject->group) &&
                    is_text(fault->member, subject->member) &&
                    is_text(fault->topic, subject->topic) &&
                    (fault->partition < 0 || fault->partition == subject->partition);
    if (is_match) {
        match->matching++;
    } else {
        match->others++;
    }
    return true;
}

static struct match match_subjects(const struct fault *fault,
                                   const struct dh_broker_request *request)
{
    struct match match = {.fault = fault};
    dh_broker_inspect_request(request->broker, request->api, request->version,
                              request->body, count_match, &match);
    return match;
}

// ---- Decisions ----

static struct dh_broker_fault_hit *find_hit(const struct dh_broker_request *request,
                                            uint32_t fault_id)
{
    struct dh_broker_fault_hit *hit = request->hits;
    while (hit != NULL && hit->fault_id != fault_id) {
        hit = hit->next;
    }
    return hit;
}

/*
 * What is done with the request as a whole, if anything: the first such decision. An
 * error of a part of it is none.
 */
static const struct dh_broker_fault_hit *
find_whole(const struct dh_broker_request *request)
{
    const struct dh_broker_fault_hit *found = NULL;
    for (const struct dh_broker_fault_hit *hit = request->hits; hit != NULL;
         hit = hit->next) {
        if (hit->is_hit && hit->action != ACTION_ERROR && !actions[hit->action].adds_up) {
            found = hit;
        }
    }
    return found;
}

static bool draw(struct dh_broker *broker, struct fault *fault)
{
    fault->seen++;
    if (fault->seen <= fault->skip || fault->hits >= fault->count) {
        return false;
    }
    if (fault->chance < CHANCE_WHOLE &&
        (int64_t)dh_random_below(&broker->random, CHANCE_WHOLE) >= fault->chance) {
        return false;
    }
    fault->hits++;
    dh_broker_changed(broker, DH_BROKER_CHANGE_FAULT);
    return true;
}

// Decides, once for each request and fault. Without memory for that it does not hit.
static struct dh_broker_fault_hit *decide(struct dh_broker_request *request,
                                          struct fault *fault)
{
    struct dh_broker_fault_hit *hit = find_hit(request, fault->id);
    if (hit != NULL) {
        return hit;
    }
    hit = dh_arena_alloc(&request->arena, sizeof(*hit));
    if (hit == NULL) {
        return NULL;
    }
    *hit = (struct dh_broker_fault_hit){.next = request->hits,
                                        .fault_id = fault->id,
                                        .is_hit = draw(request->broker, fault),
                                        .action = fault->action,
                                        .code = fault->code,
                                        .number = fault->number};
    request->hits = hit;
    return hit;
}

static bool is_hit_by(struct dh_broker_request *request, struct fault *fault)
{
    const struct dh_broker_fault_hit *hit = decide(request, fault);
    return hit != NULL && hit->is_hit;
}

/*
 * Whether this fault is decided when the request arrives. Errors of a part of it are the
 * handler's to ask for, and so is what a fetch session holds.
 */
static bool is_for_arrival(const struct fault *fault,
                           const struct dh_broker_request *request)
{
    if (!has_subject(fault)) {
        return true;
    }
    struct match match = match_subjects(fault, request);
    if (fault->action != ACTION_ERROR) {
        return match.matching > 0;
    }
    return !has_place(fault) && match.matching > 0 && match.others == 0;
}

// Decides all that can be now; returns the code of the oldest error of the whole request.
static int16_t decide_arrived(struct dh_broker_request *request)
{
    int16_t code = 0;
    bool has_whole = false;
    DH_LIST_EACH(link, &request->broker->faults->all)
    {
        struct fault *fault = DH_CONTAINER_OF(link, struct fault, link);
        bool adds_up = actions[fault->action].adds_up;
        if ((has_whole && !adds_up) || !matches_request(fault, request) ||
            !is_for_arrival(fault, request) || !is_hit_by(request, fault)) {
            continue;
        }
        has_whole = has_whole || !adds_up;
        if (fault->action == ACTION_ERROR) {
            code = fault->code;
        } else if (fault->action == ACTION_THROTTLE) {
            request->throttle_ms += (int32_t)fault->number;
        }
    }
    return code;
}

static void abandon_held(struct dh_broker_request *request)
{
    dh_list_remove(&request->link);
}

static void hold(struct dh_broker_request *request)
{
    request->abandon = abandon_held;
    dh_list_push_back(&request->broker->faults->held, &request->link);
}

enum dh_broker_faults_verdict dh_broker_faults_arrived(struct dh_broker_request *request)
{
    if (dh_list_is_empty(&request->broker->faults->all)) {
        return DH_BROKER_FAULTS_HANDLE;
    }
    int16_t code = decide_arrived(request);
    if (code != 0) {
        dh_broker_answer_refused(request, code);
        return DH_BROKER_FAULTS_TAKEN;
    }
    const struct dh_broker_fault_hit *hit = find_whole(request);
    if (hit == NULL) {
        return DH_BROKER_FAULTS_HANDLE;
    }
    if (hit->action == ACTION_HOLD) {
        hold(request);
        return DH_BROKER_FAULTS_TAKEN;
    }
    if (hit->action == ACTION_DROP || hit->action == ACTION_RESET) {
        bool is_reset = hit->action == ACTION_RESET;
        dh_broker_journal_ended(request, actions[hit->action].word);
        dh_broker_connection_end(request->connection,
                                 is_reset ? DH_BROKER_END_RESET : DH_BROKER_END_CLOSE,
                                 "a fault");
        return DH_BROKER_FAULTS_TAKEN;
    }
    return DH_BROKER_FAULTS_HANDLE;
}

// Whether the member, if the fault names one, is in the request.
static bool has_member(const struct fault *fault, const struct dh_broker_request *request)
{
    if (fault->member == NULL) {
        return true;
    }
    struct fault only = {.member = fault->member, .partition = -1};
    return match_subjects(&only, request).matching > 0;
}

bool dh_broker_faults_exist(const struct dh_broker *broker)
{
    return broker->faults->count > 0;
}

int16_t dh_broker_faults_code(struct dh_broker_request *request, dohle_bytes group,
                              dohle_bytes topic, int32_t partition)
{
    int16_t code = 0;
    DH_LIST_EACH(link, &request->broker->faults->all)
    {
        struct fault *fault = DH_CONTAINER_OF(link, struct fault, link);
        bool is_error = fault->action == ACTION_ERROR;
        bool is_ours =
            is_error ? code == 0 : has_place(fault) && request->api->key == DH_API_FETCH;
        if (is_ours && has_subject(fault) && matches_request(fault, request) &&
            is_text(fault->group, group) && is_text(fault->topic, topic) &&
            (fault->partition < 0 || fault->partition == partition) &&
            has_member(fault, request) && is_hit_by(request, fault) && is_error) {
            code = fault->code;
        }
    }
    return code;
}

// ---- The answer ----

static void flip_bit(struct dh_broker *broker, uint8_t *bytes, size_t size)
{
    uint64_t bit = dh_random_below(&broker->random, (uint64_t)size * 8);
    bytes[bit / 8] ^= (uint8_t)(1U << (bit % 8));
}

/*
 * Flips a bit of the records' part of a batch, where the checksum must find it: behind
 * the header when there is something. The encoded answer holds the records as they are in
 * the struct, so they are looked for.
 */
static bool corrupt_records(struct dh_broker_request *request, const void *response,
                            struct dh_buf *answer)
{
    size_t count = 0;
    while (
        dh_broker_inspect_records(request->api, request->version, response, count).data !=
        NULL) {
        count++;
    }
    if (count == 0) {
        return false;
    }
    size_t index = (size_t)dh_random_below(&request->broker->random, count);
    dohle_bytes records =
        dh_broker_inspect_records(request->api, request->version, response, index);
    for (size_t at = 0; at + records.size <= answer->size; at++) {
        if (memcmp(answer->data + at, records.data, records.size) == 0) {
            size_t from = records.size > DH_BATCH_HEADER_SIZE ? DH_BATCH_HEADER_SIZE : 0;
            flip_bit(request->broker, answer->data + at + from, records.size - from);
            return true;
        }
    }
    return false;
}

// What is behind the size and the correlation id.
#define ANSWER_HEADER_SIZE (DH_ENVELOPE_SIZE_SIZE + 4)

static void corrupt(struct dh_broker_request *request, const void *response,
                    struct dh_buf *answer)
{
    if (!corrupt_records(request, response, answer) &&
        answer->size > ANSWER_HEADER_SIZE) {
        flip_bit(request->broker, answer->data + ANSWER_HEADER_SIZE,
                 answer->size - ANSWER_HEADER_SIZE);
    }
}

static void garble(struct dh_broker *broker, struct dh_buf *answer)
{
    for (size_t i = DH_ENVELOPE_SIZE_SIZE; i < answer->size; i++) {
        answer->data[i] = (uint8_t)dh_random_next(&broker->random);
    }
}

static int64_t delay_ms(const struct dh_broker_request *request)
{
    int64_t sum = 0;
    for (const struct dh_broker_fault_hit *hit = request->hits; hit != NULL;
         hit = hit->next) {
        sum += hit->is_hit && hit->action == ACTION_DELAY ? hit->number : 0;
    }
    return sum;
}

enum dh_broker_faults_sending dh_broker_faults_answered(struct dh_broker_request *request,
                                                        const void *response,
                                                        struct dh_buf *answer,
                                                        int64_t *due_ns)
{
    enum dh_broker_faults_sending sending = DH_BROKER_FAULTS_SEND;
    if (request->hits == NULL) {
        return sending;
    }
    int64_t later_ms = delay_ms(request);
    if (later_ms > 0) {
        *due_ns = dh_deadline_after_ms(request->broker->clock.now_ns, later_ms);
        sending = DH_BROKER_FAULTS_SEND_LATER;
    }
    const struct dh_broker_fault_hit *hit = find_whole(request);
    if (hit == NULL) {
        return sending;
    }
    switch (hit->action) {
    case ACTION_ERROR:
    case ACTION_DELAY:
    case ACTION_THROTTLE:
    case ACTION_HOLD: return sending;
    case ACTION_DROP:
    case ACTION_DROP_AFTER:
        dh_broker_journal_ended(request, actions[hit->action].word);
        return DH_BROKER_FAULTS_CLOSE;
    case ACTION_RESET:
        dh_broker_journal_ended(request, "reset");
        return DH_BROKER_FAULTS_RESET;
    case ACTION_STALL:
        dh_broker_journal_ended(request, "stall");
        return DH_BROKER_FAULTS_NOTHING;
    case ACTION_TRUNCATE:
        dh_broker_journal_ended(request, "truncate-answer");
        if ((uint64_t)hit->number < answer->size) {
            answer->size = (size_t)hit->number;
        }
        return answer->size == 0 ? DH_BROKER_FAULTS_CLOSE
                                 : DH_BROKER_FAULTS_SEND_AND_CLOSE;
    case ACTION_CORRUPT:
        dh_broker_journal_ended(request, "corrupt");
        corrupt(request, response, answer);
        return sending;
    case ACTION_GARBLE:
        dh_broker_journal_ended(request, "garble");
        garble(request->broker, answer);
        return sending;
    }
    DH_ASSERT(false);
    return sending;
}

// ---- Commands ----

static void release_held(struct dh_broker *broker, uint32_t id)
{
    DH_LIST_EACH_SAFE(link, next, &broker->faults->held)
    {
        struct dh_broker_request *request =
            DH_CONTAINER_OF(link, struct dh_broker_request, link);
        const struct dh_broker_fault_hit *hit = find_whole(request);
        if (hit != NULL && hit->fault_id == id) {
            dh_list_remove(link);
            request->abandon = NULL;
            dh_broker_request_handle(request);
        }
    }
}

static struct fault *find(const struct dh_broker *broker, uint32_t id)
{
    DH_LIST_EACH(link, &broker->faults->all)
    {
        struct fault *fault = DH_CONTAINER_OF(link, struct fault, link);
        if (fault->id == id) {
            return fault;
        }
    }
    return NULL;
}

bool dh_broker_faults_remove(struct dh_broker *broker, uint32_t id)
{
    struct fault *fault = find(broker, id);
    if (fault == NULL) {
        return false;
    }
    dh_list_remove(&fault->link);
    broker->faults->count--;
    destroy(broker, fault);
    dh_broker_changed(broker, DH_BROKER_CHANGE_FAULT);
    release_held(broker, id);
    return true;
}

void dh_broker_faults_remove_all(struct dh_broker *broker)
{
    struct dh_link *link;
    while ((link = dh_list_first(&broker->faults->all)) != NULL) {
        (void)dh_broker_faults_remove(broker,
                                      DH_CONTAINER_OF(link, struct fault, link)->id);
    }
}

int64_t dh_broker_faults_hits(const struct dh_broker *broker, uint32_t id)
{
    const struct fault *fault = find(broker, id);
    return fault == NULL ? -1 : fault->hits;
}

static void read_api(struct fault *fault, struct dh_broker_line *line)
{
    dohle_bytes name = dh_broker_line_text(line, "api");
    if (name.data == NULL || dh_bytes_equal(name, DH_BYTES("*"))) {
        return;
    }
    const char *similar;
    fault->api = dh_broker_inspect_api(name, &similar);
    if (fault->api == NULL) {
        dh_broker_line_set_wrong(
            line, "there is no API \"%.*s\"%s%s%s", (int)name.size,
            (const char *)name.data, similar == NULL ? "" : "; did you mean ",
            similar == NULL ? "" : similar, similar == NULL ? "" : "?");
    } else if (dh_broker_handler_find(fault->api->key) == NULL) {
        dh_broker_line_set_wrong(line, "%s is not offered by this broker",
                                 fault->api->name);
    }
}

// A copy of the text of that name; NULL: any, or no memory, which the line says then.
static char *read_text(struct dh_broker *broker, struct dh_broker_line *line,
                       const char *name)
{
    dohle_bytes text = dh_broker_line_text(line, name);
    if (text.data == NULL || dh_bytes_equal(text, DH_BYTES("*"))) {
        return NULL;
    }
    if (memchr(text.data, 0, text.size) != NULL) {
        dh_broker_line_set_wrong(line, "%s must not hold a byte 0", name);
        return NULL;
    }
    char *copy = dh_mem_copy_string(broker->mem, text.data, text.size);
    if (copy == NULL) {
        dh_broker_line_set_no_memory(line);
    }
    return copy;
}

// "0.25" in millionths.
static int64_t read_chance(struct dh_broker_line *line)
{
    dohle_bytes text = dh_broker_line_text(line, "probability");
    if (text.data == NULL) {
        return CHANCE_WHOLE;
    }
    int64_t chance = 0;
    int64_t unit = CHANCE_WHOLE;
    bool has_point = false;
    bool is_number = text.size > 0;
    for (size_t i = 0; i < text.size && is_number; i++) {
        uint8_t byte = text.data[i];
        if (byte == '.' && !has_point) {
            has_point = true;
        } else if (byte >= '0' && byte <= '9') {
            unit = has_point ? unit / 10 : unit;
            chance = has_point ? chance + (byte - '0') * unit
                               : chance * 10 + (byte - '0') * unit;
            is_number = chance <= CHANCE_WHOLE;
        } else {
            is_number = false;
        }
    }
    if (!is_number) {
        dh_broker_line_set_wrong(line,
                                 "probability is a number from 0 to 1, not \"%.*s\"",
                                 (int)text.size, (const char *)text.data);
    }
    return chance;
}

static void read_code(struct fault *fault, struct dh_broker_line *line, dohle_bytes text)
{
    int64_t number;
    const char *names[256];
    size_t count = 0;
    if (dh_parse_int64(text, -1, INT16_MAX, &number) == 0 && number != 0) {
        fault->code = (int16_t)number;
        return;
    }
    for (size_t i = 0; i < dh_broker_error_count; i++) {
        if (dh_equal_ignoring_case(text, dh_bytes_of(dh_broker_errors[i].name)) &&
            dh_broker_errors[i].code != 0) {
            fault->code = dh_broker_errors[i].code;
            return;
        }
        if (count < DH_COUNT_OF(names)) {
            names[count++] = dh_broker_errors[i].name;
        }
    }
    const char *similar = dh_broker_line_similar(text, names, count);
    dh_broker_line_set_wrong(
        line, "error is a name or number of Kafka's, not \"%.*s\"%s%s%s", (int)text.size,
        (const char *)text.data, similar == NULL ? "" : "; did you mean ",
        similar == NULL ? "" : similar, similar == NULL ? "" : "?");
}

// The word without a name behind "fault add"; -1: none is an action.
static int find_action(dohle_bytes word)
{
    for (size_t i = 0; i < DH_COUNT_OF(actions); i++) {
        if (dh_bytes_equal(word, dh_bytes_of(actions[i].word))) {
            return (int)i;
        }
    }
    return -1;
}

static void set_action(struct fault *fault, struct dh_broker_line *line, size_t *found,
                       enum action action)
{
    if (*found > 0) {
        dh_broker_line_set_wrong(line, "a fault has one action; this has %s and %s",
                                 actions[fault->action].word, actions[action].word);
    }
    (*found)++;
    fault->action = action;
}

static void read_action(struct fault *fault, struct dh_broker_line *line, size_t first)
{
    size_t found = 0;
    for (size_t i = 0; i < DH_COUNT_OF(actions); i++) {
        bool has_value = actions[i].has_number || i == ACTION_ERROR;
        if (!has_value || dh_broker_line_find(line, actions[i].word) == NULL) {
            continue;
        }
        set_action(fault, line, &found, (enum action)i);
        if (i == ACTION_ERROR) {
            read_code(fault, line, dh_broker_line_text(line, "error"));
        } else {
            fault->number = dh_broker_line_number(line, actions[i].word, 0, INT32_MAX, 0);
        }
    }
    dohle_bytes word;
    for (size_t i = first; (word = dh_broker_line_word(line, i)).data != NULL; i++) {
        int action = find_action(word);
        if (action < 0) {
            dh_broker_line_set_wrong(line, "\"%.*s\" is no action; allowed: %s",
                                     (int)word.size, (const char *)word.data,
                                     allowed_words);
        } else if (actions[action].has_number || action == ACTION_ERROR) {
            dh_broker_line_set_wrong(line, "%s needs a value: %s=...",
                                     actions[action].word, actions[action].word);
        } else {
            set_action(fault, line, &found, (enum action)action);
        }
    }
    if (found == 0) {
        dh_broker_line_set_wrong(line, "a fault needs an action; allowed: %s",
                                 allowed_words);
    }
}

// What is asked of an API that does not name such a thing would never match.
static void check_about(const struct fault *fault, struct dh_broker_line *line)
{
    if (fault->api == NULL) {
        return;
    }
    unsigned about = dh_broker_inspect_about(fault->api);

    const struct {
        const char *name;
        bool is_asked;
        unsigned bit;
    } rows[] = {
        {"topic", fault->topic != NULL, DH_BROKER_ABOUT_TOPIC},
        {"partition", fault->partition >= 0, DH_BROKER_ABOUT_PARTITION},
        {"group", fault->group != NULL, DH_BROKER_ABOUT_GROUP},
        {"member", fault->member != NULL, DH_BROKER_ABOUT_MEMBER},
    };

    for (size_t i = 0; i < DH_COUNT_OF(rows); i++) {
        if (rows[i].is_asked && (about & rows[i].bit) == 0) {
            dh_broker_line_set_wrong(line, "a request of %s names no %s",
                                     fault->api->name, rows[i].name);
        }
    }
}

static void read_fault(struct dh_broker *broker, struct fault *fault,
                       struct dh_broker_line *line, size_t first)
{
    read_api(fault, line);
    fault->node = (int32_t)dh_broker_line_number(
        line, "node", 1, (int64_t)dh_broker_nodes_count(broker), 0);
    fault->version = (int16_t)dh_broker_line_number(line, "version", 0, INT16_MAX, -1);
    fault->partition =
        (int32_t)dh_broker_line_number(line, "partition", 0, INT32_MAX, -1);
    fault->client = read_text(broker, line, "client");
    fault->topic = read_text(broker, line, "topic");
    fault->group = read_text(broker, line, "group");
    fault->member = read_text(broker, line, "member");
    fault->skip = dh_broker_line_number(line, "skip", 0, INT64_MAX, 0);
    fault->count = dh_broker_line_number(line, "count", 1, INT64_MAX, INT64_MAX);
    fault->chance = read_chance(line);
    read_action(fault, line, first);
    check_about(fault, line);
    dh_broker_line_finish(line, allowed_words);
}

int dh_broker_faults_add(struct dh_broker *broker, struct dh_broker_line *line,
                         size_t first, uint32_t *id, struct dh_buf *text)
{
    struct dh_broker_faults *faults = broker->faults;
    struct fault *fault = dh_mem_calloc(broker->mem, 1, sizeof(*fault));
    if (fault == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    if (faults->count == DH_BROKER_FAULTS_MAX) {
        dh_broker_line_set_wrong(line, "there are %d faults already; remove some",
                                 DH_BROKER_FAULTS_MAX);
    }
    // The words before are the caller's.
    for (size_t i = 0; i < first; i++) {
        (void)dh_broker_line_word(line, i);
    }
    read_fault(broker, fault, line, first);
    if (dh_broker_line_is_wrong(line)) {
        dh_buf_append(text, line->wrong.data, line->wrong.size);
        destroy(broker, fault);
        return dh_broker_line_err(line);
    }
    fault->id = ++faults->id_last;
    dh_list_push_back(&faults->all, &fault->link);
    faults->count++;
    *id = fault->id;
    return 0;
}

void dh_broker_faults_help(struct dh_buf *out)
{
    dh_buf_printf(out, "allowed: %s\n", allowed_words);
}

static void print_text(struct dh_buf *out, const char *name, const char *text)
{
    if (text != NULL) {
        dh_buf_printf(out, " %s=", name);
        dh_broker_print_text(out, dh_bytes_of(text));
    }
}

static void print_action(const struct fault *fault, struct dh_buf *out)
{
    const char *word = actions[fault->action].word;
    if (fault->action == ACTION_ERROR) {
        bool is_known = false;
        for (size_t i = 0; i < dh_broker_error_count; i++) {
            is_known = is_known || dh_broker_errors[i].code == fault->code;
        }
        if (is_known) {
            dh_buf_printf(out, " error=%s", dohle_broker_error_name(fault->code));
        } else {
            dh_buf_printf(out, " error=%d", fault->code);
        }
    } else if (actions[fault->action].has_number) {
        dh_buf_printf(out, " %s=%" PRId64, word, fault->number);
    } else {
        dh_buf_printf(out, " %s", word);
    }
}

static void print_fault(const struct fault *fault, struct dh_buf *out)
{
    dh_buf_printf(out, "id=%" PRIu32 " hits=%" PRId64 " seen=%" PRId64, fault->id,
                  fault->hits, fault->seen);
    print_text(out, "api", fault->api == NULL ? NULL : fault->api->name);
    if (fault->node != 0) {
        dh_buf_printf(out, " node=%" PRId32, fault->node);
    }
    if (fault->version >= 0) {
        dh_buf_printf(out, " version=%d", fault->version);
    }
    print_text(out, "client", fault->client);
    print_text(out, "topic", fault->topic);
    if (fault->partition >= 0) {
        dh_buf_printf(out, " partition=%" PRId32, fault->partition);
    }
    print_text(out, "group", fault->group);
    print_text(out, "member", fault->member);
    if (fault->skip > 0) {
        dh_buf_printf(out, " skip=%" PRId64, fault->skip);
    }
    if (fault->count != INT64_MAX) {
        dh_buf_printf(out, " count=%" PRId64, fault->count);
    }
    if (fault->chance < CHANCE_WHOLE) {
        dh_buf_printf(out, " probability=%" PRId64 ".%06" PRId64,
                      fault->chance / CHANCE_WHOLE, fault->chance % CHANCE_WHOLE);
    }
    print_action(fault, out);
    dh_buf_append_byte(out, '\n');
}

void dh_broker_faults_print(const struct dh_broker *broker, struct dh_buf *out)
{
    DH_LIST_EACH(link, &broker->faults->all)
    {
        print_fault(DH_CONTAINER_OF(link, struct fault, link), out);
    }
}
