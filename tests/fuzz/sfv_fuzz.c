/* sfv_fuzz.c - any bytes as each type of structured field: what is read can be written, and what was
 * written reads back to the same text. */
#include "base/check.h"
#include "http/sfv.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 1 << 14, WIRE_MAX = BYTES_MAX * 4 };

/* Reads `text` as the type and writes it; OK when both went. */
static enum err rewrite(int type, struct str text, struct strbuf *out)
{
    struct arena arena;
    struct sfv_item item;
    struct sfv_members members;
    arena_init_heap(&arena, 1 << 24);
    enum err e = type == 0   ? sfv_parse_item(&arena, text, &item)
                 : type == 1 ? sfv_parse_list(&arena, text, &members)
                             : sfv_parse_dictionary(&arena, text, &members);
    CHECK(e == OK || e == ERR_SYNTAX || e == ERR_MEMORY);
    if (e == OK) {
        e = type == 0   ? sfv_add_item(out, &item)
            : type == 1 ? sfv_add_list(out, &members)
                        : sfv_add_dictionary(out, &members);
        CHECK(e == OK);
        CHECK(!strbuf_overflowed(out));
    }
    arena_reset(&arena);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char first_room[WIRE_MAX], second_room[WIRE_MAX];
    if (size > BYTES_MAX) {
        return 0;
    }
    for (int type = 0; type < 3; type++) {
        struct strbuf first = strbuf_over(first_room, sizeof first_room);
        struct strbuf second = strbuf_over(second_room, sizeof second_room);
        if (rewrite(type, str_of((const char *)data, size), &first) == OK) {
            CHECK(rewrite(type, strbuf_str(&first), &second) == OK);
            CHECK(str_eq(strbuf_str(&first), strbuf_str(&second)));
        }
    }
    return 0;
}
