/* grammar_failure.c - how failures are counted in a file: "5 errors in 10s", "50% in 10s" (of the
 * answers), "50% over 2s" (slower than that), and percentages alone. */
#include "config/conf_eject.h"
#include "config/internals.h"
#include "text/quantity.h"

enum { COUNT_MAX = 1000000, SPAN_MS_MAX = 3600000 };

static bool refuse_failures(struct conf_reader *reader, struct node *node,
                            const struct conf_grammar *grammar)
{
    conf_hint(reader, "write %s", grammar->form);
    return conf_refuse(reader, node, DIAG_E0155, "%s does not say how failures are counted",
                       conf_show(reader, node));
}

/* "<count><unit> SPAN": what stands between number and span is `middle`. */
static bool parse_failures(struct str text, struct str middle, struct conf_failures *out)
{
    size_t at = str_find_str(text, middle);
    uint64_t count;
    if (at >= text.len || !str_to_u64(str_of(text.at, at), &count) || count == 0 ||
        count > COUNT_MAX) {
        return false;
    }
    int64_t span_ms;
    if (quantity_duration(str_skip(text, at + middle.len), &span_ms) != OK || span_ms < 1 ||
        span_ms > SPAN_MS_MAX) {
        return false;
    }
    *out = (struct conf_failures){(int64_t)count, span_ms};
    return true;
}

static bool read_failures(struct conf_reader *reader, struct node *node, struct str middle,
                          const struct conf_grammar *grammar, struct conf_failures *out)
{
    struct str text;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    bool is_percent = middle.at[0] == '%';
    return (parse_failures(text, middle, out) && (!is_percent || out->count <= 100)) ||
           refuse_failures(reader, node, grammar);
}

static void write_failures(const struct conf_failures *failures, struct str middle,
                           struct sink *out)
{
    char text[64];
    struct strbuf span = strbuf_over(text, sizeof text);
    if (failures->span_ms == 0) {
        return;
    }
    quantity_add_duration(&span, failures->span_ms);
    sink_add_fmt(out, "%lld%.*s%.*s", (long long)failures->count, STR_FMT(middle),
                 STR_FMT(strbuf_str(&span)));
}

#define IN_A_ROW STR(" errors in ")
#define SHARE_IN STR("% in ")
#define SHARE_OVER STR("% over ")

static bool read_errors(struct conf_reader *reader, struct node *node, void *out)
{
    return read_failures(reader, node, IN_A_ROW, &conf_errors_grammar, out);
}

static void write_errors(const void *value, struct sink *out)
{
    write_failures(value, IN_A_ROW, out);
}

const struct conf_grammar conf_errors_grammar = {.form = "5 errors in 10s",
                                                 .example = "5 errors in 10s",
                                                 .pattern = "^[0-9]+ errors in [0-9hms]+$",
                                                 .bytes = sizeof(struct conf_failures),
                                                 .read = read_errors,
                                                 .write = write_errors};

static bool read_share_in(struct conf_reader *reader, struct node *node, void *out)
{
    return read_failures(reader, node, SHARE_IN, &conf_share_in_grammar, out);
}

static void write_share_in(const void *value, struct sink *out)
{
    write_failures(value, SHARE_IN, out);
}

const struct conf_grammar conf_share_in_grammar = {.form = "50% in 10s",
                                                   .example = "50% in 10s",
                                                   .pattern = "^[0-9]+% in [0-9hms]+$",
                                                   .bytes = sizeof(struct conf_failures),
                                                   .read = read_share_in,
                                                   .write = write_share_in};

static bool read_share_over(struct conf_reader *reader, struct node *node, void *out)
{
    return read_failures(reader, node, SHARE_OVER, &conf_share_over_grammar, out);
}

static void write_share_over(const void *value, struct sink *out)
{
    write_failures(value, SHARE_OVER, out);
}

const struct conf_grammar conf_share_over_grammar = {.form = "50% over 2s",
                                                     .example = "50% over 2s",
                                                     .pattern = "^[0-9]+% over [0-9hms]+$",
                                                     .bytes = sizeof(struct conf_failures),
                                                     .read = read_share_over,
                                                     .write = write_share_over};

static bool read_percent(struct conf_reader *reader, struct node *node, void *place)
{
    struct str text;
    uint64_t percent;
    int64_t *out = place;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    bool has_sign = text.len > 1 && text.at[text.len - 1] == '%';
    if (!has_sign || !str_to_u64(str_of(text.at, text.len - 1), &percent) || percent > 100) {
        conf_hint(reader, "write 5%% or 33%%");
        return conf_refuse(reader, node, DIAG_E0156, "%s is not a percentage",
                           conf_show(reader, node));
    }
    *out = (int64_t)percent;
    return true;
}

static void write_percent(const void *value, struct sink *out)
{
    const int64_t *percent = value;
    sink_add_fmt(out, "%lld%%", (long long)*percent);
}

const struct conf_grammar conf_percent_grammar = {.form = "a percentage from 0% to 100%",
                                                  .example = "33%",
                                                  .pattern = "^(100|[0-9]{1,2})%$",
                                                  .bytes = sizeof(int64_t),
                                                  .read = read_percent,
                                                  .write = write_percent};

bool conf_parse_errors_for(struct str text, struct conf_failures *after, int64_t *for_ms)
{
    size_t at = str_find_str(text, STR(" for "));
    if (at < text.len && (quantity_duration(str_skip(text, at + 5), for_ms) != OK || *for_ms < 1 ||
                          *for_ms > SPAN_MS_MAX)) {
        return false;
    }
    return parse_failures(str_of(text.at, at), IN_A_ROW, after);
}
