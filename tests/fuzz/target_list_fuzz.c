/* target_list_fuzz.c - any bytes as a list of instances from outside: read whole or refused with
 * words, and never a reference followed. */
#include "base/check.h"
#include "config/target_list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct diags diags;
    struct conf_targets targets;
    arena_init_heap(&arena, 16 << 20);
    diags_init(&diags);
    enum err e = config_read_targets(&arena, "list", str_of((const char *)data, size), &diags,
                                     &targets);
    CHECK(e == OK || e == ERR_CONFIG || e == ERR_MEMORY);
    CHECK(e != ERR_CONFIG || diags_have_errors(&diags));
    for (uint32_t i = 0; e == OK && i < targets.count; i++) {
        CHECK(targets.at[i].port != 0 && targets.at[i].text.len > 0);
        CHECK(str_find_str(targets.at[i].text, STR("${")) == targets.at[i].text.len);
    }
    diags_drop(&diags);
    arena_reset(&arena);
    return 0;
}
