/* message.c - the fields of a head: found, added, replaced and dropped; see message.h.
 * A dropped field keeps its place: arrays are never shifted, so pointers to fields hold until the
 * array grows. */
#include "http/message.h"

#include "base/check.h"
#include "http/chars.h"
#include "http/field_rules.h"

enum { FIELDS_FIRST_CAP = 16 };

static bool is_there(const struct field *field)
{
    return (field->flags & FIELD_IS_DROPPED) == 0;
}

/* Names with an id of their own are equal by id; all others by text. */
static bool is_named(const struct field *field, enum field_id id, struct str name)
{
    return field->id == id && is_there(field) &&
           (id != FIELD_OTHER || str_eq_nocase(field->name, name));
}

static struct field *find_from(const struct fields *fields, uint32_t from, enum field_id id,
                               struct str name)
{
    for (uint32_t i = from; i < fields->count; i++) {
        if (is_named(&fields->at[i], id, name)) {
            return &fields->at[i];
        }
    }
    return NULL;
}

struct field *fields_find(const struct fields *fields, enum field_id id)
{
    CHECK(id != FIELD_OTHER);
    CHECK(id < FIELD_COUNT);
    return fields_have(fields, id) ? find_from(fields, 0, id, (struct str){0}) : NULL;
}

struct field *fields_find_name(const struct fields *fields, struct str name)
{
    enum field_id id = field_id_of(name);
    return fields_have(fields, id) ? find_from(fields, 0, id, name) : NULL;
}

struct field *fields_find_again(const struct fields *fields, const struct field *field)
{
    CHECK(field >= fields->at);
    CHECK(field < fields->at + fields->count);
    uint32_t from = (uint32_t)(field - fields->at) + 1;
    return find_from(fields, from, (enum field_id)field->id, field->name);
}

enum err fields_grow(struct fields *fields, struct arena *arena, uint32_t more)
{
    uint32_t wanted;
    if (__builtin_add_overflow(fields->count, more, &wanted)) {
        return ERR_MEMORY;
    }
    uint32_t cap = fields->cap < FIELDS_FIRST_CAP ? FIELDS_FIRST_CAP : fields->cap;
    while (cap < wanted) {
        if (__builtin_mul_overflow(cap, 2U, &cap)) {
            return ERR_MEMORY;
        }
    }
    struct field *at = arena_alloc(arena, (size_t)cap * sizeof *at);
    if (at == NULL) {
        return ERR_MEMORY;
    }
    if (fields->count > 0) {
        memcpy(at, fields->at, (size_t)fields->count * sizeof *at);
    }
    fields->at = at;
    fields->cap = cap;
    return OK;
}

/* There is room; name and value were checked. */
static inline void put(struct fields *fields, enum field_id id, struct str name, struct str value)
{
    fields->at[fields->count++] = (struct field){.name = name, .value = value, .id = (uint16_t)id};
    fields->known |= field_bit(id);
}

static uint32_t remove_all(struct fields *fields, enum field_id id, struct str name)
{
    uint32_t removed = 0;
    for (uint32_t i = 0; i < fields->count; i++) {
        if (is_named(&fields->at[i], id, name)) {
            fields->at[i].flags |= FIELD_IS_DROPPED;
            removed++;
        }
    }
    return removed;
}

/* Room is made before the old ones are dropped, so that a refusal changes nothing. */
static enum err replace(struct fields *fields, struct arena *arena, enum field_id id,
                        struct str name, struct str value)
{
    TRY(fields_reserve(fields, arena, 1));
    if (fields_have(fields, id)) {
        (void)remove_all(fields, id, name);
    }
    put(fields, id, name, value);
    return OK;
}

enum err fields_add(struct fields *fields, struct arena *arena, struct str name, struct str value)
{
    if (!str_is_token(name) || !str_is_field_value(value)) {
        return ERR_BAD_FIELD;
    }
    TRY(fields_reserve(fields, arena, 1));
    put(fields, field_id_of(name), name, value);
    return OK;
}

enum err fields_set(struct fields *fields, struct arena *arena, struct str name, struct str value)
{
    if (!str_is_token(name) || !str_is_field_value(value)) {
        return ERR_BAD_FIELD;
    }
    return replace(fields, arena, field_id_of(name), name, value);
}

enum err fields_set_id(struct fields *fields, struct arena *arena, enum field_id id,
                       struct str value)
{
    CHECK(id != FIELD_OTHER);
    CHECK(id < FIELD_COUNT);
    if (!str_is_field_value(value)) {
        return ERR_BAD_FIELD;
    }
    return replace(fields, arena, id, field_name(id), value);
}

uint32_t fields_remove(struct fields *fields, struct str name)
{
    enum field_id id = field_id_of(name);
    return fields_have(fields, id) ? remove_all(fields, id, name) : 0;
}

uint32_t fields_remove_id(struct fields *fields, enum field_id id)
{
    CHECK(id != FIELD_OTHER);
    CHECK(id < FIELD_COUNT);
    return fields_have(fields, id) ? remove_all(fields, id, (struct str){0}) : 0;
}

static bool is_all(struct str s, enum char_class class)
{
    return s.len == 0 || chars_span(s.at, s.at + s.len, class) == s.at + s.len;
}

bool str_is_token(struct str s)
{
    return s.len > 0 && is_all(s, CHAR_TOKEN);
}

bool str_is_field_value(struct str s)
{
    return is_all(s, CHAR_TEXT);
}
