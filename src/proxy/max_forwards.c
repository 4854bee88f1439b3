/* max_forwards.c - counts Max-Forwards of OPTIONS and TRACE down; see max_forwards.h. The judge has
 * let only one number through. Other methods keep the field as it is. */
#include "proxy/max_forwards.h"

#include "exchange/reply.h"
#include "proxy/routing.h"

/* Larger numbers are taken for this one: no chain is so long. */
enum { MAX_FORWARDS_MAX = 1000 };

static void answer_here(struct exchange *ex)
{
    if (ex->request.method == METHOD_TRACE) {
        reply_error(ex, ERR_TRACE_REFUSED);
        ex->error = ERR_TRACE_REFUSED;
        return;
    }
    struct route_input input = routing_input(&ex->request);
    reply_start(ex, 204);
    routing_add_allow(ex, &input);
}

enum err max_forwards_count(struct exchange *ex, bool *ends_here)
{
    uint64_t left = MAX_FORWARDS_MAX;
    struct fields *fields = &ex->request.fields;
    const struct field *field = fields_find(fields, FIELD_MAX_FORWARDS);
    if (field == NULL) {
        return OK;
    }
    if (!str_to_u64(field->value, &left) || left > MAX_FORWARDS_MAX) {
        left = MAX_FORWARDS_MAX;
    }
    if (left == 0) {
        *ends_here = true;
        answer_here(ex);
        return OK;
    }
    struct str text = arena_fmt(&ex->arena, "%u", (unsigned)left - 1);
    return text.len == 0 ? ERR_MEMORY
                         : fields_set_id(fields, &ex->arena, FIELD_MAX_FORWARDS, text);
}
