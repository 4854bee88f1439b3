/* sfv_json.h - structured fields as the JSON of the public test suite has them, both ways, and its
 * vectors: {"name", "raw": [...], "header_type", "expected", "canonical", "must_fail", "can_fail"}. */
#pragma once

#include "http/sfv.h"

#include <jansson.h>

/* [value, [[key, value], ...]], an inner list having an array of these for a value. */
json_t *sfv_item_to_json(const struct sfv_item *item);
json_t *sfv_members_to_json(const struct sfv_members *members, bool has_keys);
/* Their inverse; texts are borrowed from the JSON. */
struct sfv_item sfv_json_to_item(struct arena *arena, const json_t *json);
struct sfv_members sfv_json_to_members(struct arena *arena, const json_t *json, bool has_keys);
/* A JSON string, borrowed. */
struct str sfv_text_of(const json_t *text);
/* The lines of a vector as one value. */
struct str sfv_lines(struct arena *arena, const json_t *lines);
/* Calls `run` for each vector of a file; returns how many there were. */
size_t sfv_each(const char *file, void (*run)(const json_t *vector));
