/* naming.h - to which service a TLS connection goes that is passed on unopened: by the server name
 * and the protocols of its ClientHello. The bytes are looked at where they lie, in the kernel, so
 * the instance gets them unchanged. */
#pragma once

#include "base/map.h"
#include "l4/tunnel.h"

/* A protocol and the service of those who offer it. */
struct naming_alpn {
    struct str protocol;
    const struct tunnel_service *service;
};

/* What a name leads to. */
struct naming_rule {
    const struct tunnel_service *service;
    const struct naming_alpn *alpns;
    uint32_t alpn_count;
};

/* All names of a listener, in the snapshot; values are struct naming_rule. */
struct tunnel_names {
    struct map exact;
    struct map below; /* "example.com" for *.example.com: one or more labels in front */
};

/* The rule of a name: its own, or that of the longest name above it. NULL: none. */
const struct naming_rule *naming_find(const struct tunnel_names *names, struct str name);
/* Looks at what the client has sent; once its ClientHello is whole, connects the tunnel or ends it
 * (ERR_BAD_PREFACE, ERR_NO_NAME with the alert unrecognized_name, RFC 6066 3). */
void naming_run(struct tunnel *tunnel, bool has_ended);
