/* explain_test.c - the words of `sluice explain`. What it tells: control/explain_test.c. */
#include "test.h"

#include "said.h"

TEST(a_request_is_explained)
{
    struct said said;
    const char *path = said_file(said_good);
    SAID(&said, "explain", "GET", "http://localhost:8080/x", path, "-H", "X-A: b", "--from",
         "10.0.0.1");
    WANT_INT(said.code, EXIT_OK);
    WANT_STR(said.err, STR(""));
    WANT_HAS(said.out, "service   app");
    SAID(&said, "explain", "GET", "/%00", path);
    WANT_INT(said.code, EXIT_OK);
    WANT_HAS(said.out, "answer    400 bad_path");
}

TEST(wrong_words_are_refused)
{
    static const struct {
        const char *words[8];
        const char *said;
    } rows[] = {
        {{"explain", "GET", "ftp://x", "FILE"}, "that is no request"},
        {{"explain", "G T", "/x", "FILE"}, "that is no request"},
        {{"explain", "GET", "/x", "FILE", "-H", "novalue"}, "is not written 'Name: value'"},
        {{"explain", "GET", "/x", "FILE", "--from", "me"}, "is no IP address"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct said said;
        const char *words[8];
        memcpy(words, rows[i].words, sizeof words);
        words[3] = said_file(said_good);
        said_words(&said, words);
        WANT_INT(said.code, EXIT_USAGE);
        WANT_HAS(said.err, rows[i].said);
    }
}

TEST(a_wrong_file_is_told)
{
    struct said said;
    SAID(&said, "explain", "GET", "/x", said_file(said_bad));
    WANT_INT(said.code, EXIT_FAILED);
    WANT_HAS(said.err, "E0107");
}
