/* distance_test.c - what is near enough to be meant. */
#include "test.h"
#include "text/distance.h"

static const struct {
    const char *left, *right;
    uint32_t edits;
} pairs[] = {
    {"", "", 0},
    {"a", "a", 0},
    {"a", "A", 0},
    {"", "ab", 2},
    {"heatlh", "health", 1},
    {"health", "helth", 1},
    {"health", "wealth", 1},
    {"orders", "order", 1},
    {"abc", "cba", 2},
    {"kitten", "sitting", 3},
    {"abcdef", "uvwxyz", 4},
};

TEST(edits_are_counted_up_to_the_bound)
{
    for (size_t i = 0; i < COUNT_OF(pairs); i++) {
        struct str left = str_from_c(pairs[i].left), right = str_from_c(pairs[i].right);
        WANT_INT(text_distance(left, right, 3), pairs[i].edits);
        WANT_INT(text_distance(right, left, 3), pairs[i].edits);
    }
}

TEST(long_names_are_far_from_everything)
{
    static const char text[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    WANT_INT(text_distance(str_from_c(text), str_from_c(text), 2), 3);
    WANT_INT(text_distance(str_of(text, 64), str_of(text, 64), 2), 0);
}
