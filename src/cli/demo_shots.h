/* demo_shots.h - a request for each route of a configuration, and a count of who answered them:
 * what the example tells people to try, and what it sends when it drives itself. */
#pragma once

#include "cli/demo_origin.h"
#include "config/config.h"

#include <stdio.h>

/* One request that a route takes, and what the file says of its answer. */
struct shot {
    const struct conf_route *route;
    struct str method, url_path; /* path with query */
    struct str host;             /* empty: any */
    struct str bytes;            /* the whole request */
    const struct conf_pair *fields;
    uint32_t field_count;
    uint32_t sent, answered, refused; /* refused: not answered as the file says */
    struct str fault;                 /* the first of those */
    uint32_t *by_instance;            /* how often each instance answered */
};

struct shots {
    struct arena arena;
    const struct config *config;
    struct demo_instance *instances;
    uint32_t instance_count;
    struct shot *at;
    uint32_t count;
    uint32_t skipped; /* routes that no request could be made for (patterns) */
};

/* Works out instances (every address of the file) and requests. shots_drop in any case. ERR_RANGE:
 * more instances than can be played, or names instead of addresses. ERR_MEMORY. */
MUST_USE enum err shots_init(struct shots *shots, const struct config *config);
void shots_drop(struct shots *shots);
/* Counts one answer of an instance or of the gateway itself. */
void shot_count(struct shots *shots, struct shot *shot, uint16_t status, struct str body);
/* Prints who answered how often; true when every answer and every share is what the file says. */
MUST_USE bool shots_report(const struct shots *shots, FILE *out);
