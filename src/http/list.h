/* list.h - comma separated lists of tokens in field values (RFC 9110 5.6.1), without weights.
 * Elements are compared whole and without case; quoted strings are not understood, because none of
 * the fields that are read this way may have them. */
#pragma once

#include "http/message.h"

/* Whether one element of `list` is `token`, without case. */
bool list_has(struct str list, struct str token);
/* The same over all fields of that id: repeated fields are one list (RFC 9110 5.3). */
bool list_field_has(const struct fields *fields, enum field_id id, struct str token);
/* Makes one field of all fields of that id, with `last` at the end of its list; `last` is copied.
 * ERR_MEMORY, ERR_BAD_FIELD; then nothing has changed. */
MUST_USE enum err list_field_append(struct fields *fields, struct arena *arena, enum field_id id,
                                    struct str last);
