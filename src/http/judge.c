/* judge.c - see judge.h. Each question (whom does it address, how long is it, what of it belongs to
 * this connection only) has one function here and is asked nowhere else. The rule behind all of
 * them: where another reader of the same bytes could come to another answer, the message is
 * refused. */
#include "http/judge.h"

#include "base/check.h"
#include "base/limits.h"
#include "http/field_rules.h"
#include "http/intern.h"
#include "http/list.h"

enum { LENGTH_DIGITS_MAX = 19, HTTP_PORT = 80, HTTPS_PORT = 443, ALIAS_BYTES_MAX = 64 };

/* What one look at every field tells: which ids are there, which more than once, and where. */
struct survey {
    bool has_underscores; /* in a name of a request */
    uint64_t seen, repeated;
    uint32_t last[FIELD_COUNT]; /* index of the last field of an id that was seen */
};

/* What the Connection fields of a message say (RFC 9110 7.6.1). */
struct connection {
    bool has_close, has_keep_alive, has_upgrade, has_te;
    uint64_t named; /* interned names */
    uint32_t count, other_count;
    struct str others[LIMIT_VALUE_connection_options];
};

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

static inline bool word_has_underscore(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    word ^= UINT64_C(0x0101010101010101) * '_';
    return ((word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080)) != 0;
}

/* Asked for every name that is not interned, so eight bytes at a time. */
static inline bool has_underscore(struct str name)
{
    if (name.len < 8) {
        return str_find(name, '_') < name.len;
    }
    for (size_t i = 0; i + 8 < name.len; i += 8) {
        if (word_has_underscore(name.at + i)) {
            return true;
        }
    }
    return word_has_underscore(name.at + name.len - 8);
}

/* Whether a request field without an id of its own is dropped. */
static inline bool is_refused_name(struct str name, const struct judge_rules *rules,
                                   struct survey *survey)
{
    if (has_underscore(name)) {
        survey->has_underscores = true;
        return !rules->keeps_underscores || is_alias(name);
    }
    /* "Proxy" becomes HTTP_PROXY in CGI programs, which some libraries obey ("httpoxy"). */
    static const struct str proxy = {"Proxy-", 6};
    bool is_first_p = (name.at[0] | 0x20) == 'p';
    return is_first_p && name.len >= 5 && (name.len == 5 || name.at[5] == '-') &&
           str_eq_nocase(str_sub(name, 0, 6), str_sub(proxy, 0, name.len));
}

/* Notes what is there and drops what goes no further in any case. `rules` is NULL for responses. */
static void survey_fields(struct fields *fields, const struct judge_rules *rules,
                          struct survey *survey)
{
    uint64_t looked_at = field_sets.hop | field_bit(FIELD_OTHER), seen = 0, repeated = 0;
    uint32_t count = fields->count;
    struct field *field = fields->at;
    survey->has_underscores = false;
    for (uint32_t i = 0; i < count; i++, field++) {
        uint64_t bit = field_bit(field->id);
        repeated |= seen & bit;
        seen |= bit;
        survey->last[field->id] = i;
        if ((looked_at & bit) == 0) {
            continue;
        }
        if (field->id != FIELD_OTHER ||
            (rules != NULL && is_refused_name(field->name, rules, survey))) {
            field->flags |= FIELD_IS_DROPPED;
        }
    }
    survey->seen = seen;
    survey->repeated = repeated;
}

static const struct field *only_field(const struct fields *fields, const struct survey *survey,
                                      enum field_id id)
{
    return (survey->seen >> id & 1) != 0 ? &fields->at[survey->last[id]] : NULL;
}

static bool is_repeated(const struct survey *survey, enum field_id id)
{
    return (survey->repeated >> id & 1) != 0;
}

/* Whether a hop-by-hop field, which the survey has dropped, lists that token. */
static bool hop_field_has(const struct fields *fields, enum field_id id, struct str token)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        if (fields->at[i].id == id && list_has(fields->at[i].value, token)) {
            return true;
        }
    }
    return false;
}

static enum err note_options(struct connection *connection, struct str rest)
{
    struct str option;
    while (str_next_element(&rest, &option)) {
        if (!str_is_token(option) || ++connection->count > LIMIT_VALUE(connection_options)) {
            return ERR_BAD_FIELD;
        }
        enum field_id id = field_id_of(option);
        connection->has_keep_alive |= id == FIELD_KEEP_ALIVE;
        connection->has_upgrade |= id == FIELD_UPGRADE;
        connection->has_te |= id == FIELD_TE;
        connection->named |= id == FIELD_OTHER ? 0 : field_bit(id);
        bool is_close = str_eq_nocase(option, STR("close"));
        connection->has_close |= is_close;
        if (id == FIELD_OTHER && !is_close) {
            connection->others[connection->other_count++] = option;
        }
    }
    return OK;
}

static enum err read_connection(const struct fields *fields, const struct survey *survey,
                                struct connection *connection)
{
    connection->has_close = connection->has_keep_alive = false;
    connection->has_upgrade = connection->has_te = false;
    connection->named = connection->count = connection->other_count = 0;
    const struct field *field = only_field(fields, survey, FIELD_CONNECTION);
    if (field == NULL) {
        return OK;
    }
    /* What browsers send, in one step. A field value holds no control, so what interns to this name
     * is this name. */
    if (intern_token(field->value) == FIELD_KEEP_ALIVE && !is_repeated(survey, FIELD_CONNECTION)) {
        connection->has_keep_alive = true;
        return OK;
    }
    for (uint32_t i = 0; i < fields->count; i++) {
        if (fields->at[i].id == FIELD_CONNECTION) {
            TRY(note_options(connection, fields->at[i].value));
        }
    }
    /* RFC 9110 7.6.1 forbids naming fields that are meant for all recipients; a client that does
     * may want the origin not to see what the gateway has checked. */
    connection->named &= ~(field_sets.framing | field_sets.identity);
    return OK;
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

static inline bool names_fields(const struct connection *connection)
{
    return connection->named != 0 || connection->other_count != 0;
}

/* Drops the fields that Connection names. */
static void drop_nominated(struct fields *fields, const struct connection *connection)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        struct field *field = &fields->at[i];
        bool is_other = field->id == FIELD_OTHER;
        if (is_other ? is_nominated(connection, field->name)
                     : (connection->named >> field->id & 1) != 0) {
            field->flags |= FIELD_IS_DROPPED;
        }
    }
}

static bool is_persistent(const struct head *head, const struct connection *connection)
{
    return !connection->has_close && (head->minor >= 1 || connection->has_keep_alive);
}

/* RFC 9112 6.3, without any of its repairs. */
static enum err judge_length(struct head *head, const struct survey *survey)
{
    const struct field *length = only_field(&head->fields, survey, FIELD_CONTENT_LENGTH);
    const struct field *coding = only_field(&head->fields, survey, FIELD_TRANSFER_ENCODING);
    head->body = BODY_NONE;
    if (coding != NULL) {
        /* RFC 9112 6.1: both lengths, or a coding from an HTTP/1.0 sender, cannot be trusted. */
        if (length != NULL || head->minor == 0 || is_repeated(survey, FIELD_TRANSFER_ENCODING)) {
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
    if (is_repeated(survey, FIELD_CONTENT_LENGTH) || length->value.len > LENGTH_DIGITS_MAX ||
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
    size_t path_len = uri_canonical_prefix(target);
    bool is_canonical = path_len == target.len || target.at[path_len] == '?';
    path_len = is_canonical ? path_len : str_find(target, '?');
    head->has_query = path_len < target.len;
    head->query = str_skip(target, path_len + 1);
    head->path = path_len > 0 ? str_sub(target, 0, path_len) : STR("/");
    return is_canonical ? OK : uri_canonical_path(arena, head->path, &rules->uri, &head->path);
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
                           const struct survey *survey, const struct judge_rules *rules)
{
    const struct field *field = only_field(&head->fields, survey, FIELD_HOST);
    struct str text = field != NULL ? field->value : target_authority;
    if (field == NULL && head->minor >= 1) {
        return ERR_BAD_HOST; /* RFC 9112 3.2 */
    }
    if (field == NULL && text.len == 0) {
        return OK;
    }
    if (is_repeated(survey, FIELD_HOST)) {
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
static enum err judge_expect(struct head *head, const struct survey *survey)
{
    const struct field *field = only_field(&head->fields, survey, FIELD_EXPECT);
    if (field == NULL) {
        return OK;
    }
    if (!str_eq_nocase(field->value, STR("100-continue")) || is_repeated(survey, FIELD_EXPECT)) {
        return ERR_EXPECTATION;
    }
    head->expects_continue = head->minor >= 1 && head->body != BODY_NONE;
    if (!head->expects_continue) {
        (void)fields_remove_id(&head->fields, FIELD_EXPECT);
    }
    return OK;
}

/* Only websocket, and only by rule; every other protocol is as if it had not been named (RFC 9110
 * 7.8 lets a server ignore it). A body would stand where the new protocol starts: refused. */
static enum err judge_upgrade(struct head *head, const struct connection *connection,
                              const struct judge_rules *rules)
{
    bool is_asked = rules->allows_upgrade && connection->has_upgrade && head->minor >= 1 &&
                    hop_field_has(&head->fields, FIELD_UPGRADE, STR("websocket"));
    if (is_asked && (head->body != BODY_NONE || head->method != METHOD_GET)) {
        return ERR_UPGRADE_REFUSED;
    }
    head->wants_upgrade = is_asked;
    return OK;
}

/* RFC 9110 7.6.2: of OPTIONS and TRACE alone, and counted down by every hop, so it has to be one
 * number. */
static enum err judge_max_forwards(const struct head *head, const struct survey *survey)
{
    if (head->method != METHOD_OPTIONS && head->method != METHOD_TRACE) {
        return OK;
    }
    const struct field *field = only_field(&head->fields, survey, FIELD_MAX_FORWARDS);
    bool is_number = field == NULL || field->value.len > 0;
    for (size_t i = 0; field != NULL && i < field->value.len; i++) {
        is_number &= char_is_digit(field->value.at[i]);
    }
    return is_number && !is_repeated(survey, FIELD_MAX_FORWARDS) ? OK : ERR_BAD_FIELD;
}

enum err judge_request(struct head *head, struct arena *arena, const struct judge_rules *rules)
{
    CHECK(rules->default_port == HTTP_PORT || rules->default_port == HTTPS_PORT);
    struct survey survey;
    struct connection connection;
    struct str target_authority = {0};
    survey_fields(&head->fields, rules, &survey);
    if (rules->refuses_underscores && survey.has_underscores) {
        return ERR_BAD_FIELD_NAME;
    }
    TRY(judge_target(head, arena, rules, &target_authority));
    TRY(judge_host(head, arena, target_authority, &survey, rules));
    TRY(judge_length(head, &survey));
    TRY(judge_expect(head, &survey));
    TRY(judge_max_forwards(head, &survey));
    TRY(read_connection(&head->fields, &survey, &connection));
    TRY(judge_upgrade(head, &connection, rules));
    head->is_persistent = is_persistent(head, &connection);
    head->has_te_trailers =
        connection.has_te && hop_field_has(&head->fields, FIELD_TE, STR("trailers"));
    if (names_fields(&connection)) {
        drop_nominated(&head->fields, &connection);
    }
    return OK;
}

/* Whether an answer with this status never has a body (RFC 9112 6.3). */
static bool is_bodyless(uint16_t status, enum method request_method)
{
    return status < 200 || status == 204 || status == 304 || request_method == METHOD_HEAD;
}

static enum err judge_response_length(struct head *head, const struct survey *survey,
                                      enum method request_method)
{
    enum err e = judge_length(head, survey);
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
    struct survey survey;
    struct connection connection;
    survey_fields(&head->fields, NULL, &survey);
    if (read_connection(&head->fields, &survey, &connection) != OK) {
        return ERR_ORIGIN_BAD_HEAD;
    }
    TRY(judge_response_length(head, &survey, request_method));
    bool is_switch = head->status == 101;
    if (is_switch) {
        bool is_websocket =
            connection.has_upgrade && hop_field_has(&head->fields, FIELD_UPGRADE, STR("websocket"));
        if (!asked_upgrade || !is_websocket) {
            return ERR_ORIGIN_UPGRADE;
        }
        head->wants_upgrade = true;
    }
    head->is_persistent =
        !is_switch && head->body != BODY_UNTIL_CLOSE && is_persistent(head, &connection);
    if (names_fields(&connection)) {
        drop_nominated(&head->fields, &connection);
    }
    return OK;
}
