/* explain.h - a decision told to a person: listener, route and why the others do not take the
 * request, policies, limits, service, version and instances, each with the place in the file that
 * says so. */
#pragma once

#include "control/decide.h"

struct sink;

/* Decides and writes one line for each stop. Errors of decide; nothing is written then. */
MUST_USE enum err explain_write(struct decider *decider, const struct decide_request *request,
                                struct sink *out);
/* Who knows the instances of a running process: a line for each, candidates and why others not. */
struct explain_live {
    void (*tell)(void *owner, struct str service, struct str version, struct sink *out);
    void *owner;
};
/* The same, with instances as they are just now. */
MUST_USE enum err explain_write_live(struct decider *decider, const struct decide_request *request,
                                     const struct explain_live *live, struct sink *out);
