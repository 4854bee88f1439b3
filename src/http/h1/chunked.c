/* chunked.c - see chunked.h. A state for every place where the bytes may be cut; data is never
 * copied, only pointed at. White space that RFC 9112 7.1.1 lets a recipient bear around extensions
 * is refused, as is everything else that only lenient readers take. */
#include "http/h1/chunked.h"

#include "base/check.h"
#include "base/limits.h"
#include "http/chars.h"
#include "http/field_rules.h"

enum { SIZE_DIGITS_MAX = 16, LINE_FIRST_CAP = 128 };

enum state {
    STATE_SIZE,        /* hexadecimal digits */
    STATE_EXT_NAME,    /* after ';' */
    STATE_EXT_VALUE,   /* after '=' : its first byte */
    STATE_EXT_TOKEN,   /* inside a value that is a token */
    STATE_EXT_QUOTED,  /* inside a quoted value */
    STATE_EXT_ESCAPED, /* after '\' in one */
    STATE_EXT_END,     /* after the closing quote */
    STATE_SIZE_LF,
    STATE_DATA,
    STATE_DATA_CR,
    STATE_DATA_LF,
    STATE_TRAILER_START, /* a field line or the last line */
    STATE_TRAILER_NAME,
    STATE_TRAILER_VALUE,
    STATE_TRAILER_LF,
    STATE_LAST_LF
};

void chunked_init(struct chunked *chunked, struct arena *arena, struct fields *trailers)
{
    CHECK(trailers == NULL || arena != NULL);
    *chunked = (struct chunked){.arena = arena, .trailers = trailers, .state = STATE_SIZE};
}

/* The size line is at its CR. */
static enum err end_size(struct chunked *chunked)
{
    chunked->state = STATE_SIZE_LF;
    return OK;
}

static enum err take_size(struct chunked *chunked, char c)
{
    int digit = char_hex(c);
    if (digit >= 0) {
        if (chunked->digits == SIZE_DIGITS_MAX) {
            return ERR_BAD_CHUNK;
        }
        chunked->digits++;
        chunked->left = chunked->left << 4 | (uint64_t)digit;
        return OK;
    }
    if (chunked->digits == 0) {
        return ERR_BAD_CHUNK;
    }
    if (c == ';') {
        chunked->state = STATE_EXT_NAME;
        chunked->ext_bytes = 0;
        chunked->digits = 0; /* from here on: whether the name or value has a byte */
        return OK;
    }
    return c == '\r' ? end_size(chunked) : ERR_BAD_CHUNK;
}

/* Where an extension may end: the next one, or the end of the line. */
static enum err end_extension(struct chunked *chunked, char c)
{
    if (c == ';') {
        chunked->state = STATE_EXT_NAME;
        chunked->digits = 0;
        return OK;
    }
    return c == '\r' ? end_size(chunked) : ERR_BAD_CHUNK;
}

static enum err take_extension(struct chunked *chunked, char c)
{
    if (++chunked->ext_bytes > LIMIT_VALUE(chunk_ext_bytes)) {
        return ERR_BAD_CHUNK;
    }
    bool is_token = char_is(c, CHAR_TOKEN);
    switch ((enum state)chunked->state) {
    case STATE_EXT_NAME:
        if (is_token) {
            chunked->digits = 1;
            return OK;
        }
        if (chunked->digits == 0) {
            return ERR_BAD_CHUNK;
        }
        if (c == '=') {
            chunked->state = STATE_EXT_VALUE;
            return OK;
        }
        return end_extension(chunked, c);
    case STATE_EXT_VALUE:
        chunked->state = c == '"' ? STATE_EXT_QUOTED : STATE_EXT_TOKEN;
        return is_token || c == '"' ? OK : ERR_BAD_CHUNK;
    case STATE_EXT_TOKEN: return is_token ? OK : end_extension(chunked, c);
    case STATE_EXT_QUOTED:
        if (c == '"') {
            chunked->state = STATE_EXT_END;
            return OK;
        }
        chunked->state = c == '\\' ? STATE_EXT_ESCAPED : STATE_EXT_QUOTED;
        return char_is(c, CHAR_TEXT) ? OK : ERR_BAD_CHUNK;
    case STATE_EXT_ESCAPED:
        chunked->state = STATE_EXT_QUOTED;
        return char_is(c, CHAR_TEXT) ? OK : ERR_BAD_CHUNK;
    case STATE_EXT_END: return end_extension(chunked, c);
    case STATE_SIZE:
    case STATE_SIZE_LF:
    case STATE_DATA:
    case STATE_DATA_CR:
    case STATE_DATA_LF:
    case STATE_TRAILER_START:
    case STATE_TRAILER_NAME:
    case STATE_TRAILER_VALUE:
    case STATE_TRAILER_LF:
    case STATE_LAST_LF: break;
    }
    return ERR_BUG;
}

/* Keeps one byte of the trailer line, doubling its room in the arena; nothing when trailers are
 * dropped. The limit on the whole section bounds it. */
static enum err keep_byte(struct chunked *chunked, char c)
{
    if (chunked->trailers == NULL) {
        return OK;
    }
    if (chunked->line_len == chunked->line_cap) {
        uint32_t cap = chunked->line_cap == 0 ? LINE_FIRST_CAP : chunked->line_cap * 2;
        char *line = arena_alloc(chunked->arena, cap);
        if (line == NULL) {
            return ERR_MEMORY;
        }
        if (chunked->line_len > 0) {
            memcpy(line, chunked->line, chunked->line_len);
        }
        chunked->line = line;
        chunked->line_cap = cap;
    }
    chunked->line[chunked->line_len++] = c;
    return OK;
}

/* A whole, valid trailer line was collected: keep the field, or use its memory again. */
static enum err keep_line(struct chunked *chunked)
{
    if (chunked->trailers == NULL) {
        return OK;
    }
    struct str_pair cut = str_cut(str_of(chunked->line, chunked->line_len), ':');
    CHECK(cut.is_cut);
    uint32_t used = chunked->line_len;
    chunked->line_len = 0;
    bool is_alias = str_find(cut.head, '_') < cut.head.len;
    if (is_alias || field_rules(field_id_of(cut.head)) != 0) {
        return OK;
    }
    if (chunked->trailers->count >= LIMIT_VALUE(field_count)) {
        return ERR_BAD_TRAILER;
    }
    TRY(fields_add(chunked->trailers, chunked->arena, cut.head, str_trim(cut.tail)));
    chunked->line += used;
    chunked->line_cap -= used;
    return OK;
}

static enum err take_trailer(struct chunked *chunked, char c)
{
    if (++chunked->trailer_bytes > LIMIT_VALUE(trailer_bytes)) {
        return ERR_BAD_TRAILER;
    }
    switch ((enum state)chunked->state) {
    case STATE_TRAILER_START:
        if (c == '\r') {
            chunked->state = STATE_LAST_LF;
            return OK;
        }
        chunked->state = STATE_TRAILER_NAME;
        return char_is(c, CHAR_TOKEN) ? keep_byte(chunked, c) : ERR_BAD_TRAILER;
    case STATE_TRAILER_NAME:
        if (c == ':') {
            chunked->state = STATE_TRAILER_VALUE;
        } else if (!char_is(c, CHAR_TOKEN)) {
            return ERR_BAD_TRAILER;
        }
        return keep_byte(chunked, c);
    case STATE_TRAILER_VALUE:
        if (c == '\r') {
            chunked->state = STATE_TRAILER_LF;
            return OK;
        }
        return char_is(c, CHAR_TEXT) ? keep_byte(chunked, c) : ERR_BAD_TRAILER;
    case STATE_TRAILER_LF:
        chunked->state = STATE_TRAILER_START;
        return c == '\n' ? keep_line(chunked) : ERR_BAD_TRAILER;
    case STATE_LAST_LF: chunked->is_done = c == '\n'; return c == '\n' ? OK : ERR_BAD_TRAILER;
    case STATE_SIZE:
    case STATE_EXT_NAME:
    case STATE_EXT_VALUE:
    case STATE_EXT_TOKEN:
    case STATE_EXT_QUOTED:
    case STATE_EXT_ESCAPED:
    case STATE_EXT_END:
    case STATE_SIZE_LF:
    case STATE_DATA:
    case STATE_DATA_CR:
    case STATE_DATA_LF: break;
    }
    return ERR_BUG;
}

static enum err take_byte(struct chunked *chunked, char c)
{
    switch ((enum state)chunked->state) {
    case STATE_SIZE: return take_size(chunked, c);
    case STATE_EXT_NAME:
    case STATE_EXT_VALUE:
    case STATE_EXT_TOKEN:
    case STATE_EXT_QUOTED:
    case STATE_EXT_ESCAPED:
    case STATE_EXT_END: return take_extension(chunked, c);
    case STATE_SIZE_LF:
        chunked->state = chunked->left > 0 ? STATE_DATA : STATE_TRAILER_START;
        return c == '\n' ? OK : ERR_BAD_CHUNK;
    case STATE_DATA_CR: chunked->state = STATE_DATA_LF; return c == '\r' ? OK : ERR_BAD_CHUNK;
    case STATE_DATA_LF:
        chunked->state = STATE_SIZE;
        chunked->digits = 0;
        return c == '\n' ? OK : ERR_BAD_CHUNK;
    case STATE_TRAILER_START:
    case STATE_TRAILER_NAME:
    case STATE_TRAILER_VALUE:
    case STATE_TRAILER_LF:
    case STATE_LAST_LF: return take_trailer(chunked, c);
    case STATE_DATA: break;
    }
    return ERR_BUG;
}

enum err chunked_feed(struct chunked *chunked, struct str *bytes, struct str *data)
{
    *data = (struct str){0};
    while (bytes->len > 0 && !chunked->is_done) {
        if (chunked->state == STATE_DATA) {
            size_t taken = chunked->left < bytes->len ? (size_t)chunked->left : bytes->len;
            *data = str_of(bytes->at, taken);
            *bytes = str_skip(*bytes, taken);
            chunked->left -= taken;
            chunked->state = chunked->left > 0 ? STATE_DATA : STATE_DATA_CR;
            return OK;
        }
        TRY(take_byte(chunked, bytes->at[0]));
        *bytes = str_skip(*bytes, 1);
    }
    return OK;
}
