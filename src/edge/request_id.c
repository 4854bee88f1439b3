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

typedef unsigned char bytes16 __attribute__((vector_size(16)));

/* The 16 digits of a number, the highest first, all at once: each nibble goes into a byte of its
 * own, and the bytes become digits together. */
static void put_hex(char at[HALF_BYTES], uint64_t value)
{
    bytes16 bytes = {0};
    value = __builtin_bswap64(value);
    memcpy(&bytes, &value, sizeof value);
    bytes16 high = bytes >> 4, low = bytes & 15;
    bytes16 digits = __builtin_shufflevector(high, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21,
                                             6, 22, 7, 23);
    digits += '0' + ((bytes16)(digits > 9) & ('a' - '0' - 10));
    memcpy(at, &digits, sizeof digits);
}
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the highest byte was moved to the front");

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
