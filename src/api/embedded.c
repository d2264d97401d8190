// SPDX-License-Identifier: MIT
#include "api/embedded.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <dohle/embedded.h>

#include "base/config.h"

static const char prefix[] = "embedded:";

// The only state of the process in this library.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static dohle_embedded_provider registered; // bootstrap NULL: none

void dohle_embedded_register(const dohle_embedded_provider *provider)
{
    dohle_embedded_provider copy = {0};
    if (provider != NULL) {
        size_t size = provider->size < sizeof(copy) ? provider->size : sizeof(copy);
        memcpy(&copy, provider, size);
    }
    int result = pthread_mutex_lock(&mutex);
    DH_ASSERT(result == 0);
    registered = copy;
    result = pthread_mutex_unlock(&mutex);
    DH_ASSERT(result == 0);
}

static dohle_embedded_provider get_registered(void)
{
    int result = pthread_mutex_lock(&mutex);
    DH_ASSERT(result == 0);
    dohle_embedded_provider copy = registered;
    result = pthread_mutex_unlock(&mutex);
    DH_ASSERT(result == 0);
    return copy;
}

static int refuse(dohle_error_info *info, int code, const char *value, const char *why)
{
    memset(info, 0, sizeof(*info));
    info->code = code;
    info->node_id = -1;
    info->partition = -1;
    info->offset = -1;
    (void)snprintf(info->text, sizeof(info->text), "bootstrap.servers: \"%.120s\": %s",
                   value, why);
    return code;
}

// Asks the provider and writes what it says into a copy of the config.
static int replace_servers(dohle_config *config, const char *value,
                           dohle_error_info *info)
{
    const dohle_embedded_provider provider = get_registered();
    if (provider.bootstrap == NULL) {
        return refuse(info, DOHLE_ERR_INVALID_CONFIG, value,
                      "there is no embedded broker in this process: link "
                      "libdohle-broker and call dohle_broker_enable_embedded");
    }
    char servers[DOHLE_EMBEDDED_SERVERS_SIZE] = "";
    char text[300] = "";
    int err = provider.bootstrap(provider.ctx, value + strlen(prefix), servers,
                                 sizeof(servers), text, sizeof(text));
    if (err == 0) {
        err = dohle_config_set(config, "bootstrap.servers", servers);
        return err == 0 ? 0 : refuse(info, err, value, dohle_config_error(config));
    }
    return refuse(info, err, value, text);
}

int dh_embedded_resolve(struct dh_settings *settings, const dohle_allocator *mem,
                        const dohle_config *config, enum dh_settings_role role,
                        uint32_t serial, dohle_error_info *info)
{
    const char *value = dohle_config_get(config, "bootstrap.servers");
    if (value == NULL || strncmp(value, prefix, strlen(prefix)) != 0) {
        return dh_settings_resolve(settings, mem, config, role, serial, info);
    }
    dohle_config *copy = dohle_config_copy(config);
    if (copy == NULL) {
        return refuse(info, DOHLE_ERR_NO_MEMORY, value, "out of memory");
    }
    int err = replace_servers(copy, value, info);
    if (err == 0) {
        err = dh_settings_resolve(settings, mem, copy, role, serial, info);
    }
    dohle_config_free(copy);
    return err;
}
