/* grammar_failure_test.c - what the long form writes can be read again, to the same value. */
#include "base/check.h"
#include "config/internals.h"
#include "kit.h"

static struct str written(const struct conf_grammar *grammar, const void *value)
{
    static char text[64];
    struct arena arena;
    struct sink out;
    arena_init_heap(&arena, 1 << 16);
    sink_to_memory(&out, &arena);
    grammar->write(value, &out);
    struct str all = sink_str(&out);
    size_t len = all.len;
    CHECK(len <= sizeof text);
    memcpy(text, all.at == NULL ? "" : all.at, len);
    arena_reset(&arena);
    return str_of(text, len);
}

TEST(failures_are_written_as_they_are_read)
{
    const struct conf_failures failures = {5, 90000};
    int64_t percent = 33;
    WANT_STR(written(&conf_errors_grammar, &failures), STR("5 errors in 1m30s"));
    WANT_STR(written(&conf_share_in_grammar, &failures), STR("5% in 1m30s"));
    WANT_STR(written(&conf_share_over_grammar, &failures), STR("5% over 1m30s"));
    WANT_STR(written(&conf_percent_grammar, &percent), STR("33%"));
    const struct conf_failures none = {0};
    WANT_STR(written(&conf_errors_grammar, &none), STR(""));
}

TEST(a_rule_cut_anywhere_is_refused)
{
    static const char whole[] = "25 errors in 10s for 30s";
    struct conf_failures after;
    for (size_t i = 0; i < sizeof whole; i++) {
        int64_t for_ms = 7;
        bool is_right = conf_parse_errors_for(str_of(whole, i), &after, &for_ms);
        WANT_INT(is_right, i == 16 || i == sizeof whole - 1);
        WANT_INT(!is_right || after.count == 25, 1);
    }
}
