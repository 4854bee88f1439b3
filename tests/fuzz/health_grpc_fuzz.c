/* health_grpc_fuzz.c - the answers that a gRPC check may get; see health_fuzz.h. */
#include "health_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const checks[] = {"grpc", "{grpc: {service: a.B, unimplemented: pass}}"};
    return health_fuzz(checks, COUNT_OF(checks), data, size);
}
