/* base64.c - four characters for each three bytes; see base64.h.
 * Spare bits must be zero and padding must be whole, so that what is decoded has one text only: a
 * signature over the text is one over the bytes. RFC 4648 3.5. */
#include "base/base64.h"

static const char alphabets[2][65] = {
    [BASE64_STANDARD] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    [BASE64_URL] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"};

void base64_add(struct strbuf *out, struct str bytes, enum base64_kind kind)
{
    const char *alphabet = alphabets[kind];
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t count = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t bits = 0;
        for (size_t j = 0; j < 3; j++) {
            bits = bits << 8 | (j < count ? (uint8_t)bytes.at[i + j] : 0);
        }
        for (size_t j = 0; j <= count; j++) {
            strbuf_add_char(out, alphabet[bits >> (18 - 6 * j) & 63]);
        }
        for (size_t j = count; j < 3 && kind == BASE64_STANDARD; j++) {
            strbuf_add_char(out, '=');
        }
    }
}

/* The six bits of a character, or -1. */
static int six_bits(char c, enum base64_kind kind)
{
    const char *alphabet = alphabets[kind];
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (char_is_digit(c)) {
        return c - '0' + 52;
    }
    return c == alphabet[62] ? 62 : c == alphabet[63] ? 63 : -1;
}

static enum err cut_padding(struct str *text, enum base64_kind kind)
{
    if (kind == BASE64_STANDARD) {
        if (text->len % 4 != 0) {
            return ERR_SYNTAX;
        }
        for (int i = 0; i < 2 && text->len > 0 && text->at[text->len - 1] == '='; i++) {
            text->len--;
        }
    }
    return text->len % 4 == 1 ? ERR_SYNTAX : OK;
}

enum err base64_decode(struct strbuf *out, struct str text, enum base64_kind kind)
{
    uint32_t bits = 0, bit_count = 0;
    TRY(cut_padding(&text, kind));
    for (size_t i = 0; i < text.len; i++) {
        int six = six_bits(text.at[i], kind);
        if (six < 0) {
            return ERR_SYNTAX;
        }
        bits = bits << 6 | (uint32_t)six;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            strbuf_add_char(out, (char)(uint8_t)(bits >> bit_count));
            bits &= (1u << bit_count) - 1;
        }
    }
    if (bits != 0) {
        return ERR_SYNTAX;
    }
    return strbuf_overflowed(out) ? ERR_RANGE : OK;
}
