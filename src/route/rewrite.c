/* rewrite.c - paths on their way out and Location; see rewrite.h.
 * The literal text of a rewrite is the operator's and taken as written; the result as a whole must
 * be what uri_canonical_path would leave alone, or the exchange is refused. */
#include "route/rewrite.h"

#include "base/limits.h"

static bool is_name_char(char c)
{
    char lower = char_lower(c);
    return char_is_digit(c) || c == '_' || c == '-' || (lower >= 'a' && lower <= 'z');
}

/* Takes a literal or a "{name}" off the front of *rest. False: unbalanced, empty or no name. */
static bool take_part(struct str *rest, struct rewrite_part *part)
{
    size_t open = str_find(*rest, '{');
    if (open > 0) {
        *part = (struct rewrite_part){str_sub(*rest, 0, open), false};
        *rest = str_skip(*rest, open);
        return str_find(part->text, '}') == part->text.len;
    }
    size_t close = str_find(*rest, '}');
    if (close == rest->len || close < 2) {
        return false;
    }
    *part = (struct rewrite_part){str_sub(*rest, 1, close - 1), true};
    *rest = str_skip(*rest, close + 1);
    for (size_t i = 0; i < part->text.len; i++) {
        if (!is_name_char(part->text.at[i])) {
            return false;
        }
    }
    return true;
}

/* Only the path is rewritten: a query or fragment in it would be taken for one by the origin. */
static bool find_fault(struct str text, size_t *offset)
{
    if (text.len == 0 || text.at[0] != '/') {
        *offset = 0;
        return true;
    }
    for (*offset = 0; *offset < text.len; (*offset)++) {
        char c = text.at[*offset];
        if (c <= ' ' || c >= 127 || c == '?' || c == '#') {
            return true;
        }
    }
    return false;
}

enum err rewrite_init(struct rewrite *rewrite, struct arena *arena, enum rewrite_kind kind,
                      struct str text, size_t *offset)
{
    *rewrite = (struct rewrite){.kind = REWRITE_NONE};
    if (kind == REWRITE_NONE) {
        return OK;
    }
    if (find_fault(text, offset)) {
        return ERR_SYNTAX;
    }
    uint32_t count = 0;
    struct rewrite_part part;
    for (struct str rest = text; rest.len > 0; count++) {
        *offset = text.len - rest.len;
        if (!take_part(&rest, &part)) {
            return ERR_SYNTAX;
        }
    }
    struct rewrite_part *parts = ARENA_ARRAY(arena, count, struct rewrite_part);
    if (parts == NULL) {
        return ERR_MEMORY;
    }
    struct str rest = text;
    for (uint32_t i = 0; i < count; i++) {
        (void)take_part(&rest, &parts[i]);
    }
    *rewrite = (struct rewrite){parts, count, (uint8_t)kind};
    return OK;
}

/* Is there "{name}" in the path, or "(?<name>" in the pattern? */
static bool path_has_param(const struct route_path *path, struct str name)
{
    bool is_pattern = path->kind == ROUTE_PATH_PATTERN;
    struct str rest = path->text;
    while (rest.len > 0) {
        size_t at = str_find_str(rest, name);
        if (at == rest.len) {
            return false;
        }
        char before = at > 0 ? rest.at[at - 1] : ' ';
        char after = at + name.len < rest.len ? rest.at[at + name.len] : ' ';
        if (is_pattern ? (before == '<' && after == '>') || (before == '\'' && after == '\'')
                       : before == '{' && after == '}') {
            return true;
        }
        rest = str_skip(rest, at + name.len);
    }
    return false;
}

bool rewrite_has_params(const struct rewrite *rewrite, const struct route_path *path,
                        struct str *missing)
{
    for (uint32_t i = 0; i < rewrite->part_count; i++) {
        const struct rewrite_part *part = &rewrite->parts[i];
        if (part->is_param && !path_has_param(path, part->text)) {
            *missing = part->text;
            return false;
        }
    }
    return true;
}

static struct str param_value(const struct route_match *match, struct str name)
{
    for (uint32_t i = 0; i < match->param_count; i++) {
        if (str_eq(match->params[i].name, name)) {
            return match->params[i].value;
        }
    }
    return (struct str){0};
}

static void add_parts(struct strbuf *out, const struct rewrite *rewrite,
                      const struct route_match *match)
{
    for (uint32_t i = 0; i < rewrite->part_count; i++) {
        const struct rewrite_part *part = &rewrite->parts[i];
        strbuf_add(out, part->is_param ? param_value(match, part->text) : part->text);
    }
}

/* What the prefix left over begins with '/', or is empty: one slash at the seam, not two. */
static void add_remainder(struct strbuf *out, struct str remainder)
{
    if (remainder.len > 0 && out->len > 0 && out->at[out->len - 1] == '/') {
        out->len--;
    }
    strbuf_add(out, remainder);
}

static bool is_canonical(struct arena *arena, struct str path, const struct uri_rules *uri)
{
    struct str canonical;
    return uri_canonical_path(arena, path, uri, &canonical) == OK && str_eq(canonical, path);
}

enum err rewrite_path(const struct rewrite *rewrite, const struct rewrite_input *input,
                      struct arena *arena, struct str *out)
{
    *out = input->path;
    if (rewrite->kind == REWRITE_NONE) {
        return OK;
    }
    char *at = arena_alloc(arena, LIMIT_VALUE(target_bytes));
    if (at == NULL) {
        return ERR_MEMORY;
    }
    struct strbuf path = strbuf_over(at, LIMIT_VALUE(target_bytes));
    add_parts(&path, rewrite, input->match);
    if (rewrite->kind == REWRITE_PREFIX) {
        add_remainder(&path, str_skip(input->path, input->match->prefix_bytes));
    }
    if (strbuf_overflowed(&path)) {
        return ERR_TARGET_BYTES;
    }
    if (!is_canonical(arena, strbuf_str(&path), input->uri)) {
        return ERR_BAD_PATH;
    }
    *out = strbuf_str(&path);
    return OK;
}

bool redirect_status_is_valid(int64_t status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static void add_authority(struct strbuf *out, const struct redirect *redirect,
                          const struct redirect_input *input)
{
    struct str scheme = redirect->scheme.len > 0 ? redirect->scheme : input->scheme;
    uint16_t own_port = str_eq(scheme, STR("https")) ? 443 : 80;
    /* Another scheme lives on another port: the request's port means nothing to it. */
    bool keeps_port = redirect->port == 0 && redirect->scheme.len == 0;
    uint16_t port = keeps_port ? input->port : redirect->port;
    strbuf_add(out, scheme);
    strbuf_add(out, STR("://"));
    strbuf_add(out, redirect->host.len > 0 ? redirect->host : input->host);
    if (port != 0 && port != own_port) {
        strbuf_add_char(out, ':');
        strbuf_add_u64(out, port);
    }
}

enum err redirect_location(const struct redirect *redirect, const struct redirect_input *input,
                           struct arena *arena, struct str *out)
{
    struct str path;
    TRY(rewrite_path(&redirect->path, &input->rewrite, arena, &path));
    size_t bytes = redirect->scheme.len + input->scheme.len + redirect->host.len + input->host.len +
                   path.len + input->query.len + sizeof "://:65535?";
    char *at = arena_alloc(arena, bytes);
    if (at == NULL) {
        return ERR_MEMORY;
    }
    struct strbuf location = strbuf_over(at, bytes);
    add_authority(&location, redirect, input);
    strbuf_add(&location, path);
    if (redirect->keeps_query && input->has_query) {
        strbuf_add_char(&location, '?');
        strbuf_add(&location, input->query);
    }
    CHECK(!strbuf_overflowed(&location));
    *out = strbuf_str(&location);
    return OK;
}
