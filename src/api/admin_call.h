// SPDX-License-Identifier: MIT
/*
 * What the admin's public functions share. Each is a small program that asks, looks
 * at the answer and asks again, on the application's thread; the I/O thread only
 * carries single requests (client/admin/admin_engine.h).
 *
 *     dh_admin_begin          the deadline of the public call; the last error is cleared
 *     dh_admin_ask            one request, one answer
 *     dh_admin_retry          a back-off; false: the time is over, and the error is told
 *     dh_admin_result_new     the block that the result is made in
 *
 * For api/admin*.c only.
 */
#ifndef DH_API_ADMIN_CALL_H
#define DH_API_ADMIN_CALL_H

#include <dohle/admin.h>

#include "api/io_thread.h"
#include "base/backoff.h"
#include "base/settings.h"
#include "client/admin/admin_engine.h"
#include "client/back/requests.h"
#include "wire/api.h"

struct dohle_admin {
    dohle_allocator allocator;
    struct dh_io_client *client;
    const struct dh_settings *settings; // kept by the client
    struct dh_random random;
    struct dh_backoff backoff; // of the public call under way
    int64_t deadline_ns;       // the same
    dohle_error_info error;
};

// Starts a public call. Returns 0 or INVALID_ARGUMENT.
DH_MUST_CHECK int dh_admin_begin(dohle_admin *admin, int64_t timeout_ms);

// Sets the last error; returns code. text NULL: the error's own.
int dh_admin_fail(dohle_admin *admin, int code, int16_t broker_code, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

// A broker's error code about something, with its own message if it sent one.
int dh_admin_fail_broker(dohle_admin *admin, int16_t broker_code, const char *about,
                         dohle_bytes message);

/*
 * Makes a call: fill the request in, in call->arena, then ask. NULL: no memory, the
 * last error is set.
 */
DH_MUST_CHECK struct dh_admin_call *dh_admin_call(dohle_admin *admin, int32_t node_id,
                                                  int16_t api_key);

// The request of the call, with its defaults set. NULL: no memory, as above.
DH_MUST_CHECK void *dh_admin_request(dohle_admin *admin, struct dh_admin_call *call);

/*
 * Sends the call and waits for its answer. Returns 0, call->response is the answer; or
 * an error, which is the last error now. Free the call either way.
 */
DH_MUST_CHECK int dh_admin_ask(dohle_admin *admin, struct dh_admin_call *call);
void dh_admin_drop(const dohle_admin *admin, struct dh_admin_call *call);

// Whether asking again may help after dh_admin_ask has failed so.
bool dh_admin_is_passing(int err);

// Whether asking again may help after this broker's code.
bool dh_admin_is_passing_code(int16_t api_key, int16_t broker_code);

/*
 * Waits for the next back-off. False: the call's time is over; then the last error is
 * TIMEOUT with what it was before as its text.
 */
DH_MUST_CHECK bool dh_admin_retry(dohle_admin *admin);

// Metadata of one topic (NULL: all), asked until there is an answer. The caller drops
// the call. NULL: failed, the last error is set.
DH_MUST_CHECK struct dh_admin_call *dh_admin_metadata(dohle_admin *admin,
                                                      const char *topic);

// ---- Results ----

// A block of `size` zeroed bytes with an arena of its own. NULL: no memory.
DH_MUST_CHECK void *dh_admin_result_new(dohle_admin *admin, size_t size);
struct dh_arena *dh_admin_result_arena(void *result);

// A terminated copy in the result's arena; null becomes NULL. *err is set to NO_MEMORY
// when there is none, else left alone.
const char *dh_admin_copy(void *result, dohle_bytes text, int *err);

#endif
