/* log.h - the process log: one line a message on standard error, never blocking for long.
 * For what happens to the process; what happens to exchanges goes to the access log (observe/). */
#pragma once

#include "base/platform.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Messages below `level` are dropped. Default LOG_INFO. Set once at start. */
void log_set_level(enum log_level level);
/* Writes "2026-01-02T03:04:05.678Z level area: message" with one write(2). `area` is a room's
 * name. Controls in the message are replaced, and at most 1 KiB of it is kept. Thread-safe. */
void log_line(enum log_level level, const char *area, const char *format, ...) PRINTF_LIKE(3, 4);
