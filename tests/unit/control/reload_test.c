/* reload_test.c - reading the file for a start or a reload. Putting it to use: tests/flow. */
#include "control/reload.h"

#include "test.h"

#include <stdlib.h>
#include <unistd.h>

static struct config *read_text(const char *text, struct diags *diags)
{
    char path[] = "/tmp/reload_test.XXXXXX";
    int fd = mkstemp(path);
    struct config *config = NULL;
    if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text)) {
        config = reload_read(path, diags);
    }
    (void)close(fd);
    (void)unlink(path);
    return config;
}

TEST(a_right_file_gives_a_configuration)
{
    struct diags diags;
    diags_init(&diags);
    struct config *config = read_text("routes: { \"/*\": \"http://127.0.0.1:1\" }\n", &diags);
    WANT(config != NULL && diags.errors.count == 0);
    config_free(config);
    diags_drop(&diags);
}

TEST(a_wrong_one_gives_its_errors)
{
    struct diags diags;
    (void)!freopen("/dev/null", "w", stderr); /* they are printed there too */
    diags_init(&diags);
    WANT(read_text("ruotes: {}\n", &diags) == NULL);
    WANT(diags.errors.count > 0);
    diags_drop(&diags);
    diags_init(&diags);
    WANT(reload_read("/nowhere/at/all.yaml", &diags) == NULL);
    WANT_INT(diags.errors.count, 1);
    diags_drop(&diags);
}
