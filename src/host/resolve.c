// SPDX-License-Identifier: MIT
#include "host/resolve.h"

#include <limits.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/select.h>
#include <sys/time.h>

#include <ares.h>
#include <dohle/error.h>

#include "base/mem.h"
#include "base/time.h"
#include "host/loop.h"

#define REASON_SIZE 320

struct dh_resolution {
    struct dh_host *host;
    dh_resolved resolved;
    void *ctx;
    struct dh_link link;     // in dh_host.resolutions, until reported or cancelled
    struct dh_report report; // the answer, once there is one
    ares_channel channel;    // NULL: no question was needed, or it is over
    struct dh_list sockets;  // name_socket.link
    char *name;              // owned
    uint16_t port;
    bool is_over; // reported or cancelled; c-ares's last words are ignored
    struct dh_address *addresses; // owned, `capacity` of them
    size_t count;
    size_t capacity;
    int err;                  // of the answer
    char reason[REASON_SIZE]; // with err
};

// A socket of c-ares that libuv watches.
struct name_socket {
    struct dh_host *host;
    struct dh_resolution *resolution; // NULL: c-ares has closed it
    struct dh_link link;
    uv_poll_t poll;
    ares_socket_t fd;
    int events;
};

static void fail(struct dh_resolution *resolution, int err, const char *cause)
{
    resolution->err = err;
    (void)snprintf(resolution->reason, sizeof(resolution->reason),
                   "cannot resolve %.200s: %s", resolution->name, cause);
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct name_socket *name_socket = handle->data;
    dh_mem_free(name_socket->host->mem, name_socket, sizeof(*name_socket));
}

static void on_socket_ready(uv_poll_t *poll, int status, int events)
{
    struct name_socket *name_socket = poll->data;
    // An error of the socket is c-ares's to find: it reads and writes to see it.
    bool is_bad = status < 0;
    bool can_read = is_bad || (events & UV_READABLE) != 0;
    bool can_write = is_bad || (events & UV_WRITABLE) != 0;
    ares_process_fd(name_socket->resolution->channel,
                    can_read ? name_socket->fd : ARES_SOCKET_BAD,
                    can_write ? name_socket->fd : ARES_SOCKET_BAD);
    // On an error libuv stopped watching; c-ares may go on with the socket.
    if (is_bad && name_socket->resolution != NULL) {
        (void)uv_poll_start(poll, name_socket->events, on_socket_ready);
    }
}

static struct name_socket *find_socket(struct dh_resolution *resolution, ares_socket_t fd)
{
    DH_LIST_EACH(link, &resolution->sockets)
    {
        struct name_socket *name_socket = DH_CONTAINER_OF(link, struct name_socket, link);
        if (name_socket->fd == fd) {
            return name_socket;
        }
    }
    return NULL;
}

static struct name_socket *add_socket(struct dh_resolution *resolution, ares_socket_t fd)
{
    struct dh_host *host = resolution->host;
    struct name_socket *name_socket = dh_mem_calloc(host->mem, 1, sizeof(*name_socket));
    if (name_socket == NULL) {
        return NULL;
    }
    if (uv_poll_init(&host->loop, &name_socket->poll, fd) != 0) {
        dh_mem_free(host->mem, name_socket, sizeof(*name_socket));
        return NULL;
    }
    name_socket->host = host;
    name_socket->resolution = resolution;
    name_socket->fd = fd;
    name_socket->poll.data = name_socket;
    dh_list_push_back(&resolution->sockets, &name_socket->link);
    return name_socket;
}

// c-ares says what it waits for on a socket; nothing: it is about to close it.
static void on_socket_state(void *ctx, ares_socket_t fd, int readable, int writable)
{
    struct dh_resolution *resolution = ctx;
    struct name_socket *name_socket = find_socket(resolution, fd);
    if (readable == 0 && writable == 0) {
        if (name_socket != NULL) {
            name_socket->resolution = NULL;
            dh_list_remove(&name_socket->link);
            uv_close((uv_handle_t *)&name_socket->poll, on_socket_closed);
        }
        return;
    }
    if (name_socket == NULL) {
        name_socket = add_socket(resolution, fd);
    }
    if (name_socket == NULL) {
        fail(resolution, DOHLE_ERR_NO_MEMORY, "out of memory");
        dh_host_report(resolution->host, &resolution->report);
        return;
    }
    name_socket->events =
        (readable != 0 ? UV_READABLE : 0) | (writable != 0 ? UV_WRITABLE : 0);
    int result = uv_poll_start(&name_socket->poll, name_socket->events, on_socket_ready);
    DH_ASSERT(result == 0);
}

// Ends the question and c-ares's part in it.
static void end_question(struct dh_resolution *resolution)
{
    resolution->is_over = true;
    dh_list_remove(&resolution->link);
    dh_list_remove(&resolution->report.link);
    if (resolution->channel != NULL) {
        ares_destroy(resolution->channel);
        resolution->channel = NULL;
    }
    DH_ASSERT(dh_list_is_empty(&resolution->sockets));
}

static void free_resolution(struct dh_resolution *resolution)
{
    const dohle_allocator *mem = resolution->host->mem;
    dh_mem_free(mem, resolution->addresses,
                resolution->capacity * sizeof(*resolution->addresses));
    dh_mem_free_string(mem, resolution->name);
    dh_mem_free(mem, resolution, sizeof(*resolution));
}

static void deliver_answer(struct dh_report *report)
{
    struct dh_resolution *resolution =
        DH_CONTAINER_OF(report, struct dh_resolution, report);
    end_question(resolution);
    bool is_good = resolution->err == 0;
    resolution->resolved(resolution->ctx, resolution,
                         is_good ? resolution->addresses : NULL,
                         is_good ? resolution->count : 0, resolution->err,
                         is_good ? NULL : resolution->reason);
    free_resolution(resolution);
}

static int add_address(struct dh_resolution *resolution, const struct sockaddr *source,
                       socklen_t size)
{
    if (resolution->count == DH_ADDRESSES_MAX) {
        return 0;
    }
    int err =
        dh_mem_grow(resolution->host->mem, &resolution->addresses, &resolution->capacity,
                    resolution->count + 1, sizeof(*resolution->addresses));
    if (err != 0) {
        return err;
    }
    struct dh_address *address = &resolution->addresses[resolution->count++];
    dh_address_init(address, source, size);
    dh_address_set_port(address, resolution->port);
    return 0;
}

static int add_family(struct dh_resolution *resolution, const struct ares_addrinfo *found,
                      int family)
{
    int err = 0;
    for (const struct ares_addrinfo_node *node = found->nodes; node != NULL && err == 0;
         node = node->ai_next) {
        if (node->ai_family == family) {
            err = add_address(resolution, node->ai_addr, (socklen_t)node->ai_addrlen);
        }
    }
    return err;
}

static void on_answer(void *ctx, int status, int timeouts, struct ares_addrinfo *found)
{
    (void)timeouts;
    struct dh_resolution *resolution = ctx;
    if (resolution->is_over) {
        ares_freeaddrinfo(found);
        return;
    }
    if (status == ARES_ENOMEM) {
        fail(resolution, DOHLE_ERR_NO_MEMORY, "out of memory");
    } else if (status != ARES_SUCCESS) {
        fail(resolution, DOHLE_ERR_RESOLVE, ares_strerror(status));
    } else {
        // Java's InetAddress puts IPv4 first, and so do Kafka's clients.
        int err = add_family(resolution, found, AF_INET);
        if (err == 0) {
            err = add_family(resolution, found, AF_INET6);
        }
        if (err != 0) {
            fail(resolution, err, "out of memory");
        } else if (resolution->count == 0) {
            fail(resolution, DOHLE_ERR_RESOLVE, "the name has no address");
        }
    }
    ares_freeaddrinfo(found);
    dh_host_report(resolution->host, &resolution->report);
}

// Opens a channel for one question. Returns a status of c-ares.
static int open_channel(struct dh_resolution *resolution)
{
    const struct dh_host *host = resolution->host;
    struct ares_options options;
    memset(&options, 0, sizeof(options));
    int mask = ARES_OPT_SOCK_STATE_CB;
    options.sock_state_cb = on_socket_state;
    options.sock_state_cb_data = resolution;
    if (host->name_timeout_ms > 0) {
        mask |= ARES_OPT_TIMEOUTMS;
        options.timeout =
            host->name_timeout_ms < INT_MAX ? (int)host->name_timeout_ms : INT_MAX;
    }
    int status = ares_init_options(&resolution->channel, &options, mask);
    if (status != ARES_SUCCESS) {
        resolution->channel = NULL;
        return status;
    }
    if (host->name_servers != NULL) {
        status = ares_set_servers_ports_csv(resolution->channel, host->name_servers);
    }
    return status;
}

static void ask(struct dh_resolution *resolution)
{
    int status = open_channel(resolution);
    if (status != ARES_SUCCESS) {
        on_answer(resolution, status, 0, NULL);
        return;
    }
    const struct ares_addrinfo_hints hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
    };
    // May answer before it returns: on_answer only puts the report in line.
    ares_getaddrinfo(resolution->channel, resolution->name, NULL, &hints, on_answer,
                     resolution);
}

int dh_resolve(struct dh_host *host, const char *name, uint16_t port,
               dh_resolved resolved, void *ctx, struct dh_resolution **out)
{
    struct dh_resolution *resolution = dh_mem_calloc(host->mem, 1, sizeof(*resolution));
    if (resolution == NULL) {
        return DOHLE_ERR_NO_MEMORY;
    }
    resolution->host = host;
    resolution->resolved = resolved;
    resolution->ctx = ctx;
    resolution->report.deliver = deliver_answer;
    resolution->port = port;
    dh_list_init(&resolution->sockets);
    resolution->name = dh_mem_copy_string(host->mem, name, strlen(name));
    if (resolution->name == NULL) {
        free_resolution(resolution);
        return DOHLE_ERR_NO_MEMORY;
    }
    struct dh_address literal;
    if (dh_address_parse(&literal, name, port)) {
        struct sockaddr_storage storage;
        socklen_t size = dh_address_get(&literal, &storage);
        int err = add_address(resolution, (struct sockaddr *)&storage, size);
        if (err != 0) {
            free_resolution(resolution);
            return err;
        }
        dh_host_report(host, &resolution->report);
    } else {
        ask(resolution);
    }
    dh_list_push_back(&host->resolutions, &resolution->link);
    *out = resolution;
    return 0;
}

void dh_resolve_cancel(struct dh_resolution *resolution)
{
    // Cancelling from within its own report is late, and harmless.
    if (!resolution->is_over) {
        end_question(resolution);
        free_resolution(resolution);
    }
}

void dh_resolve_cancel_all(struct dh_host *host)
{
    DH_LIST_EACH_SAFE(link, next, &host->resolutions)
    {
        dh_resolve_cancel(DH_CONTAINER_OF(link, struct dh_resolution, link));
    }
}

int64_t dh_resolve_deadline(const struct dh_host *host, int64_t now_ns)
{
    int64_t deadline_ns = DH_NEVER;
    DH_LIST_EACH(link, &host->resolutions)
    {
        const struct dh_resolution *resolution =
            DH_CONTAINER_OF(link, struct dh_resolution, link);
        struct timeval left;
        if (resolution->channel != NULL &&
            ares_timeout(resolution->channel, NULL, &left) != NULL) {
            int64_t left_ns = (int64_t)left.tv_sec * DH_SEC + left.tv_usec * 1000;
            deadline_ns = dh_earlier(deadline_ns, now_ns + left_ns);
        }
    }
    return deadline_ns;
}

void dh_resolve_tick(struct dh_host *host)
{
    DH_LIST_EACH(link, &host->resolutions)
    {
        const struct dh_resolution *resolution =
            DH_CONTAINER_OF(link, struct dh_resolution, link);
        if (resolution->channel != NULL) {
            ares_process_fd(resolution->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        }
    }
}
