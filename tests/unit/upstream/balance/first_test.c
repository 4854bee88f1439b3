#include "upstream/balance.h"

#include "balance_kit.h"
#include "test.h"

TEST(the_first_gets_all_until_it_is_full)
{
    struct fleet fleet;
    fleet_open(&fleet, "first", 3, NULL);
    for (int i = 0; i < 3; i++) {
        endpoint_set_ceiling(fleet.list[i], 4);
    }
    for (int i = 0; i < 12; i++) {
        WANT_INT(fleet_pick(&fleet), i / 4);
    }
    WANT_INT(fleet_pick(&fleet), -1);
    endpoint_end(fleet.list[1]);
    WANT_INT(fleet_pick(&fleet), 1);
    fleet_close(&fleet);
}

TEST(one_that_is_down_is_passed_over)
{
    struct fleet fleet;
    fleet_open(&fleet, "first", 3, NULL);
    endpoint_bar(fleet.list[0], ENDPOINT_BAR_HEALTH);
    WANT_INT(fleet_pick(&fleet), 1);
    endpoint_unbar(fleet.list[0], ENDPOINT_BAR_HEALTH);
    WANT_INT(fleet_pick(&fleet), 0);
    fleet_close(&fleet);
}
