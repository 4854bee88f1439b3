/* grpc_reply.h - the messages of grpc.health.v1.Health/Check: one length-prefixed request with the
 * name of a service, one reply with a number. Protocol Buffers, as far as these two go. */
#pragma once

#include "base/err.h"
#include "base/strbuf.h"

enum grpc_serving { GRPC_UNKNOWN, GRPC_SERVING, GRPC_NOT_SERVING, GRPC_SERVICE_UNKNOWN };

/* HealthCheckRequest with the prefix that gRPC puts before each message. */
void grpc_request_add(struct strbuf *out, struct str service);
/* HealthCheckResponse with its prefix; fields that are unknown are skipped, the last status holds.
 * ERR_AGAIN: it is not all there. ERR_SYNTAX: it is none, is compressed, or more follows. */
MUST_USE enum err grpc_reply_read(struct str in, uint64_t *serving);
