/* cookie.c - reading cookies from a request; see cookie.h.
 * A pair ends at ';' whatever stands inside quotes: that is how servers read it, and a reader that
 * differed from them would see another cookie than they do. */
#include "http/cookie.h"

#include "base/check.h"
#include "base/strbuf.h"

static bool find_in(struct str field, struct str name, struct str *value)
{
    while (field.len > 0) {
        struct str_pair pair = str_cut(field, ';');
        struct str_pair cookie = str_cut(str_trim(pair.head), '=');
        field = pair.tail;
        if (!cookie.is_cut || !str_eq(cookie.head, name)) {
            continue;
        }
        bool has_quotes = cookie.tail.len >= 2 && cookie.tail.at[0] == '"' &&
                          cookie.tail.at[cookie.tail.len - 1] == '"';
        *value = has_quotes ? str_sub(cookie.tail, 1, cookie.tail.len - 2) : cookie.tail;
        return true;
    }
    return false;
}

bool cookie_find(const struct fields *fields, struct str name, struct str *value)
{
    const struct field *field = fields_find(fields, FIELD_COOKIE);
    for (; field != NULL; field = fields_find_again(fields, field)) {
        if (find_in(field->value, name, value)) {
            return true;
        }
    }
    return false;
}

/* A field without its pairs of that name. */
static enum err without(struct str field, struct str name, struct arena *arena, struct str *out)
{
    /* ";" may become "; ": at most one byte more for each two. */
    size_t bytes = field.len + field.len / 2 + 1;
    char *room = arena_alloc(arena, bytes);
    if (room == NULL) {
        return ERR_MEMORY;
    }
    struct strbuf kept = strbuf_over(room, bytes);
    while (field.len > 0) {
        struct str_pair pair = str_cut(field, ';');
        struct str whole = str_trim(pair.head);
        struct str_pair cookie = str_cut(whole, '=');
        field = pair.tail;
        if (whole.len > 0 && !(cookie.is_cut && str_eq(cookie.head, name))) {
            strbuf_add(&kept, kept.len > 0 ? STR("; ") : STR(""));
            strbuf_add(&kept, whole);
        }
    }
    *out = strbuf_str(&kept);
    CHECK(!strbuf_overflowed(&kept));
    return OK;
}

enum err cookie_take_out(struct fields *fields, struct str name, struct arena *arena)
{
    struct field *field = fields_find(fields, FIELD_COOKIE);
    for (; field != NULL; field = fields_find_again(fields, field)) {
        struct str value;
        if (!find_in(field->value, name, &value)) {
            continue;
        }
        TRY(without(field->value, name, arena, &value));
        field->value = value;
        field->flags &= (uint8_t)~FIELD_IS_VERBATIM;
        field->flags |= value.len == 0 ? FIELD_IS_DROPPED : 0;
    }
    return OK;
}
