/* registry.c - labelled series in a hash table, with cells that are used again; see registry.h.
 * The key of a series is its label text exactly as it is exported, so a scrape copies it. Names
 * come from the configuration, so an unkeyed hash does. */
#include "stats/registry.h"

#include "base/hash.h"
#include "base/limits.h"
#include "base/region.h"
#include "base/strbuf.h"

enum {
    SERIES_MAX = LIMIT_VALUE(metric_series),
    BUCKETS = SERIES_MAX * 2,
    VALUE_BYTES_MAX = LIMIT_VALUE(metric_label_bytes),
    /* A byte becomes at most six in JSON's escapes and three here; a cut value ends in a hash. */
    VALUE_JSON_BYTES_MAX = VALUE_BYTES_MAX * 6,
    VALUE_TEXT_BYTES_MAX = VALUE_BYTES_MAX * 3 + 17,
    LABEL_NAME_BYTES_MAX = 16,
    TEXT_BYTES_MAX = METRIC_LABELS_MAX * (VALUE_TEXT_BYTES_MAX + LABEL_NAME_BYTES_MAX + 4),
    TEXT_SMALL_BYTES = 128
};

static_assert((BUCKETS & (BUCKETS - 1)) == 0, "a bucket is picked by a mask");

enum shape { SHAPE_ONE, SHAPE_CODE, SHAPE_REASON, SHAPE_HISTOGRAM, SHAPE_COUNT };
static_assert((int)SHAPE_COUNT == (int)REGISTRY_SHAPES, "one list of retired series for each");

/* Rising, so that a later shape has room for an earlier one. */
static const uint32_t shape_cells[SHAPE_COUNT] = {METRIC_CELLS_NONE, METRIC_CELLS_CODE,
                                                  METRIC_CELLS_REASON, HISTOGRAM_CELLS};
static_assert((int)METRIC_CELLS_CODE < (int)METRIC_CELLS_REASON, "shapes rise");
static_assert((int)METRIC_CELLS_REASON < (int)HISTOGRAM_CELLS, "shapes rise");

static enum shape shape_of(enum metric metric)
{
    enum shape shape = SHAPE_ONE;
    while (shape_cells[shape] < metric_rows[metric].cells) {
        shape++;
    }
    CHECK(shape_cells[shape] == metric_rows[metric].cells);
    return shape;
}

enum err registry_init(struct registry *registry, struct stats *stats, struct stats_block *block)
{
    *registry = (struct registry){.stats = stats, .block = block, .cells_used = CELL_COUNT};
    for (uint32_t i = 0; i < METRIC_COUNT; i++) {
        list_init(&registry->series[i]);
    }
    for (uint32_t i = 0; i < SHAPE_COUNT; i++) {
        list_init(&registry->retired[i]);
    }
    registry->series_at = region_reserve(SERIES_MAX * sizeof(struct series));
    registry->buckets = region_reserve(BUCKETS * sizeof(uint32_t));
    enum err e = ERR_MEMORY;
    /* One more than there are series: a new text is kept before an old one is given back. */
    if (registry->series_at == NULL || registry->buckets == NULL ||
        (e = slab_init(&registry->text_small, TEXT_SMALL_BYTES, SERIES_MAX + 1)) != OK ||
        (e = slab_init(&registry->text_large, TEXT_BYTES_MAX, SERIES_MAX + 1)) != OK) {
        registry_drop(registry);
        return e;
    }
    return OK;
}

void registry_drop(struct registry *registry)
{
    region_release(registry->series_at, SERIES_MAX * sizeof(struct series));
    region_release(registry->buckets, BUCKETS * sizeof(uint32_t));
    slab_drop(&registry->text_small);
    slab_drop(&registry->text_large);
    *registry = (struct registry){0};
}

void registry_begin(struct registry *registry, uint64_t generation)
{
    CHECK(generation >= registry->generation);
    registry->generation = generation;
}

/* Escapes for a label value: quote, backslash and line feed have one, other controls and what is
 * not UTF-8 become U+FFFD. JSON's escapes are a superset of these. */
static void label_add_escaped(struct strbuf *out, struct str value)
{
    char json[VALUE_JSON_BYTES_MAX];
    struct strbuf escaped = strbuf_over(json, sizeof json);
    strbuf_add_json(&escaped, value, VALUE_BYTES_MAX);
    CHECK(!strbuf_overflowed(&escaped));
    struct str rest = strbuf_str(&escaped);
    while (rest.len > 0) {
        size_t plain = str_find(rest, '\\');
        strbuf_add(out, str_sub(rest, 0, plain));
        rest = str_skip(rest, plain);
        if (rest.len == 0) {
            break;
        }
        char escape = rest.at[1];
        bool is_shared = escape == '"' || escape == '\\' || escape == 'n';
        strbuf_add(out, is_shared ? str_sub(rest, 0, 2) : STR("\xef\xbf\xbd"));
        rest = str_skip(rest, escape == 'u' ? 6 : 2);
    }
}

static void label_add(struct strbuf *out, struct str name, struct str value)
{
    strbuf_add(out, name);
    strbuf_add(out, STR("=\""));
    label_add_escaped(out, value);
    if (value.len > VALUE_BYTES_MAX) {
        /* Two long names with one beginning are still two series. */
        strbuf_add_char(out, '~');
        strbuf_add_hex(out, hash_stable(value, 0));
    }
    strbuf_add_char(out, '"');
}

/* Writes the label text; false when all values are "other", which is the fixed series' name. */
static bool labels_add(struct strbuf *out, enum metric metric, const struct str *values)
{
    bool is_named = false;
    struct str rest = str_from_c(metric_rows[metric].labels), name;
    for (uint32_t i = 0; str_next_element(&rest, &name); i++) {
        CHECK(i < METRIC_LABELS_MAX);
        if (i > 0) {
            strbuf_add_char(out, ',');
        }
        label_add(out, name, values[i]);
        is_named = is_named || !str_eq(values[i], STR("other"));
    }
    CHECK(!strbuf_overflowed(out));
    return is_named;
}

static uint32_t *bucket_of(struct registry *registry, uint32_t hash)
{
    return &registry->buckets[hash & (BUCKETS - 1)];
}

static uint32_t series_hash(enum metric metric, struct str text)
{
    return (uint32_t)hash_stable(text, metric);
}

static struct series *series_find(struct registry *registry, enum metric metric, struct str text)
{
    uint32_t hash = series_hash(metric, text);
    for (uint32_t i = *bucket_of(registry, hash); i != 0; i = registry->series_at[i - 1].next) {
        struct series *series = &registry->series_at[i - 1];
        if (series->hash == hash && series->metric == metric &&
            str_eq(str_of(series->text, series->text_bytes), text)) {
            return series;
        }
    }
    return NULL;
}

static struct slab *text_slab(struct registry *registry, size_t bytes)
{
    return bytes <= TEXT_SMALL_BYTES ? &registry->text_small : &registry->text_large;
}

/* Takes a retired series out of everything it is known by. */
static void series_forget(struct registry *registry, struct series *series)
{
    uint32_t index = (uint32_t)(series - registry->series_at) + 1;
    uint32_t *link = bucket_of(registry, series->hash);
    while (*link != index) {
        CHECK(*link != 0);
        link = &registry->series_at[*link - 1].next;
    }
    *link = series->next;
    list_remove(&series->of_metric);
    list_remove(&series->of_retired);
    slab_give(text_slab(registry, series->text_bytes), series->text);
    series->text = NULL;
    stats_clear(registry->stats, series->cell, shape_cells[series->shape]);
    registry->epoch++;
}

/* A series with cells for `shape`: a new one, else the longest retired one that has room. */
static struct series *series_take(struct registry *registry, enum shape shape)
{
    uint32_t cells = shape_cells[shape];
    if (registry->series_count < SERIES_MAX &&
        cells <= LIMIT_VALUE(metric_cells) - registry->cells_used) {
        struct series *series = &registry->series_at[registry->series_count++];
        *series = (struct series){.cell = registry->cells_used, .shape = (uint8_t)shape};
        list_init(&series->of_metric);
        list_init(&series->of_retired);
        registry->cells_used += cells;
        stats_set(registry->block, CELL_metric_series, registry->series_count);
        return series;
    }
    for (enum shape from = shape; from < SHAPE_COUNT; from++) {
        if (!list_is_empty(&registry->retired[from])) {
            struct list *oldest = registry->retired[from].next;
            struct series *series = CONTAINER_OF(oldest, struct series, of_retired);
            series_forget(registry, series);
            return series;
        }
    }
    return NULL;
}

static struct series *series_add(struct registry *registry, enum metric metric, struct str text)
{
    char *kept = slab_take(text_slab(registry, text.len));
    if (kept == NULL) {
        return NULL;
    }
    struct series *series = series_take(registry, shape_of(metric));
    if (series == NULL) {
        slab_give(text_slab(registry, text.len), kept);
        return NULL;
    }
    memcpy(kept, text.at, text.len);
    series->text = kept;
    series->text_bytes = (uint16_t)text.len;
    series->metric = (uint8_t)metric;
    series->hash = series_hash(metric, text);
    series->is_retired = false;
    uint32_t *bucket = bucket_of(registry, series->hash);
    series->next = *bucket;
    *bucket = (uint32_t)(series - registry->series_at) + 1;
    list_push_back(&registry->series[metric], &series->of_metric);
    return series;
}

/* NULL: it is, or has to be, the series "other". */
static struct series *series_ask(struct registry *registry, enum metric metric,
                                 const struct str *values)
{
    CHECK(metric < METRIC_COUNT);
    CHECK(metric_label_count(metric) > 0);
    char text[TEXT_BYTES_MAX];
    struct strbuf labels = strbuf_over(text, sizeof text);
    if (!labels_add(&labels, metric, values)) {
        return NULL;
    }
    struct series *series = series_find(registry, metric, strbuf_str(&labels));
    if (series == NULL) {
        series = series_add(registry, metric, strbuf_str(&labels));
    }
    if (series == NULL) {
        stats_add(registry->block, CELL_metric_overflows, 1);
        return NULL;
    }
    list_remove(&series->of_retired);
    series->is_retired = false;
    series->generation = registry->generation;
    return series;
}

uint32_t registry_series(struct registry *registry, enum metric metric, const struct str *values)
{
    const struct series *series = series_ask(registry, metric, values);
    return series == NULL ? metric_rows[metric].cell : series->cell;
}

uint32_t registry_hold(struct registry *registry, enum metric metric, const struct str *values)
{
    struct series *series = series_ask(registry, metric, values);
    if (series == NULL) {
        return metric_rows[metric].cell;
    }
    series->is_held = true;
    return series->cell;
}

static void series_retire(struct registry *registry, struct series *series)
{
    series->is_held = false;
    if (!series->is_retired) {
        series->is_retired = true;
        list_push_back(&registry->retired[series->shape], &series->of_retired);
    }
}

void registry_release(struct registry *registry, uint64_t oldest)
{
    CHECK(oldest <= registry->generation);
    for (uint32_t i = 0; i < registry->series_count; i++) {
        struct series *series = &registry->series_at[i];
        bool is_old = series->generation != 0 && series->generation < oldest;
        if (is_old && !series->is_held && series->text != NULL) {
            series_retire(registry, series);
        }
    }
}

void registry_retire(struct registry *registry, enum metric metric, uint32_t cell)
{
    CHECK(metric < METRIC_COUNT);
    /* Cells are given out in the order of series_at, and stay with their place. */
    uint32_t low = 0, high = registry->series_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (registry->series_at[middle].cell < cell) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    struct series *series = &registry->series_at[low];
    if (low < registry->series_count && series->cell == cell && series->metric == metric &&
        series->text != NULL) {
        series_retire(registry, series);
    }
}
