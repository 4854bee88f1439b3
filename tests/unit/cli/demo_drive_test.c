/* demo_drive_test.c - the load of the example against an instance itself, without a gateway. */
#include "cli/demo_drive.h"

#include "net/socket.h"
#include "test.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char file[] = "listeners: { http: { port: 8080 } }\n"
                           "services: { app: 127.0.0.1:9101 }\n"
                           "routes: { all: { match: /*, to: app } }\n";

TEST(every_request_is_counted)
{
    struct shots shots;
    struct diags diags;
    struct config *config = NULL;
    const struct config_opts opts = {0};
    uint32_t failed;
    diags_init(&diags);
    WANT_INT(config_load_text("file", str_from_c(file), &opts, &diags, &config), OK);
    WANT_INT(shots_init(&shots, config), OK);
    shots.instances[0].addr.port = 0;
    WANT_INT(demo_origin_bind(shots.instances, 1, &failed), OK);
    WANT_INT(socket_local(shots.instances[0].listen_fd, &shots.instances[0].addr), OK);
    pid_t child = fork();
    if (child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)!demo_origin_serve(shots.instances, 1);
        _exit(1);
    }
    demo_origin_close(shots.instances, 1);
    WANT(demo_is_answering(&shots.instances[0].addr));
    WANT_INT(demo_drive(&shots, &shots.instances[0].addr, 1), OK);
    WANT(shots.at[0].sent > 10);
    WANT_INT(shots.at[0].answered, shots.at[0].sent);
    WANT_INT(shots.at[0].refused, 0);
    (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
    WANT(!demo_is_answering(&shots.instances[0].addr));
    WANT(demo_drive(&shots, &shots.instances[0].addr, 1) != OK);
    shots_drop(&shots);
    config_free(config);
    diags_drop(&diags);
}
