/* quantity.h - the small grammars for amounts in a configuration: how long, how much, how often.
 * Each has exactly one short form that is written back: reading what was written gives the same. */
#pragma once

#include "base/err.h"
#include "base/strbuf.h"

/* Milliseconds: one or more of h, m, s, ms in this order, each at most once, at most five digits
 * each (Gateway API GEP-2257): 250ms, 10s, 1h30m. ERR_SYNTAX. */
MUST_USE enum err quantity_duration(struct str s, int64_t *out_ms);
void quantity_add_duration(struct strbuf *out, int64_t ms);

/* Bytes: digits and nothing, B, KiB, MiB, GiB or TiB. ERR_SYNTAX, ERR_RANGE (over 2^62). */
MUST_USE enum err quantity_size(struct str s, int64_t *out_bytes);
void quantity_add_size(struct strbuf *out, int64_t bytes);

/* "N/unit" with unit s, min, h or day: N times in each `per_ms`. ERR_SYNTAX, ERR_RANGE (0 or over
 * 2^32). What follows the unit is left in *rest, trimmed. */
MUST_USE enum err quantity_rate(struct str s, int64_t *out_count, int64_t *out_per_ms,
                                struct str *rest);
void quantity_add_rate(struct strbuf *out, int64_t count, int64_t per_ms);
