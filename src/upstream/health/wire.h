/* wire.h - reading and writing the fields of binary protocols, for the checks that speak one. What
 * is read may come from anybody: a read past the end gives zeroes or nothing and is remembered, so
 * that a message is asked once whether it was whole. */
#pragma once

#include "base/strbuf.h"

struct wire {
    struct str rest;
    bool is_short; /* more was read than there was */
};

static inline struct str wire_bytes(struct wire *wire, size_t count)
{
    if (count > wire->rest.len) {
        wire->is_short = true;
        wire->rest = str_skip(wire->rest, wire->rest.len);
        return (struct str){0};
    }
    struct str bytes = str_sub(wire->rest, 0, count);
    wire->rest = str_skip(wire->rest, count);
    return bytes;
}

/* An unsigned number of 1 to 8 bytes, the most significant one first. */
static inline uint64_t wire_big(struct wire *wire, size_t count)
{
    struct str bytes = wire_bytes(wire, count);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        value = value << 8 | (unsigned char)bytes.at[i];
    }
    return value;
}

/* ... and the least significant one first. */
static inline uint64_t wire_little(struct wire *wire, size_t count)
{
    struct str bytes = wire_bytes(wire, count);
    uint64_t value = 0;
    for (size_t i = bytes.len; i > 0; i--) {
        value = value << 8 | (unsigned char)bytes.at[i - 1];
    }
    return value;
}

/* Text that ends with a NUL, without it. */
static inline struct str wire_text(struct wire *wire)
{
    struct str_pair cut = str_cut(wire->rest, '\0');
    wire->is_short |= !cut.is_cut;
    wire->rest = cut.tail;
    return cut.is_cut ? cut.head : (struct str){0};
}

static inline void wire_add_big(struct strbuf *out, uint64_t value, size_t count)
{
    while (count-- > 0) {
        strbuf_add_char(out, (char)(value >> count * 8 & 0xff));
    }
}

static inline void wire_add_little(struct strbuf *out, uint64_t value, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        strbuf_add_char(out, (char)(value >> i * 8 & 0xff));
    }
}

static inline void wire_add_text(struct strbuf *out, struct str text)
{
    strbuf_add(out, text);
    strbuf_add_char(out, '\0');
}
