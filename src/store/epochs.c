// SPDX-License-Identifier: MIT
#include "store/epochs.h"

#include <inttypes.h>
#include <string.h>

#include <dohle/error.h>

#include "base/mem.h"
#include "base/strings.h"
#include "store/checkpoint.h"

void dh_store_epochs_init(struct dh_store_epochs *epochs, const dohle_allocator *mem)
{
    *epochs = (struct dh_store_epochs){.mem = mem};
}

void dh_store_epochs_deinit(struct dh_store_epochs *epochs)
{
    dh_mem_free(epochs->mem, epochs->rows, epochs->capacity * sizeof(*epochs->rows));
    dh_store_epochs_init(epochs, epochs->mem);
}

// Room for one more. Most logs see one epoch, so it grows by little at first.
int dh_store_epochs_reserve(struct dh_store_epochs *epochs)
{
    if (epochs->count < epochs->capacity) {
        return 0;
    }
    size_t capacity = epochs->capacity * 2 + 1;
    struct dh_store_epoch *rows =
        dh_mem_realloc(epochs->mem, epochs->rows, epochs->capacity * sizeof(*rows),
                       capacity * sizeof(*rows));
    if (rows == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    epochs->rows = rows;
    epochs->capacity = capacity;
    return 0;
}

static int parse_line(dohle_bytes line, struct dh_store_epoch *row)
{
    dohle_bytes word;
    int64_t epoch;
    if (!dh_split_next(&line, ' ', &word) ||
        dh_parse_int64(word, 0, INT32_MAX, &epoch) != 0 ||
        !dh_split_next(&line, ' ', &word) ||
        dh_parse_int64(word, 0, INT64_MAX, &row->start_offset) != 0 ||
        line.data != NULL) {
        return DOHLE_ERR_CORRUPT;
    }
    row->epoch = (int32_t)epoch;
    return 0;
}

int dh_store_epochs_parse(struct dh_store_epochs *epochs, dohle_bytes text)
{
    struct dh_store_lines lines;
    dohle_bytes line;
    int err = dh_store_lines_init(&lines, text) ? 0 : DOHLE_ERR_CORRUPT;
    epochs->count = 0;
    while (err == 0 && dh_store_lines_next(&lines, &line)) {
        struct dh_store_epoch row;
        err = parse_line(line, &row);
        if (err == 0 && epochs->count > 0) {
            const struct dh_store_epoch *last = &epochs->rows[epochs->count - 1];
            bool ascends =
                row.epoch > last->epoch && row.start_offset >= last->start_offset;
            err = ascends ? 0 : DOHLE_ERR_CORRUPT;
        }
        err = err == 0 ? dh_store_epochs_reserve(epochs) : err;
        if (err == 0) {
            epochs->rows[epochs->count++] = row;
        }
    }
    if (err != 0) {
        epochs->count = 0;
    }
    return err;
}

void dh_store_epochs_print(const struct dh_store_epochs *epochs, struct dh_buf *out)
{
    dh_buf_printf(out, "0\n%zu\n", epochs->count);
    for (size_t i = 0; i < epochs->count; i++) {
        dh_buf_printf(out, "%" PRId32 " %" PRId64 "\n", epochs->rows[i].epoch,
                      epochs->rows[i].start_offset);
    }
}

void dh_store_epochs_assign(struct dh_store_epochs *epochs, int32_t epoch,
                            int64_t start_offset)
{
    if (epoch < 0 || epoch <= dh_store_epochs_latest(epochs)) {
        return;
    }
    // An epoch that wrote nothing gives way to the one that does.
    while (epochs->count > 0 &&
           epochs->rows[epochs->count - 1].start_offset >= start_offset) {
        epochs->count--;
    }
    DH_ASSERT(epochs->count < epochs->capacity);
    epochs->rows[epochs->count++] =
        (struct dh_store_epoch){.start_offset = start_offset, .epoch = epoch};
    epochs->is_changed = true;
}

void dh_store_epochs_cut_end(struct dh_store_epochs *epochs, int64_t end)
{
    while (epochs->count > 0 && epochs->rows[epochs->count - 1].start_offset >= end) {
        epochs->count--;
        epochs->is_changed = true;
    }
}

void dh_store_epochs_cut_start(struct dh_store_epochs *epochs, int64_t start)
{
    size_t gone = 0;
    while (gone + 1 < epochs->count && epochs->rows[gone + 1].start_offset <= start) {
        gone++;
    }
    if (gone > 0) {
        epochs->count -= gone;
        memmove(epochs->rows, epochs->rows + gone, epochs->count * sizeof(*epochs->rows));
        epochs->is_changed = true;
    }
    if (epochs->count > 0 && epochs->rows[0].start_offset < start) {
        epochs->rows[0].start_offset = start;
        epochs->is_changed = true;
    }
}

int32_t dh_store_epochs_latest(const struct dh_store_epochs *epochs)
{
    return epochs->count == 0 ? -1 : epochs->rows[epochs->count - 1].epoch;
}

void dh_store_epochs_end(const struct dh_store_epochs *epochs, int32_t epoch,
                         int32_t current_epoch, int64_t log_end, int32_t *found_epoch,
                         int64_t *end_offset)
{
    int32_t latest = dh_store_epochs_latest(epochs);
    *found_epoch = -1;
    *end_offset = -1;
    if (epoch < 0) {
        return;
    }
    // The leader's own epoch counts from its election on, before its first record.
    if (epoch == (current_epoch > latest ? current_epoch : latest)) {
        *found_epoch = epoch;
        *end_offset = log_end;
        return;
    }
    size_t above = 0;
    while (above < epochs->count && epochs->rows[above].epoch <= epoch) {
        above++;
    }
    if (above == epochs->count && current_epoch <= epoch) {
        return;
    }
    *found_epoch = above == 0 ? epoch : epochs->rows[above - 1].epoch;
    *end_offset = above == epochs->count ? log_end : epochs->rows[above].start_offset;
}
