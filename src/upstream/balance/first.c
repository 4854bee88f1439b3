/* first.c - the first instance in the order of the file that has room: the others stay idle and
 * may be switched off. Room is what `connections` leaves; without a ceiling the first gets all. */
#include "upstream/balance/method.h"

static enum balance_verdict pick(const struct balance_set *set, const struct balance_ask *ask,
                                 struct endpoint **out)
{
    for (uint32_t i = 0; i < set->count; i++) {
        struct endpoint *endpoint = set->endpoints[i];
        if (is_eligible(ask->tried, endpoint) && endpoint_try_begin(endpoint)) {
            *out = endpoint;
            return BALANCE_PICKED;
        }
    }
    return balance_why_none(set, ask->tried);
}

const struct balance_type balance_first = {
    .name = "first",
    .summary = "the first in the order of the file that has room",
    .pick = pick,
};
