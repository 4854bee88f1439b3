/* resolver.c - registered names, their rounds of questions, and what becomes of the answers; see
 * resolver.h. What is special to c-ares stands in resolver_ares.c, which calls round_answered.
 * Nothing is called back from inside c-ares: answers are put down, and settled at the end of the
 * turn. RFC 1035, RFC 2181 5.4 (TTL), RFC 2308 (negative answers). */
#include "net/resolver.h"

#include "base/check.h"
#include "base/log.h"
#include "net/resolver_ares.h"

static const char *const state_texts[NAME_STATE_COUNT] = {
    [NAME_NEW] = "new",           [NAME_OK] = "ok",
    [NAME_PARTIAL] = "partial",   [NAME_EMPTY] = "empty",
    [NAME_NXDOMAIN] = "nxdomain", [NAME_SERVFAIL] = "servfail",
    [NAME_TIMEOUT] = "timeout",
};

const char *name_state_text(enum name_state state)
{
    CHECK(state < NAME_STATE_COUNT);
    return state_texts[state];
}

/* IPv4 before IPv6, then by bytes. */
static int compare(const struct addr *left, const struct addr *right)
{
    if (left->family != right->family) {
        return left->family < right->family ? -1 : 1;
    }
    return memcmp(left->ip, right->ip, sizeof left->ip);
}

void round_add(struct resolver_round *round, const struct addr *addr)
{
    uint32_t at = round->found_count;
    while (at > 0 && compare(&round->found[at - 1], addr) > 0) {
        at--;
    }
    if (at > 0 && compare(&round->found[at - 1], addr) == 0) {
        return;
    }
    if (round->found_count == NAME_ADDRS_MAX) {
        /* The smallest are kept, whatever order a server sends them in: a stable choice. */
        round->left_out_count++;
        if (at == NAME_ADDRS_MAX) {
            return;
        }
        round->found_count--;
    }
    memmove(&round->found[at + 1], &round->found[at],
            (round->found_count - at) * sizeof round->found[0]);
    round->found[at] = *addr;
    round->found_count++;
}

void round_answered(struct resolver_question *question, enum name_state outcome)
{
    struct resolver_round *round = question->round;
    CHECK(round->is_used);
    CHECK(round->in_flight > 0);
    CHECK(outcome != NAME_NEW);
    question->outcome = outcome;
    round->in_flight--;
    if (round->in_flight == 0) {
        loop_later(round->resolver->loop, &round->resolver->settle);
    }
}

static bool is_failure(enum name_state outcome)
{
    return outcome == NAME_SERVFAIL || outcome == NAME_TIMEOUT;
}

/* What two families' outcomes make of the name; NAME_NEW: that family was not asked for. */
static enum name_state state_of(enum name_state left, enum name_state right)
{
    if (left == NAME_OK || right == NAME_OK) {
        return is_failure(left) || is_failure(right) ? NAME_PARTIAL : NAME_OK;
    }
    /* The order of the enum: a worse failure hides a lesser one; but one family that exists and is
     * empty means that the name exists. */
    if (!is_failure(left) && !is_failure(right) && (left == NAME_EMPTY || right == NAME_EMPTY)) {
        return NAME_EMPTY;
    }
    return left > right ? left : right;
}

static uint32_t copy_family(struct addr *to, const struct addr *from, uint32_t count,
                            enum addr_family family)
{
    uint32_t copied = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (from[i].family == family) {
            to[copied++] = from[i];
        }
    }
    return copied;
}

/* Puts together what the name has from now on: of each family the answer, or what was known when
 * its question failed. Returns the count. */
static uint32_t merge(const struct resolver_name *name, const struct resolver_round *round,
                      struct addr *out)
{
    /* Both parts may be full: one that was kept and one that is new. */
    struct addr both[2 * NAME_ADDRS_MAX];
    uint32_t count = 0;
    for (size_t i = 0; i < COUNT_OF(round->questions); i++) {
        const struct resolver_question *question = &round->questions[i];
        bool is_shadowed = name->families == NAME_V4_FIRST && count > 0;
        if (is_shadowed || !question->is_wanted) {
            continue;
        }
        if (is_failure(question->outcome)) {
            count += copy_family(both + count, name->addrs, name->addr_count, question->family);
        } else {
            count += copy_family(both + count, round->found, round->found_count, question->family);
        }
    }
    count = count < NAME_ADDRS_MAX ? count : NAME_ADDRS_MAX;
    memcpy(out, both, count * sizeof both[0]);
    for (uint32_t i = 0; i < count; i++) {
        out[i].port = name->port;
    }
    return count;
}

static bool take_addresses(struct resolver_name *name, const struct resolver_round *round)
{
    struct addr next[NAME_ADDRS_MAX];
    uint32_t count = merge(name, round, next);
    bool is_same = count == name->addr_count;
    for (uint32_t i = 0; is_same && i < count; i++) {
        is_same = addr_eq(&next[i], &name->addrs[i]);
    }
    if (!is_same) {
        memcpy(name->addrs, next, count * sizeof next[0]);
        name->addr_count = count;
    }
    return !is_same;
}

static void log_state(const struct resolver_name *name, enum name_state before)
{
    static const char *const sentences[NAME_STATE_COUNT] = {
        [NAME_PARTIAL] = "one address family could not be resolved",
        [NAME_EMPTY] = "the name has no address",
        [NAME_NXDOMAIN] = "the name does not exist",
        [NAME_SERVFAIL] = "the name servers failed or could not be reached",
        [NAME_TIMEOUT] = "no name server answered in time",
    };
    if (name->state == before) {
        return;
    }
    if (name->state == NAME_OK) {
        log_line(before == NAME_NEW ? LOG_DEBUG : LOG_INFO, "net", "%s: resolved to %u addresses",
                 name->host, name->addr_count);
    } else if (name->addr_count == 0) {
        log_line(LOG_WARN, "net", "%s: %s", name->host, sentences[name->state]);
    } else {
        log_line(LOG_WARN, "net", "%s: %s; %u known addresses stay in use", name->host,
                 sentences[name->state], name->addr_count);
    }
}

/* `ms` and up to a tenth more, so that names registered together do not stay together. */
static int64_t with_jitter(struct resolver *resolver, int64_t ms)
{
    return ms + rng_below(&resolver->rng, (uint32_t)(ms / 10 + 1));
}

static int64_t retry_ms(const struct resolver *resolver, uint32_t failures)
{
    int64_t ms = resolver->conf.retry_ms_min;
    for (uint32_t i = 1; i < failures && ms < resolver->conf.retry_ms_max; i++) {
        ms *= 2;
    }
    return ms < resolver->conf.retry_ms_max ? ms : resolver->conf.retry_ms_max;
}

int64_t resolver_next_ms(struct resolver *resolver, enum name_state state, uint32_t failures,
                         int64_t ttl_ms)
{
    const struct resolver_conf *conf = &resolver->conf;
    int64_t ms = ttl_ms < conf->ttl_ms_max ? ttl_ms : conf->ttl_ms_max;
    ms = ms > conf->ttl_ms_min ? ms : conf->ttl_ms_min;
    if (state != NAME_OK) {
        int64_t soon_ms = retry_ms(resolver, failures);
        ms = state != NAME_PARTIAL || soon_ms < ms ? soon_ms : ms;
    }
    return with_jitter(resolver, ms);
}

/* The end of a round. The name may be gone when this returns. */
static void settle_round(struct resolver *resolver, struct resolver_round *round)
{
    struct resolver_name *name = round->name;
    round->is_used = false;
    if (name == NULL) {
        return;
    }
    CHECK(name->round == round);
    enum name_state before = name->state;
    bool is_changed = false;
    name->round = NULL;
    name->ended_at_ms = resolver->loop->now_ms;
    name->state = state_of(round->questions[0].outcome, round->questions[1].outcome);
    resolver->rounds_total[name->state]++;
    if (name->state == NAME_OK || name->state == NAME_PARTIAL) {
        is_changed = take_addresses(name, round);
        name->answered_at_ms = resolver->loop->now_ms;
        if (round->left_out_count > 0 && name->left_out_count == 0) {
            log_line(LOG_WARN, "net", "%s: only %d of its addresses are used", name->host,
                     NAME_ADDRS_MAX);
        }
        name->left_out_count = round->left_out_count;
    }
    name->failures = name->state == NAME_OK ? 0 : name->failures + 1;
    log_state(name, before);
    timer_set(resolver->loop, &name->refresh,
              resolver->loop->now_ms +
                  resolver_next_ms(resolver, name->state, name->failures, round->ttl_ms));
    if (is_changed) {
        resolver->changes_total++;
        name->on_change(name);
    }
}

static struct resolver_round *round_take(struct resolver *resolver)
{
    for (size_t i = 0; i < COUNT_OF(resolver->rounds); i++) {
        if (!resolver->rounds[i].is_used) {
            return &resolver->rounds[i];
        }
    }
    return NULL;
}

/* Whether the round is answered without a server: by an address as text, or by the hosts file. */
static bool answer_locally(struct resolver *resolver, struct resolver_round *round,
                           const char *host)
{
    struct addr addr;
    if (addr_parse_ip(str_from_c(host), &addr) == OK) {
        round_add(round, &addr);
        round->ttl_ms = INT64_MAX;
        return true;
    }
    bool is_there = resolver_ares_hosts(resolver, round, host);
    if (is_there) {
        round->ttl_ms = NAME_HOSTS_FILE_MS;
    }
    return is_there;
}

static enum name_state found_of(const struct resolver_round *round, enum addr_family family)
{
    for (uint32_t i = 0; i < round->found_count; i++) {
        if (round->found[i].family == family) {
            return NAME_OK;
        }
    }
    return NAME_EMPTY;
}

static void round_start(struct resolver *resolver, struct resolver_round *round,
                        struct resolver_name *name)
{
    const struct resolver_question v4 = {round, ADDR_V4, name->families != NAME_V6, NAME_NEW};
    const struct resolver_question v6 = {round, ADDR_V6, name->families != NAME_V4, NAME_NEW};
    round->resolver = resolver;
    round->name = name;
    round->is_used = true;
    round->found_count = round->left_out_count = 0;
    round->ttl_ms = INT64_MAX;
    round->questions[0] = v4;
    round->questions[1] = v6;
    round->in_flight = (uint32_t)v4.is_wanted + (uint32_t)v6.is_wanted;
    name->round = round;
    bool is_local = answer_locally(resolver, round, name->host);
    for (size_t i = 0; i < COUNT_OF(round->questions); i++) {
        struct resolver_question *question = &round->questions[i];
        if (question->is_wanted && is_local) {
            round_answered(question, found_of(round, question->family));
        } else if (question->is_wanted) {
            resolver_ares_ask(resolver, question, name->host);
        }
    }
}

/* Starts rounds while there is room for them. */
static void start_rounds(struct resolver *resolver)
{
    while (!list_is_empty(&resolver->ready)) {
        struct resolver_round *round = round_take(resolver);
        if (round == NULL) {
            return;
        }
        struct resolver_name *name =
            CONTAINER_OF(resolver->ready.next, struct resolver_name, ready_node);
        list_remove(&name->ready_node);
        round_start(resolver, round, name);
    }
}

static void settle(struct loop *loop, struct task *task)
{
    struct resolver *resolver = CONTAINER_OF(task, struct resolver, settle);
    (void)loop;
    for (size_t i = 0; i < COUNT_OF(resolver->rounds); i++) {
        if (resolver->rounds[i].is_used && resolver->rounds[i].in_flight == 0) {
            settle_round(resolver, &resolver->rounds[i]);
        }
    }
    resolver_ares_follow_conf(resolver);
    start_rounds(resolver);
}

static void on_refresh(struct loop *loop, struct timer *timer)
{
    struct resolver_name *name = CONTAINER_OF(timer, struct resolver_name, refresh);
    if (name->round == NULL && list_is_empty(&name->ready_node)) {
        list_push_back(&name->resolver->ready, &name->ready_node);
        loop_later(loop, &name->resolver->settle);
    }
}

static int64_t or_default(int64_t given, int64_t standard)
{
    return given > 0 ? given : standard;
}

enum err resolver_init(struct resolver *resolver, struct loop *loop,
                       const struct resolver_conf *conf)
{
    *resolver = (struct resolver){.loop = loop, .poll.fd = -1, .settle.run = settle};
    struct resolver_conf *own = &resolver->conf;
    *own = *conf;
    own->conf_path = conf->conf_path != NULL ? conf->conf_path : "/etc/resolv.conf";
    own->timeout_ms = conf->timeout_ms > 0 ? conf->timeout_ms : 2000;
    own->tries = conf->tries > 0 ? conf->tries : 2;
    own->ttl_ms_min = or_default(conf->ttl_ms_min, LIMIT_VALUE(name_ttl_ms_min));
    own->ttl_ms_max = or_default(conf->ttl_ms_max, LIMIT_VALUE(name_ttl_ms_max));
    own->retry_ms_min = or_default(conf->retry_ms_min, LIMIT_VALUE(name_retry_ms_min));
    own->retry_ms_max = or_default(conf->retry_ms_max, LIMIT_VALUE(name_retry_ms_max));
    list_init(&resolver->names);
    list_init(&resolver->ready);
    rng_init(&resolver->rng, conf->seed);
    enum err e = resolver_ares_open(resolver);
    if (e != OK) {
        resolver_ares_close(resolver);
    }
    return e;
}

void resolver_drop(struct resolver *resolver)
{
    if (resolver->loop == NULL) {
        return;
    }
    while (!list_is_empty(&resolver->names)) {
        resolver_name_remove(CONTAINER_OF(resolver->names.next, struct resolver_name, node));
    }
    resolver_ares_close(resolver);
    task_cancel(&resolver->settle);
    *resolver = (struct resolver){.poll.fd = -1};
}

static bool is_label(struct str label)
{
    bool is_good = label.len > 0 && label.len <= 63;
    for (size_t i = 0; is_good && i < label.len; i++) {
        char c = char_lower(label.at[i]);
        is_good = (c >= 'a' && c <= 'z') || char_is_digit(c) || c == '-' || c == '_';
    }
    return is_good;
}

bool resolver_is_host(struct str host)
{
    struct addr addr;
    if (host.len > NAME_BYTES_MAX) {
        return false;
    }
    if (addr_parse_ip(host, &addr) == OK) {
        return true;
    }
    /* One dot at the end says that the name is whole: no search list. */
    struct str_pair cut = {.tail = str_ends(host, STR(".")) ? str_sub(host, 0, host.len - 1) : host,
                           .is_cut = true};
    while (cut.is_cut) {
        cut = str_cut(cut.tail, '.');
        if (!is_label(cut.head)) {
            return false;
        }
    }
    return true;
}

enum err resolver_name_add(struct resolver *resolver, struct resolver_name *name,
                           const struct resolver_name_conf *conf)
{
    CHECK(conf->on_change != NULL);
    if (!resolver_is_host(conf->host)) {
        return ERR_SYNTAX;
    }
    *name = (struct resolver_name){.resolver = resolver,
                                   .refresh.fire = on_refresh,
                                   .on_change = conf->on_change,
                                   .port = conf->port,
                                   .families = conf->families};
    struct str host = conf->host;
    if (host.at[0] == '[') {
        host = str_sub(host, 1, host.len - 2);
    }
    memcpy(name->host, host.at, host.len);
    list_push_back(&resolver->names, &name->node);
    list_push_back(&resolver->ready, &name->ready_node);
    loop_later(resolver->loop, &resolver->settle);
    return OK;
}

void resolver_name_remove(struct resolver_name *name)
{
    if (name->resolver == NULL) {
        return;
    }
    timer_stop(&name->refresh);
    list_remove(&name->node);
    list_remove(&name->ready_node);
    if (name->round != NULL) {
        name->round->name = NULL;
        name->round = NULL;
    }
    name->resolver = NULL;
}

void resolver_name_refresh(struct resolver_name *name)
{
    CHECK(name->resolver != NULL);
    int64_t at_ms = name->ended_at_ms + name->resolver->conf.ttl_ms_min;
    bool is_asking = name->round != NULL || !list_is_empty(&name->ready_node);
    if (!is_asking && (!name->refresh.is_set || name->refresh.at_ms > at_ms)) {
        timer_set(name->resolver->loop, &name->refresh, at_ms);
    }
}
