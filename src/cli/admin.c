/* admin.c - questions to a running process; see admin.h. */
#include "cli/admin.h"

#include "cli/ask.h"
#include "cli/load.h"

#include <stdio.h>

enum { REQUEST_BYTES_MAX = 16384, PATH_BYTES_MAX = 256 };

/* The socket's path, in `room`. */
static enum exit_code find_socket(const struct args *args, const char *file, struct strbuf *path)
{
    const char *given = args_value(args, "socket");
    struct config *config;
    if (given != NULL || file == NULL) {
        strbuf_add_c(path, given != NULL ? given : ADMIN_SOCKET_DEFAULT);
        return EXIT_OK;
    }
    enum exit_code code = load_file(file, &config);
    if (code != EXIT_OK) {
        return code;
    }
    strbuf_add(path, config->admin.path);
    config_free(config);
    if (path->len == 0) {
        complain(args, "%s has no admin socket: write \"admin: unix:" ADMIN_SOCKET_DEFAULT "\"",
                 file);
        return EXIT_FAILED;
    }
    return EXIT_OK;
}

static enum exit_code exchange(const struct args *args, struct ask *ask, struct str path,
                               struct str request)
{
    enum err e = ask_open_unix(ask, path);
    if (e != OK) {
        const char *why = e == ERR_NOT_FOUND        ? "nobody has made it"
                          : e == ERR_ORIGIN_CONNECT ? "nobody listens on it"
                                                    : err_text(e);
        complain(args, "%.*s: %s", STR_FMT(path), why);
        return EXIT_FAILED;
    }
    e = ask_exchange(ask, request, METHOD_GET);
    if (e != OK) {
        complain(args, "%.*s: no whole answer: %s", STR_FMT(path), err_text(e));
        return EXIT_FAILED;
    }
    struct str body = ask_body(ask);
    bool is_good = ask->head.status < 300;
    (void)fwrite(body.at, 1, body.len, is_good ? stdout : stderr);
    return is_good ? EXIT_OK : EXIT_FAILED;
}

/* What is asked for, without where. */
struct question {
    struct str method, target, body;
};

static enum exit_code say(const struct args *args, const char *file, const struct question *asked)
{
    char room[REQUEST_BYTES_MAX], path_room[PATH_BYTES_MAX];
    struct strbuf request = strbuf_over(room, sizeof room);
    struct strbuf path = strbuf_over(path_room, sizeof path_room);
    struct ask ask = {.fd = -1};
    enum exit_code code = find_socket(args, file, &path);
    if (code != EXIT_OK) {
        return code;
    }
    strbuf_add(&request, asked->method);
    strbuf_add_char(&request, ' ');
    strbuf_add(&request, asked->target);
    strbuf_add(&request, STR(" HTTP/1.1\r\nHost: sluice\r\nAccept: text/plain\r\n"));
    if (asked->body.len > 0) {
        strbuf_add_fmt(&request, "Content-Type: application/json\r\nContent-Length: %zu\r\n",
                       asked->body.len);
    }
    strbuf_add(&request, STR("\r\n"));
    strbuf_add(&request, asked->body);
    if (strbuf_overflowed(&request) || strbuf_overflowed(&path)) {
        complain(args, "that is too long to be asked");
        return EXIT_USAGE;
    }
    code = exchange(args, &ask, strbuf_str(&path), strbuf_str(&request));
    ask_close(&ask);
    return code;
}

enum exit_code admin_say(const struct args *args, const char *file, struct str method,
                         struct str target)
{
    return say(args, file, &(struct question){.method = method, .target = target});
}

enum exit_code admin_post(const struct args *args, const char *file, struct str target,
                          struct str body)
{
    return say(args, file, &(struct question){STR("POST"), target, body});
}
