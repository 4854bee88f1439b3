/* admin_api.c - what the admin API answers: the resources of admin.def, each a function. They all
 * run on the control thread and read what that thread owns. Transport: admin.h. */
#include "base/date.h"
#include "base/log.h"
#include "control/explain.h"
#include "control/admin_inner.h"
#include "control/reload.h"
#include "http/query.h"

#include <unistd.h>

enum { EXPLAIN_FIELDS_MAX = 128, LOCAL_TEXT_BYTES = 64 };

struct resource {
    const char *method, *path, *summary;
    void (*answer)(struct asked *asked);
};

static const struct resource resources[] = {
#define RESOURCE(name, method, path, summary) {method, path, summary, answer_##name},
#include "control/admin.def"
#undef RESOURCE
};

static void problem(struct asked *asked, uint16_t status, const char *code, struct str detail)
{
    admin_problem(asked->request, asked->answer, status, code, detail);
}

void admin_member(struct asked *asked, struct member member)
{
    struct sink *out = &asked->answer->body;
    if (asked->request->wants_text) {
        sink_add_fmt(out, "%-14s", member.name);
        sink_add(out, member.value);
        sink_add(out, STR("\n"));
        return;
    }
    sink_add_fmt(out, "  \"%s\": %s", member.name, member.is_number ? "" : "\"");
    sink_add_json(out, member.value);
    sink_add_fmt(out, "%s%s\n", member.is_number ? "" : "\"", member.is_last ? "" : ",");
}

static void add_text(struct asked *asked, const char *name, struct str value)
{
    admin_member(asked, (struct member){.name = name, .value = value});
}

static void add_number(struct asked *asked, const char *name, uint64_t value)
{
    struct str text = arena_fmt(asked->answer->arena, "%llu", (unsigned long long)value);
    admin_member(asked, (struct member){.name = name, .value = text, .is_number = true});
}

void answer_index(struct asked *asked)
{
    struct sink *out = &asked->answer->body;
    bool is_text = asked->request->wants_text;
    sink_add(out, is_text ? STR("") : STR("[\n"));
    for (size_t i = 0; i < COUNT_OF(resources); i++) {
        const struct resource *resource = &resources[i];
        sink_add_fmt(out,
                     is_text ? "%-5s%-14s%s\n"
                             : "  {\"method\": \"%s\", \"path\": \"%s\", \"summary\": \"%s\"}",
                     resource->method, resource->path, resource->summary);
        if (!is_text) {
            sink_add(out, i + 1 < COUNT_OF(resources) ? STR(",\n") : STR("\n]\n"));
        }
    }
}

struct str admin_instant(struct arena *arena, uint64_t wall_us)
{
    char room[LOCAL_TEXT_BYTES];
    struct strbuf out = strbuf_over(room, sizeof room);
    date_add_iso(&out, (int64_t)(wall_us / 1000000));
    strbuf_add_char(&out, 'Z');
    return arena_fmt(arena, "%.*s", STR_FMT(strbuf_str(&out)));
}

void answer_status(struct asked *asked)
{
    const struct process *process = asked->process;
    const struct config *config = process->current->config;
    struct arena *arena = asked->answer->arena;
    const struct stats *stats = &process->stats;
    bool is_text = asked->request->wants_text;
    sink_add(&asked->answer->body, is_text ? STR("") : STR("{\n"));
    add_text(asked, "state", process->is_draining ? STR("draining") : STR("serving"));
    add_text(asked, "file", str_from_c(process->path));
    add_number(asked, "generation", process->generation);
    add_text(asked, "hash",
             arena_fmt(arena, "%016llx", (unsigned long long)process->current->hash));
    add_text(asked, "in_use_since", admin_instant(arena, stats_read(stats, CELL_reload_time)));
    add_text(asked, "started", admin_instant(arena, stats_read(stats, CELL_process_start_time)));
    add_number(asked, "pid", (uint64_t)getpid());
    add_number(asked, "restarts", process->handover.restarts_total);
    add_number(asked, "cores", process->core_count);
    add_number(asked, "listeners", config->listeners.count);
    add_number(asked, "routes", config->routes.count);
    add_number(asked, "services", config->services.count);
    targets_status(asked);
    struct str in_flight =
        arena_fmt(arena, "%llu", (unsigned long long)stats_read(stats, CELL_requests_in_flight));
    admin_member(asked,
               (struct member){
                   .name = "in_flight", .value = in_flight, .is_number = true, .is_last = true});
    sink_add(&asked->answer->body, is_text ? STR("") : STR("}\n"));
}

void answer_config(struct asked *asked)
{
    asked->answer->type =
        asked->request->wants_text ? STR("text/plain; charset=utf-8") : STR("application/yaml");
    config_write_yaml(asked->process->current->config, &asked->answer->body);
}

/* The parameters of the query as a request. False: one cannot be read, and the answer says so. */
static bool read_explain(struct asked *asked, struct conf_pair *fields,
                         struct decide_request *request)
{
    struct str rest = asked->request->query;
    struct query_param param;
    *request = (struct decide_request){.method = STR("GET"), .fields = fields};
    while (query_next(&rest, &param)) {
        struct str value;
        if (query_decode(asked->answer->arena, param.raw_value, &value) != OK) {
            problem(asked, 503, "memory", str_from_c(err_text(ERR_MEMORY)));
            return false;
        }
        struct str_pair field = str_cut(value, ':');
        bool is_right = true;
        if (query_is(param.raw_name, STR("method"))) {
            request->method = value;
        } else if (query_is(param.raw_name, STR("url"))) {
            request->url = value;
        } else if (query_is(param.raw_name, STR("from"))) {
            is_right = addr_parse_ip(value, &request->from) == OK;
        } else if (query_is(param.raw_name, STR("header"))) {
            is_right = field.is_cut && request->field_count < EXPLAIN_FIELDS_MAX;
            if (is_right) {
                fields[request->field_count++] =
                    (struct conf_pair){.name = field.head, .value = str_trim(field.tail)};
            }
        } else {
            is_right = false;
        }
        if (!is_right) {
            problem(asked, 400, "bad_parameter",
                    arena_fmt(asked->answer->arena, "the parameter %.*s=%.*s cannot be used",
                              STR_FMT(param.raw_name), STR_FMT(param.raw_value)));
            return false;
        }
    }
    return true;
}

void answer_explain(struct asked *asked)
{
    struct conf_pair fields[EXPLAIN_FIELDS_MAX];
    struct decide_request request;
    struct decider decider;
    const struct snapshot *snapshot = asked->process->current;
    if (!read_explain(asked, fields, &request)) {
        return;
    }
    enum err e = decider_init(&decider, snapshot->config, snapshot->router);
    asked->answer->type = STR("text/plain; charset=utf-8");
    if (e == OK) {
        const struct explain_live live = {targets_explain, asked->process};
        e = explain_write_live(&decider, &request, &live, &asked->answer->body);
    }
    if (e == ERR_SYNTAX) {
        problem(asked, 400, "bad_parameter",
                STR("that is no request: method and url are needed, such as url=http://host/path"));
    } else if (e != OK) {
        problem(asked, 503, err_code(e), str_from_c(err_text(e)));
    }
    decider_drop(&decider);
}

/* A file with errors: its diagnostics are the answer. */
static void refuse_file(struct asked *asked, const struct diags *diags)
{
    struct sink *out = &asked->answer->body;
    asked->answer->status = 422;
    if (asked->request->wants_text) {
        diags_write(diags, out);
        return;
    }
    asked->answer->type = STR("application/problem+json");
    sink_add(out,
             STR("{\"type\":\"about:blank\",\"title\":\"Unprocessable Content\",\"status\":422,"
                 "\"code\":\"config\",\"detail\":\"the file has errors; nothing has changed\","
                 "\"diagnostics\":"));
    diags_write_json(diags, out);
    sink_add(out, STR("}\n"));
}

void answer_diff(struct asked *asked)
{
    struct process *process = asked->process;
    struct sink *out = &asked->answer->body;
    struct diags diags;
    diags_init(&diags);
    struct config *config = reload_read(process->path, &diags);
    asked->answer->type = STR("text/plain; charset=utf-8");
    if (config == NULL) {
        refuse_file(asked, &diags);
    } else if (config_diff(process->current->config, config, out) +
                   process->overrides.count == 0) {
        sink_add(out, STR("no difference in meaning\n"));
    }
    LIST_EACH(node, &process->overrides.all) {
        if (config != NULL) {
            sink_add(out, STR("override "));
            override_write(CONTAINER_OF(node, struct override, node), out);
            sink_add(out, STR("\n"));
        }
    }
    config_free(config);
    diags_drop(&diags);
}

void answer_reload(struct asked *asked)
{
    struct diags diags;
    enum err why = OK;
    diags_init(&diags);
    enum reload_result result = reload_run(asked->process, &diags, &why);
    const char *said = result == RELOAD_USED ? "in use" : "unchanged";
    switch (result) {
    case RELOAD_WRONG: refuse_file(asked, &diags); break;
    case RELOAD_REFUSED:
        problem(asked, 409, err_code(why),
                arena_fmt(asked->answer->arena, "nothing has changed: %s", err_text(why)));
        break;
    case RELOAD_DRAINING: problem(asked, 503, "draining", str_from_c(err_text(why))); break;
    case RELOAD_USED:
    case RELOAD_SAME:
        sink_add_fmt(&asked->answer->body,
                     asked->request->wants_text ? "%s: generation %llu\n"
                                                : "{\"result\": \"%s\", \"generation\": %llu}\n",
                     said, (unsigned long long)asked->process->generation);
        if (asked->request->wants_text) {
            diags_write(&diags, &asked->answer->body);
        }
        break;
    }
    diags_drop(&diags);
}

static void answer(void *owner, const struct admin_request *request, struct admin_answer *out)
{
    struct asked asked = {.process = owner, .request = request, .answer = out};
    for (size_t i = 0; i < COUNT_OF(resources); i++) {
        if (!str_eq(request->path, str_from_c(resources[i].path))) {
            continue;
        }
        if (str_eq(request->method, str_from_c(resources[i].method))) {
            resources[i].answer(&asked);
            return;
        }
        out->allow = arena_fmt(out->arena, "%.*s%s%s", STR_FMT(out->allow),
                               out->allow.len > 0 ? ", " : "", resources[i].method);
    }
    if (out->allow.len > 0) {
        problem(&asked, 405, "method_not_allowed", STR("this resource has another method"));
    } else {
        problem(&asked, 404, "not_found", STR("there is no such resource; /v1 lists them"));
    }
}

enum err admin_api_open(struct process *process, const struct config *config,
                        struct observe_change *change)
{
    struct str wanted = config->admin.path;
    bool is_open = process->admin != NULL;
    if (is_open ? str_eq(admin_path(process->admin), wanted) : wanted.len == 0) {
        return OK;
    }
    if (wanted.len > 0) {
        const struct admin_conf conf = {
            .loop = &process->loop, .path = wanted, .answer = answer, .owner = process};
        enum err e = admin_open(&conf, &change->admin);
        if (e != OK) {
            log_line(LOG_ERROR, "control", "admin: cannot listen on %.*s: %s", STR_FMT(wanted),
                     err_text(e));
            return e;
        }
    }
    change->has_admin = true;
    return OK;
}
