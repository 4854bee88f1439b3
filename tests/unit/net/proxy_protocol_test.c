#include "net/proxy_protocol.h"

#include "base/limits.h"
#include "test.h"

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define ENDS4 "\300\0\2\1\300\0\2\2\x10\0\0\x50"

static struct proxy_header header;
static size_t bytes;

static enum err parse(struct str in)
{
    return proxy_protocol_parse(in, &header, &bytes);
}

static void want_ends(const char *from, const char *to)
{
    char text[ADDR_TEXT_BYTES_MAX];
    struct strbuf out = strbuf_over(text, sizeof text);
    addr_add(&out, &header.from);
    WANT_STR(strbuf_str(&out), str_from_c(from));
    out.len = 0;
    addr_add(&out, &header.to);
    WANT_STR(strbuf_str(&out), str_from_c(to));
}

TEST(version_1_tells_both_ends)
{
    WANT_INT(parse(STR("PROXY TCP4 192.0.2.1 192.0.2.2 4096 80\r\nGET /")), OK);
    WANT_INT(bytes, 40);
    want_ends("192.0.2.1:4096", "192.0.2.2:80");
    WANT_INT(parse(STR("PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n")), OK);
    want_ends("[2001:db8::1]:1", "[2001:db8::2]:65535");
    WANT_INT(parse(STR("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:192.0.2.2 1 2\r\n")), OK);
    want_ends("192.0.2.1:1", "192.0.2.2:2");
    WANT_INT(parse(STR("PROXY UNKNOWN\r\n")), OK);
    WANT(header.is_local);
    WANT_INT(parse(STR("PROXY UNKNOWN ffff:f...f:ffff 65535\r\n")), OK);
    WANT(header.is_local);
}

TEST(version_2_tells_both_ends_and_more)
{
    WANT_INT(parse(STR(SIGNATURE "\x21\x11\0\x0c" ENDS4 "x")), OK);
    WANT_INT(bytes, 28);
    want_ends("192.0.2.1:4096", "192.0.2.2:80");
    WANT_INT(parse(STR(SIGNATURE "\x21\x11\0\x20" ENDS4 "\x02\0\3abc\x01\0\2h2\xea\0\1x\x05\0\2id")), OK);
    WANT_STR(header.authority, STR("abc"));
    WANT_STR(header.alpn, STR("h2"));
    WANT_STR(header.unique_id, STR("id"));
    WANT_INT(parse(STR(SIGNATURE "\x20\x11\0\x05zzzzz")), OK);
    WANT(header.is_local);
    WANT_INT(bytes, 21);
    WANT_INT(parse(STR(SIGNATURE "\x21\0\0\0")), OK);
    WANT(header.is_local);
}

TEST(what_is_no_header_is_refused_at_once)
{
    static const struct {
        const char *at;
        size_t len;
    } bad[] = {
#define BAD(text) {text, sizeof(text) - 1}
        BAD("GET / HTTP/1.1\r\n"), BAD("PROXX"), BAD("PROXY  TCP4 1.1.1.1 1.1.1.1 1 1\r\n"),
        BAD("PROXY TCP4 1.1.1.1 1.1.1.1 1 1\n"), BAD("PROXY TCP4 1.1.1.1 1.1.1.1 1 1 \r\n"),
        BAD("PROXY TCP4 1.1.1.1 1.1.1.1 01 1\r\n"), BAD("PROXY TCP4 1.1.1.1 1.1.1.1 1 65536\r\n"),
        BAD("PROXY TCP4 1.1.1.1 1.1.1.1 -1 1\r\n"), BAD("PROXY TCP4 ::1 ::1 1 1\r\n"),
        BAD("PROXY TCP6 1.1.1.1 1.1.1.1 1 1\r\n"), BAD("PROXY TCP6 [::1] ::1 1 1\r\n"),
        BAD("PROXY TCP4 1.1.1.1 1.1.1.1 1\r\n"), BAD("PROXY UDP4 1.1.1.1 1.1.1.1 1 1\r\n"),
        BAD("PROXY \r\n"), BAD("PROXY TCP4 01.1.1.1 1.1.1.1 1 1\r\n"), BAD("\r\n\r\nX"),
        BAD(SIGNATURE "\x11\x11\0\x0c" ENDS4), BAD(SIGNATURE "\x22\x11\0\x0c" ENDS4),
        BAD(SIGNATURE "\x21\x13\0\x0c" ENDS4), BAD(SIGNATURE "\x21\x41\0\x0c" ENDS4),
        BAD(SIGNATURE "\x21\x11\0\x0b\300\0\2\1\300\0\2\2\x10\0\0"),
        BAD(SIGNATURE "\x21\x11\0\x0e" ENDS4 "\x04\0"),
        BAD(SIGNATURE "\x21\x11\0\x10" ENDS4 "\x04\0\2x"), BAD(SIGNATURE "\x21\x11\0\x0f" ENDS4 "\x02\0\0"),
        BAD(SIGNATURE "\x21\x11\0\x13" ENDS4 "\x03\0\4\1\2\3\4"),
        BAD(SIGNATURE "\x21\x11\0\x12" ENDS4 "\x03\0\3\1\2\3"),
        BAD(SIGNATURE "\x21\x11\xff\xff"),
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        WANT_INT(parse(str_of(bad[i].at, bad[i].len)), ERR_SYNTAX);
    }
}

TEST(the_checksum_is_over_the_whole_header)
{
    char text[] = SIGNATURE "\x21\x11\0\x13" ENDS4 "\x03\0\4\0\0\0";
    struct str in = str_of(text, sizeof text);
    unsigned right = 0;
    /* CRC32C of these 35 bytes with zeros in place of the sum. */
    memcpy(text + 31, "\xd5\x37\x0d\x39", 4);
    right += parse(in) == OK;
    for (size_t i = 16; i < 28; i++) {
        text[i] ^= 1;
        right += parse(in) == OK;
        text[i] ^= 1;
    }
    WANT_INT(right, 1);
}

TEST(a_cut_header_asks_for_more_and_proxy_header_bytes_end_it)
{
    static const struct str whole[] = {
        {"PROXY TCP4 192.0.2.1 192.0.2.2 4096 80\r\n", 40},
        {SIGNATURE "\x21\x11\0\x0c" ENDS4, 28}};
    for (size_t i = 0; i < COUNT_OF(whole); i++) {
        for (size_t cut = 0; cut < whole[i].len; cut++) {
            WANT_INT(parse(str_sub(whole[i], 0, cut)), ERR_AGAIN);
        }
        WANT_INT(parse(whole[i]), OK);
    }
    char line[PROXY_V1_BYTES_MAX];
    memset(line, 'x', sizeof line);
    memcpy(line, "PROXY UNKNOWN ", 14);
    WANT_INT(parse(str_of(line, sizeof line - 1)), ERR_AGAIN);
    WANT_INT(parse(str_of(line, sizeof line)), ERR_SYNTAX);
    WANT_INT(LIMIT_VALUE(proxy_header_bytes), 4096);
    WANT_INT(parse(STR(SIGNATURE "\x21\x11\x0f\xf0")), ERR_AGAIN);
    WANT_INT(parse(STR(SIGNATURE "\x21\x11\x0f\xf1")), ERR_SYNTAX);
}

TEST(what_is_written_reads_back)
{
    char room[PROXY_OUT_BYTES_MAX];
    struct proxy_header told = {.authority = STR("a.example"), .alpn = STR("h2"), .unique_id = STR("17")};
    WANT_INT(addr_parse(STR("192.0.2.1:1000"), &told.from), OK);
    WANT_INT(addr_parse(STR("192.0.2.2:2000"), &told.to), OK);
    struct strbuf out = strbuf_over(room, sizeof room);
    proxy_protocol_write(&out, PROXY_V1, &told);
    WANT_STR(strbuf_str(&out), STR("PROXY TCP4 192.0.2.1 192.0.2.2 1000 2000\r\n"));
    out.len = 0;
    proxy_protocol_write(&out, PROXY_V2, &told);
    WANT_INT(parse(strbuf_str(&out)), OK);
    want_ends("192.0.2.1:1000", "192.0.2.2:2000");
    WANT_STR(header.authority, STR("a.example"));
    WANT_STR(header.alpn, STR("h2"));
    WANT_STR(header.unique_id, STR("17"));
    told.is_local = true;
    out.len = 0;
    proxy_protocol_write(&out, PROXY_V2, &told);
    WANT_STR(strbuf_str(&out), STR(SIGNATURE "\x20\0\0\0"));
    WANT_INT(addr_parse(STR("[2001:db8::1]:1"), &told.from), OK);
    told.is_local = false;
    out.len = 0;
    proxy_protocol_write(&out, PROXY_V1, &told);
    WANT_STR(strbuf_str(&out), STR("PROXY UNKNOWN\r\n"));
    WANT_INT(addr_parse(STR("[2001:db8::2]:2"), &told.to), OK);
    out.len = 0;
    proxy_protocol_write(&out, PROXY_V1, &told);
    WANT_STR(strbuf_str(&out), STR("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n"));
}
