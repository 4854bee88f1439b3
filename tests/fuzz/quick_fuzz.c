/* quick_fuzz.c - words of `sluice proxy`, one a line: whatever is typed is refused in one line, or
 * stands for a file of one document with the three maps it should have, in which no word has become
 * anything but a value. */
#include "base/check.h"
#include "cli/quick.h"
#include "text/yaml.h"

enum { WORDS_MAX = 64, BYTES_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_yaml(struct arena *arena, struct str yaml, uint32_t word_count)
{
    static const char *const keys[] = {"listeners", "services", "routes"};
    uint32_t nodes = 1 << 20, lanes[2] = {0, 0};
    struct node *root;
    struct yaml_error error;
    const struct source source = {.name = STR("quick"), .text = yaml};
    const struct yaml_conf conf = {
        .nodes = arena, .texts = arena, .depth_max = 16, .nodes_left = &nodes};
    CHECK(yaml_read(&conf, &source, &root, &error) == OK);
    CHECK(root->type == NODE_MAP);
    CHECK(root->count == COUNT_OF(keys));
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const struct node *map = node_find(root, str_from_c(keys[i]));
        CHECK(map != NULL);
        CHECK(map->type == NODE_MAP);
        if (i > 0) {
            lanes[i - 1] = map->count;
        }
    }
    CHECK(lanes[0] == lanes[1]);
    CHECK(lanes[0] > 0);
    CHECK(lanes[0] <= word_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[BYTES_MAX + 1];
    const char *words[WORDS_MAX];
    uint32_t count = 0;
    struct arena arena;
    struct quick quick = {.arena = &arena};
    size = size < BYTES_MAX ? size : BYTES_MAX;
    memcpy(text, data, size);
    text[size] = '\0';
    char *at = text;
    while (count < WORDS_MAX && at < text + size) {
        char *end = memchr(at, '\n', (size_t)(text + size - at));
        end = end == NULL ? text + size : end;
        *end = '\0';
        words[count++] = at;
        at = end + 1;
    }
    if (count == 0) {
        return 0;
    }
    arena_init_heap(&arena, 16 << 20);
    enum err e = quick_write(&quick, words, count);
    CHECK(e == OK || e == ERR_SYNTAX);
    if (e == OK) {
        check_yaml(&arena, quick.yaml, count);
    } else {
        CHECK(quick.error[0] != '\0');
    }
    arena_reset(&arena);
    return 0;
}
