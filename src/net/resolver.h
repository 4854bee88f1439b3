/* resolver.h - names to addresses over c-ares, on the control thread's loop.
 * A registered name is asked for again when its TTL is over, for as long as it is registered. A
 * failure is not an answer: NXDOMAIN, SERVFAIL, a timeout and an empty answer are told apart,
 * counted and logged once each time the state of a name changes, and none of them takes away the
 * addresses known before. Nothing here waits, so a start never hangs on a name. The hosts file is
 * read first (RFC 6761 6.3 for localhost). A and AAAA are separate questions: one that fails does
 * not cost the addresses of the other. Needs c-ares 1.18 or newer. */
#pragma once

#include "base/addr.h"
#include "base/limits.h"
#include "base/rng.h"
#include "loop/loop.h"

struct resolver;
struct resolver_name;
struct ares_channeldata;

enum {
    NAME_BYTES_MAX = 253, /* RFC 1035 2.3.4, as text */
    NAME_ADDRS_MAX = LIMIT_VALUE(name_addresses),
    RESOLVER_QUERIES_MAX = LIMIT_VALUE(name_queries)
};

/* What became of the last round of questions for a name. */
enum name_state {
    NAME_NEW,      /* not answered yet */
    NAME_OK,       /* the addresses are those of the last answer */
    NAME_PARTIAL,  /* one family was answered, the other failed and keeps what it had */
    NAME_EMPTY,    /* the name exists and has no address */
    NAME_NXDOMAIN, /* the name does not exist */
    NAME_SERVFAIL, /* the server failed, refused, or answered nonsense */
    NAME_TIMEOUT,  /* no server answered, or none could be reached */
    NAME_STATE_COUNT
};

/* Which addresses of a name are wanted. */
enum name_families {
    NAME_BOTH,
    NAME_V4_FIRST /* IPv6 only when there is no IPv4 */,
    NAME_V4,
    NAME_V6
};

/* Called on the loop's thread, from no other frame of the resolver, whenever the addresses of a
 * name are others than before; it may add and remove names, this one too. */
typedef void name_fn(struct resolver_name *name);

/* A registered name, embedded in its owner. Read-only outside resolver.c. */
struct resolver_name {
    struct list node, ready_node;
    struct resolver *resolver; /* NULL: not registered */
    struct timer refresh;
    name_fn *on_change;
    char host[NAME_BYTES_MAX + 1];
    uint16_t port;
    enum name_families families;
    enum name_state state;
    struct addr addrs[NAME_ADDRS_MAX]; /* IPv4 before IPv6, sorted, no address twice, with port */
    uint32_t addr_count, v4_count;     /* of addrs */
    uint32_t left_out_count;           /* addresses of the last answer past NAME_ADDRS_MAX */
    uint32_t failures;                 /* rounds since the last good one */
    uint32_t asking;                   /* bits of enum family_bit: questions in flight */
    uint32_t waiting;                  /* bits: questions that wait for a free slot */
    bool is_changed;                   /* on_change is due */
    enum name_state family_state[2];   /* of this round: IPv4, IPv6 */
    int64_t ttl_ms;                    /* of this round, the shortest seen */
    int64_t answered_at_ms;            /* loop time of the last good round; 0: never */
};

struct resolver_conf {
    const char *servers;  /* "127.0.0.1:5353,[::1]:53"; NULL: as /etc/resolv.conf says */
    uint32_t timeout_ms;  /* of the first try at one server; 0: 2000 */
    uint32_t tries;       /* for each server; 0: 2 */
    int64_t retry_ms_min; /* first wait after a failure; 0: the limit's default. Tests shorten it */
    uint64_t seed;        /* of the jitter */
};

/* One question in flight. c-ares cannot take one back, so it outlives its name. */
struct resolver_query {
    struct resolver *resolver;
    struct resolver_name *name; /* NULL: nobody waits any more */
    uint32_t family_at;         /* 0 IPv4, 1 IPv6 */
    bool is_used;
};

struct resolver {
    struct loop *loop;
    struct ares_channeldata *channel;
    struct io
        poll; /* an epoll descriptor over the sockets of c-ares, which opens and closes them */
    struct timer timeout;
    struct task settle;
    struct list names, ready; /* ready: waiting for a free slot */
    struct rng rng;
    struct resolver_conf conf;
    struct resolver_query queries[RESOLVER_QUERIES_MAX];
    uint32_t query_count;
    uint64_t rounds_total[NAME_STATE_COUNT]; /* how rounds ended */
    uint64_t changes_total;                  /* on_change calls */
};

/* Opens the resolver on a loop; call it on the loop's thread, and never move the struct after.
 * ERR_SYSTEM: no descriptor or memory, or `servers` is not a list of addresses. */
MUST_USE enum err resolver_init(struct resolver *resolver, struct loop *loop,
                                const struct resolver_conf *conf);
/* Removes every name and ends every question; no callback is made. */
void resolver_drop(struct resolver *resolver);

/* What to register. */
struct resolver_name_conf {
    struct str host; /* a DNS name, an entry of the hosts file, or an address */
    uint16_t port;   /* goes into every address */
    enum name_families families;
    name_fn *on_change;
};

/* Registers a name and asks for it soon; on_change comes when the first answer does. Storage is the
 * caller's until resolver_name_remove. ERR_SYNTAX: not a name (RFC 1035 2.3.1, and underscores). */
MUST_USE enum err resolver_name_add(struct resolver *resolver, struct resolver_name *name,
                                    const struct resolver_name_conf *conf);
/* Takes a name off; nothing of it is touched or called any more. Harmless when it is not on. */
void resolver_name_remove(struct resolver_name *name);
/* Asks again now, as when a connection to one of its addresses failed; at most once a second. */
void resolver_name_refresh(struct resolver_name *name);
/* "ok", "partial", "empty", "nxdomain", "servfail", "timeout", "new"; for logs and metrics. */
const char *name_state_text(enum name_state state);
