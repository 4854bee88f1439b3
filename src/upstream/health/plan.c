/* plan.c - the configuration of a check, copied and made comparable; see plan.h. */
#include "upstream/health/plan.h"

#include "base/check.h"
#include "base/heap.h"
#include "base/limits.h"
#include "text/sink.h"
#include "upstream/health/talk.h"
#include "upstream/health/tls.h"

static void spec_text(struct sink *out, struct str text)
{
    sink_add_fmt(out, "%zu:", text.len);
    sink_add(out, text);
}

static void spec_number(struct sink *out, int64_t value)
{
    sink_add_fmt(out, "%lld;", (long long)value);
}

static void spec_pairs(struct sink *out, const struct conf_pairs *pairs)
{
    spec_number(out, pairs->count);
    for (uint32_t i = 0; i < pairs->count; i++) {
        spec_text(out, pairs->at[i].name);
        spec_text(out, pairs->at[i].value);
    }
}

static void spec_statuses(struct sink *out, const struct conf_statuses *statuses)
{
    spec_number(out, statuses->count);
    for (uint32_t i = 0; i < statuses->count; i++) {
        spec_number(out, statuses->at[i].first);
        spec_number(out, statuses->at[i].last);
    }
}

static void spec_sql(struct sink *out, const struct conf_health_sql *sql)
{
    spec_text(out, sql->user);
    spec_text(out, sql->password);
    spec_text(out, sql->database);
    spec_number(out, sql->role);
    spec_number(out, sql->lag_ms);
}

static void spec_kind(struct sink *out, const struct conf_health *conf)
{
    const struct conf_health_http *http = &conf->http;
    switch ((enum conf_health_kind)conf->kind) {
    case CONF_HEALTH_HTTP:
        spec_text(out, http->method);
        spec_text(out, http->path);
        spec_text(out, http->host);
        spec_text(out, http->body);
        spec_pairs(out, &http->send_headers);
        spec_pairs(out, &http->header);
        spec_statuses(out, &http->status);
        spec_statuses(out, &http->drain_on);
        break;
    case CONF_HEALTH_GRPC:
        spec_text(out, conf->grpc.service);
        spec_text(out, conf->grpc.host);
        spec_number(out, conf->grpc.unimplemented);
        break;
    case CONF_HEALTH_POSTGRES: spec_sql(out, &conf->postgres); break;
    case CONF_HEALTH_MYSQL: spec_sql(out, &conf->mysql); break;
    case CONF_HEALTH_REDIS:
        spec_text(out, conf->redis.user);
        spec_text(out, conf->redis.password);
        spec_number(out, conf->redis.role);
        spec_number(out, conf->redis.lag_ms);
        break;
    case CONF_HEALTH_SCRIPT:
        for (uint32_t i = 0; i < conf->script.count; i++) {
            spec_text(out, conf->script.at[i].send);
            spec_text(out, conf->script.at[i].expect);
            spec_text(out, conf->script.at[i].send_hex);
            spec_text(out, conf->script.at[i].expect_hex);
        }
        break;
    case CONF_HEALTH_NONE:
    case CONF_HEALTH_TCP:
    case CONF_HEALTH_TLS:
    case CONF_HEALTH_KIND_COUNT: break;
    }
}

struct str health_plan_spec(const struct conf_health *conf, struct arena *arena)
{
    const int64_t numbers[] = {conf->kind,
                               conf->port,
                               conf->interval_ms,
                               conf->timeout_ms,
                               conf->fast_interval_ms,
                               conf->down_interval_ms,
                               conf->down_interval_max_ms,
                               conf->rise,
                               conf->fall,
                               conf->jitter_percent,
                               conf->initial,
                               source_pos_is_set(&conf->tls.pos),
                               conf->tls.is_verified};
    struct sink out;
    sink_to_memory(&out, arena);
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        spec_number(&out, numbers[i]);
    }
    spec_text(&out, conf->tls.name);
    spec_text(&out, conf->tls.ca);
    spec_kind(&out, conf);
    return out.has_failed ? (struct str){0} : sink_str(&out);
}

static enum err keep_pairs(struct arena *arena, struct conf_pairs *pairs)
{
    struct conf_pair *at = ARENA_ARRAY(arena, pairs->count, struct conf_pair);
    if (at == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < pairs->count; i++) {
        TRY(arena_keep(arena, pairs->at[i].name, &at[i].name));
        TRY(arena_keep(arena, pairs->at[i].value, &at[i].value));
    }
    pairs->at = at;
    return OK;
}

static enum err keep_steps(struct arena *arena, struct conf_health *conf)
{
    uint32_t count = conf->script.count;
    struct conf_health_step *at = ARENA_ARRAY(arena, count, struct conf_health_step);
    if (at == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < count; i++) {
        TRY(arena_keep(arena, conf->script.at[i].send, &at[i].send));
        TRY(arena_keep(arena, conf->script.at[i].expect, &at[i].expect));
        TRY(arena_keep(arena, conf->script.at[i].send_hex, &at[i].send_hex));
        TRY(arena_keep(arena, conf->script.at[i].expect_hex, &at[i].expect_hex));
    }
    conf->script.at = at;
    return OK;
}

/* Makes everything that `conf` points at the plan's own. */
static enum err keep_conf(struct arena *arena, struct conf_health *conf)
{
    struct str *const texts[] = {&conf->http.method,      &conf->http.path,
                                 &conf->http.host,        &conf->http.body,
                                 &conf->grpc.service,     &conf->grpc.host,
                                 &conf->postgres.user,    &conf->postgres.password,
                                 &conf->postgres.database, &conf->mysql.user,
                                 &conf->mysql.password,   &conf->mysql.database,
                                 &conf->redis.user,       &conf->redis.password,
                                 &conf->tls.name,         &conf->tls.ca};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        TRY(arena_keep(arena, *texts[i], texts[i]));
    }
    TRY(keep_pairs(arena, &conf->http.send_headers));
    TRY(keep_pairs(arena, &conf->http.header));
    return keep_steps(arena, conf);
}

static void choose_kind(struct health_plan *plan)
{
    static const struct {
        const char *name;
        const struct health_protocol *protocol;
    } kinds[CONF_HEALTH_KIND_COUNT] = {[CONF_HEALTH_NONE] = {"none", NULL},
                                       [CONF_HEALTH_TCP] = {"tcp", NULL},
                                       [CONF_HEALTH_TLS] = {"tls", NULL},
                                       [CONF_HEALTH_HTTP] = {"http", &health_http},
                                       [CONF_HEALTH_GRPC] = {"grpc", &health_grpc},
                                       [CONF_HEALTH_POSTGRES] = {"postgres", &health_postgres},
                                       [CONF_HEALTH_MYSQL] = {"mysql", &health_mysql},
                                       [CONF_HEALTH_REDIS] = {"redis", &health_redis},
                                       [CONF_HEALTH_SCRIPT] = {"script", &health_script}};
    const struct conf_health *conf = &plan->conf;
    plan->kind = kinds[conf->kind].name;
    plan->protocol = kinds[conf->kind].protocol;
    plan->has_target_name = (conf->kind == CONF_HEALTH_HTTP && conf->http.host.len == 0) ||
                            (conf->kind == CONF_HEALTH_GRPC && conf->grpc.host.len == 0) ||
                            (source_pos_is_set(&conf->tls.pos) && conf->tls.name.len == 0);
    plan->rules = (struct health_rules){.rise = (uint32_t)conf->rise,
                                        .fall = (uint32_t)conf->fall,
                                        .interval_ms = conf->interval_ms,
                                        .fast_ms = conf->fast_interval_ms,
                                        .down_ms = conf->down_interval_ms,
                                        .down_ms_max = conf->down_interval_max_ms,
                                        .jitter_percent = (uint32_t)conf->jitter_percent};
}

struct health_plan *health_plan_new(const struct conf_health *conf)
{
    CHECK(conf->kind != CONF_HEALTH_NONE);
    struct health_plan *plan = heap_new(sizeof *plan);
    if (plan == NULL) {
        return NULL;
    }
    arena_init_heap(&plan->arena, LIMIT_VALUE(health_plan_bytes));
    list_init(&plan->node);
    plan->conf = *conf;
    plan->spec = health_plan_spec(conf, &plan->arena);
    if (plan->spec.at == NULL || keep_conf(&plan->arena, &plan->conf) != OK) {
        health_plan_free(plan);
        return NULL;
    }
    choose_kind(plan);
    if (source_pos_is_set(&plan->conf.tls.pos)) {
        plan->tls = health_tls_context_new(&plan->conf);
    }
    return plan;
}

void health_plan_free(struct health_plan *plan)
{
    CHECK(plan->use_count == 0);
    list_remove(&plan->node);
    health_tls_context_free(plan->tls);
    arena_reset(&plan->arena);
    heap_free(plan);
}
