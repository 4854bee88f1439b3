/* life.h - the conductor: the only place that knows the whole way of an exchange, stop by stop.
 * Each stop is one function on which to set a breakpoint; states.def says which may follow which.
 *   life.c     head, route, policies, pick, and every way to an end
 *   attempt.c  one try at one instance: send, await, classify, replay
 *   retry.c    whether and when there is another try
 *   respond.c  response heads, of origins and our own
 *   finish.c   the record: log, counters, connections back to where they belong */
#pragma once

#include "edge/session.h"
#include "proxy/plan.h"
#include "proxy/relay.h"
#include "upstream/conn.h"

struct route_scratch;

extern const struct conductor life_conductor;

/* life.c: does what the plan of the exchange says. */
void life_act(struct exchange *ex);
/* life.c: version and instance; leads to attempt_start, the line of those who wait, or a reply. */
void life_pick(struct exchange *ex);
/* life.c: the exchange cannot go on: a reply when none has begun, else the connection is cut. */
void life_fail(struct exchange *ex, enum err why);

/* attempt.c: the exchange holds a slot of ex->origin: connect or reuse, then send. */
void attempt_start(struct exchange *ex);
void attempt_on_connected(struct exchange *ex, enum err e);
void attempt_on_origin_ready(struct exchange *ex, unsigned ready);
void attempt_on_timer(struct exchange *ex);
/* attempt.c: time is up; when it was the instance's turn, that counts against it. */
void attempt_blame(struct exchange *ex, enum err why);
/* attempt.c: a fresh connection to ex->origin, whose slot the exchange holds. */
void attempt_connect(struct exchange *ex);
/* attempt.c: the attempt has failed without an answer: counts it against the instance, and writes
 * it down. */
void attempt_note_failure(struct exchange *ex, enum err why);
/* attempt.c: writes down what became of the attempt; status 0: it was not answered. */
void attempt_record(struct exchange *ex, enum err why, uint16_t status);
/* attempt.c: moves request body bytes; also when the client became readable. */
void attempt_send_body(struct exchange *ex);
/* attempt.c: gives connection and slot up; the connection is kept when it is clean. */
void attempt_end(struct exchange *ex, bool is_conn_clean);

/* respond.c: the origin's final head is in ex->response; pending is what followed it. */
void respond_start(struct exchange *ex, struct str pending);
/* respond.c: an interim response (1xx) is passed on. */
enum err respond_interim(struct exchange *ex, const struct head *head);
/* respond.c: goes on sending, whichever side became ready. */
void respond_continue(struct exchange *ex);
/* respond.c: sends the reply that was set with reply.h. */
void respond_own(struct exchange *ex);

/* finish.c: writes the record and hands the connection back to the session. */
void finish(struct exchange *ex);
/* finish.c: the same, but the client's connection is cut. */
void finish_cut(struct exchange *ex, bool is_reset);
