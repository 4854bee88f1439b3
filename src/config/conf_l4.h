/* conf_l4.h - what a file says of connections that are not HTTP, or have something in front of it:
 * TCP services, TLS that is passed on by the server name, the PROXY protocol.
 * Read by table_l4.c; parts of struct conf_listener and struct conf_service. */
#pragma once

#include "config/values.h"

/* `tcp`: connections go to a service as they are. */
struct conf_tcp {
    struct source_pos pos;    /* not set: the listener is none of this kind */
    struct conf_text service; /* one of config->services once it is resolved */
    int64_t idle_ms, life_ms; /* 0: no limit */
};

/* A protocol of ALPN, and the service of those who offer it. */
struct conf_tls_alpn {
    struct str name;
    struct source_pos pos;
    struct conf_text service;
};

struct conf_tls_name {
    struct str name; /* lower case; "*.example.com" stands for one or more labels */
    struct source_pos pos;
    struct conf_text service;
    struct {
        struct conf_tls_alpn *at;
        uint32_t count;
    } alpn; /* the first protocol that the client offers and that is in here decides */
};

/* `tls_passthrough`: TLS goes to the service of the name that the client asks for. */
struct conf_passthrough {
    struct source_pos pos; /* not set: the listener is none of this kind */
    struct {
        struct conf_tls_name *at;
        uint32_t count;
    } names;
    struct conf_text other;   /* of other names and of none; empty: they are refused */
    int64_t idle_ms, life_ms; /* 0: no limit */
};

/* `proxy_protocol`: peers that tell whose connection it is. */
struct conf_proxy_protocol {
    struct source_pos pos;
    struct conf_prefixes from; /* each connection of theirs begins with a header */
    bool is_required;          /* others are refused */
};

enum conf_send_proxy { CONF_SEND_PROXY_OFF, CONF_SEND_PROXY_V1, CONF_SEND_PROXY_V2 };
