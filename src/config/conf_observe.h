/* conf_observe.h - what a file says of what is written down: the access log, and the listener for
 * metrics. A part of struct config. */
#pragma once

#include "base/addr.h"

enum conf_log_to { CONF_LOG_STDOUT, CONF_LOG_STDERR, CONF_LOG_FILE, CONF_LOG_OFF };

struct conf_access_log {
    uint8_t format;  /* 0: json */
    uint8_t to;      /* enum conf_log_to */
    struct str path; /* with CONF_LOG_FILE */
};

struct conf_observe {
    struct conf_access_log access_log;
    struct {
        struct addr addr; /* port 0: no metrics listener */
    } metrics;
};
