/* cookie.h - reading cookies from a request (RFC 6265 4.2 and 5.4), for stickiness and policies.
 * Setting one is fields_add of a Set-Cookie. */
#pragma once

#include "http/message.h"

/* The value of the first cookie with this name (case-sensitive), a slice of its field and without
 * quotes around it. False: there is none. */
bool cookie_find(const struct fields *fields, struct str name, struct str *value);
/* Takes every cookie of that name out of the request; a field that has no other is dropped. Values
 * are made anew in the arena. ERR_MEMORY. */
MUST_USE enum err cookie_take_out(struct fields *fields, struct str name, struct arena *arena);
