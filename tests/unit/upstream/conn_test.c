/* conn_test.c - connections to instances: made, refused, timed out, rested in the pool, and closed as
 * soon as anything about them is in doubt. */
#include "scene.h"

#include "base/limits.h"
#include "fault.h"

#include <errno.h>
#include <sys/socket.h>

static struct scene scene;
static struct origin *origin;
static int listen_fd;

static void open_origin(void)
{
    uint16_t port;
    scene_open(&scene);
    listen_fd = scene_listen(&port);
    struct service *service = roster_service(&scene.roster, STR("it"), 8);
    struct cluster *cluster = roster_cluster(&scene.roster, service, STR(""));
    CHECK(cluster != NULL);
    scene_targets(&scene, cluster, &port, 1);
    scene_publish(&scene);
    origin = origin_of(roster_set_of(&scene.roster, cluster)->endpoints[0]);
}

static void close_all(void)
{
    const struct service_cells *cells = &origin->cluster->service->cells;
    pool_purge(origin, &scene.cores[0]);
    WANT_INT(origin->pools[0].idle_count, 0);
    WANT_INT(origin->pools[0].open_count, 0);
    WANT_INT(atomic_load(&origin->open_count), 0);
    WANT_INT(stats_read(&scene.stats, cells->open), 0);
    WANT_INT(stats_read(&scene.stats, cells->idle), 0);
    if (listen_fd >= 0) {
        (void)close(listen_fd);
    }
    scene_close(&scene);
}

/* A connection that stands, and the origin's end of it. */
static struct conn *connected(struct exchange *ex, int *far)
{
    struct conn *conn = NULL;
    WANT_INT(conn_open(origin, ex, 1000, &conn), OK);
    WANT_INT(conn->state, CONN_CONNECTING);
    *far = accept(listen_fd, NULL, NULL);
    WANT(*far >= 0);
    unsigned before = told.connected;
    scene_run_ms(&scene, 0, 2);
    WANT_INT(told.connected, before + 1);
    WANT_INT(told.e, OK);
    WANT(told.ex == ex);
    WANT_INT(conn->state, CONN_BUSY);
    return conn;
}

TEST(a_connection_stands_rests_and_is_used_again)
{
    int far;
    open_origin();
    struct exchange *ex = scene_begin(&scene, 0), *next = scene_begin(&scene, 0);
    struct conn *conn = connected(ex, &far), *same = conn, *again;
    WANT_INT(pool_take(origin, ex, &again), ERR_NOT_FOUND);
    pool_give(&conn, 8, 1000);
    WANT(conn == NULL);
    WANT_INT(origin->pools[0].idle_count, 1);
    WANT_INT(pool_take(origin, next, &again), OK);
    WANT(again == same);
    WANT(again->is_reused);
    WANT_INT(again->request_count, 2);
    WANT(write(far, "x", 1) == 1);
    scene_run_ms(&scene, 0, 2);
    WANT(told.ex == next);
    WANT(told.ready > 0);
    conn_close(&again);
    WANT(again == NULL);
    (void)close(far);
    scene_end(ex);
    scene_end(next);
    close_all();
}

TEST(a_refused_connection_and_a_silent_one_are_told_apart)
{
    open_origin();
    struct exchange *ex = scene_begin(&scene, 0);
    struct conn *conn = NULL;
    (void)close(listen_fd);
    listen_fd = -1;
    WANT_INT(conn_open(origin, ex, 1000, &conn), OK);
    for (int i = 0; i < 100 && told.connected == 0; i++) {
        loop_turn(&scene.cores[0].loop, 1);
    }
    WANT_INT(told.e, ERR_ORIGIN_CONNECT);
    conn_close(&conn);
    /* Nobody answers at this address (RFC 5737), or the machine knows no way there. */
    WANT(addr_parse_ip(STR("192.0.2.1"), &origin->endpoint.addr) == OK);
    origin->endpoint.addr.port = 9;
    told = (struct told){0};
    enum err e = conn_open(origin, ex, 20, &conn);
    if (e == OK) {
        for (int i = 0; i < 100 && told.connected == 0; i++) {
            loop_turn(&scene.cores[0].loop, 1);
        }
        WANT(told.e == ERR_ORIGIN_CONNECT_TIMEOUT || told.e == ERR_ORIGIN_CONNECT);
        conn_close(&conn);
    }
    scene_end(ex);
    close_all();
}

TEST(no_descriptor_and_no_memory_are_errors_that_leave_nothing)
{
    open_origin();
    struct exchange *ex = scene_begin(&scene, 0);
    struct conn *conn = NULL;
    fault_set((struct fault){.error = EMFILE, .times = 1});
    WANT_INT(conn_open(origin, ex, 1000, &conn), ERR_LIMIT);
    fault_set((struct fault){0});
    scene.cores[0].conns.fail_after = 0;
    WANT_INT(conn_open(origin, ex, 1000, &conn), ERR_MEMORY);
    WANT(conn == NULL);
    scene_end(ex);
    close_all();
}

TEST(an_idle_connection_that_says_anything_or_ends_is_closed)
{
    for (int kind = 0; kind < 3; kind++) {
        int far;
        open_origin();
        struct exchange *ex = scene_begin(&scene, 0);
        struct conn *conn = connected(ex, &far);
        pool_give(&conn, 8, kind == 2 ? 20 : 1000);
        WANT_INT(origin->pools[0].idle_count, 1);
        if (kind == 0) {
            WANT(write(far, "HTTP/1.1 200 OK\r\n", 17) == 17);
        } else if (kind == 1) {
            (void)shutdown(far, SHUT_WR);
        }
        scene_run_ms(&scene, 0, 30);
        WANT_INT(origin->pools[0].idle_count, 0);
        char byte;
        WANT(recv(far, &byte, 1, 0) <= 0);
        (void)close(far);
        scene_end(ex);
        close_all();
    }
}

TEST(only_a_clean_connection_rests)
{
    enum { UNREAD, HUNG_UP, BROKEN, POOL_FULL, NO_TIME, REMOVED, CASES };
    for (int kind = 0; kind < CASES; kind++) {
        int far;
        open_origin();
        struct exchange *ex = scene_begin(&scene, 0);
        struct conn *conn = connected(ex, &far);
        if (kind == UNREAD) {
            WANT(write(far, "x", 1) == 1);
            scene_run_ms(&scene, 0, 2);
        } else if (kind == HUNG_UP) {
            (void)shutdown(far, SHUT_WR);
            scene_run_ms(&scene, 0, 2);
        } else if (kind == REMOVED) {
            endpoint_bar(&origin->endpoint, ENDPOINT_BAR_REMOVED);
        }
        conn->stream.is_broken = kind == BROKEN;
        pool_give(&conn, kind == POOL_FULL ? 0 : 8, kind == NO_TIME ? 0 : 1000);
        WANT(conn == NULL);
        WANT_INT(origin->pools[0].idle_count, 0);
        (void)close(far);
        scene_end(ex);
        close_all();
    }
    /* Marked readable, with nothing there: the kernel is asked. */
    int far;
    open_origin();
    struct exchange *ex = scene_begin(&scene, 0);
    struct conn *conn = connected(ex, &far);
    conn->stream.can_read = true;
    pool_give(&conn, 8, 1000);
    WANT_INT(origin->pools[0].idle_count, 1);
    (void)close(far);
    scene_end(ex);
    close_all();
}

TEST(a_deadline_rings_once_it_is_due_and_not_when_it_was_moved_away)
{
    int far;
    open_origin();
    struct exchange *ex = scene_begin(&scene, 0);
    struct conn *conn = connected(ex, &far);
    conn_wait_until(conn, scene.cores[0].loop.now_ms + 10);
    conn_wait_until(conn, INT64_MAX);
    scene_run_ms(&scene, 0, 25);
    WANT_INT(told.timers, 0);
    conn_wait_until(conn, scene.cores[0].loop.now_ms + 10);
    scene_run_ms(&scene, 0, 30);
    WANT_INT(told.timers, 1);
    conn_close(&conn);
    (void)close(far);
    scene_end(ex);
    close_all();
}

TEST(room_for_a_head_in_pieces_grows_to_its_limit)
{
    int far;
    open_origin();
    struct exchange *ex = scene_begin(&scene, 0);
    struct conn *conn = connected(ex, &far);
    WANT_INT(conn_grow_in(conn), OK);
    WANT_INT(conn->in_cap, BLOCK_BYTES);
    memset(conn->in_at, 'h', BLOCK_BYTES);
    conn->in_len = BLOCK_BYTES;
    scene.cores[0].large_chunks.fail_after = 0;
    WANT_INT(conn_grow_in(conn), ERR_MEMORY);
    WANT_INT(conn->in_len, BLOCK_BYTES); /* unharmed */
    WANT_INT(conn_grow_in(conn), OK);
    WANT_INT(conn->in_cap, LARGE_CHUNK_BYTES);
    WANT_INT(conn->in_len, BLOCK_BYTES);
    WANT(conn->in_at[BLOCK_BYTES - 1] == 'h');
    WANT_INT(conn_grow_in(conn), ERR_ORIGIN_HEAD_BYTES);
    conn_close(&conn);
    WANT_INT(scene.cores[0].large_chunks.used_count, 0);
    (void)close(far);
    scene_end(ex);
    close_all();
}

TEST(the_kernel_knows_what_was_acknowledged)
{
    int far;
    open_origin();
    struct exchange *ex = scene_begin(&scene, 0);
    struct conn *conn = connected(ex, &far);
    WANT(conn_is_unacked_since(conn, 0));
    WANT_INT(stream_send_str(&conn->stream, STR("hello")), OK);
    scene_run_ms(&scene, 0, 20);
    WANT(!conn_is_unacked_since(conn, 0));
    WANT(conn_is_unacked_since(conn, 5));
    conn_close(&conn);
    (void)close(far);
    scene_end(ex);
    close_all();
}

/* An idle connection that the instance ends at that age. */
static void end_at_age_ms(struct exchange *ex, int64_t age_ms)
{
    int far;
    struct conn *conn = connected(ex, &far), *idle = conn;
    pool_give(&conn, 8, 1000000);
    idle->idle_from_ms -= age_ms;
    (void)close(far);
    scene_run_ms(&scene, 0, 2);
    WANT_INT(origin->pools[0].idle_count, 0);
}

/* How long the next idle connection may wait. */
static int64_t wait_of(struct exchange *ex, uint32_t said_s)
{
    int far;
    struct conn *conn = connected(ex, &far), *idle = conn;
    if (said_s > 0) {
        conn_note_keep_alive(conn, said_s);
    }
    pool_give(&conn, 8, 1000000);
    int64_t wait_ms = idle->deadline_ms - scene.cores[0].loop.now_ms;
    pool_purge(origin, &scene.cores[0]);
    (void)close(far);
    return wait_ms;
}

TEST(the_idle_time_of_an_instance_is_learned_and_follows_it_when_it_changes)
{
    open_origin();
    struct exchange *ex = scene_begin(&scene, 0);
    WANT_INT(wait_of(ex, 0), 1000000);
    end_at_age_ms(ex, 900); /* a restart, not a time-out */
    WANT_INT(wait_of(ex, 0), 1000000);
    end_at_age_ms(ex, 5000);
    int64_t wait_ms = wait_of(ex, 0);
    WANT(wait_ms >= 4500 && wait_ms < 4600);
    /* It says what it does, then something else: that counts, and what was learned before does not. */
    WANT_INT(wait_of(ex, 3), 2000);
    WANT_INT(wait_of(ex, 0), 1000000);
    WANT_INT(wait_of(ex, 76), 75000);
    end_at_age_ms(ex, 5000);
    WANT(wait_of(ex, 76) < 4600);
    WANT_INT(wait_of(ex, 61), 60000);
    /* Without a word it is tried again with time. */
    end_at_age_ms(ex, 5000);
    uint64_t learned = atomic_load(&origin->idle_learned);
    for (int i = 1; i <= 3; i++) {
        atomic_store(&origin->idle_learned, learned - ((uint64_t)(300 * i) << 32));
        wait_ms = wait_of(ex, 0);
        WANT(wait_ms >= 4500 << i && wait_ms < 4600 << i);
    }
    end_at_age_ms(ex, 8000); /* its time-out now: from there on again */
    wait_ms = wait_of(ex, 0);
    WANT(wait_ms >= 7500 && wait_ms < 7600);
    scene_end(ex);
    close_all();
}
