/* process.h - what the kernel knows of this process, as the metrics process_* that every exporter
 * has. Costs a few system calls and small reads of /proc: for the control thread, at a scrape. */
#pragma once

#include "stats/stats.h"

/* Sets the process_* metrics in `block`, all but process_start_time_seconds, which does not change.
 * What cannot be read (no /proc) keeps its value. */
void process_collect(struct stats_block *block);
