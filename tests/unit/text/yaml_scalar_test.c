/* yaml_scalar_test.c - the core schema of YAML 1.2 and what bytes a file may have. */
#include "test.h"
#include "text/yaml.h"

static const struct {
    const char *text;
    enum node_type type;
} plain[] = {
    {"", NODE_NULL},
    {"~", NODE_NULL},
    {"null", NODE_NULL},
    {"NULL", NODE_NULL},
    {"nUll", NODE_STRING},
    {"true", NODE_BOOL},
    {"False", NODE_BOOL},
    {"TRUE", NODE_BOOL},
    {"tRue", NODE_STRING},
    {"yes", NODE_STRING},
    {"no", NODE_STRING},
    {"on", NODE_STRING},
    {"off", NODE_STRING},
    {"NO", NODE_STRING},
    {"0", NODE_INT},
    {"-12", NODE_INT},
    {"+7", NODE_INT},
    {"017", NODE_INT},
    {"0o17", NODE_INT},
    {"0o8", NODE_STRING},
    {"0x1F", NODE_INT},
    {"0x", NODE_STRING},
    {"1_000", NODE_STRING},
    {"1.5", NODE_FLOAT},
    {".5", NODE_FLOAT},
    {"5.", NODE_FLOAT},
    {"1e3", NODE_FLOAT},
    {"-1.5E+10", NODE_FLOAT},
    {"1e", NODE_STRING},
    {".", NODE_STRING},
    {"-", NODE_STRING},
    {"+", NODE_STRING},
    {".inf", NODE_FLOAT},
    {"-.Inf", NODE_FLOAT},
    {".nan", NODE_FLOAT},
    {"-.nan", NODE_STRING},
    {"1.2.3", NODE_STRING},
    {"12:30", NODE_STRING},
    {"10.0.0.1:80", NODE_STRING},
    {"2026-01-02", NODE_STRING},
    {"1 2", NODE_STRING},
    {"0b1", NODE_STRING},
};

TEST(plain_scalars_follow_the_core_schema)
{
    for (size_t i = 0; i < COUNT_OF(plain); i++) {
        enum node_type type = yaml_core_type(str_from_c(plain[i].text));
        if (type != plain[i].type) {
            printf("# %s is %s\n", plain[i].text, node_type_name(type));
        }
        WANT_INT(type, plain[i].type);
    }
}

static enum yaml_problem problem_of(struct str text, uint32_t *line)
{
    struct arena arena;
    uint32_t nodes = 1000;
    struct yaml_conf conf = {&arena, &arena, 16, &nodes};
    struct source source = {.text = text};
    struct yaml_error error;
    struct node *root;
    arena_init_heap(&arena, 1 << 20);
    enum err e = yaml_read(&conf, &source, &root, &error);
    WANT((e == OK) == (error.problem == YAML_FINE));
    *line = error.pos.line;
    arena_reset(&arena);
    return error.problem;
}

TEST(what_is_not_text_is_refused_with_its_line)
{
    static const struct {
        struct str text;
        enum yaml_problem problem;
        uint32_t line;
    } cases[] = {
        {{"a: \xc3\xbc", 5}, YAML_FINE, 0},
        {{"\xef\xbb\xbf"
          "a: b",
          7},
         YAML_FINE,
         0},
        {{"a\n\0", 3}, YAML_NOT_TEXT, 2},
        {{"a\nb\x1b", 4}, YAML_NOT_TEXT, 2},
        {{"a\nb\x7f", 4}, YAML_NOT_TEXT, 2},
        {{"\xff\xfe", 2}, YAML_NOT_TEXT, 1},
        {{"\xfe\xff", 2}, YAML_NOT_TEXT, 1},
        {{"a: \xff", 4}, YAML_NOT_TEXT, 1},
        {{"a: \xed\xa0\x80", 6}, YAML_NOT_TEXT, 1},
        {{"\x7f"
          "ELF\x02\x01\x01",
          7},
         YAML_NOT_TEXT,
         1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t line;
        WANT_INT(problem_of(cases[i].text, &line), cases[i].problem);
        WANT_INT(line, cases[i].line);
    }
}

TEST(tags_must_agree_with_what_they_stand_before)
{
    static const struct {
        const char *text;
        enum yaml_problem problem;
    } cases[] = {
        {"!!str 5", YAML_FINE},
        {"! 5", YAML_FINE},
        {"!!int 5", YAML_FINE},
        {"!!int x", YAML_BAD_TAG},
        {"!!map {a: b}", YAML_FINE},
        {"!!seq [a]", YAML_FINE},
        {"!!seq {a: b}", YAML_BAD_TAG},
        {"!foo 5", YAML_BAD_TAG},
        {"!!python/object x", YAML_BAD_TAG},
        {"!!binary aGk=", YAML_BAD_TAG},
        {"!!str [a]", YAML_BAD_TAG},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        uint32_t line;
        WANT_INT(problem_of(str_from_c(cases[i].text), &line), cases[i].problem);
    }
}
