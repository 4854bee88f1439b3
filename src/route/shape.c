/* shape.c - matches compiled; see shape.h.
 * Literal segments are brought to canonical form by the very code that does so for requests, one by
 * one, so that what is written as "/caf%c3%a9" or "/%7Ejoe" is what requests are compared with. */
#include "route/shape.h"

static void path_fault(struct route_build *build, struct str at, const char *text)
{
    struct str path = build->rule->matches[build->match_index].path.text;
    size_t offset = at.at == NULL ? 0 : (size_t)(at.at - path.at);
    build_fault(build, &(struct route_fault){ROUTE_REPORT_BAD_PATH, path, offset, text});
}

/* "{name}" with letters, digits, '_' and '-' between the braces. */
static bool is_param_text(struct str segment)
{
    if (segment.len < 3 || segment.at[0] != '{' || segment.at[segment.len - 1] != '}') {
        return false;
    }
    for (size_t i = 1; i < segment.len - 1; i++) {
        char c = char_lower(segment.at[i]);
        if (!char_is_digit(c) && c != '_' && c != '-' && (c < 'a' || c > 'z')) {
            return false;
        }
    }
    return true;
}

static enum err add_param(struct route_shape *shape, struct route_build *build, struct str text)
{
    struct str name = str_sub(text, 1, text.len - 2);
    if (!is_param_text(text)) {
        path_fault(build, text, "a parameter is a whole segment, {name}");
        return OK;
    }
    for (uint32_t i = 0; i < shape->segment_count; i++) {
        if (shape->segments[i].is_param && str_eq(shape->segments[i].text, name)) {
            path_fault(build, text, "two parameters have one name");
        }
    }
    if (++shape->param_count > ROUTE_PARAMS_MAX) {
        path_fault(build, text, "there are more than 32 parameters");
        return OK;
    }
    shape->segments[shape->segment_count++] = (struct route_segment){name, true};
    return OK;
}

static enum err add_literal(struct route_shape *shape, struct route_build *build, struct str text)
{
    struct str path;
    char *raw = arena_alloc(build->arena, text.len + 1);
    if (raw == NULL) {
        return ERR_MEMORY;
    }
    raw[0] = '/';
    if (text.len > 0) {
        memcpy(raw + 1, text.at, text.len);
    }
    enum err result =
        uri_canonical_path(build->arena, str_of(raw, text.len + 1), &build->conf->uri, &path);
    if (result == ERR_MEMORY) {
        return result;
    }
    if (result != OK || (path.len == 1 && text.len > 0)) {
        path_fault(build, text, "no request can have such a segment in its path");
        return OK;
    }
    shape->literal_bits |=
        shape->segment_count < 64 ? UINT64_C(1) << (63 - shape->segment_count) : 0;
    shape->literal_count++;
    shape->segments[shape->segment_count++] = (struct route_segment){str_skip(path, 1), false};
    return OK;
}

/* Cuts "/a/{b}/" into segments; an exact path keeps the empty one behind a closing slash. */
static enum err read_segments(struct route_shape *shape, struct route_build *build,
                              const struct route_path *path)
{
    struct str rest = path->text;
    if (path->kind == ROUTE_PATH_PREFIX && rest.at[rest.len - 1] == '/') {
        rest.len--;
    }
    uint32_t count = 0;
    for (size_t i = 0; i < rest.len; i++) {
        count += rest.at[i] == '/';
    }
    shape->segments = ARENA_ARRAY(build->arena, count, struct route_segment);
    if (shape->segments == NULL) {
        return ERR_MEMORY;
    }
    if (count > ROUTE_SEGMENTS_MAX) {
        path_fault(build, path->text, "the path has more than 64 segments");
        return OK;
    }
    while (rest.len > 0) {
        struct str_pair cut = str_cut(str_skip(rest, 1), '/');
        rest = str_skip(rest, 1 + cut.head.len);
        if (cut.head.len == 0 && rest.len > 0 && !build->conf->uri.keeps_double_slashes) {
            path_fault(build, cut.head, "an empty segment: requests have their slashes merged");
        }
        bool is_param =
            path->has_params && cut.head.len > 0 &&
            (str_find(cut.head, '{') < cut.head.len || str_find(cut.head, '}') < cut.head.len);
        TRY(is_param ? add_param(shape, build, cut.head) : add_literal(shape, build, cut.head));
    }
    return OK;
}

/* The plain text that whatever the pattern takes begins with. The character before a quantifier may
 * be missing or repeated, and with alternatives at any place nothing is sure. */
static struct str pattern_start(struct str text)
{
    if (str_find(text, '|') < text.len) {
        return (struct str){0};
    }
    if (text.len > 0 && text.at[0] == '^') {
        text = str_skip(text, 1);
    }
    size_t len = 0;
    while (len < text.len && strchr("\\^$.[(?*+{", text.at[len]) == NULL) {
        len++;
    }
    bool is_quantified = len < text.len && strchr("?*+{", text.at[len]) != NULL;
    return str_sub(text, 0, len - (is_quantified && len > 0));
}

/* The whole segments of that text: the pattern is judged only for requests below them. */
static enum err read_pattern_start(struct route_shape *shape, struct route_build *build)
{
    struct str rest = pattern_start(shape->cond->path.text);
    shape->segments = ARENA_ARRAY(build->arena, PATTERN_SEGMENTS_MAX, struct route_segment);
    if (shape->segments == NULL) {
        return ERR_MEMORY;
    }
    while (shape->segment_count < PATTERN_SEGMENTS_MAX && rest.len > 0 && rest.at[0] == '/') {
        struct str_pair cut = str_cut(str_skip(rest, 1), '/');
        if (!cut.is_cut) {
            break;
        }
        shape->segments[shape->segment_count++] = (struct route_segment){cut.head, false};
        rest = str_skip(rest, 1 + cut.head.len);
    }
    return OK;
}

static enum err read_path(struct route_shape *shape, struct route_build *build)
{
    const struct route_path *path = &shape->cond->path;
    if (path->kind == ROUTE_PATH_ANY) {
        shape->class = ROUTE_CLASS_ANY;
        return OK;
    }
    if (path->kind == ROUTE_PATH_PATTERN) {
        shape->class = ROUTE_CLASS_PATTERN;
        TRY(build_pattern(build, path->text, &shape->pattern));
        return read_pattern_start(shape, build);
    }
    if (path->text.len == 0 || path->text.at[0] != '/') {
        path_fault(build, path->text, "a path begins with '/'");
        return OK;
    }
    TRY(read_segments(shape, build, path));
    shape->class = path->kind == ROUTE_PATH_PREFIX ? ROUTE_CLASS_PREFIX
                   : shape->param_count > 0        ? ROUTE_CLASS_PARAMS
                                                   : ROUTE_CLASS_EXACT;
    return OK;
}

static enum err read_methods(struct route_shape *shape, struct route_build *build)
{
    const struct route_cond *cond = shape->cond;
    if (cond->method_count == 0) {
        shape->methods = UINT32_MAX;
        return OK;
    }
    struct str *others = ARENA_ARRAY(build->arena, cond->method_count, struct str);
    if (others == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < cond->method_count; i++) {
        enum method method = method_of(cond->methods[i]);
        if (!str_is_token(cond->methods[i])) {
            build_fault(build, &(struct route_fault){ROUTE_REPORT_BAD_METHOD, cond->methods[i], 0,
                                                     "not a method"});
        }
        if (method == METHOD_OTHER) {
            others[shape->other_method_count++] = cond->methods[i];
        }
        shape->methods |= UINT32_C(1) << method;
    }
    /* RFC 9110 9.3.2: HEAD is GET without the body, so whoever answers one answers the other. */
    if ((shape->methods >> METHOD_GET & 1) != 0) {
        shape->methods |= UINT32_C(1) << METHOD_HEAD;
    }
    shape->other_methods = others;
    return OK;
}

enum err shape_init(struct route_shape *shape, struct route_build *build)
{
    static_assert(METHOD_COUNT <= 32, "methods are bits of 32");
    *shape = (struct route_shape){
        .rule = build->rule,
        .cond = &build->rule->matches[build->match_index],
        .match_index = build->match_index,
    };
    TRY(read_methods(shape, build));
    TRY(read_path(shape, build));
    return checks_init(&shape->checks, build, shape->cond);
}

void shape_drop(struct route_shape *shape)
{
    if (shape->pattern != NULL) {
        pattern_drop(shape->pattern);
    }
    checks_drop(&shape->checks);
}

bool shape_takes_method(const struct route_shape *shape, const struct route_input *input)
{
    if ((shape->methods >> input->method & 1) == 0) {
        return false;
    }
    if (input->method != METHOD_OTHER || shape->other_methods == NULL) {
        return true;
    }
    for (uint32_t i = 0; i < shape->other_method_count; i++) {
        if (str_eq(shape->other_methods[i], input->method_text)) {
            return true;
        }
    }
    return false;
}

/* Negative when the larger number is on the left. */
static int larger_first(uint64_t left, uint64_t right)
{
    return (left < right) - (left > right);
}

int shape_compare(const struct route_shape *left, const struct route_shape *right)
{
    const int steps[] = {
        larger_first(left->class, right->class),
        left->class == ROUTE_CLASS_PATTERN
            ? 0
            : larger_first(left->segment_count, right->segment_count),
        larger_first(left->literal_count, right->literal_count),
        larger_first(left->literal_bits, right->literal_bits),
        larger_first(left->cond->method_count > 0, right->cond->method_count > 0),
        larger_first(left->cond->headers.count, right->cond->headers.count),
        larger_first(left->cond->query.count, right->cond->query.count),
        larger_first(right->rule->index, left->rule->index),
        larger_first(right->match_index, left->match_index),
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        if (steps[i] != 0) {
            return steps[i];
        }
    }
    return 0;
}

bool shape_host_fits(const struct route_host *wanted, struct str host)
{
    if (!wanted->is_wildcard) {
        return str_eq(host, wanted->name);
    }
    return host.len > wanted->name.len + 1 && str_ends(host, wanted->name) &&
           host.at[host.len - wanted->name.len - 1] == '.';
}

static bool segments_fit(const struct route_shape *shape, struct str path)
{
    for (uint32_t i = 0; i < shape->segment_count; i++) {
        if (path.len == 0) {
            return false;
        }
        struct str segment = str_cut(str_skip(path, 1), '/').head;
        const struct route_segment *wanted = &shape->segments[i];
        if (wanted->is_param ? segment.len == 0 : !str_eq(segment, wanted->text)) {
            return false;
        }
        path = str_skip(path, 1 + segment.len);
    }
    return path.len == 0 || shape->class == ROUTE_CLASS_PREFIX;
}

enum err shape_takes_path(const struct route_shape *shape, struct str path,
                          struct pattern_scratch *scratch)
{
    if (shape->class == ROUTE_CLASS_ANY) {
        return OK;
    }
    if (path.len == 0 || path.at[0] != '/') {
        return ERR_NOT_FOUND;
    }
    if (shape->class == ROUTE_CLASS_PATTERN) {
        return pattern_match(shape->pattern, path, scratch);
    }
    return segments_fit(shape, path) ? OK : ERR_NOT_FOUND;
}
