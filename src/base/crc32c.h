// SPDX-License-Identifier: MIT
/*
 * Checksums of batches: CRC-32C for the format of today (v2), CRC-32 as in
 * gzip for the message sets before it (v0, v1).
 *
 * isa-l takes both from the processor where it can. Its CRC-32C leaves the
 * inversion at both ends to the caller; this is the one place that knows.
 */
#ifndef DH_BASE_CRC32C_H
#define DH_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t dh_crc32c(const void *data, size_t size);

// Of what came before, whose checksum is crc (nothing: 0), and these bytes behind it.
uint32_t dh_crc32c_extend(uint32_t crc, const void *data, size_t size);

uint32_t dh_crc32(const void *data, size_t size);

#endif
