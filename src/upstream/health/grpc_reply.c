/* grpc_reply.c - two messages of Protocol Buffers, written and read by hand; see grpc_reply.h. */
#include "upstream/health/grpc_reply.h"

#include "upstream/health/wire.h"

enum { SERVICE_TAG = 1 << 3 | 2, STATUS_TAG = 1 << 3, VARINT_BYTES_MAX = 10, PREFIX_BYTES = 5 };

static void add_varint(struct strbuf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7) {
        strbuf_add_char(out, (char)(value | 0x80));
    }
    strbuf_add_char(out, (char)value);
}

void grpc_request_add(struct strbuf *out, struct str service)
{
    char text[512];
    struct strbuf body = strbuf_over(text, sizeof text);
    if (service.len > 0) {
        strbuf_add_char(&body, SERVICE_TAG);
        add_varint(&body, service.len);
        strbuf_add(&body, service);
    }
    strbuf_add_char(out, '\0'); /* not compressed */
    wire_add_big(out, body.len, 4);
    strbuf_add(out, strbuf_str(&body));
    out->has_overflowed |= strbuf_overflowed(&body);
}

static uint64_t take_varint(struct wire *wire)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        uint64_t byte = wire_big(wire, 1);
        value |= (byte & 0x7f) << (7 * i < 64 ? 7 * i : 63);
        if (byte < 0x80) {
            return value;
        }
    }
    wire->is_short = true;
    return 0;
}

/* One field; the status is kept. False: no field. */
static bool take_field(struct wire *wire, uint64_t *serving)
{
    enum { VARINT, FIXED_64, BYTES, FIXED_32 = 5 };
    uint64_t tag = take_varint(wire), value;
    switch (tag & 7) {
    case VARINT:
        value = take_varint(wire);
        *serving = tag == STATUS_TAG ? value : *serving;
        break;
    case FIXED_64: (void)wire_bytes(wire, 8); break;
    case BYTES: (void)wire_bytes(wire, (size_t)take_varint(wire)); break;
    case FIXED_32: (void)wire_bytes(wire, 4); break;
    default: return false;
    }
    return !wire->is_short && tag >= 8;
}

enum err grpc_reply_read(struct str in, uint64_t *serving)
{
    struct wire prefix = {.rest = in};
    uint64_t compressed = wire_big(&prefix, 1), bytes = wire_big(&prefix, 4);
    *serving = GRPC_UNKNOWN; /* left out on the wire, as every field of value 0 */
    if (in.len > 0 && compressed != 0) {
        return ERR_SYNTAX;
    }
    if (prefix.is_short || prefix.rest.len < bytes) {
        return ERR_AGAIN;
    }
    if (prefix.rest.len > bytes) {
        return ERR_SYNTAX;
    }
    struct wire wire = {.rest = prefix.rest};
    while (wire.rest.len > 0) {
        if (!take_field(&wire, serving)) {
            return ERR_SYNTAX;
        }
    }
    return OK;
}
