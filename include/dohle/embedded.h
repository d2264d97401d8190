// SPDX-License-Identifier: MIT
/*
 * bootstrap.servers=embedded: and who answers for it.
 *
 *     bootstrap.servers=embedded:        a broker in this process, in memory
 *     bootstrap.servers=embedded:DIR     the same with its data in that directory
 *
 * The broker is a library of its own (dohle/broker.h): most programs need none. An
 * application that links it calls dohle_broker_enable_embedded, which registers
 * here. Without that, opening a consumer, producer or admin with such a setting is
 * DOHLE_ERR_INVALID_CONFIG. Tests may register a provider of their own.
 */
#ifndef DOHLE_EMBEDDED_H
#define DOHLE_EMBEDDED_H

#include <dohle/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dohle_embedded_provider {
    size_t size; // sizeof(dohle_embedded_provider)
    void *ctx;
    /*
     * Writes where the broker of that name (what follows "embedded:"; "" is one of
     * them) serves, as "host:port,...", starting it when it does not. Called by whichever
     * thread opens something, by several at once too. Returns 0, or an error of
     * dohle/error.h with one sentence in text.
     */
    int (*bootstrap)(void *ctx, const char *name, char *servers, size_t servers_size,
                     char *text, size_t text_size);
} dohle_embedded_provider;

// The most bytes that a provider is given for servers, and its NUL.
#define DOHLE_EMBEDDED_SERVERS_SIZE 1024

// Replaces the provider (copied) for the whole process; NULL: there is none. What
// was opened before stays connected. Any thread.
DOHLE_API void dohle_embedded_register(const dohle_embedded_provider *provider);

#ifdef __cplusplus
}
#endif

#endif
