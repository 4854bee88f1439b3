#include "talk_kit.h"
#include "test.h"

static struct talk_kit kit;

#define ANY "postgres"
#define LOGIN "{postgres: {user: me, password: geheim, database: db}}"
#define PRIMARY "{postgres: {user: me, role: primary}}"
#define REPLICA "{postgres: {user: me, role: replica}}"
#define LAG "{postgres: {user: me, role: replica, lag: 10s}}"
#define AUTH_OK "R\0\0\0\x08\0\0\0\0"
#define READY "Z\0\0\0\x05I"
#define NOISE "S\0\0\0\x0a" "a\0bcd\0" "K\0\0\0\x0c" "12345678" "N\0\0\0\x05\0"
#define COLUMNS "T\0\0\0\x06\0\0"
#define ROLE AUTH_OK NOISE READY COLUMNS
#define ROW(check, answer, verdict, why) {check, answer, sizeof(answer) - 1, verdict, why}

static const struct {
    const char *check, *answer;
    size_t len;
    enum health_verdict verdict;
    const char *why;
} cases[] = {
    ROW(ANY, AUTH_OK, HEALTH_PASS, ""),
    ROW(ANY, "R\0\0\0\x0c\0\0\0\x05salt", HEALTH_PASS, ""),
    ROW(ANY, "E\0\0\0\x17SFATAL\0C28000\0Mno\0\0", HEALTH_PASS, ""),
    ROW(ANY, "E\0\0\0\x17SFATAL\0C57P03\0Mno\0\0", HEALTH_FAIL, "57P03: no"),
    ROW(ANY, "E\0\0\0\x17SFATAL\0C53300\0Mno\0\0", HEALTH_FAIL, "53300: no"),
    ROW(ANY, "E\0\0\0\x05\0", HEALTH_FAIL, "malformed error"),
    ROW(ANY, "E\0\0\0\x08" "C57P", HEALTH_FAIL, "malformed error"),
    ROW(ANY, "R\0\0\0\x04", HEALTH_FAIL, "malformed message"),
    ROW(ANY, "R\0\0\0\x03", HEALTH_FAIL, "malformed message"),
    ROW(ANY, "R\xff\xff\xff\xff", HEALTH_FAIL, "malformed message"),
    ROW(ANY, "HTTP/1.1", HEALTH_FAIL, "this is no answer of PostgreSQL"),
    ROW(LOGIN, AUTH_OK NOISE READY, HEALTH_PASS, ""),
    ROW(LOGIN, "R\0\0\0\x08\0\0\0\x03" AUTH_OK READY, HEALTH_PASS, ""),
    ROW(LOGIN, "R\0\0\0\x0c\0\0\0\x05salt" AUTH_OK READY, HEALTH_PASS, ""),
    ROW(LOGIN, "R\0\0\0\x08\0\0\0\x07", HEALTH_FAIL, "it wants authentication 7, which checks do not do"),
    ROW(LOGIN, "E\0\0\0\x17SFATAL\0C28P01\0Mno\0\0", HEALTH_FAIL, "28P01: no"),
    ROW(LOGIN, "R\0\0\0\x0e\0\0\0\x0aPLUS\0\0", HEALTH_FAIL, "it offers no SCRAM-SHA-256"),
    ROW(LOGIN, "R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0" READY, HEALTH_FAIL,
        "it skipped the proof of its own password"),
    ROW(LOGIN, "R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0" "R\0\0\0\x0b\0\0\0\x0br=x", HEALTH_FAIL,
        "SCRAM: malformed challenge"),
    ROW(LOGIN, "R\0\0\0\x0b\0\0\0\x0br=x", HEALTH_FAIL, "SCRAM: malformed challenge"),
    ROW(LOGIN, "R\0\0\0\x0b\0\0\0\x0cv=x", HEALTH_FAIL, "it does not know the password itself"),
    ROW(PRIMARY, ROLE "D\0\0\0\x10\0\x02\0\0\0\x01" "f\0\0\0\x01" "0", HEALTH_PASS, ""),
    ROW(PRIMARY, ROLE "D\0\0\0\x10\0\x02\0\0\0\x01t\0\0\0\x01" "0", HEALTH_FAIL, "it is a replica, wanted a primary"),
    ROW(REPLICA, ROLE "D\0\0\0\x10\0\x02\0\0\0\x01" "f\0\0\0\x01" "0",
        HEALTH_FAIL, "it is a primary, wanted a replica"),
    ROW(REPLICA, ROLE "D\0\0\0\x11\0\x02\0\0\0\x01t\0\0\0\x02-1", HEALTH_PASS, ""),
    ROW(LAG, ROLE "D\0\0\0\x14\0\x02\0\0\0\x01t\0\0\0\x05" "10000", HEALTH_PASS, ""),
    ROW(LAG, ROLE "D\0\0\0\x14\0\x02\0\0\0\x01t\0\0\0\x05" "10001", HEALTH_FAIL, "10001ms behind, 10000ms allowed"),
    ROW(LAG, ROLE "D\0\0\0\x11\0\x02\0\0\0\x01t\0\0\0\x02-1", HEALTH_FAIL, "it does not say how far it is behind"),
    ROW(LAG, ROLE "D\0\0\0\x0f\0\x02\0\0\0\x01t\xff\xff\xff\xff", HEALTH_FAIL, "malformed row"),
    ROW(LAG, ROLE "D\0\0\0\x06\0\x02", HEALTH_FAIL, "malformed row"),
    ROW(LAG, ROLE "D\0\0\0\x10\0\x01\0\0\0\x01t\0\0\0\x01" "0", HEALTH_FAIL, "malformed row"),
    ROW(LAG, ROLE "D\0\0\0\x10\0\x02\0\0\0\x01x\0\0\0\x01" "0", HEALTH_FAIL, "malformed row"),
    ROW(LAG, AUTH_OK "D\0\0\0\x10\0\x02\0\0\0\x01t\0\0\0\x01" "0", HEALTH_FAIL, "malformed row"),
    ROW(LAG, ROLE "C\0\0\0\x04" READY, HEALTH_FAIL, "it did not answer what its role is"),
    ROW(LAG, ROLE "E\0\0\0\x16SERROR\0C42501\0Mn\0\0", HEALTH_FAIL, "42501: n"),
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
        talk_kit_again(&kit);
        (void)talk_kit_hear(&kit, answer, 7);
        WANT(talk_kit_hear_end(&kit) != HEALTH_MORE);
        talk_kit_close(&kit);
    }
}

TEST(it_begins_with_a_startup_message_and_ends_with_a_good_bye)
{
    talk_kit_open(&kit, LOGIN);
    WANT_STR(talk_kit_said(&kit), str_of("\0\0\0\x3c\0\x03\0\0user\0me\0database\0db\0"
                                         "application_name\0sluice-health\0\0", 0x3c));
    (void)talk_kit_hear(&kit, str_of("R\0\0\0\x08\0\0\0\x03", 9), 9);
    WANT_STR(talk_kit_said(&kit), str_of("p\0\0\0\x0bgeheim\0", 12));
    (void)talk_kit_hear(&kit, str_of(AUTH_OK READY, 15), 15);
    WANT_STR(talk_kit_said(&kit), str_of("X\0\0\0\x04", 5));
    talk_kit_close(&kit);
}
