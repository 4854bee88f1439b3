/* core.c - memory and loop of one worker thread; see core.h. */
#define _GNU_SOURCE
#include "exchange/core.h"

#include "base/heap.h"
#include "base/limits.h"
#include "http/message.h"

_Thread_local struct core *this_core;

enum { BLOCKS_MAX = 65536, LARGE_CHUNKS_MAX = 4096, OBJECT_BYTES_SMALL = 512 };

enum err core_init(struct core *core, uint32_t index, uint32_t count)
{
    *core = (struct core){.index = index, .count = count};
    list_init(&core->session_list);
    list_init(&core->preface_list);
    rng_init(&core->rng, rng_seed_from_kernel());
    core->request_id_high = rng_next(&core->rng);
    TRY(loop_init(&core->loop));
    core->loop.owner = core;
    TRY(slab_init(&core->exchanges, EXCHANGE_OBJECT_BYTES, LIMIT_VALUE(exchanges)));
    TRY(slab_init(&core->blocks, BLOCK_BYTES, BLOCKS_MAX));
    TRY(slab_init(&core->large_chunks, LARGE_CHUNK_BYTES, LARGE_CHUNKS_MAX));
    TRY(slab_init(&core->sessions, OBJECT_BYTES_SMALL, LIMIT_VALUE(sessions)));
    TRY(slab_init(&core->conns, OBJECT_BYTES_SMALL, LIMIT_VALUE(sessions)));
    TRY(pattern_scratch_init(&core->pattern_scratch));
    core->scratch = heap_new(SCRATCH_BYTES);
    core->out = heap_new(OUT_BYTES);
    core->response_fields = heap_new(RESPONSE_FIELDS_MAX * sizeof(struct field));
    bool is_whole = core->scratch != NULL && core->out != NULL && core->response_fields != NULL;
    return is_whole ? OK : ERR_MEMORY;
}

void core_drop(struct core *core)
{
    slab_drop(&core->exchanges);
    slab_drop(&core->blocks);
    slab_drop(&core->large_chunks);
    slab_drop(&core->sessions);
    slab_drop(&core->conns);
    pattern_scratch_drop(&core->pattern_scratch);
    heap_free(core->scratch);
    heap_free(core->out);
    heap_free(core->response_fields);
    loop_drop(&core->loop);
}
