/* resolver_srv.c - SRV questions and the records of their answers; see resolver_srv.h.
 * c-ares reads records without their TTL, so the walk over the answer is here, and only names are
 * left to ares_expand_name. RFC 1035 4.1, RFC 2782. */
#include "net/resolver_srv.h"

#include "base/check.h"
#include "base/heap.h"
#include "base/log.h"
#include "net/resolver_ares.h"

#include <ares.h>
#include <stdlib.h>

enum { HEADER_BYTES = 12, RECORD_BYTES = 10, SRV_BYTES = 6, TYPE_SRV = 33, CLASS_IN = 1 };

/* Who asked; c-ares takes no question back, so it may outlive the entry. */
struct srv_question {
    struct resolver_srv *srv; /* NULL: nobody waits any more */
};

struct reader {
    const uint8_t *bytes;
    size_t len, at;
};

static uint32_t number(const struct reader *in, size_t at, size_t bytes)
{
    uint32_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | in->bytes[at + i];
    }
    return value;
}

static bool has_left(const struct reader *in, size_t bytes)
{
    return in->len - in->at >= bytes;
}

/* Reads a name, which may point backwards; `host` may be NULL. */
static bool read_name(struct reader *in, char *host)
{
    char *text = NULL;
    long used = 0;
    if (in->at >= in->len || ares_expand_name(in->bytes + in->at, in->bytes, (int)in->len, &text,
                                              &used) != ARES_SUCCESS) {
        return false;
    }
    size_t len = strlen(text);
    bool is_good = used > 0 && has_left(in, (size_t)used) && len <= NAME_BYTES_MAX;
    if (is_good && host != NULL) {
        for (size_t i = 0; i <= len; i++) {
            host[i] = char_lower(text[i]);
        }
        if (len > 0 && host[len - 1] == '.') {
            host[len - 1] = '\0';
        }
    }
    in->at += is_good ? (size_t)used : 0;
    ares_free_string(text);
    return is_good;
}

static int compare(const void *left_arg, const void *right_arg)
{
    const struct srv_record *left = left_arg, *right = right_arg;
    if (left->priority != right->priority) {
        return left->priority < right->priority ? -1 : 1;
    }
    int by_host = strcmp(left->host, right->host);
    return by_host != 0 ? by_host : (int)left->port - (int)right->port;
}

static bool is_same_place(const struct srv_record *left, const struct srv_record *right)
{
    return left->port == right->port && strcmp(left->host, right->host) == 0;
}

/* One record, after its type, class and length have been seen. */
static bool take_record(struct reader *in, size_t data_len, struct srv_answer *out)
{
    struct srv_record record;
    size_t end = in->at + data_len;
    if (data_len <= SRV_BYTES) {
        return false;
    }
    record.priority = (uint16_t)number(in, in->at, 2);
    record.weight = (uint16_t)number(in, in->at + 2, 2);
    record.port = (uint16_t)number(in, in->at + 4, 2);
    in->at += SRV_BYTES;
    if (!read_name(in, record.host) || in->at != end) {
        return false;
    }
    /* The root: "not here". Other hosts that are none are left out, the rest stands. */
    if (record.host[0] == '\0' || record.port == 0 || !resolver_is_host(str_from_c(record.host))) {
        return true;
    }
    for (uint32_t i = 0; i < out->count; i++) {
        if (is_same_place(&out->at[i], &record)) {
            return true;
        }
    }
    if (out->count == SRV_RECORDS_MAX) {
        out->left_out_count++;
        return true;
    }
    out->at[out->count++] = record;
    return true;
}

static bool read_records(struct reader *in, uint32_t count, struct srv_answer *out)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!read_name(in, NULL) || !has_left(in, RECORD_BYTES)) {
            return false;
        }
        uint32_t type = number(in, in->at, 2), class = number(in, in->at + 2, 2);
        int64_t ttl_ms = (int64_t)number(in, in->at + 4, 4) * 1000;
        size_t data_len = number(in, in->at + 8, 2);
        in->at += RECORD_BYTES;
        if (!has_left(in, data_len)) {
            return false;
        }
        if (type != TYPE_SRV || class != CLASS_IN) {
            in->at += data_len; /* an alias on the way */
        } else if (!take_record(in, data_len, out)) {
            return false;
        }
        out->ttl_ms = ttl_ms < out->ttl_ms ? ttl_ms : out->ttl_ms;
    }
    return true;
}

enum name_state srv_parse(const uint8_t *bytes, size_t len, struct srv_answer *out)
{
    struct reader in = {bytes, len, HEADER_BYTES};
    out->count = out->left_out_count = 0;
    out->ttl_ms = INT64_MAX;
    if (len < HEADER_BYTES || len > UINT16_MAX) {
        return NAME_SERVFAIL;
    }
    uint32_t question_count = number(&in, 4, 2), answer_count = number(&in, 6, 2);
    bool is_good = true;
    for (uint32_t i = 0; is_good && i < question_count; i++) {
        is_good = read_name(&in, NULL) && has_left(&in, 4);
        in.at += is_good ? 4 : 0;
    }
    if (!is_good || !read_records(&in, answer_count, out)) {
        out->count = out->left_out_count = 0;
        return NAME_SERVFAIL;
    }
    qsort(out->at, out->count, sizeof out->at[0], compare);
    return out->count > 0 ? NAME_OK : NAME_EMPTY;
}

static bool is_same_answer(const struct srv_answer *left, const struct srv_answer *right)
{
    bool is_same = left->count == right->count;
    for (uint32_t i = 0; is_same && i < left->count; i++) {
        is_same = is_same_place(&left->at[i], &right->at[i]) &&
                  left->at[i].priority == right->at[i].priority &&
                  left->at[i].weight == right->at[i].weight;
    }
    return is_same;
}

static void log_state(const struct resolver_srv *srv, enum name_state before)
{
    if (srv->state == before) {
        return;
    }
    if (srv->state == NAME_OK) {
        log_line(before == NAME_NEW ? LOG_DEBUG : LOG_INFO, "net", "%s: %u SRV records", srv->name,
                 srv->answer.count);
    } else {
        log_line(LOG_WARN, "net", "%s: no SRV records (%s); %u known ones stay in use", srv->name,
                 name_state_text(srv->state), srv->answer.count);
    }
}

/* The end of a question, outside of c-ares. */
static void settle(struct loop *loop, struct task *task)
{
    struct resolver_srv *srv = CONTAINER_OF(task, struct resolver_srv, settle);
    enum name_state before = srv->state;
    bool is_changed = false;
    srv->state = srv->outcome;
    srv->failures = srv->state == NAME_OK ? 0 : srv->failures + 1;
    if (srv->state == NAME_OK) {
        is_changed = !is_same_answer(&srv->answer, &srv->next);
        srv->answer = srv->next;
    }
    log_state(srv, before);
    timer_set(loop, &srv->refresh,
              loop->now_ms +
                  resolver_next_ms(srv->resolver, srv->state, srv->failures, srv->next.ttl_ms));
    if (is_changed) {
        srv->on_change(srv);
    }
}

static void on_raw(void *arg, enum name_state outcome, const uint8_t *bytes, size_t len)
{
    struct srv_question *question = arg;
    struct resolver_srv *srv = question->srv;
    heap_free(question);
    if (srv == NULL) {
        return;
    }
    srv->question = NULL;
    srv->outcome = outcome == NAME_OK ? srv_parse(bytes, len, &srv->next) : outcome;
    loop_later(srv->resolver->loop, &srv->settle);
}

static void on_refresh(struct loop *loop, struct timer *timer)
{
    struct resolver_srv *srv = CONTAINER_OF(timer, struct resolver_srv, refresh);
    CHECK(srv->question == NULL);
    srv->question = heap_new(sizeof *srv->question);
    if (srv->question == NULL) {
        timer_set(loop, timer, loop->now_ms + srv->resolver->conf.retry_ms_max);
        return;
    }
    srv->question->srv = srv;
    resolver_ares_srv(srv->resolver, srv->name, on_raw, srv->question);
}

enum err resolver_srv_add(struct resolver *resolver, struct resolver_srv *srv, struct str name,
                          srv_fn *on_change)
{
    if (!resolver_is_host(name) || name.len > NAME_BYTES_MAX) {
        return ERR_SYNTAX;
    }
    *srv = (struct resolver_srv){.resolver = resolver,
                                 .refresh.fire = on_refresh,
                                 .settle.run = settle,
                                 .on_change = on_change};
    memcpy(srv->name, name.at, name.len);
    timer_set(resolver->loop, &srv->refresh, resolver->loop->now_ms);
    return OK;
}

void resolver_srv_remove(struct resolver_srv *srv)
{
    if (srv->resolver == NULL) {
        return;
    }
    timer_stop(&srv->refresh);
    task_cancel(&srv->settle);
    if (srv->question != NULL) {
        srv->question->srv = NULL;
    }
    srv->question = NULL;
    srv->resolver = NULL;
}
