/* health_http_fuzz.c - the answers that a http check may get; see health_fuzz.h. */
#include "health_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const checks[] = {
        "GET /h",
        "{http: {path: /h, body: well, header: {a: b}, drain_on: 404}}"};
    return health_fuzz(checks, COUNT_OF(checks), data, size);
}
