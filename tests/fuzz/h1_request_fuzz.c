/* h1_request_fuzz.c - any bytes as a request: no path reads outside them, all paths and all ways of
 * cutting them agree, and what the judge accepts has one meaning.
 * The first byte of the input says in which steps the rest arrives. */
#include "../unit/http/heads.h"
#include "http/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char wanted_room[1 << 20], got_room[1 << 20];

static void check_judged(struct heads *h, size_t step)
{
    const struct judge_rules rules = {.uri = {.encoded_slash = step & 1,
                                              .keeps_double_slashes = (step & 2) != 0,
                                              .keeps_backslash = (step & 4) != 0},
                                      .keeps_underscores = (step & 8) != 0,
                                      .allows_upgrade = (step & 16) != 0,
                                      .default_port = (step & 32) != 0 ? 443 : 80};
    if (judge_request(&h->head, &h->arena, &rules) != OK) {
        return;
    }
    const struct head *head = &h->head;
    CHECK(head->path.len > 0);
    CHECK(head->path.at[0] == '/' || str_eq(head->path, STR("*")));
    CHECK(head->host.len > 0 || head->minor == 0);
    CHECK(head->method != METHOD_CONNECT);
    CHECK(head->body != BODY_UNTIL_CLOSE);
    CHECK((head->body == BODY_LENGTH) == (head->content_length > 0));
    CHECK(head->body != BODY_CHUNKED || !head->has_content_length);
    CHECK(fields_find(&head->fields, FIELD_CONNECTION) == NULL);
    CHECK(fields_find(&head->fields, FIELD_TRANSFER_ENCODING) == NULL);
    CHECK(fields_find(&head->fields, FIELD_UPGRADE) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct strbuf wanted = strbuf_over(wanted_room, sizeof wanted_room);
    struct strbuf got = strbuf_over(got_room, sizeof got_room);
    if (size == 0 || size > LIMIT_VALUE(head_bytes) + 1024) {
        return 0;
    }
    size_t step = data[0];
    struct str text = str_of((const char *)data + 1, size - 1);
    for (int path = 0; path < SCAN_PATH_COUNT; path++) {
        struct heads h = {.parser.scan = scan_on((enum scan_path)path)};
        if (h.parser.scan == NULL) {
            continue;
        }
        heads_feed(&h, H1_REQUEST, text, path == 0 ? text.len : step, step + 1);
        heads_show(&h, path == 0 ? &wanted : &got);
        CHECK(path == 0 || str_eq(strbuf_str(&got), strbuf_str(&wanted)));
        if (h.error == OK) {
            check_judged(&h, step);
        }
        heads_drop(&h);
    }
    return 0;
}
