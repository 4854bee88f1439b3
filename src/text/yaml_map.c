/* yaml_map.c - what can only be said of a whole map: no key twice, and merge keys ("<<").
 * Merge keys are of YAML 1.1, but files with anchors use them and nothing else does their work.
 * Keys of the map itself win over merged ones, earlier sources over later ones. */
#include "text/yaml_inner.h"

#include <stdlib.h>

enum { FEW_KEYS = 16 };

struct node *node_find(const struct node *map, struct str key)
{
    if (map == NULL || map->type != NODE_MAP) {
        return NULL;
    }
    for (const struct node *at = map->first; at != NULL; at = at->next) {
        if (str_eq(at->text, key)) {
            return at->value;
        }
    }
    return NULL;
}

static enum err refuse_twice(struct yaml_builder *builder, const struct node *first,
                             const struct node *second)
{
    builder->error->other = first->pos;
    return yaml_refuse(builder, YAML_DUPLICATE_KEY, second->pos, NULL, "this key is there twice");
}

static int by_text_then_place(const void *left_at, const void *right_at)
{
    const struct node *left = *(const struct node *const *)left_at;
    const struct node *right = *(const struct node *const *)right_at;
    int order = str_compare(left->text, right->text);
    if (order != 0) {
        return order;
    }
    if (left->pos.line != right->pos.line) {
        return left->pos.line < right->pos.line ? -1 : 1;
    }
    return left->pos.column < right->pos.column ? -1 : left->pos.column > right->pos.column;
}

/* Large maps are sorted, so that a hundred thousand routes cost no quadratic comparison. */
static enum err check_many(struct yaml_builder *builder, const struct node *map)
{
    const struct node **keys = ARENA_ARRAY(builder->scratch, map->count, const struct node *);
    if (keys == NULL) {
        return yaml_out_of_memory(builder, map->pos);
    }
    size_t count = 0;
    for (const struct node *at = map->first; at != NULL; at = at->next) {
        keys[count++] = at;
    }
    qsort(keys, count, sizeof keys[0], by_text_then_place);
    for (size_t i = 1; i < count; i++) {
        if (str_eq(keys[i - 1]->text, keys[i]->text)) {
            return refuse_twice(builder, keys[i - 1], keys[i]);
        }
    }
    return OK;
}

static enum err check_few(struct yaml_builder *builder, const struct node *map)
{
    for (const struct node *at = map->first; at != NULL; at = at->next) {
        for (const struct node *before = map->first; before != at; before = before->next) {
            if (str_eq(before->text, at->text)) {
                return refuse_twice(builder, before, at);
            }
        }
    }
    return OK;
}

static bool is_merge_key(const struct node *key)
{
    return !key->is_quoted && str_eq(key->text, STR("<<"));
}

/* Unlinks the merge key and returns its value, or NULL when there is none. */
static struct node *take_merge(struct node *map)
{
    for (struct node **at = &map->first; *at != NULL; at = &(*at)->next) {
        if (is_merge_key(*at)) {
            struct node *value = (*at)->value;
            *at = (*at)->next;
            map->count--;
            return value;
        }
    }
    return NULL;
}

static enum err merge_one(struct yaml_builder *builder, struct node *map, const struct node *from,
                          struct map *known)
{
    if (from->type != NODE_MAP) {
        return yaml_refuse(builder, YAML_BAD_KEY, from->pos, "write <<: *name",
                           "only a map, or a list of maps, can be merged");
    }
    struct node **tail = &map->first;
    while (*tail != NULL) {
        tail = &(*tail)->next;
    }
    for (const struct node *key = from->first; key != NULL; key = key->next) {
        enum err e = map_add(known, key->text, map);
        if (e == ERR_EXISTS) {
            continue;
        }
        struct node *copy = e == OK ? ARENA_NEW(builder->conf->nodes, struct node) : NULL;
        if (copy == NULL) {
            return yaml_out_of_memory(builder, from->pos);
        }
        *copy = *key;
        copy->next = NULL;
        *tail = copy;
        tail = &copy->next;
        map->count++;
    }
    return OK;
}

static enum err merge(struct yaml_builder *builder, struct node *map, const struct node *value)
{
    struct map known;
    map_init(&known, builder->scratch);
    for (const struct node *key = map->first; key != NULL; key = key->next) {
        if (map_add(&known, key->text, map) == ERR_MEMORY) {
            return yaml_out_of_memory(builder, map->pos);
        }
    }
    if (value->type != NODE_LIST) {
        return merge_one(builder, map, value, &known);
    }
    for (const struct node *item = value->first; item != NULL; item = item->next) {
        TRY(merge_one(builder, map, item, &known));
    }
    return OK;
}

enum err yaml_map_finish(struct yaml_builder *builder, struct node *map, uint32_t *added)
{
    TRY(map->count > FEW_KEYS ? check_many(builder, map) : check_few(builder, map));
    const struct node *value = take_merge(map);
    if (value == NULL) {
        return OK;
    }
    uint32_t count = map->count;
    TRY(merge(builder, map, value));
    *added = map->count - count;
    return OK;
}
