/* sfv_write.c - structured fields in the one canonical form (RFC 9651 4.1); see sfv.h.
 * Every value is checked against its grammar on the way out, because it may have come from a
 * configuration or a policy and not from sfv.c. */
#include "http/sfv.h"

#include "http/sfv_rules.h"

/* 4.1.4. */
static enum err add_integer(struct strbuf *out, int64_t number)
{
    if (number > SFV_INTEGER_MAX || number < -SFV_INTEGER_MAX) {
        return ERR_SYNTAX;
    }
    strbuf_add_i64(out, number);
    return OK;
}

/* 4.1.5: at least one digit behind the point, no zeros at the end. */
static enum err add_decimal(struct strbuf *out, int64_t thousandths)
{
    if (thousandths > SFV_THOUSANDTHS_MAX || thousandths < -SFV_THOUSANDTHS_MAX) {
        return ERR_SYNTAX;
    }
    if (thousandths < 0) {
        strbuf_add_char(out, '-');
        thousandths = -thousandths;
    }
    int64_t part = thousandths % 1000;
    char digits[3] = {(char)('0' + part / 100), (char)('0' + part / 10 % 10),
                      (char)('0' + part % 10)};
    size_t len = part % 10 != 0 ? 3 : part % 100 != 0 ? 2 : 1;
    strbuf_add_i64(out, thousandths / 1000);
    strbuf_add_char(out, '.');
    strbuf_add(out, str_of(digits, len));
    return OK;
}

/* 4.1.6. */
static enum err add_string(struct strbuf *out, struct str text)
{
    strbuf_add_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (!sfv_is_string_char(text.at[i])) {
            return ERR_SYNTAX;
        }
        if (text.at[i] == '"' || text.at[i] == '\\') {
            strbuf_add_char(out, '\\');
        }
        strbuf_add_char(out, text.at[i]);
    }
    strbuf_add_char(out, '"');
    return OK;
}

/* 4.1.7. */
static enum err add_token(struct strbuf *out, struct str text)
{
    bool is_good = text.len > 0 && sfv_starts_token(text.at[0]);
    for (size_t i = 1; i < text.len; i++) {
        is_good = is_good && sfv_is_token_char(text.at[i]);
    }
    strbuf_add(out, text);
    return is_good ? OK : ERR_SYNTAX;
}

/* 4.1.8. */
static enum err add_bytes(struct strbuf *out, struct str bytes)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    strbuf_add_char(out, ':');
    for (; bytes.len > 0; bytes = str_skip(bytes, 3)) {
        const unsigned char *at = (const unsigned char *)bytes.at;
        uint32_t bits = (uint32_t)at[0] << 16 | (bytes.len > 1 ? (uint32_t)at[1] << 8 : 0) |
                        (bytes.len > 2 ? at[2] : 0U);
        char four[4] = {letters[bits >> 18], letters[bits >> 12 & 63],
                        bytes.len > 1 ? letters[bits >> 6 & 63] : '=',
                        bytes.len > 2 ? letters[bits & 63] : '='};
        strbuf_add(out, str_of(four, sizeof four));
    }
    strbuf_add_char(out, ':');
    return OK;
}

/* 4.1.11. */
static enum err add_display(struct strbuf *out, struct str text)
{
    if (!sfv_is_utf8(text)) {
        return ERR_SYNTAX;
    }
    strbuf_add(out, STR("%\""));
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (sfv_is_string_char(c) && c != '%' && c != '"') {
            strbuf_add_char(out, c);
        } else {
            strbuf_add_char(out, '%');
            strbuf_add_hex_bytes(out, &c, 1);
        }
    }
    strbuf_add_char(out, '"');
    return OK;
}

/* 4.1.3.1. */
static enum err add_value(struct strbuf *out, const struct sfv_value *value)
{
    switch ((enum sfv_kind)value->kind) {
    case SFV_INTEGER: return add_integer(out, value->number);
    case SFV_DECIMAL: return add_decimal(out, value->number);
    case SFV_STRING: return add_string(out, value->text);
    case SFV_TOKEN: return add_token(out, value->text);
    case SFV_BYTES: return add_bytes(out, value->text);
    case SFV_BOOLEAN: strbuf_add(out, value->number != 0 ? STR("?1") : STR("?0")); return OK;
    case SFV_DATE: strbuf_add_char(out, '@'); return add_integer(out, value->number);
    case SFV_DISPLAY: return add_display(out, value->text);
    case SFV_INNER_LIST: break;
    }
    return ERR_SYNTAX;
}

/* 4.1.1.3. */
static enum err add_key(struct strbuf *out, struct str key)
{
    bool is_good = key.len > 0 && sfv_starts_key(key.at[0]);
    for (size_t i = 1; i < key.len; i++) {
        is_good = is_good && sfv_is_key_char(key.at[i]);
    }
    strbuf_add(out, key);
    return is_good ? OK : ERR_SYNTAX;
}

static bool is_true(const struct sfv_value *value)
{
    return value->kind == SFV_BOOLEAN && value->number != 0;
}

/* 4.1.1.2. */
static enum err add_params(struct strbuf *out, const struct sfv_params *params)
{
    for (uint32_t i = 0; i < params->count; i++) {
        const struct sfv_param *param = &params->at[i];
        strbuf_add_char(out, ';');
        TRY(add_key(out, param->key));
        if (!is_true(&param->value)) {
            strbuf_add_char(out, '=');
            TRY(add_value(out, &param->value));
        }
    }
    return OK;
}

/* 4.1.1.1. */
static enum err add_inner_list(struct strbuf *out, const struct sfv_item *list)
{
    strbuf_add_char(out, '(');
    for (uint32_t i = 0; i < list->item_count; i++) {
        strbuf_add(out, i > 0 ? STR(" ") : STR(""));
        TRY(sfv_add_item(out, &list->items[i]));
    }
    strbuf_add_char(out, ')');
    return add_params(out, &list->params);
}

static enum err add_item_or_inner_list(struct strbuf *out, const struct sfv_item *item)
{
    bool is_list = item->value.kind == SFV_INNER_LIST;
    return is_list ? add_inner_list(out, item) : sfv_add_item(out, item);
}

enum err sfv_add_item(struct strbuf *out, const struct sfv_item *item)
{
    TRY(add_value(out, &item->value));
    return add_params(out, &item->params);
}

enum err sfv_add_list(struct strbuf *out, const struct sfv_members *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        strbuf_add(out, i > 0 ? STR(", ") : STR(""));
        TRY(add_item_or_inner_list(out, &list->at[i].item));
    }
    return OK;
}

enum err sfv_add_dictionary(struct strbuf *out, const struct sfv_members *dictionary)
{
    for (uint32_t i = 0; i < dictionary->count; i++) {
        const struct sfv_member *member = &dictionary->at[i];
        strbuf_add(out, i > 0 ? STR(", ") : STR(""));
        TRY(add_key(out, member->key));
        if (is_true(&member->item.value)) {
            TRY(add_params(out, &member->item.params));
        } else {
            strbuf_add_char(out, '=');
            TRY(add_item_or_inner_list(out, &member->item));
        }
    }
    return OK;
}
