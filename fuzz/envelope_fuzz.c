// SPDX-License-Identifier: MIT
/*
 * Frames as both sides take them: as a request, header and body, and as the
 * answer to a request that the first bytes choose.
 */
#include "fuzz.h"

#include "base/arena.h"
#include "base/mem.h"
#include "wire/api.h"
#include "wire/envelope.h"
#include "wire/gen/api_versions.h"
#include "wire/gen/apis.h"

#define ARENA_SIZE_MAX ((size_t)1 << 20)

static void decode_body(const struct dh_message_type *type, int16_t version,
                        struct dh_reader *reader)
{
    struct dh_arena arena;
    dh_arena_init(&arena, dh_mem_default(), ARENA_SIZE_MAX);
    void *message = malloc(type->body.size);
    FUZZ_CHECK(message != NULL);
    int err = dh_message_decode(type, version, reader, &arena, message);
    FUZZ_CHECK(err == 0 || err == DOHLE_ERR_PROTOCOL ||
               err == DOHLE_ERR_UNSUPPORTED_VERSION);
    if (err == 0 && type == &dh_api_versions_response_type) {
        struct dh_api_ranges ranges;
        dh_api_ranges_set(&ranges, message);
    }
    free(message);
    dh_arena_deinit(&arena);
}

static void check_request(const uint8_t *data, size_t size)
{
    struct dh_reader reader;
    struct dh_request_header header;
    dh_reader_init(&reader, (dohle_bytes){data, size});
    int err = dh_envelope_decode_request_header(&reader, &header);
    if (err != 0) {
        FUZZ_CHECK(err == DOHLE_ERR_PROTOCOL || err == DOHLE_ERR_UNSUPPORTED_VERSION);
        return;
    }
    const struct dh_api *api = dh_api_find(header.request_api_key);
    FUZZ_CHECK(api != NULL);
    decode_body(api->request, header.request_api_version, &reader);
}

static void check_response(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return;
    }
    const struct dh_api *api = &dh_apis[data[0] % dh_api_count];
    int16_t version = data[1] % 32;
    int32_t correlation_id;
    struct dh_reader reader;
    dh_reader_init(&reader, (dohle_bytes){data + 2, size - 2});
    if (dh_envelope_decode_response_header(&reader, api->key, version, &correlation_id) ==
        0) {
        decode_body(api->response, version, &reader);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_request(data, size);
    check_response(data, size);
    return 0;
}
