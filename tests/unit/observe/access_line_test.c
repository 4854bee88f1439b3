#include "base/check.h"
#include "base/rng.h"
#include "observe/access_line.h"
#include "test.h"

#include <jansson.h>

static char line_bytes[ACCESS_LINE_BYTES_MAX];

static struct str line_of(const struct access_record *record)
{
    struct access_clock clock = {0};
    struct strbuf out = strbuf_over(line_bytes, sizeof line_bytes);
    access_line_add(&out, record, &clock);
    CHECK(!strbuf_overflowed(&out));
    return strbuf_str(&out);
}

/* The line as an object, or NULL when it is not exactly one line of strict JSON. */
static json_t *parsed(struct str line)
{
    if (line.len < 2 || str_find(line, '\n') != line.len - 1) {
        return NULL;
    }
    return json_loadb(line.at, line.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "(absent)" : text;
}

static void set_all_texts(struct access_record *record, struct str s)
{
    struct str *const texts[] = {&record->request_id, &record->trace_id, &record->protocol,
                                 &record->listener,   &record->route,    &record->service,
                                 &record->version,    &record->instance, &record->method,
                                 &record->host,       &record->path,     &record->user_agent,
                                 &record->query};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        *texts[i] = s;
    }
}

TEST(a_full_record_is_one_line_with_every_key)
{
    struct flight flight = {0};
    const struct addr client = {.family = ADDR_V4, .port = 1, .ip = {203, 0, 113, 9}};
    const struct addr peer = {.family = ADDR_V6, .port = 4711, .ip = {[15] = 1}};
    for (int i = 0; i < FLIGHT_STAGE_COUNT; i++) {
        flight.at_ns[i] = 1000000000 + i * 1000000;
    }
    struct access_record record = {.wall_us = 1767323045678901,
                                   .flight = &flight,
                                   .request_id = STR("id-1"),
                                   .listener = STR("public"),
                                   .route = STR("orders"),
                                   .service = STR("orders"),
                                   .version = STR("v1"),
                                   .instance = STR("10.0.0.1:80"),
                                   .client = &client,
                                   .peer = &peer,
                                   .protocol = STR("HTTP/1.1"),
                                   .method = STR("GET"),
                                   .host = STR("example.org"),
                                   .path = STR("/orders/1"),
                                   .user_agent = STR("curl/8"),
                                   .client_received_bytes = 1,
                                   .client_sent_bytes = UINT64_MAX,
                                   .origin_received_bytes = 3,
                                   .origin_sent_bytes = 4,
                                   .generation = 7,
                                   .status = 504,
                                   .reason = ERR_ORIGIN_TIMEOUT,
                                   .attempts = 2,
                                   .is_reused = true};
    WANT_STR(
        line_of(&record),
        STR("{\"time\":\"2026-01-02T03:04:05.678901Z\",\"request_id\":\"id-1\",\"listener\":"
            "\"public\","
            "\"route\":\"orders\",\"service\":\"orders\",\"version\":\"v1\",\"instance\":\"10.0.0."
            "1:80\","
            "\"client\":\"203.0.113.9\",\"peer\":\"[::1]:4711\",\"protocol\":\"HTTP/"
            "1.1\",\"method\":\"GET\","
            "\"host\":\"example.org\",\"path\":\"/orders/1\",\"user_agent\":\"curl/"
            "8\",\"status\":504,"
            "\"reason\":\"origin_timeout\",\"attempts\":2,\"read_head_us\":1000,\"route_us\":1000,"
            "\"policies_us\":1000,\"queue_us\":1000,\"connect_us\":1000,\"ttfb_us\":1000,"
            "\"response_us\":1000,"
            "\"total_us\":7000,\"client_received_bytes\":1,\"client_sent_bytes\":"
            "18446744073709551615,"
            "\"origin_received_bytes\":3,\"origin_sent_bytes\":4,\"generation\":7,\"is_reused\":"
            "true}\n"));
}

TEST(an_empty_record_is_a_valid_line)
{
    json_t *object = parsed(line_of(&(struct access_record){0}));
    WANT(object != NULL);
    WANT(strcmp(text_at(object, "time"), "1970-01-01T00:00:00.000000Z") == 0);
    WANT(strcmp(text_at(object, "reason"), "ok") == 0);
    WANT(json_object_get(object, "route") == NULL);
    WANT_INT(json_integer_value(json_object_get(object, "total_us")), 0);
    json_decref(object);
}

TEST(every_byte_in_every_text_gives_a_line_that_parses)
{
    for (int byte = 0; byte < 256; byte++) {
        char raw[40];
        for (size_t at = 0; at < sizeof raw; at++) {
            for (size_t len = at + 1; len <= sizeof raw; len += 5) {
                memset(raw, 'x', sizeof raw);
                raw[at] = (char)byte;
                struct access_record record = {0};
                set_all_texts(&record, str_of(raw, len));
                json_t *object = parsed(line_of(&record));
                if (object == NULL) {
                    WANT(object != NULL);
                    printf("# byte %d at %zu of %zu\n", byte, at, len);
                    return;
                }
                const char *path = text_at(object, "path");
                bool is_kept = byte > 0 && byte < 0x80;
                WANT(!is_kept || (strlen(path) == len && (unsigned char)path[at] == byte));
                WANT(is_kept || byte == 0 || strstr(path, "\xef\xbf\xbd") != NULL);
                json_decref(object);
            }
        }
    }
}

TEST(no_byte_of_a_line_but_its_end_can_reach_a_terminal)
{
    char raw[256];
    for (int byte = 0; byte < 256; byte++) {
        raw[byte] = (char)byte;
    }
    struct access_record record = {0};
    set_all_texts(&record, str_of(raw, sizeof raw));
    struct str line = line_of(&record);
    for (size_t i = 0; i + 1 < line.len; i++) {
        WANT((unsigned char)line.at[i] >= 0x20 && line.at[i] != 0x7f);
    }
}

TEST(random_bytes_of_any_length_give_lines_that_parse)
{
    struct rng rng;
    rng_init(&rng, 7);
    static char raw[3000];
    for (int round = 0; round < 3000; round++) {
        for (size_t i = 0; i < sizeof raw; i++) {
            raw[i] = (char)rng_next(&rng);
        }
        struct access_record record = {.wall_us = (int64_t)(rng_next(&rng) >> 12)};
        set_all_texts(&record, str_of(raw, rng_below(&rng, sizeof raw)));
        json_t *object = parsed(line_of(&record));
        bool is_line = object != NULL;
        json_decref(object);
        if (!is_line) {
            WANT(is_line);
            return;
        }
    }
}

TEST(long_values_are_cut_and_the_longest_line_fits)
{
    static char raw[100000];
    memset(raw, 1, sizeof raw);
    const struct addr addr = {.family = ADDR_V6, .port = 65535, .ip = {[0] = 255, [15] = 255}};
    struct flight flight = {0};
    flight.at_ns[FLIGHT_START] = 1;
    flight.at_ns[FLIGHT_END] = INT64_MAX;
    static struct tries tries = {.count = LIMIT_VALUE(tries_recorded)};
    for (uint32_t i = 0; i < tries.count; i++) {
        tries.at[i] = (struct tried){.instance = str_of(raw, sizeof raw),
                                     .us = INT64_MAX,
                                     .reason = ERR_ORIGIN_CONNECT_TIMEOUT,
                                     .status = UINT16_MAX,
                                     .is_reused = true,
                                     .is_hedge = true};
    }
    struct access_record record = {.wall_us = INT64_MAX,
                                   .flight = &flight,
                                   .client = &addr,
                                   .peer = &addr,
                                   .client_received_bytes = INT64_MAX,
                                   .client_sent_bytes = INT64_MAX,
                                   .origin_received_bytes = INT64_MAX,
                                   .origin_sent_bytes = INT64_MAX,
                                   .generation = INT64_MAX,
                                   .reason = ERR_ORIGIN_CONNECT_TIMEOUT,
                                   .status = UINT16_MAX,
                                   .attempts = UINT8_MAX,
                                   .is_reused = true,
                                   .is_replayed = true,
                                   .tries = &tries};
    set_all_texts(&record, str_of(raw, sizeof raw));
    json_t *object = parsed(line_of(&record));
    WANT(object != NULL);
    WANT_INT(strlen(text_at(object, "path")), LIMIT_VALUE(log_field_bytes));
    json_t *last = json_array_get(json_object_get(object, "tries"), tries.count - 1);
    WANT_INT(strlen(text_at(last, "instance")), LIMIT_VALUE(tries_name_bytes));
    json_decref(object);
    memset(raw, 'a', sizeof raw);
    object = parsed(line_of(&record));
    WANT_INT(strlen(text_at(object, "path")), LIMIT_VALUE(log_field_bytes));
    json_decref(object);
}

TEST(stages_that_were_not_reached_are_left_out_and_their_time_goes_to_the_next)
{
    struct flight flight = {0};
    flight_mark(&flight, FLIGHT_START, 5000);
    flight_mark(&flight, FLIGHT_HEAD, 7000);
    flight_mark(&flight, FLIGHT_END, 19000);
    struct access_record record = {.flight = &flight};
    json_t *object = parsed(line_of(&record));
    WANT_INT(json_integer_value(json_object_get(object, "read_head_us")), 2);
    WANT_INT(json_integer_value(json_object_get(object, "response_us")), 12);
    WANT_INT(json_integer_value(json_object_get(object, "total_us")), 14);
    WANT(json_object_get(object, "ttfb_us") == NULL);
    json_decref(object);
}

TEST(time_before_1970_and_a_clock_that_jumps_back_are_told_right)
{
    static const struct {
        int64_t wall_us;
        const char *text;
    } rows[] = {{1767323045999999, "2026-01-02T03:04:05.999999Z"},
                {1767323046000000, "2026-01-02T03:04:06.000000Z"},
                {1767323045000001, "2026-01-02T03:04:05.000001Z"},
                {0, "1970-01-01T00:00:00.000000Z"},
                {-1, "1969-12-31T23:59:59.999999Z"},
                {951782400000000, "2000-02-29T00:00:00.000000Z"}};
    struct access_clock clock = {0};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct strbuf out = strbuf_over(line_bytes, sizeof line_bytes);
        access_line_add(&out, &(struct access_record){.wall_us = rows[i].wall_us}, &clock);
        WANT_STR(str_sub(strbuf_str(&out), 9, 27), str_from_c(rows[i].text));
    }
}

TEST(dropped_lines_are_told_in_a_line_of_their_own)
{
    struct access_clock clock = {0};
    struct strbuf out = strbuf_over(line_bytes, sizeof line_bytes);
    access_line_add_dropped(&out, 0, 12, &clock);
    WANT_STR(strbuf_str(&out), STR("{\"time\":\"1970-01-01T00:00:00.000000Z\",\"dropped\":12}\n"));
}

TEST(attempts_are_told_one_by_one_when_one_of_them_failed)
{
    struct tries tries = {.count = 2};
    tries.at[0] = (struct tried){
        .instance = STR("10.0.0.1:80"), .us = 1200, .reason = ERR_ORIGIN_RESET, .is_reused = true};
    tries.at[1] =
        (struct tried){.instance = STR("\"b\""), .us = 7, .status = 503, .is_hedge = true};
    json_t *object = parsed(line_of(&(struct access_record){.tries = &tries}));
    char *text = json_dumps(json_object_get(object, "tries"), JSON_COMPACT);
    WANT_STR(str_from_c(text),
             STR("[{\"instance\":\"10.0.0.1:80\",\"us\":1200,\"reason\":\"origin_reset\","
                 "\"is_reused\":true},{\"instance\":\"\\\"b\\\"\",\"us\":7,\"reason\":\"ok\","
                 "\"status\":503,\"is_hedge\":true}]"));
    free(text);
    json_decref(object);
    tries.count = 0;
    object = parsed(line_of(&(struct access_record){.tries = &tries}));
    WANT(json_object_get(object, "tries") == NULL);
    json_decref(object);
}
