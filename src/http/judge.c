/* judge.c - see judge.h. Each question (whom does it address, how long is it, what of it belongs to
 * this connection only) has one function here and is asked nowhere else. The rule behind all of them:
 * where another reader of the same bytes could come to another answer, the message is refused. */
#include "http/judge.h"

#include "base/check.h"
#include "base/limits.h"
#include "http/field_rules.h"
#include "http/list.h"

enum { LENGTH_DIGITS_MAX = 19, HTTP_PORT = 80, HTTPS_PORT = 443, ALIAS_BYTES_MAX = 64 };

/* What the Connection fields of a message say (RFC 9110 7.6.1). */
struct connection {
    bool has_close, has_keep_alive, has_upgrade, has_te;
    uint64_t named; /* interned names */
    uint32_t other_count;
    struct str others[LIMIT_VALUE_connection_options];
};

static void note_option(struct connection *connection, struct str option)
{
    enum field_id id = field_id_of(option);
    connection->has_close |= str_eq_nocase(option, STR("close"));
    connection->has_keep_alive |= str_eq_nocase(option, STR("keep-alive"));
    connection->has_upgrade |= id == FIELD_UPGRADE;
    connection->has_te |= id == FIELD_TE;
    if (id == FIELD_OTHER) {
        connection->others[connection->other_count++] = option;
        return;
    }
    connection->named |= field_bit(id);
}

static enum err read_connection(const struct fields *fields, struct connection *connection)
{
    const struct field *field = fields_find(fields, FIELD_CONNECTION);
    uint32_t count = 0;
    connection->has_close = connection->has_keep_alive = false;
    connection->has_upgrade = connection->has_te = false;
    connection->named = connection->other_count = 0;
    while (field != NULL) {
        struct str rest = field->value, option;
        while (str_next_element(&rest, &option)) {
            if (!str_is_token(option) || ++count > LIMIT_VALUE(connection_options)) {
                return ERR_BAD_FIELD;
            }
            note_option(connection, option);
        }
        field = fields_find_again(fields, field);
    }
    /* RFC 9110 7.6.1 forbids naming fields that are meant for all recipients; a client that does may
     * want the origin not to see what the gateway has checked. */
    connection->named &= ~(field_sets.framing | field_sets.identity);
    return OK;
}

static bool is_persistent(const struct head *head, const struct connection *connection)
{
    return !connection->has_close && (head->minor >= 1 || connection->has_keep_alive);
}

static bool is_nominated(const struct connection *connection, struct str name)
{
    for (uint32_t i = 0; i < connection->other_count; i++) {
        if (str_eq_nocase(connection->others[i], name)) {
            return true;
        }
    }
    return false;
}

/* Whether many origins would read this name with underscores as one that matters here: CGI and its
 * descendants map '-' and '_' to the same letter. */
static bool is_alias(struct str name)
{
    char text[ALIAS_BYTES_MAX];
    if (name.len > sizeof text) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        text[i] = name.at[i] == '_' ? '-' : name.at[i];
    }
    return field_rules(field_id_of(str_of(text, name.len))) != 0;
}

/* Whether a request field without an id of its own is dropped. */
static bool is_refused_name(struct str name, const struct judge_rules *rules)
{
    if (str_find(name, '_') < name.len) {
        return !rules->keeps_underscores || is_alias(name);
    }
    /* "Proxy" becomes HTTP_PROXY in CGI programs, which some libraries obey ("httpoxy"). */
    static const struct str proxy = {"Proxy-", 6};
    bool is_first_p = (name.at[0] | 0x20) == 'p';
    return is_first_p && name.len >= 5 && (name.len == 5 || name.at[5] == '-') &&
           str_eq_nocase(str_sub(name, 0, 6), str_sub(proxy, 0, name.len));
}

/* Drops what goes no further. `rules` is NULL for a response. */
static void sweep(struct fields *fields, const struct connection *connection,
                  const struct judge_rules *rules)
{
    uint64_t dropped = field_sets.hop | connection->named;
    for (uint32_t i = 0; i < fields->count; i++) {
        struct field *field = &fields->at[i];
        bool is_dropped = (dropped >> field->id & 1) != 0;
        if (field->id == FIELD_OTHER) {
            is_dropped = (rules != NULL && is_refused_name(field->name, rules)) ||
                         (connection->other_count > 0 && is_nominated(connection, field->name));
        }
        if (is_dropped) {
            field->flags |= FIELD_IS_DROPPED;
        }
    }
}

/* RFC 9112 6.3, without any of its repairs. Runs before the sweep, which drops Transfer-Encoding. */
static enum err judge_length(struct head *head)
{
    const struct fields *fields = &head->fields;
    const struct field *length = fields_find(fields, FIELD_CONTENT_LENGTH);
    const struct field *coding = fields_find(fields, FIELD_TRANSFER_ENCODING);
    head->body = BODY_NONE;
    if (coding != NULL) {
        /* RFC 9112 6.1: both lengths, or a coding from an HTTP/1.0 sender, cannot be trusted. */
        bool is_repeated = fields_find_again(fields, coding) != NULL;
        if (length != NULL || head->minor == 0 || is_repeated) {
            return ERR_FRAMING;
        }
        if (!str_eq_nocase(coding->value, STR("chunked"))) {
            return ERR_TRANSFER_CODING;
        }
        head->body = BODY_CHUNKED;
        return OK;
    }
    if (length == NULL) {
        return OK;
    }
    uint64_t bytes;
    bool is_repeated = fields_find_again(fields, length) != NULL;
    if (is_repeated || length->value.len > LENGTH_DIGITS_MAX ||
        !str_to_u64(length->value, &bytes) || bytes > INT64_MAX) {
        return ERR_FRAMING;
    }
    head->has_content_length = true;
    head->content_length = bytes;
    head->body = bytes > 0 ? BODY_LENGTH : BODY_NONE;
    return OK;
}

/* RFC 9112 3.2.2: "http://host/path". What is left of `target` is cut in place. */
static enum err cut_absolute(const struct judge_rules *rules, struct str *target,
                             struct str *authority)
{
    struct str scheme = rules->default_port == HTTPS_PORT ? STR("https://") : STR("http://");
    if (!str_eq_nocase(str_sub(*target, 0, scheme.len), scheme)) {
        return ERR_BAD_TARGET;
    }
    struct str rest = str_skip(*target, scheme.len);
    size_t slash = str_find(rest, '/'), mark = str_find(rest, '?');
    size_t authority_len = slash < mark ? slash : mark;
    *authority = str_sub(rest, 0, authority_len);
    *target = str_skip(rest, authority_len);
    return authority->len > 0 ? OK : ERR_BAD_HOST;
}

/* The four forms of RFC 9112 3.2. `authority` is set for the absolute form. */
static enum err judge_target(struct head *head, struct arena *arena,
                             const struct judge_rules *rules, struct str *authority)
{
    struct str target = head->target;
    if (head->method == METHOD_CONNECT) {
        return ERR_CONNECT_REFUSED;
    }
    CHECK(target.len > 0);
    if (target.at[0] != '/' && !str_eq(target, STR("*"))) {
        TRY(cut_absolute(rules, &target, authority));
        /* RFC 9112 3.2.4: OPTIONS for the whole server, in absolute form. */
        bool is_server = target.len == 0 && head->method == METHOD_OPTIONS;
        target = is_server ? STR("*") : target;
    }
    if (str_eq(target, STR("*"))) {
        head->path = target;
        return head->method == METHOD_OPTIONS ? OK : ERR_BAD_TARGET;
    }
    struct str_pair cut = str_cut(target, '?');
    head->query = cut.tail;
    head->has_query = cut.is_cut;
    struct str path = cut.head.len > 0 ? cut.head : STR("/");
    return uri_canonical_path(arena, path, &rules->uri, &head->path);
}

/* "host" or "host:port"; `text` is where the host came from. */
static enum err join_authority(struct head *head, struct arena *arena, struct str text,
                               const struct judge_rules *rules)
{
    head->authority = head->host;
    if (head->host_port == 0 || head->host_port == rules->default_port) {
        return OK;
    }
    bool is_as_received = head->host.at == text.at && text.at[head->host.len] == ':';
    if (is_as_received) {
        head->authority = text;
        return OK;
    }
    head->authority = arena_fmt(arena, "%.*s:%u", STR_FMT(head->host), head->host_port);
    return head->authority.len > 0 ? OK : ERR_MEMORY;
}

static enum err judge_host(struct head *head, struct arena *arena, struct str target_authority,
                           const struct judge_rules *rules)
{
    const struct field *field = fields_find(&head->fields, FIELD_HOST);
    struct str text = field != NULL ? field->value : target_authority;
    if (field == NULL && head->minor >= 1) {
        return ERR_BAD_HOST; /* RFC 9112 3.2 */
    }
    if (field == NULL && text.len == 0) {
        return OK;
    }
    if (field != NULL && fields_find_again(&head->fields, field) != NULL) {
        return ERR_BAD_HOST;
    }
    TRY(uri_parse_authority(arena, text, &head->host, &head->host_port));
    if (field != NULL && target_authority.len > 0) {
        /* RFC 9112 3.2.2 would let the target win; a sender whose two hosts differ is refused,
         * because whoever forwarded it may have routed by the other one. */
        struct str host;
        uint16_t port, port_if_absent = rules->default_port;
        TRY(uri_parse_authority(arena, target_authority, &host, &port));
        uint16_t host_port = head->host_port == 0 ? port_if_absent : head->host_port;
        if (!str_eq(host, head->host) || (port == 0 ? port_if_absent : port) != host_port) {
            return ERR_BAD_HOST;
        }
    }
    return join_authority(head, arena, text, rules);
}

/* RFC 9110 10.1.1: 100-continue is the only expectation; from HTTP/1.0 it is ignored, and without a
 * body there is nothing to wait for. */
static enum err judge_expect(struct head *head)
{
    const struct field *field = fields_find(&head->fields, FIELD_EXPECT);
    if (field == NULL) {
        return OK;
    }
    if (!str_eq_nocase(field->value, STR("100-continue")) ||
        fields_find_again(&head->fields, field) != NULL) {
        return ERR_EXPECTATION;
    }
    head->expects_continue = head->minor >= 1 && head->body != BODY_NONE;
    if (!head->expects_continue) {
        (void)fields_remove_id(&head->fields, FIELD_EXPECT);
    }
    return OK;
}

/* Only websocket, and only by rule; every other protocol is as if it had not been named (RFC 9110 7.8
 * lets a server ignore it). A body would stand where the new protocol starts: refused. */
static enum err judge_upgrade(struct head *head, const struct connection *connection,
                              const struct judge_rules *rules)
{
    bool is_asked = rules->allows_upgrade && connection->has_upgrade && head->minor >= 1 &&
                    list_field_has(&head->fields, FIELD_UPGRADE, STR("websocket"));
    if (is_asked && (head->body != BODY_NONE || head->method != METHOD_GET)) {
        return ERR_UPGRADE_REFUSED;
    }
    head->wants_upgrade = is_asked;
    return OK;
}

enum err judge_request(struct head *head, struct arena *arena, const struct judge_rules *rules)
{
    CHECK(rules->default_port == HTTP_PORT || rules->default_port == HTTPS_PORT);
    struct connection connection;
    struct str target_authority = {0};
    TRY(judge_target(head, arena, rules, &target_authority));
    TRY(judge_host(head, arena, target_authority, rules));
    TRY(judge_length(head));
    TRY(judge_expect(head));
    TRY(read_connection(&head->fields, &connection));
    TRY(judge_upgrade(head, &connection, rules));
    head->is_persistent = is_persistent(head, &connection);
    head->has_te_trailers =
        connection.has_te && list_field_has(&head->fields, FIELD_TE, STR("trailers"));
    sweep(&head->fields, &connection, rules);
    return OK;
}

/* Whether an answer with this status never has a body (RFC 9112 6.3). */
static bool is_bodyless(uint16_t status, enum method request_method)
{
    return status < 200 || status == 204 || status == 304 || request_method == METHOD_HEAD;
}

static enum err judge_response_length(struct head *head, enum method request_method)
{
    enum err e = judge_length(head);
    if (e != OK) {
        return ERR_ORIGIN_FRAMING;
    }
    if (is_bodyless(head->status, request_method)) {
        bool is_lengthless = head->status < 200 || head->status == 204;
        /* RFC 9112 6.1 and RFC 9110 8.6 forbid lengths here; an origin that means one would desync
         * the connection. Content-Length: 0 says nothing else and is common. */
        if (is_lengthless && head->body != BODY_NONE) {
            return ERR_ORIGIN_FRAMING;
        }
        head->has_content_length &= !is_lengthless;
        head->body = BODY_NONE;
        return OK;
    }
    if (head->body == BODY_NONE && !head->has_content_length) {
        head->body = BODY_UNTIL_CLOSE;
    }
    return OK;
}

enum err judge_response(struct head *head, enum method request_method, bool asked_upgrade)
{
    CHECK(head->status >= 100);
    CHECK(head->status <= 599);
    struct connection connection;
    if (read_connection(&head->fields, &connection) != OK) {
        return ERR_ORIGIN_BAD_HEAD;
    }
    TRY(judge_response_length(head, request_method));
    bool is_switch = head->status == 101;
    if (is_switch) {
        bool is_websocket = connection.has_upgrade &&
                            list_field_has(&head->fields, FIELD_UPGRADE, STR("websocket"));
        if (!asked_upgrade || !is_websocket) {
            return ERR_ORIGIN_UPGRADE;
        }
        head->wants_upgrade = true;
    }
    head->is_persistent =
        !is_switch && head->body != BODY_UNTIL_CLOSE && is_persistent(head, &connection);
    sweep(&head->fields, &connection, NULL);
    return OK;
}
