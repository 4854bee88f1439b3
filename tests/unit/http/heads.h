/* heads.h - what the tests and fuzz entries of this room share: a head parsed from text in memory of
 * exactly that size, so that the address sanitizer sees one byte too many, and a head shown as
 * text. */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/strbuf.h"
#include "http/h1/parser.h"
#include "http/h1/scan.h"

#include <stdlib.h>

enum { HEADS_TEXT_MAX = 65536, HEADS_FIELDS = 8 };

static const struct h1_limits heads_limits = {.head_bytes_max = LIMIT_VALUE_head_bytes,
                                              .field_count_max = LIMIT_VALUE_field_count,
                                              .target_bytes_max = LIMIT_VALUE_target_bytes};

struct heads {
    struct arena arena;
    struct head head;
    struct h1_parser parser;
    const struct h1_limits *limits;
    char *bytes; /* exactly as long as the input */
    enum err error;
    size_t taken;
};

static inline void heads_drop(struct heads *h)
{
    arena_reset(&h->arena);
    free(h->bytes);
    h->bytes = NULL;
}

/* Parses `text`; at first `first` bytes are there, then `step` more each time. */
static inline void heads_feed(struct heads *h, enum h1_kind kind, struct str text, size_t first,
                              size_t step)
{
    const struct scan *scan = h->parser.scan;
    h->bytes = malloc(text.len + (text.len == 0));
    CHECK(h->bytes != NULL);
    memcpy(h->bytes, text.at == NULL ? "" : text.at, text.len);
    arena_init_heap(&h->arena, 1 << 20);
    h1_parser_init(&h->parser, kind, &h->head, &h->arena,
                   h->limits == NULL ? &heads_limits : h->limits);
    h->parser.scan = scan == NULL ? h->parser.scan : scan;
    h->error = ERR_AGAIN;
    for (size_t len = first < text.len ? first : text.len; h->error == ERR_AGAIN; len += step) {
        len = len < text.len ? len : text.len;
        MEMORY_POISON(h->bytes + len, text.len - len);
        h->error = h1_parse(&h->parser, str_of(h->bytes, len));
        MEMORY_UNPOISON(h->bytes, text.len);
        if (len == text.len) {
            break;
        }
    }
    h->taken = h->parser.at;
}

static inline enum err heads_parse(struct heads *h, enum h1_kind kind, struct str text)
{
    heads_feed(h, kind, text, text.len, 1);
    return h->error;
}

/* Everything that parsing decides, as one text. */
static inline struct str heads_show(const struct heads *h, struct strbuf *out)
{
    const struct head *head = &h->head;
    out->len = 0;
    strbuf_add_fmt(out, "%s taken %zu", err_code(h->error), h->taken);
    if (h->error == OK) {
        strbuf_add_fmt(out, " [%.*s] %d [%.*s] 1.%d %d [%.*s] known %llx\n",
                       STR_FMT(head->method_text), head->method, STR_FMT(head->target), head->minor,
                       head->status, STR_FMT(head->reason), (unsigned long long)head->fields.known);
        for (uint32_t i = 0; i < head->fields.count; i++) {
            const struct field *field = &head->fields.at[i];
            strbuf_add_fmt(out, "%d %d [%.*s] [%.*s]\n", field->id, field->flags,
                           STR_FMT(field->name), STR_FMT(field->value));
        }
    }
    CHECK(!strbuf_overflowed(out));
    return strbuf_str(out);
}
