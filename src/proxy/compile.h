/* compile.h - the parts of compiling a snapshot: rules, actions and chains, one route at a time.
 * For world.c, which keeps what comes out; for verify.c, which only wants to know that it would;
 * and for whoever asks what would be done with one request. */
#pragma once

#include "base/map.h"
#include "proxy/world.h"
#include "route/rule.h"

/* The rules of every route, their value the entry of `plans` (may be NULL); ERR_MEMORY. */
MUST_USE enum err compile_rules(struct arena *arena, const struct config *config,
                                const struct plan *plans, struct route_rule **out);
/* Rewrite, redirect and fixed response of one route. ERR_SYNTAX: *fault names what is wrong. */
MUST_USE enum err compile_action(struct arena *arena, const struct conf_route *route,
                                 struct plan *plan, const char **fault);
/* A policy as it is written in one place, compiled once however many routes it reaches. */
struct compiled_policy {
    struct compiled_policy *next;
    const struct policy_type *type;
    const void *conf, *compiled; /* conf: by which it is found again */
    enum err error;              /* OK, or why there is nothing compiled */
};

/* What chains are made of; lives until the last of them is made. */
struct compile_chain {
    struct arena *arena;
    const struct world_policies *policies;
    struct diags *diags;                /* may be NULL */
    struct map by_conf;                 /* of compiled policies; map_init by the caller */
    struct compiled_policy **compiled; /* the list that owns them, newest first */
};
/* The chain of one route. ERR_CONFIG: `diags` says of which policy, once. ERR_MEMORY. */
MUST_USE enum err compile_chain(struct compile_chain *conf, const struct conf_route *route,
                                struct chain *out);
/* Lets policies give back what they hold outside the arena, and empties the list. */
void compile_drop_policies(struct compiled_policy **compiled);
/* A fixed answer. ERR_MEMORY. */
MUST_USE enum err compile_respond(struct arena *arena, const struct conf_respond *from,
                                  struct plan *plan);
/* Settings of one listener, without its series. */
void compile_listener(const struct conf_listener *from, struct listener_conf *to);
/* The method of a service, and what it is told besides. */
const struct balance_type *compile_method(const struct conf_balance *from);
struct balance_options compile_balance(const struct conf_balance *from);
/* One service without its run-time objects: those of the service and of *versions stay NULL.
 * ERR_MEMORY. */
MUST_USE enum err compile_service(struct arena *arena, const struct conf_service *from,
                                  struct plan_service *to, struct plan_version **versions);
/* How instances of the service come back, and when their health is believed. */
struct instance_conf compile_life(const struct conf_service *from);
/* Canonical form of paths of this configuration's listeners. */
struct uri_rules compile_uri_rules(const struct config *config);
/* Rules of passive detection; without a window when it is off. */
struct outlier_conf compile_eject(const struct conf_eject *from);
/* The same of a breaker. */
struct breaker_conf compile_breaker(const struct conf_breaker *from);
