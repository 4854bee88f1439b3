/* writer.c - see writer.h. Most fields of a forwarded head stand untouched and next to each other
 * in the buffer they were read into: such a run is one copy. A field counts as untouched only
 * while its value still stands right behind its name and ends in CR LF, so a policy that points a
 * value elsewhere cannot make the writer copy what it no longer says. */
#include "http/h1/writer.h"

#include "base/check.h"
#include "http/field_rules.h"
#include "http/h1/scan.h"

/* Stated by the writer itself, or of this connection only. */
static const uint64_t own_fields = UINT64_C(1) << FIELD_HOST | UINT64_C(1) << FIELD_CONTENT_LENGTH |
                                   UINT64_C(1) << FIELD_TRANSFER_ENCODING |
                                   UINT64_C(1) << FIELD_CONNECTION | UINT64_C(1) << FIELD_UPGRADE;

static inline bool is_verbatim(const struct field *field)
{
    static const char line_end[2] = {'\r', '\n'};
    return (field->flags & FIELD_IS_VERBATIM) != 0 &&
           field->value.at == field->name.at + field->name.len + 2 &&
           memcmp(field->value.at + field->value.len, line_end, sizeof line_end) == 0;
}

static void write_field(struct strbuf *out, struct str name, struct str value)
{
    strbuf_add(out, name);
    strbuf_add(out, STR(": "));
    strbuf_add(out, value);
    strbuf_add(out, STR("\r\n"));
}

static inline bool is_written(const struct field *field)
{
    return (field->flags & FIELD_IS_DROPPED) == 0 && (own_fields >> field->id & 1) == 0;
}

static inline const char *line_end(const struct field *field)
{
    return field->value.at + field->value.len + 2;
}

static void write_fields(struct strbuf *out, const struct fields *fields)
{
    if (fields->count == 0) {
        return;
    }
    const struct field *field = fields->at, *end = field + fields->count;
    while (field < end) {
        if (!is_written(field)) {
            field++;
            continue;
        }
        if (!is_verbatim(field)) {
            write_field(out, field->name, field->value);
            field++;
            continue;
        }
        const char *run = field->name.at, *run_end = line_end(field);
        for (field++; field < end && field->name.at == run_end; field++) {
            if (!is_written(field) || !is_verbatim(field)) {
                break;
            }
            run_end = line_end(field);
        }
        strbuf_add(out, str_of(run, (size_t)(run_end - run)));
    }
}

static void write_content_length(struct strbuf *out, uint64_t content_length)
{
    strbuf_add(out, STR("Content-Length: "));
    strbuf_add_u64(out, content_length);
    strbuf_add(out, STR("\r\n"));
}

static void write_framing(struct strbuf *out, const struct h1_wire *wire)
{
    switch ((enum body_kind)wire->body) {
    case BODY_LENGTH: write_content_length(out, wire->content_length); break;
    case BODY_CHUNKED: strbuf_add(out, STR("Transfer-Encoding: chunked\r\n")); break;
    case BODY_NONE:
        if (wire->has_content_length) {
            write_content_length(out, wire->content_length);
        }
        break;
    case BODY_UNTIL_CLOSE: break;
    }
}

/* Connection and Upgrade, and the empty line. */
static void write_end(struct strbuf *out, const struct h1_wire *wire)
{
    if (wire->upgrade.len > 0) {
        write_field(out, STR("Connection"), STR("upgrade"));
        write_field(out, STR("Upgrade"), wire->upgrade);
    } else if (wire->is_closing) {
        strbuf_add(out, STR("Connection: close\r\n"));
    } else if (wire->says_keep_alive) {
        strbuf_add(out, STR("Connection: keep-alive\r\n"));
    }
    strbuf_add(out, STR("\r\n"));
}

/* Whether what was written from `from` on is one piece of `len` bytes that may stand in a target
 * and then the byte that ends it: nothing in it can end the line or stand for two parts of it. */
static bool is_whole_part(const struct strbuf *out, size_t from, size_t len)
{
    const char *part = out->at + from, *end = out->at + out->len;
    return scan_best()->target(out->at, part, end) == part + len;
}

void h1_write_request(struct strbuf *out, const struct head *head, struct str method,
                      struct str path, struct str query, bool has_query, struct str authority,
                      const struct h1_wire *wire)
{
    /* RFC 9112 6.3: a request body that ends with the connection looks like a broken one. */
    CHECK(wire->body != BODY_UNTIL_CLOSE);
    CHECK(method.len > 0);
    CHECK(path.len > 0);
    size_t start = out->len, target_len = path.len + (has_query ? query.len + 1 : 0);
    strbuf_add(out, method);
    strbuf_add(out, STR(" "));
    strbuf_add(out, path);
    if (has_query) {
        strbuf_add(out, STR("?"));
        strbuf_add(out, query);
    }
    strbuf_add(out, STR(" HTTP/1.1\r\nHost: "));
    size_t authority_at = out->len;
    strbuf_add(out, authority);
    strbuf_add(out, STR("\r\n"));
    if (strbuf_overflowed(out) || !str_is_token(method) ||
        !is_whole_part(out, start + method.len + 1, target_len) ||
        !is_whole_part(out, authority_at, authority.len)) {
        out->len = start;
        out->has_overflowed = true;
        return;
    }
    write_fields(out, &head->fields);
    write_framing(out, wire);
    write_end(out, wire);
}

void h1_write_response(struct strbuf *out, const struct head *head, const struct h1_wire *wire)
{
    uint16_t status = head->status;
    CHECK(status >= 100);
    CHECK(status <= 599);
    char line[] = "HTTP/1.1 ddd ";
    line[9] = (char)('0' + status / 100);
    line[10] = (char)('0' + status / 10 % 10);
    line[11] = (char)('0' + status % 10);
    strbuf_add(out, str_of(line, sizeof line - 1));
    strbuf_add(out, head->reason.len > 0 ? head->reason : status_reason(status));
    strbuf_add(out, STR("\r\n"));
    write_fields(out, &head->fields);
    /* RFC 9110 8.6, RFC 9112 6.1: no lengths in 1xx and 204. */
    if (status >= 200 && status != 204) {
        write_framing(out, wire);
    }
    write_end(out, wire);
}

void h1_write_chunk_head(struct strbuf *out, uint64_t bytes)
{
    CHECK(bytes > 0);
    strbuf_add_hex(out, bytes);
    strbuf_add(out, STR("\r\n"));
}

void h1_write_chunk_end(struct strbuf *out, const struct fields *trailers)
{
    strbuf_add(out, STR("0\r\n"));
    if (trailers != NULL) {
        write_fields(out, trailers);
    }
    strbuf_add(out, STR("\r\n"));
}
