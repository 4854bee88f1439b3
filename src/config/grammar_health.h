/* grammar_health.h - the grammars of health checks that more than one table uses; see
 * grammar_health.c. */
#pragma once

#include "config/conf_health.h"

struct conf_grammar;

enum { CONF_HEALTH_INTERVAL_MS_MIN = 10, CONF_HEALTH_INTERVAL_MS_MAX = 24 * 3600 * 1000 };

extern const struct conf_grammar conf_health_grammar, conf_health_http_grammar,
    conf_health_path_grammar, conf_statuses_grammar, conf_hex_grammar;

/* Whether one of the ranges has the status. */
bool conf_statuses_have(const struct conf_statuses *statuses, uint16_t status);
