#include "base/strbuf.h"
#include "test.h"

TEST(an_append_that_does_not_fit_writes_nothing_and_is_remembered)
{
    char room[4];
    struct strbuf out = strbuf_over(room, sizeof room);
    strbuf_add(&out, STR("abc"));
    strbuf_add(&out, STR("de"));
    WANT(strbuf_overflowed(&out));
    strbuf_add(&out, STR("f"));
    WANT_STR(strbuf_str(&out), STR("abcf"));
    WANT(strbuf_overflowed(&out));
}

TEST(numbers_are_written_in_full)
{
    char room[128];
    struct strbuf out = strbuf_over(room, sizeof room);
    strbuf_add_u64(&out, 0);
    strbuf_add_char(&out, ' ');
    strbuf_add_u64(&out, UINT64_MAX);
    strbuf_add_char(&out, ' ');
    strbuf_add_i64(&out, INT64_MIN);
    strbuf_add_char(&out, ' ');
    strbuf_add_hex(&out, 0xbeef);
    strbuf_add_fmt(&out, " %d", 5);
    WANT_STR(strbuf_str(&out), STR("0 18446744073709551615 -9223372036854775808 beef 5"));
}

TEST(json_strings_hold_every_byte_value_safely)
{
    char room[4096], all[256];
    for (int i = 0; i < 256; i++) {
        all[i] = (char)i;
    }
    struct strbuf out = strbuf_over(room, sizeof room);
    strbuf_add_json(&out, str_of(all, sizeof all), SIZE_MAX);
    WANT(!strbuf_overflowed(&out));
    for (size_t i = 0; i < out.len; i++) {
        WANT(out.at[i] >= 0x20 && out.at[i] < 0x7f);
    }
    out = strbuf_over(room, sizeof room);
    strbuf_add_json(&out, STR("gr\xc3\xbc\xc3\x9f\"\\\n\x01\xff\xed\xa0\x80"), SIZE_MAX);
    WANT_STR(strbuf_str(&out),
             STR("gr\xc3\xbc\xc3\x9f\\\"\\\\\\n\\u0001\\ufffd\\ufffd\\ufffd\\ufffd"));
    out = strbuf_over(room, sizeof room);
    strbuf_add_json(&out, STR("ab\xc3\xbc"), 3);
    WANT_STR(strbuf_str(&out), STR("ab"));
}
