#include "upstream/health/resp.h"

#include "base/heap.h"
#include "base/strbuf.h"
#include "test.h"

static const struct {
    const char *in;
    enum err e;
    uint32_t count;
    const char *first, *last;
    bool is_error;
} cases[] = {
    {"+PONG\r\n", OK, 1, "PONG", "PONG", false},
    {"-ERR no\r\n", OK, 1, "ERR no", "ERR no", true},
    {":7\r\n", OK, 1, "7", "7", false},
    {"$3\r\na\rb\r\n", OK, 1, "a\rb", "a\rb", false},
    {"$0\r\n\r\n", OK, 1, "", "", false},
    {"$-1\r\n", OK, 1, "", "", false},
    {"*-1\r\n", OK, 0, "", "", false},
    {"*0\r\n", OK, 0, "", "", false},
    {"*3\r\n$6\r\nmaster\r\n:10\r\n*1\r\n*3\r\n$1\r\nh\r\n$1\r\n1\r\n$1\r\n9\r\n", OK, 5, "master", "9", false},
    {"*2\r\n+a\r\n-b\r\n", OK, 2, "a", "b", false},
    {"*9\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n", OK, 8, "1", "8", false},
    {"x\r\n", ERR_SYNTAX, 0, NULL, NULL, false},
    {"\r\n", ERR_SYNTAX, 0, NULL, NULL, false},
    {"$x\r\n", ERR_SYNTAX, 0, NULL, NULL, false},
    {"$-2\r\n", ERR_SYNTAX, 0, NULL, NULL, false},
    {"$99999999999\r\n", ERR_SYNTAX, 0, NULL, NULL, false},
    {"$1\r\nabc", ERR_SYNTAX, 0, NULL, NULL, false},
    {"*4097\r\n", ERR_SYNTAX, 0, NULL, NULL, false},
    {"*4096\r\n*4096\r\n", ERR_SYNTAX, 0, NULL, NULL, false},
    {"*1\r\n", ERR_AGAIN, 0, NULL, NULL, false},
    {"", ERR_AGAIN, 0, NULL, NULL, false},
};

TEST(a_reply_is_read_or_refused_or_waited_for_at_every_byte)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str in = str_from_c(cases[i].in);
        struct resp reply;
        for (size_t cut = 0; cut < in.len; cut++) {
            enum err e = resp_read(str_sub(in, 0, cut), &reply);
            WANT(e == ERR_AGAIN || (e == ERR_SYNTAX && cases[i].e == ERR_SYNTAX));
        }
        WANT_INT(resp_read(in, &reply), cases[i].e);
        if (cases[i].e == OK) {
            WANT_INT(reply.bytes, in.len);
            WANT_INT(reply.count, cases[i].count);
            WANT_INT(reply.is_error, cases[i].is_error);
        }
        if (cases[i].e == OK && reply.count > 0) {
            WANT_STR(reply.values[0], str_from_c(cases[i].first));
            WANT_STR(reply.values[reply.count - 1], str_from_c(cases[i].last));
        }
    }
}

TEST(a_line_without_end_is_no_reply)
{
    char text[600];
    struct resp reply;
    memset(text, '+', sizeof text);
    WANT_INT(resp_read(str_of(text, 511), &reply), ERR_AGAIN);
    WANT_INT(resp_read(str_of(text, sizeof text), &reply), ERR_SYNTAX);
}
