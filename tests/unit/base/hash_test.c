#include "base/hash.h"
#include "test.h"

TEST(siphash_gives_the_published_vectors)
{
    /* Aumasson and Bernstein, "SipHash: a fast short-input PRF", appendix A. */
    uint8_t key[16];
    char input[15];
    for (uint8_t i = 0; i < 16; i++) {
        key[i] = i;
    }
    for (int i = 0; i < 15; i++) {
        input[i] = (char)i;
    }
    WANT(hash_sip(key, str_of(input, 15)) == UINT64_C(0xa129ca6149be45e5));
}

TEST(the_stable_hash_is_the_same_in_every_process)
{
    WANT(hash_stable(STR(""), 0) == UINT64_C(0x2d06800538d394c2));
    WANT(hash_stable(STR("a"), 1) != hash_stable(STR("a"), 2));
}
