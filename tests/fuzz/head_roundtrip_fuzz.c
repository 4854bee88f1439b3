/* head_roundtrip_fuzz.c - a request that was parsed and judged is written, parsed and judged again:
 * the next reader of what the gateway sends sees the same message that the gateway saw, with exactly
 * one head in it.
 * The first byte of the input is the set of rules. */
#include "../unit/http/heads.h"
#include "http/h1/writer.h"
#include "http/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char wire_room[1 << 19];

/* The next field from *at on that is written as it is, or NULL. */
static const struct field *next_field(const struct fields *fields, uint32_t *at)
{
    while (*at < fields->count) {
        const struct field *field = &fields->at[(*at)++];
        bool is_framing = field->id == FIELD_HOST || field->id == FIELD_CONTENT_LENGTH;
        if ((field->flags & FIELD_IS_DROPPED) == 0 && !is_framing) {
            return field;
        }
    }
    return NULL;
}

static void check_same(const struct head *left, const struct head *right)
{
    uint32_t left_at = 0, right_at = 0;
    const struct field *field;
    CHECK(str_eq(left->method_text, right->method_text));
    CHECK(str_eq(left->path, right->path));
    CHECK(left->has_query == right->has_query);
    CHECK(str_eq(left->query, right->query));
    CHECK(str_eq(left->host, right->host));
    CHECK(str_eq(left->authority, right->authority));
    CHECK(left->body == right->body);
    CHECK(left->content_length == right->content_length);
    CHECK(left->has_content_length == right->has_content_length);
    while ((field = next_field(&left->fields, &left_at)) != NULL) {
        const struct field *other = next_field(&right->fields, &right_at);
        CHECK(other != NULL);
        CHECK(str_eq(field->name, other->name));
        CHECK(str_eq(field->value, other->value));
    }
    CHECK(next_field(&right->fields, &right_at) == NULL);
}

static void check_written(struct heads *first, const struct judge_rules *rules)
{
    struct strbuf wire = strbuf_over(wire_room, sizeof wire_room);
    const struct head *head = &first->head;
    const struct h1_wire form = {.body = head->body,
                                 .content_length = head->content_length,
                                 .has_content_length = head->has_content_length};
    h1_write_request(&wire, head, head->method_text, head->path, head->query, head->has_query,
                     head->authority, &form);
    CHECK(!strbuf_overflowed(&wire));
    /* Escapes make a path longer, and the writer adds fields: the limits are the reader's own. */
    static const struct h1_limits wide = {
        .head_bytes_max = 1 << 20, .field_count_max = 1024, .target_bytes_max = 1 << 20};
    struct heads second = {.limits = &wide};
    CHECK(heads_parse(&second, H1_REQUEST, strbuf_str(&wire)) == OK);
    CHECK(second.taken == wire.len);
    CHECK(judge_request(&second.head, &second.arena, rules) == OK);
    check_same(head, &second.head);
    heads_drop(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > LIMIT_VALUE(head_bytes)) {
        return 0;
    }
    const struct judge_rules rules = {.uri = {.encoded_slash = data[0] & 1,
                                              .keeps_double_slashes = (data[0] & 2) != 0,
                                              .keeps_backslash = (data[0] & 4) != 0},
                                      .keeps_underscores = (data[0] & 8) != 0,
                                      .default_port = (data[0] & 16) != 0 ? 443 : 80};
    struct heads h = {0};
    enum err e = heads_parse(&h, H1_REQUEST, str_of((const char *)data + 1, size - 1));
    /* Without a host (HTTP/1.0) the gateway writes the one of the service. */
    if (e == OK && judge_request(&h.head, &h.arena, &rules) == OK && h.head.host.len > 0) {
        check_written(&h, &rules);
    }
    heads_drop(&h);
    return 0;
}
