/* decide_fuzz.c - requests as an operator may ask about them: method, URL and fields, one a line.
 * What comes out is a service or an answer of the gateway, never both and never neither, and it is
 * the same when asked twice. */
#include "base/check.h"
#include "control/decide.h"
#include "control/process.h"

enum { FIELDS_MAX = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char file[] =
    "listeners: { http: { port: 80, trusted_proxies: [127.0.0.0/8] } }\n"
    "services:\n"
    "  a: { versions: { v1: { weight: 1, targets: [127.0.0.1:1] }, v2: { weight: 1, targets: "
    "[127.0.0.1:2] } }, cohort: cookie user }\n"
    "policies: { page: { cors: \"https://*.example.com\", headers: { response: { set: { X-Path: "
    "\"{path}\" } } } } }\n"
    "routes:\n"
    "  a: { match: \"GET,POST /a/*\", to: a, rewrite: \"/b/*\", use: page }\n"
    "  id: { match: \"*.example.com/id/{id}/x\", to: a, rewrite: \"/{id}\" }\n"
    "  moved: { match: /moved/*, redirect: { path: \"/a/*\", status: 308 } }\n"
    "  fixed: { match: { path: /fixed, header: { X-A: \"1\" }, query: { q: z } }, respond: { "
    "status: "
    "200, body: x } }\n";

static struct str next_line(struct str *rest)
{
    struct str_pair pair = str_cut(*rest, '\n');
    *rest = pair.tail;
    return pair.head;
}

static void check_decision(const struct decision *decision)
{
    bool is_answered = decision->status != 0;
    CHECK(is_answered || decision->service != NULL);
    if (decision->error != OK) {
        CHECK(is_answered);
        CHECK(decision->status >= 400);
    }
    if (!is_answered) {
        CHECK(decision->route != NULL);
        CHECK(decision->origin_path.len > 0);
        CHECK(decision->origin_path.at[0] == '/' || str_eq(decision->origin_path, STR("*")));
    }
    for (uint32_t i = 0; is_answered && i < decision->fields->count; i++) {
        CHECK(str_is_field_value(decision->fields->at[i].value));
    }
}

static void ask_twice(struct decider *decider, const struct decide_request *request)
{
    struct decision first, second;
    enum err e = decide(decider, request, &first);
    CHECK(e == OK || e == ERR_SYNTAX);
    if (e != OK) {
        return;
    }
    check_decision(&first);
    const struct decision kept = first;
    CHECK(decide(decider, request, &second) == OK);
    CHECK(second.error == kept.error);
    CHECK(second.status == kept.status);
    CHECK(second.route == kept.route);
    CHECK(second.version == kept.version);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config *config;
    static struct decider decider;
    struct conf_pair fields[FIELDS_MAX];
    struct str rest = str_of((const char *)data, size);
    if (config == NULL) {
        struct diags diags;
        const struct config_opts opts = process_config_opts();
        diags_init(&diags);
        CHECK(config_load_text("fuzz.yaml", str_from_c(file), &opts, &diags, &config) == OK);
        diags_drop(&diags);
        CHECK(decider_init(&decider, config, NULL) == OK);
    }
    struct decide_request request = {.fields = fields};
    request.method = next_line(&rest);
    request.url = next_line(&rest);
    while (rest.len > 0 && request.field_count < FIELDS_MAX) {
        struct str_pair pair = str_cut(next_line(&rest), ':');
        fields[request.field_count++] =
            (struct conf_pair){.name = pair.head, .value = str_trim(pair.tail)};
    }
    ask_twice(&decider, &request);
    return 0;
}
