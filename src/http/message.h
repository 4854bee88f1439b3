/* message.h - one message model for every version of HTTP: codecs fill it, everything between the
 * codecs reads and changes only this, and a codec writes it out again (RFC 9110).
 * Slices point into the buffer that the head was read into, or into the arena of the exchange;
 * whoever changes a head allocates from that arena. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/str.h"

enum method {
    METHOD_OTHER, /* a valid token that is none of these; head.method_text has it */
#define METHOD(name) METHOD_##name,
#include "http/methods.def"
#undef METHOD
    METHOD_COUNT
};

/* Names that the gateway itself looks at, interned at parse time (http/fields.def). */
enum field_id {
    FIELD_OTHER,
#define FIELD(name, text, flags) FIELD_##name,
#include "http/fields.def"
#undef FIELD
    FIELD_COUNT
};
static_assert(FIELD_COUNT <= 64, "fields.known is one 64-bit set");

enum field_flag {
    FIELD_IS_DROPPED = 1, /* removed: not matched, not written */
    FIELD_IS_VERBATIM = 2 /* stands in memory as "name: value CR LF", so a run can be copied */
};

struct field {
    struct str name;  /* as received; compare without case */
    struct str value; /* without white space around it */
    uint16_t id;      /* enum field_id */
    uint16_t flags;   /* enum field_flag */
};

struct fields {
    struct field *at; /* in order of arrival; array in the arena */
    uint32_t count, cap;
    uint64_t known; /* bit field_id is set when such a field is (or was) present */
};

enum body_kind {
    BODY_NONE,       /* no body follows */
    BODY_LENGTH,     /* content_length bytes follow */
    BODY_CHUNKED,    /* chunks follow (RFC 9112 7.1) */
    BODY_UNTIL_CLOSE /* responses only: until the connection ends */
};

struct head {
    struct fields fields;
    /* Request. */
    struct str method_text;
    struct str target;    /* as received */
    struct str path;      /* canonical, always starts with '/', or "*" for OPTIONS */
    struct str query;     /* as received, without '?' */
    struct str host;      /* lower case, no port, no closing dot; IPv6 with brackets */
    struct str authority; /* host and, when not the scheme's default, ":port": what is sent on */
    /* Response. */
    struct str reason;
    uint16_t status;
    /* Both. */
    uint16_t host_port; /* as the client named it, 0 when it did not */
    uint8_t method;     /* enum method */
    uint8_t minor;      /* HTTP/1.minor of the sender */
    uint8_t body;       /* enum body_kind, decided by judge.c */
    bool has_query;
    bool is_persistent;    /* the sender's connection may carry another message */
    bool expects_continue; /* Expect: 100-continue */
    bool wants_upgrade;    /* Connection: upgrade and an Upgrade field */
    bool has_te_trailers;  /* TE: trailers, named by Connection */
    uint64_t
        content_length; /* with BODY_LENGTH; else 0. A HEAD response may carry one to forward */
    bool has_content_length;
};

/* The first field that is not dropped, or NULL. */
struct field *fields_find(const struct fields *fields, enum field_id id);
/* By any name, without case. */
struct field *fields_find_name(const struct fields *fields, struct str name);
/* The next one with the same name after `field`, or NULL. */
struct field *fields_find_again(const struct fields *fields, const struct field *field);
/* Appends; name and value are borrowed. Refuses names that are not tokens and values with CR, LF
 * or NUL with ERR_BAD_FIELD: the choke point against header injection. ERR_MEMORY. */
MUST_USE enum err fields_add(struct fields *fields, struct arena *arena, struct str name,
                             struct str value);
/* Drops every field of that name, then appends one. */
MUST_USE enum err fields_set(struct fields *fields, struct arena *arena, struct str name,
                             struct str value);
/* The same for an interned name, which is written in its canonical spelling. */
MUST_USE enum err fields_set_id(struct fields *fields, struct arena *arena, enum field_id id,
                                struct str value);
/* Drops every field of that name; returns how many. */
uint32_t fields_remove(struct fields *fields, struct str name);
uint32_t fields_remove_id(struct fields *fields, enum field_id id);
/* Makes room for `more` further fields. ERR_MEMORY. */
MUST_USE enum err fields_grow(struct fields *fields, struct arena *arena, uint32_t more);
MUST_USE static inline enum err fields_reserve(struct fields *fields, struct arena *arena,
                                               uint32_t more)
{
    return LIKELY(more <= fields->cap - fields->count) ? OK : fields_grow(fields, arena, more);
}

/* Appends a field that this program has written itself, as "name: value CR LF" in memory that lives
 * as long as the fields; name and value are its first `name_bytes` and what follows the colon and
 * space. Nothing is checked: no byte of a peer may be in it but what was checked before. There is
 * room (fields_reserve). */
static inline void fields_put_line(struct fields *fields, enum field_id id, struct str line,
                                   size_t name_bytes)
{
    struct field *field = &fields->at[fields->count++];
    DCHECK(fields->count <= fields->cap);
    field->name = str_of(line.at, name_bytes);
    field->value = str_of(line.at + name_bytes + 2, line.len - name_bytes - 4);
    field->id = (uint16_t)id;
    field->flags = FIELD_IS_VERBATIM;
    fields->known |= UINT64_C(1) << id;
}

static inline bool fields_have(const struct fields *fields, enum field_id id)
{
    return (fields->known >> id & 1) != 0;
}

/* FIELD_OTHER when the name is not interned. Without case. */
enum field_id field_id_of(struct str name);
/* The canonical spelling of an interned name. */
struct str field_name(enum field_id id);
/* METHOD_OTHER when it is not in the table. Methods are case-sensitive (RFC 9110 9.1). */
enum method method_of(struct str text);
struct str method_name(enum method method);
/* RFC 9110 9.2.2. */
bool method_is_idempotent(enum method method);
/* Whether every byte is a tchar and there is at least one (RFC 9110 5.6.2). */
bool str_is_token(struct str s);
/* Whether a field value has only bytes allowed by RFC 9110 5.5 (no CR, LF, NUL, other controls). */
bool str_is_field_value(struct str s);
