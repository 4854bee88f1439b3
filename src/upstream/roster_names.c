/* roster_names.c - names of targets, each resolved once for all clusters that want it.
 * When the addresses of a name change, the sets of those clusters are made anew. See roster.h. */
#include "base/heap.h"
#include "base/log.h"
#include "upstream/roster_inner.h"

static void on_name_change(struct resolver_name *resolver_name);

struct roster_name *roster_name_get(struct roster *roster, const struct roster_target *target)
{
    enum name_families families = target->is_every_address ? NAME_BOTH : NAME_V4_FIRST;
    LIST_EACH(node, &roster->names) {
        struct roster_name *known = CONTAINER_OF(node, struct roster_name, node);
        if (known->resolver_name.port == target->port &&
            known->resolver_name.families == families &&
            str_eq(str_from_c(known->resolver_name.host), target->host)) {
            known->use_count++;
            return known;
        }
    }
    struct roster_name *name = heap_new(sizeof *name);
    if (name == NULL) {
        return NULL;
    }
    const struct resolver_name_conf conf = {
        .host = target->host,
        .port = target->port,
        .families = families,
        .on_change = on_name_change};
    name->roster = roster;
    name->use_count = 1;
    if (resolver_name_add(roster->resolver, &name->resolver_name, &conf) != OK) {
        log_line(LOG_ERROR, "upstream", "\"%.*s\" is not a name that can be resolved",
                 STR_FMT(target->host));
        heap_free(name);
        return NULL;
    }
    list_push_back(&roster->names, &name->node);
    return name;
}

void roster_names_release(struct roster_spec *spec)
{
    for (uint32_t i = 0; spec->names != NULL && i < spec->target_count; i++) {
        struct roster_name *name = spec->names[i];
        if (name != NULL && --name->use_count == 0) {
            resolver_name_remove(&name->resolver_name);
            list_remove(&name->node);
            heap_free(name);
        }
    }
}

static bool uses_name(const struct roster_spec *spec, const struct roster_name *name)
{
    for (uint32_t i = 0; i < spec->target_count; i++) {
        if (spec->names[i] == name) {
            return true;
        }
    }
    return false;
}

static void on_name_change(struct resolver_name *resolver_name)
{
    struct roster_name *name = CONTAINER_OF(resolver_name, struct roster_name, resolver_name);
    struct roster *roster = name->roster;
    LIST_EACH(node, &roster->clusters) {
        struct roster_cluster *state = CONTAINER_OF(node, struct roster_cluster, node);
        if (uses_name(&state->spec, name) && roster_rebuild(state) != OK) {
            log_line(LOG_ERROR, "upstream", "no memory for the instances of %.*s",
                     STR_FMT(state->cluster->service->name));
        }
    }
    if (roster->updates != NULL) {
        roster->on_change(roster);
    }
}
