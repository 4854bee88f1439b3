#include "http/h1/chunked.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/strbuf.h"
#include "test.h"

#include <stdlib.h>

struct result {
    enum err error;
    bool is_done;
    size_t left; /* bytes behind the end */
    char data[4096], trailers[8192];
    struct strbuf body, lines;
};

/* Feeds at first `first` bytes and then `step` at a time, each piece in memory of its size. */
static void feed(struct result *r, struct str text, size_t first, size_t step, bool keeps)
{
    struct arena arena;
    struct fields trailers = {0};
    struct chunked chunked;
    arena_init_heap(&arena, 1 << 20);
    *r = (struct result){.error = OK};
    r->body = strbuf_over(r->data, sizeof r->data);
    r->lines = strbuf_over(r->trailers, sizeof r->trailers);
    chunked_init(&chunked, keeps ? &arena : NULL, keeps ? &trailers : NULL);
    for (size_t at = 0, len = first; at < text.len && r->error == OK && !chunked.is_done;
         at += len, len = step) {
        len = len < text.len - at ? len : text.len - at;
        char *copy = malloc(len + (len == 0));
        memcpy(copy, text.at + at, len);
        struct str piece = str_of(copy, len), data;
        while (piece.len > 0 && r->error == OK && !chunked.is_done) {
            r->error = chunked_feed(&chunked, &piece, &data);
            strbuf_add(&r->body, r->error == OK ? data : STR(""));
        }
        r->left = piece.len + (text.len - at - len);
        free(copy);
    }
    r->is_done = chunked.is_done;
    for (uint32_t i = 0; i < trailers.count; i++) {
        strbuf_add_fmt(&r->lines, "%.*s=%.*s\n", STR_FMT(trailers.at[i].name),
                       STR_FMT(trailers.at[i].value));
    }
    arena_reset(&arena);
}

struct row {
    const char *text;
    enum err error; /* ERR_AGAIN: not done yet */
    const char *data, *trailers;
};

#define END "0\r\n\r\n"

static const struct row rows[] = {
    {END, OK, "", ""},
    {"5\r\nhello\r\n" END, OK, "hello", ""},
    {"5\r\nhello\r\n6\r\n world\r\n" END "GET", OK, "hello world", ""},
    {"a\r\n0123456789\r\nA\r\n0123456789\r\n" END, OK, "01234567890123456789", ""},
    {"0005\r\nhello\r\n0000000000000000\r\n\r\n", OK, "hello", ""},
    {"0000000000000001\r\nx\r\n" END, OK, "x", ""},
    {"2\r\n\r\n\r\n" END, OK, "\r\n", ""},
    {"1;a\r\nx\r\n" END, OK, "x", ""},
    {"1;a=b;c=\"d;\\\" \te\";f\r\nx\r\n0;last\r\n\r\n", OK, "x", ""},
    {"1;a=\"\"\r\nx\r\n" END, OK, "x", ""},
    {"0\r\nA: b\r\nC:d \r\n\r\n", OK, "", "A=b\nC=d\n"},
    {"0\r\nEmpty:\r\n\r\nrest", OK, "", "Empty=\n"},
    {"0\r\nContent-Length: 1\r\nHost: a\r\nX: y\r\ntransfer-encoding: chunked\r\n"
     "Authorization: x\r\nCookie: x\r\nX-Forwarded-For: x\r\nConnection: x\r\nX_User: x\r\n\r\n",
     OK, "", "X=y\n"},
    {"", ERR_AGAIN, "", ""},
    {"5", ERR_AGAIN, "", ""},
    {"5\r\nhel", ERR_AGAIN, "hel", ""},
    {"0\r\n", ERR_AGAIN, "", ""},
    {"0\r\nA: b\r\n", ERR_AGAIN, "", "A=b\n"},
    {"0\r\n\r", ERR_AGAIN, "", ""},
    {"ffffffffffffffff\r\nx", ERR_AGAIN, "x", ""},
    /* Sizes. */
    {"\r\n", ERR_BAD_CHUNK, "", ""},
    {"g\r\n", ERR_BAD_CHUNK, "", ""},
    {"0x5\r\n", ERR_BAD_CHUNK, "", ""},
    {"+5\r\n", ERR_BAD_CHUNK, "", ""},
    {"-5\r\n", ERR_BAD_CHUNK, "", ""},
    {" 5\r\n", ERR_BAD_CHUNK, "", ""},
    {"5 \r\n", ERR_BAD_CHUNK, "", ""},
    {"5\t\r\n", ERR_BAD_CHUNK, "", ""},
    {"5_0\r\n", ERR_BAD_CHUNK, "", ""},
    {"5,5\r\n", ERR_BAD_CHUNK, "", ""},
    {"00000000000000001\r\n", ERR_BAD_CHUNK, "", ""},
    {"fffffffffffffffff\r\n", ERR_BAD_CHUNK, "", ""},
    {"5\nhello\r\n", ERR_BAD_CHUNK, "", ""},
    {"5\rhello\r\n", ERR_BAD_CHUNK, "", ""},
    {"5\r\rhello\r\n", ERR_BAD_CHUNK, "", ""},
    /* Data that does not end where its size says. */
    {"5\r\nhello\n" END, ERR_BAD_CHUNK, "hello", ""},
    {"5\r\nhello\rx" END, ERR_BAD_CHUNK, "hello", ""},
    {"5\r\nhello!\r\n" END, ERR_BAD_CHUNK, "hello", ""},
    {"5\r\nhello" END, ERR_BAD_CHUNK, "hello", ""},
    {"5\r\nhello\r\n\r\n", ERR_BAD_CHUNK, "hello", ""},
    /* Extensions. */
    {"1;\r\nx\r\n", ERR_BAD_CHUNK, "", ""},
    {"1; a\r\nx\r\n", ERR_BAD_CHUNK, "", ""},
    {"1 ;a\r\nx\r\n", ERR_BAD_CHUNK, "", ""},
    {"1;a \r\nx\r\n", ERR_BAD_CHUNK, "", ""},
    {"1;a=\r\nx\r\n", ERR_BAD_CHUNK, "", ""},
    {"1;=b\r\nx\r\n", ERR_BAD_CHUNK, "", ""},
    {"1;a=b=c\r\nx\r\n", ERR_BAD_CHUNK, "", ""},
    {"1;a=b\"\r\nx\r\n", ERR_BAD_CHUNK, "", ""},
    {"1;a=\"b\"c\r\nx\r\n", ERR_BAD_CHUNK, "", ""},
    {"1;a=\"\r\nx\r\n", ERR_BAD_CHUNK, "", ""},
    {"1;a=\"\\\r\nx\r\n", ERR_BAD_CHUNK, "", ""},
    {"1;a\nx\r\n", ERR_BAD_CHUNK, "", ""},
    {"1;a\rx\r\n", ERR_BAD_CHUNK, "", ""},
    {"1;;a\r\nx\r\n", ERR_BAD_CHUNK, "", ""},
    {"1;a\xff\r\nx\r\n", ERR_BAD_CHUNK, "", ""},
    /* The end. */
    {"0\r\n\n", ERR_BAD_TRAILER, "", ""},
    {"0\n\r\n", ERR_BAD_CHUNK, "", ""},
    {"0\r\n\rx", ERR_BAD_TRAILER, "", ""},
    {"0\r\n: b\r\n\r\n", ERR_BAD_TRAILER, "", ""},
    {"0\r\nA : b\r\n\r\n", ERR_BAD_TRAILER, "", ""},
    {"0\r\n A: b\r\n\r\n", ERR_BAD_TRAILER, "", ""},
    {"0\r\nA: b\r\n c\r\n\r\n", ERR_BAD_TRAILER, "", "A=b\n"},
    {"0\r\nA: b\n\r\n", ERR_BAD_TRAILER, "", ""},
    {"0\r\nA: b\rc\r\n\r\n", ERR_BAD_TRAILER, "", ""},
    {"0\r\nA: \x01\r\n\r\n", ERR_BAD_TRAILER, "", ""},
    {"0\r\nA\r\n\r\n", ERR_BAD_TRAILER, "", ""},
    {"0\r\nGET / HTTP/1.1\r\n\r\n", ERR_BAD_TRAILER, "", ""},
};

static void check_row(const struct row *row, bool keeps)
{
    static struct result r;
    struct str text = str_from_c(row->text);
    size_t left = 0;
    for (size_t first = text.len + 1; first <= text.len + 1; first--) {
        bool is_bytewise = first > text.len;
        feed(&r, text, is_bytewise ? 1 : first, is_bytewise ? 1 : text.len, keeps);
        left = is_bytewise ? r.left : left;
        WANT_INT(r.error, row->error == ERR_AGAIN ? OK : row->error);
        WANT_INT(r.is_done, row->error == OK);
        WANT_STR(strbuf_str(&r.body), str_from_c(row->data));
        WANT_STR(strbuf_str(&r.lines), keeps ? str_from_c(row->trailers) : STR(""));
        WANT(row->error != OK || r.left == left);
    }
}

TEST(chunks_are_read_or_refused_alike_however_they_are_cut)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        check_row(&rows[i], true);
        check_row(&rows[i], false);
    }
}

TEST(what_follows_the_last_chunk_is_left_alone)
{
    static struct result r;
    feed(&r, STR("1\r\nx\r\n" END "GET / HTTP/1.1\r\n"), 100, 1, false);
    WANT(r.is_done);
    WANT_INT(r.left, strlen("GET / HTTP/1.1\r\n"));
}

TEST(data_is_pointed_at_and_not_copied)
{
    struct chunked chunked;
    struct str bytes = STR("5\r\nhello\r\n" END), data, all = bytes;
    chunked_init(&chunked, NULL, NULL);
    WANT_INT(chunked_feed(&chunked, &bytes, &data), OK);
    WANT(data.at == all.at + 3);
    WANT_INT(data.len, 5);
    WANT_INT(chunked_feed(&chunked, &bytes, &data), OK);
    WANT_INT(data.len, 0);
    WANT(chunked.is_done);
}

TEST(extensions_and_trailers_are_bounded)
{
    static char text[LIMIT_VALUE_trailer_bytes + 4096];
    static struct result r;
    for (size_t more = 0; more < 2; more++) {
        struct strbuf out = strbuf_over(text, sizeof text);
        strbuf_add(&out, STR("1;"));
        /* The CR that ends the line counts as well. */
        while (out.len < LIMIT_VALUE(chunk_ext_bytes) + 1 + more) {
            strbuf_add(&out, STR("e"));
        }
        strbuf_add(&out, STR("\r\nx\r\n" END));
        feed(&r, strbuf_str(&out), out.len, 1, false);
        WANT_INT(r.error, more > 0 ? ERR_BAD_CHUNK : OK);
        out = strbuf_over(text, sizeof text);
        strbuf_add(&out, STR("0\r\nA:"));
        while (out.len < LIMIT_VALUE(trailer_bytes) + 3 - 4 + more) {
            strbuf_add(&out, STR("t"));
        }
        strbuf_add(&out, STR("\r\n\r\n"));
        feed(&r, strbuf_str(&out), out.len, 1, false);
        WANT_INT(r.error, more > 0 ? ERR_BAD_TRAILER : OK);
        feed(&r, strbuf_str(&out), out.len, 1, true);
        WANT_INT(r.error, more > 0 ? ERR_BAD_TRAILER : OK);
    }
}

TEST(trailers_without_memory_are_an_error_and_no_crash)
{
    struct arena arena;
    struct fields trailers = {0};
    struct chunked chunked;
    struct str bytes = STR("0\r\nA: b\r\n\r\n"), data;
    arena_init_heap(&arena, 0);
    chunked_init(&chunked, &arena, &trailers);
    WANT_INT(chunked_feed(&chunked, &bytes, &data), ERR_MEMORY);
    arena_reset(&arena);
}
