/* desk.h - a control thread without its signals and threads, for tests of publish.c and ops.c: one
 * core whose loop the test turns, and configurations from text. */
#pragma once

#include "control/process_inner.h"

#include "test.h"

#include <sys/socket.h>
#include <unistd.h>

enum { DESK_YAML_MAX = 4096, DESK_ARENA_BYTES = 1 << 24 };

struct process *desk_open(void);
void desk_turn(struct process *process);
enum err desk_publish_text(struct process *process, struct str text);
enum err desk_publish(struct process *process, const char *format, ...)
    PRINTF_LIKE(2, 3);
void desk_close(struct process *process);
/* A port of loopback that is free just now; with `fd` it stays taken by that socket. */
unsigned desk_port(int *fd);
/* A connection to a port of loopback, or -1. */
int desk_connect(unsigned port);
/* Whether a request on `fd` is answered with something that has `text` in it. */
bool desk_answers(struct process *process, int fd, const char *request,
                  const char *text);
