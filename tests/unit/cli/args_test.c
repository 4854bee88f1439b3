/* args_test.c - words to options and operands, from tables of good and bad lines. */
#include "cli/args.h"

#include "test.h"

enum { WORDS_MAX = 8 };

static const struct option options[] = {
    {.name = "print", .summary = "a flag"},
    {.name = "cores", .value = "N", .summary = "a value"},
    {.name = "header", .letter = 'H', .value = "FIELD", .is_repeatable = true, .summary = "many"},
    {.name = "quiet", .letter = 'q', .summary = "a flag with a letter"},
};

static enum err parse(struct args *args, struct arena *arena, const char *const *words)
{
    char *argv[WORDS_MAX + 1] = {0};
    int argc = 0;
    *args = (struct args){.verb = "test", .options = options, .option_count = COUNT_OF(options)};
    while (argc < WORDS_MAX && words[argc] != NULL) {
        memcpy(&argv[argc], &words[argc], sizeof argv[argc]);
        argc++;
    }
    return args_parse(args, arena, argc, argv);
}

TEST(options_and_operands_stand_in_any_order)
{
    struct arena arena;
    struct args args;
    arena_init_heap(&arena, 1 << 20);
    const char *words[] = {"one", "--cores", "4", "--print", "two", "-Ha: b", "-H", "c: d", NULL};
    WANT_INT(parse(&args, &arena, words), OK);
    WANT_INT(args.operand_count, 2);
    WANT_STR(str_from_c(args.operands[0]), STR("one"));
    WANT_STR(str_from_c(args.operands[1]), STR("two"));
    WANT(args_has(&args, "print") && !args_has(&args, "quiet"));
    WANT_STR(str_from_c(args_value(&args, "cores")), STR("4"));
    WANT_STR(str_from_c(args_value_at(&args, "header", 0)), STR("a: b"));
    WANT_STR(str_from_c(args_value_at(&args, "header", 1)), STR("c: d"));
    WANT(args_value_at(&args, "header", 2) == NULL);
    arena_reset(&arena);
}

TEST(a_value_may_stand_behind_an_equals_sign_and_be_empty)
{
    struct arena arena;
    struct args args;
    arena_init_heap(&arena, 1 << 20);
    const char *words[] = {"--cores=", "--header=x=y", NULL};
    WANT_INT(parse(&args, &arena, words), OK);
    WANT_STR(str_from_c(args_value(&args, "cores")), STR(""));
    WANT_STR(str_from_c(args_value(&args, "header")), STR("x=y"));
    arena_reset(&arena);
}

TEST(two_dashes_end_the_options_and_one_is_an_operand)
{
    struct arena arena;
    struct args args;
    arena_init_heap(&arena, 1 << 20);
    const char *words[] = {"-", "--", "--cores", "--", NULL};
    WANT_INT(parse(&args, &arena, words), OK);
    WANT_INT(args.operand_count, 3);
    WANT_STR(str_from_c(args.operands[1]), STR("--cores"));
    WANT(!args_has(&args, "cores"));
    arena_reset(&arena);
}

TEST(wrong_lines_are_refused_with_a_way_out)
{
    static const struct {
        const char *words[4];
        const char *said;
    } rows[] = {
        {{"--core", "4"}, "there is no option --core; did you mean --cores?"},
        {{"--pirnt"}, "there is no option --pirnt; did you mean --print?"},
        {{"--frobnicate"}, "there is no option --frobnicate"},
        {{"-x"}, "there is no option -x"},
        {{"--cores"}, "--cores needs a value: --cores N"},
        {{"-H"}, "-H needs a value: -H FIELD"},
        {{"--print=yes"}, "--print takes no value"},
        {{"-qx"}, "-q takes no value"},
        {{"--cores=1", "--cores=2"}, "--cores stands twice"},
        {{"--print", "--print"}, "--print stands twice"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct args args;
        arena_init_heap(&arena, 1 << 20);
        WANT_INT(parse(&args, &arena, rows[i].words), ERR_SYNTAX);
        WANT_STR(str_from_c(args.error), str_from_c(rows[i].said));
        arena_reset(&arena);
    }
}

TEST(a_long_unknown_word_does_not_overrun_the_message)
{
    struct arena arena;
    struct args args;
    char word[4000];
    const char *words[] = {word, NULL};
    arena_init_heap(&arena, 1 << 20);
    memset(word, '-', 2);
    memset(word + 2, 'x', sizeof word - 2);
    word[sizeof word - 1] = '\0';
    WANT_INT(parse(&args, &arena, words), ERR_SYNTAX);
    WANT(strlen(args.error) < sizeof args.error);
    arena_reset(&arena);
}

TEST(numbers_have_bounds)
{
    static const struct {
        const char *text;
        bool is_taken;
    } rows[] = {{"1", true},
                {"64", true},
                {"0", false},
                {"65", false},
                {"", false},
                {"+1", false},
                {"-1", false},
                {"1x", false},
                {"0x4", false},
                {" 1", false},
                {"99999999999999999999", false}};
    (void)!freopen("/dev/null", "w", stderr); /* what is refused is said there */
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct arena arena;
        struct args args;
        int64_t out = -7;
        const char *words[] = {"--cores", rows[i].text, NULL};
        arena_init_heap(&arena, 1 << 20);
        WANT_INT(parse(&args, &arena, words), OK);
        WANT_INT(args_number(&args, "cores", 1, 64, &out), rows[i].is_taken);
        WANT((out != -7) == rows[i].is_taken);
        arena_reset(&arena);
    }
}
