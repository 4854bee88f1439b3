/* test.c - `sluice test FILE`: the requests under `tests` of the file, decided by what serves and
 * compared with what the file expects, without a network. */
#include "cli/load.h"
#include "control/decide.h"

#include <stdio.h>

enum { SAID_BYTES_MAX = 256 };

/* One expectation: says "wanted X, got Y" when they differ. */
struct judgement {
    char said[SAID_BYTES_MAX];
    struct strbuf out;
};

static void differ(struct judgement *judgement, const char *what, struct str wanted, struct str got)
{
    strbuf_add_c(&judgement->out, judgement->out.len > 0 ? "; " : "");
    strbuf_add_fmt(&judgement->out, "%s: wanted \"%.*s\", got \"%.*s\"", what, STR_FMT(wanted),
                   STR_FMT(got));
}

static void judge_text(struct judgement *judgement, const char *what, struct str wanted,
                       struct str got)
{
    if (wanted.len > 0 && !str_eq(wanted, got)) {
        differ(judgement, what, wanted, got.len > 0 ? got : STR("none"));
    }
}

static void judge_status(struct judgement *judgement, int64_t wanted,
                         const struct decision *decision)
{
    if (wanted == 0 || wanted == decision->status) {
        return;
    }
    strbuf_add_c(&judgement->out, judgement->out.len > 0 ? "; " : "");
    if (decision->status == 0) {
        strbuf_add_fmt(&judgement->out,
                       "status: wanted %lld, but service %.*s answers, which no test asks",
                       (long long)wanted, STR_FMT(decision->service->name));
    } else {
        strbuf_add_fmt(&judgement->out, "status: wanted %lld, got %u (%s)", (long long)wanted,
                       decision->status,
                       decision->error == OK ? "as its route says" : err_code(decision->error));
    }
}

static void judge_version(struct judgement *judgement, struct str wanted,
                          const struct decision *decision)
{
    if (wanted.len == 0) {
        return;
    }
    if (decision->service != NULL && decision->version == NULL) {
        differ(judgement, "version", wanted, STR("chance, by weight"));
    } else {
        judge_text(judgement, "version", wanted,
                   decision->version == NULL ? STR("none") : decision->version->name);
    }
}

static void judge_fields(struct judgement *judgement, const struct conf_pairs *wanted,
                         const struct fields *fields)
{
    for (uint32_t i = 0; i < wanted->count; i++) {
        const struct field *field = fields_find_name(fields, wanted->at[i].name);
        if (field == NULL || !str_eq(field->value, wanted->at[i].value)) {
            char name[SAID_BYTES_MAX];
            (void)snprintf(name, sizeof name, "header %.*s", STR_FMT(wanted->at[i].name));
            differ(judgement, name, wanted->at[i].value,
                   field == NULL ? STR("none") : field->value);
        }
    }
}

/* An empty text: as expected. */
static struct str judge(struct judgement *judgement, struct decider *decider,
                        const struct conf_test *test)
{
    const struct decide_request request = {.method = test->method,
                                           .url = test->url,
                                           .fields = test->headers.at,
                                           .field_count = test->headers.count,
                                           .from = test->from};
    struct decision decision;
    judgement->out = strbuf_over(judgement->said, sizeof judgement->said);
    enum err e = decide(decider, &request, &decision);
    if (e != OK) {
        strbuf_add_fmt(&judgement->out, "the request cannot be made: %s", err_text(e));
    } else {
        const struct conf_expect *expect = &test->expect;
        judge_status(judgement, expect->status, &decision);
        judge_text(judgement, "route", expect->route,
                   decision.route == NULL ? STR("") : decision.route->name);
        judge_text(judgement, "service", expect->service,
                   decision.service == NULL ? STR("") : decision.service->name);
        judge_version(judgement, expect->version, &decision);
        judge_fields(judgement, &expect->header, decision.fields);
    }
    if (strbuf_overflowed(&judgement->out)) {
        strbuf_add(&judgement->out, STR("..."));
    }
    return strbuf_str(&judgement->out);
}

static uint32_t run_all(struct decider *decider, const struct config *config)
{
    uint32_t failed = 0;
    struct judgement judgement;
    for (uint32_t i = 0; i < config->tests.count; i++) {
        const struct conf_test *test = &config->tests.at[i];
        struct str said = judge(&judgement, decider, test);
        printf("%.*s:%u: %.*s ... %s\n", STR_FMT(test->pos.source->name), test->pos.line,
               STR_FMT(test->request), said.len == 0 ? "ok" : "FAILED");
        if (said.len > 0) {
            printf("    %.*s\n", STR_FMT(said));
            failed++;
        }
    }
    return failed;
}

static enum exit_code run(const struct args *args)
{
    struct config *config;
    struct decider decider;
    uint32_t failed = 0;
    enum exit_code code = load_file(args->operands[0], &config);
    if (code != EXIT_OK) {
        return code;
    }
    enum err e = decider_init(&decider, config, NULL);
    if (e == OK) {
        failed = run_all(&decider, config);
        printf("%u passed, %u failed\n", config->tests.count - failed, failed);
    } else {
        complain(args, "%s", err_text(e));
    }
    decider_drop(&decider);
    config_free(config);
    return e == OK && failed == 0 ? EXIT_OK : EXIT_FAILED;
}

const struct verb_face verb_test = {
    .operands_min = 1,
    .operands_max = 1,
    .details =
        "A test is a request and what is expected of it:\n"
        "    tests:\n"
        "      - { request: \"GET http://localhost/orders/7\", expect: { route: orders } }\n"
        "Nothing is bound, no service is asked: `status` and `header` can only be expected of\n"
        "what the gateway answers by itself, `version` only where weight leaves no choice.",
    .run = run,
};
