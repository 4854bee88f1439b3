/* door.h - one core with one listener's settings and a conductor that a test plays, for tests of
 * edge/: what the conductor was handed is noted, answers are sent as the test says. */
#pragma once

#include "edge/listener.h"
#include "edge/session.h"
#include "pair.h"
#include "stats/stats.h"
#include "test.h"

enum { DOOR_HEAD_MS = 40, DOOR_IDLE_MS = 60 };

struct door {
    struct core core;
    struct stats stats;
    struct generation generation;
    struct listener_conf conf;
    const struct listener_conf *confs[1];
    struct listener listener;
    /* What the conductor was told. */
    struct exchange *ex; /* handed over and not ended */
    enum err e;
    unsigned heads, lost, client_ready, idle_generations;
    int64_t timer_ms; /* what on_client_timer answers, from now */
    unsigned timers;
};

void door_open(struct door *door);
/* Wants every slab to be given back. */
void door_close(struct door *door);
/* A client; its end is pair->far. */
void door_client(struct door *door, struct pair *pair);
/* Turns the loop for about so long. */
void door_run_ms(struct door *door, int64_t ms);
/* Answers the exchange that was handed over and ends it. */
void door_answer(struct door *door, const char *text);
/* Says it and turns. */
void door_say(struct door *door, struct pair *pair, const char *text);
/* The session opened last. */
struct session *door_session(const struct door *door);
