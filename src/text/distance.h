/* distance.h - how far apart two names are, for "did you mean".
 * Optimal string alignment: one edit inserts, deletes, replaces or swaps neighbours. */
#pragma once

#include "base/str.h"

/* The number of edits that turn one name into the other, without case. More than `max`, and names
 * over 64 bytes, are max + 1. */
uint32_t text_distance(struct str left, struct str right, uint32_t max);
