/* headers.c - header fields set, added, removed and renamed, of requests on their way to an origin
 * and of responses on their way to a client.
 * The file says what, this says in which order: remove, rename, set, add. Fields that say where a
 * message goes, how long it is or what a connection does are Sluice's own and refused when the file
 * is read. Values may have variables (template.h); what they come to is checked by fields_set and
 * fields_add, so no value ends a line. Explained for operators in docs/policies/headers.md. */
#include "config/reader.h"
#include "exchange/reply.h"
#include "http/field_rules.h"
#include "policy/policies.h"
#include "policy/template.h"

/* What the file says for one direction. */
struct side_conf {
    struct conf_strs remove;
    struct conf_pairs rename, set, add;
};

struct headers_conf {
    struct side_conf request, response;
};

/* What the hooks read: the steps of each direction in running order. */
enum op_kind { OP_REMOVE, OP_RENAME, OP_SET, OP_ADD };

struct op {
    enum op_kind kind;
    struct str name;
    struct str to;         /* OP_RENAME */
    struct template value; /* OP_SET, OP_ADD */
};

struct side {
    struct op *ops;
    uint32_t count;
};

struct headers {
    struct side request, response;
};

/* Why a policy may not touch the field, or NULL. */
static const char *why_not(struct str name, bool is_request)
{
    enum field_id id = field_id_of(name);
    if (id == FIELD_HOST) {
        return "the Host that origins see is said by `host` of the service";
    }
    if (id == FIELD_CONTENT_LENGTH || id == FIELD_TRANSFER_ENCODING) {
        return "Sluice states the length of each message itself";
    }
    if (id == FIELD_EXPECT) {
        return "Sluice answers expectations itself";
    }
    if (id == FIELD_TRAILER || id == FIELD_MAX_FORWARDS) {
        return "Sluice needs it as it is to forward the message";
    }
    if ((field_rules(id) & FIELD_RULE_HOP) != 0) {
        return "it belongs to one connection, and Sluice has its own on each side";
    }
    bool is_written_later = id == FIELD_VIA || id == FIELD_FORWARDED ||
                            id == FIELD_X_FORWARDED_FOR || id == FIELD_X_FORWARDED_PROTO ||
                            id == FIELD_X_FORWARDED_HOST;
    if (is_request && is_written_later) {
        return "Sluice writes it after all policies; see `trusted_proxies` of the listener";
    }
    return NULL;
}

static struct node *value_node(struct node *side, const char *key)
{
    struct node *value = node_find(side, str_from_c(key));
    return value == NULL ? side : value;
}

static bool check_name(struct conf_reader *reader, struct node *node, struct str name,
                       bool is_request)
{
    const char *why = why_not(name, is_request);
    if (why == NULL) {
        return true;
    }
    conf_hint(reader, "%s", why);
    return conf_refuse(reader, node, DIAG_E0132, "%.*s is not for policies to change",
                       STR_FMT(name));
}

/* The key of a pair, for its place. */
static struct node *pair_node(struct node *map, struct str name)
{
    for (struct node *key = map->first; map->type == NODE_MAP && key != NULL; key = key->next) {
        if (str_eq(key->text, name)) {
            return key;
        }
    }
    return map;
}

static bool check_values(struct conf_reader *reader, struct node *map,
                         const struct conf_pairs *pairs, bool is_request)
{
    bool is_right = true;
    for (uint32_t i = 0; i < pairs->count; i++) {
        const struct conf_pair *pair = &pairs->at[i];
        struct node *key = pair_node(map, pair->name);
        struct template template;
        struct str way_out = STR("out of memory");
        is_right = check_name(reader, key, pair->name, is_request) && is_right;
        if (template_compile(reader->scratch, pair->value, &template, &way_out) != OK) {
            struct node *value = key->value == NULL ? key : key->value;
            conf_hint(reader, "%.*s", STR_FMT(way_out));
            is_right = conf_refuse(reader, value, DIAG_E0133,
                                   "the value of %.*s cannot be filled in", STR_FMT(pair->name));
        }
    }
    return is_right;
}

static bool check_renames(struct conf_reader *reader, struct node *map,
                          const struct conf_pairs *pairs, bool is_request)
{
    bool is_right = true;
    for (uint32_t i = 0; i < pairs->count; i++) {
        struct str from = pairs->at[i].name, to = pairs->at[i].value;
        struct node *key = pair_node(map, from);
        struct node *value = key->value == NULL ? key : key->value;
        is_right = check_name(reader, key, from, is_request) && is_right;
        is_right = check_name(reader, value, to, is_request) && is_right;
        if (!str_is_token(to)) {
            is_right = conf_refuse(reader, value, DIAG_E0117, "%s is not a field name",
                                   conf_show(reader, value));
        }
        if (str_eq_nocase(from, to)) {
            conf_hint(reader, "names of fields are compared without case");
            is_right =
                conf_refuse(reader, value, DIAG_E0209, "%.*s is renamed to itself", STR_FMT(from));
        }
    }
    return is_right;
}

static bool check_side(struct conf_reader *reader, struct node *node, const struct side_conf *conf,
                       bool is_request)
{
    struct node *removed = value_node(node, "remove");
    struct node *item = removed->type == NODE_LIST ? removed->first : removed;
    bool is_right = true;
    for (uint32_t i = 0; i < conf->remove.count; i++) {
        is_right = check_name(reader, item, conf->remove.at[i], is_request) && is_right;
        item = removed->type == NODE_LIST ? item->next : item;
    }
    is_right =
        check_renames(reader, value_node(node, "rename"), &conf->rename, is_request) && is_right;
    is_right = check_values(reader, value_node(node, "set"), &conf->set, is_request) && is_right;
    return check_values(reader, value_node(node, "add"), &conf->add, is_request) && is_right;
}

static bool check_request(struct conf_reader *reader, struct node *node, void *out)
{
    return check_side(reader, node, out, true);
}

static bool check_response(struct conf_reader *reader, struct node *node, void *out)
{
    return check_side(reader, node, out, false);
}

static const struct conf_field side_fields[] = {
    {.name = "remove",
     .type = CONF_LIST,
     .item = CONF_STRING,
     CONF_IS(struct side_conf, remove),
     .flags = CONF_TOKEN,
     .summary = "Fields to take off, whatever their value."},
    {.name = "rename",
     .type = CONF_PAIRS,
     CONF_IS(struct side_conf, rename),
     .flags = CONF_TOKEN,
     .summary = "Old name to new name; what has the new name already is replaced."},
    {.name = "set",
     .type = CONF_PAIRS,
     CONF_IS(struct side_conf, set),
     .flags = CONF_TOKEN | CONF_FIELD_VALUE,
     .summary = "Name to value; replaces every field of that name. Values may have {variables}."},
    {.name = "add",
     .type = CONF_PAIRS,
     CONF_IS(struct side_conf, add),
     .flags = CONF_TOKEN | CONF_FIELD_VALUE,
     .summary = "Name to value; leaves what is there. Values may have {variables}."},
};
static const struct conf_table request_table = {
    .name = "headers_request",
    .summary = "Changes of request fields before the request goes to an origin.",
    .fields = side_fields,
    .field_count = COUNT_OF(side_fields),
    .bytes = sizeof(struct side_conf),
    .check = check_request,
};
static const struct conf_table response_table = {
    .name = "headers_response",
    .summary = "Changes of response fields before the response goes to the client.",
    .fields = side_fields,
    .field_count = COUNT_OF(side_fields),
    .bytes = sizeof(struct side_conf),
    .check = check_response,
};
static const struct conf_field headers_fields[] = {
    {.name = "request",
     .type = CONF_STRUCT,
     .table = &request_table,
     CONF_IS(struct headers_conf, request),
     .summary = "Of requests, before an origin gets them."},
    {.name = "response",
     .type = CONF_STRUCT,
     .table = &response_table,
     CONF_IS(struct headers_conf, response),
     .summary = "Of responses and of errors of our own, before the client gets them."},
};
const struct conf_table headers_table =
    CONF_TABLE("headers", struct headers_conf, headers_fields, headers_summary);

static enum err add_values(struct arena *arena, const struct conf_pairs *pairs, enum op_kind kind,
                           struct side *side)
{
    struct str way_out;
    for (uint32_t i = 0; i < pairs->count; i++) {
        struct op *op = &side->ops[side->count++];
        *op = (struct op){.kind = kind, .name = pairs->at[i].name};
        TRY(template_compile(arena, pairs->at[i].value, &op->value, &way_out));
    }
    return OK;
}

static enum err compile_side(struct arena *arena, const struct side_conf *conf, struct side *side)
{
    size_t count =
        (size_t)conf->remove.count + conf->rename.count + conf->set.count + conf->add.count;
    side->ops = ARENA_ARRAY(arena, count, struct op);
    if (side->ops == NULL) {
        return ERR_MEMORY;
    }
    for (uint32_t i = 0; i < conf->remove.count; i++) {
        side->ops[side->count++] = (struct op){.kind = OP_REMOVE, .name = conf->remove.at[i]};
    }
    for (uint32_t i = 0; i < conf->rename.count; i++) {
        side->ops[side->count++] = (struct op){
            .kind = OP_RENAME, .name = conf->rename.at[i].name, .to = conf->rename.at[i].value};
    }
    TRY(add_values(arena, &conf->set, OP_SET, side));
    return add_values(arena, &conf->add, OP_ADD, side);
}

static enum err compile(struct policy_compile *ctx, const void *from, const void **out)
{
    const struct headers_conf *conf = from;
    struct headers *headers = ARENA_NEW(ctx->arena, struct headers);
    if (headers == NULL) {
        return ERR_MEMORY;
    }
    enum err e = compile_side(ctx->arena, &conf->request, &headers->request);
    if (e == OK) {
        e = compile_side(ctx->arena, &conf->response, &headers->response);
    }
    if (e != OK && e != ERR_MEMORY) {
        ctx->error = "a value of headers has an unknown variable";
        return ERR_CONFIG;
    }
    *out = headers;
    return e;
}

/* Room is made first, because adding may move the fields that are being walked. */
static enum err rename_fields(struct fields *fields, struct arena *arena, const struct op *op)
{
    uint32_t count = 0;
    const struct field *field = fields_find_name(fields, op->name);
    for (; field != NULL; field = fields_find_again(fields, field)) {
        count++;
    }
    if (count == 0) {
        return OK;
    }
    TRY(fields_reserve(fields, arena, count));
    (void)fields_remove(fields, op->to);
    field = fields_find_name(fields, op->name);
    for (; field != NULL; field = fields_find_again(fields, field)) {
        TRY(fields_add(fields, arena, op->to, field->value));
    }
    (void)fields_remove(fields, op->name);
    return OK;
}

static enum err apply_one(struct exchange *ex, struct fields *fields, const struct op *op)
{
    struct str value;
    switch (op->kind) {
    case OP_REMOVE: (void)fields_remove(fields, op->name); return OK;
    case OP_RENAME: return rename_fields(fields, &ex->arena, op);
    case OP_SET:
        TRY(template_render(&op->value, ex, &value));
        return fields_set(fields, &ex->arena, op->name, value);
    case OP_ADD:
        TRY(template_render(&op->value, ex, &value));
        return fields_add(fields, &ex->arena, op->name, value);
    }
    return OK;
}

static enum err apply(struct exchange *ex, struct fields *fields, const struct side *side)
{
    for (uint32_t i = 0; i < side->count; i++) {
        enum err e = apply_one(ex, fields, &side->ops[i]);
        if (e != OK) {
            return e == ERR_MEMORY ? e : ERR_POLICY;
        }
    }
    return OK;
}

static enum verdict on_request(struct exchange *ex, const void *compiled, void *state)
{
    const struct headers *headers = compiled;
    (void)state;
    enum err e = apply(ex, &ex->request.fields, &headers->request);
    if (e != OK) {
        reply_error(ex, e);
        return VERDICT_REPLIED;
    }
    return VERDICT_NEXT;
}

static enum err on_response(struct exchange *ex, const void *compiled, void *state)
{
    const struct headers *headers = compiled;
    (void)state;
    return apply(ex, &ex->response.fields, &headers->response);
}

const struct policy_type headers_policy = {
    .name = "headers",
    .summary = headers_summary,
    .table = &headers_table,
    .compile = compile,
    .on_request = on_request,
    .on_response = on_response,
};
