/* lastgood_test.c - what is saved comes back as a whole or not at all, whatever happens to it. */
#define _GNU_SOURCE
#include "control/lastgood.h"
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TEXT(literal) {(literal), sizeof(literal) - 1}

static const struct config_file small_files[] = {
    {TEXT("main.yaml"), TEXT("main.yaml"), TEXT("include: conf.d/*.yaml\n")},
    {TEXT("conf.d/*.yaml"), TEXT("conf.d/a.yaml"), TEXT("routes: {}\n")},
    {TEXT(""), TEXT("/run/secrets/key"), TEXT("\0\n\xff")},
    {TEXT("conf.d/*.yaml"), TEXT("conf.d/b.yaml"), TEXT("")},
};
static const struct config_files small = {small_files, COUNT_OF(small_files)};

static struct lastgood lastgood;
static struct arena arena;

static void begin(void)
{
    lastgood.fd = lastgood_create();
    WANT(lastgood.fd >= 0);
    arena_init_heap(&arena, 1 << 28);
}

static void finish(void)
{
    arena_reset(&arena);
    lastgood_close(&lastgood);
    WANT_INT(lastgood.fd, -1);
}

static bool is_same(const struct config_files *left, const struct config_files *right)
{
    bool same = left->count == right->count;
    for (uint32_t i = 0; same && i < left->count; i++) {
        same = str_eq(left->at[i].asked, right->at[i].asked) &&
               str_eq(left->at[i].name, right->at[i].name) &&
               str_eq(left->at[i].text, right->at[i].text);
    }
    return same;
}

static bool holds(const struct config_files *wanted, uint64_t wanted_generation)
{
    struct config_files got;
    uint64_t generation = 0;
    return lastgood_load(&lastgood, &arena, &got, &generation) == OK && is_same(&got, wanted) &&
           generation == wanted_generation;
}

static enum err load(void)
{
    struct config_files got;
    uint64_t generation;
    return lastgood_load(&lastgood, &arena, &got, &generation);
}

static off_t size(void)
{
    struct stat info;
    return fstat(lastgood.fd, &info) == 0 ? info.st_size : -1;
}

TEST(every_file_comes_back_byte_by_byte)
{
    begin();
    WANT_INT(lastgood_save(&lastgood, &small, 7), OK);
    WANT(holds(&small, 7));
    finish();
}

TEST(nothing_saved_and_no_place_are_no_damage)
{
    begin();
    WANT_INT(load(), ERR_NOT_FOUND);
    finish();
    WANT_INT(load(), ERR_NOT_FOUND);
    WANT_INT(lastgood_save(&lastgood, &small, 1), ERR_NOT_FOUND);
}

TEST(the_last_one_counts_and_memory_does_not_grow)
{
    static char text[300000];
    begin();
    for (uint64_t i = 1; i <= 50; i++) {
        memset(text, 'a' + (int)(i % 26), sizeof text);
        const struct config_file file = {STR("m"), STR("m"),
                                         str_of(text, i * 7919 % sizeof text)};
        const struct config_files files = {&file, 1};
        WANT_INT(lastgood_save(&lastgood, &files, i), OK);
        WANT(holds(&files, i));
        struct stat info;
        WANT(fstat(lastgood.fd, &info) == 0);
        WANT((size_t)info.st_blocks * 512 <= file.text.len + 4 * 4096);
        WANT((size_t)info.st_size <= 4 * sizeof text);
    }
    WANT_INT(lastgood_save(&lastgood, &small, 51), OK);
    WANT(holds(&small, 51));
    finish();
}

TEST(a_file_cut_anywhere_is_damaged_and_not_half_read)
{
    begin();
    WANT_INT(lastgood_save(&lastgood, &small, 1), OK);
    for (off_t left = size() - 1; left > 0; left--) {
        WANT(ftruncate(lastgood.fd, left) == 0);
        WANT_INT(load(), ERR_SYNTAX);
    }
    WANT_INT(lastgood_save(&lastgood, &small, 2), OK);
    WANT(holds(&small, 2));
    finish();
}

TEST(no_byte_can_change_unseen)
{
    begin();
    WANT_INT(lastgood_save(&lastgood, &small, 1), OK);
    off_t end = size();
    for (off_t at = 0; at < end; at++) {
        if (at == 56) {
            at = 4096; /* between header and body nothing is written */
        }
        unsigned char byte, other;
        WANT(pread(lastgood.fd, &byte, 1, at) == 1);
        other = byte ^ 0x41;
        WANT(pwrite(lastgood.fd, &other, 1, at) == 1);
        WANT_INT(load(), ERR_SYNTAX);
        WANT(pwrite(lastgood.fd, &byte, 1, at) == 1);
    }
    WANT(holds(&small, 1));
    finish();
}

TEST(a_writer_that_is_killed_at_any_moment_leaves_the_old_one_or_the_new_one)
{
    static char text[2000000];
    begin();
    memset(text, 'x', sizeof text);
    const struct config_file file = {STR("m"), STR("m"), str_of(text, sizeof text)};
    const struct config_files large = {&file, 1};
    WANT_INT(lastgood_save(&lastgood, &small, 1), OK);
    for (useconds_t wait_us = 0; wait_us < 5000; wait_us += 100) {
        pid_t pid = fork();
        if (pid == 0) {
            for (uint64_t i = 2;; i++) {
                if (lastgood_save(&lastgood, i % 2 == 0 ? &large : &small, i) != OK) {
                    _exit(1);
                }
            }
        }
        (void)usleep(wait_us);
        int status = 0;
        WANT(kill(pid, SIGKILL) == 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
        struct config_files got;
        uint64_t generation;
        WANT_INT(lastgood_load(&lastgood, &arena, &got, &generation), OK);
        WANT(is_same(&got, generation % 2 == 0 ? &large : &small));
        arena_reset(&arena);
    }
    finish();
}

TEST(a_place_that_takes_no_more_keeps_what_it_has)
{
    begin();
    (void)close(lastgood.fd);
    lastgood.fd = memfd_create("sealed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    WANT_INT(lastgood_save(&lastgood, &small, 1), OK);
    WANT(fcntl(lastgood.fd, F_ADD_SEALS, F_SEAL_GROW) == 0);
    WANT_INT(lastgood_save(&lastgood, &small, 2), ERR_IO);
    WANT(holds(&small, 1));
    finish();
}

TEST(the_descriptor_comes_through_the_environment_once)
{
    struct lastgood taken = {.fd = 99};
    char number[16];
    begin();
    (void)snprintf(number, sizeof number, "%d", lastgood.fd);
    WANT(setenv(LASTGOOD_ENV_FD, number, 1) == 0);
    lastgood_open(&taken, LASTGOOD_ENV_FD);
    WANT_INT(taken.fd, lastgood.fd);
    WANT(fcntl(taken.fd, F_GETFD) == FD_CLOEXEC);
    WANT(getenv(LASTGOOD_ENV_FD) == NULL);
    lastgood_open(&taken, LASTGOOD_ENV_FD);
    WANT_INT(taken.fd, -1);
    finish();
}

TEST(what_is_no_memory_file_is_not_believed)
{
    static const char *const words[] = {"", "x", "-1", "0x5", "99999999999999999999", "2000000", "0"};
    struct lastgood taken;
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    WANT(dup2(null, STDIN_FILENO) == STDIN_FILENO);
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        WANT(setenv(LASTGOOD_ENV_FD, words[i], 1) == 0);
        lastgood_open(&taken, LASTGOOD_ENV_FD);
        WANT_INT(taken.fd, -1);
    }
    (void)close(null);
}
