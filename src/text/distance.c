/* distance.c - how far apart two names are; see distance.h. */
#include "text/distance.h"

enum { DISTANCE_BYTES_MAX = 64 };

static uint32_t smaller(uint32_t left, uint32_t right)
{
    return left < right ? left : right;
}

uint32_t text_distance(struct str left, struct str right, uint32_t max)
{
    uint32_t rows[3][DISTANCE_BYTES_MAX + 1]; /* of the table of all prefixes, the last three */
    if (left.len > DISTANCE_BYTES_MAX || right.len > DISTANCE_BYTES_MAX) {
        return max + 1;
    }
    uint32_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (uint32_t j = 0; j <= right.len; j++) {
        last[j] = j;
        before[j] = 0;
    }
    for (uint32_t i = 1; i <= left.len; i++) {
        row[0] = i;
        for (uint32_t j = 1; j <= right.len; j++) {
            char a = char_lower(left.at[i - 1]), b = char_lower(right.at[j - 1]);
            row[j] = smaller(smaller(last[j], row[j - 1]) + 1, last[j - 1] + (a != b));
            bool is_swap = i > 1 && j > 1 && a == char_lower(right.at[j - 2]) &&
                           b == char_lower(left.at[i - 2]);
            if (is_swap) {
                row[j] = smaller(row[j], before[j - 2] + 1);
            }
        }
        uint32_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[right.len] <= max ? last[right.len] : max + 1;
}
