/* door.c - a core, a listener's settings and a conductor that does what a test says.
 * Nothing of proxy/ is here: an exchange ends when the test answers it. See door.h. */
#include "door.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "net/socket.h"

static struct door *the_door;

static void on_head(struct exchange *ex, enum err e)
{
    the_door->ex = ex;
    the_door->e = ex->error = e;
    the_door->heads++;
    if (e == OK) {
        body_init(&ex->request_body, &ex->request, &ex->arena, NULL, 0);
    }
}

static void on_client_ready(struct exchange *ex, unsigned ready)
{
    (void)ex;
    (void)ready;
    the_door->client_ready++;
}

static void on_client_lost(struct exchange *ex, enum err why)
{
    the_door->lost++;
    the_door->e = why;
    the_door->ex = NULL;
    exchange_move(ex, EX_REPLYING);
    exchange_move(ex, EX_DONE);
    session_abort(ex->session, false);
}

static int64_t on_client_timer(struct exchange *ex)
{
    the_door->timers++;
    return ex->core->loop.now_ms + the_door->timer_ms;
}

static void on_generation_idle(struct core *core, struct generation *generation)
{
    (void)core;
    (void)generation;
    the_door->idle_generations++;
}

static const struct conductor door_conductor = {.on_head = on_head,
                                                .on_client_ready = on_client_ready,
                                                .on_client_lost = on_client_lost,
                                                .on_client_timer = on_client_timer,
                                                .on_generation_idle = on_generation_idle};

void door_open(struct door *door)
{
    memset(door, 0, sizeof *door);
    the_door = door;
    CHECK(core_init(&door->core, 0, 1) == OK);
    CHECK(stats_init(&door->stats, 1) == OK);
    door->core.stats = &door->stats.blocks[0];
    door->core.conductor = &door_conductor;
    door->conf = (struct listener_conf){
        .name = STR("http"),
        .limits = {.head_bytes_max = LIMIT_VALUE(head_bytes),
                   .field_count_max = LIMIT_VALUE(field_count),
                   .target_bytes_max = LIMIT_VALUE(target_bytes)},
        .judge = {.default_port = 80},
        .head_timeout_ms = DOOR_HEAD_MS,
        .idle_timeout_ms = DOOR_IDLE_MS,
        .body_timeout_ms = 1000,
        .cell_open = CELL_loop_turns, /* any gauge of its own will do */
        .cell_accepted = CELL_reloads,
        .cell_refused = CELL_reload_failures};
    door->confs[0] = &door->conf;
    door->generation = (struct generation){.number = 1, .listeners = door->confs, .listener_count = 1};
    list_init(&door->generation.node);
    door->core.current = &door->generation;
    door->listener = (struct listener){.core = &door->core, .io.fd = -1};
    door->timer_ms = 1000;
    loop_turn(&door->core.loop, 0); /* the clock is read once a turn */
}

void door_close(struct door *door)
{
    LIST_EACH_SAFE(node, &door->core.session_list) {
        struct session *session = CONTAINER_OF(node, struct session, node);
        if (session->state == SESSION_BUSY) {
            on_client_lost(session->ex, ERR_CLIENT_GONE);
        } else {
            session_abort(session, false);
        }
    }
    loop_turn(&door->core.loop, 0);
    WANT_INT(door->core.sessions.used_count, 0);
    WANT_INT(door->core.exchanges.used_count, 0);
    WANT_INT(door->core.blocks.used_count, 0);
    WANT_INT(door->core.large_chunks.used_count, 0);
    WANT_INT(stats_read(&door->stats, door->conf.cell_open), 0);
    WANT_INT(door->generation.in_flight, 0);
    core_drop(&door->core);
    stats_drop(&door->stats);
}

void door_client(struct door *door, struct pair *pair)
{
    struct addr name;
    CHECK(pair_open(pair) == OK);
    CHECK(socket_peer(pair->near, &name) == OK);
    session_open(&door->listener, pair->near, &name);
    pair->near = -1; /* the session's */
}

void door_run_ms(struct door *door, int64_t ms)
{
    int64_t until_ms = clock_mono_ns() / NS_PER_MS + ms;
    do {
        loop_turn(&door->core.loop, 1);
    } while (clock_mono_ns() / NS_PER_MS < until_ms);
}

void door_answer(struct door *door, const char *text)
{
    struct exchange *ex = door->ex;
    CHECK(ex != NULL);
    door->ex = NULL;
    if (ex->state == EX_READING) {
        exchange_move(ex, EX_REPLYING);
    }
    WANT_INT(stream_send_str(&ex->session->stream, str_from_c(text)), OK);
    exchange_move(ex, EX_DONE);
    session_finish(ex->session);
}

void door_say(struct door *door, struct pair *pair, const char *text)
{
    WANT(pair_say(pair, str_from_c(text)));
    door_run_ms(door, 2);
}

struct session *door_session(const struct door *door)
{
    CHECK(!list_is_empty(&door->core.session_list));
    return CONTAINER_OF(door->core.session_list.prev, struct session, node);
}
