// SPDX-License-Identifier: MIT
#include "client/back/consumer_protocol.h"

#include <dohle/error.h>

#include "wire/message.h"
#include "wire/reader.h"
#include "wire/writer.h"

static int blob_write(const struct dh_message_type *type, const void *in,
                      struct dh_buf *buf)
{
    struct dh_writer writer;
    dh_writer_init(&writer, buf);
    dh_write_int16(&writer, DH_CONSUMER_PROTOCOL_VERSION);
    return dh_message_encode(type, DH_CONSUMER_PROTOCOL_VERSION, in, &writer);
}

static int blob_read(const struct dh_message_type *type, dohle_bytes blob,
                     struct dh_arena *arena, void *out)
{
    struct dh_reader reader;
    dh_reader_init(&reader, blob);
    int16_t version = dh_read_int16(&reader);
    if (reader.err != 0 || version < 0) {
        return DOHLE_ERR_PROTOCOL;
    }
    if (version > DH_CONSUMER_PROTOCOL_VERSION) {
        version = DH_CONSUMER_PROTOCOL_VERSION;
    }
    return dh_message_decode(type, version, &reader, arena, out);
}

int dh_subscription_blob_write(const struct dh_consumer_protocol_subscription *in,
                               struct dh_buf *buf)
{
    return blob_write(&dh_consumer_protocol_subscription_type, in, buf);
}

int dh_assignment_blob_write(const struct dh_consumer_protocol_assignment *in,
                             struct dh_buf *buf)
{
    return blob_write(&dh_consumer_protocol_assignment_type, in, buf);
}

int dh_subscription_blob_read(dohle_bytes blob, struct dh_arena *arena,
                              struct dh_consumer_protocol_subscription *out)
{
    return blob_read(&dh_consumer_protocol_subscription_type, blob, arena, out);
}

int dh_assignment_blob_read(dohle_bytes blob, struct dh_arena *arena,
                            struct dh_consumer_protocol_assignment *out)
{
    return blob_read(&dh_consumer_protocol_assignment_type, blob, arena, out);
}
