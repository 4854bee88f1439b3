/* inherit.c - what holds for each route: defaults, then its service, then itself.
 * The unit is one kind of policy (or the times, or the body limit): the nearest place that says
 * anything about it says all of it. What `enforce` says is a bound that nearer places may only
 * tighten. Lists are made once for a service and shared by its routes that add nothing. */
#include "base/limits.h"
#include "base/map.h"
#include "config/internals.h"
#include "text/quantity.h"

/* What holds at one place, before anything nearer. */
struct holding {
    struct conf_timeout timeout;
    struct conf_limit body_limit;
    const struct conf_retry *retry;
    const struct conf_policy **slots; /* one for each kind, NULL: none */
    const struct conf_policy *const *list;
    uint32_t list_count;
};

/* The policies of a bundle as they are when a service and when a route uses it. */
struct bundle_use {
    const struct conf_bundle *bundle;
    struct conf_policy *at_service, *at_route;
    bool is_used;
};

struct heirs {
    struct conf_reader *reader;
    struct config *config;
    struct map bundles;
    struct bundle_use *bundle_uses;
    const struct conf_policy **enforced; /* one for each kind */
    struct holding base;                 /* defaults and enforce */
    struct holding *services;            /* in the order of config->services */
    const struct conf_policy **spare;    /* slots of the route in hand */
    bool is_half_read;                   /* after errors, policies are not asked what they mean */
};

/* A place that may say something: a service or a route. */
struct place {
    enum conf_level level;
    const struct conf_policies *policies;
    const struct conf_uses *use, *skip; /* skip: NULL at a service */
};

static const struct {
    const char *name;
    size_t offset;
} timeout_members[] = {{"head", offsetof(struct conf_timeout, head_ms)},
                       {"idle", offsetof(struct conf_timeout, idle_ms)},
                       {"body", offsetof(struct conf_timeout, body_ms)},
                       {"connect", offsetof(struct conf_timeout, connect_ms)},
                       {"response", offsetof(struct conf_timeout, response_ms)},
                       {"total", offsetof(struct conf_timeout, total_ms)}};

static void refuse_loose(const struct heirs *heirs, struct source_pos pos,
                         struct source_pos enforced, const char *what)
{
    if (source_pos_is_set(&enforced)) {
        diag_hint(heirs->reader->diags, "enforced in %.*s:%u", STR_FMT(enforced.source->name),
                  enforced.line);
    }
    diag_add(heirs->reader->diags, DIAG_E0205, pos, "%s", what);
}

static int64_t *member_of(struct conf_timeout *timeout, size_t offset)
{
    return (int64_t *)(void *)((char *)timeout + offset);
}

/* Brings the times of one place under those enforced; says so when it wrote a longer one. */
static void tighten_times(const struct heirs *heirs, struct conf_timeout *timeout)
{
    struct conf_timeout *bound = &heirs->config->enforce.timeout;
    for (size_t i = 0; i < COUNT_OF(timeout_members); i++) {
        int64_t most = *member_of(bound, timeout_members[i].offset);
        int64_t *value = member_of(timeout, timeout_members[i].offset);
        bool is_written = (timeout->written >> (timeout_members[i].offset / 8) & 1) != 0;
        if (most == 0 || (*value != 0 && *value <= most)) {
            continue;
        }
        if (is_written) {
            char text[96];
            struct strbuf out = strbuf_over(text, sizeof text - 1);
            strbuf_add_fmt(&out, "the time \"%s\" is longer than the enforced ",
                           timeout_members[i].name);
            quantity_add_duration(&out, most);
            text[out.len] = '\0';
            refuse_loose(heirs, timeout->pos, bound->pos, text);
        }
        *value = most;
    }
}

static void tighten_body(const struct heirs *heirs, struct conf_limit *limit)
{
    const struct conf_limit *bound = &heirs->config->enforce.body_limit;
    bool is_loose = bound->bytes > 0 && (limit->bytes == 0 || limit->bytes > bound->bytes);
    if (!is_loose) {
        return;
    }
    if (source_pos_is_set(&limit->pos)) {
        refuse_loose(heirs, limit->pos, bound->pos,
                     "the body limit is looser than the enforced one");
    }
    *limit = *bound;
}

/* Gives a place one policy, unless what is enforced forbids it. */
static void put(const struct heirs *heirs, const struct conf_policy **slots,
                const struct conf_policy *policy, struct source_pos pos)
{
    const struct conf_policy *enforced = heirs->enforced[policy->kind_index];
    const struct conf_kind *kind = policy->kind;
    bool is_fit = enforced == NULL || enforced == policy || heirs->is_half_read ||
                  (kind->is_tighter != NULL && kind->is_tighter(enforced->conf, policy->conf));
    if (!is_fit) {
        char text[128];
        struct strbuf out = strbuf_over(text, sizeof text);
        strbuf_add_fmt(&out, "\"%.80s\" is enforced and may not be replaced here", kind->name);
        refuse_loose(heirs, pos, enforced->pos, strbuf_overflowed(&out) ? "enforced" : text);
        return;
    }
    slots[policy->kind_index] = policy;
}

static struct bundle_use *bundle_find(const struct heirs *heirs, const struct conf_text *name)
{
    struct bundle_use *use = map_find(&heirs->bundles, name->text);
    struct conf_nearest nearest = {.diags = heirs->reader->diags, .wanted = name->text};
    struct diags *diags = heirs->reader->diags;
    if (use != NULL) {
        use->is_used = true;
        return use;
    }
    bool may_suggest = diags->errors.count < LIMIT_VALUE_config_errors;
    for (uint32_t i = 0; may_suggest && i < heirs->config->policies.count; i++) {
        conf_nearest_try(&nearest, heirs->config->policies.at[i].name);
    }
    if (conf_nearest_name(&nearest).len > 0) {
        diag_hint(diags, "did you mean \"%.*s\"?", STR_FMT(conf_nearest_name(&nearest)));
    } else {
        diag_hint(diags, "define it under policies");
    }
    diag_add(diags, DIAG_E0201, name->pos, "there is no bundle of policies %.*s",
             STR_FMT(conf_show_text(heirs->reader, name, name->text)));
    return NULL;
}

static void put_bundles(const struct heirs *heirs, const struct conf_policy **slots,
                        const struct place *place)
{
    for (uint32_t i = 0; i < place->use->count; i++) {
        const struct conf_text *name = &place->use->at[i];
        const struct bundle_use *use = bundle_find(heirs, name);
        for (uint32_t j = 0; use != NULL && j < use->bundle->policies.count; j++) {
            const struct conf_policy *policy =
                place->level == CONF_SERVICE ? &use->at_service[j] : &use->at_route[j];
            const struct conf_policy *other = slots[policy->kind_index];
            if (other != NULL && other->level == place->level) {
                diag_hint(heirs->reader->diags, "write it in place, or use one of them");
                diag_add(heirs->reader->diags, DIAG_E0206, name->pos,
                         "bundles \"%.*s\" and \"%.*s\" both have \"%s\"", STR_FMT(other->bundle),
                         STR_FMT(policy->bundle), policy->kind->name);
                continue;
            }
            put(heirs, slots, policy, name->pos);
        }
    }
}

static void skip_one(const struct heirs *heirs, const struct conf_policy **slots,
                     const struct conf_text *name)
{
    struct diags *diags = heirs->reader->diags;
    struct conf_nearest nearest = {.diags = heirs->reader->diags, .wanted = name->text};
    const struct conf_internals *internals = heirs->reader->internals;
    for (uint32_t i = 0; i < internals->kind_count; i++) {
        const struct conf_kind *kind = &internals->kinds[i];
        conf_nearest_try(&nearest, str_from_c(kind->name));
        if (!str_eq(name->text, str_from_c(kind->name))) {
            continue;
        }
        if (heirs->enforced[i] != NULL) {
            refuse_loose(heirs, name->pos, heirs->enforced[i]->pos,
                         "what is enforced may not be skipped");
        }
        slots[i] = NULL;
        return;
    }
    if (conf_nearest_name(&nearest).len > 0) {
        diag_hint(diags, "did you mean \"%.*s\"?", STR_FMT(conf_nearest_name(&nearest)));
    }
    diag_add(diags, DIAG_E0201, name->pos, "there is no kind of policy %.*s",
             STR_FMT(conf_show_text(heirs->reader, name, name->text)));
}

/* The slots of a place as a list in running order. */
static bool list_slots(const struct heirs *heirs, const struct conf_policy *const *slots,
                       struct holding *out)
{
    uint32_t kinds = heirs->reader->internals->kind_count, count = 0;
    for (uint32_t i = 0; i < kinds; i++) {
        count += slots[i] != NULL;
    }
    const struct conf_policy **list =
        ARENA_ARRAY(heirs->reader->arena, count, const struct conf_policy *);
    if (list == NULL) {
        diag_add(heirs->reader->diags, DIAG_E0014, (struct source_pos){0}, "out of memory");
        return false;
    }
    out->list = list;
    out->list_count = count;
    for (uint32_t i = 0, at = 0; i < kinds; i++) {
        if (slots[i] != NULL) {
            list[at++] = slots[i];
        }
    }
    return true;
}

/* What holds at `place`, given what held before it. */
static bool inherit_policies(struct heirs *heirs, const struct place *place,
                             const struct holding *before, struct holding *out)
{
    bool adds = place->policies->count > 0 || place->use->count > 0 ||
                (place->skip != NULL && place->skip->count > 0);
    out->slots = before->slots;
    out->list = before->list;
    out->list_count = before->list_count;
    if (!adds) {
        return true;
    }
    uint32_t kinds = heirs->reader->internals->kind_count;
    out->slots = place->level == CONF_ROUTE
                     ? heirs->spare
                     : ARENA_ARRAY(heirs->reader->scratch, kinds, const struct conf_policy *);
    if (out->slots == NULL) {
        diag_add(heirs->reader->diags, DIAG_E0014, (struct source_pos){0}, "out of memory");
        return false;
    }
    for (uint32_t i = 0; i < kinds; i++) {
        out->slots[i] = before->slots[i];
    }
    for (uint32_t i = 0; place->skip != NULL && i < place->skip->count; i++) {
        skip_one(heirs, out->slots, &place->skip->at[i]);
    }
    put_bundles(heirs, out->slots, place);
    for (uint32_t i = 0; i < place->policies->count; i++) {
        put(heirs, out->slots, &place->policies->at[i], place->policies->at[i].pos);
    }
    return list_slots(heirs, out->slots, out);
}

static void set_level(struct conf_policies *policies, enum conf_level level)
{
    for (uint32_t i = 0; i < policies->count; i++) {
        policies->at[i].level = (uint8_t)level;
    }
}

static bool prepare_bundles(struct heirs *heirs)
{
    struct arena *arena = heirs->reader->arena;
    struct config *config = heirs->config;
    map_init(&heirs->bundles, heirs->reader->scratch);
    heirs->bundle_uses =
        ARENA_ARRAY(heirs->reader->scratch, config->policies.count, struct bundle_use);
    for (uint32_t i = 0; heirs->bundle_uses != NULL && i < config->policies.count; i++) {
        struct conf_bundle *bundle = &config->policies.at[i];
        struct bundle_use *use = &heirs->bundle_uses[i];
        uint32_t count = bundle->policies.count;
        *use = (struct bundle_use){.bundle = bundle,
                                   .at_service = ARENA_ARRAY(arena, count, struct conf_policy),
                                   .at_route = ARENA_ARRAY(arena, count, struct conf_policy)};
        if (use->at_service == NULL || use->at_route == NULL ||
            map_add(&heirs->bundles, bundle->name, use) == ERR_MEMORY) {
            return false;
        }
        for (uint32_t j = 0; j < count; j++) {
            bundle->policies.at[j].bundle = bundle->name;
            use->at_service[j] = use->at_route[j] = bundle->policies.at[j];
            use->at_service[j].level = CONF_SERVICE;
            use->at_route[j].level = CONF_ROUTE;
        }
    }
    return heirs->bundle_uses != NULL;
}

static bool prepare(struct heirs *heirs)
{
    struct config *config = heirs->config;
    struct arena *scratch = heirs->reader->scratch;
    uint32_t kinds = heirs->reader->internals->kind_count;
    heirs->enforced = ARENA_ARRAY(scratch, kinds, const struct conf_policy *);
    heirs->spare = ARENA_ARRAY(scratch, kinds, const struct conf_policy *);
    heirs->base.slots = ARENA_ARRAY(scratch, kinds, const struct conf_policy *);
    heirs->services = ARENA_ARRAY(scratch, config->services.count, struct holding);
    if (heirs->enforced == NULL || heirs->spare == NULL || heirs->base.slots == NULL ||
        heirs->services == NULL || !prepare_bundles(heirs)) {
        return false;
    }
    set_level(&config->defaults.policies, CONF_DEFAULTS);
    set_level(&config->enforce.policies, CONF_ENFORCE);
    for (uint32_t i = 0; i < config->enforce.policies.count; i++) {
        const struct conf_policy *policy = &config->enforce.policies.at[i];
        heirs->enforced[policy->kind_index] = policy;
        heirs->base.slots[policy->kind_index] = policy;
    }
    for (uint32_t i = 0; i < config->defaults.policies.count; i++) {
        const struct conf_policy *policy = &config->defaults.policies.at[i];
        put(heirs, heirs->base.slots, policy, policy->pos);
    }
    heirs->base.timeout = config->defaults.timeout;
    if (!source_pos_is_set(&config->defaults.timeout.pos)) {
        conf_presets(heirs->reader, &conf_default_timeout_table, &heirs->base.timeout);
    }
    heirs->base.body_limit = config->defaults.body_limit;
    heirs->base.retry = &config->defaults.retry;
    if (!source_pos_is_set(&config->defaults.retry.pos)) {
        conf_presets(heirs->reader, &conf_retry_table, &config->defaults.retry);
    }
    tighten_times(heirs, &heirs->base.timeout);
    tighten_body(heirs, &heirs->base.body_limit);
    return list_slots(heirs, heirs->base.slots, &heirs->base);
}

/* The written times of a nearer place replace all of those before. */
static void inherit_limits(const struct heirs *heirs, const struct holding *before,
                           const struct conf_timeout *timeout, const struct conf_limit *limit,
                           struct holding *out)
{
    out->timeout = before->timeout;
    out->body_limit = before->body_limit;
    if (source_pos_is_set(&timeout->pos)) {
        out->timeout = *timeout;
        tighten_times(heirs, &out->timeout);
    }
    if (source_pos_is_set(&limit->pos)) {
        out->body_limit = *limit;
        tighten_body(heirs, &out->body_limit);
    }
}

static const struct conf_retry *inherit_retry(const struct conf_retry *before,
                                              const struct conf_retry *written)
{
    return source_pos_is_set(&written->pos) ? written : before;
}

static void inherit_balance(const struct heirs *heirs, struct conf_service *service)
{
    const struct conf_level_values *defaults = &heirs->config->defaults;
    const struct conf_level_values *enforce = &heirs->config->enforce;
    bool is_written = source_pos_is_set(&service->balance_pos);
    if (!is_written && source_pos_is_set(&defaults->balance_pos)) {
        service->balance = defaults->balance;
    }
    if (source_pos_is_set(&enforce->balance_pos)) {
        if (is_written && !conf_balance_is_same(&service->balance, &enforce->balance)) {
            refuse_loose(heirs, service->balance_pos, enforce->balance_pos,
                         "another way of balancing is enforced");
        }
        service->balance = enforce->balance;
    }
}

static void inherit_listener(const struct heirs *heirs, struct conf_listener *listener)
{
    const struct conf_timeout *base = &heirs->base.timeout;
    if (!source_pos_is_set(&listener->timeout.pos)) {
        listener->timeout = (struct conf_timeout){
            .head_ms = base->head_ms, .idle_ms = base->idle_ms, .body_ms = base->body_ms};
        return;
    }
    struct conf_timeout timeout = listener->timeout;
    tighten_times(heirs, &timeout);
    listener->timeout.head_ms = timeout.head_ms;
    listener->timeout.idle_ms = timeout.idle_ms;
    listener->timeout.body_ms = timeout.body_ms;
}

static bool inherit_route(struct heirs *heirs, struct conf_route *route)
{
    const struct holding *before =
        route->service == NULL ? &heirs->base
                               : &heirs->services[route->service - heirs->config->services.at];
    struct place place = {CONF_ROUTE, &route->policies, &route->use, &route->skip};
    struct holding out;
    set_level(&route->policies, CONF_ROUTE);
    inherit_limits(heirs, before, &route->timeout, &route->body_limit, &out);
    if (!inherit_policies(heirs, &place, before, &out)) {
        return false;
    }
    route->effective.timeout = out.timeout;
    route->effective.body_limit = out.body_limit;
    route->effective.retry = inherit_retry(before->retry, &route->retry);
    route->effective.policies = out.list;
    route->effective.policy_count = out.list_count;
    return true;
}

static bool inherit_service(struct heirs *heirs, struct conf_service *service, struct holding *out)
{
    struct place place = {CONF_SERVICE, &service->policies, &service->use, NULL};
    set_level(&service->policies, CONF_SERVICE);
    inherit_balance(heirs, service);
    inherit_limits(heirs, &heirs->base, &service->timeout, &service->body_limit, out);
    service->effective = out->timeout;
    out->retry = inherit_retry(heirs->base.retry, &service->retry);
    return inherit_policies(heirs, &place, &heirs->base, out);
}

void conf_inherit(struct conf_reader *reader, struct config *config)
{
    struct heirs heirs = {
        .reader = reader, .config = config, .is_half_read = diags_have_errors(reader->diags)};
    bool is_right = prepare(&heirs);
    if (!is_right) {
        diag_add(reader->diags, DIAG_E0014, (struct source_pos){0}, "out of memory");
    }
    for (uint32_t i = 0; is_right && i < config->listeners.count; i++) {
        inherit_listener(&heirs, &config->listeners.at[i]);
    }
    for (uint32_t i = 0; is_right && i < config->services.count; i++) {
        is_right = inherit_service(&heirs, &config->services.at[i], &heirs.services[i]);
    }
    for (uint32_t i = 0; is_right && i < config->routes.count; i++) {
        is_right = inherit_route(&heirs, &config->routes.at[i]);
    }
    for (uint32_t i = 0; is_right && i < config->policies.count; i++) {
        if (!heirs.bundle_uses[i].is_used && !diags_have_errors(reader->diags)) {
            diag_add(reader->diags, DIAG_W0202, config->policies.at[i].pos,
                     "nothing uses the bundle \"%.*s\"", STR_FMT(config->policies.at[i].name));
        }
    }
}
