/* process.h - what the kernel knows of this process, as the metrics process_* that every exporter
 * has. Costs a few system calls and small reads of /proc: for the control thread, at a scrape. */
#pragma once

#include "stats/stats.h"

/* Sets the process_* metrics in `block`. `started_us`: when the process started, since 1970. What
 * cannot be read (no /proc) keeps its value. */
void process_collect(struct stats_block *block, int64_t started_us);
