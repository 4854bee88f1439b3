/* sfv.c - see sfv.h. A parser for each production of RFC 9651 4.2, named after it; each takes what
 * it understands from the front of the text. Writing is in sfv_write.c. */
#include "http/sfv.h"

#include "http/sfv_rules.h"

/* What is left to read. */
struct reader {
    struct str rest;
    struct arena *arena;
};

static char peek(const struct reader *reader)
{
    return reader->rest.len > 0 ? reader->rest.at[0] : '\0';
}

static bool take(struct reader *reader, char c)
{
    bool is_there = reader->rest.len > 0 && reader->rest.at[0] == c;
    reader->rest = str_skip(reader->rest, is_there);
    return is_there;
}

static struct str take_first(struct reader *reader, size_t count)
{
    struct str taken = str_sub(reader->rest, 0, count);
    reader->rest = str_skip(reader->rest, count);
    return taken;
}

static void skip_spaces(struct reader *reader)
{
    while (take(reader, ' ')) {
    }
}

static void skip_ows(struct reader *reader)
{
    while (take(reader, ' ') || take(reader, '\t')) {
    }
}

/* Room for one more of `bytes` each in an array of `count`, which has the next power of two. */
static void *grow(struct arena *arena, void *at, uint32_t count, size_t bytes)
{
    if (count > 0 && (count & (count - 1)) != 0) {
        return at;
    }
    void *grown = arena_alloc(arena, (count == 0 ? 1 : (size_t)count * 2) * bytes);
    if (grown != NULL && count > 0) {
        memcpy(grown, at, count * bytes);
    }
    return grown;
}

/* 4.2.4: integer or decimal. */
static enum err read_number(struct reader *reader, struct sfv_value *out)
{
    bool is_negative = take(reader, '-');
    int64_t number = 0;
    size_t digits = 0, decimals = 0;
    bool has_point = false;
    for (; reader->rest.len > 0; take_first(reader, 1)) {
        char c = peek(reader);
        if (c == '.' && !has_point && digits > 0 && digits <= 12) {
            has_point = true;
            continue;
        }
        if (!char_is_digit(c)) {
            break;
        }
        decimals += has_point;
        digits++;
        if (digits > 15 || decimals > 3) {
            return ERR_SYNTAX;
        }
        number = number * 10 + (c - '0');
    }
    if (digits == 0 || (has_point && decimals == 0)) {
        return ERR_SYNTAX;
    }
    for (; has_point && decimals < 3; decimals++) {
        number *= 10;
    }
    out->kind = has_point ? SFV_DECIMAL : SFV_INTEGER;
    out->number = is_negative ? -number : number;
    return OK;
}

/* 4.2.5. Only a string with escapes is copied. */
static enum err read_string(struct reader *reader, struct sfv_value *out)
{
    struct str text = reader->rest;
    size_t len = 0, kept = 0;
    for (; len < text.len && text.at[len] != '"'; len++, kept++) {
        bool is_escape = text.at[len] == '\\';
        len += is_escape;
        char c = len < text.len ? text.at[len] : '\0';
        if (is_escape ? c != '"' && c != '\\' : !sfv_is_string_char(c)) {
            return ERR_SYNTAX;
        }
    }
    if (len == text.len) {
        return ERR_SYNTAX;
    }
    reader->rest = str_skip(text, len + 1);
    out->kind = SFV_STRING;
    out->text = str_sub(text, 0, len);
    if (kept == len) {
        return OK;
    }
    char *copy = arena_alloc(reader->arena, kept);
    if (copy == NULL) {
        return ERR_MEMORY;
    }
    for (size_t from = 0, to = 0; from < len; from++) {
        from += text.at[from] == '\\';
        copy[to++] = text.at[from];
    }
    out->text = str_of(copy, kept);
    return OK;
}

/* 4.2.6. */
static enum err read_token(struct reader *reader, struct sfv_value *out)
{
    size_t len = 1;
    while (len < reader->rest.len && sfv_is_token_char(reader->rest.at[len])) {
        len++;
    }
    out->kind = SFV_TOKEN;
    out->text = take_first(reader, len);
    return OK;
}

/* The six bits of a character of base64 (RFC 4648 4), or -1. */
static int base64_bits(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (char_is_digit(c)) {
        return c - '0' + 52;
    }
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* 4.2.7, with padding and without loose bits: one text for one value. */
static enum err read_bytes(struct reader *reader, struct sfv_value *out)
{
    size_t coded_len = str_find(reader->rest, ':');
    if (coded_len == reader->rest.len || coded_len % 4 != 0) {
        return ERR_SYNTAX;
    }
    struct str coded = take_first(reader, coded_len);
    (void)take(reader, ':');
    for (int i = 0; i < 2 && str_ends(coded, STR("=")); i++) {
        coded.len--;
    }
    unsigned char *bytes = arena_alloc(reader->arena, coded.len * 3 / 4);
    if (bytes == NULL) {
        return ERR_MEMORY;
    }
    uint32_t bits = 0, bit_count = 0;
    size_t len = 0;
    for (size_t i = 0; i < coded.len; i++) {
        int six = base64_bits(coded.at[i]);
        if (six < 0) {
            return ERR_SYNTAX;
        }
        bits = bits << 6 | (uint32_t)six;
        bit_count += 6;
        if (bit_count >= 8) {
            bit_count -= 8;
            bytes[len++] = (unsigned char)(bits >> bit_count & 0xff);
        }
    }
    if ((bits & ((1U << bit_count) - 1)) != 0) {
        return ERR_SYNTAX;
    }
    out->kind = SFV_BYTES;
    out->text = str_of((const char *)bytes, len);
    return OK;
}

/* 4.2.8. */
static enum err read_boolean(struct reader *reader, struct sfv_value *out)
{
    out->kind = SFV_BOOLEAN;
    out->number = peek(reader) == '1';
    return take(reader, '0') || take(reader, '1') ? OK : ERR_SYNTAX;
}

/* 4.2.9. */
static enum err read_date(struct reader *reader, struct sfv_value *out)
{
    TRY(read_number(reader, out));
    bool is_whole = out->kind == SFV_INTEGER;
    out->kind = SFV_DATE;
    return is_whole ? OK : ERR_SYNTAX;
}

static int lower_hex(char c)
{
    return c >= 'A' && c <= 'F' ? -1 : char_hex(c);
}

/* 4.2.10: %"..." with lower-case escapes of UTF-8. */
static enum err read_display(struct reader *reader, struct sfv_value *out)
{
    size_t len = 0;
    if (!take(reader, '"')) {
        return ERR_SYNTAX;
    }
    char *text = arena_alloc(reader->arena, str_find(reader->rest, '"'));
    if (text == NULL) {
        return ERR_MEMORY;
    }
    while (reader->rest.len > 0 && peek(reader) != '"') {
        char c = take_first(reader, 1).at[0];
        if (!sfv_is_string_char(c)) {
            return ERR_SYNTAX;
        }
        if (c == '%') {
            struct str escape = take_first(reader, 2);
            int high = escape.len == 2 ? lower_hex(escape.at[0]) : -1;
            int low = escape.len == 2 ? lower_hex(escape.at[1]) : -1;
            if (high < 0 || low < 0) {
                return ERR_SYNTAX;
            }
            c = (char)(high << 4 | low);
        }
        text[len++] = c;
    }
    out->kind = SFV_DISPLAY;
    out->text = str_of(text, len);
    return take(reader, '"') && sfv_is_utf8(out->text) ? OK : ERR_SYNTAX;
}

/* 4.2.3.1. */
static enum err read_bare_item(struct reader *reader, struct sfv_value *out)
{
    *out = (struct sfv_value){0};
    char c = peek(reader);
    if (c == '-' || char_is_digit(c)) {
        return read_number(reader, out);
    }
    if (sfv_starts_token(c)) {
        return read_token(reader, out);
    }
    (void)take_first(reader, 1);
    switch (c) {
    case '"': return read_string(reader, out);
    case ':': return read_bytes(reader, out);
    case '?': return read_boolean(reader, out);
    case '@': return read_date(reader, out);
    case '%': return read_display(reader, out);
    default: return ERR_SYNTAX;
    }
}

/* 4.2.3.3. */
static enum err read_key(struct reader *reader, struct str *out)
{
    size_t len = 0;
    if (!sfv_starts_key(peek(reader))) {
        return ERR_SYNTAX;
    }
    while (len < reader->rest.len && sfv_is_key_char(reader->rest.at[len])) {
        len++;
    }
    *out = take_first(reader, len);
    return OK;
}

/* The parameter of that name, or a new one. */
static enum err param_slot(struct arena *arena, struct sfv_params *params, struct str key,
                           struct sfv_value **out)
{
    for (uint32_t i = 0; i < params->count; i++) {
        if (str_eq(params->at[i].key, key)) {
            *out = &params->at[i].value;
            return OK;
        }
    }
    if (params->count == SFV_PARAMS_MAX) {
        return ERR_SYNTAX;
    }
    void *at = grow(arena, params->at, params->count, sizeof *params->at);
    if (at == NULL) {
        return ERR_MEMORY;
    }
    params->at = at;
    params->at[params->count] = (struct sfv_param){.key = key};
    *out = &params->at[params->count++].value;
    return OK;
}

/* 4.2.3.2. */
static enum err read_params(struct reader *reader, struct sfv_params *params)
{
    *params = (struct sfv_params){0};
    while (take(reader, ';')) {
        struct str key;
        struct sfv_value value = {.kind = SFV_BOOLEAN, .number = 1}, *slot;
        skip_spaces(reader);
        TRY(read_key(reader, &key));
        if (take(reader, '=')) {
            TRY(read_bare_item(reader, &value));
        }
        TRY(param_slot(reader->arena, params, key, &slot));
        *slot = value;
    }
    return OK;
}

/* 4.2.3. */
static enum err read_item(struct reader *reader, struct sfv_item *out)
{
    *out = (struct sfv_item){0};
    TRY(read_bare_item(reader, &out->value));
    return read_params(reader, &out->params);
}

/* 4.2.1.2, after the opening parenthesis. */
static enum err read_inner_list(struct reader *reader, struct sfv_item *out)
{
    *out = (struct sfv_item){.value.kind = SFV_INNER_LIST};
    for (;;) {
        skip_spaces(reader);
        if (take(reader, ')')) {
            return read_params(reader, &out->params);
        }
        struct sfv_item item;
        TRY(read_item(reader, &item));
        if ((peek(reader) != ' ' && peek(reader) != ')') || out->item_count == SFV_INNER_MAX) {
            return ERR_SYNTAX;
        }
        void *at = grow(reader->arena, out->items, out->item_count, sizeof item);
        if (at == NULL) {
            return ERR_MEMORY;
        }
        out->items = at;
        out->items[out->item_count++] = item;
    }
}

/* 4.2.1.1. */
static enum err read_item_or_inner_list(struct reader *reader, struct sfv_item *out)
{
    return take(reader, '(') ? read_inner_list(reader, out) : read_item(reader, out);
}

/* A new member, or the one of that key when the key is not empty. */
static enum err member_slot(struct arena *arena, struct sfv_members *members, struct str key,
                            struct sfv_member **out)
{
    for (uint32_t i = 0; key.len > 0 && i < members->count; i++) {
        if (str_eq(members->at[i].key, key)) {
            *out = &members->at[i];
            return OK;
        }
    }
    if (members->count == SFV_MEMBERS_MAX) {
        return ERR_SYNTAX;
    }
    void *at = grow(arena, members->at, members->count, sizeof *members->at);
    if (at == NULL) {
        return ERR_MEMORY;
    }
    members->at = at;
    *out = &members->at[members->count++];
    return OK;
}

static enum err read_member(struct reader *reader, bool has_key, struct sfv_member *out)
{
    *out = (struct sfv_member){0};
    if (!has_key) {
        return read_item_or_inner_list(reader, &out->item);
    }
    TRY(read_key(reader, &out->key));
    if (take(reader, '=')) {
        return read_item_or_inner_list(reader, &out->item);
    }
    out->item.value = (struct sfv_value){.kind = SFV_BOOLEAN, .number = 1};
    return read_params(reader, &out->item.params);
}

/* 4.2, 4.2.1 and 4.2.2: what lists and dictionaries have in common. */
static enum err parse_members(struct reader *reader, bool has_keys, struct sfv_members *out)
{
    *out = (struct sfv_members){0};
    skip_spaces(reader);
    while (reader->rest.len > 0) {
        struct sfv_member member, *slot;
        TRY(read_member(reader, has_keys, &member));
        TRY(member_slot(reader->arena, out, member.key, &slot));
        *slot = member;
        skip_ows(reader);
        if (reader->rest.len == 0) {
            return OK;
        }
        if (!take(reader, ',')) {
            return ERR_SYNTAX;
        }
        skip_ows(reader);
        if (reader->rest.len == 0) {
            return ERR_SYNTAX; /* a comma at the end */
        }
    }
    return OK;
}

/* 4.2 step 2 and 7: spaces around the whole value, but not tabs. */
static struct reader reader_of(struct arena *arena, struct str text)
{
    while (str_ends(text, STR(" "))) {
        text.len--;
    }
    return (struct reader){text, arena};
}

enum err sfv_parse_item(struct arena *arena, struct str text, struct sfv_item *out)
{
    struct reader reader = reader_of(arena, text);
    skip_spaces(&reader);
    TRY(read_item(&reader, out));
    return reader.rest.len == 0 ? OK : ERR_SYNTAX;
}

enum err sfv_parse_list(struct arena *arena, struct str text, struct sfv_members *out)
{
    struct reader reader = reader_of(arena, text);
    return parse_members(&reader, false, out);
}

enum err sfv_parse_dictionary(struct arena *arena, struct str text, struct sfv_members *out)
{
    struct reader reader = reader_of(arena, text);
    return parse_members(&reader, true, out);
}

const struct sfv_item *sfv_find(const struct sfv_members *dictionary, struct str key)
{
    for (uint32_t i = 0; i < dictionary->count; i++) {
        if (str_eq(dictionary->at[i].key, key)) {
            return &dictionary->at[i].item;
        }
    }
    return NULL;
}

const struct sfv_value *sfv_param(const struct sfv_item *item, struct str key)
{
    for (uint32_t i = 0; i < item->params.count; i++) {
        if (str_eq(item->params.at[i].key, key)) {
            return &item->params.at[i].value;
        }
    }
    return NULL;
}

/* How many bytes the character that starts with `lead` has, with the range of its second byte
 * (RFC 3629 4); 0 when no character starts so. */
static size_t utf8_len(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    *high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (lead < 0x80) {
        return 1;
    }
    if (lead < 0xc2 || lead > 0xf4) {
        return 0;
    }
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

bool sfv_is_utf8(struct str s)
{
    while (s.len > 0) {
        unsigned char low, high;
        size_t len = utf8_len((unsigned char)s.at[0], &low, &high);
        if (len == 0 || len > s.len) {
            return false;
        }
        for (size_t i = 1; i < len; i++) {
            unsigned char c = (unsigned char)s.at[i];
            if (c < low || c > high) {
                return false;
            }
            low = 0x80;
            high = 0xbf;
        }
        s = str_skip(s, len);
    }
    return true;
}
