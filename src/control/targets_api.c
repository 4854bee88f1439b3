/* targets_api.c - what the admin API says of instances, and how operators change what becomes of
 * them. Overrides are kept in overrides.h, states in upstream/instance.h. */
#include "base/limits.h"
#include "control/admin_inner.h"

enum { NAME_WIDTH = 24, STATE_WIDTH = 13, COST_DIGITS = 1000 };

struct listing {
    struct asked *asked;
    uint32_t count;
    uint32_t by_state[INSTANCE_STATE_COUNT];
};

/* When the instance got into its state. */
static uint64_t since_us(const struct instance *instance)
{
    const struct instance_moment *moment = instance_moment(instance, 0);
    return moment == NULL ? 0 : (uint64_t)moment->wall_us;
}

/* Of the share that its weight gives it. */
static uint32_t percent_of(const struct instance *instance)
{
    return (instance_share(instance) * 100 + INSTANCE_SHARE_ONE / 2) / INSTANCE_SHARE_ONE;
}

static struct str reason_of(const struct instance *instance)
{
    const struct instance_moment *moment = instance_moment(instance, 0);
    return moment == NULL ? STR("") : instance_reason_str(&moment->reason);
}

static void write_moments(struct sink *out, struct arena *arena, const struct instance *instance)
{
    const struct instance_moment *moment;
    sink_add(out, STR(", \"moments\": ["));
    for (uint32_t age = 0; (moment = instance_moment(instance, age)) != NULL; age++) {
        sink_add_fmt(out, "%s{\"at\": \"", age > 0 ? ", " : "");
        sink_add(out, admin_instant(arena, (uint64_t)moment->wall_us));
        sink_add_fmt(out, "\", \"state\": \"%s\", \"by\": \"%s\", \"reason\": \"",
                     instance_state_text((enum instance_state)moment->state),
                     instance_source_text((enum instance_source)moment->source));
        sink_add_json(out, instance_reason_str(&moment->reason));
        sink_add(out, STR("\"}"));
    }
    sink_add(out, STR("]"));
}

static void write_name(struct sink *out, const char *name, struct str value)
{
    sink_add_fmt(out, "\"%s\": \"", name);
    sink_add_json(out, value);
    sink_add(out, STR("\", "));
}

static void write_json(struct listing *listing, const struct origin *origin)
{
    struct sink *out = &listing->asked->answer->body;
    struct process *process = listing->asked->process;
    const struct instance *instance = &origin->instance;
    const struct override *override = overrides_find(&process->overrides, origin);
    int64_t cost_ns = balance_cost_ns(&origin->endpoint, process->loop.now_ns);
    sink_add(out, listing->count > 0 ? STR(",\n  {") : STR("  {"));
    write_name(out, "service", origin->cluster->service->name);
    write_name(out, "version", origin->cluster->name);
    write_name(out, "instance", origin->endpoint.name);
    write_name(out, "state", str_from_c(instance_state_text((enum instance_state)instance->state)));
    write_name(out, "reason", reason_of(instance));
    write_name(out, "since", admin_instant(listing->asked->answer->arena, since_us(instance)));
    sink_add_fmt(out, "\"weight\": %u, \"share_percent\": %u, \"priority\": %u, ",
                 instance_weight(instance), percent_of(instance), instance->priority);
    sink_add_fmt(out, "\"is_local\": %s, \"in_panic\": %s, \"in_flight\": %u, ",
                 instance->is_local ? "true" : "false", instance->is_in_panic ? "true" : "false",
                 endpoint_in_flight(&origin->endpoint));
    sink_add_fmt(out, "\"latency_us\": %lld", (long long)(cost_ns / 1000));
    write_moments(out, listing->asked->answer->arena, instance);
    if (override != NULL) {
        sink_add(out, STR(", \"override\": "));
        override_write(override, out);
    }
    sink_add(out, STR("}"));
}

static void pad(struct sink *out, struct str text, size_t width)
{
    sink_add(out, text);
    sink_pad(out, ' ', text.len < width ? width - text.len : 1);
}

static void write_row(struct listing *listing, const struct origin *origin)
{
    struct sink *out = &listing->asked->answer->body;
    struct process *process = listing->asked->process;
    struct arena *arena = listing->asked->answer->arena;
    const struct instance *instance = &origin->instance;
    const struct override *override = overrides_find(&process->overrides, origin);
    const struct cluster *cluster = origin->cluster;
    int64_t cost_us = balance_cost_ns(&origin->endpoint, process->loop.now_ns) / 1000;
    if (listing->count == 0) {
        sink_add_fmt(out, "%-*s%-*s%-*s%7s %9s %9s  %-21s %s\n", NAME_WIDTH, "SERVICE", NAME_WIDTH,
                     "INSTANCE", STATE_WIDTH, "STATE", "WEIGHT", "IN_FLIGHT", "LATENCY", "SINCE",
                     "REASON");
    }
    pad(out, arena_fmt(arena, "%.*s%s%.*s", STR_FMT(cluster->service->name),
                       cluster->name.len > 0 ? "/" : "", STR_FMT(cluster->name)), NAME_WIDTH);
    pad(out, origin->endpoint.name, NAME_WIDTH);
    pad(out, str_from_c(instance_state_text((enum instance_state)instance->state)), STATE_WIDTH);
    sink_add_fmt(out, "%7u %9u %7lld.%lldms ", instance_weight(instance),
                 endpoint_in_flight(&origin->endpoint), (long long)(cost_us / COST_DIGITS),
                 (long long)(cost_us % COST_DIGITS / 100));
    pad(out, admin_instant(arena, since_us(instance)), sizeof "2026-01-02T03:04:05Z" + 1);
    sink_add(out, reason_of(instance));
    sink_add(out, instance->is_in_panic ? STR(" (panic: used all the same)") : STR(""));
    if (override != NULL && override->says.until_us != 0) {
        sink_add(out, STR(" (until "));
        sink_add(out, admin_instant(arena, (uint64_t)override->says.until_us));
        sink_add(out, STR(")"));
    }
    sink_add(out, STR("\n"));
}

static void list_one(void *context, struct origin *origin)
{
    struct listing *listing = context;
    if (!origin->instance.is_listed) {
        return;
    }
    if (listing->asked->request->wants_text) {
        write_row(listing, origin);
    } else {
        write_json(listing, origin);
    }
    listing->count++;
}

void answer_targets(struct asked *asked)
{
    struct listing listing = {.asked = asked};
    struct sink *out = &asked->answer->body;
    bool is_text = asked->request->wants_text;
    sink_add(out, is_text ? STR("") : STR("[\n"));
    roster_each(&asked->process->roster, list_one, &listing);
    sink_add(out, is_text ? STR("") : STR("\n]\n"));
    LIST_EACH(node, &asked->process->overrides.all) {
        const struct override *override = CONTAINER_OF(node, struct override, node);
        const struct overrides *overrides = &asked->process->overrides;
        if (is_text && overrides_count(overrides, &override->says) == 0) {
            sink_add_fmt(out, "%.*s/%.*s: an override for an instance that is not there: ",
                         STR_FMT(override->says.service), STR_FMT(override->says.instance));
            override_write(override, out);
            sink_add(out, STR("\n"));
        }
    }
}

void answer_overrides(struct asked *asked)
{
    struct sink *out = &asked->answer->body;
    bool is_text = asked->request->wants_text, is_first = true;
    sink_add(out, is_text ? STR("") : STR("[\n"));
    LIST_EACH(node, &asked->process->overrides.all) {
        sink_add(out, is_text || is_first ? STR("") : STR(",\n"));
        override_write(CONTAINER_OF(node, struct override, node), out);
        sink_add(out, is_text ? STR("\n") : STR(""));
        is_first = false;
    }
    sink_add(out, is_text ? STR("") : STR("\n]\n"));
}

void answer_target_change(struct asked *asked)
{
    struct override_ask ask;
    struct str fault = STR("");
    struct process *process = asked->process;
    struct arena *arena = asked->answer->arena;
    enum err e = override_read(asked->request->body, arena, process->loop.wall_us, &ask, &fault);
    if (e == ERR_SYNTAX) {
        admin_problem(asked->request, asked->answer, 400, "bad_body", fault);
        return;
    }
    e = e == OK ? overrides_change(&process->overrides, &ask) : e;
    if (e == ERR_NOT_FOUND) {
        fault = arena_fmt(arena, "there is no instance %.*s of %.*s", STR_FMT(ask.instance),
                          STR_FMT(ask.service));
        admin_problem(asked->request, asked->answer, 404, "not_found", fault);
    } else if (e != OK) {
        admin_problem(asked->request, asked->answer, 503, err_code(e), str_from_c(err_text(e)));
    } else {
        answer_targets(asked);
    }
}

struct explaining {
    struct process *process;
    struct str service, version;
    struct sink *out;
};

/* Why it would not be picked now; NULL: it could be. */
static const char *why_skipped(const struct origin *origin)
{
    const struct instance *instance = &origin->instance;
    bool is_doubtful = instance->state == INSTANCE_DOWN || instance->state == INSTANCE_EJECTED;
    if (is_doubtful && instance->is_in_panic) {
        return endpoint_is_full(&origin->endpoint) ? "full" : NULL;
    }
    switch ((enum instance_state)instance->state) {
    case INSTANCE_DRAINING:
    case INSTANCE_EJECTED:
    case INSTANCE_DOWN:
    case INSTANCE_MAINTENANCE:
        return instance_state_text((enum instance_state)instance->state);
    case INSTANCE_ACTIVE:
    case INSTANCE_WARMING:
    case INSTANCE_STATE_COUNT: break;
    }
    return endpoint_is_full(&origin->endpoint) ? "full" : NULL;
}

/* What the method compares of it, the least is best. */
static void tell_score(const struct explaining *explaining, const struct origin *origin)
{
    const struct balance_set *set = roster_set_of(&explaining->process->roster, origin->cluster);
    if (set != NULL && set->type->score != NULL && endpoint_is_usable(&origin->endpoint)) {
        sink_add_fmt(explaining->out, ", score %.3g",
                     set->type->score(&origin->endpoint, explaining->process->loop.now_ns));
    }
}

static void explain_one(void *context, struct origin *origin)
{
    const struct explaining *explaining = context;
    const struct instance *instance = &origin->instance;
    const struct cluster *cluster = origin->cluster;
    if (!instance->is_listed || !str_eq(cluster->service->name, explaining->service) ||
        !str_eq(cluster->name, explaining->version)) {
        return;
    }
    const char *why = why_skipped(origin);
    sink_add(explaining->out, STR("          "));
    pad(explaining->out, origin->endpoint.name, NAME_WIDTH);
    if (why != NULL) {
        sink_add_fmt(explaining->out, "skipped: %s: ", why);
        sink_add(explaining->out, reason_of(instance));
    } else {
        sink_add_fmt(explaining->out, "candidate: in flight %u, weight %u, priority %u",
                     endpoint_in_flight(&origin->endpoint), instance_weight(instance),
                     instance->priority);
        tell_score(explaining, origin);
        sink_add(explaining->out, instance->is_local ? STR(", in this zone") : STR(""));
        sink_add(explaining->out, instance->is_in_panic ? STR(", in panic") : STR(""));
    }
    if (instance->state == INSTANCE_WARMING) {
        sink_add_fmt(explaining->out, ", warming up: %u %% of its share",
                     percent_of(instance));
    }
    sink_add(explaining->out, STR("\n"));
}

void targets_explain(void *owner, struct str service, struct str version, struct sink *out)
{
    struct process *process = owner;
    struct explaining explaining = {process, service, version, out};
    roster_each(&process->roster, explain_one, &explaining);
}

static void count_one(void *context, struct origin *origin)
{
    struct listing *listing = context;
    listing->by_state[origin->instance.state] += origin->instance.is_listed;
}

static void add_count(struct asked *asked, const char *name, uint32_t count)
{
    struct str value = arena_fmt(asked->answer->arena, "%u", count);
    admin_member(asked, (struct member){.name = name, .value = value, .is_number = true});
}

void targets_status(struct asked *asked)
{
    struct listing listing = {.asked = asked};
    const struct config *config = asked->process->current->config;
    struct arena *arena = asked->answer->arena;
    roster_each(&asked->process->roster, count_one, &listing);
    for (uint32_t i = 0; i < INSTANCE_STATE_COUNT; i++) {
        const char *state = instance_state_text((enum instance_state)i);
        struct str name = arena_fmt(arena, "%s%c", state, '\0');
        if (name.len > 0) {
            add_count(asked, name.at, listing.by_state[i]);
        }
    }
    add_count(asked, "overrides", asked->process->overrides.count);
    for (uint32_t i = 0; i < config->listeners.count; i++) {
        char text[ADDR_TEXT_BYTES_MAX];
        struct strbuf out = strbuf_over(text, sizeof text);
        const struct addr addr = publish_bind_addr(&config->listeners.at[i].addr);
        addr_add(&out, &addr);
        struct str value = arena_fmt(arena, "%.*s", STR_FMT(strbuf_str(&out)));
        struct str name = arena_fmt(arena, "listens_%.*s%c", STR_FMT(config->listeners.at[i].name),
                                    '\0');
        if (name.len > 0) {
            admin_member(asked, (struct member){.name = name.at, .value = value});
        }
    }
}
