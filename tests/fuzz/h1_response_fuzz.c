/* h1_response_fuzz.c - any bytes as a response: all paths and all ways of cutting them agree, and
 * what the judge accepts has one length.
 * The first byte of the input says in which steps the rest arrives and what was asked. */
#include "../unit/http/heads.h"
#include "http/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char wanted_room[1 << 20], got_room[1 << 20];

static void check_judged(struct heads *h, size_t step)
{
    enum method method = (step & 1) != 0 ? METHOD_HEAD : METHOD_GET;
    const struct head *head = &h->head;
    if (judge_response(&h->head, method, (step & 2) != 0) != OK) {
        return;
    }
    bool is_bodyless = head->status < 200 || head->status == 204 || head->status == 304;
    CHECK(head->body == BODY_NONE || (!is_bodyless && method != METHOD_HEAD));
    CHECK(head->body != BODY_UNTIL_CLOSE || !head->is_persistent);
    CHECK(head->body != BODY_LENGTH || head->content_length > 0);
    CHECK(head->status != 101 || (head->wants_upgrade && (step & 2) != 0));
    CHECK(fields_find(&head->fields, FIELD_CONNECTION) == NULL);
    CHECK(fields_find(&head->fields, FIELD_TRANSFER_ENCODING) == NULL);
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
        heads_feed(&h, H1_RESPONSE, text, path == 0 ? text.len : step, step + 1);
        CHECK(h.error == OK || h.error == ERR_AGAIN || h.error == ERR_ORIGIN_BAD_HEAD ||
              h.error == ERR_ORIGIN_HEAD_BYTES);
        heads_show(&h, path == 0 ? &wanted : &got);
        CHECK(path == 0 || str_eq(strbuf_str(&got), strbuf_str(&wanted)));
        if (h.error == OK) {
            check_judged(&h, step);
        }
        heads_drop(&h);
    }
    return 0;
}
