/* request_id.h - the name of one request in every log: the client's own where that is allowed, or a
 * fresh UUID of version 7 (RFC 9562 5.7), sent on as X-Request-Id. */
#pragma once

#include "exchange/exchange.h"

/* Sets ex->request_id_text and the field, as `mode` (enum request_id_mode) says. ERR_MEMORY. */
MUST_USE enum err request_id_take(struct exchange *ex, uint8_t mode);
