// SPDX-License-Identifier: MIT
/*
 * The embedded broker: a small Kafka cluster inside this process, for tests, for
 * development and for a single machine. Library libdohle-broker.
 *
 *     dohle_broker *broker;
 *     dohle_broker_start(NULL, &broker);           serves when it returns
 *     dohle_broker_create_topic(broker, "orders", 6);
 *     ... bootstrap.servers = dohle_broker_bootstrap(broker) ...
 *     dohle_broker_stop(broker, DOHLE_NO_TIMEOUT);
 *
 * It speaks Kafka's protocol on 127.0.0.1, so any client works with it. One to sixteen
 * nodes, each a listening socket, share one thread; they lead partitions and coordinate groups
 * as brokers of a cluster do, but there is no replication: a partition is one log,
 * whichever node leads it.
 *
 * Where data lives is one of three, and dohle_broker_durability says which:
 *
 *     memory      no directory: gone with the broker
 *     directory   in the page cache when a client hears of it: survives a killed process
 *     synced      on disk when a client hears of it: survives a power failure
 *
 * Files are in Kafka's own layout. A directory has one broker at a time.
 *
 * Threads: a broker has a thread of its own. Every function may be called from any thread,
 * several at once, but for the two that end a broker: nothing else may begin then. Calls wait
 * until the broker's thread has done what they say, which takes well below a millisecond
 * unless it is busy with the disk; only functions with a timeout_ms wait for more.
 *
 * Errors: 0, or a negative value of dohle/error.h; dohle_broker_last_error tells all
 * about the last one in the calling thread:
 *     INVALID_ARGUMENT  what is named does not exist, or makes no sense
 *     BROKER            Kafka's rules forbid it; the text names Kafka's own error
 *     INVALID_STATE     not now
 *     CLOSED            the broker has ended
 *     IO, NO_MEMORY
 *
 * All verbs below are lines of one language (dohle_broker_control), which the control port
 * of `dohle broker` speaks too: docs/broker.md has its grammar.
 */
#ifndef DOHLE_BROKER_H
#define DOHLE_BROKER_H

#include <dohle/error.h>
#include <dohle/log.h>
#include <dohle/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dohle_broker dohle_broker;

#define DOHLE_BROKER_NODES_MAX 16

// ---- Life cycle ----

// Zero a whole struct, set size, fill in what is wanted. All is copied.
typedef struct dohle_broker_options {
    size_t size;                      // sizeof(dohle_broker_options)
    const dohle_allocator *allocator; // NULL: malloc. Used until the broker has ended
    const dohle_log_sink *log;        // NULL: no log. Called by the broker's thread
    int32_t node_count;               // ids are 1, 2, ...; 0: one
    const char *const *racks;         // node_count of them, each may be NULL; NULL: none
    const uint16_t *ports;            // node_count of them; 0, NULL: any that is free
    const char *host;                 // to listen at, in figures; NULL: 127.0.0.1
    const char *advertised_host;      // what clients are told; NULL: where it listens
    const char *directory;            // for the data, made when missing; NULL: memory
    int is_synced;                    // not 0: answers wait for the disk
    const char *const *settings;      // "name=value" of Kafka's broker settings
    size_t setting_count;
    const char *control;  // "127.0.0.1:0": a control port there; NULL: none
    int has_manual_clock; // not 0: time moves by dohle_broker_advance alone
    uint64_t seed;        // of what is random inside; 0: another one each time
} dohle_broker_options;

/*
 * Starts a broker. options may be NULL: one node, in memory. Blocks until it serves: reads
 * what the directory holds, and after a crash checks what was not synced. On failure
 * *broker is NULL.
 * Errors: IN_USE (a process uses the directory, the text names its id; or a port), INVALID_CONFIG,
 * UNKNOWN_CONFIG, UNSUPPORTED_CONFIG (settings), CORRUPT (synced data is damaged), IO,
 * INVALID_ARGUMENT, NO_MEMORY.
 */
DOHLE_API int dohle_broker_start(const dohle_broker_options *options,
                                 dohle_broker **broker);

/*
 * Ends it cleanly and frees it: nobody is accepted, who waits for the disk is answered, all is
 * on disk, and the next start has nothing to check. Calls that wait in other threads
 * return CLOSED. timeout_ms as in consumer.h, default 30 s; after it the thread goes on
 * alone until the disk answers, and TIMEOUT is returned. NULL is allowed.
 */
DOHLE_API int dohle_broker_stop(dohle_broker *broker, int64_t timeout_ms);

// Ends it as SIGKILL would, for tests of what is left on disk, and frees it. Waits for what
// the disk is busy with. NULL is allowed.
DOHLE_API void dohle_broker_kill(dohle_broker *broker);

/*
 * Ends all nodes and starts them anew on their data, at the same ports; is_crash: as if killed
 * meanwhile. In memory data survives this, too. Blocks as stop and start do. After a
 * failure the broker is there, serves nothing, and can only be stopped or killed.
 */
DOHLE_API int dohle_broker_restart(dohle_broker *broker, int is_crash);

// All about the last error that a call of this thread returned; code 0: there was none.
// Valid until the thread's next call.
DOHLE_API const dohle_error_info *dohle_broker_last_error(void);

// ---- Where and what it is; valid until it ends, never block ----

// "127.0.0.1:41231,127.0.0.1:41232": every node, also those that are stopped just now.
DOHLE_API const char *dohle_broker_bootstrap(const dohle_broker *broker);

// "memory", "directory" or "synced".
DOHLE_API const char *dohle_broker_durability(const dohle_broker *broker);

// What the start found on disk and did about it: one sentence.
DOHLE_API const char *dohle_broker_recovery(const dohle_broker *broker);

// "127.0.0.1:41230"; "" without a control port.
DOHLE_API const char *dohle_broker_control_address(const dohle_broker *broker);

// ---- Topics and records ----

// With replicas at three nodes, or at all when there are fewer, and leaders in turn.
// partition_count -1: num.partitions.
DOHLE_API int dohle_broker_create_topic(dohle_broker *broker, const char *name,
                                        int32_t partition_count);
DOHLE_API int dohle_broker_delete_topic(dohle_broker *broker, const char *name);

// One of Kafka's topic settings; value "": the default again.
DOHLE_API int dohle_broker_set_topic(dohle_broker *broker, const char *name,
                                     const char *setting, const char *value);

// Appends one record. Data NULL is null. Borrows.
DOHLE_API int dohle_broker_put(dohle_broker *broker, const char *topic, int32_t partition,
                               dohle_bytes key, dohle_bytes value);

// Appends `count` records of `size` bytes, which begin with their offset.
DOHLE_API int dohle_broker_fill(dohle_broker *broker, const char *topic,
                                int32_t partition, int64_t count, int32_t size);

// Appends whole batches as a producer sends them; is_checked 0: even with a wrong checksum.
DOHLE_API int dohle_broker_append(dohle_broker *broker, const char *topic,
                                  int32_t partition, dohle_bytes batches, int is_checked);

// Records below the offset are deleted; -1: all.
DOHLE_API int dohle_broker_delete_records(dohle_broker *broker, const char *topic,
                                          int32_t partition, int64_t offset);

// Cuts the log there, as an unclean election does: with a new leader epoch. Batches are cut
// as a whole.
DOHLE_API int dohle_broker_truncate(dohle_broker *broker, const char *topic,
                                    int32_t partition, int64_t offset);

// Applies retention.ms and retention.bytes of every topic now.
DOHLE_API int dohle_broker_apply_retention(dohle_broker *broker);

// ---- Nodes, leaders, coordinators ----

DOHLE_API int dohle_broker_move_leader(dohle_broker *broker, const char *topic,
                                       int32_t partition, int32_t node_id);

// node_id 0: any other.
DOHLE_API int dohle_broker_move_coordinator(dohle_broker *broker, const char *group_id,
                                            int32_t node_id);

// Connections are closed (kill: reset), what the node led and coordinated goes to others.
DOHLE_API int dohle_broker_stop_node(dohle_broker *broker, int32_t node_id);
DOHLE_API int dohle_broker_kill_node(dohle_broker *broker, int32_t node_id);

// Back at the port it had.
DOHLE_API int dohle_broker_start_node(dohle_broker *broker, int32_t node_id);

// A paused node keeps its connections and answers nothing.
DOHLE_API int dohle_broker_pause_node(dohle_broker *broker, int32_t node_id);
DOHLE_API int dohle_broker_resume_node(dohle_broker *broker, int32_t node_id);

// ---- Faults ----

/*
 * What goes wrong on purpose: what a request must match, and what happens then. docs/broker.md
 * has all words.
 *
 *     "api=fetch node=1 topic=orders partition=2 error=NOT_LEADER_OR_FOLLOWER count=3"
 *     "api=offset_commit group=g drop"
 *     "api=produce delay=500"
 *
 * *fault_id (may be NULL) names it.
 */
DOHLE_API int dohle_broker_add_fault(dohle_broker *broker, const char *fault,
                                     int64_t *fault_id);

// fault_id 0: all of them.
DOHLE_API int dohle_broker_remove_fault(dohle_broker *broker, int64_t fault_id);

// How many requests it has hit.
DOHLE_API int dohle_broker_fault_hits(dohle_broker *broker, int64_t fault_id,
                                      int64_t *hits);

// ---- Time and waiting ----

/*
 * Returns when the condition holds:
 *
 *     "group=g state=Stable members=2"
 *     "committed group=g topic=orders partition=0 offset>=100"
 *     "topic=orders partition=0 end>=1000"
 *     "fault=1 hits>=3"
 *     "requests api=fetch count>=1"         since this call
 *
 * timeout_ms: as in consumer.h, default 10 s, in real time. TIMEOUT: the text says what was the
 * case instead.
 */
DOHLE_API int dohle_broker_wait(dohle_broker *broker, const char *condition,
                                int64_t timeout_ms);

// Moves the broker's clock, and with it session time-outs, retention, delays. Every timer
// on the way fires at its own time, in order.
DOHLE_API int dohle_broker_advance(dohle_broker *broker, int64_t ms);

// ---- All else ----

// The last `count` requests with their answers, a line each, the oldest first. The caller frees
// *text.
DOHLE_API int dohle_broker_journal(dohle_broker *broker, int32_t count, char **text);

/*
 * Any line of the control language, with the bytes of verbs that take some (else {NULL, 0}).
 * *text (may be NULL) is the answer's lines, "" without any; the caller frees it.
 */
DOHLE_API int dohle_broker_control(dohle_broker *broker, const char *line,
                                   dohle_bytes payload, char **text);

// Frees a text of these functions. NULL is allowed. Any thread, also after the broker ended.
DOHLE_API void dohle_broker_free_text(char *text);

// ---- bootstrap.servers=embedded: ----

/*
 * From now on bootstrap.servers "embedded:" (memory) and "embedded:DIRECTORY" start a broker of
 * one node when a consumer, producer or admin of this process is opened with it, or
 * use the one that is there: one for each name. It ends cleanly with exit(), or when it is
 * stopped. May be called more than once.
 */
DOHLE_API int dohle_broker_enable_embedded(void);

// The one that `name` ("": memory, or the directory as it was written) has started; NULL:
// none. It may be used, stopped and killed like any other.
DOHLE_API dohle_broker *dohle_broker_find_embedded(const char *name);

#ifdef __cplusplus
}
#endif

#endif
