/* checks.c - conditions on header fields and query parameters; see checks.h.
 * Names that the parser interned are compared by number. Query text is judged in place, decoded
 * byte by byte while it is compared; only patterns need a decoded copy. */
#include "route/checks.h"

enum { COMPARISONS_MAX = 4096 };

struct query_param {
    struct str name, value; /* as received */
};

static bool next_param(struct str *rest, struct query_param *param)
{
    while (rest->len > 0) {
        struct str_pair cut = str_cut(*rest, '&');
        *rest = cut.tail;
        if (cut.head.len > 0) {
            struct str_pair pair = str_cut(cut.head, '=');
            *param = (struct query_param){pair.head, pair.tail};
            return true;
        }
    }
    return false;
}

/* Takes one decoded byte off the front: "%41" is 'A', '+' a space; a '%' that starts no escape
 * stands for itself, as in the URL standard's form decoding. */
static char take_decoded(struct str *raw)
{
    char c = raw->at[0];
    size_t width = 1;
    if (c == '%' && raw->len >= 3) {
        int high = char_hex(raw->at[1]), low = char_hex(raw->at[2]);
        if (high >= 0 && low >= 0) {
            c = (char)(high << 4 | low);
            width = 3;
        }
    } else if (c == '+') {
        c = ' ';
    }
    *raw = str_skip(*raw, width);
    return c;
}

static bool decoded_eq(struct str raw, struct str plain)
{
    if (raw.len < plain.len) {
        return false;
    }
    for (size_t i = 0; i < plain.len; i++) {
        if (raw.len == 0 || take_decoded(&raw) != plain.at[i]) {
            return false;
        }
    }
    return raw.len == 0;
}

static enum err decode(struct str raw, struct checks_scratch *scratch, struct str *out)
{
    struct strbuf decoded = strbuf_over(scratch->decoded, sizeof scratch->decoded);
    while (raw.len > 0) {
        strbuf_add_char(&decoded, take_decoded(&raw));
    }
    *out = strbuf_str(&decoded);
    return strbuf_overflowed(&decoded) ? ERR_LIMIT : OK;
}

static enum err judge_header_value(const struct route_check *check, struct str value,
                                   struct checks_scratch *scratch)
{
    const struct route_test *test = check->test;
    if (test->kind == ROUTE_TEST_PATTERN) {
        return pattern_match(check->pattern, value, &scratch->pattern);
    }
    for (uint32_t i = 0; i < test->value_count; i++) {
        if (str_eq(value, test->values[i])) {
            return OK;
        }
    }
    return test->kind == ROUTE_TEST_PRESENT ? OK : ERR_NOT_FOUND;
}

static enum err judge_query_value(const struct route_check *check, struct str raw,
                                  struct checks_scratch *scratch)
{
    const struct route_test *test = check->test;
    if (test->kind == ROUTE_TEST_PATTERN) {
        struct str value;
        TRY(decode(raw, scratch, &value));
        return pattern_match(check->pattern, value, &scratch->pattern);
    }
    for (uint32_t i = 0; i < test->value_count; i++) {
        if (decoded_eq(raw, test->values[i])) {
            return OK;
        }
    }
    return test->kind == ROUTE_TEST_PRESENT ? OK : ERR_NOT_FOUND;
}

static bool field_is(const struct field *field, const struct route_check *check)
{
    if ((field->flags & FIELD_IS_DROPPED) != 0 || field->id != check->field_id) {
        return false;
    }
    return check->field_id != FIELD_OTHER || str_eq_nocase(field->name, check->test->name);
}

static enum err judge_header(const struct route_check *check, const struct fields *fields,
                             struct checks_scratch *scratch, bool *is_absent)
{
    *is_absent = true;
    if (check->field_id != FIELD_OTHER && !fields_have(fields, check->field_id)) {
        return check->test->kind == ROUTE_TEST_ABSENT ? OK : ERR_NOT_FOUND;
    }
    for (uint32_t i = 0; i < fields->count; i++) {
        if (!field_is(&fields->at[i], check)) {
            continue;
        }
        *is_absent = false;
        if (check->test->kind == ROUTE_TEST_ABSENT) {
            return ERR_NOT_FOUND;
        }
        enum err result = judge_header_value(check, fields->at[i].value, scratch);
        if (result != ERR_NOT_FOUND) {
            return result;
        }
    }
    return *is_absent && check->test->kind == ROUTE_TEST_ABSENT ? OK : ERR_NOT_FOUND;
}

static enum err judge_query(const struct route_check *check, struct str query,
                            struct checks_scratch *scratch, bool *is_absent)
{
    struct query_param param;
    *is_absent = true;
    while (next_param(&query, &param)) {
        if (!decoded_eq(param.name, check->test->name)) {
            continue;
        }
        *is_absent = false;
        if (check->test->kind == ROUTE_TEST_ABSENT) {
            return ERR_NOT_FOUND;
        }
        enum err result = judge_query_value(check, param.value, scratch);
        if (result != ERR_NOT_FOUND) {
            return result;
        }
    }
    return *is_absent && check->test->kind == ROUTE_TEST_ABSENT ? OK : ERR_NOT_FOUND;
}

bool check_has_name_of(const struct route_check *check, const struct route_check *other)
{
    if (check->is_query || other->is_query) {
        return check->is_query == other->is_query && str_eq(check->test->name, other->test->name);
    }
    return str_eq_nocase(check->test->name, other->test->name);
}

struct check_values check_values_of(const struct route_check *check,
                                    const struct route_input *input)
{
    return (struct check_values){check, input, 0, input->query};
}

static bool next_field_value(struct check_values *values, struct str *out)
{
    const struct fields *fields = values->input->fields;
    uint16_t id = values->check->field_id;
    if (id != FIELD_OTHER && !fields_have(fields, id)) {
        return false;
    }
    while (values->field < fields->count) {
        const struct field *field = &fields->at[values->field++];
        if (field_is(field, values->check)) {
            *out = field->value;
            return true;
        }
    }
    return false;
}

bool check_values_next(struct check_values *values, struct checks_scratch *scratch, struct str *out)
{
    if (!values->check->is_query) {
        return next_field_value(values, out);
    }
    struct query_param param;
    while (next_param(&values->params, &param)) {
        if (decoded_eq(param.name, values->check->test->name) &&
            decode(param.value, scratch, out) == OK) {
            return true;
        }
    }
    return false;
}

enum err checks_judge(const struct route_checks *checks, const struct route_input *input,
                      struct checks_scratch *scratch, struct checks_miss *miss)
{
    bool is_absent = false;
    for (uint32_t i = 0; i < checks->header_count; i++) {
        const struct route_check *check = &checks->headers[i];
        enum err result = judge_header(check, input->fields, scratch, &is_absent);
        if (result != OK) {
            *miss = (struct checks_miss){check->test, false, is_absent};
            return result;
        }
    }
    for (uint32_t i = 0; i < checks->query_count; i++) {
        const struct route_check *check = &checks->query[i];
        enum err result = judge_query(check, input->query, scratch, &is_absent);
        if (result != OK) {
            *miss = (struct checks_miss){check->test, true, is_absent};
            return result;
        }
    }
    return OK;
}

static enum err check_init(struct route_check *check, struct route_build *build,
                           const struct route_test *test)
{
    check->test = test;
    if (test->kind != ROUTE_TEST_PATTERN) {
        return OK;
    }
    return build_pattern(build, test->pattern, &check->pattern);
}

enum err checks_init(struct route_checks *checks, struct route_build *build,
                     const struct route_cond *cond)
{
    checks->headers = ARENA_ARRAY(build->arena, cond->headers.count, struct route_check);
    checks->query = ARENA_ARRAY(build->arena, cond->query.count, struct route_check);
    if (checks->headers == NULL || checks->query == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < cond->headers.count; i++) {
        const struct route_test *test = &cond->headers.at[i];
        if (!str_is_token(test->name)) {
            build_fault(build, &(struct route_fault){ROUTE_REPORT_BAD_NAME, test->name, 0,
                                                     "not a header name"});
        }
        checks->header_count++;
        TRY(check_init(&checks->headers[i], build, test));
        checks->headers[i].field_id = (uint16_t)field_id_of(test->name);
    }
    for (uint32_t i = 0; i < cond->query.count; i++) {
        const struct route_test *test = &cond->query.at[i];
        if (test->name.len == 0) {
            build_fault(build, &(struct route_fault){ROUTE_REPORT_BAD_NAME, test->name, 0,
                                                     "the name of the parameter is empty"});
        }
        checks->query_count++;
        checks->query[i].is_query = true;
        TRY(check_init(&checks->query[i], build, test));
    }
    return OK;
}

static void drop_patterns(struct route_check *checks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (checks[i].pattern != NULL) {
            pattern_drop(checks[i].pattern);
        }
    }
}

void checks_drop(struct route_checks *checks)
{
    drop_patterns(checks->headers, checks->header_count);
    drop_patterns(checks->query, checks->query_count);
}

static bool has_value(const struct route_test *test, struct str value)
{
    for (uint32_t i = 0; i < test->value_count; i++) {
        if (str_eq(test->values[i], value)) {
            return true;
        }
    }
    return false;
}

/* Does a value that meets `narrow` always meet `wide`? The names are known to be the same. */
static bool test_covers(const struct route_test *wide, const struct route_test *narrow)
{
    if (wide->kind == ROUTE_TEST_PRESENT) {
        return narrow->kind != ROUTE_TEST_ABSENT;
    }
    if (wide->kind != narrow->kind) {
        return false;
    }
    if (wide->kind == ROUTE_TEST_PATTERN) {
        return str_eq(wide->pattern, narrow->pattern);
    }
    if ((uint64_t)narrow->value_count * wide->value_count > COMPARISONS_MAX) {
        return false; /* long lists: a warning is not worth the time */
    }
    for (uint32_t i = 0; i < narrow->value_count; i++) {
        if (!has_value(wide, narrow->values[i])) {
            return false;
        }
    }
    return true;
}

/* Field names have no case, parameter names do. */
static bool same_name(const struct route_test *left, const struct route_test *right, bool is_query)
{
    return is_query ? str_eq(left->name, right->name) : str_eq_nocase(left->name, right->name);
}

static bool list_covers(const struct route_tests *wide, const struct route_tests *narrow,
                        bool is_query)
{
    for (uint32_t i = 0; i < wide->count; i++) {
        bool is_covered = false;
        for (uint32_t j = 0; j < narrow->count && !is_covered; j++) {
            is_covered = same_name(&wide->at[i], &narrow->at[j], is_query) &&
                         test_covers(&wide->at[i], &narrow->at[j]);
        }
        if (!is_covered) {
            return false;
        }
    }
    return true;
}

bool checks_cover(const struct route_cond *wide, const struct route_cond *narrow)
{
    return list_covers(&wide->headers, &narrow->headers, false) &&
           list_covers(&wide->query, &narrow->query, true);
}
