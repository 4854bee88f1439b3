/* resolve.c - from names to things, and the checks that need more than one of them.
 * Runs when every struct has been read, right or not: a dangling name is worth saying even when a
 * number elsewhere is wrong. */
#include "base/limits.h"
#include "base/map.h"
#include "config/internals.h"

#include <stdlib.h>

enum { FEW_TARGETS = 16 };

/* Where in the file a message is about, as "routes.orders". */
struct place {
    struct conf_path section, name;
};

static struct conf_reader reader_at(const struct conf_reader *reader, struct place *place,
                                    const char *section, struct str name)
{
    struct conf_reader inner = *reader;
    place->section = (struct conf_path){NULL, str_from_c(section)};
    place->name = (struct conf_path){&place->section, name};
    inner.path = &place->name;
    return inner;
}

static bool out_of_memory(struct conf_reader *reader)
{
    diag_add(reader->diags, DIAG_E0014, (struct source_pos){0}, "out of memory");
    return false;
}

static int by_address(const void *left_at, const void *right_at)
{
    const struct conf_listener *left = *(const struct conf_listener *const *)left_at;
    const struct conf_listener *right = *(const struct conf_listener *const *)right_at;
    if (left->addr.port != right->addr.port) {
        return left->addr.port < right->addr.port ? -1 : 1;
    }
    if (left->addr.family != right->addr.family) {
        return left->addr.family < right->addr.family ? -1 : 1;
    }
    return memcmp(left->addr.ip, right->addr.ip, sizeof left->addr.ip);
}

static bool is_every_address(const struct addr *addr)
{
    static const uint8_t zero[16];
    return addr->family == ADDR_NONE || memcmp(addr->ip, zero, sizeof zero) == 0;
}

static bool is_overlap(const struct addr *left, const struct addr *right)
{
    bool is_wide =
        (is_every_address(left) && (left->family != ADDR_V4 || right->family == ADDR_V4)) ||
        (is_every_address(right) && (right->family != ADDR_V4 || left->family == ADDR_V4));
    return left->port == right->port && (is_wide || addr_eq(left, right));
}

static void check_listeners(struct conf_reader *reader, const struct config *config)
{
    uint32_t count = config->listeners.count;
    const struct conf_listener **sorted =
        ARENA_ARRAY(reader->arena, count, const struct conf_listener *);
    if (sorted == NULL) {
        out_of_memory(reader);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        sorted[i] = &config->listeners.at[i];
    }
    qsort(sorted, count, sizeof sorted[0], by_address);
    /* `first` is the widest listener of a port: families sort with "every address" in front. */
    for (uint32_t i = 1, first = 0; i < count; i++) {
        first = sorted[first]->addr.port == sorted[i]->addr.port ? first : i;
        const struct conf_listener *other = sorted[i - 1];
        if (first != i && is_overlap(&sorted[first]->addr, &sorted[i]->addr)) {
            other = sorted[first];
        }
        if (other == sorted[i] || other->addr.port == 0 ||
            !is_overlap(&other->addr, &sorted[i]->addr)) {
            continue;
        }
        diag_hint(reader->diags, "the other one is in line %u", other->addr_pos.line);
        diag_add(reader->diags, DIAG_E0203, sorted[i]->addr_pos,
                 "listeners \"%.*s\" and \"%.*s\" take connections on one address",
                 STR_FMT(other->name), STR_FMT(sorted[i]->name));
    }
}

static void add_listener(struct conf_reader *reader, struct config *config)
{
    struct conf_listener *listener = ARENA_NEW(reader->arena, struct conf_listener);
    if (listener == NULL) {
        out_of_memory(reader);
        return;
    }
    conf_presets(reader, &conf_listener_table, listener);
    listener->name = STR("http");
    listener->addr.port = 8080;
    config->listeners.at = listener;
    config->listeners.count = 1;
}

static void refuse_twice(struct conf_reader *reader, const struct conf_target *target)
{
    diag_hint(reader->diags, "give it a weight instead");
    diag_add(reader->diags, DIAG_E0207, target->pos, "the target %.*s is there twice",
             STR_FMT(conf_show_text(reader, target, target->text)));
}

static void check_targets(struct conf_reader *reader, const struct conf_targets *targets)
{
    struct map known;
    map_init(&known, reader->scratch);
    for (uint32_t i = 0; i < targets->count; i++) {
        const struct conf_target *target = &targets->at[i];
        bool is_twice = false;
        for (uint32_t j = 0; targets->count <= FEW_TARGETS && j < i; j++) {
            is_twice = is_twice || str_eq(targets->at[j].text, target->text);
        }
        if (targets->count > FEW_TARGETS) {
            is_twice = map_add(&known, target->text, &targets->at[i]) == ERR_EXISTS;
        }
        if (is_twice) {
            refuse_twice(reader, target);
        }
    }
}

static void check_service(struct conf_reader *reader, struct conf_service *service)
{
    bool has_weight = false;
    for (uint32_t i = 0; i < service->versions.count; i++) {
        check_targets(reader, &service->versions.at[i].targets);
        has_weight = has_weight || service->versions.at[i].weight > 0;
    }
    if (!has_weight && service->versions.count > 0) {
        diag_add(reader->diags, DIAG_W0201, service->pos,
                 "every version of service \"%.*s\" has weight 0: it answers 503",
                 STR_FMT(service->name));
    }
    if (service->cohort.by != CONF_COHORT_NONE && service->cohort.seed.len == 0) {
        service->cohort.seed = service->name;
    }
}

/* Services by name; anonymous ones are added as routes name them. */
struct services {
    struct map by_name;
    bool *is_used; /* of the named ones */
    struct conf_service **anonymous;
    uint32_t anonymous_count;
};

static bool index_services(struct conf_reader *reader, struct config *config,
                           struct services *services)
{
    map_init(&services->by_name, reader->scratch);
    services->is_used = ARENA_ARRAY(reader->scratch, config->services.count, bool);
    uint32_t anonymous_max = config->routes.count;
    for (uint32_t i = 0; i < config->listeners.count; i++) {
        for (uint32_t j = 0; conf_listener_service(&config->listeners.at[i], j) != NULL; j++) {
            anonymous_max++;
        }
    }
    services->anonymous = ARENA_ARRAY(reader->scratch, anonymous_max, struct conf_service *);
    bool is_right = services->is_used != NULL && services->anonymous != NULL;
    for (uint32_t i = 0; is_right && i < config->services.count; i++) {
        struct conf_service *service = &config->services.at[i];
        is_right = map_add(&services->by_name, service->name, service) != ERR_MEMORY;
    }
    return is_right || out_of_memory(reader);
}

/* A target written in a route becomes a service of its own, named as it is written. */
static struct conf_service *add_anonymous(struct conf_reader *reader, struct services *services,
                                          const struct conf_text *to)
{
    struct node node = {.text = to->text, .type = NODE_STRING, .pos = to->pos, .is_resolved = true};
    struct conf_service *service = ARENA_NEW(reader->arena, struct conf_service);
    if (service == NULL || !conf_read_struct(reader, &conf_service_table, &node, service)) {
        return NULL;
    }
    service->name = to->text;
    service->pos = to->pos;
    service->is_anonymous = true;
    if (map_add(&services->by_name, service->name, service) != OK) {
        out_of_memory(reader);
        return NULL;
    }
    services->anonymous[services->anonymous_count++] = service;
    return service;
}

static void refuse_service(struct conf_reader *reader, const struct config *config,
                           const struct conf_text *to)
{
    /* Looking for near names costs a walk over all of them: only while messages are still kept. */
    struct conf_nearest nearest = {.diags = reader->diags, .wanted = to->text};
    bool may_suggest = reader->diags->errors.count < LIMIT_VALUE_config_errors;
    for (uint32_t i = 0; may_suggest && i < config->services.count; i++) {
        conf_nearest_try(&nearest, config->services.at[i].name);
    }
    if (conf_nearest_name(&nearest).len > 0) {
        conf_hint(reader, "did you mean \"%.*s\"?", STR_FMT(conf_nearest_name(&nearest)));
    } else {
        conf_hint(reader, "define it under services, or write http://host:port");
    }
    const struct node node = {.pos = to->pos};
    conf_refuse(reader, &node, DIAG_E0201, "there is no service %.*s",
                STR_FMT(conf_show_text(reader, to, to->text)));
}

/* The service that is named somewhere; NULL: there is none, and that was said. */
static struct conf_service *service_for(struct conf_reader *reader, const struct config *config,
                                        struct services *services, const struct conf_text *to)
{
    struct conf_service *service = map_find(&services->by_name, to->text);
    if (service == NULL && str_find(to->text, ':') < to->text.len) {
        return add_anonymous(reader, services, to);
    }
    if (service == NULL) {
        refuse_service(reader, config, to);
    } else if (!service->is_anonymous) {
        services->is_used[service - config->services.at] = true;
    }
    return service;
}

static void resolve_route(struct conf_reader *reader, struct config *config,
                          struct services *services, struct conf_route *route)
{
    struct place place;
    struct conf_reader inner = reader_at(reader, &place, "routes", route->name);
    if (route->action == CONF_TO_SERVICE && route->to.text.len > 0) {
        route->service = service_for(&inner, config, services, &route->to);
    }
    /* A connection of HTTP is shared by many clients: it cannot say whose it is. */
    if (route->service != NULL && route->service->send_proxy != CONF_SEND_PROXY_OFF) {
        const struct node node = {.pos = route->to.pos};
        conf_hint(&inner, "instances are told by X-Forwarded-For whose request it is");
        conf_refuse(&inner, &node, DIAG_E0113, "a service with send_proxy is not for requests");
    }
}

/* Listeners that lead to services by themselves name them; they are found again by their names. */
static void resolve_listener(struct conf_reader *reader, struct config *config,
                             struct services *services, const struct conf_listener *listener)
{
    struct place place;
    struct conf_reader inner = reader_at(reader, &place, "listeners", listener->name);
    for (uint32_t i = 0; conf_listener_service(listener, i) != NULL; i++) {
        const struct conf_text *name = conf_listener_service(listener, i);
        if (name->text.len > 0) {
            (void)service_for(&inner, config, services, name);
        }
    }
}

/* A fallback is another service, and the end of the way. */
static void resolve_fallback(struct conf_reader *reader, struct config *config,
                             struct services *services, const struct conf_service *from)
{
    struct place place;
    struct conf_reader inner = reader_at(reader, &place, "services", from->name);
    const struct conf_text *to = &from->fallback.to;
    const struct node node = {.pos = to->pos};
    if (to->text.len == 0) {
        return;
    }
    const struct conf_service *other = map_find(&services->by_name, to->text);
    if (other == NULL || other->is_anonymous) {
        refuse_service(&inner, config, to);
        return;
    }
    services->is_used[other - config->services.at] = true;
    if (other == from || other->fallback.to.text.len > 0) {
        conf_hint(&inner, "fall back to a service that has no fallback to another one");
        conf_refuse(&inner, &node, DIAG_E0157, "the fallback %.*s leads on", STR_FMT(to->text));
    }
}

static void warn_unused(struct conf_reader *reader, const struct config *config,
                        const struct services *services)
{
    for (uint32_t i = 0; i < config->services.count; i++) {
        const struct conf_service *service = &config->services.at[i];
        if (!services->is_used[i]) {
            diag_add(reader->diags, DIAG_W0202, service->pos, "no route leads to service \"%.*s\"",
                     STR_FMT(service->name));
        }
    }
}

/* The other listeners of the gateway take no traffic, but an address all the same. */
static void check_metrics(struct conf_reader *reader, const struct config *config)
{
    const struct addr *addr = &config->observe.metrics.addr;
    for (uint32_t i = 0; addr->port != 0 && i < config->listeners.count; i++) {
        const struct conf_listener *listener = &config->listeners.at[i];
        if (is_overlap(&listener->addr, addr)) {
            diag_hint(reader->diags, "give one of them another port");
            diag_add(
                reader->diags, DIAG_E0203, listener->addr_pos,
                "listener \"%.*s\" and the listener for metrics take connections on one address",
                STR_FMT(listener->name));
        }
    }
}

/* A test that expects a route that is not there would fail without saying why. */
static void check_tests(struct conf_reader *reader, const struct config *config,
                        const struct services *services)
{
    struct map routes;
    map_init(&routes, reader->scratch);
    for (uint32_t i = 0; config->tests.count > 0 && i < config->routes.count; i++) {
        if (map_add(&routes, config->routes.at[i].name, &config->routes.at[i]) == ERR_MEMORY) {
            out_of_memory(reader);
            return;
        }
    }
    for (uint32_t i = 0; i < config->tests.count; i++) {
        const struct conf_expect *expect = &config->tests.at[i].expect;
        if (expect->route.len > 0 && map_find(&routes, expect->route) == NULL) {
            diag_add(reader->diags, DIAG_E0201, expect->pos, "there is no route \"%.*s\"",
                     STR_FMT(expect->route));
        }
        if (expect->service.len > 0 && map_find(&services->by_name, expect->service) == NULL) {
            diag_add(reader->diags, DIAG_E0201, expect->pos, "there is no service \"%.*s\"",
                     STR_FMT(expect->service));
        }
    }
}

/* Puts the anonymous services behind the named ones, so that one array holds all, and moves what
 * points at them. */
static bool join_services(struct conf_reader *reader, struct config *config,
                          const struct services *services)
{
    uint32_t named = config->services.count, count = named + services->anonymous_count;
    if (services->anonymous_count == 0) {
        return true;
    }
    struct conf_service *all = ARENA_ARRAY(reader->arena, count, struct conf_service);
    if (all == NULL) {
        return out_of_memory(reader);
    }
    struct map moved;
    map_init(&moved, reader->scratch);
    if (named > 0) {
        memcpy(all, config->services.at, named * sizeof *all);
        conf_move_secrets(reader->internals, config->services.at, named * sizeof *all, all);
    }
    for (uint32_t i = 0; i < services->anonymous_count; i++) {
        all[named + i] = *services->anonymous[i];
        if (map_add(&moved, all[named + i].name, &all[named + i]) != OK) {
            return out_of_memory(reader);
        }
    }
    for (uint32_t i = 0; i < config->routes.count; i++) {
        struct conf_route *route = &config->routes.at[i];
        if (route->service != NULL) {
            route->service = route->service->is_anonymous
                                 ? map_find(&moved, route->service->name)
                                 : all + (route->service - config->services.at);
        }
    }
    config->services.at = all;
    config->services.count = count;
    return true;
}

void conf_resolve_all(struct conf_reader *reader, struct config *config)
{
    struct services services = {0};
    if (config->listeners.count == 0) {
        add_listener(reader, config);
    } else {
        check_listeners(reader, config);
    }
    if (!index_services(reader, config, &services)) {
        return;
    }
    for (uint32_t i = 0; i < config->services.count; i++) {
        check_service(reader, &config->services.at[i]);
        resolve_fallback(reader, config, &services, &config->services.at[i]);
    }
    for (uint32_t i = 0; i < config->routes.count; i++) {
        config->routes.at[i].index = i;
        resolve_route(reader, config, &services, &config->routes.at[i]);
    }
    for (uint32_t i = 0; i < config->listeners.count; i++) {
        resolve_listener(reader, config, &services, &config->listeners.at[i]);
    }
    check_metrics(reader, config);
    check_tests(reader, config, &services);
    if (!diags_have_errors(reader->diags)) {
        warn_unused(reader, config, &services);
    }
    if (join_services(reader, config, &services)) {
        conf_inherit(reader, config);
    }
}
