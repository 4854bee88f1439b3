#include "base/check.h"
#include "base/limits.h"
#include "base/region.h"
#include "observe/prometheus.h"
#include "test.h"

enum { PAGE_BYTES = 64 << 20 };

struct world {
    struct stats stats;
    struct registry registry;
    char *page;
};

static struct world *world_open(void)
{
    static struct world world;
    CHECK(stats_init(&world.stats, 2) == OK);
    CHECK(registry_init(&world.registry, &world.stats, &world.stats.blocks[1]) == OK);
    CHECK((world.page = region_reserve(PAGE_BYTES)) != NULL);
    return &world;
}

static void world_close(struct world *world)
{
    registry_drop(&world->registry);
    stats_drop(&world->stats);
    region_release(world->page, PAGE_BYTES);
}

/* The whole page, written in pieces of `piece_bytes`. */
static struct str page_of(struct world *world, enum prometheus_format format, size_t piece_bytes)
{
    struct prometheus_cursor cursor;
    size_t len = 0;
    prometheus_begin(&cursor, &world->registry, format);
    while (!cursor.is_done) {
        CHECK(piece_bytes <= PAGE_BYTES - len);
        struct strbuf piece = strbuf_over(world->page + len, piece_bytes);
        CHECK(prometheus_write(&cursor, &piece) == OK);
        len += piece.len;
    }
    return str_of(world->page, len);
}

static bool has_line(struct str page, struct str line)
{
    for (struct str_pair cut = {.tail = page}; cut.tail.len > 0;) {
        cut = str_cut(cut.tail, '\n');
        if (str_eq(cut.head, line)) {
            return true;
        }
    }
    return false;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && (i == 0 || !char_is_digit(c))) {
            return false;
        }
    }
    return s.len > 0;
}

/* Takes name="value" pairs up to the closing brace; false: malformed. */
static bool take_labels(struct str *rest)
{
    for (;;) {
        size_t equals = str_find(*rest, '=');
        if (!is_name(str_sub(*rest, 0, equals)) ||
            !str_starts(str_skip(*rest, equals), STR("=\""))) {
            return false;
        }
        *rest = str_skip(*rest, equals + 2);
        while (rest->len > 0 && rest->at[0] != '"') {
            bool is_escape = rest->at[0] == '\\';
            if (is_escape && (rest->len < 2 || str_find(STR("\\\"n"), rest->at[1]) == 3)) {
                return false;
            }
            *rest = str_skip(*rest, is_escape ? 2 : 1);
        }
        *rest = str_skip(*rest, 1);
        if (str_starts(*rest, STR("}"))) {
            *rest = str_skip(*rest, 1);
            return true;
        }
        if (!str_starts(*rest, STR(","))) {
            return false;
        }
        *rest = str_skip(*rest, 1);
    }
}

static bool is_number(struct str s)
{
    s = str_starts(s, STR("-")) ? str_skip(s, 1) : s;
    struct str_pair parts = str_cut(s, '.');
    uint64_t value;
    return str_to_u64(parts.head, &value) && (!parts.is_cut || str_to_u64(parts.tail, &value));
}

/* A strict reader of the exposition format: every line, families in one piece, no series twice. */
static bool page_is_sound(struct str page, bool is_openmetrics)
{
    static struct str seen[METRIC_COUNT];
    size_t families = 0;
    struct str family = {0}, previous = {0};
    if (!str_ends(page, STR("\n"))) {
        return false;
    }
    for (struct str_pair cut = str_cut(page, '\n'); cut.is_cut; cut = str_cut(cut.tail, '\n')) {
        struct str line = cut.head;
        if (str_eq(line, STR("# EOF"))) {
            return is_openmetrics && cut.tail.len == 0;
        }
        if (str_starts(line, STR("# HELP "))) {
            family = str_cut(str_skip(line, 7), ' ').head;
            for (size_t i = 0; i < families; i++) {
                if (str_eq(seen[i], family)) {
                    return false;
                }
            }
            seen[families++] = family;
            continue;
        }
        if (str_starts(line, STR("# TYPE ")) || str_starts(line, STR("# UNIT "))) {
            if (!str_eq(str_cut(str_skip(line, 7), ' ').head, family)) {
                return false;
            }
            continue;
        }
        size_t name_end = 0;
        while (name_end < line.len && line.at[name_end] != '{' && line.at[name_end] != ' ') {
            name_end++;
        }
        struct str name = str_sub(line, 0, name_end), rest = str_skip(line, name_end);
        if (!is_name(name) || !str_starts(name, family) || str_eq(line, previous)) {
            return false;
        }
        if (str_starts(rest, STR("{"))) {
            rest = str_skip(rest, 1);
            if (!take_labels(&rest)) {
                return false;
            }
        }
        if (!str_starts(rest, STR(" ")) || !is_number(str_skip(rest, 1))) {
            return false;
        }
        previous = line;
    }
    return !is_openmetrics && families == METRIC_COUNT;
}

static void fill(struct world *world)
{
    struct str names[] = {STR("public"), STR("a\"b\\c\nd\x01\xff"), STR("caf\xc3\xa9"), STR("v1")};
    for (int i = 0; i < METRIC_COUNT; i++) {
        uint32_t cell = metric_rows[i].cell;
        if (metric_label_count((enum metric)i) > 0) {
            cell = registry_series(&world->registry, (enum metric)i, names);
        }
        if (metric_rows[i].kind == METRIC_IS_HISTOGRAM) {
            stats_observe(&world->stats.blocks[0], cell, 1500);
        } else {
            stats_add(&world->stats.blocks[0], cell, 7);
        }
    }
}

TEST(an_empty_page_has_every_family_and_both_formats_are_sound)
{
    struct world *world = world_open();
    WANT(page_is_sound(page_of(world, PROMETHEUS_TEXT, PROMETHEUS_ROOM_BYTES_MIN), false));
    WANT(page_is_sound(page_of(world, PROMETHEUS_OPENMETRICS, PROMETHEUS_ROOM_BYTES_MIN), true));
    world_close(world);
}

TEST(a_filled_page_is_sound_with_any_name)
{
    struct world *world = world_open();
    fill(world);
    struct str page = page_of(world, PROMETHEUS_TEXT, PROMETHEUS_ROOM_BYTES_MIN);
    WANT(page_is_sound(page, false));
    WANT(has_line(page, STR("sluice_config_generation 7")));
    WANT(has_line(page, STR("# TYPE sluice_requests_total counter")));
    WANT(has_line(page, STR("sluice_client_connections{listener=\"public\"} 7")));
    page = page_of(world, PROMETHEUS_OPENMETRICS, PROMETHEUS_ROOM_BYTES_MIN);
    WANT(page_is_sound(page, true));
    WANT(has_line(page, STR("# TYPE sluice_requests counter")));
    WANT(has_line(page, STR("# UNIT sluice_request_duration_seconds seconds")));
    world_close(world);
}

TEST(a_histogram_is_cumulative_and_ends_with_all)
{
    struct world *world = world_open();
    uint32_t cell = registry_series(&world->registry, METRIC_request_duration, &STR("r"));
    stats_observe(&world->stats.blocks[0], cell, 127);
    stats_observe(&world->stats.blocks[0], cell, 128);
    stats_observe(&world->stats.blocks[0], cell, 255);
    stats_observe(&world->stats.blocks[0], cell, 3000000);
    stats_observe(&world->stats.blocks[0], cell, 600000000);
    struct str page = page_of(world, PROMETHEUS_TEXT, PROMETHEUS_ROOM_BYTES_MIN);
    WANT(has_line(page,
                  STR("sluice_request_duration_seconds_bucket{route=\"r\",le=\"0.000128\"} 1")));
    WANT(has_line(page,
                  STR("sluice_request_duration_seconds_bucket{route=\"r\",le=\"0.000256\"} 3")));
    WANT(has_line(page,
                  STR("sluice_request_duration_seconds_bucket{route=\"r\",le=\"2.097152\"} 3")));
    WANT(has_line(page,
                  STR("sluice_request_duration_seconds_bucket{route=\"r\",le=\"4.194304\"} 4")));
    WANT(has_line(page,
                  STR("sluice_request_duration_seconds_bucket{route=\"r\",le=\"67.108864\"} 4")));
    WANT(has_line(page, STR("sluice_request_duration_seconds_bucket{route=\"r\",le=\"+Inf\"} 5")));
    WANT(has_line(page, STR("sluice_request_duration_seconds_sum{route=\"r\"} 603.00051")));
    WANT(has_line(page, STR("sluice_request_duration_seconds_count{route=\"r\"} 5")));
    WANT(str_find_str(page, STR("sluice_queue_wait_seconds_bucket")) == page.len);
    world_close(world);
}

TEST(values_of_an_axis_stand_side_by_side_and_a_series_without_counts_is_left_out)
{
    struct world *world = world_open();
    struct str used[] = {STR("l"), STR("r"), STR("s"), STR("v")},
               unused[] = {STR("l"), STR("x"), STR("s"), STR("v")};
    uint32_t cell = registry_series(&world->registry, METRIC_requests, used);
    (void)registry_series(&world->registry, METRIC_requests, unused);
    stats_add(&world->stats.blocks[0], cell + stats_code(204), 3);
    stats_add(&world->stats.blocks[0], CELL_errors + ERR_ORIGIN_TIMEOUT, 2);
    stats_add(&world->stats.blocks[0], CELL_requests + stats_code(404), 9);
    stats_sub(&world->stats.blocks[0], CELL_requests_in_flight, 4);
    struct str page = page_of(world, PROMETHEUS_TEXT, PROMETHEUS_ROOM_BYTES_MIN);
    WANT(has_line(page, STR("sluice_requests_total{listener=\"l\",route=\"r\",service=\"s\","
                            "version=\"v\",code=\"2xx\"} 3")));
    WANT(has_line(page, STR("sluice_requests_total{listener=\"l\",route=\"r\",service=\"s\","
                            "version=\"v\",code=\"5xx\"} 0")));
    WANT(has_line(page,
                  STR("sluice_requests_total{listener=\"other\",route=\"other\",service=\"other\","
                      "version=\"other\",code=\"4xx\"} 9")));
    WANT(has_line(page, STR("sluice_errors_total{reason=\"origin_timeout\"} 2")));
    WANT(has_line(page, STR("sluice_errors_total{reason=\"bug\"} 0")));
    WANT(has_line(page, STR("sluice_requests_in_flight -4")));
    WANT(str_find_str(page, STR("route=\"x\"")) == page.len);
    world_close(world);
}

TEST(pieces_of_any_size_make_the_same_page)
{
    struct world *world = world_open();
    static char whole[1 << 20];
    char name[16];
    fill(world);
    for (int i = 0; i < 100; i++) {
        struct strbuf text = strbuf_over(name, sizeof name);
        strbuf_add_fmt(&text, "route%d", i);
        struct str value = strbuf_str(&text);
        stats_observe(&world->stats.blocks[0],
                      registry_series(&world->registry, METRIC_request_duration, &value), i);
    }
    struct str page = page_of(world, PROMETHEUS_TEXT, PAGE_BYTES);
    CHECK(page.len < sizeof whole && page.len > PROMETHEUS_ROOM_BYTES_MIN * 2);
    memcpy(whole, page.at, page.len);
    for (size_t piece = PROMETHEUS_ROOM_BYTES_MIN; piece < 120000; piece += 4999) {
        WANT_STR(page_of(world, PROMETHEUS_TEXT, piece), str_of(whole, page.len));
    }
    world_close(world);
}

TEST(the_longest_names_fit_into_the_least_room)
{
    struct world *world = world_open();
    static char raw[4096];
    memset(raw, '\x01', sizeof raw);
    struct str name = str_of(raw, sizeof raw), names[] = {name, name, name, name};
    for (int i = 0; i < METRIC_COUNT; i++) {
        if (metric_label_count((enum metric)i) > 0) {
            uint32_t cell = registry_series(&world->registry, (enum metric)i, names);
            stats_add(&world->stats.blocks[0], cell, UINT64_MAX / 2);
        }
    }
    WANT(page_is_sound(page_of(world, PROMETHEUS_TEXT, PROMETHEUS_ROOM_BYTES_MIN), false));
    world_close(world);
}

TEST(a_page_is_broken_off_when_a_series_gets_another_name)
{
    struct world *world = world_open();
    struct prometheus_cursor cursor;
    fill(world);
    prometheus_begin(&cursor, &world->registry, PROMETHEUS_TEXT);
    struct strbuf out = strbuf_over(world->page, PROMETHEUS_ROOM_BYTES_MIN);
    world->registry.epoch++;
    WANT(prometheus_write(&cursor, &out) == ERR_AGAIN);
    WANT_INT(out.len, 0);
    world_close(world);
}

TEST(the_format_is_what_the_client_prefers)
{
    static const struct {
        const char *accept;
        enum prometheus_format format;
    } rows[] = {
        {"", PROMETHEUS_TEXT},
        {"*/*", PROMETHEUS_TEXT},
        {"text/html", PROMETHEUS_TEXT},
        {"application/openmetrics-text", PROMETHEUS_OPENMETRICS},
        {"APPLICATION/OpenMetrics-Text; version=1.0.0", PROMETHEUS_OPENMETRICS},
        {"application/openmetrics-text;version=1.0.0;q=0.5,application/"
         "openmetrics-text;version=0.0.1;q=0.4,"
         "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
         PROMETHEUS_OPENMETRICS},
        {"text/plain;q=0.9, application/openmetrics-text;q=0.8", PROMETHEUS_TEXT},
        {"text/plain;q=0.801, application/openmetrics-text;q=0.8", PROMETHEUS_TEXT},
        {"application/openmetrics-text;q=0", PROMETHEUS_TEXT},
        {"application/openmetrics-text;q=0.000", PROMETHEUS_TEXT},
        {"application/openmetrics-text;q=banana", PROMETHEUS_TEXT},
        {"application/openmetrics-text;q=", PROMETHEUS_TEXT},
        {"application/openmetrics-text; q = 1", PROMETHEUS_OPENMETRICS},
        {"application/openmetrics-text;Q=1.000,text/plain", PROMETHEUS_OPENMETRICS},
        {",,;;,", PROMETHEUS_TEXT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        enum prometheus_format format = prometheus_format_for(str_from_c(rows[i].accept));
        if (format != rows[i].format) {
            printf("# accept: %s\n", rows[i].accept);
            WANT(format == rows[i].format);
        }
    }
    WANT(str_starts(prometheus_content_type(PROMETHEUS_TEXT), STR("text/plain; version=0.0.4")));
    WANT(str_starts(prometheus_content_type(PROMETHEUS_OPENMETRICS),
                    STR("application/openmetrics-text; version=1.0")));
}

TEST(names_of_strangers_make_no_more_series_than_the_limit)
{
    struct world *world = world_open();
    char name[16];
    for (int i = 0; i < LIMIT_VALUE(metric_series) + 1000; i++) {
        struct strbuf text = strbuf_over(name, sizeof name);
        strbuf_add_fmt(&text, "host%d", i);
        struct str value = strbuf_str(&text);
        uint32_t cell = registry_series(&world->registry, METRIC_origin_reuses, &value);
        stats_add(&world->stats.blocks[0], cell, 1);
    }
    WANT(world->registry.series_count <= LIMIT_VALUE(metric_series));
    WANT_INT(stats_read(&world->stats, CELL_origin_reuses), 1000);
    WANT(page_is_sound(page_of(world, PROMETHEUS_TEXT, PROMETHEUS_ROOM_BYTES_MIN), false));
    world_close(world);
}
