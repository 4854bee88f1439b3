/* demo_origin.h - the instances behind the example, played by this program: small HTTP/1.1 servers
 * that answer every request with JSON saying who answered and what arrived. One loop serves all of
 * them. They show what an origin receives; they are no model of a good one. */
#pragma once

#include "base/addr.h"

enum { DEMO_INSTANCES_MAX = 64 };

struct demo_instance {
    struct addr addr;
    struct str service, version, name; /* version: empty when the service has none */
    int listen_fd;
};

/* Binds every instance. On an error, the one at *failed could not be bound and none is. Errors as
 * socket_listen. */
MUST_USE enum err demo_origin_bind(struct demo_instance *instances, uint32_t count,
                                   uint32_t *failed);
/* Closes what is bound. */
void demo_origin_close(struct demo_instance *instances, uint32_t count);
/* Serves until the process is ended. Returns only when it cannot: ERR_SYSTEM, ERR_MEMORY. */
MUST_USE enum err demo_origin_serve(struct demo_instance *instances, uint32_t count);
