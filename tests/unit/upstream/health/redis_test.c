#include "talk_kit.h"
#include "test.h"

static struct talk_kit kit;

#define PRIMARY "{redis: {role: primary}}"
#define REPLICA "{redis: {role: replica}}"
#define LAG "{redis: {role: replica, lag: 10s}}"
#define AUTH "{redis: {password: geheim}}"
#define IS_PRIMARY "*3\r\n$6\r\nmaster\r\n:10\r\n*0\r\n"
#define IS_REPLICA(state) "*5\r\n$5\r\nslave\r\n$1\r\na\r\n:1\r\n$" state "\r\n:10\r\n"
#define INFO(bytes, text) IS_REPLICA("9\r\nconnected") "$" bytes "\r\n" text "\r\n"

static const struct {
    const char *check, *answer;
    enum health_verdict verdict;
    const char *why;
} cases[] = {
    {"redis", "+PONG\r\n", HEALTH_PASS, ""},
    {"redis", "-NOAUTH Authentication required.\r\n", HEALTH_PASS, ""},
    {"redis", "-LOADING it loads\r\n", HEALTH_FAIL, "it says LOADING it loads"},
    {"redis", "+PANG\r\n", HEALTH_FAIL, "no PONG came back"},
    {"redis", "HTTP/1.1 400 Bad\r\n\r\n", HEALTH_FAIL, "this is no answer of Redis"},
    {"redis", "*0\r\n", HEALTH_FAIL, "this is no answer of Redis"},
    {AUTH, "+OK\r\n+PONG\r\n", HEALTH_PASS, ""},
    {AUTH, "-WRONGPASS no\r\n", HEALTH_FAIL, "it says WRONGPASS no"},
    {AUTH, "-NOAUTH no\r\n", HEALTH_FAIL, "it says NOAUTH no"},
    {PRIMARY, IS_PRIMARY, HEALTH_PASS, ""},
    {PRIMARY, IS_REPLICA("9\r\nconnected"), HEALTH_FAIL, "it is a replica, wanted a primary"},
    {PRIMARY, "-NOAUTH no\r\n", HEALTH_FAIL, "it says NOAUTH no"},
    {PRIMARY, "*2\r\n$8\r\nsentinel\r\n*0\r\n", HEALTH_FAIL, "its role is \"sentinel\""},
    {REPLICA, IS_PRIMARY, HEALTH_FAIL, "it is a primary, wanted a replica"},
    {REPLICA, IS_REPLICA("9\r\nconnected"), HEALTH_PASS, ""},
    {REPLICA, IS_REPLICA("7\r\nconnect"), HEALTH_FAIL, "its link to the primary is \"connect\""},
    {REPLICA, "*1\r\n$5\r\nslave\r\n", HEALTH_FAIL, "its link to the primary is \"\""},
    {LAG, INFO("52", "master_link_status:up\r\nmaster_last_io_seconds_ago:10"), HEALTH_PASS, ""},
    {LAG, INFO("52", "master_link_status:up\r\nmaster_last_io_seconds_ago:11"), HEALTH_FAIL, "11s behind, 10s allowed"},
    {LAG, INFO("52", "master_link_status:up\r\nmaster_last_io_seconds_ago:-1"), HEALTH_FAIL,
     "it does not say how far it is behind"},
    {LAG, INFO("23", "master_link_status:down"), HEALTH_FAIL, "its link to the primary is \"down\""},
    {LAG, INFO("0", ""), HEALTH_FAIL, "its link to the primary is \"\""},
};

TEST(an_answer_is_judged_the_same_however_it_is_cut)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str answer = str_from_c(cases[i].answer);
        talk_kit_open(&kit, cases[i].check);
        for (size_t step = 1; step <= answer.len; step++) {
            talk_kit_again(&kit);
            WANT_INT(talk_kit_hear(&kit, answer, step), cases[i].verdict);
            WANT_STR(strbuf_str(&kit.talk.why), str_from_c(cases[i].why));
        }
        talk_kit_again(&kit);
        (void)talk_kit_hear(&kit, str_sub(answer, 0, answer.len - 1), 99999);
        WANT_INT(talk_kit_hear_end(&kit), HEALTH_FAIL);
        talk_kit_close(&kit);
    }
}

TEST(what_is_asked_follows_from_what_is_wanted)
{
    talk_kit_open(&kit, "redis");
    WANT_STR(talk_kit_said(&kit), STR("*1\r\n$4\r\nPING\r\n"));
    talk_kit_close(&kit);
    talk_kit_open(&kit, "{redis: {user: me, password: geheim, role: replica, lag: 5s}}");
    WANT_STR(talk_kit_said(&kit), STR("*3\r\n$4\r\nAUTH\r\n$2\r\nme\r\n$6\r\ngeheim\r\n"));
    (void)talk_kit_hear(&kit, STR("+OK\r\n"), 1);
    WANT_STR(talk_kit_said(&kit), STR("*1\r\n$4\r\nROLE\r\n"));
    (void)talk_kit_hear(&kit, STR(IS_REPLICA("9\r\nconnected")), 1);
    WANT_STR(talk_kit_said(&kit), STR("*2\r\n$4\r\nINFO\r\n$11\r\nreplication\r\n"));
    talk_kit_close(&kit);
}
