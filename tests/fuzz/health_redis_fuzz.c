/* health_redis_fuzz.c - the answers that a redis check may get; see health_fuzz.h. */
#include "health_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const checks[] = {
        "redis",
        "{redis: {password: geheim}}",
        "{redis: {role: primary}}",
        "{redis: {role: replica, lag: 10s}}"};
    return health_fuzz(checks, COUNT_OF(checks), data, size);
}
