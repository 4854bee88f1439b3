/* consul.c - instances from Consul's catalogue, the healthy ones, by blocking queries: the answer
 * comes when something has changed, or after WAIT_SEC. The index rules are those that Consul asks
 * clients to keep: an index that goes back or is missing starts anew, and changes that come fast
 * are asked for at most once in the merge window. */
#include "upstream/discover/registry.h"

enum { WAIT_SEC = 60, TIMEOUT_MS = (WAIT_SEC + WAIT_SEC / 16 + 10) * 1000, URL_BYTES_MAX = 2048 };

struct consul_source {
    struct fetch fetch; /* first */
    struct discover *source;
    char *token;
    uint64_t index;
};

/* RFC 3986 2.3: everything that is not unreserved is escaped. */
static void add_escaped(struct strbuf *out, struct str text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool is_letter = char_lower(c) >= 'a' && char_lower(c) <= 'z';
        if (is_letter || char_is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            strbuf_add_char(out, c);
        } else {
            strbuf_add_char(out, '%');
            strbuf_add_char(out, digits[(uint8_t)c >> 4]);
            strbuf_add_char(out, digits[(uint8_t)c & 15]);
        }
    }
}

static void add_query(struct strbuf *out, const char *name, struct str value)
{
    if (value.len > 0) {
        strbuf_add_c(out, name);
        add_escaped(out, value);
    }
}

static void on_done(struct fetch *fetch, enum err e)
{
    struct consul_source *impl = CONTAINER_OF(fetch, struct consul_source, fetch);
    struct discover *source = impl->source;
    char why[DISCOVER_WHY_BYTES];
    struct discover_list list;
    uint64_t before = impl->index;
    impl->index = 0; /* after a failure the next answer comes at once */
    if (e != OK) {
        discover_failed(source, "%s", fetch->error);
        return;
    }
    if (fetch->status != 200) {
        discover_failed(source, "status %u", fetch->status);
        return;
    }
    discover_list_init(&list);
    if (consul_read(&list, fetch->body, why) != OK) {
        discover_list_drop(&list);
        discover_failed(source, "%s", why);
        return;
    }
    impl->index = fetch->index >= before ? fetch->index : 0;
    /* Without an index the server does not hold questions back: it is asked as an HTTP resource. */
    discover_again(source,
                   fetch->index == 0 ? source->conf.every_ms : LIMIT_VALUE(discovery_merge_ms));
    discover_answered(source, &list);
}

static void ask(struct discover *source)
{
    struct consul_source *impl = source->impl;
    char url[URL_BYTES_MAX];
    struct strbuf out = strbuf_over(url, sizeof url - 1);
    strbuf_add(&out, source->conf.url);
    strbuf_add_c(&out, "/v1/health/service/");
    add_escaped(&out, source->conf.key);
    strbuf_add_fmt(&out, "?passing=1&wait=%ds&index=%lu", WAIT_SEC, (unsigned long)impl->index);
    add_query(&out, "&tag=", source->conf.tag);
    add_query(&out, "&dc=", source->conf.datacenter);
    url[out.len] = '\0';
    if (strbuf_overflowed(&out)) {
        discover_failed(source, "its URL is longer than %d bytes", URL_BYTES_MAX);
        return;
    }
    struct fetch_conf conf = {.url = url, .timeout_ms = TIMEOUT_MS, .on_done = on_done};
    conf.headers[0] = impl->token;
    enum err e = fetch_start(source->env.fetcher, &impl->fetch, &conf);
    if (e != OK) {
        discover_failed(source, "%s", err_text(e));
    }
}

static enum err start(struct discover *source)
{
    struct consul_source *impl = source->impl;
    impl->source = source;
    if (source->conf.token.len > 0) {
        impl->token = discover_text(source, "X-Consul-Token: %.*s", STR_FMT(source->conf.token));
        if (impl->token == NULL) {
            return ERR_MEMORY;
        }
    }
    discover_again(source, 0);
    return OK;
}

static void stop(struct discover *source)
{
    struct consul_source *impl = source->impl;
    fetch_cancel(&impl->fetch);
}

const struct discover_type discover_consul = {.name = "consul",
                                              .bytes = sizeof(struct consul_source),
                                              .start = start,
                                              .stop = stop,
                                              .again = ask};
