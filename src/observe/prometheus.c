/* prometheus.c - metrics as text; see prometheus.h. */
#include "observe/prometheus.h"

/* Exported bounds: of the last bucket below 128 us, then of every fourth: the powers of two. */
enum { LE_FIRST = 23, LE_LAST = 99, LE_STEP = 4 };
static_assert((int)LE_LAST < (int)HISTOGRAM_BUCKETS, "the bounds exist");

/* What the lines of one series have in common. */
struct line {
    struct strbuf *out;
    const struct metric_row *row;
    struct str labels; /* "" or name="value",... */
};

static const char *const kind_names[] = {
    [METRIC_IS_COUNTER] = "counter",
    [METRIC_IS_GAUGE] = "gauge",
    [METRIC_IS_HISTOGRAM] = "histogram",
};
static const char *const unit_names[] = {
    [METRIC_UNIT_COUNT] = "",
    [METRIC_UNIT_BYTES] = "bytes",
    [METRIC_UNIT_US] = "seconds",
};

/* A weight such as "0.5" in thousandths (RFC 9110 12.4.2); what is malformed weighs nothing. */
static uint32_t weight_of(struct str text)
{
    if (text.len == 0 || text.len > 5 || (text.at[0] != '0' && text.at[0] != '1')) {
        return 0;
    }
    uint32_t weight = text.at[0] == '1' ? 1000 : 0, digit_weight = 100;
    for (size_t i = 2; i < text.len && char_is_digit(text.at[i]); i++) {
        weight += (uint32_t)(text.at[i] - '0') * digit_weight;
        digit_weight /= 10;
    }
    return weight > 1000 ? 1000 : weight;
}

static uint32_t element_weight(struct str parameters)
{
    while (parameters.len > 0) {
        struct str_pair next = str_cut(parameters, ';');
        struct str_pair pair = str_cut(str_trim(next.head), '=');
        if (str_eq_nocase(pair.head, STR("q"))) {
            return weight_of(pair.tail);
        }
        parameters = next.tail;
    }
    return 1000;
}

enum prometheus_format prometheus_format_for(struct str accept)
{
    uint32_t plain = 0, openmetrics = 0;
    struct str element;
    while (str_next_element(&accept, &element)) {
        struct str_pair parts = str_cut(element, ';');
        struct str type = str_trim(parts.head);
        uint32_t weight = element_weight(parts.tail);
        if (str_eq_nocase(type, STR("application/openmetrics-text")) && weight > openmetrics) {
            openmetrics = weight;
        } else if (str_eq_nocase(type, STR("text/plain")) && weight > plain) {
            plain = weight;
        }
    }
    return openmetrics > 0 && openmetrics >= plain ? PROMETHEUS_OPENMETRICS : PROMETHEUS_TEXT;
}

struct str prometheus_content_type(enum prometheus_format format)
{
    switch (format) {
    case PROMETHEUS_TEXT: return STR("text/plain; version=0.0.4; charset=utf-8");
    case PROMETHEUS_OPENMETRICS:
        return STR("application/openmetrics-text; version=1.0.0; charset=utf-8");
    }
    CHECK(false);
    return STR("");
}

void prometheus_begin(struct prometheus_cursor *cursor, const struct registry *registry,
                      enum prometheus_format format)
{
    *cursor = (struct prometheus_cursor){
        .registry = registry, .epoch = registry->epoch, .format = (uint8_t)format};
}

/* Microseconds as seconds, without zeros at the end. */
static void add_seconds(struct strbuf *out, uint64_t us)
{
    strbuf_add_u64(out, us / 1000000);
    uint32_t rest = (uint32_t)(us % 1000000);
    if (rest == 0) {
        return;
    }
    char digits[7] = {'.'};
    size_t len = 0;
    for (size_t i = 6; i > 0; i--, rest /= 10) {
        digits[i] = (char)('0' + rest % 10);
        len = len == 0 && digits[i] != '0' ? i + 1 : len;
    }
    strbuf_add(out, str_of(digits, len));
}

static void add_value(const struct line *line, uint64_t value)
{
    struct strbuf *out = line->out;
    if (line->row->kind == METRIC_IS_GAUGE && (int64_t)value < 0) {
        strbuf_add_char(out, '-');
        value = (uint64_t)0 - value;
    }
    if (line->row->unit == METRIC_UNIT_US) {
        add_seconds(out, value);
    } else {
        strbuf_add_u64(out, value);
    }
}

/* name<suffix>{labels,extra="value"} and the blank; without `extra` no such label. */
static void line_begin(const struct line *line, struct str suffix, struct str extra,
                       struct str value)
{
    struct strbuf *out = line->out;
    strbuf_add_c(out, line->row->name);
    strbuf_add(out, suffix);
    if (line->labels.len > 0 || extra.len > 0) {
        strbuf_add_char(out, '{');
        strbuf_add(out, line->labels);
        if (extra.len > 0) {
            strbuf_add(out, line->labels.len > 0 ? STR(",") : STR(""));
            strbuf_add(out, extra);
            strbuf_add(out, STR("=\""));
            strbuf_add(out, value);
            strbuf_add_char(out, '"');
        }
        strbuf_add_char(out, '}');
    }
    strbuf_add_char(out, ' ');
}

static void add_bucket(const struct line *line, struct str le, uint64_t count)
{
    line_begin(line, STR("_bucket"), STR("le"), le);
    strbuf_add_u64(line->out, count);
    strbuf_add_char(line->out, '\n');
}

static void add_histogram(const struct line *line, const uint64_t *values)
{
    uint64_t count = 0;
    uint32_t bucket = 0;
    for (uint32_t last = LE_FIRST; last <= LE_LAST; last += LE_STEP) {
        while (bucket <= last) {
            count += values[bucket++];
        }
        char text[24];
        struct strbuf le = strbuf_over(text, sizeof text);
        add_seconds(&le, histogram_bound(last));
        add_bucket(line, strbuf_str(&le), count);
    }
    while (bucket < HISTOGRAM_BUCKETS) {
        count += values[bucket++];
    }
    add_bucket(line, STR("+Inf"), count);
    line_begin(line, STR("_sum"), STR(""), STR(""));
    add_value(line, values[HISTOGRAM_SUM]);
    strbuf_add_char(line->out, '\n');
    line_begin(line, STR("_count"), STR(""), STR(""));
    strbuf_add_u64(line->out, count);
    strbuf_add_char(line->out, '\n');
}

static void add_axis(const struct line *line, const uint64_t *values)
{
    enum metric_axis axis = (enum metric_axis)line->row->axis;
    for (uint32_t i = 0; i < line->row->cells; i++) {
        line_begin(line, STR(""), metric_axis_name(axis), metric_axis_value(axis, i));
        add_value(line, values[i]);
        strbuf_add_char(line->out, '\n');
    }
}

/* All lines of one series; with `is_wanted` also those of one that never counted anything. */
static void add_series(const struct registry *registry, const struct line *line, uint32_t cell,
                       bool is_wanted)
{
    uint64_t values[HISTOGRAM_CELLS]; /* the longest of all series: registry.c asserts it */
    uint64_t any = 0;
    CHECK(line->row->cells <= COUNT_OF(values));
    for (uint32_t i = 0; i < line->row->cells; i++) {
        values[i] = stats_read(registry->stats, cell + i);
        any |= values[i];
    }
    if (any == 0 && !is_wanted) {
        return;
    }
    if (line->row->kind == METRIC_IS_HISTOGRAM) {
        add_histogram(line, values);
    } else {
        add_axis(line, values);
    }
}

/* The name of a family: OpenMetrics leaves a counter's "_total" to its samples. */
static struct str family_name(const struct metric_row *row, enum prometheus_format format)
{
    struct str name = str_from_c(row->name);
    bool is_cut = format == PROMETHEUS_OPENMETRICS && row->kind == METRIC_IS_COUNTER;
    return is_cut ? str_sub(name, 0, name.len - STR("_total").len) : name;
}

static void add_head(struct strbuf *out, struct str word, struct str name, const char *text)
{
    strbuf_add(out, STR("# "));
    strbuf_add(out, word);
    strbuf_add_char(out, ' ');
    strbuf_add(out, name);
    strbuf_add_char(out, ' ');
    strbuf_add_c(out, text);
    strbuf_add_char(out, '\n');
}

static void add_family(const struct prometheus_cursor *cursor, struct strbuf *out)
{
    const struct metric_row *row = &metric_rows[cursor->metric];
    struct str name = family_name(row, (enum prometheus_format)cursor->format);
    add_head(out, STR("HELP"), name, row->sentence);
    add_head(out, STR("TYPE"), name, kind_names[row->kind]);
    if (cursor->format == PROMETHEUS_OPENMETRICS && row->unit != METRIC_UNIT_COUNT) {
        add_head(out, STR("UNIT"), name, unit_names[row->unit]);
    }
    char text[METRIC_LABELS_MAX * 32];
    struct strbuf labels = strbuf_over(text, sizeof text);
    struct str rest = str_from_c(row->labels), label;
    while (str_next_element(&rest, &label)) {
        strbuf_add(&labels, labels.len > 0 ? STR(",") : STR(""));
        strbuf_add(&labels, label);
        strbuf_add(&labels, STR("=\"other\""));
    }
    CHECK(!strbuf_overflowed(&labels));
    struct line line = {out, row, strbuf_str(&labels)};
    add_series(cursor->registry, &line, row->cell, labels.len == 0);
}

/* Writes one piece and moves on. */
static void add_next(struct prometheus_cursor *cursor, struct strbuf *out)
{
    if (cursor->metric == METRIC_COUNT) {
        strbuf_add(out, cursor->format == PROMETHEUS_OPENMETRICS ? STR("# EOF\n") : STR(""));
        cursor->is_done = true;
        return;
    }
    const struct list *all = &cursor->registry->series[cursor->metric];
    if (!cursor->is_inside) {
        add_family(cursor, out);
        cursor->is_inside = true;
        cursor->node = all->next;
        return;
    }
    if (cursor->node == all) {
        cursor->metric++;
        cursor->is_inside = false;
        return;
    }
    const struct metric_row *row = &metric_rows[cursor->metric];
    const struct series *series =
        (const struct series *)(const void *)((const char *)cursor->node -
                                              offsetof(struct series, of_metric));
    struct line line = {out, row, str_of(series->text, series->text_bytes)};
    add_series(cursor->registry, &line, series->cell, row->cells == 1);
    cursor->node = series->of_metric.next;
}

enum err prometheus_write(struct prometheus_cursor *cursor, struct strbuf *out)
{
    CHECK(out->cap - out->len >= PROMETHEUS_ROOM_BYTES_MIN);
    if (cursor->epoch != cursor->registry->epoch) {
        return ERR_AGAIN;
    }
    size_t begin = out->len;
    while (!cursor->is_done) {
        const struct prometheus_cursor before = *cursor;
        size_t len = out->len;
        add_next(cursor, out);
        if (strbuf_overflowed(out)) {
            CHECK(len > begin);
            *cursor = before;
            out->len = len;
            out->has_overflowed = false;
            return OK;
        }
    }
    return OK;
}
