#include "base/err.h"
#include "http/h1/writer.h"
#include "test.h"

TEST(every_status_that_the_gateway_answers_with_has_a_phrase)
{
    for (int e = 0; e < ERR_COUNT; e++) {
        uint16_t status = err_status((enum err)e);
        WANT(status == 0 || status_reason(status).len > 0);
    }
}

TEST(phrases_are_fit_for_a_status_line)
{
    for (uint16_t status = 0; status < 1000; status++) {
        WANT(str_is_field_value(status_reason(status)));
        WANT(status >= 100 || status_reason(status).len == 0);
    }
    WANT_STR(status_reason(200), STR("OK"));
    WANT_INT(status_reason(299).len, 0);
}
