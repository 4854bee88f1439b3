/* process.c - reads /proc/self and the resource counters; see process.h. */
#include "observe/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Resident bytes: the second number of statm, in pages (proc(5)). */
static void collect_memory(struct stats_block *block)
{
    char text[256];
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return;
    }
    ssize_t len = read(fd, text, sizeof text);
    (void)close(fd);
    long page_bytes = sysconf(_SC_PAGESIZE);
    uint64_t pages;
    struct str numbers = str_of(text, len > 0 ? (size_t)len : 0);
    if (page_bytes > 0 && str_to_u64(str_cut(str_cut(numbers, ' ').tail, ' ').head, &pages)) {
        stats_set(block, CELL_process_resident, pages * (uint64_t)page_bytes);
    }
}

static void collect_descriptors(struct stats_block *block)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) {
        return;
    }
    uint64_t count = 0;
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(folder);
    /* One of them was for looking. */
    stats_set(block, CELL_process_fds, count - (count > 0));
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        stats_set(block, CELL_process_fds_max, limit.rlim_cur);
    }
}

static uint64_t microseconds(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

void process_collect(struct stats_block *block)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        stats_set(block, CELL_process_cpu,
                  microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime));
    }
    collect_memory(block);
    collect_descriptors(block);
}
