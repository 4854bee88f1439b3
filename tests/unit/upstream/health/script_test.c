#include "talk_kit.h"
#include "test.h"

static struct talk_kit kit;

#define SMTP                                                                                       \
    "{script: [{expect: \"220 \"}, {send: \"EHLO a\\r\\n\"}, "                                       \
    "{expect: \"250\"}, {send_hex: \"51 0d 0a\"}, {expect_hex: 32}]}"

TEST(each_step_waits_for_the_one_before)
{
    talk_kit_open(&kit, SMTP);
    WANT_STR(talk_kit_said(&kit), STR(""));
    WANT_INT(talk_kit_hear(&kit, STR("220 mail ready\r\n"), 1), HEALTH_MORE);
    WANT_STR(talk_kit_said(&kit), STR("EHLO a\r\n"));
    WANT_INT(talk_kit_hear(&kit, STR("250-hello\r\n"), 1), HEALTH_MORE);
    WANT_STR(talk_kit_said(&kit), STR("Q\r\n"));
    WANT_INT(talk_kit_hear(&kit, STR("221 bye\r\n"), 1), HEALTH_PASS);
    talk_kit_close(&kit);
}

TEST(who_speaks_first_says_so_at_once)
{
    talk_kit_open(&kit, "{script: [{send: a}, {send: b}, {expect: c}]}");
    WANT_STR(talk_kit_said(&kit), STR("ab"));
    WANT_INT(talk_kit_hear(&kit, STR("abab"), 1), HEALTH_MORE);
    WANT_INT(talk_kit_hear(&kit, STR("cd"), 2), HEALTH_PASS);
    talk_kit_close(&kit);
}

TEST(the_end_before_the_last_step_fails)
{
    talk_kit_open(&kit, SMTP);
    (void)talk_kit_hear(&kit, STR("220 x 25"), 3);
    WANT_INT(talk_kit_hear_end(&kit), HEALTH_FAIL);
    WANT_STR(strbuf_str(&kit.talk.why), STR("closed before step 3"));
    talk_kit_close(&kit);
}

TEST(the_same_answer_however_it_is_cut)
{
    struct str all = STR("220 a\r\n250 b\r\n221 c");
    talk_kit_open(&kit, SMTP);
    for (size_t step = 1; step <= all.len; step++) {
        talk_kit_again(&kit);
        WANT_INT(talk_kit_hear(&kit, all, step), HEALTH_PASS);
    }
    talk_kit_close(&kit);
}
