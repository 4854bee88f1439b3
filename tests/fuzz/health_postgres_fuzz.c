/* health_postgres_fuzz.c - the answers that a postgres check may get; see health_fuzz.h. */
#include "health_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const checks[] = {
        "postgres",
        "{postgres: {user: me, password: geheim}}",
        "{postgres: {user: me, role: primary}}",
        "{postgres: {user: me, role: replica, lag: 10s}}"};
    return health_fuzz(checks, COUNT_OF(checks), data, size);
}
