#include "talk_kit.h"
#include "test.h"

static struct talk_kit kit;

TEST(what_an_instance_said_is_shown_as_text)
{
    talk_kit_open(&kit, "GET /h");
    WANT_INT(health_fail(&kit.talk, "said %s", "a\r\nb\x1b[2J\xff"), HEALTH_FAIL);
    WANT_STR(strbuf_str(&kit.talk.why), STR("said a..b.[2J."));
    talk_kit_close(&kit);
}

TEST(a_reason_is_cut_not_lost)
{
    char text[1000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    talk_kit_open(&kit, "GET /h");
    (void)health_fail(&kit.talk, "%s", text);
    WANT_INT(kit.talk.why.len, HEALTH_WHY_BYTES_MAX - 1);
    WANT(!strbuf_overflowed(&kit.talk.why));
    (void)health_fail(&kit.talk, "later");
    WANT_STR(strbuf_str(&kit.talk.why), STR("later"));
    talk_kit_close(&kit);
}

TEST(who_has_ended_says_no_more)
{
    talk_kit_open(&kit, "GET /h");
    WANT_INT(health_more(&kit.talk), HEALTH_MORE);
    kit.talk.has_ended = true;
    WANT_INT(health_more(&kit.talk), HEALTH_FAIL);
    talk_kit_close(&kit);
}
