/* forwarded.c - see forwarded.h. The chain is read from the right, because only what our own
 * trusted neighbour wrote is worth anything, and what stands left of the first stranger was
 * written by him. */
#include "http/forwarded.h"

#include "base/check.h"
#include "http/field_rules.h"
#include "http/list.h"
#include "http/uri.h"

enum { NODE_BYTES_MAX = ADDR_TEXT_BYTES_MAX + 8 };

static bool is_trusted(const struct forwarded_rules *rules, const struct addr *addr)
{
    for (uint32_t i = 0; i < rules->trusted_count; i++) {
        if (addr_prefix_has(&rules->trusted[i], addr)) {
            return true;
        }
    }
    return false;
}

/* ::ffff:a.b.c.d is a.b.c.d, so that prefixes and limits see one client as one. */
static void unmap(struct addr *addr)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (addr->family == ADDR_V6 && memcmp(addr->ip, mapped, sizeof mapped) == 0) {
        struct addr v4 = {.family = ADDR_V4, .port = addr->port};
        memcpy(v4.ip, addr->ip + sizeof mapped, 4);
        *addr = v4;
    }
}

static struct str unquote(struct str s)
{
    bool is_quoted = s.len >= 2 && s.at[0] == '"' && s.at[s.len - 1] == '"';
    return is_quoted ? str_sub(s, 1, s.len - 2) : s;
}

/* An address with or without a port, as proxies write it. */
static bool read_node(struct str text, struct addr *out)
{
    text = unquote(text);
    if (addr_parse_ip(text, out) != OK && addr_parse(text, out) != OK) {
        return false;
    }
    unmap(out);
    return true;
}

/* The value of one parameter of a Forwarded element (RFC 7239 4), unquoted, or an empty slice. */
static struct str element_param(struct str element, struct str name)
{
    struct str_pair cut = {.tail = element, .is_cut = true};
    while (cut.is_cut) {
        cut = str_cut(cut.tail, ';');
        struct str_pair pair = str_cut(str_trim(cut.head), '=');
        if (str_eq_nocase(pair.head, name)) {
            return unquote(pair.tail);
        }
    }
    return (struct str){0};
}

/* The right end of a list, cut off; false when nothing is left. */
static bool take_last(struct str *list, struct str *element)
{
    while (list->len > 0) {
        struct str_pair cut = str_cut_last(*list, ',');
        *element = str_trim(cut.is_cut ? cut.tail : cut.head);
        *list = cut.is_cut ? cut.head : (struct str){0};
        if (element->len > 0) {
            return true;
        }
    }
    return false;
}

/* Walks one field to the left; true when it met the client and the walk is over. */
static bool walk_field(struct str list, bool is_rfc7239, const struct forwarded_rules *rules,
                       struct addr *client)
{
    struct str element;
    while (take_last(&list, &element)) {
        struct addr addr;
        if (!read_node(is_rfc7239 ? element_param(element, STR("for")) : element, &addr)) {
            return true; /* "unknown", or not an address: nobody left of it is known */
        }
        *client = addr;
        if (!is_trusted(rules, &addr)) {
            return true;
        }
    }
    return false;
}

static void walk(const struct fields *fields, enum field_id id, const struct forwarded_rules *rules,
                 struct addr *client)
{
    for (uint32_t i = fields->count; i > 0; i--) {
        const struct field *field = &fields->at[i - 1];
        bool is_named = field->id == id && (field->flags & FIELD_IS_DROPPED) == 0;
        if (is_named && walk_field(field->value, id == FIELD_FORWARDED, rules, client)) {
            return;
        }
    }
}

/* The left-most element of the first field of that id: what the outermost proxy wrote. */
static struct str first_element(const struct fields *fields, enum field_id id)
{
    struct str element = {0};
    const struct field *field = fields_find(fields, id);
    if (field != NULL) {
        struct str rest = field->value;
        (void)str_next_element(&rest, &element);
    }
    return element;
}

static void note_proto(struct forwarded *out, struct str proto)
{
    if (str_eq_nocase(proto, STR("https"))) {
        out->proto = STR("https");
    } else if (str_eq_nocase(proto, STR("http"))) {
        out->proto = STR("http");
    }
}

static void note_host(struct forwarded *out, struct str host)
{
    if (uri_is_authority(host)) {
        out->host = host;
    }
}

static void drop_identity(struct head *head)
{
    for (uint32_t i = 0; i < head->fields.count; i++) {
        struct field *field = &head->fields.at[i];
        if ((field_sets.identity >> field->id & 1) != 0) {
            field->flags |= FIELD_IS_DROPPED;
        }
    }
}

void forwarded_read(struct head *head, const struct forwarded_rules *rules, const struct addr *peer,
                    bool is_tls, struct forwarded *out)
{
    struct fields *fields = &head->fields;
    *out = (struct forwarded){.client = *peer};
    out->proto = is_tls ? STR("https") : STR("http");
    if ((fields->known & field_sets.identity) == 0) {
        return;
    }
    if (!is_trusted(rules, peer)) {
        drop_identity(head);
        return;
    }
    /* One dialect is believed, never a mix: a proxy that writes X-Forwarded-For may pass on the
     * Forwarded that a stranger sent. */
    if (fields_find(fields, FIELD_X_FORWARDED_FOR) != NULL) {
        (void)fields_remove_id(fields, FIELD_FORWARDED);
    }
    if (fields_find(fields, FIELD_FORWARDED) != NULL) {
        struct str element = first_element(fields, FIELD_FORWARDED);
        walk(fields, FIELD_FORWARDED, rules, &out->client);
        note_proto(out, element_param(element, STR("proto")));
        note_host(out, element_param(element, STR("host")));
        return;
    }
    walk(fields, FIELD_X_FORWARDED_FOR, rules, &out->client);
    note_proto(out, first_element(fields, FIELD_X_FORWARDED_PROTO));
    note_host(out, first_element(fields, FIELD_X_FORWARDED_HOST));
}

/* RFC 7239 4 and 6: for=node;host="...";proto=... */
static enum err write_element(struct head *head, struct arena *arena, struct str node,
                              const struct forwarded *forwarded, struct str host)
{
    char text[NODE_BYTES_MAX + 512];
    struct strbuf element = strbuf_over(text, sizeof text);
    bool is_v6 = str_find(node, ':') < node.len;
    strbuf_add(&element, is_v6 ? STR("for=\"[") : STR("for="));
    strbuf_add(&element, node);
    strbuf_add(&element, is_v6 ? STR("]\"") : STR(""));
    if (host.len > 0) {
        strbuf_add(&element, STR(";host=\""));
        strbuf_add(&element, host);
        strbuf_add(&element, STR("\""));
    }
    strbuf_add(&element, STR(";proto="));
    strbuf_add(&element, forwarded->proto);
    if (strbuf_overflowed(&element)) {
        return ERR_MEMORY;
    }
    return list_field_append(&head->fields, arena, FIELD_FORWARDED, strbuf_str(&element));
}

static enum err set_kept(struct fields *fields, struct arena *arena, enum field_id id,
                         struct str value)
{
    TRY(arena_keep(arena, value, &value));
    return fields_set_id(fields, arena, id, value);
}

static uint8_t add_line(struct strbuf *out, struct str name, struct str value)
{
    size_t from = out->len;
    strbuf_add(out, name);
    strbuf_add(out, STR(": "));
    strbuf_add(out, value);
    strbuf_add(out, STR("\r\n"));
    return (uint8_t)(out->len - from);
}

void forwarded_prepare(struct forwarded_peer *out, const struct addr *peer, bool is_tls,
                       uint16_t listener_port)
{
    char node_text[ADDR_TEXT_BYTES_MAX], port_text[8];
    struct strbuf node = strbuf_over(node_text, sizeof node_text);
    struct strbuf port = strbuf_over(port_text, sizeof port_text);
    struct strbuf lines = strbuf_over(out->text, sizeof out->text);
    if (peer->family == ADDR_V4 || peer->family == ADDR_V6) {
        addr_add_ip(&node, peer);
    } else {
        strbuf_add(&node, STR("unknown")); /* RFC 7239 6.2: a peer without an address */
    }
    strbuf_add_u64(&port, listener_port);
    out->for_bytes = add_line(&lines, STR("X-Forwarded-For"), strbuf_str(&node));
    out->proto_bytes =
        add_line(&lines, STR("X-Forwarded-Proto"), is_tls ? STR("https") : STR("http"));
    out->port_bytes = add_line(&lines, STR("X-Forwarded-Port"), strbuf_str(&port));
    out->node_at = sizeof "X-Forwarded-For: " - 1;
    out->node_bytes = (uint8_t)node.len;
    CHECK(!strbuf_overflowed(&lines));
}

enum { PLAIN_FIELDS = 4 };

/* The usual case: nothing of the kind came in, so only the host differs from request to request. */
static enum err write_plain(struct head *head, struct arena *arena,
                            const struct forwarded_peer *peer)
{
    struct fields *fields = &head->fields;
    const char *at = peer->text;
    size_t host_bytes = sizeof "X-Forwarded-Host: \r\n" - 1 + head->authority.len;
    char *host = arena_alloc(arena, host_bytes);
    if (host == NULL) {
        return ERR_MEMORY;
    }
    TRY(fields_reserve(fields, arena, PLAIN_FIELDS));
    fields_put_line(fields, FIELD_X_FORWARDED_FOR, str_of(at, peer->for_bytes), 15);
    at += peer->for_bytes;
    fields_put_line(fields, FIELD_X_FORWARDED_PROTO, str_of(at, peer->proto_bytes), 17);
    at += peer->proto_bytes;
    fields_put_line(fields, FIELD_X_FORWARDED_PORT, str_of(at, peer->port_bytes), 16);
    if (head->authority.len > 0) {
        struct strbuf line = strbuf_over(host, host_bytes);
        strbuf_add(&line, STR("X-Forwarded-Host: "));
        strbuf_add(&line, head->authority);
        strbuf_add(&line, STR("\r\n"));
        fields_put_line(fields, FIELD_X_FORWARDED_HOST, strbuf_str(&line), 16);
    }
    return OK;
}

static enum err write_merged(struct head *head, struct arena *arena,
                             const struct forwarded_peer *peer, const struct forwarded *forwarded)
{
    struct fields *fields = &head->fields;
    struct str node = str_of(peer->text + peer->node_at, peer->node_bytes);
    size_t port_at = (size_t)peer->for_bytes + peer->proto_bytes + sizeof "X-Forwarded-Port: " - 1;
    size_t port_bytes = peer->port_bytes - (sizeof "X-Forwarded-Port: " - 1) - 2;
    struct str port = str_of(peer->text + port_at, port_bytes);
    struct str host = forwarded->host.len > 0 ? forwarded->host : head->authority;
    TRY(list_field_append(fields, arena, FIELD_X_FORWARDED_FOR, node));
    TRY(fields_set_id(fields, arena, FIELD_X_FORWARDED_PROTO, forwarded->proto));
    if (host.len > 0) {
        TRY(fields_set_id(fields, arena, FIELD_X_FORWARDED_HOST, host));
    }
    return fields_find(fields, FIELD_X_FORWARDED_PORT) != NULL
               ? OK
               : set_kept(fields, arena, FIELD_X_FORWARDED_PORT, port);
}

enum err forwarded_write(struct head *head, struct arena *arena,
                         const struct forwarded_rules *rules, const struct forwarded_peer *peer,
                         const struct forwarded *forwarded)
{
    struct str node = str_of(peer->text + peer->node_at, peer->node_bytes);
    struct fields *fields = &head->fields;
    struct str host = forwarded->host.len > 0 ? forwarded->host : head->authority;
    bool is_plain = (fields->known & field_sets.identity) == 0 && forwarded->host.len == 0;
    TRY(is_plain ? write_plain(head, arena, peer) : write_merged(head, arena, peer, forwarded));
    if (rules->sends_forwarded) {
        TRY(write_element(head, arena, node, forwarded, host));
    }
    if (rules->sends_via) {
        /* RFC 9110 7.6.3: the version the message came in, and a pseudonym. */
        struct str via = head->minor == 0 ? STR("Via: 1.0 sluice\r\n") : STR("Via: 1.1 sluice\r\n");
        TRY(fields_reserve(fields, arena, 1));
        fields_put_line(fields, FIELD_VIA, via, 3);
    }
    return OK;
}
