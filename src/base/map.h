/* map.h - a hash map from text to pointer, for the control plane and for read-only tables.
 * Open addressing, keys borrowed (they must outlive the map), no removal, SipHash under a key
 * drawn at start, so names that strangers choose do no harm. */
#pragma once

#include "base/arena.h"

struct map_slot;

struct map {
    struct map_slot *slots;
    size_t count, slot_count;
    struct arena *arena;
    uint8_t key[16];
};

/* An empty map whose memory comes from `arena`. */
void map_init(struct map *map, struct arena *arena);
/* ERR_EXISTS: the key is there and keeps its value. ERR_MEMORY: the arena is at its limit. */
MUST_USE enum err map_add(struct map *map, struct str key, void *value);
/* NULL when the key is not there. */
void *map_find(const struct map *map, struct str key);
