/* dns_server.c - a name server that answers as it is told; see dns_server.h. RFC 1035 4. */
#define _GNU_SOURCE
#include "dns_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { MESSAGE_MAX = 65535, HEAD = 12, TYPE_A = 1, TYPE_CNAME = 5, TYPE_AAAA = 28, TYPE_SRV = 33 };
enum { RCODE_SERVFAIL = 2, RCODE_NXDOMAIN = 3, RCODE_REFUSED = 5, TC = 0x02 };

struct out {
    uint8_t at[MESSAGE_MAX];
    size_t len;
    unsigned answers;
};

static void add(struct out *out, const void *bytes, size_t count)
{
    if (count <= sizeof out->at - out->len) {
        memcpy(out->at + out->len, bytes, count);
        out->len += count;
    }
}

static void add_u16(struct out *out, unsigned value)
{
    const uint8_t bytes[] = {(uint8_t)(value >> 8), (uint8_t)value};
    add(out, bytes, sizeof bytes);
}

/* A record whose owner is the name asked for. */
static void add_record(struct out *out, unsigned type, unsigned ttl_sec, const uint8_t *data,
                       unsigned bytes)
{
    if (sizeof out->at - out->len < 12U + bytes) {
        return;
    }
    add_u16(out, 0xc000U | HEAD);
    add_u16(out, type);
    add_u16(out, 1);
    add_u16(out, ttl_sec >> 16);
    add_u16(out, ttl_sec & 0xffff);
    add_u16(out, bytes);
    add(out, data, bytes);
    out->answers++;
}

static void add_addresses(struct dns_server *server, struct out *out, unsigned type)
{
    unsigned ttl_sec = server->ttl_sec, count = server->count, shift = server->shift;
    for (unsigned i = count; i > 0; i--) {
        unsigned n = i + shift;
        const uint8_t v4[4] = {10, 0, (uint8_t)(n >> 8), (uint8_t)n};
        const uint8_t v6[16] = {0xfd, [14] = (uint8_t)(n >> 8), [15] = (uint8_t)n};
        /* 10, weight i, port 8000 + n, host "h" and a letter */
        const uint8_t srv[10] = {0, 10, 0, (uint8_t)i, (uint8_t)((8000 + n) >> 8),
                                 (uint8_t)(8000 + n), 2, 'h', (uint8_t)('a' + i), 0};
        if (type == TYPE_A) {
            add_record(out, type, ttl_sec, v4, sizeof v4);
        } else if (type == TYPE_AAAA) {
            add_record(out, type, ttl_sec, v6, sizeof v6);
        } else if (type == TYPE_SRV) {
            add_record(out, type, ttl_sec, srv, sizeof srv);
        }
    }
}

static void add_unusable(struct out *out, unsigned type)
{
    static const uint8_t v4[][4] = {{0, 0, 0, 0}, {224, 0, 0, 1}};
    static const uint8_t v6[][16] = {{0}, {0xff, 2, [15] = 1}};
    for (unsigned i = 0; i < 2; i++) {
        if (type == TYPE_A) {
            add_record(out, type, 60, v4[i], sizeof v4[i]);
        } else {
            add_record(out, type, 60, v6[i], sizeof v6[i]);
        }
    }
}

/* "c" under the root, an alias to which the records belong that follow. */
static void add_alias(struct dns_server *server, struct out *out, unsigned type)
{
    static const uint8_t target[] = {1, 'c', 0};
    size_t owner = out->len + 12;
    add_record(out, TYPE_CNAME, 7, target, sizeof target);
    size_t from = out->len;
    add_addresses(server, out, type);
    for (size_t at = from; at + 12 <= out->len; at += 12U + out->at[at + 11]) {
        out->at[at] = (uint8_t)(0xc0U | (owner >> 8));
        out->at[at + 1] = (uint8_t)owner;
    }
}

static bool is_silent(int mode, unsigned type)
{
    return mode == DNS_SILENT || (mode == DNS_V6_SILENT && type == TYPE_AAAA);
}

static bool has_addresses(int mode, unsigned type)
{
    return mode == DNS_GOOD || mode == DNS_TRUNCATED || (mode == DNS_NO_V6 && type == TYPE_A) ||
           (mode == DNS_V6_SILENT && type == TYPE_A) || (mode == DNS_V4_FAILS && type == TYPE_AAAA);
}

static unsigned rcode_of(int mode, unsigned type)
{
    if (mode == DNS_NXDOMAIN) {
        return RCODE_NXDOMAIN;
    }
    if (mode == DNS_REFUSED) {
        return RCODE_REFUSED;
    }
    return mode == DNS_SERVFAIL || (mode == DNS_V4_FAILS && type == TYPE_A) ? RCODE_SERVFAIL : 0;
}

/* Builds the answer; false: none is to be sent. */
static bool answer(struct dns_server *server, const uint8_t *asked, size_t len, bool is_tcp,
                   struct out *out)
{
    static const uint8_t itself[] = {0xc0, HEAD}, noise[] = {0xff, 0xc0, 0xff, 0xc1, 0x07};
    size_t at = HEAD;
    int mode = server->mode;
    while (at < len && asked[at] != 0) {
        at += 1U + asked[at];
    }
    at += 5;
    if (len < HEAD || at > len) {
        return false;
    }
    unsigned type = (unsigned)(asked[at - 4] << 8 | asked[at - 3]);
    if (is_silent(mode, type)) {
        return false;
    }
    out->len = out->answers = 0;
    add(out, asked, at);
    if (mode == DNS_TRUNCATED && !is_tcp) {
        out->at[2] = 0x81 | TC;
    } else {
        out->at[2] = 0x81;
        if (has_addresses(mode, type)) {
            add_addresses(server, out, type);
        } else if (mode == DNS_LOOP) {
            add_record(out, TYPE_CNAME, 60, itself, sizeof itself);
        } else if (mode == DNS_ALIAS) {
            add_alias(server, out, type);
        } else if (mode == DNS_UNUSABLE) {
            add_unusable(out, type);
        } else if (mode == DNS_GARBAGE) {
            add(out, noise, sizeof noise);
            out->answers = 3;
        }
    }
    const uint8_t counts[] = {0, 1, (uint8_t)(out->answers >> 8), (uint8_t)out->answers, 0, 0,
                              0, 0};
    out->at[3] = (uint8_t)(0x80U | rcode_of(mode, type));
    memcpy(out->at + 4, counts, sizeof counts);
    return true;
}

static void serve_udp(struct dns_server *server, struct out *out)
{
    uint8_t asked[1500];
    struct sockaddr_storage from;
    socklen_t from_bytes = sizeof from;
    ssize_t n =
        recvfrom(server->udp_fd, asked, sizeof asked, 0, (struct sockaddr *)&from, &from_bytes);
    if (n > 0) {
        server->udp_questions++;
        if (answer(server, asked, (size_t)n, false, out)) {
            (void)sendto(server->udp_fd, out->at, out->len, 0, (struct sockaddr *)&from,
                         from_bytes);
        }
    }
}

static bool read_all(int fd, uint8_t *at, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, at, len);
        if (n <= 0) {
            return false;
        }
        at += n;
        len -= (size_t)n;
    }
    return true;
}

/* One connection, every question on it; a silent second ends it. */
static void serve_tcp(struct dns_server *server, struct out *out)
{
    uint8_t head[2], asked[1500];
    const struct timeval wait = {.tv_sec = 1};
    int fd = accept(server->tcp_fd, NULL, NULL);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    while (fd >= 0 && read_all(fd, head, sizeof head)) {
        size_t len = (size_t)head[0] << 8 | head[1];
        if (len > sizeof asked || !read_all(fd, asked, len)) {
            break;
        }
        server->tcp_questions++;
        if (answer(server, asked, len, true, out)) {
            const uint8_t size[] = {(uint8_t)(out->len >> 8), (uint8_t)out->len};
            if (write(fd, size, sizeof size) < 0 || write(fd, out->at, out->len) < 0) {
                break;
            }
        }
    }
    (void)close(fd);
}

static void *serve(void *arg)
{
    struct out out;
    struct dns_server *server = arg;
    struct pollfd polled[] = {{.fd = server->udp_fd, .events = POLLIN},
                              {.fd = server->tcp_fd, .events = POLLIN},
                              {.fd = server->stop_fds[0], .events = POLLIN}};
    while (poll(polled, 3, -1) >= 0 && polled[2].revents == 0) {
        if (polled[0].revents != 0) {
            serve_udp(server, &out);
        }
        if (polled[1].revents != 0) {
            serve_tcp(server, &out);
        }
    }
    return NULL;
}

bool dns_server_start(struct dns_server *server)
{
    return dns_server_start_at(server, 1, 0);
}

bool dns_server_start_at(struct dns_server *server, unsigned host, uint16_t port)
{
    struct sockaddr_in name = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f000000U + host),
                               .sin_port = htons(port)};
    socklen_t name_bytes = sizeof name;
    *server = (struct dns_server){.count = 1, .ttl_sec = 60};
    server->tcp_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    server->udp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(server->tcp_fd, (struct sockaddr *)&name, name_bytes) != 0 ||
        listen(server->tcp_fd, 16) != 0 ||
        getsockname(server->tcp_fd, (struct sockaddr *)&name, &name_bytes) != 0 ||
        bind(server->udp_fd, (struct sockaddr *)&name, name_bytes) != 0 ||
        pipe2(server->stop_fds, O_CLOEXEC) != 0) {
        return false;
    }
    server->port = ntohs(name.sin_port);
    (void)snprintf(server->address, sizeof server->address, "127.0.0.%u:%u", host,
                   (unsigned)server->port);
    return pthread_create(&server->thread, NULL, serve, server) == 0;
}

void dns_server_stop(struct dns_server *server)
{
    (void)close(server->stop_fds[1]);
    (void)pthread_join(server->thread, NULL);
    (void)close(server->stop_fds[0]);
    (void)close(server->udp_fd);
    (void)close(server->tcp_fd);
}
