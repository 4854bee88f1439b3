/* source_test.c - the line of a position. */
#include "test.h"
#include "text/source.h"

static struct str line_of(const char *text, uint32_t line)
{
    struct source source = {.text = str_from_c(text)};
    struct source_pos pos = {&source, line, 1, 1};
    return source_line(&pos);
}

TEST(a_line_comes_without_its_end)
{
    WANT_STR(line_of("a\nbc\r\nd", 1), STR("a"));
    WANT_STR(line_of("a\nbc\r\nd", 2), STR("bc"));
    WANT_STR(line_of("a\nbc\r\nd", 3), STR("d"));
}

TEST(a_line_behind_the_text_is_empty)
{
    WANT_STR(line_of("a\n", 2), STR(""));
    WANT_STR(line_of("a", 9), STR(""));
    WANT_STR(line_of("", 1), STR(""));
}

TEST(a_place_that_is_nowhere_has_no_line)
{
    struct source_pos pos = {0};
    WANT(!source_pos_is_set(&pos));
    WANT_INT(source_line(&pos).len, 0);
}
