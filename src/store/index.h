// SPDX-License-Identifier: MIT
/*
 * The sparse indexes of a segment. Rows are big-endian, ascending in both columns, and
 * without checksum: whoever follows one looks whether there is a batch where it points.
 *
 *     .index       8 bytes: int32 offset - base offset, int32 position in the .log
 *                  last offset of a batch that begins there
 *     .timeindex  12 bytes: int64 time, int32 offset - base offset
 *                  no record up to that offset is later; the batch that ends there has it
 *
 * Rows are added to a buffer and written when it is full, when the segment is closed, or
 * when the owner asks: an append then costs one write, not three. What was not written
 * when the process dies is rebuilt. Searches read the file by halves, and its last 4 KiB
 * at once: no index is kept in memory, so idle partitions cost none.
 *
 * Writing never fails an append: when the disk is full, every second row of the buffer
 * is forgotten. An index with fewer rows is a slower one, and not a wrong one.
 *
 * Apache Kafka's own files of active segments are longer, with zeros behind the last row;
 * ours never are.
 *
 * Bounds: DH_STORE_INDEX_BUFFER rows in memory.
 * Source: AbstractIndex, OffsetIndex, TimeIndex in Apache Kafka 4.4.
 */
#ifndef DH_STORE_INDEX_H
#define DH_STORE_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#include "base/assert.h"
#include "base/vfs.h"

#define DH_STORE_INDEX_BUFFER 32

enum dh_store_index_kind {
    DH_STORE_INDEX_OFFSETS,
    DH_STORE_INDEX_TIMES,
};

struct dh_store_row {
    int64_t key;   // OFFSETS: relative offset; TIMES: time
    int64_t value; // OFFSETS: position; TIMES: relative offset
};

struct dh_store_index {
    const dohle_allocator *mem;
    enum dh_store_index_kind kind;
    uint32_t written_count;      // rows in the file
    uint32_t buffered_count;     // rows behind them
    struct dh_store_row *buffer; // owned; NULL: none yet
    struct dh_store_row last;    // meaningful when there are rows
};

void dh_store_index_init(struct dh_store_index *index, const dohle_allocator *mem,
                         enum dh_store_index_kind kind);
void dh_store_index_deinit(struct dh_store_index *index);

// Rows there are.
uint32_t dh_store_index_count(const struct dh_store_index *index);

// Bytes of a row in the file.
uint32_t dh_store_index_row_size(const struct dh_store_index *index);

/*
 * Finds out how many rows a file has, without the zeros at its end. *is_sound: its size
 * fits and its last row can be one. Returns 0 or DOHLE_ERR_IO.
 */
DH_MUST_CHECK int dh_store_index_load(struct dh_store_index *index, struct dh_vfs *vfs,
                                      struct dh_file *file, bool *is_sound);

// Forgets all rows, in the file too.
DH_MUST_CHECK int dh_store_index_clear(struct dh_store_index *index, struct dh_vfs *vfs,
                                       struct dh_file *file);

// Adds a row; nothing happens unless its key is greater than the last one's, or when there is
// no memory for the buffer.
void dh_store_index_add(struct dh_store_index *index, struct dh_vfs *vfs,
                        struct dh_file *file, struct dh_store_row row);

// Writes what is buffered, and gives the buffer back. Returns 0 or DOHLE_ERR_IO.
DH_MUST_CHECK int dh_store_index_flush(struct dh_store_index *index, struct dh_vfs *vfs,
                                       struct dh_file *file);

/*
 * The last row whose key (value, when by_value) is not above `at`. Returns 1 with *row, 0
 * when there is none, or DOHLE_ERR_IO.
 */
DH_MUST_CHECK int dh_store_index_floor(const struct dh_store_index *index,
                                       struct dh_vfs *vfs, struct dh_file *file,
                                       bool by_value, int64_t at,
                                       struct dh_store_row *row);

// Forgets the rows whose offset is at or above the relative one.
DH_MUST_CHECK int dh_store_index_truncate(struct dh_store_index *index,
                                          struct dh_vfs *vfs, struct dh_file *file,
                                          int64_t relative_offset);

#endif
