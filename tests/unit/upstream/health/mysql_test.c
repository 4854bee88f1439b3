#include "talk_kit.h"
#include "test.h"

static struct talk_kit kit;

#define ANY "mysql"
#define EMPTY "{mysql: {user: me}}"
#define LOGIN "{mysql: {user: me, password: geheim, database: db}}"
#define PRIMARY "{mysql: {user: me, role: primary}}"
#define REPLICA "{mysql: {user: me, role: replica}}"
#define LAG "{mysql: {user: me, role: replica, lag: 10s}}"
/* Version 10, "8", connection 1, salt, plugin of 22 bytes. */
#define GREETING_OF(len, plugin)                                                                   \
    len "\0\0\0\x0a" "8\0" "\x01\0\0\0" "abcdefgh" "\0" "\xff\xff" "\x21" "\x02\0" "\xff\xff" "\x15"        \
    "\0\0\0\0\0\0\0\0\0\0" "ijklmnopqrst\0" plugin "\0"
#define GREETING GREETING_OF("\x45", "mysql_native_password")
#define LOGGED_IN "\x07\0\0\x02\0\0\0\x02\0\0\0"
#define END(seq) "\x05\0\0" seq "\xfe\0\0\x02\0"
#define COLUMN(seq, len, name_len, name) len "\0\0" seq "\x03" "def" "\0\0\0" name_len name "\0"
#define READ_ONLY(value) "\x01\0\0\x01\x01" COLUMN("\x02", "\x0a", "\x01", "r") END("\x03") \
    "\x02\0\0\x04\x01" value END("\x05")
#define LAG_IS(row) "\x01\0\0\x01\x02" COLUMN("\x02", "\x0a", "\x01", "x")                               \
    COLUMN("\x03", "\x1e", "\x15", "Seconds_Behind_Master") END("\x04") row END("\x06")
#define ERROR(seq, code) "\x0b\0\0" seq "\xff" code "#HY000no"
#define ROW(check, answer, verdict, why) {check, answer, sizeof(answer) - 1, verdict, why}

static const struct {
    const char *check, *answer;
    size_t len;
    enum health_verdict verdict;
    const char *why;
} cases[] = {
    ROW(ANY, GREETING, HEALTH_PASS, ""),
    ROW(ANY, "\x0d\0\0\0\xff\x69\x04Host is bl", HEALTH_FAIL, "1129: Host is bl"),
    ROW(ANY, "\x01\0\0\0\xff", HEALTH_FAIL, "malformed error"),
    ROW(ANY, "\x01\0\0\0\x0a", HEALTH_FAIL, "this is no greeting of MySQL"),
    ROW(ANY, "\x05\0\0\0\x09" "abcd", HEALTH_FAIL, "this is no greeting of MySQL"),
    ROW(ANY, "\0\0\0\0", HEALTH_FAIL, "malformed packet"),
    ROW(EMPTY, GREETING LOGGED_IN, HEALTH_PASS, ""),
    ROW(LOGIN, GREETING LOGGED_IN, HEALTH_PASS, ""),
    ROW(LOGIN, GREETING ERROR("\x02", "\x15\x04"), HEALTH_FAIL, "1045: no"),
    ROW(LOGIN, GREETING "\x01\0\0\x02\x05", HEALTH_FAIL, "malformed answer to the log-in"),
    ROW(LOGIN, GREETING "\x2c\0\0\x02\xfe" "mysql_native_password\0abcdefghijklmnopqrst\0"
        "\x07\0\0\x04\0\0\0\x02\0\0\0",
        HEALTH_PASS, ""),
    ROW(LOGIN, GREETING "\x2c\0\0\x02\xfe" "caching_sha2_password\0abcdefghijklmnopqrst\0" "\x02\0\0\x04\x01\x03"
        "\x07\0\0\x05\0\0\0\x02\0\0\0", HEALTH_PASS, ""),
    ROW(LOGIN, GREETING "\x02\0\0\x02\x01\x04", HEALTH_FAIL,
        "caching_sha2_password wants TLS: log in once by other means, or use mysql_native_password"),
    ROW(LOGIN, GREETING "\x0b\0\0\x02\xfe" "dialog\0abc", HEALTH_FAIL, "it wants dialog, which checks do not do"),
    ROW(LOGIN, GREETING "\x03\0\0\x02\xfe" "ab", HEALTH_FAIL, "it wants , which checks do not do"),
    ROW(PRIMARY, GREETING LOGGED_IN READ_ONLY("0"), HEALTH_PASS, ""),
    ROW(PRIMARY, GREETING LOGGED_IN READ_ONLY("1"), HEALTH_FAIL, "it is a replica, wanted a primary"),
    ROW(REPLICA, GREETING LOGGED_IN READ_ONLY("0"), HEALTH_FAIL, "it is a primary, wanted a replica"),
    ROW(REPLICA, GREETING LOGGED_IN READ_ONLY("1"), HEALTH_PASS, ""),
    ROW(REPLICA, GREETING LOGGED_IN "\x02\0\0\x01\x01\x01", HEALTH_FAIL, "malformed answer to a question"),
    ROW(REPLICA, GREETING LOGGED_IN "\x01\0\0\x01\0", HEALTH_FAIL, "malformed answer to a question"),
    ROW(REPLICA, GREETING LOGGED_IN "\x01\0\0\x01\x01\x01\0\0\x02\x63", HEALTH_FAIL, "malformed answer to a question"),
    ROW(REPLICA, GREETING LOGGED_IN "\x01\0\0\x01\x01" COLUMN("\x02", "\x0a", "\x01", "r") "\x01\0\0\x03\0",
        HEALTH_FAIL,
        "malformed answer to a question"),
    ROW(REPLICA, GREETING LOGGED_IN ERROR("\x01", "\x15\x04"), HEALTH_FAIL, "1045: no"),
    ROW(LAG, GREETING LOGGED_IN READ_ONLY("1") LAG_IS("\x05\0\0\x05\x01x\x02" "10"), HEALTH_PASS, ""),
    ROW(LAG, GREETING LOGGED_IN READ_ONLY("1") LAG_IS("\x05\0\0\x05\x01x\x02" "11"), HEALTH_FAIL,
        "11s behind, 10s allowed"),
    ROW(LAG, GREETING LOGGED_IN READ_ONLY("1") LAG_IS("\x03\0\0\x05\x01x\xfb"), HEALTH_FAIL,
        "its replication does not run"),
    ROW(LAG, GREETING LOGGED_IN READ_ONLY("1") LAG_IS(""), HEALTH_FAIL, "it replicates from nobody"),
    ROW(LAG, GREETING LOGGED_IN READ_ONLY("1") LAG_IS("\x02\0\0\x05\x01x"), HEALTH_FAIL,
        "malformed answer to a question"),
    ROW(LAG, GREETING LOGGED_IN READ_ONLY("1") ERROR("\x01", "\x28\x04") LAG_IS("\x04\0\0\x05\x01x\x01" "1"),
        HEALTH_PASS,
        ""),
    ROW(LAG, GREETING LOGGED_IN READ_ONLY("1") ERROR("\x01", "\xcb\x04"), HEALTH_FAIL, "1227: no"),
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
            kit.talk.out.len = 0;
        }
        talk_kit_again(&kit);
        (void)talk_kit_hear(&kit, str_sub(answer, 0, answer.len - 1), 7);
        WANT(talk_kit_hear_end(&kit) != HEALTH_MORE);
        talk_kit_close(&kit);
    }
}

TEST(a_user_logs_in_and_says_good_bye)
{
    talk_kit_open(&kit, LOGIN);
    (void)talk_kit_hear(&kit, str_of(GREETING, sizeof GREETING - 1), 100);
    struct str said = talk_kit_said(&kit);
    WANT_STR(str_sub(said, 0, 9), str_of("\x51\0\0\x01\x09\x82\x08\0\0", 9));
    WANT_STR(str_sub(said, 36, 4), str_of("me\0\x14", 4));
    WANT(str_ends(said, str_of("db\0mysql_native_password\0", 25)));
    (void)talk_kit_hear(&kit, str_of(LOGGED_IN, sizeof LOGGED_IN - 1), 100);
    WANT_STR(talk_kit_said(&kit), str_of("\x01\0\0\0\x01", 5));
    talk_kit_close(&kit);
}
