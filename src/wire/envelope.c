// SPDX-License-Identifier: MIT
#include "wire/envelope.h"

#include <dohle/error.h>

#include "wire/api.h"
#include "wire/message.h"
#include "wire/writer.h"

// Appends size, header and body; on failure leaves the buffer as it was.
static int encode(struct dh_buf *buf, const struct dh_message_type *header_type,
                  int16_t header_version, const void *header,
                  const struct dh_message_type *type, int16_t version,
                  const void *message)
{
    size_t start = buf->size;
    struct dh_writer writer;
    dh_writer_init(&writer, buf);
    dh_write_int32(&writer, 0);
    int err = dh_message_encode(header_type, header_version, header, &writer);
    if (err == 0) {
        err = dh_message_encode(type, version, message, &writer);
    }
    size_t size = buf->size - start - DH_ENVELOPE_SIZE_SIZE;
    if (err == 0 && size > INT32_MAX) {
        err = DOHLE_ERR_TOO_LARGE;
    }
    if (err != 0) {
        buf->size = start;
        return err;
    }
    for (unsigned i = 0; i < DH_ENVELOPE_SIZE_SIZE; i++) {
        buf->data[start + i] = (uint8_t)(size >> (24 - 8 * i));
    }
    return 0;
}

int dh_envelope_encode_request(struct dh_buf *buf, int16_t key, int16_t version,
                               int32_t correlation_id, dohle_bytes client_id,
                               const void *request)
{
    const struct dh_api *api = dh_api_find(key);
    if (api == NULL) {
        return DOHLE_ERR_UNSUPPORTED_VERSION;
    }
    struct dh_request_header header = {
        .request_api_key = key,
        .request_api_version = version,
        .correlation_id = correlation_id,
        .client_id = client_id,
    };
    return encode(buf, &dh_request_header_type, dh_request_header_version(key, version),
                  &header, api->request, version, request);
}

int dh_envelope_encode_response(struct dh_buf *buf, int16_t key, int16_t version,
                                int32_t correlation_id, const void *response)
{
    const struct dh_api *api = dh_api_find(key);
    if (api == NULL) {
        return DOHLE_ERR_UNSUPPORTED_VERSION;
    }
    struct dh_response_header header = {.correlation_id = correlation_id};
    return encode(buf, &dh_response_header_type, dh_response_header_version(key, version),
                  &header, api->response, version, response);
}

int dh_envelope_decode_request_header(struct dh_reader *reader,
                                      struct dh_request_header *out)
{
    // Key and version say how the rest is written, so they are looked at first.
    struct dh_reader ahead = *reader;
    dh_message_init(&dh_request_header_type, out);
    out->request_api_key = dh_read_int16(&ahead);
    out->request_api_version = dh_read_int16(&ahead);
    out->correlation_id = dh_read_int32(&ahead);
    if (ahead.err != 0) {
        return ahead.err;
    }
    int16_t header_version =
        dh_request_header_version(out->request_api_key, out->request_api_version);
    if (header_version == DH_VERSION_NONE) {
        return DOHLE_ERR_UNSUPPORTED_VERSION;
    }
    // Neither header has an array, so the arena is never asked.
    return dh_message_decode(&dh_request_header_type, header_version, reader, NULL, out);
}

int dh_envelope_decode_response_header(struct dh_reader *reader, int16_t key,
                                       int16_t version, int32_t *correlation_id)
{
    int16_t header_version = dh_response_header_version(key, version);
    if (header_version == DH_VERSION_NONE) {
        return DOHLE_ERR_UNSUPPORTED_VERSION;
    }
    struct dh_response_header header;
    int err = dh_message_decode(&dh_response_header_type, header_version, reader, NULL,
                                &header);
    *correlation_id = header.correlation_id;
    return err;
}
