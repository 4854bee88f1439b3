/* scalars.c - one value by its type: the leaves of the walk in reader.c.
 * Everything that a person can write wrongly ends here, so every refusal says what to write. */
#include "base/check.h"
#include "base/limits.h"
#include "config/internals.h"
#include "text/distance.h"
#include "text/quantity.h"

bool conf_is_token(struct str s)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.len; i++) {
        char c = char_lower(s.at[i]);
        if (!char_is_digit(c) && (c < 'a' || c > 'z') &&
            memchr(marks, c, sizeof marks - 1) == NULL) {
            return false;
        }
    }
    return s.len > 0;
}

/* RFC 9110 5.5: no controls but the tab, no white space at the ends. */
static bool is_field_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return false;
        }
    }
    return str_trim(s).len == s.len;
}

void conf_nearest_try(struct conf_nearest *nearest, struct str name)
{
    if (nearest->diags != NULL && nearest->diags->errors.count >= LIMIT_VALUE_config_errors) {
        return;
    }
    /* Names of one letter are near to everything. */
    size_t len = nearest->wanted.len;
    uint32_t max = len < 2 ? 0 : len < 4 ? 1 : len < 9 ? 2 : 3;
    uint32_t distance = text_distance(nearest->wanted, name, max);
    if (distance <= max && (nearest->best.len == 0 || distance < nearest->distance)) {
        nearest->best = name;
        nearest->distance = distance;
    }
}

struct str conf_nearest_name(const struct conf_nearest *nearest)
{
    return nearest->best;
}

static bool in_range(struct conf_reader *reader, const struct conf_field *field, struct node *node,
                     int64_t value)
{
    char low[32], high[32];
    struct strbuf from = strbuf_over(low, sizeof low), to = strbuf_over(high, sizeof high);
    bool has_max = field->max != 0;
    if (value >= field->min && (!has_max || value <= field->max)) {
        return true;
    }
    void (*add)(struct strbuf *, int64_t) = field->type == CONF_DURATION ? quantity_add_duration
                                            : field->type == CONF_SIZE || field->type == CONF_LIMIT
                                                ? quantity_add_size
                                                : strbuf_add_i64;
    add(&from, field->min);
    add(&to, field->max);
    if (!has_max) {
        return conf_refuse(reader, node, DIAG_E0104, "%s is too small, %.*s is the least",
                           conf_show(reader, node), STR_FMT(strbuf_str(&from)));
    }
    return conf_refuse(reader, node, DIAG_E0104, "%s is not within %.*s and %.*s",
                       conf_show(reader, node), STR_FMT(strbuf_str(&from)),
                       STR_FMT(strbuf_str(&to)));
}

static bool read_bool(struct conf_reader *reader, struct node *node, struct str text, bool *out)
{
    static const struct str trues[] = {{"yes", 3}, {"on", 2}, {"y", 1}, {"true", 4}, {"1", 1}};
    static const struct str falses[] = {{"no", 2}, {"off", 3}, {"n", 1}, {"false", 5}, {"0", 1}};
    bool may_be_text = node->type == NODE_BOOL || node->is_secret;
    if (may_be_text && str_eq_nocase(text, STR("true"))) {
        *out = true;
        return true;
    }
    if (may_be_text && str_eq_nocase(text, STR("false"))) {
        *out = false;
        return true;
    }
    const char *hint = "write true or false";
    for (size_t i = 0; i < COUNT_OF(trues); i++) {
        hint = str_eq_nocase(text, trues[i]) ? "write true" : hint;
        hint = str_eq_nocase(text, falses[i]) ? "write false" : hint;
    }
    conf_hint(reader, "%s", hint);
    return conf_refuse(reader, node, DIAG_E0102, "%s is not true or false",
                       conf_show(reader, node));
}

static bool read_int(struct conf_reader *reader, const struct conf_field *field, struct node *node,
                     int64_t *out)
{
    bool is_negative = node->text.len > 0 && node->text.at[0] == '-';
    bool is_number = node->type == NODE_INT || node->is_secret;
    uint64_t value;
    if (!is_number || !str_to_u64(str_skip(node->text, is_negative), &value) ||
        value > (uint64_t)INT64_MAX) {
        bool has_digits = node->type == NODE_STRING && str_to_u64(node->text, &value);
        conf_hint(reader, has_digits ? "write it without quotes" : "write a whole number");
        return conf_refuse(reader, node, DIAG_E0103, "%s is not a whole number",
                           conf_show(reader, node));
    }
    *out = is_negative ? -(int64_t)value : (int64_t)value;
    return in_range(reader, field, node, *out);
}

static bool read_string(struct conf_reader *reader, const struct conf_field *field,
                        struct node *node, struct str *out)
{
    if (node->type != NODE_STRING) {
        conf_hint(reader, "write \"%.*s\"", STR_FMT(str_sub(node->text, 0, 60)));
        return conf_refuse(reader, node, DIAG_E0123, "a string is wanted here, not %s",
                           node_type_name((enum node_type)node->type));
    }
    if (node->text.len == 0 && (field->flags & CONF_NOT_EMPTY) != 0) {
        return conf_refuse(reader, node, DIAG_E0114, "the text must not be empty");
    }
    if ((field->flags & CONF_TOKEN) != 0 && !conf_is_token(node->text)) {
        conf_hint(reader, "letters, digits and !#$%%&'*+-.^_`|~");
        return conf_refuse(reader, node, DIAG_E0117, "%s is not a token of HTTP",
                           conf_show(reader, node));
    }
    if ((field->flags & CONF_FIELD_VALUE) != 0 && !is_field_value(node->text)) {
        conf_hint(reader, "no line ends or other controls, no space at the ends");
        return conf_refuse(reader, node, DIAG_E0117, "%s cannot be sent in a header field",
                           conf_show(reader, node));
    }
    if (field->max > 0 && node->text.len > (uint64_t)field->max) {
        return conf_refuse(reader, node, DIAG_E0104, "the text is longer than %lld bytes",
                           (long long)field->max);
    }
    *out = node->text;
    return true;
}

static bool read_enum(struct conf_reader *reader, const struct conf_field *field, struct node *node,
                      uint8_t *out)
{
    char words[200];
    struct strbuf list = strbuf_over(words, sizeof words);
    struct conf_nearest nearest = {.diags = reader->diags, .wanted = node->text};
    for (uint8_t i = 0; field->names[i] != NULL; i++) {
        if (str_eq(str_from_c(field->names[i]), node->text)) {
            *out = i;
            return true;
        }
        conf_nearest_try(&nearest, str_from_c(field->names[i]));
        strbuf_add_c(&list, i == 0 ? "" : field->names[i + 1] == NULL ? " or " : ", ");
        strbuf_add_c(&list, field->names[i]);
    }
    if (conf_nearest_name(&nearest).len > 0) {
        conf_hint(reader, "did you mean \"%.*s\"?", STR_FMT(conf_nearest_name(&nearest)));
    } else {
        conf_hint(reader, "write %.*s", STR_FMT(strbuf_str(&list)));
    }
    return conf_refuse(reader, node, DIAG_E0109, "%s is not %.*s", conf_show(reader, node),
                       STR_FMT(strbuf_str(&list)));
}

static bool read_duration(struct conf_reader *reader, const struct conf_field *field,
                          struct node *node, int64_t *out)
{
    if (quantity_duration(node->text, out) != OK) {
        conf_hint(reader, "write 5s, 500ms or 1m30s");
        return conf_refuse(reader, node, DIAG_E0105, "%s is not a duration",
                           conf_show(reader, node));
    }
    return in_range(reader, field, node, *out);
}

static bool read_size(struct conf_reader *reader, const struct conf_field *field, struct node *node,
                      int64_t *out)
{
    enum err e = quantity_size(node->text, out);
    if (e == ERR_RANGE) {
        return conf_refuse(reader, node, DIAG_E0104, "%s is more than 4 EiB",
                           conf_show(reader, node));
    }
    if (e != OK) {
        conf_hint(reader, "write 512, 64KiB or 10MiB");
        return conf_refuse(reader, node, DIAG_E0106, "%s is not a size", conf_show(reader, node));
    }
    return in_range(reader, field, node, *out);
}

static bool read_limit(struct conf_reader *reader, const struct conf_field *field,
                       struct node *node, struct conf_limit *out)
{
    out->pos = node->pos;
    if (str_eq(node->text, STR("off"))) {
        out->bytes = 0;
        return true;
    }
    return read_size(reader, field, node, &out->bytes);
}

static bool read_rate(struct conf_reader *reader, struct node *node, struct conf_rate *out)
{
    struct str rest = {0};
    enum err e = quantity_rate(node->text, &out->count, &out->per_ms, &rest);
    bool has_key = e == OK && rest.len > 0;
    if (has_key && (!str_starts(rest, STR("per ")) || rest.len == 4)) {
        e = ERR_SYNTAX;
    }
    if (e == ERR_RANGE) {
        return conf_refuse(reader, node, DIAG_E0104, "%s is not within 1 and 4294967296",
                           conf_show(reader, node));
    }
    if (e != OK) {
        conf_hint(reader, "write 100/min, 10/s per consumer");
        return conf_refuse(reader, node, DIAG_E0110, "%s is not a rate", conf_show(reader, node));
    }
    out->key = has_key ? str_trim(str_skip(rest, 4)) : (struct str){0};
    return true;
}

static bool read_addr(struct conf_reader *reader, struct node *node, struct addr *out)
{
    struct str text = node->text;
    uint64_t port;
    if (text.len > 1 && text.at[0] == ':' && str_to_u64(str_skip(text, 1), &port) && port > 0 &&
        port <= UINT16_MAX) {
        *out = (struct addr){.port = (uint16_t)port};
        return true;
    }
    if (addr_parse(text, out) == OK && out->port > 0) {
        return true;
    }
    conf_hint(reader, "write 127.0.0.1:8080, [::1]:8080 or :8080");
    return conf_refuse(reader, node, DIAG_E0111, "%s is not an address with a port",
                       conf_show(reader, node));
}

static bool read_prefix(struct conf_reader *reader, struct node *node, struct addr_prefix *out)
{
    enum err e = addr_prefix_parse(node->text, out);
    if (e == OK) {
        return true;
    }
    conf_hint(reader, "%s",
              e == ERR_RANGE ? "the bits behind the prefix must be zero"
                             : "write 10.0.0.0/8 or fd00::/8");
    return conf_refuse(reader, node, DIAG_E0112, "%s is not an address range",
                       conf_show(reader, node));
}

size_t conf_type_bytes(enum conf_type type)
{
    static const size_t bytes[CONF_TYPE_COUNT] = {[CONF_BOOL] = sizeof(bool),
                                                  [CONF_INT] = sizeof(int64_t),
                                                  [CONF_STRING] = sizeof(struct str),
                                                  [CONF_TEXT] = sizeof(struct conf_text),
                                                  [CONF_ENUM] = sizeof(uint8_t),
                                                  [CONF_DURATION] = sizeof(int64_t),
                                                  [CONF_SIZE] = sizeof(int64_t),
                                                  [CONF_LIMIT] = sizeof(struct conf_limit),
                                                  [CONF_RATE] = sizeof(struct conf_rate),
                                                  [CONF_ADDR] = sizeof(struct addr),
                                                  [CONF_PREFIX] = sizeof(struct addr_prefix),
                                                  [CONF_PAIRS] = sizeof(struct conf_pairs)};
    CHECK(type < CONF_TYPE_COUNT);
    return bytes[type];
}

bool conf_read_scalar(struct conf_reader *reader, const struct conf_field *field,
                      enum conf_type type, struct node *node, void *out)
{
    struct str text;
    struct conf_text *place = out;
    if (type == CONF_CUSTOM) {
        bool is_read = field->grammar->read(reader, node, out);
        if (node->is_secret) {
            conf_mark_secret(reader, out);
        }
        return is_read;
    }
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    if (node->is_secret || (field->flags & CONF_SECRET) != 0) {
        conf_mark_secret(reader, out);
    }
    switch (type) {
    case CONF_BOOL: return read_bool(reader, node, text, out);
    case CONF_INT: return read_int(reader, field, node, out);
    case CONF_STRING: return read_string(reader, field, node, out);
    case CONF_TEXT: place->pos = node->pos; return read_string(reader, field, node, &place->text);
    case CONF_ENUM: return read_enum(reader, field, node, out);
    case CONF_DURATION: return read_duration(reader, field, node, out);
    case CONF_SIZE: return read_size(reader, field, node, out);
    case CONF_LIMIT: return read_limit(reader, field, node, out);
    case CONF_RATE: return read_rate(reader, node, out);
    case CONF_ADDR: return read_addr(reader, node, out);
    case CONF_PREFIX: return read_prefix(reader, node, out);
    case CONF_STRUCT:
    case CONF_LIST:
    case CONF_MAP:
    case CONF_PAIRS:
    case CONF_CUSTOM:
    case CONF_LATER:
    case CONF_TYPE_COUNT: break;
    }
    CHECK(false);
    return false;
}
