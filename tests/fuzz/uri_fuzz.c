/* uri_fuzz.c - any bytes as a path, an authority and a query: what is canonical stays as it is, holds
 * no way around the rules, and every reader of the query agrees with every other.
 * The first byte of the input is the set of rules. */
#include "base/check.h"
#include "base/strbuf.h"
#include "http/query.h"
#include "http/uri.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(struct str path, const struct uri_rules *rules)
{
    struct arena arena;
    struct str once, twice;
    arena_init_heap(&arena, 1 << 22);
    CHECK(uri_canonical_prefix(path) <= path.len);
    if (uri_canonical_path(&arena, path, rules, &once) == OK) {
        CHECK(once.len > 0);
        CHECK(once.at[0] == '/');
        CHECK(str_find_str(once, STR("/../")) == once.len);
        CHECK(str_find_str(once, STR("/./")) == once.len);
        CHECK(!str_ends(once, STR("/..")));
        CHECK(!str_ends(once, STR("/.")));
        CHECK(str_find(once, '\\') == once.len);
        CHECK(rules->keeps_double_slashes || str_find_str(once, STR("//")) == once.len);
        CHECK(rules->encoded_slash == URI_SLASH_KEEP || str_find_str(once, STR("%2F")) == once.len);
        CHECK(rules->keeps_backslash || str_find_str(once, STR("%5C")) == once.len);
        CHECK(uri_canonical_path(&arena, once, rules, &twice) == OK);
        CHECK(str_eq(once, twice));
    }
    arena_reset(&arena);
}

static void check_authority(struct str text)
{
    struct arena arena;
    struct str host, again;
    uint16_t port, port_again;
    arena_init_heap(&arena, 1 << 20);
    enum err e = uri_parse_authority(&arena, text, &host, &port);
    CHECK((e == OK) == uri_is_authority(text));
    if (e == OK) {
        struct str joined = port == 0 ? host : arena_fmt(&arena, "%.*s:%u", STR_FMT(host), port);
        CHECK(host.len > 0);
        CHECK(str_find(host, '@') == host.len);
        CHECK(uri_parse_authority(&arena, joined, &again, &port_again) == OK);
        CHECK(str_eq(host, again));
        CHECK(port == port_again);
    }
    arena_reset(&arena);
}

static void check_query(struct str query)
{
    struct str rest = query;
    struct query_param param;
    struct arena arena;
    arena_init_heap(&arena, 1 << 22);
    while (query_next(&rest, &param)) {
        struct str name, value;
        CHECK(query_decode(&arena, param.raw_name, &name) == OK);
        CHECK(name.len <= param.raw_name.len);
        CHECK(query_is(param.raw_name, name));
        CHECK(query_find(query, name, &value));
    }
    arena_reset(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* Looking up every parameter of a long query costs its square. */
    if (size == 0 || size > 4096) {
        return 0;
    }
    const struct uri_rules rules = {.encoded_slash = data[0] & 1,
                                    .keeps_double_slashes = (data[0] & 2) != 0,
                                    .keeps_backslash = (data[0] & 4) != 0};
    char *copy = malloc(size);
    CHECK(copy != NULL);
    memcpy(copy, data + 1, size - 1);
    struct str text = str_of(copy, size - 1);
    check_path(text, &rules);
    check_authority(text);
    check_query(text);
    free(copy);
    return 0;
}
