/* http.c - a request over HTTP/1.1, and what its response must be: status, fields, text in the
 * body. The head is parsed and judged by the code that serves (RFC 9112); the body is read only
 * when the check asks for something in it, and no further than LIMIT health_response_bytes. */
#include "base/limits.h"
#include "config/grammar_health.h"
#include "http/h1/chunked.h"
#include "http/h1/parser.h"
#include "http/judge.h"
#include "upstream/health/talk.h"

struct state {
    struct h1_parser parser;
    struct h1_limits limits;
    struct head head;
    struct chunked chunked;
    uint32_t interim_count;
    bool has_head;
    uint64_t body_bytes; /* that came */
    char *body;          /* the last bytes of it, as many as the text that is looked for */
    size_t body_len, body_cap;
};

static enum err open_http(struct health_talk *talk)
{
    const struct conf_health_http *conf = &talk->plan->conf.http;
    struct state *state = talk->state;
    struct strbuf *out = &talk->out;
    strbuf_add_fmt(out, "%.*s %.*s HTTP/1.1\r\nHost: %.*s\r\n", STR_FMT(conf->method),
                   STR_FMT(conf->path), STR_FMT(conf->host.len > 0 ? conf->host : talk->host));
    for (uint32_t i = 0; i < conf->send_headers.count; i++) {
        strbuf_add_fmt(out, "%.*s: %.*s\r\n", STR_FMT(conf->send_headers.at[i].name),
                       STR_FMT(conf->send_headers.at[i].value));
    }
    strbuf_add_c(out, "User-Agent: sluice-health\r\nAccept: */*\r\nConnection: close\r\n\r\n");
    state->limits = (struct h1_limits){.head_bytes_max = LIMIT_VALUE(health_response_bytes),
                                       .field_count_max = LIMIT_VALUE(field_count)};
    h1_parser_init(&state->parser, H1_RESPONSE, &state->head, talk->arena, &state->limits);
    return OK;
}

/* "200-299, 404" */
static struct str show_statuses(struct health_talk *talk, const struct conf_statuses *statuses)
{
    char text[96];
    struct strbuf out = strbuf_over(text, sizeof text);
    for (uint32_t i = 0; i < statuses->count; i++) {
        strbuf_add_c(&out, i > 0 ? ", " : "");
        strbuf_add_u64(&out, statuses->at[i].first);
        if (statuses->at[i].last != statuses->at[i].first) {
            strbuf_add_fmt(&out, "-%u", statuses->at[i].last);
        }
    }
    return arena_fmt(talk->arena, "%.*s", STR_FMT(strbuf_str(&out)));
}

static bool has_header(const struct fields *fields, const struct conf_pair *wanted)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        if (str_eq_nocase(fields->at[i].name, wanted->name) &&
            str_eq(fields->at[i].value, wanted->value)) {
            return true;
        }
    }
    return false;
}

static enum health_verdict judge_head(struct health_talk *talk)
{
    const struct conf_health_http *conf = &talk->plan->conf.http;
    const struct state *state = talk->state;
    uint16_t status = state->head.status;
    if (conf_statuses_have(&conf->drain_on, status)) {
        return HEALTH_DRAIN;
    }
    if (!conf_statuses_have(&conf->status, status)) {
        return health_fail(talk, "status %u, expected %.*s", status,
                           STR_FMT(show_statuses(talk, &conf->status)));
    }
    for (uint32_t i = 0; i < conf->header.count; i++) {
        if (!has_header(&state->head.fields, &conf->header.at[i])) {
            return health_fail(talk, "lacks %.*s: %.*s", STR_FMT(conf->header.at[i].name),
                               STR_FMT(str_sub(conf->header.at[i].value, 0, 60)));
        }
    }
    return conf->body.len == 0 ? HEALTH_PASS : HEALTH_MORE;
}

static enum health_verdict lacks_text(struct health_talk *talk)
{
    return health_fail(talk, "body lacks \"%.*s\"",
                       STR_FMT(str_sub(talk->plan->conf.http.body, 0, 60)));
}

/* Looks for the text in what came, over the seams between pieces. */
static bool body_has(struct health_talk *talk, struct str data)
{
    struct state *state = talk->state;
    struct str wanted = talk->plan->conf.http.body;
    state->body_bytes += data.len;
    while (data.len > 0) {
        size_t room = state->body_cap - state->body_len;
        struct str part = str_sub(data, 0, room);
        memcpy(state->body + state->body_len, part.at, part.len);
        state->body_len += part.len;
        data = str_skip(data, part.len);
        struct str seen = str_of(state->body, state->body_len);
        if (str_find_str(seen, wanted) < seen.len) {
            return true;
        }
        size_t keep = seen.len < wanted.len ? seen.len : wanted.len - 1;
        memmove(state->body, state->body + seen.len - keep, keep);
        state->body_len = keep;
    }
    return false;
}

static enum health_verdict take_chunks(struct health_talk *talk)
{
    struct state *state = talk->state;
    struct str rest = talk->in, data;
    while (rest.len > 0 && !state->chunked.is_done) {
        if (chunked_feed(&state->chunked, &rest, &data) != OK) {
            return health_fail(talk, "malformed body");
        }
        if (body_has(talk, data)) {
            return HEALTH_PASS;
        }
    }
    health_took(talk, talk->in.len - rest.len);
    return state->chunked.is_done ? lacks_text(talk) : health_more(talk);
}

static enum health_verdict take_body(struct health_talk *talk)
{
    struct state *state = talk->state;
    bool has_length = state->head.body == BODY_LENGTH;
    if (state->head.body == BODY_NONE) {
        return lacks_text(talk);
    }
    if (state->head.body == BODY_CHUNKED) {
        return take_chunks(talk);
    }
    uint64_t left = has_length ? state->head.content_length - state->body_bytes : UINT64_MAX;
    struct str data = talk->in;
    data.len = data.len > left ? (size_t)left : data.len;
    health_took(talk, data.len);
    if (body_has(talk, data)) {
        return HEALTH_PASS;
    }
    bool is_over = has_length ? state->body_bytes == state->head.content_length : talk->has_ended;
    return is_over ? lacks_text(talk) : health_more(talk);
}

static enum err start_body(struct health_talk *talk)
{
    struct state *state = talk->state;
    state->body_cap = talk->plan->conf.http.body.len * 2 + 512;
    state->body = arena_alloc(talk->arena, state->body_cap);
    chunked_init(&state->chunked, talk->arena, NULL);
    state->has_head = true;
    return state->body == NULL ? ERR_MEMORY : OK;
}

/* Interim responses are skipped (RFC 9110 15.2). OK: the final head is there. */
static enum err take_head(struct health_talk *talk)
{
    struct state *state = talk->state;
    enum method method = method_of(talk->plan->conf.http.method);
    for (;;) {
        TRY(h1_parse(&state->parser, talk->in));
        TRY(judge_response(&state->head, method, false));
        health_took(talk, state->parser.at);
        if (state->head.status >= 200) {
            return OK;
        }
        if (++state->interim_count > LIMIT_VALUE(interim_responses)) {
            return ERR_ORIGIN_INTERIM;
        }
        h1_parser_init(&state->parser, H1_RESPONSE, &state->head, talk->arena, &state->limits);
    }
}

static enum health_verdict take_http(struct health_talk *talk)
{
    struct state *state = talk->state;
    if (state->has_head) {
        return take_body(talk);
    }
    enum err e = take_head(talk);
    if (e == ERR_AGAIN) {
        return health_more(talk);
    }
    if (e != OK) {
        return health_fail(talk, "%s", err_text(e));
    }
    enum health_verdict verdict = judge_head(talk);
    if (verdict != HEALTH_MORE) {
        return verdict;
    }
    return start_body(talk) == OK ? take_body(talk) : health_fail(talk, "no memory");
}

const struct health_protocol health_http = {
    .name = "http", .state_bytes = sizeof(struct state), .open = open_http, .take = take_http};
