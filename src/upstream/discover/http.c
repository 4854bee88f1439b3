/* http.c - instances listed by an HTTP resource, asked for again and again, as YAML or JSON in the
 * grammar of `targets`. Only 200 is an answer: anything else leaves what is known. */
#include "upstream/discover/discover.h"

enum { TIMEOUT_MS = 10000 };

struct http_source {
    struct fetch fetch; /* first */
    struct discover *source;
    char *url, *authorization;
};

static void on_done(struct fetch *fetch, enum err e)
{
    struct http_source *impl = CONTAINER_OF(fetch, struct http_source, fetch);
    struct discover *source = impl->source;
    char why[DISCOVER_WHY_BYTES];
    struct discover_list list;
    if (e != OK) {
        discover_failed(source, "%s", fetch->error);
        return;
    }
    if (fetch->status != 200) {
        discover_failed(source, "status %u", fetch->status);
        return;
    }
    discover_list_init(&list);
    if (discover_list_read(&list, impl->url, fetch->body, why) != OK) {
        discover_list_drop(&list);
        discover_failed(source, "%s", why);
        return;
    }
    discover_again(source, source->conf.every_ms);
    discover_answered(source, &list);
}

static void ask(struct discover *source)
{
    struct http_source *impl = source->impl;
    struct fetch_conf conf = {.url = impl->url, .timeout_ms = TIMEOUT_MS, .on_done = on_done};
    conf.headers[0] = "Accept: application/json, application/yaml";
    conf.headers[1] = impl->authorization;
    enum err e = fetch_start(source->env.fetcher, &impl->fetch, &conf);
    if (e != OK) {
        discover_failed(source, "%s", err_text(e));
    }
}

static enum err start(struct discover *source)
{
    struct http_source *impl = source->impl;
    impl->source = source;
    impl->url = discover_text(source, "%.*s", STR_FMT(source->conf.url));
    if (source->conf.token.len > 0) {
        impl->authorization =
            discover_text(source, "Authorization: Bearer %.*s", STR_FMT(source->conf.token));
    }
    bool has_token = source->conf.token.len == 0 || impl->authorization != NULL;
    discover_again(source, 0);
    return impl->url != NULL && has_token ? OK : ERR_MEMORY;
}

static void stop(struct discover *source)
{
    struct http_source *impl = source->impl;
    fetch_cancel(&impl->fetch);
}

const struct discover_type discover_http = {.name = "http",
                                            .bytes = sizeof(struct http_source),
                                            .start = start,
                                            .stop = stop,
                                            .again = ask};
