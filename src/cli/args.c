/* args.c - words to options and operands; see args.h. Written here because getopt keeps globals,
 * prints for itself and knows nothing of the table that help is made from. */
#include "cli/args.h"

#include "base/check.h"
#include "text/distance.h"

#include <stdarg.h>
#include <stdio.h>

enum { NEAR_EDITS_MAX = 2 };

static enum err refuse(struct args *args, const char *format, ...) PRINTF_LIKE(2, 3);

static enum err refuse(struct args *args, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    (void)vsnprintf(args->error, sizeof args->error, format, list);
    va_end(list);
    return ERR_SYNTAX;
}

static const struct option *find_by_name(const struct args *args, struct str name)
{
    for (uint32_t i = 0; i < args->option_count; i++) {
        if (str_eq(str_from_c(args->options[i].name), name)) {
            return &args->options[i];
        }
    }
    return NULL;
}

static const struct option *find_by_letter(const struct args *args, char letter)
{
    for (uint32_t i = 0; i < args->option_count; i++) {
        if (letter != 0 && args->options[i].letter == letter) {
            return &args->options[i];
        }
    }
    return NULL;
}

static enum err refuse_unknown(struct args *args, struct str name)
{
    const struct option *nearest = NULL;
    uint32_t edits = NEAR_EDITS_MAX + 1;
    for (uint32_t i = 0; i < args->option_count; i++) {
        struct str candidate = str_from_c(args->options[i].name);
        uint32_t distance = text_distance(candidate, name, NEAR_EDITS_MAX);
        if (distance < edits) {
            edits = distance;
            nearest = &args->options[i];
        }
    }
    if (nearest == NULL) {
        return refuse(args, "there is no option --%.*s", STR_FMT(name));
    }
    return refuse(args, "there is no option --%.*s; did you mean --%s?", STR_FMT(name),
                  nearest->name);
}

static enum err add(struct args *args, const struct option *option, const char *value)
{
    for (uint32_t i = 0; i < args->given_count && !option->is_repeatable; i++) {
        if (args->given[i].option == option) {
            return refuse(args, "--%s stands twice", option->name);
        }
    }
    args->given[args->given_count++] = (struct option_given){option, value};
    return OK;
}

/* A word that starts with "--"; *next moves past a value that is a word of its own. */
static enum err take_long(struct args *args, const char *word, char **words, int *next)
{
    struct str text = str_from_c(word + 2);
    struct str_pair pair = str_cut(text, '=');
    const struct option *option = find_by_name(args, pair.head);
    if (option == NULL) {
        return refuse_unknown(args, pair.head);
    }
    if (option->value == NULL) {
        return pair.is_cut ? refuse(args, "--%s takes no value", option->name)
                           : add(args, option, NULL);
    }
    if (pair.is_cut) {
        return add(args, option, pair.tail.at);
    }
    if (words[*next] == NULL) {
        return refuse(args, "--%s needs a value: --%s %s", option->name, option->name,
                      option->value);
    }
    return add(args, option, words[(*next)++]);
}

/* A word that starts with one "-": a letter with its value behind it or in the next word. */
static enum err take_short(struct args *args, const char *word, char **words, int *next)
{
    const struct option *option = find_by_letter(args, word[1]);
    if (option == NULL) {
        return refuse(args, "there is no option -%c", word[1]);
    }
    if (option->value == NULL) {
        return word[2] != '\0' ? refuse(args, "-%c takes no value", option->letter)
                               : add(args, option, NULL);
    }
    if (word[2] != '\0') {
        return add(args, option, word + 2);
    }
    if (words[*next] == NULL) {
        return refuse(args, "-%c needs a value: -%c %s", option->letter, option->letter,
                      option->value);
    }
    return add(args, option, words[(*next)++]);
}

enum err args_parse(struct args *args, struct arena *arena, int argc, char **argv)
{
    bool is_option_possible = true;
    args->given = ARENA_ARRAY(arena, (size_t)argc + 1, struct option_given);
    args->operands = ARENA_ARRAY(arena, (size_t)argc + 1, const char *);
    if (args->given == NULL || args->operands == NULL) {
        return ERR_MEMORY;
    }
    for (int i = 0; i < argc;) {
        const char *word = argv[i++];
        struct str text = str_from_c(word);
        if (is_option_possible && str_eq(text, STR("--"))) {
            is_option_possible = false;
        } else if (is_option_possible && str_starts(text, STR("--"))) {
            TRY(take_long(args, word, argv, &i));
        } else if (is_option_possible && text.len > 1 && text.at[0] == '-') {
            TRY(take_short(args, word, argv, &i));
        } else {
            args->operands[args->operand_count++] = word;
        }
    }
    return OK;
}

bool args_has(const struct args *args, const char *name)
{
    CHECK(find_by_name(args, str_from_c(name)) != NULL);
    for (uint32_t i = 0; i < args->given_count; i++) {
        if (str_eq(str_from_c(args->given[i].option->name), str_from_c(name))) {
            return true;
        }
    }
    return false;
}

const char *args_value_at(const struct args *args, const char *name, uint32_t index)
{
    CHECK(find_by_name(args, str_from_c(name)) != NULL);
    for (uint32_t i = 0; i < args->given_count; i++) {
        if (str_eq(str_from_c(args->given[i].option->name), str_from_c(name)) && index-- == 0) {
            return args->given[i].value;
        }
    }
    return NULL;
}

const char *args_value(const struct args *args, const char *name)
{
    return args_value_at(args, name, 0);
}

bool args_number(const struct args *args, const char *name, int64_t min, int64_t max, int64_t *out)
{
    const char *value = args_value(args, name);
    uint64_t number;
    CHECK(min >= 0 && max >= min);
    if (value == NULL) {
        return true;
    }
    if (!str_to_u64(str_from_c(value), &number) || number < (uint64_t)min ||
        number > (uint64_t)max) {
        complain(args, "--%s: \"%s\" is not a number from %lld to %lld", name, value,
                 (long long)min, (long long)max);
        return false;
    }
    *out = (int64_t)number;
    return true;
}

void complain(const struct args *args, const char *format, ...)
{
    va_list list;
    (void)fprintf(stderr, "sluice %s: ", args->verb);
    va_start(list, format);
    (void)vfprintf(stderr, format, list);
    va_end(list);
    (void)fputc('\n', stderr);
}
