/* kept.c - a request body that can be sent once more; see kept.h. */
#include "proxy/kept.h"

#include "base/check.h"
#include "proxy/life.h"

void kept_drop(struct exchange *ex)
{
    if (ex->kept_at != NULL) {
        bool is_block = ex->kept_cap == BLOCK_BYTES;
        slab_give(is_block ? &ex->core->blocks : &ex->core->large_chunks, ex->kept_at);
    }
    ex->kept_at = NULL;
    ex->kept_len = ex->kept_cap = ex->kept_taken = 0;
    ex->keeps_body = false;
}

/* Room for `bytes` more, or none. */
static bool make_room(struct exchange *ex, size_t bytes)
{
    size_t wanted = ex->kept_len + bytes;
    if (wanted <= ex->kept_cap) {
        return true;
    }
    if (wanted > ex->plan->retry.body_bytes_max || wanted > LARGE_CHUNK_BYTES) {
        return false;
    }
    uint32_t cap = wanted <= BLOCK_BYTES ? BLOCK_BYTES : LARGE_CHUNK_BYTES;
    char *larger = slab_take(cap == BLOCK_BYTES ? &ex->core->blocks : &ex->core->large_chunks);
    if (larger == NULL) {
        return false;
    }
    uint32_t len = ex->kept_len;
    if (len > 0) {
        memcpy(larger, ex->kept_at, len);
    }
    kept_drop(ex);
    ex->kept_at = larger;
    ex->kept_len = ex->kept_taken = len;
    ex->kept_cap = cap;
    ex->keeps_body = true;
    return true;
}

static void append(struct exchange *ex, struct str bytes)
{
    if (!ex->keeps_body || bytes.len == 0) {
        return;
    }
    if (!make_room(ex, bytes.len)) {
        kept_drop(ex);
        ex->is_body_unbuffered = true;
        return;
    }
    memcpy(ex->kept_at + ex->kept_len, bytes.at, bytes.len);
    ex->kept_len += (uint32_t)bytes.len;
    ex->kept_taken = ex->kept_len;
}

void kept_add(struct exchange *ex, struct str bytes)
{
    if (ex->kept_at == NULL) {
        append(ex, str_of(ex->in_at + ex->head_bytes, ex->in_len - ex->head_bytes));
    }
    append(ex, bytes);
}

void kept_rewind(struct exchange *ex)
{
    CHECK(!ex->is_body_unbuffered);
    body_init(&ex->request_body, &ex->request, &ex->arena, NULL, ex->plan->body_bytes_max);
    ex->kept_taken = 0;
    if (ex->kept_len == 0) {
        ex->in_taken = ex->head_bytes;
    }
}

void kept_trim(struct exchange *ex, size_t bytes)
{
    if (ex->kept_len > 0) {
        CHECK(bytes <= ex->kept_len);
        ex->kept_len -= (uint32_t)bytes;
        ex->kept_taken = ex->kept_len;
    }
}
