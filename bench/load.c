/* load.c - the load generator of `make bench`: one thread, epoll, keep-alive or a connection for
 * each request, a browser-like head of 414 bytes.
 * It costs less than any proxy it measures: one send and one receive per request, large bodies are
 * dropped in the kernel (MSG_TRUNC). Driven by lines on stdin, so that bench.py can keep its
 * connections open between the interleaved slices of several peers:
 *     open        opens all connections and sends one request on each
 *     run S       requests on all connections for S seconds
 *     count N     exactly N requests
 * Each command is answered by one line of JSON. */
#define _GNU_SOURCE
#include "base/addr.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/strbuf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SCRATCH_BYTES = 1 << 18,
    KEPT_BYTES_MAX = 2048,
    EVENTS_PER_TURN = 512,
    OPENING_MAX = 128,
    BUCKETS = 1024,
    SOURCES = 64,
    REQUEST_BYTES = 414, /* as the reference measurements */
    DRAIN_MS = 10000
};

enum load_error {
    FAIL_CONNECT,
    FAIL_RESET,
    FAIL_CLOSED,
    FAIL_STATUS,
    FAIL_HEAD,
    FAIL_TIMEOUT,
    FAILS
};
static const char *const fail_names[FAILS] = {"connect", "reset",     "closed",
                                              "status",  "malformed", "timeout"};

enum peer_state { PEER_CLOSED, PEER_CONNECTING, PEER_IDLE, PEER_WAITING, PEER_ENDING };

struct peer {
    int fd;
    uint8_t state; /* enum peer_state */
    bool has_head;
    uint16_t kept_len;
    uint64_t body_left;
    int64_t began_ns;
    char *kept; /* the beginning of a head that came in pieces */
};

struct load {
    struct addr target;
    struct str path;
    bool is_new; /* a connection for each request */
    uint32_t peer_count;
    struct peer *peers;
    char *kept;
    char request[1024];
    size_t request_len;
    int epoll_fd;
    uint32_t source; /* 127.0.0.1 and the next SOURCES addresses take turns */
    char *scratch;
    /* Of the command in progress. */
    uint64_t wanted; /* requests still to start; UINT64_MAX: until the end */
    int64_t end_ns;  /* no request starts after it; 0: never ends */
    uint32_t in_flight, next_unopened;
    bool is_opening;
    uint64_t done, bytes, fails[FAILS];
    uint64_t buckets[BUCKETS];
    uint64_t latency_us_max;
};

/* 32 buckets for each doubling: values within 3 %. */
static uint32_t bucket_of(uint64_t us)
{
    if (us < 32) {
        return (uint32_t)us;
    }
    uint32_t exponent = 63U - (uint32_t)__builtin_clzll(us);
    uint32_t bucket = (exponent - 4) * 32 + (uint32_t)((us >> (exponent - 5)) & 31);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static uint64_t bucket_us(uint32_t bucket)
{
    if (bucket < 32) {
        return bucket;
    }
    uint32_t exponent = bucket / 32 + 4;
    return (UINT64_C(32) + (bucket & 31)) << (exponent - 5);
}

static uint64_t percentile_us(const struct load *load, double share)
{
    uint64_t seen = 0;
    for (uint32_t i = 0; i < BUCKETS; i++) {
        seen += load->buckets[i];
        if (load->done > 0 && (double)seen >= share * (double)load->done) {
            return bucket_us(i);
        }
    }
    return 0;
}

static void build_request(struct load *load)
{
    struct strbuf out = strbuf_over(load->request, sizeof(load->request));
    strbuf_add(&out, STR("GET "));
    strbuf_add(&out, load->path);
    strbuf_add(&out,
               STR(" HTTP/1.1\r\nHost: www.example.com\r\n"
                   "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 "
                   "Firefox/128.0\r\n"
                   "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"
                   "Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br\r\n"
                   "Referer: https://www.example.com/index.html\r\n"
                   "Cookie: session=0123456789abcdef0123456789abcdef\r\n"));
    strbuf_add(&out,
               load->is_new ? STR("Connection: close\r\n") : STR("Connection: keep-alive\r\n"));
    strbuf_add(&out, STR("X-Pad: "));
    while (out.len < REQUEST_BYTES - 4) {
        strbuf_add_char(&out, 'p');
    }
    strbuf_add(&out, STR("\r\n\r\n"));
    load->request_len = out.len;
}

static void peer_close(struct load *load, struct peer *peer)
{
    if (peer->state == PEER_WAITING || peer->state == PEER_CONNECTING) {
        load->in_flight--;
    }
    if (peer->fd >= 0) {
        close(peer->fd);
    }
    peer->fd = -1;
    peer->state = PEER_CLOSED;
    peer->kept_len = 0;
}

static void peer_fail(struct load *load, struct peer *peer, enum load_error why)
{
    load->fails[why]++;
    peer_close(load, peer);
}

static void peer_send(struct load *load, struct peer *peer)
{
    peer->state = PEER_WAITING;
    peer->has_head = false;
    peer->kept_len = 0;
    ssize_t sent = send(peer->fd, load->request, load->request_len, MSG_NOSIGNAL);
    if (sent != (ssize_t)load->request_len) {
        peer_fail(load, peer, FAIL_RESET);
    }
}

/* Sources take turns, or closed connections would use the ports of one address up. */
static bool peer_bind(struct load *load, int fd)
{
    struct sockaddr_in source = {.sin_family = AF_INET};
    int one = 1;
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + load->source++ % SOURCES);
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one));
    return bind(fd, (struct sockaddr *)(void *)&source, sizeof(source)) == 0;
}

static void peer_connect(struct load *load, struct peer *peer)
{
    struct sockaddr_storage to;
    socklen_t to_len = addr_to_kernel(&load->target, &to);
    int one = 1;
    peer->state = PEER_CONNECTING;
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (peer->fd < 0 || !peer_bind(load, peer->fd)) {
        peer_fail(load, peer, FAIL_CONNECT);
        return;
    }
    (void)setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data = {.ptr = peer}};
    if ((connect(peer->fd, (struct sockaddr *)(void *)&to, to_len) != 0 && errno != EINPROGRESS) ||
        epoll_ctl(load->epoll_fd, EPOLL_CTL_ADD, peer->fd, &event) != 0) {
        peer_fail(load, peer, FAIL_CONNECT);
    }
}

static void peer_start(struct load *load, struct peer *peer, int64_t now_ns)
{
    if (load->wanted == 0 || (load->end_ns != 0 && now_ns >= load->end_ns)) {
        return;
    }
    load->wanted -= load->wanted != UINT64_MAX;
    load->in_flight++;
    peer->began_ns = now_ns;
    if (peer->state == PEER_CLOSED) {
        peer_connect(load, peer);
    } else {
        peer_send(load, peer);
    }
}

static void start_unopened(struct load *load, int64_t now_ns)
{
    while (load->next_unopened < load->peer_count && load->in_flight < OPENING_MAX) {
        struct peer *peer = &load->peers[load->next_unopened++];
        if (peer->state == PEER_CLOSED || peer->state == PEER_IDLE) {
            peer_start(load, peer, now_ns);
        }
    }
}

static void peer_finish(struct load *load, struct peer *peer)
{
    int64_t now_ns = clock_mono_ns();
    uint64_t us = (uint64_t)(now_ns - peer->began_ns) / 1000;
    load->done++;
    load->in_flight--;
    load->buckets[bucket_of(us)]++;
    load->latency_us_max = us > load->latency_us_max ? us : load->latency_us_max;
    peer->state = load->is_new ? PEER_ENDING : PEER_IDLE;
    if (peer->state == PEER_IDLE && !load->is_opening) {
        peer_start(load, peer, now_ns);
    }
}

/* The value of Content-Length in a head; false without one. */
static bool find_length(struct str head, uint64_t *length)
{
    while (head.len > 0) {
        struct str_pair line = str_cut(head, '\n');
        struct str_pair field = str_cut(line.head, ':');
        if (str_eq_nocase(field.head, STR("content-length"))) {
            struct str value = str_trim(field.tail);
            value.len -= value.len > 0 && value.at[value.len - 1] == '\r';
            return str_to_u64(str_trim(value), length);
        }
        head = line.tail;
    }
    return false;
}

/* Takes the bytes of a head, and of a body behind it; false when the peer was given up. */
static bool take_head(struct load *load, struct peer *peer, struct str data)
{
    size_t end = str_find_str(data, STR("\r\n\r\n"));
    if (end == data.len) {
        if (data.len > KEPT_BYTES_MAX) {
            peer_fail(load, peer, FAIL_HEAD);
            return false;
        }
        memcpy(peer->kept, data.at, data.len);
        peer->kept_len = (uint16_t)data.len;
        return true;
    }
    uint64_t length;
    if (!str_starts(data, STR("HTTP/1.1 200"))) {
        peer_fail(load, peer, FAIL_STATUS);
        return false;
    }
    if (!find_length(str_sub(data, 0, end), &length) || data.len - end - 4 > length) {
        peer_fail(load, peer, FAIL_HEAD);
        return false;
    }
    peer->kept_len = 0;
    peer->has_head = true;
    peer->body_left = length - (data.len - end - 4);
    return true;
}

/* One receive; false when there is nothing more to do for now. */
static bool peer_receive(struct load *load, struct peer *peer)
{
    ssize_t got;
    bool is_body = peer->state == PEER_WAITING && peer->has_head;
    if (is_body) {
        got = recv(peer->fd, NULL, peer->body_left, MSG_TRUNC);
    } else {
        memcpy(load->scratch, peer->kept, peer->kept_len);
        got = recv(peer->fd, load->scratch + peer->kept_len, SCRATCH_BYTES - peer->kept_len, 0);
    }
    if (got < 0) {
        if (errno != EAGAIN) {
            peer_fail(load, peer, FAIL_RESET);
        }
        return false;
    }
    if (got == 0 || peer->state != PEER_WAITING) {
        bool is_fault = peer->state == PEER_WAITING || got > 0;
        load->fails[got > 0 ? FAIL_HEAD : FAIL_CLOSED] += is_fault;
        peer_close(load, peer);
        return false;
    }
    load->bytes += (uint64_t)got;
    if (is_body) {
        peer->body_left -= (uint64_t)got;
    } else if (!take_head(load, peer, str_of(load->scratch, peer->kept_len + (size_t)got))) {
        return false;
    }
    if (peer->has_head && peer->body_left == 0) {
        peer_finish(load, peer);
        return peer->state == PEER_ENDING;
    }
    return true;
}

static void peer_event(struct load *load, struct peer *peer, uint32_t events)
{
    if (peer->state == PEER_CONNECTING && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) {
        int error = 0;
        socklen_t error_len = sizeof(error);
        (void)getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &error, &error_len);
        if (error != 0) {
            peer_fail(load, peer, FAIL_CONNECT);
            return;
        }
        peer_send(load, peer);
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) {
        return;
    }
    while (peer->state != PEER_CLOSED && peer_receive(load, peer)) {
    }
    if (load->is_new && peer->state == PEER_CLOSED && !load->is_opening) {
        peer_start(load, peer, clock_mono_ns());
    }
}

static void turn(struct load *load, int wait_ms)
{
    struct epoll_event events[EVENTS_PER_TURN];
    int count = epoll_wait(load->epoll_fd, events, EVENTS_PER_TURN, wait_ms);
    for (int i = 0; i < count; i++) {
        struct peer *peer = events[i].data.ptr;
        if (peer->fd >= 0) {
            peer_event(load, peer, events[i].events);
        }
    }
}

static void give_up_late_ones(struct load *load)
{
    for (uint32_t i = 0; i < load->peer_count; i++) {
        if (load->peers[i].state == PEER_WAITING || load->peers[i].state == PEER_CONNECTING) {
            peer_fail(load, &load->peers[i], FAIL_TIMEOUT);
        }
    }
}

static uint32_t count_open(const struct load *load)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < load->peer_count; i++) {
        open += load->peers[i].fd >= 0;
    }
    return open;
}

static void report(const struct load *load, double seconds)
{
    printf("{\"requests\": %llu, \"seconds\": %.6f, \"bytes\": %llu, \"open\": %u, \"errors\": {",
           (unsigned long long)load->done, seconds, (unsigned long long)load->bytes,
           count_open(load));
    for (int i = 0; i < FAILS; i++) {
        printf("%s\"%s\": %llu", i > 0 ? ", " : "", fail_names[i],
               (unsigned long long)load->fails[i]);
    }
    printf(
        "}, \"p50_us\": %llu, \"p90_us\": %llu, \"p99_us\": %llu, \"p999_us\": %llu, "
        "\"max_us\": %llu}\n",
        (unsigned long long)percentile_us(load, 0.5), (unsigned long long)percentile_us(load, 0.9),
        (unsigned long long)percentile_us(load, 0.99),
        (unsigned long long)percentile_us(load, 0.999), (unsigned long long)load->latency_us_max);
    (void)fflush(stdout);
}

static void command_begin(struct load *load)
{
    turn(load, 0); /* what the other side closed meanwhile */
    load->wanted = UINT64_MAX;
    load->end_ns = 0;
    load->is_opening = false;
    load->done = load->bytes = load->latency_us_max = 0;
    memset(load->fails, 0, sizeof(load->fails));
    memset(load->buckets, 0, sizeof(load->buckets));
}

static void command_end(struct load *load, int64_t began_ns, int64_t patience_ns)
{
    int64_t give_up_ns = began_ns + patience_ns;
    while (load->in_flight > 0 && clock_mono_ns() < give_up_ns) {
        turn(load, 100);
        if (load->is_opening) {
            start_unopened(load, clock_mono_ns());
        }
    }
    double seconds = (double)(clock_mono_ns() - began_ns) / 1e9;
    give_up_late_ones(load);
    report(load, seconds);
}

static void run_all(struct load *load, uint64_t wanted, int64_t length_ns)
{
    command_begin(load);
    int64_t began_ns = clock_mono_ns();
    load->wanted = wanted;
    load->end_ns = length_ns > 0 ? began_ns + length_ns : 0;
    for (uint32_t i = 0; i < load->peer_count; i++) {
        if (load->peers[i].state == PEER_CLOSED || load->peers[i].state == PEER_IDLE) {
            peer_start(load, &load->peers[i], began_ns);
        }
    }
    int64_t patience_ns = length_ns > 0 ? length_ns + DRAIN_MS * NS_PER_MS : 600 * NS_PER_SEC;
    command_end(load, began_ns, patience_ns);
}

static void open_all(struct load *load)
{
    command_begin(load);
    int64_t began_ns = clock_mono_ns();
    load->is_opening = true;
    load->next_unopened = 0;
    start_unopened(load, began_ns);
    command_end(load, began_ns, 60 * NS_PER_SEC);
}

/* "0.6" in nanoseconds; digits and at most one dot. */
static bool parse_seconds(struct str text, int64_t *ns)
{
    struct str_pair parts = str_cut(text, '.');
    uint64_t whole, part = 0, scale = NS_PER_SEC;
    if (!str_to_u64(parts.head, &whole) || whole > 3600) {
        return false;
    }
    for (size_t i = 0; i < parts.tail.len && i < 9; i++) {
        if (!char_is_digit(parts.tail.at[i])) {
            return false;
        }
        scale /= 10;
        part += (uint64_t)(parts.tail.at[i] - '0') * scale;
    }
    *ns = (int64_t)(whole * NS_PER_SEC + part);
    return true;
}

static bool obey(struct load *load, struct str line)
{
    struct str_pair words = str_cut(str_trim(line), ' ');
    int64_t length_ns;
    uint64_t count;
    if (str_eq(words.head, STR("open"))) {
        open_all(load);
    } else if (str_eq(words.head, STR("run")) && parse_seconds(words.tail, &length_ns)) {
        run_all(load, UINT64_MAX, length_ns);
    } else if (str_eq(words.head, STR("count")) && str_to_u64(words.tail, &count)) {
        run_all(load, count, 0);
    } else {
        (void)fprintf(stderr, "load: open, run SECONDS or count N\n");
        return false;
    }
    return true;
}

static bool load_init(struct load *load, char **argv)
{
    uint64_t peer_count;
    if (addr_parse(str_from_c(argv[1]), &load->target) != OK ||
        !str_to_u64(str_from_c(argv[2]), &peer_count) || peer_count == 0 || peer_count > 1000000) {
        return false;
    }
    load->path = str_from_c(argv[3]);
    load->is_new = argv[4] != NULL && str_eq(str_from_c(argv[4]), STR("--new"));
    load->peer_count = (uint32_t)peer_count;
    load->peers = calloc(peer_count, sizeof(struct peer));
    load->kept = calloc(peer_count, KEPT_BYTES_MAX);
    load->scratch = malloc(SCRATCH_BYTES + KEPT_BYTES_MAX);
    load->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (load->peers == NULL || load->kept == NULL || load->scratch == NULL || load->epoll_fd < 0) {
        return false;
    }
    for (uint32_t i = 0; i < load->peer_count; i++) {
        load->peers[i].fd = -1;
        load->peers[i].kept = load->kept + (size_t)i * KEPT_BYTES_MAX;
    }
    build_request(load);
    return true;
}

int main(int argc, char **argv)
{
    static struct load load;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files);
    }
    if (argc < 4 || argc > 5 || !load_init(&load, argv)) {
        (void)fprintf(stderr, "usage: load ADDRESS:PORT CONNECTIONS PATH [--new]   "
                              "(commands on stdin: open, run SECONDS, count N)\n");
        return 2;
    }
    char line[128];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        struct str text = str_from_c(line);
        text.len -= text.len > 0 && text.at[text.len - 1] == '\n';
        if (!obey(&load, text)) {
            return 2;
        }
    }
    return 0;
}
