/* rewrite.h - what the path becomes on its way to the origin, and where a redirect leads.
 * Parameters and remainders come from a canonical path, but what they are put together to is judged
 * again: a result that is not canonical is refused, so an origin never meets a path that the router
 * and the policies did not see (RFC 3986 6.2.2; 7.2 of RFC 9110 keeps the query apart). */
#pragma once

#include "route/router.h"

enum rewrite_kind {
    REWRITE_NONE,
    REWRITE_PREFIX,  /* the part that the prefix took is replaced by `text` */
    REWRITE_TEMPLATE /* the whole path becomes `text`, with "{name}" filled in from parameters */
};

struct rewrite_part {
    struct str text; /* literal, or the name of a parameter */
    bool is_param;
};

struct rewrite {
    const struct rewrite_part *parts;
    uint32_t part_count;
    uint8_t kind; /* enum rewrite_kind */
};

/* Compiles. ERR_SYNTAX with *offset: no leading '/', an unbalanced or empty "{name}", a '?' or '#'.
 * ERR_MEMORY. */
MUST_USE enum err rewrite_init(struct rewrite *rewrite, struct arena *arena, enum rewrite_kind kind,
                               struct str text, size_t *offset);
/* Whether a request matched by `path` brings every parameter that `rewrite` names; else *missing is
 * one that it does not. For configuration checks; rewrite_path takes such a one as empty. */
bool rewrite_has_params(const struct rewrite *rewrite, const struct route_path *path,
                        struct str *missing);

struct rewrite_input {
    struct str path; /* canonical, the one that was matched */
    const struct route_match *match;
    const struct uri_rules *uri;
};

/* The new path in `arena`, or input->path itself with REWRITE_NONE. A prefix "/a" replaced by "/b"
 * makes "/b" of "/a" and "/b/c" of "/a/c"; by "/", "/" and "/c". ERR_BAD_PATH: the result is not a
 * canonical path. ERR_TARGET_BYTES: it is longer than limit target_bytes. ERR_MEMORY. */
MUST_USE enum err rewrite_path(const struct rewrite *rewrite, const struct rewrite_input *input,
                               struct arena *arena, struct str *out);

struct redirect {
    uint16_t status; /* 301, 302, 303, 307 or 308 */
    uint16_t port;   /* 0: that of the request when scheme is empty, else the scheme's own */
    bool keeps_query;
    struct str scheme;   /* "http" or "https"; empty: that of the request */
    struct str host;     /* empty: that of the request */
    struct rewrite path; /* REWRITE_NONE: that of the request */
};

struct redirect_input {
    struct rewrite_input rewrite;
    struct str scheme; /* what the client speaks: "http" or "https" */
    struct str host;   /* head.host */
    uint16_t port;     /* head.host_port: 0 is the scheme's own */
    struct str query;
    bool has_query;
};

/* The value of Location, always with scheme and authority: a bare path that began with "//" would
 * lead to another host. Errors of rewrite_path. */
MUST_USE enum err redirect_location(const struct redirect *redirect,
                                    const struct redirect_input *input, struct arena *arena,
                                    struct str *out);
/* Whether `status` is one that a redirect may have. */
bool redirect_status_is_valid(int64_t status);
