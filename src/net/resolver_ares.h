/* resolver_ares.h - the part of the resolver that speaks to c-ares; for resolver*.c alone.
 * It opens and closes the channels, lends them the loop, asks, and turns what comes back into
 * round_add and round_answered. */
#pragma once

#include "net/resolver.h"

/* Opens both channels and the descriptor over their sockets. ERR_SYSTEM, ERR_SYNTAX. */
MUST_USE enum err resolver_ares_open(struct resolver *resolver);
/* Ends what is in flight (each question is answered with a failure) and closes everything. */
void resolver_ares_close(struct resolver *resolver);
/* Looks in the hosts file, and knows localhost (RFC 6761 6.3); when the name is there it puts down
 * its addresses of both families and returns true. */
bool resolver_ares_hosts(struct resolver *resolver, struct resolver_round *round, const char *host);
/* Sends one question to the servers; round_answered is called exactly once, perhaps before this
 * returns. */
void resolver_ares_ask(struct resolver *resolver, struct resolver_question *question,
                       const char *host);
/* Opens the servers' channel anew when conf_path has changed; looks every CONF_CHECK_MS. */
void resolver_ares_follow_conf(struct resolver *resolver);

/* In resolver.c: puts an address down, sorted, once. */
void round_add(struct resolver_round *round, const struct addr *addr);
/* In resolver.c: the outcome of one question; the last one of a round has it settled. */
void round_answered(struct resolver_question *question, enum name_state outcome);
/* In resolver.c: how long until a name in that state is asked for again, with jitter. */
int64_t resolver_next_ms(struct resolver *resolver, enum name_state state, uint32_t failures,
                         int64_t ttl_ms);
/* In resolver.c: labels of letters, digits, hyphens and underscores, or an address. */
bool resolver_is_host(struct str host);

/* An answer as it came; no bytes without one. Called exactly once, perhaps at once. */
typedef void resolver_raw_fn(void *arg, enum name_state outcome, const uint8_t *bytes, size_t len);
/* Asks the servers for the SRV records of a name. */
void resolver_ares_srv(struct resolver *resolver, const char *name, resolver_raw_fn *on_raw,
                       void *arg);
