/* prometheus.h - metrics as text: Prometheus 0.0.4, and OpenMetrics 1.0 for who asks for it.
 * The page is written piece by piece into whatever room the caller has, so a scrape holds a fixed
 * buffer however many series there are. A labelled series that never counted anything is left out
 * when it would be many lines (histograms, axes): 10,000 routes are few lines until they are used.
 * Histograms show one bucket for each power of two from 128 us to 67 s. */
#pragma once

#include "base/strbuf.h"
#include "stats/registry.h"

enum prometheus_format { PROMETHEUS_TEXT, PROMETHEUS_OPENMETRICS };

/* No series is longer than this, histograms included. */
enum { PROMETHEUS_ROOM_BYTES_MIN = 65536 };

/* A place in the page. */
struct prometheus_cursor {
    const struct registry *registry;
    const struct list *node; /* the next series of `metric` */
    uint64_t epoch;          /* of the registry when the page was begun */
    uint32_t metric;         /* METRIC_COUNT: only the end is left */
    uint8_t format;          /* enum prometheus_format */
    bool is_inside;          /* the head of `metric` is written */
    bool is_done;
};

/* The format for an Accept field value (RFC 9110 12.5.1); empty: plain text. */
enum prometheus_format prometheus_format_for(struct str accept);
/* The value for Content-Type. */
struct str prometheus_content_type(enum prometheus_format format);
/* Starts a page. */
void prometheus_begin(struct prometheus_cursor *cursor, const struct registry *registry,
                      enum prometheus_format format);
/* Appends as many whole series as fit into `out`, which has room for at least
 * PROMETHEUS_ROOM_BYTES_MIN; sets is_done at the end. ERR_AGAIN: a series was renamed since the
 * page was begun, so the rest could contradict it; break the page off. Control thread only. */
MUST_USE enum err prometheus_write(struct prometheus_cursor *cursor, struct strbuf *out);
