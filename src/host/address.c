// SPDX-License-Identifier: MIT
#include "host/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

_Static_assert(sizeof(((struct dh_address *)0)->bytes) == sizeof(struct sockaddr_storage),
               "an address holds any of the system's");

void dh_address_init(struct dh_address *address, const struct sockaddr *source,
                     socklen_t size)
{
    DH_ASSERT(size <= sizeof(address->bytes));
    memset(address, 0, sizeof(*address));
    memcpy(address->bytes, source, size);
    address->size = size;
}

socklen_t dh_address_get(const struct dh_address *address,
                         struct sockaddr_storage *storage)
{
    memcpy(storage, address->bytes, sizeof(*storage));
    return (socklen_t)address->size;
}

bool dh_address_parse(struct dh_address *address, const char *name, uint16_t port)
{
    // getaddrinfo and not inet_pton, because it knows interface names after '%'.
    const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
        .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *found = NULL;
    // It would take the empty name for this machine, and "1" for 0.0.0.1.
    if (strpbrk(name, ".:") == NULL || getaddrinfo(name, NULL, &hints, &found) != 0) {
        return false;
    }
    dh_address_init(address, found->ai_addr, found->ai_addrlen);
    dh_address_set_port(address, port);
    freeaddrinfo(found);
    return true;
}

uint16_t dh_address_port(const struct dh_address *address)
{
    struct sockaddr_storage storage;
    (void)dh_address_get(address, &storage);
    if (storage.ss_family == AF_INET) {
        return ntohs(((struct sockaddr_in *)&storage)->sin_port);
    }
    if (storage.ss_family == AF_INET6) {
        return ntohs(((struct sockaddr_in6 *)&storage)->sin6_port);
    }
    return 0;
}

void dh_address_set_port(struct dh_address *address, uint16_t port)
{
    struct sockaddr_storage storage;
    (void)dh_address_get(address, &storage);
    if (storage.ss_family == AF_INET) {
        ((struct sockaddr_in *)&storage)->sin_port = htons(port);
    } else if (storage.ss_family == AF_INET6) {
        ((struct sockaddr_in6 *)&storage)->sin6_port = htons(port);
    }
    memcpy(address->bytes, &storage, sizeof(storage));
}

const char *dh_address_host(const struct dh_address *address,
                            char text[DH_ADDRESS_TEXT_SIZE])
{
    struct sockaddr_storage storage;
    socklen_t size = dh_address_get(address, &storage);
    int result = getnameinfo((struct sockaddr *)&storage, size, text,
                             DH_ADDRESS_TEXT_SIZE - 10, NULL, 0, NI_NUMERICHOST);
    if (result != 0) {
        (void)snprintf(text, DH_ADDRESS_TEXT_SIZE, "unknown address");
    }
    return text;
}

const char *dh_address_format(const struct dh_address *address,
                              char text[DH_ADDRESS_TEXT_SIZE])
{
    char name[DH_ADDRESS_TEXT_SIZE - 10];
    struct sockaddr_storage storage;
    socklen_t size = dh_address_get(address, &storage);
    int result = getnameinfo((struct sockaddr *)&storage, size, name, sizeof(name), NULL,
                             0, NI_NUMERICHOST);
    if (result != 0) {
        (void)snprintf(text, DH_ADDRESS_TEXT_SIZE, "unknown address");
        return text;
    }
    bool has_colons = storage.ss_family == AF_INET6;
    (void)snprintf(text, DH_ADDRESS_TEXT_SIZE, "%s%s%s:%u", has_colons ? "[" : "", name,
                   has_colons ? "]" : "", (unsigned)dh_address_port(address));
    return text;
}
