#include "route/compiled.h"

#include "base/rng.h"
#include "rules_kit.h"
#include "test.h"

struct told {
    struct route_verdict at[32];
    uint32_t count;
};

static void tell(void *context, const struct route_verdict *verdict)
{
    struct told *told = context;
    WANT(told->count < COUNT_OF(told->at));
    told->at[told->count++] = *verdict;
}

static struct told explain(struct kit *kit, const char *request, uint32_t rules_max)
{
    struct told told = {0};
    struct route_input input = kit_input(kit, request);
    const struct route_explain sink = {tell, &told, rules_max};
    router_explain(kit->router, &input, kit->scratch, &sink);
    return told;
}

TEST(every_rule_says_why_closest_first)
{
    static const char *const rules[] = {
        "other.org/...",         "/users/...",
        "/orders/...",           "POST /orders/7",
        "/orders/7 h:X-A=1",     "/orders/7 h:X-B=1",
        "/orders/7 h:X-B q:v=2", "/orders/7 h:X-B q:w=2",
        "GET /orders/7",         NULL,
    };
    static const struct {
        uint32_t rule;
        enum route_verdict_kind kind;
        const char *name;
        bool is_absent;
    } wanted[] = {
        {8, ROUTE_VERDICT_TAKES, "", false},    {2, ROUTE_VERDICT_SECOND, "", false},
        {6, ROUTE_VERDICT_QUERY, "v", false},   {7, ROUTE_VERDICT_QUERY, "w", true},
        {4, ROUTE_VERDICT_HEADER, "X-A", true}, {5, ROUTE_VERDICT_HEADER, "X-B", false},
        {3, ROUTE_VERDICT_METHOD, "", false},   {1, ROUTE_VERDICT_PATH, "", false},
        {0, ROUTE_VERDICT_HOST, "", false},
    };
    struct kit kit;
    kit_load(&kit, rules);
    struct told told = explain(&kit, "GET api.org/orders/7?v=1 X-B: 2", 100);
    WANT_INT(told.count, COUNT_OF(wanted));
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        WANT(told.at[i].rule == &kit.rules[wanted[i].rule]);
        WANT_INT(told.at[i].kind, wanted[i].kind);
        WANT_STR(told.at[i].name, str_from_c(wanted[i].name));
        WANT(told.at[i].is_absent == wanted[i].is_absent);
    }
    WANT_INT(explain(&kit, "GET api.org/orders/7", 3).count, 3);
    kit_close(&kit);
}

TEST(a_pattern_out_of_budget_is_said)
{
    static const char *const rules[] = {"~/(a+)+$", "/...", NULL};
    static char request[4000] = "GET h/";
    memset(request + 6, 'a', sizeof request - 8);
    request[sizeof request - 2] = '!';
    struct kit kit;
    kit_load(&kit, rules);
    struct told told = explain(&kit, request, 10);
    WANT_INT(told.count, 2);
    WANT_INT(told.at[0].kind, ROUTE_VERDICT_SECOND);
    WANT_INT(told.at[1].kind, ROUTE_VERDICT_LIMIT);
    kit_close(&kit);
}

/* Explaining judges every rule by itself, matching walks the tree: they must agree, and the one that
 * takes the request must be the first in rank of those that could. */
static void want_agreement(struct kit *kit, const char *request)
{
    struct route_input input = kit_input(kit, request);
    struct route_match match = {0};
    enum err result = router_match(kit->router, &input, kit->scratch, &match);
    const struct route_shape *first = NULL;
    bool misses_method = false;
    for (uint32_t rank = 0; rank < kit->router->entry_count && first == NULL; rank++) {
        const struct route_entry *entry = &kit->router->entries[rank];
        const struct route_host host = {entry->host, entry->is_wildcard};
        struct checks_scratch *scratch = &kit->scratch->checks;
        struct checks_miss miss;
        if ((entry->host.len > 0 && !shape_host_fits(&host, input.host)) ||
            shape_takes_path(entry->shape, input.path, &scratch->pattern) != OK ||
            checks_judge(&entry->shape->checks, &input, scratch, &miss) != OK) {
            continue;
        }
        bool takes = shape_takes_method(entry->shape, &input);
        misses_method |= !takes;
        first = takes ? entry->shape : NULL;
    }
    enum err wanted = first != NULL ? OK : misses_method ? ERR_METHOD_NOT_ALLOWED : ERR_NO_ROUTE;
    WANT_INT(result, wanted);
    WANT(first == NULL || (match.rule == first->rule && match.match_index == first->match_index));
    if (result != wanted || (first != NULL && match.rule != first->rule)) {
        printf("# %s\n", request);
    }
}

static void add_random(struct strbuf *out, struct rng *rng, const char *const *words,
                       uint32_t count)
{
    strbuf_add_c(out, words[rng_below(rng, count)]);
}

TEST(the_tree_agrees_with_judging_every_rule)
{
    static const char *const methods[] = {"", "", "GET ", "GET,POST ", "PURGE ", "HEAD,BREW "};
    static const char *const hosts[] = {"", "", "a.o", "b.a.o", "*.o", "*.a.o", "*.b.a.o", "c"};
    static const char *const segments[] = {"/a", "/b", "/a", "/{x}", "/c"};
    static const char *const ends[] = {"", "", "/", "/..."};
    static const char *const patterns[] = {"~/a/.*", "~/[ab]/b", "~.*c", "~/a/b/(?<t>.)",
                                           "~/a/?b?"};
    static const char *const conditions[] = {"",       "",      "",     " h:A=1", " h:A",
                                             " q:v=1", " h:!A", " p:1", " p:-1"};
    static const char *const asked_methods[] = {"GET", "POST", "PURGE", "HEAD", "BREW", "X"};
    static const char *const asked_hosts[] = {"a.o", "b.a.o", "z.b.a.o", "x.o", "o", "c", ""};
    static const char *const asked_segments[] = {"/a", "/b", "/c", "/d", "/"};
    static const char *const asked_ends[] = {"", "", "?v=1", " A: 1", "?v=1 A: 2", "?v=2"};
    struct rng rng;
    rng_init(&rng, 11);
    for (int round = 0; round < 1500; round++) {
        char lines[40][96], request[96];
        const char *rules[41] = {NULL};
        uint32_t count = 1 + rng_below(&rng, 40);
        for (uint32_t i = 0; i < count; i++) {
            struct strbuf line = strbuf_over(lines[i], sizeof lines[i] - 1);
            add_random(&line, &rng, methods, COUNT_OF(methods));
            add_random(&line, &rng, hosts, COUNT_OF(hosts));
            uint32_t depth = rng_below(&rng, 5);
            if (depth == 4) {
                add_random(&line, &rng, patterns, COUNT_OF(patterns));
            }
            for (uint32_t j = 0; j < depth && depth < 4; j++) {
                const char *segment = segments[rng_below(&rng, COUNT_OF(segments))];
                /* A parameter's name may stand once. */
                bool is_again = segment[1] == '{' && str_find(strbuf_str(&line), '{') < line.len;
                strbuf_add_c(&line, is_again ? "/b" : segment);
            }
            if (depth > 0 && depth < 4) {
                add_random(&line, &rng, ends, COUNT_OF(ends));
            }
            add_random(&line, &rng, conditions, COUNT_OF(conditions));
            lines[i][line.len] = '\0';
            rules[i] = lines[i];
        }
        struct kit kit;
        kit_load(&kit, rules);
        WANT_INT(kit.result, OK);
        for (int i = 0; i < 60 && kit.result == OK; i++) {
            struct strbuf line = strbuf_over(request, sizeof request - 1);
            add_random(&line, &rng, asked_methods, COUNT_OF(asked_methods));
            strbuf_add_c(&line, " ");
            add_random(&line, &rng, asked_hosts, COUNT_OF(asked_hosts));
            for (uint32_t j = 1 + rng_below(&rng, 4); j > 0; j--) {
                add_random(&line, &rng, asked_segments, COUNT_OF(asked_segments));
            }
            add_random(&line, &rng, asked_ends, COUNT_OF(asked_ends));
            request[line.len] = '\0';
            want_agreement(&kit, request);
        }
        kit_close(&kit);
    }
}

/* Many rules on few paths that differ in values: the ones that are found by value. */
TEST(the_fans_agree_with_judging_every_rule)
{
    static const char *const methods[] = {"", "GET ", "POST "};
    static const char *const targets[] = {"/a", "/a/...", "a.o", "~/a.*", "/{x}"};
    static const char *const conditions[] = {
        " h:T=1",
        " h:T=2",
        " h:T=3",
        " h:T=1,2",
        " h:t=4",
        " q:v=1",
        " q:v=2",
        " q:v=%41",
        " h:T=1 q:v=1",
        " h:T=2 q:v=2",
        " h:T~[12]",
        " h:!T",
        "",
        " h:Content-Type=x p:1",
        " h:content-type=y",
        " h:Content-Type=x",
    };
    static const char *const asked_methods[] = {"GET", "POST", "PUT"};
    static const char *const asked[] = {
        " a.o/a", " x/a?v=1", " a.o/a?v=2&v=1", " x/a/b?v=%2541", " a.o/b?%76=%32", " a.o/a?v=A",
    };
    static const char *const fields[] = {
        "",      " T: 1",      " T: 2|T: 3",       " t: 4",
        " T: 9", " t: 2|U: 1", " Content-Type: x", " content-type: y|T: 1"};
    struct rng rng;
    rng_init(&rng, 23);
    for (int round = 0; round < 300; round++) {
        char lines[60][96], request[96];
        const char *rules[61] = {NULL};
        uint32_t target_count = 1 + rng_below(&rng, COUNT_OF(targets));
        for (uint32_t i = 0; i < 60; i++) {
            struct strbuf line = strbuf_over(lines[i], sizeof lines[i] - 1);
            add_random(&line, &rng, methods, COUNT_OF(methods));
            add_random(&line, &rng, targets, target_count);
            add_random(&line, &rng, conditions, COUNT_OF(conditions));
            lines[i][line.len] = '\0';
            rules[i] = lines[i];
        }
        struct kit kit;
        kit_load(&kit, rules);
        WANT_INT(kit.result, OK);
        WANT(kit.router->tree.fan_count > 0);
        for (int i = 0; i < 100; i++) {
            struct strbuf line = strbuf_over(request, sizeof request - 1);
            add_random(&line, &rng, asked_methods, COUNT_OF(asked_methods));
            add_random(&line, &rng, asked, COUNT_OF(asked));
            add_random(&line, &rng, fields, COUNT_OF(fields));
            request[line.len] = '\0';
            want_agreement(&kit, request);
            struct route_input input = kit_input(&kit, request);
            struct route_match match;
            for (uint32_t j = 0; router_match(kit.router, &input, kit.scratch, &match) == OK &&
                                 j < kit.reports.count;
                 j++) {
                WANT(match.rule != kit.reports.at[j].rule);
            }
        }
        kit_close(&kit);
    }
}
