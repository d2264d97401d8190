// SPDX-License-Identifier: MIT
/*
 * A network address as it passes through parts that do no I/O: bytes that only
 * host/ can read. It holds the port too.
 */
#ifndef DH_BASE_ADDRESS_H
#define DH_BASE_ADDRESS_H

#include <stdint.h>

struct dh_address {
    uint8_t bytes[128]; // a struct sockaddr_storage
    uint32_t size;      // of what is used
};

#endif
