/* request_id.c - see request_id.h. */
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

static void write_uuid(struct exchange *ex)
{
    static const char hex[] = "0123456789abcdef";
    uint64_t ms = (uint64_t)ex->core->loop.wall_us / 1000;
    uint64_t random_high = rng_next(&ex->core->rng), random_low = rng_next(&ex->core->rng);
    uint64_t high = ms << 16 | UINT64_C(0x7000) | (random_high & 0xfff);
    uint64_t low = (random_low & (UINT64_MAX >> 2)) | UINT64_C(1) << 63;
    char *at = ex->request_id;
    for (int i = 0; i < 16; i++) {
        uint64_t half = i < 8 ? high : low;
        uint64_t byte = half >> (56 - 8 * (i & 7)) & 0xff;
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            *at++ = '-';
        }
        *at++ = hex[byte >> 4];
        *at++ = hex[byte & 15];
    }
    ex->request_id_text = str_of(ex->request_id, sizeof ex->request_id);
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
    return fields_add(fields, &ex->arena, STR("X-Request-Id"), ex->request_id_text);
}
