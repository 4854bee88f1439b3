/* admin.h - the admin API's way in: strict, small HTTP/1.1 on a Unix socket, on the control
 * thread's loop. One request a connection, with a small body at most; who may connect says
 * net/local.h, what is answered admin_api.c. */
#pragma once

#include "http/message.h"
#include "loop/loop.h"
#include "text/sink.h"

struct admin;

struct admin_request {
    struct str method, path, query;
    struct str body; /* empty: none */
    bool wants_text; /* for people: Accept: text/plain */
};

struct admin_answer {
    uint16_t status;  /* 200 when nothing is set */
    struct str type;  /* of the body; has a default for either kind */
    struct str allow; /* with 405 */
    struct sink body;
    struct arena *arena; /* of the answer */
};

struct admin_conf {
    struct loop *loop;
    struct str path; /* of the socket; copied */
    void (*answer)(void *owner, const struct admin_request *request, struct admin_answer *answer);
    void *owner;
};

/* A refusal: problem+json (RFC 9457) with the reason code, or the bare sentence for people. */
void admin_problem(const struct admin_request *request, struct admin_answer *answer,
                   uint16_t status, const char *code, struct str detail);
/* Starts serving. Errors of local_listen, ERR_MEMORY, ERR_SYSTEM. */
MUST_USE enum err admin_open(const struct admin_conf *conf, struct admin **out);
/* Takes no more connections; those that are answered just now go on. Clears *admin. May be called
 * from an answer. */
void admin_close(struct admin **admin);
/* The path it listens on. */
struct str admin_path(const struct admin *admin);
