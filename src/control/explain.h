/* explain.h - a decision told to a person: listener, route and why the others do not take the
 * request, policies, limits, service, version and instances, each with the place in the file that
 * says so. */
#pragma once

#include "control/decide.h"

struct sink;

/* Decides and writes one line for each stop. Errors of decide; nothing is written then. */
MUST_USE enum err explain_write(struct decider *decider, const struct decide_request *request,
                                struct sink *out);
