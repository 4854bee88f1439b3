/* route_fuzz.c - rules and requests out of bytes; the tree must agree with judging every rule.
 * Lines until an empty one are rules in the words of tests/unit/route/rules_kit.h, the others are
 * requests. Whatever the text is, nothing may crash, and for rules that compile:
 * the winner is the first in rank of those that fit by themselves, an unreachable rule never wins,
 * and a path that comes out of a rewrite is canonical. */
#include "../unit/route/rules_kit.h"
#include "route/compiled.h"
#include "route/rewrite.h"

#include <stdlib.h>

enum { LINES_MAX = 32 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool claim)
{
    if (!claim) {
        abort();
    }
}

/* The first entry that fits, or NULL; *result is what router_match should say. */
static const struct route_entry *judge_all(struct kit *kit, const struct route_input *input,
                                           enum err *result)
{
    *result = ERR_NO_ROUTE;
    for (uint32_t rank = 0; rank < kit->router->entry_count; rank++) {
        const struct route_entry *entry = &kit->router->entries[rank];
        const struct route_host host = {entry->host, entry->is_wildcard};
        struct checks_scratch *scratch = &kit->scratch->checks;
        struct checks_miss miss;
        if ((entry->host.len > 0 && !shape_host_fits(&host, input->host)) ||
            shape_takes_path(entry->shape, input->path, &scratch->pattern) != OK ||
            checks_judge(&entry->shape->checks, input, scratch, &miss) != OK) {
            continue;
        }
        if (shape_takes_method(entry->shape, input)) {
            *result = OK;
            return entry;
        }
        *result = ERR_METHOD_NOT_ALLOWED;
    }
    return NULL;
}

static void rewrite_it(struct kit *kit, const struct route_input *input,
                       const struct route_match *match)
{
    static const struct uri_rules uri = {0};
    struct rewrite rewrite;
    struct str path, again;
    size_t offset;
    const struct rewrite_input from = {input->path, match, &uri};
    enum rewrite_kind kind = match->param_count > 0 ? REWRITE_TEMPLATE : REWRITE_PREFIX;
    struct str text = match->param_count > 0 ? STR("/to/{x}/{rest}") : STR("/to");
    if (rewrite_init(&rewrite, &kit->arena, kind, text, &offset) == OK &&
        rewrite_path(&rewrite, &from, &kit->arena, &path) == OK) {
        must(uri_canonical_path(&kit->arena, path, &uri, &again) == OK);
        must(str_eq(path, again));
    }
}

static void ask(struct kit *kit, struct str line)
{
    static const struct uri_rules uri = {0};
    char *text = arena_keep_c(&kit->arena, line);
    if (text == NULL || str_find(line, '/') == line.len) {
        return;
    }
    struct route_input input = kit_input(kit, text);
    struct str path;
    if (uri_canonical_path(&kit->arena, input.path, &uri, &path) != OK) {
        return;
    }
    input.path = path;
    struct route_match match;
    enum err wanted, result = router_match(kit->router, &input, kit->scratch, &match);
    if (result == ERR_LIMIT) {
        return;
    }
    const struct route_entry *entry = judge_all(kit, &input, &wanted);
    must(result == wanted);
    if (entry != NULL) {
        must(match.rule == entry->rule);
        must(match.match_index == entry->match_index);
        must(match.prefix_bytes <= input.path.len);
        for (uint32_t i = 0; i < kit->reports.count && i < COUNT_OF(kit->reports.at); i++) {
            must(kit->reports.at[i].rule != match.rule);
        }
        rewrite_it(kit, &input, &match);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kit kit;
    struct str rest = {(const char *)data, size < 8192 ? size : 8192};
    kit_open(&kit);
    kit.rules = kit_alloc(&kit, LINES_MAX * sizeof *kit.rules);
    for (struct str_pair cut = str_cut(rest, '\n'); cut.head.len > 0; cut = str_cut(rest, '\n')) {
        rest = cut.tail;
        char *line = arena_keep_c(&kit.arena, cut.head);
        if (kit.rule_count < LINES_MAX && line != NULL) {
            kit_rule(&kit, &kit.rules[kit.rule_count++], line);
        }
    }
    kit_compile(&kit);
    must((kit.result == OK) == (kit.router != NULL));
    for (int i = 0; i < LINES_MAX && rest.len > 0 && kit.router != NULL; i++) {
        struct str_pair cut = str_cut(rest, '\n');
        rest = cut.tail;
        ask(&kit, cut.head);
    }
    kit_close(&kit);
    return 0;
}
