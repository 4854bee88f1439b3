/* proxy_protocol_fuzz.c - any bytes as a header: a cut one asks for more, never read as whole; what
 * was read can be written, and reads back to the same addresses. */
#include "base/check.h"
#include "net/proxy_protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_written(const struct proxy_header *header, enum proxy_version version)
{
    char room[PROXY_OUT_BYTES_MAX];
    struct strbuf out = strbuf_over(room, sizeof room);
    struct proxy_header again;
    size_t bytes;
    proxy_protocol_write(&out, version, header);
    CHECK(!strbuf_overflowed(&out));
    CHECK(proxy_protocol_parse(strbuf_str(&out), &again, &bytes) == OK);
    CHECK(bytes == out.len);
    if (!header->is_local && header->from.family == header->to.family) {
        CHECK(addr_eq(&again.from, &header->from));
        CHECK(addr_eq(&again.to, &header->to));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header header, cut;
    size_t bytes, ignored;
    struct str in = str_of((const char *)data, size);
    enum err e = proxy_protocol_parse(in, &header, &bytes);
    CHECK(e == OK || e == ERR_AGAIN || e == ERR_SYNTAX);
    if (e == OK) {
        CHECK(bytes > 0);
        CHECK(bytes <= size);
        check_written(&header, PROXY_V1);
        check_written(&header, PROXY_V2);
        for (size_t i = 0; i < bytes; i++) {
            CHECK(proxy_protocol_parse(str_sub(in, 0, i), &cut, &ignored) == ERR_AGAIN);
        }
    }
    return 0;
}
