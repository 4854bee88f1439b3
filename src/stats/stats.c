/* stats.c - blocks of cells; see stats.h. */
#include "stats/stats.h"

#include "base/limits.h"
#include "base/region.h"

static_assert((int)CELL_COUNT < (int)LIMIT_VALUE(metric_cells), "room is left for series");
static_assert(sizeof(_Atomic uint64_t) == sizeof(uint64_t), "a cell is a plain word");

enum { CELLS_BYTES = LIMIT_VALUE(metric_cells) * sizeof(uint64_t) };

enum err stats_init(struct stats *stats, uint32_t block_count)
{
    CHECK(block_count > 0);
    CHECK(block_count <= STATS_BLOCKS_MAX);
    *stats = (struct stats){.block_count = block_count};
    for (uint32_t i = 0; i < block_count; i++) {
        void *at = region_reserve(CELLS_BYTES);
        if (at == NULL) {
            stats_drop(stats);
            return ERR_MEMORY;
        }
        stats->blocks[i] = (struct stats_block){at, LIMIT_VALUE(metric_cells)};
    }
    return OK;
}

void stats_drop(struct stats *stats)
{
    for (uint32_t i = 0; i < stats->block_count; i++) {
        region_release(stats->blocks[i].cells, CELLS_BYTES);
    }
    *stats = (struct stats){0};
}

uint64_t stats_read(const struct stats *stats, uint32_t cell)
{
    CHECK(cell < LIMIT_VALUE(metric_cells));
    uint64_t sum = 0;
    for (uint32_t i = 0; i < stats->block_count; i++) {
        sum += atomic_load_explicit(&stats->blocks[i].cells[cell], memory_order_relaxed);
    }
    return sum;
}

void stats_clear(struct stats *stats, uint32_t cell, uint32_t count)
{
    CHECK(cell < LIMIT_VALUE(metric_cells));
    CHECK(count <= LIMIT_VALUE(metric_cells) - cell);
    for (uint32_t i = 0; i < stats->block_count; i++) {
        for (uint32_t k = 0; k < count; k++) {
            /* Reading first: a page that was never written stays without memory. */
            _Atomic uint64_t *at = &stats->blocks[i].cells[cell + k];
            if (atomic_load_explicit(at, memory_order_relaxed) != 0) {
                atomic_store_explicit(at, 0, memory_order_relaxed);
            }
        }
    }
}
