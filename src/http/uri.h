/* uri.h - one canonical path for routing, policy and origin (RFC 3986 6.2.2), and host grammar.
 * Whatever else reads a path or a host must take it from here: two readers are one too many. */
#pragma once

#include "base/arena.h"

enum uri_encoded_slash { URI_SLASH_REFUSE, URI_SLASH_KEEP };

struct uri_rules {
    uint8_t encoded_slash;     /* %2F: refused, or kept encoded and never taken for a separator */
    bool keeps_double_slashes; /* default: "//" becomes "/" */
    bool keeps_backslash;      /* default: '\' and %5C are refused */
};

/* Brings an absolute path to canonical form: unreserved octets decoded, other escapes upper case,
 * visible ASCII that RFC 3986 does not allow in a path (such as '|') escaped, dot segments removed,
 * slashes merged by rule; NUL, controls, bytes from 0x80, bad escapes, a path that climbs above the
 * root, a dot segment with parameters ("..;x", which some origins take for ".."), encoded slash and
 * backslash by rule are ERR_BAD_PATH. Canonical of canonical is the same.
 * *out is `path` itself when nothing changed, else in the arena. ERR_MEMORY. */
MUST_USE enum err uri_canonical_path(struct arena *arena, struct str path,
                                     const struct uri_rules *rules, struct str *out);
/* How many bytes from the front are canonical under any rules; all of them for most paths. */
size_t uri_canonical_prefix(struct str path);
/* Splits and checks "host[:port]" (RFC 3986 3.2.2 without user information): lower case, closing
 * dot removed, port 1 to 65535 (0 when absent). Names have letters, digits, '-', '_' and single
 * dots, at most 253 bytes; "[...]" holds an IPv6 address (RFC 5952 form). *host is a slice of
 * `authority` when it is canonical already, else in the arena. ERR_BAD_HOST, ERR_MEMORY. */
MUST_USE enum err uri_parse_authority(struct arena *arena, struct str authority, struct str *host,
                                      uint16_t *port);
/* Whether uri_parse_authority would take it, without keeping anything. */
bool uri_is_authority(struct str authority);
