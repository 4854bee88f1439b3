/* preface.h - what comes before the protocol of a connection: the PROXY protocol header of a
 * balancer in front. The bytes are looked at where they lie, in the kernel, and only the header is
 * taken out: whoever gets the connection after that finds it as if nothing had been there. */
#pragma once

#include "edge/listener.h"

struct preface {
    struct io io;
    struct list node; /* in core->preface_list */
    struct core *core;
    struct listener *listener;
    struct timer timer;
    struct task task; /* freeing */
    struct addr peer;
    uint32_t cell_refused;
};

/* Waits for the header of a connection whose peer has to send one, LIMIT preface_timeout_ms at
 * most, and hands it on with listener_hand; refuses it otherwise. Takes the descriptor. */
void preface_open(struct listener *listener, int fd, const struct addr *peer);
/* The process ends: so do those that wait. */
void preface_end_all(struct core *core);
