/* target_list_test.c - lists of instances from outside: the grammar of targets, and no more. */
#include "config/target_list.h"

#include "kit.h"

#include <stdlib.h>

static struct arena arena;
static struct diags diags;
static struct conf_targets targets;

static enum err read_bytes(const char *text, size_t len)
{
    arena_reset(&arena);
    arena_init_heap(&arena, 64 << 20);
    diags_drop(&diags);
    diags_init(&diags);
    char *copy = malloc(len == 0 ? 1 : len);
    memcpy(copy, text, len);
    enum err e = config_read_targets(&arena, "list", str_of(copy, len), &diags, &targets);
    free(copy); /* nothing of the text may be needed any more */
    return e;
}

static enum err read_text(const char *text)
{
    return read_bytes(text, strlen(text));
}

static const char *code(void)
{
    return diags.errors.kept == 0 ? "" : diag_rows[diags.errors.at[0].code].code;
}

static void done(void)
{
    arena_reset(&arena);
    diags_drop(&diags);
}

TEST(yaml_and_json_with_and_without_wrapper_are_read)
{
    static const char *const texts[] = {
        "- 10.0.0.1:80\n- {address: \"orders.internal:81\", weight: 3}\n",
        "targets:\n  - 10.0.0.1:80\n  - address: orders.internal:81\n    weight: 3\n",
        "[\"10.0.0.1:80\",{\"address\":\"orders.internal:81\",\"weight\":3}]",
        "{\"targets\":[\"10.0.0.1:80\",{\"address\":\"orders.internal:81\",\"weight\":3}]}"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        WANT_INT(read_text(texts[i]), OK);
        WANT_INT(targets.count, 2);
        WANT_STR(targets.at[0].text, STR("10.0.0.1:80"));
        WANT_INT(targets.at[0].kind, CONF_TARGET_ADDRESS);
        WANT_INT(targets.at[0].weight, 1);
        WANT_STR(targets.at[1].host, STR("orders.internal"));
        WANT_INT(targets.at[1].port, 81);
        WANT_INT(targets.at[1].weight, 3);
    }
    done();
}

TEST(nothing_is_an_empty_list_and_one_is_a_list_of_one)
{
    static const char *const empty[] = {"", "[]", "# nothing yet\n", "null"};
    for (size_t i = 0; i < COUNT_OF(empty); i++) {
        WANT_INT(read_text(empty[i]), OK);
        WANT_INT(targets.count, 0);
    }
    WANT_INT(read_text("10.0.0.1:80"), OK);
    WANT_INT(targets.count, 1);
    WANT_INT(read_text("{address: '10.0.0.1:80', priority: 1, zone: eu-1}"), OK);
    WANT_INT(targets.count, 1);
    WANT_INT(targets.at[0].priority, 1);
    WANT_STR(targets.at[0].zone, STR("eu-1"));
    done();
}

TEST(what_is_wrong_has_a_place_and_gives_nothing)
{
    static const char *const rows[][2] = {
        {"- 10.0.0.1:80\n- nonsense\n", "E0115"},   {"[10.0.0.1:80", "E0004"},
        {"- {address: 10.0.0.1:80, x: 1}", "E0107"}, {"targets: []\nmore: 1\n", "E0107"},
        {"- ${file:/etc/passwd}\n", "E0119"},        {"- ${env:HOME}\n", "E0119"},
        {"- {address: '10.0.0.1:80', weight: -1}", "E0104"}, {"- [a:1]", "E0101"},
        {"a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}", "E0004"}, {"\x80\x81", "E0004"},
        {"- &a 10.0.0.1:80\n- *b\n", "E0004"},       {"- unix:/run/x\n", "E0301"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        WANT_INT(read_text(rows[i][0]), ERR_CONFIG);
        WANT_STR(str_from_c(code()), str_from_c(rows[i][1]));
    }
    WANT_INT(read_text("- 10.0.0.1:80\n- nonsense\n"), ERR_CONFIG);
    WANT_INT(diags.errors.at[0].line, 2);
    WANT_STR(diags.errors.at[0].file, STR("list"));
    done();
}

TEST(a_list_cut_anywhere_is_read_or_refused)
{
    static const char text[] = "- 10.0.0.1:80\n- {address: \"orders.internal:81\", weight: 3}\n";
    for (size_t len = 0; len < sizeof text - 1; len++) {
        enum err e = read_bytes(text, len);
        WANT(e == OK || e == ERR_CONFIG);
    }
    done();
}

TEST(more_than_discovery_targets_are_refused)
{
    size_t cap = LIMIT_VALUE(discovery_targets) * 20 + 100;
    char *text = malloc(cap);
    struct strbuf out = strbuf_over(text, cap);
    for (unsigned i = 0; i < LIMIT_VALUE(discovery_targets); i++) {
        strbuf_add_fmt(&out, "- 10.0.%u.%u:80\n", i / 256, i % 256);
    }
    WANT_INT(read_bytes(text, out.len), OK);
    WANT_INT(targets.count, LIMIT_VALUE(discovery_targets));
    strbuf_add_c(&out, "- 10.1.0.1:80\n");
    WANT_INT(read_bytes(text, out.len), ERR_CONFIG);
    WANT_STR(str_from_c(code()), STR("E0002"));
    free(text);
    done();
}

TEST(one_instance_alone)
{
    struct conf_target target;
    arena_init_heap(&arena, 1 << 20);
    diags_init(&diags);
    WANT_INT(config_read_target(&arena, "key", STR("10.0.0.1:80"), &diags, &target), OK);
    WANT_INT(target.port, 80);
    WANT_INT(config_read_target(&arena, "key", STR("{\"address\":\"[::1]:80\",\"weight\":0}"),
                                &diags, &target),
             OK);
    WANT_INT(target.weight, 0);
    WANT_INT(config_read_target(&arena, "key", STR("[10.0.0.1:80]"), &diags, &target), ERR_CONFIG);
    done();
}
