/* resp.c - a reader without recursion: nested arrays only add to what is still to come; see
 * resp.h. */
#include "upstream/health/resp.h"

enum { LINE_BYTES_MAX = 512 };

static enum err take_line(struct str *in, struct str *line)
{
    struct str window = str_sub(*in, 0, LINE_BYTES_MAX);
    size_t end = str_find_str(window, STR("\r\n"));
    if (end == window.len) {
        return window.len == LINE_BYTES_MAX ? ERR_SYNTAX : ERR_AGAIN;
    }
    *line = str_sub(*in, 0, end);
    *in = str_skip(*in, end + 2);
    return OK;
}

static void keep(struct resp *out, struct str value)
{
    if (out->count < RESP_VALUES_MAX) {
        out->values[out->count++] = value;
    }
}

/* A length; -1 is null. */
static enum err length_of(struct str text, uint64_t max, int64_t *out)
{
    uint64_t value;
    if (str_eq(text, STR("-1"))) {
        *out = -1;
        return OK;
    }
    if (!str_to_u64(text, &value) || value > max) {
        return ERR_SYNTAX;
    }
    *out = (int64_t)value;
    return OK;
}

static enum err take_bulk(struct str *in, struct str length, struct resp *out)
{
    int64_t bytes;
    TRY(length_of(length, INT32_MAX, &bytes));
    if (bytes < 0) {
        keep(out, (struct str){0});
        return OK;
    }
    if (in->len < (size_t)bytes + 2) {
        return ERR_AGAIN;
    }
    if (!str_eq(str_sub(*in, (size_t)bytes, 2), STR("\r\n"))) {
        return ERR_SYNTAX;
    }
    keep(out, str_sub(*in, 0, (size_t)bytes));
    *in = str_skip(*in, (size_t)bytes + 2);
    return OK;
}

/* One item; an array makes *more items to come. */
static enum err take_item(struct str *in, struct resp *out, int64_t *more)
{
    struct str line;
    *more = 0;
    TRY(take_line(in, &line));
    struct str rest = str_skip(line, 1);
    switch (line.len > 0 ? line.at[0] : '\0') {
    case '-': out->is_error |= out->count == 0; keep(out, rest); return OK;
    case '+':
    case ':': keep(out, rest); return OK;
    case '$': return take_bulk(in, rest, out);
    case '*':
        TRY(length_of(rest, RESP_ITEMS_MAX, more));
        *more = *more < 0 ? 0 : *more;
        return OK;
    default: return ERR_SYNTAX;
    }
}

enum err resp_read(struct str in, struct resp *out)
{
    struct str rest = in;
    int64_t left = 1, more;
    *out = (struct resp){0};
    while (left > 0) {
        TRY(take_item(&rest, out, &more));
        left += more - 1;
        if (left > RESP_ITEMS_MAX) {
            return ERR_SYNTAX;
        }
    }
    out->bytes = in.len - rest.len;
    return OK;
}
