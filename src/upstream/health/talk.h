/* talk.h - one check as its protocol sees it: bytes that came, bytes to send, and a verdict with a
 * reason. Protocols do no input or output and read no clock, so that all that a hostile instance
 * may send can be tried on them without a socket. */
#pragma once

#include "base/arena.h"
#include "base/strbuf.h"
#include "upstream/health/plan.h"

enum health_verdict {
    HEALTH_MORE,  /* not decided yet: more bytes are wanted */
    HEALTH_PASS,
    HEALTH_DRAIN, /* passed, and the instance asks for no new work */
    HEALTH_FAIL
};

enum { HEALTH_WHY_BYTES_MAX = 160, HEALTH_OUT_BYTES_MAX = 8192 };

struct health_talk {
    const struct health_plan *plan;
    struct str host;     /* the target as it is written */
    struct arena *arena; /* of this check */
    struct strbuf out;   /* what has to be sent; emptied by whoever sends it */
    struct str in;       /* what came and was not taken (health_took); never moves */
    bool has_ended;      /* the instance sends no more */
    struct rng *rng;     /* for nonces */
    void *state;         /* state_bytes of the protocol, zeroed */
    struct strbuf why;   /* the reason, when it failed */
};

struct health_protocol {
    const char *name;
    size_t state_bytes;
    /* The connection stands: writes what is said first. ERR_MEMORY. */
    enum err (*open)(struct health_talk *talk);
    /* More came, or the end. Called until it decides; each call sees all that was not taken. */
    enum health_verdict (*take)(struct health_talk *talk);
    /* Frees what is not in the arena; NULL: nothing is. */
    void (*close)(struct health_talk *talk);
};

extern const struct health_protocol health_http, health_grpc, health_postgres, health_mysql,
    health_redis, health_script;

/* Says why, for `return health_fail(talk, ...)`. What an instance sent is shown as text. */
enum health_verdict health_fail(struct health_talk *talk, const char *format, ...)
    PRINTF_LIKE(2, 3);
/* Not decided: MORE, or FAIL when nothing more can come. */
enum health_verdict health_more(struct health_talk *talk);
/* The protocol is done with the first bytes of what came. */
static inline void health_took(struct health_talk *talk, size_t bytes)
{
    talk->in = str_skip(talk->in, bytes);
}
