/* admin_test.c - the admin socket as a client meets it, split anywhere, slow, many, and closing. */
#include "control/admin.h"

#include "base/check.h"
#include "base/limits.h"
#include "net/local.h"
#include "net/socket.h"
#include "test.h"

#include <stdlib.h>
#include <unistd.h>

enum { ANSWER_BYTES_MAX = 4 << 20 };

struct world {
    struct loop loop;
    struct admin *admin;
    char directory[64], path[96];
    uint32_t asked_count;
    size_t fill_bytes; /* of the answer */
    bool closes_itself;
};

static char answer_room[ANSWER_BYTES_MAX];

static void on_asked(void *owner, const struct admin_request *request, struct admin_answer *answer)
{
    struct world *world = owner;
    world->asked_count++;
    if (world->closes_itself) {
        admin_close(&world->admin);
    }
    if (str_eq(request->path, STR("/no"))) {
        answer->allow = STR("POST");
        admin_problem(request, answer, 405, "method_not_allowed", STR("\"no\""));
        return;
    }
    sink_add(&answer->body, request->method);
    sink_add(&answer->body, STR(" "));
    sink_add(&answer->body, request->path);
    sink_add(&answer->body, STR("?"));
    sink_add(&answer->body, request->query);
    sink_pad(&answer->body, 'x', world->fill_bytes);
}

static void world_open(struct world *world)
{
    *world = (struct world){0};
    (void)snprintf(world->directory, sizeof world->directory, "/tmp/admin_test.XXXXXX");
    CHECK(mkdtemp(world->directory) != NULL);
    (void)snprintf(world->path, sizeof world->path, "%s/a.sock", world->directory);
    CHECK(loop_init(&world->loop) == OK);
    const struct admin_conf conf = {
        .loop = &world->loop, .path = str_from_c(world->path), .answer = on_asked, .owner = world};
    WANT_INT(admin_open(&conf, &world->admin), OK);
}

static void world_close(struct world *world)
{
    admin_close(&world->admin);
    WANT(world->admin == NULL && access(world->path, F_OK) != 0);
    for (int i = 0; i < 4; i++) {
        loop_turn(&world->loop, 0);
    }
    loop_drop(&world->loop);
    (void)rmdir(world->directory);
}

static int client(const struct world *world)
{
    int fd = -1;
    WANT_INT(local_connect(str_from_c(world->path), &fd), OK);
    return fd;
}

static void say(int fd, struct str bytes)
{
    size_t sent = 0;
    WANT_INT(socket_send_str(fd, bytes, &sent), OK);
    WANT_INT(sent, bytes.len);
}

/* Everything up to the end. */
static struct str hear(struct world *world, int fd)
{
    size_t len = 0;
    for (int turns = 0; turns < 10000; turns++) {
        size_t got = 0;
        enum err e = socket_recv(fd, answer_room + len, sizeof answer_room - len, &got);
        len += got;
        if (e != OK && e != ERR_AGAIN) {
            break;
        }
        loop_turn(&world->loop, 0);
    }
    return str_of(answer_room, len);
}

TEST(a_request_is_answered_however_it_is_split)
{
    const struct str request = STR("GET /v1/x?a=b HTTP/1.1\r\nHost: h\r\n\r\n");
    const struct str wanted = STR("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                  "Cache-Control: no-store\r\nContent-Length: 13\r\n"
                                  "Connection: close\r\n\r\nGET /v1/x?a=b");
    struct world world;
    world_open(&world);
    for (size_t cut = 0; cut < request.len; cut++) {
        int fd = client(&world);
        if (cut > 0) {
            say(fd, str_sub(request, 0, cut));
            loop_turn(&world.loop, 0);
            loop_turn(&world.loop, 0);
        }
        say(fd, str_skip(request, cut));
        WANT_STR(hear(&world, fd), wanted);
        socket_close(&fd);
    }
    WANT_INT(world.asked_count, request.len);
    world_close(&world);
}

TEST(people_get_text_and_programs_problem_json)
{
    struct world world;
    world_open(&world);
    int fd = client(&world);
    say(fd, STR("GET /no HTTP/1.1\r\nHost: h\r\n\r\n"));
    WANT_STR(hear(&world, fd),
             STR("HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/problem+json\r\n"
                 "Cache-Control: no-store\r\nAllow: POST\r\nContent-Length: 111\r\n"
                 "Connection: close\r\n\r\n"
                 "{\"type\":\"about:blank\",\"title\":\"Method Not Allowed\",\"status\":405,"
                 "\"code\":\"method_not_allowed\",\"detail\":\"\\\"no\\\"\"}\n"));
    socket_close(&fd);
    fd = client(&world);
    say(fd, STR("GET /no HTTP/1.1\r\nHost: h\r\nAccept: text/plain\r\n\r\n"));
    WANT(str_ends(hear(&world, fd), STR("\r\n\r\n\"no\"\n")));
    socket_close(&fd);
    world_close(&world);
}

TEST(what_is_no_request_is_refused_and_nobody_is_asked)
{
    static const struct {
        const char *request;
        const char *status;
    } rows[] = {
        {"NONSENSE\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 400 "},
        {"GET /../x HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nx", "HTTP/1.1 413 "},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 16384\r\n\r\nx", "HTTP/1.1 413 "},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", "HTTP/1.1 413 "},
        {"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 0\r\nX: \x01\r\n\r\n",
         "HTTP/1.1 400 "},
    };
    struct world world;
    world_open(&world);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int fd = client(&world);
        say(fd, str_from_c(rows[i].request));
        WANT(str_starts(hear(&world, fd), str_from_c(rows[i].status)));
        socket_close(&fd);
    }
    int fd = client(&world);
    char line[LIMIT_VALUE(admin_head_bytes) + 64];
    memset(line, 'x', sizeof line);
    memcpy(line, "GET /", 5);
    say(fd, str_of(line, sizeof line));
    WANT(str_starts(hear(&world, fd), STR("HTTP/1.1 4")));
    socket_close(&fd);
    WANT_INT(world.asked_count, 0);
    world_close(&world);
}

TEST(a_body_may_come_in_pieces)
{
    struct world world;
    world_open(&world);
    int fd = client(&world);
    say(fd, STR("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na"));
    loop_turn(&world.loop, 10);
    WANT_INT(world.asked_count, 0);
    say(fd, STR("bc"));
    WANT(hear(&world, fd).len > 0);
    WANT_INT(world.asked_count, 1);
    socket_close(&fd);
    world_close(&world);
}

TEST(a_large_answer_waits_for_its_reader)
{
    struct world world;
    world_open(&world);
    world.fill_bytes = 3 << 20;
    int fd = client(&world);
    say(fd, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    for (int i = 0; i < 20; i++) {
        loop_turn(&world.loop, 0);
    }
    WANT(hear(&world, fd).len > world.fill_bytes);
    socket_close(&fd);
    world_close(&world);
}

TEST(an_answer_may_close_the_server_and_is_still_given)
{
    struct world world;
    world_open(&world);
    world.closes_itself = true;
    int fd = client(&world);
    say(fd, STR("GET /last HTTP/1.1\r\nHost: h\r\n\r\n"));
    WANT(str_ends(hear(&world, fd), STR("GET /last?")));
    socket_close(&fd);
    world_close(&world);
}

TEST(silent_clients_are_bounded_in_number)
{
    struct world world;
    int fds[LIMIT_VALUE(admin_connections) + 4];
    world_open(&world);
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        fds[i] = client(&world);
        loop_turn(&world.loop, 0);
    }
    for (int i = 0; i < 8; i++) {
        loop_turn(&world.loop, 0);
    }
    char byte;
    size_t got;
    uint32_t refused = 0;
    for (size_t i = 0; i < COUNT_OF(fds); i++) {
        refused += socket_recv(fds[i], &byte, 1, &got) == ERR_CLOSED;
        socket_close(&fds[i]);
    }
    WANT_INT(refused, 4);
    for (int i = 0; i < 8; i++) {
        loop_turn(&world.loop, 0);
    }
    int fd = client(&world);
    say(fd, STR("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
    WANT(hear(&world, fd).len > 0);
    socket_close(&fd);
    world_close(&world);
}

TEST(a_client_without_progress_is_let_go)
{
    struct world world;
    world_open(&world);
    int fd = client(&world);
    loop_turn(&world.loop, 0);
    loop_turn(&world.loop, 0);
    /* The deadline is there; waiting for it would only test the wheel. */
    WANT(LIMIT_VALUE(admin_timeout_ms) > 0);
    say(fd, STR("GET"));
    loop_turn(&world.loop, 0);
    socket_close(&fd);
    for (int i = 0; i < 4; i++) {
        loop_turn(&world.loop, 0);
    }
    WANT_INT(world.asked_count, 0);
    world_close(&world);
}

TEST(places_where_no_socket_can_be)
{
    struct world world;
    struct admin *admin;
    world_open(&world);
    struct admin_conf conf = {
        .loop = &world.loop, .path = str_from_c(world.path), .answer = on_asked, .owner = &world};
    WANT_INT(admin_open(&conf, &admin), ERR_ADDRESS_IN_USE);
    WANT(admin == NULL);
    conf.path = STR("/nowhere/at/all.sock");
    WANT_INT(admin_open(&conf, &admin), ERR_NOT_FOUND);
    admin_close(&admin);
    world_close(&world);
}
