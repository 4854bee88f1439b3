/* override_json_test.c - what may be asked of instances, and that it is kept word for word. */
#include "control/overrides.h"

#include "test.h"

static struct arena arena;
static struct override_ask ask;
static struct str fault;

static enum err read_text(const char *text)
{
    arena_reset(&arena);
    arena_init_heap(&arena, 1 << 16);
    return override_read(str_from_c(text), &arena, 5000000, &ask, &fault);
}

TEST(an_object_says_which_instance_and_what)
{
    WANT_INT(read_text("{\"service\": \"s\", \"instance\": \"10.0.0.1:80\", \"state\": \"drain\", "
                       "\"for\": \"10m\", \"keep\": \"1s\", \"owner\": \"o\", \"reason\": \"\\u00e9\"}"),
             OK);
    WANT_STR(ask.service, STR("s"));
    WANT_STR(ask.instance, STR("10.0.0.1:80"));
    WANT_INT(ask.verb, OVERRIDE_DRAIN);
    WANT(!ask.has_version);
    WANT(!ask.has_weight);
    WANT_INT(ask.since_us, 5000000);
    WANT_INT(ask.until_us, 605000000);
    WANT_INT(ask.keep_until_us, 6000000);
    WANT_STR(ask.reason, STR("\xc3\xa9"));
    arena_reset(&arena);
}

TEST(what_is_not_asked_for_in_this_form_is_refused_with_a_sentence)
{
    static const char *const bad[] = {
        "",
        "[]",
        "service: s",
        "{",
        "{}",
        "{\"service\": \"s\", \"instance\": \"i\"}",
        "{\"service\": \"s\", \"state\": \"drain\"}",
        "{\"service\": \"s\", \"instance\": \"i\", \"state\": \"up\"}",
        "{\"service\": \"s\", \"instance\": \"i\", \"state\": \"\"}",
        "{\"service\": \"s\", \"instance\": \"i\", \"weight\": -1}",
        "{\"service\": \"s\", \"instance\": \"i\", \"weight\": 1000001}",
        "{\"service\": \"s\", \"instance\": \"i\", \"weight\": 1.5}",
        "{\"service\": \"s\", \"instance\": \"i\", \"weight\": \"1\"}",
        "{\"service\": \"s\", \"instance\": \"i\", \"weight\": 1, \"for\": \"soon\"}",
        "{\"service\": \"s\", \"instance\": \"i\", \"weight\": 1, \"for\": \"0s\"}",
        "{\"service\": \"s\", \"instance\": \"i\", \"weight\": 1, \"more\": 1}",
        "{\"service\": \"s\", \"instance\": \"i\", \"weight\": 1, \"reason\": 1}",
        "{\"service\": \"s\", \"instance\": \"i\", \"weight\": 1, \"reason\": \"a\\nb\"}",
        "{\"service\": \"s\", \"service\": \"t\", \"instance\": \"i\", \"weight\": 1}",
        "{\"service\": [\"s\"], \"instance\": \"i\", \"weight\": 1}",
        "{\"service\": \"s\", \"instance\": \"i\", \"weight\": 1} x",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        if (read_text(bad[i]) != ERR_SYNTAX || fault.len == 0) {
            printf("# %s\n", bad[i]);
            test_has_failed = true;
        }
    }
    arena_reset(&arena);
}

TEST(any_cut_of_an_object_is_refused)
{
    static const char whole[] =
        "{\"service\": \"s\", \"instance\": \"i\", \"state\": \"maint\", \"weight\": 3}";
    for (size_t i = 0; i + 1 < sizeof whole; i++) {
        char cut[sizeof whole] = {0};
        memcpy(cut, whole, i);
        WANT_INT(read_text(cut), ERR_SYNTAX);
    }
    WANT_INT(read_text(whole), OK);
    arena_reset(&arena);
}

TEST(what_is_written_is_read_back)
{
    static const char text[] = "{\"service\": \"s\", \"version\": \"\", \"instance\": \"i\", "
                               "\"state\": \"drain\", \"weight\": 0, \"owner\": \"o\", "
                               "\"reason\": \"a \\\"b\\\"\", \"since_us\": 1, \"until_us\": 2, "
                               "\"keep_until_us\": 3}";
    struct arena written;
    struct sink sink;
    WANT_INT(read_text(text), OK);
    WANT(ask.has_version);
    arena_init_heap(&written, 1 << 16);
    sink_to_memory(&sink, &written);
    override_write(&(struct override){.says = ask}, &sink);
    WANT_STR(sink_str(&sink), str_from_c(text));
    arena_reset(&written);
    arena_reset(&arena);
}
