/* admin.h - the way of verbs to a running process: one question over its admin socket
 * (control/admin.h), whose answer is printed. */
#pragma once

#include "cli/verb.h"

#define ADMIN_SOCKET_DEFAULT "/run/sluice/admin.sock"

/* The option of such verbs. */
#define ADMIN_OPTIONS                                                                              \
    {                                                                                              \
        .name = "socket", .value = "PATH",                                                         \
        .summary = "The admin socket; default: what FILE says, or " ADMIN_SOCKET_DEFAULT           \
    }

/* Asks for `target` and prints the answer: on stdout when it is a good one, else on stderr. The
 * socket is --socket, that of `file` (NULL: none given), or the default. */
MUST_USE enum exit_code admin_say(const struct args *args, const char *file, struct str method,
                                  struct str target);
/* The same with POST and a JSON body. */
MUST_USE enum exit_code admin_post(const struct args *args, const char *file, struct str target,
                                   struct str body);
