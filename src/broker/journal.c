// SPDX-License-Identifier: MIT
#include "broker/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <dohle/error.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "base/time.h"
#include "broker/conditions.h"
#include "broker/connections.h"
#include "broker/inspect.h"
#include "broker/line.h"
#include "broker/nodes.h"

#define CODES_MAX 4

enum outcome {
    OUTCOME_WAITING,
    OUTCOME_ANSWERED,
    OUTCOME_NOT_SENT, // there is no answer: acks=0
    OUTCOME_GONE,     // the connection ended before
};

struct entry {
    uint64_t serial; // 0: none
    int64_t arrived_ns;
    int64_t took_ns;
    const struct dh_api *api;
    const char *fault; // static; NULL: none
    int32_t node_id;
    uint32_t connection_id;
    int32_t correlation_id;
    uint32_t others; // subjects beside the first
    int16_t version;
    int16_t codes[CODES_MAX];
    uint8_t code_count;
    uint8_t client_size;
    uint8_t about_size;
    enum outcome outcome;
    char peer[40];
    uint8_t client[40]; // cut
    uint8_t about[80];  // cut
};

_Static_assert(sizeof(((struct entry *)0)->about) <= UINT8_MAX, "sizes fit");

struct dh_broker_journal {
    struct entry entries[DH_BROKER_JOURNAL_MAX]; // serial at serial % max
    uint64_t last;
    uint64_t answered[DH_API_KEY_END]; // ever, by key
    int64_t started_ns;
};

int dh_broker_journal_new(struct dh_broker *broker)
{
    struct dh_broker_journal *journal = dh_mem_calloc(broker->mem, 1, sizeof(*journal));
    if (journal == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    journal->started_ns = broker->clock.now_ns;
    broker->journal = journal;
    return 0;
}

void dh_broker_journal_free(struct dh_broker *broker)
{
    dh_mem_free(broker->mem, broker->journal, sizeof(*broker->journal));
    broker->journal = NULL;
}

static struct entry *entry_at(struct dh_broker_journal *journal, uint64_t serial)
{
    return &journal->entries[serial % DH_BROKER_JOURNAL_MAX];
}

// NULL: the ring has forgotten it.
static struct entry *find(const struct dh_broker_request *request)
{
    struct entry *entry = entry_at(request->broker->journal, request->serial);
    return request->serial != 0 && entry->serial == request->serial ? entry : NULL;
}

static uint8_t copy_cut(uint8_t *to, size_t size, dohle_bytes from)
{
    size_t used = from.size < size ? from.size : size;
    if (used > 0) {
        memcpy(to, from.data, used);
    }
    return (uint8_t)used;
}

static bool take_subject(void *ctx, const struct dh_broker_subject *subject)
{
    struct entry *entry = ctx;
    if (entry->about_size > 0) {
        entry->others++;
        return true;
    }
    dohle_bytes name = subject->topic.data != NULL ? subject->topic : subject->group;
    entry->about_size = copy_cut(entry->about, sizeof(entry->about) - 12, name);
    if (subject->topic.data != NULL && subject->partition >= 0) {
        char number[13];
        int size = snprintf(number, sizeof(number), "-%" PRId32, subject->partition);
        memcpy(entry->about + entry->about_size, number, (size_t)size);
        entry->about_size = (uint8_t)(entry->about_size + size);
    }
    return true;
}

void dh_broker_journal_arrived(struct dh_broker_request *request)
{
    struct dh_broker *broker = request->broker;
    struct dh_broker_journal *journal = broker->journal;
    request->serial = ++journal->last;
    struct entry *entry = entry_at(journal, request->serial);
    *entry = (struct entry){
        .serial = request->serial,
        .arrived_ns = broker->clock.now_ns,
        .api = request->api,
        .node_id = request->node->id,
        .connection_id = request->connection->id,
        .correlation_id = request->correlation_id,
        .version = request->version,
    };
    snprintf(entry->peer, sizeof(entry->peer), "%.*s", (int)sizeof(entry->peer) - 1,
             request->connection->peer_host + 1);
    entry->client_size =
        copy_cut(entry->client, sizeof(entry->client), request->client_id);
    dh_broker_inspect_request(broker, request->api, request->version, request->body,
                              take_subject, entry);
}

void dh_broker_journal_answered(struct dh_broker_request *request, const void *response)
{
    struct dh_broker *broker = request->broker;
    struct entry *entry = find(request);
    broker->journal->answered[request->api->key]++;
    dh_broker_conditions_on_answered(request);
    if (entry == NULL) {
        return;
    }
    entry->outcome = response == NULL ? OUTCOME_NOT_SENT : OUTCOME_ANSWERED;
    entry->took_ns = broker->clock.now_ns - entry->arrived_ns;
    if (response != NULL) {
        entry->code_count = (uint8_t)dh_broker_inspect_codes(
            request->api, request->version, response, entry->codes, CODES_MAX);
    }
}

void dh_broker_journal_ended(struct dh_broker_request *request, const char *how)
{
    struct entry *entry = find(request);
    if (entry == NULL) {
        return;
    }
    if (entry->fault == NULL) {
        entry->fault = how;
    }
    if (entry->outcome == OUTCOME_WAITING) {
        entry->outcome = OUTCOME_GONE;
        entry->took_ns = request->broker->clock.now_ns - entry->arrived_ns;
    }
}

static void print_answer(const struct entry *entry, struct dh_buf *out)
{
    dh_buf_printf(out, " answer=");
    if (entry->fault != NULL) {
        dh_buf_printf(out, "%s", entry->fault);
        return;
    }
    switch (entry->outcome) {
    case OUTCOME_WAITING: dh_buf_printf(out, "waiting"); return;
    case OUTCOME_NOT_SENT: dh_buf_printf(out, "none"); return;
    case OUTCOME_GONE: dh_buf_printf(out, "closed"); return;
    case OUTCOME_ANSWERED: break;
    }
    if (entry->code_count == 0) {
        dh_buf_printf(out, "ok");
    }
    for (size_t i = 0; i < entry->code_count; i++) {
        dh_buf_printf(out, "%s%s", i == 0 ? "" : ",",
                      dohle_broker_error_name(entry->codes[i]));
    }
}

static void print_entry(const struct dh_broker_journal *journal,
                        const struct entry *entry, struct dh_buf *out)
{
    dh_buf_printf(out,
                  "serial=%" PRIu64 " ms=%" PRId64 " node=%" PRId32 " connection=%" PRIu32
                  " peer=%s client=",
                  entry->serial, (entry->arrived_ns - journal->started_ns) / DH_MS,
                  entry->node_id, entry->connection_id, entry->peer);
    dh_broker_print_text(out, (dohle_bytes){entry->client, entry->client_size});
    dh_buf_printf(out, " api=%s version=%d correlation=%" PRId32, entry->api->name,
                  entry->version, entry->correlation_id);
    if (entry->about_size > 0) {
        dh_buf_printf(out, " about=");
        dh_broker_print_text(out, (dohle_bytes){entry->about, entry->about_size});
        if (entry->others > 0) {
            dh_buf_printf(out, "+%" PRIu32, entry->others);
        }
    }
    print_answer(entry, out);
    if (entry->outcome != OUTCOME_WAITING) {
        dh_buf_printf(out, " us=%" PRId64, entry->took_ns / 1000);
    }
    dh_buf_append_byte(out, '\n');
}

void dh_broker_journal_print(const struct dh_broker *broker, size_t count,
                             struct dh_buf *out)
{
    struct dh_broker_journal *journal = broker->journal;
    uint64_t kept =
        journal->last < DH_BROKER_JOURNAL_MAX ? journal->last : DH_BROKER_JOURNAL_MAX;
    uint64_t shown = count < kept ? count : kept;
    for (uint64_t serial = journal->last - shown + 1; serial <= journal->last; serial++) {
        print_entry(journal, entry_at(journal, serial), out);
    }
}

uint64_t dh_broker_journal_last(const struct dh_broker *broker)
{
    return broker->journal->last;
}

static bool is_about(const struct dh_broker_journal_filter *filter, int16_t api,
                     int32_t node_id, dohle_bytes client)
{
    return (filter->api < 0 || filter->api == api) &&
           (filter->node == 0 || filter->node == node_id) &&
           (filter->client.data == NULL || dh_bytes_compare(filter->client, client) == 0);
}

bool dh_broker_journal_is_about(const struct dh_broker_journal_filter *filter,
                                const struct dh_broker_request *request)
{
    return request->serial > filter->since &&
           is_about(filter, request->api->key, request->node->id, request->client_id);
}

uint64_t dh_broker_journal_count(const struct dh_broker *broker,
                                 const struct dh_broker_journal_filter *filter)
{
    const struct dh_broker_journal *journal = broker->journal;
    uint64_t count = 0;
    if (filter->since == 0 && filter->node == 0 && filter->client.data == NULL) {
        for (int16_t key = 0; key < DH_API_KEY_END; key++) {
            count += filter->api < 0 || filter->api == key ? journal->answered[key] : 0;
        }
        return count;
    }
    for (size_t i = 0; i < DH_BROKER_JOURNAL_MAX; i++) {
        const struct entry *entry = &journal->entries[i];
        bool is_answered =
            entry->outcome == OUTCOME_ANSWERED || entry->outcome == OUTCOME_NOT_SENT;
        count += entry->serial > filter->since && is_answered &&
                 is_about(filter, entry->api->key, entry->node_id,
                          (dohle_bytes){entry->client, entry->client_size});
    }
    return count;
}
