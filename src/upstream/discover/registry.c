/* registry.c - reading what Consul and etcd answer; see registry.h. JSON is left to jansson. */
#include "upstream/discover/registry.h"

#include "base/base64.h"
#include "base/heap.h"
#include "config/target_list.h"

#include <jansson.h>
#include <stdio.h>

enum { KEYS_FIRST = 64, ENTRY_BYTES_MAX = 4096, HOST_BYTES_MAX = 264 };

static PRINTF_LIKE(2, 3) enum err say(char why[DISCOVER_WHY_BYTES], const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(why, DISCOVER_WHY_BYTES, format, args);
    va_end(args);
    return ERR_SYNTAX;
}

/* NULL: `why` says so. */
static json_t *read_json(struct str body, char why[DISCOVER_WHY_BYTES])
{
    json_error_t error;
    json_t *root =
        json_loadb(body.at == NULL ? "" : body.at, body.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        (void)say(why, "line %d: %s", error.line, error.text);
    }
    return root;
}

static struct str text_of(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_string(value) ? str_of(json_string_value(value), json_string_length(value))
                                 : (struct str){0};
}

/* An address or a name, with a port. */
static enum err add_place(struct discover_list *list, struct str host, json_int_t port,
                          json_int_t weight)
{
    char text[HOST_BYTES_MAX];
    struct roster_target target = {.host = host, .port = (uint16_t)port};
    target.weight = (uint32_t)(weight < 0 ? 0 : weight > 1000000 ? 1000000 : weight);
    bool is_address = addr_parse_ip(host, &target.addr) == OK;
    if (is_address) {
        target.addr.port = (uint16_t)port;
    } else {
        target.addr = (struct addr){0};
        target.is_every_address = true;
    }
    struct strbuf out = strbuf_over(text, sizeof text);
    if (is_address) {
        addr_add(&out, &target.addr);
    } else {
        strbuf_add(&out, host);
        strbuf_add_char(&out, ':');
        strbuf_add_u64(&out, (uint64_t)port);
    }
    if (strbuf_overflowed(&out)) {
        return ERR_SYNTAX;
    }
    target.text = strbuf_str(&out);
    return discover_list_add(list, &target);
}

static enum err add_service(struct discover_list *list, const json_t *entry)
{
    const json_t *service = json_object_get(entry, "Service");
    const json_t *port = json_object_get(service, "Port");
    const json_t *passing = json_object_get(json_object_get(service, "Weights"), "Passing");
    struct str host = text_of(service, "Address"), id = text_of(service, "ID");
    if (host.len == 0) {
        host = text_of(json_object_get(entry, "Node"), "Address");
    }
    json_int_t number = json_integer_value(port);
    if (host.len == 0 || !json_is_integer(port) || number < 1 || number > UINT16_MAX) {
        discover_list_leave_out(list, "the service \"%.*s\" has no address or no port",
                                STR_FMT(id));
        return OK;
    }
    enum err e =
        add_place(list, host, number, json_is_integer(passing) ? json_integer_value(passing) : 1);
    if (e == ERR_SYNTAX) {
        discover_list_leave_out(list, "the address of \"%.*s\" is too long", STR_FMT(id));
    }
    return e == ERR_SYNTAX ? OK : e;
}

enum err consul_read(struct discover_list *list, struct str body, char why[DISCOVER_WHY_BYTES])
{
    json_t *root = read_json(body, why);
    enum err e = root == NULL ? ERR_SYNTAX : OK;
    if (e == OK && !json_is_array(root)) {
        e = say(why, "the answer is not a list of services");
    }
    for (size_t i = 0; e == OK && i < json_array_size(root); i++) {
        e = add_service(list, json_array_get(root, i));
    }
    if (e != OK && e != ERR_SYNTAX) {
        (void)say(why, "%s", err_text(e));
    }
    json_decref(root);
    return e;
}

/* Where the key is, or would be. */
static bool find(const struct etcd_keys *keys, struct str key, uint32_t *at)
{
    uint32_t low = 0, high = keys->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct etcd_entry *entry = &keys->at[middle];
        int order = str_compare(str_of(entry->key, entry->key_len), key);
        if (order == 0) {
            *at = middle;
            return true;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    *at = low;
    return false;
}

static void free_entry(struct etcd_entry *entry)
{
    heap_free(entry->key);
    heap_free(entry->value);
    *entry = (struct etcd_entry){0};
}

static char *keep(struct str text)
{
    char *at = heap_new(text.len + 1);
    if (at != NULL && text.len > 0) {
        memcpy(at, text.at, text.len);
    }
    return at;
}

static enum err make_room(struct etcd_keys *keys)
{
    if (keys->count == LIMIT_VALUE(discovery_targets)) {
        return ERR_RANGE;
    }
    if (keys->count < keys->cap) {
        return OK;
    }
    uint32_t cap = keys->cap == 0 ? KEYS_FIRST : keys->cap * 2;
    struct etcd_entry *larger = heap_new(cap * sizeof *larger);
    if (larger == NULL) {
        return ERR_MEMORY;
    }
    if (keys->count > 0) {
        memcpy(larger, keys->at, keys->count * sizeof *larger);
    }
    heap_free(keys->at);
    keys->at = larger;
    keys->cap = cap;
    return OK;
}

static void remove_at(struct etcd_keys *keys, uint32_t at)
{
    free_entry(&keys->at[at]);
    keys->count--;
    memmove(&keys->at[at], &keys->at[at + 1], (keys->count - at) * sizeof keys->at[0]);
}

static enum err insert_at(struct etcd_keys *keys, uint32_t at, struct str key)
{
    TRY(make_room(keys));
    char *kept = keep(key);
    if (kept == NULL) {
        return ERR_MEMORY;
    }
    memmove(&keys->at[at + 1], &keys->at[at], (keys->count - at) * sizeof keys->at[0]);
    keys->at[at] = (struct etcd_entry){.key = kept, .key_len = key.len};
    keys->count++;
    return OK;
}

enum err etcd_keys_set(struct etcd_keys *keys, struct str key, struct str value)
{
    uint32_t at;
    bool is_known = find(keys, key, &at);
    if (value.at == NULL) {
        if (is_known) {
            remove_at(keys, at);
        }
        return OK;
    }
    char *kept = keep(value);
    enum err e = kept == NULL ? ERR_MEMORY : is_known ? OK : insert_at(keys, at, key);
    if (e != OK) {
        heap_free(kept);
        return e;
    }
    heap_free(keys->at[at].value);
    keys->at[at].value = kept;
    keys->at[at].value_len = value.len;
    return OK;
}

void etcd_keys_drop(struct etcd_keys *keys)
{
    for (uint32_t i = 0; i < keys->count; i++) {
        free_entry(&keys->at[i]);
    }
    heap_free(keys->at);
    *keys = (struct etcd_keys){0};
}

/* Numbers of 64 bits are strings in etcd's JSON. */
static uint64_t revision_of(const json_t *object)
{
    uint64_t revision = 0;
    struct str text = text_of(json_object_get(object, "header"), "revision");
    return str_to_u64(text, &revision) ? revision : 0;
}

/* One key with its value, or without one when it was deleted. */
static enum err take_pair(struct etcd_keys *keys, const json_t *pair, bool is_deleted,
                          char why[DISCOVER_WHY_BYTES])
{
    char key_bytes[ENTRY_BYTES_MAX], value_bytes[ENTRY_BYTES_MAX];
    struct strbuf key = strbuf_over(key_bytes, sizeof key_bytes);
    struct strbuf value = strbuf_over(value_bytes, sizeof value_bytes);
    if (base64_decode(&key, text_of(pair, "key"), BASE64_STANDARD) != OK || key.len == 0 ||
        base64_decode(&value, text_of(pair, "value"), BASE64_STANDARD) != OK) {
        return say(why, "a key or a value is not base64, or longer than %d bytes", ENTRY_BYTES_MAX);
    }
    struct str taken = is_deleted ? (struct str){0} : str_of(value_bytes, value.len);
    enum err e = etcd_keys_set(keys, strbuf_str(&key), taken);
    if (e != OK) {
        (void)say(why, "%s", err_text(e));
    }
    return e;
}

enum err etcd_read_range(struct etcd_keys *keys, struct str body, uint64_t *revision,
                         char why[DISCOVER_WHY_BYTES])
{
    json_t *root = read_json(body, why);
    enum err e = root == NULL ? ERR_SYNTAX : OK;
    *revision = revision_of(root);
    if (e == OK && *revision == 0) {
        e = say(why, "the answer has no revision");
    }
    const json_t *pairs = json_object_get(root, "kvs");
    for (size_t i = 0; e == OK && i < json_array_size(pairs); i++) {
        e = take_pair(keys, json_array_get(pairs, i), false, why);
    }
    json_decref(root);
    return e;
}

static enum err take_event(struct etcd_keys *keys, const json_t *event, struct etcd_news *news,
                           char why[DISCOVER_WHY_BYTES])
{
    bool is_deleted = str_eq(text_of(event, "type"), STR("DELETE"));
    news->has_changes = true;
    return take_pair(keys, json_object_get(event, "kv"), is_deleted, why);
}

enum err etcd_read_watch(struct etcd_keys *keys, struct str line, struct etcd_news *news,
                         char why[DISCOVER_WHY_BYTES])
{
    json_t *root = read_json(line, why);
    const json_t *result = json_object_get(root, "result");
    enum err e = root == NULL ? ERR_SYNTAX : OK;
    *news = (struct etcd_news){0};
    if (e == OK && !json_is_object(result)) {
        struct str said = text_of(json_object_get(root, "error"), "message");
        e = say(why, "the watch ended: %.*s", STR_FMT(said));
    }
    news->revision = revision_of(result);
    news->is_canceled = json_is_true(json_object_get(result, "canceled"));
    const json_t *events = json_object_get(result, "events");
    for (size_t i = 0; e == OK && i < json_array_size(events); i++) {
        e = take_event(keys, json_array_get(events, i), news, why);
    }
    json_decref(root);
    return e;
}

/* The "Addr" of a record of etcd's naming package; false: it is none. */
static bool naming_address(struct str value, char *out, size_t cap)
{
    char ignored[DISCOVER_WHY_BYTES];
    if (!str_starts(value, STR("{"))) {
        return false;
    }
    json_t *root = read_json(value, ignored);
    struct str address = text_of(root, "Addr");
    bool is_naming = address.len > 0 && address.len < cap;
    if (is_naming) {
        memcpy(out, address.at, address.len);
        out[address.len] = '\0';
    }
    json_decref(root);
    return is_naming;
}

static enum err add_entry(struct discover_list *list, const struct etcd_entry *entry)
{
    char address[ENTRY_BYTES_MAX];
    struct str value = str_of(entry->value, entry->value_len);
    struct conf_target target;
    struct diags diags;
    if (naming_address(value, address, sizeof address)) {
        value = str_from_c(address);
    }
    diags_init(&diags);
    enum err e = config_read_target(&list->arena, entry->key, value, &diags, &target);
    if (e != OK) {
        struct str message = diags.errors.kept > 0 ? diags.errors.at[0].message : (struct str){0};
        discover_list_leave_out(list, "%s: %.*s", entry->key, STR_FMT(message));
    }
    diags_drop(&diags);
    if (e != OK) {
        return e == ERR_MEMORY ? e : OK;
    }
    struct roster_target found = roster_target_from(&target);
    return discover_list_add(list, &found);
}

enum err etcd_list(const struct etcd_keys *keys, struct discover_list *list)
{
    for (uint32_t i = 0; i < keys->count; i++) {
        TRY(add_entry(list, &keys->at[i]));
    }
    return OK;
}
