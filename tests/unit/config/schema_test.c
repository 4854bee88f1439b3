/* schema_test.c - the schema is there and names what it should; schema_check.py, which runs this
 * program with a path to write to, asks an independent validator. */
#include "kit.h"

#include <stdlib.h>

static struct str schema_of(void)
{
    static struct arena arena;
    struct sink out;
    arena_reset(&arena);
    arena_init_heap(&arena, 1 << 24);
    sink_to_memory(&out, &arena);
    config_write_schema(kit_opts.kinds, kit_opts.kind_count, &out);
    return sink_str(&out);
}

TEST(the_schema_is_draft_07_and_has_kinds_but_no_keys_of_later_versions)
{
    struct str text = schema_of();
    const char *path = getenv("CONFIG_SCHEMA_OUT");
    WANT(str_find_str(text, STR("http://json-schema.org/draft-07/schema#")) < text.len);
    WANT(str_find_str(text, STR("\"#/definitions/mark\"")) < text.len);
    WANT(str_find_str(text, STR("\"rollback_if\"")) == text.len);
    if (path != NULL) {
        FILE *file = fopen(path, "w");
        WANT(file != NULL && fwrite(text.at, 1, text.len, file) == text.len);
        if (file != NULL) {
            fclose(file);
        }
    }
}
