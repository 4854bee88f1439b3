/* base64_test.c - the vectors of RFC 4648 10, and that decoding takes one text for each value. */
#include "base/base64.h"

#include "test.h"

static struct str encode(const char *bytes, size_t len, enum base64_kind kind)
{
    static char text[64];
    struct strbuf out = strbuf_over(text, sizeof text);
    base64_add(&out, str_of(bytes, len), kind);
    return strbuf_str(&out);
}

static enum err decode(const char *text, enum base64_kind kind, struct str *bytes)
{
    static char room[64];
    struct strbuf out = strbuf_over(room, sizeof room);
    enum err e = base64_decode(&out, str_from_c(text), kind);
    *bytes = strbuf_str(&out);
    return e;
}

TEST(the_vectors_of_the_rfc_go_both_ways)
{
    static const char *const rows[][3] = {
        {"", "", ""},          {"f", "Zg==", "Zg"},          {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"}, {"foob", "Zm9vYg==", "Zm9vYg"}, {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct str bytes;
        size_t len = strlen(rows[i][0]);
        WANT_STR(encode(rows[i][0], len, BASE64_STANDARD), str_from_c(rows[i][1]));
        WANT_STR(encode(rows[i][0], len, BASE64_URL), str_from_c(rows[i][2]));
        WANT_INT(decode(rows[i][1], BASE64_STANDARD, &bytes), OK);
        WANT_STR(bytes, str_from_c(rows[i][0]));
        WANT_INT(decode(rows[i][2], BASE64_URL, &bytes), OK);
        WANT_STR(bytes, str_from_c(rows[i][0]));
    }
}

TEST(the_last_two_characters_differ_by_kind)
{
    struct str bytes;
    WANT_STR(encode("\xfb\xff", 2, BASE64_STANDARD), STR("+/8="));
    WANT_STR(encode("\xfb\xff", 2, BASE64_URL), STR("-_8"));
    WANT_INT(decode("-_8=", BASE64_STANDARD, &bytes), ERR_SYNTAX);
    WANT_INT(decode("+/8", BASE64_URL, &bytes), ERR_SYNTAX);
}

TEST(what_is_not_exactly_base64_is_refused)
{
    static const char *const standard[] = {"Z",    "Zg",   "Zg=",  "Zh==", "Z===", "====",
                                           "Zm9=", "Zm 9v", "Zg==Zg==", "Zm9v\n", "Zm9*"};
    static const char *const url[] = {"Z", "Zg==", "Zh", "Zm9v=", "Zm9", "A+AA"};
    struct str bytes;
    for (size_t i = 0; i < COUNT_OF(standard); i++) {
        WANT_INT(decode(standard[i], BASE64_STANDARD, &bytes), ERR_SYNTAX);
    }
    for (size_t i = 0; i < COUNT_OF(url); i++) {
        WANT_INT(decode(url[i], BASE64_URL, &bytes), ERR_SYNTAX);
    }
}

TEST(what_does_not_fit_is_said)
{
    char room[2];
    struct strbuf out = strbuf_over(room, sizeof room);
    WANT_INT(base64_decode(&out, STR("Zm9v"), BASE64_STANDARD), ERR_RANGE);
}
