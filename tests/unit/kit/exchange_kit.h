/* exchange_kit.h - one exchange without a socket: a core of small slabs, heads parsed from text as
 * they would come from the wire, and heads shown as text. For tests of what runs on an exchange. */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/strbuf.h"
#include "exchange/exchange.h"
#include "http/h1/parser.h"
#include "http/judge.h"
#include "test.h"

enum { EXCHANGE_KIT_SHOWN_MAX = 16384 };

struct exchange_kit {
    struct core core;
    struct generation generation;
    struct exchange *ex;
    char shown[EXCHANGE_KIT_SHOWN_MAX];
};

static const struct h1_limits exchange_kit_limits = {.head_bytes_max = LIMIT_VALUE_head_bytes,
                                                     .field_count_max = LIMIT_VALUE_field_count,
                                                     .target_bytes_max = LIMIT_VALUE_target_bytes};

static inline void exchange_kit_open(struct exchange_kit *kit)
{
    struct core *core = &kit->core;
    memset(kit, 0, sizeof *kit);
    CHECK(slab_init(&core->exchanges, EXCHANGE_OBJECT_BYTES, 4) == OK);
    CHECK(slab_init(&core->blocks, BLOCK_BYTES, 16) == OK);
    CHECK(slab_init(&core->large_chunks, LARGE_CHUNK_BYTES, 4) == OK);
    CHECK(pattern_scratch_init(&core->pattern_scratch) == OK);
    core->current = &kit->generation;
}

/* Ends the exchange; the next request opens another. */
static inline void exchange_kit_end(struct exchange_kit *kit)
{
    if (kit->ex != NULL) {
        exchange_move(kit->ex, EX_DONE);
        exchange_close(&kit->ex);
    }
}

static inline void exchange_kit_close(struct exchange_kit *kit)
{
    struct core *core = &kit->core;
    exchange_kit_end(kit);
    WANT_INT(kit->generation.in_flight, 0);
    WANT_INT(core->exchanges.used_count + core->blocks.used_count + core->large_chunks.used_count,
             0);
    slab_drop(&core->exchanges);
    slab_drop(&core->blocks);
    slab_drop(&core->large_chunks);
    pattern_scratch_drop(&core->pattern_scratch);
}

/* Parses "GET / HTTP/1.1 ... CR LF CR LF" into a fresh exchange of client 203.0.113.7. */
static inline struct exchange *exchange_kit_request(struct exchange_kit *kit, struct str text)
{
    static const struct judge_rules rules = {.default_port = 80};
    struct h1_parser parser;
    exchange_kit_end(kit);
    kit->ex = exchange_open(&kit->core, NULL);
    CHECK(kit->ex != NULL);
    struct exchange *ex = kit->ex;
    CHECK(text.len <= ex->in_cap);
    memcpy(ex->in_at, text.at, text.len);
    ex->in_len = (uint32_t)text.len;
    h1_parser_init(&parser, H1_REQUEST, &ex->request, &ex->arena, &exchange_kit_limits);
    CHECK(h1_parse(&parser, str_of(ex->in_at, ex->in_len)) == OK);
    CHECK(judge_request(&ex->request, &ex->arena, &rules) == OK);
    CHECK(addr_parse_ip(STR("203.0.113.7"), &ex->forwarded.client) == OK);
    ex->request_id_text = STR("id-1");
    return ex;
}

/* Parses an origin's answer into ex->response. */
static inline void exchange_kit_response(struct exchange_kit *kit, struct str text)
{
    struct exchange *ex = kit->ex;
    struct h1_parser parser;
    struct str kept;
    CHECK(arena_keep(&ex->arena, text, &kept) == OK);
    ex->response = (struct head){0};
    ex->is_own_reply = false;
    h1_parser_init(&parser, H1_RESPONSE, &ex->response, &ex->arena, &exchange_kit_limits);
    CHECK(h1_parse(&parser, kept) == OK);
    CHECK(judge_response(&ex->response, (enum method)ex->request.method, false) == OK);
}

/* Every field that is there, as "Name: value|" in order. */
static inline struct str exchange_kit_show(struct exchange_kit *kit, const struct fields *fields)
{
    struct strbuf out = strbuf_over(kit->shown, sizeof kit->shown);
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->at[i];
        if ((field->flags & FIELD_IS_DROPPED) == 0) {
            strbuf_add_fmt(&out, "%.*s: %.*s|", STR_FMT(field->name), STR_FMT(field->value));
        }
    }
    CHECK(!strbuf_overflowed(&out));
    return strbuf_str(&out);
}
