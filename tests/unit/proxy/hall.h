/* hall.h - a whole gateway without threads, for tests of proxy/: one or two real workers whose loops
 * the test turns by hand, a world compiled from YAML text, clients over real sockets, and origins
 * that the test plays byte by byte. What was taken has to be back when it closes. */
#pragma once

#include "base/check.h"
#include "exchange/policy.h"
#include "pair.h"
#include "proxy/worker.h"
#include "stats/registry.h"
#include "test.h"

enum { HALL_ORIGINS = 3, HALL_CORES_MAX = 2, HALL_HEARD_MAX = 4 << 20 };

/* One end of a connection that the test plays: a client, or an origin. */
struct peer {
    int fd; /* -1: none */
    char *heard;
    size_t heard_len;
    bool has_ended, is_reset;
};

/* What the policy "pause" does; a test sets it. */
struct hall_pause {
    bool waits;           /* on_request: VERDICT_WAIT */
    bool replies;         /* a 429 is set before the verdict */
    enum err response_e;  /* of on_response for answers of origins */
    struct exchange *held; /* the one that waits; NULL when it has ended */
    unsigned requests, responses, ends;
};
extern struct hall_pause hall_pause;

struct hall {
    struct loop control;
    struct stats stats;
    struct registry registry;
    struct roster roster;
    struct worker *workers[HALL_CORES_MAX];
    struct core *cores[HALL_CORES_MAX];
    uint32_t core_count;
    struct core *core;         /* the first */
    struct listener *listener; /* of the first core, slot 0; it listens nowhere */
    struct snapshot *snapshot; /* published last */
    uint64_t generation;
    unsigned worlds; /* alive */
    bool nudges;     /* every turn tells all streams that they are ready: for kit/fault.h, whose short
                        reads and writes have no edge behind them */
    int origin_fds[HALL_ORIGINS];
    uint16_t origin_ports[HALL_ORIGINS];
};

/* Opens it with the ports of its origins in origin_ports; nothing is published yet. */
void hall_open(struct hall *hall, uint32_t core_count);
/* Compiles and publishes; the format gets what the caller gives. False: refused (printed). */
bool hall_publish(struct hall *hall, const char *format, ...) PRINTF_LIKE(2, 3);
/* Ends what is open, and wants every slab, slot, pipe, gauge and snapshot to be given back. */
void hall_close(struct hall *hall);
/* The same check without closing: after all connections are gone. */
void hall_want_idle(struct hall *hall);
/* Closes idle connections to origins and every session. */
void hall_hang_up(struct hall *hall);

/* Turns all loops for about so long, without waiting when there is work. */
void hall_run_ms(struct hall *hall, int64_t ms);
void hall_turn(struct hall *hall);

/* The session opened last on the first core. */
struct session *hall_session(const struct hall *hall);
/* Tells it that its socket takes bytes again. */
void hall_unclog(struct session *session);

/* A client of core `core`. */
void hall_client(struct hall *hall, uint32_t core, struct peer *peer);
/* The next connection at origin `at`; false: none came within two seconds. */
bool hall_accept(struct hall *hall, unsigned at, struct peer *peer);
/* Whether one came within `ms`. */
bool hall_accept_within(struct hall *hall, unsigned at, struct peer *peer, int64_t ms);
/* Sends all, turning the loops while the other side is full; false: it could not within two seconds. */
bool peer_say(struct hall *hall, struct peer *peer, struct str bytes);
/* Turns until the peer has heard `text`, or at most two seconds. */
bool peer_hears(struct hall *hall, struct peer *peer, const char *text);
/* Turns until so many bytes were heard. */
bool peer_hears_bytes(struct hall *hall, struct peer *peer, size_t bytes);
/* Turns until the peer's connection has ended, in order or by a reset. */
bool peer_ends(struct hall *hall, struct peer *peer);
/* Forgets what was heard. */
void peer_forget(struct peer *peer);
struct str peer_heard(const struct peer *peer);
/* Closes, with RST when `is_reset`; harmless when it is closed. */
void peer_close(struct peer *peer, bool is_reset);
