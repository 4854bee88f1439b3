/* utf8.c - one character of UTF-8; see utf8.h. */
#include "text/utf8.h"

size_t utf8_character(struct str s, uint32_t *out)
{
    static const uint32_t smallest[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *at = (const unsigned char *)s.at;
    *out = 0;
    if (s.len == 0) {
        return 0;
    }
    size_t bytes = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (bytes == 0 || bytes > s.len || at[0] > 0xf4) {
        return 0;
    }
    uint32_t code = bytes == 1 ? at[0] : at[0] & (0xffU >> (bytes + 1));
    for (size_t i = 1; i < bytes; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        code = code << 6 | (at[i] & 0x3fU);
    }
    bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    *out = code;
    return code < smallest[bytes] || code > 0x10ffff || is_surrogate ? 0 : bytes;
}
