/* file_test.c - a watched file as a source. */
#include "source_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[64], path[128];

static void put(const char *text)
{
    char aside[160];
    (void)snprintf(aside, sizeof aside, "%s/aside", directory);
    FILE *file = fopen(aside, "w");
    WANT(file != NULL && fputs(text, file) >= 0 && fclose(file) == 0);
    WANT(rename(aside, path) == 0);
}

static void begin(const char *text)
{
    (void)snprintf(directory, sizeof directory, "/tmp/sluice-file-XXXXXX");
    WANT(mkdtemp(directory) != NULL);
    (void)snprintf(path, sizeof path, "%s/list.yaml", directory);
    if (text != NULL) {
        put(text);
    }
    kit_start(NULL);
    kit_open(&(struct conf_discover){
        .from = STR("file:list"), .kind = CONF_DISCOVER_FILE, .url = str_from_c(path)});
}

static void end(void)
{
    kit_stop();
    (void)unlink(path);
    (void)rmdir(directory);
}

TEST(a_file_is_read_and_read_again_when_it_is_another)
{
    begin("- 10.0.0.1:80\n");
    kit_run_changes(1);
    WANT_STR(kit_list(), STR("10.0.0.1:80"));
    put("- 10.0.0.2:80\n- 10.0.0.3:80\n");
    kit_run_changes(2);
    WANT_STR(kit_list(), STR("10.0.0.2:80 10.0.0.3:80"));
    uint64_t answers = kit_source->answers_total;
    kit_run_ms(700);
    WANT_INT(kit_source->answers_total, answers); /* nothing changed: not read */
    end();
}

TEST(a_file_that_is_wrong_or_gone_takes_nothing_away)
{
    begin("- 10.0.0.1:80\n");
    kit_run_changes(1);
    put("- nonsense\n");
    kit_run_state(DISCOVER_FAILED);
    WANT(strstr(kit_source->why, "list.yaml:1:3: ") != NULL);
    WANT_STR(kit_list(), STR("10.0.0.1:80"));
    put("- 10.0.0.1:80\n");
    kit_run_state(DISCOVER_OK);
    WANT(unlink(path) == 0);
    kit_run_state(DISCOVER_FAILED);
    WANT_STR(kit_list(), STR("10.0.0.1:80"));
    put("- 10.0.0.4:80\n");
    kit_run_changes(2);
    WANT_STR(kit_list(), STR("10.0.0.4:80"));
    end();
}

TEST(a_file_may_come_late_and_a_directory_is_none)
{
    begin(NULL);
    kit_run_state(DISCOVER_FAILED);
    WANT(mkdir(path, 0700) == 0);
    kit_run_ms(600);
    WANT_INT(kit_source->state, DISCOVER_FAILED);
    WANT(rmdir(path) == 0);
    put("- 10.0.0.1:80\n");
    kit_run_changes(1);
    end();
}

TEST(a_file_longer_than_discovery_bytes_is_refused)
{
    begin("- 10.0.0.1:80\n");
    kit_run_changes(1);
    FILE *file = fopen(path, "w");
    WANT(file != NULL);
    WANT(ftruncate(fileno(file), LIMIT_VALUE(discovery_bytes) + 1) == 0);
    WANT(fclose(file) == 0);
    kit_run_state(DISCOVER_FAILED);
    WANT(strstr(kit_source->why, "longer than allowed") != NULL);
    WANT_STR(kit_list(), STR("10.0.0.1:80"));
    end();
}
