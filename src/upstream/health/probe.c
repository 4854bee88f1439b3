/* probe.c - the connection of one check; see probe.h. */
#include "upstream/health/probe.h"

#include "base/heap.h"
#include "base/limits.h"
#include "net/socket.h"
#include "text/quantity.h"
#include "upstream/health/tls.h"

enum phase { PHASE_CONNECTING, PHASE_SHAKING, PHASE_TALKING, PHASE_ENDED };

struct health_probe {
    struct io io;
    struct timer timer;
    struct task reap;
    struct health_probe_conf conf;
    struct health_talk talk;
    struct health_tls tls; /* when the plan has it */
    struct arena arena;
    uint8_t phase;   /* enum phase */
    uint8_t verdict; /* enum health_verdict, when it has ended */
    bool has_opened; /* the protocol has */
    size_t sent_bytes; /* of talk.out */
    size_t in_bytes;
    char why[HEALTH_WHY_BYTES_MAX];
    char out[HEALTH_OUT_BYTES_MAX];
    char in[];
};

static void on_reap(struct loop *loop, struct task *task)
{
    struct health_probe *probe = CONTAINER_OF(task, struct health_probe, reap);
    (void)loop;
    if (probe->conf.on_end != NULL) {
        probe->conf.on_end(probe->conf.owner, (enum health_verdict)probe->verdict,
                           strbuf_str(&probe->talk.why));
    }
    arena_reset(&probe->arena);
    heap_free(probe);
}

static bool has_tls(const struct health_probe *probe)
{
    return source_pos_is_set(&probe->conf.plan->conf.tls.pos);
}

static enum err send_some(struct health_probe *probe, struct str bytes, size_t *sent)
{
    return has_tls(probe) ? health_tls_send(&probe->tls, probe->io.fd, bytes, sent)
                          : socket_send_str(probe->io.fd, bytes, sent);
}

static enum err recv_some(struct health_probe *probe, void *at, size_t room, size_t *got)
{
    return has_tls(probe) ? health_tls_recv(&probe->tls, probe->io.fd, at, room, got)
                          : socket_recv(probe->io.fd, at, room, got);
}

static void send_out(struct health_probe *probe)
{
    struct strbuf *out = &probe->talk.out;
    while (probe->sent_bytes < out->len) {
        size_t sent;
        struct str rest = str_skip(strbuf_str(out), probe->sent_bytes);
        enum err e = send_some(probe, rest, &sent);
        if (e != OK) {
            return; /* full, or gone: reading will tell */
        }
        probe->sent_bytes += sent;
    }
    out->len = probe->sent_bytes = 0;
}

static void end(struct health_probe *probe, enum health_verdict verdict)
{
    const struct health_protocol *protocol = probe->conf.plan->protocol;
    if (probe->phase == PHASE_ENDED) {
        return;
    }
    probe->phase = PHASE_ENDED;
    probe->verdict = (uint8_t)verdict;
    if (probe->has_opened && protocol->close != NULL) {
        protocol->close(&probe->talk);
    }
    timer_stop(&probe->timer);
    if (probe->has_opened && verdict != HEALTH_FAIL) {
        send_out(probe); /* a good-bye, if the protocol has one */
    }
    health_tls_close(&probe->tls);
    loop_close(probe->conf.loop, &probe->io);
    loop_reap(probe->conf.loop, &probe->reap);
}

/* Lets the protocol look at what is there; false: the probe has ended. */
static bool ask_protocol(struct health_probe *probe)
{
    struct health_talk *talk = &probe->talk;
    enum health_verdict verdict = probe->conf.plan->protocol->take(talk);
    if (verdict == HEALTH_MORE && strbuf_overflowed(&talk->out)) {
        verdict = health_fail(talk, "what is to be sent is longer than %d bytes",
                              HEALTH_OUT_BYTES_MAX);
    }
    if (verdict != HEALTH_MORE) {
        end(probe, verdict);
        return false;
    }
    send_out(probe);
    return true;
}

/* Reads until there is nothing more just now, or the bound is reached. */
static void read_in(struct health_probe *probe)
{
    struct health_talk *talk = &probe->talk;
    for (;;) {
        size_t room = LIMIT_VALUE(health_response_bytes) - probe->in_bytes, got;
        if (room == 0) {
            end(probe, health_fail(talk, "no verdict within %d bytes of its answer",
                                   LIMIT_VALUE(health_response_bytes)));
            return;
        }
        enum err e = recv_some(probe, probe->in + probe->in_bytes, room, &got);
        if (e == ERR_AGAIN) {
            return;
        }
        if (e != OK && e != ERR_CLOSED) {
            end(probe, health_fail(talk, "connection reset"));
            return;
        }
        talk->has_ended = e == ERR_CLOSED;
        talk->in = str_of(talk->in.at, talk->in.len + got);
        probe->in_bytes += got;
        if (!ask_protocol(probe)) {
            return;
        }
        if (talk->has_ended) {
            end(probe, health_fail(talk, "closed before it had answered"));
            return;
        }
    }
}

/* The connection stands. */
static void start_talk(struct health_probe *probe)
{
    const struct health_protocol *protocol = probe->conf.plan->protocol;
    probe->phase = PHASE_TALKING;
    if (protocol == NULL) {
        end(probe, HEALTH_PASS);
        return;
    }
    probe->has_opened = true;
    if (protocol->open(&probe->talk) != OK || strbuf_overflowed(&probe->talk.out)) {
        end(probe, health_fail(&probe->talk, "what is to be sent is longer than %d bytes",
                               HEALTH_OUT_BYTES_MAX));
        return;
    }
    send_out(probe);
    read_in(probe);
}

static void shake(struct health_probe *probe)
{
    enum err e = health_tls_shake(&probe->tls, probe->io.fd);
    if (e == OK) {
        start_talk(probe);
    } else if (e != ERR_AGAIN) {
        end(probe, health_fail(&probe->talk, "handshake: %s",
                               e == ERR_SYNTAX ? probe->tls.why : "it broke off"));
    }
}

static void start_tls(struct health_probe *probe)
{
    const struct health_plan *plan = probe->conf.plan;
    if (plan->tls == NULL) {
        end(probe, health_fail(&probe->talk, "the certificates to trust cannot be read"));
        return;
    }
    if (health_tls_open(&probe->tls, plan->tls, &plan->conf.tls, probe->talk.host) != OK) {
        end(probe, health_fail(&probe->talk, "no memory for TLS"));
        return;
    }
    probe->phase = PHASE_SHAKING;
    shake(probe);
}

static void on_connected(struct health_probe *probe)
{
    enum err e = socket_error(probe->io.fd);
    if (e == OK && has_tls(probe)) {
        start_tls(probe);
    } else if (e == OK) {
        start_talk(probe);
    } else if (e == ERR_ORIGIN_CONNECT_TIMEOUT) {
        end(probe, health_fail(&probe->talk, "connect timed out"));
    } else {
        end(probe, health_fail(&probe->talk, "connect refused"));
    }
}

static void on_ready(struct loop *loop, struct io *io, unsigned ready)
{
    struct health_probe *probe = CONTAINER_OF(io, struct health_probe, io);
    (void)loop;
    if (probe->phase == PHASE_CONNECTING) {
        if ((ready & (READY_WRITE | READY_ERROR | READY_HANGUP)) != 0) {
            on_connected(probe);
        }
        return;
    }
    if (probe->phase == PHASE_SHAKING) {
        shake(probe);
    } else if (probe->phase == PHASE_TALKING) {
        send_out(probe);
        read_in(probe);
    }
}

/* The time is over, or the start failed and is told from here. */
static void on_timer(struct loop *loop, struct timer *timer)
{
    struct health_probe *probe = CONTAINER_OF(timer, struct health_probe, timer);
    (void)loop;
    if (probe->talk.why.len == 0) {
        char text[32];
        struct strbuf limit = strbuf_over(text, sizeof text);
        quantity_add_duration(&limit, probe->conf.plan->conf.timeout_ms);
        (void)health_fail(&probe->talk, "timed out after %.*s%s", STR_FMT(strbuf_str(&limit)),
                          probe->phase == PHASE_CONNECTING ? ", connecting" : "");
    }
    end(probe, HEALTH_FAIL);
}

static void say_start(struct health_probe *probe, enum err e)
{
    (void)health_fail(&probe->talk, "%s",
                      e == ERR_ORIGIN_CONNECT ? "connect refused or unreachable" : err_text(e));
}

static void start(struct health_probe *probe)
{
    struct loop *loop = probe->conf.loop;
    const struct health_protocol *protocol = probe->conf.plan->protocol;
    enum err e = socket_connect(&probe->conf.addr, NULL, &probe->io.fd);
    e = e == OK ? loop_watch(loop, &probe->io) : e;
    if (e == OK && protocol != NULL) {
        probe->talk.state = arena_zalloc(&probe->arena, protocol->state_bytes + 1);
        e = probe->talk.state == NULL ? ERR_MEMORY : OK;
    }
    int64_t limit_ms = probe->conf.plan->conf.timeout_ms;
    if (e != OK) {
        say_start(probe, e);
        limit_ms = 0; /* told from the loop, as every end is */
    }
    timer_set(loop, &probe->timer, loop->now_ms + limit_ms);
}

struct health_probe *health_probe_start(const struct health_probe_conf *conf)
{
    struct health_probe *probe =
        heap_new(sizeof *probe + (size_t)LIMIT_VALUE(health_response_bytes));
    if (probe == NULL) {
        return NULL;
    }
    probe->conf = *conf;
    probe->io = (struct io){.on_ready = on_ready, .fd = -1};
    probe->timer.fire = on_timer;
    probe->reap.run = on_reap;
    arena_init_heap(&probe->arena, LIMIT_VALUE(health_talk_bytes));
    probe->talk = (struct health_talk){.plan = conf->plan,
                                       .host = conf->host,
                                       .arena = &probe->arena,
                                       .out = strbuf_over(probe->out, sizeof probe->out),
                                       .in = str_of(probe->in, 0),
                                       .rng = conf->rng,
                                       .why = strbuf_over(probe->why, sizeof probe->why)};
    start(probe);
    return probe;
}

void health_probe_cancel(struct health_probe **probe)
{
    if (*probe != NULL) {
        (*probe)->conf.on_end = NULL;
        end(*probe, HEALTH_FAIL);
        *probe = NULL;
    }
}
