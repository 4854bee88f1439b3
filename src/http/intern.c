/* intern.c - names to small numbers and back: field names by a perfect hash, methods by length.
 * Runs once for every field of every message, so a name costs one multiplication and one comparison
 * eight bytes at a time. Called by the parser and by everybody who edits fields. */
#include "http/field_rules.h"

/* This order: the slots use the ids of message.h. */
#include "field_slots.h"

enum { HOP = FIELD_RULE_HOP, FRAMING = FIELD_RULE_FRAMING };
enum { IDENTITY = FIELD_RULE_IDENTITY, ONCE = FIELD_RULE_ONCE };

static const struct str field_names[FIELD_COUNT] = {
#define FIELD(name, text, flags) [FIELD_##name] = {"" text, sizeof(text) - 1},
#include "http/fields.def"
#undef FIELD
};

static const uint8_t field_rule_rows[FIELD_COUNT] = {
#define FIELD(name, text, flags) [FIELD_##name] = (flags),
#include "http/fields.def"
#undef FIELD
};

static const struct str method_names[METHOD_COUNT] = {
#define METHOD(name) [METHOD_##name] = {"" #name, sizeof(#name) - 1},
#include "http/methods.def"
#undef METHOD
};

static inline uint64_t load8(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint32_t load4(const char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Interned names have letters, digits and '-' only; of those just the letters have bit 0x40, so the
 * case bit (0x20) is ignored exactly where the known name has a letter. */
static inline bool same8(const char *name, const char *known)
{
    uint64_t text = load8(known), case_bits = (text & UINT64_C(0x4040404040404040)) >> 1;
    return (load8(name) | case_bits) == (text | case_bits);
}

static inline bool same4(const char *name, const char *known)
{
    uint32_t text = load4(known), case_bits = (text & UINT32_C(0x40404040)) >> 1;
    return (load4(name) | case_bits) == (text | case_bits);
}

static inline bool is_known(struct str name, const char *known)
{
    if (name.len >= 8) {
        for (size_t i = 0; i + 8 < name.len; i += 8) {
            if (!same8(name.at + i, known + i)) {
                return false;
            }
        }
        return same8(name.at + name.len - 8, known + name.len - 8);
    }
    if (name.len >= 4) {
        return same4(name.at, known) && same4(name.at + name.len - 4, known + name.len - 4);
    }
    return str_eq_nocase(name, str_of(known, name.len));
}

enum field_id field_id_of(struct str name)
{
    if (name.len < 2 || name.len > 64) {
        return FIELD_OTHER;
    }
    const unsigned char *at = (const unsigned char *)name.at;
    uint32_t key = (uint32_t)at[name.len - 2] | (uint32_t)at[name.len - 1] << 8 |
                   (uint32_t)at[0] << 16 | 0x202020U;
    key |= (uint32_t)name.len << 24;
    uint8_t id = field_slots[key * FIELD_SLOT_MULTIPLIER >> FIELD_SLOT_SHIFT];
    const struct str *known = &field_names[id];
    return known->len == name.len && is_known(name, known->at) ? (enum field_id)id : FIELD_OTHER;
}

struct str field_name(enum field_id id)
{
    return (unsigned)id < FIELD_COUNT ? field_names[id] : (struct str){0};
}

uint8_t field_rules(enum field_id id)
{
    return (unsigned)id < FIELD_COUNT ? field_rule_rows[id] : 0;
}

const struct field_sets field_sets = {.hop = 0
#define FIELD(name, text, flags) | (((flags)&HOP) != 0 ? UINT64_C(1) << FIELD_##name : 0)
#include "http/fields.def"
#undef FIELD
                                      ,
                                      .framing = 0
#define FIELD(name, text, flags) | (((flags)&FRAMING) != 0 ? UINT64_C(1) << FIELD_##name : 0)
#include "http/fields.def"
#undef FIELD
                                      ,
                                      .identity = 0
#define FIELD(name, text, flags) | (((flags)&IDENTITY) != 0 ? UINT64_C(1) << FIELD_##name : 0)
#include "http/fields.def"
#undef FIELD
};

static enum method method_if(struct str text, enum method method)
{
    return memcmp(text.at, method_names[method].at, text.len) == 0 ? method : METHOD_OTHER;
}

enum method method_of(struct str text)
{
    /* Every row of methods.def is reached through its length and, where two share one, its first
     * byte; a unit test walks the table. */
    switch (text.len) {
    case 3: return method_if(text, text.at[0] == 'G' ? METHOD_GET : METHOD_PUT);
    case 4: return method_if(text, text.at[0] == 'P' ? METHOD_POST : METHOD_HEAD);
    case 5:
        if (text.at[0] == 'Q') {
            return method_if(text, METHOD_QUERY);
        }
        return method_if(text, text.at[0] == 'P' ? METHOD_PATCH : METHOD_TRACE);
    case 6: return method_if(text, METHOD_DELETE);
    case 7: return method_if(text, text.at[0] == 'O' ? METHOD_OPTIONS : METHOD_CONNECT);
    default: return METHOD_OTHER;
    }
}

struct str method_name(enum method method)
{
    return (unsigned)method < METHOD_COUNT ? method_names[method] : (struct str){0};
}

bool method_is_idempotent(enum method method)
{
    switch (method) {
    case METHOD_GET:
    case METHOD_HEAD:
    case METHOD_PUT:
    case METHOD_DELETE:
    case METHOD_OPTIONS:
    case METHOD_TRACE:
    case METHOD_QUERY: return true;
    case METHOD_OTHER:
    case METHOD_POST:
    case METHOD_CONNECT:
    case METHOD_PATCH:
    case METHOD_COUNT: return false;
    }
    return false;
}
