// SPDX-License-Identifier: MIT
#include "wire/uuid.h"

#include <dohle/error.h>

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct dh_uuid_text dh_uuid_text(const struct dh_uuid *uuid)
{
    struct dh_uuid_text out = {{0}};
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t size = 0;
    for (size_t i = 0; i < DH_UUID_SIZE; i++) {
        bits = bits << 8 | uuid->bytes[i];
        for (bit_count += 8; bit_count >= 6; bit_count -= 6) {
            out.text[size++] = alphabet[bits >> (bit_count - 6) & 63];
        }
    }
    out.text[size] = alphabet[bits << (6 - bit_count) & 63];
    return out;
}

int dh_uuid_parse(dohle_bytes text, struct dh_uuid *out)
{
    if (text.size != DH_UUID_TEXT_SIZE) {
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    struct dh_uuid uuid = {{0}};
    uint32_t bits = 0;
    unsigned bit_count = 0;
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        const char *at = memchr(alphabet, text.data[i], sizeof(alphabet) - 1);
        if (at == NULL) {
            return DOHLE_ERR_INVALID_ARGUMENT;
        }
        bits = bits << 6 | (uint32_t)(at - alphabet);
        bit_count += 6;
        if (bit_count >= 8 && size < DH_UUID_SIZE) {
            bit_count -= 8;
            uuid.bytes[size++] = (uint8_t)(bits >> bit_count);
        }
    }
    // 22 characters hold 4 bits more than a uuid; they are 0 in what we print.
    if ((bits & 15) != 0) {
        return DOHLE_ERR_INVALID_ARGUMENT;
    }
    *out = uuid;
    return 0;
}
