// SPDX-License-Identifier: MIT
/*
 * The limit of a consumer on this machine: what the kernel needs to hand the bytes over, and what
 * one look at each record costs.
 *
 *     raw-limit drain|walk HOST:PORT TOPIC PARTITIONS RECORDS
 *
 *     drain   looks at the headers of the batches alone, to know where to go on
 *     walk    checksum of each batch, decompression, every field of every record up to its
 *             value, the value's first and last byte
 *
 * One connection, blocking; Fetch version 4 written by hand; all partitions in each request,
 * 1 MiB a partition; the next request goes out when the last response is done. There is no
 * group, session, metadata, budget or error handling, and all partitions are one node's. It
 * stands alone on purpose: nothing of the library can make it faster or slower. It trusts
 * the broker to send well-formed batches, and is no example of how to read them.
 *
 * Ends when RECORDS were seen. The program is fixed: figures of different days compare.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <zstd.h>

#include "figures.h"

#define PARTITIONS_MAX      8192
#define PARTITION_BYTES_MAX (1 << 20)
#define RESPONSE_BYTES_MAX  (50 << 20) // fetch.max.bytes of Java's consumer
#define WAIT_MS             500
#define HEADER_SIZE         61 // of a batch
#define PREFIX_SIZE         12 // of a batch: base offset and length
// Behind RESPONSE_BYTES_MAX a first batch may still come whole.
#define BUFFER_SIZE ((size_t)64 << 20)

static struct figures figures;
static bool is_walk;
static int connection;
static const char *topic;
static int32_t partition_count;
static int64_t offsets[PARTITIONS_MAX]; // to go on from
static uint8_t *response;               // BUFFER_SIZE
static uint8_t *plain;                  // BUFFER_SIZE, of one batch

static void fail(const char *what)
{
    fprintf(stderr, "raw-limit: %s\n", what);
    exit(1);
}

static uint16_t get16(const uint8_t *at)
{
    uint16_t value;
    memcpy(&value, at, sizeof(value));
    return be16toh(value);
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof(value));
    return be32toh(value);
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof(value));
    return be64toh(value);
}

static uint8_t *put16(uint8_t *at, uint16_t value)
{
    value = htobe16(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static uint8_t *put32(uint8_t *at, uint32_t value)
{
    value = htobe32(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

static uint8_t *put64(uint8_t *at, uint64_t value)
{
    value = htobe64(value);
    memcpy(at, &value, sizeof(value));
    return at + sizeof(value);
}

// ---- Records ----

static inline int64_t take_varint(const uint8_t **at)
{
    const uint8_t *byte = *at;
    uint64_t value = *byte++;
    if (__builtin_expect((value & 0x80) != 0, 0)) {
        int shift = 7;
        uint64_t more;
        value &= 0x7f;
        do {
            more = *byte++;
            value |= (more & 0x7f) << shift;
            shift += 7;
        } while ((more & 0x80) != 0);
    }
    *at = byte;
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static void walk_records(const uint8_t *at, uint32_t count, int64_t base,
                         int32_t partition)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t size = take_varint(&at);
        const uint8_t *end = at + size;
        at++;             // attributes
        take_varint(&at); // timestamp
        sum += (uint64_t)(base + take_varint(&at) + 1);
        int64_t key_size = take_varint(&at);
        at += key_size > 0 ? key_size : 0;
        int64_t value_size = take_varint(&at);
        figures_touch(&figures, at, value_size);
        at = end; // headers are skipped
    }
    figures.checksum += sum * checksum_weight(partition);
}

// ---- Codecs: each one's own library, into one buffer that stays ----

static void unpack_gzip(const uint8_t *in, size_t size)
{
    static struct inflate_state state;
    isal_inflate_init(&state);
    state.crc_flag = ISAL_GZIP;
    // isa-l takes the bytes without const though it only reads.
    memcpy(&state.next_in, &in, sizeof(in));
    state.avail_in = (uint32_t)size;
    state.next_out = plain;
    state.avail_out = (uint32_t)BUFFER_SIZE;
    if (isal_inflate(&state) != ISAL_DECOMP_OK ||
        state.block_state != ISAL_BLOCK_FINISH) {
        fail("gzip");
    }
}

// Xerial's framing: 16 bytes, then blocks of length and bytes; or one raw block.
static void unpack_snappy(const uint8_t *in, size_t size)
{
    static const uint8_t magic[8] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
    bool is_framed = size >= 16 && memcmp(in, magic, sizeof(magic)) == 0;
    const uint8_t *end = in + size;
    uint8_t *out = plain;
    for (in += is_framed ? 16 : 0; in < end;) {
        size_t block = is_framed ? get32(in) : size;
        in += is_framed ? 4 : 0;
        size_t room = BUFFER_SIZE - (size_t)(out - plain);
        if (snappy_uncompress((const char *)in, block, (char *)out, &room) != SNAPPY_OK) {
            fail("snappy");
        }
        out += room;
        in += block;
    }
}

static void unpack_lz4(const uint8_t *in, size_t size)
{
    static LZ4F_dctx *context;
    if (context == NULL &&
        LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION))) {
        fail("no memory");
    }
    size_t room = BUFFER_SIZE;
    if (LZ4F_decompress(context, plain, &room, in, &size, NULL) != 0) {
        fail("lz4");
    }
}

static void unpack_zstd(const uint8_t *in, size_t size)
{
    static ZSTD_DCtx *context;
    if (context == NULL) {
        context = ZSTD_createDCtx();
    }
    if (context == NULL ||
        ZSTD_isError(ZSTD_decompressDCtx(context, plain, BUFFER_SIZE, in, size))) {
        fail("zstd");
    }
}

static const uint8_t *unpack(int codec, const uint8_t *in, size_t size)
{
    switch (codec) {
    case 0: return in;
    case 1: unpack_gzip(in, size); return plain;
    case 2: unpack_snappy(in, size); return plain;
    case 3: unpack_lz4(in, size); return plain;
    case 4: unpack_zstd(in, size); return plain;
    default: fail("an unknown codec"); return NULL;
    }
}

// ---- Batches and responses ----

static void check_crc(const uint8_t *batch, size_t size)
{
    union {
        const uint8_t *in;
        unsigned char *out; // isa-l takes the bytes without const though it only reads
    } bytes = {.in = batch + 21};

    if (~crc32_iscsi(bytes.out, (int)size - 21, 0xffffffff) != get32(batch + 17)) {
        fail("a batch with a wrong checksum");
    }
}

static void drain_batch(int64_t first, int64_t last, int32_t partition)
{
    uint64_t count = (uint64_t)(last - first + 1);
    // first + 1 to last + 1, added up; one of the two factors is even.
    uint64_t ends = (uint64_t)(first + 1) + (uint64_t)(last + 1);
    uint64_t sum = count % 2 == 0 ? count / 2 * ends : ends / 2 * count;
    figures.checksum += sum * checksum_weight(partition);
}

static void take_batches(int32_t partition, const uint8_t *at, const uint8_t *end)
{
    while (end - at >= HEADER_SIZE) {
        size_t size = PREFIX_SIZE + (size_t)get32(at + 8);
        if (size > (size_t)(end - at)) {
            return; // cut off, which is normal for the last one
        }
        int64_t base = (int64_t)get64(at);
        int64_t last = base + (int32_t)get32(at + 23);
        uint32_t count = get32(at + 57);
        offsets[partition] = last + 1;
        figures.record_count += count;
        if (is_walk) {
            check_crc(at, size);
            walk_records(unpack(get16(at + 21) & 7, at + HEADER_SIZE, size - HEADER_SIZE),
                         count, base, partition);
        } else {
            drain_batch(base, last, partition);
        }
        at += size;
    }
}

static void take_response(const uint8_t *at)
{
    at += 8; // correlation id, throttle time
    for (uint32_t topics = get32(at), i = (at += 4, 0); i < topics; i++) {
        at += 2 + get16(at);
        uint32_t partitions = get32(at);
        at += 4;
        for (uint32_t j = 0; j < partitions; j++) {
            int32_t partition = (int32_t)get32(at);
            if (get16(at + 4) != 0 || partition < 0 || partition >= partition_count) {
                fail("the broker answers with an error");
            }
            at += 4 + 2 + 8 + 8; // partition, error, high watermark, last stable offset
            int32_t aborted = (int32_t)get32(at);
            at += 4 + (aborted > 0 ? (size_t)aborted * 16 : 0);
            int32_t size = (int32_t)get32(at);
            at += 4;
            if (size > 0) {
                take_batches(partition, at, at + size);
                at += size;
            }
        }
    }
}

// ---- The connection ----

static void open_connection(char *address)
{
    char *colon = strrchr(address, ':');
    if (colon == NULL) {
        fail("HOST:PORT, please");
    }
    *colon = '\0';
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_port =
                                   htons((uint16_t)number_argument(colon + 1, 1))};
    if (inet_pton(AF_INET, address, &name.sin_addr) != 1) {
        fail("the host must be given in figures");
    }
    connection = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (connection < 0 ||
        connect(connection, (struct sockaddr *)&name, sizeof(name)) != 0) {
        fail(strerror(errno));
    }
}

static void send_request(void)
{
    static uint8_t request[PARTITIONS_MAX * 16 + 1024];
    size_t topic_size = strlen(topic);
    uint8_t *at = request + 4;
    at = put16(at, 1); // Fetch
    at = put16(at, 4); // its version
    at = put32(at, 0); // correlation id
    at = put16(at, 3); // client id
    memcpy(at, "raw", 3);
    at = put32(at + 3, UINT32_MAX); // replica: a consumer
    at = put32(at, WAIT_MS);
    at = put32(at, 1); // byte at least
    at = put32(at, RESPONSE_BYTES_MAX);
    *at++ = 0; // read_uncommitted
    at = put32(at, 1);
    at = put16(at, (uint16_t)topic_size);
    memcpy(at, topic, topic_size);
    at = put32(at + topic_size, (uint32_t)partition_count);
    for (int32_t i = 0; i < partition_count; i++) {
        at = put32(at, (uint32_t)i);
        at = put64(at, (uint64_t)offsets[i]);
        at = put32(at, PARTITION_BYTES_MAX);
    }
    put32(request, (uint32_t)(at - request) - 4);
    for (const uint8_t *from = request; from < at;) {
        ssize_t sent = send(connection, from, (size_t)(at - from), MSG_NOSIGNAL);
        if (sent <= 0) {
            fail(strerror(errno));
        }
        from += sent;
    }
}

static void receive(size_t size)
{
    for (uint8_t *to = response; size > 0;) {
        ssize_t got = recv(connection, to, size, 0);
        if (got <= 0) {
            fail(got == 0 ? "the broker closed the connection" : strerror(errno));
        }
        to += got;
        size -= (size_t)got;
    }
}

int main(int argc, char **argv)
{
    figures_begin(&figures);
    if (argc != 6 || (strcmp(argv[1], "drain") != 0 && strcmp(argv[1], "walk") != 0)) {
        fputs("usage: raw-limit drain|walk HOST:PORT TOPIC PARTITIONS RECORDS\n", stderr);
        return 2;
    }
    is_walk = strcmp(argv[1], "walk") == 0;
    topic = argv[3];
    partition_count = (int32_t)number_argument(argv[4], 1);
    int64_t record_count = number_argument(argv[5], 1);
    response = malloc(BUFFER_SIZE);
    plain = malloc(BUFFER_SIZE);
    if (response == NULL || plain == NULL || partition_count > PARTITIONS_MAX ||
        strlen(topic) > 255) {
        fail("no memory, or too many partitions, or too long a name");
    }
    open_connection(argv[2]);
    while (figures.record_count < record_count) {
        send_request();
        receive(4);
        if (figures.first_ns == 0) {
            figures_on_first(&figures);
        }
        size_t size = get32(response);
        if (size > BUFFER_SIZE) {
            fail("too large a response");
        }
        receive(size);
        take_response(response);
    }
    figures_on_last(&figures);
    figures_print(&figures, is_walk ? "raw walk" : "raw drain");
    free(response);
    free(plain);
    return 0;
}
