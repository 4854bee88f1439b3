/* demo_origin_test.c - the instances of the example, as a client sees them. */
#include "cli/demo_origin.h"

#include "cli/ask.h"
#include "net/socket.h"
#include "test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct world {
    struct demo_instance instances[2];
    pid_t child;
};

static bool world_start(struct world *world)
{
    uint32_t failed;
    *world = (struct world){0};
    for (uint32_t i = 0; i < 2; i++) {
        world->instances[i] =
            (struct demo_instance){.addr = {.family = ADDR_V4, .ip = {127, 0, 0, 1}},
                                   .service = STR("orders"),
                                   .version = i == 0 ? STR("v1") : STR("v2"),
                                   .name = i == 0 ? STR("a:1") : STR("b:2")};
    }
    if (demo_origin_bind(world->instances, 2, &failed) != OK) {
        return false;
    }
    for (uint32_t i = 0; i < 2; i++) {
        (void)!socket_local(world->instances[i].listen_fd, &world->instances[i].addr);
    }
    world->child = fork();
    if (world->child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)!demo_origin_serve(world->instances, 2);
        _exit(1);
    }
    demo_origin_close(world->instances, 2);
    return world->child > 0;
}

static void world_end(struct world *world)
{
    (void)kill(world->child, SIGKILL);
    (void)waitpid(world->child, NULL, 0);
}

TEST(an_answer_says_who_gave_it_and_what_arrived)
{
    struct world world;
    struct ask ask;
    WANT(world_start(&world));
    for (uint32_t i = 0; i < 2; i++) {
        WANT_INT(ask_open(&ask, &world.instances[i].addr), OK);
        WANT_INT(ask_exchange(&ask,
                              STR("GET /orders/7?x=\"1 HTTP/1.1\r\nHost: h\r\nX-A: \xff\r\n\r\n"),
                              METHOD_GET),
                 OK);
        WANT_INT(ask.head.status, 200);
        WANT_STR(ask_body(&ask),
                 i == 0 ? STR("{\"service\":\"orders\",\"version\":\"v1\",\"instance\":\"a:1\","
                              "\"method\":\"GET\",\"target\":\"/orders/7?x=\\\"1\","
                              "\"fields\":[\"Host: h\",\"X-A: \\ufffd\"],\"body_bytes\":0}\n")
                        : STR("{\"service\":\"orders\",\"version\":\"v2\",\"instance\":\"b:2\","
                              "\"method\":\"GET\",\"target\":\"/orders/7?x=\\\"1\","
                              "\"fields\":[\"Host: h\",\"X-A: \\ufffd\"],\"body_bytes\":0}\n"));
        ask_close(&ask);
    }
    world_end(&world);
}

/* Whether the answer counts that many bytes of body. */
static bool counted(const struct ask *ask, struct str wanted)
{
    return str_ends(ask_body(ask), wanted);
}

TEST(bodies_are_counted_on_one_connection_split_anywhere)
{
    static const char *const requests[] = {
        "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
        "POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
        "chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    };
    struct world world;
    struct ask ask;
    WANT(world_start(&world));
    WANT_INT(ask_open(&ask, &world.instances[0].addr), OK);
    for (size_t i = 0; i < COUNT_OF(requests); i++) {
        struct str request = str_from_c(requests[i]);
        for (size_t cut = 0; cut < request.len; cut++) {
            WANT_INT(ask_send(&ask, str_sub(request, 0, cut)), OK);
            WANT_INT(ask_exchange(&ask, str_skip(request, cut), METHOD_POST), OK);
            WANT(counted(&ask, STR("\"body_bytes\":5}\n")));
        }
    }
    ask_close(&ask);
    world_end(&world);
}

TEST(a_large_body_a_head_request_and_a_closing_one)
{
    static char body[300000];
    struct world world;
    struct ask ask;
    memset(body, 'x', sizeof body);
    WANT(world_start(&world));
    WANT_INT(ask_open(&ask, &world.instances[0].addr), OK);
    WANT_INT(ask_send(&ask, STR("PUT /a HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n"
                                "Expect: 100-continue\r\n\r\n")),
             OK);
    WANT_INT(ask_exchange(&ask, str_of(body, sizeof body), METHOD_PUT), OK);
    WANT(counted(&ask, STR("\"body_bytes\":300000}\n")));
    WANT_INT(ask_exchange(&ask, STR("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n"), METHOD_HEAD), OK);
    WANT(ask.head.has_content_length && ask_body(&ask).len == 0);
    WANT_INT(ask_exchange(&ask, STR("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
                          METHOD_GET),
             OK);
    WANT(!ask.head.is_persistent);
    ask_close(&ask);
    world_end(&world);
}

TEST(a_pipeline_is_answered_in_order_and_nonsense_is_cut)
{
    struct world world;
    struct ask ask;
    WANT(world_start(&world));
    WANT_INT(ask_open(&ask, &world.instances[0].addr), OK);
    WANT_INT(ask_send(&ask, STR("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n"
                                "Connection: close\r\n\r\n")),
             OK);
    enum err e = ask_receive(&ask, METHOD_GET);
    /* Both answers may have come with one read. */
    WANT(e == OK || e == ERR_ORIGIN_FRAMING);
    WANT(str_find_str(ask_body(&ask), STR("/1")) < ask_body(&ask).len);
    ask_close(&ask);
    WANT_INT(ask_open(&ask, &world.instances[0].addr), OK);
    WANT_INT(ask_exchange(&ask, STR("NONSENSE\r\n\r\n"), METHOD_GET), ERR_CLOSED);
    ask_close(&ask);
    world_end(&world);
}

TEST(many_fields_do_not_break_the_answer)
{
    char request[16000];
    struct strbuf out = strbuf_over(request, sizeof request);
    struct world world;
    struct ask ask;
    strbuf_add(&out, STR("GET / HTTP/1.1\r\nHost: h\r\n"));
    for (int i = 0; i < 200; i++) {
        strbuf_add_fmt(&out, "X-%d: \"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\r\n", i);
    }
    strbuf_add(&out, STR("\r\n"));
    WANT(!strbuf_overflowed(&out));
    WANT(world_start(&world));
    WANT_INT(ask_open(&ask, &world.instances[0].addr), OK);
    WANT_INT(ask_exchange(&ask, strbuf_str(&out), METHOD_GET), OK);
    WANT(counted(&ask, STR("\"],\"body_bytes\":0}\n")));
    ask_close(&ask);
    world_end(&world);
}

TEST(an_address_in_use_is_named)
{
    struct demo_instance instances[2];
    uint32_t failed = 7;
    int fd = -1;
    struct addr taken = {.family = ADDR_V4, .ip = {127, 0, 0, 1}};
    WANT_INT(socket_listen(&taken, 1, false, &fd), OK);
    WANT_INT(socket_local(fd, &taken), OK);
    instances[0] = (struct demo_instance){.addr = {.family = ADDR_V4, .ip = {127, 0, 0, 1}}};
    instances[1] = (struct demo_instance){.addr = taken};
    WANT_INT(demo_origin_bind(instances, 2, &failed), ERR_ADDRESS_IN_USE);
    WANT_INT(failed, 1);
    WANT(instances[0].listen_fd == -1 && instances[1].listen_fd == -1);
    socket_close(&fd);
}
