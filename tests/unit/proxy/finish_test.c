/* finish_test.c - the record of an exchange: the access line and the counters of what happened, and a
 * connection that goes on or ends as it should. */
#define _GNU_SOURCE
#include "hall.h"

#include "edge/session.h"
#include "observe/access_log.h"

#include <stdlib.h>
#include <unistd.h>

#define GET_ROOT "GET /p?secret HTTP/1.1\r\nHost: a\r\nUser-Agent: t/1\r\n\r\n"
#define SAYS_OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define ONE_SERVICE                                                                                \
    "listeners: { http: { port: 1 } }\n"                                                           \
    "services: { it: { targets: [127.0.0.1:%u], retry: off } }\n"                                              \
    "routes: { all: { match: /p, to: it } }\n"

static struct hall hall;
static char path[] = "/tmp/sluice-finish-XXXXXX";
static struct access_log *log_file;

static void open_all(void)
{
    hall_open(&hall, 1);
    WANT(hall_publish(&hall, ONE_SERVICE, hall.origin_ports[0]));
    memcpy(path + sizeof path - 7, "XXXXXX", 6);
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    (void)close(fd);
    const struct access_conf conf = {.target = ACCESS_FILE,
                                     .path = path,
                                     .core_count = 1,
                                     .block = &hall.stats.blocks[hall.core_count]};
    CHECK(access_log_open(&conf, &log_file) == OK);
    hall.core->log_ring = access_log_ring(log_file, 0);
}

/* Ends all and gives the lines that were written. */
static struct str close_all(void)
{
    static char lines[16384];
    hall_hang_up(&hall);
    hall.core->log_ring = NULL;
    WANT_INT(access_log_close(&log_file, 2000), 0);
    FILE *file = fopen(path, "r");
    size_t len = file == NULL ? 0 : fread(lines, 1, sizeof lines, file);
    if (file != NULL) {
        (void)fclose(file);
    }
    (void)unlink(path);
    hall_close(&hall);
    return str_of(lines, len);
}

static bool says(struct str lines, const char *text)
{
    bool has = memmem(lines.at, lines.len, text, strlen(text)) != NULL;
    if (!has) {
        printf("# no %s in %.*s\n", text, STR_FMT(lines));
    }
    return has;
}

TEST(an_exchange_that_went_well_is_written_and_counted)
{
    struct peer client, origin;
    open_all();
    uint32_t cell = hall.snapshot->plans[0].cells_requests[0];
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR(GET_ROOT)));
    WANT(hall_accept(&hall, 0, &origin));
    WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
    WANT(peer_say(&hall, &origin, STR(SAYS_OK)));
    WANT(peer_hears(&hall, &client, "\r\n\r\nok"));
    WANT_INT(stats_read(&hall.stats, cell + stats_code(200)), 1);
    const struct service_cells *cells = &hall.snapshot->services[0].service->cells;
    WANT_INT(stats_read(&hall.stats, cells->sent_bytes), origin.heard_len);
    WANT_INT(stats_read(&hall.stats, cells->received_bytes), sizeof SAYS_OK - 1);
    const struct listener_conf *conf = hall.snapshot->listeners[0];
    WANT_INT(stats_read(&hall.stats, conf->cell_sent_bytes), client.heard_len);
    WANT_INT(stats_read(&hall.stats, conf->cell_received_bytes), sizeof GET_ROOT - 1);
    peer_close(&client, false);
    peer_close(&origin, false);
    struct str lines = close_all();
    WANT(says(lines, "\"route\":\"all\""));
    WANT(says(lines, "\"service\":\"it\""));
    WANT(says(lines, "\"status\":200"));
    WANT(says(lines, "\"attempts\":1"));
    WANT(says(lines, "\"path\":\"/p\""));
    WANT(says(lines, "t/1"));
    WANT(memmem(lines.at, lines.len, "secret", 6) == NULL);
}

TEST(every_end_is_written_once_with_its_reason)
{
    struct peer client, origin;
    open_all();
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR("GET /none HTTP/1.1\r\nHost: a\r\n\r\n")));
    WANT(peer_hears(&hall, &client, "404"));
    WANT(peer_say(&hall, &client, STR(GET_ROOT)));
    WANT(hall_accept(&hall, 0, &origin));
    WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
    peer_close(&client, true); /* gone before it was answered */
    hall_run_ms(&hall, 5);
    peer_close(&origin, false);
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR("GET /p?secret HTTP/1.1\r\nHost: a b\r\n\r\n")));
    WANT(peer_hears(&hall, &client, "400"));
    peer_close(&client, false);
    hall_run_ms(&hall, 5);
    WANT_INT(stats_read(&hall.stats, CELL_errors + ERR_NO_ROUTE), 1);
    WANT_INT(stats_read(&hall.stats, CELL_errors + ERR_CLIENT_GONE), 1);
    WANT_INT(stats_read(&hall.stats, CELL_errors + ERR_BAD_HOST), 1);
    struct str lines = close_all();
    WANT(says(lines, "\"reason\":\"no_route\""));
    WANT(says(lines, "\"reason\":\"client_gone\""));
    WANT(says(lines, "\"reason\":\"bad_host\""));
    size_t count = 0;
    for (size_t i = 0; i < lines.len; i++) {
        count += lines.at[i] == '\n';
    }
    WANT_INT(count, 3);
    WANT(memmem(lines.at, lines.len, "secret", 6) == NULL);
}

TEST(an_instance_that_refused_is_named)
{
    struct peer client;
    open_all();
    (void)close(hall.origin_fds[0]);
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR(GET_ROOT)));
    WANT(peer_hears(&hall, &client, "origin_connect"));
    peer_close(&client, false);
    hall.origin_fds[0] = dup(hall.origin_fds[1]);
    char name[64];
    (void)snprintf(name, sizeof name, "\"instance\":\"127.0.0.1:%u\"", hall.origin_ports[0]);
    struct str lines = close_all();
    WANT(says(lines, name));
}

TEST(an_instance_that_went_meanwhile_is_still_named)
{
    struct peer client, origin;
    open_all();
    hall_client(&hall, 0, &client);
    WANT(peer_say(&hall, &client, STR(GET_ROOT)));
    WANT(hall_accept(&hall, 0, &origin));
    WANT(peer_hears(&hall, &origin, "\r\n\r\n"));
    struct session *session = hall_session(&hall);
    session->stream.can_write = false;
    peer_close(&origin, true);
    hall_run_ms(&hall, 5);
    hall_unclog(session);
    WANT(peer_hears(&hall, &client, "origin_reset"));
    peer_close(&client, false);
    char name[64];
    (void)snprintf(name, sizeof name, "\"instance\":\"127.0.0.1:%u\"", hall.origin_ports[0]);
    struct str lines = close_all();
    WANT(says(lines, name));
}
