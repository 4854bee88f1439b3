/* table_life.c - the keys about the life of instances: slow_start and panic of a service, names and
 * zones of targets. See conf_life.h. */
#include "config/internals.h"

/* "10%", or "off" for 0 where that is allowed. */
static bool read_percent(struct conf_reader *reader, struct node *node, bool may_be_off,
                         int64_t *out)
{
    struct str text;
    uint64_t percent;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    if (may_be_off && str_eq(text, STR("off"))) {
        *out = 0;
        return true;
    }
    struct str_pair cut = str_cut(text, '%');
    if (!cut.is_cut || cut.tail.len > 0 || cut.head.len > 3 || !str_to_u64(cut.head, &percent) ||
        percent == 0 || percent > 100) {
        conf_hint(reader, may_be_off ? "write 50%%, or off" : "write 10%%");
        return conf_refuse(reader, node, DIAG_E0140, "%s is not a share from 1%% to 100%%",
                           conf_show(reader, node));
    }
    *out = (int64_t)percent;
    return true;
}

static void write_percent(int64_t percent, struct sink *out)
{
    if (percent == 0) {
        sink_add(out, STR("off"));
    } else {
        sink_add_fmt(out, "%lld%%", (long long)percent);
    }
}

static bool read_share(struct conf_reader *reader, struct node *node, void *place)
{
    return read_percent(reader, node, false, place);
}

static void write_share(const void *value, struct sink *out)
{
    write_percent(*(const int64_t *)value, out);
}

static const struct conf_grammar share_grammar = {.form = "a share from 1% to 100%",
                                                  .example = "10%",
                                                  .pattern = "^(100|[1-9][0-9]?)%$",
                                                  .bytes = sizeof(int64_t),
                                                  .read = read_share,
                                                  .write = write_share};

static bool read_panic(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_panic *out = place;
    return read_percent(reader, node, true, &out->percent);
}

static void write_panic(const void *value, struct sink *out)
{
    const struct conf_panic *panic = value;
    write_percent(panic->percent, out);
}

const struct conf_grammar conf_panic_grammar = {.form = "a share from 1% to 100%, or off",
                                                .example = "50%",
                                                .pattern = "^((100|[1-9][0-9]?)%|off)$",
                                                .bytes = sizeof(struct conf_panic),
                                                .read = read_panic,
                                                .write = write_panic};

/* A decimal number with at most three places, as thousandths. */
static bool parse_thousandths(struct str text, int64_t *out)
{
    struct str_pair cut = str_cut(text, '.');
    uint64_t whole, part = 0;
    if (!str_to_u64(cut.head, &whole) || cut.head.len > 2 || cut.tail.len > 3 ||
        (cut.is_cut && !str_to_u64(cut.tail, &part))) {
        return false;
    }
    for (size_t i = cut.tail.len; i < 3; i++) {
        part *= 10;
    }
    *out = (int64_t)(whole * CONF_AGGRESSION_ONE + part);
    return true;
}

static bool read_aggression(struct conf_reader *reader, struct node *node, void *place)
{
    int64_t *out = place;
    struct str text;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    if (!parse_thousandths(text, out) || *out < CONF_AGGRESSION_ONE / 10 ||
        *out > 10 * CONF_AGGRESSION_ONE) {
        conf_hint(reader, "1.0 grows evenly, more grows faster at first");
        return conf_refuse(reader, node, DIAG_E0141, "%s is not a number from 0.1 to 10",
                           conf_show(reader, node));
    }
    return true;
}

static void write_aggression(const void *value, struct sink *out)
{
    int64_t thousandths = *(const int64_t *)value;
    sink_add_fmt(out, "%lld.%03lld", (long long)(thousandths / CONF_AGGRESSION_ONE),
                 (long long)(thousandths % CONF_AGGRESSION_ONE));
}

static const struct conf_grammar aggression_grammar = {.form = "a number from 0.1 to 10",
                                                       .example = "1.0",
                                                       .pattern = "^[0-9]{1,2}([.][0-9]{1,3})?$",
                                                       .takes_int = true,
                                                       .bytes = sizeof(int64_t),
                                                       .read = read_aggression,
                                                       .write = write_aggression};

static const struct conf_field slow_start_fields[] = {
    {.name = "window",
     .type = CONF_DURATION,
     CONF_IS(struct conf_slow_start, window_ms),
     .preset = "0s",
     .max = 3600 * 1000,
     .summary = "Time until a fresh instance has its whole share; 0s: it has it at once."},
    {.name = "aggression",
     .type = CONF_CUSTOM,
     .grammar = &aggression_grammar,
     CONF_IS(struct conf_slow_start, aggression),
     .preset = "1.0",
     .summary = "How the share grows: 1.0 evenly, above faster at first, below slower."},
    {.name = "min",
     .type = CONF_CUSTOM,
     .grammar = &share_grammar,
     CONF_IS(struct conf_slow_start, min_percent),
     .preset = "10%",
     .summary = "The share that it starts with."},
};

static bool read_window(struct conf_reader *reader, struct node *node, void *out)
{
    return conf_read_field(reader, &slow_start_fields[0], node, out);
}

static const struct conf_grammar window_grammar = {.form = "the time until it has its whole share",
                                                   .example = "30s",
                                                   .pattern = "^([0-9]{1,5}(h|ms|m|s)){1,4}$",
                                                   .bytes = sizeof(struct conf_slow_start),
                                                   .read = read_window};

const struct conf_table conf_slow_start_table = {
    .name = "slow start",
    .summary = "How an instance that joins, or comes back, gets to its whole share. A cluster that "
               "starts as a whole does not wait.",
    .fields = slow_start_fields,
    .field_count = COUNT_OF(slow_start_fields),
    .bytes = sizeof(struct conf_slow_start),
    .shorthand = &window_grammar};

/* What stands in paths, labels and messages without being escaped. */
static bool is_place(struct str s)
{
    if (s.len > CONF_PLACE_BYTES_MAX || s.at[0] == '-' || s.at[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool is_letter = char_lower(c) >= 'a' && char_lower(c) <= 'z';
        if (!is_letter && !char_is_digit(c) && c != '-' && c != '_' && c != '.') {
            return false;
        }
    }
    return true;
}

/* Empty is none: what an environment variable that is not set gives. */
static bool read_place(struct conf_reader *reader, struct node *node, void *place)
{
    struct str *out = place;
    if (!conf_scalar(reader, node, out)) {
        return false;
    }
    if (out->len > 0 && !is_place(*out)) {
        conf_hint(reader, "letters, digits, \"-\", \"_\" and \".\", at most %d of them",
                  (int)CONF_PLACE_BYTES_MAX);
        return conf_refuse(reader, node, DIAG_E0142, "%s cannot be a name here",
                           conf_show(reader, node));
    }
    return true;
}

static void write_place(const void *value, struct sink *out)
{
    sink_add(out, *(const struct str *)value);
}

const struct conf_grammar conf_place_grammar = {.form = "a name of letters, digits, - _ and .",
                                                .example = "eu-1",
                                                .pattern = "^([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$",
                                                .bytes = sizeof(struct str),
                                                .read = read_place,
                                                .write = write_place};

bool conf_check_target(struct conf_reader *reader, struct node *node, void *place)
{
    const struct conf_target *target = place;
    if (target->name.len > 0 && target->kind == CONF_TARGET_DNS) {
        conf_hint(reader, "leave the name out: each address is an instance of its own");
        return conf_refuse(reader, node, DIAG_E0142,
                           "dns:// stands for many instances, which cannot have one name");
    }
    return true;
}

bool conf_check_targets(struct conf_reader *reader, struct node *node,
                        const struct conf_targets *targets)
{
    struct map names;
    map_init(&names, reader->scratch);
    for (uint32_t i = 0; i < targets->count; i++) {
        struct conf_target *target = &targets->at[i];
        enum err e = target->name.len == 0 ? OK : map_add(&names, target->name, target);
        if (e == ERR_MEMORY) {
            return conf_refuse(reader, node, DIAG_E0014, "out of memory");
        }
        if (e != OK) {
            conf_hint(reader, "give each of them a name of its own");
            return conf_refuse(reader, node, DIAG_E0143, "two targets have the name \"%.*s\"",
                               STR_FMT(target->name));
        }
    }
    return true;
}
