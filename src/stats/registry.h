/* registry.h - labelled series: which there are, under which names, in which cells.
 * A snapshot asks for its series while it is built and keeps their cells; the data path only adds.
 * A series is known by its metric and label values, so it survives reloads. One that no living
 * snapshot uses is kept, and exported, until the ceiling is reached; then its cells are used again,
 * oldest first. When nothing can be used again the answer is the metric's series "other", and that
 * is counted (METRIC_metric_overflows). Ten thousand routes on two listeners, with two versions
 * each, take 70,000 series; a reload that renames them all needs as many again. Memory is paid as
 * series come: about 250 bytes for each, at the ceiling 64 MiB, and in each thread that counts the
 * cells that it has written, at most 8 bytes for each of LIMIT metric_cells, 32 MiB.
 * All functions: control thread only. */
#pragma once

#include "base/list.h"
#include "base/slab.h"
#include "stats/stats.h"

enum { REGISTRY_SHAPES = 4 };

/* One labelled series; in the list of its metric. */
struct series {
    struct list of_metric, of_retired;
    uint32_t next;       /* in its hash bucket: index + 1, 0 at the end */
    char *text;          /* route="a",service="b": escaped, without braces */
    uint64_t generation; /* the latest that asked for it */
    uint32_t hash;
    uint32_t cell; /* the first */
    uint16_t text_bytes;
    uint8_t metric; /* enum metric */
    uint8_t shape;  /* of the cells it stands in, which may be more than it needs */
    bool is_held, is_retired;
};

struct registry {
    struct stats *stats;
    struct stats_block *block; /* of the control thread, for the registry's own metrics */
    struct list series[METRIC_COUNT];
    struct list retired[REGISTRY_SHAPES]; /* oldest first */
    struct series *series_at;             /* LIMIT metric_series of them, taken from the front */
    uint32_t *buckets;                    /* index + 1 of the first series, 0: none */
    struct slab text_small, text_large;
    uint32_t series_count;
    uint64_t generation;
    uint64_t epoch; /* changes when a series is used again under another name */
    uint32_t cells_used;
};

/* An empty registry over `stats`; `block` is the control thread's. It may not be moved after.
 * ERR_MEMORY. */
MUST_USE enum err registry_init(struct registry *registry, struct stats *stats,
                                struct stats_block *block);
void registry_drop(struct registry *registry);
/* Series asked for from here on belong to this snapshot generation; generations only rise. Those
 * asked for before the first call live as long as the process. */
void registry_begin(struct registry *registry, uint64_t generation);
/* Says that no snapshot older than `oldest` is in use by any thread: series that were last asked
 * for by older ones, and are not held, are retired. */
void registry_release(struct registry *registry, uint64_t oldest);
/* The first cell of the series with these label values, as many as the metric has labels, in the
 * table's order. Values are copied; over LIMIT metric_label_bytes they are cut and made unique by
 * a hash. Never fails: the last resort is the series "other". */
uint32_t registry_series(struct registry *registry, enum metric metric, const struct str *values);
/* The same for what outlives generations, such as an instance: held until it is retired. */
uint32_t registry_hold(struct registry *registry, enum metric metric, const struct str *values);
/* Retires one series, held or not; "other" stays. No thread may write the cell after this. Asking
 * for it again brings it back with its count, unless its cells were used again. */
void registry_retire(struct registry *registry, enum metric metric, uint32_t cell);
