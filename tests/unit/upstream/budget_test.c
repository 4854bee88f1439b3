#include "test.h"
#include "upstream/budget.h"

#include <pthread.h>

static const struct budget_rules rules = {.percent = 20, .floor_each = 3};

static uint32_t spend_all(struct budget *budget, const struct budget_rules *by, uint64_t requests,
                          int64_t now_ms)
{
    uint32_t count = 0;
    while (count < 100000 && budget_spend(budget, by, requests, now_ms)) {
        count++;
    }
    return count;
}

TEST(at_the_start_there_is_what_the_floor_gives_in_ten_seconds)
{
    struct budget budget;
    budget_init(&budget, 5000);
    WANT_INT(spend_all(&budget, &rules, 0, 5000), 30);
    WANT_INT(spend_all(&budget, &rules, 0, 5333), 0);
    WANT_INT(spend_all(&budget, &rules, 0, 5334), 1);
}

TEST(requests_earn_their_share)
{
    struct budget budget;
    budget_init(&budget, 0);
    WANT_INT(spend_all(&budget, &rules, 1000, 0), 230);
    WANT_INT(spend_all(&budget, &rules, 1004, 0), 0);
    WANT_INT(spend_all(&budget, &rules, 1005, 0), 1);
}

TEST(what_was_earned_and_not_spent_is_lost_after_ten_seconds)
{
    struct budget budget;
    budget_init(&budget, 0);
    for (int64_t s = 1; s <= 40; s++) {
        budget_tick(&budget, (uint64_t)s * 100, s * 1000);
    }
    /* Ten seconds of 100 requests each, and the floor. */
    WANT_INT(spend_all(&budget, &rules, 4000, 40000), 230);
    /* An hour of silence: nothing but the floor is left. */
    for (int64_t s = 41; s <= 3640; s++) {
        budget_tick(&budget, 4000, s * 1000);
    }
    WANT_INT(spend_all(&budget, &rules, 4000, 3640000), 30);
}

TEST(in_the_long_run_retries_are_a_fifth_and_the_floor)
{
    struct budget budget;
    uint32_t retries = 0;
    budget_init(&budget, 0);
    for (int64_t ms = 1; ms <= 100000; ms++) {
        uint64_t requests = (uint64_t)ms; /* 1,000 in each second, all of them fail */
        retries += budget_spend(&budget, &rules, requests, ms);
        if (ms % 1000 == 0) {
            budget_tick(&budget, requests, ms);
        }
    }
    WANT(retries <= 20000 + 300 + 30);
    WANT(retries >= 20000);
}

TEST(without_a_share_only_the_floor_counts_and_off_is_no_bound)
{
    struct budget budget;
    const struct budget_rules none = {.percent = 0, .floor_each = 0}, off = {.percent = -1};
    budget_init(&budget, 0);
    WANT(!budget_spend(&budget, &none, 1000000, 1000000));
    WANT_INT(spend_all(&budget, &off, 0, 0), 100000);
    /* And what was granted without bound does not bar others for longer than ten seconds. */
    WANT(!budget_spend(&budget, &rules, 0, 0));
    for (int64_t s = 1; s <= 12; s++) {
        budget_tick(&budget, 0, s * 1000);
    }
    WANT_INT(spend_all(&budget, &rules, 0, 12000), 30);
}

enum { THREADS = 4 };
static struct budget shared;
static uint32_t granted[THREADS];

static void *spend_in_thread(void *at)
{
    uint32_t *count = at;
    for (int i = 0; i < 100000; i++) {
        *count += budget_spend(&shared, &rules, 10000, 0);
    }
    return NULL;
}

TEST(over_all_threads_not_one_too_many_is_granted)
{
    pthread_t threads[THREADS];
    uint32_t sum = 0;
    budget_init(&shared, 0);
    for (int i = 0; i < THREADS; i++) {
        WANT_INT(pthread_create(&threads[i], NULL, spend_in_thread, &granted[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += granted[i];
    }
    WANT_INT(sum, 2030);
}
