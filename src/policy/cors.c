/* cors.c - cross-origin resource sharing: which web pages of other origins may call a route and
 * read its responses (Fetch standard, 3.3 CORS protocol). It protects users from pages, not the
 * service from requests: what is not allowed is still forwarded, only the browser is not told to
 * share it.
 *
 * The request hook looks at Origin once and answers preflights; the response hook writes all
 * fields, on every response: an origin's, a preflight's, an error of ours. It stands first in
 * policies.def: a preflight, which never carries credentials, is answered before anybody asks for
 * some, and no other policy changes the fields. Configuration: cors_conf.c; for operators:
 * docs/policies/cors.md. */
#include "base/limits.h"
#include "exchange/reply.h"
#include "http/field_rules.h"
#include "http/list.h"
#include "policy/cors_conf.h"
#include "policy/policies.h"
#include "policy/web_origin.h"

/* What the hooks read. A field value that is empty is not sent. */
struct cors {
    const struct cors_conf *conf;
    struct web_origin_set origins;
    struct str methods, request_headers, expose, max_age, preflight_vary;
};

/* What the request said, kept because later policies may change its fields. */
struct cors_state {
    struct str origin; /* the value of Origin, if it is allowed */
    bool is_seen, is_preflight;
};

static enum err join(struct arena *arena, const struct conf_strs *list, struct str *out)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        bytes += list->at[i].len + 2;
    }
    char *at = arena_alloc(arena, bytes);
    if (at == NULL) {
        return ERR_MEMORY;
    }
    struct strbuf text = strbuf_over(at, bytes);
    for (uint32_t i = 0; i < list->count; i++) {
        strbuf_add(&text, i == 0 ? STR("") : STR(", "));
        strbuf_add(&text, list->at[i]);
    }
    *out = strbuf_str(&text);
    return OK;
}

static enum err compile_origins(struct policy_compile *ctx, const struct cors_conf *conf,
                                struct web_origin_set *set)
{
    struct str way_out;
    struct web_origin *origins = ARENA_ARRAY(ctx->arena, conf->origins.count, struct web_origin);
    if (origins == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < conf->origins.count; i++) {
        const struct cors_origin_conf *from = &conf->origins.at[i];
        origins[i] = (struct web_origin){.kind = WEB_ORIGIN_PATTERN, .text = from->pattern};
        if (from->pattern.len == 0) {
            TRY(web_origin_parse(ctx->arena, from->origin, &origins[i], &way_out));
        }
    }
    return web_origin_set_init(set, ctx->arena, origins, conf->origins.count);
}

static void drop(const void *compiled)
{
    struct web_origin_set origins = ((const struct cors *)compiled)->origins;
    web_origin_set_drop(&origins);
}

static enum err compile(struct policy_compile *ctx, const void *from, const void **out)
{
    const struct cors_conf *conf = from;
    struct cors *cors = ARENA_NEW(ctx->arena, struct cors);
    if (cors == NULL) {
        return ERR_MEMORY;
    }
    cors->conf = conf;
    TRY(join(ctx->arena, &conf->methods, &cors->methods));
    TRY(join(ctx->arena, &conf->request_headers, &cors->request_headers));
    TRY(join(ctx->arena, &conf->expose, &cors->expose));
    cors->max_age = arena_fmt(ctx->arena, "%lld", (long long)(conf->max_age_ms / 1000));
    if (cors->max_age.at == NULL) {
        return ERR_MEMORY;
    }
    cors->preflight_vary =
        STR("Origin, Access-Control-Request-Method, Access-Control-Request-Headers");
    enum err e = compile_origins(ctx, conf, &cors->origins);
    if (e != OK) {
        drop(cors);
        ctx->error = "the origins of cors cannot be compiled; check them one by one";
        return e == ERR_MEMORY ? e : ERR_CONFIG;
    }
    if (cors->origins.has_any) {
        cors->preflight_vary = str_skip(cors->preflight_vary, sizeof "Origin, " - 1);
    }
    *out = cors;
    return OK;
}

static void look(const struct exchange *ex, const struct cors *cors, struct cors_state *seen)
{
    const struct fields *fields = &ex->request.fields;
    const struct field *origin = fields_find(fields, FIELD_ORIGIN);
    seen->is_seen = true;
    if (origin == NULL) {
        return;
    }
    seen->is_preflight = ex->request.method == METHOD_OPTIONS &&
                         fields_find(fields, FIELD_ACCESS_CONTROL_REQUEST_METHOD) != NULL;
    /* No browser sends two; whoever does wants two readers to take different ones. */
    if (fields_find_again(fields, origin) == NULL &&
        web_origin_set_has(&cors->origins, origin->value, &ex->core->pattern_scratch)) {
        seen->origin = origin->value;
    }
}

static bool list_grants(const struct conf_strs *list, struct str wanted, bool ignores_case)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (ignores_case ? str_eq_nocase(list->at[i], wanted) : str_eq(list->at[i], wanted)) {
            return true;
        }
    }
    return false;
}

static bool grants_method(const struct exchange *ex, const struct cors *cors)
{
    const struct fields *fields = &ex->request.fields;
    const struct field *asked = fields_find(fields, FIELD_ACCESS_CONTROL_REQUEST_METHOD);
    const struct conf_strs *allowed = &cors->conf->methods;
    if (fields_find_again(fields, asked) != NULL || !str_is_token(asked->value)) {
        return false;
    }
    return cors_has_star(allowed) || list_grants(allowed, asked->value, false);
}

/* Fetch, CORS-preflight: * stands for every name but Authorization. */
static bool grants_header(const struct cors *cors, struct str name)
{
    const struct conf_strs *allowed = &cors->conf->request_headers;
    return list_grants(allowed, name, true) ||
           (cors_has_star(allowed) && !str_eq_nocase(name, STR("Authorization")));
}

static bool grants_headers(const struct exchange *ex, const struct cors *cors)
{
    const struct fields *fields = &ex->request.fields;
    const struct field *asked = fields_find(fields, FIELD_ACCESS_CONTROL_REQUEST_HEADERS);
    uint32_t left = LIMIT_VALUE(cors_request_headers);
    for (; asked != NULL; asked = fields_find_again(fields, asked)) {
        struct str rest = asked->value, name;
        while (str_next_element(&rest, &name)) {
            if (left-- == 0 || !grants_header(cors, name)) {
                return false;
            }
        }
    }
    return true;
}

static enum verdict on_request(struct exchange *ex, const void *compiled, void *state)
{
    const struct cors *cors = compiled;
    struct cors_state *seen = state;
    look(ex, cors, seen);
    if (!seen->is_preflight || cors->conf->preflight == CORS_FORWARD) {
        return VERDICT_NEXT;
    }
    if (cors->conf->preflight == CORS_STRICT &&
        (seen->origin.len == 0 || !grants_method(ex, cors) || !grants_headers(ex, cors))) {
        reply_error(ex, ERR_CORS_REFUSED);
    } else {
        reply_start(ex, 204);
    }
    return VERDICT_REPLIED;
}

/* Two answers to the same question are none: browsers refuse a response with two
 * Access-Control-Allow-Origin fields, so what the origin says of sharing is taken off. A forwarded
 * preflight is answered by the origin, but for whom it may be shared with. */
static void drop_foreign(struct fields *fields, bool is_answered_there)
{
    uint64_t foreign = field_bit(FIELD_ACCESS_CONTROL_ALLOW_ORIGIN) |
                       field_bit(FIELD_ACCESS_CONTROL_ALLOW_CREDENTIALS) |
                       field_bit(FIELD_ACCESS_CONTROL_EXPOSE_HEADERS);
    if (!is_answered_there) {
        foreign |= field_bit(FIELD_ACCESS_CONTROL_ALLOW_METHODS) |
                   field_bit(FIELD_ACCESS_CONTROL_ALLOW_HEADERS) |
                   field_bit(FIELD_ACCESS_CONTROL_MAX_AGE);
    }
    for (foreign &= fields->known; foreign != 0; foreign &= foreign - 1) {
        (void)fields_remove_id(fields, (enum field_id)__builtin_ctzll(foreign));
    }
}

static enum err set(struct exchange *ex, enum field_id id, struct str value)
{
    return value.len == 0 ? OK : fields_set_id(&ex->response.fields, &ex->arena, id, value);
}

/* RFC 9110 12.5.5. A cache must ask again for another origin even when this one was not allowed, or
 * it would hand the response without fields to a page that is (Fetch, CORS protocol and caches). */
static enum err vary_on(struct exchange *ex, struct str names)
{
    struct fields *fields = &ex->response.fields;
    struct str name;
    if (fields_find(fields, FIELD_VARY) == NULL) {
        return set(ex, FIELD_VARY, names);
    }
    while (!list_field_has(fields, FIELD_VARY, STR("*")) && str_next_element(&names, &name)) {
        if (!list_field_has(fields, FIELD_VARY, name)) {
            TRY(list_field_append(fields, &ex->arena, FIELD_VARY, name));
        }
    }
    return OK;
}

static enum err answer_preflight(struct exchange *ex, const struct cors *cors)
{
    TRY(set(ex, FIELD_ACCESS_CONTROL_ALLOW_METHODS, cors->methods));
    TRY(set(ex, FIELD_ACCESS_CONTROL_ALLOW_HEADERS, cors->request_headers));
    TRY(set(ex, FIELD_ACCESS_CONTROL_MAX_AGE, cors->max_age));
    if (!cors->conf->private_network) {
        return OK;
    }
    const struct field *asked =
        fields_find_name(&ex->request.fields, STR("Access-Control-Request-Private-Network"));
    if (asked == NULL || !str_eq(asked->value, STR("true"))) {
        return OK;
    }
    return fields_set(&ex->response.fields, &ex->arena, STR("Access-Control-Allow-Private-Network"),
                      STR("true"));
}

/* Vary goes first: whatever fails after it, a response with an origin in it never lacks Vary. */
static enum err on_response(struct exchange *ex, const void *compiled, void *state)
{
    const struct cors *cors = compiled;
    struct cors_state *seen = state;
    bool is_any = cors->origins.has_any;
    if (!seen->is_seen) {
        look(ex, cors, seen); /* refused before the policies ran */
    }
    bool is_answered_there = seen->is_preflight && cors->conf->preflight == CORS_FORWARD;
    drop_foreign(&ex->response.fields, is_answered_there);
    TRY(vary_on(ex, seen->is_preflight ? cors->preflight_vary : is_any ? STR("") : STR("Origin")));
    /* For all origins the field is the same with and without Origin, so that a cached response can
     * be shared too (Fetch, CORS protocol and HTTP caches). */
    if (!is_any && seen->origin.len == 0) {
        return OK;
    }
    TRY(set(ex, FIELD_ACCESS_CONTROL_ALLOW_ORIGIN, is_any ? STR("*") : seen->origin));
    TRY(set(ex, FIELD_ACCESS_CONTROL_ALLOW_CREDENTIALS,
            cors->conf->credentials ? STR("true") : STR("")));
    if (seen->is_preflight) {
        return is_answered_there ? OK : answer_preflight(ex, cors);
    }
    return set(ex, FIELD_ACCESS_CONTROL_EXPOSE_HEADERS, cors->expose);
}

const struct policy_type cors_policy = {
    .name = "cors",
    .summary = cors_summary,
    .table = &cors_table,
    .state_bytes = sizeof(struct cors_state),
    .compile = compile,
    .drop = drop,
    .on_request = on_request,
    .on_response = on_response,
};
