/* checks.c - from what is published to what is checked; see checks.h. */
#include "control/checks.h"

static void tell_cluster(struct health *health, const struct balance_set *set,
                         const struct conf_health *conf)
{
    for (uint32_t i = 0; set != NULL && i < set->count; i++) {
        health_want(health, origin_of(set->endpoints[i]), conf);
    }
}

void checks_tell(struct health *health, struct roster *roster, const struct snapshot *snapshot)
{
    const struct config *config = snapshot->config;
    health_begin(health);
    for (uint32_t i = 0; i < config->services.count; i++) {
        const struct plan_service *service = &snapshot->services[i];
        for (uint32_t j = 0; j < service->version_count; j++) {
            if (config->services.at[i].health.kind != CONF_HEALTH_NONE) {
                tell_cluster(health, roster_set_of(roster, service->versions[j].cluster),
                             &config->services.at[i].health);
            }
        }
    }
    health_end(health);
}
