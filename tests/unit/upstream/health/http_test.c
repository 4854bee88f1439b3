#include "talk_kit.h"
#include "test.h"

static struct talk_kit kit;

#define ROW(check, answer, ends, verdict, why) {check, answer, sizeof(answer) - 1, ends, verdict, why}
#define BODY "{http: {path: /h, body: \"all is well\"}}"

static const struct {
    const char *check, *answer;
    size_t len;
    bool ends;
    enum health_verdict verdict;
    const char *why;
} cases[] = {
    ROW("GET /h", "HTTP/1.1 200 OK\r\n\r\n", false, HEALTH_PASS, ""),
    ROW("GET /h", "HTTP/1.0 204\r\nServer: x\r\n\r\n", false, HEALTH_PASS, ""),
    ROW("GET /h", "HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 103 x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", false, HEALTH_PASS, ""),
    ROW("GET /h", "HTTP/1.1 503 No\r\n\r\n", false, HEALTH_FAIL, "status 503, expected 200-299"),
    ROW("{http: {status: [204, 301-302]}}", "HTTP/1.1 200 OK\r\n\r\n", false, HEALTH_FAIL,
        "status 200, expected 204, 301-302"),
    ROW("{http: {status: [204, 301-302]}}", "HTTP/1.1 302 OK\r\n\r\n", false, HEALTH_PASS, ""),
    ROW("{http: {drain_on: 404}}", "HTTP/1.1 404 Not\r\n\r\n", false, HEALTH_DRAIN, ""),
    ROW("{http: {header: {X-Up: yes}}}", "HTTP/1.1 200 OK\r\nx-up: yes\r\n\r\n", false, HEALTH_PASS, ""),
    ROW("{http: {header: {X-Up: \"yes\"}}}", "HTTP/1.1 200 OK\r\nX-Up: no\r\n\r\n", false, HEALTH_FAIL,
        "lacks X-Up: yes"),
    ROW(BODY, "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n*all is well*", false, HEALTH_PASS, ""),
    ROW(BODY, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nall all is well", false, HEALTH_FAIL,
        "body lacks \"all is well\""),
    ROW(BODY, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nall i\r\n6\r\ns well\r\n0\r\n\r\n", false,
        HEALTH_PASS, ""),
    ROW(BODY, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n0\r\n\r\n", false, HEALTH_FAIL,
        "body lacks \"all is well\""),
    ROW(BODY, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", false, HEALTH_FAIL, "malformed body"),
    ROW(BODY, "HTTP/1.1 200 OK\r\n\r\nand so all is we", true, HEALTH_FAIL, "body lacks \"all is well\""),
    ROW(BODY, "HTTP/1.1 200 OK\r\n\r\nand so all is well", false, HEALTH_PASS, ""),
    ROW(BODY, "HTTP/1.1 204 OK\r\n\r\n", false, HEALTH_FAIL, "body lacks \"all is well\""),
    ROW(BODY, "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nall", true, HEALTH_FAIL, "closed before it had answered"),
    ROW("GET /h", "", true, HEALTH_FAIL, "closed before it had answered"),
    ROW("GET /h", "HTTP/1.1 200 OK\r\n", true, HEALTH_FAIL, "closed before it had answered"),
    ROW("GET /h", "HTTP/2 200 OK\r\n\r\n", false, HEALTH_FAIL, "the instance answered with a malformed head"),
    ROW("GET /h", "220 mail ready\r\n", false, HEALTH_FAIL, "the instance answered with a malformed head"),
    ROW("GET /h", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", false, HEALTH_FAIL,
        "the length of the instance's answer could not be trusted"),
    ROW("GET /h", "HTTP/1.1 101 x\r\nUpgrade: y\r\nConnection: upgrade\r\n\r\n", false, HEALTH_FAIL,
        "the instance switched protocols without being asked"),
};

TEST(an_answer_is_judged_the_same_however_it_is_cut)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str answer = str_of(cases[i].answer, cases[i].len);
        talk_kit_open(&kit, cases[i].check);
        for (size_t step = 1; step <= answer.len + 1; step++) {
            talk_kit_again(&kit);
            (void)talk_kit_hear(&kit, answer, step);
            if (cases[i].ends) {
                (void)talk_kit_hear_end(&kit);
            }
            WANT_INT(kit.verdict, cases[i].verdict);
            WANT_STR(strbuf_str(&kit.talk.why), str_from_c(cases[i].why));
        }
        talk_kit_close(&kit);
    }
}

TEST(interim_responses_are_counted)
{
    talk_kit_open(&kit, "GET /h");
    for (int i = 0; i < 20; i++) {
        (void)talk_kit_hear(&kit, STR("HTTP/1.1 102 x\r\n\r\n"), 100);
    }
    WANT_INT(kit.verdict, HEALTH_FAIL);
    talk_kit_close(&kit);
}

TEST(what_is_sent_is_what_was_written)
{
    talk_kit_open(&kit, "{http: {method: POST, path: \"/h?x\", send_headers: {X-A: b}}}");
    WANT_STR(talk_kit_said(&kit), STR("POST /h?x HTTP/1.1\r\nHost: a.example:80\r\nX-A: b\r\n"
                                      "User-Agent: sluice-health\r\nAccept: */*\r\nConnection: close\r\n\r\n"));
    talk_kit_close(&kit);
    talk_kit_open(&kit, "{http: {path: /h, host: b.example}}");
    WANT(str_find_str(talk_kit_said(&kit), STR("\r\nHost: b.example\r\n")) == 15);
    talk_kit_close(&kit);
}
