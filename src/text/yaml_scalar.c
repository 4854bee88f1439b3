/* yaml_scalar.c - what bytes may stand in a file and what a plain scalar means.
 * The core schema of YAML 1.2 (10.3.2), not the types of 1.1: a country NO stays a string. */
#include "text/utf8.h"
#include "text/yaml_inner.h"

const char *node_type_name(enum node_type type)
{
    switch (type) {
    case NODE_NULL: return "nothing";
    case NODE_BOOL: return "true or false";
    case NODE_INT: return "a whole number";
    case NODE_FLOAT: return "a number";
    case NODE_STRING: return "a string";
    case NODE_LIST: return "a list";
    case NODE_MAP: return "a map";
    }
    return "nothing";
}

/* c-printable of YAML 1.2.2 5.1. */
static bool is_printable(uint32_t code)
{
    if (code < 0xa0) {
        return code == '\t' || code == '\n' || code == '\r' || code == 0x85 ||
               (code >= 0x20 && code < 0x7f);
    }
    return code != 0xfffe && code != 0xffff && code != 0xfeff;
}

enum err yaml_check_text(struct yaml_builder *builder)
{
    const unsigned char *at = (const unsigned char *)builder->source->text.at;
    struct str text = builder->source->text;
    size_t len = text.len, i = 0;
    struct source_pos pos = {builder->source, 1, 1, 1};
    bool is_utf16 =
        len >= 2 && ((at[0] == 0xff && at[1] == 0xfe) || (at[0] == 0xfe && at[1] == 0xff));
    if (is_utf16) {
        return yaml_refuse(builder, YAML_NOT_TEXT, pos, "save it as UTF-8", "the file is UTF-16");
    }
    if (len >= 3 && at[0] == 0xef && at[1] == 0xbb && at[2] == 0xbf) {
        i = 3;
    }
    while (i < len) {
        uint32_t code = 0;
        size_t bytes = utf8_character(str_skip(text, i), &code);
        if (bytes == 0) {
            return yaml_refuse(builder, YAML_NOT_TEXT, pos, "save the file as UTF-8",
                               "this byte is not UTF-8 text");
        }
        if (!is_printable(code)) {
            return yaml_refuse(builder, YAML_NOT_TEXT, pos, "is this a text file?",
                               code == 0 ? "a NUL byte cannot stand in a text file"
                                         : "this control character is not allowed");
        }
        pos.line += code == '\n';
        pos.column = code == '\n' ? 1 : pos.column + 1;
        i += bytes;
    }
    return OK;
}

static size_t count_digits(struct str s, size_t from)
{
    size_t at = from;
    while (at < s.len && char_is_digit(s.at[at])) {
        at++;
    }
    return at - from;
}

/* "0o7", "0x1f" or [-+]?[0-9]+ */
static bool is_int(struct str s)
{
    if (s.len > 2 && s.at[0] == '0' && (s.at[1] == 'o' || s.at[1] == 'x')) {
        size_t at = 2;
        while (at < s.len && char_hex(s.at[at]) >= 0 && (s.at[1] == 'x' || s.at[at] < '8')) {
            at++;
        }
        return at == s.len;
    }
    size_t sign = s.len > 0 && (s.at[0] == '-' || s.at[0] == '+');
    size_t digits = count_digits(s, sign);
    return digits > 0 && sign + digits == s.len;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?, infinities and .nan */
static bool is_float(struct str s)
{
    size_t at = s.len > 0 && (s.at[0] == '-' || s.at[0] == '+');
    struct str word = str_skip(s, at);
    if (str_eq(word, STR(".inf")) || str_eq(word, STR(".Inf")) || str_eq(word, STR(".INF")) ||
        str_eq(s, STR(".nan")) || str_eq(s, STR(".NaN")) || str_eq(s, STR(".NAN"))) {
        return true;
    }
    size_t whole = count_digits(s, at), part = 0;
    at += whole;
    if (at < s.len && s.at[at] == '.') {
        part = count_digits(s, ++at);
        at += part;
    }
    if (whole + part == 0) {
        return false;
    }
    if (at < s.len && (s.at[at] == 'e' || s.at[at] == 'E')) {
        at++;
        at += at < s.len && (s.at[at] == '-' || s.at[at] == '+');
        size_t power = count_digits(s, at);
        at += power;
        return power > 0 && at == s.len;
    }
    return at == s.len;
}

enum node_type yaml_core_type(struct str s)
{
    if (s.len == 0 || str_eq(s, STR("~")) || str_eq(s, STR("null")) || str_eq(s, STR("Null")) ||
        str_eq(s, STR("NULL"))) {
        return NODE_NULL;
    }
    if (str_eq(s, STR("true")) || str_eq(s, STR("True")) || str_eq(s, STR("TRUE")) ||
        str_eq(s, STR("false")) || str_eq(s, STR("False")) || str_eq(s, STR("FALSE"))) {
        return NODE_BOOL;
    }
    if (is_int(s)) {
        return NODE_INT;
    }
    return is_float(s) ? NODE_FLOAT : NODE_STRING;
}

bool yaml_tag_fits(struct str tag, struct node *node)
{
    static const struct {
        struct str name;
        enum node_type type;
    } core[] = {{{"null", 4}, NODE_NULL},   {{"bool", 4}, NODE_BOOL}, {{"int", 3}, NODE_INT},
                {{"float", 5}, NODE_FLOAT}, {{"seq", 3}, NODE_LIST},  {{"map", 3}, NODE_MAP}};
    const struct str prefix = STR("tag:yaml.org,2002:");
    bool is_scalar = node->type != NODE_LIST && node->type != NODE_MAP;
    if (str_eq(tag, STR("!")) || str_eq(tag, STR("tag:yaml.org,2002:str"))) {
        node->type = (uint8_t)(is_scalar ? NODE_STRING : node->type);
        return is_scalar || tag.len == 1;
    }
    if (!str_starts(tag, prefix)) {
        return false;
    }
    tag = str_skip(tag, prefix.len);
    for (size_t i = 0; i < COUNT_OF(core); i++) {
        if (str_eq(tag, core[i].name)) {
            return node->type == core[i].type;
        }
    }
    return false;
}

const char *yaml_syntax_hint(struct str problem, const struct source_pos *pos)
{
    struct str line = source_line(pos);
    char c = pos->column <= line.len ? line.at[pos->column - 1] : '\0';
    bool is_token = str_find_str(problem, STR("cannot start any token")) < problem.len;
    if (is_token && c == '\t') {
        return "indent with spaces, not with tabs";
    }
    if (is_token || str_find_str(problem, STR("expected node content")) < problem.len) {
        return "a value that starts with this character needs quotes";
    }
    if (str_find_str(problem, STR("alphabetic or numeric")) < problem.len) {
        return "a value that starts with * or & needs quotes";
    }
    if (str_find_str(problem, STR("mapping values are not allowed")) < problem.len) {
        return "a value with \": \" in it needs quotes; or the indent is wrong";
    }
    if (str_find_str(problem, STR("could not find expected ':'")) < problem.len) {
        return "a key needs a colon and a space behind it";
    }
    if (str_find_str(problem, STR("did not find expected key")) < problem.len) {
        return "is the indent the same as that of the line above?";
    }
    return NULL;
}
