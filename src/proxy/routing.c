/* routing.c - the conductor's questions to the compiled routes; see routing.h.
 * What matched is in the scratch of the core and gone with the next request, so what is needed
 * later is copied into the exchange. */
#include "proxy/routing.h"

#include "edge/session.h"
#include "exchange/reply.h"
#include "http/cookie.h"
#include "proxy/world.h"

enum { ALLOW_BYTES_MAX = 512 };

/* A preflight is routed as the method that it asks about, so that the policies of that route answer
 * it (Fetch standard, CORS preflight). */
static bool find_as_asked(const struct router *router, struct route_scratch *scratch,
                          struct route_input *input, struct route_match *match)
{
    const struct field *asked = fields_find(input->fields, FIELD_ACCESS_CONTROL_REQUEST_METHOD);
    if (input->method != METHOD_OPTIONS || asked == NULL ||
        fields_find(input->fields, FIELD_ORIGIN) == NULL) {
        return false;
    }
    input->method = (uint8_t)method_of(asked->value);
    input->method_text = asked->value;
    return router_match(router, input, scratch, match) == OK;
}

struct route_input routing_input(const struct head *request)
{
    return (struct route_input){.host = request->host,
                                .path = request->path,
                                .query = request->query,
                                .method_text = request->method_text,
                                .fields = &request->fields,
                                .method = request->method};
}

enum err routing_find(const struct router *router, struct route_scratch *scratch,
                      const struct head *request, struct route_input *input,
                      struct route_match *match)
{
    *input = routing_input(request);
    enum err e = router_match(router, input, scratch, match);
    if (e == ERR_METHOD_NOT_ALLOWED && find_as_asked(router, scratch, input, match)) {
        return OK;
    }
    return e;
}

static bool needs_match(const struct plan *plan)
{
    return plan->rewrite.kind != REWRITE_NONE ||
           (plan->action == PLAN_REDIRECT && plan->redirect.path.kind != REWRITE_NONE);
}

enum err routing_keep_match(struct exchange *ex, const struct route_match *match)
{
    if (!needs_match(ex->plan)) {
        return OK;
    }
    struct route_match *kept = ARENA_NEW(&ex->arena, struct route_match);
    struct route_param *params = ARENA_ARRAY(&ex->arena, match->param_count, struct route_param);
    if (kept == NULL || params == NULL) {
        return ERR_MEMORY;
    }
    /* Names stand in the snapshot and values in the request's path: the slices stay good. */
    for (uint32_t i = 0; i < match->param_count; i++) {
        params[i] = match->params[i];
    }
    *kept = *match;
    kept->params = params;
    ex->route_match = kept;
    return OK;
}

static struct rewrite_input rewrite_input_of(const struct exchange *ex)
{
    const struct listener_conf *conf = ex->generation->listeners[ex->session->listener->slot];
    static const struct route_match none = {0};
    return (struct rewrite_input){.path = ex->request.path,
                                  .match = ex->route_match == NULL ? &none : ex->route_match,
                                  .uri = &conf->judge.uri};
}

enum err routing_rewrite(struct exchange *ex, struct str *path)
{
    if (ex->plan->rewrite.kind == REWRITE_NONE) {
        return OK;
    }
    struct rewrite_input input = rewrite_input_of(ex);
    return rewrite_path(&ex->plan->rewrite, &input, &ex->arena, path);
}

enum err routing_redirect(struct exchange *ex, struct str *location)
{
    struct redirect_input input = {.rewrite = rewrite_input_of(ex),
                                   .scheme = ex->forwarded.proto,
                                   .host = ex->request.host,
                                   .port = ex->request.host_port,
                                   .query = ex->request.query,
                                   .has_query = ex->request.has_query};
    if (input.scheme.len == 0) {
        input.scheme = STR("http");
    }
    return redirect_location(&ex->plan->redirect, &input, &ex->arena, location);
}

void routing_add_allow(struct exchange *ex, const struct route_input *input)
{
    char *room = arena_alloc(&ex->arena, ALLOW_BYTES_MAX);
    if (room == NULL) {
        return;
    }
    struct strbuf out = strbuf_over(room, ALLOW_BYTES_MAX);
    router_allowed_methods(ex->generation->snapshot->router, input, ex->core->route_scratch, &out);
    if (!strbuf_overflowed(&out) && reply_field(ex, STR("Allow"), strbuf_str(&out)) != OK) {
        return; /* the status says enough */
    }
}

bool routing_cohort_key(struct exchange *ex, const struct plan_service *to, struct str *key)
{
    const struct field *field;
    switch ((enum plan_cohort)to->cohort) {
    case PLAN_COHORT_NONE: return false;
    case PLAN_COHORT_HEADER:
        field = fields_find_name(&ex->request.fields, to->cohort_name);
        *key = field == NULL ? (struct str){0} : field->value;
        return field != NULL;
    case PLAN_COHORT_COOKIE: return cookie_find(&ex->request.fields, to->cohort_name, key);
    case PLAN_COHORT_ADDRESS:
        *key = str_of((const char *)ex->forwarded.client.ip, sizeof ex->forwarded.client.ip);
        return true;
    case PLAN_COHORT_CONSUMER: *key = ex->consumer; return ex->consumer.len > 0;
    }
    return false;
}
