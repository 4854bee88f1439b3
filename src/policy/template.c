/* template.c - cutting and filling in texts with variables; see template.h.
 * A variable is a name, not an expression: what can be asked is this short list, so a text of the
 * operator can neither fail at run time nor reach what it should not. */
#include "policy/template.h"

#include "base/check.h"
#include "base/strbuf.h"
#include "exchange/exchange.h"
#include "text/distance.h"

enum variable {
    VAR_NONE,
    VAR_CLIENT_IP,
    VAR_HOST,
    VAR_METHOD,
    VAR_PATH,
    VAR_REQUEST_ID,
    VAR_COUNT
};

static const struct str variable_names[VAR_COUNT] = {
    [VAR_CLIENT_IP] = {"client_ip", 9},    [VAR_HOST] = {"host", 4},
    [VAR_METHOD] = {"method", 6},          [VAR_PATH] = {"path", 4},
    [VAR_REQUEST_ID] = {"request_id", 10},
};

static enum variable variable_of(struct str name)
{
    for (int i = VAR_NONE + 1; i < VAR_COUNT; i++) {
        if (str_eq(variable_names[i], name)) {
            return (enum variable)i;
        }
    }
    return VAR_NONE;
}

static enum err refuse(struct arena *arena, struct str name, struct str *way_out)
{
    enum { EDITS_MAX = 3 };
    uint32_t nearest = EDITS_MAX + 1;
    struct str best = {0};
    for (int i = VAR_NONE + 1; i < VAR_COUNT; i++) {
        uint32_t edits = text_distance(name, variable_names[i], EDITS_MAX);
        best = edits < nearest ? variable_names[i] : best;
        nearest = edits < nearest ? edits : nearest;
    }
    *way_out = best.len > 0 ? arena_fmt(arena, "did you mean {%.*s}?", STR_FMT(best))
                            : STR("there are {client_ip}, {host}, {method}, {path}, {request_id}; "
                                  "write {{ for a brace");
    return ERR_SYNTAX;
}

/* Takes the part at the front of *rest. */
static enum err take_part(struct arena *arena, struct str *rest, struct template_part *part,
                          struct str *way_out)
{
    size_t brace = str_find(*rest, '{');
    if (brace > 0) {
        *part = (struct template_part){.text = str_sub(*rest, 0, brace)};
        *rest = str_skip(*rest, brace);
        return OK;
    }
    if (str_starts(*rest, STR("{{"))) {
        *part = (struct template_part){.text = str_sub(*rest, 0, 1)};
        *rest = str_skip(*rest, 2);
        return OK;
    }
    struct str_pair cut = str_cut(str_skip(*rest, 1), '}');
    enum variable variable = variable_of(cut.head);
    if (!cut.is_cut) {
        *way_out = STR("close the variable with }, or write {{ for a brace");
        return ERR_SYNTAX;
    }
    if (variable == VAR_NONE) {
        return refuse(arena, cut.head, way_out);
    }
    *part = (struct template_part){.variable = (uint8_t)variable};
    *rest = cut.tail;
    return OK;
}

enum err template_compile(struct arena *arena, struct str text, struct template *out,
                          struct str *way_out)
{
    /* Each brace starts a part, and ends one at most. */
    size_t parts_max = 1;
    for (size_t i = 0; i < text.len; i++) {
        parts_max += text.at[i] == '{' ? 2 : 0;
    }
    struct template_part *parts = ARENA_ARRAY(arena, parts_max, struct template_part);
    *out = (struct template){.parts = parts};
    if (parts == NULL) {
        return ERR_MEMORY;
    }
    while (text.len > 0) {
        CHECK(out->count < parts_max);
        TRY(take_part(arena, &text, &parts[out->count], way_out));
        out->count++;
    }
    return OK;
}

/* `room`, of ADDR_TEXT_BYTES_MAX bytes, is for what must be written first. */
static struct str value_of(const struct template_part *part, const struct exchange *ex, char *room)
{
    struct strbuf address = strbuf_over(room, ADDR_TEXT_BYTES_MAX);
    switch ((enum variable)part->variable) {
    case VAR_CLIENT_IP: addr_add_ip(&address, &ex->forwarded.client); return strbuf_str(&address);
    case VAR_HOST: return ex->request.host;
    case VAR_METHOD: return ex->request.method_text;
    case VAR_PATH: return ex->request.path;
    case VAR_REQUEST_ID: return ex->request_id_text;
    case VAR_NONE:
    case VAR_COUNT: break;
    }
    return part->text;
}

enum err template_render(const struct template *template, struct exchange *ex, struct str *out)
{
    char room[ADDR_TEXT_BYTES_MAX];
    size_t bytes = 0;
    *out = (struct str){0};
    if (template->count == 1 && template->parts[0].variable == VAR_NONE) {
        *out = template->parts[0].text;
        return OK;
    }
    for (uint32_t i = 0; i < template->count; i++) {
        bytes += value_of(&template->parts[i], ex, room).len;
    }
    char *at = arena_alloc(&ex->arena, bytes);
    if (at == NULL) {
        return ERR_MEMORY;
    }
    struct strbuf text = strbuf_over(at, bytes);
    for (uint32_t i = 0; i < template->count; i++) {
        strbuf_add(&text, value_of(&template->parts[i], ex, room));
    }
    CHECK(!strbuf_overflowed(&text));
    *out = strbuf_str(&text);
    return OK;
}
