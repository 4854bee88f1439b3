/* heap.h - the only door to malloc for objects with a life of their own; control plane only.
 * Zeroed and aligned to a cache line, so that what one core writes shares no line with another's.
 */
#pragma once

#include "base/platform.h"

/* NULL: no memory. */
MUST_USE void *heap_new(size_t bytes);
void heap_free(void *object);
