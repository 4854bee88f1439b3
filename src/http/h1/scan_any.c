/* scan_any.c - the choice on processors without a path of their own; see scan.h. */
#include "http/h1/scan.h"

const struct scan *scan_on(enum scan_path path)
{
    return path == SCAN_SCALAR ? &scan_scalar : NULL;
}

const struct scan *scan_best(void)
{
    return &scan_scalar;
}
