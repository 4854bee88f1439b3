/* list.c - see list.h. */
#include "http/list.h"

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
