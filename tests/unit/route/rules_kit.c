/* rules_kit.c - rules and requests for tests from one line of text each; see rules_kit.h. */
#include "rules_kit.h"

#include <stdlib.h>

enum { KIT_LIST_MAX = 8 };

void kit_note(void *context, const struct route_report *report)
{
    struct kit_reports *reports = context;
    if (reports->count < COUNT_OF(reports->at)) {
        reports->at[reports->count] = *report;
    }
    reports->count++;
}

void *kit_alloc(struct kit *kit, size_t bytes)
{
    void *at = arena_zalloc(&kit->arena, bytes);
    if (at == NULL) {
        abort();
    }
    return at;
}

static struct route_test kit_test(struct kit *kit, struct str text)
{
    struct route_test test = {.name = text, .kind = ROUTE_TEST_PRESENT};
    size_t equals = str_find(text, '='), tilde = str_find(text, '~');
    if (text.len > 0 && text.at[0] == '!') {
        test.name = str_skip(text, 1);
        test.kind = ROUTE_TEST_ABSENT;
    } else if (tilde < equals) {
        test.name = str_sub(text, 0, tilde);
        test.pattern = str_skip(text, tilde + 1);
        test.kind = ROUTE_TEST_PATTERN;
    } else if (equals < text.len) {
        struct str *values = kit_alloc(kit, KIT_LIST_MAX * sizeof *values);
        struct str rest = str_skip(text, equals + 1);
        test.name = str_sub(text, 0, equals);
        test.kind = ROUTE_TEST_EQUALS;
        for (struct str_pair cut = str_cut(rest, ',');; cut = str_cut(cut.tail, ',')) {
            values[test.value_count++] = cut.head;
            if (!cut.is_cut || test.value_count == KIT_LIST_MAX) {
                break;
            }
        }
        test.values = values;
    }
    return test;
}

static void kit_target(struct kit *kit, struct route_cond *cond, struct str word)
{
    size_t slash = str_find(word, '/'), tilde = str_find(word, '~');
    struct str host = str_sub(word, 0, slash < tilde ? slash : tilde);
    struct str path = str_skip(word, host.len);
    if (host.len > 0) {
        struct route_host *hosts = kit_alloc(kit, sizeof *hosts);
        hosts->is_wildcard = str_starts(host, STR("*."));
        hosts->name = hosts->is_wildcard ? str_skip(host, 2) : host;
        cond->hosts = hosts;
        cond->host_count = 1;
    }
    cond->path.kind = path.len == 0 ? ROUTE_PATH_ANY : ROUTE_PATH_EXACT;
    if (path.len > 0 && path.at[0] == '~') {
        cond->path.kind = ROUTE_PATH_PATTERN;
        path = str_skip(path, 1);
    } else if (str_ends(path, STR("/..."))) {
        cond->path.kind = ROUTE_PATH_PREFIX;
        path.len -= path.len > 4 ? 4 : 3;
    }
    cond->path.has_params = cond->path.kind != ROUTE_PATH_PATTERN && str_find(path, '{') < path.len;
    cond->path.text = path;
}

static bool kit_is_methods(struct str word)
{
    for (size_t i = 0; i < word.len; i++) {
        if ((word.at[i] < 'A' || word.at[i] > 'Z') && word.at[i] != ',') {
            return false;
        }
    }
    return word.len > 0;
}

static void kit_word(struct kit *kit, struct route_rule *rule, struct route_cond *cond,
                     struct str word)
{
    struct str rest = str_skip(word, 2);
    if (kit_is_methods(word)) {
        struct str *methods = kit_alloc(kit, KIT_LIST_MAX * sizeof *methods);
        cond->method_count = 0;
        while (cond->method_count < KIT_LIST_MAX &&
               str_next_element(&word, &methods[cond->method_count])) {
            cond->method_count++;
        }
        cond->methods = methods;
    } else if (str_starts(word, STR("h:")) && cond->headers.count < KIT_LIST_MAX) {
        struct route_test *tests = (struct route_test *)(uintptr_t)cond->headers.at;
        tests[cond->headers.count++] = kit_test(kit, rest);
    } else if (str_starts(word, STR("q:")) && cond->query.count < KIT_LIST_MAX) {
        struct route_test *tests = (struct route_test *)(uintptr_t)cond->query.at;
        tests[cond->query.count++] = kit_test(kit, rest);
    } else if (str_starts(word, STR("p:"))) {
        bool is_negative = str_starts(rest, STR("-"));
        uint64_t priority = 0;
        (void)str_to_u64(is_negative ? str_skip(rest, 1) : rest, &priority);
        rule->priority = (int64_t)(priority & INT32_MAX) * (is_negative ? -1 : 1);
    } else {
        kit_target(kit, cond, word);
    }
}

void kit_open(struct kit *kit)
{
    *kit = (struct kit){0};
    arena_init_heap(&kit->arena, (size_t)4 << 30);
    if (route_scratch_new(&kit->arena, &kit->scratch) != OK) {
        abort();
    }
}

void kit_rule(struct kit *kit, struct route_rule *rule, const char *line)
{
    struct route_cond *cond = kit_alloc(kit, sizeof *cond);
    cond->headers.at = kit_alloc(kit, KIT_LIST_MAX * sizeof(struct route_test));
    cond->query.at = kit_alloc(kit, KIT_LIST_MAX * sizeof(struct route_test));
    struct str_pair cut = {.tail = str_from_c(line), .is_cut = true};
    rule->name = cut.tail;
    rule->matches = cond;
    rule->match_count = 1;
    while (cut.is_cut) {
        cut = str_cut(cut.tail, ' ');
        kit_word(kit, rule, cond, cut.head);
    }
}

void kit_compile(struct kit *kit)
{
    for (uint32_t i = 0; i < kit->rule_count; i++) {
        kit->rules[i].index = i;
    }
    const struct router_conf conf = {
        .rules = kit->rules,
        .rule_count = kit->rule_count,
        .report = kit_note,
        .report_context = &kit->reports,
    };
    kit->result = router_new(&kit->arena, &conf, &kit->router);
}

void kit_load(struct kit *kit, const char *const *lines)
{
    kit_open(kit);
    uint32_t count = 0;
    while (lines[count] != NULL) {
        count++;
    }
    kit->rules = kit_alloc(kit, (count + 1) * sizeof *kit->rules);
    kit->rule_count = count;
    for (uint32_t i = 0; i < count; i++) {
        kit_rule(kit, &kit->rules[i], lines[i]);
    }
    kit_compile(kit);
}

void kit_close(struct kit *kit)
{
    router_drop(kit->router);
    route_scratch_drop(kit->scratch);
    arena_reset(&kit->arena);
}

struct route_input kit_input(struct kit *kit, const char *line)
{
    struct str_pair method = str_cut(str_from_c(line), ' ');
    struct str_pair target = str_cut(method.tail, ' ');
    struct str_pair query = str_cut(target.head, '?');
    size_t slash = str_find(query.head, '/');
    slash = slash < query.head.len ? slash : str_find(query.head, '*');
    struct fields *fields = kit_alloc(kit, sizeof *fields);
    for (struct str_pair cut = {.tail = target.tail, .is_cut = target.tail.len > 0}; cut.is_cut;) {
        cut = str_cut(cut.tail, '|');
        struct str_pair pair = str_cut(cut.head, ':');
        /* What no head can have is left out. */
        (void)!fields_add(fields, &kit->arena, str_trim(pair.head), str_trim(pair.tail));
    }
    return (struct route_input){
        .host = str_sub(query.head, 0, slash),
        .path = str_skip(query.head, slash),
        .query = query.tail,
        .method_text = method.head,
        .method = (uint8_t)method_of(method.head),
        .fields = fields,
    };
}

struct str kit_taker(struct kit *kit, const char *request)
{
    struct route_match match;
    struct route_input input = kit_input(kit, request);
    enum err result = router_match(kit->router, &input, kit->scratch, &match);
    return result == OK                       ? match.rule->name
           : result == ERR_NO_ROUTE           ? STR("-")
           : result == ERR_METHOD_NOT_ALLOWED ? STR("405")
           : result == ERR_LIMIT              ? STR("limit")
                                              : STR("another error");
}
