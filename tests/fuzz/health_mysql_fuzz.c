/* health_mysql_fuzz.c - the answers that a mysql check may get; see health_fuzz.h. */
#include "health_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const checks[] = {
        "mysql",
        "{mysql: {user: me, password: geheim}}",
        "{mysql: {user: me, role: primary}}",
        "{mysql: {user: me, role: replica, lag: 10s}}"};
    return health_fuzz(checks, COUNT_OF(checks), data, size);
}
