/* sink.c - where generated text goes; see sink.h. */
#include "text/sink.h"

#include "base/strbuf.h"

#include <stdarg.h>

enum { SINK_FIRST_BYTES = 4096 };

static void write_file(struct sink *sink, struct str s)
{
    if (!sink->has_failed && s.len > 0 && fwrite(s.at, 1, s.len, sink->file) != s.len) {
        sink->has_failed = true;
    }
}

static bool memory_grow(struct sink *sink, size_t wanted)
{
    size_t cap = sink->cap == 0 ? SINK_FIRST_BYTES : sink->cap;
    while (cap < wanted) {
        cap *= 2;
    }
    char *at = arena_alloc(sink->arena, cap);
    if (at == NULL) {
        sink->has_failed = true;
        return false;
    }
    if (sink->len > 0) {
        memcpy(at, sink->at, sink->len);
    }
    sink->at = at;
    sink->cap = cap;
    return true;
}

static void write_memory(struct sink *sink, struct str s)
{
    if (sink->has_failed || s.len == 0) {
        return;
    }
    if (s.len > sink->cap - sink->len && !memory_grow(sink, sink->len + s.len)) {
        return;
    }
    memcpy(sink->at + sink->len, s.at, s.len);
    sink->len += s.len;
}

void sink_to_file(struct sink *sink, FILE *file)
{
    *sink = (struct sink){.write = write_file, .file = file};
}

void sink_to_memory(struct sink *sink, struct arena *arena)
{
    *sink = (struct sink){.write = write_memory, .arena = arena};
}

struct str sink_str(const struct sink *sink)
{
    return str_of(sink->at, sink->len);
}

void sink_add_c(struct sink *sink, const char *text)
{
    sink_add(sink, str_from_c(text));
}

void sink_pad(struct sink *sink, char c, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sink_add(sink, str_of(&c, 1));
    }
}

void sink_add_json(struct sink *sink, struct str s)
{
    /* In pieces, so that the buffer is always large enough: an escape is at most six bytes. */
    char piece[6 * 128];
    while (s.len > 0) {
        struct strbuf out = strbuf_over(piece, sizeof piece);
        size_t len = s.len < 128 ? s.len : 128;
        /* A piece does not end inside a character. */
        while (len < s.len && len > 1 && ((unsigned char)s.at[len] & 0xc0) == 0x80) {
            len--;
        }
        strbuf_add_json(&out, str_sub(s, 0, len), len);
        sink_add(sink, strbuf_str(&out));
        s = str_skip(s, len);
    }
}

void sink_add_fmt(struct sink *sink, const char *format, ...)
{
    char text[4096];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len > 0) {
        sink_add(sink, str_of(text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1));
    }
}
