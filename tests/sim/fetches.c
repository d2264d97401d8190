// SPDX-License-Identifier: MIT
#include "fetches.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/bytes.h"
#include "broker.h"
#include "errors.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/fetch.h"

void sim_fetches_init(struct sim_fetches *fetches, struct sim_broker *broker)
{
    memset(fetches, 0, sizeof(*fetches));
    fetches->broker = broker;
}

// ---- Sessions ----

static struct sim_fetch_session *find_session(struct sim_fetches *fetches, int32_t id,
                                              int node)
{
    for (int i = 0; i < SIM_SESSIONS_MAX && id != 0; i++) {
        if (fetches->sessions[i].id == id && fetches->sessions[i].node == node) {
            return &fetches->sessions[i];
        }
    }
    return NULL;
}

static struct sim_fetch_session *add_session(struct sim_fetches *fetches, int node)
{
    struct sim_fetch_session *oldest = &fetches->sessions[0];
    for (int i = 0; i < SIM_SESSIONS_MAX; i++) {
        struct sim_fetch_session *session = &fetches->sessions[i];
        if (session->id == 0) {
            oldest = session;
            break;
        }
        oldest = session->used < oldest->used ? session : oldest;
    }
    memset(oldest, 0, sizeof(*oldest));
    oldest->id = ++fetches->id_last;
    oldest->node = node;
    oldest->epoch = 1;
    return oldest;
}

void sim_fetches_lose_session(struct sim_fetches *fetches)
{
    int start = (int)sim_below(fetches->broker->scheduler, SIM_SESSIONS_MAX);
    for (int i = 0; i < SIM_SESSIONS_MAX; i++) {
        struct sim_fetch_session *session =
            &fetches->sessions[(start + i) % SIM_SESSIONS_MAX];
        if (session->id != 0) {
            memset(session, 0, sizeof(*session));
            fetches->sessions_lost++;
            return;
        }
    }
}

// ---- Lists of partitions ----

// The row of a partition; `add`: a new one if need be. NULL: there is none.
static struct sim_fetch_partition *find_row(struct sim_fetch_list *list,
                                            dohle_bytes topic, const struct dh_uuid *id,
                                            int32_t partition, bool add)
{
    for (int i = 0; i < list->count; i++) {
        struct sim_fetch_partition *row = &list->items[i];
        bool is_topic = topic.size > 0 ? dh_bytes_equal(dh_bytes_of(row->topic), topic)
                                       : dh_uuid_equal(&row->topic_id, id);
        if (is_topic && row->partition == partition) {
            return row;
        }
    }
    if (!add) {
        return NULL;
    }
    DH_ASSERT(list->count < SIM_PLACES_MAX);
    struct sim_fetch_partition *row = &list->items[list->count++];
    memset(row, 0, sizeof(*row));
    snprintf(row->topic, sizeof(row->topic), "%.*s", (int)topic.size,
             topic.size == 0 ? "" : (const char *)topic.data);
    row->topic_id = *id;
    row->partition = partition;
    row->told_high_watermark = -1;
    return row;
}

static void take_partitions(struct sim_fetches *fetches, struct sim_fetch_list *list,
                            const struct dh_fetch_request *asked)
{
    for (int32_t i = 0; i < asked->forgotten_topics_data.count; i++) {
        const struct dh_fetch_request_forgotten_topics_data *topic =
            &asked->forgotten_topics_data.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            struct sim_fetch_partition *row = find_row(
                list, topic->topic, &topic->topic_id, topic->partitions.items[j], false);
            if (row != NULL) {
                size_t index = (size_t)(row - list->items);
                memmove(row, row + 1, ((size_t)list->count - index - 1) * sizeof(*row));
                list->count--;
            }
        }
    }
    for (int32_t i = 0; i < asked->topics.count; i++) {
        const struct dh_fetch_request_topic *topic = &asked->topics.items[i];
        const struct sim_topic *known =
            sim_topics_find(fetches->broker->topics, topic->topic, &topic->topic_id);
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            const struct dh_fetch_request_topic_partition *one =
                &topic->partitions.items[j];
            struct sim_fetch_partition *row =
                find_row(list, topic->topic, &topic->topic_id, one->partition, true);
            row->place = known == NULL
                             ? -1
                             : sim_topics_place(fetches->broker->topics,
                                                dh_bytes_of(known->name), one->partition);
            row->offset = one->fetch_offset;
            row->leader_epoch = one->current_leader_epoch;
            row->bytes_max = (size_t)one->partition_max_bytes;
        }
    }
}

// ---- Answers ----

static int16_t check_row(struct sim_fetches *fetches,
                         const struct sim_fetch_partition *row, int node)
{
    if (row->place < 0) {
        return row->topic[0] == '\0' ? DH_BROKER_UNKNOWN_TOPIC_ID
                                     : DH_BROKER_UNKNOWN_TOPIC_OR_PARTITION;
    }
    int16_t code =
        sim_broker_check_leader(fetches->broker, row->place, node, row->leader_epoch);
    const struct sim_partition *partition =
        sim_topics_partition(fetches->broker->topics, row->place);
    if (code == 0 && (row->offset < 0 || row->offset > partition->end)) {
        code = DH_BROKER_OFFSET_OUT_OF_RANGE;
    }
    return code;
}

// What lies ready for the list: bytes; or *has_error.
static size_t bytes_ready(struct sim_fetches *fetches, const struct sim_fetch_list *list,
                          int node, bool *has_error)
{
    size_t bytes = 0;
    for (int i = 0; i < list->count; i++) {
        const struct sim_fetch_partition *row = &list->items[i];
        if (check_row(fetches, row, node) != 0) {
            *has_error = true;
        } else {
            const struct sim_partition *partition =
                sim_topics_partition(fetches->broker->topics, row->place);
            bytes +=
                sim_partition_read(partition, row->offset, row->bytes_max, true).size;
        }
    }
    return bytes;
}

struct answer {
    struct sim_fetches *fetches;
    struct sim_fetch_list *list;
    struct dh_fetch_response response;
    struct dh_fetch_response_response topics[SIM_PLACES_MAX];
    struct dh_fetch_response_response_partition partitions[SIM_PLACES_MAX];
    int node;
    int16_t version;
    size_t bytes_left;
    bool has_records;
};

// Fills in one partition. False: it has no news.
static bool fill_partition(struct answer *answer, struct sim_fetch_partition *row,
                           struct dh_fetch_response_response_partition *out)
{
    struct sim_fetches *fetches = answer->fetches;
    dh_struct_init(&dh_fetch_response_response_partition_struct, out);
    out->partition_index = row->partition;
    out->high_watermark = -1;
    out->error_code = check_row(fetches, row, answer->node);
    if (out->error_code == 0) {
        out->error_code = sim_inject_error(fetches->broker, DH_API_FETCH);
    }
    const struct sim_partition *partition =
        row->place < 0 ? NULL : sim_topics_partition(fetches->broker->topics, row->place);
    if (out->error_code != 0) {
        row->told_high_watermark = -1;
        bool is_moved = out->error_code == DH_BROKER_NOT_LEADER_OR_FOLLOWER ||
                        out->error_code == DH_BROKER_FENCED_LEADER_EPOCH;
        if (is_moved && answer->version >= 12 &&
            sim_chance(fetches->broker->scheduler, 500)) { // KIP-951
            out->current_leader.leader_id = partition->leader;
            out->current_leader.leader_epoch = partition->leader_epoch;
        }
        return true;
    }
    out->high_watermark = partition->end;
    out->last_stable_offset = partition->end;
    out->log_start_offset = 0;
    size_t bytes_max =
        row->bytes_max < answer->bytes_left ? row->bytes_max : answer->bytes_left;
    out->records =
        sim_partition_read(partition, row->offset, bytes_max, !answer->has_records);
    answer->has_records = answer->has_records || out->records.size > 0;
    answer->bytes_left -=
        out->records.size < answer->bytes_left ? out->records.size : answer->bytes_left;
    bool is_news =
        out->records.size > 0 || row->told_high_watermark != out->high_watermark;
    row->told_high_watermark = out->high_watermark;
    return is_news;
}

static void add_partition(struct answer *answer, const struct sim_fetch_partition *row,
                          int index)
{
    struct dh_fetch_response_response *topic =
        &answer->topics[answer->response.responses.count++];
    dh_struct_init(&dh_fetch_response_response_struct, topic);
    topic->topic = dh_bytes_of(row->topic);
    topic->topic_id = row->topic_id;
    topic->partitions.items = &answer->partitions[index];
    topic->partitions.count = 1;
}

// Answers with what there is. Partitions with records go to the end of the line.
static void answer_list(struct sim_fetches *fetches, struct sim_token *token, int node,
                        struct sim_fetch_list *list, int32_t session_id, bool is_full,
                        size_t bytes_max)
{
    struct answer answer = {.fetches = fetches,
                            .list = list,
                            .node = node,
                            .version = token->version,
                            .bytes_left = bytes_max};
    dh_message_init(&dh_fetch_response_type, &answer.response);
    answer.response.session_id = session_id;
    answer.response.responses.items = answer.topics;
    struct sim_fetch_partition rows[SIM_PLACES_MAX];
    int front = 0;
    int back = list->count;
    for (int i = 0; i < list->count; i++) {
        struct sim_fetch_partition *row = &list->items[i];
        if (fill_partition(&answer, row, &answer.partitions[i]) || is_full) {
            add_partition(&answer, row, i);
        }
        if (answer.partitions[i].records.size > 0) {
            rows[--back] = *row;
        } else {
            rows[front++] = *row;
        }
    }
    sim_answer(token, &answer.response); // its names are views into the list
    memcpy(list->items, rows, (size_t)list->count * sizeof(*rows));
}

static void answer_error(struct sim_token *token, int16_t code)
{
    struct dh_fetch_response response;
    dh_message_init(&dh_fetch_response_type, &response);
    response.error_code = code;
    sim_answer(token, &response);
}

// ---- Waiting ----

// Answers if it is time. The wait is over then.
static void look(struct sim_fetches *fetches, struct sim_fetch_wait *wait)
{
    if (wait->token.connection == NULL) {
        return;
    }
    struct sim_fetch_list *list = &wait->list;
    if (wait->session_id != 0) {
        struct sim_fetch_session *session =
            find_session(fetches, wait->session_id, wait->node);
        if (session == NULL) {
            answer_error(&wait->token, DH_BROKER_FETCH_SESSION_ID_NOT_FOUND);
            return;
        }
        list = &session->list;
    }
    bool has_error = false;
    size_t bytes = bytes_ready(fetches, list, wait->node, &has_error);
    if (has_error || bytes >= wait->bytes_min ||
        wait->until_ns <= fetches->broker->scheduler->now_ns) {
        answer_list(fetches, &wait->token, wait->node, list, wait->session_id,
                    wait->is_full, wait->bytes_max);
    }
}

static void on_time(void *ctx, uint64_t number)
{
    struct sim_fetches *fetches = ctx;
    look(fetches, &fetches->waits[number]);
}

void sim_fetches_look(struct sim_fetches *fetches)
{
    for (int i = 0; i < SIM_FETCHES_WAIT_MAX; i++) {
        look(fetches, &fetches->waits[i]);
    }
}

static struct sim_fetch_wait *add_wait(struct sim_fetches *fetches)
{
    for (int i = 0; i < SIM_FETCHES_WAIT_MAX; i++) {
        struct sim_fetch_wait *wait = &fetches->waits[i];
        // Nobody waits any more for what a broken connection asked.
        if (wait->token.connection == NULL || !wait->token.connection->is_node_open ||
            wait->token.connection->client == NULL) {
            memset(wait, 0, sizeof(*wait));
            return wait;
        }
    }
    DH_ASSERT(false);
    return NULL;
}

// ---- Requests ----

// The session to serve the request from; or NULL and *code, 0: without one.
static struct sim_fetch_session *open_session(struct sim_fetches *fetches,
                                              const struct dh_fetch_request *asked,
                                              int node, int16_t *code)
{
    *code = 0;
    struct sim_fetch_session *session = find_session(fetches, asked->session_id, node);
    if (asked->session_epoch <= 0) {
        if (session != NULL) {
            memset(session, 0, sizeof(*session)); // closed
        }
        bool is_wanted = asked->session_epoch == 0 && asked->topics.count > 0 &&
                         sim_chance(fetches->broker->scheduler, 900);
        return is_wanted ? add_session(fetches, node) : NULL;
    }
    if (session == NULL) {
        *code = DH_BROKER_FETCH_SESSION_ID_NOT_FOUND;
    } else if (asked->session_epoch != session->epoch) {
        *code = DH_BROKER_INVALID_FETCH_SESSION_EPOCH;
    } else {
        session->epoch = session->epoch == INT32_MAX ? 1 : session->epoch + 1;
        return session;
    }
    return NULL;
}

void sim_fetches_serve(struct sim_fetches *fetches, struct sim_request *request)
{
    const struct dh_fetch_request *asked = request->message;
    int16_t code = sim_inject_fetch_error(fetches->broker);
    if (code != 0 && asked->session_epoch > 0) {
        answer_error(&request->token, code);
        return;
    }
    struct sim_fetch_session *session =
        open_session(fetches, asked, request->node, &code);
    if (code != 0) {
        answer_error(&request->token, code);
        return;
    }
    struct sim_fetch_wait *wait = add_wait(fetches);
    wait->token = request->token;
    wait->node = request->node;
    wait->is_full = asked->session_epoch <= 0;
    wait->bytes_min = (size_t)asked->min_bytes;
    wait->bytes_max = (size_t)asked->max_bytes;
    wait->until_ns = fetches->broker->scheduler->now_ns + asked->max_wait_ms * DH_MS;
    if (session != NULL) {
        wait->session_id = session->id;
        session->used = ++fetches->uses;
        take_partitions(fetches, &session->list, asked);
    } else {
        take_partitions(fetches, &wait->list, asked);
        if (wait->list.count == 0) {
            wait->until_ns = 0; // a session is closed
        }
    }
    look(fetches, wait);
    if (wait->token.connection != NULL) {
        fetches->waited++;
        sim_at(fetches->broker->scheduler, wait->until_ns, on_time, fetches,
               (uint64_t)(wait - fetches->waits));
    }
}
