/* scan_x86.c - which path an x86 processor takes. The compiler's start-up code has asked the
 * processor already, so choosing is a load and a test, and nothing global has to be kept. */
#include "http/h1/scan.h"

const struct scan *scan_on(enum scan_path path)
{
    switch (path) {
    case SCAN_AVX2: return __builtin_cpu_supports("avx2") ? &scan_avx2 : NULL;
    case SCAN_SSE42: return __builtin_cpu_supports("sse4.2") ? &scan_sse42 : NULL;
    case SCAN_SCALAR: return &scan_scalar;
    case SCAN_PATH_COUNT: break;
    }
    return NULL;
}

const struct scan *scan_best(void)
{
    if (LIKELY(__builtin_cpu_supports("avx2"))) {
        return &scan_avx2;
    }
    return __builtin_cpu_supports("sse4.2") ? &scan_sse42 : &scan_scalar;
}
