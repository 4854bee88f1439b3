/* judge.h - the one place where ambiguity is refused: what a parsed head means, how long its body
 * is, whom it addresses, and whether any of that could be understood in two ways (RFC 9110 7,
 * RFC 9112 3.2, 6 and 11). After OK every later room may trust the head. */
#pragma once

#include "http/message.h"
#include "http/uri.h"

struct judge_rules {
    struct uri_rules uri;
    bool keeps_underscores;   /* accept names with '_' (default: such fields are dropped) */
    bool refuses_underscores; /* answer such names with ERR_BAD_FIELD_NAME instead */
    bool allows_upgrade; /* keep wants_upgrade for protocol "websocket"; else Upgrade is ignored */
    /* 80 or 443: left out of `authority`; an absolute target must have its scheme. */
    uint16_t default_port;
};

/* Sets path, query, host, authority, body, content_length, is_persistent and the expects, wants and
 * has flags; drops hop-by-hop fields and those that Connection names (never framing, identity or
 * Authorization ones: such a nomination is ignored), Proxy and Proxy-*, HTTP2-Settings, names with
 * underscore (kept by rule, but never one that imitates a framing, identity or hop-by-hop field).
 * Host, Content-Length, Transfer-Encoding and Expect are read here; the first two stay for policies
 * to see (the writer skips them), an Expect stays only with expects_continue. Content-Length: 0 is
 * BODY_NONE with has_content_length. `host` and `authority` are empty only for HTTP/1.0 without
 * Host. ERR_BAD_HOST, ERR_BAD_TARGET, ERR_BAD_PATH, ERR_FRAMING, ERR_TRANSFER_CODING,
 * ERR_EXPECTATION, ERR_CONNECT_REFUSED, ERR_UPGRADE_REFUSED (websocket with a body or not by GET),
 * ERR_BAD_FIELD, ERR_MEMORY. */
MUST_USE enum err judge_request(struct head *head, struct arena *arena,
                                const struct judge_rules *rules);
/* Sets body, content_length, is_persistent for a response to `request_method` and drops hop-by-hop
 * fields. 1xx, 204, 304 and answers to HEAD have BODY_NONE; a length of 0 in 1xx and 204 is
 * forgotten, any other there is refused. ERR_ORIGIN_FRAMING, ERR_ORIGIN_BAD_HEAD,
 * ERR_ORIGIN_UPGRADE (101 without `asked_upgrade`, or one that does not switch to websocket). */
MUST_USE enum err judge_response(struct head *head, enum method request_method, bool asked_upgrade);
