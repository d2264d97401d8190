// SPDX-License-Identifier: MIT
#include "broker/faults.h"

#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/time.h"
#include "broker/conditions.h"
#include "broker/connections.h"
#include "broker/faults_inside.h"
#include "broker/inspect.h"
#include "broker/journal.h"
#include "broker/nodes.h"
#include "broker/requests.h"
#include "record/batch.h"
#include "wire/envelope.h"

// What was decided about one request for one fault; lives in the request's arena.
struct dh_broker_fault_hit {
    struct dh_broker_fault_hit *next; // newest first
    uint32_t fault_id;
    bool is_hit;
    enum dh_broker_fault_action action;
    int16_t code;
    int64_t number;
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

void dh_broker_fault_free(struct dh_broker *broker, struct dh_broker_fault *fault)
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
        dh_broker_fault_free(broker, DH_CONTAINER_OF(link, struct dh_broker_fault, link));
    }
    dh_mem_free(broker->mem, faults, sizeof(*faults));
    broker->faults = NULL;
}

// ---- Does it match? ----

static bool is_text(const char *wanted, dohle_bytes text)
{
    return wanted == NULL || dh_bytes_equal(dh_bytes_of(wanted), text);
}

static bool matches_request(const struct dh_broker_fault *fault,
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

static bool has_place(const struct dh_broker_fault *fault)
{
    return fault->topic != NULL || fault->partition >= 0;
}

static bool has_subject(const struct dh_broker_fault *fault)
{
    return has_place(fault) || fault->group != NULL || fault->member != NULL;
}

struct match {
    const struct dh_broker_fault *fault;
    size_t matching;
    size_t others;
};

static bool count_match(void *ctx, const struct dh_broker_subject *subject)
{
    struct match *match = ctx;
    const struct dh_broker_fault *fault = match->fault;
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

static struct match match_subjects(const struct dh_broker_fault *fault,
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
        if (hit->is_hit && hit->action != DH_BROKER_FAULT_ERROR &&
            !dh_broker_fault_actions[hit->action].adds_up) {
            found = hit;
        }
    }
    return found;
}

static bool draw(struct dh_broker *broker, struct dh_broker_fault *fault)
{
    fault->seen++;
    if (fault->seen <= fault->skip || fault->hits >= fault->count) {
        return false;
    }
    if (fault->chance < DH_BROKER_CHANCE_WHOLE &&
        (int64_t)dh_random_below(&broker->random, DH_BROKER_CHANCE_WHOLE) >=
            fault->chance) {
        return false;
    }
    fault->hits++;
    dh_broker_changed(broker, DH_BROKER_CHANGE_FAULT);
    return true;
}

// Decides, once for each request and fault. Without memory for that it does not hit.
static struct dh_broker_fault_hit *decide(struct dh_broker_request *request,
                                          struct dh_broker_fault *fault)
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

static bool is_hit_by(struct dh_broker_request *request, struct dh_broker_fault *fault)
{
    const struct dh_broker_fault_hit *hit = decide(request, fault);
    return hit != NULL && hit->is_hit;
}

/*
 * Whether this fault is decided when the request arrives. Errors of a part of it are the
 * handler's to ask for, and so is what a fetch session holds.
 */
static bool is_for_arrival(const struct dh_broker_fault *fault,
                           const struct dh_broker_request *request)
{
    if (!has_subject(fault)) {
        return true;
    }
    struct match match = match_subjects(fault, request);
    if (fault->action != DH_BROKER_FAULT_ERROR) {
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
        struct dh_broker_fault *fault =
            DH_CONTAINER_OF(link, struct dh_broker_fault, link);
        bool adds_up = dh_broker_fault_actions[fault->action].adds_up;
        if ((has_whole && !adds_up) || !matches_request(fault, request) ||
            !is_for_arrival(fault, request) || !is_hit_by(request, fault)) {
            continue;
        }
        has_whole = has_whole || !adds_up;
        if (fault->action == DH_BROKER_FAULT_ERROR) {
            code = fault->code;
        } else if (fault->action == DH_BROKER_FAULT_THROTTLE) {
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
    if (hit->action == DH_BROKER_FAULT_HOLD) {
        hold(request);
        return DH_BROKER_FAULTS_TAKEN;
    }
    if (hit->action == DH_BROKER_FAULT_DROP || hit->action == DH_BROKER_FAULT_RESET) {
        bool is_reset = hit->action == DH_BROKER_FAULT_RESET;
        dh_broker_journal_ended(request, dh_broker_fault_actions[hit->action].word);
        dh_broker_connection_end(request->connection,
                                 is_reset ? DH_BROKER_END_RESET : DH_BROKER_END_CLOSE,
                                 "a fault");
        return DH_BROKER_FAULTS_TAKEN;
    }
    return DH_BROKER_FAULTS_HANDLE;
}

// Whether the member, if the fault names one, is in the request.
static bool has_member(const struct dh_broker_fault *fault,
                       const struct dh_broker_request *request)
{
    if (fault->member == NULL) {
        return true;
    }
    struct dh_broker_fault only = {.member = fault->member, .partition = -1};
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
        struct dh_broker_fault *fault =
            DH_CONTAINER_OF(link, struct dh_broker_fault, link);
        bool is_error = fault->action == DH_BROKER_FAULT_ERROR;
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
        sum += hit->is_hit && hit->action == DH_BROKER_FAULT_DELAY ? hit->number : 0;
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
    case DH_BROKER_FAULT_ERROR:
    case DH_BROKER_FAULT_DELAY:
    case DH_BROKER_FAULT_THROTTLE:
    case DH_BROKER_FAULT_HOLD: return sending;
    case DH_BROKER_FAULT_DROP:
    case DH_BROKER_FAULT_DROP_AFTER:
        dh_broker_journal_ended(request, dh_broker_fault_actions[hit->action].word);
        return DH_BROKER_FAULTS_CLOSE;
    case DH_BROKER_FAULT_RESET:
        dh_broker_journal_ended(request, "reset");
        return DH_BROKER_FAULTS_RESET;
    case DH_BROKER_FAULT_STALL:
        dh_broker_journal_ended(request, "stall");
        return DH_BROKER_FAULTS_NOTHING;
    case DH_BROKER_FAULT_TRUNCATE:
        dh_broker_journal_ended(request, "truncate-answer");
        if ((uint64_t)hit->number < answer->size) {
            answer->size = (size_t)hit->number;
        }
        return answer->size == 0 ? DH_BROKER_FAULTS_CLOSE
                                 : DH_BROKER_FAULTS_SEND_AND_CLOSE;
    case DH_BROKER_FAULT_CORRUPT:
        dh_broker_journal_ended(request, "corrupt");
        corrupt(request, response, answer);
        return sending;
    case DH_BROKER_FAULT_GARBLE:
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

static struct dh_broker_fault *find(const struct dh_broker *broker, uint32_t id)
{
    DH_LIST_EACH(link, &broker->faults->all)
    {
        struct dh_broker_fault *fault =
            DH_CONTAINER_OF(link, struct dh_broker_fault, link);
        if (fault->id == id) {
            return fault;
        }
    }
    return NULL;
}

bool dh_broker_faults_remove(struct dh_broker *broker, uint32_t id)
{
    struct dh_broker_fault *fault = find(broker, id);
    if (fault == NULL) {
        return false;
    }
    dh_list_remove(&fault->link);
    broker->faults->count--;
    dh_broker_fault_free(broker, fault);
    dh_broker_changed(broker, DH_BROKER_CHANGE_FAULT);
    release_held(broker, id);
    return true;
}

void dh_broker_faults_remove_all(struct dh_broker *broker)
{
    struct dh_link *link;
    while ((link = dh_list_first(&broker->faults->all)) != NULL) {
        (void)dh_broker_faults_remove(
            broker, DH_CONTAINER_OF(link, struct dh_broker_fault, link)->id);
    }
}

int64_t dh_broker_faults_hits(const struct dh_broker *broker, uint32_t id)
{
    const struct dh_broker_fault *fault = find(broker, id);
    return fault == NULL ? -1 : fault->hits;
}
