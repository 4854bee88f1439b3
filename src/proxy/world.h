/* world.h - from a checked configuration to the snapshot that cores work by: routes compiled,
 * chains put together, services bound to their run-time objects, series named. A snapshot is
 * immutable; it goes when no exchange of any core is bound to its generation any more. */
#pragma once

#include "config/config.h"
#include "edge/listener.h"
#include "proxy/plan.h"
#include "upstream/roster.h"

struct router;
struct policy_type;
struct compiled_policy;

struct snapshot {
    struct arena arena;
    struct config *config; /* owned */
    struct router *router;
    const struct listener_conf **listeners; /* by slot, NULL where there is none */
    uint32_t listener_count;                /* slots */
    const struct plan_service *services;    /* as config->services */
    const struct plan *plans;               /* as config->routes */
    uint32_t plan_count;
    struct compiled_policy *policies; /* all that the chains of the plans use */
    struct plan_sticky *stickies;     /* all of the services */
    uint64_t number, hash;
    uint32_t core_count; /* cores that may still be bound to it; control thread only */
};

struct world_conf {
    struct config *config;                         /* owned by the snapshot after OK */
    const struct policy_type *const *policy_types; /* as the kinds given to config_load */
    uint32_t policy_count;
    struct roster *roster;
    struct registry *registry;
    const uint32_t *slots; /* of config->listeners, one each */
    uint32_t slot_count;
    uint64_t number;
};

/* Compiles. Services, clusters and their updates are made in the roster on the way; they change
 * nothing before publication. ERR_MEMORY, ERR_CONFIG (verified configurations never give it). */
MUST_USE enum err world_compile(const struct world_conf *conf, struct snapshot **out);
void world_free(struct snapshot *snapshot);

/* For config_opts.verify, with ctx a struct world_policies: reports patterns, rewrites, routes and
 * policies that cannot be compiled, and routes that can never match. */
struct world_policies {
    const struct policy_type *const *types;
    uint32_t count;
};
void world_verify(void *ctx, const struct config *config, struct diags *diags);

/* On a core: the last exchange of a retired generation has ended. */
void world_on_generation_idle(struct core *core, struct generation *generation);
