/* reply.c - replies of our own; see reply.h. */
#include "exchange/reply.h"

#include "base/check.h"
#include "base/strbuf.h"
#include "http/h1/writer.h"

enum { PROBLEM_BYTES_MAX = 1024 };

void reply_start(struct exchange *ex, uint16_t status)
{
    CHECK(status >= 200 && status <= 599);
    /* Whatever was being built before is given up. */
    ex->response = (struct head){.status = status, .minor = 1, .body = BODY_LENGTH};
    ex->own_body = (struct str){0};
    ex->is_own_reply = true;
}

enum err reply_field(struct exchange *ex, struct str name, struct str value)
{
    return fields_add(&ex->response.fields, &ex->arena, name, value);
}

enum err reply_body(struct exchange *ex, struct str content_type, struct str body)
{
    TRY(reply_field(ex, STR("Content-Type"), content_type));
    ex->own_body = body;
    return OK;
}

/* Seconds after which trying again makes sense, or 0. */
static unsigned retry_after_s(enum err why)
{
    switch (err_status(why)) {
    case 503: return 1;
    case 504: return 5;
    default: return 0;
    }
}

static void add_problem(struct exchange *ex, const char *code, struct str detail)
{
    char *room = arena_alloc(&ex->arena, PROBLEM_BYTES_MAX);
    if (room == NULL) {
        return;
    }
    struct strbuf out = strbuf_over(room, PROBLEM_BYTES_MAX);
    strbuf_add(&out, STR("{\"type\":\"about:blank\",\"title\":\""));
    strbuf_add(&out, status_reason(ex->response.status));
    strbuf_add(&out, STR("\",\"status\":"));
    strbuf_add_u64(&out, ex->response.status);
    strbuf_add(&out, STR(",\"detail\":\""));
    strbuf_add_json(&out, detail, 512);
    strbuf_add(&out, STR("\",\"code\":\""));
    strbuf_add_c(&out, code);
    strbuf_add(&out, STR("\",\"request_id\":\""));
    strbuf_add_json(&out, ex->request_id_text, 128);
    strbuf_add(&out, STR("\"}\n"));
    if (!strbuf_overflowed(&out) &&
        reply_body(ex, STR("application/problem+json"), strbuf_str(&out)) != OK) {
        ex->own_body = (struct str){0};
    }
}

void reply_error(struct exchange *ex, enum err why)
{
    uint16_t status = err_status(why) < 400 ? 500 : err_status(why);
    /* 499 is for the log: whoever could read it is gone. */
    status = status == 499 ? 400 : status;
    ex->error = why;
    reply_start(ex, status);
    unsigned wait_s = retry_after_s(why);
    if (wait_s > 0) {
        struct str value = wait_s == 1 ? STR("1") : STR("5");
        enum err e = reply_field(ex, STR("Retry-After"), value);
        (void)e; /* a hint: the answer stands without it */
    }
    add_problem(ex, err_code(why), str_from_c(err_text(why)));
}

void reply_problem(struct exchange *ex, uint16_t status, const char *code, struct str detail)
{
    reply_start(ex, status);
    add_problem(ex, code, detail);
}
