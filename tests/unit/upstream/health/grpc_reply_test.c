#include "upstream/health/grpc_reply.h"

#include "test.h"

#define ROW(in, e, serving) {in, sizeof(in) - 1, e, serving}

static const struct {
    const char *in;
    size_t len;
    enum err e;
    uint64_t serving;
} cases[] = {
    ROW("\0\0\0\0\x02\x08\x01", OK, GRPC_SERVING),
    ROW("\0\0\0\0\x02\x08\x02", OK, GRPC_NOT_SERVING),
    ROW("\0\0\0\0\0", OK, GRPC_UNKNOWN),
    ROW("\0\0\0\0\x04\x08\x01\x08\x02", OK, GRPC_NOT_SERVING),
    ROW("\0\0\0\0\x05\x12\x01x\x08\x01", OK, GRPC_SERVING),
    ROW("\0\0\0\0\x0b\x11" "12345678" "\x08\x01", OK, GRPC_SERVING),
    ROW("\0\0\0\0\x07\x1d" "1234" "\x08\x01", OK, GRPC_SERVING),
    ROW("\0\0\0\0\x03\x08\x81\x01", OK, 129),
    ROW("\x01\0\0\0\x02\x08\x01", ERR_SYNTAX, 0),
    ROW("\0\0\0\0\x01\x08", ERR_SYNTAX, 0),
    ROW("\0\0\0\0\x02\x08\x01!", ERR_SYNTAX, 0),
    ROW("\0\0\0\0\x02\x12\x05", ERR_SYNTAX, 0),
    ROW("\0\0\0\0\x02\x0b\x01", ERR_SYNTAX, 0),
    ROW("\0\0\0\0\x02\0\x01", ERR_SYNTAX, 0),
    ROW("\0\0\0\0\x0c\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ERR_SYNTAX, 0),
    ROW("\0\0\0\0\x03\x08\x01", ERR_AGAIN, 0),
    ROW("\0\xff\xff\xff\xff\x08\x01", ERR_AGAIN, 0),
};

TEST(a_reply_is_read_or_refused_or_waited_for_at_every_byte)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str in = str_of(cases[i].in, cases[i].len);
        uint64_t serving;
        WANT_INT(grpc_reply_read(in, &serving), cases[i].e);
        if (cases[i].e == OK) {
            WANT_INT(serving, cases[i].serving);
        }
        for (size_t cut = 0; cases[i].e == OK && cut < in.len; cut++) {
            WANT_INT(grpc_reply_read(str_sub(in, 0, cut), &serving), ERR_AGAIN);
        }
    }
}

TEST(a_request_names_the_service_or_nothing)
{
    char text[600], name[300];
    struct strbuf out = strbuf_over(text, sizeof text);
    grpc_request_add(&out, STR(""));
    WANT_STR(strbuf_str(&out), str_of("\0\0\0\0\0", 5));
    out.len = 0;
    grpc_request_add(&out, STR("a.B"));
    WANT_STR(strbuf_str(&out), str_of("\0\0\0\0\x05\x0a\x03" "a.B", 10));
    out.len = 0;
    memset(name, 'x', sizeof name);
    grpc_request_add(&out, str_of(name, sizeof name));
    WANT_STR(str_sub(strbuf_str(&out), 0, 8), str_of("\0\0\0\x01\x2f\x0a\xac\x02", 8));
}
