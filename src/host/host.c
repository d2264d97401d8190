// SPDX-License-Identifier: MIT
#include "host/host.h"

#include <pthread.h>
#include <string.h>
#include <sys/select.h>

#include <ares.h>
#include <dohle/error.h>

#include "base/mem.h"
#include "base/time.h"
#include "host/clock.h"
#include "host/loop.h"

static void on_wake(uv_async_t *wake)
{
    struct dh_host *host = wake->data;
    host->has_progress = true;
}

// The timer only ends the wait; run_once looks at the clock.
static void on_timer(uv_timer_t *timer)
{
    (void)timer;
}

static void initialise_library(void)
{
    // Cannot fail but on Windows.
    (void)ares_library_init(ARES_LIB_INIT_ALL);
}

// Runs the callbacks of closed handles; nothing else is left, so none of it waits.
static void drain_closed_handles(uv_loop_t *loop)
{
    while (uv_run(loop, UV_RUN_NOWAIT) != 0) {
    }
    int result = uv_loop_close(loop);
    DH_ASSERT(result == 0);
}

// Opens loop, wake-up and timer: all of them or none.
static int open_loop(struct dh_host *host)
{
    int result = uv_loop_init(&host->loop);
    if (result != 0) {
        return result == UV_ENOMEM ? DOHLE_ERR_NO_MEMORY : DOHLE_ERR_IO;
    }
    result = uv_async_init(&host->loop, &host->wake, on_wake);
    if (result != 0) {
        drain_closed_handles(&host->loop);
        return DOHLE_ERR_IO;
    }
    host->wake.data = host;
    result = uv_timer_init(&host->loop, &host->timer);
    DH_ASSERT(result == 0);
    return 0;
}

int dh_host_new(const struct dh_host_options *options, struct dh_host **out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, initialise_library);

    const dohle_allocator *mem = options->mem;
    struct dh_host *host = dh_mem_calloc(mem, 1, sizeof(*host));
    if (host == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    host->mem = mem;
    host->name_timeout_ms = options->name_timeout_ms;
    dh_list_init(&host->streams);
    dh_list_init(&host->listeners);
    dh_list_init(&host->resolutions);
    dh_list_init(&host->reports);

    int err = 0;
    if (options->name_servers != NULL) {
        host->name_servers =
            dh_mem_copy_string(mem, options->name_servers, strlen(options->name_servers));
        err = host->name_servers == NULL ? DOHLE_ERR_NO_MEMORY : 0;
    }
    if (err == 0) {
        err = open_loop(host);
    }
    if (err != 0) {
        dh_mem_free_string(mem, host->name_servers);
        dh_mem_free(mem, host, sizeof(*host));
        return err;
    }
    *out = host;
    return 0;
}

void dh_host_free(struct dh_host *host)
{
    if (host == NULL) {
        return;
    }
    dh_resolve_cancel_all(host);
    dh_stream_close_all(host);
    dh_listener_close_all(host);
    uv_close((uv_handle_t *)&host->wake, NULL);
    uv_close((uv_handle_t *)&host->timer, NULL);
    drain_closed_handles(&host->loop);
    dh_mem_free_string(host->mem, host->name_servers);
    dh_mem_free(host->mem, host, sizeof(*host));
}

void dh_host_report(struct dh_host *host, struct dh_report *report)
{
    if (!dh_link_is_linked(&report->link)) {
        dh_list_push_back(&host->reports, &report->link);
    }
}

// Delivers what is in line now; what a callee adds waits for the next call.
static void deliver_reports(struct dh_host *host)
{
    struct dh_list due;
    dh_list_init(&due);
    dh_list_append_all(&due, &host->reports);
    // A callee may take any of them out of line by closing or cancelling it.
    for (struct dh_link *link; (link = dh_list_pop_front(&due)) != NULL;) {
        struct dh_report *report = DH_CONTAINER_OF(link, struct dh_report, link);
        host->has_progress = true;
        report->deliver(report);
    }
}

// One pass of libuv's loop that ends at limit_ns at the latest.
static void run_loop(struct dh_host *host, int64_t limit_ns)
{
    int64_t now_ns = dh_clock_now_ns();
    if (limit_ns <= now_ns) {
        (void)uv_run(&host->loop, UV_RUN_NOWAIT);
        return;
    }
    int result;
    if (limit_ns == DH_NEVER) {
        result = uv_timer_stop(&host->timer);
    } else {
        uv_update_time(&host->loop);
        uint64_t wait_ms = (uint64_t)dh_ms_until(limit_ns, now_ns);
        result = uv_timer_start(&host->timer, on_timer, wait_ms, 0);
    }
    DH_ASSERT(result == 0);
    (void)uv_run(&host->loop, UV_RUN_ONCE);
}

void dh_host_run_once(struct dh_host *host, int64_t deadline_ns)
{
    host->has_progress = false;
    deliver_reports(host);
    for (;;) {
        int64_t limit_ns = 0;
        if (!host->has_progress && dh_list_is_empty(&host->reports)) {
            int64_t now_ns = dh_clock_now_ns();
            limit_ns = dh_earlier(deadline_ns, dh_resolve_deadline(host, now_ns));
        }
        run_loop(host, limit_ns);
        dh_resolve_tick(host);
        deliver_reports(host);
        if (host->has_progress || deadline_ns <= dh_clock_now_ns()) {
            return;
        }
    }
}

void dh_host_wake(struct dh_host *host)
{
    // Fails only for a handle that is closing, which the caller rules out.
    (void)uv_async_send(&host->wake);
}
