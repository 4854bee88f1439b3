/* explain.c - `sluice explain METHOD URL`: where a request would go and why, by a file or by what a
 * running process has in use. */
#include "control/explain.h"

#include "cli/admin.h"
#include "cli/load.h"
#include "text/sink.h"

#include <stdio.h>

enum { FIELDS_MAX = 128, TARGET_BYTES_MAX = 12288 };

static const struct option options[] = {
    {.name = "header",
     .letter = 'H',
     .value = "'NAME: VALUE'",
     .is_repeatable = true,
     .summary = "A field of the request; may stand several times"},
    {.name = "live", .summary = "Ask the running process; FILE is then only read for its socket"},
    ADMIN_OPTIONS,
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

static void add_escaped(struct strbuf *out, struct str text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.at[i];
        bool is_plain =
            char_is_digit((char)c) || (char_lower((char)c) >= 'a' && char_lower((char)c) <= 'z');
        if (is_plain) {
            strbuf_add_char(out, (char)c);
        } else {
            strbuf_add_char(out, '%');
            strbuf_add_char(out, digits[c >> 4]);
            strbuf_add_char(out, digits[c & 15]);
        }
    }
}

/* The words as parameters of the admin API. */
static enum exit_code explain_live(const struct args *args, const char *file)
{
    char room[TARGET_BYTES_MAX];
    struct strbuf target = strbuf_over(room, sizeof room);
    const char *text;
    strbuf_add(&target, STR("/v1/explain?method="));
    add_escaped(&target, str_from_c(args->operands[0]));
    strbuf_add(&target, STR("&url="));
    add_escaped(&target, str_from_c(args->operands[1]));
    for (uint32_t i = 0; (text = args_value_at(args, "header", i)) != NULL; i++) {
        strbuf_add(&target, STR("&header="));
        add_escaped(&target, str_from_c(text));
    }
    if (args_has(args, "from")) {
        strbuf_add(&target, STR("&from="));
        add_escaped(&target, str_from_c(args_value(args, "from")));
    }
    if (strbuf_overflowed(&target)) {
        complain(args, "that is too long to be asked");
        return EXIT_USAGE;
    }
    return admin_say(args, file, STR("GET"), strbuf_str(&target));
}

static enum exit_code run(const struct args *args)
{
    struct conf_pair fields[FIELDS_MAX];
    struct decide_request request;
    struct config *config;
    const char *file = args->operand_count > 2 ? args->operands[2] : NULL;
    enum exit_code code = read_request(args, fields, &request);
    if (code == EXIT_OK && (args_has(args, "live") || args_has(args, "socket"))) {
        return explain_live(args, file);
    }
    if (code == EXIT_OK && file == NULL) {
        complain(args, "by which file? Or ask the running process with --live");
        return EXIT_USAGE;
    }
    if (code == EXIT_OK) {
        code = load_file(file, &config);
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
    .operands_min = 2,
    .operands_max = 3,
    .details =
        "    sluice explain GET https://api.example.com/orders/7 sluice.yaml -H 'X-User: 42'\n"
        "    sluice explain GET /orders/7 --live\n\n"
        "The parser, router and policies that serve decide here too, without a network. It is no\n"
        "failure when the gateway would refuse the request: the answer is then explained.",
    .run = run,
};
