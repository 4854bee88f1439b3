/* targets.c - `sluice targets`: every instance of the running process, and what operators do with
 * them: drain, maint, ready, weight, clear. What is answered stands in control/targets_api.c. */
#include "cli/admin.h"
#include "text/sink.h"

#include <stdlib.h>

enum { BODY_BYTES_MAX = 65536 };

static const struct option options[] = {
    ADMIN_OPTIONS,
    {.name = "for",
     .value = "TIME",
     .summary = "How long it holds, such as 10m; default: until cleared"},
    {.name = "keep",
     .value = "TIME",
     .summary = "With drain: how long bound clients may stay; default: as long as it drains"},
    {.name = "reason", .value = "TEXT", .summary = "Why, for those who see it later"},
    {.name = "version", .value = "NAME", .summary = "Of the instance; default: all that have it"},
};

static const char *const words[] = {"drain", "ready", "maint", "weight", "clear"};

static bool is_verb(struct str word)
{
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_eq(word, str_from_c(words[i]))) {
            return true;
        }
    }
    return false;
}

static void add_text(struct sink *out, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        sink_add_fmt(out, ", \"%s\": \"", name);
        sink_add_json(out, str_from_c(value));
        sink_add(out, STR("\""));
    }
}

/* What the words mean, as override_read takes it. */
static void write_body(const struct args *args, struct str_pair which, struct sink *out)
{
    const char *user = getenv("SUDO_USER");
    bool is_weight = str_eq(str_from_c(args->operands[0]), STR("weight"));
    sink_add(out, STR("{\"service\": \""));
    sink_add_json(out, which.head);
    sink_add(out, STR("\", \"instance\": \""));
    sink_add_json(out, which.tail);
    sink_add(out, STR("\""));
    if (is_weight) {
        sink_add(out, STR(", \"weight\": "));
        sink_add_c(out, args->operands[2]);
    } else {
        add_text(out, "state", args->operands[0]);
    }
    add_text(out, "for", args_value(args, "for"));
    add_text(out, "keep", args_value(args, "keep"));
    add_text(out, "version", args_value(args, "version"));
    add_text(out, "reason", args_value(args, "reason"));
    add_text(out, "owner", user != NULL ? user : getenv("USER"));
    sink_add(out, STR("}"));
}

static enum exit_code change(const struct args *args)
{
    struct str verb = str_from_c(args->operands[0]);
    bool is_weight = str_eq(verb, STR("weight"));
    uint32_t wanted = is_weight ? 3 : 2;
    uint64_t weight;
    if (args->operand_count < wanted) {
        complain(args, "write: sluice targets %s SERVICE/INSTANCE%s", args->operands[0],
                 is_weight ? " NUMBER" : "");
        return EXIT_USAGE;
    }
    struct str_pair which = str_cut(str_from_c(args->operands[1]), '/');
    if (!which.is_cut || which.head.len == 0 || which.tail.len == 0) {
        complain(args, "\"%s\" is not written SERVICE/INSTANCE", args->operands[1]);
        return EXIT_USAGE;
    }
    if (is_weight && !str_to_u64(str_from_c(args->operands[2]), &weight)) {
        complain(args, "\"%s\" is not a weight", args->operands[2]);
        return EXIT_USAGE;
    }
    struct arena arena;
    struct sink body;
    arena_init_heap(&arena, BODY_BYTES_MAX);
    sink_to_memory(&body, &arena);
    write_body(args, which, &body);
    const char *file = args->operand_count > wanted ? args->operands[wanted] : NULL;
    enum exit_code code = EXIT_FAILED;
    if (body.has_failed) {
        complain(args, "that is too long to be asked");
    } else {
        code = admin_post(args, file, STR("/v1/targets"), sink_str(&body));
    }
    arena_reset(&arena);
    return code;
}

static enum exit_code run(const struct args *args)
{
    if (args->operand_count > 0 && is_verb(str_from_c(args->operands[0]))) {
        return change(args);
    }
    const char *file = args->operand_count > 0 ? args->operands[0] : NULL;
    if (args->operand_count > 1) {
        complain(args, "\"%s\" is none of drain, ready, maint, weight and clear", file);
        return EXIT_USAGE;
    }
    return admin_say(args, file, STR("GET"), STR("/v1/targets"));
}

const struct verb_face verb_targets = {
    .options = options,
    .option_count = COUNT_OF(options),
    .operands_max = 4,
    .details =
        "    sluice targets sluice.yaml\n"
        "    sluice targets drain orders/10.0.0.1:8080 sluice.yaml --reason 'new disks'\n"
        "    sluice targets weight orders/10.0.0.1:8080 3 sluice.yaml --for 1h\n"
        "    sluice targets clear orders/10.0.0.1:8080 sluice.yaml\n\n"
        "drain: no new clients, those that are bound stay; maint: nobody; ready: the end of both;\n"
        "weight: instead of the file's; clear: all is as the file says. It outlives reloads and\n"
        "crashes, and with state_dir in the file a restart. FILE is only read for the socket.",
    .run = run,
};
