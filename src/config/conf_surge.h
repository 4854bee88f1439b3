/* conf_surge.h - what protects a service and its instances from more than they can do: the line of
 * those who wait. As it is read by the table of a service. */
#pragma once

#include "base/platform.h"

struct conf_queue { /* of the service, over all cores */
    int64_t size, wait_ms;
    int64_t target_ms, interval_ms; /* target 0: a line may stand */
};

enum conf_urgency { CONF_URGENCY_HIGH, CONF_URGENCY_NORMAL, CONF_URGENCY_LOW };
