/* source_kit.c - one source of instances with what it needs: a loop that the test turns, a name
 * server, and an HTTP server that answers as the test says. */
#include "source_kit.h"

struct loop kit_loop;
struct http_server kit_http;
struct discover *kit_source;
unsigned kit_changes;

static struct dns_server dns;
static struct resolver resolver;
static struct fetcher fetcher;
static bool has_http;

void kit_start(http_server_fn *respond)
{
    WANT(dns_server_start(&dns));
    const struct resolver_conf conf = {.servers = dns.address,
                                       .timeout_ms = 200,
                                       .tries = 1,
                                       .ttl_ms_min = 20,
                                       .ttl_ms_max = 60,
                                       .retry_ms_min = 20,
                                       .retry_ms_max = 60,
                                       .seed = 1};
    has_http = respond != NULL;
    if (has_http) {
        WANT(http_server_start(&kit_http, respond));
    }
    WANT_INT(loop_init(&kit_loop), OK);
    WANT_INT(resolver_init(&resolver, &kit_loop, &conf), OK);
    fetcher_init(&fetcher, &kit_loop);
    kit_changes = 0;
    kit_source = NULL;
}

static void on_change(struct discover *source)
{
    WANT(source == kit_source);
    kit_changes++;
}

void kit_open(const struct conf_discover *conf)
{
    const struct discover_env env = {&kit_loop, &resolver, &fetcher};
    struct conf_discover whole = *conf;
    whole.every_ms = conf->every_ms > 0 ? conf->every_ms : 30;
    kit_source = discover_open(&env, &whole, on_change, NULL);
    WANT(kit_source != NULL);
}

void kit_stop(void)
{
    discover_close(kit_source);
    fetcher_drop(&fetcher);
    resolver_drop(&resolver);
    loop_drop(&kit_loop);
    dns_server_stop(&dns);
    if (has_http) {
        http_server_stop(&kit_http);
    }
}

void kit_run_changes(unsigned changes)
{
    for (int i = 0; i < 500 && kit_changes < changes; i++) {
        loop_turn(&kit_loop, 10);
    }
    WANT_INT(kit_changes, changes);
}

void kit_run_state(enum discover_state state)
{
    for (int i = 0; i < 500 && kit_source->state != state; i++) {
        loop_turn(&kit_loop, 10);
    }
    WANT_STR(str_from_c(discover_state_text(kit_source->state)),
             str_from_c(discover_state_text(state)));
}

void kit_run_ms(int64_t ms)
{
    int64_t until_ms = kit_loop.now_ms + ms;
    while (kit_loop.now_ms < until_ms) {
        loop_turn(&kit_loop, 5);
    }
}

struct str kit_list(void)
{
    static char text[4096];
    struct strbuf out = strbuf_over(text, sizeof text);
    for (uint32_t i = 0; i < kit_source->list.count; i++) {
        strbuf_add_c(&out, i == 0 ? "" : " ");
        strbuf_add(&out, kit_source->list.targets[i].text);
    }
    return strbuf_str(&out);
}
