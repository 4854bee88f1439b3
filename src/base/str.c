/* str.c - slices; see str.h. */
#define _GNU_SOURCE
#include "base/str.h"

bool str_eq_nocase(struct str left, struct str right)
{
    if (left.len != right.len) {
        return false;
    }
    for (size_t i = 0; i < left.len; i++) {
        if (char_lower(left.at[i]) != char_lower(right.at[i])) {
            return false;
        }
    }
    return true;
}

int str_compare(struct str left, struct str right)
{
    size_t shorter = left.len < right.len ? left.len : right.len;
    int order = shorter == 0 ? 0 : memcmp(left.at, right.at, shorter);
    if (order != 0) {
        return order;
    }
    return left.len < right.len ? -1 : left.len > right.len;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.at, prefix.at, prefix.len) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.at + (s.len - suffix.len), suffix.at, suffix.len) == 0);
}

size_t str_find(struct str s, char c)
{
    const char *found = s.len == 0 ? NULL : memchr(s.at, c, s.len);
    return found == NULL ? s.len : (size_t)(found - s.at);
}

size_t str_find_str(struct str s, struct str needle)
{
    if (needle.len == 0) {
        return 0;
    }
    const char *found = s.len == 0 ? NULL : memmem(s.at, s.len, needle.at, needle.len);
    return found == NULL ? s.len : (size_t)(found - s.at);
}

struct str str_trim(struct str s)
{
    while (s.len > 0 && (s.at[0] == ' ' || s.at[0] == '\t')) {
        s.at++;
        s.len--;
    }
    while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t')) {
        s.len--;
    }
    return s;
}

struct str str_sub(struct str s, size_t from, size_t len)
{
    s = str_skip(s, from);
    return (struct str){s.at, len < s.len ? len : s.len};
}

struct str str_skip(struct str s, size_t n)
{
    n = n < s.len ? n : s.len;
    return (struct str){n == 0 ? s.at : s.at + n, s.len - n};
}

struct str_pair str_cut(struct str s, char c)
{
    size_t at = str_find(s, c);
    if (at == s.len) {
        return (struct str_pair){s, str_skip(s, s.len), false};
    }
    return (struct str_pair){{s.at, at}, str_skip(s, at + 1), true};
}

struct str_pair str_cut_last(struct str s, char c)
{
    const char *found = s.len == 0 ? NULL : memrchr(s.at, c, s.len);
    if (found == NULL) {
        return (struct str_pair){s, str_skip(s, s.len), false};
    }
    size_t at = (size_t)(found - s.at);
    return (struct str_pair){{s.at, at}, str_skip(s, at + 1), true};
}

bool str_next_element(struct str *rest, struct str *element)
{
    while (rest->len > 0) {
        struct str_pair cut = str_cut(*rest, ',');
        *rest = cut.tail;
        *element = str_trim(cut.head);
        if (element->len > 0) {
            return true;
        }
    }
    return false;
}

bool str_to_u64(struct str s, uint64_t *out)
{
    uint64_t value = 0;
    if (s.len == 0) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        if (!char_is_digit(s.at[i]) || __builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(s.at[i] - '0'), &value)) {
            return false;
        }
    }
    *out = value;
    return true;
}

int char_hex(char c)
{
    if (char_is_digit(c)) {
        return c - '0';
    }
    c = char_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool str_hex_to_u64(struct str s, uint64_t *out)
{
    uint64_t value = 0;
    if (s.len == 0 || s.len > 16) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        int digit = char_hex(s.at[i]);
        if (digit < 0) {
            return false;
        }
        value = value << 4 | (uint64_t)digit;
    }
    *out = value;
    return true;
}
