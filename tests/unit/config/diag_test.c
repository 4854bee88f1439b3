/* diag_test.c - order, bounds and the look of what is said. */
#include "config/diag.h"
#include "kit.h"

static struct diags diags;
static struct arena memory;
static struct source file = {.name = {"a.yaml", 6}};

static void start(const char *text)
{
    diags_drop(&diags);
    arena_reset(&memory);
    arena_init_heap(&memory, 1 << 24);
    file.text = str_from_c(text);
}

static struct str said(void)
{
    struct sink out;
    sink_to_memory(&out, &memory);
    diags_write(&diags, &out);
    return sink_str(&out);
}

static struct source_pos at(uint32_t line, uint32_t column, uint32_t width)
{
    return (struct source_pos){&file, line, column, width};
}

TEST(one_error_shows_line_caret_hint_and_code)
{
    start("services:\n  orders:\n    heatlh: x\n");
    diag_hint(&diags, "did you mean \"%s\"?", "health");
    diag_add(&diags, DIAG_E0107, at(3, 5, 6), "unknown key \"%s\" in services.orders", "heatlh");
    WANT_STR(
        said(),
        STR("a.yaml:3:5: error[E0107]: unknown key \"heatlh\" in services.orders\n"
            "    3 |     heatlh: x\n"
            "      |     ^^^^^^ did you mean \"health\"?            docs: sluice help E0107\n"));
}

TEST(what_has_no_place_is_one_line)
{
    start("");
    diag_hint(&diags, "make it readable");
    diag_add(&diags, DIAG_E0001, (struct source_pos){0}, "x.yaml does not exist");
    WANT_STR(said(), STR("error[E0001]: x.yaml does not exist; make it readable\n"));
}

TEST(a_hint_belongs_to_one_message_only)
{
    start("a\n");
    diag_hint(&diags, "hint");
    diag_add(&diags, DIAG_E0107, at(1, 1, 1), "one");
    diag_add(&diags, DIAG_E0107, at(1, 1, 1), "two");
    WANT_STR(diags.errors.at[0].hint, STR("hint"));
    WANT_INT(diags.errors.at[1].hint.len, 0);
}

TEST(messages_come_in_the_order_of_the_file_whatever_their_severity)
{
    static struct source second = {.name = {"b.yaml", 6}, .rank = 1};
    start("a\nb\nc\n");
    diag_add(&diags, DIAG_E0107, (struct source_pos){&second, 1, 1, 1}, "fourth");
    diag_add(&diags, DIAG_E0107, at(3, 1, 1), "third");
    diag_add(&diags, DIAG_W0202, at(2, 1, 1), "second");
    diag_add(&diags, DIAG_E0107, at(1, 1, 1), "first");
    struct str text = said();
    WANT(str_find_str(text, STR("first")) < str_find_str(text, STR("second")));
    WANT(str_find_str(text, STR("second")) < str_find_str(text, STR("third")));
    WANT(str_find_str(text, STR("third")) < str_find_str(text, STR("fourth")));
    WANT(str_find_str(text, STR("fourth")) < text.len);
}

TEST(config_errors_bounds_what_is_kept_and_the_first_lines_win)
{
    start("");
    for (uint32_t line = 100; line > 0; line--) {
        diag_add(&diags, DIAG_E0107, at(line, 1, 1), "line %u", line);
    }
    for (uint32_t line = 200; line > 100; line--) {
        diag_add(&diags, DIAG_W0202, at(line, 1, 1), "line %u", line);
    }
    WANT_INT(diags.errors.count, 100);
    WANT_INT(diags.errors.kept, LIMIT_VALUE(config_errors));
    WANT_STR(diags.errors.at[0].message, STR("line 1"));
    WANT_STR(diags.errors.at[19].message, STR("line 20"));
    WANT_STR(diags.warnings.at[0].message, STR("line 101"));
    WANT(str_ends(said(), STR("and 80 more errors\nand 80 more warnings\n")));
}

TEST(a_million_messages_need_little_memory)
{
    start("");
    for (uint32_t i = 0; i < 1000000; i++) {
        diag_hint(&diags, "try something else");
        diag_add(&diags, DIAG_E0107, at(i, 1, 1), "message %u", i);
    }
    WANT_INT(diags.errors.count, 1000000);
    WANT(diags.arena.used_bytes < 100000);
}

TEST(a_long_line_is_cut_around_its_place)
{
    static char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[3000] = '!';
    start(text);
    diag_add(&diags, DIAG_E0107, at(1, 3001, 1), "here");
    const struct diag *diag = &diags.errors.at[0];
    WANT(diag->shown.len < 200);
    WANT(diag->shown.at[diag->shown_at] == '!');
}

TEST(a_caret_does_not_run_beyond_its_line)
{
    start("ab\n");
    diag_add(&diags, DIAG_E0107, at(1, 2, 500), "here");
    WANT(str_find_str(said(), STR("|  ^ ")) < said().len);
    start("");
    diag_add(&diags, DIAG_E0107, at(9, 7, 3), "behind the end");
    WANT(str_find_str(said(), STR("behind the end")) < said().len);
}

TEST(controls_and_broken_text_do_not_reach_a_terminal)
{
    start("a\x1b[31m\xff\tb\n");
    diag_add(&diags, DIAG_E0107, at(1, 1, 1), "value \x1b[0m");
    WANT(str_find_str(said(), STR("value ?[0m")) < said().len);
    WANT(str_find_str(said(), STR("a?[31m? b")) < said().len);
}

TEST(json_has_every_member)
{
    struct sink out;
    start("a: \"b\n");
    diag_hint(&diags, "close it");
    diag_add(&diags, DIAG_E0004, at(1, 4, 1), "no closing \"quote\"");
    diag_add(&diags, DIAG_W0202, at(2, 1, 1), "unused");
    sink_to_memory(&out, &memory);
    diags_write_json(&diags, &out);
    WANT_STR(sink_str(&out),
             STR("[{\"code\":\"E0004\",\"severity\":\"error\",\"file\":\"a.yaml\",\"line\":1,"
                 "\"column\":4,\"message\":\"no closing \\\"quote\\\"\",\"hint\":\"close it\"},\n"
                 " {\"code\":\"W0202\",\"severity\":\"warning\",\"file\":\"a.yaml\",\"line\":2,"
                 "\"column\":1,\"message\":\"unused\",\"hint\":\"\"}]\n"));
    start("");
    sink_to_memory(&out, &memory);
    diags_write_json(&diags, &out);
    WANT_STR(sink_str(&out), STR("[]\n"));
}

TEST(every_code_is_stable_text_with_help)
{
    for (size_t i = 0; i < DIAG_CODE_COUNT; i++) {
        struct str code = str_from_c(diag_rows[i].code);
        WANT_INT(code.len, 5);
        WANT(code.at[0] == (diag_rows[i].severity == DIAG_ERROR ? 'E' : 'W'));
        WANT(strlen(diag_rows[i].help) > 30);
        WANT(diag_find(code) == &diag_rows[i]);
    }
    WANT(diag_find(STR("e0107")) == &diag_rows[DIAG_E0107]);
    WANT(diag_find(STR("E9999")) == NULL);
}
