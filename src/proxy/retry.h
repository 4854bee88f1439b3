/* retry.h - another attempt: decided by retry_rules.h and the budget of the service, carried out on
 * an exchange. The slot of the instance is free while an exchange pauses; instances that were tried
 * are left out, until all of them were. */
#pragma once

#include "proxy/retry_rules.h"

struct exchange;
struct head;

/* The attempt has failed without an answer, and was noted. True: another one is under way, or will
 * be after a pause. False: the exchange is to fail. */
MUST_USE bool retry_failure(struct exchange *ex, enum conf_retry_on what, enum err why);
/* The attempt was answered with a status of 400 or more. True: the answer is dropped and another
 * attempt comes; `rest` is what followed the head. False: it is to be passed on. */
MUST_USE bool retry_answer(struct exchange *ex, const struct head *head, struct str rest);
/* All instances were tried. True: they will be tried again, after a pause. */
MUST_USE bool retry_all_tried(struct exchange *ex);
/* The exchange's timer rang while it pauses. */
void retry_on_pause_over(struct exchange *ex);
/* When the present attempt must have its response head, loop time; INT64_MAX: no limit of its own.
 * *is_soft: only because another attempt is possible. */
int64_t retry_try_until(const struct exchange *ex, bool *is_soft);
/* Whether what is read of the request body is worth keeping. */
bool retry_keeps_body(const struct exchange *ex);
