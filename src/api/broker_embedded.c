// SPDX-License-Identifier: MIT
#include "api/broker_embedded.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dohle/embedded.h>

#include "base/assert.h"
#include "base/list.h"
#include "base/mem.h"

// How long exit() may take for all of them; a disk that does not answer is not waited for.
#define EXIT_TIMEOUT_MS 5000

struct instance {
    struct dh_link link;
    char *name; // owned; "": memory
    dohle_broker *broker;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct dh_list instances = {{&instances.head, &instances.head}};
static bool is_enabled;

static void lock(void)
{
    int result = pthread_mutex_lock(&mutex);
    DH_ASSERT(result == 0);
}

static void unlock(void)
{
    int result = pthread_mutex_unlock(&mutex);
    DH_ASSERT(result == 0);
}

static struct instance *find(const char *name)
{
    DH_LIST_EACH(link, &instances)
    {
        struct instance *instance = DH_CONTAINER_OF(link, struct instance, link);
        if (strcmp(instance->name, name) == 0) {
            return instance;
        }
    }
    return NULL;
}

static void free_instance(struct instance *instance)
{
    const dohle_allocator *mem = dh_mem_default();
    dh_list_remove(&instance->link);
    dh_mem_free_string(mem, instance->name);
    dh_mem_free(mem, instance, sizeof(*instance));
}

// The lock is held meanwhile, so that a name is started once.
static struct instance *start(const char *name)
{
    const dohle_allocator *mem = dh_mem_default();
    struct instance *instance = dh_mem_calloc(mem, 1, sizeof(*instance));
    char *copy = dh_mem_copy_string(mem, name, strlen(name));
    const dohle_broker_options options = {
        .size = sizeof(options),
        .directory = *name == '\0' ? NULL : name,
    };
    if (instance == NULL || copy == NULL ||
        dohle_broker_start(&options, &instance->broker) != 0) {
        dh_mem_free(mem, instance, sizeof(*instance));
        dh_mem_free_string(mem, copy);
        return NULL;
    }
    instance->name = copy;
    dh_list_push_back(&instances, &instance->link);
    return instance;
}

static int bootstrap(void *ctx, const char *name, char *servers, size_t servers_size,
                     char *text, size_t text_size)
{
    (void)ctx;
    lock();
    struct instance *instance = find(name);
    instance = instance != NULL ? instance : start(name);
    int err = 0;
    if (instance != NULL) {
        (void)snprintf(servers, servers_size, "%s",
                       dohle_broker_bootstrap(instance->broker));
    } else {
        const dohle_error_info *error = dohle_broker_last_error();
        err = error->code != 0 ? error->code : DOHLE_ERR_NO_MEMORY;
        (void)snprintf(text, text_size, "%s",
                       error->code != 0 ? error->text : "out of memory");
    }
    unlock();
    return err;
}

void dh_broker_embedded_forget(const dohle_broker *broker)
{
    lock();
    DH_LIST_EACH_SAFE(link, next, &instances)
    {
        struct instance *instance = DH_CONTAINER_OF(link, struct instance, link);
        if (instance->broker == broker) {
            free_instance(instance);
        }
    }
    unlock();
}

dohle_broker *dohle_broker_find_embedded(const char *name)
{
    lock();
    const struct instance *instance = name != NULL ? find(name) : NULL;
    dohle_broker *broker = instance != NULL ? instance->broker : NULL;
    unlock();
    return broker;
}

// What is in a directory has nothing to check at its next start.
static void stop_all(void)
{
    for (;;) {
        lock();
        struct dh_link *link = dh_list_first(&instances);
        dohle_broker *broker =
            link != NULL ? DH_CONTAINER_OF(link, struct instance, link)->broker : NULL;
        unlock();
        if (broker == NULL) {
            return;
        }
        (void)dohle_broker_stop(broker, EXIT_TIMEOUT_MS);
    }
}

int dohle_broker_enable_embedded(void)
{
    lock();
    int result = is_enabled ? 0 : atexit(stop_all);
    is_enabled = result == 0;
    unlock();
    const dohle_embedded_provider provider = {sizeof(provider), NULL, bootstrap};
    dohle_embedded_register(&provider);
    return result == 0 ? 0 : DOHLE_ERR_NO_MEMORY;
}
