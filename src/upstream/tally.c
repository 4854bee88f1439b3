/* tally.c - adding up what cores have counted; see tally.h. A sum is no moment's picture: a core
 * may count while another one's numbers are read. Who reads often does not mind. */
#include "upstream/tally.h"

#include "upstream/origin.h"

struct tally_sum tally_read(const struct origin *origin, uint32_t core_count)
{
    struct tally_sum sum = {0};
    for (uint32_t i = 0; i < core_count; i++) {
        const struct tally *tally = &origin->pools[i].tally;
        for (uint32_t j = 0; j < TALLY_OUTCOMES; j++) {
            sum.counts[j] += atomic_load_explicit(&tally->counts[j], memory_order_relaxed);
        }
        sum.failures_in_row += atomic_load_explicit(&tally->failures_in_row, memory_order_relaxed);
        sum.ttfb_log_sum += atomic_load_explicit(&tally->ttfb_log_sum, memory_order_relaxed);
    }
    return sum;
}

uint32_t tally_answers(const struct tally_sum *sum)
{
    return sum->counts[TALLY_ANSWERED] + sum->counts[TALLY_FAILED_SERVER] +
           sum->counts[TALLY_FAILED_GATEWAY] + sum->counts[TALLY_OVERLOADED];
}

uint32_t tally_failures(const struct tally_sum *sum)
{
    return sum->counts[TALLY_FAILED_SERVER] + sum->counts[TALLY_FAILED_GATEWAY] +
           sum->counts[TALLY_FAILED_LOCAL];
}
