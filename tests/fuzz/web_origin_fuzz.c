/* web_origin_fuzz.c - an operator's line and a stranger's line: what is written is an origin or is
 * refused with a way out that leads out, and nothing is let in that does not stand there.
 * The input is cut at its first line end: before it what is written, after it what is asked for. */
#include "base/check.h"
#include "policy/web_origin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has(struct arena *arena, const struct web_origin *written, struct str origin)
{
    struct web_origin_set set;
    struct pattern_scratch scratch = {0};
    bool is_set = web_origin_set_init(&set, arena, written, 1) == OK;
    bool is_in = is_set && web_origin_set_has(&set, origin, &scratch);
    web_origin_set_drop(&set);
    return is_in;
}

/* What the wildcard stands for is labels: nothing that could end the host before its end. */
static void check_below(struct str written, struct str origin)
{
    size_t star = str_find(written, '*');
    struct str tail = str_skip(written, star + 1);
    CHECK(str_starts(origin, str_sub(written, 0, star)));
    CHECK(str_ends(origin, tail));
    struct str labels = str_sub(origin, star, origin.len - star - tail.len);
    CHECK(labels.len > 0);
    for (size_t i = 0; i < labels.len; i++) {
        char c = labels.at[i];
        bool is_letter = c >= 'a' && c <= 'z';
        CHECK(is_letter || char_is_digit(c) || c == '-' || c == '_' || c == '.');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct str meant = STR("did you mean \"");
    struct str_pair cut = str_cut(str_of((const char *)data, size), '\n');
    struct web_origin written, again;
    struct str way_out = {0};
    struct arena arena;
    arena_init_heap(&arena, 1 << 20);
    if (web_origin_parse(&arena, cut.head, &written, &way_out) == OK) {
        bool is_in = has(&arena, &written, cut.tail);
        CHECK(written.kind != WEB_ORIGIN_ANY || is_in);
        CHECK(written.kind != WEB_ORIGIN_NULL || is_in == str_eq(cut.tail, STR("null")));
        CHECK(written.kind != WEB_ORIGIN_EXACT || is_in == str_eq(cut.tail, cut.head) ||
              cut.head.len > 512);
        if (written.kind == WEB_ORIGIN_BELOW && is_in) {
            check_below(cut.head, cut.tail);
        }
    } else {
        CHECK(way_out.len > 0);
        if (str_starts(way_out, meant)) {
            struct str form = str_sub(way_out, meant.len, way_out.len - meant.len - 2);
            CHECK(web_origin_parse(&arena, form, &again, &way_out) == OK);
        }
    }
    arena_reset(&arena);
    return 0;
}
