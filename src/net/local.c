/* local.c - Unix sockets; see local.h. */
#define _GNU_SOURCE
#include "net/local.h"

#include "base/clock.h"
#include "net/socket.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { LOCAL_BACKLOG = 16 };

static enum err name_of(struct str path, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path.len == 0 || path.len >= sizeof out->sun_path ||
        memchr(path.at, '\0', path.len) != NULL) {
        return ERR_RANGE;
    }
    memcpy(out->sun_path, path.at, path.len);
    return OK;
}

static enum err err_of(int error)
{
    switch (error) {
    case EADDRINUSE: return ERR_ADDRESS_IN_USE;
    case ENOENT:
    case ENOTDIR: return ERR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS: return ERR_NOT_PERMITTED;
    case ECONNREFUSED:
    case EAGAIN: return ERR_ORIGIN_CONNECT;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS: return ERR_LIMIT;
    default: return ERR_SYSTEM;
    }
}

static int64_t changed_ns(const struct stat *status)
{
    return (int64_t)status->st_ctim.tv_sec * NS_PER_SEC + status->st_ctim.tv_nsec;
}

/* Removes a socket that nobody listens on any more. */
static enum err remove_stale(struct str path, const char *name)
{
    struct stat status;
    int fd = -1;
    if (lstat(name, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return ERR_ADDRESS_IN_USE;
    }
    enum err e = local_connect(path, &fd);
    socket_close(&fd);
    if (e != ERR_ORIGIN_CONNECT) {
        return ERR_ADDRESS_IN_USE;
    }
    return unlink(name) == 0 ? OK : err_of(errno);
}

static enum err bind_and_listen(struct local *local, const struct sockaddr_un *name)
{
    struct stat status;
    const struct sockaddr *any = (const struct sockaddr *)name;
    if (bind(local->fd, any, sizeof *name) != 0) {
        if (errno != EADDRINUSE) {
            return err_of(errno);
        }
        TRY(remove_stale(local->path, name->sun_path));
        if (bind(local->fd, any, sizeof *name) != 0) {
            return err_of(errno);
        }
    }
    /* Before listen: nobody can have connected under the mode that the umask gave. */
    if (chmod(name->sun_path, S_IRUSR | S_IWUSR) != 0 || stat(name->sun_path, &status) != 0) {
        return err_of(errno);
    }
    local->device = (uint64_t)status.st_dev;
    local->inode = (uint64_t)status.st_ino;
    local->changed_ns = changed_ns(&status);
    return listen(local->fd, LOCAL_BACKLOG) == 0 ? OK : err_of(errno);
}

enum err local_listen(struct local *local, struct str path)
{
    struct sockaddr_un name;
    *local = (struct local){.fd = -1, .path = path};
    TRY(name_of(path, &name));
    local->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (local->fd < 0) {
        return err_of(errno);
    }
    enum err e = bind_and_listen(local, &name);
    if (e != OK) {
        local_close(local);
    }
    return e;
}

void local_close(struct local *local)
{
    struct sockaddr_un name;
    struct stat status;
    bool is_ours = local->fd >= 0 && local->inode != 0 && name_of(local->path, &name) == OK &&
                   lstat(name.sun_path, &status) == 0 && (uint64_t)status.st_dev == local->device &&
                   (uint64_t)status.st_ino == local->inode &&
                   changed_ns(&status) == local->changed_ns;
    if (is_ours) {
        (void)unlink(name.sun_path);
    }
    socket_close(&local->fd);
    *local = (struct local){.fd = -1};
}

enum err local_connect(struct str path, int *fd)
{
    struct sockaddr_un name;
    *fd = -1;
    TRY(name_of(path, &name));
    *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0) {
        return err_of(errno);
    }
    /* A Unix socket connects at once or not at all. */
    if (connect(*fd, (const struct sockaddr *)&name, sizeof name) != 0) {
        enum err e = err_of(errno);
        socket_close(fd);
        return e;
    }
    return OK;
}

enum err local_accept(const struct local *local, int *fd)
{
    struct ucred peer;
    socklen_t bytes = sizeof peer;
    *fd = accept4(local->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (*fd < 0) {
        bool is_none = errno == EAGAIN || errno == EINTR;
        return is_none ? ERR_AGAIN : errno == ECONNABORTED ? ERR_CLOSED : err_of(errno);
    }
    if (getsockopt(*fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) != 0 ||
        (peer.uid != 0 && peer.uid != geteuid())) {
        socket_close(fd);
        return ERR_NOT_PERMITTED;
    }
    return OK;
}
