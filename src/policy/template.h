/* template.h - texts with variables, "edge {host}{path}", cut into parts once when the
 * configuration is compiled and put together for an exchange. "{{" is a brace; a closing one alone
 * needs nothing. */
#pragma once

#include "base/arena.h"

struct exchange;

struct template_part {
    uint8_t variable; /* enum in template.c; 0: the text itself */
    struct str text;
};

struct template
{
    const struct template_part *parts;
    uint32_t count;
};

/* Cuts `text`, which is kept by reference. ERR_SYNTAX: *way_out says what is wrong with which
 * variable, in the arena. ERR_MEMORY. */
MUST_USE enum err template_compile(struct arena *arena, struct str text, struct template *out,
                                   struct str *way_out);
/* The text for this exchange: a part itself when there is only one, else in the exchange's arena.
 * Variables hold what the client sent, so what comes out is to be checked where it goes.
 * ERR_MEMORY. */
MUST_USE enum err template_render(const struct template *template, struct exchange *ex,
                                  struct str *out);
