/* web_origin.h - the origin of a web page, as its browser names it in the field Origin (RFC 6454
 * 6.2): "https://app.example.com", or "null" for a page that has none. Here is how an operator says
 * which pages are meant, and whether one is among them. The origins of a service are something
 * else. */
#pragma once

#include "text/pattern.h"

enum web_origin_kind {
    WEB_ORIGIN_ANY,   /* "*" */
    WEB_ORIGIN_NULL,  /* "null": sandboxed frames, local files, some redirects */
    WEB_ORIGIN_EXACT, /* "https://app.example.com" */
    WEB_ORIGIN_BELOW, /* "https:" and "*.example.com": all names below that one, not it */
    WEB_ORIGIN_PATTERN
};

struct web_origin {
    enum web_origin_kind kind;
    struct str text; /* as written */
};

/* What `text` stands for, which is never a pattern. ERR_SYNTAX: no browser would send that;
 * *way_out says what to write instead, in the arena. ERR_MEMORY. */
MUST_USE enum err web_origin_parse(struct arena *arena, struct str text, struct web_origin *out,
                                   struct str *way_out);

struct web_origin_below {
    struct str scheme, tail; /* "https://" and ".example.com:8443" */
};

/* Any number of them, compiled for one question. All-zero: none. */
struct web_origin_set {
    bool has_any, has_null;
    struct str *exact; /* sorted */
    struct web_origin_below *below;
    struct pattern *patterns;
    uint32_t exact_count, below_count, pattern_count;
};

/* Texts are kept by reference. The caller drops what was made, also after an error. ERR_MEMORY.
 * ERR_SYNTAX: a pattern does not compile. ERR_LIMIT: more wildcards or patterns than allowed. */
MUST_USE enum err web_origin_set_init(struct web_origin_set *set, struct arena *arena,
                                      const struct web_origin *origins, uint32_t count);
void web_origin_set_drop(struct web_origin_set *set);
/* Whether `origin`, byte for byte as received, is meant; never a doubtful yes: a pattern that runs
 * out of its budget does not match. A set with has_any has everything. */
bool web_origin_set_has(const struct web_origin_set *set, struct str origin,
                        struct pattern_scratch *scratch);
