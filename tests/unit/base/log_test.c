#include "base/log.h"
#include "base/str.h"
#include "test.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char said[8192];
static int kept_fd, log_fd;

static void capture_begin(void)
{
    char name[] = "/tmp/sluice_log_test_XXXXXX";
    kept_fd = dup(STDERR_FILENO);
    log_fd = mkstemp(name);
    WANT(kept_fd >= 0 && log_fd >= 0 && unlink(name) == 0);
    WANT(dup2(log_fd, STDERR_FILENO) == STDERR_FILENO);
}

static struct str capture_end(void)
{
    ssize_t len = pread(log_fd, said, sizeof said, 0);
    (void)dup2(kept_fd, STDERR_FILENO);
    (void)close(kept_fd);
    (void)close(log_fd);
    return str_of(said, len < 0 ? 0 : (size_t)len);
}

static size_t lines_of(struct str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += text.at[i] == '\n';
    }
    return count;
}

TEST(a_message_is_one_line_with_time_level_and_area)
{
    capture_begin();
    log_line(LOG_WARN, "net", "port %d", 80);
    struct str line = capture_end();
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    WANT(line.len > sizeof shape);
    for (size_t i = 0; i + 1 < sizeof shape && i < line.len; i++) {
        WANT(shape[i] == 'd' ? isdigit((unsigned char)line.at[i]) != 0 : line.at[i] == shape[i]);
    }
    WANT(str_ends(line, STR(" warn net: port 80\n")));
    WANT_INT(lines_of(line), 1);
}

TEST(messages_below_the_level_are_dropped)
{
    capture_begin();
    log_line(LOG_DEBUG, "net", "hidden");
    log_set_level(LOG_ERROR);
    log_line(LOG_WARN, "net", "hidden");
    log_line(LOG_ERROR, "net", "seen");
    log_set_level(LOG_DEBUG);
    log_line(LOG_DEBUG, "net", "seen");
    log_set_level(LOG_INFO);
    struct str text = capture_end();
    WANT_INT(lines_of(text), 2);
    WANT(str_find_str(text, STR("hidden")) == text.len);
}

TEST(bytes_of_a_peer_start_no_line_and_reach_no_terminal)
{
    capture_begin();
    log_line(LOG_INFO, "edge", "%s", "a\nb\r\x1b[31mc\x7f\td");
    struct str line = capture_end();
    WANT_INT(lines_of(line), 1);
    WANT(str_ends(line, STR("edge: a b  [31mc  d\n")));
}

TEST(a_long_message_is_cut_and_still_ends_its_line)
{
    char long_text[5000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    capture_begin();
    log_line(LOG_INFO, "edge", "%s", long_text);
    log_line(LOG_INFO, "edge", "next");
    struct str text = capture_end();
    WANT_INT(lines_of(text), 2);
    WANT(text.len > 1000 && text.len < 1300);
    WANT(str_ends(text, STR("edge: next\n")));
}
