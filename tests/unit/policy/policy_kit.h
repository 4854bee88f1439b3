/* policy_kit.h - policies as a file names them, compiled to a chain and run on an exchange without
 * a socket; and what is said of a file that is wrong. Shared by the tests of this room. */
#pragma once

#include "exchange/policy.h"
#include "exchange_kit.h"
#include "policy/policies.h"
#include "text/sink.h"

enum { POLICY_KIT_TEXT_MAX = 65536 };

struct policy_kit {
    struct exchange_kit exchange; /* first: the policies' memory is given back before it */
    struct config *config;
    struct arena arena;
    struct diags diags;
    struct chain_step steps[POLICY_COUNT];
    struct chain chain;
    char text[POLICY_KIT_TEXT_MAX];
};

static inline enum err policy_kit_load(struct policy_kit *kit, const char *policies)
{
    static const struct config_opts opts = {.kinds = policy_kinds, .kind_count = POLICY_COUNT};
    struct strbuf text = strbuf_over(kit->text, sizeof kit->text);
    strbuf_add_c(&text, "routes:\n  r:\n    match: /*\n    to: http://127.0.0.1:1\n    ");
    strbuf_add_c(&text, policies);
    strbuf_add_c(&text, "\n");
    CHECK(!strbuf_overflowed(&text));
    return config_load_text("t", strbuf_str(&text), &opts, &kit->diags, &kit->config);
}

/* Everything said of `policies`, "CODE line:column message (hint)" for each; line 5 is the first. */
static inline const char *policy_kit_refusal(struct policy_kit *kit, const char *policies)
{
    diags_init(&kit->diags);
    enum err e = policy_kit_load(kit, policies);
    struct strbuf out = strbuf_over(kit->text, sizeof kit->text - 1);
    for (uint32_t i = 0; i < kit->diags.errors.kept; i++) {
        const struct diag *diag = &kit->diags.errors.at[i];
        strbuf_add_fmt(&out, "%s%s %u:%u %.*s", i > 0 ? "\n" : "", diag_rows[diag->code].code,
                       diag->line, diag->column, STR_FMT(diag->message));
        if (diag->hint.len > 0) {
            strbuf_add_fmt(&out, " (%.*s)", STR_FMT(diag->hint));
        }
    }
    WANT((e == OK) == (out.len == 0));
    kit->text[out.len] = '\0';
    diags_drop(&kit->diags);
    if (e == OK) {
        config_free(kit->config);
    }
    return kit->text;
}

/* The long form of what was loaded reads back to the same meaning. */
static inline void policy_kit_round_trip(struct policy_kit *kit, const char *policies)
{
    static const struct config_opts opts = {.kinds = policy_kinds, .kind_count = POLICY_COUNT};
    struct config *again = NULL;
    struct sink out;
    diags_init(&kit->diags);
    arena_init_heap(&kit->arena, 1 << 20);
    sink_to_memory(&out, &kit->arena);
    CHECK(policy_kit_load(kit, policies) == OK);
    config_write_yaml(kit->config, &out);
    if (config_load_text("long", sink_str(&out), &opts, &kit->diags, &again) != OK) {
        printf("# not read back:\n%.*s", STR_FMT(sink_str(&out)));
        test_has_failed = true;
    } else {
        WANT(config_hash(kit->config) == config_hash(again));
        config_free(again);
    }
    config_free(kit->config);
    diags_drop(&kit->diags);
    arena_reset(&kit->arena);
}

/* Compiles the policies of one route, as its keys in flow style: "cors: {origins: [...]}". */
static inline void policy_kit_open(struct policy_kit *kit, const char *policies)
{
    exchange_kit_open(&kit->exchange);
    arena_init_heap(&kit->arena, 1 << 20);
    kit->chain = (struct chain){.steps = kit->steps};
    WANT_STR(str_from_c(policy_kit_refusal(kit, policies)), STR(""));
    diags_init(&kit->diags);
    CHECK(policy_kit_load(kit, policies) == OK);
    diags_drop(&kit->diags);
    const struct conf_route *route = &kit->config->routes.at[0];
    for (uint32_t i = 0; i < route->effective.policy_count; i++) {
        const struct conf_policy *policy = route->effective.policies[i];
        const struct policy_type *type = policy_types[policy->kind_index];
        struct policy_compile ctx = {.arena = &kit->arena};
        struct chain_step *step = &kit->steps[kit->chain.count++];
        *step = (struct chain_step){.type = type, .state_at = kit->chain.state_bytes};
        WANT_INT(type->compile(&ctx, policy->conf, &step->compiled), OK);
        kit->chain.state_bytes += (uint32_t)((type->state_bytes + 7) & ~(size_t)7);
    }
}

static inline void policy_kit_close(struct policy_kit *kit)
{
    for (uint32_t i = 0; i < kit->chain.count; i++) {
        if (kit->steps[i].type->drop != NULL) {
            kit->steps[i].type->drop(kit->steps[i].compiled);
        }
    }
    exchange_kit_close(&kit->exchange);
    config_free(kit->config);
    arena_reset(&kit->arena);
}

/* Opens an exchange for the request and runs the request hooks. */
static inline enum verdict policy_kit_request(struct policy_kit *kit, struct str text)
{
    struct exchange *ex = exchange_kit_request(&kit->exchange, text);
    CHECK(chain_bind(ex, &kit->chain) == OK);
    return chain_run_request(ex);
}

/* Runs the response hooks on what stands in the exchange, and shows its fields. */
static inline struct str policy_kit_answer(struct policy_kit *kit)
{
    WANT_INT(chain_run_response(kit->exchange.ex), OK);
    return exchange_kit_show(&kit->exchange, &kit->exchange.ex->response.fields);
}

/* Request hooks, an origin's response, response hooks; shows the response's fields. */
static inline struct str policy_kit_run(struct policy_kit *kit, struct str request,
                                        struct str response)
{
    WANT_INT(policy_kit_request(kit, request), VERDICT_NEXT);
    exchange_kit_response(&kit->exchange, response);
    return policy_kit_answer(kit);
}
