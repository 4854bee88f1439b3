/* local.h - Unix sockets for the operator of this machine: who may connect is decided by the file's
 * mode (0600) and, once more, by the uid that the kernel vouches for. */
#pragma once

#include "base/err.h"
#include "base/str.h"

/* A listening socket with its name in the file system. All-zero but for fd -1 is none. */
struct local {
    int fd;
    struct str path; /* borrowed */
    /* Of the name, so that nobody else's is taken away; inodes alone are used again. */
    uint64_t device, inode;
    int64_t changed_ns;
};

/* Listens at `path`; a name that a dead process left is replaced. ERR_ADDRESS_IN_USE: somebody
 * listens there, or it is no socket. ERR_RANGE: the path is too long or empty. ERR_NOT_FOUND: its
 * directory is not there. ERR_NOT_PERMITTED, ERR_LIMIT, ERR_SYSTEM. */
MUST_USE enum err local_listen(struct local *local, struct str path);
/* Closes it and removes the name, if it is still ours. */
void local_close(struct local *local);
/* A non-blocking connection to `path`; the caller owns *fd. ERR_RANGE, ERR_NOT_FOUND (no such
 * name), ERR_NOT_PERMITTED, ERR_ORIGIN_CONNECT (nobody listens), ERR_LIMIT. */
MUST_USE enum err local_connect(struct str path, int *fd);
/* Takes one connection, as socket_accept. ERR_NOT_PERMITTED: it was one of another user, and is
 * closed; root and our own uid are let in. */
MUST_USE enum err local_accept(const struct local *local, int *fd);
