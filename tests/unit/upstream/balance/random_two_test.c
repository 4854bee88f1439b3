#include "upstream/balance.h"

#include "balance_kit.h"
#include "test.h"

TEST(of_two_the_better_one_is_always_picked)
{
    struct fleet fleet;
    fleet_open(&fleet, "random_two", 2, NULL);
    WANT(endpoint_try_begin(fleet.list[1]));
    for (int i = 0; i < 1000; i++) {
        WANT_INT(fleet_pick(&fleet), 0);
        endpoint_end(fleet.list[0]);
    }
    fleet_close(&fleet);
}

TEST(the_busiest_of_many_is_never_picked)
{
    struct fleet fleet;
    uint32_t counts[20];
    fleet_open(&fleet, "random_two", 20, NULL);
    WANT(endpoint_try_begin(fleet.list[7]));
    fleet_count(&fleet, 20000, counts);
    WANT_INT(counts[7], 0);
    fleet_close(&fleet);
}

TEST(idle_endpoints_are_drawn_evenly)
{
    struct fleet fleet;
    uint32_t counts[1000];
    fleet_open(&fleet, "random_two", 1000, NULL);
    fleet_count(&fleet, 1000000, counts);
    for (int i = 0; i < 1000; i++) {
        WANT(counts[i] > 850 && counts[i] < 1150);
    }
    fleet_close(&fleet);
}
