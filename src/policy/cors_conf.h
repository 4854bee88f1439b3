/* cors_conf.h - what a file says of the policy cors. Read and checked here, so that all that cors.c
 * meets is right; every key is explained by its row in cors_conf.c. */
#pragma once

#include "config/table.h"

enum cors_preflight { CORS_ANSWER, CORS_STRICT, CORS_FORWARD };

/* One of the two is not empty. */
struct cors_origin_conf {
    struct str origin, pattern;
};

struct cors_conf {
    struct {
        struct cors_origin_conf *at;
        uint32_t count;
    } origins;
    struct conf_strs methods; /* never empty */
    struct conf_strs request_headers, expose;
    int64_t max_age_ms; /* whole seconds */
    uint8_t preflight;  /* enum cors_preflight */
    bool credentials, private_network;
};

/* Whether "*" is in the list. */
bool cors_has_star(const struct conf_strs *list);
