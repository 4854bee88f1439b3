/* quick_test.c - the quick form: the text that words stand for, and words that stand for nothing. */
#include "cli/quick.h"

#include "config/config.h"
#include "test.h"

enum { WORDS_MAX = 8 };

static uint32_t count_words(const char *const *words)
{
    uint32_t count = 0;
    while (count < WORDS_MAX && words[count] != NULL) {
        count++;
    }
    return count;
}

static bool loads(struct str yaml)
{
    struct diags diags;
    struct config *config = NULL;
    const struct config_opts opts = {0};
    diags_init(&diags);
    enum err e = config_load_text("quick", yaml, &opts, &diags, &config);
    bool is_clean = e == OK && diags.warnings.count == 0;
    config_free(config);
    diags_drop(&diags);
    return is_clean;
}

TEST(words_stand_for_a_file)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *yaml;
    } rows[] = {
        {{":8080", "localhost:3000"},
         "listeners:\n  http: { listen: \":8080\" }\n"
         "\nservices:\n  app: { targets: [\"localhost:3000\"] }\n"
         "\nroutes:\n  app: { match: \"/*\", to: app }\n"},
        {{"localhost:3000"},
         "listeners:\n  http: { listen: \":8080\" }\n"
         "\nservices:\n  app: { targets: [\"localhost:3000\"] }\n"
         "\nroutes:\n  app: { match: \"/*\", to: app }\n"},
        {{"127.0.0.1:80", "10.0.1.1:8080", "http://10.0.1.2", ":9000"},
         "listeners:\n  http: { listen: \"127.0.0.1:80\" }\n"
         "\nservices:\n  app: { targets: [\"10.0.1.1:8080\", \"10.0.1.2:80\", \"127.0.0.1:9000\"] "
         "}\n"
         "\nroutes:\n  app: { match: \"/*\", to: app }\n"},
        {{":8080", "/orders/*=10.0.1.1:80", "/users/*=10.0.3.1:80", "/orders/*=10.0.1.2:80"},
         "listeners:\n  http: { listen: \":8080\" }\n"
         "\nservices:\n  orders: { targets: [\"10.0.1.1:80\", \"10.0.1.2:80\"] }\n"
         "  users: { targets: [\"10.0.3.1:80\"] }\n"
         "\nroutes:\n  orders: { match: \"/orders/*\", to: orders }\n"
         "  users: { match: \"/users/*\", to: users }\n"},
        {{"/a/*=h:1", "h:2"},
         "listeners:\n  http: { listen: \":8080\" }\n"
         "\nservices:\n  a: { targets: [\"h:1\"] }\n  app: { targets: [\"h:2\"] }\n"
         "\nroutes:\n  a: { match: \"/a/*\", to: a }\n  app: { match: \"/*\", to: app }\n"},
        {{"http://API.example.com", "h:1", "www.example.com/x=h:2", "GET,POST /y/*=h:3"},
         "listeners:\n  http: { listen: \":80\" }\n"
         "\nservices:\n  app: { targets: [\"h:1\"] }\n  x: { targets: [\"h:2\"] }\n"
         "  y: { targets: [\"h:3\"] }\n"
         "\nroutes:\n  app: { match: \"api.example.com/*\", to: app }\n"
         "  x: { match: \"www.example.com/x\", to: x }\n"
         "  y: { match: \"GET,POST api.example.com/y/*\", to: y }\n"},
        {{"http://[::1]:8081/", "dns://users.internal:80"},
         "listeners:\n  http: { listen: \"[::1]:8081\" }\n"
         "\nservices:\n  app: { targets: [\"dns://users.internal:80\"] }\n"
         "\nroutes:\n  app: { match: \"/*\", to: app }\n"},
        {{"/true/*=h:1", "/42/*=h:2", "/App/*=h:3"},
         "listeners:\n  http: { listen: \":8080\" }\n"
         "\nservices:\n  app: { targets: [\"h:1\"] }\n  app-2: { targets: [\"h:2\"] }\n"
         "  app-3: { targets: [\"h:3\"] }\n"
         "\nroutes:\n  app: { match: \"/true/*\", to: app }\n"
         "  app-2: { match: \"/42/*\", to: app-2 }\n  app-3: { match: \"/App/*\", to: app-3 }\n"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct quick quick = {.arena = &arena};
        arena_init_heap(&arena, 1 << 20);
        enum err e = quick_write(&quick, rows[i].words, count_words(rows[i].words));
        WANT_INT(e, OK);
        WANT_STR(str_from_c(quick.error), STR(""));
        WANT_STR(quick.yaml, str_from_c(rows[i].yaml));
        WANT(loads(quick.yaml));
        arena_reset(&arena);
    }
}

TEST(words_that_stand_for_nothing_are_refused)
{
    static const struct {
        const char *words[WORDS_MAX];
        const char *hint; /* somewhere in the message */
    } rows[] = {
        {{"8080", "localhost:3000"}, "did you mean \":8080\"?"},
        {{"localhost:8080", "localhost:3000"}, "is no place to listen"},
        {{":0", "h:1"}, "is no place to listen"},
        {{":70000", "h:1"}, "is no place to listen"},
        {{":", "h:1"}, "is no place to listen"},
        {{"127.0.0.1:0", "h:1"}, "is no place to listen"},
        {{"http://", "h:1"}, "is no place to listen"},
        {{"http://a b", "h:1"}, "is no place to listen"},
        {{"http://a/x/", "h:1"}, "is no place to listen"},
        {{"https://api.example.com", "h:1"}, "does not serve TLS"},
        {{":8080", "https://h:1"}, "does not speak TLS"},
        {{"localhost"}, "is no target"},
        {{":8080", ""}, "is no target"},
        {{"dns://users"}, "is no target"},
        {{"dns://:80"}, "is no target"},
        {{"/x/*="}, "is no target"},
        {{"h:1\"]"}, "is no target"},
        {{"h:1\n"}, "is no target"},
        {{"h:99999"}, "is no target"},
        {{"=h:1"}, "is no match"},
        {{"orders=h:1"}, "is no match"},
        {{"/a\nb: c=h:1"}, "write other characters as %XX"},
        {{"/\xc2\x97=h:1"}, "write other characters as %XX"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct quick quick = {.arena = &arena};
        arena_init_heap(&arena, 1 << 20);
        WANT_INT(quick_write(&quick, rows[i].words, count_words(rows[i].words)), ERR_SYNTAX);
        struct str said = str_from_c(quick.error);
        if (str_find_str(said, str_from_c(rows[i].hint)) == said.len) {
            WANT_STR(said, str_from_c(rows[i].hint));
        }
        arena_reset(&arena);
    }
}

TEST(whatever_is_typed_stays_one_value)
{
    const char *words[] = {"/a\"]}# \\: &x/*=h:1"};
    struct arena arena;
    struct quick quick = {.arena = &arena};
    arena_init_heap(&arena, 1 << 20);
    WANT_INT(quick_write(&quick, words, 1), OK);
    WANT(str_find_str(quick.yaml, STR("match: \"/a\\\"]}# \\\\: &x/*\", to: ax }\n")) <
         quick.yaml.len);
    arena_reset(&arena);
}

TEST(memory_that_runs_out_is_an_error)
{
    const char *words[] = {":8080", "/orders/*=10.0.1.1:8080", "/users/*=10.0.3.1:8080"};
    for (size_t bytes = 0; bytes < 4096; bytes += 64) {
        struct arena arena;
        struct quick quick = {.arena = &arena};
        arena_init_heap(&arena, bytes);
        enum err e = quick_write(&quick, words, COUNT_OF(words));
        WANT(e == OK || e == ERR_MEMORY);
        arena_reset(&arena);
    }
}
