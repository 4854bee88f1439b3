/* dns_server.h - a name server on loopback for tests, in a thread of its own, that answers as it
 * is told: well, badly, or not at all. UDP and TCP on one port. */
#pragma once

#include "base/platform.h"

#include <pthread.h>
#include <stdatomic.h>

enum dns_mode {
    DNS_GOOD, /* A 10.0.0.1 to 10.0.0.<count>, in falling order; AAAA fd00::1 likewise;
                 SRV 10 <n> 80<0n> h<letter> for each */
    DNS_NXDOMAIN,
    DNS_SERVFAIL,
    DNS_REFUSED,
    DNS_SILENT,
    DNS_EMPTY,
    DNS_LOOP,      /* an alias of itself */
    DNS_ALIAS,     /* an alias with a TTL of 7 s, then as DNS_GOOD */
    DNS_UNUSABLE,  /* 0.0.0.0 and 224.0.0.1; :: and ff02::1 */
    DNS_TRUNCATED, /* over UDP only the TC bit; over TCP as DNS_GOOD */
    DNS_GARBAGE,   /* the question with noise behind it */
    DNS_NO_V6,     /* A as DNS_GOOD, AAAA empty */
    DNS_V6_SILENT, /* A as DNS_GOOD, AAAA never */
    DNS_V4_FAILS,  /* A fails, AAAA as DNS_GOOD */
    DNS_MODE_COUNT
};

struct dns_server {
    pthread_t thread;
    int udp_fd, tcp_fd, stop_fds[2];
    char address[32]; /* "127.0.0.1:5353" */
    uint16_t port;
    _Atomic int mode;
    _Atomic unsigned count, ttl_sec, shift; /* shift is added to the last byte of each address */
    _Atomic unsigned udp_questions, tcp_questions;
};

/* Starts it on a free port, with one address and a TTL of 60 s; false: it could not. */
bool dns_server_start(struct dns_server *server);
/* The same on 127.0.0.<host> and a port; 0: a free one. */
bool dns_server_start_at(struct dns_server *server, unsigned host, uint16_t port);
/* Ends the thread and closes everything. */
void dns_server_stop(struct dns_server *server);
