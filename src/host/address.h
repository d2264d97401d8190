// SPDX-License-Identifier: MIT
/*
 * Network addresses: to and from the system's, and their text.
 */
#ifndef DH_HOST_ADDRESS_H
#define DH_HOST_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/assert.h"

// Longest text of an address, "[IPv6%interface]:port" and its NUL.
#define DH_ADDRESS_TEXT_SIZE 80

// Copies a socket address of the system, which fits.
void dh_address_init(struct dh_address *address, const struct sockaddr *source,
                     socklen_t size);

/*
 * Reads an IPv4 or IPv6 address in figures ("127.0.0.1", "::1", "fe80::1%eth0"),
 * without brackets. Returns false when name is anything else. Asks nobody.
 */
DH_MUST_CHECK bool dh_address_parse(struct dh_address *address, const char *name,
                                    uint16_t port);

// What the system's calls take. Returns the size of what is used.
socklen_t dh_address_get(const struct dh_address *address,
                         struct sockaddr_storage *storage);

// The port in host order; 0 for a family without ports.
uint16_t dh_address_port(const struct dh_address *address);

// Sets the port of an IPv4 or IPv6 address.
void dh_address_set_port(struct dh_address *address, uint16_t port);

// Writes "127.0.0.1" or "::1", without the port, and returns text.
const char *dh_address_host(const struct dh_address *address,
                            char text[DH_ADDRESS_TEXT_SIZE]);

// Writes "127.0.0.1:9092" or "[::1]:9092" and returns text.
const char *dh_address_format(const struct dh_address *address,
                              char text[DH_ADDRESS_TEXT_SIZE]);

#endif
