/* log.c - the process log; see log.h. */
#define _GNU_SOURCE
#include "base/log.h"

#include "base/strbuf.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { LOG_MESSAGE_BYTES_MAX = 1024 };

static _Atomic int level_min = LOG_INFO;
static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&level_min, (int)level, memory_order_relaxed);
}

static void add_time(struct strbuf *out)
{
    struct timespec now;
    struct tm parts;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &parts);
    strbuf_add_fmt(out, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", parts.tm_year + 1900,
                   parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                   now.tv_nsec / 1000000);
}

void log_line(enum log_level level, const char *area, const char *format, ...)
{
    if ((int)level < atomic_load_explicit(&level_min, memory_order_relaxed)) {
        return;
    }
    char message[LOG_MESSAGE_BYTES_MAX];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    if (wanted < 0) {
        return;
    }
    size_t len = (size_t)wanted < sizeof message ? (size_t)wanted : sizeof message - 1;
    for (size_t i = 0; i < len; i++) {
        /* A peer's bytes may be in here: nothing may start a new line or reach a terminal. */
        if ((unsigned char)message[i] < 0x20 || message[i] == 0x7f) {
            message[i] = ' ';
        }
    }
    char line[LOG_MESSAGE_BYTES_MAX + 128];
    struct strbuf out = strbuf_over(line, sizeof line);
    add_time(&out);
    strbuf_add_fmt(&out, " %s %s: ", level_names[level], area);
    strbuf_add(&out, str_of(message, len));
    strbuf_add_char(&out, '\n');
    ssize_t written = write(STDERR_FILENO, out.at, out.len);
    (void)written; /* nowhere is left to say that the log could not be written */
}
