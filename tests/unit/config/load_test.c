/* load_test.c - whole files: what they mean, and, against messages.txt, what is said about those
 * that mean nothing. */
#define _GNU_SOURCE
#include "kit.h"

#include <stdlib.h>

static bool is_code_reached[DIAG_CODE_COUNT];

static void note_codes(void)
{
    const struct diags *diags = kit_diags();
    for (uint32_t i = 0; i < diags->errors.kept; i++) {
        is_code_reached[diags->errors.at[i].code] = true;
    }
    for (uint32_t i = 0; i < diags->warnings.kept; i++) {
        is_code_reached[diags->warnings.at[i].code] = true;
    }
}

TEST(the_shortest_file_is_one_line)
{
    const struct config *config = kit_load("routes: { \"/*\": http://localhost:3000 }\n");
    const struct conf_route *route = kit_route(config, "/*");
    WANT_STR(kit_said(), STR(""));
    WANT_INT(config->listeners.count, 1);
    WANT_STR(config->listeners.at[0].name, STR("http"));
    WANT_INT(config->listeners.at[0].addr.port, 8080);
    WANT_INT(config->listeners.at[0].addr.family, ADDR_NONE);
    WANT_INT(route->matches.at[0].path_kind, CONF_PATH_PREFIX);
    WANT_STR(route->matches.at[0].path, STR("/"));
    WANT_STR(route->service->versions.at[0].targets.at[0].text, STR("localhost:3000"));
    WANT(route->service->is_anonymous);
    WANT_INT(route->effective.timeout.connect_ms, 1000);
    WANT_INT(config->drain_timeout_ms, 30000);
    WANT_INT(config->cores, 0);
}

TEST(json_is_a_configuration_too)
{
    const struct config *config =
        kit_load("{\"services\": {\"s\": [\"a:1\", \"b:2\"]},\n"
                 " \"routes\": {\"x\": {\"match\": \"/x\", \"to\": \"s\"}}}");
    const struct conf_route *route = kit_route(config, "x");
    WANT_STR(kit_said(), STR(""));
    WANT_STR(route->service->name, STR("s"));
    WANT_INT(route->service->versions.at[0].targets.count, 2);
}

/* Bytes that a text file cannot show. */
static struct str bytes_of(struct str yaml)
{
    static const struct {
        struct str mark, bytes;
    } specials[] = {{{"#UTF16#", 7},
                     {"\xff\xfe"
                      "a\0",
                      4}},
                    {{"#NUL#", 5}, {"a: b\n c\0d", 9}},
                    {{"#LATIN1#", 8}, {"a: b\nb: caf\xe9\n", 13}},
                    {{"#CONTROL#", 9}, {"a: \x07\n", 5}}};
    for (size_t i = 0; i < COUNT_OF(specials); i++) {
        if (str_starts(yaml, specials[i].mark)) {
            return specials[i].bytes;
        }
    }
    return yaml;
}

static void check_part(struct str name, struct str yaml, struct str wanted, FILE *update)
{
    static struct config *config;
    static struct diags diags;
    struct sink said;
    struct arena memory;
    arena_init_heap(&memory, 1 << 24);
    sink_to_memory(&said, &memory);
    diags_drop(&diags);
    enum err e = config_load_text("test.yaml", bytes_of(yaml), &kit_opts, &diags, &config);
    diags_write(&diags, &said);
    WANT((e == OK) == (config != NULL));
    for (uint32_t i = 0; i < diags.errors.kept; i++) {
        is_code_reached[diags.errors.at[i].code] = true;
    }
    for (uint32_t i = 0; i < diags.warnings.kept; i++) {
        is_code_reached[diags.warnings.at[i].code] = true;
    }
    if (update != NULL) {
        fprintf(update, "=== %.*s\n%.*s~~~\n%.*s", STR_FMT(name), STR_FMT(yaml),
                STR_FMT(sink_str(&said)));
    } else if (!str_eq(sink_str(&said), wanted)) {
        printf("# %.*s: got\n%.*s", STR_FMT(name), STR_FMT(sink_str(&said)));
        test_has_failed = true;
    }
    config_free(config);
    arena_reset(&memory);
}

static struct str read_whole(const char *path, struct arena *memory)
{
    struct sink out;
    char block[4096];
    FILE *file = fopen(path, "r");
    sink_to_memory(&out, memory);
    WANT(file != NULL);
    for (size_t got; file != NULL && (got = fread(block, 1, sizeof block, file)) > 0;) {
        sink_add(&out, str_of(block, got));
    }
    if (file != NULL) {
        fclose(file);
    }
    return sink_str(&out);
}

TEST(what_is_said_is_what_messages_txt_says)
{
    struct arena memory;
    arena_init_heap(&memory, 1 << 24);
    struct str rest = read_whole(MESSAGES_PATH, &memory);
    FILE *update = getenv("CONFIG_MESSAGES_UPDATE") != NULL ? fopen(MESSAGES_PATH, "w") : NULL;
    size_t at = str_find_str(rest, STR("\n=== "));
    if (update != NULL) {
        fprintf(update, "%.*s\n", STR_FMT(str_sub(rest, 0, at)));
    }
    int count = 0;
    while (at < rest.len) {
        rest = str_skip(rest, at + 5);
        struct str_pair name = str_cut(rest, '\n');
        size_t middle = str_find_str(name.tail, STR("~~~\n"));
        struct str yaml = str_sub(name.tail, 0, middle);
        /* With the line end in front, so that a part with nothing to say ends at once. */
        rest = str_skip(name.tail, middle + 3);
        at = str_find_str(rest, STR("\n=== "));
        struct str wanted = str_skip(str_sub(rest, 0, at == rest.len ? at : at + 1), 1);
        check_part(name.head, yaml, wanted, update);
        count++;
    }
    WANT(count > 50);
    if (update != NULL) {
        fclose(update);
    }
    arena_reset(&memory);
}

static void refuse_first(void *ctx, const struct config *config, struct diags *diags)
{
    (void)ctx;
    diag_hint(diags, "close the bracket");
    diag_add(diags, DIAG_E0208, config->routes.at[0].pos, "the pattern does not compile");
    diag_add(diags, DIAG_W0203, config->routes.at[0].pos, "it can never match");
}

TEST(a_room_above_may_refuse_the_whole_file)
{
    struct config_opts opts = kit_opts;
    opts.verify = refuse_first;
    WANT(kit_load_opts("routes: { \"/*\": http://a:1 }", &opts) == NULL);
    WANT_STR(kit_said(),
             STR("test.yaml:1:11: error[E0208]: the pattern does not compile\n"
                 "    1 | routes: { \"/*\": http://a:1 }\n"
                 "      |           ^^^^ close the bracket             docs: sluice help E0208\n"
                 "test.yaml:1:11: warning[W0203]: it can never match\n"
                 "    1 | routes: { \"/*\": http://a:1 }\n"
                 "      |           ^^^^                               docs: sluice help W0203\n"));
    note_codes();
}

TEST(memory_at_its_limit_is_an_answer)
{
    struct arena memory;
    struct sink text;
    struct config_opts opts = kit_opts;
    uint32_t refused = 0;
    arena_init_heap(&memory, (size_t)1 << 24);
    sink_to_memory(&text, &memory);
    sink_add_c(&text, "policies: { p: { mark: { level: 7 } } }\nservices: { s: [a:1, b:1] }\n"
                      "routes:\n");
    for (int i = 0; i < 2000; i++) {
        sink_add_fmt(&text, "  r%d: { match: /r%d, to: \"%s\", use: p }\n", i, i,
                     i % 2 == 0 ? "s" : "http://a:1");
    }
    sink_add(&text, str_of("", 1));
    for (size_t bytes = 4096; bytes < 6000000; bytes += 65536) {
        opts.memory_bytes_max = bytes;
        if (kit_load_opts(sink_str(&text).at, &opts) == NULL) {
            WANT(kit_said_code("E0014"));
            note_codes();
            refused++;
        }
    }
    WANT(refused > 20);
    arena_reset(&memory);
}

TEST(a_hundred_thousand_routes_load)
{
    struct arena memory;
    struct sink text;
    arena_init_heap(&memory, (size_t)1 << 28);
    sink_to_memory(&text, &memory);
    sink_add_c(&text, "services: { s: 10.0.0.1:80 }\nroutes:\n");
    for (int i = 0; i < 100000; i++) {
        sink_add_fmt(&text, "  r%d: { match: \"h%d.example.com/orders/%d/*\", to: s }\n", i,
                     i % 1000, i);
    }
    sink_add(&text, str_of("", 1));
    const struct config *config = kit_load(sink_str(&text).at);
    WANT(config != NULL);
    WANT_INT(config == NULL ? 0 : config->routes.count, 100000);
    arena_reset(&memory);
}

TEST(nothing_is_given_away_twice)
{
    WANT(kit_load("routes: { \"/*\": http://a:1 }") != NULL);
    WANT(kit_load("routes: 5") == NULL);
    WANT_INT(kit_diags()->errors.count, 1);
}

/* Files and their limits are in files_test.c; values of policies in the tests of their room. */
TEST(every_code_has_a_test_that_reaches_it)
{
    static const char *const elsewhere[] = {"E0001", "E0002", "E0006", "E0011", "E0012",
                                            "E0013", "E0130", "E0131", "E0132", "E0133"};
    for (size_t i = 0; i < DIAG_CODE_COUNT; i++) {
        bool is_elsewhere = false;
        for (size_t j = 0; j < COUNT_OF(elsewhere); j++) {
            is_elsewhere = is_elsewhere || strcmp(elsewhere[j], diag_rows[i].code) == 0;
        }
        if (!is_code_reached[i] && !is_elsewhere) {
            printf("# nothing reaches %s\n", diag_rows[i].code);
            test_has_failed = true;
        }
    }
}
