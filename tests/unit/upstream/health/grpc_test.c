#include "talk_kit.h"
#include "test.h"

static struct talk_kit kit;

/* Frames of HTTP/2 (RFC 9113 4.1), with fields that are not indexed (RFC 7541 6.2.2). */
#define FRAME(len, type, flags, stream, body) "\0\0" len type flags "\0\0\0" stream body
#define SETTINGS FRAME("\0", "\x04", "\0", "\0", "")
#define OK_HEAD FRAME("\x01", "\x01", "\x04", "\x01", "\x88")
#define REPLY(status) FRAME("\x07", "\0", "\0", "\x01", "\0\0\0\0\x02\x08" status)
#define GRPC_STATUS(code) "\0\x0bgrpc-status\x01" code
#define TRAILER(code) FRAME("\x0f", "\x01", "\x05", "\x01", GRPC_STATUS(code))
#define ONLY(code) FRAME("\x10", "\x01", "\x05", "\x01", "\x88" GRPC_STATUS(code))
#define ROW(check, answer, verdict, why) {check, answer, sizeof(answer) - 1, verdict, why}

static const struct {
    const char *check, *answer;
    size_t len;
    enum health_verdict verdict;
    const char *why;
} cases[] = {
    ROW("grpc", SETTINGS OK_HEAD REPLY("\x01") TRAILER("0"), HEALTH_PASS, ""),
    ROW("grpc", SETTINGS OK_HEAD REPLY("\x02") TRAILER("0"), HEALTH_FAIL, "NOT_SERVING"),
    ROW("grpc", SETTINGS OK_HEAD REPLY("\x63") TRAILER("0"), HEALTH_FAIL, "UNKNOWN"),
    ROW("grpc", SETTINGS OK_HEAD TRAILER("0"), HEALTH_FAIL, "malformed reply"),
    ROW("grpc", SETTINGS ONLY("5"), HEALTH_FAIL, "grpc-status 5: "),
    ROW("grpc", SETTINGS FRAME("\x01", "\x01", "\x05", "\x01", "\x8d"), HEALTH_FAIL, "status 404 of HTTP"),
    ROW("grpc", SETTINGS FRAME("\x01", "\x01", "\x05", "\x01", "\x88"), HEALTH_FAIL, "no grpc-status"),
    ROW("grpc", SETTINGS FRAME("\x04", "\x03", "\0", "\x01", "\0\0\0\x07"), HEALTH_FAIL,
        "stream reset: REFUSED_STREAM"),
    ROW("{grpc: {unimplemented: pass}}", SETTINGS
        FRAME("\x11", "\x01", "\x05", "\x01", "\x88\0\x0bgrpc-status\x02" "12"),
        HEALTH_PASS, ""),
};

TEST(an_answer_is_judged_the_same_however_it_is_cut)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str answer = str_of(cases[i].answer, cases[i].len);
        talk_kit_open(&kit, cases[i].check);
        for (size_t step = 1; step <= answer.len; step++) {
            talk_kit_again(&kit);
            WANT_INT(talk_kit_hear(&kit, answer, step), cases[i].verdict);
            WANT_STR(strbuf_str(&kit.talk.why), str_from_c(cases[i].why));
        }
        talk_kit_close(&kit);
    }
}

TEST(what_is_not_http_2_fails_and_does_not_wait)
{
    static const char *const bad[] = {"HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-x\r\nabcdefghijkl"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        talk_kit_open(&kit, "grpc");
        (void)talk_kit_hear(&kit, str_from_c(bad[i]), 100);
        WANT_INT(talk_kit_hear_end(&kit), HEALTH_FAIL);
        talk_kit_close(&kit);
    }
}

TEST(it_begins_with_the_preface_and_a_request)
{
    talk_kit_open(&kit, "{grpc: {service: a.B, host: h.example}}");
    struct str said = talk_kit_said(&kit);
    WANT(str_starts(said, STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")));
    WANT(str_ends(said, str_of("\0\0\0\0\x05\x0a\x03" "a.B", 10)));
    talk_kit_close(&kit);
}
