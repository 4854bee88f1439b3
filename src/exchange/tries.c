/* tries.c - the record of attempts; see tries.h. */
#include "exchange/tries.h"

#include "exchange/exchange.h"

void tries_add(struct exchange *ex, const struct tried *tried)
{
    struct str instance;
    if (ex->tries == NULL) {
        ex->tries = ARENA_NEW(&ex->arena, struct tries);
    }
    if (ex->tries == NULL) {
        return;
    }
    struct tries *tries = ex->tries;
    if (tries->count == COUNT_OF(tries->at) ||
        arena_keep(&ex->arena, tried->instance, &instance) != OK) {
        tries->left_out++;
        return;
    }
    tries->at[tries->count] = *tried;
    tries->at[tries->count++].instance = instance;
}
