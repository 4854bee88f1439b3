/* override_json.c - overrides as JSON, for the admin API and for what is kept; see overrides.h.
 * One strict form for both: what is written is read back, and every other key is refused. */
#include "control/overrides.h"

#include "text/quantity.h"
#include "text/yaml.h"

enum { DEPTH_MAX = 4, NODES_MAX = 256, SPAN_MS_MAX = 366 * 24 * 3600 };

static const char *const verbs[] = {[OVERRIDE_NONE] = "",       [OVERRIDE_READY] = "ready",
                                    [OVERRIDE_DRAIN] = "drain", [OVERRIDE_MAINT] = "maint",
                                    [OVERRIDE_CLEAR] = "clear"};

struct reading {
    struct arena *arena;
    int64_t now_us;
    struct override_ask *out;
    struct str *fault;
};

static enum err refuse(struct reading *reading, const struct node *key, const char *why)
{
    *reading->fault = arena_fmt(reading->arena, "\"%.*s\": %s", STR_FMT(key->text), why);
    return ERR_SYNTAX;
}

static enum err read_verb(struct reading *reading, const struct node *key)
{
    for (size_t i = OVERRIDE_READY; i < COUNT_OF(verbs); i++) {
        if (str_eq(key->value->text, str_from_c(verbs[i]))) {
            reading->out->verb = (uint8_t)i;
            return OK;
        }
    }
    return refuse(reading, key, "one of ready, drain, maint and clear is wanted");
}

static enum err read_weight(struct reading *reading, const struct node *key)
{
    uint64_t weight;
    if (!str_to_u64(key->value->text, &weight) || weight > ENDPOINT_WEIGHT_MAX ||
        key->value->type != NODE_INT) {
        return refuse(reading, key, "a whole number from 0 to 1000000 is wanted");
    }
    reading->out->has_weight = true;
    reading->out->weight = (uint32_t)weight;
    return OK;
}

static enum err read_span(struct reading *reading, const struct node *key, int64_t *until_us)
{
    int64_t ms;
    if (quantity_duration(key->value->text, &ms) != OK || ms <= 0) {
        return refuse(reading, key, "a time such as 10m is wanted");
    }
    *until_us = reading->now_us + ms * 1000;
    return OK;
}

static enum err read_instant(struct reading *reading, const struct node *key, int64_t *us)
{
    uint64_t value;
    if (!str_to_u64(key->value->text, &value) || value > INT64_MAX) {
        return refuse(reading, key, "microseconds since 1970 are wanted");
    }
    *us = (int64_t)value;
    return OK;
}

static enum err read_text(struct reading *reading, const struct node *key, struct str *out)
{
    if (key->value->type != NODE_STRING && !key->value->is_quoted) {
        return refuse(reading, key, "a string is wanted");
    }
    for (size_t i = 0; i < key->value->text.len; i++) {
        unsigned char c = (unsigned char)key->value->text.at[i];
        if (c < 0x20 || c == 0x7f) {
            return refuse(reading, key, "control characters are not allowed");
        }
    }
    *out = key->value->text;
    return OK;
}

static enum err read_key(struct reading *reading, const struct node *key)
{
    struct override_ask *out = reading->out;
    const struct {
        const char *name;
        struct str *text;
    } texts[] = {{"service", &out->service}, {"instance", &out->instance},
                 {"version", &out->version}, {"owner", &out->owner},
                 {"reason", &out->reason}};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (str_eq(key->text, str_from_c(texts[i].name))) {
            out->has_version |= texts[i].text == &out->version;
            return read_text(reading, key, texts[i].text);
        }
    }
    if (str_eq(key->text, STR("state"))) {
        return read_verb(reading, key);
    }
    if (str_eq(key->text, STR("weight"))) {
        return read_weight(reading, key);
    }
    if (str_eq(key->text, STR("for"))) {
        return read_span(reading, key, &out->until_us);
    }
    if (str_eq(key->text, STR("keep"))) {
        return read_span(reading, key, &out->keep_until_us);
    }
    if (str_eq(key->text, STR("since_us"))) {
        return read_instant(reading, key, &out->since_us);
    }
    if (str_eq(key->text, STR("until_us"))) {
        return read_instant(reading, key, &out->until_us);
    }
    if (str_eq(key->text, STR("keep_until_us"))) {
        return read_instant(reading, key, &out->keep_until_us);
    }
    return refuse(reading, key, "there is no such key");
}

enum err override_read(struct str text, struct arena *arena, int64_t now_us,
                       struct override_ask *out, struct str *fault)
{
    const struct source source = {.name = STR("<body>"), .text = text};
    uint32_t nodes_left = NODES_MAX;
    const struct yaml_conf conf = {
        .nodes = arena, .texts = arena, .depth_max = DEPTH_MAX, .nodes_left = &nodes_left};
    struct reading reading = {arena, now_us, out, fault};
    struct node *root;
    struct yaml_error error;
    *out = (struct override_ask){.since_us = now_us};
    *fault = STR("a JSON object is wanted");
    if (text.len == 0 || text.at[0] != '{') {
        return ERR_SYNTAX;
    }
    enum err e = yaml_read(&conf, &source, &root, &error);
    if (e == ERR_SYNTAX) {
        *fault = arena_fmt(arena, "line %u: %s", error.pos.line, error.message);
    }
    TRY(e);
    if (root->type != NODE_MAP) {
        return ERR_SYNTAX;
    }
    for (const struct node *key = root->first; key != NULL; key = key->next) {
        TRY(read_key(&reading, key));
    }
    *fault = STR("\"service\", \"instance\" and \"state\" or \"weight\" are wanted");
    bool is_whole = out->service.len > 0 && out->instance.len > 0 &&
                    (out->verb != OVERRIDE_NONE || out->has_weight);
    return is_whole ? OK : ERR_SYNTAX;
}

const char *override_verb_text(const struct override_ask *says)
{
    return verbs[says->verb];
}

static void write_text(struct sink *out, const char *name, struct str value)
{
    if (value.len > 0) {
        sink_add_fmt(out, ", \"%s\": \"", name);
        sink_add_json(out, value);
        sink_add(out, STR("\""));
    }
}

static void write_instant(struct sink *out, const char *name, int64_t us)
{
    if (us != 0) {
        sink_add_fmt(out, ", \"%s\": %lld", name, (long long)us);
    }
}

void override_write(const struct override *override, struct sink *out)
{
    const struct override_ask *says = &override->says;
    sink_add(out, STR("{\"service\": \""));
    sink_add_json(out, says->service);
    sink_add(out, STR("\""));
    if (says->has_version) {
        sink_add(out, STR(", \"version\": \""));
        sink_add_json(out, says->version);
        sink_add(out, STR("\""));
    }
    write_text(out, "instance", says->instance);
    write_text(out, "state", str_from_c(override_verb_text(says)));
    if (says->has_weight) {
        sink_add_fmt(out, ", \"weight\": %u", says->weight);
    }
    write_text(out, "owner", says->owner);
    write_text(out, "reason", says->reason);
    write_instant(out, "since_us", says->since_us);
    write_instant(out, "until_us", says->until_us);
    write_instant(out, "keep_until_us", says->keep_until_us);
    sink_add(out, STR("}"));
}
