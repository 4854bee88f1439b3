/* budget.c - how many retries a service may have; see budget.h. */
#include "upstream/budget.h"

void budget_init(struct budget *budget, int64_t now_ms)
{
    int64_t before_ms = now_ms - (int64_t)BUDGET_SECONDS * 1000;
    *budget = (struct budget){.next = 0};
    for (int i = 0; i < BUDGET_SECONDS; i++) {
        budget->moments[i].at_ms = before_ms;
    }
    atomic_store_explicit(&budget->old_ms, before_ms, memory_order_relaxed);
}

void budget_tick(struct budget *budget, uint64_t requests, int64_t now_ms)
{
    struct budget_moment *oldest = &budget->moments[budget->next];
    atomic_store_explicit(&budget->old_requests, oldest->requests, memory_order_relaxed);
    atomic_store_explicit(&budget->old_retries, oldest->retries, memory_order_relaxed);
    atomic_store_explicit(&budget->old_ms, oldest->at_ms, memory_order_relaxed);
    *oldest = (struct budget_moment){
        .requests = requests,
        .retries = atomic_load_explicit(&budget->retries, memory_order_relaxed),
        .at_ms = now_ms};
    budget->next = (budget->next + 1) % BUDGET_SECONDS;
}

bool budget_spend(struct budget *budget, const struct budget_rules *rules, uint64_t requests,
                  int64_t now_ms)
{
    uint64_t retries = atomic_load_explicit(&budget->retries, memory_order_relaxed);
    uint64_t old_requests = atomic_load_explicit(&budget->old_requests, memory_order_relaxed);
    uint64_t old_retries = atomic_load_explicit(&budget->old_retries, memory_order_relaxed);
    int64_t old_ms = atomic_load_explicit(&budget->old_ms, memory_order_relaxed);
    int64_t earned = (int64_t)(requests - old_requests) * rules->percent * 10 +
                     (now_ms - old_ms) * rules->floor_each; /* thousandths of a retry */
    do {
        int64_t spent = (int64_t)(retries + 1 - old_retries) * 1000;
        if (rules->percent >= 0 && spent > earned) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&budget->retries, &retries, retries + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    return true;
}
