/* prometheus.h - metrics as text: Prometheus 0.0.4, and OpenMetrics 1.0 for who asks for it.
 * The page is written piece by piece into whatever room the caller has, so a scrape holds a fixed
 * buffer however many series there are. */
#pragma once

#include "base/strbuf.h"
#include "stats/registry.h"

enum prometheus_format { PROMETHEUS_TEXT, PROMETHEUS_OPENMETRICS };

/* No series is longer than this, histograms included. */
enum { PROMETHEUS_ROOM_BYTES_MIN = 32768 };

/* A place in the page. */
struct prometheus_cursor {
    const struct registry *registry;
    const struct series *series; /* the next of `metric`; NULL: its head is still to come */
    uint64_t epoch;
    uint32_t metric; /* METRIC_COUNT: only the end is left */
    uint8_t format;  /* enum prometheus_format */
    bool is_done;
};

/* The format for an Accept field value (RFC 9110 12.5.1); empty: plain text. */
enum prometheus_format prometheus_format_for(struct str accept);
struct str prometheus_content_type(enum prometheus_format format);
void prometheus_begin(struct prometheus_cursor *cursor, const struct registry *registry,
                      enum prometheus_format format);
/* Appends as many whole series as fit into `out`, which has room for at least
 * PROMETHEUS_ROOM_BYTES_MIN; sets is_done at the end. ERR_AGAIN: a series was renamed since the page
 * was begun, so the rest could contradict it; the page must be broken off. Control thread only. */
MUST_USE enum err prometheus_write(struct prometheus_cursor *cursor, struct strbuf *out);
