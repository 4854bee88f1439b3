/* sink.h - where generated text goes: a stream or memory. For cold paths (schema, reference,
 * printed configuration, diagnostics) whose length nobody knows beforehand. */
#pragma once

#include "base/arena.h"

#include <stdio.h>

struct sink {
    void (*write)(struct sink *sink, struct str s);
    FILE *file;
    struct arena *arena;
    char *at;
    size_t len, cap;
    bool has_failed; /* a write did not succeed, or the arena is at its limit: no more is written */
};

/* Writes to a stream, which the caller flushes and closes. */
void sink_to_file(struct sink *sink, FILE *file);
/* Writes to memory of a heap arena. */
void sink_to_memory(struct sink *sink, struct arena *arena);
/* What was written to memory so far. */
struct str sink_str(const struct sink *sink);

static inline void sink_add(struct sink *sink, struct str s)
{
    sink->write(sink, s);
}

/* Writes a C string. */
void sink_add_c(struct sink *sink, const char *text);
/* `count` times the character. */
void sink_pad(struct sink *sink, char c, size_t count);
/* The inside of a JSON string. */
void sink_add_json(struct sink *sink, struct str s);
/* At most 4 KiB in one call. */
void sink_add_fmt(struct sink *sink, const char *format, ...) PRINTF_LIKE(2, 3);
