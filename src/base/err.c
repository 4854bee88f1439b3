/* err.c - the error table as an array, one row for each line of errors.def.
 * The functions check their argument: a number that is no error is a mistake of ours, and an answer
 * made from it would hide where it came from. */
#include "base/err.h"

#include "base/check.h"
#include "base/log.h"

struct err_row {
    const char *code;
    const char *text;
    uint16_t status;
    uint16_t level;
};

static const struct err_row rows[ERR_COUNT] = {
    [OK] = {"ok", "no error", 200, LOG_DEBUG},
#define ERR(name, status_, code_, level_, text_)                                                   \
    [ERR_##name] = {code_, text_, status_, LOG_##level_},
#include "base/errors.def"
#undef ERR
};

uint16_t err_status(enum err e)
{
    CHECK(e < ERR_COUNT);
    return rows[e].status;
}

const char *err_code(enum err e)
{
    CHECK(e < ERR_COUNT);
    return rows[e].code;
}

const char *err_text(enum err e)
{
    CHECK(e < ERR_COUNT);
    return rows[e].text;
}

int err_level(enum err e)
{
    CHECK(e < ERR_COUNT);
    return rows[e].level;
}
