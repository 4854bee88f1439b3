/* test.h - the whole unit test framework: TEST registers a sentence, WANT checks a claim.
 * Output is TAP, so that Meson counts every test by itself. Constructors are allowed here only. */
#pragma once

#include "base/platform.h"

#include <stdio.h>
#include <string.h>

struct test {
    const char *name;
    void (*run)(void);
    struct test *next;
};

extern struct test *test_first, **test_last;
extern bool test_has_failed;
extern const char *test_skip_reason; /* set by a test that cannot run here */

#define TEST(sentence)                                                                             \
    static void test_##sentence(void);                                                             \
    __attribute__((constructor)) static void test_add_##sentence(void)                             \
    {                                                                                              \
        static struct test self = {#sentence, test_##sentence, NULL};                              \
        *test_last = &self;                                                                        \
        test_last = &self.next;                                                                    \
    }                                                                                              \
    static void test_##sentence(void)

/* Goes on after a failure, so that one run shows them all. */
#define WANT(claim)                                                                                \
    do {                                                                                           \
        if (!(claim)) {                                                                            \
            test_has_failed = true;                                                                \
            printf("# %s:%d: wanted %s\n", __FILE__, __LINE__, #claim);                            \
        }                                                                                          \
    } while (0)
#define WANT_STR(got, wanted)                                                                      \
    do {                                                                                           \
        struct str got_ = (got), wanted_ = (wanted);                                               \
        if (!str_eq(got_, wanted_)) {                                                              \
            test_has_failed = true;                                                                \
            printf("# %s:%d: got \"%.*s\", wanted \"%.*s\"\n", __FILE__, __LINE__, STR_FMT(got_),  \
                   STR_FMT(wanted_));                                                              \
        }                                                                                          \
    } while (0)
#define WANT_INT(got, wanted)                                                                      \
    do {                                                                                           \
        long long got_ = (long long)(got), wanted_ = (long long)(wanted);                          \
        if (got_ != wanted_) {                                                                     \
            test_has_failed = true;                                                                \
            printf("# %s:%d: %s is %lld, wanted %lld\n", __FILE__, __LINE__, #got, got_, wanted_); \
        }                                                                                          \
    } while (0)
/* Leaves the test: what it needs is not on this machine. */
#define SKIP(reason)                                                                               \
    do {                                                                                           \
        test_skip_reason = (reason);                                                               \
        return;                                                                                    \
    } while (0)
