#include "upstream/endpoint.h"

#include "test.h"

#include <pthread.h>

enum { THREADS = 4, ROUNDS = 50000 };

TEST(an_endpoint_without_anything_set_is_not_usable_and_has_no_ceiling)
{
    struct endpoint endpoint = {0};
    WANT(!endpoint_is_usable(&endpoint));
    WANT(!endpoint_is_full(&endpoint));
    WANT(endpoint_try_begin(&endpoint));
    endpoint_end(&endpoint);
}

TEST(every_bar_must_be_lifted)
{
    struct endpoint endpoint = {0};
    endpoint_set_weight(&endpoint, 1, ENDPOINT_WEIGHT_ONE);
    WANT(endpoint_is_usable(&endpoint));
    endpoint_bar(&endpoint, ENDPOINT_BAR_HEALTH);
    endpoint_bar(&endpoint, ENDPOINT_BAR_DRAINED);
    endpoint_bar(&endpoint, ENDPOINT_BAR_HEALTH);
    endpoint_unbar(&endpoint, ENDPOINT_BAR_HEALTH);
    WANT(!endpoint_is_usable(&endpoint));
    endpoint_unbar(&endpoint, ENDPOINT_BAR_DRAINED);
    WANT(endpoint_is_usable(&endpoint));
}

TEST(warming_up_scales_a_weight_but_never_to_nothing)
{
    struct endpoint endpoint = {0};
    static const struct {
        uint32_t weight, warmth, units;
    } rows[] = {
        {1, 256, 256},
        {1, 128, 128},
        {1, 1, 1},
        {1, 0, 1},
        {0, 256, 0},
        {0, 0, 0},
        {ENDPOINT_WEIGHT_MAX, 256, 256000000},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        endpoint_set_weight(&endpoint, rows[i].weight, rows[i].warmth);
        WANT_INT(endpoint_weight_units(&endpoint), rows[i].units);
    }
}

TEST(a_ceiling_below_what_is_in_flight_refuses_until_enough_have_ended)
{
    struct endpoint endpoint = {0};
    WANT(endpoint_try_begin(&endpoint));
    WANT(endpoint_try_begin(&endpoint));
    endpoint_set_ceiling(&endpoint, 1);
    WANT(endpoint_is_full(&endpoint));
    WANT(!endpoint_try_begin(&endpoint));
    endpoint_end(&endpoint);
    WANT(!endpoint_try_begin(&endpoint));
    endpoint_end(&endpoint);
    WANT(endpoint_try_begin(&endpoint));
    WANT_INT(endpoint_in_flight(&endpoint), 1);
}

struct crowd {
    struct endpoint endpoint;
    _Atomic uint32_t inside, inside_max;
};

static void *crowd_run(void *context)
{
    struct crowd *crowd = context;
    for (int i = 0; i < ROUNDS; i++) {
        if (!endpoint_try_begin(&crowd->endpoint)) {
            continue;
        }
        uint32_t inside = atomic_fetch_add(&crowd->inside, 1) + 1;
        uint32_t most = atomic_load(&crowd->inside_max);
        while (inside > most && !atomic_compare_exchange_weak(&crowd->inside_max, &most, inside)) {
        }
        atomic_fetch_sub(&crowd->inside, 1);
        endpoint_end(&crowd->endpoint);
    }
    return NULL;
}

TEST(a_ceiling_holds_exactly_over_threads)
{
    static struct crowd crowd;
    pthread_t threads[THREADS];
    endpoint_set_ceiling(&crowd.endpoint, 2);
    for (int i = 0; i < THREADS; i++) {
        WANT_INT(pthread_create(&threads[i], NULL, crowd_run, &crowd), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        WANT_INT(pthread_join(threads[i], NULL), 0);
    }
    WANT(atomic_load(&crowd.inside_max) <= 2);
    WANT_INT(endpoint_in_flight(&crowd.endpoint), 0);
}

TEST(bars_are_set_at_once_and_what_discovery_said_stays)
{
    struct endpoint endpoint = {0};
    endpoint_set_weight(&endpoint, 2, ENDPOINT_WEIGHT_ONE);
    endpoint_bar(&endpoint, ENDPOINT_BAR_REMOVED);
    endpoint_set_bars(&endpoint, ENDPOINT_BAR_DRAINED | ENDPOINT_BAR_MAINTENANCE);
    WANT(!endpoint_takes_bound(&endpoint));
    endpoint_set_bars(&endpoint, ENDPOINT_BAR_DRAINED);
    WANT(!endpoint_takes_bound(&endpoint));
    endpoint_unbar(&endpoint, ENDPOINT_BAR_REMOVED);
    WANT(endpoint_takes_bound(&endpoint));
    WANT(!endpoint_is_usable(&endpoint));
    endpoint_set_bars(&endpoint, 0);
    WANT_INT(endpoint_weight_units(&endpoint), 2 * ENDPOINT_WEIGHT_ONE);
}
