/* sink_test.c - text to a stream or to memory. */
#include "test.h"
#include "text/sink.h"

TEST(memory_grows_and_keeps_what_was_written)
{
    struct arena arena;
    struct sink sink;
    arena_init_heap(&arena, 1 << 20);
    sink_to_memory(&sink, &arena);
    for (int i = 0; i < 3000; i++) {
        sink_add_fmt(&sink, "%04d", i);
    }
    WANT_INT(sink_str(&sink).len, 12000);
    WANT_STR(str_sub(sink_str(&sink), 4 * 2999, 4), STR("2999"));
    WANT_STR(str_sub(sink_str(&sink), 0, 8), STR("00000001"));
    WANT(!sink.has_failed);
    arena_reset(&arena);
}

TEST(memory_at_its_limit_takes_no_more_and_says_so)
{
    struct arena arena;
    struct sink sink;
    arena_init_heap(&arena, 100000);
    sink_to_memory(&sink, &arena);
    for (int i = 0; i < 100; i++) {
        sink_pad(&sink, 'x', 4000);
    }
    WANT(sink.has_failed);
    WANT(sink_str(&sink).len < 100000);
    arena_reset(&arena);
}

TEST(json_text_is_escaped_in_pieces_without_cutting_characters)
{
    struct arena arena;
    struct sink sink;
    char text[512];
    arena_init_heap(&arena, 1 << 20);
    sink_to_memory(&sink, &arena);
    for (size_t i = 0; i + 1 < sizeof text; i += 2) {
        memcpy(text + i, "\xc3\xbc", 2);
    }
    sink_add_c(&sink, "\"\\\n");
    sink_add_json(&sink, str_of(text + 1, sizeof text - 1));
    WANT_STR(str_sub(sink_str(&sink), 0, 9), STR("\"\\\n\\ufffd"));
    WANT_INT(sink_str(&sink).len, 9 + sizeof text - 2);
    arena_reset(&arena);
}

TEST(a_stream_that_fails_is_remembered)
{
    struct sink sink;
    FILE *file = fopen("/dev/full", "w");
    if (file == NULL) {
        return;
    }
    setvbuf(file, NULL, _IONBF, 0);
    sink_to_file(&sink, file);
    sink_add_c(&sink, "text");
    WANT(sink.has_failed);
    fclose(file);
}
