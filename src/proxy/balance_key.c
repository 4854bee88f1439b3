/* balance_key.c - the key of an exchange for consistent hashing; see balance_key.h. The hash has no
 * secret, so that other processes agree: a stranger who chooses keys may aim at one instance, which
 * is what `bound` is for. */
#include "proxy/balance_key.h"

#include "base/hash.h"
#include "http/cookie.h"
#include "http/query.h"

static struct str address_of(const struct exchange *ex)
{
    const struct addr *client = &ex->forwarded.client;
    return str_of((const char *)client->ip, client->family == ADDR_V4 ? 4 : sizeof client->ip);
}

/* False: the request does not have it. */
static bool find_part(struct exchange *ex, const struct plan_key *key, struct str *out)
{
    const struct field *field;
    struct str raw;
    switch ((enum plan_key_by)key->by) {
    case PLAN_KEY_HEADER:
        field = fields_find_name(&ex->request.fields, key->name);
        *out = field == NULL ? (struct str){0} : field->value;
        return field != NULL;
    case PLAN_KEY_COOKIE: return cookie_find(&ex->request.fields, key->name, out);
    case PLAN_KEY_QUERY:
        return query_find(ex->request.query, key->name, &raw) &&
               query_decode(&ex->arena, raw, out) == OK;
    case PLAN_KEY_PATH: *out = ex->request.path; return true;
    case PLAN_KEY_ADDRESS: *out = address_of(ex); return true;
    }
    return false;
}

static uint64_t hash_key(struct exchange *ex, const struct plan_service *to)
{
    uint64_t hash = 0;
    bool has_any = false;
    for (uint32_t i = 0; i < to->key_count; i++) {
        struct str part;
        if (find_part(ex, &to->keys[i], &part)) {
            hash = hash_stable(part, hash + i);
            has_any = true;
        }
    }
    return has_any ? hash : hash_stable(address_of(ex), 0);
}

static uint64_t hash_network(const struct exchange *ex)
{
    static_assert(BALANCE_NETWORK_BITS_V4 % 8 == 0 && BALANCE_NETWORK_BITS_V6 % 8 == 0,
                  "whole bytes are hashed");
    struct str address = address_of(ex);
    size_t bits = address.len == 4 ? BALANCE_NETWORK_BITS_V4 : BALANCE_NETWORK_BITS_V6;
    return hash_stable(str_of(address.at, bits / 8), 0);
}

void balance_key_fill(struct exchange *ex, const struct plan_service *to, struct balance_ask *ask)
{
    switch ((enum balance_keyed_by)to->keyed_by) {
    case BALANCE_BY_NOTHING: return;
    case BALANCE_BY_KEY: ask->hash = hash_key(ex, to); break;
    case BALANCE_BY_NETWORK: ask->hash = hash_network(ex); break;
    }
    ask->has_hash = true;
}
