#include "upstream/balance/method.h"

#include "test.h"

TEST(the_table_is_exact)
{
    for (int i = 1; i < BALANCE_LOGS; i++) {
        double error = balance_log2[i] - log2(i);
        WANT(error < 1e-15 && error > -1e-15);
    }
    WANT(balance_log2[0] == 0);
}

TEST(the_fast_logarithm_is_close_and_in_order)
{
    double before = -1;
    for (int i = 1; i < 100000; i++) {
        double log = log2_fast(i), error = log - log2(i);
        WANT(log > before);
        WANT(error > -0.09 && error <= 1e-12);
        before = log;
    }
    WANT(log2_fast(256) == 8);
    WANT(log2_fast(0.5) == -1);
}
