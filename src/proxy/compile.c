/* compile.c - routes of the configuration as rules, actions and chains; see compile.h. */
#include "proxy/compile.h"

#include "base/check.h"
#include "exchange/policy.h"

struct uri_rules compile_uri_rules(const struct config *config)
{
    struct uri_rules rules = {.encoded_slash = URI_SLASH_REFUSE};
    for (uint32_t i = 0; i < config->listeners.count; i++) {
        const struct conf_listener *listener = &config->listeners.at[i];
        /* The most lenient listener decides what a route's path may look like. */
        if (listener->encoded_slash == CONF_SLASH_KEEP) {
            rules.encoded_slash = URI_SLASH_KEEP;
        }
        rules.keeps_double_slashes |= !listener->merges_slashes;
    }
    return rules;
}

static enum err compile_tests(struct arena *arena, const struct conf_conditions *from,
                              struct route_tests *to)
{
    static const uint8_t kinds[] = {[CONF_EQUALS] = ROUTE_TEST_EQUALS,
                                    [CONF_PATTERN] = ROUTE_TEST_PATTERN,
                                    [CONF_PRESENT] = ROUTE_TEST_PRESENT,
                                    [CONF_ABSENT] = ROUTE_TEST_ABSENT};
    struct route_test *tests = ARENA_ARRAY(arena, from->count, struct route_test);
    if (tests == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < from->count; i++) {
        const struct conf_condition *condition = &from->at[i];
        tests[i] = (struct route_test){.name = condition->name,
                                       .pattern = condition->pattern,
                                       .values = condition->values.at,
                                       .value_count = condition->values.count,
                                       .kind = kinds[condition->kind]};
    }
    *to = (struct route_tests){tests, from->count};
    return OK;
}

static enum err compile_match(struct arena *arena, const struct conf_match *from,
                              bool needs_prefix, struct route_cond *to)
{
    static const uint8_t kinds[] = {[CONF_PATH_PREFIX] = ROUTE_PATH_PREFIX,
                                    [CONF_PATH_EXACT] = ROUTE_PATH_EXACT,
                                    [CONF_PATH_PATTERN] = ROUTE_PATH_PATTERN};
    struct route_host *hosts = ARENA_ARRAY(arena, from->hosts.count, struct route_host);
    if (hosts == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < from->hosts.count; i++) {
        hosts[i] = (struct route_host){from->hosts.at[i].name,
                                       from->hosts.at[i].kind == CONF_HOST_WILDCARD};
    }
    *to = (struct route_cond){.methods = from->methods.at,
                              .method_count = from->methods.count,
                              .hosts = hosts,
                              .host_count = from->hosts.count};
    to->path = (struct route_path){from->path, kinds[from->path_kind], from->has_params};
    if (from->path_kind == CONF_PATH_PREFIX && from->path.len == 1 && !needs_prefix) {
        to->path.kind = ROUTE_PATH_ANY; /* so that it takes "*" too (RFC 9112 3.2.4) */
    }
    TRY(compile_tests(arena, &from->headers, &to->headers));
    return compile_tests(arena, &from->query, &to->query);
}

enum err compile_rules(struct arena *arena, const struct config *config, const struct plan *plans,
                       struct route_rule **out)
{
    *out = ARENA_ARRAY(arena, config->routes.count + 1u, struct route_rule);
    if (*out == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < config->routes.count; i++) {
        const struct conf_route *route = &config->routes.at[i];
        struct route_cond *matches = ARENA_ARRAY(arena, route->matches.count, struct route_cond);
        bool needs_prefix = route->rewrite.kind != CONF_REWRITE_NONE ||
                            route->redirect.path.kind != CONF_REWRITE_NONE;
        if (matches == NULL) {
            return ERR_MEMORY;
        }
        for (uint32_t j = 0; j < route->matches.count; j++) {
            TRY(compile_match(arena, &route->matches.at[j], needs_prefix, &matches[j]));
        }
        struct route_rule *rule = &(*out)[i];
        *rule = (struct route_rule){.name = route->name,
                                    .priority = route->priority,
                                    .index = route->index,
                                    .matches = matches,
                                    .match_count = route->matches.count};
        const void *value = plans == NULL ? NULL : &plans[i];
        memcpy(&rule->value, &value, sizeof rule->value); /* the router only gives it back */
    }
    return OK;
}

static enum err compile_rewrite(struct arena *arena, const struct conf_rewrite *from,
                                struct rewrite *to, const char **fault)
{
    static const uint8_t kinds[] = {[CONF_REWRITE_NONE] = REWRITE_NONE,
                                    [CONF_REWRITE_PREFIX] = REWRITE_PREFIX,
                                    [CONF_REWRITE_TEMPLATE] = REWRITE_TEMPLATE};
    size_t offset = 0;
    if (from->kind == CONF_REWRITE_NONE) {
        return OK;
    }
    *fault = "the path to rewrite to is malformed: it starts with '/', and \"{name}\" is closed";
    return rewrite_init(to, arena, (enum rewrite_kind)kinds[from->kind], from->path, &offset);
}

enum err compile_respond(struct arena *arena, const struct conf_respond *from, struct plan *plan)
{
    struct plan_field *fields = ARENA_ARRAY(arena, from->headers.count, struct plan_field);
    if (fields == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < from->headers.count; i++) {
        fields[i] = (struct plan_field){from->headers.at[i].name, from->headers.at[i].value};
    }
    plan->respond.status = (uint16_t)from->status;
    plan->respond.body = from->body;
    plan->respond.fields = fields;
    plan->respond.field_count = from->headers.count;
    return OK;
}

enum err compile_action(struct arena *arena, const struct conf_route *route, struct plan *plan,
                        const char **fault)
{
    const struct conf_redirect *redirect = &route->redirect;
    switch ((enum conf_action)route->action) {
    case CONF_TO_SERVICE:
        plan->action = PLAN_FORWARD;
        return compile_rewrite(arena, &route->rewrite, &plan->rewrite, fault);
    case CONF_REDIRECT:
        plan->action = PLAN_REDIRECT;
        plan->redirect = (struct redirect){.status = (uint16_t)redirect->status,
                                           .port = (uint16_t)redirect->port,
                                           .keeps_query = redirect->keeps_query,
                                           .scheme = redirect->scheme,
                                           .host = redirect->host};
        return compile_rewrite(arena, &redirect->path, &plan->redirect.path, fault);
    case CONF_RESPOND:
        plan->action = PLAN_RESPOND;
        return compile_respond(arena, &route->respond, plan);
    }
    return ERR_BUG;
}

/* Policies are told apart by where they are written: what is inherited is one struct everywhere. */
static struct str key_of(const void *const *conf)
{
    return str_of((const char *)conf, sizeof *conf);
}

static enum err compile_policy(struct compile_chain *conf, const struct conf_policy *policy,
                               struct compiled_policy **out)
{
    const void *written = policy->conf;
    struct compiled_policy *made = map_find(&conf->by_conf, key_of(&written));
    if (made != NULL) {
        *out = made;
        return made->error;
    }
    CHECK(policy->kind_index < conf->policies->count);
    struct policy_compile compile = {.arena = conf->arena};
    *out = made = ARENA_NEW(conf->arena, struct compiled_policy);
    if (made == NULL) {
        return ERR_MEMORY;
    }
    made->type = conf->policies->types[policy->kind_index];
    made->conf = made->compiled = written;
    TRY(map_add(&conf->by_conf, key_of(&made->conf), made));
    if (made->type->compile != NULL) {
        made->error = made->type->compile(&compile, written, &made->compiled);
    }
    if (made->error != OK && conf->diags != NULL) {
        diag_add(conf->diags, DIAG_E0209, policy->pos, "%s: %s", made->type->name,
                 compile.error == NULL ? err_text(made->error) : compile.error);
    }
    if (made->error == OK) {
        made->next = *conf->compiled;
        *conf->compiled = made;
    }
    return made->error;
}

static enum err compile_step(struct compile_chain *conf, const struct conf_policy *policy,
                             struct chain_step *step)
{
    struct compiled_policy *made;
    TRY(compile_policy(conf, policy, &made));
    *step = (struct chain_step){
        .type = made->type, .compiled = made->compiled, .line = policy->pos.line};
    if (policy->pos.source != NULL) {
        step->file = arena_keep_c(conf->arena, policy->pos.source->name);
    }
    return OK;
}

enum err compile_chain(struct compile_chain *conf, const struct conf_route *route,
                       struct chain *out)
{
    uint32_t count = route->effective.policy_count;
    struct chain_step *steps = ARENA_ARRAY(conf->arena, count, struct chain_step);
    uint32_t state_bytes = 0;
    *out = (struct chain){0};
    if (steps == NULL) {
        return ERR_MEMORY;
    }
    *out = (struct chain){.steps = steps};
    for (uint32_t i = 0; i < count; i++) {
        TRY(compile_step(conf, route->effective.policies[i], &steps[i]));
        steps[i].state_at = state_bytes;
        state_bytes += (uint32_t)((steps[i].type->state_bytes + 7) & ~(size_t)7);
        out->count = i + 1;
    }
    out->state_bytes = state_bytes;
    return OK;
}

void compile_drop_policies(struct compiled_policy **compiled)
{
    for (; *compiled != NULL; *compiled = (*compiled)->next) {
        if ((*compiled)->type->drop != NULL) {
            (*compiled)->type->drop((*compiled)->compiled);
        }
    }
}

void compile_listener(const struct conf_listener *from, struct listener_conf *to)
{
    static const uint8_t request_ids[] = {[CONF_REQUEST_ID_KEEP] = REQUEST_ID_KEEP,
                                          [CONF_REQUEST_ID_NEW] = REQUEST_ID_NEW,
                                          [CONF_REQUEST_ID_OFF] = REQUEST_ID_OFF};
    *to = (struct listener_conf){.name = from->name, .addr = from->addr};
    to->limits = (struct h1_limits){.head_bytes_max = (uint32_t)from->limits.head_bytes,
                                    .field_count_max = (uint32_t)from->limits.field_count,
                                    .target_bytes_max = (uint32_t)from->limits.target_bytes};
    to->judge.default_port = 80;
    to->judge.keeps_underscores = from->underscores == CONF_UNDERSCORES_KEEP;
    to->judge.refuses_underscores = from->underscores == CONF_UNDERSCORES_REFUSE;
    to->judge.uri.encoded_slash =
        from->encoded_slash == CONF_SLASH_KEEP ? URI_SLASH_KEEP : URI_SLASH_REFUSE;
    to->judge.uri.keeps_double_slashes = !from->merges_slashes;
    to->forwarded = (struct forwarded_rules){.trusted = from->trusted_proxies.at,
                                             .trusted_count = from->trusted_proxies.count,
                                             .sends_forwarded = from->sends_forwarded,
                                             .sends_via = from->sends_via};
    to->head_timeout_ms = from->timeout.head_ms;
    to->idle_timeout_ms = from->timeout.idle_ms;
    to->body_timeout_ms = from->timeout.body_ms;
    to->keepalive_requests_max = (uint64_t)from->keepalive_requests;
    to->request_id = request_ids[from->request_id];
    to->proxies = from->proxy_protocol.from.at;
    to->proxy_count = from->proxy_protocol.from.count;
    to->requires_proxy = from->proxy_protocol.is_required;
}

static enum err compile_versions(struct arena *arena, const struct conf_service *from,
                                 struct plan_service *to, struct plan_version **out)
{
    uint32_t count = from->versions.count;
    struct plan_version *versions = ARENA_ARRAY(arena, count, struct plan_version);
    struct split_version *split = ARENA_ARRAY(arena, count, struct split_version);
    if (versions == NULL || split == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct conf_version *version = &from->versions.at[i];
        versions[i].name = version->name;
        split[i] = (struct split_version){
            .name = version->name, .weight = (uint32_t)version->weight, .value = &versions[i]};
    }
    to->versions = *out = versions;
    to->version_count = count;
    struct str seed = from->cohort.seed.len > 0 ? from->cohort.seed : from->name;
    return split_init(&to->split, split, count, seed);
}

const struct balance_type *compile_method(const struct conf_balance *from)
{
    const struct balance_type *type = balance_find(str_from_c(conf_balance_names[from->method]));
    CHECK(type != NULL);
    return type;
}

struct balance_options compile_balance(const struct conf_balance *from)
{
    bool is_keyed = compile_method(from)->keyed_by == BALANCE_BY_KEY;
    int64_t percent = from->bound_percent != 0 ? from->bound_percent
                      : is_keyed               ? BALANCE_BOUND_PERCENT
                                               : CONF_BOUND_OFF;
    return (struct balance_options){
        .bound_percent = percent == CONF_BOUND_OFF ? 0 : (uint32_t)percent,
        .table_entries = (uint32_t)from->table_entries,
    };
}

static enum err compile_keys(struct arena *arena, const struct conf_balance *from,
                             struct plan_service *to)
{
    static const uint8_t kinds[] = {[CONF_KEY_HEADER] = PLAN_KEY_HEADER,
                                    [CONF_KEY_COOKIE] = PLAN_KEY_COOKIE,
                                    [CONF_KEY_QUERY] = PLAN_KEY_QUERY,
                                    [CONF_KEY_PATH] = PLAN_KEY_PATH,
                                    [CONF_KEY_ADDRESS] = PLAN_KEY_ADDRESS};
    struct plan_key *keys = ARENA_ARRAY(arena, from->on.count, struct plan_key);
    if (keys == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < from->on.count; i++) {
        keys[i] = (struct plan_key){kinds[from->on.at[i].by], from->on.at[i].name};
    }
    to->keyed_by = compile_method(from)->keyed_by;
    to->keys = keys;
    to->key_count = from->on.count;
    return OK;
}

enum err compile_service(struct arena *arena, const struct conf_service *from,
                         struct plan_service *to, struct plan_version **versions)
{
    static const uint8_t cohorts[] = {[CONF_COHORT_NONE] = PLAN_COHORT_NONE,
                                      [CONF_COHORT_HEADER] = PLAN_COHORT_HEADER,
                                      [CONF_COHORT_COOKIE] = PLAN_COHORT_COOKIE,
                                      [CONF_COHORT_ADDRESS] = PLAN_COHORT_ADDRESS,
                                      [CONF_COHORT_CONSUMER] = PLAN_COHORT_CONSUMER};
    static const uint8_t hosts[] = {[CONF_HOST_CLIENT] = PLAN_HOST_CLIENT,
                                    [CONF_HOST_TARGET] = PLAN_HOST_TARGET,
                                    [CONF_HOST_LITERAL] = PLAN_HOST_LITERAL};
    *to = (struct plan_service){.name = from->name,
                                .cohort = cohorts[from->cohort.by],
                                .cohort_name = from->cohort.name,
                                .host = hosts[from->host.mode],
                                .host_literal = from->host.literal,
                                .pool_idle_max = (uint32_t)from->connections.idle,
                                .pool_idle_ms = from->connections.idle_ms,
                                .queue_wait_ms = from->queue.wait_ms};
    TRY(compile_keys(arena, &from->balance, to));
    return compile_versions(arena, from, to, versions);
}

struct instance_conf compile_life(const struct conf_service *from)
{
    const struct conf_slow_start *slow_start = &from->slow_start;
    return (struct instance_conf){
        .slow_start_ms = slow_start->window_ms,
        .slow_start_exponent = (double)CONF_AGGRESSION_ONE / (double)slow_start->aggression,
        .slow_start_min = (uint32_t)((slow_start->min_percent * INSTANCE_SHARE_ONE + 50) / 100),
        .panic_percent = (uint32_t)from->panic.percent};
}

struct outlier_conf compile_eject(const struct conf_eject *from)
{
    if (!from->is_enabled) {
        return (struct outlier_conf){0};
    }
    return (struct outlier_conf){.errors = (uint32_t)from->after.count,
                                 .window_ms = from->after.span_ms,
                                 .error_percent = (uint32_t)from->error_percent,
                                 .latency_ms = from->latency_ms,
                                 .for_ms = from->for_ms,
                                 .for_ms_max = from->for_max_ms,
                                 .max_share = (uint32_t)from->max_percent,
                                 .min_healthy = (uint32_t)from->min_healthy};
}

struct breaker_conf compile_breaker(const struct conf_breaker *from)
{
    if (!source_pos_is_set(&from->pos)) {
        return (struct breaker_conf){0};
    }
    return (struct breaker_conf){.error_percent = (uint32_t)from->errors.count,
                                 .slow_percent = (uint32_t)from->slow.count,
                                 .window_ms = from->errors.span_ms,
                                 .slow_ms = from->slow.span_ms,
                                 .min_requests = (uint32_t)from->min_requests,
                                 .probes = (uint32_t)from->probes,
                                 .open_ms = from->open_ms};
}
