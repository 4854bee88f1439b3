/* list.c - see list.h. Every list goes through one splitter (str_next_element), so that judging and
 * matching cannot see different elements.
 * Called by judge.c and by policies. */
#include "http/list.h"

#include "base/check.h"
#include "base/strbuf.h"

bool list_has(struct str list, struct str token)
{
    struct str element;
    while (str_next_element(&list, &element)) {
        if (str_eq_nocase(element, token)) {
            return true;
        }
    }
    return false;
}

bool list_field_has(const struct fields *fields, enum field_id id, struct str token)
{
    const struct field *field = fields_find(fields, id);
    while (field != NULL) {
        if (list_has(field->value, token)) {
            return true;
        }
        field = fields_find_again(fields, field);
    }
    return false;
}

enum err list_field_append(struct fields *fields, struct arena *arena, enum field_id id,
                           struct str last)
{
    size_t bytes = last.len;
    for (const struct field *f = fields_find(fields, id); f != NULL;
         f = fields_find_again(fields, f)) {
        bytes += f->value.len + 2;
    }
    char *at = arena_alloc(arena, bytes);
    if (at == NULL) {
        return ERR_MEMORY;
    }
    struct strbuf list = strbuf_over(at, bytes);
    for (const struct field *f = fields_find(fields, id); f != NULL;
         f = fields_find_again(fields, f)) {
        strbuf_add(&list, f->value);
        strbuf_add(&list, STR(", "));
    }
    strbuf_add(&list, last);
    CHECK(!strbuf_overflowed(&list));
    return fields_set_id(fields, arena, id, strbuf_str(&list));
}
