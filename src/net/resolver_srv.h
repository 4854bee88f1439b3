/* resolver_srv.h - SRV records (RFC 2782): which hosts and ports offer a service.
 * Like a name of resolver.h, an entry is asked for again when its TTL is over, and a failure takes
 * nothing away. The hosts come as names; who wants addresses registers them with the resolver. */
#pragma once

#include "net/resolver.h"

enum { SRV_RECORDS_MAX = LIMIT_VALUE(srv_records) };

struct srv_record {
    uint16_t priority, weight, port;
    char host[NAME_BYTES_MAX + 1]; /* lower case, without the dot at its end */
};

struct srv_answer {
    uint32_t count;
    uint32_t left_out_count;               /* records past SRV_RECORDS_MAX */
    int64_t ttl_ms;                        /* the shortest of the records; INT64_MAX without one */
    struct srv_record at[SRV_RECORDS_MAX]; /* by priority, then host and port, none twice */
};

/* Reads an answer in wire format. NAME_OK: it has records. NAME_EMPTY: none, or the service is
 * decidedly not offered (a single record with the root as its host). NAME_SERVFAIL: malformed;
 * *out is empty then. */
enum name_state srv_parse(const uint8_t *bytes, size_t len, struct srv_answer *out);

struct resolver_srv;
typedef void srv_fn(struct resolver_srv *srv);

/* A registered service name; large, so it is allocated. Read-only outside resolver_srv.c.
 * All-zero is one that is not registered. */
struct resolver_srv {
    struct resolver *resolver;     /* NULL: not registered */
    struct srv_question *question; /* in flight; NULL: none */
    struct timer refresh;
    struct task settle;
    srv_fn *on_change;
    void *owner;
    char name[NAME_BYTES_MAX + 1];
    enum name_state state;
    uint32_t failures;
    struct srv_answer answer; /* the last good one */
    struct srv_answer next;   /* just read, to be settled */
    enum name_state outcome;  /* of `next` */
};

/* Registers a name such as _http._tcp.orders.internal and asks for it in the next turn; on_change
 * comes when the records are others than before. ERR_SYNTAX: not a name. */
MUST_USE enum err resolver_srv_add(struct resolver *resolver, struct resolver_srv *srv,
                                   struct str name, srv_fn *on_change);
/* Takes it off; nothing of it is touched or called any more. Harmless when it is not on. */
void resolver_srv_remove(struct resolver_srv *srv);
