/* region.h - zeroed memory straight from the kernel, for large tables with a known ceiling.
 * Only pages that are written get memory behind them, so a table can be reserved for its ceiling
 * and cost what it holds. Huge pages are off: they would bring two megabytes at the first write. */
#pragma once

#include "base/platform.h"

/* `bytes` zeroed bytes, aligned to a page; NULL: the address space or the limit of the process is
 * used up. */
MUST_USE void *region_reserve(size_t bytes);
/* Gives a region back whole; NULL is nothing. */
void region_release(void *at, size_t bytes);
