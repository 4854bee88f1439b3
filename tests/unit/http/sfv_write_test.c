#include "sfv_json.h"
#include "test.h"

static char room[1 << 18];

static enum err write_json(struct arena *arena, struct str type, const json_t *json,
                           struct strbuf *out)
{
    bool is_list = str_eq(type, STR("list"));
    *out = strbuf_over(room, sizeof room);
    if (str_eq(type, STR("item"))) {
        struct sfv_item item = sfv_json_to_item(arena, json);
        return sfv_add_item(out, &item);
    }
    struct sfv_members members = sfv_json_to_members(arena, json, !is_list);
    return is_list ? sfv_add_list(out, &members) : sfv_add_dictionary(out, &members);
}

/* What is expected of a vector is written as its canonical form says, or as it came. */
static void run_vector(const json_t *vector)
{
    struct arena arena;
    struct strbuf out;
    const json_t *expected = json_object_get(vector, "expected");
    const json_t *canonical = json_object_get(vector, "canonical");
    struct str type = sfv_text_of(json_object_get(vector, "header_type"));
    struct str name = sfv_text_of(json_object_get(vector, "name"));
    bool must_fail = json_is_true(json_object_get(vector, "must_fail"));
    if (expected == NULL) {
        return; /* nothing but reading fails */
    }
    arena_init_heap(&arena, 1 << 23);
    const json_t *lines = canonical != NULL ? canonical : json_object_get(vector, "raw");
    struct str wanted = sfv_lines(&arena, lines);
    enum err e = write_json(&arena, type, expected, &out);
    WANT_INT(e, must_fail ? ERR_SYNTAX : OK);
    bool is_same = must_fail || str_eq(strbuf_str(&out), wanted);
    WANT(is_same);
    if (!is_same || (e != OK) != must_fail) {
        printf("# %.*s: %.*s\n", STR_FMT(name), STR_FMT(strbuf_str(&out)));
    }
    arena_reset(&arena);
}

TEST(the_public_vectors_are_written_in_canonical_form)
{
    static const char *const files[] = {"binary",
                                        "boolean",
                                        "date",
                                        "dictionary",
                                        "display-string",
                                        "examples",
                                        "item",
                                        "list",
                                        "listlist",
                                        "key-generated",
                                        "large-generated",
                                        "number",
                                        "number-generated",
                                        "param-dict",
                                        "param-list",
                                        "param-listlist",
                                        "string",
                                        "string-generated",
                                        "token",
                                        "token-generated",
                                        "serialisation-tests/key-generated",
                                        "serialisation-tests/number",
                                        "serialisation-tests/string-generated",
                                        "serialisation-tests/token-generated"};
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        count += sfv_each(files[i], run_vector);
    }
    if (count == 0) {
        SKIP("no structured field vectors");
    }
    WANT(count > 1000);
}

static struct str written(struct sfv_value value, enum err wanted)
{
    struct strbuf out = strbuf_over(room, sizeof room);
    struct sfv_item item = {.value = value};
    WANT_INT(sfv_add_item(&out, &item), wanted);
    return strbuf_str(&out);
}

TEST(values_are_checked_against_their_grammar)
{
    WANT_STR(written((struct sfv_value){.kind = SFV_DECIMAL, .number = -1500}, OK), STR("-1.5"));
    WANT_STR(written((struct sfv_value){.kind = SFV_DECIMAL, .number = -5}, OK), STR("-0.005"));
    WANT_STR(written((struct sfv_value){.kind = SFV_DECIMAL}, OK), STR("0.0"));
    WANT_STR(written((struct sfv_value){.kind = SFV_DATE, .number = -1}, OK), STR("@-1"));
    WANT_STR(written((struct sfv_value){.kind = SFV_BYTES, .text = STR("a")}, OK), STR(":YQ==:"));
    WANT_STR(written((struct sfv_value){.kind = SFV_DISPLAY, .text = STR("a%\"\n\xc3\xbc")}, OK),
             STR("%\"a%25%22%0a%c3%bc\""));
    written((struct sfv_value){.kind = SFV_INTEGER, .number = 1000000000000000}, ERR_SYNTAX);
    written((struct sfv_value){.kind = SFV_DECIMAL, .number = -1000000000000000}, ERR_SYNTAX);
    written((struct sfv_value){.kind = SFV_STRING, .text = STR("a\r\nb: c")}, ERR_SYNTAX);
    written((struct sfv_value){.kind = SFV_TOKEN, .text = STR("1a")}, ERR_SYNTAX);
    written((struct sfv_value){.kind = SFV_TOKEN, .text = STR("a b")}, ERR_SYNTAX);
    written((struct sfv_value){.kind = SFV_TOKEN}, ERR_SYNTAX);
    written((struct sfv_value){.kind = SFV_DISPLAY, .text = STR("\xed\xa0\x80")}, ERR_SYNTAX);
    written((struct sfv_value){.kind = SFV_DISPLAY, .text = STR("\xc0\x80")}, ERR_SYNTAX);
    written((struct sfv_value){.kind = SFV_DISPLAY, .text = STR("\xf4\x90\x80\x80")}, ERR_SYNTAX);
    written((struct sfv_value){.kind = SFV_INNER_LIST}, ERR_SYNTAX);
}

TEST(keys_are_checked_too)
{
    static const char *const bad[] = {"", "A", "1", "a b", "a=", "\xc3\xbc"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct sfv_member member = {.key = str_from_c(bad[i])};
        struct sfv_members dictionary = {&member, 1};
        struct strbuf out = strbuf_over(room, sizeof room);
        WANT_INT(sfv_add_dictionary(&out, &dictionary), ERR_SYNTAX);
    }
}
