/* forwarded.h - who the client is behind trusted proxies, and what is said of it to origins
 * (RFC 7239, X-Forwarded-*, RFC 9110 7.6.3 Via). */
#pragma once

#include "base/addr.h"
#include "http/message.h"

struct forwarded_rules {
    const struct addr_prefix *trusted; /* peers whose X-Forwarded-*, Forwarded are believed */
    uint32_t trusted_count;
    bool sends_forwarded; /* also write RFC 7239 Forwarded */
    bool sends_via;
};

struct forwarded {
    struct addr client; /* the first address from the right that is not a trusted proxy */
    struct str proto; /* "http" or "https": what the client spoke to the outermost trusted proxy */
    struct str host;  /* X-Forwarded-Host of a trusted peer, or empty */
};

/* Reads the chain from right to left. From an untrusted peer every identity field is dropped. */
void forwarded_read(struct head *head, const struct forwarded_rules *rules, const struct addr *peer,
                    bool is_tls, struct forwarded *out);
/* The lines about a peer that are the same for all of its requests, as they go out. */
struct forwarded_peer {
    char text[160];
    uint8_t node_at, node_bytes;                  /* of text: the peer's address */
    uint8_t for_bytes, proto_bytes, port_bytes;   /* three lines, one behind the other */
};

/* Writes them once a connection. */
void forwarded_prepare(struct forwarded_peer *out, const struct addr *peer, bool is_tls,
                       uint16_t listener_port);

/* Adds X-Forwarded-For, -Proto, -Host, and Forwarded and Via as ruled. ERR_MEMORY. */
MUST_USE enum err forwarded_write(struct head *head, struct arena *arena,
                                  const struct forwarded_rules *rules,
                                  const struct forwarded_peer *peer,
                                  const struct forwarded *forwarded);
