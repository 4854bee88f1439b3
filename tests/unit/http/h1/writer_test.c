#include "http/h1/writer.h"

#include "../heads.h"
#include "test.h"

#define G "GET / HTTP/1.1\r\n"

static char room[8192];

static struct str write_again(const struct head *head, const struct h1_wire *wire)
{
    struct strbuf out = strbuf_over(room, sizeof room);
    h1_write_request(&out, head, STR("GET"), STR("/p"), STR(""), false, STR("a"), wire);
    WANT(!strbuf_overflowed(&out));
    return strbuf_str(&out);
}

#define START "GET /p HTTP/1.1\r\nHost: a\r\n"

TEST(untouched_fields_are_copied_and_framing_is_stated_anew)
{
    struct heads h = {0};
    WANT_INT(heads_parse(&h, H1_REQUEST,
                         STR(G "Host: x\r\nA: 1\r\nB: 2\r\nContent-Length: 9\r\nC:3\r\nD: 4 \r\n"
                               "E: \r\nF:\r\nConnection: close\r\nTransfer-Encoding: x\r\n"
                               "Upgrade: h2c\r\nG: 7\r\n\r\n")),
             OK);
    struct h1_wire wire = {.body = BODY_LENGTH, .content_length = 12};
    WANT_STR(write_again(&h.head, &wire),
             STR(START "A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: \r\nF: \r\nG: 7\r\n"
                       "Content-Length: 12\r\n\r\n"));
    heads_drop(&h);
}

TEST(changed_and_dropped_fields_break_the_run)
{
    struct heads h = {0};
    WANT_INT(heads_parse(&h, H1_REQUEST, STR(G "A: 1\r\nB: 2\r\nC: 3\r\nD: 44\r\nE: 5\r\n\r\n")),
             OK);
    fields_remove(&h.head.fields, STR("B"));
    h.head.fields.at[2].value = STR("new");
    h.head.fields.at[3].value.len = 1;
    WANT_INT(fields_add(&h.head.fields, &h.arena, STR("F"), STR("6")), OK);
    struct h1_wire wire = {.body = BODY_CHUNKED};
    WANT_STR(
        write_again(&h.head, &wire),
        STR(START "A: 1\r\nC: new\r\nD: 4\r\nE: 5\r\nF: 6\r\nTransfer-Encoding: chunked\r\n\r\n"));
    heads_drop(&h);
}

TEST(the_connection_is_stated_by_the_wire)
{
    struct head head = {0};
    struct h1_wire wire = {.is_closing = true};
    WANT_STR(write_again(&head, &wire), STR(START "Connection: close\r\n\r\n"));
    wire = (struct h1_wire){.says_keep_alive = true};
    WANT_STR(write_again(&head, &wire), STR(START "Connection: keep-alive\r\n\r\n"));
    wire = (struct h1_wire){.upgrade = STR("websocket"), .says_keep_alive = true};
    WANT_STR(write_again(&head, &wire),
             STR(START "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n"));
    wire = (struct h1_wire){.has_content_length = true};
    WANT_STR(write_again(&head, &wire), STR(START "Content-Length: 0\r\n\r\n"));
}

TEST(a_query_is_written_even_when_it_is_empty)
{
    struct head head = {0};
    struct h1_wire wire = {0};
    struct strbuf out = strbuf_over(room, sizeof room);
    h1_write_request(&out, &head, STR("POST"), STR("/"), STR(""), true, STR("b:1"), &wire);
    WANT_STR(strbuf_str(&out), STR("POST /? HTTP/1.1\r\nHost: b:1\r\n\r\n"));
}

static struct str answer(struct head *head, const struct h1_wire *wire)
{
    struct strbuf out = strbuf_over(room, sizeof room);
    h1_write_response(&out, head, wire);
    return strbuf_str(&out);
}

TEST(an_answer_has_its_own_reason_or_the_standard_one)
{
    struct head head = {.status = 404};
    struct h1_wire wire = {.body = BODY_LENGTH, .content_length = 3};
    WANT_STR(answer(&head, &wire), STR("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\n"));
    head.reason = STR("Gone fishing");
    WANT_STR(answer(&head, &wire), STR("HTTP/1.1 404 Gone fishing\r\nContent-Length: 3\r\n\r\n"));
    head = (struct head){.status = 599};
    wire = (struct h1_wire){.body = BODY_UNTIL_CLOSE, .is_closing = true};
    WANT_STR(answer(&head, &wire), STR("HTTP/1.1 599 \r\nConnection: close\r\n\r\n"));
}

TEST(no_length_is_ever_written_for_1xx_and_204)
{
    struct h1_wire wire = {.has_content_length = true};
    struct head head = {.status = 204};
    WANT_STR(answer(&head, &wire), STR("HTTP/1.1 204 No Content\r\n\r\n"));
    head.status = 103;
    WANT_STR(answer(&head, &wire), STR("HTTP/1.1 103 Early Hints\r\n\r\n"));
    head.status = 304;
    WANT_STR(answer(&head, &wire), STR("HTTP/1.1 304 Not Modified\r\nContent-Length: 0\r\n\r\n"));
}

TEST(chunks_have_a_size_line_and_an_end)
{
    struct arena arena;
    struct fields trailers = {0};
    struct strbuf out = strbuf_over(room, sizeof room);
    h1_write_chunk_head(&out, 0x1f);
    h1_write_chunk_end(&out, NULL);
    WANT_STR(strbuf_str(&out), STR("1f\r\n0\r\n\r\n"));
    arena_init_heap(&arena, 4096);
    WANT_INT(fields_add(&trailers, &arena, STR("A"), STR("b")), OK);
    WANT_INT(fields_add(&trailers, &arena, STR("Content-Length"), STR("1")), OK);
    WANT_INT(fields_add(&trailers, &arena, STR("C"), STR("d")), OK);
    fields_remove(&trailers, STR("C"));
    out = strbuf_over(room, sizeof room);
    h1_write_chunk_end(&out, &trailers);
    WANT_STR(strbuf_str(&out), STR("0\r\nA: b\r\n\r\n"));
    arena_reset(&arena);
}

TEST(a_head_that_does_not_fit_is_told)
{
    struct heads h = {0};
    WANT_INT(heads_parse(&h, H1_REQUEST, STR(G "A: 1\r\nB: 2\r\n\r\n")), OK);
    struct h1_wire wire = {0};
    size_t whole = write_again(&h.head, &wire).len;
    for (size_t cap = 0; cap < whole; cap++) {
        char *small = malloc(cap + 1);
        struct strbuf out = strbuf_over(small, cap);
        h1_write_request(&out, &h.head, STR("GET"), STR("/p"), STR(""), false, STR("a"), &wire);
        WANT(strbuf_overflowed(&out));
        free(small);
    }
    heads_drop(&h);
}

TEST(what_was_written_reads_back_the_same)
{
    struct heads first = {0}, second = {0};
    WANT_INT(heads_parse(&first, H1_REQUEST, STR(G "A:1\r\nB: 2 \r\nC: 3\r\nD: \r\n\r\n")), OK);
    struct h1_wire wire = {0};
    WANT_INT(heads_parse(&second, H1_REQUEST, write_again(&first.head, &wire)), OK);
    WANT_INT(second.head.fields.count, 5);
    for (uint32_t i = 0; i < 4; i++) {
        WANT_STR(second.head.fields.at[i + 1].name, first.head.fields.at[i].name);
        WANT_STR(second.head.fields.at[i + 1].value, first.head.fields.at[i].value);
    }
    heads_drop(&first);
    heads_drop(&second);
}

TEST(no_part_of_a_request_line_can_end_it)
{
    static const char *const bad[] = {"a b", "a\r\nB: c",   "a\n", "a\t",
                                      "a#b", "caf\xc3\xa9", "\x7f"};
    struct head head = {0};
    struct h1_wire wire = {0};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct str parts[4] = {STR("GET"), STR("/"), STR("q"), STR("a")};
        for (size_t j = 0; j < 4; j++) {
            struct strbuf out = strbuf_over(room, sizeof room);
            struct str good = parts[j];
            parts[j] = str_from_c(bad[i]);
            h1_write_request(&out, &head, parts[0], parts[1], parts[2], true, parts[3], &wire);
            /* '#' is a token character, and so may stand in a method. */
            WANT(strbuf_overflowed(&out) || (j == 0 && strcmp(bad[i], "a#b") == 0));
            WANT(!strbuf_overflowed(&out) || out.len == 0);
            parts[j] = good;
        }
    }
}
