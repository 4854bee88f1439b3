/* admin_inner.h - what the files that answer the admin API share: admin_api.c has the table of
 * resources and what the process says of itself, targets_api.c what it says of instances.
 * Nobody outside of these files includes this. */
#pragma once

#include "control/process_inner.h"

struct asked {
    struct process *process;
    const struct admin_request *request;
    struct admin_answer *answer;
};

#define RESOURCE(name, method, path, summary) void answer_##name(struct asked *asked);
#include "control/admin.def"
#undef RESOURCE

/* One member of the JSON object that is being written, or a line for people; a number has no
 * quotes. */
struct member {
    const char *name;
    struct str value;
    bool is_number, is_last;
};
void admin_member(struct asked *asked, struct member member);

/* targets_api.c: the members of the status that are about instances and overrides. */
void targets_status(struct asked *asked);
/* targets_api.c: for explain_live; `owner` is the process. */
void targets_explain(void *owner, struct str service, struct str version, struct sink *out);
/* "2026-01-02T03:04:05Z" in the arena. */
struct str admin_instant(struct arena *arena, uint64_t wall_us);
