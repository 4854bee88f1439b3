/* access_line_fuzz.c - any bytes in the fields of a log line give one line of strict JSON.
 * The input is cut into the texts of a record at its zero bytes; jansson reads the line back. */
#include "base/check.h"
#include "observe/access_line.h"
#include "observe/prometheus.h"

#include <jansson.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char line_bytes[ACCESS_LINE_BYTES_MAX];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = str_of((const char *)data, size);
    struct access_record record = {.wall_us = (int64_t)size};
    struct str *const texts[] = {&record.path,       &record.host,    &record.user_agent,
                                 &record.query,      &record.route,   &record.method,
                                 &record.request_id, &record.trace_id};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct str_pair cut = str_cut(rest, '\0');
        *texts[i] = i + 1 < COUNT_OF(texts) ? cut.head : rest;
        rest = cut.tail;
    }
    struct access_clock clock = {0};
    struct strbuf out = strbuf_over(line_bytes, sizeof line_bytes);
    access_line_add(&out, &record, &clock);
    CHECK(!strbuf_overflowed(&out));
    CHECK(str_find(strbuf_str(&out), '\n') == out.len - 1);
    json_t *line = json_loadb(out.at, out.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    CHECK(line != NULL);
    json_decref(line);
    (void)prometheus_format_for(str_of((const char *)data, size));
    return 0;
}
