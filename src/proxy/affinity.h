/* affinity.h - clients that stay with their instance by a cookie: sealed (text/seal.h), so it needs
 * no table, survives a restart, and another process with the same secret understands it.
 *
 * A cookie that is malformed, forged, expired or of another service, secret or epoch is no cookie,
 * never an error. A draining instance keeps its clients, also in a version that is drained; one
 * that is down, ejected, in maintenance or gone does not: another is picked, and the cookie is
 * given anew. One that is at its ceiling lends its client to another; the cookie stays. */
#pragma once

#include "proxy/plan.h"
#include "text/seal.h"

struct conf_service;

/* Compiled `sticky` of a service. */
struct plan_sticky {
    struct str cookie;
    int64_t ttl_s;
    uint32_t epoch;
    struct seal *seal;        /* owned: affinity_drop */
    struct plan_sticky *next; /* in the snapshot */
};

/* Compiles for cores 0 to core_count - 1, and puts it on the list. *out stays NULL when the service
 * has none. ERR_MEMORY. */
MUST_USE enum err affinity_compile(struct arena *arena, const struct conf_service *from,
                                   uint32_t core_count, struct plan_sticky **list,
                                   const struct plan_sticky **out);
/* Gives back what the arena does not. */
void affinity_drop(struct plan_sticky *list);

/* Before a version is chosen, once: reads the cookie, takes it out of the request, and chooses the
 * version of the instance that it names (ex->cluster). A version of weight 0 is chosen only while
 * that instance drains too. ERR_MEMORY. */
MUST_USE enum err affinity_read(struct exchange *ex, const struct plan_service *to);
/* Who ex->bound_id names in its cluster just now; NULL: nobody. */
const struct endpoint *affinity_bound(const struct exchange *ex);
/* On the response of an instance: adds the cookie when the client has none that is good for it, or
 * one that is half used up. ERR_MEMORY, ERR_IO. */
MUST_USE enum err affinity_issue(struct exchange *ex, const struct plan_sticky *sticky);
