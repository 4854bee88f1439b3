/* query.c - see query.h. One decoder serves comparing and copying, so that a parameter can never
 * match as one text and be read as another. */
#include "http/query.h"

/* Takes one decoded byte from the front of *raw, which is not empty. */
static char take_byte(struct str *raw)
{
    char c = raw->at[0];
    int high = c == '%' && raw->len >= 3 ? char_hex(raw->at[1]) : -1;
    int low = high >= 0 ? char_hex(raw->at[2]) : -1;
    *raw = str_skip(*raw, low >= 0 ? 3 : 1);
    if (low >= 0) {
        return (char)(high << 4 | low);
    }
    return c == '+' ? ' ' : c;
}

bool query_next(struct str *rest, struct query_param *param)
{
    while (rest->len > 0) {
        struct str_pair cut = str_cut(*rest, '&');
        *rest = cut.tail;
        if (cut.head.len > 0) {
            struct str_pair pair = str_cut(cut.head, '=');
            *param = (struct query_param){pair.head, pair.tail, pair.is_cut};
            return true;
        }
    }
    return false;
}

bool query_is(struct str raw, struct str text)
{
    size_t at = 0;
    while (raw.len > 0 && at < text.len) {
        if (take_byte(&raw) != text.at[at++]) {
            return false;
        }
    }
    return raw.len == 0 && at == text.len;
}

bool query_find(struct str query, struct str name, struct str *raw_value)
{
    struct query_param param;
    while (query_next(&query, &param)) {
        if (query_is(param.raw_name, name)) {
            *raw_value = param.raw_value;
            return true;
        }
    }
    return false;
}

enum err query_decode(struct arena *arena, struct str raw, struct str *out)
{
    if (str_find(raw, '%') == raw.len && str_find(raw, '+') == raw.len) {
        *out = raw;
        return OK;
    }
    char *at = arena_alloc(arena, raw.len);
    size_t len = 0;
    if (at == NULL) {
        return ERR_MEMORY;
    }
    while (raw.len > 0) {
        at[len++] = take_byte(&raw);
    }
    *out = str_of(at, len);
    return OK;
}
