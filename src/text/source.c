/* source.c - the line of a position; see source.h. */
#include "text/source.h"

struct str source_line(const struct source_pos *pos)
{
    if (pos->source == NULL) {
        return (struct str){0};
    }
    struct str rest = pos->source->text;
    for (uint32_t line = 1; line < pos->line && rest.len > 0; line++) {
        rest = str_cut(rest, '\n').tail;
    }
    struct str line = str_cut(rest, '\n').head;
    if (line.len > 0 && line.at[line.len - 1] == '\r') {
        line.len--;
    }
    return line;
}
