// SPDX-License-Identifier: MIT
#include "broker/producer_ids.h"

#include <dohle/error.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/strings.h"
#include "base/vfs.h"
#include "broker/handlers.h"
#include "broker/request.h"
#include "store/checkpoint.h"
#include "wire/gen/broker_errors.h"
#include "wire/gen/init_producer_id.h"

#define FILE_NAME "producer-ids"

// The end of the last block.
#define ID_MAX (INT64_MAX - DH_BROKER_PRODUCER_ID_BLOCK)

static const char subsystem[] = "producer_ids";

// Invariant: next <= end; every id below end may have been given before a crash.
struct dh_broker_producer_ids {
    int64_t next;
    int64_t end; // of the block, as it is on disk
};

// A checkpoint of one line, which is a number.
static int parse(dohle_bytes text, int64_t *end)
{
    struct dh_store_lines lines;
    dohle_bytes line;
    if (!dh_store_lines_init(&lines, text) || !dh_store_lines_next(&lines, &line) ||
        dh_parse_int64(line, 0, ID_MAX, end) != 0) {
        return DOHLE_ERR_CORRUPT;
    }
    return 0;
}

static int read_end(struct dh_broker *broker, int64_t *end)
{
    struct dh_buf text;
    dh_buf_init(&text, broker->mem, 0);
    int err = dh_store_read_file(broker->vfs, FILE_NAME, &text);
    *end = 0;
    if (err == DOHLE_ERR_NO_FILE) {
        err = 0;
    } else if (err == 0) {
        err = parse(dh_buf_view(&text), end);
    }
    dh_buf_deinit(&text);
    return err;
}

/*
 * Behind the ids in the logs, which may be another cluster's: a directory of a partition
 * that was copied from Apache Kafka knows its producers, and would refuse ours as them.
 */
static void pass_known_ids(struct dh_broker *broker, int64_t *end)
{
    for (struct dh_store_log *log = dh_store_next_log(broker->store, NULL); log != NULL;
         log = dh_store_next_log(broker->store, log)) {
        // Absurdly great ones are passed over, lest there be none left.
        int64_t known = dh_store_log_greatest_producer_id(log, ID_MAX / 2);
        *end = known >= *end ? known + 1 : *end;
    }
}

int dh_broker_producer_ids_new(struct dh_broker *broker)
{
    struct dh_broker_producer_ids *ids = dh_mem_calloc(broker->mem, 1, sizeof(*ids));
    if (ids == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    int err = read_end(broker, &ids->end);
    if (err != 0) {
        dh_log(broker->log, DOHLE_LOG_ERROR, subsystem,
               "the file " FILE_NAME " cannot be used (%s); two producers could get one "
               "id: write a number greater than every id in use into it, as its third "
               "line",
               err == DOHLE_ERR_IO ? broker->vfs->error_text : dohle_error_text(err));
        dh_mem_free(broker->mem, ids, sizeof(*ids));
        return err;
    }
    pass_known_ids(broker, &ids->end);
    ids->next = ids->end;
    broker->producer_ids = ids;
    return 0;
}

void dh_broker_producer_ids_free(struct dh_broker *broker)
{
    dh_mem_free(broker->mem, broker->producer_ids, sizeof(*broker->producer_ids));
    broker->producer_ids = NULL;
}

static int take_block(struct dh_broker *broker)
{
    struct dh_broker_producer_ids *ids = broker->producer_ids;
    struct dh_buf text;
    if (ids->end > ID_MAX) {
        return DOHLE_ERR_TOO_LARGE; // 10^19 producers later
    }
    int64_t end = ids->end + DH_BROKER_PRODUCER_ID_BLOCK;
    dh_buf_init(&text, broker->mem, 0);
    dh_buf_printf(&text, "0\n1\n%lld\n", (long long)end);
    int err = text.err;
    if (err == 0) {
        err = dh_store_replace_file(broker->vfs, "", FILE_NAME, dh_buf_view(&text), true);
    }
    dh_buf_deinit(&text);
    if (err == 0) {
        ids->end = end;
    }
    return err;
}

int dh_broker_producer_ids_next(struct dh_broker *broker, int64_t *id)
{
    struct dh_broker_producer_ids *ids = broker->producer_ids;
    if (ids->next == ids->end) {
        int err = take_block(broker);
        if (err != 0) {
            dh_log(broker->log, DOHLE_LOG_ERROR, subsystem,
                   "no block of producer ids: %s",
                   err == DOHLE_ERR_IO ? broker->vfs->error_text : dohle_error_text(err));
            return err;
        }
    }
    *id = ids->next++;
    return 0;
}

// Returns a broker code.
static int16_t init_producer_id(struct dh_broker *broker,
                                const struct dh_init_producer_id_request *body,
                                struct dh_init_producer_id_response *response)
{
    if (body->transactional_id.data != NULL) {
        return body->transactional_id.size == 0 ? DH_BROKER_INVALID_REQUEST
                                                : DH_BROKER_UNSUPPORTED_VERSION;
    }
    if ((body->producer_id == -1) != (body->producer_epoch == -1)) {
        return DH_BROKER_INVALID_REQUEST;
    }
    if (dh_broker_producer_ids_next(broker, &response->producer_id) != 0) {
        // Retriable, and what Kafka answers until it has a block.
        return DH_BROKER_COORDINATOR_LOAD_IN_PROGRESS;
    }
    response->producer_epoch = 0;
    return 0;
}

void dh_broker_handle_init_producer_id(struct dh_broker *broker,
                                       struct dh_broker_request *request)
{
    struct dh_init_producer_id_response *response = dh_broker_new_response(request);
    if (response == NULL) {
        dh_broker_give_up(request, "no memory for the answer");
        return;
    }
    response->producer_epoch = -1;
    response->error_code = init_producer_id(broker, request->body, response);
    dh_broker_answer(request, response);
}

void *dh_broker_refuse_init_producer_id(struct dh_broker_request *request,
                                        int16_t broker_code)
{
    struct dh_init_producer_id_response *response = dh_broker_new_response(request);
    if (response != NULL) {
        response->error_code = broker_code;
        response->producer_epoch = -1;
    }
    return response;
}
