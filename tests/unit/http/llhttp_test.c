/* llhttp_test.c - the vectors of another HTTP/1 parser: what it takes strictly is taken here with the
 * same parts, what it refuses or takes only when told to be lenient is refused here. Where this
 * gateway is stricter, or where leniency changes nothing, the table below says why. */
#include "heads.h"
#include "http/h1/chunked.h"
#include "http/judge.h"
#include "test.h"
#include "vectors.h"

enum verdict { VERDICT_ACCEPTED, VERDICT_REFUSED };

struct exception {
    const char *file, *title;
    enum verdict verdict;
    const char *why;
};

#define WHY_EMPTY "RFC 9112 2.2 lets a server ignore empty lines before a message; nobody needs it"
#define WHY_METHOD "a method is any token: the route decides which are served"
#define WHY_CONNECT "CONNECT is not offered"
#define WHY_STAR "RFC 9112 3.2.4: \"*\" is for OPTIONS only"
#define WHY_PROTOCOL "HTTP/1.0 and HTTP/1.1 only"
#define WHY_HOST "RFC 3986 3.2.2 host, and no user information (RFC 9110 4.2.4)"
#define WHY_FRAGMENT "RFC 9112 3.2: a request target has no fragment"
#define WHY_CODING "no transfer coding but exactly one \"chunked\""
#define WHY_UPGRADE "protocols are switched only when asked, and only to websocket"

static const struct exception exceptions[] = {
#include "llhttp_exceptions.inc"
};

struct vector {
    const char *file;
    struct str title, type;
    char *bytes;
    size_t len;
    bool is_lenient, has_error, is_response;
    bool is_head;         /* the body is to be skipped, as after HEAD */
    struct strbuf wanted; /* what its log says was found */
};

static char wanted_room[1 << 20], got_room[1 << 20];
static size_t vector_count, exception_count;

static void show_part(struct strbuf *out, const char *kind, struct str part)
{
    strbuf_add_c(out, kind);
    strbuf_add(out, STR(" "));
    strbuf_add(out, str_trim(part));
    strbuf_add(out, STR("\n"));
}

static void show_body(struct strbuf *out, struct str body)
{
    if (body.len > 0) {
        strbuf_add(out, STR("body "));
        strbuf_add(out, body);
        strbuf_add(out, STR("\n"));
    }
}

/* One body, in as many pieces as it came. False: malformed. */
static bool take_body(struct heads *h, struct str *rest, struct strbuf *out, bool *is_whole)
{
    struct str body = *rest;
    *is_whole = true;
    switch ((enum body_kind)h->head.body) {
    case BODY_NONE: return true;
    case BODY_UNTIL_CLOSE: *rest = str_skip(*rest, rest->len); break;
    case BODY_LENGTH:
        *is_whole = rest->len >= h->head.content_length;
        body = str_sub(*rest, 0, h->head.content_length);
        *rest = str_skip(*rest, body.len);
        break;
    case BODY_CHUNKED: {
        static char room[1 << 16];
        struct strbuf all = strbuf_over(room, sizeof room);
        struct chunked chunked;
        chunked_init(&chunked, NULL, NULL);
        while (rest->len > 0 && !chunked.is_done) {
            struct str data;
            if (chunked_feed(&chunked, rest, &data) != OK) {
                return false;
            }
            strbuf_add(&all, data);
        }
        show_body(out, strbuf_str(&all));
        *is_whole = chunked.is_done;
        return true;
    }
    }
    show_body(out, body);
    return true;
}

static void show_head(const struct head *head, bool is_response, struct strbuf *out)
{
    if (is_response) {
        show_part(out, "status", head->reason);
    } else {
        show_part(out, "method", head->method_text);
        show_part(out, "url", head->target);
    }
    for (uint32_t i = 0; i < head->fields.count; i++) {
        show_part(out, "name", head->fields.at[i].name);
        show_part(out, "value", head->fields.at[i].value);
    }
}

/* The host of an absolute target, else any. */
static struct str target_host(struct str target)
{
    struct str_pair cut = str_cut(target, '/');
    if (!str_ends(cut.head, STR(":"))) {
        return STR("h");
    }
    cut = str_cut(str_skip(cut.tail, 1), '/');
    return str_cut(cut.head, '?').head;
}

static enum err judge(struct heads *h, const struct vector *vector)
{
    static const struct judge_rules rules = {.default_port = 80};
    if (vector->is_response) {
        return judge_response(&h->head, vector->is_head ? METHOD_HEAD : METHOD_GET, false);
    }
    /* Most vectors leave Host out, which is not what they are about. */
    if (!fields_have(&h->head.fields, FIELD_HOST)) {
        TRY(fields_add(&h->head.fields, &h->arena, STR("Host"), target_host(h->head.target)));
    }
    return judge_request(&h->head, &h->arena, &rules);
}

/* Reads messages until the bytes end or one is refused. */
static enum verdict run(const struct vector *vector, struct strbuf *out)
{
    struct str rest = str_of(vector->bytes, vector->len);
    enum verdict verdict = VERDICT_ACCEPTED;
    bool is_open = true;
    while (rest.len > 0 && verdict == VERDICT_ACCEPTED && is_open) {
        struct heads h = {0};
        enum err e = heads_parse(&h, vector->is_response ? H1_RESPONSE : H1_REQUEST, rest);
        if (e == OK) {
            bool is_whole;
            show_head(&h.head, vector->is_response, out);
            rest = str_skip(rest, h.taken);
            e = judge(&h, vector);
            h.head.body = vector->is_head ? BODY_NONE : h.head.body;
            e = e == OK && !take_body(&h, &rest, out, &is_whole) ? ERR_BAD_CHUNK : e;
            is_open = e == OK && is_whole && h.head.is_persistent;
        } else {
            is_open = false;
        }
        verdict = e == OK || e == ERR_AGAIN ? VERDICT_ACCEPTED : VERDICT_REFUSED;
        /* Bytes behind a message that ends the connection are never looked at. */
        if (e == OK && !is_open && rest.len > 0) {
            verdict = VERDICT_REFUSED;
        }
        heads_drop(&h);
    }
    return verdict;
}

static const struct exception *find_exception(const struct vector *vector)
{
    for (size_t i = 0; i < COUNT_OF(exceptions); i++) {
        if (str_eq(vector->title, str_from_c(exceptions[i].title)) &&
            strcmp(vector->file, exceptions[i].file) == 0) {
            return &exceptions[i];
        }
    }
    return NULL;
}

static void check(const struct vector *vector)
{
    struct strbuf got = strbuf_over(got_room, sizeof got_room);
    enum verdict verdict = run(vector, &got);
    const struct exception *exception = find_exception(vector);
    bool is_strict = !vector->is_lenient && !vector->has_error;
    enum verdict wanted = is_strict ? VERDICT_ACCEPTED : VERDICT_REFUSED;
    bool is_same = true;
    vector_count++;
    if (verdict == VERDICT_ACCEPTED && vector->has_error && got.len == 0) {
        /* A bad length or coding is judged when the head is complete. */
        struct vector whole = *vector;
        char *bytes = malloc(vector->len + 4);
        memcpy(bytes, vector->bytes, vector->len);
        memcpy(bytes + vector->len, "\r\n\r\n", 4);
        whole.bytes = bytes;
        whole.len += 4;
        verdict = run(&whole, &got);
        free(bytes);
    }
    if (exception != NULL) {
        exception_count++;
        wanted = exception->verdict;
    } else if (wanted == VERDICT_ACCEPTED && verdict == wanted) {
        is_same = str_starts(strbuf_str(&vector->wanted), strbuf_str(&got));
    }
    WANT(is_same);
    WANT_INT(verdict, wanted);
    if (verdict != wanted || !is_same) {
        printf("# %s: %.*s (%.*s)\n", vector->file, STR_FMT(vector->title), STR_FMT(vector->type));
    }
}

/* The bytes of a code block: line ends become CR LF, a backslash at the end of a line takes the line
 * end away, and \r \n \t \f \xNN stand for themselves. */
static void decode_block(struct vector *vector, struct str block)
{
    static const char letters[] = "rntf", values[] = "\r\n\t\f";
    vector->bytes = malloc(block.len * 2 + 1);
    CHECK(vector->bytes != NULL);
    char *at = vector->bytes;
    block.len -= block.len > 0; /* the line end before the closing fence */
    for (size_t i = 0; i < block.len; i++) {
        char c = block.at[i], next = i + 1 < block.len ? block.at[i + 1] : '\0';
        const char *letter = next == '\0' ? NULL : strchr(letters, next);
        if (c == '\n') {
            *at++ = '\r';
            *at++ = '\n';
        } else if (c == '\\' && next == '\n') {
            i++;
        } else if (c == '\\' && letter != NULL) {
            *at++ = values[letter - letters];
            i++;
        } else if (c == '\\' && next == 'x' && i + 3 < block.len) {
            int value = char_hex(block.at[i + 2]) << 4 | char_hex(block.at[i + 3]);
            if (value >= 0x80) { /* their tests write characters, as UTF-8 */
                *at++ = (char)(0xc0 | value >> 6);
                value = 0x80 | (value & 0x3f);
            }
            *at++ = (char)value;
            i += 3;
        } else {
            *at++ = c;
        }
    }
    vector->len = (size_t)(at - vector->bytes);
}

/* What one log line says: "off=23 len=7 span[header_field]=...", "off=9 error code=10 ...". */
struct note {
    uint64_t off, len;
    struct str kind;
};

static bool read_note(struct str line, struct note *note)
{
    if (!str_starts(line, STR("off=")) || str_starts(line, STR("off=NULL"))) {
        return false;
    }
    struct str_pair cut = str_cut(str_skip(line, 4), ' ');
    CHECK(str_to_u64(cut.head, &note->off));
    note->kind = cut.tail;
    note->len = 0;
    if (str_starts(cut.tail, STR("len="))) {
        cut = str_cut(str_skip(cut.tail, 4), ' ');
        CHECK(str_to_u64(cut.head, &note->len));
        note->kind = str_cut(cut.tail, '=').head;
    }
    return true;
}

/* Turns the log into the same text that run() writes. Trailers come as fields behind the head. */
static void read_log(struct vector *vector, struct str log)
{
    static const struct {
        const char *kind, *shown;
    } kinds[] = {{"span[method]", "method"},
                 {"span[url]", "url"},
                 {"span[status]", "status"},
                 {"span[header_field]", "name"},
                 {"span[header_value]", "value"}};
    static char part_room[1 << 20], body_room[1 << 20];
    struct strbuf part = strbuf_over(part_room, sizeof part_room);
    struct strbuf body = strbuf_over(body_room, sizeof body_room);
    bool is_in_body = false, has_status = false;
    vector->wanted = strbuf_over(wanted_room, sizeof wanted_room);
    while (log.len > 0) {
        struct str_pair lines = str_cut(log, '\n');
        struct note note;
        log = lines.tail;
        if (!read_note(lines.head, &note)) {
            continue;
        }
        struct str span = note.len == 0 ? STR("") : str_of(vector->bytes + note.off, note.len);
        if (str_starts(note.kind, STR("error code=22")) ||
            str_starts(note.kind, STR("error code=23"))) {
            vector->len = note.off; /* hands the connection over: nothing behind is a message */
        } else if (str_starts(note.kind, STR("error code="))) {
            vector->has_error = true;
        }
        if (str_eq(note.kind, STR("span[body]"))) {
            strbuf_add(&body, span);
        }
        bool is_end = str_starts(note.kind, STR("message complete")) || log.len == 0;
        if (str_starts(note.kind, STR("headers complete"))) {
            if (vector->is_response && !has_status) {
                show_part(&vector->wanted, "status", STR(""));
            }
            is_in_body = true;
        }
        for (size_t i = 0; !is_in_body && i < COUNT_OF(kinds); i++) {
            struct str kind = str_from_c(kinds[i].kind);
            if (str_eq(note.kind, kind)) {
                strbuf_add(&part, span);
            }
        }
        static const struct {
            const char *kind, *shown;
        } ends[] = {{"method complete", "method"},
                    {"url complete", "url"},
                    {"status complete", "status"},
                    {"header_field complete", "name"},
                    {"header_value complete", "value"}};
        for (size_t i = 0; !is_in_body && i < COUNT_OF(ends); i++) {
            if (str_eq(note.kind, str_from_c(ends[i].kind))) {
                has_status |= i == 2;
                show_part(&vector->wanted, ends[i].shown, strbuf_str(&part));
                part.len = 0;
            }
        }
        if (is_end) {
            show_body(&vector->wanted, strbuf_str(&body));
            is_in_body = has_status = false;
            body.len = part.len = 0;
        }
    }
}

static bool line_starts(struct str line, const char *text, struct str *rest)
{
    struct str prefix = str_from_c(text);
    if (!str_starts(line, prefix)) {
        return false;
    }
    *rest = str_skip(line, prefix.len);
    return true;
}

static struct str meta_type(struct str line)
{
    struct str after = str_skip(line, str_find_str(line, STR("\"type\"")) + 6);
    after = str_cut(after, '"').tail;
    return str_cut(after, '"').head;
}

/* Runs every vector of one Markdown file. */
static void run_file(const char *name)
{
    char path[VECTORS_PATH_MAX], relative[256];
    CHECK(snprintf(relative, sizeof relative, "llhttp/%s", name) > 0);
    WANT(vectors_path(path, relative));
    struct str text = vectors_read(path), rest = text;
    struct vector vector = {.file = name};
    while (rest.len > 0) {
        struct str_pair lines = str_cut(rest, '\n');
        struct str after;
        rest = lines.tail;
        if (line_starts(lines.head, "## ", &vector.title) ||
            line_starts(lines.head, "### ", &vector.title)) {
            continue;
        }
        if (line_starts(lines.head, "<!-- meta=", &after)) {
            bool has_type = str_find_str(after, STR("\"type\"")) < after.len;
            vector.type = has_type ? meta_type(after) : vector.type;
            vector.is_head = str_find_str(after, STR("skipBody")) < after.len;
        }
        bool is_bytes = line_starts(lines.head, "```http", &after);
        if (!is_bytes && !line_starts(lines.head, "```log", &after)) {
            continue;
        }
        size_t fence_at = str_find_str(rest, STR("\n```"));
        struct str block = str_sub(rest, 0, fence_at + 1);
        rest = str_skip(rest, fence_at + 4);
        if (is_bytes) {
            free(vector.bytes);
            vector.is_response = str_starts(vector.type, STR("response"));
            vector.is_lenient = str_find_str(vector.type, STR("lenient")) < vector.type.len;
            vector.has_error = false;
            decode_block(&vector, block);
        } else {
            read_log(&vector, block);
            check(&vector);
        }
    }
    free(vector.bytes);
    vectors_free(text);
}

static bool has_vectors(void)
{
    char path[VECTORS_PATH_MAX];
    return vectors_path(path, "llhttp/request");
}

TEST(requests_of_llhttp_are_taken_strictly)
{
    static const char *const files[] = {
        "connection",      "content-length",    "finish", "invalid", "lenient-header-value-relaxed",
        "lenient-headers", "lenient-version",   "method", "pausing", "pipelining",
        "sample",          "transfer-encoding", "uri"};
    if (!has_vectors()) {
        SKIP("no llhttp vectors");
    }
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char name[64];
        CHECK(snprintf(name, sizeof name, "request/%s.md", files[i]) > 0);
        run_file(name);
    }
    WANT(vector_count > 150);
}

TEST(responses_of_llhttp_are_taken_strictly)
{
    static const char *const files[] = {"connection", "content-length",  "finish",
                                        "invalid",    "lenient-version", "pausing",
                                        "pipelining", "sample",          "transfer-encoding"};
    if (!has_vectors()) {
        SKIP("no llhttp vectors");
    }
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        char name[64];
        CHECK(snprintf(name, sizeof name, "response/%s.md", files[i]) > 0);
        run_file(name);
    }
    WANT(vector_count > 230);
    WANT_INT(exception_count, COUNT_OF(exceptions));
}
