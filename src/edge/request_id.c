/* request_id.c - the name of an exchange in logs on both sides; see request_id.h.
 * Ours is a UUID of version 7 (RFC 9562 5.7): sorted by time, and with enough random bits that no
 * two gateways have to agree. A client's is believed only where the listener says so. */
#include "edge/request_id.h"

#include "edge/listener.h"

enum { REQUEST_ID_BYTES_MAX = 128 };

/* Letters, digits and "-_.:+/=": nothing that could break a log, a header or a shell. */
static bool is_sane(struct str id)
{
    if (id.len == 0 || id.len > REQUEST_ID_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < id.len; i++) {
        char c = char_lower(id.at[i]);
        bool is_allowed = (c >= 'a' && c <= 'z') || char_is_digit(c) ||
                          str_find(STR("-_.:+/="), c) < sizeof "-_.:+/=" - 1;
        if (!is_allowed) {
            return false;
        }
    }
    return true;
}

enum { NAME_BYTES = 12, UUID_AT = NAME_BYTES + 2, UUID_BYTES = 36, HALF_BYTES = 16 };
static_assert(UUID_AT + UUID_BYTES + 2 == sizeof((struct exchange *)0)->request_id_line,
              "the line holds name, colon, space, UUID and line end");

/* The 16 digits of a number, the highest first, eight at a time: each nibble goes into a byte of
 * its own, and the bytes become digits together. */
static void put_hex(char at[HALF_BYTES], uint64_t value)
{
    for (int half = 0; half < 2; half++) {
        uint64_t x = half == 0 ? value >> 32 : value & UINT32_MAX;
        x = ((x & UINT64_C(0xffff0000)) << 16) | (x & UINT64_C(0xffff));
        x = ((x << 8) | x) & UINT64_C(0x00ff00ff00ff00ff);
        x = ((x << 4) | x) & UINT64_C(0x0f0f0f0f0f0f0f0f);
        uint64_t is_letter =
            ((x + UINT64_C(0x0606060606060606)) >> 4) & UINT64_C(0x0101010101010101);
        x += UINT64_C(0x3030303030303030) + is_letter * ('a' - '0' - 10);
        x = __builtin_bswap64(x);
        memcpy(at + (size_t)half * 8, &x, sizeof x);
    }
}

static void write_uuid(struct exchange *ex)
{
    char high_text[HALF_BYTES], low_text[HALF_BYTES], *at = ex->request_id_line;
    uint64_t ms = (uint64_t)ex->core->loop.wall_us / 1000;
    uint64_t random_high = rng_next(&ex->core->rng), random_low = rng_next(&ex->core->rng);
    put_hex(high_text, ms << 16 | UINT64_C(0x7000) | (random_high & 0xfff));
    put_hex(low_text, (random_low & (UINT64_MAX >> 2)) | UINT64_C(1) << 63);
    memcpy(at, "X-Request-Id: xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx\r\n",
           sizeof ex->request_id_line);
    at += UUID_AT;
    memcpy(at, high_text, 8);
    memcpy(at + 9, high_text + 8, 4);
    memcpy(at + 14, high_text + 12, 4);
    memcpy(at + 19, low_text, 4);
    memcpy(at + 24, low_text + 4, 12);
    ex->request_id_text = str_of(at, UUID_BYTES);
}

enum err request_id_take(struct exchange *ex, uint8_t mode)
{
    struct fields *fields = &ex->request.fields;
    const struct field *sent = fields_find(fields, FIELD_X_REQUEST_ID);
    if (mode == REQUEST_ID_KEEP && sent != NULL && is_sane(sent->value) &&
        fields_find_again(fields, sent) == NULL) {
        ex->request_id_text = sent->value;
        return OK;
    }
    write_uuid(ex);
    if (mode == REQUEST_ID_OFF) {
        return OK;
    }
    if (sent != NULL) {
        (void)fields_remove_id(fields, FIELD_X_REQUEST_ID);
    }
    TRY(fields_reserve(fields, &ex->arena, 1));
    fields_put_line(fields, FIELD_X_REQUEST_ID,
                    str_of(ex->request_id_line, sizeof ex->request_id_line), NAME_BYTES);
    return OK;
}
