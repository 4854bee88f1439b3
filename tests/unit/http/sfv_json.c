/* sfv_json.c - see sfv_json.h. Types that JSON lacks are objects there: {"__type": name, "value":
 * ...}, with bytes in base32 (RFC 4648 6).
 * Shared by sfv_test.c, which reads, and sfv_write_test.c, which writes. */
#include "sfv_json.h"

#include "base/check.h"
#include "vectors.h"

#include <math.h>

static const char sfv_base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* {"__type": name, "value": value}; takes `value`. */
static json_t *sfv_typed(const char *name, json_t *value)
{
    return json_pack("{s:s, s:o}", "__type", name, "value", value);
}

static json_t *sfv_base32_to_json(struct str bytes)
{
    char text[65536];
    struct strbuf out = strbuf_over(text, sizeof text);
    for (; bytes.len > 0; bytes = str_skip(bytes, 5)) {
        uint64_t bits = 0;
        for (size_t i = 0; i < 5; i++) {
            bits = bits << 8 | (i < bytes.len ? (unsigned char)bytes.at[i] : 0);
        }
        size_t kept = bytes.len >= 5 ? 8 : (bytes.len * 8 + 4) / 5;
        for (size_t i = 0; i < 8; i++) {
            strbuf_add_char(&out, i < kept ? sfv_base32[bits >> (35 - 5 * i) & 31] : '=');
        }
    }
    CHECK(!strbuf_overflowed(&out));
    return json_stringn(out.at, out.len);
}

static json_t *sfv_value_to_json(const struct sfv_value *value)
{
    json_t *text =
        json_stringn_nocheck(value->text.len == 0 ? "" : value->text.at, value->text.len);
    json_t *number = json_integer(value->number);
    json_t *kept = NULL;
    switch ((enum sfv_kind)value->kind) {
    case SFV_INTEGER: kept = json_incref(number); break;
    case SFV_DECIMAL: kept = json_real((double)value->number / 1000); break;
    case SFV_STRING: kept = json_incref(text); break;
    case SFV_TOKEN: kept = sfv_typed("token", json_incref(text)); break;
    case SFV_BYTES: kept = sfv_typed("binary", sfv_base32_to_json(value->text)); break;
    case SFV_BOOLEAN: kept = json_boolean(value->number); break;
    case SFV_DATE: kept = sfv_typed("date", json_incref(number)); break;
    case SFV_DISPLAY: kept = sfv_typed("displaystring", json_incref(text)); break;
    case SFV_INNER_LIST: break;
    }
    json_decref(text);
    json_decref(number);
    return kept;
}

json_t *sfv_item_to_json(const struct sfv_item *item)
{
    json_t *params = json_array(), *value = NULL;
    for (uint32_t i = 0; i < item->params.count; i++) {
        const struct sfv_param *param = &item->params.at[i];
        json_t *key = json_stringn(param->key.at, param->key.len);
        json_array_append_new(params, json_pack("[o, o]", key, sfv_value_to_json(&param->value)));
    }
    if (item->value.kind == SFV_INNER_LIST) {
        value = json_array();
        for (uint32_t i = 0; i < item->item_count; i++) {
            json_array_append_new(value, sfv_item_to_json(&item->items[i]));
        }
    } else {
        value = sfv_value_to_json(&item->value);
    }
    return json_pack("[o, o]", value, params);
}

json_t *sfv_members_to_json(const struct sfv_members *members, bool has_keys)
{
    json_t *all = json_array();
    for (uint32_t i = 0; i < members->count; i++) {
        json_t *item = sfv_item_to_json(&members->at[i].item);
        struct str key = members->at[i].key;
        json_array_append_new(
            all, has_keys ? json_pack("[o, o]", json_stringn(key.at, key.len), item) : item);
    }
    return all;
}

struct str sfv_text_of(const json_t *text)
{
    return str_of(json_string_value(text), json_string_length(text));
}

static struct str sfv_json_to_bytes(struct arena *arena, struct str coded)
{
    char *bytes = arena_zalloc(arena, coded.len + 1);
    uint64_t bits = 0, bit_count = 0;
    size_t len = 0;
    for (size_t i = 0; i < coded.len && coded.at[i] != '='; i++) {
        const char *letter = strchr(sfv_base32, coded.at[i]);
        bits = bits << 5 | (uint64_t)(letter - sfv_base32);
        bit_count += 5;
        if (bit_count >= 8) {
            bit_count -= 8;
            bytes[len++] = (char)(bits >> bit_count & 0xff);
        }
    }
    return str_of(bytes, len);
}

static struct sfv_value sfv_json_to_value(struct arena *arena, const json_t *json)
{
    struct sfv_value value = {0};
    if (json_is_integer(json)) {
        value = (struct sfv_value){.kind = SFV_INTEGER, .number = json_integer_value(json)};
    } else if (json_is_real(json)) {
        /* RFC 9651 4.1.5: rounded to three digits, half to even. */
        value =
            (struct sfv_value){.kind = SFV_DECIMAL, .number = llrint(json_real_value(json) * 1000)};
    } else if (json_is_boolean(json)) {
        value = (struct sfv_value){.kind = SFV_BOOLEAN, .number = json_boolean_value(json)};
    } else if (json_is_string(json)) {
        value = (struct sfv_value){.kind = SFV_STRING, .text = sfv_text_of(json)};
    } else {
        struct str type = sfv_text_of(json_object_get(json, "__type"));
        const json_t *inner = json_object_get(json, "value");
        value.number = json_integer_value(inner);
        value.text = json_is_string(inner) ? sfv_text_of(inner) : value.text;
        value.kind = str_eq(type, STR("token"))    ? SFV_TOKEN
                     : str_eq(type, STR("date"))   ? SFV_DATE
                     : str_eq(type, STR("binary")) ? SFV_BYTES
                                                   : SFV_DISPLAY;
        if (value.kind == SFV_BYTES) {
            value.text = sfv_json_to_bytes(arena, value.text);
        }
    }
    return value;
}

struct sfv_item sfv_json_to_item(struct arena *arena, const json_t *json)
{
    struct sfv_item item = {0};
    const json_t *value = json_array_get(json, 0), *params = json_array_get(json, 1);
    uint32_t count = (uint32_t)json_array_size(params);
    item.params.at = ARENA_ARRAY(arena, count, struct sfv_param);
    item.params.count = count;
    for (uint32_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(params, i);
        item.params.at[i].key = sfv_text_of(json_array_get(pair, 0));
        item.params.at[i].value = sfv_json_to_value(arena, json_array_get(pair, 1));
    }
    if (!json_is_array(value)) {
        item.value = sfv_json_to_value(arena, value);
        return item;
    }
    item.value.kind = SFV_INNER_LIST;
    item.item_count = (uint32_t)json_array_size(value);
    item.items = ARENA_ARRAY(arena, item.item_count, struct sfv_item);
    for (uint32_t i = 0; i < item.item_count; i++) {
        item.items[i] = sfv_json_to_item(arena, json_array_get(value, i));
    }
    return item;
}

struct sfv_members sfv_json_to_members(struct arena *arena, const json_t *json, bool has_keys)
{
    struct sfv_members members = {.count = (uint32_t)json_array_size(json)};
    members.at = ARENA_ARRAY(arena, members.count, struct sfv_member);
    for (uint32_t i = 0; i < members.count; i++) {
        const json_t *member = json_array_get(json, i);
        if (has_keys) {
            members.at[i].key = sfv_text_of(json_array_get(member, 0));
            member = json_array_get(member, 1);
        }
        members.at[i].item = sfv_json_to_item(arena, member);
    }
    return members;
}

struct str sfv_lines(struct arena *arena, const json_t *lines)
{
    char *room = arena_alloc(arena, 1 << 18);
    struct strbuf out = strbuf_over(room, 1 << 18);
    for (size_t i = 0; i < json_array_size(lines); i++) {
        strbuf_add(&out, i > 0 ? STR(", ") : STR(""));
        strbuf_add(&out, sfv_text_of(json_array_get(lines, i)));
    }
    CHECK(!strbuf_overflowed(&out));
    return strbuf_str(&out);
}

size_t sfv_each(const char *file, void (*run)(const json_t *vector))
{
    char path[VECTORS_PATH_MAX], name[256];
    CHECK(snprintf(name, sizeof name, "sfv/%s.json", file) > 0);
    if (!vectors_path(path, name)) {
        return 0;
    }
    struct str text = vectors_read(path);
    json_t *all = json_loadb(text.at, text.len, JSON_ALLOW_NUL, NULL);
    CHECK(all != NULL);
    size_t count = json_array_size(all);
    for (size_t i = 0; i < count; i++) {
        run(json_array_get(all, i));
    }
    json_decref(all);
    vectors_free(text);
    return count;
}
