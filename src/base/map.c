/* map.c - text to pointer; see map.h. */
#include "base/map.h"

#include "base/check.h"
#include "base/hash.h"
#include "base/rng.h"

struct map_slot {
    struct str key;
    void *value;
    uint64_t hash;
    bool is_used;
};

enum { SLOTS_FIRST = 16 };

void map_init(struct map *map, struct arena *arena)
{
    *map = (struct map){.arena = arena};
    for (size_t i = 0; i < sizeof map->key; i += 8) {
        uint64_t seed = rng_seed_from_kernel();
        memcpy(map->key + i, &seed, sizeof seed);
    }
}

/* The slot that holds `key`, or the free one where it belongs. */
static struct map_slot *slot_for(const struct map *map, struct str key, uint64_t hash)
{
    size_t mask = map->slot_count - 1;
    for (size_t at = hash & mask;; at = (at + 1) & mask) {
        struct map_slot *slot = &map->slots[at];
        if (!slot->is_used || (slot->hash == hash && str_eq(slot->key, key))) {
            return slot;
        }
    }
}

static enum err map_grow(struct map *map)
{
    struct map larger = *map;
    larger.slot_count = map->slot_count == 0 ? SLOTS_FIRST : map->slot_count * 2;
    larger.slots = ARENA_ARRAY(map->arena, larger.slot_count, struct map_slot);
    if (larger.slots == NULL) {
        return ERR_MEMORY;
    }
    for (size_t i = 0; i < map->slot_count; i++) {
        if (map->slots[i].is_used) {
            *slot_for(&larger, map->slots[i].key, map->slots[i].hash) = map->slots[i];
        }
    }
    *map = larger;
    return OK;
}

enum err map_add(struct map *map, struct str key, void *value)
{
    if (map->count * 4 >= map->slot_count * 3) {
        TRY(map_grow(map));
    }
    uint64_t hash = hash_sip(map->key, key);
    struct map_slot *slot = slot_for(map, key, hash);
    if (slot->is_used) {
        return ERR_EXISTS;
    }
    *slot = (struct map_slot){.key = key, .value = value, .hash = hash, .is_used = true};
    map->count++;
    CHECK(map->count < map->slot_count);
    return OK;
}

void *map_find(const struct map *map, struct str key)
{
    if (map->count == 0) {
        return NULL;
    }
    struct map_slot *slot = slot_for(map, key, hash_sip(map->key, key));
    return slot->is_used ? slot->value : NULL;
}
