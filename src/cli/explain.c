/* explain.c - `sluice explain METHOD URL`: where a request would go and why, by a file or by what a
 * running process has in use. */
#include "control/explain.h"

#include "cli/load.h"
#include "text/sink.h"

#include <stdio.h>

enum { FIELDS_MAX = 128 };

static const struct option options[] = {
    {.name = "header",
     .letter = 'H',
     .value = "'NAME: VALUE'",
     .is_repeatable = true,
     .summary = "A field of the request; may stand several times"},
    {.name = "from", .value = "IP", .summary = "The client's address; default: 127.0.0.1"},
};

/* Takes the request from the words. */
static enum exit_code read_request(const struct args *args, struct conf_pair *fields,
                                   struct decide_request *request)
{
    *request = (struct decide_request){.method = str_from_c(args->operands[0]),
                                       .url = str_from_c(args->operands[1]),
                                       .fields = fields};
    const char *from = args_value(args, "from");
    if (from != NULL && addr_parse_ip(str_from_c(from), &request->from) != OK) {
        complain(args, "--from: \"%s\" is no IP address", from);
        return EXIT_USAGE;
    }
    const char *text;
    while ((text = args_value_at(args, "header", request->field_count)) != NULL) {
        struct str_pair pair = str_cut(str_from_c(text), ':');
        if (!pair.is_cut || request->field_count == FIELDS_MAX) {
            complain(args, "-H: \"%s\" is not written 'Name: value'", text);
            return EXIT_USAGE;
        }
        fields[request->field_count++] =
            (struct conf_pair){.name = pair.head, .value = str_trim(pair.tail)};
    }
    return EXIT_OK;
}

static enum exit_code explain(const struct args *args, const struct config *config,
                              const struct decide_request *request)
{
    struct decider decider;
    struct sink out;
    sink_to_file(&out, stdout);
    enum err e = decider_init(&decider, config, NULL);
    if (e == OK) {
        e = explain_write(&decider, request, &out);
    }
    decider_drop(&decider);
    if (e == ERR_SYNTAX) {
        complain(args, "that is no request: write GET http://host/path, or GET /path");
        return EXIT_USAGE;
    }
    if (e != OK) {
        complain(args, "%s", e == ERR_NOT_FOUND ? "the file has no listener" : err_text(e));
    }
    return e == OK ? EXIT_OK : EXIT_FAILED;
}

static enum exit_code run(const struct args *args)
{
    struct conf_pair fields[FIELDS_MAX];
    struct decide_request request;
    struct config *config;
    enum exit_code code = read_request(args, fields, &request);
    if (code == EXIT_OK) {
        code = load_file(args->operands[2], &config);
    }
    if (code == EXIT_OK) {
        code = explain(args, config, &request);
        config_free(config);
    }
    return code;
}

const struct verb_face verb_explain = {
    .options = options,
    .option_count = COUNT_OF(options),
    .operands_min = 3,
    .operands_max = 3,
    .details =
        "    sluice explain GET https://api.example.com/orders/7 sluice.yaml -H 'X-User: 42'\n\n"
        "The parser, router and policies that serve decide here too, without a network. It is no\n"
        "failure when the gateway would refuse the request: the answer is then explained.",
    .run = run,
};
