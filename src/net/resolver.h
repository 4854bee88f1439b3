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
    RESOLVER_ROUNDS_MAX = LIMIT_VALUE(name_queries),
    NAME_HOSTS_FILE_MS = 5000 /* the hosts file has no TTL; an edit shows after this time */
};

/* How the last round of questions for a name ended. */
enum name_state {
    NAME_NEW,      /* not answered yet */
    NAME_OK,       /* the addresses are those of the last answer */
    NAME_PARTIAL,  /* one family was answered, the other failed and keeps what it had */
    NAME_EMPTY,    /* the name exists and has no address */
    NAME_NXDOMAIN, /* the name does not exist */
    NAME_SERVFAIL, /* every server failed, refused, answered nonsense, or could not be reached */
    NAME_TIMEOUT,  /* no server answered in time */
    NAME_STATE_COUNT
};

/* Which addresses of a name are wanted. V4_FIRST: IPv6 only for a name without IPv4. */
enum name_families { NAME_BOTH, NAME_V4_FIRST, NAME_V4, NAME_V6 };

/* Called on the loop's thread whenever the addresses of a name are others than before. It may add
 * and remove names, this one too. */
typedef void name_fn(struct resolver_name *name);

/* A registered name, embedded in its owner. Read-only outside resolver.c. All-zero is a name that
 * is not registered. */
struct resolver_name {
    struct list node, ready_node;
    struct resolver *resolver; /* NULL: not registered */
    struct resolver_round *round;
    struct timer refresh;
    name_fn *on_change;
    char host[NAME_BYTES_MAX + 1];
    uint16_t port;
    enum name_families families;
    enum name_state state;
    uint32_t addr_count;
    uint32_t left_out_count;           /* addresses of the last answer past NAME_ADDRS_MAX */
    uint32_t failures;                 /* rounds since the last one that was NAME_OK */
    int64_t answered_at_ms;            /* loop time of the last answer; 0: never */
    int64_t ended_at_ms;               /* of the last round, answered or not */
    struct addr addrs[NAME_ADDRS_MAX]; /* IPv4 before IPv6, sorted, none twice, with the port */
};

struct resolver_conf {
    const char *servers;                /* "127.0.0.1:5353,[::1]:53"; NULL: as conf_path says */
    const char *conf_path;              /* read anew when it changes; NULL: /etc/resolv.conf */
    uint16_t conf_port;                 /* of the servers that it names; 0: 53 */
    uint32_t timeout_ms;                /* of the first try at a server; 0: 2000 */
    uint32_t tries;                     /* at each server; 0: 2 */
    int64_t ttl_ms_min, ttl_ms_max;     /* 0: as limits.def says */
    int64_t retry_ms_min, retry_ms_max; /* 0: as limits.def says */
    uint64_t seed;                      /* of the jitter */
};

/* One round of questions for one name, which outlives the name: c-ares takes nothing back. */
struct resolver_question {
    struct resolver_round *round;
    enum addr_family family;
    bool is_wanted;
    enum name_state outcome; /* NAME_NEW: not wanted, or in flight */
};
struct resolver_round {
    struct resolver *resolver;
    struct resolver_name *name; /* NULL: nobody waits any more */
    struct resolver_question questions[2];
    uint32_t in_flight;
    bool is_used;
    uint32_t found_count, left_out_count;
    int64_t ttl_ms;                    /* the shortest seen */
    struct addr found[NAME_ADDRS_MAX]; /* sorted as in the name */
};

struct resolver {
    struct loop *loop;
    struct ares_channeldata *hosts, *dns; /* two channels: the hosts file, and the servers */
    struct io poll;       /* an epoll descriptor over the sockets that c-ares opens and closes */
    struct timer timeout; /* of c-ares */
    struct task settle;
    struct list names, ready; /* ready: names whose round waits for a free place */
    struct rng rng;
    struct resolver_conf conf;
    struct resolver_round rounds[RESOLVER_ROUNDS_MAX];
    int64_t conf_checked_at_ms;              /* of /etc/resolv.conf */
    int64_t conf_changed_at_ns;              /* its time of change when last read */
    uint64_t rounds_total[NAME_STATE_COUNT]; /* how rounds ended */
    uint64_t changes_total;                  /* times that a name's addresses changed */
};

/* Opens the resolver on a loop, on the loop's thread; the struct may not move after.
 * ERR_SYSTEM: no descriptor or memory is left. ERR_SYNTAX: `servers` is no list of addresses. */
MUST_USE enum err resolver_init(struct resolver *resolver, struct loop *loop,
                                const struct resolver_conf *conf);
/* Removes every name and ends every question; nothing is called back. Not from on_change. */
void resolver_drop(struct resolver *resolver);

/* What to register. */
struct resolver_name_conf {
    struct str host; /* a DNS name, an entry of the hosts file, or an address */
    uint16_t port;   /* goes into every address */
    enum name_families families;
    name_fn *on_change;
};

/* Registers a name and asks for it in the next turn; on_change comes with the first answer. The
 * storage is the caller's until resolver_name_remove. ERR_SYNTAX: not a name (labels of letters,
 * digits, hyphens and underscores, RFC 1123 2.1). */
MUST_USE enum err resolver_name_add(struct resolver *resolver, struct resolver_name *name,
                                    const struct resolver_name_conf *conf);
/* Takes a name off; nothing of it is touched or called any more. Harmless when it is not on. */
void resolver_name_remove(struct resolver_name *name);
/* Asks again soon, as when its addresses do not answer; not oftener than once in ttl_ms_min. */
void resolver_name_refresh(struct resolver_name *name);
/* "new", "ok", "partial", "empty", "nxdomain", "servfail", "timeout": for logs and metrics. */
const char *name_state_text(enum name_state state);
