/* instance.h - the life of an instance: what is known of it, and the one state that follows.
 * Those who learn something tell it as a fact of its own (health, ejection, share, what an operator
 * said, what the instance said of itself). The state is derived, never set, and becomes the weight
 * and the bars of the endpoint: a pick reads one word. Every change of state has a reason; the last
 * ones are kept as a time line, counted and logged once. All functions: control thread only. */
#pragma once

#include "base/str.h"

struct origin;
struct instance_group;

enum instance_state {
    INSTANCE_ACTIVE,
    INSTANCE_WARMING,     /* its share grows to what its weight says */
    INSTANCE_DRAINING,    /* no new clients; those that are bound to it stay */
    INSTANCE_EJECTED,     /* taken out for a while: it failed or was slow */
    INSTANCE_DOWN,        /* its health checks say so */
    INSTANCE_MAINTENANCE, /* nobody at all, said an operator */
    INSTANCE_STATE_COUNT
};

/* Whose news it was; also a label of the metric of transitions. */
enum instance_source {
    INSTANCE_BY_DISCOVERY, /* listed, or weighted by the file */
    INSTANCE_BY_HEALTH,
    INSTANCE_BY_OUTLIER,
    INSTANCE_BY_OPERATOR,
    INSTANCE_BY_SIGNAL, /* the instance itself, in a response */
    INSTANCE_BY_AGENT,
    INSTANCE_BY_WARMUP,
    INSTANCE_SOURCE_COUNT
};

enum instance_health { INSTANCE_HEALTH_UNKNOWN, INSTANCE_HEALTH_UP, INSTANCE_HEALTH_DOWN };
enum instance_admin { INSTANCE_ADMIN_READY, INSTANCE_ADMIN_DRAIN, INSTANCE_ADMIN_MAINT };

enum { INSTANCE_MOMENTS = 16, INSTANCE_REASON_BYTES = 80, INSTANCE_SHARE_ONE = 256 };

/* A text that was cut to fit. */
struct instance_reason {
    char at[INSTANCE_REASON_BYTES];
    uint8_t len;
};

/* One entry of the time line. */
struct instance_moment {
    int64_t wall_us;
    uint8_t state, source; /* enum instance_state, enum instance_source */
    struct instance_reason reason;
};

/* The part of an origin that is about its life. All-zero is an active instance of weight 0 whose
 * changes are told to nobody. */
struct instance {
    struct instance_group *group; /* NULL: no metrics, no log (tests of other things) */
    uint32_t weight, admin_weight;
    uint16_t withheld[INSTANCE_SOURCE_COUNT]; /* INSTANCE_SHARE_ONE minus the share, by source */
    uint8_t state, health, admin;
    uint8_t priority;
    bool is_local; /* in the zone of this process */
    bool has_admin_weight, is_told_to_drain, is_ejected, is_listed;
    bool is_warming;  /* is getting its whole share back, whatever else it is */
    bool is_in_panic; /* it is used although it is down or ejected: so few are left */
    int64_t ejected_until_ms, warming_from_ms; /* loop time */
    uint32_t warming_answers, warming_failures; /* its tally when it began */
    struct instance_reason reasons[INSTANCE_SOURCE_COUNT];
    struct instance_moment moments[INSTANCE_MOMENTS]; /* a ring */
    uint32_t moment_count;                            /* ever noted */
    uint32_t cell_state;
};

/* "active", "warming", ...; "health", "operator", ... */
const char *instance_state_text(enum instance_state state);
const char *instance_source_text(enum instance_source source);
static inline struct str instance_reason_str(const struct instance_reason *reason)
{
    return str_of(reason->at, reason->len);
}

/* Discovery lists the instance with this weight (again), or no longer. */
void instance_list(struct origin *origin, uint32_t weight);
/* Where it belongs, with the set that is published next. */
void instance_place(struct origin *origin, uint32_t priority, bool is_local);
void instance_unlist(struct origin *origin);
/* What active checks say. */
void instance_set_health(struct origin *origin, enum instance_health health, struct str reason);
/* Takes it out until `until_ms` of the loop's clock, or ends that early. */
void instance_eject(struct origin *origin, int64_t until_ms, struct str reason);
void instance_readmit(struct origin *origin, struct str reason);
/* The share of its weight that `source` leaves to it, 0 to INSTANCE_SHARE_ONE; the shares of all
 * sources are multiplied. 0 drains it. */
void instance_set_share(struct origin *origin, enum instance_source source, uint32_t share,
                        struct str reason);
/* What an operator said, until it is said otherwise. */
struct instance_order {
    uint8_t admin; /* enum instance_admin */
    bool has_weight;
    uint32_t weight; /* instead of the file's */
    struct str reason;
};
void instance_set_admin(struct origin *origin, const struct instance_order *order);
/* The instance asked for it in a response. */
void instance_set_signal(struct origin *origin, bool drains, struct str reason);

/* Weight and bars as the facts say; for instance_group.h, which knows some of them. */
void instance_apply(struct origin *origin);

/* The latest entry of the time line, and older ones by `age`; NULL beyond its beginning. */
const struct instance_moment *instance_moment(const struct instance *instance, uint32_t age);
/* The share of its weight that it gets just now, of INSTANCE_SHARE_ONE. */
uint32_t instance_share(const struct instance *instance);
/* Its weight by file or operator. */
uint32_t instance_weight(const struct instance *instance);
