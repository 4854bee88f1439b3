/* table_retry.c - the table of `retry`, its short forms and small grammars; see conf_retry.h. */
#include "base/limits.h"
#include "config/internals.h"
#include "text/quantity.h"

enum { TRIES_MAX = 10, MINUTE_MS = 60000 };

static const char *const on_names[] = {"connect-failure", "stale", "reset", "timeout",
                                       "bad-response",    "404",   "408",   "425",
                                       "429",             "500",   "502",   "503",
                                       "504",             NULL};
static_assert(COUNT_OF(on_names) == CONF_RETRY_ON_COUNT + 1, "a word for each");

const char *const conf_method_names[] = {"GET",     "HEAD",  "POST",  "PUT", "DELETE",
                                         "OPTIONS", "TRACE", "PATCH", "QUERY", NULL};

static bool read_budget(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_retry_budget *out = place;
    struct str text;
    uint64_t percent;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    if (str_eq(text, STR("off"))) {
        out->percent = -1;
        return true;
    }
    if (!str_ends(text, STR("%")) || !str_to_u64(str_sub(text, 0, text.len - 1), &percent) ||
        percent > 100) {
        conf_hint(reader, "write 20%%, a share of the requests, or off");
        return conf_refuse(reader, node, DIAG_E0117, "%s is not a budget from 0%% to 100%%",
                           conf_show(reader, node));
    }
    out->percent = (int64_t)percent;
    return true;
}

static void write_budget(const void *value, struct sink *out)
{
    const struct conf_retry_budget *budget = value;
    char text[16];
    struct strbuf buf = strbuf_over(text, sizeof text);
    strbuf_add_i64(&buf, budget->percent);
    strbuf_add_char(&buf, '%');
    sink_add(out, budget->percent < 0 ? STR("off") : strbuf_str(&buf));
}

static const struct conf_grammar budget_grammar = {.form = "a share such as 20%, or off",
                                                   .example = "20%",
                                                   .pattern = "^([0-9]{1,2}%|100%|off)$",
                                                   .bytes = sizeof(struct conf_retry_budget),
                                                   .read = read_budget,
                                                   .write = write_budget};

static bool read_backoff(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_backoff *out = place;
    struct str text;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    size_t dots = str_find(text, '.');
    struct str base = str_sub(text, 0, dots), max = base;
    if (dots < text.len) {
        max = str_starts(str_skip(text, dots), STR("..")) ? str_skip(text, dots + 2) : STR("");
    }
    if (quantity_duration(base, &out->base_ms) != OK ||
        quantity_duration(max, &out->max_ms) != OK || out->max_ms < out->base_ms ||
        out->max_ms > MINUTE_MS) {
        conf_hint(reader, "write 25ms..1s: the first pause and the longest one, up to 1m");
        return conf_refuse(reader, node, DIAG_E0117, "%s is not a back-off",
                           conf_show(reader, node));
    }
    return true;
}

static void write_backoff(const void *value, struct sink *out)
{
    const struct conf_backoff *backoff = value;
    char text[48];
    struct strbuf buf = strbuf_over(text, sizeof text);
    quantity_add_duration(&buf, backoff->base_ms);
    strbuf_add(&buf, STR(".."));
    quantity_add_duration(&buf, backoff->max_ms);
    sink_add(out, strbuf_str(&buf));
}

static const struct conf_grammar backoff_grammar = {
    .form = "the first pause and the longest one",
    .example = "25ms..1s",
    .pattern = "^([0-9]{1,5}(h|m|s|ms))+(\\.\\.([0-9]{1,5}(h|m|s|ms))+)?$",
    .bytes = sizeof(struct conf_backoff),
    .read = read_backoff,
    .write = write_backoff};

static const struct conf_field retry_fields[] = {
    {.name = "on",
     .type = CONF_LIST,
     .item = CONF_ENUM,
     .names = on_names,
     CONF_IS(struct conf_retry, on),
     .flags = CONF_NOT_EMPTY,
     .summary = "What is tried again; left out: connect-failure, stale, reset and timeout."},
    {.name = "tries",
     .type = CONF_INT,
     CONF_IS(struct conf_retry, tries),
     .preset = "2",
     .max = TRIES_MAX,
     .summary = "Attempts beyond the first one; 0 is off."},
    {.name = "budget",
     .type = CONF_CUSTOM,
     .grammar = &budget_grammar,
     CONF_IS(struct conf_retry, budget),
     .preset = "20%",
     .summary = "Retries of what an instance may have seen, as a share of the requests of the last "
                "ten seconds; exact over all cores."},
    {.name = "budget_floor",
     .type = CONF_INT,
     CONF_IS(struct conf_retry, budget_floor),
     .preset = "3",
     .max = 1000,
     .summary = "Retries in each second that the budget allows besides its share."},
    {.name = "per_try",
     .type = CONF_DURATION,
     CONF_IS(struct conf_retry, per_try_ms),
     .min = 1,
     .max = (int64_t)24 * 60 * MINUTE_MS,
     .summary = "Time for one attempt until its response head; left out: half of what is left of "
                "timeout.total, while another attempt is possible."},
    {.name = "backoff",
     .type = CONF_CUSTOM,
     .grammar = &backoff_grammar,
     CONF_IS(struct conf_retry, backoff),
     .preset = "25ms..1s",
     .summary = "The pause before an attempt is a random time up to the first of these, which "
                "doubles with each attempt up to the second."},
    {.name = "retry_after",
     .type = CONF_DURATION,
     CONF_IS(struct conf_retry, retry_after_ms),
     .preset = "5s",
     .max = 5 * MINUTE_MS,
     .summary = "The longest Retry-After that is waited for; an answer that asks for more is "
                "passed on."},
    {.name = "body",
     .type = CONF_SIZE,
     CONF_IS(struct conf_retry, body_bytes),
     .preset = "64KiB",
     .max = LIMIT_VALUE(retry_body_bytes),
     .summary = "Bytes of a request body that are kept for another attempt."},
    {.name = "methods",
     .type = CONF_LIST,
     .item = CONF_ENUM,
     .names = conf_method_names,
     CONF_IS(struct conf_retry, methods),
     .flags = CONF_NOT_EMPTY,
     .summary = "Methods that may be sent again once an instance may have seen them; left out: "
                "those that are idempotent (RFC 9110 9.2.2)."},
    {.name = "idempotency_key",
     .type = CONF_BOOL,
     CONF_IS(struct conf_retry, takes_idempotency_key),
     .preset = "true",
     .summary = "Any request with an Idempotency-Key field may be sent again too."},
};

/* "retry: 1" and "retry: off". */
static bool read_retry(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_retry *out = place;
    if (node->type == NODE_STRING && str_eq(node->text, STR("off"))) {
        out->tries = 0;
        return true;
    }
    return conf_read_field(reader, &retry_fields[1], node, out);
}

static const struct conf_grammar retry_grammar = {.form = "how many more attempts, or off",
                                                  .example = "1",
                                                  .pattern = "^(off|[0-9]|10)$",
                                                  .takes_int = true,
                                                  .bytes = sizeof(struct conf_retry),
                                                  .read = read_retry};

const struct conf_table conf_retry_table = {
    .name = "retry",
    .summary = "Further attempts at other instances, when one fails before its answer has begun.",
    .fields = retry_fields,
    .field_count = COUNT_OF(retry_fields),
    .bytes = sizeof(struct conf_retry),
    .pos_at = CONF_AT(struct conf_retry, pos),
    .shorthand = &retry_grammar};

