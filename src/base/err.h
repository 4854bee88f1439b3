/* err.h - errors are values; errors.def lists them with their HTTP status and sentence.
 * OK is zero. A function that can fail returns enum err and is marked MUST_USE. */
#pragma once

#include "base/platform.h"

enum err {
    OK = 0,
#define ERR(name, status, code, level, text) ERR_##name,
#include "base/errors.def"
#undef ERR
    ERR_COUNT
};

/* Returns from the enclosing function when `call` does not return OK. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_err_ = (call);                                                                \
        if (UNLIKELY(try_err_ != OK)) {                                                            \
            return try_err_;                                                                       \
        }                                                                                          \
    } while (0)

/* The status that a client is answered with, or 0 when the error is not for clients. */
uint16_t err_status(enum err e);
/* The stable reason code, such as "origin_timeout"; "ok" for OK. Never NULL. */
const char *err_code(enum err e);
/* One plain sentence without a full stop. Never NULL. */
const char *err_text(enum err e);
/* The level at which one occurrence is logged: see enum log_level. */
int err_level(enum err e);
