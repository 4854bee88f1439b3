/* tls_test.c - what can be seen without a server; handshakes are tested whole, in
 * tests/flow/test_health_protocols.py. */
#include "upstream/health/tls.h"

#include "talk_kit.h"
#include "test.h"

#include <sys/socket.h>
#include <unistd.h>

static struct talk_kit kit;

TEST(certificates_that_cannot_be_read_make_no_context)
{
    const struct conf_health *conf = talk_kit_conf(&kit, "{tls: {verify: true, ca: /nonexistent/ca.pem}}");
    WANT(health_tls_context_new(conf) == NULL);
    config_free(kit.config);
    kit.plan = health_plan_new(talk_kit_conf(&kit, "{tls: {verify: true, ca: /nonexistent/ca.pem}}"));
    WANT(kit.plan->tls == NULL);
    health_plan_free(kit.plan);
    config_free(kit.config);
}

TEST(a_handshake_waits_fails_and_ends)
{
    int fds[2];
    struct health_tls tls = {0};
    const struct conf_health *conf = talk_kit_conf(&kit, "{tls: {name: good.example}}");
    void *context = health_tls_context_new(conf);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    WANT_INT(health_tls_open(&tls, context, &conf->tls, STR("10.0.0.1:443")), OK);
    WANT_INT(health_tls_shake(&tls, fds[0]), ERR_AGAIN);
    char hello[4096];
    ssize_t got = read(fds[1], hello, sizeof hello);
    WANT(got > 50 && hello[0] == 0x16);
    WANT(str_find_str(str_of(hello, (size_t)got), STR("good.example")) < (size_t)got);
    CHECK(write(fds[1], "HTTP/1.1 400 Bad\r\n\r\n", 20) == 20);
    WANT_INT(health_tls_shake(&tls, fds[0]), ERR_SYNTAX);
    WANT(tls.why[0] != '\0');
    health_tls_close(&tls);
    WANT_INT(health_tls_open(&tls, context, &conf->tls, STR("[::1]:443")), OK);
    (void)close(fds[1]);
    WANT_INT(health_tls_shake(&tls, fds[0]), ERR_CLOSED);
    health_tls_close(&tls);
    health_tls_context_free(context);
    (void)close(fds[0]);
    config_free(kit.config);
}
