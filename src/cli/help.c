/* help.c - `sluice help`: verbs, options and diagnostic codes from their tables; see help.h. */
#include "cli/help.h"

#include "base/strbuf.h"
#include "config/diag.h"

enum { INDENT = 2, GAP = 2, COLUMN_MAX = 40 };

static int width_of(const char *left, const char *right)
{
    return (int)(strlen(left) + 1 + strlen(right));
}

void help_all(FILE *out)
{
    int width = 0;
    for (uint32_t i = 0; i < verb_count; i++) {
        int wanted = width_of(verbs[i].name, verbs[i].arguments);
        width = wanted > width && wanted <= COLUMN_MAX ? wanted : width;
    }
    (void)fprintf(out, "Sluice, an API gateway and load balancer.\n\n"
                       "    sluice VERB [arguments]\n\n");
    for (uint32_t i = 0; i < verb_count; i++) {
        const struct verb *verb = &verbs[i];
        int written = fprintf(out, "%*s%s %s", INDENT, "", verb->name, verb->arguments) - INDENT;
        (void)fprintf(out, "%*s%s\n", GAP + (written < width ? width - written : 0), "",
                      verb->summary);
    }
    (void)fprintf(
        out,
        "\n\"sluice VERB --help\" says more about a verb, \"sluice help E0107\" about the "
        "code of an error.\nExit codes: 0 well, 1 failed, 2 wrongly called, 3 done in part.\n");
}

/* "-H, --header FIELD" or "    --cores N" into `room`. */
static struct str option_form(const struct option *option, char *room, size_t room_bytes)
{
    struct strbuf form = strbuf_over(room, room_bytes);
    if (option->letter != 0) {
        strbuf_add_char(&form, '-');
        strbuf_add_char(&form, option->letter);
        strbuf_add(&form, STR(", "));
    } else {
        strbuf_add(&form, STR("    "));
    }
    strbuf_add(&form, STR("--"));
    strbuf_add_c(&form, option->name);
    if (option->value != NULL) {
        strbuf_add_char(&form, ' ');
        strbuf_add_c(&form, option->value);
    }
    return strbuf_str(&form);
}

void help_verb(FILE *out, const struct verb *verb)
{
    char room[80];
    const struct verb_face *face = verb->face;
    int width = (int)sizeof "    --help";
    (void)fprintf(out, "%s.\n\n    sluice %s%s%s%s\n", verb->summary, verb->name,
                  verb->arguments[0] == '\0' ? "" : " ", verb->arguments,
                  face->option_count > 0 ? " [options]" : "");
    if (face->details != NULL) {
        (void)fprintf(out, "\n%s\n", face->details);
    }
    for (uint32_t i = 0; i < face->option_count; i++) {
        int wanted = (int)option_form(&face->options[i], room, sizeof room).len;
        width = wanted > width ? wanted : width;
    }
    (void)fputc('\n', out);
    for (uint32_t i = 0; i < face->option_count; i++) {
        struct str form = option_form(&face->options[i], room, sizeof room);
        (void)fprintf(out, "%*s%-*.*s%*s%s\n", INDENT, "", width, STR_FMT(form), GAP, "",
                      face->options[i].summary);
    }
    (void)fprintf(out, "%*s%-*s%*s%s\n", INDENT, "", width, "    --help", GAP, "", "Print this");
}

bool help_code(FILE *out, struct str code)
{
    const struct diag_row *row = diag_find(code);
    if (row == NULL) {
        return false;
    }
    (void)fprintf(out, "%s: %s (%s)\n\n%s\n", row->code, row->title,
                  row->severity == DIAG_ERROR ? "error" : "warning", row->help);
    return true;
}

static void write_verb_page(FILE *out, const struct verb *verb)
{
    (void)fprintf(out, "\n## sluice %s\n\n```text\n", verb->name);
    help_verb(out, verb);
    (void)fprintf(out, "```\n");
}

void help_markdown(FILE *out)
{
    (void)fprintf(out,
                  "# Command line\n\nWritten from the tables that the program is built from; do "
                  "not edit.\n\n```text\n");
    help_all(out);
    (void)fprintf(out, "```\n");
    for (uint32_t i = 0; i < verb_count; i++) {
        write_verb_page(out, &verbs[i]);
    }
    (void)fprintf(out, "\n## Codes of errors and warnings\n");
    for (uint32_t i = 0; i < DIAG_CODE_COUNT; i++) {
        (void)fprintf(out, "\n### %s: %s\n\n%s\n", diag_rows[i].code, diag_rows[i].title,
                      diag_rows[i].help);
    }
}

static const struct option options[] = {
    {.name = "markdown", .summary = "Print everything as one page of Markdown"},
};

static enum exit_code run(const struct args *args)
{
    if (args_has(args, "markdown")) {
        help_markdown(stdout);
        return EXIT_OK;
    }
    if (args->operand_count == 0) {
        help_all(stdout);
        return EXIT_OK;
    }
    struct str topic = str_from_c(args->operands[0]);
    const struct verb *verb = verb_find(topic);
    if (verb != NULL) {
        help_verb(stdout, verb);
        return EXIT_OK;
    }
    if (help_code(stdout, topic)) {
        return EXIT_OK;
    }
    verb = verb_near(topic);
    if (verb != NULL) {
        complain(args, "there is no verb and no code \"%s\"; did you mean \"%s\"?",
                 args->operands[0], verb->name);
    } else {
        complain(args, "there is no verb and no code \"%s\"", args->operands[0]);
    }
    return EXIT_USAGE;
}

const struct verb_face verb_help = {
    .options = options, .option_count = COUNT_OF(options), .operands_max = 1, .run = run};
