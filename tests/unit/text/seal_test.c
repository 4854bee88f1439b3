#include "text/seal.h"

#include "test.h"

enum { PLAIN = 29, TEXT = SEAL_TEXT_BYTES(PLAIN) };

static struct seal *make(const char *secret, const char *previous, const char *purpose)
{
    const struct seal_conf conf = {.secret = str_from_c(secret),
                                   .previous = str_from_c(previous),
                                   .purpose = str_from_c(purpose),
                                   .thread_count = 2};
    struct seal *seal = seal_new(&conf);
    WANT(seal != NULL);
    return seal;
}

static char plain[PLAIN + 1] = "exactly twenty-nine bytes ...";
static char text[128];

static struct str close_it(struct seal *seal)
{
    struct strbuf out = strbuf_over(text, sizeof text);
    WANT_INT(seal_close(seal, 0, str_of(plain, PLAIN), &out), OK);
    return strbuf_str(&out);
}

TEST(what_was_sealed_is_opened_by_any_thread_and_process_with_the_secret)
{
    char opened[PLAIN];
    struct seal *seal = make("0123456789abcdef", "", "p"), *other = make("0123456789abcdef", "", "p");
    struct str sealed = close_it(seal);
    WANT_INT(sealed.len, TEXT);
    WANT_INT(seal_open(seal, 1, sealed, opened, PLAIN), OK);
    WANT(memcmp(opened, plain, PLAIN) == 0);
    WANT_INT(seal_open(other, 0, sealed, opened, PLAIN), OK);
    seal_free(seal);
    seal_free(other);
}

TEST(no_two_texts_are_the_same)
{
    char first[TEXT];
    struct seal *seal = make("0123456789abcdef", "", "p");
    memcpy(first, close_it(seal).at, TEXT);
    WANT(memcmp(first, close_it(seal).at, TEXT) != 0);
    seal_free(seal);
}

TEST(a_previous_secret_opens_and_another_secret_or_purpose_does_not)
{
    static const struct {
        const char *secret, *previous, *purpose;
        enum err e;
    } rows[] = {
        {"another secret..", "0123456789abcdef", "p", OK},
        {"another secret..", "", "p", ERR_SYNTAX},
        {"another secret..", "0123456789abcdeF", "p", ERR_SYNTAX},
        {"0123456789abcdef", "", "q", ERR_SYNTAX},
    };
    struct seal *seal = make("0123456789abcdef", "", "p");
    struct str sealed = close_it(seal);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char opened[PLAIN];
        struct seal *other = make(rows[i].secret, rows[i].previous, rows[i].purpose);
        WANT_INT(seal_open(other, 0, sealed, opened, PLAIN), rows[i].e);
        seal_free(other);
    }
    seal_free(seal);
}

TEST(no_changed_byte_and_no_part_of_it_is_opened)
{
    char opened[PLAIN], changed[TEXT + 1];
    struct seal *seal = make("0123456789abcdef", "", "p");
    struct str sealed = close_it(seal);
    for (size_t i = 0; i < TEXT; i++) {
        for (int c = 1; c < 256; c++) {
            memcpy(changed, sealed.at, TEXT);
            changed[i] = (char)c;
            bool is_same = changed[i] == sealed.at[i];
            WANT_INT(seal_open(seal, 0, str_of(changed, TEXT), opened, PLAIN),
                     is_same ? OK : ERR_SYNTAX);
        }
        WANT_INT(seal_open(seal, 0, str_of(sealed.at, i), opened, PLAIN), ERR_SYNTAX);
    }
    WANT_INT(seal_open(seal, 0, str_of(sealed.at, TEXT), opened, PLAIN - 1), ERR_SYNTAX);
    WANT_INT(seal_open(seal, 0, str_of(text, sizeof text), opened, PLAIN), ERR_SYNTAX);
    seal_free(seal);
}

TEST(what_has_no_room_is_not_sealed)
{
    char small[TEXT - 1], large[SEAL_PLAIN_BYTES_MAX + 1] = {0};
    struct seal *seal = make("0123456789abcdef", "", "p");
    struct strbuf out = strbuf_over(small, sizeof small);
    WANT_INT(seal_close(seal, 0, str_of(plain, PLAIN), &out), ERR_RANGE);
    out = strbuf_over(text, sizeof text);
    WANT_INT(seal_close(seal, 0, str_of(large, sizeof large), &out), ERR_RANGE);
    seal_free(seal);
    seal_free(NULL);
}
