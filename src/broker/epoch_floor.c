// SPDX-License-Identifier: MIT
#include "broker/epoch_floor.h"

#include <inttypes.h>

#include <dohle/error.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/strings.h"
#include "base/vfs.h"
#include "store/checkpoint.h"

#define FILE_NAME "leader-epoch-floor"
// What lies above makes no sense, and would leave no epochs.
#define FLOOR_MAX (INT32_MAX / 2)

static const char subsystem[] = "topics";

int32_t dh_broker_epoch_floor_read(struct dh_broker *broker)
{
    struct dh_buf text;
    struct dh_store_lines lines;
    dohle_bytes line;
    int64_t epoch = 0;
    dh_buf_init(&text, broker->mem, 0);
    int err = dh_store_read_file(broker->vfs, FILE_NAME, &text);
    bool is_read = err == 0 && dh_store_lines_init(&lines, dh_buf_view(&text)) &&
                   dh_store_lines_next(&lines, &line) &&
                   dh_parse_int64(line, 0, FLOOR_MAX, &epoch) == 0;
    dh_buf_deinit(&text);
    if (!is_read && err != DOHLE_ERR_NO_FILE) {
        dh_log(broker->log, DOHLE_LOG_WARNING, subsystem,
               "the file " FILE_NAME " cannot be used, and is not");
    }
    return is_read ? (int32_t)epoch : 0;
}

void dh_broker_epoch_floor_write(struct dh_broker *broker, int32_t epoch)
{
    struct dh_buf text;
    dh_buf_init(&text, broker->mem, 0);
    dh_buf_printf(&text, "0\n1\n%" PRId32 "\n", epoch);
    int err = text.err;
    if (err == 0) {
        err = dh_store_replace_file(broker->vfs, "", FILE_NAME, dh_buf_view(&text), true);
    }
    dh_buf_deinit(&text);
    if (err != 0) {
        dh_log(broker->log, DOHLE_LOG_WARNING, subsystem,
               "the file " FILE_NAME " is not written: %s",
               err == DOHLE_ERR_IO ? broker->vfs->error_text : dohle_error_text(err));
    }
}
