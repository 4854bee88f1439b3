/* schema_test.c - schema and reference come from the tables, policies included. */
#include "cli/load.h"

#include "test.h"

#include "said.h"

TEST(schema_and_reference_know_every_kind_of_policy)
{
    static struct said schema, reference;
    uint32_t count;
    const struct conf_kind *kinds = load_kinds(&count);
    SAID(&schema, "schema");
    SAID(&reference, "schema", "--markdown");
    WANT_INT(schema.code, EXIT_OK);
    WANT_INT(reference.code, EXIT_OK);
    WANT(str_starts(schema.out, STR("{")));
    WANT(str_starts(reference.out, STR("# ")));
    WANT_HAS(schema.out, "draft-07");
    for (uint32_t i = 0; i < count; i++) {
        WANT_HAS(schema.out, kinds[i].name);
        WANT_HAS(reference.out, kinds[i].name);
    }
}
