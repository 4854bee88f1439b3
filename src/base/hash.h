/* hash.h - two hashes: SipHash-2-4 under a process key where a stranger chooses the bytes
 * (Aumasson and Bernstein 2012), and XXH3 for names that only the operator chooses or where the
 * result must be the same in every process (cohorts, consistent hashing). */
#pragma once

#include "base/str.h"

/* Keyed: safe against chosen collisions. The key is 16 bytes. */
uint64_t hash_sip(const uint8_t key[16], struct str s);
/* Stable over processes, machines and versions. */
uint64_t hash_stable(struct str s, uint64_t seed);
