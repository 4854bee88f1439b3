/* err.c - the error table as arrays. */
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
#define ERR(name, status_, code_, level_, text_) [ERR_##name] = {code_, text_, status_, LOG_##level_},
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
