// SPDX-License-Identifier: MIT
/*
 * What the files of this layer share: the loop itself, and reports that are
 * due without an event of the system (an answer that needed no question, a
 * connect that failed at once). Included by src/host only.
 */
#ifndef DH_HOST_LOOP_H
#define DH_HOST_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "base/list.h"
#include "host/host.h"

// A report that the next run_once delivers. In no list: nothing is due.
struct dh_report {
    struct dh_link link; // in dh_host.reports
    void (*deliver)(struct dh_report *report);
};

struct dh_address;
struct dh_stream;
struct dh_stream_options;

struct dh_host {
    const dohle_allocator *mem;
    uv_loop_t loop;
    uv_async_t wake;
    uv_timer_t timer;
    struct dh_list streams;     // dh_stream.link
    struct dh_list listeners;   // dh_listener.link
    struct dh_list resolutions; // dh_resolution.link
    struct dh_list reports;     // dh_report.link
    bool has_progress;          // a report or a wake-up since run_once began
    char *name_servers;         // owned; NULL: the system's
    int64_t name_timeout_ms;    // 0: c-ares's default
};

// Puts the report in line; one that already is stays where it is.
void dh_host_report(struct dh_host *host, struct dh_report *report);

// When c-ares wants to be called for a time-out; DH_NEVER: not at all.
int64_t dh_resolve_deadline(const struct dh_host *host, int64_t now_ns);

// Lets c-ares see to its time-outs.
void dh_resolve_tick(struct dh_host *host);

// Ends everything of the host without a report.
void dh_resolve_cancel_all(struct dh_host *host);
void dh_stream_close_all(struct dh_host *host);
void dh_listener_close_all(struct dh_host *host);

// An open stream on an accepted socket, which it takes; NULL: no memory or descriptors
// left, the socket is closed. Reports nothing until dh_stream_take.
struct dh_stream *dh_stream_new_accepted(struct dh_host *host, int fd,
                                         const struct dh_address *peer,
                                         const struct dh_stream_options *options);

#endif
