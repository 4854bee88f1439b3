/* grammar_target.c - how an instance of a service is written (host:port, http://host:port or
 * dns://name:port), and the other small grammars of a service. What the language has beyond that
 * (unix:, https://) is named as not yet done. */
#include "config/internals.h"

static bool refuse_target(struct conf_reader *reader, struct node *node, const char *hint)
{
    conf_hint(reader, "%s", hint);
    return conf_refuse(reader, node, DIAG_E0115, "%s is not a target", conf_show(reader, node));
}

/* RFC 1123 2.1 with underscores, which names of services in containers have. */
static bool is_host_name(struct str s)
{
    size_t label = 0;
    if (s.len == 0 || s.len > 253) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool is_letter = char_lower(c) >= 'a' && char_lower(c) <= 'z';
        if (c == '.') {
            if (label == 0) {
                return false;
            }
            label = 0;
        } else if (!is_letter && !char_is_digit(c) && c != '_' && (c != '-' || label == 0)) {
            return false;
        } else if (++label > 63) {
            return false;
        }
    }
    return label > 0;
}

static bool read_host_port(struct conf_reader *reader, struct node *node, struct str text,
                           struct conf_target *out)
{
    struct str_pair cut = str_cut_last(text, ':');
    uint64_t port;
    if (addr_parse(text, &out->addr) == OK && out->addr.port > 0) {
        out->kind = out->kind == CONF_TARGET_DNS ? CONF_TARGET_DNS : CONF_TARGET_ADDRESS;
        out->port = out->addr.port;
        out->host = cut.head;
        return out->kind == CONF_TARGET_ADDRESS ||
               refuse_target(reader, node, "dns:// is for names; write the address alone");
    }
    out->addr = (struct addr){0};
    if (!cut.is_cut || cut.tail.len == 0) {
        return refuse_target(reader, node, "the port is missing: write host:port");
    }
    if (!str_to_u64(cut.tail, &port) || port == 0 || port > UINT16_MAX || cut.tail.len > 5) {
        return refuse_target(reader, node, "a port is a number from 1 to 65535");
    }
    if (!is_host_name(cut.head)) {
        return refuse_target(reader, node, "write host:port, or [address]:port for IPv6");
    }
    out->port = (uint16_t)port;
    return arena_keep_lower(reader->arena, cut.head, &out->host) == OK ||
           conf_refuse(reader, node, DIAG_E0014, "out of memory");
}

static bool read_target(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_target *out = place;
    struct str text;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    out->pos = node->pos;
    out->kind = CONF_TARGET_NAME;
    if (str_starts(text, STR("unix:")) || str_starts(text, STR("https://"))) {
        conf_hint(reader, "write host:port");
        return conf_refuse(reader, node, DIAG_E0301, "this version of Sluice does not do %s",
                           text.at[0] == 'u' ? "unix: targets" : "https:// targets");
    }
    if (str_starts(text, STR("dns://"))) {
        out->kind = CONF_TARGET_DNS;
        text = str_skip(text, 6);
    } else if (str_starts(text, STR("http://"))) {
        text = str_skip(text, 7);
        bool has_slash = text.len > 0 && text.at[text.len - 1] == '/';
        text.len -= has_slash;
        bool is_v6_alone = text.len > 0 && text.at[text.len - 1] == ']';
        bool has_port = str_find(text, ':') < text.len && !is_v6_alone;
        if (str_find(text, '/') < text.len || str_find(text, '?') < text.len) {
            return refuse_target(reader, node, "a target has no path: use rewrite on the route");
        }
        if (!has_port) {
            text = arena_fmt(reader->arena, "%.*s:80", STR_FMT(text));
        }
    } else if (str_find_str(text, STR("://")) < text.len) {
        return refuse_target(reader, node, "write host:port, http://host:port or dns://name:port");
    }
    out->text = text;
    return read_host_port(reader, node, text, out);
}

static void write_target(const void *value, struct sink *out)
{
    const struct conf_target *target = value;
    sink_add_c(out, target->kind == CONF_TARGET_DNS ? "dns://" : "");
    sink_add(out, target->text);
}

const struct conf_grammar conf_target_grammar = {
    .form = "host:port, http://host:port or dns://name:port",
    .example = "10.0.0.1:8080",
    .pattern = "^((http|dns)://)?[^/ ]+:[0-9]+/?$|^http://[^/ ]+/?$",
    .bytes = sizeof(struct conf_target),
    .read = read_target,
    .write = write_target};

static const struct conf_field target_fields[] = {
    {.name = "address",
     .type = CONF_CUSTOM,
     .grammar = &conf_target_grammar,
     .offset = 0,
     .bytes = sizeof(struct conf_target),
     .flags = CONF_REQUIRED,
     .summary = "Where the instance listens: host:port, http://host:port or dns://name:port."},
    {.name = "weight",
     .type = CONF_INT,
     CONF_IS(struct conf_target, weight),
     .preset = "1",
     .max = 1000000,
     .summary = "Its share among the targets of the version; 0 drains it."},
    {.name = "priority",
     .type = CONF_INT,
     CONF_IS(struct conf_target, priority),
     .preset = "0",
     .max = CONF_PRIORITY_MAX,
     .summary = "Targets of a higher number get what those of lower ones cannot take."},
    {.name = "zone",
     .type = CONF_CUSTOM,
     .grammar = &conf_place_grammar,
     CONF_IS(struct conf_target, zone),
     .summary = "Where it runs; the zone of this process is preferred."},
    {.name = "name",
     .type = CONF_CUSTOM,
     .grammar = &conf_place_grammar,
     CONF_IS(struct conf_target, name),
     .summary = "What operators, logs and metrics call it; left out: its address."},
};

const struct conf_table conf_target_table = {.name = "target",
                                             .summary = "One instance of a service.",
                                             .fields = target_fields,
                                             .field_count = COUNT_OF(target_fields),
                                             .bytes = sizeof(struct conf_target),
                                             .pos_at = CONF_AT(struct conf_target, pos),
                                             .shorthand = &conf_target_grammar,
                                             .check = conf_check_target};

static bool read_cohort(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_cohort *cohort = place;
    struct str text;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    struct str_pair cut = str_cut(text, ' ');
    struct str name = str_trim(cut.tail);
    uint8_t by = str_eq(cut.head, STR("header"))     ? CONF_COHORT_HEADER
                 : str_eq(cut.head, STR("cookie"))   ? CONF_COHORT_COOKIE
                 : str_eq(cut.head, STR("address"))  ? CONF_COHORT_ADDRESS
                 : str_eq(cut.head, STR("consumer")) ? CONF_COHORT_CONSUMER
                                                     : CONF_COHORT_NONE;
    bool wants_name = by == CONF_COHORT_HEADER || by == CONF_COHORT_COOKIE;
    if (by == CONF_COHORT_NONE || cut.is_cut != wants_name ||
        (wants_name && !conf_is_token(name))) {
        conf_hint(reader, "write header NAME, cookie NAME, address or consumer");
        return conf_refuse(reader, node, DIAG_E0122, "%s does not say what keeps a cohort together",
                           conf_show(reader, node));
    }
    cohort->by = by;
    cohort->name = name;
    return true;
}

static void write_cohort(const void *value, struct sink *out)
{
    static const char *const words[] = {"", "header ", "cookie ", "address", "consumer"};
    const struct conf_cohort *cohort = value;
    sink_add_c(out, words[cohort->by]);
    sink_add(out, cohort->name);
}

const struct conf_grammar conf_cohort_grammar = {
    .form = "header NAME, cookie NAME, address or consumer",
    .example = "header X-User",
    .pattern = "^((header|cookie) [!#$%&'*+.^_`|~0-9A-Za-z-]+|address|consumer)$",
    .bytes = sizeof(struct conf_cohort),
    .read = read_cohort,
    .write = write_cohort};

static bool is_authority(struct str s)
{
    struct str_pair cut = str_cut_last(s, ':');
    struct addr addr;
    uint64_t port;
    if (addr_parse(s, &addr) == OK || (addr_parse_ip(s, &addr) == OK && addr.family == ADDR_V4)) {
        return true;
    }
    return is_host_name(cut.head) &&
           (!cut.is_cut || (str_to_u64(cut.tail, &port) && port > 0 && port <= UINT16_MAX));
}

static bool read_host_rule(struct conf_reader *reader, struct node *node, void *place)
{
    struct conf_host_rule *out = place;
    struct str text;
    if (!conf_scalar(reader, node, &text)) {
        return false;
    }
    out->mode = str_eq(text, STR("client"))   ? CONF_HOST_CLIENT
                : str_eq(text, STR("target")) ? CONF_HOST_TARGET
                                              : CONF_HOST_LITERAL;
    if (out->mode == CONF_HOST_LITERAL && !is_authority(text)) {
        conf_hint(reader, "write client, target, or a name such as api.example.com");
        return conf_refuse(reader, node, DIAG_E0117, "%s is not a host", conf_show(reader, node));
    }
    out->literal = out->mode == CONF_HOST_LITERAL ? text : (struct str){0};
    return true;
}

static void write_host_rule(const void *value, struct sink *out)
{
    static const struct str words[] = {{"client", 6}, {"target", 6}};
    const struct conf_host_rule *rule = value;
    sink_add(out, rule->mode == CONF_HOST_LITERAL ? rule->literal : words[rule->mode]);
}

const struct conf_grammar conf_host_rule_grammar = {.form = "client, target, or a host name",
                                                    .example = "client",
                                                    .pattern = "^[^ /]+$",
                                                    .bytes = sizeof(struct conf_host_rule),
                                                    .read = read_host_rule,
                                                    .write = write_host_rule};
