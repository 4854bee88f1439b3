/* body.c - where a body ends; see body.h. */
#include "exchange/body.h"

#include "base/check.h"

void body_init(struct body *body, const struct head *head, struct arena *arena,
               struct fields *trailers, uint64_t bytes_max)
{
    *body = (struct body){.kind = head->body, .bytes_max = bytes_max};
    switch ((enum body_kind)head->body) {
    case BODY_NONE: body->is_done = true; break;
    case BODY_LENGTH:
        body->left = head->content_length;
        body->is_done = body->left == 0;
        break;
    case BODY_CHUNKED: chunked_init(&body->chunked, arena, trailers); break;
    case BODY_UNTIL_CLOSE: break;
    }
}

static struct str take_front(struct str *bytes, uint64_t count)
{
    struct str taken = str_sub(*bytes, 0, count < bytes->len ? (size_t)count : bytes->len);
    *bytes = str_skip(*bytes, taken.len);
    return taken;
}

enum err body_take(struct body *body, struct str *bytes, struct str *data)
{
    *data = str_of(bytes->at, 0);
    if (body->is_done) {
        return OK;
    }
    switch ((enum body_kind)body->kind) {
    case BODY_NONE: break;
    case BODY_LENGTH:
        *data = take_front(bytes, body->left);
        body->left -= data->len;
        body->is_done = body->left == 0;
        break;
    case BODY_CHUNKED:
        TRY(chunked_feed(&body->chunked, bytes, data));
        body->is_done = body->chunked.is_done;
        break;
    case BODY_UNTIL_CLOSE: *data = take_front(bytes, UINT64_MAX); break;
    }
    body->bytes += data->len;
    return body->bytes_max != 0 && body->bytes > body->bytes_max ? ERR_BODY_BYTES : OK;
}

enum err body_end(struct body *body)
{
    if (body->kind == BODY_UNTIL_CLOSE) {
        body->is_done = true;
    }
    return body->is_done ? OK : ERR_CLOSED;
}
