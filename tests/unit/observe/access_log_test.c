#define _GNU_SOURCE
#include "base/clock.h"
#include "base/limits.h"
#include "observe/access_log.h"
#include "test.h"

#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CORES = 3, WRITER = CORES, QUEUE_BYTES = 4096 };

/* What a log file holds. */
struct content {
    int lines, bad, notices, noticed;
};

static char folder[] = "/tmp/sluice-access-log-XXXXXX";
static char path[64], other_path[64];
static struct stats stats;

static struct access_log *log_open(enum access_target target, const char *name, size_t queue_bytes)
{
    const struct access_conf conf = {.target = target,
                                     .path = name,
                                     .core_count = CORES,
                                     .queue_bytes = queue_bytes,
                                     .block = &stats.blocks[WRITER]};
    struct access_log *log = NULL;
    CHECK(access_log_open(&conf, &log) == OK);
    return log;
}

static void begin(void)
{
    if (folder[sizeof folder - 2] == 'X') {
        CHECK(mkdtemp(folder) != NULL);
    }
    (void)snprintf(path, sizeof path, "%s/log", folder);
    (void)snprintf(other_path, sizeof other_path, "%s/log.1", folder);
    (void)unlink(path);
    (void)unlink(other_path);
    CHECK(stats_init(&stats, CORES + 1) == OK);
}

static void finish(void)
{
    stats_drop(&stats);
    (void)unlink(path);
    (void)unlink(other_path);
    (void)rmdir(folder);
    memset(folder + sizeof folder - 7, 'X', 6);
}

static void write_one(struct access_log *log, uint32_t core, struct str text)
{
    const struct access_record record = {
        .wall_us = clock_wall_us(), .path = text, .generation = core};
    access_log_write(access_log_ring(log, core), &record, &stats.blocks[core]);
}

static struct content content_of(const char *name)
{
    struct content content = {0};
    char *text = NULL;
    size_t room = 0;
    FILE *file = fopen(name, "r");
    CHECK(file != NULL);
    for (ssize_t len; (len = getline(&text, &room, file)) > 0;) {
        json_t *line = json_loadb(text, (size_t)len, 0, NULL);
        content.lines++;
        content.bad += line == NULL || text[len - 1] != '\n';
        json_t *dropped = json_object_get(line, "dropped");
        content.notices += dropped != NULL;
        content.noticed += (int)json_integer_value(dropped);
        json_decref(line);
    }
    free(text);
    CHECK(fclose(file) == 0);
    return content;
}

/* Waits until a number of the writer or a core has come so far, for at most five seconds. */
static bool wait_for(uint32_t cell, uint64_t wanted)
{
    for (int i = 0; i < 1000; i++) {
        if (stats_read(&stats, cell) >= wanted) {
            return true;
        }
        (void)usleep(5000);
    }
    return false;
}

TEST(every_accepted_line_is_in_the_file_after_closing)
{
    begin();
    struct access_log *log = log_open(ACCESS_FILE, path, 0);
    for (uint32_t i = 0; i < 3000; i++) {
        write_one(log, i % CORES, STR("/some/path?with=\"quotes\"\n"));
    }
    WANT_INT(access_log_close(&log, 5000), 0);
    WANT(log == NULL);
    struct content content = content_of(path);
    WANT_INT(content.lines, 3000);
    WANT_INT(content.bad, 0);
    WANT_INT(stats_read(&stats, CELL_log_lines), 3000);
    WANT_INT(stats_read(&stats, CELL_log_lines_dropped), 0);
    finish();
}

TEST(lines_appear_without_waiting_for_the_end)
{
    begin();
    struct access_log *log = log_open(ACCESS_FILE, path, 0);
    write_one(log, 0, STR("/"));
    WANT(wait_for(CELL_log_lines, 1));
    WANT_INT(content_of(path).lines, 1);
    WANT_INT(access_log_close(&log, 1000), 0);
    finish();
}

static void *log_many(void *arg)
{
    struct access_log *log = ((void **)arg)[0];
    uint32_t core = *(uint32_t *)((void **)arg)[1];
    for (int i = 0; i < 20000; i++) {
        write_one(log, core, STR("/a/path/of/ordinary/length"));
    }
    return NULL;
}

TEST(with_rings_that_are_too_small_every_line_is_written_or_counted_and_none_is_mixed)
{
    begin();
    struct access_log *log = log_open(ACCESS_FILE, path, QUEUE_BYTES);
    pthread_t threads[CORES];
    uint32_t cores[CORES];
    void *args[CORES][2];
    for (uint32_t i = 0; i < CORES; i++) {
        cores[i] = i;
        args[i][0] = log;
        args[i][1] = &cores[i];
        CHECK(pthread_create(&threads[i], NULL, log_many, args[i]) == 0);
    }
    for (int i = 0; i < 20; i++) {
        access_log_reopen(log);
        (void)usleep(1000);
    }
    for (uint32_t i = 0; i < CORES; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
    }
    WANT_INT(access_log_close(&log, 5000), 0);
    struct content content = content_of(path);
    uint64_t dropped = stats_read(&stats, CELL_log_lines_dropped);
    WANT(dropped > 0);
    WANT_INT(content.bad, 0);
    WANT_INT((uint64_t)(content.lines - content.notices) + dropped, CORES * 20000);
    WANT((uint64_t)content.noticed <= dropped && content.notices > 0);
    WANT_INT(stats_read(&stats, CELL_log_lines), content.lines);
    finish();
}

TEST(a_full_disk_holds_nobody_back_and_the_log_goes_on_when_there_is_room)
{
    begin();
    CHECK(symlink("/dev/full", path) == 0);
    struct access_log *log = log_open(ACCESS_FILE, path, QUEUE_BYTES);
    for (int i = 0; i < 1000; i++) {
        write_one(log, 0, STR("/"));
    }
    WANT(wait_for(CELL_log_write_errors, 1));
    uint64_t dropped = stats_read(&stats, CELL_log_lines_dropped);
    WANT(dropped > 900 && dropped < 1000);
    WANT_INT(stats_read(&stats, CELL_log_lines), 0);
    CHECK(unlink(path) == 0);
    access_log_reopen(log);
    WANT(wait_for(CELL_log_lines, 1000 - dropped));
    write_one(log, 0, STR("/after"));
    WANT_INT(access_log_close(&log, 5000), 0);
    struct content content = content_of(path);
    WANT_INT(content.bad, 0);
    WANT(content.notices >= 1);
    WANT_INT(content.noticed, dropped);
    WANT_INT((uint64_t)(content.lines - content.notices), 1000 - dropped + 1);
    finish();
}

TEST(a_line_cut_by_a_full_disk_is_completed_when_there_is_room)
{
    begin();
    (void)signal(SIGXFSZ, SIG_IGN);
    struct rlimit before, small;
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    small = before;
    small.rlim_cur = 1000;
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    struct access_log *log = log_open(ACCESS_FILE, path, 0);
    for (uint32_t i = 0; i < 30; i++) {
        write_one(log, i % CORES, STR("/0123456789"));
    }
    WANT(wait_for(CELL_log_write_errors, 1));
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    WANT(wait_for(CELL_log_lines, 30));
    WANT_INT(access_log_close(&log, 5000), 0);
    struct content content = content_of(path);
    WANT_INT(content.lines, 30);
    WANT_INT(content.bad, 0);
    finish();
}

TEST(a_line_cut_by_a_full_disk_is_counted_as_lost_when_the_file_is_replaced)
{
    begin();
    struct rlimit before, small;
    CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
    small = before;
    small.rlim_cur = 1000;
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    struct access_log *log = log_open(ACCESS_FILE, path, 0);
    for (uint32_t i = 0; i < 30; i++) {
        write_one(log, i % CORES, STR("/0123456789"));
    }
    WANT(wait_for(CELL_log_write_errors, 1));
    CHECK(rename(path, other_path) == 0);
    CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
    access_log_reopen(log);
    WANT(wait_for(CELL_log_lines, 29));
    WANT_INT(access_log_close(&log, 5000), 1);
    WANT_INT(stats_read(&stats, CELL_log_lines_dropped), 1);
    struct content fresh = content_of(path), old = content_of(other_path);
    WANT_INT(fresh.bad, 0);
    WANT_INT(old.bad, 1);
    WANT_INT(fresh.lines + old.lines, 30);
    finish();
}

TEST(after_a_rotation_lines_go_to_the_new_file)
{
    begin();
    struct access_log *log = log_open(ACCESS_FILE, path, 0);
    write_one(log, 0, STR("/before"));
    WANT(wait_for(CELL_log_lines, 1));
    CHECK(rename(path, other_path) == 0);
    write_one(log, 0, STR("/between"));
    WANT(wait_for(CELL_log_lines, 2));
    access_log_reopen(log);
    for (int i = 0; i < 1000 && access(path, F_OK) != 0; i++) {
        (void)usleep(5000);
    }
    write_one(log, 0, STR("/after"));
    WANT_INT(access_log_close(&log, 5000), 0);
    WANT_INT(content_of(other_path).lines, 2);
    WANT_INT(content_of(path).lines, 1);
    struct stat facts;
    CHECK(stat(path, &facts) == 0);
    WANT_INT(facts.st_mode & 0137, 0);
    finish();
}

TEST(when_the_new_file_cannot_be_opened_the_old_one_is_kept_and_it_is_tried_again)
{
    begin();
    struct access_log *log = log_open(ACCESS_FILE, path, 0);
    CHECK(rename(path, other_path) == 0);
    CHECK(mkdir(path, 0700) == 0);
    access_log_reopen(log);
    WANT(wait_for(CELL_log_write_errors, 1));
    write_one(log, 0, STR("/kept"));
    WANT(wait_for(CELL_log_lines, 1));
    WANT_INT(content_of(other_path).lines, 1);
    CHECK(rmdir(path) == 0);
    for (int i = 0; i < 1000 && access(path, F_OK) != 0; i++) {
        (void)usleep(5000);
    }
    write_one(log, 0, STR("/again"));
    WANT_INT(access_log_close(&log, 5000), 0);
    WANT_INT(content_of(path).lines, 1);
    finish();
}

TEST(a_reader_that_stops_reading_holds_nobody_back_and_closing_does_not_wait_for_it)
{
    begin();
    CHECK(mkfifo(path, 0600) == 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    CHECK(reader >= 0);
    struct access_log *log = log_open(ACCESS_FILE, path, QUEUE_BYTES);
    for (int i = 0; i < 20000; i++) {
        write_one(log, 0, STR("/"));
        if (i % 100 == 0) {
            (void)usleep(100);
        }
    }
    int64_t begin_ns = clock_mono_ns();
    uint64_t lost = access_log_close(&log, 200);
    WANT(clock_mono_ns() - begin_ns < 2 * NS_PER_SEC);
    WANT(lost > 0);
    uint64_t known =
        stats_read(&stats, CELL_log_lines) + stats_read(&stats, CELL_log_lines_dropped);
    WANT(known >= 20000 && known < 20200); /* a few are notices of drops */
    (void)close(reader);
    finish();
}

TEST(a_log_can_be_ended_without_waiting_for_its_writer)
{
    begin();
    CHECK(mkfifo(path, 0600) == 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct access_log *log = log_open(ACCESS_FILE, path, 1 << 20);
    for (int i = 0; i < 1000; i++) {
        write_one(log, 0, STR("a reader that takes nothing leaves most of this in the queue"));
    }
    int64_t start_ns = clock_mono_ns();
    access_log_end(log, 100);
    WANT(clock_mono_ns() - start_ns < 50 * NS_PER_MS);
    WANT(!access_log_has_ended(log));
    for (int i = 0; i < 200 && !access_log_has_ended(log); i++) {
        (void)usleep(10000);
    }
    WANT(access_log_has_ended(log));
    start_ns = clock_mono_ns();
    WANT(access_log_close(&log, 5000) > 0);
    WANT(clock_mono_ns() - start_ns < 1000 * NS_PER_MS);
    (void)close(reader);
    finish();
}

TEST(without_a_size_of_its_own_a_queue_holds_as_much_as_limits_def_says)
{
    enum { LINES = 40000, LINE_BYTES_MIN = 100 };
    begin();
    CHECK(mkfifo(path, 0600) == 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    CHECK(reader >= 0);
    struct access_log *log = log_open(ACCESS_FILE, path, 0);
    for (int i = 0; i < LINES; i++) {
        write_one(log, 0, STR("/"));
    }
    uint64_t dropped = stats_read(&stats, CELL_log_lines_dropped);
    WANT(dropped > 0);
    /* In the queue, in the writer's buffer and in the pipe, and nowhere else. */
    WANT((LINES - dropped) * LINE_BYTES_MIN < 2 * (uint64_t)LIMIT_VALUE(log_queue_bytes));
    WANT(access_log_close(&log, 200) > 0);
    (void)close(reader);
    finish();
}

TEST(a_reader_that_is_gone_is_counted_and_the_next_one_is_served)
{
    begin();
    CHECK(mkfifo(path, 0600) == 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    struct access_log *log = log_open(ACCESS_FILE, path, QUEUE_BYTES);
    (void)close(reader);
    write_one(log, 0, STR("/"));
    WANT(wait_for(CELL_log_write_errors, 1));
    reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    WANT(wait_for(CELL_log_lines, 1));
    WANT_INT(access_log_close(&log, 1000), 0);
    (void)close(reader);
    finish();
}

TEST(a_log_that_is_off_does_nothing_and_a_bad_path_is_an_error)
{
    begin();
    struct access_log *log = log_open(ACCESS_OFF, NULL, 0);
    WANT(log == NULL);
    WANT(access_log_ring(log, 0) == NULL);
    write_one(log, 0, STR("/"));
    access_log_reopen(log);
    WANT_INT(access_log_close(&log, 0), 0);
    struct access_conf conf = {.target = ACCESS_FILE, .path = "/nonexistent/log", .core_count = 1};
    WANT(access_log_open(&conf, &log) == ERR_IO);
    WANT(log == NULL);
    finish();
}
