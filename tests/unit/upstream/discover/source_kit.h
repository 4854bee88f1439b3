/* source_kit.h - one source of instances with what it needs: a loop that the test turns, a name
 * server, and an HTTP server that answers as the test says. */
#pragma once

#include "dns_server.h"
#include "http_server.h"
#include "test.h"
#include "upstream/discover/discover.h"

extern struct loop kit_loop;
extern struct http_server kit_http;
extern struct discover *kit_source;
extern unsigned kit_changes;

/* Opens loop, resolver and fetcher; the HTTP server answers by `respond`, when it is not NULL. */
void kit_start(http_server_fn *respond);
/* Opens the source that `conf` says. */
void kit_open(const struct conf_discover *conf);
/* Closes everything. */
void kit_stop(void);
/* Turns the loop until the list has changed so often, 5 s at most. */
void kit_run_changes(unsigned changes);
/* Turns the loop until the source is in that state, 5 s at most. */
void kit_run_state(enum discover_state state);
/* Turns the loop for about so long. */
void kit_run_ms(int64_t ms);
/* The texts of the instances, separated by spaces. */
struct str kit_list(void);
