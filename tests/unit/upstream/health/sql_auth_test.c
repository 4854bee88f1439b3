#include "upstream/health/sql_auth.h"

#include "base/limits.h"
#include "test.h"

/* The digits of what was written. */
static struct str hex_of(const struct strbuf *in)
{
    static char text[256];
    struct strbuf out = strbuf_over(text, sizeof text);
    strbuf_add_hex_bytes(&out, in->at, in->len);
    return strbuf_str(&out);
}

/* Computed with hashlib of Python from the definitions in the manuals. */
TEST(proofs_are_those_of_the_manuals)
{
    char text[64];
    struct strbuf out = strbuf_over(text, sizeof text);
    WANT_INT(sql_auth_md5(&out, STR("user"), STR("geheim"), STR("\x01\x02\x03\x04")), OK);
    WANT_STR(strbuf_str(&out), STR("md5531f76a667655c9ac9c2c7362c3eaede"));
    out.len = 0;
    WANT_INT(sql_auth_mysql_native(&out, STR("geheim"), STR("abcdefghijklmnopqrst")), OK);
    WANT_STR(hex_of(&out), STR("bbcdd98c2cc26e66e1163072def02efa6672b012"));
    out.len = 0;
    WANT_INT(sql_auth_mysql_sha2(&out, STR("geheim"), STR("abcdefghijklmnopqrst")), OK);
    WANT_STR(hex_of(&out), STR("9d5463db7402d7b2a6024117cc0517debae53b09d2425fb4d80386ef286c8beb"));
}

/* RFC 7677 3, with the name that PostgreSQL leaves empty. */
#define NONCE "rOprNGfwEbeRWgbNEkqO"
#define FIRST "r=" NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"

TEST(scram_proves_that_both_know_the_password)
{
    struct scram scram = {0};
    char text[256];
    struct strbuf out = strbuf_over(text, sizeof text);
    memcpy(scram.nonce, NONCE, sizeof NONCE);
    WANT_INT(scram_answer(&scram, STR("pencil"), STR(FIRST), &out), OK);
    WANT_STR(strbuf_str(&out), STR("c=biws,r=" NONCE "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p="
                                      "qvT2SWdEH5Q06albL+hjSYuUhCG7VndFyzIb7CK4n9k="));
    WANT(scram_is_proved(&scram, STR("v=3HO6Qt1M4MKJrmlKaoOqLAI0/0TV0HZe7J9H3MBtSOg=")));
    WANT(!scram_is_proved(&scram, STR("v=AAAA")));
    WANT(!scram_is_proved(&scram, STR("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=")));
    WANT(!scram_is_proved(&scram, STR("e=other-error")));
    WANT(!scram_is_proved(&scram, STR("v=")));
}

TEST(each_log_in_has_a_nonce_of_its_own)
{
    struct scram first = {0}, second = {0};
    char text[128];
    struct strbuf out = strbuf_over(text, sizeof text);
    WANT_INT(scram_first(&first, &out), OK);
    WANT(str_starts(strbuf_str(&out), STR("n,,n=,r=")));
    WANT_INT(out.len, 8 + 24);
    out.len = 0;
    WANT_INT(scram_first(&second, &out), OK);
    WANT(strcmp(first.nonce, second.nonce) != 0);
}

TEST(a_challenge_that_is_none_is_refused)
{
    static const struct {
        const char *text;
        enum err e;
    } bad[] = {
        {"", ERR_SYNTAX},
        {"r=" NONCE ",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", ERR_SYNTAX}, /* it added nothing */
        {"r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", ERR_SYNTAX},
        {"r=" NONCE "x,s=W22Z*J0SNY7soEsUEjb6gQ==,i=4096", ERR_SYNTAX},
        {"r=" NONCE "x,s=W22,i=4096", ERR_SYNTAX},
        {"r=" NONCE "x,s=,i=4096", ERR_SYNTAX},
        {"r=" NONCE "x,s=W22ZaJ0SNY7soEsUEjb6gQ==", ERR_SYNTAX},
        {"r=" NONCE "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0", ERR_SYNTAX},
        {"r=" NONCE "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=-1", ERR_SYNTAX},
        {"r=" NONCE "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=65537", ERR_LIMIT},
        {"m=x,r=" NONCE "x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1", ERR_SYNTAX},
    };
    char text[256];
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct scram scram = {0};
        struct strbuf out = strbuf_over(text, sizeof text);
        memcpy(scram.nonce, NONCE, sizeof NONCE);
        WANT_INT(scram_answer(&scram, STR("pencil"), str_from_c(bad[i].text), &out), bad[i].e);
        WANT_INT(out.len, 0);
    }
    WANT_INT(LIMIT_VALUE(health_password_rounds), 65536);
}
