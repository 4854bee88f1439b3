/* resolver_ares.c - the resolver's side towards c-ares; see resolver_ares.h.
 * c-ares wants its sockets watched level-triggered, with interest that changes; the loop watches
 * edge-triggered, once. So the sockets go into an epoll set of their own, and the loop watches that
 * set. The hosts file has a channel of its own: a name that stands there is answered at once, in
 * both families, and no server is asked, as in the C library. */
#define _GNU_SOURCE
#define CARES_NO_DEPRECATED /* ares_query has a successor that Debian 12 does not know */
#include "net/resolver_ares.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/heap.h"
#include "base/log.h"

#include <ares.h>
#include <arpa/nameser.h>
#include <limits.h>
#include <netdb.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

enum {
    EDNS_BYTES = 1232, /* no fragments on any usual path; longer answers come over TCP */
    EVENTS_PER_READ = 16,
    CONF_CHECK_MS = 5000
};

/* Newer c-ares has a cache. Ours is the list of names: with two, a TTL would run twice. */
#ifdef ARES_OPT_QUERY_CACHE
static int without_cache(struct ares_options *options)
{
    options->qcache_max_ttl = 0;
    return ARES_OPT_QUERY_CACHE;
}
#else
static int without_cache(struct ares_options *options)
{
    (void)options;
    return 0;
}
#endif

static enum name_state outcome_of(int status)
{
    switch (status) {
    case ARES_SUCCESS: return NAME_OK;
    case ARES_ENODATA: return NAME_EMPTY;
    case ARES_ENOTFOUND: return NAME_NXDOMAIN;
    case ARES_ETIMEOUT: return NAME_TIMEOUT;
    default: return NAME_SERVFAIL;
    }
}

/* What no instance of a service can have: the unspecified address (some filters answer with it, and
 * the kernel would take it for this very machine), multicast and broadcast. */
static bool is_usable(const struct addr *addr)
{
    static const uint8_t zero[16];
    if (addr->family == ADDR_V4) {
        return addr->ip[0] != 0 && addr->ip[0] < 224;
    }
    return addr->ip[0] != 0xff && memcmp(addr->ip, zero, sizeof zero) != 0;
}

static void note_ttl(struct resolver_round *round, int ttl_sec)
{
    int64_t ttl_ms = ttl_sec > 0 ? (int64_t)ttl_sec * 1000 : 0;
    round->ttl_ms = ttl_ms < round->ttl_ms ? ttl_ms : round->ttl_ms;
}

/* Puts down the addresses of one family (an AAAA record with a mapped IPv4 address counts for
 * none); returns whether there were any. */
static bool take_nodes(struct resolver_round *round, const struct ares_addrinfo *info,
                       enum addr_family family)
{
    bool has_any = false;
    for (const struct ares_addrinfo_node *node = info->nodes; node != NULL; node = node->ai_next) {
        struct sockaddr_storage name = {0};
        struct addr addr;
        if (node->ai_addrlen > sizeof name) {
            continue;
        }
        memcpy(&name, node->ai_addr, node->ai_addrlen);
        addr_from_kernel(&name, &addr);
        if (addr.family != family || !is_usable(&addr)) {
            continue;
        }
        has_any = true;
        note_ttl(round, node->ai_ttl);
        round_add(round, &addr);
    }
    return has_any;
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct resolver_question *question = arg;
    enum name_state outcome = outcome_of(status);
    (void)timeouts;
    if (outcome == NAME_OK) {
        bool has_any = info != NULL && take_nodes(question->round, info, question->family);
        outcome = has_any ? NAME_OK : NAME_EMPTY;
    }
    for (const struct ares_addrinfo_cname *alias = info != NULL ? info->cnames : NULL;
         outcome == NAME_OK && alias != NULL; alias = alias->next) {
        note_ttl(question->round, alias->ttl); /* a chain holds as long as its shortest link */
    }
    if (info != NULL) {
        ares_freeaddrinfo(info);
    }
    round_answered(question, outcome);
}

static void restart_timeout(struct resolver *resolver)
{
    struct timeval left;
    if (ares_timeout(resolver->dns, NULL, &left) == NULL) {
        timer_stop(&resolver->timeout);
        return;
    }
    int64_t left_ms = (int64_t)left.tv_sec * 1000 + left.tv_usec / 1000 + 1;
    timer_set(resolver->loop, &resolver->timeout, resolver->loop->now_ms + left_ms);
}

static void on_timeout(struct loop *loop, struct timer *timer)
{
    struct resolver *resolver = CONTAINER_OF(timer, struct resolver, timeout);
    (void)loop;
    ares_process_fd(resolver->dns, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    restart_timeout(resolver);
}

static void on_sockets(struct loop *loop, struct io *io, unsigned ready)
{
    struct resolver *resolver = CONTAINER_OF(io, struct resolver, poll);
    struct epoll_event events[EVENTS_PER_READ];
    (void)loop;
    (void)ready;
    int count = epoll_wait(io->fd, events, EVENTS_PER_READ, 0);
    for (int i = 0; i < count; i++) {
        const uint32_t reading = EPOLLIN | EPOLLHUP | EPOLLERR;
        int fd = events[i].data.fd;
        bool is_readable = (events[i].events & reading) != 0;
        bool is_writable = (events[i].events & EPOLLOUT) != 0;
        ares_process_fd(resolver->dns, is_readable ? fd : ARES_SOCKET_BAD,
                        is_writable ? fd : ARES_SOCKET_BAD);
    }
    restart_timeout(resolver);
}

/* c-ares tells what it waits for on a socket of its own; neither: it is about to close it. */
static void on_interest(void *arg, ares_socket_t fd, int is_reading, int is_writing)
{
    struct resolver *resolver = arg;
    struct epoll_event event = {.data.fd = fd};
    event.events = (is_reading ? EPOLLIN : 0U) | (is_writing ? EPOLLOUT : 0U);
    if (event.events == 0) {
        (void)epoll_ctl(resolver->poll.fd, EPOLL_CTL_DEL, fd, NULL);
    } else if (epoll_ctl(resolver->poll.fd, EPOLL_CTL_ADD, fd, &event) != 0 &&
               epoll_ctl(resolver->poll.fd, EPOLL_CTL_MOD, fd, &event) != 0) {
        /* Its questions end by their timeout. */
        log_line(LOG_WARN, "net", "a socket of the resolver cannot be watched");
    }
}

/* `lookups`: "f" the hosts file, "b" the servers. */
static enum err open_channel(struct resolver *resolver, char lookup, struct ares_channeldata **out)
{
    char lookups[] = {lookup, '\0'};
    char path[PATH_MAX];
    struct strbuf out_path = strbuf_over(path, sizeof path - 1);
    strbuf_add_c(&out_path, resolver->conf.conf_path);
    path[out_path.len] = '\0';
    struct ares_options options = {.flags = ARES_FLAG_EDNS,
                                   .timeout = (int)resolver->conf.timeout_ms,
                                   .tries = (int)resolver->conf.tries,
                                   .ednspsz = EDNS_BYTES,
                                   .lookups = lookups,
                                   .resolvconf_path = path,
                                   .udp_port = resolver->conf.conf_port,
                                   .tcp_port = resolver->conf.conf_port,
                                   .sock_state_cb = on_interest,
                                   .sock_state_cb_data = resolver};
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
               ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF | ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE;
    mask |= resolver->conf.conf_port != 0 ? ARES_OPT_UDP_PORT | ARES_OPT_TCP_PORT : 0;
    mask |= without_cache(&options);
    if (ares_init_options(out, &options, mask) != ARES_SUCCESS) {
        *out = NULL;
        return ERR_SYSTEM;
    }
    if (resolver->conf.servers != NULL &&
        ares_set_servers_ports_csv(*out, resolver->conf.servers) != ARES_SUCCESS) {
        return ERR_SYNTAX;
    }
    return OK;
}

/* When the file was last changed; 0: there is none. */
static int64_t conf_changed_at_ns(const struct resolver *resolver)
{
    struct stat status;
    if (stat(resolver->conf.conf_path, &status) != 0) {
        return 0;
    }
    return status.st_mtim.tv_sec * NS_PER_SEC + status.st_mtim.tv_nsec;
}

enum err resolver_ares_open(struct resolver *resolver)
{
    resolver->timeout.fire = on_timeout;
    resolver->poll.on_ready = on_sockets;
    resolver->conf_checked_at_ms = resolver->loop->now_ms;
    resolver->conf_changed_at_ns = conf_changed_at_ns(resolver);
    resolver->poll.fd = epoll_create1(EPOLL_CLOEXEC);
    if (resolver->poll.fd < 0 || ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS) {
        return ERR_SYSTEM;
    }
    TRY(loop_watch_level(resolver->loop, &resolver->poll));
    TRY(open_channel(resolver, 'f', &resolver->hosts));
    return open_channel(resolver, 'b', &resolver->dns);
}

void resolver_ares_close(struct resolver *resolver)
{
    struct ares_channeldata *channels[] = {resolver->dns, resolver->hosts};
    for (size_t i = 0; i < COUNT_OF(channels); i++) {
        if (channels[i] != NULL) {
            ares_destroy(channels[i]);
        }
    }
    resolver->dns = resolver->hosts = NULL;
    timer_stop(&resolver->timeout);
    if (resolver->poll.fd >= 0) {
        ares_library_cleanup();
        loop_close(resolver->loop, &resolver->poll);
    }
}

/* An answer of the hosts file. It comes before ares_getaddrinfo returns. */
struct hosts_answer {
    struct ares_addrinfo *info; /* NULL: the name is not there */
};

static void on_hosts_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info)
{
    struct hosts_answer *answer = arg;
    (void)timeouts;
    if (status == ARES_SUCCESS) {
        answer->info = info;
    } else if (info != NULL) {
        ares_freeaddrinfo(info);
    }
}

bool resolver_ares_hosts(struct resolver *resolver, struct resolver_round *round, const char *host)
{
    /* Asked for without need, newer versions look for a file without a name. */
    int other_file = getenv("CARES_HOSTS") != NULL ? ARES_AI_ENVHOSTS : 0;
    const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC,
                                              .ai_flags = ARES_AI_NOSORT | other_file};
    struct hosts_answer answer = {NULL};
    ares_getaddrinfo(resolver->hosts, host, NULL, &hints, on_hosts_answer, &answer);
    if (answer.info == NULL) {
        return false;
    }
    (void)take_nodes(round, answer.info, ADDR_V4);
    (void)take_nodes(round, answer.info, ADDR_V6);
    ares_freeaddrinfo(answer.info);
    return true;
}

void resolver_ares_ask(struct resolver *resolver, struct resolver_question *question,
                       const char *host)
{
    const struct ares_addrinfo_hints hints = {
        .ai_family = question->family == ADDR_V4 ? AF_INET : AF_INET6, .ai_flags = ARES_AI_NOSORT};
    ares_getaddrinfo(resolver->dns, host, NULL, &hints, on_answer, question);
    restart_timeout(resolver);
}

/* Whom to tell of an answer. c-ares takes nothing back, so it is alone in holding this. */
struct raw_question {
    resolver_raw_fn *on_raw;
    void *arg;
};

static void on_raw(void *arg, int status, int timeouts, unsigned char *bytes, int len)
{
    struct raw_question *question = arg;
    (void)timeouts;
    question->on_raw(question->arg, outcome_of(status), bytes,
                     bytes == NULL || len < 0 ? 0 : (size_t)len);
    heap_free(question);
}

void resolver_ares_srv(struct resolver *resolver, const char *name, resolver_raw_fn *on_answer_raw,
                       void *arg)
{
    struct raw_question *question = heap_new(sizeof *question);
    if (question == NULL) {
        on_answer_raw(arg, NAME_SERVFAIL, NULL, 0);
        return;
    }
    *question = (struct raw_question){on_answer_raw, arg};
    ares_query(resolver->dns, name, ns_c_in, ns_t_srv, on_raw, question);
    restart_timeout(resolver);
}

void resolver_ares_follow_conf(struct resolver *resolver)
{
    int64_t now_ms = resolver->loop->now_ms;
    if (resolver->conf.servers != NULL || now_ms - resolver->conf_checked_at_ms < CONF_CHECK_MS) {
        return;
    }
    int64_t changed_at_ns = conf_changed_at_ns(resolver);
    resolver->conf_checked_at_ms = now_ms;
    /* No file: perhaps it is being replaced this moment. */
    if (changed_at_ns == 0 || changed_at_ns == resolver->conf_changed_at_ns) {
        return;
    }
    struct ares_channeldata *next = NULL;
    if (open_channel(resolver, 'b', &next) != OK) {
        log_line(LOG_WARN, "net", "%s has changed but cannot be used", resolver->conf.conf_path);
        return;
    }
    log_line(LOG_INFO, "net", "%s has changed; its name servers are asked from now on",
             resolver->conf.conf_path);
    resolver->conf_changed_at_ns = changed_at_ns;
    struct ares_channeldata *before = resolver->dns;
    resolver->dns = next;
    ares_destroy(before);
    restart_timeout(resolver);
}
