/* template_fuzz.c - any text is cut into parts or refused; the parts hold no more than the text.
 * Templates are written by operators, but a refusal must name a way out, and no text may read past
 * its end. */
#include "base/check.h"
#include "policy/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = str_of((const char *)data, size), way_out = {0};
    struct template template;
    struct arena arena;
    size_t bytes = 0;
    arena_init_heap(&arena, 1 << 24);
    enum err e = template_compile(&arena, text, &template, &way_out);
    CHECK(e != ERR_SYNTAX || way_out.len > 0);
    for (uint32_t i = 0; e == OK && i < template.count; i++) {
        const struct template_part *part = &template.parts[i];
        CHECK((part->variable == 0) == (part->text.len > 0));
        CHECK(part->text.len == 0 ||
              (part->text.at >= text.at && part->text.at + part->text.len <= text.at + text.len));
        bytes += part->text.len;
    }
    CHECK(bytes <= text.len);
    arena_reset(&arena);
    return 0;
}
