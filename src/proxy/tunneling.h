/* tunneling.h - listeners whose connections are not HTTP: their settings compiled, and what their
 * listener does with a connection. */
#pragma once

#include "proxy/world.h"

/* Makes `to` a listener of tunnels if `from` asks for that. The services of the snapshot are
 * compiled. ERR_MEMORY. */
MUST_USE enum err tunneling_compile(const struct world_conf *conf, struct snapshot *snapshot,
                                    const struct conf_listener *from, struct listener_conf *to);
