/* parser.h - bytes become a head (RFC 9112 2 to 5). No input or output, no clock, no allocation but
 * the field array from the arena given. Strict: what RFC 9112 lets a recipient tolerate (bare LF,
 * obs-fold, white space before the colon, leading empty lines) is refused here.
 * The parser resumes at the last whole line, so a head that arrives byte by byte costs no more
 * than the length of its longest line for each byte. */
#pragma once

#include "http/message.h"

struct scan;

enum h1_kind { H1_REQUEST, H1_RESPONSE };

struct h1_limits {
    uint32_t head_bytes_max, field_count_max, target_bytes_max;
};

struct h1_parser {
    struct head *head;
    struct arena *arena; /* for growing head->fields */
    const struct h1_limits *limits;
    const struct scan *scan; /* set by h1_parser_init: the fastest of h1/scan.h */
    size_t at;               /* bytes taken: when parsing is complete, the length of the head */
    uint8_t kind;            /* enum h1_kind */
    bool has_start_line;
};

/* Starts a head. head->fields.at/cap may hold an array to be filled; all else in it is cleared. */
void h1_parser_init(struct h1_parser *parser, enum h1_kind kind, struct head *head,
                    struct arena *arena, const struct h1_limits *limits);
/* Parses from bytes.at, which must be the same memory, with at least as many bytes, at every call
 * for one head (after moving the bytes, call h1_parser_init again).
 * OK: complete, parser->at bytes belong to the head, slices of the head point into `bytes`.
 * ERR_AGAIN: more bytes are needed. Else what is wrong: ERR_BAD_REQUEST_LINE, ERR_BAD_METHOD,
 * ERR_BAD_TARGET, ERR_BAD_VERSION, ERR_BAD_FIELD, ERR_BAD_FIELD_NAME, ERR_BAD_LINE_END,
 * ERR_HEAD_BYTES, ERR_FIELD_COUNT, ERR_TARGET_BYTES, ERR_MEMORY; for responses every malformed
 * head is ERR_ORIGIN_BAD_HEAD or ERR_ORIGIN_HEAD_BYTES. Sets method, method_text, target, minor,
 * status, reason and fields; judge.h decides the rest. */
MUST_USE enum err h1_parse(struct h1_parser *parser, struct str bytes);
