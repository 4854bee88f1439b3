/* seal_fuzz.c - text that a stranger says was sealed: it is never opened, and cookies around it are
 * taken out without touching others. */
#include "base/check.h"
#include "http/cookie.h"
#include "text/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct seal_conf conf = {
        .secret = STR("0123456789abcdef"), .purpose = STR("fuzz"), .thread_count = 1};
    struct seal *seal = seal_new(&conf);
    struct str text = str_of((const char *)data, size), value;
    uint8_t opened[SEAL_PLAIN_BYTES_MAX];
    CHECK(seal != NULL);
    for (size_t bytes = 0; bytes <= SEAL_PLAIN_BYTES_MAX; bytes += 29) {
        CHECK(seal_open(seal, 0, text, opened, bytes) != OK);
    }
    struct arena arena;
    struct fields fields = {0};
    arena_init_heap(&arena, 1 << 20);
    if (fields_add(&fields, &arena, STR("Cookie"), text) == OK) {
        bool had_other = cookie_find(&fields, STR("other"), &value);
        CHECK(cookie_take_out(&fields, STR("sid"), &arena) == OK);
        CHECK(!cookie_find(&fields, STR("sid"), &value));
        CHECK(cookie_find(&fields, STR("other"), &value) == had_other);
    }
    arena_reset(&arena);
    seal_free(seal);
    return 0;
}
