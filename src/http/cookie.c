/* cookie.c - reading cookies from a request; see cookie.h.
 * A pair ends at ';' whatever stands inside quotes: that is how servers read it, and a reader that
 * differed from them would see another cookie than they do. */
#include "http/cookie.h"

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
