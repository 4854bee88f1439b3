/* utf8_test.c - RFC 3629: what is a character and what is not. */
#include "test.h"
#include "text/utf8.h"

static const struct {
    struct str bytes;
    size_t len;
    uint32_t code;
} cases[] = {
    {{"a", 1}, 1, 'a'},
    {{"\0", 1}, 1, 0},
    {{"\xc3\xbc", 2}, 2, 0xfc},
    {{"\xe2\x82\xac", 3}, 3, 0x20ac},
    {{"\xf0\x9f\x98\x80", 4}, 4, 0x1f600},
    {{"\xf4\x8f\xbf\xbf", 4}, 4, 0x10ffff},
    {{"", 0}, 0, 0},
    {{"\x80", 1}, 0, 0},
    {{"\xc0\x80", 2}, 0, 0},             /* overlong */
    {{"\xe0\x80\x80", 3}, 0, 0},         /* overlong */
    {{"\xf0\x80\x80\x80", 4}, 0, 0},     /* overlong */
    {{"\xed\xa0\x80", 3}, 0, 0},         /* surrogate */
    {{"\xf4\x90\x80\x80", 4}, 0, 0},     /* over U+10FFFF */
    {{"\xf8\x88\x80\x80\x80", 5}, 0, 0}, /* five bytes */
    {{"\xc3", 1}, 0, 0},
    {{"\xe2\x82", 2}, 0, 0},
    {{"\xc3x", 2}, 0, 0},
};

TEST(characters_are_read_and_everything_else_refused)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t code;
        size_t len = utf8_character(cases[i].bytes, &code);
        WANT_INT(len, cases[i].len);
        WANT_INT(len > 0 ? code : 0, cases[i].code);
    }
}
