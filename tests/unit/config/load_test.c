/* load_test.c - whole files: what they mean, and what is said about those that mean nothing. */
#include "config/config.h"
#include "test.h"
#include "text/sink.h"

#include <stdlib.h>

static struct diags diags;
static struct sink out;
static struct arena memory;

static struct config *load(const char *text)
{
    static const struct config_opts opts = {0};
    struct config *config = NULL;
    diags_drop(&diags);
    arena_reset(&memory);
    arena_init_heap(&memory, 1 << 24);
    sink_to_memory(&out, &memory);
    enum err e = config_load_text("test.yaml", str_from_c(text), &opts, &diags, &config);
    diags_write(&diags, &out);
    WANT((e == OK) == (config != NULL));
    return config;
}

TEST(the_shortest_file_is_one_line)
{
    struct config *config = load("routes: { \"/*\": http://localhost:3000 }\n");
    WANT_STR(sink_str(&out), STR(""));
    WANT(config != NULL);
    WANT_INT(config->listeners.count, 1);
    WANT_INT(config->listeners.at[0].addr.port, 8080);
    WANT_INT(config->listeners.at[0].addr.family, ADDR_NONE);
    WANT_INT(config->routes.count, 1);
    const struct conf_route *route = &config->routes.at[0];
    WANT_INT(route->matches.at[0].path_kind, CONF_PATH_PREFIX);
    WANT_STR(route->matches.at[0].path, STR("/"));
    WANT_STR(route->service->versions.at[0].targets.at[0].text, STR("localhost:3000"));
    WANT(route->service->is_anonymous);
    WANT_INT(route->effective.timeout.connect_ms, 1000);
    config_free(config);
}

TEST(files_named_on_the_command_line_load)
{
    const char *names = getenv("CONFIG_FILES");
    struct config *config = NULL;
    static const struct config_opts opts = {0};
    if (names == NULL) {
        return;
    }
    diags_drop(&diags);
    sink_to_file(&out, stdout);
    WANT(config_load(names, &opts, &diags, &config) == OK);
    diags_write(&diags, &out);
    config_free(config);
}
