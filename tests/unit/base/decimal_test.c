#include "base/decimal.h"
#include "base/str.h"
#include "test.h"

#include <inttypes.h>

static bool is_right(uint64_t value)
{
    char got[DECIMAL_BYTES_MAX], wanted[32];
    size_t len = (size_t)(decimal_put(got, value) - got);
    (void)snprintf(wanted, sizeof wanted, "%" PRIu64, value);
    return str_eq(str_of(got, len), str_from_c(wanted)) && decimal_digits(value) == len;
}

TEST(numbers_are_written_as_printf_does)
{
    for (uint64_t value = 0; value < 200000; value++) {
        if (!is_right(value)) {
            WANT_INT(value, -1);
            return;
        }
    }
}

TEST(the_edges_of_every_length_and_of_every_bit_are_right)
{
    for (uint64_t power = 1; power <= UINT64_MAX / 10; power *= 10) {
        WANT(is_right(power - 1) && is_right(power) && is_right(power + 1));
    }
    for (unsigned bit = 0; bit < 64; bit++) {
        WANT(is_right((UINT64_C(1) << bit) - 1) && is_right(UINT64_C(1) << bit));
    }
    WANT(is_right(UINT64_MAX) && is_right(UINT64_C(10000000000000000000)));
}
