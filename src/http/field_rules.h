/* field_rules.h - the flags of fields.def as sets of ids, for judge.c, chunked.c and forwarded.c:
 * one mask answers for a field what would be a chain of comparisons of names. */
#pragma once

#include "http/message.h"

enum field_rule {
    FIELD_RULE_HOP = 1,      /* never forwarded (RFC 9110 7.6.1) */
    FIELD_RULE_FRAMING = 2,  /* never in trailers, never dropped because Connection names it */
    FIELD_RULE_IDENTITY = 4, /* says who the client is: only trusted peers may */
    FIELD_RULE_ONCE = 8      /* a second one makes the message ambiguous */
};

/* The rules of an interned name, 0 for FIELD_OTHER. */
uint8_t field_rules(enum field_id id);
/* Bit n of a set is set when id n has that rule. */
struct field_sets {
    uint64_t hop, framing, identity;
};

extern const struct field_sets field_sets;

static inline uint64_t field_bit(unsigned id)
{
    return UINT64_C(1) << id;
}
