/* query.h - parameters of a query, "a=1&b=2", as forms write them (WHATWG URL 5.1). The query
 * itself is forwarded as it came; these functions only look. Names and values stay escaped ("raw")
 * and are compared through their escapes, so that no caller has to decode into memory to match. */
#pragma once

#include "base/arena.h"

struct query_param {
    struct str raw_name, raw_value;
    bool has_value; /* there was a '=' */
};

/* Takes the next parameter from *rest, skipping empty ones; false at the end. */
bool query_next(struct str *rest, struct query_param *param);
/* Whether `raw` is `text` once escapes are decoded and '+' is a space. An escape that is none
 * stands for itself. */
bool query_is(struct str raw, struct str text);
/* The value of the first parameter of that name (compared decoded); empty without '='. */
bool query_find(struct str query, struct str name, struct str *raw_value);
/* Decodes `raw` as query_is does, into the arena when anything has to change. ERR_MEMORY. */
MUST_USE enum err query_decode(struct arena *arena, struct str raw, struct str *out);
