/* grpc.c - grpc.health.v1.Health/Check over HTTP/2 with prior knowledge (RFC 9113 3.3): one stream,
 * one small message each way, and the status in the trailers. Frames and HPACK are nghttp2's; what
 * it may be sent is bounded by whoever reads for this talk. */
#include "upstream/health/grpc_reply.h"
#include "upstream/health/talk.h"

#include <nghttp2/nghttp2.h>

enum { REPLY_BYTES_MAX = 1024, REQUEST_BYTES_MAX = 600, GRPC_UNIMPLEMENTED = 12 };

struct state {
    nghttp2_session *session;
    char request_text[REQUEST_BYTES_MAX], reply_text[REPLY_BYTES_MAX];
    char message_text[100];
    struct strbuf request, reply, message; /* message: what grpc-message says */
    size_t request_sent;
    uint64_t http_status, grpc_status;
    bool has_grpc_status, has_closed;
    uint32_t error_code; /* of the stream */
};

static ssize_t on_body(nghttp2_session *session, int32_t stream, uint8_t *at, size_t room,
                       uint32_t *flags, nghttp2_data_source *source, void *ctx)
{
    struct state *state = source->ptr;
    struct str rest = str_skip(strbuf_str(&state->request), state->request_sent);
    (void)session;
    (void)stream;
    (void)ctx;
    rest = str_sub(rest, 0, room);
    memcpy(at, rest.at, rest.len);
    state->request_sent += rest.len;
    *flags |= state->request_sent == state->request.len ? NGHTTP2_DATA_FLAG_EOF : 0u;
    return (ssize_t)rest.len;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name_at,
                     size_t name_len, const uint8_t *at, size_t len, uint8_t flags, void *ctx)
{
    struct state *state = ctx;
    struct str name = str_of((const char *)name_at, name_len);
    struct str value = str_of((const char *)at, len);
    (void)session;
    (void)frame;
    (void)flags;
    if (str_eq(name, STR(":status"))) {
        (void)str_to_u64(value, &state->http_status);
    } else if (str_eq(name, STR("grpc-status"))) {
        state->has_grpc_status = str_to_u64(value, &state->grpc_status);
    } else if (str_eq(name, STR("grpc-message"))) {
        state->message.len = 0;
        strbuf_add(&state->message, str_sub(value, 0, sizeof state->message_text));
    }
    return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream, const uint8_t *at,
                   size_t len, void *ctx)
{
    struct state *state = ctx;
    (void)session;
    (void)flags;
    (void)stream;
    strbuf_add(&state->reply, str_of((const char *)at, len));
    return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t error_code, void *ctx)
{
    struct state *state = ctx;
    (void)session;
    (void)stream;
    state->has_closed = true;
    state->error_code = error_code;
    return 0;
}

static enum err make_session(struct state *state)
{
    nghttp2_session_callbacks *callbacks;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) {
        return ERR_MEMORY;
    }
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
    int result = nghttp2_session_client_new(&state->session, callbacks, state);
    nghttp2_session_callbacks_del(callbacks);
    return result == 0 ? OK : ERR_MEMORY;
}

static nghttp2_nv field_of(struct str name, struct str value)
{
    nghttp2_nv field = {.namelen = name.len, .valuelen = value.len};
    memcpy(&field.name, &name.at, sizeof field.name); /* nghttp2 copies, and changes nothing */
    memcpy(&field.value, &value.at, sizeof field.value);
    return field;
}

/* What nghttp2 has to say goes out. */
static enum err flush(struct health_talk *talk)
{
    struct state *state = talk->state;
    const uint8_t *at;
    ssize_t len = nghttp2_session_mem_send(state->session, &at);
    for (; len > 0; len = nghttp2_session_mem_send(state->session, &at)) {
        strbuf_add(&talk->out, str_of((const char *)at, (size_t)len));
    }
    return len == 0 ? OK : ERR_MEMORY;
}

static enum err open_grpc(struct health_talk *talk)
{
    static const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0}, {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, 16384}};
    const struct conf_health_grpc *conf = &talk->plan->conf.grpc;
    struct state *state = talk->state;
    struct str host = conf->host.len > 0 ? conf->host : talk->host;
    bool has_tls = source_pos_is_set(&talk->plan->conf.tls.pos);
    nghttp2_nv fields[] = {field_of(STR(":method"), STR("POST")),
                           field_of(STR(":scheme"), has_tls ? STR("https") : STR("http")),
                           field_of(STR(":path"), STR("/grpc.health.v1.Health/Check")),
                           field_of(STR(":authority"), host),
                           field_of(STR("te"), STR("trailers")),
                           field_of(STR("content-type"), STR("application/grpc")),
                           field_of(STR("user-agent"), STR("sluice-health"))};
    state->request = strbuf_over(state->request_text, sizeof state->request_text);
    state->reply = strbuf_over(state->reply_text, sizeof state->reply_text);
    state->message = strbuf_over(state->message_text, sizeof state->message_text);
    grpc_request_add(&state->request, conf->service);
    const nghttp2_data_provider body = {.source.ptr = state, .read_callback = on_body};
    TRY(make_session(state));
    if (nghttp2_submit_settings(state->session, NGHTTP2_FLAG_NONE, settings,
                                COUNT_OF(settings)) != 0 ||
        nghttp2_submit_request(state->session, NULL, fields, COUNT_OF(fields), &body, NULL) < 0) {
        return ERR_MEMORY;
    }
    return flush(talk);
}

static enum health_verdict judge_serving(struct health_talk *talk)
{
    static const char *const names[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};
    const struct state *state = talk->state;
    uint64_t serving;
    if (strbuf_overflowed(&state->reply) ||
        grpc_reply_read(strbuf_str(&state->reply), &serving) != OK) {
        return health_fail(talk, "malformed reply");
    }
    return serving == GRPC_SERVING
               ? HEALTH_PASS
               : health_fail(talk, "%s", serving < COUNT_OF(names) ? names[serving] : "UNKNOWN");
}

static enum health_verdict judge(struct health_talk *talk)
{
    const struct state *state = talk->state;
    if (state->error_code != NGHTTP2_NO_ERROR) {
        return health_fail(talk, "stream reset: %s", nghttp2_http2_strerror(state->error_code));
    }
    if (state->http_status != 200) {
        return health_fail(talk, "status %u of HTTP", (unsigned)state->http_status);
    }
    if (!state->has_grpc_status) {
        return health_fail(talk, "no grpc-status");
    }
    if (state->grpc_status == GRPC_UNIMPLEMENTED && talk->plan->conf.grpc.unimplemented == 1) {
        return HEALTH_PASS;
    }
    if (state->grpc_status != 0) {
        return health_fail(talk, "grpc-status %llu: %.*s", (unsigned long long)state->grpc_status,
                           STR_FMT(strbuf_str(&state->message)));
    }
    return judge_serving(talk);
}

static enum health_verdict take_grpc(struct health_talk *talk)
{
    struct state *state = talk->state;
    ssize_t took = nghttp2_session_mem_recv(state->session, (const uint8_t *)talk->in.at,
                                            talk->in.len);
    if (took < 0) {
        return health_fail(talk, "not HTTP/2: %s", nghttp2_strerror((int)took));
    }
    health_took(talk, (size_t)took);
    if (state->has_closed) {
        return judge(talk);
    }
    if (flush(talk) != OK || nghttp2_session_want_read(state->session) == 0) {
        return health_fail(talk, "it broke off HTTP/2");
    }
    return health_more(talk);
}

static void close_grpc(struct health_talk *talk)
{
    struct state *state = talk->state;
    nghttp2_session_del(state->session);
    state->session = NULL;
}

const struct health_protocol health_grpc = {.name = "grpc",
                                            .state_bytes = sizeof(struct state),
                                            .open = open_grpc,
                                            .take = take_grpc,
                                            .close = close_grpc};
