/* explain.c - what decide.c has worked out, in words; see explain.h. */
#include "control/explain.h"

#include "base/strbuf.h"
#include "policy/policies.h"
#include "text/quantity.h"
#include "text/sink.h"

enum {
    LABEL_WIDTH = 10,
    NAME_WIDTH = 18,
    PLACE_WIDTH = 28,
    OTHERS_MAX = 12,
    WORDS_BYTES_MAX = 9216
};

struct telling {
    const struct decider *decider;
    const struct decision *decision;
    struct sink *out;
    const struct explain_live *live; /* NULL: no process is asked */
    uint32_t others;
};

/* One line: "route     orders            sluice.yaml:16              any host, ..." */
struct line {
    const char *label;
    struct str name;
    const struct source_pos *pos; /* NULL or all zero: nobody wrote it */
    const char *otherwise;        /* where it comes from then; may be NULL */
    struct str words;
};

static void add_padded(struct sink *out, struct str text, size_t width)
{
    sink_add(out, text);
    sink_pad(out, ' ', text.len < width ? width - text.len : 1);
}

static void tell(struct telling *telling, struct line line)
{
    char room[WORDS_BYTES_MAX];
    struct strbuf place = strbuf_over(room, sizeof room);
    if (line.pos != NULL && source_pos_is_set(line.pos)) {
        strbuf_add(&place, line.pos->source->name);
        strbuf_add_fmt(&place, ":%u", line.pos->line);
    } else if (line.otherwise != NULL) {
        strbuf_add_c(&place, line.otherwise);
    }
    add_padded(telling->out, str_from_c(line.label), LABEL_WIDTH);
    add_padded(telling->out, line.name, NAME_WIDTH);
    if (line.words.len > 0) {
        add_padded(telling->out, strbuf_str(&place), PLACE_WIDTH);
        sink_add(telling->out, line.words);
    } else {
        sink_add(telling->out, strbuf_str(&place));
    }
    sink_add(telling->out, STR("\n"));
}

/* "GET,POST *.example.com, path prefix /orders" */
static void describe_match(struct strbuf *out, const struct conf_match *match)
{
    static const char *const paths[] = {[CONF_PATH_PREFIX] = "path prefix ",
                                        [CONF_PATH_EXACT] = "path exactly ",
                                        [CONF_PATH_PATTERN] = "path pattern "};
    for (uint32_t i = 0; i < match->methods.count; i++) {
        strbuf_add_c(out, i > 0 ? "," : "");
        strbuf_add(out, match->methods.at[i]);
    }
    strbuf_add_c(out, match->methods.count > 0 ? ", " : "");
    for (uint32_t i = 0; i < match->hosts.count; i++) {
        strbuf_add_c(out, i > 0 ? "," : "host ");
        strbuf_add_c(out, match->hosts.at[i].kind == CONF_HOST_WILDCARD ? "*." : "");
        strbuf_add(out, match->hosts.at[i].name);
    }
    strbuf_add_c(out, match->hosts.count > 0 ? ", " : "any host, ");
    strbuf_add_c(out, paths[match->path_kind]);
    strbuf_add(out, match->path);
    for (uint32_t i = 0; i < match->headers.count; i++) {
        strbuf_add(out, STR(", header "));
        strbuf_add(out, match->headers.at[i].name);
    }
    for (uint32_t i = 0; i < match->query.count; i++) {
        strbuf_add(out, STR(", query "));
        strbuf_add(out, match->query.at[i].name);
    }
}

static void describe_verdict(struct strbuf *out, const struct route_verdict *verdict)
{
    const char *how = verdict->is_absent ? "is missing" : "differs";
    switch (verdict->kind) {
    case ROUTE_VERDICT_TAKES:
    case ROUTE_VERDICT_COUNT: break;
    case ROUTE_VERDICT_SECOND: strbuf_add(out, STR("would take it, but comes later")); break;
    case ROUTE_VERDICT_QUERY:
        strbuf_add_fmt(out, "no: query parameter %.*s %s", STR_FMT(verdict->name), how);
        break;
    case ROUTE_VERDICT_HEADER:
        strbuf_add_fmt(out, "no: header %.*s %s", STR_FMT(verdict->name), how);
        break;
    case ROUTE_VERDICT_METHOD: strbuf_add(out, STR("no: the method differs")); break;
    case ROUTE_VERDICT_PATH: strbuf_add(out, STR("no: the path differs")); break;
    case ROUTE_VERDICT_HOST: strbuf_add(out, STR("no: the host differs")); break;
    case ROUTE_VERDICT_LIMIT: strbuf_add(out, STR("no: its pattern ran out of steps")); break;
    }
}

static void tell_other(void *context, const struct route_verdict *verdict)
{
    struct telling *telling = context;
    char room[WORDS_BYTES_MAX];
    struct strbuf words = strbuf_over(room, sizeof room);
    const struct conf_route *route = &telling->decider->config->routes.at[verdict->rule->index];
    if (verdict->kind == ROUTE_VERDICT_TAKES) {
        return;
    }
    telling->others++;
    describe_verdict(&words, verdict);
    bool is_first = telling->decision->route == NULL && telling->others == 1;
    tell(telling, (struct line){.label = is_first ? "route" : "",
                                .name = route->name,
                                .pos = &route->pos,
                                .words = strbuf_str(&words)});
}

static void tell_route(struct telling *telling)
{
    const struct decision *decision = telling->decision;
    const struct conf_route *route = decision->route;
    char room[WORDS_BYTES_MAX];
    struct strbuf words = strbuf_over(room, sizeof room);
    if (decision->input.path.len == 0) {
        return; /* refused before it could be routed */
    }
    if (route != NULL) {
        describe_match(&words, &route->matches.at[decision->match_index]);
        tell(telling, (struct line){.label = "route",
                                    .name = route->name,
                                    .pos = &route->pos,
                                    .words = strbuf_str(&words)});
    }
    const struct route_explain explain = {
        .on_rule = tell_other, .context = telling, .rules_max = OTHERS_MAX};
    router_explain(telling->decider->router, &decision->input, telling->decider->scratch, &explain);
    uint32_t told = telling->others + (route != NULL);
    if (telling->decider->config->routes.count > told) {
        sink_add_fmt(telling->out, "%*s... and %u more\n", LABEL_WIDTH, "",
                     telling->decider->config->routes.count - told);
    }
}

static void tell_policies(struct telling *telling)
{
    static const char *const levels[] = {[CONF_DEFAULTS] = "defaults",
                                         [CONF_ENFORCE] = "enforce",
                                         [CONF_SERVICE] = "service",
                                         [CONF_ROUTE] = "route"};
    const struct decision *decision = telling->decision;
    const struct conf_route *route = decision->route;
    for (uint32_t i = 0; route != NULL && i < route->effective.policy_count; i++) {
        const struct conf_policy *policy = route->effective.policies[i];
        bool is_last = i + 1 == decision->policies_run;
        char room[WORDS_BYTES_MAX];
        struct strbuf words = strbuf_over(room, sizeof room);
        strbuf_add_c(&words, policy->bundle.len > 0 ? "policies." : levels[policy->level]);
        strbuf_add(&words, policy->bundle);
        strbuf_add_c(&words, i >= decision->policies_run                  ? ": not reached"
                             : is_last && decision->is_answered_by_policy ? ": answers by itself"
                                                                          : ": lets it pass");
        tell(telling, (struct line){.label = i == 0 ? "policies" : "",
                                    .name = str_from_c(policy->kind->name),
                                    .pos = &policy->pos,
                                    .words = strbuf_str(&words)});
    }
}

static void add_limit(struct strbuf *out, const char *name, int64_t ms)
{
    strbuf_add_c(out, out->len > 0 ? ", " : "");
    strbuf_add_c(out, name);
    strbuf_add_char(out, ' ');
    if (ms == 0) {
        strbuf_add(out, STR("none"));
    } else {
        quantity_add_duration(out, ms);
    }
}

static void tell_limits(struct telling *telling)
{
    const struct conf_route *route = telling->decision->route;
    const struct conf_timeout *timeout = &route->effective.timeout;
    char room[WORDS_BYTES_MAX];
    struct strbuf words = strbuf_over(room, sizeof room);
    add_limit(&words, "connect", timeout->connect_ms);
    add_limit(&words, "response", timeout->response_ms);
    add_limit(&words, "body", timeout->body_ms);
    add_limit(&words, "total", timeout->total_ms);
    tell(telling, (struct line){.label = "timeout",
                                .pos = &timeout->pos,
                                .otherwise = "built-in default",
                                .words = strbuf_str(&words)});
    if (route->effective.body_limit.bytes != 0) {
        words.len = 0;
        strbuf_add(&words, STR("at most "));
        quantity_add_size(&words, route->effective.body_limit.bytes);
        tell(telling, (struct line){.label = "body",
                                    .pos = &route->effective.body_limit.pos,
                                    .otherwise = "built-in default",
                                    .words = strbuf_str(&words)});
    }
}

static void tell_version(struct telling *telling, const struct conf_version *version,
                         int64_t weights)
{
    static const char *const balances[] = {
        [CONF_BALANCE_P2C_EWMA] = "the better of two by p2c_ewma",
        [CONF_BALANCE_ROUND_ROBIN] = "in turn by round_robin",
        [CONF_BALANCE_LEAST_REQUEST] = "the least busy by least_request",
        [CONF_BALANCE_RANDOM_TWO] = "the less busy of two by random_two",
        [CONF_BALANCE_LEAST_TIME] = "the fastest for its load by least_time",
        [CONF_BALANCE_FIRST] = "in this order while there is room, by first",
        [CONF_BALANCE_IP_HASH] = "by the network of the client, ip_hash",
        [CONF_BALANCE_RING] = "by its key, ring",
        [CONF_BALANCE_MAGLEV] = "by its key, maglev"};
    const struct decision *decision = telling->decision;
    const struct conf_service *service = decision->service;
    char room[WORDS_BYTES_MAX];
    struct strbuf words = strbuf_over(room, sizeof room);
    if (decision->version == NULL) {
        strbuf_add_fmt(&words, "%.4g %% by weight",
                       100.0 * (double)version->weight / (double)weights);
    } else {
        strbuf_add_c(&words, decision->is_by_cohort ? "always, by its cohort"
                                                    : "always: it has all the weight");
    }
    if (service->versions.count > 1) {
        tell(telling, (struct line){.label = "version",
                                    .name = version->name,
                                    .pos = &version->pos,
                                    .words = strbuf_str(&words)});
    }
    if (telling->live != NULL) {
        sink_add_fmt(telling->out, "%-*s%s\n", LABEL_WIDTH, "instance",
                     balances[service->balance.method]);
        telling->live->tell(telling->live->owner, service->name, version->name, telling->out);
        return;
    }
    for (uint32_t i = 0; i < version->targets.count; i++) {
        const struct conf_target *target = &version->targets.at[i];
        tell(telling, (struct line){.label = i == 0 ? "instance" : "",
                                    .name = target->text,
                                    .pos = &target->pos,
                                    .words = version->targets.count == 1
                                                 ? STR("the only one")
                                                 : str_from_c(balances[service->balance.method])});
    }
}

static void tell_service(struct telling *telling)
{
    const struct decision *decision = telling->decision;
    const struct conf_service *service = decision->service;
    int64_t weights = 0;
    char room[WORDS_BYTES_MAX];
    struct strbuf words = strbuf_over(room, sizeof room);
    strbuf_add(&words, STR("is asked for "));
    strbuf_add(&words, decision->origin_path);
    strbuf_add_c(&words, decision->query.len > 0 ? "?" : "");
    strbuf_add(&words, decision->query);
    tell(telling, (struct line){.label = "service",
                                .name = service->name,
                                .pos = &service->pos,
                                .words = strbuf_str(&words)});
    for (uint32_t i = 0; i < service->versions.count; i++) {
        weights += service->versions.at[i].weight;
    }
    for (uint32_t i = 0; i < service->versions.count; i++) {
        const struct conf_version *version = &service->versions.at[i];
        if (decision->version == NULL ? version->weight > 0 : version == decision->version) {
            tell_version(telling, version, weights);
        }
    }
}

/* What the gateway itself would answer. */
static void tell_answer(struct telling *telling)
{
    const struct decision *decision = telling->decision;
    sink_add_fmt(telling->out, "%-*s%u", LABEL_WIDTH, "answer", decision->status);
    if (decision->error != OK) {
        sink_add_fmt(telling->out, " %s: %s", err_code(decision->error), err_text(decision->error));
    }
    sink_add(telling->out, STR("\n"));
    for (uint32_t i = 0; i < decision->fields->count; i++) {
        const struct field *field = &decision->fields->at[i];
        if ((field->flags & FIELD_IS_DROPPED) == 0) {
            sink_pad(telling->out, ' ', LABEL_WIDTH);
            sink_add(telling->out, field->name);
            sink_add(telling->out, STR(": "));
            sink_add(telling->out, field->value);
            sink_add(telling->out, STR("\n"));
        }
    }
}

enum err explain_write_live(struct decider *decider, const struct decide_request *request,
                            const struct explain_live *live, struct sink *out)
{
    struct decision decision;
    TRY(decide(decider, request, &decision));
    struct telling telling = {
        .decider = decider, .decision = &decision, .out = out, .live = live};
    tell(&telling, (struct line){.label = "listener",
                                 .name = decision.listener->name,
                                 .pos = &decision.listener->pos});
    tell_route(&telling);
    tell_policies(&telling);
    if (decision.service != NULL) {
        tell_limits(&telling);
        tell_service(&telling);
    }
    if (decision.status != 0) {
        tell_answer(&telling);
    }
    return OK;
}

enum err explain_write(struct decider *decider, const struct decide_request *request,
                       struct sink *out)
{
    return explain_write_live(decider, request, NULL, out);
}
