/* intern.c - names to small numbers and back: field names by a perfect hash (intern.h), methods by
 * length. The tables are written from fields.def and methods.def; the slots of the hash are found
 * by field_slots.py when the program is built. Called by the parser and by everybody who edits
 * fields. */
#include "http/intern.h"

#include "http/field_rules.h"

enum { HOP = FIELD_RULE_HOP, FRAMING = FIELD_RULE_FRAMING };
enum { IDENTITY = FIELD_RULE_IDENTITY, ONCE = FIELD_RULE_ONCE };

const struct field_row field_rows[FIELD_COUNT] = {
#define FIELD(name, text, flags) [FIELD_##name] = {text, sizeof(text) - 1},
#include "http/fields.def"
#undef FIELD
};

const uint8_t field_slots[FIELD_SLOT_COUNT] = {FIELD_SLOT_ROWS};

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

enum field_id field_id_of(struct str name)
{
    enum field_id id = intern_token(name);
    /* Anything may be asked for: only what is a token is what it was taken for. */
    return id != FIELD_OTHER && str_is_token(name) ? id : FIELD_OTHER;
}

struct str field_name(enum field_id id)
{
    bool is_known = (unsigned)id < FIELD_COUNT;
    return is_known ? str_of(field_rows[id].text, field_rows[id].len) : (struct str){0};
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
