/* sfv.h - structured field values (RFC 9651): items, inner lists, lists and dictionaries, read
 * strictly and written in canonical form. For fields that are defined so (Priority, Cache-Status,
 * RateLimit, Signature-Input): whoever needs one says which of the three top-level types it is. */
#pragma once

#include "base/arena.h"
#include "base/strbuf.h"

enum sfv_kind {
    SFV_INTEGER,
    SFV_DECIMAL,
    SFV_STRING,
    SFV_TOKEN,
    SFV_BYTES,
    SFV_BOOLEAN,
    SFV_DATE,
    SFV_DISPLAY, /* a string that may hold any Unicode, RFC 9651 3.3.8 */
    SFV_INNER_LIST
};

struct sfv_value {
    uint8_t kind;    /* enum sfv_kind */
    int64_t number;  /* integer, date in seconds, decimal in thousandths, boolean 0 or 1 */
    struct str text; /* string, token, bytes, display string: decoded, without quotes */
};

struct sfv_param {
    struct str key;
    struct sfv_value value;
};

struct sfv_params {
    struct sfv_param *at; /* keys are unique, in order */
    uint32_t count;
};

/* An item with its parameters, or an inner list with its own. */
struct sfv_item {
    struct sfv_value value;
    struct sfv_params params;
    struct sfv_item *items; /* of an inner list */
    uint32_t item_count;
};

struct sfv_member {
    struct str key; /* empty in a list */
    struct sfv_item item;
};

/* A list or a dictionary. */
struct sfv_members {
    struct sfv_member *at;
    uint32_t count;
};

enum { SFV_MEMBERS_MAX = 1024, SFV_PARAMS_MAX = 256, SFV_INNER_MAX = 256 };

/* `text` is the value of the field; several fields of one name are joined with ", " before. Results
 * point into `text` or the arena. ERR_SYNTAX (also past the bounds above), ERR_MEMORY. */
MUST_USE enum err sfv_parse_item(struct arena *arena, struct str text, struct sfv_item *out);
MUST_USE enum err sfv_parse_list(struct arena *arena, struct str text, struct sfv_members *out);
/* A key that comes again replaces the value, in its first place (RFC 9651 4.2.2). */
MUST_USE enum err sfv_parse_dictionary(struct arena *arena, struct str text,
                                       struct sfv_members *out);
/* The member of that key, or NULL. */
const struct sfv_item *sfv_find(const struct sfv_members *dictionary, struct str key);
/* The parameter of that name, or NULL. */
const struct sfv_value *sfv_param(const struct sfv_item *item, struct str key);

/* Append in canonical form. ERR_SYNTAX: what was given cannot be said (a number out of range, a
 * token that is none, text with bytes that its type does not allow). An empty list or dictionary
 * appends nothing: such a field is not sent at all. Check strbuf_overflowed after. */
MUST_USE enum err sfv_add_item(struct strbuf *out, const struct sfv_item *item);
MUST_USE enum err sfv_add_list(struct strbuf *out, const struct sfv_members *list);
MUST_USE enum err sfv_add_dictionary(struct strbuf *out, const struct sfv_members *dictionary);
