#include "upstream/balance.h"

#include "balance_kit.h"
#include "test.h"

TEST(a_network_keeps_its_instance)
{
    struct fleet fleet;
    struct endpoint *first, *endpoint;
    fleet_open(&fleet, "ip_hash", 10, NULL);
    WANT_INT(fleet.set.type->keyed_by, BALANCE_BY_NETWORK);
    struct balance_ask ask = fleet_ask(&fleet);
    ask.hash = 12345;
    ask.has_hash = true;
    WANT_INT(balance_pick(&fleet.set, &ask, &first), BALANCE_PICKED);
    for (int i = 0; i < 100; i++) {
        WANT_INT(balance_pick(&fleet.set, &ask, &endpoint), BALANCE_PICKED);
        WANT(endpoint == first);
    }
    fleet_close(&fleet);
}
