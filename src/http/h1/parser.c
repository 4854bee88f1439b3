/* parser.c - see parser.h. One pass: a scan (h1/scan.h) finds where each line's parts end, and what
 * it stopped at is either exactly what the grammar wants there or an error. Pointers are used
 * instead of cutting slices because this is the loop that every request pays for.
 * What an error is depends only on the bytes before it, never on how they were cut into reads. */
#include "http/h1/parser.h"

#include "base/check.h"
#include "http/chars.h"
#include "http/h1/scan.h"

enum {
    VERSION_LINE_BYTES = 10, /* "HTTP/1.1" CR LF */
    CODE_AT = 9,             /* in a status line */
    STATUS_BYTES = 12        /* a status line up to its code */
};

void h1_parser_init(struct h1_parser *parser, enum h1_kind kind, struct head *head,
                    struct arena *arena, const struct h1_limits *limits)
{
    CHECK(limits->head_bytes_max > 0);
    CHECK(head->fields.cap == 0 || head->fields.at != NULL);
    struct fields fields = {.at = head->fields.at, .cap = head->fields.cap};
    *head = (struct head){.fields = fields};
    *parser = (struct h1_parser){.head = head, .arena = arena, .limits = limits};
    parser->kind = (uint8_t)kind;
    parser->scan = scan_best();
}

/* The rest of a request line after the target's space: the version and its line end.
 * RFC 9112 2.3: the name is case-sensitive; anything but 1.0 and 1.1 is another protocol. */
static enum err request_version(struct head *head, const char *at, const char *end)
{
    static const char pattern[VERSION_LINE_BYTES] = "HTTP/d.d\r\n";
    for (size_t i = 0; i < VERSION_LINE_BYTES; i++) {
        if (at + i == end) {
            return ERR_AGAIN;
        }
        if (pattern[i] == 'd' ? !char_is_digit(at[i]) : at[i] != pattern[i]) {
            return i < 8 ? ERR_BAD_REQUEST_LINE : ERR_BAD_LINE_END;
        }
    }
    head->minor = (uint8_t)(at[7] - '0');
    return at[5] == '1' && head->minor <= 1 ? OK : ERR_BAD_VERSION;
}

static inline bool is_version_1_1(const char *at, const char *end)
{
    return end - at >= VERSION_LINE_BYTES && memcmp(at, "HTTP/1.1\r\n", VERSION_LINE_BYTES) == 0;
}

static enum err request_target(struct h1_parser *parser, const char *begin, const char *at,
                               const char *end)
{
    struct head *head = parser->head;
    /* One byte more than the limit is looked at, so that a longer target is told from one that is
     * still arriving. */
    size_t room = (size_t)(end - at), bytes_max = parser->limits->target_bytes_max;
    const char *window_end = room > bytes_max ? at + bytes_max + 1 : end;
    const char *stop = parser->scan->target(begin, at, window_end);
    size_t len = (size_t)(stop - at);
    if (UNLIKELY(len > bytes_max)) {
        return ERR_TARGET_BYTES;
    }
    if (UNLIKELY(stop == end)) {
        return ERR_AGAIN;
    }
    if (UNLIKELY(*stop != ' ')) {
        bool is_line_end = *stop == '\r' || *stop == '\n';
        return is_line_end ? ERR_BAD_REQUEST_LINE : ERR_BAD_TARGET;
    }
    if (UNLIKELY(len == 0)) {
        return ERR_BAD_TARGET;
    }
    head->target = str_of(at, len);
    at = stop + 1;
    head->minor = 1;
    if (UNLIKELY(!is_version_1_1(at, end))) {
        TRY(request_version(head, at, end));
    }
    parser->at = (size_t)(at + VERSION_LINE_BYTES - begin);
    parser->has_start_line = true;
    return OK;
}

static enum err request_method(struct head *head, const char *begin, const char *end)
{
    const char *at = chars_span(begin, end, CHAR_TOKEN);
    if (at == end) {
        return ERR_AGAIN;
    }
    if (*at != ' ' || at == begin) {
        return *at == '\r' || *at == '\n' ? ERR_BAD_REQUEST_LINE : ERR_BAD_METHOD;
    }
    head->method_text = str_of(begin, (size_t)(at - begin));
    head->method = (uint8_t)method_of(head->method_text);
    return OK;
}

static enum err request_line(struct h1_parser *parser, const char *begin, const char *end)
{
    struct head *head = parser->head;
    if (LIKELY(end - begin >= 4 && memcmp(begin, "GET ", 4) == 0)) {
        head->method_text = str_of(begin, 3);
        head->method = METHOD_GET;
    } else {
        TRY(request_method(head, begin, end));
    }
    return request_target(parser, begin, begin + head->method_text.len + 1, end);
}

/* The bytes of a status line up to the reason, one by one: ERR_AGAIN where they end too soon. */
static enum err status_start(const char *begin, const char *end)
{
    static const char pattern[STATUS_BYTES + 1] = "HTTP/1.m sdd";
    for (size_t i = 0; i < STATUS_BYTES; i++) {
        if (begin + i == end) {
            return ERR_AGAIN;
        }
        char c = begin[i], p = pattern[i];
        bool is_good = p == 'm'   ? c == '0' || c == '1'
                       : p == 's' ? c >= '1' && c <= '5'
                       : p == 'd' ? char_is_digit(c)
                                  : c == p;
        if (!is_good) {
            return ERR_ORIGIN_BAD_HEAD;
        }
    }
    return OK;
}

/* The same question for what nearly every origin sends; false: status_start knows more. */
static inline bool is_status_start_1_1(const char *at, const char *end)
{
    return end - at >= STATUS_BYTES && memcmp(at, "HTTP/1.1", 8) == 0 && at[8] == ' ' &&
           at[9] >= '1' && at[9] <= '5' && char_is_digit(at[10]) && char_is_digit(at[11]);
}

/* RFC 9112 4. The space after the status is not missed when no reason follows: many origins leave
 * it out, and nothing can be read in two ways by that. */
static enum err status_line(struct h1_parser *parser, const char *begin, const char *end)
{
    struct head *head = parser->head;
    if (UNLIKELY(!is_status_start_1_1(begin, end))) {
        TRY(status_start(begin, end));
    }
    const char *code = begin + CODE_AT, *at = begin + STATUS_BYTES;
    head->minor = (uint8_t)(begin[7] - '0');
    head->status = (uint16_t)((code[0] - '0') * 100 + (code[1] - '0') * 10 + (code[2] - '0'));
    if (at < end && *at == ' ') {
        const char *reason = at + 1;
        at = chars_span(reason, end, CHAR_TEXT);
        head->reason = str_of(reason, (size_t)(at - reason));
    }
    if (at == end || (*at == '\r' && at + 1 == end)) {
        return ERR_AGAIN;
    }
    if (at[0] != '\r' || at[1] != '\n') {
        return ERR_ORIGIN_BAD_HEAD;
    }
    parser->at = (size_t)(at + 2 - begin);
    parser->has_start_line = true;
    return OK;
}

enum err h1_field_fault(const char *at, struct scan_line line, const char *end)
{
    const char *name_end = line.name_end, *stop = line.end;
    if (name_end == end) {
        return ERR_AGAIN;
    }
    if (name_end == at && (*at == ' ' || *at == '\t')) {
        return ERR_BAD_FIELD; /* RFC 9112 5.2: obs-fold */
    }
    if (*name_end == '\n') {
        return ERR_BAD_LINE_END;
    }
    if (name_end == at || (*name_end != ':' && *name_end != '\r')) {
        return ERR_BAD_FIELD_NAME;
    }
    if (*name_end != ':') {
        return ERR_BAD_FIELD;
    }
    if (stop == end || (*stop == '\r' && stop + 1 == end)) {
        return ERR_AGAIN;
    }
    return *stop == '\r' || *stop == '\n' ? ERR_BAD_LINE_END : ERR_BAD_FIELD;
}

enum err h1_field_room(struct h1_parser *parser)
{
    struct fields *fields = &parser->head->fields;
    bool is_full = fields->count >= parser->limits->field_count_max;
    return is_full ? ERR_FIELD_COUNT : fields_reserve(fields, parser->arena, 1);
}

/* The field lines and the empty line that ends them. */
static enum err field_lines(struct h1_parser *parser, const char *begin, const char *end)
{
    TRY(parser->scan->fields(parser, begin, end));
    const char *at = begin + parser->at;
    if (end - at < 2) {
        return ERR_AGAIN;
    }
    if (at[1] != '\n') {
        return ERR_BAD_LINE_END;
    }
    parser->at += 2;
    return OK;
}

static enum err parse(struct h1_parser *parser, const char *begin, const char *end)
{
    if (!parser->has_start_line) {
        bool is_request = parser->kind == H1_REQUEST;
        TRY(is_request ? request_line(parser, begin, end) : status_line(parser, begin, end));
    }
    return field_lines(parser, begin, end);
}

enum err h1_parse(struct h1_parser *parser, struct str bytes)
{
    CHECK(parser->at <= bytes.len);
    size_t bytes_max = parser->limits->head_bytes_max;
    if (bytes.len == 0) {
        return ERR_AGAIN;
    }
    /* Only as many bytes as a head may have are looked at: then a head over the limit gives the
     * same error whether it came whole or in pieces. */
    bool is_full = bytes.len >= bytes_max;
    enum err e = parse(parser, bytes.at, bytes.at + (is_full ? bytes_max : bytes.len));
    if (e == ERR_AGAIN && is_full) {
        e = ERR_HEAD_BYTES;
    }
    if (LIKELY(e == OK || e == ERR_AGAIN || e == ERR_MEMORY || parser->kind == H1_REQUEST)) {
        return e;
    }
    bool is_limit = e == ERR_HEAD_BYTES || e == ERR_FIELD_COUNT;
    return is_limit ? ERR_ORIGIN_HEAD_BYTES : ERR_ORIGIN_BAD_HEAD;
}
