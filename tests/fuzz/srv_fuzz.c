/* srv_fuzz.c - any bytes as an answer to a question for SRV records: what is found is whole, sorted
 * and within limits. */
#include "base/check.h"
#include "net/resolver_srv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct srv_answer answer;
    enum name_state state = srv_parse(data, size, &answer);
    CHECK(state == NAME_OK || state == NAME_EMPTY || state == NAME_SERVFAIL);
    CHECK((state == NAME_OK) == (answer.count > 0));
    CHECK(answer.count <= SRV_RECORDS_MAX);
    for (uint32_t i = 0; i < answer.count; i++) {
        CHECK(answer.at[i].host[0] != '\0' && answer.at[i].port != 0);
        CHECK(i == 0 || answer.at[i - 1].priority <= answer.at[i].priority);
    }
    return 0;
}
