/* conf_target.h - one instance of a service as it is written: under `targets`, and in the lists
 * that discovery reads (target_list.h). The grammar is in grammar_target.c. */
#pragma once

#include "config/values.h"

enum conf_target_kind {
    CONF_TARGET_ADDRESS, /* addr is complete */
    CONF_TARGET_NAME,    /* host:port; one instance, whatever address the name has */
    CONF_TARGET_DNS      /* dns://host:port; each address of the name is an instance */
};

struct conf_target {
    struct str text; /* as written, without scheme: the identity of the instance in logs */
    struct source_pos pos;
    uint8_t kind; /* enum conf_target_kind */
    struct addr addr;
    struct str host; /* lower case; also for addresses, with brackets for IPv6 */
    uint16_t port;
    int64_t weight;        /* among the targets of its version; 0 drains */
    int64_t priority;      /* 0 to CONF_PRIORITY_MAX; the lowest goes first */
    struct str zone, name; /* empty: not written */
};

struct conf_targets {
    struct conf_target *at;
    uint32_t count;
};
