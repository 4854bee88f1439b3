/* target.c - from the language to what the roster keeps; see target.h. */
#include "upstream/target.h"

struct roster_target roster_target_from(const struct conf_target *target)
{
    struct roster_target out = {.text = target->text,
                                .host = target->host,
                                .port = target->port,
                                .is_every_address = target->kind == CONF_TARGET_DNS,
                                .weight = (uint32_t)target->weight,
                                .priority = (uint32_t)target->priority,
                                .zone = target->zone,
                                .name = target->name};
    if (target->kind == CONF_TARGET_ADDRESS) {
        out.addr = target->addr;
    }
    return out;
}

enum err roster_target_keep(struct arena *arena, const struct roster_target *from,
                            struct roster_target *to)
{
    *to = *from;
    TRY(arena_keep(arena, from->text, &to->text));
    TRY(arena_keep(arena, from->host, &to->host));
    TRY(arena_keep(arena, from->zone, &to->zone));
    return arena_keep(arena, from->name, &to->name);
}

bool roster_target_is_same(const struct roster_target *left, const struct roster_target *right)
{
    return str_eq(left->text, right->text) && str_eq(left->host, right->host) &&
           left->port == right->port && left->weight == right->weight &&
           left->is_every_address == right->is_every_address && left->priority == right->priority &&
           str_eq(left->zone, right->zone) && str_eq(left->name, right->name) &&
           addr_eq(&left->addr, &right->addr);
}
