/* talk.c - reasons of a check that failed; see talk.h. */
#include "upstream/health/talk.h"

#include <stdarg.h>
#include <stdio.h>

enum health_verdict health_fail(struct health_talk *talk, const char *format, ...)
{
    char text[HEALTH_WHY_BYTES_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (char *at = text; *at != '\0'; at++) {
        *at = (unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f ? '.' : *at;
    }
    talk->why.len = 0;
    talk->why.has_overflowed = false;
    strbuf_add_c(&talk->why, text);
    return HEALTH_FAIL;
}

enum health_verdict health_more(struct health_talk *talk)
{
    return talk->has_ended ? health_fail(talk, "closed before it had answered") : HEALTH_MORE;
}
