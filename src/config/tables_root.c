/* tables_root.c - the keys of routes, bundles and tests, of what stands around them, and the root.
 * One row a key; what a row cannot say (where a route leads, whether its rewrite fits its match) is
 * in the check of its table. Services and listeners: tables.c. */
#include "base/limits.h"
#include "config/internals.h"

static const struct conf_field respond_fields[] = {
    {.name = "status",
     .type = CONF_INT,
     CONF_IS(struct conf_respond, status),
     .preset = "200",
     .min = 200,
     .max = 599,
     .summary = "The status."},
    {.name = "body",
     .type = CONF_STRING,
     CONF_IS(struct conf_respond, body),
     .max = 1 << 20,
     .summary = "The body, as it is."},
    {.name = "headers",
     .type = CONF_PAIRS,
     CONF_IS(struct conf_respond, headers),
     .flags = CONF_TOKEN | CONF_FIELD_VALUE,
     .summary = "Header fields of the answer."},
};
static const struct conf_table respond_table = {.name = "respond",
                                                .summary =
                                                    "An answer that the gateway gives itself.",
                                                .fields = respond_fields,
                                                .field_count = COUNT_OF(respond_fields),
                                                .bytes = sizeof(struct conf_respond),
                                                .pos_at = CONF_AT(struct conf_respond, pos)};

static const struct conf_field route_fields[] = {
    {.name = "match",
     .type = CONF_LIST,
     .item = CONF_STRUCT,
     .table = &conf_match_table,
     CONF_IS(struct conf_route, matches),
     .flags = CONF_NOT_EMPTY,
     .summary = "Which requests it takes; any one of several. Left out: the name is the match."},
    {.name = "to",
     .type = CONF_TEXT,
     .group = 1,
     CONF_IS(struct conf_route, to),
     .flags = CONF_NOT_EMPTY,
     .summary = "The service, by name, or a target."},
    {.name = "redirect",
     .type = CONF_STRUCT,
     .group = 1,
     .table = &conf_redirect_table,
     CONF_IS(struct conf_route, redirect),
     .flags = CONF_OPTIONAL,
     .summary = "Sends the client to another URL."},
    {.name = "respond",
     .type = CONF_STRUCT,
     .group = 1,
     .table = &respond_table,
     CONF_IS(struct conf_route, respond),
     .flags = CONF_OPTIONAL,
     .summary = "Answers without any service."},
    {.name = "rewrite",
     .type = CONF_CUSTOM,
     .grammar = &conf_rewrite_grammar,
     CONF_IS(struct conf_route, rewrite),
     .summary = "The path that the service is sent: /orders/* replaces the matched prefix; "
                "/orders/{id} is the whole path."},
    {.name = "priority",
     .type = CONF_INT,
     CONF_IS(struct conf_route, priority),
     .preset = "0",
     .min = -1000000,
     .max = 1000000,
     .summary = "Higher goes first, before any other rule; for migrations only."},
    {.name = "urgency",
     .type = CONF_ENUM,
     CONF_IS(struct conf_route, urgency),
     .preset = "normal",
     .names = conf_urgency_names,
     .summary = "Who goes first when requests wait for the service: high, normal or low; one turn "
                "in eight goes the other way."},
    {.name = "timeout",
     .type = CONF_STRUCT,
     .table = &conf_timeout_table,
     CONF_IS(struct conf_route, timeout),
     .flags = CONF_OPTIONAL,
     .summary = "How long its exchanges may take."},
    {.name = "body_limit",
     .type = CONF_LIMIT,
     CONF_IS(struct conf_route, body_limit),
     .min = 1,
     .max = (int64_t)1 << 50,
     .summary = "Bytes of a request body, or off."},
    {.name = "use",
     .type = CONF_LIST,
     .item = CONF_TEXT,
     CONF_IS(struct conf_route, use),
     .flags = CONF_NOT_EMPTY,
     .summary = "Bundles of policies, by name."},
    {.name = "skip",
     .type = CONF_LIST,
     .item = CONF_TEXT,
     CONF_IS(struct conf_route, skip),
     .flags = CONF_NOT_EMPTY,
     .summary = "Policies of the service or of defaults that it goes without."},
    {.name = "retry",
     .type = CONF_STRUCT,
     .table = &conf_retry_table,
     CONF_IS(struct conf_route, retry),
     .flags = CONF_OPTIONAL,
     .summary = "What is tried again; a number, off, or a map."},
    {.name = "mirror", .type = CONF_LATER, .summary = "A copy of the traffic."},
    {.name = "cache", .type = CONF_LATER, .summary = "A cache."},
};

/* The key is the match when nothing else says which requests to take. */
static bool match_by_name(struct conf_reader *reader, struct node *node, struct conf_route *out)
{
    struct node key = {
        .text = out->name, .type = NODE_STRING, .pos = out->pos, .is_resolved = true};
    if (str_find(out->name, '/') == out->name.len && str_find(out->name, '.') == out->name.len) {
        conf_hint(reader, "write match: /path/*, or the path as the name of the route");
        return conf_refuse(reader, node, DIAG_E0108, "\"match\" is missing");
    }
    out->matches.at = conf_array(reader, node, 1, sizeof *out->matches.at);
    out->matches.count = 1;
    if (out->matches.at == NULL) {
        return false;
    }
    return conf_read_struct(reader, &conf_match_table, &key, out->matches.at);
}

static bool read_route_short(struct conf_reader *reader, struct node *node, void *out)
{
    if (node->type != NODE_STRING) {
        conf_hint(reader, "write \"/path/*\": http://localhost:3000, or a map with match and to");
        return conf_refuse(reader, node, DIAG_E0101, "a route is a map or a target, not %s",
                           node_type_name((enum node_type)node->type));
    }
    return conf_read_field(reader, &route_fields[1], node, out);
}

static const struct conf_grammar route_grammar = {
    .form = "a service or a target; the name of the route is its match",
    .example = "http://localhost:3000",
    .pattern = "^[^ ]+$",
    .bytes = sizeof(struct conf_route),
    .read = read_route_short};

static bool has_param(const struct conf_match *match, struct str name)
{
    struct str_pair cut = {.tail = str_skip(match->path, 1), .is_cut = true};
    while (match->has_params && cut.is_cut) {
        cut = str_cut(cut.tail, '/');
        if (cut.head.len == name.len + 2 && cut.head.at[0] == '{' &&
            str_eq(str_sub(cut.head, 1, name.len), name)) {
            return true;
        }
    }
    return false;
}

/* What every match of the route must have for its rewrite to make sense. */
static const char *rewrite_problem(const struct conf_rewrite *rewrite,
                                   const struct conf_match *match)
{
    struct str rest = rewrite->path;
    if (rewrite->kind == CONF_REWRITE_PREFIX) {
        return match->path_kind == CONF_PATH_PREFIX ? NULL : "only a match with /* has a prefix";
    }
    while (str_find(rest, '{') < rest.len) {
        rest = str_cut(rest, '{').tail;
        struct str_pair cut = str_cut(rest, '}');
        if (!cut.is_cut || !has_param(match, cut.head)) {
            return "every match needs the same parameter";
        }
        rest = cut.tail;
    }
    return str_find(rest, '}') < rest.len ? "this brace has no partner" : NULL;
}

static bool check_rewrite(struct conf_reader *reader, const struct conf_route *route,
                          const struct conf_rewrite *rewrite)
{
    const struct node node = {.pos = rewrite->pos};
    for (uint32_t i = 0; rewrite->kind != CONF_REWRITE_NONE && i < route->matches.count; i++) {
        const char *problem = rewrite_problem(rewrite, &route->matches.at[i]);
        if (problem != NULL) {
            conf_hint(reader, "%s", problem);
            return conf_refuse(reader, &node, DIAG_E0118,
                               "the path to rewrite to does not fit the match");
        }
    }
    return true;
}

static bool check_route(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_route *out = place;
    bool is_to = out->to.text.len > 0;
    bool is_redirect = source_pos_is_set(&out->redirect.pos);
    bool is_respond = source_pos_is_set(&out->respond.pos);
    if (is_to + is_redirect + is_respond != 1) {
        conf_hint(reader, "write one of to, redirect and respond");
        return conf_refuse(reader, node, DIAG_E0204, "the route leads nowhere");
    }
    out->action = is_to ? CONF_TO_SERVICE : is_redirect ? CONF_REDIRECT : CONF_RESPOND;
    if (out->matches.count == 0 && !match_by_name(reader, node, out)) {
        return false;
    }
    if (!is_to && out->rewrite.kind != CONF_REWRITE_NONE) {
        conf_hint(reader, "write the path in redirect");
        return conf_refuse(reader, node, DIAG_E0113, "rewrite is for routes with \"to\"");
    }
    return check_rewrite(reader, out, &out->rewrite) &&
           check_rewrite(reader, out, &out->redirect.path);
}

const struct conf_table conf_route_table = {
    .name = "route",
    .summary = "Which requests go where, and what is done to them on the way.",
    .fields = route_fields,
    .field_count = COUNT_OF(route_fields),
    .bytes = sizeof(struct conf_route),
    .name_at = CONF_AT(struct conf_route, name),
    .pos_at = CONF_AT(struct conf_route, pos),
    .policies_at = CONF_AT(struct conf_route, policies),
    .shorthand = &route_grammar,
    .check = check_route};

static const struct conf_table bundle_table = {
    .name = "bundle",
    .summary = "Policies under one name, for use in several places.",
    .bytes = sizeof(struct conf_bundle),
    .name_at = CONF_AT(struct conf_bundle, name),
    .pos_at = CONF_AT(struct conf_bundle, pos),
    .policies_at = CONF_AT(struct conf_bundle, policies)};

static const struct conf_field expect_fields[] = {
    {.name = "status",
     .type = CONF_INT,
     CONF_IS(struct conf_expect, status),
     .min = 100,
     .max = 599,
     .summary = "The status that the gateway itself answers with."},
    {.name = "route",
     .type = CONF_STRING,
     CONF_IS(struct conf_expect, route),
     .summary = "The route that takes the request."},
    {.name = "service",
     .type = CONF_STRING,
     CONF_IS(struct conf_expect, service),
     .summary = "The service that it leads to."},
    {.name = "version",
     .type = CONF_STRING,
     CONF_IS(struct conf_expect, version),
     .summary = "The version that is picked."},
    {.name = "header",
     .type = CONF_PAIRS,
     CONF_IS(struct conf_expect, header),
     .flags = CONF_TOKEN,
     .summary = "Header fields of the answer."},
};
static const struct conf_table expect_table = {.name = "expect",
                                               .summary = "What must come of the request.",
                                               .fields = expect_fields,
                                               .field_count = COUNT_OF(expect_fields),
                                               .bytes = sizeof(struct conf_expect),
                                               .pos_at = CONF_AT(struct conf_expect, pos)};

static const struct conf_field test_fields[] = {
    {.name = "request",
     .type = CONF_CUSTOM,
     .grammar = &conf_request_grammar,
     .offset = 0,
     .bytes = sizeof(struct conf_test),
     .flags = CONF_REQUIRED,
     .summary = "Method and absolute URL."},
    {.name = "headers",
     .type = CONF_PAIRS,
     CONF_IS(struct conf_test, headers),
     .flags = CONF_TOKEN | CONF_FIELD_VALUE,
     .summary = "Header fields of the request."},
    {.name = "from",
     .type = CONF_CUSTOM,
     .grammar = &conf_ip_grammar,
     CONF_IS(struct conf_test, from),
     .summary = "The address of the client."},
    {.name = "expect",
     .type = CONF_STRUCT,
     .table = &expect_table,
     CONF_IS(struct conf_test, expect),
     .flags = CONF_REQUIRED,
     .summary = "What must come of the request."},
    {.name = "as", .type = CONF_LATER, .summary = "Who the client is."},
};
static const struct conf_table test_table = {
    .name = "test",
    .summary = "A request and what must come of it; run by `sluice test`, without network.",
    .fields = test_fields,
    .field_count = COUNT_OF(test_fields),
    .bytes = sizeof(struct conf_test),
    .pos_at = CONF_AT(struct conf_test, pos)};

static const char *const format_names[] = {"json", NULL};

static const struct conf_field access_log_fields[] = {
    {.name = "format",
     .type = CONF_ENUM,
     CONF_IS(struct conf_access_log, format),
     .preset = "json",
     .names = format_names,
     .summary = "One JSON object a line."},
    {.name = "to",
     .type = CONF_CUSTOM,
     .grammar = &conf_log_to_grammar,
     .offset = 0,
     .bytes = sizeof(struct conf_access_log),
     .preset = "stdout",
     .summary = "stdout, stderr, off, or the path of a file."},
};
static const struct conf_table access_log_table = {.name = "access log",
                                                   .summary = "One line for each exchange.",
                                                   .fields = access_log_fields,
                                                   .field_count = COUNT_OF(access_log_fields),
                                                   .bytes = sizeof(struct conf_access_log),
                                                   .shorthand = &conf_log_to_grammar};

static const struct conf_field metrics_fields[] = {
    {.name = "listen",
     .type = CONF_ADDR,
     .offset = 0,
     .bytes = sizeof(struct addr),
     .flags = CONF_REQUIRED | CONF_OPTIONAL,
     .summary = "Address and port of the listener for /metrics, /healthz and /readyz."},
};
static const struct conf_table metrics_table = {
    .name = "metrics",
    .summary = "A listener of its own for Prometheus and for health checks of the gateway.",
    .fields = metrics_fields,
    .field_count = COUNT_OF(metrics_fields),
    .bytes = sizeof(struct addr)};

static const struct conf_field observe_fields[] = {
    {.name = "access_log",
     .type = CONF_STRUCT,
     .table = &access_log_table,
     CONF_IS(struct conf_observe, access_log),
     .summary = "One line for each exchange."},
    {.name = "metrics",
     .type = CONF_STRUCT,
     .table = &metrics_table,
     CONF_IS(struct conf_observe, metrics),
     .flags = CONF_OPTIONAL,
     .summary = "Metrics and health of the gateway."},
    {.name = "traces", .type = CONF_LATER, .summary = "Traces."},
};
static const struct conf_table observe_table = CONF_TABLE(
    "observe", struct conf_observe, observe_fields, "What is written down about exchanges.");

static const struct conf_field admin_fields[] = {
    {.name = "listen",
     .type = CONF_CUSTOM,
     .grammar = &conf_unix_grammar,
     .offset = 0,
     .bytes = sizeof(struct str),
     .flags = CONF_REQUIRED,
     .summary = "The Unix socket of the admin API."},
    {.name = "ui", .type = CONF_LATER, .summary = "The dashboard."},
    {.name = "token", .type = CONF_LATER, .summary = "A token for the admin API."},
};
static const struct conf_table admin_table = {.name = "admin",
                                              .summary = "The admin API.",
                                              .fields = admin_fields,
                                              .field_count = COUNT_OF(admin_fields),
                                              .bytes = sizeof(struct str),
                                              .shorthand = &conf_unix_grammar};

static const struct conf_field drain_fields[] = {
    {.name = "timeout",
     .type = CONF_DURATION,
     .offset = 0,
     .bytes = sizeof(int64_t),
     .preset = "30s",
     .max = 24 * 3600 * 1000,
     .summary = "Time that requests in flight have to finish at shutdown."},
};
static_assert(LIMIT_VALUE_drain_timeout_ms == 30000, "the preset above is that of limits.def");
static const struct conf_table drain_table = {.name = "drain",
                                              .summary = "How the gateway shuts down.",
                                              .fields = drain_fields,
                                              .field_count = COUNT_OF(drain_fields),
                                              .bytes = sizeof(int64_t)};

static const struct conf_field root_fields[] = {
    {.name = "version",
     .type = CONF_INT,
     CONF_IS(struct config, version),
     .preset = "1",
     .min = 1,
     .max = 1,
     .summary = "The version of this language."},
    {.name = "include",
     .type = CONF_LIST,
     .item = CONF_STRING,
     .flags = CONF_ONLY_TEXT,
     .summary =
         "Further files, by name or pattern, relative to this one. Maps are merged by name."},
    {.name = "cores",
     .type = CONF_INT,
     CONF_IS(struct config, cores),
     .min = 1,
     .max = 1024,
     .summary = "Worker threads; left out: one for each CPU."},
    {.name = "defaults",
     .type = CONF_STRUCT,
     .table = &conf_defaults_table,
     CONF_IS(struct config, defaults),
     .flags = CONF_OPTIONAL,
     .summary = "What holds where nothing nearer is said."},
    {.name = "enforce",
     .type = CONF_STRUCT,
     .table = &conf_enforce_table,
     CONF_IS(struct config, enforce),
     .flags = CONF_OPTIONAL,
     .summary = "What holds everywhere; below it may be tightened, never loosened."},
    {.name = "listeners",
     .type = CONF_MAP,
     .table = &conf_listener_table,
     CONF_IS(struct config, listeners),
     .flags = CONF_NOT_EMPTY,
     .summary = "Where clients connect; left out: one listener on port 8080."},
    {.name = "services",
     .type = CONF_MAP,
     .table = &conf_service_table,
     CONF_IS(struct config, services),
     .summary = "Backends by name."},
    {.name = "policies",
     .type = CONF_MAP,
     .table = &bundle_table,
     CONF_IS(struct config, policies),
     .summary = "Bundles of policies by name, for `use`."},
    {.name = "routes",
     .type = CONF_MAP,
     .table = &conf_route_table,
     CONF_IS(struct config, routes),
     .flags = CONF_NOT_EMPTY,
     .summary = "Which requests go where; may be left out when no listener speaks HTTP."},
    {.name = "observe",
     .type = CONF_STRUCT,
     .table = &observe_table,
     CONF_IS(struct config, observe),
     .summary = "What is written down about exchanges."},
    {.name = "admin",
     .type = CONF_STRUCT,
     .table = &admin_table,
     CONF_IS(struct config, admin),
     .flags = CONF_OPTIONAL,
     .summary = "The admin API."},
    {.name = "drain",
     .type = CONF_STRUCT,
     .table = &drain_table,
     .offset = (uint32_t)offsetof(struct config, drain_timeout_ms),
     .bytes = sizeof(int64_t),
     .summary = "How the gateway shuts down."},
    {.name = "state_dir",
     .type = CONF_STRING,
     CONF_IS(struct config, state_dir),
     .summary = "A directory for what must outlive the program, such as overrides of operators; "
                "taken at its start. Left out: they outlive reloads and crashes alone."},
    {.name = "zone",
     .type = CONF_CUSTOM,
     .grammar = &conf_place_grammar,
     CONF_IS(struct config, zone),
     .pos_at = CONF_AT(struct config, zone_pos),
     .flags = CONF_OPTIONAL,
     .summary = "Where this process runs: targets of the same zone are preferred."},
    {.name = "tests",
     .type = CONF_LIST,
     .item = CONF_STRUCT,
     .table = &test_table,
     CONF_IS(struct config, tests),
     .summary = "Requests and what must come of them."},
    {.name = "plans", .type = CONF_LATER, .summary = "Plans."},
    {.name = "consumers", .type = CONF_LATER, .summary = "Consumers."},
};

static bool check_root(struct conf_reader *reader, struct node *node, void *place)
{
    const struct config *config = place;
    bool has_http = config->listeners.count == 0;
    for (uint32_t i = 0; i < config->listeners.count; i++) {
        has_http = has_http || conf_is_http(&config->listeners.at[i]);
    }
    if (has_http && config->routes.count == 0) {
        return conf_refuse(reader, node, DIAG_E0108, "\"routes\" is missing");
    }
    return true;
}

const struct conf_table conf_root_table = {.name = "configuration",
                                           .summary = "A whole configuration.",
                                           .fields = root_fields,
                                           .field_count = COUNT_OF(root_fields),
                                           .bytes = sizeof(struct config),
                                           .check = check_root};
