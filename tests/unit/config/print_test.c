/* print_test.c - one value as text: what is quoted, what is left out. */
#include "config/print.h"
#include "kit.h"

static struct arena memory, scratch;
static struct sink out;

static struct conf_printer printer_of(void)
{
    arena_reset(&memory);
    arena_reset(&scratch);
    arena_init_heap(&memory, 1 << 20);
    arena_init_heap(&scratch, 1 << 20);
    sink_to_memory(&out, &memory);
    return (struct conf_printer){.out = &out, .scratch = &scratch};
}

static const struct {
    const char *text, *printed;
} texts[] = {
    {"plain", "plain"},
    {"a.b:80", "a.b:80"},
    {"/path/x", "/path/x"},
    {"", "\"\""},
    {"5", "\"5\""},
    {"1.5", "\"1.5\""},
    {"true", "\"true\""},
    {"null", "\"null\""},
    {"~", "\"~\""},
    {"no", "\"no\""},
    {"12:30", "\"12:30\""},
    {"2026-01-02", "\"2026-01-02\""},
    {"10.0.0.1:80", "10.0.0.1:80"},
    {"-", "\"-\""},
    {"*.a", "\"*.a\""},
    {"a b", "\"a b\""},
    {"a:", "\"a:\""},
    {"a#b", "\"a#b\""},
    {"a,b", "\"a,b\""},
    {"{a}", "\"{a}\""},
    {"a\nb", "\"a\\nb\""},
    {"${x}", "\"$${x}\""},
    {"a\"b", "\"a\\\"b\""},
    {"\xc3\xbc", "\"\xc3\xbc\""},
};

TEST(a_text_has_quotes_when_a_reader_could_take_it_for_something_else)
{
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct conf_printer printer = printer_of();
        conf_print_text(&printer, str_from_c(texts[i].text));
        WANT_STR(sink_str(&out), str_from_c(texts[i].printed));
    }
}

TEST(a_raw_text_has_its_length)
{
    struct conf_printer printer = printer_of();
    printer.is_raw = true;
    conf_print_text(&printer, STR("a\nb"));
    WANT_STR(sink_str(&out), STR("3:a\nb"));
}

static struct str flow_of(const char *keys)
{
    char text[256];
    snprintf(text, sizeof text, "routes: { r: { match: /r, respond: {}, mark: { %s } } }", keys);
    const struct config *config = kit_load(text);
    const struct conf_policy *policy = &kit_route(config, "r")->policies.at[0];
    struct conf_printer printer = printer_of();
    printer.internals = config->internals;
    conf_print_struct(&printer, policy->kind->table, policy->conf);
    return sink_str(&out);
}

TEST(a_struct_in_flow_form_leaves_out_what_says_nothing)
{
    WANT_STR(flow_of(""), STR("{level: 5, rate: 1/s}"));
    WANT_STR(flow_of("words: [a, b], text: \"1\""),
             STR("{level: 5, text: \"1\", words: [a, b], rate: 1/s}"));
    WANT_STR(flow_of("secret: abc, level: 0"), STR("{level: 0, rate: 1/s, secret: \"<secret>\"}"));
}
