/* chunked_fuzz.c - any bytes as a chunked body: however they are cut, the same data, trailers, error
 * and end come out, and what was read can be written and read again.
 * The first byte of the input says in which steps the rest arrives. */
#include "base/check.h"
#include "base/strbuf.h"
#include "http/h1/chunked.h"
#include "http/h1/writer.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 1 << 17 };

struct result {
    enum err error;
    bool is_done;
    size_t taken;
    struct strbuf body;
    struct fields trailers;
    struct arena arena;
};

static char rooms[3][BYTES_MAX], wire_room[BYTES_MAX * 2];

static void feed(struct result *r, struct str text, size_t step)
{
    struct chunked chunked;
    arena_init_heap(&r->arena, 1 << 20);
    chunked_init(&chunked, &r->arena, &r->trailers);
    while (r->taken < text.len && r->error == OK && !chunked.is_done) {
        size_t len = step < text.len - r->taken ? step : text.len - r->taken;
        char *copy = malloc(len);
        CHECK(copy != NULL);
        memcpy(copy, text.at + r->taken, len);
        struct str piece = str_of(copy, len);
        while (piece.len > 0 && r->error == OK && !chunked.is_done) {
            struct str data;
            size_t before = piece.len;
            r->error = chunked_feed(&chunked, &piece, &data);
            CHECK(piece.len < before || r->error != OK);
            strbuf_add(&r->body, r->error == OK ? data : STR(""));
        }
        r->taken += len - piece.len;
        free(copy);
    }
    CHECK(!strbuf_overflowed(&r->body));
    r->is_done = chunked.is_done;
}

static void check_same(const struct result *left, const struct result *right)
{
    CHECK(left->error == right->error);
    CHECK(left->is_done == right->is_done);
    CHECK(left->error != OK || left->taken == right->taken);
    CHECK(str_eq(strbuf_str(&left->body), strbuf_str(&right->body)));
    CHECK(left->trailers.count == right->trailers.count);
    for (uint32_t i = 0; i < left->trailers.count; i++) {
        CHECK(str_eq(left->trailers.at[i].name, right->trailers.at[i].name));
        CHECK(str_eq(left->trailers.at[i].value, right->trailers.at[i].value));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct result whole = {.body = strbuf_over(rooms[0], BYTES_MAX)};
    struct result cut = {.body = strbuf_over(rooms[1], BYTES_MAX)};
    struct result again = {.body = strbuf_over(rooms[2], BYTES_MAX)};
    if (size == 0 || size > BYTES_MAX) {
        return 0;
    }
    struct str text = str_of((const char *)data + 1, size - 1);
    feed(&whole, text, text.len + 1);
    feed(&cut, text, (size_t)data[0] % 16 + 1);
    check_same(&whole, &cut);
    if (whole.is_done) {
        struct strbuf wire = strbuf_over(wire_room, sizeof wire_room);
        if (whole.body.len > 0) {
            h1_write_chunk_head(&wire, whole.body.len);
            strbuf_add(&wire, strbuf_str(&whole.body));
            strbuf_add(&wire, STR("\r\n"));
        }
        h1_write_chunk_end(&wire, &whole.trailers);
        CHECK(!strbuf_overflowed(&wire));
        feed(&again, strbuf_str(&wire), wire.len);
        CHECK(again.taken == wire.len);
        again.taken = whole.taken;
        check_same(&whole, &again);
        arena_reset(&again.arena);
    }
    arena_reset(&whole.arena);
    arena_reset(&cut.arena);
    return 0;
}
