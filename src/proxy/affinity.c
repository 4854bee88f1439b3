/* affinity.c - the cookie that names a client's instance; see affinity.h. */
#include "proxy/affinity.h"

#include "base/check.h"
#include "config/config.h"
#include "http/cookie.h"

/* What is sealed. Fixed sizes, network order: it is read by other processes. */
enum { ID_AT = 1, ISSUED_AT = 9, EXPIRES_AT = 17, EPOCH_AT = 25, TOKEN_BYTES = 29, FORM = 1 };
enum { COOKIE_BYTES_MAX = 320 };

struct token {
    uint64_t id; /* of the endpoint */
    int64_t issued_s, expires_s;
    uint32_t epoch;
};

static void put(uint8_t *at, uint64_t value, size_t bytes)
{
    for (size_t i = bytes; i-- > 0; value >>= 8) {
        at[i] = (uint8_t)value;
    }
}

static uint64_t get(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

enum err affinity_compile(struct arena *arena, const struct conf_service *from, uint32_t core_count,
                          struct plan_sticky **list, const struct plan_sticky **out)
{
    const struct conf_sticky *conf = &from->sticky;
    *out = NULL;
    if (conf->cookie.len == 0) {
        return OK;
    }
    struct plan_sticky *sticky = ARENA_NEW(arena, struct plan_sticky);
    struct str purpose = arena_fmt(arena, "sluice sticky %.*s", STR_FMT(from->name));
    if (sticky == NULL || purpose.at == NULL) {
        return ERR_MEMORY;
    }
    const struct seal_conf seal = {.secret = conf->secret,
                                   .previous = conf->previous,
                                   .purpose = purpose,
                                   .thread_count = core_count};
    *sticky = (struct plan_sticky){.cookie = conf->cookie,
                                   .ttl_s = conf->ttl_ms / 1000,
                                   .epoch = (uint32_t)conf->epoch,
                                   .seal = seal_new(&seal),
                                   .next = *list};
    if (sticky->seal == NULL) {
        return ERR_MEMORY;
    }
    *out = *list = sticky;
    return OK;
}

void affinity_drop(struct plan_sticky *list)
{
    for (; list != NULL; list = list->next) {
        seal_free(list->seal);
        list->seal = NULL;
    }
}

/* False: it is not one of ours that is good now. */
static bool open_token(const struct exchange *ex, const struct plan_sticky *sticky,
                       struct token *token)
{
    uint8_t raw[TOKEN_BYTES];
    struct str text;
    if (!cookie_find(&ex->request.fields, sticky->cookie, &text) ||
        seal_open(sticky->seal, ex->core->index, text, raw, sizeof raw) != OK || raw[0] != FORM) {
        return false;
    }
    int64_t now_s = ex->core->loop.wall_us / 1000000;
    *token = (struct token){.id = get(raw + ID_AT, 8),
                            .issued_s = (int64_t)get(raw + ISSUED_AT, 8),
                            .expires_s = (int64_t)get(raw + EXPIRES_AT, 8),
                            .epoch = (uint32_t)get(raw + EPOCH_AT, 4)};
    return token->epoch == sticky->epoch && now_s < token->expires_s;
}

static const struct endpoint *find_in(const struct exchange *ex, const struct cluster *cluster,
                                      uint64_t id)
{
    const struct balance_set *set = cluster->parts[ex->core->index].set;
    for (uint32_t i = 0; set != NULL && i < set->count; i++) {
        if (set->endpoints[i]->id == id) {
            return set->endpoints[i];
        }
    }
    return NULL;
}

/* The version that lists the instance, if its clients may still go there. */
static struct cluster *version_of(const struct exchange *ex, const struct plan_service *to,
                                  uint64_t id)
{
    for (uint32_t i = 0; i < to->version_count; i++) {
        struct cluster *cluster = to->versions[i].cluster;
        const struct endpoint *endpoint = find_in(ex, cluster, id);
        if (endpoint != NULL && endpoint_takes_bound(endpoint) &&
            (to->split.versions[i].weight > 0 || !endpoint_is_usable(endpoint))) {
            return cluster;
        }
    }
    return NULL;
}

enum err affinity_read(struct exchange *ex, const struct plan_service *to)
{
    const struct plan_sticky *sticky = to->sticky;
    struct token token;
    int64_t now_s = ex->core->loop.wall_us / 1000000;
    if (open_token(ex, sticky, &token)) {
        struct cluster *cluster = version_of(ex, to, token.id);
        ex->cluster = cluster == NULL ? ex->cluster : cluster;
        ex->bound_id = cluster == NULL ? 0 : token.id;
        ex->is_bound_fresh = (now_s - token.issued_s) * 2 < sticky->ttl_s;
    }
    return cookie_take_out(&ex->request.fields, sticky->cookie, &ex->arena);
}

const struct endpoint *affinity_bound(const struct exchange *ex)
{
    return ex->bound_id == 0 ? NULL : find_in(ex, ex->cluster, ex->bound_id);
}

/* Its instance is only busy: the client comes back to it. */
static bool is_lent(const struct exchange *ex)
{
    const struct endpoint *bound = affinity_bound(ex);
    if (bound == NULL || !endpoint_takes_bound(bound)) {
        return false;
    }
    for (uint32_t i = 0; ex->tried != NULL && i < ex->tried->count; i++) {
        if (ex->tried->at[i] == bound) {
            return false;
        }
    }
    return true;
}

static bool is_due(const struct exchange *ex)
{
    if (ex->bound_id == 0) {
        return true;
    }
    return ex->bound_id == ex->origin->endpoint.id ? !ex->is_bound_fresh : !is_lent(ex);
}

enum err affinity_issue(struct exchange *ex, const struct plan_sticky *sticky)
{
    uint8_t raw[TOKEN_BYTES] = {FORM};
    int64_t now_s = ex->core->loop.wall_us / 1000000;
    if (ex->origin == NULL || !is_due(ex)) {
        return OK;
    }
    put(raw + ID_AT, ex->origin->endpoint.id, 8);
    put(raw + ISSUED_AT, (uint64_t)now_s, 8);
    put(raw + EXPIRES_AT, (uint64_t)(now_s + sticky->ttl_s), 8);
    put(raw + EPOCH_AT, sticky->epoch, 4);
    char *room = arena_alloc(&ex->arena, COOKIE_BYTES_MAX);
    if (room == NULL) {
        return ERR_MEMORY;
    }
    struct strbuf out = strbuf_over(room, COOKIE_BYTES_MAX);
    strbuf_add(&out, sticky->cookie);
    strbuf_add_char(&out, '=');
    TRY(seal_close(sticky->seal, ex->core->index, str_of((const char *)raw, sizeof raw), &out));
    strbuf_add_fmt(&out, "; Path=/; Max-Age=%lld; HttpOnly; SameSite=Lax",
                   (long long)sticky->ttl_s);
    strbuf_add_c(&out, str_eq(ex->forwarded.proto, STR("https")) ? "; Secure" : "");
    CHECK(!strbuf_overflowed(&out)); /* names have at most 64 bytes */
    return fields_add(&ex->response.fields, &ex->arena, STR("Set-Cookie"), strbuf_str(&out));
}
