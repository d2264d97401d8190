// SPDX-License-Identifier: MIT
/*
 * Names of files and directories, as Kafka gives them:
 *
 *     <topic>-<partition>/<base offset, 20 digits><suffix>
 *
 * Source: LogFileUtils, UnifiedLog.parseTopicPartitionName in Apache Kafka 4.4.
 */
#ifndef DH_STORE_NAMES_H
#define DH_STORE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include <dohle/types.h>

#define DH_STORE_TOPIC_SIZE_MAX ((size_t)249) // Kafka's

// A directory's name and the longest file's in it fit.
#define DH_STORE_PATH_SIZE 320

struct dh_store_path {
    char text[DH_STORE_PATH_SIZE];
};

// "directory/name"; "name" when directory is "".
struct dh_store_path dh_store_path(const char *directory, const char *name);

// The path of a file that belongs to a segment; suffix with its dot.
struct dh_store_path dh_store_segment_path(const char *directory, int64_t base_offset,
                                           const char *suffix);

// Whether a name is 20 digits and a suffix, which may be of any kind.
bool dh_store_parse_segment_name(const char *name, int64_t *base_offset,
                                 const char **suffix);

// Whether a directory's name is "<topic>-<partition>", written as Kafka does.
bool dh_store_parse_log_name(const char *name, size_t *topic_size, int32_t *partition);

#endif
