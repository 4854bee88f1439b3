/* yaml.c - from libyaml's events to a tree; see yaml.h.
 * The tree is built with an explicit stack, so nesting costs no C stack. An alias shares the
 * children of its anchor and only counts them again: a tree that expands beyond its ceiling is
 * refused without ever having been expanded. What needs the whole map (equal keys, merge keys) is
 * done when the map ends, in yaml_map.c. */
#include "text/yaml.h"

#include "base/check.h"
#include "text/yaml_inner.h"

#include <stdio.h>
#include <yaml.h>

struct anchor {
    struct node *node;
    uint32_t nodes; /* with all below it */
    bool is_open;   /* its end has not been seen: an alias would be a circle */
};

struct frame {
    struct node *node;
    struct node **tail; /* where the next item or key goes */
    struct node *key;   /* of a map: the key that waits for its value */
    struct anchor *anchor;
    uint32_t made_before; /* nodes made before this one */
};

struct builder {
    struct yaml_builder shared;
    yaml_parser_t parser;
    struct map anchors;
    struct frame *frames;
    uint32_t depth, made;
    struct node *root;
};

enum err yaml_refuse(struct yaml_builder *builder, enum yaml_problem problem, struct source_pos pos,
                     const char *hint, const char *message)
{
    struct yaml_error *error = builder->error;
    error->problem = problem;
    error->pos = pos;
    (void)snprintf(error->message, sizeof error->message, "%s", message);
    (void)snprintf(error->hint, sizeof error->hint, "%s", hint == NULL ? "" : hint);
    return problem == YAML_NO_MEMORY ? ERR_MEMORY : ERR_SYNTAX;
}

static struct source_pos pos_between(const struct builder *builder, yaml_mark_t from,
                                     yaml_mark_t to)
{
    size_t width = to.line == from.line && to.column > from.column ? to.column - from.column : 1;
    return (struct source_pos){builder->shared.source, (uint32_t)from.line + 1,
                               (uint32_t)from.column + 1, (uint32_t)width};
}

static enum err count_nodes(struct builder *builder, uint32_t count, struct source_pos pos)
{
    if (count > *builder->shared.conf->nodes_left) {
        return yaml_refuse(&builder->shared, YAML_TOO_LARGE, pos,
                           "aliases count with everything below them",
                           "the configuration has more values than allowed");
    }
    *builder->shared.conf->nodes_left -= count;
    builder->made += count;
    return OK;
}

static enum err node_new(struct builder *builder, enum node_type type, const yaml_event_t *event,
                         struct node **out)
{
    struct source_pos pos = pos_between(builder, event->start_mark, event->end_mark);
    TRY(count_nodes(builder, 1, pos));
    struct node *node = ARENA_NEW(builder->shared.conf->nodes, struct node);
    if (node == NULL) {
        return yaml_out_of_memory(&builder->shared, pos);
    }
    node->type = (uint8_t)type;
    node->pos = pos;
    *out = node;
    return OK;
}

/* Puts a node where the open list or map expects its next one. */
static enum err place(struct builder *builder, struct node *node)
{
    if (builder->depth == 0) {
        builder->root = node;
        return OK;
    }
    struct frame *frame = &builder->frames[builder->depth - 1];
    if (frame->node->type == NODE_MAP && frame->key != NULL) {
        frame->key->value = node;
        frame->key = NULL;
        return OK;
    }
    if (frame->node->type == NODE_MAP) {
        if (node->type == NODE_LIST || node->type == NODE_MAP) {
            return yaml_refuse(&builder->shared, YAML_BAD_KEY, node->pos, "a key is a plain name",
                               "a list or map cannot be a key");
        }
        frame->key = node;
    }
    *frame->tail = node;
    frame->tail = &node->next;
    frame->node->count++;
    return OK;
}

/* Remembers `node` under its anchor, replacing an earlier one of that name (YAML 1.2 7.1). */
static enum err anchor_set(struct builder *builder, const yaml_char_t *name, struct node *node,
                           struct anchor **out)
{
    struct arena *scratch = builder->shared.scratch;
    struct str key = str_from_c((const char *)name);
    struct anchor *anchor = map_find(&builder->anchors, key);
    if (anchor == NULL) {
        anchor = ARENA_NEW(scratch, struct anchor);
        if (anchor == NULL || arena_keep(scratch, key, &key) != OK ||
            map_add(&builder->anchors, key, anchor) != OK) {
            return yaml_out_of_memory(&builder->shared, node->pos);
        }
    }
    *anchor = (struct anchor){.node = node, .nodes = 1};
    *out = anchor;
    return OK;
}

static enum err on_alias(struct builder *builder, const yaml_event_t *event)
{
    struct source_pos pos = pos_between(builder, event->start_mark, event->end_mark);
    struct str name = str_from_c((const char *)event->data.alias.anchor);
    const struct anchor *anchor = map_find(&builder->anchors, name);
    if (anchor == NULL) {
        return yaml_refuse(&builder->shared, YAML_BAD_ALIAS, pos,
                           "a value that starts with * needs quotes",
                           "this alias has no anchor before it");
    }
    if (anchor->is_open) {
        return yaml_refuse(&builder->shared, YAML_BAD_ALIAS, pos, NULL,
                           "this alias stands inside its own anchor");
    }
    TRY(count_nodes(builder, anchor->nodes, pos));
    struct node *copy = ARENA_NEW(builder->shared.conf->nodes, struct node);
    if (copy == NULL) {
        return yaml_out_of_memory(&builder->shared, pos);
    }
    *copy = *anchor->node;
    copy->next = NULL;
    return place(builder, copy);
}

static enum err on_scalar(struct builder *builder, const yaml_event_t *event)
{
    struct node *node = NULL;
    struct anchor *anchor;
    TRY(node_new(builder, NODE_STRING, event, &node));
    struct str text = str_of((const char *)event->data.scalar.value, event->data.scalar.length);
    if (arena_keep(builder->shared.conf->texts, text, &node->text) != OK) {
        return yaml_out_of_memory(&builder->shared, node->pos);
    }
    node->is_quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    const char *tag = (const char *)event->data.scalar.tag;
    node->type = (uint8_t)(node->is_quoted ? NODE_STRING : yaml_core_type(text));
    if (tag != NULL && !yaml_tag_fits(str_from_c(tag), node)) {
        return yaml_refuse(&builder->shared, YAML_BAD_TAG, node->pos, "leave the tag out",
                           "this tag is not allowed here");
    }
    if (event->data.scalar.anchor != NULL) {
        TRY(anchor_set(builder, event->data.scalar.anchor, node, &anchor));
    }
    return place(builder, node);
}

static enum err on_start(struct builder *builder, const yaml_event_t *event, enum node_type type)
{
    bool is_map = type == NODE_MAP;
    const yaml_char_t *name =
        is_map ? event->data.mapping_start.anchor : event->data.sequence_start.anchor;
    const yaml_char_t *tag =
        is_map ? event->data.mapping_start.tag : event->data.sequence_start.tag;
    struct node *node = NULL;
    uint32_t made_before = builder->made;
    TRY(node_new(builder, type, event, &node));
    if (builder->depth == builder->shared.conf->depth_max) {
        return yaml_refuse(&builder->shared, YAML_TOO_DEEP, node->pos, NULL,
                           "lists and maps are nested deeper than allowed");
    }
    if (tag != NULL && !yaml_tag_fits(str_from_c((const char *)tag), node)) {
        return yaml_refuse(&builder->shared, YAML_BAD_TAG, node->pos, "leave the tag out",
                           "this tag is not allowed here");
    }
    TRY(place(builder, node));
    struct frame *frame = &builder->frames[builder->depth++];
    *frame = (struct frame){.node = node, .tail = &node->first, .made_before = made_before};
    if (name != NULL) {
        TRY(anchor_set(builder, name, node, &frame->anchor));
        frame->anchor->is_open = true;
    }
    return OK;
}

static enum err on_end(struct builder *builder, const yaml_event_t *event)
{
    CHECK(builder->depth > 0);
    struct frame *frame = &builder->frames[builder->depth - 1];
    struct node *node = frame->node;
    if (node->type == NODE_MAP) {
        uint32_t added = 0;
        TRY(yaml_map_finish(&builder->shared, node, &added));
        TRY(count_nodes(builder, added, node->pos));
    }
    bool is_flow = event->end_mark.index > event->start_mark.index;
    if (is_flow && event->end_mark.line + 1 == node->pos.line) {
        node->pos.width = (uint32_t)event->end_mark.column + 1 - node->pos.column;
    }
    /* A block collection starts where its first value does and has no width of its own. */
    if (node->first != NULL && node->pos.line == node->first->pos.line &&
        node->pos.column == node->first->pos.column) {
        node->pos.width = node->first->pos.width;
    }
    if (frame->anchor != NULL) {
        frame->anchor->is_open = false;
        frame->anchor->nodes = builder->made - frame->made_before;
    }
    builder->depth--;
    return OK;
}

static enum err on_event(struct builder *builder, const yaml_event_t *event, bool *is_done)
{
    switch (event->type) {
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT: return OK;
    case YAML_STREAM_END_EVENT: *is_done = true; return OK;
    case YAML_DOCUMENT_START_EVENT:
        if (builder->root == NULL) {
            return OK;
        }
        return yaml_refuse(&builder->shared, YAML_TWO_DOCUMENTS,
                           pos_between(builder, event->start_mark, event->end_mark),
                           "use `include` for several files", "a second document starts here");
    case YAML_ALIAS_EVENT: return on_alias(builder, event);
    case YAML_SCALAR_EVENT: return on_scalar(builder, event);
    case YAML_SEQUENCE_START_EVENT: return on_start(builder, event, NODE_LIST);
    case YAML_MAPPING_START_EVENT: return on_start(builder, event, NODE_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return on_end(builder, event);
    }
    return OK;
}

/* What libyaml says, with a way out for the mistakes that people make. */
static enum err on_syntax(struct builder *builder)
{
    const yaml_parser_t *parser = &builder->parser;
    yaml_mark_t mark = parser->problem_mark;
    struct source_pos pos = pos_between(builder, mark, mark);
    if (parser->error == YAML_MEMORY_ERROR) {
        return yaml_out_of_memory(&builder->shared, pos);
    }
    struct str problem = str_from_c(parser->problem);
    char message[160];
    (void)snprintf(
        message, sizeof message, "%s%s%s", parser->problem == NULL ? "" : parser->problem,
        parser->context == NULL ? "" : " ", parser->context == NULL ? "" : parser->context);
    return yaml_refuse(&builder->shared, YAML_SYNTAX, pos, yaml_syntax_hint(problem, &pos),
                       message);
}

static enum err run(struct builder *builder)
{
    bool is_done = false;
    while (!is_done) {
        yaml_event_t event;
        if (yaml_parser_parse(&builder->parser, &event) == 0) {
            return on_syntax(builder);
        }
        enum err e = on_event(builder, &event, &is_done);
        yaml_event_delete(&event);
        TRY(e);
    }
    return OK;
}

/* An empty file is a null, at the place where it begins. */
static enum err root_of(struct builder *builder, struct node **root)
{
    *root = builder->root;
    if (builder->root != NULL) {
        return OK;
    }
    struct source_pos pos = {builder->shared.source, 1, 1, 1};
    *root = ARENA_NEW(builder->shared.conf->nodes, struct node);
    if (*root == NULL) {
        return yaml_out_of_memory(&builder->shared, pos);
    }
    (*root)->pos = pos;
    return OK;
}

enum err yaml_read(const struct yaml_conf *conf, const struct source *source, struct node **root,
                   struct yaml_error *error)
{
    struct arena scratch;
    struct builder builder = {
        .shared = {.conf = conf, .scratch = &scratch, .source = source, .error = error}};
    struct source_pos start = {source, 1, 1, 1};
    *error = (struct yaml_error){0};
    TRY(yaml_check_text(&builder.shared));
    arena_init_heap(&scratch, conf->nodes->limit_bytes);
    map_init(&builder.anchors, &scratch);
    builder.frames = ARENA_ARRAY(&scratch, conf->depth_max + 1, struct frame);
    if (builder.frames == NULL || yaml_parser_initialize(&builder.parser) == 0) {
        arena_reset(&scratch);
        return yaml_out_of_memory(&builder.shared, start);
    }
    yaml_parser_set_encoding(&builder.parser, YAML_UTF8_ENCODING);
    /* libyaml takes no NULL, which an empty text may be. */
    const char *text = source->text.len == 0 ? "" : source->text.at;
    yaml_parser_set_input_string(&builder.parser, (const unsigned char *)text, source->text.len);
    enum err e = run(&builder);
    yaml_parser_delete(&builder.parser);
    arena_reset(&scratch);
    return e == OK ? root_of(&builder, root) : e;
}
