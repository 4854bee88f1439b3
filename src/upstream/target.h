/* target.h - what is said of an instance before it has an address: by the file, or by one of the
 * sources of discovery. The roster makes instances of targets; one that is a name may stand for
 * many. */
#pragma once

#include "base/addr.h"
#include "config/config.h"

struct roster_target {
    struct str text;  /* as written: identity in logs */
    struct addr addr; /* family ADDR_NONE: `host` has to be resolved */
    struct str host;
    uint16_t port;
    bool is_every_address; /* each address of the name is an instance */
    uint32_t weight, priority;
    struct str zone, name; /* may be empty; name: identity for operators, else the address */
};

/* The same as configured; its texts are borrowed. */
struct roster_target roster_target_from(const struct conf_target *target);
/* A copy whose texts are in the arena. ERR_MEMORY. */
MUST_USE enum err roster_target_keep(struct arena *arena, const struct roster_target *from,
                                     struct roster_target *to);
bool roster_target_is_same(const struct roster_target *left, const struct roster_target *right);
