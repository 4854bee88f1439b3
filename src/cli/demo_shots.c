/* demo_shots.c - requests made from routes, answers judged by services; see demo_shots.h. */
#include "cli/demo_shots.h"

#include "base/check.h"
#include "base/strbuf.h"

enum { REQUEST_BYTES_MAX = 8192, SHOTS_BYTES_MAX = 64 << 20, FAULT_BYTES_MAX = 160 };

/* A share may be off by this many standard deviations, squared: one run in 100,000 is. */
static const double deviations_squared_max = 4.5 * 4.5;

static enum err add_instance(struct shots *shots, const struct conf_service *service,
                             const struct conf_version *version, const struct conf_target *target)
{
    struct demo_instance *instance = &shots->instances[shots->instance_count];
    if (shots->instance_count == DEMO_INSTANCES_MAX) {
        return ERR_RANGE;
    }
    *instance = (struct demo_instance){.addr = target->addr,
                                       .service = service->name,
                                       .version = version->name,
                                       .name = target->text,
                                       .listen_fd = -1};
    shots->instance_count++;
    return OK;
}

static enum err add_instances(struct shots *shots, const struct conf_service *service)
{
    for (uint32_t i = 0; i < service->versions.count; i++) {
        const struct conf_version *version = &service->versions.at[i];
        for (uint32_t n = 0; n < version->targets.count; n++) {
            if (version->targets.at[n].kind != CONF_TARGET_ADDRESS) {
                return ERR_RANGE;
            }
            TRY(add_instance(shots, service, version, &version->targets.at[n]));
        }
    }
    return OK;
}

/* A path that the match takes: parameters filled in, something behind a prefix. */
static bool add_path(struct strbuf *out, const struct conf_match *match)
{
    struct str rest = match->path;
    if (match->path_kind == CONF_PATH_PATTERN) {
        return false;
    }
    while (rest.len > 0) {
        struct str_pair pair =
            match->has_params ? str_cut(rest, '{') : (struct str_pair){.head = rest};
        strbuf_add(out, pair.head);
        if (pair.is_cut) {
            strbuf_add_char(out, '7');
        }
        rest = pair.is_cut ? str_cut(pair.tail, '}').tail : STR("");
    }
    if (match->path_kind == CONF_PATH_PREFIX) {
        strbuf_add_c(out, str_ends(match->path, STR("/")) ? "1" : "/1");
    }
    return true;
}

/* A value that the condition takes; false: none can be told. */
static bool condition_value(const struct conf_condition *condition, struct str *out)
{
    *out = condition->kind == CONF_EQUALS ? condition->values.at[0] : STR("1");
    return condition->kind != CONF_PATTERN;
}

static bool add_query(struct strbuf *out, const struct conf_match *match)
{
    bool is_first = true;
    for (uint32_t i = 0; i < match->query.count; i++) {
        const struct conf_condition *condition = &match->query.at[i];
        struct str value;
        if (condition->kind == CONF_ABSENT) {
            continue;
        }
        if (!condition_value(condition, &value)) {
            return false;
        }
        strbuf_add_fmt(out, "%c%.*s=%.*s", is_first ? '?' : '&', STR_FMT(condition->name),
                       STR_FMT(value));
        is_first = false;
    }
    return true;
}

static bool add_fields(struct shots *shots, struct shot *shot, const struct conf_match *match)
{
    struct conf_pair *fields = ARENA_ARRAY(&shots->arena, match->headers.count, struct conf_pair);
    for (uint32_t i = 0; fields != NULL && i < match->headers.count; i++) {
        const struct conf_condition *condition = &match->headers.at[i];
        struct conf_pair *field = &fields[shot->field_count];
        if (condition->kind == CONF_ABSENT) {
            continue;
        }
        if (!condition_value(condition, &field->value)) {
            return false;
        }
        field->name = condition->name;
        shot->field_count++;
    }
    shot->fields = fields;
    return fields != NULL;
}

static enum err write_request(struct shots *shots, struct shot *shot)
{
    char *room = arena_alloc(&shots->arena, REQUEST_BYTES_MAX);
    if (room == NULL) {
        return ERR_MEMORY;
    }
    struct strbuf out = strbuf_over(room, REQUEST_BYTES_MAX);
    strbuf_add_fmt(&out, "%.*s %.*s HTTP/1.1\r\nHost: %.*s\r\n", STR_FMT(shot->method),
                   STR_FMT(shot->url_path),
                   STR_FMT(shot->host.len > 0 ? shot->host : STR("localhost")));
    for (uint32_t i = 0; i < shot->field_count; i++) {
        strbuf_add_fmt(&out, "%.*s: %.*s\r\n", STR_FMT(shot->fields[i].name),
                       STR_FMT(shot->fields[i].value));
    }
    strbuf_add(&out, STR("\r\n"));
    shot->bytes = strbuf_str(&out);
    return strbuf_overflowed(&out) ? ERR_RANGE : OK;
}

/* ERR_NOT_FOUND: no request can be made for this route. */
static enum err aim(struct shots *shots, struct shot *shot, const struct conf_route *route)
{
    const struct conf_match *match = &route->matches.at[0];
    char room[REQUEST_BYTES_MAX / 2];
    struct strbuf path = strbuf_over(room, sizeof room);
    *shot = (struct shot){.route = route};
    shot->method = match->methods.count > 0 ? match->methods.at[0] : STR("GET");
    if (!add_path(&path, match) || !add_query(&path, match) || !add_fields(shots, shot, match) ||
        strbuf_overflowed(&path)) {
        return ERR_NOT_FOUND;
    }
    if (match->hosts.count > 0) {
        const struct conf_host *host = &match->hosts.at[0];
        shot->host = host->kind == CONF_HOST_WILDCARD
                         ? arena_fmt(&shots->arena, "www.%.*s", STR_FMT(host->name))
                         : host->name;
    }
    TRY(arena_keep(&shots->arena, strbuf_str(&path), &shot->url_path));
    TRY(write_request(shots, shot));
    shot->by_instance = ARENA_ARRAY(&shots->arena, shots->instance_count + 1u, uint32_t);
    return shot->by_instance == NULL ? ERR_MEMORY : OK;
}

enum err shots_init(struct shots *shots, const struct config *config)
{
    *shots = (struct shots){.config = config};
    arena_init_heap(&shots->arena, SHOTS_BYTES_MAX);
    shots->instances = ARENA_ARRAY(&shots->arena, DEMO_INSTANCES_MAX, struct demo_instance);
    shots->at = ARENA_ARRAY(&shots->arena, config->routes.count, struct shot);
    if (shots->instances == NULL || shots->at == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < config->services.count; i++) {
        TRY(add_instances(shots, &config->services.at[i]));
    }
    for (uint32_t i = 0; i < config->routes.count; i++) {
        enum err e = aim(shots, &shots->at[shots->count], &config->routes.at[i]);
        shots->count += e == OK;
        shots->skipped += e == ERR_NOT_FOUND;
        TRY(e == ERR_NOT_FOUND ? OK : e);
    }
    return OK;
}

void shots_drop(struct shots *shots)
{
    arena_reset(&shots->arena);
    *shots = (struct shots){0};
}

static void note_fault(struct shots *shots, struct shot *shot, const char *what, struct str said)
{
    shot->refused++;
    if (shot->fault.len == 0) {
        said = str_sub(said, 0, FAULT_BYTES_MAX);
        shot->fault = arena_fmt(&shots->arena, "%s %.*s", what, STR_FMT(str_trim(said)));
    }
}

/* The value of a member that demo_origin.c writes; it never needs escapes in these. */
static struct str member(struct str body, struct str name)
{
    size_t at = str_find_str(body, name);
    return at == body.len ? STR("") : str_cut(str_skip(body, at + name.len), '"').head;
}

static void count_instance(struct shots *shots, struct shot *shot, struct str body)
{
    struct str name = member(body, STR("\"instance\":\""));
    struct str service = member(body, STR("\"service\":\""));
    for (uint32_t i = 0; i < shots->instance_count; i++) {
        const struct demo_instance *instance = &shots->instances[i];
        if (str_eq(instance->name, name) && str_eq(instance->service, service) &&
            str_eq(shot->route->service->name, service)) {
            shot->by_instance[i]++;
            return;
        }
    }
    note_fault(shots, shot, "answered by someone else:", body);
}

void shot_count(struct shots *shots, struct shot *shot, uint16_t status, struct str body)
{
    const struct conf_route *route = shot->route;
    int64_t wanted = 200;
    if (route->action == CONF_REDIRECT) {
        wanted = route->redirect.status;
    } else if (route->action == CONF_RESPOND) {
        wanted = route->respond.status;
    }
    shot->answered++;
    if (status != wanted) {
        char room[FAULT_BYTES_MAX];
        (void)snprintf(room, sizeof room, "answered with status %u:", status);
        note_fault(shots, shot, room, body);
    } else if (route->action == CONF_TO_SERVICE && !str_eq(shot->method, STR("HEAD"))) {
        count_instance(shots, shot, body);
    }
}

static uint32_t hits_of(const struct shots *shots, const struct shot *shot, struct str version)
{
    uint32_t hits = 0;
    for (uint32_t i = 0; i < shots->instance_count; i++) {
        const struct demo_instance *instance = &shots->instances[i];
        bool is_of_it = str_eq(instance->service, shot->route->service->name) &&
                        str_eq(instance->version, version);
        hits += is_of_it ? shot->by_instance[i] : 0;
    }
    return hits;
}

/* Whether `hits` of `total` can be chance when the share is `weight` of `weights`. */
static bool is_plausible(uint32_t hits, uint32_t total, int64_t weight, int64_t weights)
{
    double share = (double)weight / (double)weights;
    double wanted = share * (double)total;
    double off = wanted > (double)hits ? wanted - (double)hits : (double)hits - wanted;
    if (weight == 0 || weight == weights) {
        return hits == (weight == 0 ? 0 : total);
    }
    /* One more for rounding, when there are few requests. */
    return off <= 1 || (off - 1) * (off - 1) <= deviations_squared_max * wanted * (1 - share);
}

static void print_instances(FILE *out, const struct shots *shots, const struct shot *shot,
                            struct str version)
{
    const char *gap = "";
    for (uint32_t i = 0; i < shots->instance_count; i++) {
        const struct demo_instance *instance = &shots->instances[i];
        if (str_eq(instance->service, shot->route->service->name) &&
            str_eq(instance->version, version)) {
            (void)fprintf(out, "%s%.*s %u", gap, STR_FMT(instance->name), shot->by_instance[i]);
            gap = ", ";
        }
    }
}

static bool report_service(FILE *out, const struct shots *shots, const struct shot *shot)
{
    const struct conf_service *service = shot->route->service;
    uint32_t answered = shot->answered - shot->refused;
    int64_t weights = 0;
    bool is_right = true;
    for (uint32_t i = 0; i < service->versions.count; i++) {
        weights += service->versions.at[i].weight;
    }
    for (uint32_t i = 0; i < service->versions.count; i++) {
        const struct conf_version *version = &service->versions.at[i];
        struct str name = version->name.len > 0 ? version->name : STR("-");
        uint32_t hits = hits_of(shots, shot, version->name);
        /* A cohort puts one client always on one version: shares say nothing then. */
        bool is_judged = service->cohort.by == CONF_COHORT_NONE && weights > 0 && answered > 0;
        bool is_in = !is_judged || is_plausible(hits, answered, version->weight, weights);
        (void)fprintf(out, "  %-12.*s %-12.*s %-8.*s %7u %6.2f %%  %6.2f %%  ",
                      STR_FMT(shot->route->name), STR_FMT(service->name), STR_FMT(name), hits,
                      answered > 0 ? 100.0 * hits / answered : 0.0,
                      weights > 0 ? 100.0 * (double)version->weight / (double)weights : 0.0);
        print_instances(out, shots, shot, version->name);
        (void)fprintf(out, "%s\n", is_in ? "" : "  <- not what the file says");
        is_right = is_right && is_in;
    }
    return is_right;
}

bool shots_report(const struct shots *shots, FILE *out)
{
    bool is_right = shots->count > 0;
    (void)fprintf(out, "  %-12s %-12s %-8s %7s %8s  %8s  %s\n", "route", "service", "version",
                  "answers", "share", "the file", "instances");
    for (uint32_t i = 0; i < shots->count; i++) {
        const struct shot *shot = &shots->at[i];
        if (shot->route->action == CONF_TO_SERVICE) {
            is_right = report_service(out, shots, shot) && is_right;
        } else {
            (void)fprintf(out, "  %-12.*s %-12s %-8s %7u\n", STR_FMT(shot->route->name),
                          "(gateway)", "-", shot->answered - shot->refused);
        }
        if (shot->refused > 0 || shot->answered < shot->sent || shot->sent == 0) {
            (void)fprintf(out, "  %-12.*s %u of %u not answered as the file says. First: %.*s\n",
                          STR_FMT(shot->route->name), shot->sent - shot->answered + shot->refused,
                          shot->sent, STR_FMT(shot->fault));
            is_right = false;
        }
    }
    return is_right;
}
