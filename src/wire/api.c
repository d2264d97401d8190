// SPDX-License-Identifier: MIT
#include "wire/api.h"

#include "wire/gen/api_versions.h"
#include "wire/gen/apis.h"

const struct dh_api *dh_api_find(int16_t key)
{
    for (size_t i = 0; i < dh_api_count; i++) {
        if (dh_apis[i].key == key) {
            return &dh_apis[i];
        }
    }
    return NULL;
}

const char *dh_api_name(int16_t key)
{
    const struct dh_api *api = dh_api_find(key);
    return api == NULL ? "unknown" : api->name;
}

int16_t dh_request_header_version(int16_t key, int16_t version)
{
    const struct dh_api *api = dh_api_find(key);
    if (api == NULL) {
        return DH_VERSION_NONE;
    }
    return version >= api->request->flexible_from ? 2 : 1;
}

int16_t dh_response_header_version(int16_t key, int16_t version)
{
    const struct dh_api *api = dh_api_find(key);
    if (api == NULL) {
        return DH_VERSION_NONE;
    }
    if (key == DH_API_API_VERSIONS) {
        return 0;
    }
    return version >= api->response->flexible_from ? 1 : 0;
}

void dh_api_ranges_init(struct dh_api_ranges *ranges)
{
    for (size_t key = 0; key < DH_API_KEY_END; key++) {
        ranges->ranges[key] = (struct dh_versions){0, DH_VERSION_NONE};
    }
    ranges->ranges[DH_API_API_VERSIONS] = dh_api_versions_request_type.versions;
}

void dh_api_ranges_set(struct dh_api_ranges *ranges,
                       const struct dh_api_versions_response *response)
{
    dh_api_ranges_init(ranges);
    for (int32_t i = 0; i < response->api_keys.count; i++) {
        const struct dh_api_versions_response_api_key *theirs =
            &response->api_keys.items[i];
        const struct dh_api *api = dh_api_find(theirs->api_key);
        if (api == NULL) {
            continue;
        }
        struct dh_versions range = api->request->versions;
        if (theirs->min_version > range.min) {
            range.min = theirs->min_version;
        }
        if (theirs->max_version < range.max) {
            range.max = theirs->max_version;
        }
        ranges->ranges[api->key] = range;
    }
}

int16_t dh_api_ranges_best(const struct dh_api_ranges *ranges, int16_t key,
                           int16_t version_max)
{
    DH_ASSERT(key >= 0 && key < DH_API_KEY_END);
    struct dh_versions range = ranges->ranges[key];
    int16_t best = version_max < range.max ? version_max : range.max;
    return best < range.min ? DH_VERSION_NONE : best;
}
