/* conf_l4.h - what a file says of connections that are not HTTP: listeners of TCP services.
 * Read by table_l4.c; a part of struct conf_listener. */
#pragma once

#include "config/values.h"

/* `tcp`: connections go to a service as they are. */
struct conf_tcp {
    struct source_pos pos;    /* not set: the listener is none of this kind */
    struct conf_text service; /* one of config->services once it is resolved */
    int64_t idle_ms, life_ms; /* 0: no limit */
};
