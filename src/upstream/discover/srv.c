/* srv.c - instances by SRV records (RFC 2782). The hosts of the records become targets; that they
 * are resolved, and followed when their addresses change, is the roster's work as for any name. */
#include "net/resolver_srv.h"
#include "upstream/discover/discover.h"

struct srv_source {
    struct resolver_srv srv; /* first */
};

/* RFC 2782: among hosts with weights, one of weight 0 has a very small chance; ours drains. */
static uint32_t weight_of(const struct srv_answer *answer, const struct srv_record *record)
{
    bool has_weights = false;
    for (uint32_t i = 0; i < answer->count; i++) {
        has_weights = has_weights || answer->at[i].weight > 0;
    }
    if (!has_weights) {
        return 1;
    }
    return record->weight > 0 ? record->weight * 10u : 1;
}

/* The records are sorted: priorities of any size become 0, 1, 2 as targets have them. */
static uint32_t rank_of(const struct srv_answer *answer, uint32_t at)
{
    uint32_t rank = 0;
    for (uint32_t i = 1; i <= at; i++) {
        rank += answer->at[i].priority != answer->at[i - 1].priority;
    }
    return rank < CONF_PRIORITY_MAX ? rank : CONF_PRIORITY_MAX;
}

static enum err add_record(struct discover_list *list, const struct srv_answer *answer, uint32_t at)
{
    const struct srv_record *record = &answer->at[at];
    char text[NAME_BYTES_MAX + 8];
    struct strbuf out = strbuf_over(text, sizeof text);
    strbuf_add_c(&out, record->host);
    strbuf_add_char(&out, ':');
    strbuf_add_u64(&out, record->port);
    const struct roster_target target = {.text = strbuf_str(&out),
                                         .host = str_from_c(record->host),
                                         .port = record->port,
                                         .is_every_address = true,
                                         .weight = weight_of(answer, record),
                                         .priority = rank_of(answer, at)};
    return discover_list_add(list, &target);
}

static void on_change(struct resolver_srv *srv)
{
    struct discover *source = srv->owner;
    struct discover_list list;
    enum err e = OK;
    discover_list_init(&list);
    for (uint32_t i = 0; e == OK && i < srv->answer.count; i++) {
        e = add_record(&list, &srv->answer, i);
    }
    if (e != OK) {
        discover_list_drop(&list);
        discover_failed(source, "%s", err_text(e));
        return;
    }
    discover_answered(source, &list);
}

static enum err start(struct discover *source)
{
    struct srv_source *impl = source->impl;
    TRY(resolver_srv_add(source->env.resolver, &impl->srv, source->conf.url, on_change));
    impl->srv.owner = source;
    return OK;
}

static void stop(struct discover *source)
{
    struct srv_source *impl = source->impl;
    resolver_srv_remove(&impl->srv);
}

static void again(struct discover *source)
{
    (void)source; /* the resolver asks by itself */
}

const struct discover_type discover_srv = {.name = "srv",
                                           .bytes = sizeof(struct srv_source),
                                           .start = start,
                                           .stop = stop,
                                           .again = again};
