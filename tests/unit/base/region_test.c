#include "base/region.h"
#include "base/str.h"
#include "test.h"

TEST(a_region_is_zeroed_and_writable_at_both_ends)
{
    enum { BYTES = 1 << 30 };
    unsigned char *at = region_reserve(BYTES);
    WANT(at != NULL);
    if (at == NULL) {
        return;
    }
    WANT_INT(at[0], 0);
    WANT_INT(at[BYTES - 1], 0);
    at[0] = at[BYTES - 1] = 1;
    region_release(at, BYTES);
    region_release(NULL, BYTES);
}

TEST(more_than_the_address_space_is_refused)
{
    void *at = region_reserve(SIZE_MAX / 2);
    WANT(at == NULL);
}
