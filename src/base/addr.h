/* addr.h - IP addresses with port, and prefixes of them. IPv4 is kept as IPv4: a mapped address
 * (::ffff:a.b.c.d) is turned into its IPv4 form at the border, so one client has one identity. */
#pragma once

#include "base/err.h"
#include "base/strbuf.h"

#include <sys/socket.h>

enum addr_family { ADDR_NONE, ADDR_V4, ADDR_V6, ADDR_UNIX };
enum { ADDR_TEXT_BYTES_MAX = 64, ADDR_UNIX_BYTES_MAX = 107 };

struct addr {
    uint8_t family; /* enum addr_family */
    uint16_t port;  /* host order */
    uint8_t ip[16]; /* network order; 4 bytes for v4 */
};

struct addr_prefix {
    struct addr addr;
    uint8_t bits;
};

/* "10.0.0.1", "::1", "[::1]"; strict dotted quad, no zone. ERR_SYNTAX. */
MUST_USE enum err addr_parse_ip(struct str s, struct addr *out);
/* "10.0.0.1:80", "[::1]:80". ERR_SYNTAX: not an address with a port (it may be a name). */
MUST_USE enum err addr_parse(struct str s, struct addr *out);
/* "10.0.0.0/8", "::1", with no bits set behind the prefix. */
MUST_USE enum err addr_prefix_parse(struct str s, struct addr_prefix *out);
bool addr_prefix_has(const struct addr_prefix *prefix, const struct addr *addr);
/* Same address and port. */
bool addr_eq(const struct addr *left, const struct addr *right);
/* The address without its port. */
void addr_add_ip(struct strbuf *out, const struct addr *addr);
/* "10.0.0.1:80" or "[::1]:80". */
void addr_add(struct strbuf *out, const struct addr *addr);
/* Fills `out` for bind and connect; returns its length. IPv4 and IPv6 only. */
socklen_t addr_to_kernel(const struct addr *addr, struct sockaddr_storage *out);
void addr_from_kernel(const struct sockaddr_storage *in, struct addr *out);
