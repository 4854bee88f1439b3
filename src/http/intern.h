/* intern.h - the hash behind field_id_of, for the one loop that cannot afford a call: the parser's.
 * Everybody else calls field_id_of (message.h). */
#pragma once

#include "http/message.h"

#include "field_slots.h"

struct field_row {
    char text[47]; /* canonical spelling, zeros behind it */
    uint8_t len;   /* 2 to 46; 0 for FIELD_OTHER */
};

extern const struct field_row field_rows[FIELD_COUNT];
extern const uint8_t field_slots[FIELD_SLOT_COUNT];

/* The bits in which eight bytes of a token differ from a known name, without case. Known names have
 * letters, digits and '-' only; setting the case bit (0x20) in both makes none of them equal to
 * another tchar, but to some controls: callers must know that the name is a token. */
static inline uint64_t intern_diff8(const char *token, const char *known)
{
    uint64_t left, right, case_bits = UINT64_C(0x2020202020202020);
    memcpy(&left, token, sizeof left);
    memcpy(&right, known, sizeof right);
    return (left | case_bits) ^ (right | case_bits);
}

static inline uint32_t intern_diff4(const char *token, const char *known)
{
    uint32_t left, right, case_bits = 0x20202020;
    memcpy(&left, token, sizeof left);
    memcpy(&right, known, sizeof right);
    return (left | case_bits) ^ (right | case_bits);
}

/* Whether `token`, which is as long as the known name, is the same: the words at both ends, which
 * overlap, and for long names those beside them. */
ALWAYS_INLINE bool intern_same(struct str token, const char *known)
{
    const char *token_end = token.at + token.len, *known_end = known + token.len;
    if (token.len >= 8) {
        uint64_t diff = intern_diff8(token.at, known) | intern_diff8(token_end - 8, known_end - 8);
        if (token.len > 16) {
            diff |= intern_diff8(token.at + 8, known + 8);
            diff |= intern_diff8(token_end - 16, known_end - 16);
        }
        if (UNLIKELY(token.len > 32)) {
            diff |= intern_diff8(token.at + 16, known + 16);
            diff |= intern_diff8(token_end - 24, known_end - 24);
        }
        return diff == 0;
    }
    if (token.len >= 4) {
        return (intern_diff4(token.at, known) | intern_diff4(token_end - 4, known_end - 4)) == 0;
    }
    return str_eq_nocase(token, str_of(known, token.len));
}

/* As field_id_of; `token` must be one. */
ALWAYS_INLINE enum field_id intern_token(struct str token)
{
    if (token.len < 2) {
        return FIELD_OTHER;
    }
    uint16_t tail;
    memcpy(&tail, token.at + token.len - 2, sizeof tail);
    uint32_t key = tail | (uint32_t)(unsigned char)token.at[0] << 16 | (uint32_t)token.len << 24;
    key = (key | 0x202020U) * FIELD_SLOT_MULTIPLIER;
    uint8_t id = field_slots[key >> FIELD_SLOT_SHIFT];
    const struct field_row *row = &field_rows[id];
    bool is_known = row->len == token.len && intern_same(token, row->text);
    return is_known ? (enum field_id)id : FIELD_OTHER;
}

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "field_slots.py computes the same key");
