/* files_test.c - what is read, what it may include, and how large all of it may be. */
#define _GNU_SOURCE
#include "base/limits.h"
#include "kit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static struct config *load_main(const char *text)
{
    return kit_load_file(kit_file("main.yaml", text), &kit_opts);
}

TEST(maps_of_included_files_are_merged_by_name)
{
    kit_file("a.yaml",
             "services: { users: a:1 }\nroutes: { users: { match: /users/*, to: users } }\n");
    kit_file("b.yaml", "policies: { p: { gate: x } }\n");
    kit_file("c.yaml", "routes: { c: { match: /c, to: users, use: p } }\ntests:\n"
                       "  - { request: GET http://c/c, expect: {} }\n");
    const struct config *config =
        load_main("version: 1\ninclude: [\"[a-b].yaml\", c.yaml]\nservices: { orders: a:2 }\n"
                  "routes: { orders: { match: /orders, to: orders } }\n"
                  "tests: [{ request: GET http://c/orders, expect: {} }]\n");
    WANT_STR(kit_said(), STR(""));
    WANT_INT(config == NULL ? 0 : config->routes.count, 3);
    WANT_INT(config == NULL ? 0 : config->tests.count, 2);
    WANT_STR(kit_route(config, "users")->service->name, STR("users"));
    WANT_INT(kit_route(config, "orders")->index, 0);
    WANT_INT(kit_route(config, "c")->index, 2);
    WANT(str_ends(kit_route(config, "c")->pos.source->name, STR("/c.yaml")));
    kit_remove_files();
}

TEST(a_name_in_two_files_names_both_places)
{
    kit_file("a.yaml", "services: { s: a:1 }\n");
    WANT(load_main("include: a.yaml\nservices:\n  s: a:2\nroutes: { \"/*\": s }\n") == NULL);
    WANT(kit_said_only("E0012"));
    WANT(str_find_str(kit_said(), STR("/a.yaml:1:13: error[E0012]: \"s\" in services is defined in "
                                      "two files")) < kit_said().len);
    WANT(str_find_str(kit_said(), STR("/main.yaml:3")) < kit_said().len);
    kit_remove_files();
}

TEST(what_is_not_a_map_of_names_stands_in_one_file)
{
    kit_file("a.yaml", "observe: { access_log: off }\n");
    WANT(load_main("include: a.yaml\nobserve: {}\nroutes: { \"/*\": http://a:1 }\n") == NULL);
    WANT(kit_said_only("E0012"));
    kit_remove_files();
}

TEST(a_file_is_included_once)
{
    kit_file("a.yaml", "include: main.yaml\n");
    WANT(load_main("include: a.yaml\nroutes: { \"/*\": http://a:1 }\n") == NULL);
    WANT(kit_said_only("E0011"));
    kit_remove_files();
    WANT(load_main("include: \"*.yaml\"\nroutes: { \"/*\": http://a:1 }\n") == NULL);
    WANT(kit_said_only("E0011"));
    kit_remove_files();
}

TEST(a_pattern_may_find_nothing_but_a_name_must_be_there)
{
    WANT(load_main("include: conf.d/*.yaml\nroutes: { \"/*\": http://a:1 }\n") != NULL);
    kit_remove_files();
    WANT(load_main("include: missing.yaml\nroutes: { \"/*\": http://a:1 }\n") == NULL);
    WANT(kit_said_only("E0001"));
    kit_remove_files();
    WANT(load_main("include: [5, \"\"]\nroutes: { \"/*\": http://a:1 }\n") == NULL);
    WANT_INT(kit_diags()->errors.count, 2);
    kit_remove_files();
}

TEST(errors_of_every_file_name_their_file)
{
    kit_file("a.yaml", "services: { s: { targts: a:1 } }\n");
    WANT(load_main("include: a.yaml\nroutes: { r: { match: /r, too: s } }\n") == NULL);
    WANT(str_find_str(kit_said(), STR("/main.yaml:2:")) < kit_said().len);
    WANT(str_find_str(kit_said(), STR("/a.yaml:1:")) < kit_said().len);
    kit_remove_files();
}

TEST(a_file_that_cannot_be_read_is_said)
{
    WANT(kit_load_file("/nonexistent/x.yaml", &kit_opts) == NULL);
    WANT(kit_said_only("E0001"));
    WANT_STR(kit_said(), STR("error[E0001]: /nonexistent/x.yaml does not exist\n"));
    WANT(kit_load_file("/tmp", &kit_opts) == NULL);
    WANT(kit_said_only("E0001"));
}

TEST(an_empty_file_may_be_included)
{
    kit_file("a.yaml", "# nothing yet\n");
    WANT(load_main("include: a.yaml\nroutes: { \"/*\": http://a:1 }\n") != NULL);
    kit_remove_files();
}

TEST(config_includes_bounds_the_number_of_files)
{
    static char text[64 * 1024];
    size_t len = (size_t)snprintf(text, sizeof text, "include: [");
    const char *path = kit_file("x", "");
    /* One file by many names: links are other files for the eye, but not for the check. */
    for (int i = 0; i < LIMIT_VALUE(config_includes) + 1; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len, "%sp%d", i > 0 ? "," : "", i);
        char name[160];
        snprintf(name, sizeof name, "%.*s/p%d", (int)(strrchr(path, '/') - path), path, i);
        int fd = open(name, O_CREAT | O_WRONLY, 0600);
        close(fd);
    }
    snprintf(text + len, sizeof text - len, "]\nroutes: { \"/*\": http://a:1 }\n");
    WANT(load_main(text) == NULL);
    WANT(kit_said_only("E0013"));
    for (int i = 0; i < LIMIT_VALUE(config_includes) + 1; i++) {
        char name[160];
        snprintf(name, sizeof name, "%.*s/p%d", (int)(strrchr(path, '/') - path), path, i);
        unlink(name);
    }
    kit_remove_files();
}

TEST(config_bytes_refuses_a_large_file_before_reading_it)
{
    const char *path = kit_file("large.yaml", "routes: {}");
    WANT(truncate(path, 100 << 20) == 0);
    WANT(kit_load_file(path, &kit_opts) == NULL);
    WANT(kit_said_only("E0002"));
    kit_remove_files();
}

TEST(config_bytes_counts_over_all_files)
{
    const char *path = kit_file("a.yaml", "");
    WANT(truncate(path, LIMIT_VALUE(config_bytes) - 10) == 0);
    WANT(load_main("include: a.yaml\nroutes: { \"/*\": http://a:1 }\n") == NULL);
    WANT(kit_said_only("E0002"));
    kit_remove_files();
}

TEST(config_bytes_holds_for_what_has_no_size)
{
    WANT(kit_load_file("/dev/zero", &kit_opts) == NULL);
    WANT(kit_said_only("E0002"));
}

TEST(config_nodes_bounds_a_list_that_never_ends)
{
    size_t len = (size_t)LIMIT_VALUE(config_nodes) * 2 + 100;
    char *text = malloc(len + 1);
    WANT(text != NULL);
    memcpy(text, "routes: [", 9);
    for (size_t i = 9; i < len; i += 2) {
        memcpy(text + i, "1,", 2);
    }
    text[len] = '\0';
    WANT(kit_load(text) == NULL);
    WANT(kit_said_only("E0002"));
    free(text);
}

TEST(config_depth_bounds_nesting)
{
    static char text[4096];
    size_t len = (size_t)snprintf(text, sizeof text, "routes: ");
    memset(text + len, '[', LIMIT_VALUE(config_depth) + 1);
    WANT(kit_load(text) == NULL);
    WANT(kit_said_only("E0006"));
}

/* The process may use so much more than it has now; false when that cannot be asked for. */
static bool limit_memory(size_t bytes)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0) {
        return false;
    }
    limit.rlim_cur = bytes;
    return setrlimit(RLIMIT_AS, &limit) == 0;
}

#if HAS_ASAN || HAS_TSAN
enum { CAN_LIMIT = 0 };
#else
enum { CAN_LIMIT = 1 };
#endif

/* The last test: what it sets cannot be taken back. */
TEST(bombs_of_every_kind_stay_within_config_memory_bytes)
{
    static char text[8192];
    size_t len = (size_t)snprintf(text, sizeof text, "x0: &x0 {a: [1,2,3,4,5,6,7,8,9,0]}\n");
    if (CAN_LIMIT && !limit_memory((size_t)LIMIT_VALUE(config_memory_bytes))) {
        return;
    }
    for (int i = 1; i < 30; i++) {
        len += (size_t)snprintf(text + len, sizeof text - len,
                                "x%d: &x%d {<<: *x%d, b%d: [*x%d, *x%d, *x%d]}\n", i, i, i - 1, i,
                                i - 1, i - 1, i - 1);
    }
    WANT(kit_load(text) == NULL);
    WANT(kit_said_only("E0002"));
    const char *path = kit_file("large.yaml", "");
    WANT(truncate(path, 100 << 20) == 0);
    WANT(kit_load_file(path, &kit_opts) == NULL);
    WANT(kit_said_only("E0002"));
    WANT(truncate(path, 60 << 20) == 0);
    WANT(kit_load_file(path, &kit_opts) == NULL);
    WANT(kit_said_only("E0003"));
    kit_remove_files();
    WANT(kit_load_file("/proc/self/exe", &kit_opts) == NULL);
    WANT(kit_said_only("E0003"));
}

/* Copies of what `config` was made from, in memory of the kit's next life. */
static struct config_files copy_files(struct arena *arena, const struct config *config)
{
    const struct config_files files = config_files(config);
    struct config_file *at = ARENA_ARRAY(arena, files.count, struct config_file);
    for (uint32_t i = 0; i < files.count; i++) {
        WANT_INT(arena_keep(arena, files.at[i].asked, &at[i].asked), OK);
        WANT_INT(arena_keep(arena, files.at[i].name, &at[i].name), OK);
        WANT_INT(arena_keep(arena, files.at[i].text, &at[i].text), OK);
    }
    return (struct config_files){at, files.count};
}

TEST(what_was_read_gives_the_same_configuration_when_the_files_are_gone)
{
    struct arena arena;
    char text[512], path[256];
    arena_init_heap(&arena, 1 << 20);
    kit_file("a.yaml", "services: { users: a:1 }\nroutes: { users: { match: /u/*, to: users } }\n");
    kit_file("b.yaml", "routes: { b: { match: /b, to: users } }\n");
    kit_file("c.yaml", "routes: { c: { match: /c, to: users } }\n");
    const char *secret = kit_file("key", "hidden\n");
    (void)snprintf(text, sizeof text,
                   "version: 1\ninclude: [\"[ab].yaml\", c.yaml, none/*.yaml]\n"
                   "policies: { p: { mark: { secret: \"${file:%s}\" } } }\n"
                   "routes: { orders: { match: /orders, to: users, use: p } }\n", secret);
    (void)snprintf(path, sizeof path, "%s", kit_file("main.yaml", text));
    const struct config *config = kit_load_file(path, &kit_opts);
    WANT_STR(kit_said(), STR(""));
    if (config == NULL) {
        return;
    }
    uint64_t hash = config_hash(config);
    struct config_files saved = copy_files(&arena, config);
    WANT_INT(saved.count, 5);
    kit_remove_files();
    struct config_opts opts = kit_opts;
    opts.saved = &saved;
    config = kit_load_file(path, &opts);
    WANT_STR(kit_said(), STR(""));
    WANT(config != NULL && config_hash(config) == hash);
    WANT(config != NULL && config_files(config).count == saved.count);
    WANT_STR(kit_route(config, "b")->service->name, STR("users"));
    arena_reset(&arena);
}

TEST(files_that_were_not_saved_are_not_looked_for)
{
    char path[256];
    static const struct config_files none = {0};
    struct config_opts opts = kit_opts;
    (void)snprintf(path, sizeof path, "%s",
                   kit_file("main.yaml", "routes: { \"/*\": http://a:1 }\n"));
    opts.saved = &none;
    WANT(kit_load_file(path, &opts) == NULL);
    WANT(kit_said_only("E0001"));
    kit_remove_files();
}
