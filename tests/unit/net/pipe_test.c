#define _GNU_SOURCE
#include "net/pipe.h"

#include "base/limits.h"
#include "fault.h"
#include "pair.h"
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(bytes_go_from_socket_to_socket_through_a_pipe)
{
    struct pipe_pool pool;
    struct pipe pipe;
    struct pair from, to;
    size_t moved = 9;
    pipe_pool_init(&pool, 4);
    WANT(pair_open(&from) == OK && pair_open(&to) == OK);
    WANT(pipe_take(&pool, &pipe) == OK);
    WANT(pipe.capacity_bytes >= PIPE_BYTES_MIN);
    WANT(splice_in(from.near, &pipe, 4096, &moved) == ERR_AGAIN && moved == 0);
    WANT(pair_say(&from, STR("0123456789")));
    WANT(pair_wait(from.near, POLLIN, 1000));
    WANT(splice_in(from.near, &pipe, 6, &moved) == OK && moved == 6);
    WANT(splice_in(from.near, &pipe, 4096, &moved) == OK && moved == 4);
    WANT(pipe.held_bytes == 10);
    WANT(splice_out(&pipe, to.near, 3, true, &moved) == OK && moved == 3);
    WANT(splice_out(&pipe, to.near, 4096, false, &moved) == OK && moved == 7);
    WANT(pipe.held_bytes == 0);
    WANT_STR(pair_hear(&to, 1000), STR("0123456789"));
    (void)shutdown(from.far, SHUT_WR);
    WANT(pair_wait(from.near, POLLIN, 1000));
    WANT(splice_in(from.near, &pipe, 4096, &moved) == ERR_CLOSED);
    pipe_give(&pool, &pipe);
    WANT(pipe.read_fd == -1 && pool.idle_count == 1);
    pipe_pool_drop(&pool);
    pair_close(&from);
    pair_close(&to);
}

TEST(clean_pipes_are_lent_again_and_dirty_ones_never)
{
    struct pipe_pool pool;
    struct pipe first, second;
    struct pair from;
    size_t moved;
    pipe_pool_init(&pool, 2);
    WANT(pair_open(&from) == OK);
    WANT(pipe_take(&pool, &first) == OK);
    int read_fd = first.read_fd;
    pipe_give(&pool, &first);
    WANT(pipe_take(&pool, &first) == OK);
    WANT(first.read_fd == read_fd && pool.opened_total == 1);
    WANT(pair_say(&from, STR("secret")));
    WANT(pair_wait(from.near, POLLIN, 1000));
    WANT(splice_in(from.near, &first, 4096, &moved) == OK);
    pipe_give(&pool, &first);
    WANT(pool.idle_count == 0 && pool.discarded_total == 1 && first.held_bytes == 0);
    WANT(pipe_take(&pool, &first) == OK && pipe_take(&pool, &second) == OK);
    struct pipe third;
    WANT(pipe_take(&pool, &third) == ERR_LIMIT && pool.refused_total == 1 && third.read_fd == -1);
    pipe_give(&pool, &first);
    pipe_give(&pool, &second);
    pipe_pool_drop(&pool);
    pair_close(&from);
}

TEST(more_idle_pipes_than_are_kept_are_closed)
{
    static struct pipe lent[PIPES_IDLE_MAX + 8];
    struct pipe_pool pool;
    unsigned count = 0;
    pipe_pool_init(&pool, COUNT_OF(lent));
    while (count < COUNT_OF(lent) && pipe_take(&pool, &lent[count]) == OK) {
        count++; /* the kernel's ceiling for one user may come before ours */
    }
    for (unsigned i = 0; i < count; i++) {
        pipe_give(&pool, &lent[i]);
    }
    WANT(pool.idle_count <= PIPES_IDLE_MAX);
    WANT(pool.idle_count + pool.discarded_total == count);
    pipe_pool_drop(&pool);
    WANT(pool.idle_count == 0);
}

TEST(the_ceiling_of_a_core_is_a_limit)
{
    static struct pipe lent[LIMIT_VALUE(pipes) + 1];
    struct pipe_pool pool;
    uint32_t count = 0;
    pipe_pool_init(&pool, LIMIT_VALUE(pipes));
    while (count < COUNT_OF(lent) && pipe_take(&pool, &lent[count]) == OK) {
        count++;
    }
    WANT(count <= LIMIT_VALUE(pipes) && pool.taken_count == count && pool.refused_total == 1);
    while (count > 0) {
        pipe_give(&pool, &lent[--count]);
    }
    pipe_pool_drop(&pool);
}

/* Past fs.pipe-user-pages-soft a user without privileges gets pipes of two pages. */
static int use_up_the_pages_of_a_user(void)
{
    static struct pipe lent[LIMIT_VALUE(pipes)];
    struct pipe_pool pool;
    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
        return 1;
    }
    pipe_pool_init(&pool, LIMIT_VALUE(pipes));
    for (size_t i = 0; i < COUNT_OF(lent) && pipe_take(&pool, &lent[i]) == OK; i++) {
        if (lent[i].capacity_bytes < PIPE_BYTES_MIN) {
            return 2;
        }
    }
    return pool.taken_count > 0 ? 0 : 3;
}

TEST(a_pipe_too_small_is_not_lent)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        _exit(use_up_the_pages_of_a_user());
    }
    WANT(waitpid(child, &status, 0) == child);
    WANT_INT(WEXITSTATUS(status), 0);
}

TEST(no_descriptors_means_copying)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        struct pipe_pool pool;
        struct pipe pipe;
        const struct rlimit none = {.rlim_cur = 3, .rlim_max = 64};
        pipe_pool_init(&pool, 4);
        bool is_set = setrlimit(RLIMIT_NOFILE, &none) == 0;
        _exit(is_set && pipe_take(&pool, &pipe) == ERR_LIMIT && pool.refused_total == 1 ? 0 : 1);
    }
    WANT(waitpid(child, &status, 0) == child && status == 0);
}

TEST(a_full_pipe_and_a_full_socket_say_so)
{
    static char block[65536];
    struct pipe_pool pool;
    struct pipe pipe;
    struct pair from, to;
    size_t moved;
    enum err e = OK;
    pipe_pool_init(&pool, 1);
    WANT(pair_open(&from) == OK && pair_open(&to) == OK);
    WANT(pipe_take(&pool, &pipe) == OK);
    while (e == OK) {
        WANT(pair_say(&from, str_of(block, sizeof block)));
        WANT(pair_wait(from.near, POLLIN, 1000));
        e = splice_in(from.near, &pipe, sizeof block, &moved);
    }
    WANT(e == ERR_AGAIN && pipe.held_bytes > 0 && pipe.held_bytes <= pipe.capacity_bytes);
    for (e = OK; e == OK;) {
        while (e == OK && pipe.held_bytes > 0) {
            e = splice_out(&pipe, to.near, pipe.held_bytes, true, &moved);
        }
        if (e == OK) {
            WANT(pair_say(&from, str_of(block, sizeof block)));
            WANT(pair_wait(from.near, POLLIN, 1000));
            e = splice_in(from.near, &pipe, sizeof block, &moved);
        }
    }
    WANT(e == ERR_AGAIN && pipe.held_bytes > 0);
    pipe_give(&pool, &pipe);
    pipe_pool_drop(&pool);
    pair_close(&from);
    pair_close(&to);
}

TEST(a_peer_that_is_gone_and_a_descriptor_that_cannot_are_told)
{
    struct pipe_pool pool;
    struct pipe pipe;
    struct pair from, to;
    size_t moved;
    (void)signal(SIGPIPE, SIG_IGN);
    pipe_pool_init(&pool, 1);
    WANT(pair_open(&from) == OK && pair_open(&to) == OK);
    WANT(pipe_take(&pool, &pipe) == OK);
    WANT(pair_say(&from, STR("bytes")));
    WANT(pair_wait(from.near, POLLIN, 1000));
    WANT(splice_in(from.near, &pipe, 4096, &moved) == OK);
    pair_reset(&to);
    WANT(pair_wait(to.near, POLLIN, 1000));
    WANT(splice_out(&pipe, to.near, 4096, false, &moved) == ERR_CLOSED && pipe.held_bytes == 5);
    pair_reset(&from);
    WANT(pair_wait(from.near, POLLIN, 1000));
    WANT(splice_in(from.near, &pipe, 4096, &moved) == ERR_IO);
    fault_set((struct fault){.error = EINVAL});
    WANT(splice_in(from.near, &pipe, 4096, &moved) == ERR_NOT_FOUND);
    WANT(splice_out(&pipe, to.near, 4096, false, &moved) == ERR_NOT_FOUND);
    fault_set((struct fault){.error = EIO});
    WANT(splice_out(&pipe, to.near, 4096, false, &moved) == ERR_IO && moved == 0);
    fault_set((struct fault){0});
    pipe_give(&pool, &pipe);
    pipe_pool_drop(&pool);
    pair_close(&from);
    pair_close(&to);
}
