/* decide.c - the way of a request through the rooms that serve it, as far as it needs no network;
 * see decide.h. The order is that of proxy/life.c. */
#include "control/decide.h"

#include "base/check.h"
#include "base/strbuf.h"
#include "edge/request_id.h"
#include "exchange/reply.h"
#include "http/judge.h"
#include "policy/policies.h"
#include "proxy/compile.h"
#include "proxy/routing.h"
#include "route/rewrite.h"
#include "route/split.h"

enum {
    DECIDER_BYTES_MAX = INT32_MAX,
    ONCE_BYTES_MAX = 64 << 20,
    REQUEST_BYTES_MAX = 262144,
    ALLOW_BYTES_MAX = 512,
    HTTP_PORT = 80,
    HTTPS_PORT = 443
};

/* One decision on its way. */
struct deciding {
    struct decider *decider;
    const struct decide_request *request;
    struct decision *out;
    struct exchange *ex;
    struct listener_conf listener;
    struct route_match match;
    struct plan plan;
    struct str authority, target; /* of the URL */
    uint16_t port;
    bool is_tls;
};

enum err decider_init(struct decider *decider, const struct config *config,
                      const struct router *router)
{
    struct route_rule *rules;
    *decider = (struct decider){.config = config, .router = router};
    arena_init_heap(&decider->arena, DECIDER_BYTES_MAX);
    arena_init_heap(&decider->once, ONCE_BYTES_MAX);
    decider->has_core = true;
    TRY(core_init(&decider->core, 0, 1));
    decider->core.current = &decider->generation;
    TRY(route_scratch_new(&decider->arena, &decider->scratch));
    if (router != NULL) {
        return OK;
    }
    TRY(compile_rules(&decider->arena, config, NULL, &rules));
    const struct router_conf conf = {
        .rules = rules, .rule_count = config->routes.count, .uri = compile_uri_rules(config)};
    TRY(router_new(&decider->arena, &conf, &decider->own_router));
    decider->router = decider->own_router;
    return OK;
}

static void forget(struct decider *decider)
{
    if (decider->ex != NULL) {
        chain_run_end(decider->ex);
        exchange_move(decider->ex, EX_DONE);
        exchange_close(&decider->ex);
    }
    compile_drop_policies(&decider->policies);
    decider->chain = (struct chain){0};
    arena_reset(&decider->once);
}

void decider_drop(struct decider *decider)
{
    forget(decider);
    router_drop(decider->own_router);
    route_scratch_drop(decider->scratch);
    if (decider->has_core) {
        core_drop(&decider->core);
    }
    arena_reset(&decider->arena);
    *decider = (struct decider){0};
}

/* Takes the URL apart. What is wrong in its parts the parser will say; only what would make more
 * than one line of it is refused here. */
static enum err take_url(struct deciding *deciding)
{
    struct str url = deciding->request->url;
    for (size_t i = 0; i < url.len; i++) {
        if ((unsigned char)url.at[i] <= ' ' || url.at[i] == '#') {
            return ERR_SYNTAX;
        }
    }
    deciding->is_tls = str_starts(url, STR("https://"));
    deciding->port = deciding->is_tls ? HTTPS_PORT : HTTP_PORT;
    if (str_starts(url, STR("/")) || str_eq(url, STR("*"))) {
        deciding->authority = STR("localhost");
        deciding->target = url;
        return OK;
    }
    if (!deciding->is_tls && !str_starts(url, STR("http://"))) {
        return ERR_SYNTAX;
    }
    struct str rest = str_skip(url, str_find_str(url, STR("://")) + 3);
    size_t end = str_find(rest, '/');
    size_t query = str_find(rest, '?');
    end = query < end ? query : end;
    deciding->authority = str_sub(rest, 0, end);
    deciding->target = str_skip(rest, end);
    struct str host;
    uint16_t port = 0;
    if (uri_parse_authority(&deciding->decider->once, deciding->authority, &host, &port) == OK &&
        port != 0) {
        deciding->port = port;
    }
    return deciding->authority.len > 0 ? OK : ERR_SYNTAX;
}

/* The listener on the URL's port; without one, the first. */
static const struct conf_listener *find_listener(const struct deciding *deciding)
{
    const struct config *config = deciding->decider->config;
    for (uint32_t i = 0; i < config->listeners.count; i++) {
        if (config->listeners.at[i].addr.port == deciding->port) {
            return &config->listeners.at[i];
        }
    }
    return config->listeners.count > 0 ? &config->listeners.at[0] : NULL;
}

static bool has_field(const struct decide_request *request, struct str name)
{
    for (uint32_t i = 0; i < request->field_count; i++) {
        if (str_eq_nocase(request->fields[i].name, name)) {
            return true;
        }
    }
    return false;
}

/* The request as a client would send it, in ex->in_at. ERR_SYNTAX: it would be another one. */
static enum err write_request(struct deciding *deciding)
{
    const struct decide_request *request = deciding->request;
    struct exchange *ex = deciding->ex;
    char *room = arena_alloc(&deciding->decider->once, REQUEST_BYTES_MAX);
    if (room == NULL) {
        return ERR_MEMORY;
    }
    struct strbuf out = strbuf_over(room, REQUEST_BYTES_MAX);
    if (!str_is_token(request->method)) {
        return ERR_SYNTAX;
    }
    strbuf_add(&out, request->method);
    strbuf_add(&out, str_starts(deciding->target, STR("/")) ? STR(" ") : STR(" /"));
    if (str_eq(deciding->target, STR("*"))) {
        out.len--;
    }
    strbuf_add(&out, deciding->target);
    strbuf_add(&out, STR(" HTTP/1.1\r\n"));
    if (!has_field(request, STR("Host"))) {
        strbuf_add(&out, STR("Host: "));
        strbuf_add(&out, deciding->authority);
        strbuf_add(&out, STR("\r\n"));
    }
    for (uint32_t i = 0; i < request->field_count; i++) {
        if (!str_is_token(request->fields[i].name) ||
            !str_is_field_value(request->fields[i].value)) {
            return ERR_SYNTAX;
        }
        strbuf_add(&out, request->fields[i].name);
        strbuf_add(&out, STR(": "));
        strbuf_add(&out, request->fields[i].value);
        strbuf_add(&out, STR("\r\n"));
    }
    strbuf_add(&out, STR("\r\n"));
    ex->in_at = out.at;
    ex->in_len = ex->in_cap = (uint32_t)out.len;
    return strbuf_overflowed(&out) ? ERR_SYNTAX : OK;
}

/* Stops 4 and 5: what the bytes mean, and who sent them. */
static enum err read_request(struct deciding *deciding)
{
    struct exchange *ex = deciding->ex;
    struct h1_parser parser;
    const struct addr loopback = {.family = ADDR_V4, .ip = {127, 0, 0, 1}};
    const struct addr *peer = &deciding->request->from;
    h1_parser_init(&parser, H1_REQUEST, &ex->request, &ex->arena, &deciding->listener.limits);
    enum err e = h1_parse(&parser, str_of(ex->in_at, ex->in_len));
    TRY(e == ERR_AGAIN ? ERR_HEAD_BYTES : e);
    deciding->listener.judge.default_port = deciding->is_tls ? HTTPS_PORT : HTTP_PORT;
    TRY(judge_request(&ex->request, &ex->arena, &deciding->listener.judge));
    TRY(request_id_take(ex, deciding->listener.request_id));
    forwarded_read(&ex->request, &deciding->listener.forwarded,
                   peer->family == ADDR_NONE ? &loopback : peer, deciding->is_tls, &ex->forwarded);
    return OK;
}

static void add_allow(struct deciding *deciding)
{
    char *room = arena_alloc(&deciding->ex->arena, ALLOW_BYTES_MAX);
    struct strbuf allow = strbuf_over(room, room == NULL ? 0 : ALLOW_BYTES_MAX);
    router_allowed_methods(deciding->decider->router, &deciding->out->input,
                           deciding->decider->scratch, &allow);
    if (!strbuf_overflowed(&allow) &&
        reply_field(deciding->ex, STR("Allow"), strbuf_str(&allow)) != OK) {
        return; /* as the data path does: the status says enough */
    }
}

/* Stop 6. */
static enum err find_route(struct deciding *deciding)
{
    struct decider *decider = deciding->decider;
    struct decision *out = deciding->out;
    const char *fault = NULL;
    enum err e = routing_find(decider->router, decider->scratch, &deciding->ex->request,
                              &out->input, &deciding->match);
    if (e == ERR_METHOD_NOT_ALLOWED) {
        reply_error(deciding->ex, e);
        add_allow(deciding);
    }
    TRY(e);
    CHECK(deciding->match.rule->index < decider->config->routes.count);
    out->route = &decider->config->routes.at[deciding->match.rule->index];
    out->match_index = deciding->match.match_index;
    const struct world_policies policies = {policy_types, POLICY_COUNT};
    struct compile_chain chain = {
        .arena = &decider->once, .policies = &policies, .compiled = &decider->policies};
    map_init(&chain.by_conf, &decider->once);
    TRY(compile_action(&decider->once, out->route, &deciding->plan, &fault));
    TRY(compile_chain(&chain, out->route, &decider->chain));
    return chain_bind(deciding->ex, &decider->chain);
}

/* Stop 7. False: a policy answered, or would have to wait for somebody. */
static bool run_policies(struct deciding *deciding)
{
    struct exchange *ex = deciding->ex;
    enum verdict verdict = chain_run_request(ex);
    deciding->out->policies_run = ex->chain_at;
    deciding->out->is_answered_by_policy = verdict == VERDICT_REPLIED;
    return verdict == VERDICT_NEXT;
}

static struct rewrite_input rewrite_input_of(const struct deciding *deciding)
{
    return (struct rewrite_input){.path = deciding->ex->request.path,
                                  .match = &deciding->match,
                                  .uri = &deciding->listener.judge.uri};
}

static enum err act_redirect(struct deciding *deciding)
{
    struct exchange *ex = deciding->ex;
    struct str location;
    const struct redirect_input input = {.rewrite = rewrite_input_of(deciding),
                                         .scheme = ex->forwarded.proto.len > 0 ? ex->forwarded.proto
                                                                               : STR("http"),
                                         .host = ex->request.host,
                                         .port = ex->request.host_port,
                                         .query = ex->request.query,
                                         .has_query = ex->request.has_query};
    TRY(redirect_location(&deciding->plan.redirect, &input, &ex->arena, &location));
    reply_start(ex, deciding->plan.redirect.status);
    return reply_field(ex, STR("Location"), location);
}

static enum err act_respond(struct deciding *deciding)
{
    const struct plan *plan = &deciding->plan;
    reply_start(deciding->ex, plan->respond.status);
    for (uint32_t i = 0; i < plan->respond.field_count; i++) {
        TRY(reply_field(deciding->ex, plan->respond.fields[i].name, plan->respond.fields[i].value));
    }
    deciding->ex->own_body = plan->respond.body;
    return OK;
}

/* Stop 8, as far as chance and load have no say. */
static enum err pick_version(struct deciding *deciding)
{
    struct decision *out = deciding->out;
    const struct conf_service *service = out->service;
    struct plan_service to;
    struct plan_version *versions;
    const struct split_version *picked = NULL;
    struct str key;
    TRY(compile_service(&deciding->decider->once, service, &to, &versions));
    if (to.split.total_weight == 0) {
        return ERR_NO_VERSION;
    }
    for (uint32_t i = 0; i < service->versions.count; i++) {
        if ((uint64_t)service->versions.at[i].weight == to.split.total_weight) {
            out->version = &service->versions.at[i];
        }
    }
    if (out->version == NULL && routing_cohort_key(deciding->ex, &to, &key)) {
        TRY(split_pick_key(&to.split, split_key(&to.split, key), &picked));
        out->is_by_cohort = true;
        out->version = &service->versions.at[(const struct plan_version *)picked->value - versions];
    }
    return OK;
}

static enum err forward(struct deciding *deciding)
{
    const struct exchange *ex = deciding->ex;
    struct decision *out = deciding->out;
    const struct rewrite_input input = rewrite_input_of(deciding);
    out->service = out->route->service;
    out->origin_path = ex->request.path;
    out->query = ex->request.query;
    TRY(pick_version(deciding));
    return rewrite_path(&deciding->plan.rewrite, &input, &deciding->ex->arena, &out->origin_path);
}

static enum err act(struct deciding *deciding)
{
    switch ((enum plan_action)deciding->plan.action) {
    case PLAN_FORWARD: return forward(deciding);
    case PLAN_REDIRECT: return act_redirect(deciding);
    case PLAN_RESPOND: return act_respond(deciding);
    }
    return ERR_BUG;
}

/* From the head to a service or an answer; the reason when the gateway refuses. */
static enum err walk(struct deciding *deciding)
{
    const struct exchange *ex = deciding->ex;
    TRY(read_request(deciding));
    TRY(find_route(deciding));
    uint64_t body_bytes_max = (uint64_t)deciding->out->route->effective.body_limit.bytes;
    if (body_bytes_max != 0 && ex->request.content_length > body_bytes_max) {
        return ERR_BODY_BYTES;
    }
    return run_policies(deciding) ? act(deciding) : OK;
}

enum err decide(struct decider *decider, const struct decide_request *request, struct decision *out)
{
    struct deciding deciding = {.decider = decider, .request = request, .out = out};
    *out = (struct decision){0};
    forget(decider);
    TRY(take_url(&deciding));
    out->listener = find_listener(&deciding);
    if (out->listener == NULL) {
        return ERR_NOT_FOUND;
    }
    compile_listener(out->listener, &deciding.listener);
    decider->ex = deciding.ex = exchange_open(&decider->core, NULL);
    if (deciding.ex == NULL) {
        return ERR_MEMORY;
    }
    TRY(write_request(&deciding));
    out->error = walk(&deciding);
    if (out->error != OK && !deciding.ex->is_own_reply) {
        reply_error(deciding.ex, out->error);
    }
    if (deciding.ex->is_own_reply) {
        (void)!chain_run_response(deciding.ex);
        out->status = deciding.ex->response.status;
    }
    out->fields = &deciding.ex->response.fields;
    out->body = deciding.ex->own_body;
    return OK;
}
