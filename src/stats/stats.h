/* stats.h - numbers that one thread writes and the control thread reads.
 * A thread that counts has a block of its own: a plain array that only it writes, with relaxed
 * stores and no locked instruction; a reader sums the blocks. So a sum may be a moment old, but no
 * count is ever lost. Memory is reserved for the ceiling (LIMIT metric_cells) and touched as series
 * come into use. The data path knows cells (uint32_t), from CELL_<name> or from registry.h. */
#pragma once

#include "base/check.h"
#include "stats/metrics.h"

#include <stdatomic.h>

enum { STATS_BLOCKS_MAX = 260 };

struct stats_block {
    _Atomic uint64_t *cells;
    uint32_t cell_count;
};

struct stats {
    struct stats_block blocks[STATS_BLOCKS_MAX];
    uint32_t block_count;
};

/* Reserves `block_count` blocks, one for each thread that counts; all zero. ERR_MEMORY. */
MUST_USE enum err stats_init(struct stats *stats, uint32_t block_count);
void stats_drop(struct stats *stats);
/* The sum over all blocks, modulo 2^64 (a gauge may be below zero in one block). Any thread. */
uint64_t stats_read(const struct stats *stats, uint32_t cell);
/* Zeroes cells in every block. No thread may be writing them. */
void stats_clear(struct stats *stats, uint32_t cell, uint32_t count);

/* Adds to a counter or gauge. Only from the thread that owns the block. */
static inline void stats_add(struct stats_block *block, uint32_t cell, uint64_t n)
{
    DCHECK(cell < block->cell_count);
    _Atomic uint64_t *at = &block->cells[cell];
    uint64_t old = atomic_load_explicit(at, memory_order_relaxed);
    atomic_store_explicit(at, old + n, memory_order_relaxed);
}

/* The same for a block that several threads write, with a locked instruction: cold paths only. */
static inline void stats_add_shared(struct stats_block *block, uint32_t cell, uint64_t n)
{
    DCHECK(cell < block->cell_count);
    (void)atomic_fetch_add_explicit(&block->cells[cell], n, memory_order_relaxed);
}

/* Takes from a gauge. */
static inline void stats_sub(struct stats_block *block, uint32_t cell, uint64_t n)
{
    stats_add(block, cell, (uint64_t)0 - n);
}

/* Sets a gauge that one thread alone reports, such as the generation. */
static inline void stats_set(struct stats_block *block, uint32_t cell, uint64_t value)
{
    DCHECK(cell < block->cell_count);
    atomic_store_explicit(&block->cells[cell], value, memory_order_relaxed);
}

/* Notes one time in a histogram, in microseconds; below zero counts as zero. */
static inline void stats_observe(struct stats_block *block, uint32_t cell, int64_t us)
{
    uint64_t value = us > 0 ? (uint64_t)us : 0;
    stats_add(block, cell + histogram_bucket(value), 1);
    stats_add(block, cell + HISTOGRAM_SUM, value);
}
