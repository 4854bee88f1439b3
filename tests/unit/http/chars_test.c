#include "http/chars.h"

#include "test.h"

struct row {
    enum char_class class;
    const char *members;
};

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

static const struct row rows[] = {
    {CHAR_TOKEN, LOWER UPPER DIGITS "!#$%&'*+-.^_`|~"},
    {CHAR_PATH, LOWER UPPER DIGITS "-._~!$&'()*+,;=:@"},
    {CHAR_UNRESERVED, LOWER UPPER DIGITS "-._~"},
    {CHAR_HOST, LOWER DIGITS "-_"},
    {CHAR_UPPER, UPPER},
    {CHAR_TARGET, LOWER UPPER DIGITS "!\"$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
    {CHAR_VISIBLE, LOWER UPPER DIGITS "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"},
};

TEST(each_class_has_the_bytes_of_its_grammar_and_no_other)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int c = 0; c < 256; c++) {
            bool is_member = c != 0 && strchr(rows[i].members, c) != NULL;
            WANT_INT(char_is((char)c, rows[i].class), is_member);
        }
    }
    for (int c = 0; c < 256; c++) {
        WANT_INT(char_is((char)c, CHAR_TEXT), c == '\t' || (c >= 0x20 && c != 0x7f));
    }
}

TEST(a_span_ends_at_the_first_byte_outside_or_at_the_end)
{
    const char text[] = "abcdefghij/";
    for (size_t from = 0; from < sizeof text - 1; from++) {
        for (size_t len = 0; from + len < sizeof text; len++) {
            const char *end = text + from + len;
            const char *wanted = end == text + sizeof text - 1 ? end - (len > 0) : end;
            WANT(chars_span(text + from, end, CHAR_HOST) == wanted);
        }
    }
}
