// SPDX-License-Identifier: MIT
/*
 * The settings of one consumer, producer or admin client: typed, checked and
 * complete. Made once, at open, from what the user set by name and the table
 * of settings (base/settings_table.h); never changed afterwards. The two
 * halves of the client borrow it.
 *
 * A field is named after its key, with '_' for '.'. INT keys are int32_t, LONG
 * keys int64_t, BOOL keys bool, STRING keys owned terminated strings. Only keys
 * that are built have a field. A field whose key the role does not have holds
 * the default.
 *
 * Source: ConsumerConfig and ProducerConfig of Apache Kafka 4.4, as listed in
 * its documentation.
 */
#ifndef DH_BASE_SETTINGS_H
#define DH_BASE_SETTINGS_H

#include <stdbool.h>

#include <dohle/config.h>
#include <dohle/error.h>
#include <dohle/types.h>

#include "base/assert.h"

enum dh_settings_role {
    DH_ROLE_CONSUMER,
    DH_ROLE_PRODUCER,
    DH_ROLE_ADMIN,
};

// One entry of bootstrap.servers.
struct dh_endpoint {
    char *host; // owned; a name or an address, IPv6 without its brackets
    uint16_t port;
};

enum dh_offset_reset {
    DH_OFFSET_RESET_LATEST,
    DH_OFFSET_RESET_EARLIEST,
    DH_OFFSET_RESET_NONE,
};

enum dh_metadata_recovery {
    DH_METADATA_RECOVERY_REBOOTSTRAP,
    DH_METADATA_RECOVERY_NONE,
};

// Kafka's numbers.
enum dh_compression {
    DH_COMPRESSION_NONE,
    DH_COMPRESSION_GZIP,
    DH_COMPRESSION_SNAPPY,
    DH_COMPRESSION_LZ4,
    DH_COMPRESSION_ZSTD,
};

#define DH_ASSIGNORS_MAX ((size_t)4)

struct dh_settings {
    const dohle_allocator *mem; // of the strings
    enum dh_settings_role role;

    // All three
    struct dh_endpoint *bootstrap_servers; // owned; never empty
    size_t bootstrap_server_count;
    char *client_id; // never empty: see dh_settings_resolve
    int64_t metadata_max_age_ms;
    int metadata_recovery_strategy; // enum dh_metadata_recovery
    int64_t metadata_recovery_rebootstrap_trigger_ms;
    int32_t request_timeout_ms;
    int32_t default_api_timeout_ms;
    int64_t retry_backoff_ms;
    int64_t retry_backoff_max_ms; // used constantly when below retry_backoff_ms
    int64_t reconnect_backoff_ms;
    int64_t reconnect_backoff_max_ms;
    int64_t socket_connection_setup_timeout_ms;
    int64_t socket_connection_setup_timeout_max_ms;
    int64_t connections_max_idle_ms; // negative: never
    int32_t send_buffer_bytes;       // -1: the operating system's default
    int32_t receive_buffer_bytes;    // -1: the operating system's default
    int32_t response_max_bytes;      // a longer response closes the connection

    // Consumer: the group
    char *group_id; // NULL: no group; never ""
    int32_t session_timeout_ms;
    int32_t heartbeat_interval_ms; // < session_timeout_ms
    int32_t max_poll_interval_ms;
    // Short names, in order of preference; static strings.
    const char *partition_assignment_strategy[DH_ASSIGNORS_MAX];
    size_t partition_assignment_strategy_count;
    bool enable_auto_commit; // false without a group
    int32_t auto_commit_interval_ms;
    int auto_offset_reset; // enum dh_offset_reset
    bool allow_auto_create_topics;
    bool exclude_internal_topics;

    // Consumer: fetching
    int32_t fetch_min_bytes;
    int32_t fetch_max_bytes;
    int32_t fetch_max_wait_ms;
    int32_t max_partition_fetch_bytes;
    int32_t max_poll_records;
    bool check_crcs;
    int64_t fetch_buffer_bytes;           // the budget of all that is buffered
    int32_t decompressed_batch_max_bytes; // a larger batch is an error

    // Producer
    int acks; // -1: all in-sync replicas, 0, 1
    int32_t retries;
    int64_t linger_ms;
    int32_t batch_size;
    int64_t buffer_memory;
    int32_t max_request_size;
    int32_t max_in_flight_requests_per_connection;
    int64_t max_block_ms;
    int32_t delivery_timeout_ms; // >= linger_ms + request_timeout_ms
    bool enable_idempotence;     // true: acks is -1 and retries > 0
    int compression_type;        // enum dh_compression
    int32_t compression_gzip_level;
    int32_t compression_lz4_level;
    int32_t compression_zstd_level;
    bool partitioner_ignore_keys;
};

/*
 * Checks all that was set in config against each other and makes a complete
 * set of settings for that role. Borrows config, copies every string. serial is
 * the n of a default client.id ("consumer-<group.id>-<n>"). Keys that belong
 * to other roles only are ignored, as Java does.
 *
 * Returns 0; DOHLE_ERR_INVALID_CONFIG; DOHLE_ERR_INVALID_GROUP;
 * DOHLE_ERR_UNSUPPORTED_CONFIG for a key or value that is known but not built
 * yet; or DOHLE_ERR_NO_MEMORY. On failure *info (may be NULL) names the key, the
 * value and what is allowed, and *settings needs no deinit.
 */
DH_MUST_CHECK int dh_settings_resolve(struct dh_settings *settings,
                                      const dohle_allocator *mem,
                                      const dohle_config *config,
                                      enum dh_settings_role role, uint32_t serial,
                                      dohle_error_info *info);

void dh_settings_deinit(struct dh_settings *settings);

#endif
