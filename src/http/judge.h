/* judge.h - the one place where ambiguity is refused: what a parsed head means, how long its body
 * is, whom it addresses, and whether any of that could be understood in two ways (RFC 9110 7,
 * RFC 9112 3.2, 6 and 11). After OK every later room may trust the head. */
#pragma once

#include "http/message.h"
#include "http/uri.h"

struct judge_rules {
    struct uri_rules uri;
    bool keeps_underscores; /* accept names with '_' (default: such fields are dropped) */
    bool allows_upgrade;    /* keep wants_upgrade for protocol "websocket"; else Upgrade is ignored */
    uint16_t default_port;  /* 80 or 443: a port equal to it is left out of `authority` */
};

/* Sets path, query, host, authority, body, content_length, is_persistent and the expects, wants and
 * has flags; drops hop-by-hop fields and those that Connection names (never framing, identity or
 * Authorization ones: such a nomination is ignored), Proxy-*, HTTP2-Settings, names with underscore.
 * ERR_BAD_HOST, ERR_BAD_TARGET, ERR_BAD_PATH, ERR_FRAMING, ERR_TRANSFER_CODING, ERR_EXPECTATION,
 * ERR_CONNECT_REFUSED, ERR_UPGRADE_REFUSED, ERR_BAD_FIELD, ERR_MEMORY. */
MUST_USE enum err judge_request(struct head *head, struct arena *arena,
                                const struct judge_rules *rules);
/* Sets body, content_length, is_persistent for a response to `request_method` and drops hop-by-hop
 * fields. ERR_ORIGIN_FRAMING, ERR_ORIGIN_BAD_HEAD, ERR_ORIGIN_UPGRADE (101 without `asked_upgrade`). */
MUST_USE enum err judge_response(struct head *head, enum method request_method, bool asked_upgrade);
