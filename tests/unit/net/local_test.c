/* local_test.c - names in the file system: new, left behind, taken, not ours. */
#include "net/local.h"

#include "net/socket.h"
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char directory[64];
    char path[96];
};

static struct str place_open(struct place *place)
{
    (void)snprintf(place->directory, sizeof place->directory, "/tmp/local_test.XXXXXX");
    if (mkdtemp(place->directory) == NULL) {
        return STR("");
    }
    (void)snprintf(place->path, sizeof place->path, "%s/admin.sock", place->directory);
    return str_from_c(place->path);
}

static void place_close(const struct place *place)
{
    (void)unlink(place->path);
    (void)rmdir(place->directory);
}

TEST(who_knows_the_name_gets_through_and_the_name_goes_with_the_listener)
{
    struct place place;
    struct local local;
    struct stat status;
    struct str path = place_open(&place);
    int far = -1, near = -1;
    WANT_INT(local_listen(&local, path), OK);
    WANT(stat(place.path, &status) == 0 && (status.st_mode & 0777) == 0600);
    WANT_INT(local_accept(&local, &near), ERR_AGAIN);
    WANT_INT(local_connect(path, &far), OK);
    WANT_INT(local_accept(&local, &near), OK);
    size_t count = 0;
    char byte = 0;
    WANT_INT(socket_send_str(far, STR("x"), &count), OK);
    WANT_INT(socket_recv(near, &byte, 1, &count), OK);
    WANT_INT(byte, 'x');
    socket_close(&far);
    socket_close(&near);
    local_close(&local);
    WANT(local.fd == -1 && access(place.path, F_OK) != 0);
    local_close(&local);
    place_close(&place);
}

TEST(a_name_left_by_a_dead_process_is_taken_over)
{
    struct place place;
    struct local dead, local;
    struct str path = place_open(&place);
    WANT_INT(local_listen(&dead, path), OK);
    (void)close(dead.fd); /* as a kill does: the name stays */
    WANT(access(place.path, F_OK) == 0);
    WANT_INT(local_listen(&local, path), OK);
    /* The one before may wake up once more: the name is not its own now. */
    dead.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    local_close(&dead);
    WANT(access(place.path, F_OK) == 0);
    local_close(&local);
    place_close(&place);
}

TEST(a_name_in_use_is_not_taken)
{
    struct place place;
    struct local first, second;
    struct str path = place_open(&place);
    int fd = -1;
    WANT_INT(local_listen(&first, path), OK);
    WANT_INT(local_listen(&second, path), ERR_ADDRESS_IN_USE);
    WANT_INT(local_connect(path, &fd), OK);
    socket_close(&fd);
    local_close(&first);
    fd = open(place.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    (void)close(fd);
    WANT_INT(local_listen(&second, path), ERR_ADDRESS_IN_USE); /* a file, not a socket */
    WANT(access(place.path, F_OK) == 0);
    place_close(&place);
}

TEST(names_that_cannot_be)
{
    struct local local;
    int fd = -1;
    char longest[200];
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    WANT_INT(local_listen(&local, STR("")), ERR_RANGE);
    WANT_INT(local_listen(&local, str_of(longest, sizeof longest)), ERR_RANGE);
    WANT_INT(local_listen(&local, str_of("/tmp/a\0b", 8)), ERR_RANGE);
    WANT_INT(local_listen(&local, STR("/nowhere/at/all/x.sock")), ERR_NOT_FOUND);
    WANT_INT(local_connect(STR("/nowhere/at/all/x.sock"), &fd), ERR_NOT_FOUND);
    WANT_INT(fd, -1);
    WANT_INT(local_connect(STR("/dev/null"), &fd), ERR_ORIGIN_CONNECT);
}
