#include "net/client_hello.h"

#include "base/limits.h"
#include "base/strbuf.h"
#include "test.h"

static char room[LIMIT_VALUE(client_hello_bytes)];
static struct client_hello hello;

/* Extensions as bytes, put into a hello of records of at most `record_bytes`. */
static struct str make(struct str extensions, size_t record_bytes)
{
    static char body[40000], wire[80000];
    struct strbuf out = strbuf_over(body, sizeof body);
    strbuf_add(&out, STR("\1\0\0\0\3\3"));
    for (int i = 0; i < 32; i++) {
        strbuf_add_char(&out, (char)i);
    }
    strbuf_add(&out, STR("\2id\0\4\x0a\x0a\x13\1\1\0")); /* GREASE among the ciphers */
    strbuf_add_char(&out, (char)(extensions.len >> 8));
    strbuf_add_char(&out, (char)extensions.len);
    strbuf_add(&out, extensions);
    size_t len = out.len - 4;
    body[1] = (char)(len >> 16);
    body[2] = (char)(len >> 8);
    body[3] = (char)len;
    struct strbuf records = strbuf_over(wire, sizeof wire);
    for (size_t at = 0; at < out.len; at += record_bytes) {
        struct str part = str_sub(strbuf_str(&out), at, record_bytes);
        strbuf_add(&records, STR("\x16\3\1"));
        strbuf_add_char(&records, (char)(part.len >> 8));
        strbuf_add_char(&records, (char)part.len);
        strbuf_add(&records, part);
    }
    CHECK(!strbuf_overflowed(&records));
    return strbuf_str(&records);
}

static enum err parse(struct str in)
{
    return client_hello_parse(in, room, &hello);
}

#define NAME "\0\0\0\x0e\0\x0c\0\0\x09" "A.Example"
#define ALPN "\0\x10\0\x0e\0\x0c\2h2\x08" "http/1.1"
#define GREASE "\x4a\x4a\0\1x"
#define ECH "\xfe\x0d\0\2zz"

TEST(name_and_protocols_are_read)
{
    struct str protocol;
    WANT_INT(parse(make(STR(GREASE NAME ALPN ECH), 16384)), OK);
    WANT_STR(hello.name, STR("a.example"));
    WANT(hello.has_ech);
    WANT(client_hello_next_alpn(&hello.alpn, &protocol));
    WANT_STR(protocol, STR("h2"));
    WANT(client_hello_next_alpn(&hello.alpn, &protocol));
    WANT_STR(protocol, STR("http/1.1"));
    WANT(!client_hello_next_alpn(&hello.alpn, &protocol));
}

TEST(records_and_segments_may_cut_it_anywhere)
{
    for (size_t record_bytes = 1; record_bytes < 100; record_bytes++) {
        struct str whole = make(STR(GREASE NAME ALPN), record_bytes);
        for (size_t cut = 0; cut < whole.len; cut++) {
            WANT_INT(parse(str_sub(whole, 0, cut)), ERR_AGAIN);
        }
        WANT_INT(parse(whole), OK);
        WANT_STR(hello.name, STR("a.example"));
    }
}

TEST(one_without_name_is_whole_too)
{
    WANT_INT(parse(make(STR(ALPN), 16384)), OK);
    WANT_INT(hello.name.len, 0);
    WANT_INT(parse(make(STR(""), 16384)), OK);
    WANT_INT(hello.alpn.len, 0);
}

TEST(other_protocols_are_refused_at_their_first_bytes)
{
    WANT_INT(parse(STR("G")), ERR_SYNTAX);
    WANT_INT(parse(STR("\x16\x02")), ERR_SYNTAX);
    WANT_INT(parse(STR("\x16\3\1\0\0")), ERR_SYNTAX);
    WANT_INT(parse(STR("\x16\3\1\x40\1")), ERR_SYNTAX);
    WANT_INT(parse(STR("\x16\3\1\0\1\2")), ERR_SYNTAX);
    WANT_INT(parse(STR("\x15\3\1\0\2\2\x28")), ERR_SYNTAX);
}

TEST(lists_that_do_not_end_where_they_say_are_refused)
{
    static const struct str bad[] = {
#define BAD(text) {text, sizeof(text) - 1}
        BAD("\0\0\0\x0e\0\x0b\0\0\x09" "A.Example"), BAD("\0\0\0\x0d\0\x0c\0\0\x09" "A.Exampl"),
        BAD("\0\0\0\5\0\3\0\0\0"),           BAD("\0\0\0\6\0\4\1\0\1a"),
        BAD("\0\0\0\6\0\4\0\0\1 "),          BAD("\0\0\0\6\0\4\0\0\1\xff"),
        BAD(NAME NAME),                      BAD("\0\x10\0\2\0\0"),
        BAD("\0\x10\0\3\0\1\0"),             BAD("\0\x10\0\5\0\3\3h2"),
        BAD(ALPN ALPN),                      BAD("\0\x10\0"),
        BAD("\0"),                           BAD("\0\x10\0\6\0\3\2h2x"),
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        WANT_INT(parse(make(bad[i], 16384)), ERR_SYNTAX);
    }
}

TEST(client_hello_bytes_bound_it)
{
    static char large[LIMIT_VALUE(client_hello_bytes)];
    const size_t around = 4 + 2 + 32 + 3 + 6 + 2 + 2;
    memcpy(large, "\x4a\x4a", 2);
    size_t len = sizeof large - around - 4;
    large[2] = (char)(len >> 8);
    large[3] = (char)len;
    struct str fits = make(str_of(large, len + 4), 8192);
    WANT_INT(parse(fits), OK);
    len++;
    large[2] = (char)(len >> 8);
    large[3] = (char)len;
    WANT_INT(parse(str_sub(make(str_of(large, len + 4), 8192), 0, 20)), ERR_LIMIT);
}
