/* etcd.c - instances as keys below a prefix of etcd (API v3 over its JSON gateway). First all keys
 * of a revision, then a watch from the next one, so that no change is lost in between; when the
 * watch ends or its revision was compacted, all over again. Changes that come within the merge
 * window make one list. */
#include "upstream/discover/registry.h"

#include "base/base64.h"

#include <stdio.h>

enum { TIMEOUT_MS = 10000, BODY_BYTES_MAX = 4096, KEY_BYTES_MAX = 1024 };

enum etcd_phase { ETCD_ASK, ETCD_WATCH };

struct etcd_source {
    struct fetch fetch; /* first */
    struct discover *source;
    struct etcd_keys keys;
    char *range_url, *watch_url, *authorization, *range; /* range: "key" and "range_end" as JSON */
    enum etcd_phase phase;
    uint64_t revision;
    bool has_news; /* the keys changed since the last list */
};

/* Every key that starts with the prefix: up to the prefix with its last byte one higher. */
static enum err describe_range(struct discover *source, struct str prefix, char **out)
{
    char end[KEY_BYTES_MAX], text[BODY_BYTES_MAX];
    if (prefix.len > sizeof end) {
        return ERR_RANGE;
    }
    memcpy(end, prefix.at, prefix.len);
    size_t len = prefix.len;
    while (len > 0 && (uint8_t)end[len - 1] == 0xff) {
        len--;
    }
    if (len > 0) {
        end[len - 1] = (char)((uint8_t)end[len - 1] + 1);
    }
    struct strbuf body = strbuf_over(text, sizeof text);
    strbuf_add_c(&body, "\"key\":\"");
    base64_add(&body, prefix, BASE64_STANDARD);
    strbuf_add_c(&body, "\",\"range_end\":\"");
    base64_add(&body, len > 0 ? str_of(end, len) : str_of("", 1), BASE64_STANDARD);
    strbuf_add_c(&body, "\"");
    *out = discover_text(source, "%.*s", STR_FMT(strbuf_str(&body)));
    return *out == NULL || strbuf_overflowed(&body) ? ERR_MEMORY : OK;
}

static void publish(struct discover *source)
{
    struct etcd_source *impl = source->impl;
    struct discover_list list;
    impl->has_news = false;
    discover_list_init(&list);
    enum err e = etcd_list(&impl->keys, &list);
    if (e == OK) {
        discover_answered(source, &list);
    } else {
        discover_list_drop(&list);
        discover_failed(source, "%s", err_text(e));
    }
    if (source->state == DISCOVER_FAILED) {
        timer_stop(&source->timer); /* the watch goes on: the next change may heal it */
    }
}

static void begin_anew(struct discover *source, const char *why)
{
    struct etcd_source *impl = source->impl;
    fetch_cancel(&impl->fetch);
    impl->phase = ETCD_ASK;
    discover_failed(source, "%s", why);
}

static void on_watch_done(struct fetch *fetch, enum err e)
{
    struct etcd_source *impl = CONTAINER_OF(fetch, struct etcd_source, fetch);
    begin_anew(impl->source, e == OK ? "the watch was closed" : fetch->error);
}

/* Whole lines of the stream are taken. */
static void on_watch_data(struct fetch *fetch)
{
    struct etcd_source *impl = CONTAINER_OF(fetch, struct etcd_source, fetch);
    struct discover *source = impl->source;
    char why[DISCOVER_WHY_BYTES];
    struct etcd_news news;
    size_t taken = 0;
    for (;;) {
        struct str_pair line = str_cut(str_skip(fetch->body, taken), '\n');
        if (!line.is_cut) {
            break;
        }
        taken += line.head.len + 1;
        if (line.head.len == 0) {
            continue;
        }
        enum err e = etcd_read_watch(&impl->keys, line.head, &news, why);
        if (e != OK || news.is_canceled) {
            begin_anew(source, e != OK ? why : "the watched revision was compacted");
            return;
        }
        impl->has_news = impl->has_news || news.has_changes;
    }
    fetch_take(fetch, taken);
    if (impl->has_news && !source->timer.is_set) {
        discover_again(source, LIMIT_VALUE(discovery_merge_ms));
    }
}

static enum err post(struct discover *source, const char *url, struct str body, bool is_watch);

static void watch(struct discover *source)
{
    struct etcd_source *impl = source->impl;
    char text[BODY_BYTES_MAX];
    struct strbuf body = strbuf_over(text, sizeof text);
    strbuf_add_fmt(&body,
                   "{\"create_request\":{%s,\"start_revision\":\"%lu\",\"progress_notify\":true}}",
                   impl->range, (unsigned long)(impl->revision + 1));
    impl->phase = ETCD_WATCH;
    enum err e = post(source, impl->watch_url, strbuf_str(&body), true);
    if (e != OK) {
        begin_anew(source, err_text(e));
    }
}

static void on_range_done(struct fetch *fetch, enum err e)
{
    struct etcd_source *impl = CONTAINER_OF(fetch, struct etcd_source, fetch);
    struct discover *source = impl->source;
    char why[DISCOVER_WHY_BYTES];
    struct etcd_keys keys = {0};
    if (e != OK) {
        discover_failed(source, "%s", fetch->error);
        return;
    }
    if (fetch->status != 200) {
        discover_failed(source, "status %u", fetch->status);
        return;
    }
    if (etcd_read_range(&keys, fetch->body, &impl->revision, why) != OK) {
        etcd_keys_drop(&keys);
        discover_failed(source, "%s", why);
        return;
    }
    etcd_keys_drop(&impl->keys);
    impl->keys = keys;
    watch(source);
    publish(source);
}

static enum err post(struct discover *source, const char *url, struct str body, bool is_watch)
{
    struct etcd_source *impl = source->impl;
    struct fetch_conf conf = {.url = url,
                              .body = body,
                              .timeout_ms = is_watch ? 0 : TIMEOUT_MS,
                              .on_data = is_watch ? on_watch_data : NULL,
                              .on_done = is_watch ? on_watch_done : on_range_done};
    conf.headers[0] = "Content-Type: application/json";
    conf.headers[1] = impl->authorization;
    return fetch_start(source->env.fetcher, &impl->fetch, &conf);
}

static void again(struct discover *source)
{
    struct etcd_source *impl = source->impl;
    if (impl->phase == ETCD_WATCH) {
        publish(source);
        return;
    }
    char text[BODY_BYTES_MAX];
    struct strbuf body = strbuf_over(text, sizeof text);
    strbuf_add_fmt(&body, "{%s}", impl->range);
    enum err e = post(source, impl->range_url, strbuf_str(&body), false);
    if (e != OK) {
        discover_failed(source, "%s", err_text(e));
    }
}

static enum err start(struct discover *source)
{
    struct etcd_source *impl = source->impl;
    const struct conf_discover *conf = &source->conf;
    impl->source = source;
    impl->range_url = discover_text(source, "%.*s/v3/kv/range", STR_FMT(conf->url));
    impl->watch_url = discover_text(source, "%.*s/v3/watch", STR_FMT(conf->url));
    TRY(describe_range(source, conf->key, &impl->range));
    if (conf->token.len > 0) { /* etcd wants the token alone */
        impl->authorization = discover_text(source, "Authorization: %.*s", STR_FMT(conf->token));
    }
    bool has_token = conf->token.len == 0 || impl->authorization != NULL;
    discover_again(source, 0);
    return impl->range_url != NULL && impl->watch_url != NULL && has_token ? OK : ERR_MEMORY;
}

static void stop(struct discover *source)
{
    struct etcd_source *impl = source->impl;
    fetch_cancel(&impl->fetch);
    etcd_keys_drop(&impl->keys);
}

const struct discover_type discover_etcd = {.name = "etcd",
                                            .bytes = sizeof(struct etcd_source),
                                            .start = start,
                                            .stop = stop,
                                            .again = again};
