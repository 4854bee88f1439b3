/* body_test.c - where bodies of every kind end, whatever pieces they come in. */
#include "exchange/body.h"

#include "test.h"

static struct arena arena;

static void start(struct body *body, enum body_kind kind, uint64_t length, uint64_t bytes_max)
{
    struct head head = {.body = (uint8_t)kind, .content_length = length};
    arena_init_heap(&arena, 1 << 20);
    body_init(body, &head, &arena, NULL, bytes_max);
}

/* Takes all of `text`; what the body does not want stays in *text. */
static enum err take_all(struct body *body, struct str *text, size_t *payload)
{
    enum err e = OK;
    while (e == OK && text->len > 0 && !body->is_done) {
        struct str data;
        e = body_take(body, text, &data);
        *payload += data.len;
    }
    return e;
}

TEST(a_length_ends_exactly_and_leaves_what_follows)
{
    for (size_t cut = 0; cut <= 9; cut++) {
        struct body body;
        struct str all = STR("helloGET "), first = str_sub(all, 0, cut), rest = str_skip(all, cut);
        size_t payload = 0;
        start(&body, BODY_LENGTH, 5, 0);
        WANT_INT(take_all(&body, &first, &payload), OK);
        WANT_INT(take_all(&body, &rest, &payload), OK);
        WANT(body.is_done);
        WANT_INT(payload, 5);
        WANT_INT(first.len + rest.len, 4);
        WANT_INT(body_end(&body), OK);
        arena_reset(&arena);
    }
}

TEST(an_end_too_early_is_told)
{
    static const enum body_kind kinds[] = {BODY_LENGTH, BODY_CHUNKED};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct body body;
        struct str text = kinds[i] == BODY_LENGTH ? STR("1234") : STR("4\r\n1234\r\n");
        size_t payload = 0;
        start(&body, kinds[i], 5, 0);
        WANT_INT(take_all(&body, &text, &payload), OK);
        WANT(!body.is_done);
        WANT_INT(body_end(&body), ERR_CLOSED);
        arena_reset(&arena);
    }
}

TEST(a_body_without_length_ends_with_its_connection)
{
    struct body body;
    struct str text = STR("anything");
    size_t payload = 0;
    start(&body, BODY_UNTIL_CLOSE, 0, 0);
    WANT_INT(take_all(&body, &text, &payload), OK);
    WANT(!body.is_done);
    WANT_INT(body_end(&body), OK);
    WANT(body.is_done);
    arena_reset(&arena);
}

TEST(none_and_empty_are_done_at_once)
{
    struct body body;
    struct str text = STR("GET"), data;
    start(&body, BODY_NONE, 0, 0);
    WANT(body.is_done);
    WANT_INT(body_take(&body, &text, &data), OK);
    WANT_INT(data.len, 0);
    WANT_INT(text.len, 3);
    arena_reset(&arena);
    start(&body, BODY_LENGTH, 0, 0);
    WANT(body.is_done);
    arena_reset(&arena);
}

TEST(the_limit_holds_for_lengths_and_chunks)
{
    struct body body;
    struct str text = STR("123456"), chunks = STR("3\r\n123\r\n3\r\n456\r\n0\r\n\r\n");
    size_t payload = 0;
    start(&body, BODY_LENGTH, 6, 5);
    WANT_INT(take_all(&body, &text, &payload), ERR_BODY_BYTES);
    arena_reset(&arena);
    start(&body, BODY_CHUNKED, 0, 5);
    WANT_INT(take_all(&body, &chunks, &payload), ERR_BODY_BYTES);
    arena_reset(&arena);
    chunks = STR("3\r\n123\r\n0\r\n\r\nnext");
    start(&body, BODY_CHUNKED, 0, 3);
    WANT_INT(take_all(&body, &chunks, &payload), OK);
    WANT(body.is_done);
    WANT_STR(chunks, STR("next"));
    arena_reset(&arena);
}

TEST(a_bad_chunk_is_refused)
{
    struct body body;
    struct str text = STR("x\r\n");
    size_t payload = 0;
    start(&body, BODY_CHUNKED, 0, 0);
    WANT_INT(take_all(&body, &text, &payload), ERR_BAD_CHUNK);
    arena_reset(&arena);
}
