#include "base/check.h"
#include "base/ring.h"
#include "test.h"

#include <pthread.h>
#include <sched.h>

TEST(what_is_put_comes_out_in_order_over_the_seam)
{
    struct ring ring;
    CHECK(ring_init(&ring, 16) == OK);
    unsigned char next = 0, wanted = 0;
    for (int round = 0; round < 1000; round++) {
        char bytes[7];
        size_t len = (size_t)(round % 8);
        for (size_t i = 0; i < len; i++) {
            bytes[i] = (char)next++;
        }
        CHECK(ring_put(&ring, str_of(bytes, len)));
        WANT_INT(ring_used(&ring), len);
        while (ring_used(&ring) > 0) {
            struct str seen = ring_peek(&ring, 3);
            WANT(seen.len > 0 && seen.len <= 3);
            for (size_t i = 0; i < seen.len; i++) {
                WANT_INT((unsigned char)seen.at[i], wanted);
                wanted++;
            }
            ring_take(&ring, seen.len);
        }
    }
    ring_drop(&ring);
}

TEST(a_message_that_does_not_fit_is_not_put_at_all)
{
    struct ring ring;
    CHECK(ring_init(&ring, 8) == OK);
    WANT(!ring_put(&ring, STR("123456789")));
    WANT(ring_put(&ring, STR("12345")));
    WANT(!ring_put(&ring, STR("1234")));
    WANT_INT(ring_used(&ring), 5);
    WANT(ring_put(&ring, STR("123")));
    WANT_INT(ring_used(&ring), 8);
    WANT_STR(ring_peek(&ring, 100), STR("12345123"));
    ring_take(&ring, 8);
    WANT_STR(ring_peek(&ring, 100), STR(""));
    WANT(ring_put(&ring, STR("")));
    ring_drop(&ring);
    ring_drop(&ring);
}

enum { MESSAGES = 200000 };

static void *produce(void *arg)
{
    struct ring *ring = arg;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        char bytes[sizeof i];
        memcpy(bytes, &i, sizeof i);
        while (!ring_put(ring, str_of(bytes, sizeof bytes))) {
            (void)sched_yield();
        }
    }
    return NULL;
}

TEST(two_threads_see_every_message_once)
{
    struct ring ring;
    pthread_t thread;
    CHECK(ring_init(&ring, 64) == OK);
    CHECK(pthread_create(&thread, NULL, produce, &ring) == 0);
    for (uint32_t wanted = 0; wanted < MESSAGES;) {
        struct str seen = ring_peek(&ring, sizeof wanted);
        uint32_t got;
        if (seen.len < sizeof got) {
            (void)sched_yield();
            continue;
        }
        memcpy(&got, seen.at, sizeof got);
        if (got != wanted) {
            WANT_INT(got, wanted);
            break;
        }
        ring_take(&ring, sizeof got);
        wanted++;
    }
    CHECK(pthread_join(thread, NULL) == 0);
    ring_drop(&ring);
}
