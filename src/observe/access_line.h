/* access_line.h - what is said about one exchange, as one line of JSON (RFC 8259).
 * Peers' bytes are escaped and cut (LIMIT log_field_bytes): no value can end a string or a line,
 * reach a terminal, or make the line invalid. The keys stand in access_log.def. */
#pragma once

#include "base/addr.h"
#include "base/limits.h"
#include "base/strbuf.h"
#include "exchange/flight.h"
#include "exchange/tries.h"

/* Slices are borrowed for the call; all-zero is a valid record. */
struct access_record {
    int64_t wall_us; /* of the end, since 1970 */
    const struct flight *flight;
    struct str request_id, trace_id, protocol;
    struct str listener, route, service, version, instance, fallback;
    struct str method, host, path, user_agent;
    struct str query;          /* empty unless the operator asked for it: queries carry secrets */
    const struct addr *client; /* whom the request is for, behind trusted proxies */
    const struct addr *peer;   /* who is at the other end of the connection */
    uint64_t client_received_bytes, client_sent_bytes, origin_received_bytes, origin_sent_bytes;
    uint64_t generation;
    enum err reason; /* OK: none */
    uint16_t status;
    uint8_t attempts;
    const struct tries *tries; /* NULL: none */
    struct str retry_refused;  /* why there was no other attempt */
    bool is_reused, is_replayed, is_in_panic;
};

/* The latest second as text, so that a line formats only its microseconds. All-zero is valid. */
struct access_clock {
    int64_t second;
    char text[20]; /* "2026-01-02T03:04:05" */
};

enum {
    ACCESS_TEXTS_MAX = 16, /* texts in a record */
    /* A byte becomes at most six ("\u001b"); keys, numbers and the end have the rest. */
    ACCESS_LINE_BYTES_MAX =
        (ACCESS_TEXTS_MAX * LIMIT_VALUE(log_field_bytes) +
         LIMIT_VALUE(tries_recorded) * (LIMIT_VALUE(tries_name_bytes) + 32)) * 6 + 4096
};

/* Appends the line with its line feed. There is room for ACCESS_LINE_BYTES_MAX. */
void access_line_add(struct strbuf *out, const struct access_record *record,
                     struct access_clock *clock);
/* Appends {"time":"...","dropped":N} as a line: so many lines are missing before the next. The same
 * room. */
void access_line_add_dropped(struct strbuf *out, int64_t wall_us, uint64_t dropped,
                             struct access_clock *clock);
