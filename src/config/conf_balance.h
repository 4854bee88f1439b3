/* conf_balance.h - what the file says of how an instance is picked. Read in table_balance.c; what
 * the methods do is in upstream/balance/. */
#pragma once

#include "base/str.h"

/* In the order of conf_balance_names. */
enum conf_balance_method {
    CONF_BALANCE_P2C_EWMA,
    CONF_BALANCE_ROUND_ROBIN,
    CONF_BALANCE_LEAST_REQUEST,
    CONF_BALANCE_RANDOM_TWO,
    CONF_BALANCE_LEAST_TIME,
    CONF_BALANCE_FIRST,
    CONF_BALANCE_IP_HASH,
    CONF_BALANCE_RING,
    CONF_BALANCE_MAGLEV
};

/* "p2c_ewma", ..., ends with NULL. */
extern const char *const conf_balance_names[];

enum conf_key_by {
    CONF_KEY_HEADER,
    CONF_KEY_COOKIE,
    CONF_KEY_QUERY,
    CONF_KEY_PATH,
    CONF_KEY_ADDRESS
};

/* A part of what is hashed. */
struct conf_key {
    uint8_t by;      /* enum conf_key_by */
    struct str name; /* of the header, cookie or parameter */
};

enum { CONF_BOUND_OFF = -1, CONF_KEYS_MAX = 8 };

struct conf_balance {
    uint8_t method; /* enum conf_balance_method */
    bool is_set;    /* written, or a preset; false: nothing is said here */
    struct {
        struct conf_key *at;
        uint32_t count; /* 0: the address of the client */
    } on;
    int64_t bound_percent; /* 0: the default of the method; CONF_BOUND_OFF */
    int64_t table_entries; /* 0: the default */
};

/* Whether both say the same. */
bool conf_balance_is_same(const struct conf_balance *left, const struct conf_balance *right);
