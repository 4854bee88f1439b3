/* ip_hash.c - the same instance for clients of the same network: maglev's table, and as the key the
 * first 24 bits of an IPv4 address or 56 of an IPv6 one. That is what one household or office has,
 * so a client keeps its instance when the rest of its address changes (privacy extensions, pools
 * of a carrier). Who wants the whole address takes maglev. */
#include "upstream/balance/hashed.h"

static enum balance_verdict pick(const struct balance_set *set, const struct balance_ask *ask,
                                 struct endpoint **out)
{
    return hashed_pick(set, ask, maglev_lookup, out);
}

const struct balance_type balance_ip_hash = {
    .name = "ip_hash",
    .summary = "the same instance for the same client network (/24 of IPv4, /56 of IPv6)",
    .keyed_by = BALANCE_BY_NETWORK,
    .is_weighed_at_init = true,
    .init = maglev_build,
    .pick = pick,
};
