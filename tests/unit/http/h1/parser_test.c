#include "../heads.h"
#include "test.h"
#include "vectors.h"

#define R "GET / HTTP/1.1\r\n"
#define H "Host: a\r\n"
#define S "HTTP/1.1 200 OK\r\n"

struct row {
    const char *text;
    enum err error;
    size_t len; /* 0: strlen */
};

/* A row with a NUL inside. */
#define NUL(text, error)                                                                           \
    {                                                                                              \
        text, error, sizeof(text) - 1                                                              \
    }

static const struct row requests[] = {
    {R H "\r\n", OK, 0},
    {"GET / HTTP/1.0\r\n\r\n", OK, 0},
    {R "\r\n", OK, 0},
    {"PURGE http://a/b?c=d HTTP/1.1\r\nHost:a\r\n\r\n", OK, 0},
    {"!#$%&'*+-.^_`|~ /\"<>\\^`{|} HTTP/1.1\r\n\r\n", OK, 0},
    {R "Empty:\r\nSpaces: \t \r\nTab:\tx\t\r\nLong:   two words  \r\n\r\n", OK, 0},
    {R "Obs: caf\xe9 \xff\r\nPunct: !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\r\n\r\n", OK, 0},
    {R "Tabs: a\tb\tc\td\te\tf\tg\th\ti\tj\tk\tl\tm\tn\to\tp\tq\tr\ts\tt\tu\tv\tw\tx\r\n\r\n", OK,
     0},
    {R "A-name-that-is-longer-than-any-register-that-a-scan-may-use: 1\r\n\r\n", OK, 0},
    {R H "\r\nGET /next HTTP/1.1\r\n", OK, 0},
    {"* * HTTP/1.1\r\n\r\n", OK, 0},
    /* The request line. */
    {"", ERR_AGAIN, 0},
    {"GET", ERR_AGAIN, 0},
    {R H, ERR_AGAIN, 0},
    {R H "\r", ERR_AGAIN, 0},
    {"\r\n" R H "\r\n", ERR_BAD_REQUEST_LINE, 0},
    {"\n" R H "\r\n", ERR_BAD_REQUEST_LINE, 0},
    {" " R H "\r\n", ERR_BAD_METHOD, 0},
    {"GET\r\n", ERR_BAD_REQUEST_LINE, 0},
    {"GET /\r\n", ERR_BAD_REQUEST_LINE, 0},
    {"GET /\n", ERR_BAD_REQUEST_LINE, 0},
    {"GET / \r\n", ERR_BAD_REQUEST_LINE, 0},
    {"GET  / HTTP/1.1\r\n", ERR_BAD_TARGET, 0},
    {"GET\t/ HTTP/1.1\r\n", ERR_BAD_METHOD, 0},
    {"GET /\tHTTP/1.1\r\n", ERR_BAD_TARGET, 0},
    {"GET /  HTTP/1.1\r\n", ERR_BAD_REQUEST_LINE, 0},
    {"GET / HTTP/1.1 \r\n", ERR_BAD_LINE_END, 0},
    {"GET / a HTTP/1.1\r\n", ERR_BAD_REQUEST_LINE, 0},
    {"G(T / HTTP/1.1\r\n", ERR_BAD_METHOD, 0},
    {"G\xc3\xa9T / HTTP/1.1\r\n", ERR_BAD_METHOD, 0},
    {"GET /#top HTTP/1.1\r\n", ERR_BAD_TARGET, 0},
    {"GET /caf\xc3\xa9 HTTP/1.1\r\n", ERR_BAD_TARGET, 0},
    {"GET /a\x7f HTTP/1.1\r\n", ERR_BAD_TARGET, 0},
    {"GET /a\x01 HTTP/1.1\r\n", ERR_BAD_TARGET, 0},
    {"GET /a\rb HTTP/1.1\r\n", ERR_BAD_REQUEST_LINE, 0},
    {"GET / http/1.1\r\n", ERR_BAD_REQUEST_LINE, 0},
    {"GET / HTTP/2.0\r\n", ERR_BAD_VERSION, 0},
    {"GET / HTTP/1.2\r\n", ERR_BAD_VERSION, 0},
    {"GET / HTTP/0.9\r\n", ERR_BAD_VERSION, 0},
    {"GET / HTTP/1.10\r\n", ERR_BAD_LINE_END, 0},
    {"GET / HTTP/11\r\n", ERR_BAD_REQUEST_LINE, 0},
    {"GET / HTTP/1\r\n", ERR_BAD_REQUEST_LINE, 0},
    {"GET / HTTPS/1.1\r\n", ERR_BAD_REQUEST_LINE, 0},
    {"GET / ICE/1.0\r\n", ERR_BAD_REQUEST_LINE, 0},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ERR_BAD_VERSION, 0},
    {"GET / HTTP/1.1\n" H "\r\n", ERR_BAD_LINE_END, 0},
    {"GET / HTTP/1.1\r" H "\r\n", ERR_BAD_LINE_END, 0},
    {"GET / HTTP/1.1\r\r\n", ERR_BAD_LINE_END, 0},
    {"\x16\x03\x01\x02", ERR_BAD_METHOD, 0},
    /* Fields. */
    {R "Host : a\r\n\r\n", ERR_BAD_FIELD_NAME, 0},
    {R "Host\t: a\r\n\r\n", ERR_BAD_FIELD_NAME, 0},
    {R ": a\r\n\r\n", ERR_BAD_FIELD_NAME, 0},
    {R "Ho st: a\r\n\r\n", ERR_BAD_FIELD_NAME, 0},
    {R "Ho\xffst: a\r\n\r\n", ERR_BAD_FIELD_NAME, 0},
    {R "Ho(st: a\r\n\r\n", ERR_BAD_FIELD_NAME, 0},
    {R "Host\r\n\r\n", ERR_BAD_FIELD, 0},
    {R "Host\n\r\n", ERR_BAD_LINE_END, 0},
    {R " Host: a\r\n\r\n", ERR_BAD_FIELD, 0},
    {R "\tHost: a\r\n\r\n", ERR_BAD_FIELD, 0},
    {R H " folded\r\n\r\n", ERR_BAD_FIELD, 0},
    {R H "\tfolded\r\n\r\n", ERR_BAD_FIELD, 0},
    {R "Host: a\n\r\n", ERR_BAD_LINE_END, 0},
    {R "Host: a\n\n", ERR_BAD_LINE_END, 0},
    {R "Host: a\rb\r\n\r\n", ERR_BAD_LINE_END, 0},
    {R "Host: a\r\r\n\r\n", ERR_BAD_LINE_END, 0},
    {R "Host: a\x01\r\n\r\n", ERR_BAD_FIELD, 0},
    {R "Host: a\x0b\r\n\r\n", ERR_BAD_FIELD, 0},
    {R "Host: a\x7f\r\n\r\n", ERR_BAD_FIELD, 0},
    {R "Host:\x0c a\r\n\r\n", ERR_BAD_FIELD, 0},
    {R H "\n", ERR_BAD_LINE_END, 0},
    {R H "\rX", ERR_BAD_LINE_END, 0},
    NUL(R "Host: a\0b\r\n\r\n", ERR_BAD_FIELD),
    NUL(R "Ho\0st: a\r\n\r\n", ERR_BAD_FIELD_NAME),
    NUL("GET /\0 HTTP/1.1\r\n", ERR_BAD_TARGET),
    NUL("G\0T / HTTP/1.1\r\n", ERR_BAD_METHOD),
};

static const struct row responses[] = {
    {S "\r\n", OK, 0},
    {S H "\r\nbody", OK, 0},
    {"HTTP/1.0 404 Not Found\r\n\r\n", OK, 0},
    {"HTTP/1.1 200 \r\n\r\n", OK, 0},
    {"HTTP/1.1 200\r\n\r\n", OK, 0},
    {"HTTP/1.1 500 caf\xe9\tor  so \r\n\r\n", OK, 0},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1", OK, 0},
    {"HTTP/1.1 20", ERR_AGAIN, 0},
    {"HTTP/1.1 200 OK\r", ERR_AGAIN, 0},
    {"HTTP/1.1 200 OK\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"HTTP/1.1 200 O\x01K\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"HTTP/1.1 200 O\rK\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"HTTP/1.1  200 OK\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"HTTP/1.1 20 OK\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"HTTP/1.1 2000 OK\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"HTTP/1.1 099 OK\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"HTTP/1.1 600 OK\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"HTTP/1.1 +20 OK\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"HTTP/1.1\t200 OK\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"HTTP/1.1 200\tOK\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"HTTP/2.0 200 OK\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"HTTP/1.2 200 OK\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"http/1.1 200 OK\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"\r\nHTTP/1.1 200 OK\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {"<html>", ERR_ORIGIN_BAD_HEAD, 0},
    {"ICY 200 OK\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {S "Host : a\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {S H " folded\r\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
    {S "a: b\n\r\n", ERR_ORIGIN_BAD_HEAD, 0},
};

static struct str row_text(const struct row *row)
{
    return str_of(row->text, row->len > 0 ? row->len : strlen(row->text));
}

/* On every path: whole, split once at every byte, and byte by byte, all with one result. */
static void check_row(enum h1_kind kind, const struct row *row)
{
    static char wanted_room[HEADS_TEXT_MAX], got_room[HEADS_TEXT_MAX];
    struct strbuf wanted = strbuf_over(wanted_room, sizeof wanted_room);
    struct strbuf got = strbuf_over(got_room, sizeof got_room);
    struct str text = row_text(row);
    for (int path = 0; path < SCAN_PATH_COUNT; path++) {
        const struct scan *scan = scan_on((enum scan_path)path);
        if (scan == NULL) {
            continue;
        }
        for (size_t first = 0; first <= text.len + 1; first++) {
            struct heads h = {.parser.scan = scan};
            bool is_bytewise = first == text.len + 1;
            heads_feed(&h, kind, text, is_bytewise ? 0 : first, is_bytewise ? 1 : text.len);
            if (path == 0 && first == 0) {
                heads_show(&h, &wanted);
                WANT_INT(h.error, row->error);
                if (h.error != row->error) {
                    printf("# in %s\n", row->text);
                }
            }
            WANT_STR(heads_show(&h, &got), strbuf_str(&wanted));
            heads_drop(&h);
        }
    }
}

TEST(requests_are_taken_or_refused_alike_however_they_are_cut)
{
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        check_row(H1_REQUEST, &requests[i]);
    }
}

TEST(responses_are_taken_or_refused_alike_however_they_are_cut)
{
    for (size_t i = 0; i < COUNT_OF(responses); i++) {
        check_row(H1_RESPONSE, &responses[i]);
    }
}

TEST(a_request_is_told_apart_into_its_parts)
{
    struct heads h = {0};
    struct str text = STR("POST /a?b HTTP/1.0\r\nHost: x:1\r\ncOOkie:\t1 \r\nX-New: \r\n\r\nbody");
    WANT_INT(heads_parse(&h, H1_REQUEST, text), OK);
    WANT_INT(h.taken, text.len - 4);
    WANT_INT(h.head.method, METHOD_POST);
    WANT_INT(h.head.minor, 0);
    WANT_STR(h.head.method_text, STR("POST"));
    WANT_STR(h.head.target, STR("/a?b"));
    WANT_INT(h.head.fields.count, 3);
    WANT_STR(h.head.fields.at[0].value, STR("x:1"));
    WANT_INT(h.head.fields.at[0].id, FIELD_HOST);
    WANT_INT(h.head.fields.at[0].flags, FIELD_IS_VERBATIM);
    WANT_STR(h.head.fields.at[1].name, STR("cOOkie"));
    WANT_STR(h.head.fields.at[1].value, STR("1"));
    WANT_INT(h.head.fields.at[1].id, FIELD_COOKIE);
    WANT_INT(h.head.fields.at[1].flags, 0);
    WANT_STR(h.head.fields.at[2].value, STR(""));
    WANT_INT(h.head.fields.at[2].id, FIELD_OTHER);
    WANT(fields_have(&h.head.fields, FIELD_COOKIE));
    WANT(!fields_have(&h.head.fields, FIELD_ORIGIN));
    heads_drop(&h);
}

TEST(a_response_is_told_apart_into_its_parts)
{
    struct heads h = {0};
    WANT_INT(heads_parse(&h, H1_RESPONSE, STR("HTTP/1.0 503 Go away \r\nVia: x\r\n\r\n")), OK);
    WANT_INT(h.head.status, 503);
    WANT_INT(h.head.minor, 0);
    WANT_STR(h.head.reason, STR("Go away "));
    WANT_INT(h.head.fields.at[0].id, FIELD_VIA);
    heads_drop(&h);
}

/* Every byte in a name, in a value, in a target and behind a line, against the grammar by hand. */
TEST(every_byte_is_taken_only_where_its_grammar_allows)
{
    static const char tchars[] = "!#$%&'*+-.^_`|~0123456789"
                                 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int path = 0; path < SCAN_PATH_COUNT; path++) {
        const struct scan *scan = scan_on((enum scan_path)path);
        for (int c = 0; scan != NULL && c < 256; c++) {
            bool is_tchar = c != 0 && strchr(tchars, c) != NULL;
            bool is_text = c == '\t' || (c >= ' ' && c != 0x7f);
            bool is_target = c > ' ' && c < 0x7f && c != '#';
            for (size_t pad = 0; pad < 70; pad += 3) {
                char text[512];
                for (int where = 0; where < 3; where++) {
                    struct strbuf out = strbuf_over(text, sizeof text);
                    struct heads h = {.parser.scan = scan};
                    strbuf_add_fmt(
                        &out, "GET /%.*s", (int)pad,
                        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
                    strbuf_add(&out, where == 0 ? str_of((char[]){(char)c}, 1) : STR(""));
                    strbuf_add_fmt(
                        &out, "b HTTP/1.1\r\nN%.*s", (int)pad,
                        "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn");
                    strbuf_add(&out, where == 1 ? str_of((char[]){(char)c}, 1) : STR(""));
                    strbuf_add_fmt(
                        &out, "n: v%.*s", (int)pad,
                        "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv");
                    strbuf_add(&out, where == 2 ? str_of((char[]){(char)c}, 1) : STR(""));
                    strbuf_add(&out, STR("v\r\n\r\n"));
                    bool is_good = where == 0   ? is_target || c == ' '
                                   : where == 1 ? is_tchar || c == ':'
                                                : is_text;
                    enum err e = heads_parse(&h, H1_REQUEST, strbuf_str(&out));
                    WANT((e == OK) == (is_good && !(where == 0 && c == ' ')));
                    heads_drop(&h);
                }
            }
        }
    }
}

TEST(limits_hold_at_their_edge_and_say_which)
{
    static const struct h1_limits limits = {
        .head_bytes_max = 60, .field_count_max = 3, .target_bytes_max = 10};
    static const struct row rows[] = {
        {"GET /2345678901 HTTP/1.1\r\n\r\n", ERR_TARGET_BYTES, 0},
        {"GET /234567890 HTTP/1.1\r\n\r\n", OK, 0},
        {"GET /234567890#", ERR_BAD_TARGET, 0},
        {"GET /2345678901#", ERR_TARGET_BYTES, 0},
        {"GET /2345678901", ERR_TARGET_BYTES, 0},
        {"GET /234567890", ERR_AGAIN, 0},
        {R "a: 1\r\nb: 2\r\nc: 3\r\n\r\n", OK, 0},
        {R "a: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n\r\n", ERR_FIELD_COUNT, 0},
        {R "a: 3456789012345678901234567890123456789\r\n\r\n", OK, 0},
        {R "a: 34567890123456789012345678901234567890\r\n\r\n", ERR_HEAD_BYTES, 0},
        {R "a: 34567890123456789012345678901234567890\r\n\n", ERR_BAD_LINE_END, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str text = row_text(&rows[i]);
        for (size_t first = 0; first <= text.len; first++) {
            struct heads h = {.limits = &limits};
            heads_feed(&h, H1_REQUEST, text, first, text.len);
            WANT_INT(h.error, rows[i].error);
            heads_drop(&h);
        }
    }
}

TEST(an_origin_over_the_limits_is_told_from_a_malformed_one)
{
    static const struct h1_limits limits = {
        .head_bytes_max = 40, .field_count_max = 2, .target_bytes_max = 10};
    struct heads h = {.limits = &limits};
    WANT_INT(heads_parse(&h, H1_RESPONSE, STR(S "a:1\r\nb:2\r\nc:3\r\n\r\n")),
             ERR_ORIGIN_HEAD_BYTES);
    heads_drop(&h);
    h = (struct heads){.limits = &limits};
    WANT_INT(heads_parse(&h, H1_RESPONSE, STR(S "a: 345678901234567890123456789")),
             ERR_ORIGIN_HEAD_BYTES);
    heads_drop(&h);
}

TEST(a_field_array_that_was_given_is_filled_before_the_arena_is_asked)
{
    struct field room[2];
    struct head head = {.fields = {.at = room, .cap = 2}};
    struct h1_parser parser;
    struct arena arena;
    arena_init_heap(&arena, 0);
    h1_parser_init(&parser, H1_REQUEST, &head, &arena, &heads_limits);
    WANT_INT(h1_parse(&parser, STR(R "a:1\r\nb:2\r\n\r\n")), OK);
    WANT(head.fields.at == room);
    h1_parser_init(&parser, H1_REQUEST, &head, &arena, &heads_limits);
    WANT_INT(h1_parse(&parser, STR(R "a:1\r\nb:2\r\nc:3\r\n\r\n")), ERR_MEMORY);
    arena_reset(&arena);
}

TEST(many_fields_grow_the_array)
{
    char text[8192];
    struct strbuf out = strbuf_over(text, sizeof text);
    strbuf_add(&out, STR(R));
    for (int i = 0; i < 128; i++) {
        strbuf_add_fmt(&out, "x-%d: %d\r\n", i, i);
    }
    strbuf_add(&out, STR("\r\n"));
    struct heads h = {0};
    WANT_INT(heads_parse(&h, H1_REQUEST, strbuf_str(&out)), OK);
    WANT_INT(h.head.fields.count, 128);
    WANT_STR(h.head.fields.at[127].value, STR("127"));
    heads_drop(&h);
}

/* Whatever the bytes are: every path, fed at once or in steps, says the same. */
static void run_seed(struct str bytes)
{
    static char wanted_room[1 << 20], got_room[1 << 20];
    struct strbuf wanted = strbuf_over(wanted_room, sizeof wanted_room);
    struct strbuf got = strbuf_over(got_room, sizeof got_room);
    for (int kind = H1_REQUEST; kind <= H1_RESPONSE; kind++) {
        for (int path = 0; path < SCAN_PATH_COUNT; path++) {
            struct heads h = {.parser.scan = scan_on((enum scan_path)path)};
            if (h.parser.scan == NULL) {
                continue;
            }
            heads_feed(&h, (enum h1_kind)kind, bytes, path == 0 ? bytes.len : 0, 3);
            heads_show(&h, path == 0 ? &wanted : &got);
            WANT(path == 0 || str_eq(strbuf_str(&got), strbuf_str(&wanted)));
            heads_drop(&h);
        }
    }
}

TEST(seeds_of_other_http_fuzzers_are_read_alike_on_every_path)
{
    char path[VECTORS_PATH_MAX];
    if (!vectors_path(path, "fuzz-seeds/http1-corpus")) {
        SKIP("no HTTP/1 seeds");
    }
    WANT(vectors_each(path, run_seed) > 0);
}
