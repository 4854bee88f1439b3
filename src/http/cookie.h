/* cookie.h - reading cookies from a request (RFC 6265 4.2 and 5.4), for stickiness and policies.
 * Setting one is fields_add of a Set-Cookie. */
#pragma once

#include "http/message.h"

/* The value of the first cookie with this name (case-sensitive), a slice of its field and without
 * quotes around it. False: there is none. */
bool cookie_find(const struct fields *fields, struct str name, struct str *value);
