/* body_test.c - where a body ends, for each framing, with the bytes cut at every place. */
#include "exchange/body.h"

#include "base/arena.h"
#include "base/strbuf.h"
#include "test.h"

struct reading {
    char payload[256], rest[256];
    size_t payload_len, rest_len;
    enum err e;
};

/* Feeds `bytes` in two parts; what is behind the body is `rest`. */
static struct reading read_cut(const struct head *head, struct str bytes, size_t cut, uint64_t max)
{
    struct reading r = {0};
    struct body body;
    struct arena arena;
    arena_init_heap(&arena, 1 << 20);
    body_init(&body, head, &arena, NULL, max);
    const struct str parts[2] = {str_sub(bytes, 0, cut), str_skip(bytes, cut)};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        struct str part = parts[i], data;
        while (r.e == OK && !body.is_done && part.len > 0) {
            r.e = body_take(&body, &part, &data);
            for (size_t at = 0; at < data.len; at++) {
                r.payload[r.payload_len++] = data.at[at];
            }
        }
        for (size_t at = 0; at < part.len; at++) {
            r.rest[r.rest_len++] = part.at[at];
        }
    }
    if (r.e == OK && !body.is_done) {
        r.e = body_end(&body);
    }
    WANT(r.e != OK || body.is_done);
    WANT(r.e != OK || body.bytes == r.payload_len);
    arena_reset(&arena);
    return r;
}

TEST(a_body_ends_where_its_framing_says_however_it_is_cut)
{
    static const struct {
        struct head head;
        const char *bytes, *payload, *rest;
        enum err e;
    } rows[] = {
        {{.body = BODY_NONE}, "GET", "", "GET", OK},
        {{.body = BODY_LENGTH, .content_length = 3}, "abcGET", "abc", "GET", OK},
        {{.body = BODY_LENGTH, .content_length = 0}, "GET", "", "GET", OK},
        {{.body = BODY_LENGTH, .content_length = 9}, "abc", "abc", "", ERR_CLOSED},
        {{.body = BODY_CHUNKED}, "2\r\nab\r\n1;x\r\nc\r\n0\r\nT: 1\r\n\r\nGET", "abc", "GET", OK},
        {{.body = BODY_CHUNKED}, "2\r\nab\r\n", "ab", "", ERR_CLOSED},
        {{.body = BODY_UNTIL_CLOSE}, "abcdef", "abcdef", "", OK},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str bytes = str_from_c(rows[i].bytes);
        for (size_t cut = 0; cut <= bytes.len; cut++) {
            struct reading r = read_cut(&rows[i].head, bytes, cut, 0);
            WANT_INT(r.e, rows[i].e);
            WANT_STR(str_of(r.payload, r.payload_len), str_from_c(rows[i].payload));
            WANT_STR(str_of(r.rest, r.rest_len), str_from_c(rows[i].rest));
        }
    }
}

TEST(a_limit_counts_the_payload_and_not_its_framing)
{
    static const struct head heads[] = {{.body = BODY_LENGTH, .content_length = 4},
                                        {.body = BODY_CHUNKED},
                                        {.body = BODY_UNTIL_CLOSE}};
    static const char *const bytes[] = {"abcd", "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n", "abcd"};
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        struct str text = str_from_c(bytes[i]);
        for (size_t cut = 0; cut <= text.len; cut++) {
            WANT_INT(read_cut(&heads[i], text, cut, 4).e, OK);
            WANT_INT(read_cut(&heads[i], text, cut, 3).e, ERR_BODY_BYTES);
        }
    }
}

TEST(a_malformed_chunk_is_told)
{
    static const struct head head = {.body = BODY_CHUNKED};
    WANT_INT(read_cut(&head, STR("2\r\nabX"), 3, 0).e, ERR_BAD_CHUNK);
    WANT_INT(read_cut(&head, STR("x\r\n"), 0, 0).e, ERR_BAD_CHUNK);
}

TEST(after_the_end_nothing_more_is_taken)
{
    struct head head = {.body = BODY_LENGTH, .content_length = 1};
    struct body body;
    struct str bytes = STR("ab"), data;
    body_init(&body, &head, NULL, NULL, 0);
    WANT_INT(body_take(&body, &bytes, &data), OK);
    WANT_INT(body_take(&body, &bytes, &data), OK);
    WANT_INT(data.len, 0);
    WANT_STR(bytes, STR("b"));
    WANT_INT(body_end(&body), OK);
}
