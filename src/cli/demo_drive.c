/* demo_drive.c - the load of the example; see demo_drive.h. One thread: every connection has sent
 * its request before the first answer is read, so all of them work at a time. */
#include "cli/demo_drive.h"

#include "base/clock.h"
#include "cli/ask.h"

#include <poll.h>

enum { CONNS = 10, ROUNDS_PER_SECOND = 100 };

struct drive {
    struct shots *shots;
    const struct addr *gateway;
    struct ask asks[CONNS];
    struct shot *shot_of[CONNS];
    uint32_t next; /* shot */
};

static enum err fire(struct drive *drive, uint32_t i)
{
    struct shot *shot = &drive->shots->at[drive->next++ % drive->shots->count];
    struct ask *ask = &drive->asks[i];
    if (ask->fd < 0) {
        ask_close(ask);
        TRY(ask_open(ask, drive->gateway));
    }
    shot->sent++;
    drive->shot_of[i] = shot;
    return ask_send(ask, shot->bytes);
}

static enum err gather(struct drive *drive, uint32_t i)
{
    struct shot *shot = drive->shot_of[i];
    struct ask *ask = &drive->asks[i];
    TRY(ask_receive(ask, method_of(shot->method)));
    shot_count(drive->shots, shot, ask->head.status, ask_body(ask));
    if (!ask->head.is_persistent) {
        ask_close(ask);
    }
    return OK;
}

static enum err drive_round(struct drive *drive)
{
    for (uint32_t i = 0; i < CONNS; i++) {
        TRY(fire(drive, i));
    }
    for (uint32_t i = 0; i < CONNS; i++) {
        TRY(gather(drive, i));
    }
    return OK;
}

enum err demo_drive(struct shots *shots, const struct addr *gateway, int64_t seconds)
{
    struct drive drive = {.shots = shots, .gateway = gateway};
    const int64_t start_ms = clock_mono_ns() / NS_PER_MS;
    enum err e = OK;
    for (uint32_t i = 0; i < CONNS; i++) {
        drive.asks[i].fd = -1;
    }
    for (int64_t done = 0; done < seconds * ROUNDS_PER_SECOND && e == OK; done++) {
        int64_t now_ms = clock_mono_ns() / NS_PER_MS;
        int64_t due_ms = start_ms + done * 1000 / ROUNDS_PER_SECOND;
        if (now_ms - start_ms >= seconds * 1000) {
            break; /* slower than planned: a sanitizer, or a busy machine */
        }
        if (due_ms > now_ms) {
            (void)poll(NULL, 0, (int)(due_ms - now_ms));
        }
        e = drive_round(&drive);
    }
    for (uint32_t i = 0; i < CONNS; i++) {
        ask_close(&drive.asks[i]);
    }
    return e;
}

bool demo_is_answering(const struct addr *addr)
{
    struct ask ask;
    bool is_answering = ask_open(&ask, addr) == OK &&
                        ask_exchange(&ask, STR("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                                     METHOD_GET) == OK;
    ask_close(&ask);
    return is_answering;
}
