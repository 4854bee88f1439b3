#include "base/str.h"
#include "test.h"

TEST(cutting_splits_at_the_first_separator)
{
    struct str_pair cut = str_cut(STR("a=b=c"), '=');
    WANT(cut.is_cut);
    WANT_STR(cut.head, STR("a"));
    WANT_STR(cut.tail, STR("b=c"));
    cut = str_cut(STR("abc"), '=');
    WANT(!cut.is_cut);
    WANT_STR(cut.head, STR("abc"));
    WANT_STR(cut.tail, STR(""));
    cut = str_cut_last(STR("[::1]:80"), ':');
    WANT_STR(cut.head, STR("[::1]"));
    WANT_STR(cut.tail, STR("80"));
}

TEST(numbers_are_digits_only_and_never_wrap)
{
    static const char *const bad[] = {"", "+1", "-1", "1 ", " 1", "0x1", "1_0", "18446744073709551616",
                                      "99999999999999999999"};
    uint64_t value = 7;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        WANT(!str_to_u64(str_from_c(bad[i]), &value));
    }
    WANT(value == 7);
    WANT(str_to_u64(STR("18446744073709551615"), &value) && value == UINT64_MAX);
    WANT(str_hex_to_u64(STR("FFFFFFFFFFFFFFFF"), &value) && value == UINT64_MAX);
    WANT(!str_hex_to_u64(STR("10000000000000000"), &value));
    WANT(!str_hex_to_u64(STR("0x1"), &value));
    WANT(!str_hex_to_u64(STR(""), &value));
}

TEST(list_elements_are_trimmed_and_empty_ones_skipped)
{
    struct str rest = STR(" a ,, b\t, "), element;
    WANT(str_next_element(&rest, &element));
    WANT_STR(element, STR("a"));
    WANT(str_next_element(&rest, &element));
    WANT_STR(element, STR("b"));
    WANT(!str_next_element(&rest, &element));
}

TEST(comparison_without_case_is_ascii_only)
{
    WANT(str_eq_nocase(STR("Content-LENGTH"), STR("content-length")));
    WANT(!str_eq_nocase(STR("K"), STR("\xe2\x84\xaa")));
    WANT(!str_eq_nocase(STR("a"), STR("ab")));
    WANT(str_compare(STR("a"), STR("ab")) < 0);
    WANT(str_compare(STR("b"), STR("ab")) > 0);
    WANT(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")));
    WANT(str_ends(STR("abc"), STR("bc")) && !str_ends(STR("c"), STR("bc")));
}
